//! Makes a number by a formula.

mod formula;

use score_engine::{
    Build, Check, Control, Descriptor, Flow, InputPort, Io, Node, NodeError, OutputPort, Params,
    Processor, Time, Transport,
};

use self::formula::{Fault, Formula, functions};

/// What a formula calls its inputs, and what else it knows.
const NAMES: [&str; COUNT + 2] = ["a", "b", "c", "d", "e", "f", "g", "h", "time", "beat"];

/// How many inputs there are.
const COUNT: usize = 8;

const A: InputPort<Control> = InputPort::new(0, NAMES[0], "a number");

const VALUE: OutputPort<Control> = OutputPort::new(0, "value", "what the formula comes to");

/// One of the inputs after the first.
const fn more(index: usize) -> InputPort<Control> {
    InputPort::new(index, NAMES[index], "another number")
        .optional()
        .by_name()
}

const INPUTS: [InputPort<Control>; COUNT] = [
    A,
    more(1),
    more(2),
    more(3),
    more(4),
    more(5),
    more(6),
    more(7),
];

/// `expression`.
#[derive(Clone, Params)]
pub(crate) struct Expression {
    /// what is made of the inputs, such as `a * (1 - b)`
    #[param(live)]
    formula: String,
}

impl Node for Expression {
    fn descriptor() -> Descriptor {
        let details = format!(
            "A formula is written as in other programs: `+ - * / % ^`, brackets, `< <= > >= == !=`, `and or not` (what \
             holds is 1, what does not is 0, and anything but 0 holds; `not a > 0.5` denies the whole comparison), and the functions {}. `if(a > 0.5, b, c)` is `b` \
             where `a` exceeds 0.5, else `c`; `min` and `max` take two numbers or more; `clamp(a, 0, 1)`, \
             `mix(a, b, share)`, `mod(a, b)`; angles are in radians. It knows `pi` and `tau`, `time` (seconds since \
             the start of the run), `beat` (quarter notes since then, on the grid) and the inputs by their names.\n\n\
             It is reckoned anew with each number that comes in, once every wire has brought one; for a formula of `time` \
             or `beat` let an `lfo` bring them. A result that is not a number, or infinite, as of `1 / 0`, is not sent. An \
             input that is none, or infinite, is left out: the number before it counts. A new formula is taken over while it plays.",
            functions()
                .map(|name| format!("`{name}`"))
                .collect::<Vec<_>>()
                .join(", ")
        );
        let descriptor =
            Descriptor::of::<Self>("control", "expression", "Makes a number by a formula")
                .example(
                    r#"nodes: {
                    "film": video_file(path: "film.mp4", width: 64, height: 64),
                    "motion": motion(),
                    "light": brightness(),
                    "ask": expression(formula: "clamp(a * 2, 0, 1) * if(b > 0.1, 1, 0.5)"),
                    "tune": scale_walk(),
                    "notes": midi_file(path: "film.mid"),
                },
                wires: ["film -> motion -> ask -> tune -> notes", "film -> light -> ask.b"]"#,
                )
                .details(details);
        let descriptor = INPUTS
            .into_iter()
            .fold(descriptor, |descriptor, input| descriptor.input(input));
        descriptor.output(VALUE).in_bars().light()
    }

    fn check(&self, check: &mut Check<'_>) {
        let is_wired = INPUTS.map(|input| check.input_type(input).is_some());
        if let Err(fault) = read(&self.formula, &is_wired) {
            check.refuse_within("formula", fault.range, fault.message, Some(fault.help));
        }
    }

    fn build(&self, build: &Build<'_>) -> Result<Box<dyn Processor<Self>>, NodeError> {
        let is_wired = INPUTS.map(|input| build.is_wired(input));
        Ok(Box::new(Reckoning {
            formula: read_told(&self.formula, &is_wired)?,
            is_wired,
            transport: build.transport.clone(),
            latest: [None; COUNT],
            stack: Vec::new(),
        }))
    }
}

/// The formula, where it uses nothing but what is wired.
fn read(text: &str, is_wired: &[bool; COUNT]) -> Result<Formula, Fault> {
    let formula = Formula::read(text, &NAMES)?;
    let unwired = (formula.uses.iter()).find(|(number, _)| is_wired.get(*number) == Some(&false));
    match unwired.and_then(|(number, range)| Some((NAMES.get(*number)?, range))) {
        Some((name, range)) => Err(Fault {
            range: range.clone(),
            message: format!("nothing is wired into `{name}`"),
            help: format!("wire a number into it, as in \"motion -> id.{name}\""),
        }),
        None => Ok(formula),
    }
}

/// The same, with an error that says in words where the fault is.
fn read_told(text: &str, is_wired: &[bool; COUNT]) -> Result<Formula, NodeError> {
    read(text, is_wired).map_err(|fault| {
        let before = text.get(..fault.range.start).unwrap_or_default();
        let (place, message) = (before.chars().count() + 1, fault.message);
        NodeError::input(format!("the formula, at letter {place}: {message}")).help(fault.help)
    })
}

struct Reckoning {
    formula: Formula,
    is_wired: [bool; COUNT],
    transport: Transport,
    /// The latest number of each input.
    latest: [Option<f64>; COUNT],
    stack: Vec<f64>,
}

impl Processor<Expression> for Reckoning {
    fn process(&mut self, _params: &Expression, io: &mut Io<'_>) -> Result<Flow, NodeError> {
        while let Some(input) = io.take() {
            let Some(port) = INPUTS.get(input.port) else {
                continue;
            };
            let value = *input.read(*port)?;
            if let Some(latest) = self.latest.get_mut(input.port)
                && value.is_finite()
            {
                *latest = Some(f64::from(value));
            }
            if let Some(value) = self.value(input.packet.time) {
                io.send(VALUE, input.packet.time, value)?;
            }
        }
        Ok(Flow::Continue)
    }

    fn changed(&mut self, params: &Expression, transport: &Transport) -> Result<(), NodeError> {
        self.formula = read_told(&params.formula, &self.is_wired)?;
        self.transport = transport.clone();
        Ok(())
    }
}

impl Reckoning {
    /// What the formula comes to at `time`; `None` before all is known, and where it is no number.
    fn value(&mut self, time: Time) -> Option<f32> {
        let mut values = [0.0; COUNT + 2];
        for ((value, latest), is_wired) in values.iter_mut().zip(self.latest).zip(self.is_wired) {
            if is_wired {
                *value = latest?;
            }
        }
        values[COUNT] = time.seconds();
        values[COUNT + 1] = self.transport.position(time);
        let value = self.formula.value(&values, &mut self.stack) as f32;
        value.is_finite().then_some(value)
    }
}

#[cfg(test)]
mod tests {
    use score_engine::PortType;
    use score_engine::harness::Harness;
    use serde_json::json;

    use super::*;
    use crate::testing::{alike, at, numbers, told};

    fn expression(formula: &str) -> Harness<Expression> {
        let a = numbers(&[(0.0, 0.5), (1.0, 0.25), (3.0, f32::NAN)]);
        Harness::<Expression>::new(json!({ "formula": formula }))
            .feed("a", PortType::Control, a, at(4.0))
            .feed(
                "b",
                PortType::Control,
                numbers(&[(0.5, 2.0), (2.0, 4.0)]),
                at(4.0),
            )
    }

    #[test]
    fn it_is_reckoned_with_each_number_once_all_inputs_have_brought_one() {
        let outputs = alike(|| expression("a * b"));
        let wanted = [(500, 1.0), (1000, 0.5), (2000, 1.0), (3000, 1.0)];
        assert_eq!(told(&outputs, "value"), wanted);
    }

    #[test]
    fn time_and_beat_are_those_of_the_run_and_what_is_no_number_does_not_go_out() {
        let outputs = alike(|| expression("time + beat * 10"));
        let wanted = [(500, 10.5), (1000, 21.0), (2000, 42.0), (3000, 63.0)];
        assert_eq!(told(&outputs, "value"), wanted);
        let outputs = alike(|| expression("if(time == 1, 1 / 0, a)"));
        let wanted = [(500, 0.5), (2000, 0.25), (3000, 0.25)];
        assert_eq!(told(&outputs, "value"), wanted);
    }

    #[test]
    fn what_is_wrong_or_not_wired_is_refused() {
        for (formula, word) in [
            ("a * (", "at the end"),
            ("a * c", "nothing is wired into `c`"),
        ] {
            let why = expression(formula).run().unwrap_err();
            assert!(why.to_string().contains(word), "{why}");
        }
    }

    #[test]
    fn a_new_formula_keeps_the_numbers_and_a_wrong_one_is_not_taken() {
        let outputs = expression("a * b")
            .set_live(at(1.5), "formula", "a + b")
            .play_live()
            .unwrap();
        let wanted = [(500, 1.0), (1000, 0.5), (2000, 4.25), (3000, 4.25)];
        assert_eq!(told(&outputs, "value"), wanted);
        let why = expression("a * b")
            .set_live(at(1.5), "formula", "a +")
            .play_live()
            .unwrap_err();
        assert!(why.to_string().contains("letter 3"), "{why}");
        assert!(
            why.advice()
                .is_some_and(|help| help.contains("time, beat, pi"))
        );
        let why = expression("a * b")
            .set_live(at(1.5), "formula", "a + ü")
            .play_live()
            .unwrap_err();
        assert!(why.to_string().contains("letter 5"), "{why}");
    }
}
