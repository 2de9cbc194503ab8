//! The transport as patches write it and hands steer it.

use std::sync::LazyLock;

use serde_json::{Map, Value, json};

use crate::descriptor::Descriptor;
use crate::key::{Key, KeyChoice};
use crate::param::Params;
use crate::swing::{Swing, SwingNotes};
use crate::time::Metre;
use crate::transport::Transport;

/// What the transport is called where a node's id is expected.
pub(crate) const TRANSPORT: &str = "transport";

/// The declaration of what a patch says of its transport.
pub(crate) static DECLARED: LazyLock<Descriptor> =
    LazyLock::new(|| Descriptor::of::<TransportParams>("", TRANSPORT, ""));

/// What a patch says of its transport.
#[derive(Clone, score_derive::Params)]
pub(crate) struct TransportParams {
    /// how fast the music goes
    #[param(live, range = 10.0..=400.0, span = 60.0..=180.0, log, unit = "quarter notes a minute", default = 120.0)]
    tempo: f64,
    /// beats of a bar, and which note is one
    #[param(live, range = 1..=32, default = vec![4, 4])]
    metre: Vec<u32>,
    /// the first note's share of a pair
    #[param(live, range = 0.5..=0.75, default = 0.5)]
    swing: f64,
    /// the notes that swing
    #[param(live, default = SwingNotes::Eighths)]
    swing_of: SwingNotes,
    /// the key of the music
    #[param(live)]
    key: Option<String>,
    /// whether tempi are chosen with which a film's cuts fall on beats
    #[param(rebuild = "it is for renders", default = false)]
    fit_cuts: bool,
    /// where all randomness comes from
    #[param(rebuild = "what was drawn from it cannot be drawn again", range = 0..=i64::MAX, default = 0)]
    seed: u64,
    /// samples a second of all sound
    #[param(rebuild = "all sound has this form", range = 8_000..=192_000, unit = "Hz", default = 48_000)]
    sample_rate: u32,
    /// frames in a block of sound
    #[param(rebuild = "all sound has this form", range = 16..=8_192, unit = "frames", default = 512)]
    block: u32,
}

/// What a patch would say of a transport, by name.
pub(crate) fn values(transport: &Transport) -> Map<String, Value> {
    let values = json!({
        "tempo": transport.tempo,
        "metre": [transport.metre.0, transport.metre.1],
        "swing": transport.swing.share,
        "swing_of": transport.swing.of.word(),
        "key": transport.key.map(|key| key.to_string()),
        "fit_cuts": transport.fit_cuts,
        "seed": transport.seed,
        "sample_rate": transport.sample_rate,
        "block": transport.block,
    });
    match values {
        Value::Object(values) => values,
        _ => Map::new(),
    }
}

/// A value of the transport that cannot be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Impossible {
    pub(crate) param: &'static str,
    pub(crate) message: String,
    pub(crate) help: Option<String>,
}

impl TransportParams {
    /// What `values` say; what is missing or broken among them has its default.
    pub(crate) fn of(values: &Map<String, Value>) -> Option<Self> {
        let mut all = Map::new();
        for param in &DECLARED.params {
            let value = values.get(param.name.as_ref()).or(param.default.as_ref());
            all.insert(param.name.to_string(), value.cloned().unwrap_or_default());
        }
        Self::read(&Value::Object(all)).ok()
    }

    /// The transport that they make, and what of them cannot be.
    pub(crate) fn transport(&self) -> (Transport, Vec<Impossible>) {
        let mut impossible = Vec::new();
        let key = self.key.as_deref().map(key);
        let key = key.and_then(|key| key.map_err(|error| impossible.push(error)).ok());
        let metre = match self.metre[..] {
            [beats, unit] if unit.is_power_of_two() && unit <= 16 => Metre(beats, unit),
            _ => {
                let message =
                    "`metre` is two whole numbers such as (3, 4); the second is 1, 2, 4, 8 or 16";
                impossible.push(Impossible {
                    param: "metre",
                    message: message.to_owned(),
                    help: None,
                });
                Transport::default().metre
            }
        };
        let transport = Transport {
            tempo: self.tempo,
            metre,
            swing: Swing {
                share: self.swing,
                of: self.swing_of,
            },
            key,
            seed: self.seed,
            sample_rate: self.sample_rate,
            block: self.block,
            fit_cuts: self.fit_cuts,
            ..Transport::default()
        };
        (transport, impossible)
    }
}

fn key(text: &str) -> Result<KeyChoice, Impossible> {
    text.parse().map_err(|error| {
        let guess = Key::near(text).map(|key| format!("did you mean \"{key}\"? "));
        Impossible {
            param: "key",
            message: format!("`{text}` is not a key"),
            help: Some(format!(
                "{}{error}; \"auto\" leaves it to the seed",
                guess.unwrap_or_default()
            )),
        }
    })
}
