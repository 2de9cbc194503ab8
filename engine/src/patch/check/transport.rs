//! Reads the transport.

use serde_json::Value;

use super::Checker;
use super::scope::Scope;
use crate::descriptor::{Descriptor, Param, ParamType};
use crate::key::{Key, KeyChoice};
use crate::patch::tree::{Shape, Tree};
use crate::swing::{Swing, SwingNotes};
use crate::time::Metre;
use crate::transport::Transport;

impl Checker<'_> {
    /// Reads the transport; `None` where it is written as none can be.
    pub(super) fn read_transport(&mut self, scope: &Scope, value: &Tree) -> Option<Transport> {
        let Shape::Struct(None, fields) = &value.shape else {
            if value.shape != Shape::Broken {
                self.report(
                    value.spot,
                    "`transport` looks like `(tempo: 120, metre: (4, 4))`",
                    None,
                );
            }
            return None;
        };
        let defaults = Transport::default();
        let descriptor = Descriptor::new("", "transport", "")
            .param(
                Param::number("tempo", (10.0, 400.0), "")
                    .unit("quarter notes a minute")
                    .default(defaults.tempo),
            )
            .param(
                Param::list("metre", ParamType::Integer { min: 1, max: 32 }, "")
                    .default(vec![4, 4]),
            )
            .param(Param::number("swing", Swing::SHARES, "").default(defaults.swing.share))
            .param(
                Param::choice("swing_of", &SwingNotes::WORDS, "").default(defaults.swing.of.word()),
            )
            .param(Param::text("key", "").optional())
            .param(Param::flag("fit_cuts", "").default(false))
            .param(Param::integer("seed", (0, i64::MAX), "").default(0))
            .param(
                Param::integer("sample_rate", (8_000, 192_000), "")
                    .unit("Hz")
                    .default(defaults.sample_rate),
            )
            .param(
                Param::integer("block", (16, 8_192), "")
                    .unit("frames")
                    .default(defaults.block),
            );
        let (values, spots) = self.read_params(
            scope,
            &scope.id("transport"),
            &descriptor,
            fields,
            value.spot,
        );
        let whole = |name: &str| values.get(name).and_then(Value::as_i64);
        let narrow = |name: &str, default: u32| {
            whole(name)
                .and_then(|n| u32::try_from(n).ok())
                .unwrap_or(default)
        };
        let mut transport = Transport {
            tempo: values
                .get("tempo")
                .and_then(Value::as_f64)
                .unwrap_or(defaults.tempo),
            metre: defaults.metre,
            swing: Swing {
                share: values
                    .get("swing")
                    .and_then(Value::as_f64)
                    .unwrap_or(defaults.swing.share),
                of: values
                    .get("swing_of")
                    .and_then(Value::as_str)
                    .map_or(defaults.swing.of, SwingNotes::named),
            },
            key: None,
            seed: whole("seed")
                .and_then(|seed| u64::try_from(seed).ok())
                .unwrap_or(0),
            sample_rate: narrow("sample_rate", defaults.sample_rate),
            block: narrow("block", defaults.block),
            anchor: defaults.anchor,
            tempi: None,
            fit_cuts: values
                .get("fit_cuts")
                .and_then(Value::as_bool)
                .unwrap_or(false),
        };
        if let Some(text) = values.get("key").and_then(Value::as_str) {
            match text.parse::<KeyChoice>() {
                Ok(key) => transport.key = Some(key),
                Err(error) => {
                    let spot = spots.get("key").cloned().unwrap_or(value.spot);
                    let guess = Key::near(text).map(|key| format!("did you mean \"{key}\"? "));
                    let help = format!(
                        "{}{error}; \"auto\" leaves it to the seed",
                        guess.unwrap_or_default()
                    );
                    self.report(spot, format!("`{text}` is not a key"), Some(help));
                }
            }
        }
        let metre: Option<(u32, u32)> = values
            .get("metre")
            .and_then(|m| serde_json::from_value(m.clone()).ok());
        match metre {
            Some((beats, unit)) if unit.is_power_of_two() && unit <= 16 => {
                transport.metre = Metre(beats, unit)
            }
            _ => {
                let spot = spots.get("metre").cloned().unwrap_or(value.spot);
                self.report(
                    spot,
                    "`metre` is two whole numbers such as (3, 4); the second is 1, 2, 4, 8 or 16",
                    None,
                );
            }
        }
        if !transport.swing.is_straight() && transport.swinging().is_none() {
            let (notes, metre) = (transport.swing.of.word(), transport.metre);
            let spot = spots.get("swing").cloned().unwrap_or(value.spot);
            let help = match transport.swing.of {
                SwingNotes::Eighths if metre.1 == 8 => {
                    Some("`swing_of: sixteenths` swings the notes between them".to_owned())
                }
                _ => None,
            };
            let why = format!("nothing swings: in {metre} {notes} are no halves of a beat");
            self.texts.warn(spot, why, help);
        }
        Some(transport)
    }
}
