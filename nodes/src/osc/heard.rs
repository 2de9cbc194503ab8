//! What a message says to `osc_in`.

use std::time::Instant;

use rosc::{OscMessage, OscType};
use score_engine::Note;

use super::arguments::number;

/// Longer names of events are not taken: many may wait.
const LONGEST_NAME: usize = 1_024;

/// What a message says, and when it is for.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Heard {
    pub(super) at: Instant,
    pub(super) said: Said,
    pub(super) note: Option<Note>,
}

/// What a message says.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Said {
    /// It has no arguments: its address is all that it says.
    Address(String),
    /// Its first argument is a number.
    Number(String, f64),
    /// A text, and a number from 0 to 1 after it if any: an event.
    Event(String, f32),
}

impl Heard {
    /// What `message` says; `None`: nothing that a node could use.
    pub(super) fn of(at: Instant, message: &OscMessage) -> Option<Self> {
        let address = || message.addr.clone();
        let said = match message.args.as_slice() {
            [] | [OscType::Nil] => Said::Address(address()),
            [OscType::String(name), ..] if name.len() > LONGEST_NAME => return None,
            [OscType::String(name)] => Said::Event(name.clone(), 1.0),
            [OscType::String(name), strength] => {
                Said::Event(name.clone(), number(strength)?.clamp(0.0, 1.0) as f32)
            }
            [first, ..] => Said::Number(address(), number(first)?),
        };
        Some(Heard {
            at,
            said,
            note: note(&message.args),
        })
    }

    /// About how much memory it takes, in bytes.
    pub(super) fn size(&self) -> usize {
        let (Said::Address(text) | Said::Number(text, _) | Said::Event(text, _)) = &self.said;
        size_of::<Heard>() + text.len()
    }
}

/// The note that these arguments are: a channel if there are three, a pitch, and a velocity, which
/// is a float up to 1 or a whole number up to 127.
fn note(args: &[OscType]) -> Option<Note> {
    let (channel, pitch, velocity) = match args {
        [pitch, velocity] => (None, pitch, velocity),
        [channel, pitch, velocity] => (Some(channel), pitch, velocity),
        _ => return None,
    };
    let whole = |arg: &OscType, most: f64| {
        let number = number(arg)?.round();
        (0.0..=most).contains(&number).then_some(number as u8)
    };
    let channel = channel.map_or(Some(0), |channel| whole(channel, 15.0))?;
    let pitch = whole(pitch, 127.0)?;
    let hardest = match velocity {
        OscType::Int(_) | OscType::Long(_) => 127.0,
        _ => 1.0,
    };
    let velocity = (number(velocity)? / hardest).min(1.0) as f32;
    Some(if velocity > 0.0 {
        Note::On {
            channel,
            pitch,
            velocity,
        }
    } else {
        Note::Off { channel, pitch }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn heard(args: &[OscType]) -> Option<Heard> {
        let message = OscMessage {
            addr: "/a".to_owned(),
            args: args.to_vec(),
        };
        Heard::of(Instant::now(), &message)
    }

    fn said(args: &[OscType]) -> Option<Said> {
        heard(args).map(|heard| heard.said)
    }

    #[test]
    fn a_number_of_any_type_a_text_and_nothing_are_each_understood() {
        let address = "/a".to_owned();
        for (arg, number) in [
            (OscType::Int(3), 3.0),
            (OscType::Float(0.5), 0.5),
            (OscType::Double(-2.0), -2.0),
            (OscType::Bool(true), 1.0),
            (OscType::Inf, 1.0),
        ] {
            assert_eq!(said(&[arg]), Some(Said::Number(address.clone(), number)));
        }
        assert_eq!(said(&[]), Some(Said::Address(address.clone())));
        assert_eq!(said(&[OscType::Nil]), Some(Said::Address(address)));
        let (word, name) = (OscType::String("go".to_owned()), "go".to_owned());
        let strong = [word.clone(), OscType::Float(7.0)];
        assert_eq!(said(&[word]), Some(Said::Event(name.clone(), 1.0)));
        assert_eq!(said(&strong), Some(Said::Event(name, 1.0)));
        assert_eq!(said(&[OscType::Float(f32::NAN)]), None);
        assert_eq!(said(&[OscType::Blob(vec![1])]), None);
    }

    #[test]
    fn two_or_three_numbers_are_a_note_and_what_is_no_key_is_none() {
        let note = |args: &[OscType]| heard(args).and_then(|heard| heard.note);
        let (int, float) = (OscType::Int, OscType::Float);
        let on = |channel, velocity| {
            Some(Note::On {
                channel,
                pitch: 60,
                velocity,
            })
        };
        assert_eq!(note(&[int(60), int(127)]), on(0, 1.0));
        assert_eq!(note(&[float(60.0), float(0.5)]), on(0, 0.5));
        assert_eq!(note(&[int(9), int(60), float(0.25)]), on(9, 0.25));
        assert_eq!(note(&[int(9), int(60), float(3.0)]), on(9, 1.0));
        let off = Note::Off {
            channel: 9,
            pitch: 60,
        };
        for silent in [float(0.0), float(-1.0), int(0)] {
            assert_eq!(note(&[int(9), int(60), silent]), Some(off));
        }
        for wrong in [
            vec![int(60)],
            vec![int(128), int(1)],
            vec![int(-1), int(1)],
            vec![int(16), int(60), int(1)],
            vec![int(60), float(f32::INFINITY)],
            vec![int(0), int(60), int(1), int(1)],
        ] {
            assert_eq!(note(&wrong), None, "{wrong:?}");
        }
    }
}
