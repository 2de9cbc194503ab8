//! What each knob is at: where a hand has it, else what was taught, else what the patch says.

use super::KNOBS;
use super::example::Values;
use super::taught::Guess;

/// Who has a knob.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Hold {
    /// What was taught.
    #[default]
    Free,
    /// A hand has turned it since.
    Held,
    /// Where the hand has it is being learnt, as the job of this number.
    Given(u64),
}

/// All knobs.
#[derive(Debug, Default)]
pub(super) struct Knobs {
    /// Where the patch, wires and hands have them.
    set: Values,
    holds: [Hold; KNOBS],
    /// Where those are that were given away.
    given: Values,
    /// What was learnt of them, at the last picture that was known.
    taught: Values,
}

impl Knobs {
    pub(super) fn at(set: Values) -> Self {
        Knobs {
            set,
            ..Knobs::default()
        }
    }

    /// They are set to this now; whether any is another than before. What changes is in a hand,
    /// unless it is `no_turn`: the first value of a wire, or a hand that is released.
    pub(super) fn turn(&mut self, set: Values, no_turn: bool) -> bool {
        let is_news = set != self.set;
        for ((hold, before), now) in self.holds.iter_mut().zip(self.set).zip(set) {
            match now {
                // It was released.
                None if before.is_some() => *hold = Hold::Free,
                Some(_) if now != before && !no_turn => *hold = Hold::Held,
                _ => {}
            }
        }
        self.set = set;
        is_news
    }

    /// What was learnt says this; on a picture that is not known what was known last stays.
    pub(super) fn guess(&mut self, guess: Option<&Guess>, is_unknown: bool) {
        let guessed = guess.map_or([None; KNOBS], |guess| guess.values);
        for (taught, guessed) in self.taught.iter_mut().zip(guessed) {
            if !is_unknown || taught.is_none() || guessed.is_none() {
                *taught = guessed;
            }
        }
    }

    /// What they are at; `None`: nobody has said what a knob should be.
    pub(super) fn heard(&self) -> Values {
        let mut heard = self.taught;
        let set = self.set.into_iter().zip(self.given);
        for ((heard, (set, given)), hold) in heard.iter_mut().zip(set).zip(self.holds) {
            match hold {
                Hold::Given(_) => *heard = given,
                Hold::Held => *heard = set,
                Hold::Free => *heard = heard.or(set),
            }
        }
        heard
    }

    /// Where they are is given away to be learnt; what hands hold stays there until it is.
    pub(super) fn give(&mut self, job: u64) {
        let given = self.given.iter_mut().zip(self.set);
        for (hold, (given, set)) in self.holds.iter_mut().zip(given) {
            if *hold == Hold::Held {
                *hold = Hold::Given(job);
                *given = set;
            }
        }
    }

    /// So many jobs are done: what was given before plays as it was taught.
    pub(super) fn learnt(&mut self, done: u64) {
        for hold in &mut self.holds {
            if matches!(hold, Hold::Given(job) if *job <= done) {
                *hold = Hold::Free;
            }
        }
    }

    /// No hand holds any; what is being learnt plays until it is.
    pub(super) fn let_go(&mut self) {
        for hold in &mut self.holds {
            if *hold == Hold::Held {
                *hold = Hold::Free;
            }
        }
    }

    /// How many hands hold.
    pub(super) fn held(&self) -> u64 {
        let held = self.holds.iter().filter(|hold| **hold == Hold::Held);
        held.count() as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(a: impl Into<Option<f32>>, b: impl Into<Option<f32>>) -> Values {
        let mut values = [None; KNOBS];
        (values[0], values[1]) = (a.into(), b.into());
        values
    }

    fn taught(knobs: &mut Knobs, a: f32) {
        let guess = Guess {
            values: values(a, None),
            ..Guess::default()
        };
        knobs.guess(Some(&guess), false);
    }

    #[test]
    fn a_hand_comes_before_what_was_taught_and_that_before_the_patch() {
        let mut knobs = Knobs::at(values(0.1, 0.2));
        assert_eq!(knobs.heard(), values(0.1, 0.2));
        taught(&mut knobs, 0.7);
        assert_eq!(knobs.heard(), values(0.7, 0.2));
        assert!(knobs.turn(values(0.5, 0.2), false));
        assert!(!knobs.turn(values(0.5, 0.2), false));
        taught(&mut knobs, 0.8);
        assert_eq!((knobs.heard(), knobs.held()), (values(0.5, 0.2), 1));
        knobs.let_go();
        assert_eq!((knobs.heard(), knobs.held()), (values(0.8, 0.2), 0));
    }

    #[test]
    fn what_is_given_away_plays_on_until_it_is_learnt() {
        let mut knobs = Knobs::at(values(None, None));
        taught(&mut knobs, 0.7);
        knobs.turn(values(0.5, None), false);
        knobs.give(3);
        knobs.learnt(2);
        assert_eq!(knobs.heard(), values(0.5, None));
        // Turned again before: that is another wish.
        knobs.turn(values(0.5, 0.9), false);
        knobs.learnt(3);
        assert_eq!((knobs.heard(), knobs.held()), (values(0.7, 0.9), 1));
    }

    #[test]
    fn a_hand_that_is_let_go_and_released_turns_nothing_and_what_it_gave_plays_until_it_is_learnt()
    {
        let mut knobs = Knobs::at(values(0.1, 0.2));
        taught(&mut knobs, 0.7);
        knobs.turn(values(0.5, 0.2), false);
        knobs.give(1);
        knobs.let_go();
        knobs.turn(values(0.1, 0.2), true);
        assert_eq!((knobs.heard(), knobs.held()), (values(0.5, 0.2), 0));
        knobs.learnt(1);
        assert_eq!((knobs.heard(), knobs.held()), (values(0.7, 0.2), 0));
    }

    #[test]
    fn a_knob_that_is_released_plays_what_was_taught_and_one_that_begins_is_no_turn() {
        let mut knobs = Knobs::at(values(None, None));
        taught(&mut knobs, 0.7);
        knobs.turn(values(0.0, None), true);
        assert_eq!(knobs.heard(), values(0.7, None));
        knobs.turn(values(0.5, None), false);
        assert_eq!(knobs.heard(), values(0.5, None));
        knobs.turn(values(None, None), false);
        assert_eq!(knobs.heard(), values(0.7, None));
    }

    #[test]
    fn on_a_picture_that_is_not_known_the_last_value_stays() {
        let mut knobs = Knobs::at(values(None, None));
        let strange = Guess {
            values: values(0.4, None),
            ..Guess::default()
        };
        knobs.guess(Some(&strange), true);
        assert_eq!(knobs.heard(), values(0.4, None), "there is no last one yet");
        taught(&mut knobs, 0.7);
        knobs.guess(Some(&strange), true);
        assert_eq!(knobs.heard(), values(0.7, None));
        knobs.guess(None, true);
        assert_eq!(
            knobs.heard(),
            values(None, None),
            "all examples were deleted"
        );
    }
}
