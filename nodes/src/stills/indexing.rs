//! Makes an index of the stills of films.

use std::fs::File;
use std::io::{BufReader, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::UNIX_EPOCH;

use score_engine::{NodeError, Settings};
use sha2::{Digest, Sha256};

use super::jpegs::{decode, next};
use super::reading::{Entry, StillIndex};
use super::{FORMAT, FilmEntry, Header, MOST, WHAT};
use crate::model::{Manifest, Task};
use crate::output::{Claim, OutputFile, folder_of};
use crate::seeing::Seer;
use crate::sha256::hexadecimal;
use crate::video::ffmpeg::{Running, input_url, last_line, probe, quiet, start};

/// What an index is to have.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// The picture model that sees the stills.
    pub model: String,
    /// Seconds between two stills.
    pub every: f64,
    /// The width of the pictures, in pixels.
    pub width: u32,
}

/// What became of a film.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Indexed {
    /// Its stills were taken.
    New,
    /// It has not changed since it was indexed before.
    Known,
}

/// What is told of each film while an index is made.
#[derive(Debug)]
pub struct Told<'a> {
    /// The film.
    pub film: &'a Path,
    /// How many stills it has; or why it is left out.
    pub done: &'a Result<(Indexed, usize), NodeError>,
}

/// The stills that were taken so far.
struct Growing {
    codes: Vec<u8>,
    places: Vec<u8>,
    stills: usize,
    films: Vec<FilmEntry>,
    /// The pictures, in a file without a name.
    pictures: File,
    written: u64,
}

/// Makes an index of `films`, as the file whose name is claimed; films that `before`, an earlier
/// index of the same kind, knows and that have not changed are taken from there. `tell` is told of
/// each film: one that cannot be read is left out. Returns how many stills there are.
///
/// # Errors
/// The model cannot be loaded, no film can be read, or the file cannot be written.
pub fn index(
    settings: &Settings,
    claim: Claim,
    films: &[PathBuf],
    (wanted, before): (&Wanted, Option<StillIndex>),
    mut tell: impl FnMut(&Told<'_>),
) -> Result<usize, NodeError> {
    let manifest = Manifest::of(settings)?;
    let model = manifest.model(&wanted.model, Task::Picture)?;
    let encoder = model.files.get("encoder").map(|file| file.sha256.clone());
    let mut header = Header {
        format: FORMAT,
        what: WHAT.to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        model: wanted.model.clone(),
        encoder_sha256: encoder.unwrap_or_default(),
        dimension: model.latent,
        stills: 0,
        every: wanted.every,
        width: wanted.width,
        films: Vec::new(),
        pictures: 0,
        sha256: String::new(),
    };
    let mut seer = Seer::open(&manifest, &wanted.model)?;
    let folder = std::path::absolute(folder_of(claim.path()))
        .unwrap_or_else(|_| folder_of(claim.path()).to_owned());
    let mut before = before.filter(|before| is_alike(before.header(), &header));
    let mut growing = Growing {
        codes: Vec::new(),
        places: Vec::new(),
        stills: 0,
        films: Vec::new(),
        pictures: tempfile::tempfile_in(&folder).map_err(|error| unwritable(&claim, error))?,
        written: 0,
    };
    let mut why = None;
    for film in films {
        let done = growing.add((film, &folder), wanted, &mut seer, before.as_mut());
        tell(&Told { film, done: &done });
        why = done.err().or(why);
    }
    if growing.stills == 0 {
        return Err(why.unwrap_or_else(|| NodeError::input("there are no films to index")));
    }
    header.stills = growing.stills;
    header.films = std::mem::take(&mut growing.films);
    header.pictures = growing.written;
    let mut digest = Sha256::new();
    digest.update(&growing.codes);
    digest.update(&growing.places);
    header.sha256 = hexadecimal(&digest.finalize());
    growing.write(&header, claim)?;
    Ok(header.stills)
}

/// Whether what an earlier index has of a film can be taken as it is.
fn is_alike(before: &Header, wanted: &Header) -> bool {
    let of = |header: &Header| {
        let Header {
            format,
            model,
            encoder_sha256,
            dimension,
            every,
            width,
            ..
        } = header.clone();
        (format, model, encoder_sha256, dimension, every, width)
    };
    of(before) == of(wanted)
}

fn unwritable(claim: &Claim, error: std::io::Error) -> NodeError {
    crate::output::unwritable(claim.path(), error)
}

impl Growing {
    /// Adds a film's stills. One that fails leaves nothing.
    fn add(
        &mut self,
        (film, folder): (&Path, &Path),
        wanted: &Wanted,
        seer: &mut Seer,
        before: Option<&mut StillIndex>,
    ) -> Result<(Indexed, usize), NodeError> {
        let begun = (
            self.codes.len(),
            self.places.len(),
            self.stills,
            self.written,
        );
        let mut entry = film_entry(film, folder)?;
        let number = u32::try_from(self.films.len())
            .map_err(|_| NodeError::input("there are too many films"))?;
        let known = before.and_then(|before| {
            let mut films = before.header().films.iter();
            let place = films.position(|known| known.is_same(&entry))?;
            Some((before, place))
        });
        let (how, taken) = match known {
            Some((before, place)) => (Indexed::Known, self.copy(number, before, place)),
            None => (Indexed::New, self.take(number, film, wanted, seer)),
        };
        match taken {
            Ok(()) if self.stills > begun.2 => {
                entry.stills = self.stills - begun.2;
                let stills = entry.stills;
                self.films.push(entry);
                Ok((how, stills))
            }
            taken => {
                self.codes.truncate(begun.0);
                self.places.truncate(begun.1);
                self.stills = begun.2;
                self.written = begun.3;
                let seek = self.pictures.seek(SeekFrom::Start(self.written));
                taken.and(seek.map(drop).map_err(full))?;
                let why = format!("`{}` has no pictures", film.display());
                Err(NodeError::input(why))
            }
        }
    }

    /// Takes the stills of a film.
    fn take(
        &mut self,
        number: u32,
        film: &Path,
        wanted: &Wanted,
        seer: &mut Seer,
    ) -> Result<(), NodeError> {
        let found = probe(film, None)?;
        let mut command = quiet();
        command.args(found.timeline.arguments());
        command.arg("-i").arg(input_url(film));
        command.args(["-map", &format!("0:{}", found.stream), "-an", "-sn", "-dn"]);
        // The first picture of each stretch of time, from zero on, so that the number of a still
        // says when it is shown.
        let (every, width) = (wanted.every, wanted.width);
        let filter = format!(
            "select='eq(n,0)+gte(floor(t/{every}+1e-6),floor(prev_selected_t/{every}+1e-6)+1)',\
             fps=fps=1/{every}:start_time=0:round=down:eof_action=pass,\
             scale={width}:-2:flags=area,format=yuvj420p"
        );
        command.args(["-vf", &filter, "-c:v", "mjpeg", "-q:v", "4"]);
        command.args(["-fflags", "+bitexact", "-flags:v", "+bitexact"]);
        command.args(["-f", "image2pipe", "pipe:1"]);
        let mut child = Running(start("ffmpeg", Stdio::null(), &mut command)?);
        let (Some(stdout), Some(stderr)) = (child.0.stdout.take(), child.0.stderr.take()) else {
            return Err(NodeError::internal("ffmpeg was started without its pipes"));
        };
        let listener = std::thread::spawn(move || {
            let said = std::io::read_to_string(stderr).unwrap_or_default();
            said.lines().next().map(last_line)
        });
        let mut stream = BufReader::with_capacity(1 << 18, stdout);
        let begun = self.stills;
        let broken = loop {
            let jpeg = match next(&mut stream) {
                Ok(Some(jpeg)) => jpeg,
                Ok(None) => break None,
                Err(error) => break Some(error.to_string()),
            };
            let Some(frame) = decode(&jpeg) else {
                break Some("a still cannot be read".to_owned());
            };
            let seconds = (self.stills - begun) as f64 * wanted.every;
            self.push(number, seconds, &seer.see(&frame)?, &jpeg)?;
        };
        // An ffmpeg that still writes would wait for somebody to read.
        drop(stream);
        let ended = child.0.wait();
        let said = listener.join().ok().flatten();
        let failed = broken.or_else(|| {
            let is_well = ended.is_ok_and(|status| status.success());
            (!is_well).then(|| said.clone().unwrap_or_else(|| "no reason given".to_owned()))
        });
        match failed {
            None => Ok(()),
            // What can be read of a damaged film is worth having.
            Some(why) if self.stills > begun => {
                tracing::warn!(
                    "`{}` is damaged ({why}); the stills before that are taken",
                    film.display()
                );
                Ok(())
            }
            Some(why) => {
                let why = format!("`{}` cannot be decoded (ffmpeg: {why})", film.display());
                Err(NodeError::input(why).help("try to play it"))
            }
        }
    }

    /// Takes the stills of a film from an earlier index.
    fn copy(
        &mut self,
        number: u32,
        before: &mut StillIndex,
        place: usize,
    ) -> Result<(), NodeError> {
        let stills: Vec<(usize, Entry)> = before.of_film(place).collect();
        for (still, entry) in stills {
            let jpeg = before.jpeg(still)?;
            let code = before.code(still)?;
            self.push(number, f64::from(entry.milliseconds) / 1000.0, &code, &jpeg)?;
        }
        Ok(())
    }

    /// Adds a still.
    fn push(
        &mut self,
        film: u32,
        seconds: f64,
        code: &[f32],
        jpeg: &[u8],
    ) -> Result<(), NodeError> {
        if self.stills >= MOST {
            return Err(
                NodeError::input(format!("an index has {MOST} stills at most"))
                    .help("take them less often, with --every"),
            );
        }
        let entry = Entry {
            film,
            milliseconds: (seconds * 1000.0).round() as u32,
            offset: self.written,
            length: u32::try_from(jpeg.len())
                .map_err(|_| NodeError::internal("a still is too large"))?,
        };
        self.pictures.write_all(jpeg).map_err(full)?;
        self.written += jpeg.len() as u64;
        for component in code {
            self.codes.extend_from_slice(&component.to_le_bytes());
        }
        self.places.extend_from_slice(&entry.bytes());
        self.stills += 1;
        Ok(())
    }

    /// Writes the index.
    fn write(mut self, header: &Header, claim: Claim) -> Result<(), NodeError> {
        let line = serde_json::to_string(header)
            .map_err(|error| NodeError::internal(format!("no header can be written: {error}")))?;
        let mut file = OutputFile::begin(claim)?;
        file.write(line.as_bytes())?;
        file.write(b"\n")?;
        file.write(&self.codes)?;
        file.write(&self.places)?;
        self.pictures.set_len(self.written).map_err(full)?;
        self.pictures.seek(SeekFrom::Start(0)).map_err(full)?;
        std::io::copy(&mut self.pictures, file.finished()?).map_err(full)?;
        file.commit()
    }
}

fn full(error: std::io::Error) -> NodeError {
    NodeError::output(format!("the stills cannot be kept ({error})"))
        .help("make room in the folder of the index")
        .source(error)
}

impl FilmEntry {
    /// Whether it is the same film, unchanged.
    fn is_same(&self, other: &FilmEntry) -> bool {
        let of = |entry: &FilmEntry| (entry.path.clone(), entry.bytes, entry.modified);
        of(self) == of(other)
    }
}

/// What an index in `folder` says of a film.
fn film_entry(film: &Path, folder: &Path) -> Result<FilmEntry, NodeError> {
    let metadata = std::fs::metadata(film).map_err(|error| {
        NodeError::input(format!("`{}` cannot be read ({error})", film.display())).source(error)
    })?;
    let absolute = std::path::absolute(film).unwrap_or_else(|_| film.to_owned());
    let path = absolute.strip_prefix(folder).unwrap_or(&absolute);
    let modified = metadata.modified().ok();
    let modified = modified.and_then(|time| time.duration_since(UNIX_EPOCH).ok());
    Ok(FilmEntry {
        path: path.to_string_lossy().into_owned(),
        bytes: metadata.len(),
        modified: modified.map_or(0, |since| since.as_secs()),
        stills: 0,
    })
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::output::Owner;
    use crate::testing::{ffmpeg, settings};

    fn wanted() -> Wanted {
        Wanted {
            model: "eye".to_owned(),
            every: 1.0,
            width: 64,
        }
    }

    fn claim(path: &Path) -> Claim {
        Claim::new(path, Owner::program("test"), true).unwrap()
    }

    /// Two films of three and two seconds, each second of its own colour.
    fn films(folder: &Path) -> Vec<PathBuf> {
        let film = |colours: &[&str], name: &str| {
            let inputs = colours.iter().flat_map(|colour| {
                let source = format!("color={colour}:size=64x48:rate=10:duration=1");
                ["-f".to_owned(), "lavfi".to_owned(), "-i".to_owned(), source]
            });
            let mut arguments: Vec<String> = inputs.collect();
            let joins = format!("concat=n={}:v=1:a=0", colours.len());
            arguments.extend(["-filter_complex".to_owned(), joins, name.to_owned()]);
            let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
            ffmpeg(folder, &arguments);
            folder.join(name)
        };
        vec![
            film(&["black", "red", "white"], "a.mp4"),
            film(&["blue", "green"], "b.mp4"),
        ]
    }

    /// An index of those films, for other tests: black, red, white, blue and green.
    pub(crate) fn made(folder: &Path) -> PathBuf {
        let path = folder.join("films.stills");
        let films = films(folder);
        index(&settings(), claim(&path), &films, (&wanted(), None), |_| ()).unwrap();
        path
    }

    #[test]
    fn each_second_of_each_film_is_found_by_its_own_code() {
        let folder = tempfile::tempdir().unwrap();
        let films = films(folder.path());
        let path = folder.path().join("films.stills");
        let mut told = Vec::new();
        let tell = |one: &Told<'_>| told.push(one.done.as_ref().unwrap().to_owned());
        let (wanted, settings) = (wanted(), settings());
        let count = index(&settings, claim(&path), &films, (&wanted, None), tell).unwrap();
        assert_eq!(count, 5);
        assert_eq!(told, [(Indexed::New, 3), (Indexed::New, 2)]);
        let mut found = StillIndex::open(&path).unwrap();
        let manifest = Manifest::of(&settings).unwrap();
        let mut seer = Seer::open(&manifest, "eye").unwrap();
        for (number, (film, second, colour)) in [
            ("a.mp4", 0.0, [0, 0, 0]),
            ("a.mp4", 1.0, [255, 0, 0]),
            ("a.mp4", 2.0, [255, 255, 255]),
            ("b.mp4", 0.0, [0, 0, 255]),
            ("b.mp4", 1.0, [0, 128, 0]),
        ]
        .into_iter()
        .enumerate()
        {
            let place = found.place(number).unwrap();
            assert_eq!((place.film.as_str(), place.seconds), (film, second));
            let picture = found.picture(number).unwrap();
            assert_eq!((picture.width(), picture.height()), (64, 48));
            let pixel: [u8; 3] = picture.pixels()[..3].try_into().unwrap();
            let far = pixel
                .iter()
                .zip(colour)
                .map(|(a, b): (&u8, u8)| a.abs_diff(b));
            assert!(far.max() < Some(12), "{film} {second}: {pixel:?}");
            let (nearest, cosine) = found.codes().nearest(&seer.see(&picture).unwrap()).unwrap();
            assert_eq!(nearest, number);
            assert!(cosine > 0.999, "{cosine}");
        }
    }

    #[test]
    fn a_film_that_has_not_changed_is_taken_from_the_index_before() {
        let folder = tempfile::tempdir().unwrap();
        let films = films(folder.path());
        let path = folder.path().join("films.stills");
        let (wanted, settings) = (wanted(), settings());
        let make = |films: &[PathBuf], before| {
            let mut told = Vec::new();
            let tell = |one: &Told<'_>| told.push(one.done.as_ref().unwrap().to_owned());
            index(&settings, claim(&path), films, (&wanted, before), tell).unwrap();
            told
        };
        make(&films[..1], None);
        let before = || StillIndex::open(&path).ok();
        let told = make(&films, before());
        assert_eq!(told, [(Indexed::Known, 3), (Indexed::New, 2)]);
        let bytes = std::fs::read(&path).unwrap();
        make(&films, None);
        assert_eq!(bytes, std::fs::read(&path).unwrap(), "the same without");
    }

    #[test]
    fn a_film_that_cannot_be_read_is_told_and_the_others_are_indexed() {
        let folder = tempfile::tempdir().unwrap();
        let mut films = films(folder.path());
        films.insert(0, folder.path().join("tale.mp4"));
        std::fs::write(&films[0], "once upon a time").unwrap();
        let path = folder.path().join("films.stills");
        let (wanted, settings) = (wanted(), settings());
        let mut failed = Vec::new();
        let tell = |one: &Told<'_>| failed.push(one.done.is_err());
        let count = index(&settings, claim(&path), &films, (&wanted, None), tell).unwrap();
        assert_eq!((count, failed), (5, vec![true, false, false]));
        let none = index(
            &settings,
            claim(&path),
            &films[..1],
            (&wanted, None),
            |_| (),
        );
        assert!(none.unwrap_err().to_string().contains("tale.mp4"));
    }

    #[test]
    fn a_damaged_index_is_refused_before_it_is_played() {
        let folder = tempfile::tempdir().unwrap();
        let films = films(folder.path());
        let path = folder.path().join("films.stills");
        let (wanted, settings) = (wanted(), settings());
        index(&settings, claim(&path), &films, (&wanted, None), |_| ()).unwrap();
        let whole = std::fs::read(&path).unwrap();
        let line = whole.iter().position(|byte| *byte == b'\n').unwrap();
        let refused = |bytes: &[u8]| {
            std::fs::write(&path, bytes).unwrap();
            StillIndex::open(&path).err().unwrap().to_string()
        };
        assert!(refused(&whole[..whole.len() - 1]).contains("longer or shorter"));
        let mut changed = whole.clone();
        changed[line + 9] ^= 1;
        assert!(refused(&changed).contains("checksum"));
        assert!(refused(b"once upon a time\n").contains("is not an index"));
        let text = String::from_utf8_lossy(&whole[..line]).replace("\"format\":1", "\"format\":9");
        let newer = [text.as_bytes(), &whole[line..]].concat();
        assert!(refused(&newer).contains("has format 9"));
    }
}
