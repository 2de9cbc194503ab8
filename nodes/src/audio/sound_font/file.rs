//! Reads a SoundFont, which may be damaged or made to do harm.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufReader, Read, Seek, SeekFrom};
use std::panic::catch_unwind;
use std::path::Path;

use rustysynth::SoundFont;
use score_engine::NodeError;

/// A list whose records each hold an index into another list; lengths and places in bytes.
struct Index {
    list: &'static [u8; 4],
    record: usize,
    /// Where in a record the index stands.
    place: usize,
    target: &'static [u8; 4],
    target_record: usize,
}

/// Which list points into which (SoundFont 2.04, §7.2 to §7.9).
const INDEXES: [Index; 4] = [
    index((b"phdr", 38), 24, (b"pbag", 4)),
    index((b"pbag", 4), 0, (b"pgen", 4)),
    index((b"inst", 22), 20, (b"ibag", 4)),
    index((b"ibag", 4), 0, (b"igen", 4)),
];

const fn index(
    (list, record): (&'static [u8; 4], usize),
    place: usize,
    (target, target_record): (&'static [u8; 4], usize),
) -> Index {
    Index {
        list,
        record,
        place,
        target,
        target_record,
    }
}

/// Lists that are kept to be checked.
const LISTS: [&[u8; 4]; 6] = [b"phdr", b"pbag", b"pgen", b"inst", b"ibag", b"igen"];

/// The SoundFont at `path`.
///
/// # Errors
/// It cannot be read, is no SoundFont, is cut off or contradicts itself.
pub(super) fn read(path: &Path) -> Result<SoundFont, NodeError> {
    let name = path.display();
    let unreadable = |error: std::io::Error| {
        NodeError::input(format!("`{name}` cannot be read: {error}")).source(error)
    };
    let refuse = |why: &str| {
        NodeError::input(format!("`{name}` {why}"))
            .help("choose a SoundFont 2, .sf2, and see whether the file was copied whole")
    };
    let mut file = BufReader::new(File::open(path).map_err(unreadable)?);
    let length = file.get_ref().metadata().map_err(unreadable)?.len();
    check(&mut file, length).map_err(refuse)?;
    file.seek(SeekFrom::Start(0)).map_err(unreadable)?;
    // After `check` no way to panic is known, but rustysynth indexes and unwraps on what the file says.
    match catch_unwind(move || SoundFont::new(&mut file)) {
        Ok(Ok(font)) => Ok(font),
        Ok(Err(error)) => {
            Err(refuse(&format!("is no SoundFont that can be played: {error}")).source(error))
        }
        Err(_) => Err(refuse("is a damaged SoundFont")),
    }
}

/// The SoundFont in `bytes`, if [`check`] passes them; whoever calls this wants to see a panic.
#[cfg(feature = "fuzzing")]
pub(crate) fn read_unguarded(bytes: &[u8]) -> Option<SoundFont> {
    check(&mut std::io::Cursor::new(bytes), bytes.len() as u64).ok()?;
    SoundFont::new(&mut &*bytes).ok()
}

/// Checks what rustysynth trusts: that every chunk is in the file, or it would reserve memory for what a chunk
/// claims to hold; and that indexes rise and end within their lists, or it would panic or copy lists without end.
fn check(file: &mut (impl Read + Seek), length: u64) -> Result<(), &'static str> {
    const CUT_OFF: &str = "is a SoundFont that is cut off";
    let mut start = [0; 12];
    file.read_exact(&mut start).map_err(|_| "is no SoundFont")?;
    if &start[..4] != b"RIFF" || &start[8..] != b"sfbk" {
        return Err("is no SoundFont");
    }
    let mut lists: BTreeMap<[u8; 4], Vec<u8>> = BTreeMap::new();
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
            // A list of chunks is entered: its type follows, then its chunks.
            let skipped = if &id == b"LIST" { 4.min(size) } else { size };
            position += skipped;
            file.seek(SeekFrom::Start(position)).map_err(|_| CUT_OFF)?;
        }
    }
    for index in INDEXES {
        let (Some(list), Some(target)) = (lists.get(index.list), lists.get(index.target)) else {
            return Err("is a SoundFont that lacks a list, perhaps cut off");
        };
        let indexes: Vec<usize> = list
            .chunks_exact(index.record)
            .map(|record| [record[index.place], record[index.place + 1]])
            .map(|bytes| usize::from(u16::from_le_bytes(bytes)))
            .collect();
        let last = indexes.last().copied().unwrap_or(usize::MAX);
        if !indexes.is_sorted() || last >= target.len() / index.target_record {
            return Err("is a SoundFont whose lists contradict each other");
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::tiny;
    use super::*;

    fn load(bytes: &[u8]) -> Result<SoundFont, NodeError> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.sf2");
        std::fs::write(&path, bytes).unwrap();
        read(&path)
    }

    fn refusal(bytes: &[u8]) -> String {
        load(bytes).err().unwrap().to_string()
    }

    /// Where the data of chunk `id` begins.
    fn chunk(bytes: &[u8], id: &[u8; 4]) -> usize {
        bytes.windows(4).position(|window| window == id).unwrap() + 8
    }

    #[test]
    fn a_sound_font_is_read() {
        let font = load(&tiny::sound_font()).unwrap();
        assert_eq!(font.get_presets()[0].get_name(), "sine");
    }

    #[test]
    fn what_is_no_sound_font_is_refused_in_words() {
        for bytes in [&b""[..], b"RIFF", b"once upon a time there was a text"] {
            assert!(refusal(bytes).contains("is no SoundFont"), "{bytes:?}");
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
    fn indexes_that_lead_out_of_their_lists_are_refused() {
        let whole = tiny::sound_font();
        for (id, place) in [(b"phdr", 24), (b"pbag", 0), (b"inst", 20), (b"ibag", 0)] {
            let mut bytes = whole.clone();
            let place = chunk(&bytes, id) + place;
            bytes[place..place + 2].fill(0xFF);
            assert!(refusal(&bytes).contains("contradict"), "{id:?}");
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
                let mut file = std::io::Cursor::new(&bytes);
                if check(&mut file, bytes.len() as u64).is_ok() {
                    // Not through `read`, which would hide a panic.
                    let _ = SoundFont::new(&mut bytes.as_slice());
                }
            }
        }
    }
}
