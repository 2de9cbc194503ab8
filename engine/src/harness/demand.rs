//! Whether what a test demands of a node can be: its parameters, the packets that it is fed, the
//! values that it is set.

use serde_json::{Map, Value};

use super::Feed;
use super::live::Setting;
use crate::descriptor::Descriptor;
use crate::diagnostic::did_you_mean;
use crate::error::NodeError;
use crate::param::{Change, Param};
use crate::time::Time;

/// The parameters with every default filled in.
///
/// # Errors
/// They are not an object, or the declaration does not admit them.
pub(super) fn params(descriptor: &Descriptor, given: &Value) -> Result<Value, NodeError> {
    let mut params = match given {
        Value::Object(params) => params.clone(),
        Value::Null => Map::new(),
        other => {
            let why = format!("parameters are an object, as in json!({{}}), not {other}");
            return Err(NodeError::input(why));
        }
    };
    for (name, value) in &params {
        admits(param(descriptor, name)?, value)?;
    }
    for param in &descriptor.params {
        match &param.default {
            _ if params.contains_key(param.name.as_ref()) => {}
            Some(default) => {
                params.insert(param.name.to_string(), default.clone());
            }
            None => {
                let (name, takes) = (&param.name, param.takes());
                let why = format!("`{name}` must be given: {takes}");
                return Err(NodeError::input(why));
            }
        }
    }
    Ok(Value::Object(params))
}

/// # Errors
/// What is set is not a live parameter, or one that does not take the value.
pub(super) fn settings(descriptor: &Descriptor, settings: &[Setting]) -> Result<(), NodeError> {
    for setting in settings {
        let param = param(descriptor, &setting.name)?;
        if param.change != Change::Live {
            let name = &param.name;
            let why = format!("`{name}` is not live: a change rebuilds the node");
            return Err(NodeError::input(why).help("declare it with `.live()`"));
        }
        admits(param, &setting.value)?;
    }
    Ok(())
}

/// Whether the packets of `feed` come one after another, none after the end, as `when` tells their
/// times.
///
/// # Errors
/// They do not.
pub(super) fn order(
    feed: &Feed,
    when: &str,
    times: impl Iterator<Item = Time>,
) -> Result<(), NodeError> {
    let input = &feed.input;
    let mut before = None;
    for (index, time) in times.enumerate() {
        let why = match before.replace(time) {
            Some(before) if time < before => {
                format!("{when} {time}, and the one before it {before}: sort them")
            }
            _ if time > feed.end => {
                format!("{when} {time}, after the end of the input at {}", feed.end)
            }
            _ => continue,
        };
        let number = index + 1;
        return Err(NodeError::input(format!(
            "packet {number} that is fed to `{input}` {why}"
        )));
    }
    Ok(())
}

fn param<'a>(descriptor: &'a Descriptor, name: &str) -> Result<&'a Param, NodeError> {
    let mut params = descriptor.params.iter();
    params.find(|param| param.name == name).ok_or_else(|| {
        let kind = &descriptor.kind;
        let error = NodeError::input(format!("`{kind}` has no parameter `{name}`"));
        let names = descriptor.params.iter().map(|param| param.name.as_ref());
        match did_you_mean(name, names) {
            Some(help) => error.help(help),
            None => error,
        }
    })
}

fn admits(param: &Param, value: &Value) -> Result<(), NodeError> {
    param.admits(value).map_err(NodeError::input)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::error::NodeError;
    use crate::harness::Harness;
    use crate::io::Io;
    use crate::node::{Build, Flow, Node, Processor};
    use crate::packet::Payload;
    use crate::{Control, Descriptor, InputPort, Length, Params, PortType, Time, Transport};

    const HEARD: InputPort<Control> = InputPort::new(0, "in", "");

    #[derive(Clone, Params)]
    #[expect(dead_code, reason = "the tests are about what reaches the fields")]
    struct Echo {
        #[param(live, range = 0.0..=5.0, default = Length::Beats(0.5))]
        delay: Length,
        #[param(range = 0.0..=1.0, default = 0.5)]
        decay: f64,
    }

    impl Node for Echo {
        fn descriptor() -> Descriptor {
            Descriptor::of::<Self>("test", "echo", "").input(HEARD)
        }

        fn build(&self, _build: &Build<'_>) -> Result<Box<dyn Processor<Self>>, NodeError> {
            Ok(Box::new(Echoing {}))
        }
    }

    struct Echoing {}

    impl Processor<Echo> for Echoing {
        fn process(&mut self, _params: &Echo, io: &mut Io<'_>) -> Result<Flow, NodeError> {
            while io.take().is_some() {}
            Ok(Flow::Continue)
        }
    }

    fn at(seconds: f64) -> Time {
        Time::from_seconds(seconds)
    }

    fn echo(params: serde_json::Value) -> Harness<Echo> {
        fed(params, &[0.0, 0.5, 1.0])
    }

    fn fed(params: serde_json::Value, times: &[f64]) -> Harness<Echo> {
        let packets = times.iter().map(|time| (at(*time), Payload::Control(0.0)));
        Harness::new(params).feed("in", PortType::Control, packets.collect(), at(1.0))
    }

    fn half_second() -> serde_json::Value {
        json!({ "seconds": 0.5 })
    }

    #[test]
    fn what_fits_the_declaration_is_played() {
        let params = json!({ "delay": half_second(), "decay": 1 });
        echo(params.clone()).run().unwrap();
        let played = echo(params).set_live(at(0.5), "delay", half_second());
        played.play_live().unwrap();
    }

    #[test]
    fn what_a_test_asks_and_cannot_be_is_refused_and_named() {
        let refused = |harness: Harness<Echo>| harness.run().map(|_| ()).unwrap_err();
        let misspelt = refused(echo(json!({ "delai": half_second() })));
        assert!(misspelt.to_string().contains("`delai`"), "{misspelt}");
        assert!(misspelt.advice().is_some_and(|help| help.contains("delay")));
        for (harness, word) in [
            (echo(json!({ "decay": 1.1 })), "from 0 to 1"),
            (echo(json!({ "delay": 0.5 })), r#"{"beats": 2}"#),
            (echo(json!([])), "object"),
            (
                echo(json!({})).set_live(at(0.5), "delay", half_second()),
                "live only",
            ),
            (
                echo(json!({})).retime(at(0.5), Transport::default()),
                "the transport changes while the node runs",
            ),
            (fed(json!({}), &[0.5, 0.2]), "packet 2 that is fed to `in`"),
            (fed(json!({}), &[1.5]), "after the end"),
        ] {
            let error = refused(harness);
            assert!(error.to_string().contains(word), "{error}");
        }
    }

    #[test]
    fn a_live_value_that_the_node_could_not_be_sent_is_refused() {
        for (name, value, word) in [
            ("decay", json!(0.1), "not live"),
            ("delai", half_second(), "`delai`"),
            ("delay", json!({ "seconds": 9 }), "from 0 to 5"),
        ] {
            let harness = echo(json!({})).set_live(at(0.5), name, value);
            let error = harness.play_live().unwrap_err().to_string();
            assert!(error.contains(word), "{error}");
        }
    }
}
