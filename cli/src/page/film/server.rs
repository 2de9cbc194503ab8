//! Answers requests for the page of films. Every request passes the same gate as those for the page
//! of a run, and names films, results and files by their numbers.

use std::path::PathBuf;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Body;
use axum::extract::{Extension, Request, State};
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::json;
use tokio::net::TcpListener;
use tokio::sync::watch;

use super::Films;
use super::order::Values;
use super::range::Served;
use crate::page::access::{Admitted, Right};
use crate::page::assets;
use crate::page::server::{Gate, Refused, brought, dress, enter, json, page_with};
use crate::web::{self, Ends, Limits};

/// Connections at the same time: a browser opens six.
const LIMITS: Limits = Limits {
    connections: 96,
    // A film is sent as slowly as it is played; a browser asks for the rest.
    lasts: Duration::from_secs(600),
};

/// Letters of a path, and of what stands behind its question mark.
const LONGEST_PATH: usize = 128;

/// Requests a second that are answered, of all pages, and how many may come at once.
const RATE: f64 = 100.0;
const BURST: f64 = 300.0;

/// What the page of a film may do besides: play it.
const PLAYS: &str = "; media-src 'self'";

const NOTHING: Refused = (StatusCode::NOT_FOUND, "there is nothing here");
const LOCKED: Refused = (StatusCode::UNAUTHORIZED, "not without a link");

/// What every request needs.
struct Shared {
    gate: Gate,
    films: Arc<Films>,
    pace: Mutex<Pace>,
}

/// Answers whoever comes to `door` until the page ends.
pub(super) async fn serve(
    door: TcpListener,
    gate: Gate,
    films: Arc<Films>,
    over: watch::Receiver<bool>,
) {
    let shared = Shared {
        gate,
        films,
        pace: Mutex::new(Pace::new(Instant::now())),
    };
    let router = Router::new().fallback(answer).with_state(Arc::new(shared));
    let ready = |stream| async move { stream };
    web::serve(door, router, LIMITS, over, ready).await;
}

async fn answer(
    State(shared): State<Arc<Shared>>,
    Extension(ends): Extension<Ends>,
    request: Request,
) -> Response {
    let mut response = match respond(&shared, ends, request).await {
        Ok(response) => response,
        Err((status, why)) => (status, format!("{why}\n")).into_response(),
    };
    dress(response.headers_mut());
    response
}

async fn respond(shared: &Arc<Shared>, ends: Ends, request: Request) -> Result<Response, Refused> {
    let (parts, body) = request.into_parts();
    let admitted = shared.gate.access.admit(&parts.headers, ends)?;
    let pace = shared
        .pace
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .take(Instant::now());
    if !pace {
        return Err((
            StatusCode::TOO_MANY_REQUESTS,
            "too many requests; wait a second",
        ));
    }
    let path = parts.uri.path();
    if path.len() + parts.uri.query().unwrap_or_default().len() > LONGEST_PATH {
        return Err((StatusCode::URI_TOO_LONG, "nothing here has so long a name"));
    }
    let right = shared.gate.access.right(&parts.headers, admitted.is_local);
    match parts.method {
        Method::GET | Method::HEAD => {
            look(shared, &parts.method, &parts.headers, right, path).await
        }
        Method::POST if path == "/enter" => {
            enter(&shared.gate, &parts.headers, &admitted, body).await
        }
        Method::POST => wish(shared, &parts.headers, &admitted, right, (path, body)).await,
        _ => Err((StatusCode::METHOD_NOT_ALLOWED, "only GET and POST")),
    }
}

/// What a path names.
#[derive(Debug, PartialEq, Eq)]
enum Named {
    /// The list of films and patches, as a page and as data.
    Library,
    Listed,
    Film(usize),
    State(usize),
    Still(usize, usize),
    Tags(usize),
    Render(usize),
    Cancel(usize),
    Score(usize),
    Play(usize),
    File(usize, usize),
    Keep(usize),
    Measure(usize),
}

fn named(path: &str) -> Option<Named> {
    let parts: Vec<&str> = path.strip_prefix('/')?.split('/').collect();
    Some(match *parts.as_slice() {
        ["films"] => Named::Library,
        ["films", "list"] => Named::Listed,
        ["film", film] => Named::Film(number(film)?),
        ["film", film, "state"] => Named::State(number(film)?),
        ["film", film, "still", still] => Named::Still(number(film)?, number(still)?),
        ["film", film, "tags"] => Named::Tags(number(film)?),
        ["film", film, "render"] => Named::Render(number(film)?),
        ["film", film, "cancel"] => Named::Cancel(number(film)?),
        ["result", result, "score"] => Named::Score(number(result)?),
        ["result", result, "play"] => Named::Play(number(result)?),
        ["result", result, "file", file] => Named::File(number(result)?, number(file)?),
        ["result", result, "keep"] => Named::Keep(number(result)?),
        ["result", result, "measure"] => Named::Measure(number(result)?),
        _ => return None,
    })
}

/// A number of digits alone.
fn number(text: &str) -> Option<usize> {
    let is_number = (1..=9).contains(&text.len()) && text.bytes().all(|one| one.is_ascii_digit());
    is_number.then(|| text.parse().ok()).flatten()
}

/// Something to look at.
async fn look(
    shared: &Arc<Shared>,
    method: &Method,
    headers: &HeaderMap,
    right: Option<Right>,
    path: &str,
) -> Result<Response, Refused> {
    if let Some(asset) = assets::at(path) {
        return Ok(([(header::CONTENT_TYPE, asset.kind)], asset.content).into_response());
    }
    let films = &shared.films;
    let shown = match path {
        "/enter" => return page_with(assets::LOCKED, StatusCode::OK, ""),
        "/right" => {
            let right = right.ok_or(LOCKED)?;
            return Ok(json(json!({ "right": right.name() }).to_string()));
        }
        // The one film, or the list of all.
        "/" if films.table.folder().is_none() => Named::Film(0),
        "/" => Named::Library,
        path => named(path).ok_or(NOTHING)?,
    };
    let page = match shown {
        Named::Library if films.table.folder().is_some() => Some((assets::FILMS, "")),
        Named::Film(film) if films.table.name(film).is_some() => Some((assets::FILM, PLAYS)),
        _ => None,
    };
    if let Some((page, more)) = page {
        return match right {
            Some(_) => page_with(page, StatusCode::OK, more),
            None => page_with(assets::LOCKED, StatusCode::UNAUTHORIZED, ""),
        };
    }
    let right = right.ok_or(LOCKED)?;
    let made = |result: usize| films.work.made(result).ok_or(NOTHING);
    let served = match shown {
        Named::Listed if films.table.folder().is_some() => {
            let own = films.clone();
            let make = move || own.library().to_string().into_bytes();
            let list = films.listing.get(make).await.ok_or(NOTHING)?;
            return Ok(json(list));
        }
        Named::State(film) => {
            let told = films.told(film, right.name()).ok_or(NOTHING)?;
            return Ok(json(told.to_string()));
        }
        Named::Still(film, still) => File {
            path: films.work.still(film, still).ok_or(NOTHING)?,
            kind: "image/jpeg",
            name: None,
            tag: format!("still-{film}-{still}"),
        },
        Named::Tags(film) => File {
            path: films.work.tags(film).ok_or(NOTHING)?,
            kind: "application/json",
            name: None,
            tag: format!("tags-{film}"),
        },
        Named::Score(result) => File {
            path: made(result)?.score(),
            kind: "application/json",
            name: None,
            tag: format!("score-{result}"),
        },
        Named::Play(result) => {
            let (path, kind) = made(result)?.plays.ok_or(NOTHING)?;
            let (name, tag) = (None, format!("play-{result}"));
            File {
                path,
                kind,
                name,
                tag,
            }
        }
        Named::File(result, file) => {
            let made = made(result)?;
            let written = made.files.get(file).ok_or(NOTHING)?;
            File {
                path: written.path.clone(),
                kind: written.kind,
                name: Some(written.name.clone()),
                tag: format!("file-{result}-{file}"),
            }
        }
        _ => return Err(NOTHING),
    };
    let (method, headers) = (method.clone(), headers.clone());
    let answered = tokio::task::spawn_blocking(move || served.answer(&method, &headers)).await;
    answered.ok().and_then(Result::ok).ok_or(NOTHING)
}

/// A file that is sent.
struct File {
    path: PathBuf,
    kind: &'static str,
    name: Option<String>,
    tag: String,
}

impl File {
    fn answer(self, method: &Method, headers: &HeaderMap) -> std::io::Result<Response> {
        let served = Served {
            path: &self.path,
            kind: self.kind,
            name: self.name.as_deref(),
            tag: self.tag,
        };
        served.answer(method, headers)
    }
}

/// A wish that says nothing more.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Plain {}

/// Something to do, for those who may.
async fn wish(
    shared: &Arc<Shared>,
    headers: &HeaderMap,
    admitted: &Admitted,
    right: Option<Right>,
    (path, body): (&str, Body),
) -> Result<Response, Refused> {
    let wish = named(path).ok_or(NOTHING)?;
    if right.ok_or(LOCKED)? < Right::Edit {
        let why = "who may only look renders and keeps nothing";
        return Err((StatusCode::FORBIDDEN, why));
    }
    let films = &shared.films;
    if let Named::Render(film) = wish {
        let values: Values = brought(headers, admitted, body).await?;
        let values = films.choices.taken(values)?;
        let path = lies(films, film).await?;
        films.work.render(film, path, values);
        return Ok(json("{}".to_owned()));
    }
    let Plain {} = brought(headers, admitted, body).await?;
    match wish {
        Named::Cancel(film) => films.work.cancel(film),
        Named::Measure(result) => {
            let film = films.work.made(result).ok_or(NOTHING)?.film;
            let path = lies(films, film).await?;
            if !films.work.measure(result, path) {
                return Err(NOTHING);
            }
        }
        Named::Keep(result) => return keep(films, result).await,
        _ => return Err((StatusCode::NOT_FOUND, "nothing here takes this")),
    }
    Ok(json("{}".to_owned()))
}

/// Where a film lies, if it is still there.
async fn lies(films: &Arc<Films>, film: usize) -> Result<PathBuf, Refused> {
    let films = films.clone();
    let path = tokio::task::spawn_blocking(move || films.table.film(film)).await;
    path.ok()
        .flatten()
        .ok_or((StatusCode::NOT_FOUND, "this film is gone"))
}

/// Keeps a result, one at a time.
async fn keep(films: &Arc<Films>, result: usize) -> Result<Response, Refused> {
    if films.is_keeping.swap(true, Ordering::AcqRel) {
        return Err((StatusCode::CONFLICT, "something is being kept just now"));
    }
    let films = films.clone();
    let keeps = move || {
        let kept = films.keep(result);
        films.is_keeping.store(false, Ordering::Release);
        kept
    };
    let kept = tokio::task::spawn_blocking(keeps).await;
    Ok(match kept.unwrap_or_else(|error| Err(error.to_string())) {
        Ok(names) => json(json!({ "kept": names }).to_string()),
        Err(why) => (StatusCode::INSUFFICIENT_STORAGE, format!("{why}\n")).into_response(),
    })
}

/// How many requests may still come.
struct Pace {
    left: f64,
    at: Instant,
}

impl Pace {
    fn new(now: Instant) -> Self {
        Pace {
            left: BURST,
            at: now,
        }
    }

    /// Whether one more may come.
    fn take(&mut self, now: Instant) -> bool {
        let passed = now.saturating_duration_since(self.at).as_secs_f64();
        self.left = (self.left + passed * RATE).min(BURST);
        self.at = now;
        let may = self.left >= 1.0;
        if may {
            self.left -= 1.0;
        }
        may
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_name_numbers_and_nothing_in_the_file_system() {
        assert_eq!(named("/film/3/still/12"), Some(Named::Still(3, 12)));
        assert_eq!(named("/result/0/file/1"), Some(Named::File(0, 1)));
        for path in [
            "",
            "/film",
            "/film/",
            "/film/-1",
            "/film/+1",
            "/film/1.mp4",
            "/film/1234567890",
            "/film/1/../2",
            "/film/%31",
            "/film/0/still/../../etc",
            "/result/0/file/a.mid",
            "/result/0/file//etc/passwd",
            "//film/0",
        ] {
            assert_eq!(named(path), None, "{path}");
        }
    }

    #[test]
    fn too_many_requests_wait_a_moment() {
        let begun = Instant::now();
        let mut pace = Pace::new(begun);
        let taken = (0..1_000).filter(|_| pace.take(begun)).count();
        assert_eq!(taken, BURST as usize);
        assert!(pace.take(begun + Duration::from_millis(20)));
    }
}
