//! The protocol on the socket: a request is one line of JSON, and so is its answer.
//!
//! ```text
//! {"version":1,"request":{"set":{"values":[{"node":"hum","param":"gain","value":"-20"}]}}}
//! {"version":1,"ok":null}
//! ```

use score_engine::Length;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// The version of the protocol. It is raised when a program that uses the older one would be
/// misunderstood.
pub(crate) const VERSION: u64 = 1;

/// Bytes that a request may have, its line's end among them.
pub(crate) const MAX_REQUEST: usize = 64 << 10;

/// Bytes that an answer may have: more than the values of the largest patch.
pub(crate) const MAX_ANSWER: usize = 64 << 20;

/// Seconds, or beats, that a value may take to arrive.
pub(crate) const MAX_GLIDE: f64 = 3600.0;

/// What is asked of a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum Request {
    /// Which run it is.
    Hello,
    /// Set live parameters, all or none.
    Set {
        /// The parameters and their values.
        values: Vec<Setting>,
        /// How long until they have them.
        #[serde(default)]
        glide: Glide,
    },
    /// Let go of what was set.
    Release {
        /// Of what.
        what: Vec<Address>,
        /// How long until they are where the wire or the patch has them.
        #[serde(default)]
        glide: Glide,
    },
    /// Let go of everything that was set.
    ReleaseAll {
        /// As above.
        #[serde(default)]
        glide: Glide,
    },
    /// Set everything that a preset of the patch has.
    Recall {
        /// Its name.
        preset: String,
        /// How long until the values have arrived.
        #[serde(default)]
        glide: Glide,
    },
    /// Somebody taps the beat now.
    Tap,
    /// The presets of the patch that plays.
    Presets,
    /// Call a cue of the patch.
    Cue {
        /// Its name.
        cue: String,
    },
    /// GO: call the cue that comes next.
    Go,
    /// No cue waits or follows any more.
    StopCues,
    /// The cues of the patch that plays, and where they are.
    Cues,
    /// The live parameters of everything that plays.
    Get,
    /// What hands hold, and of which patch.
    Held,
    /// What every node and wire does.
    Status,
}

/// How long a value takes to arrive: plain seconds, `{"seconds": 2}`, or `{"beats": 4}` at the tempo
/// of the moment.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub(crate) enum Glide {
    Seconds(f64),
    Length(Length),
}

impl Default for Glide {
    fn default() -> Self {
        Glide::Seconds(0.0)
    }
}

impl Glide {
    /// Whether a value arrives at once.
    pub(crate) fn is_zero(self) -> bool {
        let (Length::Seconds(number) | Length::Beats(number)) = self.length();
        number == 0.0
    }

    pub(crate) fn length(self) -> Length {
        match self {
            Glide::Seconds(seconds) => Length::Seconds(seconds),
            Glide::Length(length) => length,
        }
    }
}

/// A parameter and a value for it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Setting {
    /// The node's id, or `transport`.
    pub(crate) node: String,
    /// The parameter.
    pub(crate) param: String,
    /// The value as in a patch; text may go without quotes.
    pub(crate) value: String,
}

/// A node, or one of its parameters.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Address {
    /// The node's id, or `transport`.
    pub(crate) node: String,
    /// The parameter; all of the node's, if left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) param: Option<String>,
}

/// What hands hold.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Held {
    /// The [`score_engine::patch_hash`] of the patch that plays.
    pub(crate) patch_hash: String,
    /// The parameters and their values.
    pub(crate) values: Vec<HeldValue>,
}

/// A parameter that a hand holds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct HeldValue {
    /// The node's id, or `transport`.
    pub(crate) node: String,
    /// The parameter.
    pub(crate) param: String,
    /// Its value, in the form in which values arrive at a node.
    pub(crate) value: Value,
    /// Whether it is an order, which is not written back.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) is_order: bool,
}

/// Which run it is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct About {
    /// The process.
    pub(crate) pid: u32,
    /// The version of the program.
    pub(crate) version: String,
    /// The patch as it was named on the command line.
    pub(crate) patch: String,
    /// Its absolute path.
    pub(crate) path: String,
    /// When the run began, by the wall clock.
    pub(crate) since: String,
    /// How long ago that is, in seconds.
    pub(crate) seconds: f64,
}

/// Why a request is refused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Refusal {
    /// Which kind of thing is wrong: one of [`score_engine::SteeringErrorKind`], or `request`,
    /// `version`, `too_long`, `busy`, `not_yet`.
    pub(crate) kind: String,
    /// What is wrong.
    pub(crate) message: String,
    /// What to do about it.
    #[serde(default)]
    pub(crate) help: Option<String>,
    /// Which of the values or addresses of the request it is about, from 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) index: Option<usize>,
}

impl Refusal {
    /// A refusal of a request as a whole.
    pub(crate) fn new(kind: &str, message: impl Into<String>) -> Self {
        Refusal {
            kind: kind.to_owned(),
            message: message.into(),
            help: None,
            index: None,
        }
    }

    /// With what to do about it.
    pub(crate) fn help(self, help: impl Into<String>) -> Self {
        Refusal {
            help: Some(help.into()),
            ..self
        }
    }
}

/// Reads a request.
///
/// # Errors
/// It is too long, no request, or one of another version.
pub(crate) fn read_request(line: &[u8]) -> Result<Request, Refusal> {
    if line.len() > MAX_REQUEST {
        return Err(too_long());
    }
    let malformed = |error: serde_json::Error| {
        Refusal::new("request", format!("this is not a request: {error}"))
    };
    let mut whole: Value = serde_json::from_slice(line).map_err(malformed)?;
    match whole.get("version").and_then(Value::as_u64) {
        Some(VERSION) => {}
        Some(other) => return Err(other_version(other)),
        None => return Err(Refusal::new("request", "a request has a `version`")),
    }
    let request = whole.get_mut("request").map(Value::take);
    let request: Request =
        serde_json::from_value(request.unwrap_or_default()).map_err(malformed)?;
    let glide = match &request {
        Request::Set { glide, .. }
        | Request::Release { glide, .. }
        | Request::Recall { glide, .. }
        | Request::ReleaseAll { glide } => *glide,
        Request::Hello
        | Request::Tap
        | Request::Presets
        | Request::Cue { .. }
        | Request::Go
        | Request::StopCues
        | Request::Cues
        | Request::Get
        | Request::Held
        | Request::Status => Glide::default(),
    };
    let (Length::Seconds(number) | Length::Beats(number)) = glide.length();
    match (0.0..=MAX_GLIDE).contains(&number) {
        true => Ok(request),
        false => Err(Refusal::new(
            "request",
            format!("`glide` is seconds or beats from 0 to {MAX_GLIDE}, not {number}"),
        )),
    }
}

/// A request as a line.
pub(crate) fn write_request(request: &Request) -> String {
    format!("{}\n", json!({ "version": VERSION, "request": request }))
}

/// An answer as a line.
pub(crate) fn write_answer(answer: Result<Value, Vec<Refusal>>) -> String {
    let answer = match answer {
        Ok(value) => json!({ "version": VERSION, "ok": value }),
        Err(errors) => json!({ "version": VERSION, "errors": errors }),
    };
    format!("{answer}\n")
}

/// Reads an answer: what was asked for, or why it is refused.
///
/// # Errors
/// It is none, or one of another version.
pub(crate) fn read_answer(line: &[u8]) -> Result<Result<Value, Vec<Refusal>>, Refusal> {
    let no_answer = || Refusal::new("answer", "the run gave an answer that cannot be read");
    let mut whole: Value = serde_json::from_slice(line).map_err(|_| no_answer())?;
    match whole.get("version").and_then(Value::as_u64) {
        Some(VERSION) => {}
        Some(other) => return Err(other_version(other)),
        None => return Err(no_answer()),
    }
    if let Some(errors) = whole.get_mut("errors").map(Value::take) {
        return serde_json::from_value(errors)
            .map(Err)
            .map_err(|_| no_answer());
    }
    let ok = whole.get_mut("ok").map(Value::take).ok_or_else(no_answer)?;
    Ok(Ok(ok))
}

/// The answer to a request that is too long.
pub(crate) fn too_long() -> Refusal {
    Refusal::new(
        "too_long",
        format!("the request is longer than {MAX_REQUEST} bytes"),
    )
}

fn other_version(other: u64) -> Refusal {
    let message = format!(
        "the run and this command are of different versions of `score` ({other}, {VERSION})"
    );
    Refusal::new("version", message).help("use the `score` that plays the patch")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use proptest::prelude::*;

    use super::*;

    fn request() -> impl Strategy<Value = Request> {
        let text = ".{0,12}";
        let glide = (0.0..=MAX_GLIDE, 0..3).prop_map(|(number, form)| match form {
            0 => Glide::Seconds(number),
            1 => Glide::Length(Length::Seconds(number)),
            _ => Glide::Length(Length::Beats(number)),
        });
        let setting =
            (text, text, text).prop_map(|(node, param, value)| Setting { node, param, value });
        let address =
            (text, proptest::option::of(text)).prop_map(|(node, param)| Address { node, param });
        prop_oneof![
            Just(Request::Hello),
            Just(Request::Presets),
            Just(Request::Go),
            Just(Request::StopCues),
            Just(Request::Cues),
            text.prop_map(|cue| Request::Cue { cue }),
            Just(Request::Tap),
            Just(Request::Get),
            Just(Request::Held),
            Just(Request::Status),
            (prop::collection::vec(setting, 0..4), glide.clone())
                .prop_map(|(values, glide)| Request::Set { values, glide }),
            (prop::collection::vec(address, 0..4), glide.clone())
                .prop_map(|(what, glide)| Request::Release { what, glide }),
            (text, glide.clone()).prop_map(|(preset, glide)| Request::Recall { preset, glide }),
            glide.prop_map(|glide| Request::ReleaseAll { glide }),
        ]
    }

    proptest! {
        #[test]
        fn a_request_arrives_as_it_was_sent_in_one_line(request in request()) {
            let line = write_request(&request);
            prop_assert_eq!(line.find('\n'), Some(line.len() - 1));
            prop_assert_eq!(read_request(line.as_bytes()), Ok(request));
        }

        #[test]
        fn any_bytes_are_read_as_an_answer_or_refused(bytes: Vec<u8>) {
            let _ = read_answer(&bytes);
        }
    }

    #[test]
    fn what_may_be_left_out_has_its_default_and_what_is_unknown_is_refused() {
        let read = |request: &str| {
            read_request(format!(r#"{{"version":1,"request":{request}}}"#).as_bytes())
        };
        assert_eq!(
            read(r#"{"release_all":{}}"#),
            Ok(Request::ReleaseAll {
                glide: Glide::Seconds(0.0)
            })
        );
        assert_eq!(
            read(r#"{"release_all":{"glide":{"beats":4}}}"#),
            Ok(Request::ReleaseAll {
                glide: Glide::Length(Length::Beats(4.0))
            })
        );
        for wrong in [
            r#""get it""#,
            r#"{"set":{}}"#,
            r#"{"release":{}}"#,
            r#"{"recall":{}}"#,
            r#"{"recall":{"preset":"calm","glide":-1}}"#,
            r#"{"release_all":{"glid":1}}"#,
            r#"{"set":{"values":[],"glid":1}}"#,
            r#"{"set":{"values":[],"glide":-1}}"#,
            r#"{"set":{"values":[],"glide":3601}}"#,
            r#"{"set":{"values":[],"glide":{"beats":-1}}}"#,
            r#"{"set":{"values":[],"glide":{"bars":1}}}"#,
            r#"{"set":{"values":[],"glide":{"beats":1,"seconds":1}}}"#,
            r#"{"set":{"values":[],"glide":null}}"#,
            r#"{"set":{"values":[{"node":"a","param":"b","value":1}]}}"#,
            "null",
        ] {
            assert_eq!(read(wrong).unwrap_err().kind, "request", "{wrong}");
        }
    }

    #[test]
    fn another_version_is_named_and_what_is_too_long_is_not_read() {
        let other = br#"{"version":2,"request":"hello"}"#;
        assert_eq!(read_request(other).unwrap_err().kind, "version");
        assert_eq!(
            read_answer(br#"{"version":2,"ok":null}"#).unwrap_err().kind,
            "version"
        );
        for none in [&b"{}"[..], b"[]", b"", b"1", br#"{"version":"1"}"#] {
            assert_eq!(read_request(none).unwrap_err().kind, "request");
            assert_eq!(read_answer(none).unwrap_err().kind, "answer");
        }
        let long = vec![b' '; MAX_REQUEST + 1];
        assert_eq!(read_request(&long).unwrap_err().kind, "too_long");
        let deep = "[".repeat(MAX_REQUEST);
        assert_eq!(read_request(deep.as_bytes()).unwrap_err().kind, "request");
    }

    #[test]
    fn a_refusal_arrives_with_its_kind_and_help() {
        let refusal = Refusal {
            index: Some(2),
            ..Refusal::new("node", "no node `hum` plays").help("did you mean `drum`?")
        };
        let line = write_answer(Err(vec![refusal.clone()]));
        assert_eq!(read_answer(line.as_bytes()), Ok(Err(vec![refusal])));
        let line = write_answer(Ok(json!([1, "a\nb"])));
        assert_eq!(read_answer(line.as_bytes()), Ok(Ok(json!([1, "a\nb"]))));
    }
}
