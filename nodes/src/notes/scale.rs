//! Moves notes onto a scale.

use score_engine::{
    Build, Choice, Custom, Descriptor, InputPort, Mode, Node, NodeError, Note, OutputPort, Params,
    Processor,
};

use super::HIGHEST;
use super::harmony::Harmony;
use super::mapping::{Mapping, Maps};
use super::scales::{MAJOR, MINOR, steps};
use crate::chords::Chords;

const CHORDS: InputPort<Custom<Chords>> = Chords::input(
    0,
    "chords",
    "the key to follow, in place of the transport's",
)
.optional();
const NOTES: InputPort<Note> = InputPort::new(1, "notes", "the notes");
const MOVED: OutputPort<Note> = OutputPort::new(0, "notes", "the same, on the scale");

/// The scale, as the patch names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Choice)]
enum Steps {
    Key,
    Chord,
    Major,
    Minor,
    HarmonicMinor,
    MelodicMinor,
    Dorian,
    Phrygian,
    Lydian,
    Mixolydian,
    Pentatonic,
    MinorPentatonic,
    Blues,
    WholeTone,
}

/// Where the scale begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Choice)]
enum Tonic {
    Key,
    C,
    CSharp,
    D,
    EFlat,
    E,
    F,
    FSharp,
    G,
    AFlat,
    A,
    BFlat,
    B,
}

/// Where a note between two steps goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Choice)]
enum Direction {
    Nearest,
    Up,
    Down,
}

/// `scale`.
#[derive(Clone, Params)]
pub(crate) struct Scale {
    /// the steps: of the key, the tones of the chord, or those of a scale
    #[param(live, default = Steps::Key)]
    scale: Steps,
    /// where the scale begins
    #[param(live, default = Tonic::Key)]
    tonic: Tonic,
    /// where a note between two steps goes
    #[param(live, default = Direction::Nearest)]
    direction: Direction,
}

impl Node for Scale {
    fn descriptor() -> Descriptor {
        Descriptor::of::<Self>("notes", "scale", "Moves notes onto a scale")
            .example(
                r#"transport: (tempo: 100, key: "D minor"),
                nodes: {
                    "tune": midi_input_file(path: "tune.mid"),
                    "in_key": scale(),
                    "notes": midi_file(path: "in_key.mid"),
                },
                wires: ["tune -> in_key -> notes"]"#,
            )
            .details(
                "With `key`, the steps are those of the transport's key, major or natural minor, or of the key that \
                 `chords` bring; without either, C major. With `chord` they are the tones of the chord that sounds, \
                 and the key's where none does. Every other scale begins on `tonic`.\n\n\
                 `nearest` takes the lower of two steps that are equally near; `up` and `down` take the next step in \
                 that direction. A note that sounds ends where it began, whatever changes meanwhile. Two notes on one \
                 step sound until the second ends. Drums, on channel 9, stay as they are; pedals and controllers pass.",
            )
            .input(CHORDS)
            .input(NOTES)
            .output(MOVED)
            .urgent()
    }

    fn build(&self, build: &Build<'_>) -> Result<Box<dyn Processor<Self>>, NodeError> {
        Ok(Box::new(Mapping::new(build)))
    }
}

impl Scale {
    /// Which pitch classes are steps.
    fn classes(&self, harmony: &Harmony) -> [bool; 12] {
        let key = harmony.key();
        let mut classes = [false; 12];
        if let (Steps::Chord, Some(chord)) = (self.scale, harmony.chord()) {
            for class in chord.classes() {
                classes[usize::from(class % 12)] = true;
            }
            return classes;
        }
        let tonic = match self.tonic {
            Tonic::Key => key.tonic,
            note => (note as u8).saturating_sub(Tonic::C as u8),
        };
        for step in self.scale.steps(key.mode) {
            classes[usize::from((tonic + step) % 12)] = true;
        }
        classes
    }
}

impl Steps {
    /// In semitones above the tonic.
    fn steps(self, mode: Mode) -> &'static [u8] {
        match self {
            Steps::Key | Steps::Chord => steps(mode),
            Steps::Major => MAJOR,
            Steps::Minor => MINOR,
            Steps::HarmonicMinor => &[0, 2, 3, 5, 7, 8, 11],
            Steps::MelodicMinor => &[0, 2, 3, 5, 7, 9, 11],
            Steps::Dorian => &[0, 2, 3, 5, 7, 9, 10],
            Steps::Phrygian => &[0, 1, 3, 5, 7, 8, 10],
            Steps::Lydian => &[0, 2, 4, 6, 7, 9, 11],
            Steps::Mixolydian => &[0, 2, 4, 5, 7, 9, 10],
            Steps::Pentatonic => &[0, 2, 4, 7, 9],
            Steps::MinorPentatonic => &[0, 3, 5, 7, 10],
            Steps::Blues => &[0, 3, 5, 6, 7, 10],
            Steps::WholeTone => &[0, 2, 4, 6, 8, 10],
        }
    }
}

/// The pitch of the step that `pitch` goes to.
fn snapped(pitch: u8, classes: &[bool; 12], direction: Direction) -> u8 {
    let pitch = pitch.min(HIGHEST);
    let is_step = |pitch: &u8| classes[usize::from(*pitch % 12)];
    let below = (0..=pitch).rev().find(is_step);
    let above = (pitch..=HIGHEST).find(is_step);
    match (direction, below, above) {
        (Direction::Nearest, Some(below), Some(above)) => match above - pitch < pitch - below {
            true => above,
            false => below,
        },
        (Direction::Up, _, Some(above)) => above,
        // At the ends of MIDI's range only the other way is left.
        (_, below, above) => below.or(above).unwrap_or(pitch),
    }
}

impl Maps for Scale {
    const CHORDS: InputPort<Custom<Chords>> = CHORDS;
    const NOTES: InputPort<Note> = NOTES;
    const MAPPED: OutputPort<Note> = MOVED;

    fn sounds_as(&self, pitch: u8, harmony: &Harmony) -> Vec<(u8, f32)> {
        let to = snapped(pitch, &self.classes(harmony), self.direction);
        vec![(to, 1.0)]
    }
}

#[cfg(test)]
mod tests {
    use score_engine::Transport;
    use score_engine::harness::Harness;
    use serde_json::{Value, json};

    use super::super::test_notes::{Line, at, chords, feed, in_key, lines, one_by_one};
    use super::*;

    /// What becomes of a chromatic octave from C4 in the key of the transport.
    fn octave(params: Value, key: &str) -> Vec<u8> {
        let pitches: Vec<u8> = (60..72).collect();
        let notes = one_by_one(&pitches);
        let outputs = feed(Harness::<Scale>::new(params).transport(in_key(key)), &notes);
        let found = lines(&outputs.run().unwrap(), "notes");
        let struck = found.iter().filter(|(.., velocity)| *velocity > 0);
        struck.map(|(_, pitch, _)| *pitch).collect()
    }

    #[test]
    fn each_note_goes_to_the_step_that_the_direction_says() {
        let c = |direction| octave(json!({ "direction": direction }), "C");
        assert_eq!(
            c("nearest"),
            [60, 60, 62, 62, 64, 65, 65, 67, 67, 69, 69, 71]
        );
        assert_eq!(c("up"), [60, 62, 62, 64, 64, 65, 67, 67, 69, 69, 71, 71]);
        assert_eq!(c("down"), [60, 60, 62, 62, 64, 65, 65, 67, 67, 69, 69, 71]);
        let blues = json!({ "scale": "blues", "tonic": "e_flat", "direction": "up" });
        let blues = octave(blues, "C");
        assert_eq!(blues, [61, 61, 63, 63, 66, 66, 66, 68, 68, 69, 70, 73]);
        let own = octave(json!({}), "D minor");
        assert_eq!(own, [60, 60, 62, 62, 64, 65, 65, 67, 67, 69, 70, 70]);
    }

    #[test]
    fn every_step_of_every_scale_stays_where_it_is_and_no_pitch_leaves_midis_range() {
        for scale in Steps::WORDS {
            for direction in Direction::WORDS {
                let node = Scale {
                    scale: Steps::of_word(scale).unwrap(),
                    tonic: Tonic::B,
                    direction: Direction::of_word(direction).unwrap(),
                };
                let classes = node.classes(&Harmony::new(&Transport::default()));
                assert!(classes[11], "{scale} begins on its tonic");
                for pitch in 0..=255 {
                    let to = snapped(pitch, &classes, node.direction);
                    assert!(to <= HIGHEST && classes[usize::from(to % 12)]);
                    assert_eq!(snapped(to, &classes, node.direction), to);
                }
            }
        }
    }

    #[test]
    fn a_note_ends_where_it_began_whatever_changes_meanwhile() {
        let notes: &[Line] = &[(0, 61, 50), (1000, 61, 0), (1500, 61, 50), (2500, 61, 0)];
        let harness = feed(Harness::<Scale>::new(json!({})), notes)
            .set_live(at(500), "direction", "up")
            .retime(at(2000), in_key("F# major"));
        let found = lines(&harness.play_live().unwrap(), "notes");
        let wanted = [(0, 60, 50), (1000, 60, 0), (1500, 62, 50), (2500, 62, 0)];
        assert_eq!(found, wanted);
    }

    #[test]
    fn the_chord_that_sounds_says_where_notes_go() {
        // G7 from the first second on, in C, then F minor in A flat.
        let led = [
            (0, "C major", None),
            (1000, "C", Some("G7")),
            (3000, "Ab", Some("Fm")),
        ];
        let notes: &[Line] = &[
            (0, 61, 50),
            (500, 61, 0),
            (1000, 60, 50),
            (1000, 64, 50),
            (2000, 60, 0),
            (2000, 64, 0),
            (3000, 62, 50),
            (3500, 62, 0),
        ];
        let chord = |harness: Harness<Scale>| feed(chords(harness, &led, 4000), notes);
        let by_chord = Harness::<Scale>::new(json!({ "scale": "chord" }));
        let found = lines(&chord(by_chord).run().unwrap(), "notes");
        let wanted: &[Line] = &[
            (0, 60, 50),
            (500, 60, 0),
            (1000, 59, 50),
            (1000, 65, 50),
            (2000, 59, 0),
            (2000, 65, 0),
            (3000, 60, 50),
            (3500, 60, 0),
        ];
        assert_eq!(found, wanted);
        let by_key = Harness::<Scale>::new(json!({ "direction": "up" }));
        let found = lines(&chord(by_key).play_live().unwrap(), "notes");
        assert_eq!(found[6], (3000, 63, 50), "in A flat");
    }
}
