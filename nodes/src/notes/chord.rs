//! Makes a chord of each note.

use score_engine::{
    Build, Choice, Custom, Descriptor, InputPort, Node, NodeError, Note, OutputPort, Params,
    Processor,
};

use super::folded;
use super::harmony::Harmony;
use super::mapping::{Mapping, Maps};
use super::scales::stepped;
use crate::chords::Chords;
use crate::music;

const CHORDS: InputPort<Custom<Chords>> =
    Chords::input(0, "chords", "the chords to play, in place of the key's own").optional();
const NOTES: InputPort<Note> = InputPort::new(1, "notes", "the notes");
const PLAYED: OutputPort<Note> = OutputPort::new(0, "notes", "a chord for each");

/// So many notes a chord has at most.
const MOST: usize = 16;

/// Which chord.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Choice)]
enum Tones {
    Triad,
    Seventh,
    Intervals,
}

/// `chord`.
#[derive(Clone, Params)]
pub(crate) struct Chord {
    /// three or four tones of the key or of the chord that sounds, or the `intervals`
    #[param(live, default = Tones::Triad)]
    tones: Tones,
    /// of `intervals`: each tone above the note
    #[param(live, range = -48..=48, unit = "semitones", default = vec![0, 4, 7])]
    intervals: Vec<i32>,
    /// how many of the lowest tones go up an octave
    #[param(live, range = 0..=3, default = 0)]
    inversion: usize,
    /// how hard the added tones are struck, of the note's own velocity
    #[param(live, range = 0.01..=1.0, default = 0.8)]
    level: f32,
}

impl Node for Chord {
    fn descriptor() -> Descriptor {
        Descriptor::of::<Self>("notes", "chord", "Makes a chord of each note")
            .example(
                r#"transport: (tempo: 90, key: "A minor"),
                nodes: {
                    "tune": midi_input_file(path: "tune.mid"),
                    "hands": chord(tones: seventh, inversion: 1),
                    "notes": midi_file(path: "chords.mid"),
                },
                wires: ["tune -> hands -> notes"]"#,
            )
            .details(
                "`triad` and `seventh` put the key's own thirds on the note: in C major on D a D minor chord. A note \
                 that is not in the key stays alone; `scale` before this node brings it there. The key is the \
                 transport's, else C major. `intervals` are the same on every note.\n\n\
                 With `chords` wired, notes say when and how high, and the chord that sounds says what: the note goes \
                 to the nearest tone of that chord, and the chord's other tones lie above it. Where no chord sounds, \
                 the key's own are played. A chord ends with its note, whatever changes meanwhile. Drums, on channel \
                 9, stay as they are; pedals and controllers pass.",
            )
            .input(CHORDS)
            .input(NOTES)
            .output(PLAYED)
            .urgent()
    }

    fn build(&self, build: &Build<'_>) -> Result<Box<dyn Processor<Self>>, NodeError> {
        Ok(Box::new(Mapping::new(build)))
    }
}

impl Chord {
    /// How many tones are stacked.
    fn count(&self) -> usize {
        match self.tones {
            Tones::Seventh => 4,
            _ => 3,
        }
    }

    /// The chord that sounds, on its tone that is nearest to the pitch.
    fn of_chord(&self, pitch: i32, chord: music::Chord) -> Vec<i32> {
        let above = |class: u8, pitch: i32| (i32::from(class) - pitch).rem_euclid(12);
        let tones: Vec<u8> = chord.classes().take(self.count()).collect();
        let away = tones.iter().map(|class| {
            let above = above(*class, pitch);
            // Of two that are equally near the lower one.
            if above >= 6 { above - 12 } else { above }
        });
        let nearest = away.min_by_key(|away| (away.abs(), *away)).unwrap_or(0);
        let lowest = pitch + nearest;
        let tones = tones.into_iter();
        tones.map(|class| lowest + above(class, lowest)).collect()
    }

    /// The tones on this pitch.
    fn pitches(&self, pitch: i32, harmony: &Harmony) -> Vec<i32> {
        let key = harmony.key();
        match (self.tones, harmony.chord()) {
            (Tones::Intervals, _) => {
                let intervals = self.intervals.iter().take(MOST);
                intervals.map(|interval| pitch + interval).collect()
            }
            (_, Some(chord)) => self.of_chord(pitch, chord),
            (_, None) if !key.holds(pitch) => vec![pitch],
            (_, None) => {
                let thirds = (0..).step_by(2).take(self.count());
                thirds.map(|steps| stepped(pitch, steps, key)).collect()
            }
        }
    }
}

impl Maps for Chord {
    const CHORDS: InputPort<Custom<Chords>> = CHORDS;
    const NOTES: InputPort<Note> = NOTES;
    const MAPPED: OutputPort<Note> = PLAYED;

    fn sounds_as(&self, pitch: u8, harmony: &Harmony) -> Vec<(u8, f32)> {
        let pitch = i32::from(pitch);
        let mut pitches = self.pitches(pitch, harmony);
        pitches.sort_unstable();
        pitches.dedup();
        // The note itself, or the tone that it has gone to.
        let own = match pitches.contains(&pitch) {
            true => Some(pitch),
            false => pitches.first().copied(),
        };
        let risen = self.inversion.min(pitches.len().saturating_sub(1));
        let tones = pitches.into_iter().enumerate().map(|(number, tone)| {
            let share = if own == Some(tone) { 1.0 } else { self.level };
            let octave = if number < risen { 12 } else { 0 };
            (folded(tone + octave), share)
        });
        tones.collect()
    }
}

#[cfg(test)]
mod tests {
    use score_engine::harness::Harness;
    use serde_json::{Value, json};

    use super::super::test_notes::{Line, at, both, chords, feed, in_key, lines};
    use super::*;

    /// The notes that sound for one of this pitch, and how hard.
    fn chord(params: Value, key: &str, pitch: u8) -> Vec<(u8, i32)> {
        let notes: &[Line] = &[(0, pitch, 50), (500, pitch, 0)];
        let found = both(|| {
            let harness = Harness::<Chord>::new(params.clone());
            feed(harness.transport(in_key(key)), notes)
        });
        let struck = found.iter().filter(|(.., velocity)| *velocity > 0);
        let struck: Vec<(u8, i32)> = struck.map(|(_, pitch, force)| (*pitch, *force)).collect();
        assert_eq!(found.len(), 2 * struck.len());
        struck
    }

    #[test]
    fn the_keys_own_thirds_stand_on_each_note() {
        let triad = |key, pitch| chord(json!({}), key, pitch);
        assert_eq!(triad("C", 62), [(62, 50), (65, 40), (69, 40)]);
        assert_eq!(triad("C", 71), [(71, 50), (74, 40), (77, 40)]);
        assert_eq!(triad("C minor", 60), [(60, 50), (63, 40), (67, 40)]);
        assert_eq!(triad("C", 61), [(61, 50)], "not in the key");
        let seventh = chord(json!({ "tones": "seventh", "level": 1.0 }), "C", 67);
        assert_eq!(seventh, [(67, 50), (71, 50), (74, 50), (77, 50)]);
        let inverted = chord(json!({ "inversion": 2 }), "C", 60);
        assert_eq!(inverted, [(72, 50), (76, 40), (67, 40)]);
        // At the end of MIDI's range tones lie an octave lower.
        assert_eq!(triad("C", 124), [(124, 50), (127, 40), (119, 40)]);
    }

    #[test]
    fn intervals_are_the_same_on_every_note() {
        let fifths = |pitch| {
            let params = json!({ "tones": "intervals", "intervals": [0, 7, 7, -12] });
            chord(params, "C", pitch)
        };
        assert_eq!(fifths(61), [(49, 40), (61, 50), (68, 40)]);
        let none = json!({ "tones": "intervals", "intervals": [] });
        assert_eq!(chord(none, "C", 60), []);
    }

    #[test]
    fn the_chord_that_sounds_is_played_on_its_tone_nearest_to_the_note() {
        let led = [
            (0, "C", Some("F")),
            (1000, "C", Some("G7")),
            (2000, "C", None),
        ];
        let notes: &[Line] = &[
            (0, 62, 50),
            (500, 62, 0),
            (1000, 60, 50),
            (1500, 60, 0),
            (2000, 60, 50),
            (2500, 60, 0),
        ];
        let found = both(|| {
            let harness = Harness::<Chord>::new(json!({ "level": 1.0 }));
            feed(chords(harness, &led, 3000), notes)
        });
        let struck = found.iter().filter(|(.., velocity)| *velocity > 0);
        let struck: Vec<(i64, u8)> = struck.map(|(time, pitch, _)| (*time, *pitch)).collect();
        let wanted = [
            (0, 60),
            (0, 65),
            (0, 69),
            (1000, 59),
            (1000, 62),
            (1000, 67),
            (2000, 60),
            (2000, 64),
            (2000, 67),
        ];
        assert_eq!(struck, wanted);
    }

    #[test]
    fn a_chord_ends_with_its_note_whatever_changes_meanwhile() {
        let notes: &[Line] = &[(0, 60, 50), (1000, 60, 0)];
        let harness = feed(Harness::<Chord>::new(json!({})), notes)
            .set_live(at(300), "tones", "intervals")
            .set_live(at(300), "intervals", json!([0]))
            .retime(at(500), in_key("F# minor"));
        let found = lines(&harness.play_live().unwrap(), "notes");
        let wanted = [
            (0, 60, 50),
            (0, 64, 40),
            (0, 67, 40),
            (1000, 60, 0),
            (1000, 64, 0),
            (1000, 67, 0),
        ];
        assert_eq!(found, wanted);
    }
}
