//! Reads Standard MIDI Files as they are found: what is damaged is skipped and reported, everything
//! else is kept.

mod event;
mod flaw;
mod track;
mod way;

#[cfg(test)]
mod tests;

pub use self::event::Item;
pub use self::flaw::Flaws;
pub use self::track::Track;

/// Bytes of a file's header: `MThd`, a length, and three numbers.
const HEADER: usize = 14;

/// What a track begins with.
const TRACK: &[u8; 4] = b"MTrk";

/// Ticks in a quarter note where the header's number makes no sense: the most usual number.
const USUAL_TICKS: u64 = 480;

/// How a file counts time.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Division {
    /// Ticks in a quarter note, at least 1.
    Beat(u64),
    /// A tick lasts this long, in nanoseconds, whatever the tempo.
    Film(f64),
}

/// The contents of a file.
#[derive(Debug)]
pub struct File {
    /// How it counts time.
    pub division: Division,
    /// Whether each track is a piece of its own with its own tempo (format 2).
    pub are_independent: bool,
    /// Its tracks, in the order of the file.
    pub tracks: Vec<Track>,
    /// What could not be read, or was not as the format says.
    pub flaws: Flaws,
}

impl File {
    /// Reads the bytes of a file.
    ///
    /// # Errors
    /// There is no MIDI in it.
    pub fn parse(bytes: &[u8]) -> Result<Self, String> {
        let mut flaws = Flaws::default();
        let no_file = || "this is not a MIDI file that can be read".to_owned();
        let header = header(bytes).ok_or_else(no_file)?;
        if header > 0 && !bytes.starts_with(b"RIFF") {
            flaws.add(0, 0, format!("{header} bytes stand before the header"));
        }
        let word = |place: usize| u16::from_be_bytes([bytes[place], bytes[place + 1]]);
        let division = division(word(header + 12)).unwrap_or_else(|| {
            let why = "the header's count of time makes no sense; \
                       480 ticks per quarter note are assumed";
            flaws.add(0, header + 12, why.to_owned());
            Division::Beat(USUAL_TICKS)
        });
        let mut file = File {
            division,
            are_independent: word(header + 8) == 2,
            tracks: Vec::new(),
            flaws,
        };
        file.read_chunks(bytes, header);
        if file.tracks.is_empty() {
            return Err(no_file());
        }
        let promised = usize::from(word(header + 10));
        if file.tracks.len() < promised {
            let there = file.tracks.len();
            let why = format!("the header counts {promised} tracks, but there are {there}");
            file.flaws.add(0, header + 10, why);
        }
        Ok(file)
    }

    /// Reads the tracks behind the header at `header`.
    fn read_chunks(&mut self, bytes: &[u8], header: usize) {
        let length = bytes[header + 4..header + 8].iter();
        let length = length.fold(0, |length, byte| length << 8 | usize::from(*byte));
        let behind = header.saturating_add(8).saturating_add(length);
        let mut at = match is_chunk(bytes, behind) {
            true => behind,
            false => header + HEADER,
        };
        while at < bytes.len() {
            if !is_track(bytes, at) {
                let next = match foreign_chunk(bytes, at) {
                    Some(end) => end,
                    None => {
                        let next = find_track(bytes, at).unwrap_or(bytes.len());
                        // Some programs fill files up with zeros.
                        if bytes[at..next].iter().any(|byte| *byte != 0) {
                            let count = next - at;
                            let why = format!("{count} bytes outside the tracks are not MIDI");
                            self.flaws.add(0, at, why);
                        }
                        next
                    }
                };
                at = next;
                continue;
            }
            let number = self.tracks.len() + 1;
            if bytes[at..].len() < 8 {
                let why = "the file breaks off where the track begins".to_owned();
                self.flaws.add(number, at, why);
                return;
            }
            let (track, end) = track::read(bytes, at, number, &mut self.flaws);
            self.tracks.push(track);
            at = end;
        }
    }
}

/// Where the header is: at the start, or behind what another format put before it. A header with
/// one damaged byte is known by its length and by the track that follows it.
fn header(bytes: &[u8]) -> Option<usize> {
    let fits = |place: &usize| bytes.len() >= place + HEADER;
    let named = bytes.windows(4).position(|window| window == b"MThd");
    let likely = || (bytes.len() >= HEADER && bytes[4..8] == [0, 0, 0, 6]).then_some(0);
    let before_track = || find_track(bytes, 0)?.checked_sub(HEADER);
    named.filter(fits).or_else(likely).or_else(before_track)
}

/// What the header's number means.
fn division(number: u16) -> Option<Division> {
    let [high, low] = number.to_be_bytes();
    if high < 0x80 {
        return (number > 0).then(|| Division::Beat(u64::from(number)));
    }
    // The count of pictures a second, negated; 29 stands for NTSC's 30 ÷ 1.001.
    let pictures = match high.wrapping_neg() {
        29 => 30.0 / 1.001,
        count @ (24 | 25 | 30) => f64::from(count),
        _ => return None,
    };
    (low > 0).then(|| Division::Film(1e9 / pictures / f64::from(low)))
}

/// Whether a track begins at `at`; one byte of its name may be damaged.
fn is_track(bytes: &[u8], at: usize) -> bool {
    let name = bytes.get(at..at + 4).unwrap_or_default();
    name.len() == 4 && name.iter().zip(TRACK).filter(|(a, b)| a == b).count() >= 3
}

/// Where the next track begins, from `from` on.
fn find_track(bytes: &[u8], from: usize) -> Option<usize> {
    let found = bytes
        .get(from..)?
        .windows(4)
        .position(|window| window == TRACK);
    found.map(|place| from + place)
}

/// The end of a chunk of another kind, which readers skip.
fn foreign_chunk(bytes: &[u8], at: usize) -> Option<usize> {
    let name = bytes.get(at..at + 4)?;
    let length = bytes.get(at + 4..at + 8)?.try_into().ok()?;
    let end = at
        .checked_add(8)?
        .checked_add(u32::from_be_bytes(length) as usize)?;
    let is_name = name
        .iter()
        .all(|byte| byte.is_ascii_alphanumeric() || *byte == b' ');
    (is_name && (end == bytes.len() || bytes.get(end..end + 4) == Some(TRACK))).then_some(end)
}

/// Whether a chunk begins at `at`, or the file ends there.
fn is_chunk(bytes: &[u8], at: usize) -> bool {
    at == bytes.len()
        || bytes.get(at..at.saturating_add(4)) == Some(TRACK)
        || (at < bytes.len() && foreign_chunk(bytes, at).is_some())
}
