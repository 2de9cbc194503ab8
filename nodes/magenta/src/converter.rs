//! What the numbers of a checkpoint mean: its data converter, from config.json or, in the older
//! layout, converter.json.

use std::path::Path;

use score_engine::NodeError;
use serde::Deserialize;
use serde_json::Value;

use super::weights::{broken, text};
use score_nodes::model::Music;

/// Sixteenths in a bar, as all of Magenta's data has it.
const STEPS_PER_BAR: usize = 16;

/// The most steps that are taken: 64 bars.
const MOST_STEPS: usize = 1024;

/// Classes of drums in a token.
const CLASSES: u32 = 9;

#[derive(Deserialize)]
struct Converter {
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    args: Arguments,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Arguments {
    num_steps: Option<usize>,
    min_pitch: Option<u8>,
    max_pitch: Option<u8>,
    steps_per_quarter: Option<usize>,
    pitch_classes: Option<Vec<Value>>,
}

/// The layout of the tokens of the checkpoint in `folder`.
///
/// # Errors
/// Nothing there says it, or it is one that SCORE! cannot play.
pub(super) fn read(folder: &Path) -> Result<Music, NodeError> {
    let config = folder.join("config.json");
    if config.exists() {
        let value: Value =
            serde_json::from_str(&text(&config)?).map_err(|error| broken(&config, error))?;
        for condition in ["chordEncoder", "useBarCondition", "conditionOnKey"] {
            let wanted = value.get(condition).unwrap_or(&Value::Null);
            if !matches!(wanted, Value::Null | Value::Bool(false)) {
                return Err(broken(
                    &config,
                    format!("the decoder wants more than a code (`{condition}`)"),
                )
                .help("import a checkpoint without chords or other conditions"));
            }
        }
        let converter = value
            .get("dataConverter")
            .ok_or_else(|| broken(&config, "it has no `dataConverter`"))?;
        return music(&config, converter.clone());
    }
    let path = folder.join("converter.json");
    if path.exists() {
        let value = serde_json::from_str(&text(&path)?).map_err(|error| broken(&path, error))?;
        return music(&path, value);
    }
    Err(NodeError::input(format!(
        "`{}` does not say what its tokens mean: it has neither config.json nor converter.json",
        folder.display()
    ))
    .help("fetch it from where the weights come from"))
}

fn music(path: &Path, value: Value) -> Result<Music, NodeError> {
    let converter: Converter =
        serde_json::from_value(value).map_err(|error| broken(path, error))?;
    let arguments = converter.args;
    let steps = arguments.num_steps.unwrap_or(0);
    if steps == 0 || !steps.is_multiple_of(STEPS_PER_BAR) || steps > MOST_STEPS {
        return Err(broken(
            path,
            format!("`numSteps` must be a multiple of {STEPS_PER_BAR}, up to {MOST_STEPS}"),
        ));
    }
    if arguments.steps_per_quarter.is_some_and(|steps| steps != 4) {
        return Err(broken(
            path,
            "only four steps in a quarter note can be played",
        ));
    }
    let (tokens, lowest_pitch, drums) = match converter.kind.as_str() {
        "MelodyConverter" => {
            // As Magenta.js: without limits, the keys of a piano.
            let (lowest, highest) = (
                arguments.min_pitch.unwrap_or(21),
                arguments.max_pitch.unwrap_or(108),
            );
            if lowest > highest || highest > 127 {
                return Err(broken(
                    path,
                    format!("the pitches {lowest} to {highest} are none"),
                ));
            }
            (usize::from(highest - lowest) + 3, lowest, false)
        }
        "DrumsConverter" | "DrumsOneHotConverter" => {
            let classes = arguments
                .pitch_classes
                .map_or(CLASSES as usize, |classes| classes.len());
            if classes != CLASSES as usize {
                return Err(broken(
                    path,
                    format!("it has {classes} classes of drums, not {CLASSES}"),
                ));
            }
            (1 << CLASSES, 0, true)
        }
        other => {
            return Err(broken(path, format!("`{other}` cannot be imported"))
                .help("MelodyConverter, DrumsConverter and DrumsOneHotConverter can"));
        }
    };
    Ok(Music {
        steps,
        steps_per_bar: STEPS_PER_BAR,
        tokens,
        lowest_pitch,
        // Before the first step Magenta's decoder is given zeros: a token after all others stands
        // for them.
        start_token: tokens as i64,
        drums,
    })
}
