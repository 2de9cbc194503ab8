//! Controllers that set live values, with soft pickup: a knob has no effect until it has passed the
//! value that holds, so that nothing jumps when it is touched after a cue.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{Steering, SteeringError, SteeringState, TRANSPORT, Way};
use crate::length::Length;
use crate::param::Param;
use crate::show::Controller;

/// A knob this near to the value has it: a step of seven bits, and a little more.
const NEAR: f64 = 1.5 / 127.0;

/// Controllers whose places are remembered: of as many as a patch can have, a few editions of it.
const MOST: usize = 4_096;

/// Where controllers are, and which values they have set: by node and parameter.
pub(super) type Pickups = BTreeMap<(String, String), Pickup>;

/// A controller of one parameter.
#[derive(Default)]
pub(super) struct Pickup {
    /// Where it was last, from 0 to 1.
    place: Option<f64>,
    /// What it has set last.
    set: Option<Value>,
}

impl Pickup {
    /// Whether the controller, which goes to `place`, takes a value over that lies at `value`.
    /// `held`: what a hand holds of the parameter.
    fn takes(&self, place: f64, value: f64, held: Option<&Value>) -> bool {
        let has_it = self.set.is_some() && self.set.as_ref() == held;
        let passes = |before: f64| (before - value) * (place - value) <= 0.0;
        has_it || (place - value).abs() <= NEAR || self.place.is_some_and(passes)
    }
}

impl Steering {
    /// A controller goes to `place`, from 0 to 1: its parameter gets the value that this stands for,
    /// unless the controller has yet to pick up the value that holds. Whether it has set one.
    ///
    /// # Errors
    /// There is no such node or live parameter.
    pub fn turn(&self, controller: &Controller, place: f64) -> Result<bool, SteeringError> {
        let mut state = self.lock();
        let done = state.turn(controller, place);
        state.deliver();
        done
    }
}

impl SteeringState {
    fn turn(&mut self, controller: &Controller, place: f64) -> Result<bool, SteeringError> {
        let (node, param) = (&controller.node, &controller.param);
        let declared = self.declared(node, param)?.clone();
        let Some(value) = declared.value_at(place, controller.span) else {
            return Ok(false);
        };
        let key = (node.clone(), param.clone());
        let takes = !controller.pickup || self.takes_over(&key, &declared, controller, place);
        if self.pickups.len() >= MOST && !self.pickups.contains_key(&key) {
            self.pickups.clear();
        }
        let pickup = self.pickups.entry(key).or_default();
        pickup.place = Some(place);
        if !takes {
            pickup.set = None;
            return Ok(false);
        }
        pickup.set = Some(value.clone());
        self.set_hand_on(Way::default(), (node, param), Some(value))?;
        Ok(true)
    }

    fn takes_over(
        &self,
        key: &(String, String),
        declared: &Param,
        controller: &Controller,
        place: f64,
    ) -> bool {
        let held = self.hands.get(key);
        let now = self.value_now(key).or_else(|| held.cloned());
        let now = now.map(|now| self.in_seconds(now));
        let now = now.and_then(|now| declared.place_of(&now, controller.span));
        // What is no number, a flag or a word, has nothing that could be passed.
        let Some(now) = now else { return true };
        match self.pickups.get(key) {
            Some(pickup) => pickup.takes(place, now, held),
            None => Pickup::default().takes(place, now, held),
        }
    }

    /// A length in beats as the seconds that it is now; any other value as it is.
    fn in_seconds(&self, value: Value) -> Value {
        match value.get("beats").and_then(Value::as_f64) {
            Some(beats) => {
                let seconds = Length::Beats(beats).at(&self.transport).seconds();
                serde_json::json!({ "seconds": seconds })
            }
            None => value,
        }
    }

    /// What a live parameter is at this moment, as it was shown last.
    fn value_now(&self, (node, param): &(String, String)) -> Option<Value> {
        if node == TRANSPORT {
            let values = crate::transport_params::values(&self.transport);
            return values.get(param.as_str()).cloned();
        }
        let shown = self.find(node)?.shown.look();
        let value = shown.into_iter().find(|value| value.name == *param);
        value.map(|value| value.value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_knob_has_no_effect_until_it_passes_the_value() {
        let mut pickup = Pickup::default();
        assert!(!pickup.takes(0.2, 0.5, None), "nobody knows where it was");
        pickup.place = Some(0.2);
        assert!(!pickup.takes(0.4, 0.5, None));
        pickup.place = Some(0.4);
        assert!(pickup.takes(0.7, 0.5, None), "it has passed it");
        pickup.place = Some(0.7);
        assert!(pickup.takes(0.3, 0.5, None), "from above too");
        let near = Pickup::default();
        assert!(near.takes(0.5 + 1.0 / 127.0, 0.5, None), "it is there");
    }

    #[test]
    fn a_knob_keeps_the_value_that_it_has_set_until_something_else_changes_it() {
        let pickup = Pickup {
            place: Some(0.1),
            set: Some(Value::from(3)),
        };
        assert!(pickup.takes(0.2, 0.9, Some(&Value::from(3))));
        assert!(
            !pickup.takes(0.2, 0.9, Some(&Value::from(4))),
            "a cue has come"
        );
        assert!(!pickup.takes(0.2, 0.9, None), "it was released");
    }
}
