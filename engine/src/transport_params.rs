//! The transport as patches write it and hands steer it.

use std::sync::LazyLock;

use serde_json::{Map, Value, json};

use crate::descriptor::Descriptor;
use crate::follow::{Follow, FollowedClock, WhenLost};
use crate::key::{Key, KeyChoice};
use crate::param::{Choice, Params};
use crate::swing::{Swing, SwingNotes};
use crate::time::{Metre, Time};
use crate::transport::Transport;

/// What the transport is called where a node's id is expected.
pub(crate) const TRANSPORT: &str = "transport";

/// The declaration of what a patch says of its transport.
pub(crate) static DECLARED: LazyLock<Descriptor> =
    LazyLock::new(|| Descriptor::of::<TransportParams>("", TRANSPORT, ""));

/// The declaration of what a patch says of its transport, in the form of a node's.
#[must_use]
pub fn transport_declaration() -> &'static Descriptor {
    &DECLARED
}

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
    /// the clock that a live run follows
    #[param(rebuild = "the clock is opened when the patch is read")]
    follow: Option<FollowedClock>,
    /// the MIDI port of that clock
    #[param(rebuild = "the clock is opened when the patch is read")]
    clock_port: Option<String>,
    /// what becomes of the music when nothing comes from the clock, and before anything has
    #[param(rebuild = "the clock is opened when the patch is read")]
    when_lost: Option<WhenLost>,
    /// how much later than the clock the music is heard
    #[param(rebuild = "the clock is opened when the patch is read", range = -1.0..=1.0, unit = "s", default = 0.0)]
    clock_offset: f64,
    /// the timecode at which the first bar begins
    #[param(rebuild = "the clock is opened when the patch is read", default = "00:00:00:00".to_owned())]
    timecode_start: String,
    /// the only MIDI note or controller that taps the tempo
    #[param(rebuild = "the clock is opened when the patch is read", range = 0..=127)]
    tap_number: Option<u8>,
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
    let follow = transport.follow.as_ref();
    let start = follow.map_or([0; 4], |follow| follow.timecode_start);
    let values = json!({
        "tempo": transport.tempo,
        "metre": [transport.metre.0, transport.metre.1],
        "swing": transport.swing.share,
        "swing_of": transport.swing.of.word(),
        "key": transport.key.map(|key| key.to_string()),
        "fit_cuts": transport.fit_cuts,
        "follow": follow.map(|follow| follow.clock.word()),
        "clock_port": follow.map(|follow| &follow.port).filter(|port| !port.is_empty()),
        "when_lost": follow
            .map(|follow| follow.when_lost)
            .filter(|lost| follow.is_some_and(|follow| follow.clock.when_lost() != *lost))
            .map(|lost| lost.word()),
        "clock_offset": follow.map_or(0.0, |follow| follow.offset.seconds()),
        "timecode_start": start.map(|part| format!("{part:02}")).join(":"),
        "tap_number": follow.and_then(|follow| follow.tap_number),
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
            [beats, unit] if Metre(beats, unit).is_usual() => Metre(beats, unit),
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
        let follow = self.follow(&mut impossible);
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
            follow,
            ..Transport::default()
        };
        (transport, impossible)
    }

    /// The clock that is followed, and what of it cannot be.
    fn follow(&self, impossible: &mut Vec<Impossible>) -> Option<Follow> {
        let mut refuse = |param, message: String, help: &str| {
            impossible.push(Impossible {
                param,
                message,
                help: Some(help.to_owned()),
            });
        };
        let port = self.clock_port.as_deref().map(str::trim);
        let Some(clock) = self.follow else {
            let without_a_clock = [
                ("clock_port", port.is_some()),
                ("when_lost", self.when_lost.is_some()),
                ("tap_number", self.tap_number.is_some()),
            ];
            for (param, _) in without_a_clock.into_iter().filter(|(_, is_said)| *is_said) {
                let help = "write `follow: midi_clock` or another clock beside it";
                refuse(param, "no clock is followed".to_owned(), help);
            }
            return None;
        };
        let word = clock.word();
        match port {
            None | Some("") if clock.has_port() => {
                let message = format!("`{word}` comes through a MIDI port, which is missing");
                let help = "name it, as `score devices` prints it, \"virtual\" or \"JACK\": \
                            `clock_port: \"…\"`";
                refuse("follow", message, help);
            }
            Some(_) if !clock.has_port() => {
                let message = format!("`{word}` needs no port");
                refuse("clock_port", message, "leave it out");
            }
            _ => {}
        }
        let timecode_start = timecode(&self.timecode_start);
        if timecode_start.is_none() {
            let message = format!("`{}` is not a timecode", self.timecode_start);
            let help = "it is hours, minutes, seconds and frames: \"01:00:00:00\"";
            refuse("timecode_start", message, help);
        }
        Some(Follow {
            clock,
            port: port.unwrap_or_default().to_owned(),
            when_lost: self.when_lost.unwrap_or(clock.when_lost()),
            offset: Time::from_seconds(self.clock_offset),
            timecode_start: timecode_start.unwrap_or_default(),
            tap_number: self.tap_number,
        })
    }
}

/// Hours, minutes, seconds and frames, as `01:00:00:00` or `01:00:00;00`.
fn timecode(text: &str) -> Option<[u8; 4]> {
    let mut parts = text.trim().split([':', ';']);
    let mut timecode = [0; 4];
    for (part, limit) in timecode.iter_mut().zip([24, 60, 60, 30]) {
        let number: u8 = parts.next()?.parse().ok()?;
        *part = (number < limit).then_some(number)?;
    }
    parts.next().is_none().then_some(timecode)
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

#[cfg(test)]
mod tests {
    use super::*;

    /// The transport that these fields make, and what of them cannot be.
    fn made(fields: Value) -> (Transport, Vec<(&'static str, String)>) {
        let Value::Object(fields) = fields else {
            panic!("no fields")
        };
        let (transport, wrong) = TransportParams::of(&fields).unwrap().transport();
        let wrong = wrong.into_iter().map(|wrong| (wrong.param, wrong.message));
        (transport, wrong.collect())
    }

    #[test]
    fn what_a_patch_says_of_a_clock_is_read_and_said_again_the_same() {
        for fields in [
            json!({ "follow": "midi_clock", "clock_port": "virtual" }),
            json!({ "follow": "jack", "when_lost": "stop", "clock_offset": -0.01 }),
            json!({ "follow": "daw", "when_lost": "stop" }),
            json!({ "follow": "tap", "clock_port": "pedal", "tap_number": 64 }),
            json!({ "follow": "timecode", "clock_port": "x", "timecode_start": "01:00:00:12" }),
            json!({ "tempo": 90.0 }),
        ] {
            let (transport, wrong) = made(fields);
            assert_eq!(wrong, []);
            let again = TransportParams::of(&values(&transport))
                .unwrap()
                .transport();
            assert_eq!(again.0, transport);
        }
        let (transport, _) = made(json!({ "follow": "timecode", "clock_port": "x" }));
        assert_eq!(transport.follow.unwrap().when_lost, WhenLost::Stop);
    }

    #[test]
    fn a_clock_without_its_port_and_a_port_without_a_clock_are_refused() {
        let wrong = |fields| made(fields).1[0].0;
        assert_eq!(wrong(json!({ "follow": "midi_clock" })), "follow");
        assert_eq!(
            wrong(json!({ "follow": "tap", "clock_port": " " })),
            "follow"
        );
        assert_eq!(wrong(json!({ "clock_port": "x" })), "clock_port");
        assert_eq!(
            wrong(json!({ "follow": "jack", "clock_port": "x" })),
            "clock_port"
        );
        for start in [
            "",
            "1",
            "01:00:00",
            "01:00:00:30",
            "01:60:00:00",
            "a:0:0:0",
            "1:2:3:4:5",
        ] {
            let fields =
                json!({ "follow": "timecode", "clock_port": "x", "timecode_start": start });
            assert_eq!(wrong(fields), "timecode_start", "{start}");
        }
    }
}
