//! What a run answers.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

use humantime::format_rfc3339_millis;
use score_engine::{Steering, SteeringError};
use serde_json::{Value, json};

use super::Latest;
use super::protocol::{About, Address, Refusal, Request, Setting, read_request, write_answer};
use crate::status::{line, table};

/// A run as other programs reach it. Nothing here makes the run wait: values are set and looked at as
/// [`Steering`] does it, and the status is the one that the run put down last.
pub(crate) struct Remote {
    steering: Steering,
    latest: Latest,
    patch: PathBuf,
    path: PathBuf,
    since: SystemTime,
    begun: Instant,
}

type Answer = Result<Value, Vec<Refusal>>;

impl Remote {
    /// The run of `patch`, which begins now.
    pub(crate) fn new(steering: Steering, latest: Latest, patch: &Path) -> Self {
        Remote {
            steering,
            latest,
            patch: patch.to_owned(),
            path: std::path::absolute(patch).unwrap_or_else(|_| patch.to_owned()),
            since: SystemTime::now(),
            begun: Instant::now(),
        }
    }

    /// The answer to a line, as a line.
    pub(crate) fn answer(&self, line: &[u8]) -> String {
        let answer = read_request(line).map_err(|refusal| vec![refusal]);
        write_answer(answer.and_then(|request| self.do_what(request)))
    }

    fn do_what(&self, request: Request) -> Answer {
        if request != Request::Hello && self.latest.get().is_none() {
            let message = "nothing plays yet: the patch is still being built";
            return Err(vec![
                Refusal::new("not_yet", message).help("try again when it plays"),
            ]);
        }
        match request {
            Request::Hello => Ok(json!(self.about())),
            Request::Set { values, glide } => self.set(values, seconds(glide)),
            Request::Release { what, glide } => self.release(&what, seconds(glide)),
            Request::ReleaseAll { glide } => {
                self.steering.release_all(seconds(glide));
                Ok(Value::Null)
            }
            Request::Get => Ok(json!(self.steering.values())),
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

    fn set(&self, values: Vec<Setting>, glide: Duration) -> Answer {
        let values: Vec<_> = values
            .into_iter()
            .map(|setting| (setting.node, setting.param, setting.value))
            .collect();
        let done = self.steering.set_all_written(&values, glide);
        done.map_err(|wrong| {
            let wrong = wrong.into_iter();
            wrong.map(|(index, error)| refusal(index, error)).collect()
        })?;
        Ok(Value::Null)
    }

    fn release(&self, what: &[Address], glide: Duration) -> Answer {
        let mut refusals = Vec::new();
        for (index, Address { node, param }) in what.iter().enumerate() {
            let released = match param {
                Some(param) => self.steering.release(node, param, glide),
                None => self.steering.release_node(node, glide),
            };
            refusals.extend(released.err().map(|error| refusal(index, error)));
        }
        match refusals.is_empty() {
            true => Ok(Value::Null),
            false => Err(refusals),
        }
    }

    fn status(&self) -> Answer {
        let latest = self.latest.get();
        let Some((at, status)) = latest.as_deref() else {
            return Ok(Value::Null);
        };
        let line = line(status, &self.patch, *at)
            .map_err(|error| vec![Refusal::new("request", error.to_string())])?;
        Ok(json!({ "status": line, "table": table(status) }))
    }
}

fn seconds(glide: f64) -> Duration {
    Duration::try_from_secs_f64(glide).unwrap_or_default()
}

/// Why the value or address that is number `index` is refused.
fn refusal(index: usize, error: SteeringError) -> Refusal {
    let kind = serde_json::to_value(error.kind).unwrap_or_default();
    Refusal {
        kind: kind.as_str().unwrap_or("value").to_owned(),
        message: error.message,
        help: error.help,
        index: Some(index),
    }
}
