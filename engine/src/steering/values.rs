//! The live parameters of one node: which value holds, and which the processor has yet to be told.

use std::sync::Arc;

use serde_json::{Map, Value};

use super::glide::Glide;
use super::shown::{RefusedValue, Shown, ValueSource, ValueStatus};
use crate::curve::Curve;
use crate::descriptor::Descriptor;
use crate::error::NodeError;
use crate::graph::GraphNode;
use crate::param::{Change, Param, Span};
use crate::registry::AnyProcessor;
use crate::time::Time;

/// The live parameters of one node. A hand's value lies over a wire's, and a wire's over the
/// text's.
#[derive(Debug)]
pub(crate) struct Values {
    entries: Vec<Entry>,
    shown: Option<Arc<Shown>>,
    /// Whether what is shown is as it is.
    is_shown: bool,
}

/// One live parameter.
#[derive(Debug)]
struct Entry {
    /// Its number among all parameters of the kind.
    number: usize,
    param: Param,
    text: Value,
    /// What a wire into it last said, where one leads into it.
    wire: Option<Wire>,
    hand: Option<Value>,
    /// On the way to the value that holds.
    glide: Option<Glide>,
    /// What the processor goes by.
    known: Value,
    /// What it was told last and could not take.
    refused: Option<RefusedValue>,
}

#[derive(Debug)]
struct Wire {
    span: Option<Span>,
    /// `None`: nothing has come yet, and what held before goes on.
    said: Option<Value>,
}

impl Entry {
    /// The value that holds, and what it comes from.
    fn holds(&self) -> (&Value, ValueSource) {
        let wire = self.wire.as_ref().and_then(|wire| wire.said.as_ref());
        match (&self.hand, wire) {
            (Some(hand), _) => (hand, ValueSource::Hand),
            (None, Some(wire)) => (wire, ValueSource::Wire),
            (None, None) => (&self.text, ValueSource::Text),
        }
    }
}

impl Values {
    /// The live parameters of a kind, whose processor is built with the values of the text.
    pub(crate) fn new(descriptor: &Descriptor, text: &Map<String, Value>) -> Self {
        let live = (0..)
            .zip(&descriptor.params)
            .filter(|(_, param)| param.change == Change::Live);
        let entries = live.map(|(number, param)| {
            let text = text.get(param.name.as_ref()).cloned().unwrap_or_default();
            Entry {
                number,
                param: param.clone(),
                known: text.clone(),
                refused: None,
                text,
                wire: None,
                hand: None,
                glide: None,
            }
        });
        Values {
            entries: entries.collect(),
            shown: None,
            is_shown: false,
        }
    }

    /// Shows the values to whoever looks, from now on.
    pub(crate) fn shown_to(mut self, shown: Arc<Shown>) -> Self {
        self.shown = Some(shown);
        self
    }

    /// The text says other values.
    pub(crate) fn set_text(&mut self, text: &Map<String, Value>) {
        for entry in &mut self.entries {
            let said = text.get(entry.param.name.as_ref());
            entry.text = said.cloned().unwrap_or_default();
        }
        self.is_shown = false;
    }

    /// A wire leads into the parameter that is number `number` of the kind's, and its 0 to 1 stand
    /// for `span`.
    pub(crate) fn wire(&mut self, number: usize, span: Option<Span>) {
        if let Some(entry) = self.numbered(number) {
            let said = entry.wire.take().and_then(|wire| wire.said);
            entry.wire = Some(Wire { span, said });
        }
    }

    /// No wire leads into the parameter any more.
    pub(crate) fn unwire(&mut self, number: usize) {
        if let Some(entry) = self.numbered(number) {
            entry.wire = None;
        }
        self.is_shown = false;
    }

    /// The wire into the parameter says `place`, from 0 to 1.
    pub(crate) fn hear(&mut self, number: usize, place: f64) {
        if let Some(entry) = self.numbered(number)
            && let Some(wire) = &mut entry.wire
            && let Some(value) = entry.param.value_at(place, wire.span)
        {
            wire.said = Some(value);
            self.is_shown = false;
        }
    }

    /// As [`Values::morph`], at one speed.
    #[cfg(test)]
    pub(crate) fn hand(&mut self, name: &str, value: Option<Value>, now: Time, glide: Time) {
        self.morph(name, value, now, (glide, Curve::Linear));
    }

    /// A hand sets the parameter, or lets it go. Where a way leads there, the value goes to the new one
    /// in the time `glide` from when it has `begun`, along a curve.
    pub(crate) fn morph(
        &mut self,
        name: &str,
        value: Option<Value>,
        begun: Time,
        (glide, curve): (Time, Curve),
    ) {
        if let Some(entry) = self.named(name) {
            entry.hand = value;
            let goal = entry.holds().0.clone();
            let way = Glide::between(&entry.param, &entry.known, &goal, begun, glide);
            entry.glide = way.map(|way| way.curved(curve));
            self.is_shown = false;
        }
    }

    fn numbered(&mut self, number: usize) -> Option<&mut Entry> {
        self.entries.iter_mut().find(|entry| entry.number == number)
    }

    fn named(&mut self, name: &str) -> Option<&mut Entry> {
        self.entries
            .iter_mut()
            .find(|entry| entry.param.name == name)
    }

    /// Whether a value is on its way, so that [`Values::tell_to`] has news again soon.
    pub(crate) fn glides(&self) -> bool {
        self.entries.iter().any(|entry| entry.glide.is_some())
    }

    /// Whether [`Values::tell_to`] may have news.
    pub(crate) fn has_news(&self) -> bool {
        !self.is_shown || self.glides()
    }

    /// The processor was built anew, with the values of the text.
    pub(crate) fn begin_anew(&mut self) {
        for entry in &mut self.entries {
            entry.known = entry.text.clone();
            entry.refused = None;
        }
        self.is_shown = false;
    }

    /// Tells `processor` each value that is another than the one it goes by; whether there was one.
    ///
    /// # Errors
    /// It cannot take one. That one stays as it was, which is logged, and is told again with the
    /// next new value; others may have been taken.
    pub(crate) fn tell_to(
        &mut self,
        processor: &mut dyn AnyProcessor,
        node: &GraphNode,
        now: Time,
    ) -> Result<bool, NodeError> {
        let mut left = self.news(now);
        let has_news = !left.is_empty();
        // Together first: of two ends of a range each may be impossible with the other's old value.
        if !left.is_empty() && processor.set(&left).is_ok() {
            left.drain(..).for_each(|one| self.took(one));
        }
        // Then one by one, as long as any is taken: with it another may be possible.
        let mut refused = Vec::new();
        let mut before = usize::MAX;
        while !left.is_empty() && left.len() < before {
            before = left.len();
            refused.clear();
            for one in left.drain(..) {
                match processor.set(std::slice::from_ref(&one)) {
                    Ok(()) => self.took(one),
                    Err(error) => refused.push((one, error)),
                }
            }
            left.extend(refused.iter().map(|(one, _)| one.clone()));
        }
        for (one, error) in &refused {
            if self.could_not_take(one, error) {
                tracing::warn!(node = %node.id, param = one.0, "keeps its old value: {error}");
            }
        }
        self.show();
        match refused.pop() {
            Some((_, error)) => Err(error),
            None => Ok(has_news),
        }
    }

    /// Each value that is another than the one that the processor goes by. What it could not take
    /// is among them where another is new, with which it may be possible.
    fn news(&mut self, now: Time) -> Vec<(String, Value)> {
        let mut news = Vec::new();
        let mut is_any_new = false;
        for entry in &mut self.entries {
            let value = match &entry.glide {
                None => None,
                Some(glide) => {
                    let (value, is_done) = glide.at(&entry.param, now);
                    if is_done {
                        entry.glide = None;
                    }
                    Some(value)
                }
            };
            let value = value.unwrap_or_else(|| entry.holds().0.clone());
            if value != entry.known {
                let refused = entry.refused.as_ref().map(|refused| &refused.value);
                is_any_new |= refused != Some(&value);
                news.push((entry.param.name.to_string(), value));
            }
        }
        if !is_any_new {
            news.clear();
        }
        news
    }

    fn took(&mut self, (name, value): (String, Value)) {
        if let Some(entry) = self.named(&name) {
            entry.known = value;
            entry.refused = None;
        }
        self.is_shown = false;
    }

    /// `false`: it could not take that value the last time either.
    fn could_not_take(&mut self, (name, value): &(String, Value), error: &NodeError) -> bool {
        let refused = RefusedValue {
            value: value.clone(),
            why: error.to_string(),
        };
        let Some(entry) = self.named(name) else {
            return false;
        };
        let before = entry.refused.replace(refused);
        self.is_shown = false;
        before.is_none_or(|before| before.value != *value)
    }

    /// Shows what is not shown yet, where nobody looks at this moment.
    fn show(&mut self) {
        if self.is_shown {
            return;
        }
        let all = self.entries.iter().map(|entry| {
            let (wanted, source) = entry.holds();
            let refused = entry.refused.as_ref();
            ValueStatus {
                name: entry.param.name.to_string(),
                value: entry.known.clone(),
                unit: entry.param.unit.clone(),
                source,
                text: Some(entry.text.clone()).filter(|text| *text != entry.known),
                refused: refused.filter(|one| one.value == *wanted).cloned(),
            }
        });
        self.is_shown = (self.shown.as_ref()).is_none_or(|shown| shown.show(all));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn values() -> Values {
        let mut descriptor = Descriptor::new("test", "knob", "");
        descriptor.params = vec![
            Param::text("fixed", ""),
            Param::number("gain", (-60.0, 24.0), "").live(),
            Param::length("time", (0.0, 30.0), "").live(),
        ];
        Values::new(&descriptor, &text(0.0))
    }

    fn text(gain: f64) -> Map<String, Value> {
        let text = json!({ "fixed": "x", "gain": gain, "time": { "seconds": 1.0 } });
        text.as_object().unwrap().clone()
    }

    fn news(values: &mut Values, seconds: f64) -> Vec<(String, Value)> {
        let news = values.news(Time::from_seconds(seconds));
        news.iter().cloned().for_each(|one| values.took(one));
        values.show();
        news
    }

    fn gain(values: &mut Values) -> Option<f64> {
        let news = news(values, 0.0);
        assert!(news.len() <= 1 && news.iter().all(|(name, _)| name == "gain"));
        news.first().and_then(|(_, value)| value.as_f64())
    }

    #[test]
    fn a_hand_lies_over_a_wire_and_a_wire_over_the_text() {
        let mut values = values();
        let span = values.entries[0].param.spans();
        assert_eq!(
            gain(&mut values),
            None,
            "the processor was built with the text"
        );
        values.wire(1, span);
        assert_eq!(gain(&mut values), None, "the wire has said nothing yet");
        values.hear(1, 1.0);
        assert_eq!(gain(&mut values), Some(24.0));
        values.hand("gain", Some(json!(-3.0)), Time::ZERO, Time::ZERO);
        assert_eq!(gain(&mut values), Some(-3.0));
        values.hear(1, 0.0);
        assert_eq!(gain(&mut values), None, "the hand holds it");
        values.set_text(&text(6.0));
        assert_eq!(gain(&mut values), None);
        values.hand("gain", None, Time::ZERO, Time::ZERO);
        assert_eq!(gain(&mut values), Some(-60.0), "the wire's last word");
        values.unwire(1);
        assert_eq!(gain(&mut values), Some(6.0));
        values.hear(1, 1.0);
        assert_eq!(gain(&mut values), None, "no wire leads there");
    }

    #[test]
    fn what_begins_anew_is_told_what_holds() {
        let mut values = values();
        values.hand("gain", Some(json!(-3.0)), Time::ZERO, Time::ZERO);
        assert_eq!(gain(&mut values), Some(-3.0));
        values.begin_anew();
        assert_eq!(gain(&mut values), Some(-3.0));
        assert_eq!(gain(&mut values), None);
    }

    #[test]
    fn what_the_processor_cannot_take_is_told_once_and_never_shown_as_its_value() {
        let shown = Arc::<Shown>::default();
        let mut values = values().shown_to(shown.clone());
        values.hand("gain", Some(json!(-3.0)), Time::ZERO, Time::ZERO);
        let wanted = values.news(Time::ZERO).remove(0);
        assert!(values.could_not_take(&wanted, &NodeError::input("too soft")));
        values.show();
        let seen = shown.look().remove(0);
        assert_eq!(seen.value, json!(0.0));
        let refused = seen.refused.unwrap();
        assert_eq!(refused.value, json!(-3.0));
        assert!(refused.why.contains("too soft"));
        assert_eq!(gain(&mut values), None, "not the same again");
        values.hand("gain", Some(json!(-4.0)), Time::ZERO, Time::ZERO);
        assert_eq!(gain(&mut values), Some(-4.0));
        values.hand("gain", Some(json!(-3.0)), Time::ZERO, Time::ZERO);
        assert_eq!(gain(&mut values), Some(-3.0), "it may be possible by now");
        assert_eq!(shown.look()[0].refused, None);
    }

    #[test]
    fn what_the_processor_could_not_take_is_told_again_with_the_next_new_value() {
        let mut values = values();
        values.hand("gain", Some(json!(-3.0)), Time::ZERO, Time::ZERO);
        let wanted = values.news(Time::ZERO).remove(0);
        let mut is_new = || values.could_not_take(&wanted, &NodeError::input("too soft"));
        assert!(is_new() && !is_new());
        let length = json!({ "seconds": 2.0 });
        values.hand("time", Some(length.clone()), Time::ZERO, Time::ZERO);
        let told = news(&mut values, 0.0);
        assert_eq!(told, [wanted, ("time".to_owned(), length)]);
        assert!(news(&mut values, 0.0).is_empty());
    }

    /// Takes a low end that does not lie above the high one.
    struct Ends {
        low: f64,
        high: f64,
    }

    impl AnyProcessor for Ends {
        fn process(&mut self, _io: &mut crate::io::Io<'_>) -> Result<crate::node::Flow, NodeError> {
            Ok(crate::node::Flow::Done)
        }

        fn set(&mut self, values: &[(String, Value)]) -> Result<(), NodeError> {
            let (mut low, mut high) = (self.low, self.high);
            for (name, value) in values {
                let end = if name == "low" { &mut low } else { &mut high };
                *end = value.as_f64().unwrap();
            }
            if low > high {
                return Err(NodeError::input("the wrong way round"));
            }
            (self.low, self.high) = (low, high);
            Ok(())
        }
    }

    #[test]
    fn a_value_that_was_impossible_holds_once_another_makes_it_possible() {
        let mut descriptor = Descriptor::new("test", "ends", "");
        descriptor.params = ["low", "high"]
            .map(|name| Param::number(name, (0.0, 9.0), "").live())
            .into();
        let text = json!({ "low": 1.0, "high": 2.0 });
        let mut values = Values::new(&descriptor, text.as_object().unwrap());
        let node = GraphNode::declared("ends", descriptor);
        let mut ends = Ends {
            low: 1.0,
            high: 2.0,
        };
        let hand = |values: &mut Values, name, value: f64| {
            values.hand(name, Some(json!(value)), Time::ZERO, Time::ZERO);
        };
        hand(&mut values, "low", 5.0);
        assert!(values.tell_to(&mut ends, &node, Time::ZERO).is_err());
        assert_eq!((ends.low, ends.high), (1.0, 2.0));
        hand(&mut values, "high", 8.0);
        assert!(values.tell_to(&mut ends, &node, Time::ZERO).is_ok());
        assert_eq!((ends.low, ends.high), (5.0, 8.0));
    }

    #[test]
    fn a_glide_begins_where_the_value_is_and_ends_where_it_shall_be() {
        let mut values = values();
        values.hand(
            "gain",
            Some(json!(-10.0)),
            Time::ZERO,
            Time::from_seconds(1.0),
        );
        assert!(values.glides());
        assert_eq!(news(&mut values, 0.5), [("gain".to_owned(), json!(-5.0))]);
        // Turned back on the way.
        values.hand(
            "gain",
            None,
            Time::from_seconds(0.5),
            Time::from_seconds(1.0),
        );
        assert_eq!(news(&mut values, 1.0), [("gain".to_owned(), json!(-2.5))]);
        assert_eq!(news(&mut values, 1.5), [("gain".to_owned(), json!(0.0))]);
        assert!(!values.glides() && !values.has_news());
    }

    #[test]
    fn a_hand_on_a_value_that_morphs_takes_it_out_of_the_morph() {
        let mut values = values();
        let seconds = Time::from_seconds;
        let way = (seconds(2.0), Curve::Smooth);
        values.morph("gain", Some(json!(-10.0)), seconds(0.0), way);
        assert_eq!(news(&mut values, 1.0), [("gain".to_owned(), json!(-5.0))]);
        values.hand("gain", Some(json!(-4.5)), seconds(1.0), Time::ZERO);
        assert_eq!(news(&mut values, 1.0), [("gain".to_owned(), json!(-4.5))]);
        assert!(!values.glides());
        assert_eq!(news(&mut values, 3.0), []);
    }

    #[test]
    fn what_is_shown_says_where_each_value_comes_from_and_what_the_text_says_else() {
        let shown = Arc::<Shown>::default();
        let mut values = values().shown_to(shown.clone());
        values.hand("gain", Some(json!(-3.0)), Time::ZERO, Time::ZERO);
        news(&mut values, 0.0);
        let seen = shown.look();
        assert_eq!(
            (seen[0].source, &seen[0].value, &seen[0].text),
            (ValueSource::Hand, &json!(-3.0), &Some(json!(0.0)))
        );
        assert_eq!((seen[1].source, &seen[1].text), (ValueSource::Text, &None));
        // Whoever looks for long holds nobody up, and sees the rest later.
        let held = shown.0.lock().unwrap();
        values.hand("gain", None, Time::ZERO, Time::ZERO);
        assert_eq!(gain(&mut values), Some(0.0));
        assert!(values.has_news());
        drop(held);
        news(&mut values, 0.0);
        assert_eq!(shown.look()[0].source, ValueSource::Text);
    }
}
