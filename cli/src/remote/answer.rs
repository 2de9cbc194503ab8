//! What a run answers.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

use humantime::format_rfc3339_millis;
use score_engine::{Steering, SteeringError, patch_hash};
use serde_json::{Value, json};

use super::Published;
use super::protocol::{
    About, Address, Glide, Held, HeldValue, Refusal, Request, Setting, read_request, write_answer,
};
use crate::status::{line, table};

/// A run as other programs reach it. Nothing here makes the run wait: values are set and read
/// through [`Steering`], and the status is the one that the run has published last.
pub(crate) struct Remote {
    steering: Steering,
    published: Published,
    patch: PathBuf,
    path: PathBuf,
    since: SystemTime,
    begun: Instant,
}

pub(crate) type Answer = Result<Value, Vec<Refusal>>;

impl Remote {
    /// The run of `patch`, which begins now.
    pub(crate) fn new(steering: Steering, published: Published, patch: &Path) -> Self {
        Remote {
            steering,
            published,
            patch: patch.to_owned(),
            path: std::path::absolute(patch).unwrap_or_else(|_| patch.to_owned()),
            since: SystemTime::now(),
            begun: Instant::now(),
        }
    }

    /// The answer to a line, as a line.
    pub(crate) fn answer(&self, line: &[u8]) -> String {
        let answer = read_request(line).map_err(|refusal| vec![refusal]);
        write_answer(answer.and_then(|request| self.ask(request)))
    }

    /// What is answered to a request.
    ///
    /// # Errors
    /// Why it is refused.
    pub(crate) fn ask(&self, request: Request) -> Answer {
        if request != Request::Hello && self.published.status().is_none() {
            let message = "nothing plays yet: the patch is still being built";
            return Err(vec![
                Refusal::new("not_yet", message).help("try again when it plays"),
            ]);
        }
        match request {
            Request::Hello => Ok(json!(self.about())),
            Request::Set { values, glide } => self.set(values, self.duration(glide)),
            Request::Release { what, glide } => self.release(&what, self.duration(glide)),
            Request::ReleaseAll { glide } => {
                self.steering.release_all(self.duration(glide));
                Ok(Value::Null)
            }
            Request::Recall { preset, glide } => {
                match self.steering.recall(&preset, self.duration(glide)) {
                    Ok(()) => Ok(Value::Null),
                    Err(error) => Err(vec![refused(error)]),
                }
            }
            Request::Tap => Ok(json!({ "tempo": self.steering.tap_beat() })),
            Request::Presets => Ok(json!(&*self.steering.presets())),
            Request::Cue { cue } => match self.steering.cue(&cue) {
                Ok(()) => Ok(Value::Null),
                Err(error) => Err(vec![refused(error)]),
            },
            Request::Go => match self.steering.go() {
                Ok(name) => Ok(json!(name)),
                Err(error) => Err(vec![refused(error)]),
            },
            Request::StopCues => {
                self.steering.stop_cues();
                Ok(Value::Null)
            }
            Request::Cues => {
                let status = self.steering.cue_status();
                Ok(json!({ "cues": self.steering.show().cues, "status": status }))
            }
            Request::Get => Ok(json!(self.steering.values())),
            Request::Held => Ok(json!(self.held())),
            Request::Status => self.status(),
        }
    }

    fn about(&self) -> About {
        About {
            pid: std::process::id(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            patch: self.patch.display().to_string(),
            path: self.path.display().to_string(),
            since: format_rfc3339_millis(self.since).to_string(),
            seconds: self.begun.elapsed().as_secs_f64(),
        }
    }

    /// How long a glide lasts at the tempo of this moment.
    fn duration(&self, glide: Glide) -> Duration {
        let length = glide.length().at(&self.steering.transport());
        Duration::try_from_secs_f64(length.seconds()).unwrap_or_default()
    }

    fn set(&self, values: Vec<Setting>, glide: Duration) -> Answer {
        let values: Vec<_> = values
            .into_iter()
            .map(|setting| (setting.node, setting.param, setting.value))
            .collect();
        match self.steering.set_all_written(&values, glide) {
            Ok(()) => Ok(Value::Null),
            Err(wrong) => {
                let wrong = wrong.into_iter();
                Err(wrong.map(|(index, error)| refusal(index, error)).collect())
            }
        }
    }

    /// Releases all of `what`, or nothing.
    fn release(&self, what: &[Address], glide: Duration) -> Answer {
        let nodes = self.steering.values();
        let is_there = |address: &Address| {
            let node = nodes.iter().find(|node| node.id == address.node);
            node.is_some_and(|node| {
                let mut names = node.values.iter().map(|value| value.name.as_str());
                (address.param.as_deref()).is_none_or(|param| names.any(|name| name == param))
            })
        };
        let all = what.iter().enumerate();
        let (there, missing): (Vec<_>, Vec<_>) = all.partition(|(_, address)| is_there(address));
        let released = |(index, Address { node, param }): (usize, &Address)| {
            let released = match param {
                Some(param) => self.steering.release(node, param, glide),
                None => self.steering.release_node(node, glide),
            };
            released.err().map(|error| refusal(index, error))
        };
        // What is missing first: the error says why it cannot be released.
        let mut refusals: Vec<Refusal> = missing.into_iter().filter_map(released).collect();
        if refusals.is_empty() {
            refusals.extend(there.into_iter().filter_map(released));
        }
        match refusals.is_empty() {
            true => Ok(Value::Null),
            false => Err(refusals),
        }
    }

    fn held(&self) -> Held {
        let nodes = self.steering.nodes();
        let is_order = |id: &str, name: &str| {
            let params = nodes.iter().filter(|node| node.id == id);
            let mut params = params.flat_map(|node| &node.params);
            params.any(|param| param.order && param.name == name)
        };
        let values = self.steering.held().into_iter();
        let values = values.map(|(node, param, value)| HeldValue {
            is_order: is_order(&node, &param),
            node,
            param,
            value,
        });
        let text = self.published.text();
        Held {
            patch_hash: patch_hash(text.as_deref().unwrap_or_default()),
            values: values.collect(),
        }
    }

    fn status(&self) -> Answer {
        let published = self.published.status();
        let Some((at, status)) = published.as_deref() else {
            return Ok(Value::Null);
        };
        let line = line(status, &self.patch, *at)
            .map_err(|error| vec![Refusal::new("request", error.to_string())])?;
        Ok(json!({ "status": line, "table": table(status) }))
    }
}

/// Why the value or address that is number `index` is refused.
fn refusal(index: usize, error: SteeringError) -> Refusal {
    Refusal {
        index: Some(index),
        ..refused(error)
    }
}

/// Why a request is refused as a whole.
fn refused(error: SteeringError) -> Refusal {
    let kind = serde_json::to_value(error.kind).unwrap_or_default();
    Refusal {
        help: error.help,
        ..Refusal::new(kind.as_str().unwrap_or("value"), error.message)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::sync::LazyLock;

    use proptest::prelude::*;
    use score_engine::{Length, Live, LiveOptions, Settings};

    use super::super::protocol::{MAX_REQUEST, read_answer};
    use super::*;

    /// A run whose only live values are the transport's.
    fn remote() -> Remote {
        let mut live = Live::new(&Settings::default(), LiveOptions::default());
        let published = Published::default();
        published.publish(&live.status());
        Remote::new(live.steering(), published, Path::new("show.ron"))
    }

    fn asked(remote: &Remote, request: &str) -> Answer {
        let line = format!(r#"{{"version":1,"request":{request}}}"#);
        read_answer(remote.answer(line.as_bytes()).as_bytes()).unwrap()
    }

    fn tempo(remote: &Remote) -> Value {
        asked(remote, r#""get""#).unwrap()[0]["values"][0].clone()
    }

    #[test]
    fn what_is_set_is_got_and_goes_when_it_is_released() {
        let remote = remote();
        let text = json!(120.0);
        assert_eq!(tempo(&remote)["value"], text);
        let set = r#"{"set":{"values":[{"node":"transport","param":"tempo","value":"96"}]}}"#;
        let release = r#"{"release":{"what":[{"node":"transport","param":"tempo"}]}}"#;
        for release in [
            release,
            r#"{"release":{"what":[{"node":"transport"}]}}"#,
            r#"{"release_all":{}}"#,
        ] {
            assert_eq!(asked(&remote, set), Ok(Value::Null));
            let tempo_now = tempo(&remote);
            assert_eq!(
                (
                    &tempo_now["value"],
                    &tempo_now["source"],
                    &tempo_now["text"]
                ),
                (&json!(96.0), &json!("hand"), &text)
            );
            assert_eq!(asked(&remote, release), Ok(Value::Null));
            assert_eq!(tempo(&remote)["source"], "text");
        }
    }

    #[test]
    fn all_is_released_or_nothing() {
        let remote = remote();
        let set = r#"{"set":{"values":[{"node":"transport","param":"tempo","value":"96"}]}}"#;
        asked(&remote, set).unwrap();
        let release = r#"{"release":{"what":[{"node":"transport","param":"tempo"},
            {"node":"transport","param":"tempi"},{"node":"hum"}]}}"#;
        let wrong = asked(&remote, release).unwrap_err();
        let told: Vec<_> = (wrong.iter())
            .map(|refusal| (refusal.index, refusal.kind.as_str()))
            .collect();
        assert_eq!(told, [(Some(1), "param"), (Some(2), "node")]);
        assert_eq!(tempo(&remote)["source"], "hand");
    }

    #[test]
    fn a_glide_in_beats_lasts_by_the_tempo_of_the_moment() {
        let remote = remote();
        let four = Glide::Length(Length::Beats(4.0));
        assert_eq!(remote.duration(four), Duration::from_secs(2));
        let set = r#"{"set":{"values":[{"node":"transport","param":"tempo","value":"60"}]}}"#;
        asked(&remote, set).unwrap();
        assert_eq!(remote.duration(four), Duration::from_secs(4));
        assert_eq!(
            remote.duration(Glide::Seconds(1.5)),
            Duration::from_millis(1500)
        );
    }

    #[test]
    fn what_hands_hold_comes_with_the_hash_of_the_patch_that_plays() {
        let remote = remote();
        remote.published.publish_text("Patch(format: 1)".into());
        asked(
            &remote,
            r#"{"set":{"values":[{"node":"transport","param":"tempo","value":"96"}]}}"#,
        )
        .unwrap();
        let held = json!({
            "patch_hash": patch_hash("Patch(format: 1)"),
            "values": [{ "node": "transport", "param": "tempo", "value": 96.0 }],
        });
        assert_eq!(asked(&remote, r#""held""#), Ok(held));
    }

    #[test]
    fn all_values_are_set_or_none_and_each_mistake_is_told() {
        let remote = remote();
        let wrong = asked(
            &remote,
            r#"{"set":{"values":[{"node":"transport","param":"tempo","value":"96"},
                {"node":"transport","param":"tempi","value":"96"},
                {"node":"transport","param":"seed","value":"1"},
                {"node":"transport","param":"key","value":"H dur"},
                {"node":"hum","param":"gain","value":"-3"}]}}"#,
        );
        let wrong = wrong.unwrap_err();
        let told: Vec<_> = wrong
            .iter()
            .map(|refusal| (refusal.index, refusal.kind.as_str()))
            .collect();
        assert_eq!(
            told,
            [
                (Some(1), "param"),
                (Some(2), "not_live"),
                (Some(3), "value"),
                (Some(4), "node")
            ]
        );
        assert_eq!(wrong[0].help.as_deref(), Some("did you mean `tempo`?"));
        assert_eq!(tempo(&remote)["source"], "text");
        let wrong = asked(&remote, r#"{"release":{"what":[{"node":"hum"}]}}"#).unwrap_err();
        assert_eq!((wrong[0].index, wrong[0].kind.as_str()), (Some(0), "node"));
    }

    #[test]
    fn a_run_says_which_it_is_before_it_plays_and_all_else_later() {
        let mut live = Live::new(&Settings::default(), LiveOptions::default());
        let remote = Remote::new(live.steering(), Published::default(), Path::new("show.ron"));
        let about = asked(&remote, r#""hello""#).unwrap();
        assert_eq!(
            (&about["pid"], &about["patch"]),
            (&json!(std::process::id()), &json!("show.ron"))
        );
        for request in [
            r#""get""#,
            r#""status""#,
            r#""held""#,
            r#"{"release_all":{}}"#,
        ] {
            assert_eq!(asked(&remote, request).unwrap_err()[0].kind, "not_yet");
        }
        remote.published.publish(&live.status());
        let status = asked(&remote, r#""status""#).unwrap();
        assert_eq!(status["status"]["patch"], "show.ron");
        assert!(status["table"].as_str().unwrap().contains("revision 0"));
    }

    static REMOTE: LazyLock<Remote> = LazyLock::new(remote);

    fn answered(bytes: &[u8]) -> bool {
        let answer = REMOTE.answer(bytes);
        answer.find('\n') == Some(answer.len() - 1) && read_answer(answer.as_bytes()).is_ok()
    }

    proptest! {
        #[test]
        fn any_bytes_are_answered_or_refused(bytes: Vec<u8>) {
            prop_assert!(answered(&bytes));
        }

        #[test]
        fn any_value_is_taken_or_refused(
            param in "tempo|metre|key|swing|swing_of|.{0,8}",
            value in ".{0,40}|[0-9(),.a-zA-Z\\[\\]-]{0,12}",
            glide in any::<f64>(),
        ) {
            let setting = Setting { node: "transport".to_owned(), param, value };
            let glide = Glide::Seconds(glide);
            let request = Request::Set { values: vec![setting], glide };
            let line = json!({ "version": 1, "request": request }).to_string();
            let is_answered = answered(line.as_bytes());
            prop_assert!(is_answered, "{}", line);
            REMOTE.answer(br#"{"version":1,"request":{"release_all":{}}}"#);
        }
    }

    #[test]
    fn the_longest_request_is_answered() {
        let value = "[".repeat(MAX_REQUEST - 200);
        let request = json!({ "version": 1, "request": { "set": { "values": [
            { "node": "transport", "param": "metre", "value": value }
        ] } } });
        assert!(answered(request.to_string().as_bytes()));
        assert!(answered(&vec![b'x'; 2 * MAX_REQUEST]));
    }
}
