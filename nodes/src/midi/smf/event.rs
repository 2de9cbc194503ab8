//! One event of a track.

/// What an event says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Item {
    /// A message on a channel: its status byte and its data; the second is 0 where there is only
    /// one.
    Channel(u8, u8, u8),
    /// From here on a quarter note lasts this many microseconds.
    Tempo(u32),
    /// From here on the metre is this: beats per bar, and the note value of a beat as a power of
    /// two.
    Metre(u8, u8),
    /// The key: its number of sharps, below 0 of flats, and whether it is minor.
    Key(i8, bool),
    /// A text of a kind (1 a text, 3 the track's name, 6 a marker), by the bytes of the file in
    /// which it stands.
    Text(u8, usize, usize),
    /// The track ends.
    End,
    /// Something else: a text, a message to one device, a message about the whole system.
    Other,
}

/// An event that was read.
#[derive(Clone, Copy, Debug)]
pub(super) struct Event {
    /// Ticks since the event before.
    pub(super) delta: u64,
    pub(super) item: Item,
    /// Where the next begins.
    pub(super) end: usize,
    /// The status byte that an event without one has.
    pub(super) running: Option<u8>,
    /// Whether it has a status byte of its own.
    pub(super) is_explicit: bool,
    /// A byte that should not be in a file, though it does no harm: a message about the whole
    /// system.
    pub(super) stray: Option<usize>,
}

/// Why there is no event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Broken {
    /// The byte that cannot be there.
    pub(super) byte: usize,
    /// Whether the bytes ran out.
    pub(super) is_short: bool,
    /// The ticks before the event and where they end, where those could be read.
    pub(super) delta: Option<(u64, usize)>,
    /// How many bytes of data the event should have, behind its status byte, and where they begin.
    pub(super) data: Option<(usize, usize)>,
}

/// A number of one to four bytes of seven bits, and where it ends.
fn variable(bytes: &[u8], at: usize) -> Result<(u64, usize), (usize, bool)> {
    let mut number = 0;
    for place in at..at + 4 {
        let byte = *bytes.get(place).ok_or((place, true))?;
        number = number << 7 | u64::from(byte & 0x7F);
        if byte < 0x80 {
            return Ok((number, place + 1));
        }
    }
    Err((at + 3, false))
}

/// How many bytes of data follow a status byte of a channel.
pub(super) fn data_bytes(status: u8) -> usize {
    if (0xC0..0xE0).contains(&status) { 1 } else { 2 }
}

/// Whether the byte is a message of its own about the whole system, which may stand between any
/// others.
fn is_real_time(byte: u8) -> bool {
    (0xF8..0xFF).contains(&byte)
}

/// Where the content of a meta event shows that it is none: a damaged byte before other events
/// looks like one, and would take them with it. Texts and a maker's own may hold anything.
fn unlikely(kind: u8, content: &[u8]) -> Option<usize> {
    let is_known = match kind {
        0x01..=0x0F | 0x7F => true,
        0x00 => matches!(content.len(), 0 | 2),
        0x20 | 0x21 => content.len() == 1,
        0x2F => content.is_empty(),
        0x51 => content.len() == 3,
        0x54 => content.len() == 5,
        0x58 => content.len() == 4,
        0x59 => content.len() == 2,
        _ => false,
    };
    match is_known {
        true => None,
        false => content.iter().position(|byte| *byte >= 0x80),
    }
}

/// The same of a message to one device, of whose bytes only the last may be a status byte, and of
/// one that is sent as it stands, which begins with one.
fn unlikely_message(status: u8, content: &[u8]) -> Option<usize> {
    match (status, content) {
        (0xF0, [content @ .., _]) => content
            .iter()
            .position(|byte| *byte >= 0x80 && !is_real_time(*byte)),
        // What goes on with a message to a device ends as that does.
        (0xF7, [0..0x80, .., last]) if *last != 0xF7 => Some(0),
        _ => None,
    }
}

/// Reads the event at `at` of `bytes`, which end where the track does. `running` is the status byte
/// of the event before.
pub(super) fn read(bytes: &[u8], at: usize, running: Option<u8>) -> Result<Event, Broken> {
    let broken = |(byte, is_short)| Broken {
        byte,
        is_short,
        delta: None,
        data: None,
    };
    let (delta, at) = variable(bytes, at).map_err(broken)?;
    read_behind_delta(bytes, at, running, delta)
}

/// The same of an event whose ticks are known, or lost.
pub(super) fn read_behind_delta(
    bytes: &[u8],
    start: usize,
    running: Option<u8>,
    delta: u64,
) -> Result<Event, Broken> {
    let mut broken = Broken {
        byte: start,
        is_short: false,
        delta: Some((delta, start)),
        data: None,
    };
    let mut event = Event {
        delta,
        item: Item::Other,
        end: start,
        running,
        is_explicit: true,
        stray: None,
    };
    let fail = |broken: Broken, (byte, is_short)| Broken {
        byte,
        is_short,
        ..broken
    };
    let Some(&first) = bytes.get(start) else {
        return Err(fail(broken, (start, true)));
    };
    let (status, mut at) = match (first, running) {
        (0x80.., _) => (first, start + 1),
        (_, Some(status)) => (status, start),
        (_, None) => return Err(broken),
    };
    event.is_explicit = first >= 0x80;
    match status {
        0x80..0xF0 => {
            let count = data_bytes(status);
            broken.data = Some((count, at));
            let mut data = [0; 2];
            for value in &mut data[..count] {
                while bytes.get(at).is_some_and(|byte| is_real_time(*byte)) {
                    event.stray.get_or_insert(at);
                    at += 1;
                }
                match bytes.get(at) {
                    Some(byte @ 0..0x80) => *value = *byte,
                    Some(_) => return Err(fail(broken, (at, false))),
                    None => return Err(fail(broken, (at, true))),
                }
                at += 1;
            }
            event.item = Item::Channel(status, data[0], data[1]);
            event.running = Some(status);
        }
        0xFF => {
            let kind = match bytes.get(at) {
                Some(kind @ 0..0x80) => *kind,
                Some(_) => return Err(fail(broken, (at, false))),
                None => return Err(fail(broken, (at, true))),
            };
            let (length, from) = variable(bytes, at + 1).map_err(|why| fail(broken, why))?;
            let to = from.saturating_add(usize::try_from(length).unwrap_or(usize::MAX));
            let Some(content) = bytes.get(from..to) else {
                return Err(fail(broken, (at, true)));
            };
            if let Some(bad) = unlikely(kind, content) {
                return Err(fail(broken, (from + bad, false)));
            }
            at = to;
            event.item = match (kind, content) {
                (0x2F, []) => Item::End,
                (0x51, [a, b, c]) => Item::Tempo(u32::from_be_bytes([0, *a, *b, *c])),
                (0x58, [beats, unit, ..]) => Item::Metre(*beats, *unit),
                (0x59, [sharps, minor @ (0 | 1)]) => Item::Key(sharps.cast_signed(), *minor == 1),
                (kind @ 0x01..=0x0F, _) => Item::Text(kind, from, at),
                _ => Item::Other,
            };
        }
        0xF0 | 0xF7 => {
            let (length, from) = variable(bytes, at).map_err(|why| fail(broken, why))?;
            at = from.saturating_add(usize::try_from(length).unwrap_or(usize::MAX));
            let Some(content) = bytes.get(from..at) else {
                return Err(fail(broken, (start, true)));
            };
            if let Some(bad) = unlikely_message(status, content) {
                return Err(fail(broken, (from + bad, false)));
            }
        }
        // A message about the whole system, which belongs on a cable. Those with data are passed
        // over with it.
        _ => {
            event.stray = Some(start);
            let count = match status {
                0xF2 => 2,
                0xF1 | 0xF3 => 1,
                _ => 0,
            };
            for _ in 0..count {
                if bytes.get(at).is_some_and(|byte| *byte < 0x80) {
                    at += 1;
                }
            }
        }
    }
    event.end = at;
    Ok(event)
}
