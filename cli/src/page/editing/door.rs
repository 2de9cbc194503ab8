//! Answers what a page asks of its editor: only to whoever may edit, within sizes and rates.

use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use axum::body::Body;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::Response;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::time::timeout;

use super::Editing;
use super::graph::Change;
use super::judge::Edited;
use super::workers::Busy;
use crate::page::access::{Admitted, Right};
use crate::page::server::{Refused, json, read_json, require_own_json};

/// What the paths of all of it begin with.
pub(in crate::page) const PATH: &str = "/edit/";

/// Bytes that a request may bring.
const LARGEST: usize = 1 << 20;

/// How long it may take to bring them.
const PATIENCE: Duration = Duration::from_secs(10);

/// How long an answer may take: the connection ends after a minute.
const ANSWERS: Duration = Duration::from_secs(40);

/// Requests in a second, of all pages together: a hand that types sends four.
const MOST: u32 = 60;

/// Requests that are read or answered at the same time.
const MOST_AT_ONCE: u32 = 16;

/// How much is asked.
#[derive(Default)]
pub(super) struct Rate {
    since: Option<Instant>,
    requests: u32,
    open: u32,
}

/// A request that is being answered.
struct Place<'a>(&'a Editing);

impl<'a> Place<'a> {
    fn take(editing: &'a Editing) -> Option<Self> {
        let mut rate = editing.rate.lock().unwrap_or_else(PoisonError::into_inner);
        let is_old = |since: Instant| since.elapsed() > Duration::from_secs(1);
        if rate.since.is_none_or(is_old) {
            rate.since = Some(Instant::now());
            rate.requests = 0;
        }
        rate.requests += 1;
        let is_free = rate.requests <= MOST && rate.open < MOST_AT_ONCE;
        is_free.then(|| {
            rate.open += 1;
            Place(editing)
        })
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        let mut rate = self.0.rate.lock().unwrap_or_else(PoisonError::into_inner);
        rate.open = rate.open.saturating_sub(1);
    }
}

/// Nothing is asked with it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Nothing {}

/// A text that is edited.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct OneText {
    file: usize,
    text: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Checking {
    /// A number that tells open pages apart.
    page: u64,
    texts: Vec<OneText>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Saving {
    file: usize,
    /// Of what the file was when the page had it.
    hash: String,
    text: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Changing {
    hash: String,
    #[serde(default)]
    text: Option<String>,
    changes: Vec<Change>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Before {
    file: usize,
    hash: String,
}

/// Answers a request of the page's editor.
pub(in crate::page) async fn answer(
    editing: &Arc<Editing>,
    (headers, admitted): (&HeaderMap, &Admitted),
    right: impl Fn() -> Option<Right>,
    path: &str,
    body: Body,
) -> Result<Response, Refused> {
    require_own_json(headers, admitted)?;
    match right() {
        Some(Right::Edit) => {}
        Some(_) => return Err((StatusCode::FORBIDDEN, "this link does not allow it")),
        None => return Err((StatusCode::UNAUTHORIZED, "not without a link")),
    }
    let busy = (StatusCode::TOO_MANY_REQUESTS, "too much is asked");
    let _place = Place::take(editing).ok_or(busy)?;
    let answer = match path.strip_prefix(PATH).unwrap_or_default() {
        "open" => {
            let Nothing {} = read_json(body, LARGEST, PATIENCE).await?;
            act(editing, Editing::open).await?
        }
        "kinds" => {
            let Nothing {} = read_json(body, LARGEST, PATIENCE).await?;
            act(editing, Editing::declarations).await?
        }
        "check" => {
            let Checking { page, texts } = read_json(body, LARGEST, PATIENCE).await?;
            check(editing, page, texts).await?
        }
        "save" => {
            let Saving { file, hash, text } = read_json(body, LARGEST, PATIENCE).await?;
            act(editing, move |editing| editing.save(file, &hash, &text)).await?
        }
        "graph" => {
            let asked = read_json(body, LARGEST, PATIENCE).await?;
            let Changing {
                hash,
                text,
                changes,
            } = asked;
            act(editing, move |editing| editing.change(&hash, text, changes)).await?
        }
        "earlier" => {
            let Before { file, hash } = read_json(body, LARGEST, PATIENCE).await?;
            act(editing, move |editing| editing.earlier(file, &hash)).await?
        }
        _ => return Err((StatusCode::NOT_FOUND, "nothing here takes this")),
    };
    let mut response = json(answer.to_string());
    // A connection ends after a while: none that is kept open is cut while a text is on its way.
    let close = HeaderValue::from_static("close");
    response.headers_mut().insert(header::CONNECTION, close);
    Ok(response)
}

const SLOW: Refused = (
    StatusCode::SERVICE_UNAVAILABLE,
    "the patch, or a file that it names, is still being read; try again in a moment",
);

const FAILED: Refused = (
    StatusCode::INTERNAL_SERVER_ERROR,
    "the program failed at this, and its log says where; what plays goes on, and so does the editor",
);

/// Has something done that may wait for files.
async fn act(
    editing: &Arc<Editing>,
    act: impl FnOnce(&Editing) -> Value + Send + 'static,
) -> Result<Value, Refused> {
    let own = editing.clone();
    let answer = editing.acts.ask(Box::new(move || act(&own)));
    let answer = answer.map_err(|Busy| SLOW)?;
    match timeout(ANSWERS, answer).await {
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(_)) => Err(FAILED),
        Err(_) => Err(SLOW),
    }
}

/// Checks texts, unless the page asks for newer ones before their turn.
async fn check(editing: &Arc<Editing>, page: u64, texts: Vec<OneText>) -> Result<Value, Refused> {
    let edited: Edited = texts.into_iter().map(|one| (one.file, one.text)).collect();
    let own = editing.clone();
    let answer = editing
        .checks
        .ask(page, Box::new(move || own.judge(&edited).shown()));
    let answer = answer.map_err(|Busy| SLOW)?;
    match timeout(ANSWERS, answer).await {
        Ok(Ok(Some(verdict))) => Ok(verdict),
        Ok(Ok(None)) => Ok(json!({ "superseded": true })),
        Ok(Err(_)) => Err(FAILED),
        Err(_) => Err(SLOW),
    }
}
