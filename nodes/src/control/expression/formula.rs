//! A formula, read into steps that a stack works off: nothing that it says can take long, fail or
//! fill memory while it plays.

use std::f64::consts;
use std::ops::Range;

use score_engine::did_you_mean;

/// Bytes of a formula.
const MOST_TEXT: usize = 2_000;

/// Brackets and signs within each other.
const MOST_DEPTH: usize = 64;

/// Functions of one, two and three numbers.
type OfOne = fn(f64) -> f64;
type OfTwo = fn(f64, f64) -> f64;
type OfThree = fn(f64, f64, f64) -> f64;

/// What stands for itself.
const CONSTANTS: [(&str, f64); 2] = [("pi", consts::PI), ("tau", consts::TAU)];

/// Functions of one number.
const OF_ONE: [(&str, OfOne); 17] = [
    ("abs", f64::abs),
    ("acos", f64::acos),
    ("asin", f64::asin),
    ("atan", f64::atan),
    ("ceil", f64::ceil),
    ("cos", f64::cos),
    ("exp", f64::exp),
    ("floor", f64::floor),
    ("fract", |a| a - a.floor()),
    ("ln", f64::ln),
    ("log10", f64::log10),
    ("log2", f64::log2),
    ("round", f64::round),
    ("sin", f64::sin),
    ("sqrt", f64::sqrt),
    ("tan", f64::tan),
    ("tanh", f64::tanh),
];

/// Functions of two numbers.
const OF_TWO: [(&str, OfTwo); 3] = [
    ("atan2", f64::atan2),
    ("mod", remainder),
    ("pow", f64::powf),
];

/// Functions of two numbers or more.
const OF_MANY: [(&str, OfTwo); 2] = [("max", f64::max), ("min", f64::min)];

/// Functions of three numbers.
const OF_THREE: [(&str, OfThree); 3] = [
    ("clamp", |a, low, high| a.max(low).min(high)),
    (
        "if",
        |truth, then, or_else| if truth == 0.0 { or_else } else { then },
    ),
    ("mix", |a, b, share| a + (b - a) * share),
];

/// What stands between two numbers, how tightly it binds, and what it does. Longer ones stand
/// before those that they begin with.
const BETWEEN: [(&str, u8, OfTwo); 14] = [
    ("or", 1, |a, b| truth(a != 0.0 || b != 0.0)),
    ("and", 2, |a, b| truth(a != 0.0 && b != 0.0)),
    ("<=", 3, |a, b| truth(a <= b)),
    (">=", 3, |a, b| truth(a >= b)),
    ("==", 3, |a, b| truth(a == b)),
    ("!=", 3, |a, b| truth(a != b)),
    ("<", 3, |a, b| truth(a < b)),
    (">", 3, |a, b| truth(a > b)),
    ("+", 4, |a, b| a + b),
    ("-", 4, |a, b| a - b),
    ("*", 5, |a, b| a * b),
    ("/", 5, |a, b| a / b),
    ("%", 5, remainder),
    ("^", 7, f64::powf),
];

/// How tightly a sign before a number binds: less than a power, so that −2^2 is −4.
const SIGN: u8 = 6;

/// How tightly `not` binds: less than a comparison, so that what it denies needs no brackets.
const NOT: u8 = 3;

fn truth(holds: bool) -> f64 {
    f64::from(u8::from(holds))
}

/// What is left of `a` after whole times `b`, never below 0 where `b` is above.
fn remainder(a: f64, b: f64) -> f64 {
    a - b * (a / b).floor()
}

/// One step of the stack.
#[derive(Clone, Copy, Debug)]
enum Step {
    Number(f64),
    /// The variable of this number.
    Variable(usize),
    One(OfOne),
    Two(OfTwo),
    Three(OfThree),
}

/// What is wrong with a formula, and where.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Fault {
    /// Bytes of the text.
    pub(super) range: Range<usize>,
    pub(super) message: String,
    /// What to do about it.
    pub(super) help: String,
}

impl Fault {
    fn new(range: Range<usize>, message: impl Into<String>, help: impl Into<String>) -> Self {
        Fault {
            range,
            message: message.into(),
            help: help.into(),
        }
    }
}

/// What is said to whoever has written too much.
const SPLIT: &str = "put a part of it into another `expression` before this one";

/// A formula that was read.
#[derive(Clone, Debug)]
pub(super) struct Formula {
    steps: Vec<Step>,
    /// Where each variable stands that it uses, by number.
    pub(super) uses: Vec<(usize, Range<usize>)>,
}

impl Formula {
    /// Reads `text`, in which the variables are called `variables`.
    ///
    /// # Errors
    /// It is no formula.
    pub(super) fn read(text: &str, variables: &[&str]) -> Result<Self, Fault> {
        if text.len() > MOST_TEXT {
            let message = format!("a formula has at most {MOST_TEXT} letters");
            return Err(Fault::new(0..text.len(), message, SPLIT));
        }
        let mut reader = Reader {
            text,
            place: 0,
            depth: 0,
            variables,
            steps: Vec::new(),
            uses: Vec::new(),
        };
        reader.skip_space();
        if reader.rest().is_empty() {
            let example = "as in `a * (1 - b)`";
            return Err(Fault::new(0..text.len(), "the formula is empty", example));
        }
        reader.read(0)?;
        match reader.rest().chars().next() {
            None => Ok(Formula {
                steps: reader.steps,
                uses: reader.uses,
            }),
            Some(letter) => Err(reader.surplus(letter)),
        }
    }

    /// What it comes to with these values of its variables.
    pub(super) fn value(&self, values: &[f64], stack: &mut Vec<f64>) -> f64 {
        stack.clear();
        for step in &self.steps {
            let mut top = || stack.pop().unwrap_or(f64::NAN);
            let value = match *step {
                Step::Number(number) => number,
                Step::Variable(number) => values.get(number).copied().unwrap_or(f64::NAN),
                Step::One(of) => of(top()),
                Step::Two(of) => {
                    let second = top();
                    of(top(), second)
                }
                Step::Three(of) => {
                    let (third, second) = (top(), top());
                    of(top(), second, third)
                }
            };
            stack.push(value);
        }
        stack.pop().unwrap_or(f64::NAN)
    }
}

struct Reader<'a> {
    text: &'a str,
    place: usize,
    depth: usize,
    variables: &'a [&'a str],
    steps: Vec<Step>,
    uses: Vec<(usize, Range<usize>)>,
}

impl<'a> Reader<'a> {
    fn rest(&self) -> &'a str {
        self.text.get(self.place..).unwrap_or_default()
    }

    fn skip_space(&mut self) {
        let rest = self.rest();
        self.place += rest.len() - rest.trim_start().len();
    }

    /// Takes `sign` where it comes next.
    fn take(&mut self, sign: &str) -> bool {
        let is_next = self.rest().starts_with(sign);
        if is_next {
            self.place += sign.len();
            self.skip_space();
        }
        is_next
    }

    /// The letters of the name that comes next.
    fn name(&self) -> &'a str {
        let rest = self.rest();
        let is_part = |letter: char| letter.is_ascii_alphanumeric() || letter == '_';
        let end = rest.find(|letter| !is_part(letter)).unwrap_or(rest.len());
        match rest.starts_with(|letter: char| letter.is_ascii_digit()) {
            true => "",
            false => rest.get(..end).unwrap_or_default(),
        }
    }

    /// The place of the next letter.
    fn here(&self) -> Range<usize> {
        let length = self.rest().chars().next().map_or(0, char::len_utf8);
        self.place..self.place + length
    }

    /// Something that stands where the formula could end.
    fn surplus(&self, letter: char) -> Fault {
        let (message, help) = match letter {
            ',' => (
                "a comma stands only between the numbers of a function",
                "decimals need a point: 0.25",
            ),
            ')' => (
                "this bracket was never opened",
                "take it away, or write `(` where it opens",
            ),
            '=' => ("`=` alone does nothing", "`==` compares"),
            '&' => ("`&` does nothing", "write `and`"),
            '|' => ("`|` does nothing", "write `or`"),
            _ => {
                let message = format!("something like `*` is missing before `{letter}`");
                return Fault::new(self.here(), message, self.known());
            }
        };
        Fault::new(self.here(), message, help)
    }

    /// What a formula is made of.
    fn known(&self) -> String {
        format!(
            "between two numbers stands one of + - * / % ^ < <= > >= == != and or; it knows {}",
            self.names()
        )
    }

    /// What is known by name, but for functions.
    fn names(&self) -> String {
        let names = self.variables.iter().copied();
        let names: Vec<&str> = names.chain(CONSTANTS.map(|(name, _)| name)).collect();
        names.join(", ")
    }

    /// The operator that comes next: its number in the table.
    fn operator(&self) -> Option<usize> {
        let rest = self.rest();
        let name = self.name();
        BETWEEN.iter().position(|(sign, ..)| match name.is_empty() {
            true => rest.starts_with(sign),
            false => name == *sign,
        })
    }

    /// Reads as much as binds at least as tightly as `least`.
    fn read(&mut self, least: u8) -> Result<(), Fault> {
        if self.depth >= MOST_DEPTH {
            let message =
                format!("more than {MOST_DEPTH} brackets and signs lie within each other");
            return Err(Fault::new(self.here(), message, SPLIT));
        }
        self.depth += 1;
        self.read_first()?;
        while let Some((sign, binding, of)) = self.operator().and_then(|at| BETWEEN.get(at)) {
            if *binding < least {
                break;
            }
            self.take(sign);
            // Powers are read from the right: 2^3^2 is 2^9. Their exponent may have a sign.
            let next = if *sign == "^" { SIGN } else { binding + 1 };
            self.read(next)?;
            self.steps.push(Step::Two(*of));
        }
        self.depth -= 1;
        Ok(())
    }

    /// Reads a number, a name, or what stands in brackets, with the sign before it.
    fn read_first(&mut self) -> Result<(), Fault> {
        let name = self.name();
        if self.take("-") {
            self.read(SIGN)?;
            self.steps.push(Step::One(|a| -a));
            return Ok(());
        }
        if self.take("+") {
            return self.read(SIGN);
        }
        if name == "not" {
            self.take(name);
            self.read(NOT)?;
            self.steps.push(Step::One(|a| truth(a == 0.0)));
            return Ok(());
        }
        let opened = self.here();
        if self.take("(") {
            self.read(0)?;
            return self.close(opened);
        }
        if !name.is_empty() {
            return self.read_name(name);
        }
        self.read_number()
    }

    fn close(&mut self, opened: Range<usize>) -> Result<(), Fault> {
        match (self.take(")"), self.rest().chars().next()) {
            (true, _) => Ok(()),
            (false, None) => {
                let message = "this bracket is never closed";
                Err(Fault::new(opened, message, "write `)` where it closes"))
            }
            (false, Some(letter)) => Err(self.surplus(letter)),
        }
    }

    fn read_number(&mut self) -> Result<(), Fault> {
        let rest = self.rest();
        let bytes = rest.as_bytes();
        let digits = |from: usize| {
            let rest = bytes.get(from..).unwrap_or_default();
            rest.iter().take_while(|byte| byte.is_ascii_digit()).count()
        };
        let mut end = digits(0);
        if bytes.get(end) == Some(&b'.') {
            end += 1 + digits(end + 1);
        }
        if matches!(bytes.get(end), Some(b'e' | b'E')) {
            let signed = usize::from(matches!(bytes.get(end + 1), Some(b'+' | b'-')));
            let exponent = digits(end + 1 + signed);
            if exponent > 0 {
                end += 1 + signed + exponent;
            }
        }
        let text = rest.get(..end).unwrap_or_default();
        let Ok(number) = text.parse::<f64>() else {
            let fault = match rest.chars().next() {
                None => {
                    let end = self.text.trim_end().len();
                    let last = self
                        .text
                        .get(..end)
                        .and_then(|text| text.char_indices().last());
                    let last = last.map_or(0, |(place, _)| place);
                    Fault::new(last..end, "a number is missing at the end", self.known())
                }
                Some(letter) => {
                    let message = format!("a number is missing before `{letter}`");
                    Fault::new(self.here(), message, self.known())
                }
            };
            return Err(fault);
        };
        self.steps.push(Step::Number(number));
        self.place += end;
        self.skip_space();
        Ok(())
    }

    fn read_name(&mut self, name: &'a str) -> Result<(), Fault> {
        let range = self.place..self.place + name.len();
        self.take(name);
        let opened = self.here();
        if self.take("(") {
            return self.read_function(name, range, opened);
        }
        if let Some(number) = self.variables.iter().position(|variable| *variable == name) {
            self.uses.push((number, range));
            self.steps.push(Step::Variable(number));
            return Ok(());
        }
        if let Some((_, number)) = CONSTANTS.iter().find(|(constant, _)| *constant == name) {
            self.steps.push(Step::Number(*number));
            return Ok(());
        }
        if functions().any(|function| function == name) {
            let message = format!("`{name}` needs its numbers in brackets");
            return Err(Fault::new(range, message, usage(name)));
        }
        let names = self.variables.iter().copied();
        let near = did_you_mean(name, names.chain(CONSTANTS.map(|(name, _)| name)));
        let help = near.unwrap_or_else(|| format!("it knows {}", self.names()));
        let message = format!("there is nothing called `{name}`");
        Err(Fault::new(range, message, help))
    }

    /// Reads the numbers of a function, behind its bracket.
    fn read_function(
        &mut self,
        name: &'a str,
        range: Range<usize>,
        opened: Range<usize>,
    ) -> Result<(), Fault> {
        let known = functions().any(|function| function == name);
        if !known {
            let near = did_you_mean(name, functions());
            let all = || format!("it knows {}", functions().collect::<Vec<_>>().join(", "));
            let message = format!("there is no function `{name}`");
            return Err(Fault::new(range, message, near.unwrap_or_else(all)));
        }
        let many = OF_MANY.iter().find(|(function, _)| *function == name);
        let mut count = 0;
        loop {
            self.read(0)?;
            count += 1;
            if let Some((_, of)) = many.filter(|_| count > 1) {
                self.steps.push(Step::Two(*of));
            }
            if !self.take(",") {
                break;
            }
        }
        self.close(opened)?;
        if many.is_some() {
            return match count {
                1 => {
                    let message = format!("`{name}` takes two numbers or more");
                    Err(Fault::new(range, message, usage(name)))
                }
                _ => Ok(()),
            };
        }
        let (takes, step) = if let Some((_, of)) = OF_ONE.iter().find(|(one, _)| *one == name) {
            (1, Step::One(*of))
        } else if let Some((_, of)) = OF_TWO.iter().find(|(two, _)| *two == name) {
            (2, Step::Two(*of))
        } else if let Some((_, of)) = OF_THREE.iter().find(|(three, _)| *three == name) {
            (3, Step::Three(*of))
        } else {
            return Ok(());
        };
        self.steps.push(step);
        match count == takes {
            true => Ok(()),
            false => {
                let numbers = if takes == 1 { "number" } else { "numbers" };
                let message = format!("`{name}` takes {takes} {numbers}, not {count}");
                Err(Fault::new(range, message, usage(name)))
            }
        }
    }
}

/// How a function is written.
fn usage(name: &str) -> String {
    let numbers = match name {
        "clamp" => "a, 0, 1",
        "if" => "a > 0.5, b, c",
        "mix" => "a, b, 0.5",
        _ if OF_ONE.iter().any(|(of_one, _)| *of_one == name) => "a",
        _ => "a, b",
    };
    format!("as in `{name}({numbers})`")
}

/// The names of all functions, in the order of the alphabet.
pub(super) fn functions() -> impl Iterator<Item = &'static str> {
    let mut names: Vec<&'static str> = (OF_ONE.iter().map(|(name, _)| *name))
        .chain(OF_TWO.iter().map(|(name, _)| *name))
        .chain(OF_MANY.iter().map(|(name, _)| *name))
        .chain(OF_THREE.iter().map(|(name, _)| *name))
        .collect();
    names.sort_unstable();
    names.into_iter()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const NAMES: [&str; 3] = ["a", "b", "beat"];

    fn value(text: &str) -> f64 {
        let formula = Formula::read(text, &NAMES).unwrap();
        formula.value(&[0.25, 2.0, 7.0], &mut Vec::new())
    }

    #[test]
    fn a_formula_comes_to_what_it_does_in_a_schoolbook() {
        for (text, wanted) in [
            ("1 + 2 * 3", 7.0),
            ("(1 + 2) * 3", 9.0),
            ("7 - 2 - 1", 4.0),
            ("8 / 4 / 2", 1.0),
            ("-2 ^ 2", -4.0),
            ("2 ^ 3 ^ 2", 512.0),
            ("2 ^ -1", 0.5),
            ("2 * -a", -0.5),
            ("1 / 3 * 3", 1.0),
            (".5 + 1.5e1 + 2E-1", 15.7),
            ("a * b", 0.5),
            ("-1 % 4", 3.0),
            ("max(0, min(1, b))", 1.0),
            ("min(3, 2, b, 9)", 2.0),
            ("clamp(b, 0, 1)", 1.0),
            ("mix(10, 20, a)", 12.5),
            ("if(a > 0.5, 1, b)", 2.0),
            ("if(a < 0.5 and not (b == 3), 1 / a, 0)", 4.0),
            ("a >= 1 or b != 3", 1.0),
            ("1 < 2 == 1", 1.0),
            ("not 0 + 1", 0.0),
            ("not a > 0.5 and b == 2", 1.0),
            ("1 - not (a < 0.5)", 1.0),
            ("sin(pi / 2) + cos(tau)", 2.0),
            ("fract(beat / 4)", 0.75),
            ("exp(ln(b))", 2.0),
            ("  sqrt ( 4 )  ", 2.0),
            ("mod(beat, 4)", 3.0),
        ] {
            let found = value(text);
            assert!((found - wanted).abs() < 1e-12, "{text}: {found}");
        }
        assert!(value("1 / 0").is_infinite() && value("sqrt(-1)").is_nan());
    }

    #[test]
    fn what_is_wrong_is_shown_where_it_stands() {
        for (text, range, word) in [
            ("", 0..0, "empty"),
            ("a +", 2..3, "at the end"),
            ("a * * b", 4..5, "before `*`"),
            ("a b", 2..3, "missing before `b`"),
            ("2a", 1..2, "missing before `a`"),
            ("(a", 0..1, "never closed"),
            ("a)", 1..2, "never opened"),
            ("max(a", 3..4, "never closed"),
            ("0,25", 1..2, "comma"),
            ("a = b", 2..3, "alone"),
            ("a && b", 2..3, "does nothing"),
            ("beet", 0..4, "nothing called `beet`"),
            ("a + sine(b)", 4..8, "no function `sine`"),
            ("sin", 0..3, "in brackets"),
            ("sin(a, b)", 0..3, "takes 1 number, not 2"),
            ("if(a, b)", 0..2, "takes 3 numbers, not 2"),
            ("max(a)", 0..3, "two numbers or more"),
            ("a + ü", 4..6, "before `ü`"),
            ("sin()", 4..5, "before `)`"),
        ] {
            let fault = Formula::read(text, &NAMES).unwrap_err();
            assert_eq!(fault.range, range, "{text}: {}", fault.message);
            assert!(fault.message.contains(word), "{text}: {}", fault.message);
        }
    }

    #[test]
    fn what_is_wrong_comes_with_what_is_right() {
        for (text, help) in [
            ("beet", "beat"),
            ("sine(a)", "sin"),
            ("quiet", "a, b, beat, pi, tau"),
            ("noise(a)", "clamp, cos, exp"),
            ("a + ", "it knows a, b, beat"),
            ("a $ b", "+ - * / % ^"),
            ("(a", "`)`"),
            ("a)", "`(`"),
            ("sin", "`sin(a)`"),
            ("if(a)", "`if(a > 0.5, b, c)`"),
            ("max(a)", "`max(a, b)`"),
            ("atan2(a)", "`atan2(a, b)`"),
            ("", "`a * (1 - b)`"),
            (&"-".repeat(1000), "another `expression`"),
        ] {
            let fault = Formula::read(text, &NAMES).unwrap_err();
            assert!(fault.help.contains(help), "{text}: {}", fault.help);
        }
    }

    #[test]
    fn each_example_of_a_function_is_a_formula() {
        for name in functions() {
            let usage = usage(name);
            let example = usage.split('`').nth(1).unwrap();
            Formula::read(example, &["a", "b", "c"]).unwrap();
        }
    }

    #[test]
    fn what_is_too_deep_or_too_long_is_refused() {
        let deep = format!("{}a{}", "(".repeat(500), ")".repeat(500));
        for text in [deep.as_str(), &"-".repeat(1000), &"1+".repeat(2000)] {
            Formula::read(text, &NAMES).unwrap_err();
        }
        Formula::read(&format!("{}1", "1+".repeat(900)), &NAMES).unwrap();
    }

    proptest! {
        #[test]
        fn no_text_breaks_it(text in "[-+*/%^()<>=!&|,.0-9a-ehinmx ü]{0,40}") {
            match Formula::read(&text, &NAMES) {
                Ok(formula) => {
                    formula.value(&[f64::NAN, f64::INFINITY, 0.0], &mut Vec::new());
                }
                Err(fault) => prop_assert!(text.get(fault.range).is_some()),
            }
        }
    }
}
