//! Reads a SoundFont, which may be damaged or made to do harm.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom};
use std::panic::catch_unwind;
use std::path::Path;

use rustysynth::{SoundFont, SoundFontError};
use score_engine::NodeError;

pub(crate) use super::mend::Fault;
use super::mend::{Lists, Mended, chunk, mend};

/// Lists that are kept to be checked.
const LISTS: [&[u8; 4]; 7] = [
    b"phdr", b"pbag", b"pgen", b"inst", b"ibag", b"igen", b"shdr",
];

/// The version of the format that is written.
const VERSION: [u8; 4] = [2, 0, 4, 0];

/// The SoundFont at `path`, without what cannot be played, and what that is.
///
/// # Errors
/// It cannot be read, is not a SoundFont, is cut off or contradicts itself.
pub(super) fn read(path: &Path) -> Result<(SoundFont, Vec<Fault>), NodeError> {
    let refuse = |why: &str| refusal(path, why);
    let (mut file, outline, mended) = examine(path)?;
    let faults = mended.faults.clone();
    // After `examine` no way to panic is known, but rustysynth indexes and unwraps on what the file
    // says.
    match catch_unwind(move || load(&mut file, &outline, mended)) {
        Ok(Ok(font)) => Ok((font, faults)),
        Ok(Err(error)) => {
            Err(refuse(&format!("is not a SoundFont that can be played: {error}")).source(error))
        }
        Err(_) => Err(refuse("is a damaged SoundFont")),
    }
}

/// The presets of the SoundFont at `path` that cannot be played as they should be. Reads only its
/// lists.
///
/// # Errors
/// As [`read`].
pub(crate) fn faults(path: &Path) -> Result<Vec<Fault>, NodeError> {
    Ok(examine(path)?.2.faults)
}

/// The SoundFont in `bytes`, as [`read`] reads it, except that a panic is not caught.
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) fn read_unguarded(bytes: &[u8]) -> Option<SoundFont> {
    let mut file = io::Cursor::new(bytes);
    let outline = outline(&mut file, bytes.len() as u64).ok()?;
    let mended = mend(&outline.lists, outline.frames()).ok()?;
    load(&mut file, &outline, mended).ok()
}

fn refusal(path: &Path, why: &str) -> NodeError {
    NodeError::input(format!("`{}` {why}", path.display()))
        .help("choose a SoundFont 2, .sf2, and see whether the file was copied whole")
}

fn examine(path: &Path) -> Result<(BufReader<File>, Outline, Mended), NodeError> {
    let unreadable = |error: io::Error| {
        NodeError::input(format!("`{}` cannot be read ({error})", path.display())).source(error)
    };
    let mut file = BufReader::new(File::open(path).map_err(unreadable)?);
    let length = file.get_ref().metadata().map_err(unreadable)?.len();
    let outline = outline(&mut file, length).map_err(|why| refusal(path, why))?;
    let mended = mend(&outline.lists, outline.frames()).map_err(|why| refusal(path, why))?;
    Ok((file, outline, mended))
}

/// Where the sound of a file is, and its lists.
struct Outline {
    /// The first byte of the sound, and how many there are.
    sound: (u64, u64),
    lists: Lists,
}

impl Outline {
    fn frames(&self) -> usize {
        usize::try_from(self.sound.1 / 2).unwrap_or(usize::MAX)
    }
}

/// Lets rustysynth read the file or, where it would refuse that, one made of its sound and the
/// mended lists.
fn load(
    file: &mut (impl Read + Seek),
    outline: &Outline,
    mended: Mended,
) -> Result<SoundFont, SoundFontError> {
    let Some(lists) = mended.lists else {
        file.seek(SeekFrom::Start(0))?;
        return SoundFont::new(file);
    };
    let (place, length) = outline.sound;
    let length = length & !1;
    let too_large = || io::Error::other("it is too large");
    let information = [
        b"INFO".to_vec(),
        chunk(b"ifil", &VERSION).unwrap_or_default(),
    ]
    .concat();
    let information = chunk(b"LIST", &information).unwrap_or_default();
    let size = |length: u64| u32::try_from(length).map(u32::to_le_bytes);
    let sound = size(length).map_err(|_| too_large())?;
    let around = size(length + 12).map_err(|_| too_large())?;
    // rustysynth does not look at the length of the whole.
    let mut start = [b"RIFF\0\0\0\0sfbk".to_vec(), information].concat();
    start.extend([&b"LIST"[..], &around, b"sdtasmpl", &sound].concat());
    file.seek(SeekFrom::Start(place))?;
    SoundFont::new(
        &mut start
            .as_slice()
            .chain(file.take(length))
            .chain(lists.as_slice()),
    )
}

/// Finds the parts of a file. Every chunk is in it: rustysynth would reserve memory for what a
/// chunk claims to hold.
fn outline(file: &mut (impl Read + Seek), length: u64) -> Result<Outline, &'static str> {
    const CUT_OFF: &str = "is a SoundFont that is cut off";
    let mut start = [0; 12];
    file.read_exact(&mut start)
        .map_err(|_| "is not a SoundFont")?;
    if &start[..4] != b"RIFF" || &start[8..] != b"sfbk" {
        return Err("is not a SoundFont");
    }
    let mut lists: Lists = BTreeMap::new();
    let mut sound = None;
    let mut position = start.len() as u64;
    while position < length {
        let mut header = [0; 8];
        file.read_exact(&mut header).map_err(|_| CUT_OFF)?;
        let [a, b, c, d, size @ ..] = header;
        let (id, size) = ([a, b, c, d], u64::from(u32::from_le_bytes(size)));
        position += header.len() as u64;
        if size > length - position {
            return Err(CUT_OFF);
        }
        if LISTS.contains(&&id) {
            let mut list = vec![0; size as usize];
            file.read_exact(&mut list).map_err(|_| CUT_OFF)?;
            position += size;
            if lists.insert(id, list).is_some() {
                return Err("is a SoundFont that has a list twice");
            }
        } else {
            if &id == b"smpl" {
                sound.get_or_insert((position, size));
            }
            // A list of chunks is entered: its type follows, then its chunks.
            let skipped = if &id == b"LIST" { 4.min(size) } else { size };
            position += skipped;
            file.seek(SeekFrom::Start(position)).map_err(|_| CUT_OFF)?;
        }
    }
    Ok(Outline {
        sound: sound.ok_or("is a SoundFont that lacks a list, perhaps cut off")?,
        lists,
    })
}

#[cfg(test)]
mod tests {
    use super::super::tiny;
    use super::*;

    fn load(bytes: &[u8]) -> Result<(SoundFont, Vec<Fault>), NodeError> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.sf2");
        std::fs::write(&path, bytes).unwrap();
        read(&path)
    }

    fn refusal(bytes: &[u8]) -> String {
        load(bytes).err().unwrap().to_string()
    }

    /// The names of the presets that can be played, and what is reported of the others.
    fn presets(bytes: &[u8]) -> (Vec<String>, Vec<String>) {
        let (font, faults) = load(bytes).unwrap();
        let names = font.get_presets().iter();
        (
            names.map(|preset| preset.get_name().to_owned()).collect(),
            faults.iter().map(Fault::to_string).collect(),
        )
    }

    /// Where the data of chunk `id` begins.
    fn chunk(bytes: &[u8], id: &[u8; 4]) -> usize {
        bytes.windows(4).position(|window| window == id).unwrap() + 8
    }

    #[test]
    fn a_sound_font_is_read() {
        let (names, faults) = presets(&tiny::sound_font());
        assert_eq!(names, ["sine", "high sine"]);
        assert_eq!(faults, [""; 0]);
    }

    #[test]
    fn what_is_no_sound_font_is_refused_in_words() {
        for bytes in [&b""[..], b"RIFF", b"once upon a time there was a text"] {
            assert!(refusal(bytes).contains("is not a SoundFont"), "{bytes:?}");
        }
    }

    #[test]
    fn a_sound_font_cut_off_anywhere_is_refused() {
        let whole = tiny::sound_font();
        for length in (12..whole.len()).step_by(7) {
            let why = refusal(&whole[..length]);
            assert!(why.contains("cut off"), "{length}: {why}");
        }
    }

    #[test]
    fn indexes_that_lead_out_of_their_lists_cost_one_preset() {
        let whole = tiny::sound_font();
        for (id, place) in [(b"phdr", 24), (b"pbag", 0), (b"inst", 20), (b"ibag", 0)] {
            let mut bytes = whole.clone();
            let place = chunk(&bytes, id) + place;
            bytes[place..place + 2].fill(0xFF);
            let (names, faults) = presets(&bytes);
            assert_eq!(names, ["high sine"], "{id:?}");
            assert_eq!(faults.len(), 1);
            assert!(
                faults[0].starts_with("program 0 of bank 0 (`sine`): its "),
                "{faults:?}"
            );
        }
    }

    #[test]
    fn a_sample_or_an_instrument_that_is_not_there_costs_one_preset() {
        let whole = tiny::sound_font();
        // The last generators of the first preset and of the first instrument say what they play.
        for (id, place, why) in [
            (b"pgen", 2, "it needs an instrument that is not there"),
            (b"igen", 18, "it needs a sample that is not there"),
        ] {
            let mut bytes = whole.clone();
            let place = chunk(&bytes, id) + place;
            bytes[place] = 77;
            let (names, faults) = presets(&bytes);
            assert_eq!(names, ["high sine"], "{id:?}");
            assert!(faults[0].ends_with(why), "{faults:?}");
        }
    }

    #[test]
    fn a_sample_that_reaches_beyond_the_sound_plays_as_far_as_it_goes() {
        let whole = tiny::sound_font();
        let header = chunk(&whole, b"shdr");
        let beyond = 9_000_000u32.to_le_bytes();
        for (place, why, names) in [
            (20, "outside the sound data", 0),
            (24, "is played as far as that goes", 2),
            (
                32,
                "its loop lies outside the sound data, and is left out",
                2,
            ),
        ] {
            let mut bytes = whole.clone();
            bytes[header + place..header + place + 4].copy_from_slice(&beyond);
            match names {
                0 => assert!(refusal(&bytes).contains("without an instrument that can be played")),
                _ => {
                    let (found, faults) = presets(&bytes);
                    assert_eq!((found.len(), faults.len()), (names, 2), "{place}");
                    assert!(faults[0].contains(why), "{faults:?}");
                }
            }
        }
    }

    #[test]
    fn no_damaged_byte_makes_reading_panic() {
        let whole = tiny::sound_font();
        let samples = chunk(&whole, b"smpl");
        let places = (0..samples).chain(chunk(&whole, b"pdta") - 4..whole.len());
        for place in places {
            for value in [0x00, 0x7F, 0xFF] {
                let mut bytes = whole.clone();
                bytes[place] = value;
                // Not through `read`, which would hide a panic.
                let _ = read_unguarded(&bytes);
            }
        }
    }
}
