//! What is taught: examples, as their file has them.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::{Component, Path};

use ron::extensions::Extensions;
use serde::Deserialize;

use super::{KNOBS, NAMES};

/// What the file is called, in its folder.
pub(super) const FILE: &str = "examples.ron";

/// The longest file, in bytes.
pub(super) const LONGEST: u64 = 4 << 20;

/// The most examples: with more a step would take too long.
pub(super) const MOST: usize = 400;

/// The highest weight.
pub(super) const HEAVIEST: f32 = 100.0;

/// The longest name, in letters.
pub(super) const LONGEST_NAME: usize = 200;

/// The file that the first example makes.
pub(super) const EMPTY: &str = "\
// What a node `teach` has been taught: each example is a picture's latent, and what the knobs are there.
// Edit it while the patch plays: give names, change weights (0 leaves an example out), delete. It counts once it is
// saved. How to teach stands in docs/teaching.md.
Examples(
    format: 1,
    examples: [
    ],
)
";

/// What each knob should be, where an example says so.
pub(super) type Values = [Option<f32>; KNOBS];

/// One example.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Example {
    /// Its number, which no other has.
    pub(super) id: u64,
    /// What its maker calls it.
    pub(super) name: String,
    /// How much it counts: 1 once, 0 not at all.
    pub(super) weight: f32,
    /// What the knobs should be.
    pub(super) values: Values,
    /// The file of its picture, in the folder.
    pub(super) picture: Option<String>,
    /// The latent of its picture.
    pub(super) latent: Vec<f32>,
}

/// The file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Examples {
    format: u32,
    examples: Vec<Entry>,
}

/// An example as it is written.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    id: u64,
    #[serde(default)]
    name: String,
    #[serde(default = "once")]
    weight: f32,
    values: BTreeMap<String, f32>,
    #[serde(default)]
    picture: Option<String>,
    latent: Vec<f32>,
}

fn once() -> f32 {
    1.0
}

/// The examples in the text of a file. `dimension` is what their latents must have, where it is
/// known; without they must have the same.
///
/// # Errors
/// What is wrong with the text, in words.
pub(super) fn read(text: &str, dimension: Option<usize>) -> Result<Vec<Example>, String> {
    let options = ron::Options::default().with_default_extension(Extensions::IMPLICIT_SOME);
    let file: Examples = options
        .from_str(text)
        .map_err(|error| format!("has a mistake at {error}"))?;
    if file.format != 1 {
        return Err(format!(
            "has the format {}, which this version does not know",
            file.format
        ));
    }
    if file.examples.len() > MOST {
        return Err(format!(
            "has {} examples; {MOST} are the most",
            file.examples.len()
        ));
    }
    let mut numbers = BTreeSet::new();
    let mut dimension = dimension;
    let mut examples = Vec::with_capacity(file.examples.len());
    for entry in file.examples {
        let id = entry.id;
        if !numbers.insert(id) {
            return Err(format!("has two examples with the number {id}"));
        }
        let example = example(entry).map_err(|why| format!("is wrong in example {id}: {why}"))?;
        let (has, wanted) = (
            example.latent.len(),
            *dimension.get_or_insert(example.latent.len()),
        );
        if has != wanted {
            return Err(format!(
                "is wrong in example {id}: its latent has {has} components, not {wanted}; it was taught with another model"
            ));
        }
        examples.push(example);
    }
    Ok(examples)
}

fn example(entry: Entry) -> Result<Example, String> {
    if entry.name.chars().count() > LONGEST_NAME {
        return Err(format!("its name has more than {LONGEST_NAME} letters"));
    }
    if !(0.0..=HEAVIEST).contains(&entry.weight) {
        return Err(format!("a weight is 0 to {HEAVIEST}, not {}", entry.weight));
    }
    let mut values: Values = [None; KNOBS];
    for (name, value) in &entry.values {
        let knob = NAMES.iter().position(|known| known == name);
        let Some(place) = knob.and_then(|knob| values.get_mut(knob)) else {
            return Err(format!(
                "there is no knob `{name}`; they are {}",
                NAMES.join(", ")
            ));
        };
        if !(0.0..=1.0).contains(value) {
            return Err(format!("`{name}` is 0 to 1, not {value}"));
        }
        *place = Some(*value);
    }
    if let Some(picture) = &entry.picture {
        let mut parts = Path::new(picture).components();
        let is_within = matches!(
            (parts.next(), parts.next()),
            (Some(Component::Normal(_)), None)
        );
        if !is_within {
            return Err(format!(
                "the picture `{picture}` does not lie in its folder"
            ));
        }
    }
    if entry.latent.is_empty() || !entry.latent.iter().all(|value| value.is_finite()) {
        return Err("its latent is not a list of numbers".to_owned());
    }
    Ok(Example {
        id: entry.id,
        name: entry.name,
        weight: entry.weight,
        values,
        picture: entry.picture,
        latent: entry.latent,
    })
}

/// A number as the file has it: more digits say nothing, and fill the file.
pub(super) fn rounded(value: f32) -> f32 {
    ((f64::from(value) * 1e4).round() / 1e4) as f32
}

/// A text in quotes.
pub(super) fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for letter in text.chars() {
        match letter {
            '"' | '\\' => quoted.extend(['\\', letter]),
            '\n' => quoted.push_str("\\n"),
            '\r' => quoted.push_str("\\r"),
            '\t' => quoted.push_str("\\t"),
            letter if letter.is_control() => {
                let _ = write!(quoted, "\\u{{{:x}}}", u32::from(letter));
            }
            letter => quoted.push(letter),
        }
    }
    quoted.push('"');
    quoted
}

/// The text of an example, as it stands in the file, without the comma behind it.
pub(super) fn written(example: &Example) -> String {
    let values: Vec<String> = { NAMES.iter().zip(&example.values) }
        .filter_map(|(name, value)| Some(format!("\"{name}\": {}", (*value)?)))
        .collect();
    let picture = match &example.picture {
        Some(picture) => format!("            picture: {},\n", quoted(picture)),
        None => String::new(),
    };
    let mut text = format!(
        "        (\n            id: {},\n            name: {},\n            weight: {},\n            values: {{{}}},\n{picture}            latent: [",
        example.id,
        quoted(&example.name),
        example.weight,
        values.join(", "),
    );
    for line in example.latent.chunks(12) {
        let line: Vec<String> = line.iter().map(ToString::to_string).collect();
        let _ = write!(text, "\n                {},", line.join(", "));
    }
    text.push_str("\n            ],\n        )");
    text
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// An example of three components.
    pub(in super::super) fn of(id: u64, a: f32, latent: [f32; 3]) -> Example {
        let mut values = [None; KNOBS];
        values[0] = Some(a);
        Example {
            id,
            name: String::new(),
            weight: 1.0,
            values,
            picture: None,
            latent: latent.to_vec(),
        }
    }

    fn file(entries: &str) -> String {
        format!("Examples(format: 1, examples: [{entries}])")
    }

    #[test]
    fn what_is_written_is_read_as_it_was() {
        let mut one = of(7, 0.3125, [0.5, -1.25, 1e-4]);
        one.name = "rain \"at\" night\n\u{7}\\ ü".to_owned();
        one.picture = Some("7.png".to_owned());
        one.weight = 0.5;
        one.values[7] = Some(1.0);
        let text = file(&written(&one));
        assert_eq!(read(&text, Some(3)).unwrap(), [one]);
        assert_eq!(read(EMPTY, Some(3)).unwrap(), []);
    }

    #[test]
    fn what_may_be_left_out_may_be_left_out() {
        let text = file(r#"(id: 1, values: {"b": 1}, latent: [0, 1.5])"#);
        let read = read(&text, None).unwrap();
        assert_eq!((read[0].weight, read[0].values[1]), (1.0, Some(1.0)));
        assert_eq!((read[0].values[0], read[0].picture.as_ref()), (None, None));
    }

    #[test]
    fn what_is_wrong_is_told_with_its_example() {
        for (entries, word) in [
            ("(id: 1, values: {}, latent: [0], colour: 1)", "colour"),
            ("(id: 1, values: {}, latent: [0]", "mistake at 1:"),
            ("(id: 1, values: {}, latent: [])", "example 1: its latent"),
            (
                "(id: 1, values: {}, latent: [NaN])",
                "example 1: its latent",
            ),
            ("(id: 1, values: {}, latent: [0, 1, 2, 3])", "another model"),
            (r#"(id: 1, values: {"z": 1}, latent: [0])"#, "no knob `z`"),
            (r#"(id: 1, values: {"a": 2}, latent: [0])"#, "`a` is 0 to 1"),
            (
                r#"(id: 1, values: {"a": NaN}, latent: [0])"#,
                "`a` is 0 to 1",
            ),
            ("(id: 1, weight: -1, values: {}, latent: [0])", "a weight"),
            (
                r#"(id: 1, picture: "../1.png", values: {}, latent: [0])"#,
                "in its folder",
            ),
            (
                "(id: 1, values: {}, latent: [0, 1, 2]), (id: 1, values: {}, latent: [0, 1, 2])",
                "two examples",
            ),
        ] {
            let why = read(&file(entries), Some(3)).unwrap_err();
            assert!(why.contains(word), "{why}");
        }
        let why = read("Examples(format: 2, examples: [])", None).unwrap_err();
        assert!(why.contains("format 2"), "{why}");
    }

    #[test]
    fn a_number_is_written_with_four_places() {
        assert_eq!(rounded(0.123_456).to_string(), "0.1235");
        assert_eq!(rounded(-0.000_04).to_string(), "-0");
        assert_eq!(rounded(2.0).to_string(), "2");
    }
}
