//! The names of directions as files have them: a model's own, and words of an artist's own.

use std::collections::BTreeMap;
use std::io::{self, ErrorKind};
use std::path::Path;

use score_engine::{NodeError, Settings};
use serde::{Deserialize, Serialize};

use crate::model::Manifest;
use crate::plain_file;

/// The version of the file that this program reads.
const FORMAT: u32 = 1;

/// No larger file is taken for one with names, in bytes.
const LARGEST_FILE: u64 = 16 << 20;

/// Named directions in the codes of one model.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Names {
    format: u32,
    /// The SHA-256 of the encoder whose codes a word of one's own was taught with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub encoder: Option<String>,
    /// The middle of the codes that the directions were found in.
    pub mean: Vec<f32>,
    /// The directions, by their names.
    pub names: BTreeMap<String, Name>,
}

/// What the score of a name is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// The more of it, the higher; only the order counts.
    Measure,
    /// The logarithm of the odds that it shows, where as many pictures show it as do not.
    Word,
}

/// One direction.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Name {
    /// One line.
    pub summary: String,
    /// What its score is.
    pub kind: Kind,
    /// Spearman's correlation of what it says with what is there, on what was held out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reaches: Option<f32>,
    /// The share of pictures that it tells rightly when it has learnt from all others.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub left_one_out: Option<f32>,
    /// The score of a code is its product with `direction`, plus this.
    pub offset: f32,
    /// See `offset`.
    pub direction: Vec<f32>,
    /// Where codes lie that have more of it, seen from the others: of length 1. Without its part
    /// along this, a code says nothing of it that a linear model could read.
    pub pattern: Vec<f32>,
    /// Scores of many codes, from the lowest to the highest, in steps of equal share.
    pub quantiles: Vec<f32>,
}

impl Names {
    /// The role of the model's file that makes codes of pictures.
    pub const ENCODER: &str = "encoder";

    /// One name, taught with codes around `mean`.
    pub(super) fn taught(name: String, of: Name, mean: Vec<f32>) -> Self {
        Names {
            format: FORMAT,
            encoder: None,
            mean,
            names: BTreeMap::from([(name, of)]),
        }
    }

    /// The names in the codes of the model called `model`.
    ///
    /// # Errors
    /// There is no such model, it has no names, or they cannot be read.
    pub fn of(settings: &Settings, model: &str) -> Result<Self, NodeError> {
        Self::of_manifest(&Manifest::of(settings)?, model)
    }

    /// The same, of a manifest that was read.
    ///
    /// # Errors
    /// As [`Names::of`].
    pub fn of_manifest(manifest: &Manifest, model: &str) -> Result<Self, NodeError> {
        let found = manifest.find(model)?;
        let Some(path) = manifest.names(found)? else {
            let with = manifest.names_of(|model| model.names.is_some());
            let why = format!("the model `{model}` has no named directions");
            let error = NodeError::model(why);
            return Err(match with.is_empty() {
                true => error,
                false => error.help(format!("models with names: {with}")),
            });
        };
        let names = Self::read(&path)?;
        names.require(found.latent, &path)?;
        Ok(names)
    }

    /// Reads a file with names, such as one that `score tag --new` wrote.
    ///
    /// # Errors
    /// The file is missing or is not one.
    pub fn read(path: &Path) -> Result<Self, NodeError> {
        let shown = path.display();
        let cannot = |error: io::Error| match error.kind() {
            ErrorKind::FileTooLarge => {
                NodeError::input(format!("`{shown}` is too large for a file with names"))
                    .help("`score tag --new` writes one")
            }
            _ => NodeError::input(format!("`{shown}` cannot be read ({error})")).source(error),
        };
        let text = plain_file::read_text(path, LARGEST_FILE).map_err(cannot)?;
        let names: Names = ron::from_str(&text).map_err(|error| {
            NodeError::input(format!("`{shown}` is not a file with names: {error}"))
                .help("`score tag --new WORD A-FOLDER B-FOLDER` writes one")
        })?;
        if names.format != FORMAT {
            let format = names.format;
            return Err(NodeError::input(format!(
                "`{shown}` has format {format}, but this program reads format {FORMAT}"
            )));
        }
        match names.fault() {
            Some(fault) => Err(NodeError::input(format!("`{shown}` is broken: {fault}"))
                .help("make it again with `score tag --new`")),
            None => Ok(names),
        }
    }

    /// Whether a word of one's own was taught with codes of this model's encoder as it is now, as far
    /// as is known: those of another say something else.
    pub fn is_of(&self, manifest: &Manifest, model: &str) -> bool {
        let encoder = manifest.models.get(model);
        let encoder = encoder.and_then(|model| model.files.get(Self::ENCODER));
        let known = self.encoder.as_ref().zip(encoder);
        known.is_none_or(|(taught, now)| taught.eq_ignore_ascii_case(&now.sha256))
    }

    /// Refuses names of codes of another dimension than `dimension`.
    ///
    /// # Errors
    /// They are.
    pub fn require(&self, dimension: usize, path: &Path) -> Result<(), NodeError> {
        match self.mean.len() {
            found if found == dimension => Ok(()),
            found => Err(NodeError::input(format!(
                "the names in `{}` are of latents with {found} components, not {dimension}",
                path.display()
            ))),
        }
    }

    /// What is wrong with the numbers.
    fn fault(&self) -> Option<String> {
        let dimension = self.mean.len();
        let is_whole = |numbers: &[f32]| numbers.iter().all(|number| number.is_finite());
        if dimension == 0 || !is_whole(&self.mean) {
            return Some("`mean` is not a list of numbers".to_owned());
        }
        if self.names.is_empty() {
            return Some("it has no names".to_owned());
        }
        self.names.iter().find_map(|(name, of)| {
            let lists = [&of.direction, &of.pattern];
            if let Some(list) = lists.iter().find(|list| list.len() != dimension) {
                let found = list.len();
                return Some(format!(
                    "`{name}` has {found} numbers instead of {dimension}"
                ));
            }
            if !lists.iter().all(|list| is_whole(list)) || !of.offset.is_finite() {
                return Some(format!("`{name}` has something that is not a number"));
            }
            let grows = of.quantiles.windows(2).all(|pair| pair[0] <= pair[1]);
            let is_there = of.quantiles.len() >= 2 && is_whole(&of.quantiles);
            (!grows || !is_there).then(|| format!("the quantiles of `{name}` do not grow"))
        })
    }

    /// The direction called `name`.
    ///
    /// # Errors
    /// There is none. The advice lists those that there are.
    pub fn find(&self, name: &str) -> Result<&Name, NodeError> {
        self.names.get(name).ok_or_else(|| {
            let there: Vec<&str> = self.names.keys().map(String::as_str).collect();
            NodeError::input(format!("there is no direction called `{name}`"))
                .help(format!("there are {}", there.join(", ")))
        })
    }

    /// The file's text.
    ///
    /// # Errors
    /// Never, as far as is known.
    pub fn text(&self) -> Result<String, NodeError> {
        let pretty = ron::ser::PrettyConfig::new()
            .struct_names(true)
            .compact_arrays(true);
        let text = ron::ser::to_string_pretty(self, pretty)
            .map_err(|error| NodeError::internal(format!("names cannot be written: {error}")))?;
        Ok(text + "\n")
    }
}

impl Name {
    /// How much of it a code has.
    pub fn score(&self, code: &[f32]) -> f32 {
        let products = code.iter().zip(&self.direction);
        let sum: f64 = products
            .filter(|(component, _)| component.is_finite())
            .map(|(component, weight)| f64::from(*component) * f64::from(*weight))
            .sum();
        (sum + f64::from(self.offset)) as f32
    }

    /// Where a code stands among those that the name was found in, 0 to 1: half of them have less
    /// than one at 0.5.
    pub fn place(&self, code: &[f32]) -> f32 {
        let score = self.score(code);
        let above = self
            .quantiles
            .partition_point(|quantile| *quantile <= score);
        let steps = self.quantiles.len().saturating_sub(1).max(1) as f32;
        let between = above
            .checked_sub(1)
            .and_then(|below| Some((self.quantiles.get(below)?, self.quantiles.get(above)?)));
        match between {
            // The next quantile is higher than the score, and so than the one below.
            Some((low, high)) => ((above - 1) as f32 + (score - low) / (high - low)) / steps,
            None if above == 0 => 0.0,
            None => 1.0,
        }
    }

    /// How probable it is that a picture with this code shows it, if as many pictures do as do not.
    pub fn probability(&self, code: &[f32]) -> f32 {
        1.0 / (1.0 + (-self.score(code)).exp())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::settings;

    /// A name that says the first of two components.
    fn first() -> Name {
        Name {
            summary: "the first".to_owned(),
            kind: Kind::Word,
            reaches: None,
            left_one_out: Some(0.9),
            offset: 1.0,
            direction: vec![2.0, 0.0],
            pattern: vec![1.0, 0.0],
            quantiles: vec![-3.0, 1.0, 1.0, 2.0, 3.0],
        }
    }

    #[test]
    fn a_code_stands_where_it_lies_among_those_that_the_name_was_found_in() {
        let place = |component: f32| first().place(&[component, 9.0]);
        assert_eq!(
            [-5.0, -2.0, -1.0, 0.25, 1.0, 7.0].map(place),
            [0.0, 0.0, 0.125, 0.625, 1.0, 1.0]
        );
        assert_eq!(
            place(f32::NAN),
            first().place(&[0.0, 0.0]),
            "no number is the middle"
        );
    }

    #[test]
    fn a_probability_is_a_half_where_the_odds_are_even() {
        assert_eq!(first().probability(&[-0.5, 3.0]), 0.5);
        assert!(first().probability(&[3.0, 0.0]) > 0.99);
        assert!(first().probability(&[-1e30, 0.0]) == 0.0);
    }

    #[test]
    fn a_file_that_was_written_is_read_back_the_same() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("rain.ron");
        let names = Names::taught("rain".to_owned(), first(), vec![0.5, -0.25]);
        std::fs::write(&path, names.text().unwrap() + "// a remark\n").unwrap();
        assert_eq!(Names::read(&path).unwrap(), names);
        assert!(names.require(2, &path).is_ok());
        assert!(names.require(64, &path).is_err());
    }

    #[test]
    fn a_broken_file_is_refused_with_what_is_wrong() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("rain.ron");
        let names = || Names::taught("rain".to_owned(), first(), vec![0.0; 2]);
        let refused = |change: &dyn Fn(&mut Names)| {
            let mut names = names();
            change(&mut names);
            std::fs::write(&path, names.text().unwrap()).unwrap();
            Names::read(&path).unwrap_err().to_string()
        };
        let rain = |names: &mut Names, change: &dyn Fn(&mut Name)| {
            names.names.values_mut().for_each(change);
        };
        for (change, word) in [
            (
                &(|names: &mut Names| names.format = 9) as &dyn Fn(&mut Names),
                "format 9",
            ),
            (&|names| names.mean = vec![0.0; 3], "2 numbers instead of 3"),
            (
                &|names| rain(names, &|name| name.quantiles = vec![2.0, 1.0]),
                "do not grow",
            ),
            (
                &|names| rain(names, &|name| name.offset = f32::NAN),
                "not a number",
            ),
            (&|names| names.names.clear(), "no names"),
        ] {
            let refused = refused(change);
            assert!(refused.contains(word), "{refused}");
        }
        std::fs::write(&path, "once upon a time").unwrap();
        let refused = Names::read(&path).unwrap_err();
        assert!(
            refused
                .advice()
                .is_some_and(|advice| advice.contains("score tag"))
        );
        assert!(Names::read(&folder.path().join("none.ron")).is_err());
    }

    #[test]
    fn every_model_with_codes_has_names_that_reach_what_was_wanted() {
        let manifest = Manifest::of(&settings()).unwrap();
        let with_codes = manifest.models.iter().filter(|(_, model)| model.latent > 0);
        let mut all = 0;
        for (model, _) in with_codes {
            let names = Names::of(&settings(), model).unwrap();
            for (name, of) in &names.names {
                assert!(
                    of.reaches.is_some_and(|reaches| reaches >= 0.4),
                    "{model}: {name}"
                );
                let length = of.pattern.iter().map(|part| part * part).sum::<f32>();
                assert!((length - 1.0).abs() < 1e-3, "{model}: {name}");
                all += 1;
            }
        }
        assert!(all >= 50, "{all}");
    }
}
