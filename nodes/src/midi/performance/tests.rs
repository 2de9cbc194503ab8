//! Files as they are heard.

use super::*;

/// Each note of `tracks`, which have 480 ticks in a quarter note of half a second: pitch, start and
/// end in milliseconds, and velocity.
fn heard(tracks: Vec<Vec<(u64, [u8; 3])>>) -> Vec<(u8, i64, i64, u8)> {
    notes(&instants(&file(tracks, false)).0)
}

fn notes(instants: &[(Time, Performance)]) -> Vec<(u8, i64, i64, u8)> {
    let mut open = BTreeMap::new();
    let mut notes = Vec::new();
    for (time, performance) in instants {
        let now = time.nanos() / 1_000_000;
        for note in performance.notes.iter() {
            match note {
                Note::On {
                    pitch, velocity, ..
                } => {
                    let velocity = (velocity * 127.0).round() as u8;
                    assert!(open.insert(*pitch, (now, velocity)).is_none(), "{pitch}");
                }
                Note::Off { pitch, .. } => {
                    let (start, velocity) = open.remove(pitch).unwrap();
                    notes.push((*pitch, start, now, velocity));
                }
            }
        }
    }
    assert!(open.is_empty());
    notes.sort_unstable();
    notes
}

fn file(tracks: Vec<Vec<(u64, [u8; 3])>>, are_independent: bool) -> File {
    let track = |messages: Vec<(u64, [u8; 3])>| {
        let item = |[status, first, second]: [u8; 3]| match status {
            0x51 => Item::Tempo(u32::from(first) * 10_000),
            _ => Item::Channel(status, first, second),
        };
        let events: Vec<(u64, Item)> = messages
            .iter()
            .map(|(tick, bytes)| (*tick, item(*bytes)))
            .collect();
        Track {
            end: events.last().map_or(0, |(tick, _)| *tick),
            events,
            gaps: Vec::new(),
        }
    };
    File {
        division: Division::Beat(480),
        are_independent,
        tracks: tracks.into_iter().map(track).collect(),
        flaws: Default::default(),
    }
}

fn on(pitch: u8) -> [u8; 3] {
    [0x90, pitch, 80]
}

fn off(pitch: u8) -> [u8; 3] {
    [0x80, pitch, 0]
}

const PEDAL: [u8; 3] = [0xB0, 64, 127];
const NO_PEDAL: [u8; 3] = [0xB0, 64, 0];

#[test]
fn a_key_that_ends_in_one_track_and_begins_in_another_at_once_sounds() {
    let right = vec![(480, on(60)), (960, off(60))];
    let left = vec![(0, on(60)), (480, off(60))];
    let expected = [(60, 0, 500, 80), (60, 500, 1000, 80)];
    assert_eq!(heard(vec![right.clone(), left.clone()]), expected);
    assert_eq!(heard(vec![left, right]), expected);
}

#[test]
fn a_key_that_two_hands_hold_sounds_until_the_last_lets_go() {
    let long = vec![(0, on(60)), (960, off(60))];
    let short = vec![(240, on(60)), (480, off(60))];
    assert_eq!(
        heard(vec![long, short]),
        [(60, 0, 250, 80), (60, 250, 1000, 80)]
    );
}

#[test]
fn the_sustain_pedal_holds_notes_until_it_comes_up() {
    let track = vec![
        (0, PEDAL),
        (0, on(60)),
        (120, off(60)),
        (120, on(64)),
        (240, off(64)),
        (1920, NO_PEDAL),
        (2400, on(72)),
        (2880, off(72)),
    ];
    let expected = [(60, 0, 2000, 80), (64, 0, 2000, 80), (72, 2500, 3000, 80)];
    let found: Vec<_> = (heard(vec![track]).into_iter())
        .map(|(pitch, start, end, velocity)| {
            (
                pitch,
                if pitch == 64 { start - 125 } else { start },
                end,
                velocity,
            )
        })
        .collect();
    assert_eq!(found, expected);
}

#[test]
fn sostenuto_and_the_messages_that_end_notes_are_honoured_in_files() {
    let sostenuto = vec![
        (0, on(48)),
        (10, [0xB0, 66, 127]),
        (20, on(60)),
        (480, off(48)),
        (480, off(60)),
        (960, [0xB0, 66, 0]),
    ];
    let ends: Vec<i64> = heard(vec![sostenuto]).iter().map(|note| note.2).collect();
    assert_eq!(ends, [1000, 500]);
    for number in [120, 123, 126] {
        let all_off = vec![
            (0, on(60)),
            (480, [0xB0, number, 0]),
            (720, on(60)),
            (960, off(60)),
            (1440, off(60)),
        ];
        let found = heard(vec![all_off]);
        assert_eq!(found[0], (60, 0, 500, 80), "{number}");
    }
}

#[test]
fn a_note_without_a_length_sounds_and_a_short_one_gives_way_to_the_next() {
    let drums = vec![
        (0, on(36)),
        (0, off(36)),
        (480, on(38)),
        (480, off(38)),
        (485, on(38)),
        (960, off(38)),
    ];
    let expected = [(36, 0, 20, 80), (38, 500, 505, 80), (38, 505, 1000, 80)];
    assert_eq!(heard(vec![drums]), expected);
    // The last one of a file too.
    let (instants, end) = instants(&file(vec![vec![(0, on(36)), (0, off(36))]], false));
    assert_eq!((notes(&instants).len(), end), (1, SHORTEST));
}

#[test]
fn a_key_struck_twice_at_once_is_one_note_as_loud_as_the_louder() {
    let loud = vec![(0, [0x90, 60, 120]), (480, off(60))];
    let soft = vec![(0, on(60)), (240, off(60))];
    assert_eq!(heard(vec![loud, soft]), [(60, 0, 500, 120)]);
}

#[test]
fn each_track_of_format_2_keeps_its_own_tempo() {
    let slow = vec![(0, [0x51, 100, 0]), (480, on(60)), (960, off(60))];
    let fast = vec![(0, [0x51, 25, 0]), (480, on(64)), (960, off(64))];
    let two = instants(&file(vec![slow.clone(), fast.clone()], true));
    assert_eq!(notes(&two.0), [(60, 1000, 2000, 80), (64, 250, 500, 80)]);
    // In other formats the tempo is everybody's, whichever track it stands in.
    let one = instants(&file(vec![slow, fast], false));
    assert_eq!(notes(&one.0), [(60, 250, 500, 80), (64, 250, 500, 80)]);
}

#[test]
fn controllers_bends_and_programs_come_at_their_times_before_the_notes_of_them() {
    let track = vec![
        (0, on(60)),
        (0, [0xB0, 7, 127]),
        (0, [0xC0, 5, 0]),
        (240, [0xE0, 0, 0x60]),
        (480, off(60)),
        (480, PEDAL),
    ];
    let (instants, _) = instants(&file(vec![track], false));
    let changes: Vec<(f64, ChannelChange)> = (instants.iter())
        .flat_map(|(time, performance)| {
            performance
                .changes
                .iter()
                .map(|change| (time.seconds(), *change))
        })
        .collect();
    let channel = 0;
    let volume = ChannelChange::Controller {
        channel,
        number: 7,
        value: 1.0,
    };
    let bend = ChannelChange::Bend {
        channel,
        value: 0.5,
    };
    // What a pedal does is in the notes' ends.
    assert_eq!(
        changes,
        [
            (0.0, volume),
            (0.0, ChannelChange::Program { channel, number: 5 }),
            (0.25, bend)
        ]
    );
}
