//! Gathers what is asked along the wires until the next sixteenth.

use score_engine::{Input, NodeError};

use super::model::Asked;
use super::stream_decoder::{CONTOUR, CONTROLS, DENSITY, NOVELTY, ONSET, REGISTER};
use crate::controls::Controls;

/// An event of at least this strength asks for a note that stands out.
const STRONG: f32 = 0.5;

/// An onset from here on stands out.
const ACCENT: f32 = 0.75;

/// What is asked now.
pub(super) struct Asking {
    /// What came as a whole.
    whole: Controls,
    /// What came by itself, which goes before.
    single: Controls,
    /// Of the notes asked for since the last sixteenth the strongest.
    onset: Option<f32>,
    /// Whether anything reports cuts.
    knows_cuts: bool,
}

impl Asking {
    pub(super) fn new(knows_cuts: bool) -> Self {
        Asking {
            whole: Controls::default(),
            single: Controls::default(),
            onset: None,
            knows_cuts,
        }
    }

    /// Takes in what came along one of the wires that ask for something.
    pub(super) fn hear(&mut self, input: &Input) -> Result<(), NodeError> {
        let mut onset = None;
        if input.is(CONTROLS) {
            self.whole = *input.read(CONTROLS)?;
            onset = self.whole.onset;
        } else if input.is(ONSET) {
            let strong = input.read(ONSET)?.strength >= STRONG;
            onset = Some(if strong { 1.0 } else { 0.5 });
        } else if input.is(DENSITY) {
            self.single.density = Some(input.read(DENSITY)?.clamp(0.0, 1.0));
        } else if input.is(REGISTER) {
            self.single.register = Some(input.read(REGISTER)?.clamp(0.0, 1.0));
        } else if input.is(CONTOUR) {
            let way = 2.0 * input.read(CONTOUR)? - 1.0;
            self.single.contour = Some(way.clamp(-1.0, 1.0));
        } else if input.is(NOVELTY) {
            self.single.novelty = Some(input.read(NOVELTY)?.clamp(0.0, 1.0));
        }
        self.onset = match (self.onset, onset) {
            (Some(one), Some(other)) => Some(one.max(other)),
            (one, other) => one.or(other),
        };
        Ok(())
    }

    /// What is asked at this sixteenth, where the picture was cut or not, and whether a note shall
    /// stand out.
    pub(super) fn now(&mut self, cut: bool) -> (Asked, bool) {
        let (single, whole) = (&self.single, &self.whole);
        let onset = self.onset.take();
        let asked = Asked::of([
            onset,
            single.density.or(whole.density),
            single.register.or(whole.register),
            single.contour.or(whole.contour),
            single.novelty.or(whole.novelty),
            self.knows_cuts.then_some(f32::from(u8::from(cut))),
        ]);
        (asked, onset.is_some_and(|onset| onset >= ACCENT))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Instant;

    use score_engine::{Event, InputPort, Packet, Payload, Time};

    use super::*;

    fn input<T>(port: InputPort<T>, payload: Payload) -> Input {
        Input {
            port: port.index(),
            wire: 0,
            packet: Packet {
                time: Time::ZERO,
                captured: Instant::now(),
                payload,
            },
            heard: Time::ZERO,
        }
    }

    fn event(strength: f32) -> Payload {
        Payload::Event(Arc::new(Event {
            name: "cue".to_owned(),
            strength,
        }))
    }

    #[test]
    fn a_single_control_goes_before_the_bundle_and_others_stay_free() {
        let mut asking = Asking::new(false);
        assert_eq!(asking.now(false).0, Asked::default());
        let whole = Controls {
            density: Some(0.3),
            register: Some(0.6),
            ..Controls::default()
        };
        asking.hear(&input(CONTROLS, whole.payload())).unwrap();
        asking.hear(&input(DENSITY, Payload::Control(0.9))).unwrap();
        asking
            .hear(&input(CONTOUR, Payload::Control(0.25)))
            .unwrap();
        let (asked, _) = asking.now(true);
        assert_eq!(asked.values, [0.0, 0.9, 0.6, -0.5, 0.0, 0.0]);
        assert_eq!(asked.given, [0.0, 1.0, 1.0, 1.0, 0.0, 0.0]);
    }

    #[test]
    fn an_onset_is_asked_for_once_and_the_strongest_counts() {
        let mut asking = Asking::new(true);
        asking.hear(&input(ONSET, event(1.0))).unwrap();
        asking.hear(&input(ONSET, event(0.1))).unwrap();
        let (asked, accent) = asking.now(false);
        assert_eq!((asked.values[0], asked.given[0], accent), (1.0, 1.0, true));
        assert_eq!(asked.given[5], 1.0);
        let (asked, accent) = asking.now(false);
        assert_eq!((asked.given[0], accent), (0.0, false));
        asking.hear(&input(ONSET, event(0.1))).unwrap();
        assert_eq!(asking.now(false).0.values[0], 0.5);
    }
}
