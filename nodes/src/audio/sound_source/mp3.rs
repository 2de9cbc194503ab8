//! The frames of an MP3, and of several that were put into one file: where each begins, and how
//! long it says it is.

use std::io::{self, Read, Seek};
use std::ops::Range;

use super::contents::Look;

/// Kilobits a second by the number in a frame's header, for MPEG-1 and for MPEG-2; layer III.
const BITRATES: [[u64; 15]; 2] = [
    [
        0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320,
    ],
    [0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160],
];

/// Sample rates of MPEG-1; MPEG-2 has a half, MPEG-2.5 a quarter.
const RATES: [u32; 3] = [44_100, 48_000, 32_000];

/// What is looked at of a frame: its header, a checksum, the side information, and the first two
/// numbers of a tag.
const HEAD: usize = 64;

/// Bytes that are searched for a frame at a time.
const SEARCHED: usize = 4096;

/// One MP3 of those in a file.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Mp3 {
    /// Where its frames lie; tags and whatever else lies between them is left out.
    pub(super) stretches: Vec<Range<u64>>,
    /// Frames of sound that are there, and samples in each.
    pub(super) frames: u64,
    pub(super) samples: u64,
    /// The sample rate, in Hz.
    pub(super) rate: u32,
    /// Whether its first frame is a tag (Xing, Info, VBRI) that says how many frames there are,
    /// and is right about it or says more.
    pub(super) is_tagged: bool,
}

/// What a file holds.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Outline {
    pub(super) parts: Vec<Mp3>,
    /// Whether the file ends in the middle of a frame.
    pub(super) is_cut: bool,
}

/// A frame's header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Frame {
    length: u64,
    samples: u64,
    rate: u32,
    is_mono: bool,
    is_mpeg1: bool,
    has_checksum: bool,
}

impl Frame {
    /// Reads a header; `None`: it is none of layer III, or its bit rate is free.
    fn parse(header: [u8; 4]) -> Option<Self> {
        let [0xFF, second, third, fourth] = header else {
            return None;
        };
        let (version, layer) = (second >> 3 & 3, second >> 1 & 3);
        if second & 0xE0 != 0xE0 || layer != 1 || version == 1 {
            return None;
        }
        let is_mpeg1 = version == 3;
        let bitrate = *BITRATES[usize::from(!is_mpeg1)].get(usize::from(third >> 4))?;
        let divisor = match version {
            3 => 1,
            2 => 2,
            _ => 4,
        };
        let rate = RATES.get(usize::from(third >> 2 & 3))? / divisor;
        let samples = if is_mpeg1 { 1152 } else { 576 };
        let padding = u64::from(third >> 1 & 1);
        (bitrate > 0).then(|| Frame {
            length: samples / 8 * bitrate * 1000 / u64::from(rate) + padding,
            samples,
            rate,
            is_mono: fourth >> 6 == 3,
            is_mpeg1,
            has_checksum: second & 1 == 0,
        })
    }

    /// Whether both can belong to one MP3.
    fn is_like(&self, other: &Frame) -> bool {
        let form = |frame: &Frame| (frame.samples, frame.rate, frame.is_mono);
        form(self) == form(other)
    }

    /// How many frames the tag in this frame says there are; `None`: it is not a tag.
    fn tag(&self, head: &[u8; HEAD]) -> Option<Option<u64>> {
        let side = match (self.is_mpeg1, self.is_mono) {
            (true, false) => 32,
            (true, true) | (false, false) => 17,
            (false, true) => 9,
        };
        let number = |place: usize| {
            let bytes = head.get(place..place + 4)?;
            Some(u64::from(u32::from_be_bytes(bytes.try_into().ok()?)))
        };
        let start = if self.has_checksum { 6 } else { 4 };
        let is_empty = |end: usize| head[start..end].iter().all(|byte| *byte == 0);
        let xing = 4 + side;
        if matches!(&head[xing..xing + 4], b"Xing" | b"Info") && is_empty(xing) {
            let counts = number(xing + 4)? & 1 == 1;
            return Some(number(xing + 8).filter(|frames| counts && *frames > 0));
        }
        if &head[36..40] == b"VBRI" && is_empty(36) {
            return Some(number(50).filter(|frames| *frames > 0));
        }
        None
    }

    /// Whether the frame needs bytes of the frames before it.
    fn looks_back(&self, head: &[u8; HEAD]) -> bool {
        let start = if self.has_checksum { 6 } else { 4 };
        head[start] != 0 || (self.is_mpeg1 && head[start + 1] & 0x80 != 0)
    }
}

/// An MP3 whose end is not found yet.
#[derive(Default)]
struct Open {
    mp3: Mp3,
    form: Option<Frame>,
    /// Frames that its tag speaks of.
    declared: Option<u64>,
    /// Where its tag ends.
    tag_end: u64,
    /// The first frame after those that its tag speaks of, and whether it needs what lies before
    /// it.
    beyond: Option<(u64, bool)>,
}

impl Open {
    fn add(&mut self, place: u64, frame: Frame, head: &[u8; HEAD]) {
        if Some(self.mp3.frames) == self.declared {
            self.beyond = Some((place, frame.looks_back(head)));
        }
        self.put(place, frame);
        self.mp3.frames += 1;
    }

    fn put(&mut self, place: u64, frame: Frame) {
        (self.mp3.samples, self.mp3.rate) = (frame.samples, frame.rate);
        self.form.get_or_insert(frame);
        match self.mp3.stretches.last_mut() {
            Some(last) if last.end == place => last.end += frame.length,
            _ => self.mp3.stretches.push(place..place + frame.length),
        }
    }

    /// The MP3, and another where frames follow that the tag does not speak of: those of a file
    /// without a tag that was put behind it.
    fn close(mut self) -> impl Iterator<Item = Mp3> {
        let mut second = None;
        match (self.declared, self.beyond) {
            (Some(declared), Some((place, false))) => {
                let rest = cut(&mut self.mp3.stretches, place);
                second = Some(Mp3 {
                    stretches: rest,
                    frames: self.mp3.frames - declared,
                    is_tagged: false,
                    ..self.mp3
                });
                self.mp3.frames = declared;
            }
            // A tag that is wrong, or says nothing, would only mislead.
            (Some(_), Some((_, true))) | (None, _) if self.mp3.is_tagged => {
                self.mp3.stretches = cut(&mut self.mp3.stretches, self.tag_end);
                self.mp3.is_tagged = false;
            }
            _ => {}
        }
        [Some(self.mp3), second]
            .into_iter()
            .flatten()
            .filter(|mp3| mp3.frames > 0)
    }
}

/// Takes away what lies from `place` on, and returns it.
fn cut(stretches: &mut Vec<Range<u64>>, place: u64) -> Vec<Range<u64>> {
    let all = std::mem::take(stretches);
    let halves = |range: &Range<u64>| {
        let middle = place.clamp(range.start, range.end);
        (range.start..middle, middle..range.end)
    };
    let there = |range: &Range<u64>| !range.is_empty();
    *stretches = all
        .iter()
        .map(|range| halves(range).0)
        .filter(there)
        .collect();
    all.iter()
        .map(|range| halves(range).1)
        .filter(there)
        .collect()
}

/// Finds the MP3s in a file.
///
/// # Errors
/// It cannot be read.
pub(super) fn outline(file: impl Read + Seek) -> io::Result<Outline> {
    let mut look = Look::new(file);
    let mut outline = Outline::default();
    let mut open = Open::default();
    let mut at = 0;
    loop {
        let (head, known) = look.bytes::<HEAD>(at)?;
        if known < 4 {
            break;
        }
        if let Some(length) = foreign_tag(&head) {
            at += length;
            continue;
        }
        if open.form.is_none() && head.starts_with(b"fLaC") {
            break;
        }
        let frame = Frame::parse([head[0], head[1], head[2], head[3]]);
        let is_next = |frame: &Frame| open.form.is_some_and(|form| form.is_like(frame));
        let Some(frame) = frame.filter(|frame| is_next(frame)) else {
            match search(&mut look, at)? {
                Some((place, frame)) if place > at || !is_next(&frame) => {
                    if !is_next(&frame) {
                        outline.parts.extend(std::mem::take(&mut open).close());
                        open.form = Some(frame);
                    }
                    at = place;
                    continue;
                }
                _ => break,
            }
        };
        let end = at + frame.length;
        if !goes_on(&mut look, end, &frame)?
            && let Some((place, found)) = search(&mut look, at + 1)?
            && place < end
            && found.is_like(&frame)
        {
            // Another frame begins within what only looked like one.
            at = place;
            continue;
        }
        if look.bytes::<1>(end - 1)?.1 == 0 {
            outline.is_cut = true;
            break;
        }
        match frame.tag(&head) {
            Some(declared) => {
                outline.parts.extend(std::mem::take(&mut open).close());
                open.declared = declared;
                open.tag_end = end;
                open.mp3.is_tagged = true;
                open.put(at, frame);
            }
            None => open.add(at, frame, &head),
        }
        at = end;
    }
    // A tag that speaks of sound of which nothing is there.
    outline.is_cut |= open.mp3.frames == 0 && open.declared.is_some();
    outline.parts.extend(open.close());
    Ok(outline)
}

/// Whether a frame like `frame`, a tag or the end of the file follows at `at`.
fn goes_on(look: &mut Look<impl Read + Seek>, at: u64, frame: &Frame) -> io::Result<bool> {
    let (next, known) = look.bytes::<HEAD>(at)?;
    let follows = Frame::parse([next[0], next[1], next[2], next[3]]);
    let is_like = follows.is_some_and(|next| next.is_like(frame));
    Ok(known < 4 || is_like || foreign_tag(&next).is_some())
}

/// The length of a tag with titles and pictures that begins with `head`.
fn foreign_tag(head: &[u8; HEAD]) -> Option<u64> {
    if &head[..3] == b"ID3" && head[6..10].iter().all(|byte| *byte < 0x80) {
        let size = head[6..10]
            .iter()
            .fold(0, |size, byte| size << 7 | u64::from(*byte));
        let footer = if head[5] & 0x10 != 0 { 10 } else { 0 };
        return Some(10 + size + footer);
    }
    if &head[..8] == b"APETAGEX" {
        // A header says that it is one; its size leaves itself out.
        let size = u32::from_le_bytes([head[12], head[13], head[14], head[15]]);
        let is_header = head[23] & 0x20 != 0;
        return Some(32 + if is_header { u64::from(size) } else { 0 });
    }
    (&head[..3] == b"TAG").then_some(128)
}

/// The next frame from `from` on that another one like it follows, or the end of the file.
fn search(look: &mut Look<impl Read + Seek>, from: u64) -> io::Result<Option<(u64, Frame)>> {
    let mut window = [0; SEARCHED];
    let mut start = from;
    loop {
        let known = look.fill(start, &mut window)?;
        for (offset, header) in window[..known].windows(4).enumerate() {
            let Some(frame) = Frame::parse([header[0], header[1], header[2], header[3]]) else {
                continue;
            };
            let place = start + offset as u64;
            let (next, there) = look.bytes::<4>(place + frame.length)?;
            let follows = Frame::parse(next).is_some_and(|next| next.is_like(&frame));
            if follows || there == 0 && look.bytes::<1>(place + frame.length - 1)?.1 == 1 {
                return Ok(Some((place, frame)));
            }
        }
        if known < SEARCHED {
            return Ok(None);
        }
        start += (SEARCHED - 3) as u64;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A frame of 128 kbit/s at 44,100 Hz, stereo; `back` is how far it looks back.
    fn frame(back: u8) -> Vec<u8> {
        let mut frame = vec![0; 417];
        frame[..5].copy_from_slice(&[0xFF, 0xFB, 0x90, 0x00, back]);
        frame
    }

    fn tagged(frames: u32) -> Vec<u8> {
        let mut frame = frame(0);
        frame[36..44].copy_from_slice(b"Xing\0\0\0\x01");
        frame[44..48].copy_from_slice(&frames.to_be_bytes());
        frame
    }

    fn parts(bytes: &[u8]) -> Vec<(u64, bool)> {
        let outline = outline(io::Cursor::new(bytes)).unwrap();
        let part = |mp3: &Mp3| (mp3.frames, mp3.is_tagged);
        outline.parts.iter().map(part).collect()
    }

    #[test]
    fn every_mp3_in_a_file_is_found_with_what_its_tag_says() {
        let title = [b"ID3\x04\0\0\0\0\0\x20".to_vec(), vec![0xFF; 32]].concat();
        let three = frame(0).repeat(3);
        let whole = [title.clone(), tagged(3), three.clone()].concat();
        assert_eq!(parts(&whole), [(3, true)]);
        assert_eq!(
            parts(&[&whole[..], &whole].concat()),
            [(3, true), (3, true)]
        );
        // The second has no tag: its first frame needs nothing that lies before it.
        assert_eq!(
            parts(&[&whole[..], &three].concat()),
            [(3, true), (3, false)]
        );
        // A tag that counts too few frames of one stream, as broken encoders write it.
        let wrong = [tagged(2), frame(0), frame(9), frame(9), frame(9)].concat();
        assert_eq!(parts(&wrong), [(4, false)]);
        assert_eq!(parts(&[tagged(0), three].concat()), [(3, false)]);
    }

    #[test]
    fn an_mp3_that_ends_within_a_frame_is_cut_and_one_with_tags_behind_it_is_not() {
        let whole = frame(0).repeat(4);
        let cut = |bytes: &[u8]| outline(io::Cursor::new(bytes)).unwrap().is_cut;
        assert!(cut(&whole[..whole.len() - 1]));
        assert!(!cut(&whole));
        let behind = [&b"TAG"[..], &[b' '; 125]].concat();
        assert!(!cut(&[&whole[..], &behind].concat()));
        assert!(!cut(
            &[&whole[..], b"APETAGEX\xD0\x07\0\0\x20\0\0\0"].concat()
        ));
        assert!(cut(
            &[tagged(9), frame(0), frame(0)[..100].to_vec()].concat()
        ));
    }

    #[test]
    fn rubbish_between_frames_is_passed_over() {
        let bytes = [
            frame(0).repeat(2),
            b"\xFF\xFBrubbish\xFF".to_vec(),
            frame(0).repeat(2),
        ];
        let outline = outline(io::Cursor::new(bytes.concat())).unwrap();
        assert_eq!(outline.parts[0].stretches, [0..834, 844..1678]);
        assert_eq!((outline.parts.len(), outline.parts[0].frames), (1, 4));
    }

    #[test]
    fn nothing_at_all_and_text_hold_no_mp3() {
        for bytes in [&b""[..], b"\xFF\xFB", b"once upon a time there was a text"] {
            assert_eq!(outline(io::Cursor::new(bytes)).unwrap(), Outline::default());
        }
    }
}
