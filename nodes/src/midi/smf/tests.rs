//! Whole files, and what is left of damaged ones.

use proptest::prelude::*;

use super::*;

/// A chunk with a length of its own.
fn chunk(name: &[u8; 4], length: usize, content: &[u8]) -> Vec<u8> {
    [&name[..], &(length as u32).to_be_bytes(), content].concat()
}

fn track(content: &[u8]) -> Vec<u8> {
    chunk(TRACK, content.len(), content)
}

fn file(format: u8, tracks: &[Vec<u8>]) -> Vec<u8> {
    let header = [0, format, 0, tracks.len() as u8, 1, 0xE0];
    [chunk(b"MThd", 6, &header), tracks.concat()].concat()
}

const END: [u8; 4] = [0, 0xFF, 0x2F, 0];

/// Strokes of 200 ticks, 40 ticks apart, each with the status bytes of both its messages.
fn melody(pitches: impl IntoIterator<Item = u8>) -> Vec<u8> {
    let stroke = |pitch| [0x28, 0x90, pitch, 0x50, 0x81, 0x48, 0x80, pitch, 0];
    pitches.into_iter().flat_map(stroke).collect()
}

/// The same with one status byte for all.
fn running(pitches: impl IntoIterator<Item = u8>) -> Vec<u8> {
    let stroke = |pitch| [0x28, pitch, 0x50, 0x81, 0x48, pitch, 0];
    let mut bytes: Vec<u8> = pitches.into_iter().flat_map(stroke).collect();
    bytes.insert(1, 0x90);
    bytes
}

fn tune(content: &[u8]) -> Vec<u8> {
    track(&[content, &END].concat())
}

/// Tick and pitch of every stroke.
fn strokes(file: &File) -> Vec<(u64, u8)> {
    let events = file.tracks.iter().flat_map(|track| &track.events);
    events
        .filter_map(|(tick, item)| match *item {
            Item::Channel(0x90..=0x9F, pitch, 1..) => Some((*tick, pitch)),
            _ => None,
        })
        .collect()
}

fn pitches(file: &File) -> Vec<u8> {
    strokes(file).into_iter().map(|(_, pitch)| pitch).collect()
}

fn read(bytes: &[u8]) -> (File, String) {
    let file = File::parse(bytes).unwrap();
    let flaws = file.flaws.to_string();
    (file, flaws)
}

#[test]
fn a_sound_file_has_no_flaws() {
    for content in [melody(60..70), running(60..70)] {
        let (file, flaws) = read(&file(1, &[tune(&[]), tune(&content)]));
        assert_eq!(flaws, "");
        let expected: Vec<(u64, u8)> = (0..10).map(|n| (40 + 240 * n, 60 + n as u8)).collect();
        assert_eq!(strokes(&file), expected);
        assert_eq!(file.tracks[1].end, 2400);
    }
}

#[test]
fn a_file_that_breaks_off_keeps_all_before_and_tells_the_byte() {
    let whole = file(1, &[tune(&[]), tune(&melody(60..70))]);
    let cut = &whole[..whole.len() - 22];
    let (file, flaws) = read(cut);
    assert_eq!(pitches(&file), (60..68).collect::<Vec<u8>>());
    let told = format!(
        "track 2, byte {}: the track breaks off at byte {0} of {}",
        cut.len(),
        whole.len()
    );
    assert_eq!(flaws, told);
}

#[test]
fn a_track_with_a_wrong_length_is_read_to_its_own_end() {
    let content = [&melody(60..64)[..], &END].concat();
    for wrong in [content.len() + 6, content.len() - 6, 3, 0xFFFF] {
        let tracks = [chunk(TRACK, wrong, &content), tune(&melody(70..72))];
        let (file, flaws) = read(&file(1, &tracks));
        assert_eq!(pitches(&file), [60, 61, 62, 63, 70, 71], "{wrong}");
        assert!(
            flaws.starts_with("track 1, byte 18: the track says that it has"),
            "{flaws}"
        );
    }
}

#[test]
fn real_time_and_system_bytes_take_no_note_away() {
    for stray in [
        &[0, 0xF8][..],
        &[0, 0xFE],
        &[0, 0xF6],
        &[0, 0xF1, 5],
        &[0, 0xF2, 5, 6],
    ] {
        let content = [&melody(60..62)[..], stray, &melody(62..64)].concat();
        let (file, flaws) = read(&file(0, &[tune(&content)]));
        assert_eq!(pitches(&file), [60, 61, 62, 63], "{stray:?}");
        assert!(
            flaws.starts_with("track 1, byte 41: a message about"),
            "{flaws}"
        );
    }
    // In the middle of a message.
    let mut content = melody(60..63);
    content.splice(12..12, [0xF8, 0xFA]);
    assert_eq!(pitches(&read(&file(0, &[tune(&content)])).0), [60, 61, 62]);
}

#[test]
fn rubbish_between_tracks_and_chunks_of_other_kinds_are_passed_over() {
    let rubbish = b"\0\x01MT rubbish \xFF".to_vec();
    let tracks = [tune(&melody([60])), rubbish, tune(&melody([61]))];
    let (found, flaws) = read(&file(1, &tracks));
    assert_eq!(pitches(&found), [60, 61]);
    assert!(
        flaws.contains("byte 35: 14 bytes outside the tracks are not MIDI"),
        "{flaws}"
    );
    let mut bytes = file(
        1,
        &[
            tune(&melody([60])),
            chunk(b"XFIH", 3, b"abc"),
            tune(&melody([61])),
        ],
    );
    bytes[11] = 2;
    bytes.extend([0; 7]);
    assert_eq!(read(&bytes).1, "");
}

#[test]
fn events_behind_the_end_of_a_track_are_kept_and_padding_is_not() {
    let content = [&melody([60])[..], &END, &melody([61]), &END].concat();
    let (found, flaws) = read(&file(0, &[track(&content)]));
    assert_eq!(pitches(&found), [60, 61]);
    assert!(flaws.contains("follow the end of the track"), "{flaws}");
    let padded = [&melody([60])[..], &END, &[0; 5]].concat();
    assert_eq!(read(&file(0, &[track(&padded)])).1, "");
}

#[test]
fn a_header_that_is_damaged_or_not_at_the_start_is_found() {
    let whole = file(1, &[tune(&melody([60]))]);
    let mut named = whole.clone();
    named[2] = b'?';
    assert_eq!(pitches(&read(&named).0), [60]);
    let mut longer = whole.clone();
    longer[7] = 99;
    assert_eq!(pitches(&read(&longer).0), [60]);
    let mut track = whole.clone();
    track[16] = b'?';
    assert_eq!(pitches(&read(&track).0), [60]);
    assert_eq!(
        pitches(&read(&[&b"Mac"[..], &[0; 125], &whole].concat()).0),
        [60]
    );
    let mut uncounted = whole;
    uncounted[12..14].fill(0);
    let (file, flaws) = read(&uncounted);
    assert_eq!(file.division, Division::Beat(480));
    assert!(
        flaws.contains("byte 12: the header's count of time"),
        "{flaws}"
    );
}

#[test]
fn damage_in_the_middle_costs_the_notes_around_it_and_is_told() {
    let mut bytes = file(0, &[tune(&melody(40..90))]);
    // A byte of data that cannot be one.
    bytes[22 + 9 * 20 + 2] = 0xBC;
    let (file, flaws) = read(&bytes);
    let mut expected: Vec<(u64, u8)> = (0..50).map(|n| (40 + 240 * n, 40 + n as u8)).collect();
    expected.remove(20);
    assert_eq!(strokes(&file), expected);
    assert_eq!(
        flaws,
        "track 1, byte 202: 4 bytes cannot be read; reading continues after that"
    );
    // What has lost its end ends there, and not with the track.
    assert_eq!(file.tracks[0].gaps, [4840]);
}

/// How many of the strokes in `found` are in `whole`, in order: the longest common subsequence.
fn kept(found: &[u8], whole: &[u8]) -> usize {
    let mut before = vec![0; whole.len() + 1];
    for pitch in found {
        let mut now = vec![0];
        for (place, known) in whole.iter().enumerate() {
            let same = before[place] + usize::from(known == pitch);
            now.push(same.max(before[place + 1]).max(now[place]));
        }
        before = now;
    }
    before[whole.len()]
}

proptest! {
    #[test]
    fn one_damaged_byte_costs_few_notes(
        // Behind the first event: in a track with one status byte that is all there is to tell what the others are.
        seed in 0u16..20, is_running: bool, place in 26usize..250, value: u8,
    ) {
        let known: Vec<u8> = (0..40u16).map(|n| 30 + ((n * 7 + seed) % 64) as u8).collect();
        let content = match is_running {
            true => running(known.iter().copied()),
            false => melody(known.iter().copied()),
        };
        let mut bytes = file(0, &[tune(&content)]);
        bytes[place] = value;
        let (file, _) = read(&bytes);
        let found = pitches(&file);
        prop_assert!(kept(&found, &known) >= 35, "{place} {value}: {found:?} of {known:?}");
    }

    #[test]
    fn nothing_makes_the_reader_panic_or_invent_time(
        mut bytes in prop::collection::vec(any::<u8>(), 0..400), is_file: bool,
    ) {
        if is_file {
            bytes = file(1, &[track(&bytes), tune(&melody([60]))]);
        }
        if let Ok(file) = File::parse(&bytes) {
            let _ = file.flaws.to_string();
            for track in &file.tracks {
                prop_assert!(track.events.is_sorted_by_key(|(tick, _)| *tick));
                prop_assert!(track.end <= (bytes.len() as u64) << 28);
            }
        }
    }
}
