//! Reads entries that are written as fields in brackets, such as cues.

use std::collections::BTreeMap;

use serde_json::Value;

use super::Checker;
use super::scope::Scope;
use crate::length::Length;
use crate::param::Param;
use crate::patch::params::convert;
use crate::patch::tree::{Shape, Tree};

/// How long anything may take that a field says, in seconds or beats.
const MAX_TIME: f64 = 3_600.0;

/// What is written as fields in brackets.
pub(super) struct Form {
    /// What it is: `a cue`.
    pub(super) what: &'static str,
    /// How it is written.
    pub(super) looks: &'static str,
    /// The names of all its fields.
    pub(super) fields: &'static [&'static str],
}

impl Checker<'_> {
    /// The fields of an entry by their names; `None` where it is written as none can be.
    pub(super) fn fields<'t>(
        &mut self,
        form: &Form,
        value: &'t Tree,
    ) -> Option<BTreeMap<&'t str, &'t Tree>> {
        let Form {
            what,
            looks,
            fields: known,
        } = form;
        let Shape::Struct(None, fields) = &value.shape else {
            if value.shape != Shape::Broken {
                self.report(value.spot, format!("{what} looks like `{looks}`"), None);
            }
            return None;
        };
        let mut found = BTreeMap::new();
        for (name, value) in fields.iter().filter(|(name, _)| !name.text.is_empty()) {
            let text = name.text.as_str();
            if !known.contains(&text) {
                let near = self.near(text, known.iter().copied());
                let help = near.unwrap_or_else(|| format!("it has {}", known.join(", ")));
                self.report(name.spot, format!("{what} has no `{text}`"), Some(help));
            } else if found.insert(text, value).is_some() {
                self.report(name.spot, format!("`{text}` stands here twice"), None);
            }
        }
        Some(found)
    }

    /// The value of a field that is declared as a parameter is; `None` where it is none, which was
    /// complained of.
    pub(super) fn field(&mut self, scope: &Scope, param: &Param, value: &Tree) -> Option<Value> {
        let given = self.resolve(scope, value);
        let value = match convert(param, &given, |source| self.texts.folder(source)) {
            Ok(value) => value?,
            Err(unfit) => {
                self.report(given.spot, unfit.message, unfit.help);
                return None;
            }
        };
        match param.admits(&value) {
            Ok(()) => Some(value),
            Err(message) => {
                self.report(given.spot, message, None);
                None
            }
        }
    }

    /// A text that a field gives.
    pub(super) fn text_field(
        &mut self,
        scope: &Scope,
        name: &'static str,
        value: &Tree,
    ) -> Option<String> {
        let value = self.field(scope, &Param::text(name, ""), value)?;
        value.as_str().map(str::to_owned)
    }

    /// The items of a list that stands in a patch under `name`.
    pub(super) fn items<'t>(&mut self, name: &str, looks: &str, value: &'t Tree) -> &'t [Tree] {
        match &value.shape {
            Shape::List(items) => items,
            Shape::Broken => &[],
            _ => {
                self.report(value.spot, format!("`{name}` looks like `{looks}`"), None);
                &[]
            }
        }
    }

    /// A length of time that a field gives.
    pub(super) fn length_field(
        &mut self,
        scope: &Scope,
        name: &'static str,
        value: &Tree,
    ) -> Option<Length> {
        let param = Param::length(name, (0.0, MAX_TIME), "");
        let value = self.field(scope, &param, value)?;
        serde_json::from_value(value).ok()
    }

    /// A number that a field gives, from `min` to `max`.
    pub(super) fn whole_field(
        &mut self,
        scope: &Scope,
        (name, range): (&'static str, (i64, i64)),
        value: &Tree,
    ) -> Option<u8> {
        let param = Param::integer(name, range, "");
        let value = self.field(scope, &param, value)?;
        value.as_i64().and_then(|number| u8::try_from(number).ok())
    }

    /// A flag that a field gives.
    pub(super) fn flag_field(
        &mut self,
        scope: &Scope,
        name: &'static str,
        value: &Tree,
    ) -> Option<bool> {
        let value = self.field(scope, &Param::flag(name, ""), value)?;
        value.as_bool()
    }
}
