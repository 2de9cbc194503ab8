//! What is wrong with a declaration.

use std::cmp::Ordering;
use std::collections::BTreeSet;

use super::Descriptor;
use crate::param::{Change, Param, ParamType};
use crate::port::{Port, PortType};

impl Descriptor {
    /// The first thing that is wrong with the declaration, in words: a name that no patch can say,
    /// one that stands twice, a range without values, or a default that its own parameter does
    /// not take.
    pub fn fault(&self) -> Option<String> {
        let kind = &self.kind;
        if !is_name(kind) {
            return Some(format!("the kind `{kind}` {NO_NAME}"));
        }
        let names = |what: &'static str, ports: &[Port]| {
            let names = ports.iter().map(|port| port.name.to_string());
            names_fault(what, names)
        };
        (self.misplaced.clone())
            .or_else(|| names("input", &self.inputs))
            .or_else(|| names("output", &self.outputs))
            .or_else(|| {
                let names = self.params.iter().map(|param| param.name.to_string());
                names_fault("parameter", names)
            })
            .or_else(|| self.params.iter().find_map(param_fault))
            .or_else(|| self.params.iter().find_map(|param| self.wires_fault(param)))
            .or_else(|| self.light_fault())
            .map(|fault| format!("`{kind}`: {fault}"))
    }

    /// Why the parameter cannot have an item for each wire, where it says that it has.
    fn wires_fault(&self, param: &Param) -> Option<String> {
        let (name, input) = (&param.name, param.wires.as_ref()?);
        if !matches!(param.param_type, ParamType::List(_)) {
            return Some(format!("`{name}` is no list, but is to count wires"));
        }
        let is_known = self.inputs.iter().any(|port| port.name == *input);
        let why = format!("`{name}` counts the wires into `{input}`, which is no input");
        Some(why).filter(|_| !is_known)
    }

    /// Why the kind cannot be light, where it says that it is.
    fn light_fault(&self) -> Option<String> {
        let is_heavy = |port: &Port| {
            let port_type = &port.port_type;
            matches!(port_type, PortType::Audio | PortType::Frame | PortType::Any)
        };
        let is_file = |param: &Param| matches!(param.param_type, ParamType::File(_));
        let why = if self.urgent {
            "urgent"
        } else if self.paced {
            "paced"
        } else if self.inputs.iter().chain(&self.outputs).any(is_heavy) {
            "one that carries sound or pictures"
        } else if self.params.iter().any(is_file) {
            "one that opens files"
        } else {
            return None;
        };
        let why = format!("a light kind cannot be {why}: it shares its thread with others");
        Some(why).filter(|_| self.light)
    }
}

const NO_NAME: &str =
    "has a name that no patch can say: lower-case letters, digits and _, a letter first";

fn is_name(name: &str) -> bool {
    let mut letters = name.chars();
    letters
        .next()
        .is_some_and(|first| first.is_ascii_lowercase())
        && letters.all(|letter| matches!(letter, 'a'..='z' | '0'..='9' | '_'))
}

fn names_fault(what: &str, names: impl Iterator<Item = String>) -> Option<String> {
    let mut seen = BTreeSet::new();
    for name in names {
        if !is_name(&name) {
            return Some(format!("the {what} `{name}` {NO_NAME}"));
        }
        if !seen.insert(name.clone()) {
            return Some(format!("there are two {what}s `{name}`"));
        }
    }
    None
}

fn param_fault(param: &Param) -> Option<String> {
    if let Some(why) = emptiness(&param.param_type) {
        return Some(format!("`{}` has {why}", param.name));
    }
    if param.order && param.change != Change::Live {
        return Some(format!("`{}` is an order, but is not live", param.name));
    }
    let default = param.default.as_ref().filter(|value| !value.is_null())?;
    let why = param.admits(default).err()?;
    Some(format!("the default does not fit: {why}"))
}

fn emptiness(param_type: &ParamType) -> Option<&'static str> {
    const RANGE: &str = "a range whose end comes before its beginning";
    match param_type {
        // A bound that is NaN makes a range without values too.
        ParamType::Number { min, max } | ParamType::Length { min, max } => {
            (min.partial_cmp(max).is_none_or(Ordering::is_gt)).then_some(RANGE)
        }
        ParamType::Integer { min, max } => (min > max).then_some(RANGE),
        ParamType::Choice(words) => words.is_empty().then_some("no word to choose"),
        ParamType::List(item) => emptiness(item),
        ParamType::Flag | ParamType::Text | ParamType::File(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::port::{Control, InputPort, OutputPort};
    use serde_json::json;

    fn with(param: Param) -> Descriptor {
        Descriptor::new("test", "echo", "").param(param)
    }

    #[test]
    fn a_declaration_that_contradicts_itself_is_told_and_a_sound_one_is_not() {
        let port = || Port::new("in", PortType::Control, "");
        let length = || Param::length("delay", (0.0, 5.0), "");
        let list = || Param::list("levels", ParamType::Flag, "").for_each_wire("in");
        for (descriptor, fault) in [
            (with(length()), None),
            (with(length().default(0.5)), None),
            (with(length().default_beats(0.5)), None),
            (with(length().optional()), None),
            (with(length().default("beats(0.5)")), Some("beats(0.5)")),
            (
                with(length().default(6.0)),
                Some("the default does not fit: `delay` takes seconds or beats(n) from 0 to 5"),
            ),
            (with(Param::number("x", (1.0, 0.0), "")), Some("range")),
            (with(Param::number("x", (f64::NAN, 0.0), "")), Some("range")),
            (with(Param::integer("x", (1, 0), "")), Some("range")),
            (with(Param::choice("x", &[], "")), Some("no word")),
            (
                with(Param::integer("x", (0, 1), "").default(json!(0.5))),
                Some("0.5"),
            ),
            (with(Param::flag("Loud", "")), Some("`Loud`")),
            (with(Param::flag("", "")), Some("parameter")),
            (
                with(length()).param(length()),
                Some("two parameters `delay`"),
            ),
            (with(length()).with_input(port()).with_output(port()), None),
            (
                with(length()).with_input(port()).with_input(port()),
                Some("two inputs `in`"),
            ),
            (
                with(length()).with_output(port()).with_output(port()),
                Some("two outputs `in`"),
            ),
            (with(Param::flag("go", "").order()), Some("is not live")),
            (with(Param::flag("go", "").live().order()), None),
            (with(length().for_each_wire("in")), Some("no list")),
            (with(list()), Some("`in`, which is no input")),
            (with(list()).with_input(port().many()), None),
            (with(length()).light().with_input(port()), None),
            (with(length()).light().urgent(), Some("cannot be urgent")),
            (with(length()).light().paced(), Some("cannot be paced")),
            (
                with(Param::file_to_read("path", "")).light(),
                Some("opens files"),
            ),
            (
                (with(length()).light()).with_output(Port::new("out", PortType::Audio, "")),
                Some("carries sound"),
            ),
            (Descriptor::new("test", "my-echo", ""), Some("`my-echo`")),
        ] {
            match (descriptor.fault(), fault) {
                (None, None) => {}
                (Some(told), Some(word)) if told.contains(word) => {}
                (told, _) => panic!("{told:?} instead of {fault:?}"),
            }
        }
    }

    #[test]
    fn a_port_whose_number_is_not_its_place_is_told() {
        const FIRST: InputPort<Control> = InputPort::new(0, "first", "");
        const SECOND: InputPort<Control> = InputPort::new(1, "second", "");
        const MADE: OutputPort<Control> = OutputPort::new(0, "made", "");
        const ALSO: OutputPort<Control> = OutputPort::new(2, "also", "");
        let declared = || Descriptor::new("test", "echo", "");
        let sound = declared().input(FIRST).output(MADE).input(SECOND);
        assert_eq!(sound.fault(), None, "inputs and outputs are counted apart");
        for (descriptor, fault) in [
            (
                declared().input(SECOND).input(FIRST),
                "`echo`: the input `second` is number 1, but stands at 0",
            ),
            (
                declared().input(FIRST).output(MADE).output(ALSO),
                "`echo`: the output `also` is number 2, but stands at 1",
            ),
        ] {
            assert_eq!(descriptor.fault().as_deref(), Some(fault));
            // As a plugin's declaration reaches the program.
            let text = serde_json::to_string(&descriptor).unwrap();
            let read: Descriptor = serde_json::from_str(&text).unwrap();
            assert_eq!(read.fault().as_deref(), Some(fault));
        }
    }
}
