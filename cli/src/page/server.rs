//! Answers requests for the page. Every request passes the same gate, and names nothing but what
//! stands in a table.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::ws::WebSocketUpgrade;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::extract::{Extension, Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use score_nodes::lessons::Lessons;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::time::{sleep, timeout};

use super::access::{Access, Admitted, Right};
use super::editing;
use super::hub::Hub;
use super::socket::{LARGEST, converse};
use super::{assets, health, seal, taught};
use crate::web::{self, Ends, Limits};

/// Connections at the same time, those of open pages apart.
const LIMITS: Limits = Limits {
    connections: 128,
    lasts: Duration::from_secs(60),
};

/// Pages that are open at the same time.
const MOST_PAGES: usize = 64;

/// Letters of a path, and of what stands behind its question mark.
const LONGEST_PATH: usize = 256;

/// Bytes that a request may bring.
const LARGEST_BODY: usize = 1_024;

/// How long a request may take to bring them.
const PATIENCE: Duration = Duration::from_secs(2);

/// How often it is looked at whether all pages have gone.
const GOING: Duration = Duration::from_millis(5);

/// What lets browsers in, whatever the page shows.
pub(super) struct Gate {
    pub(super) access: Access,
    /// Says the next one-time address, once one was used.
    pub(super) tell_address: Box<dyn Fn(&str) + Send + Sync>,
}

/// What every request needs.
pub(super) struct Shared {
    pub(super) gate: Gate,
    pub(super) hub: Arc<Hub>,
    /// What nodes have been taught.
    pub(super) lessons: Arc<Lessons>,
    pub(super) over: watch::Receiver<bool>,
    pub(super) pages: Arc<AtomicUsize>,
}

/// Answers whoever comes to `door` until the run ends.
pub(super) async fn serve(door: TcpListener, shared: Shared) {
    let (over, pages) = (shared.over.clone(), shared.pages.clone());
    let router = Router::new().fallback(answer).with_state(Arc::new(shared));
    let ready = |stream| async move { stream };
    web::serve(door, router, LIMITS, over, ready).await;
    // Each open page is told that the run has ended.
    let are_gone = async {
        while pages.load(Ordering::Relaxed) > 0 {
            sleep(GOING).await;
        }
    };
    let _ = timeout(web::CLOSES, are_gone).await;
}

async fn answer(
    State(shared): State<Arc<Shared>>,
    Extension(ends): Extension<Ends>,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
    request: Request,
) -> Response {
    let mut response = match respond(&shared, ends, upgrade, request).await {
        Ok(response) => response,
        Err((status, why)) => (status, format!("{why}\n")).into_response(),
    };
    dress(response.headers_mut());
    response
}

/// Why a request is refused.
pub(super) type Refused = (StatusCode, &'static str);

async fn respond(
    shared: &Arc<Shared>,
    ends: Ends,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
    request: Request,
) -> Result<Response, Refused> {
    let (parts, body) = request.into_parts();
    let admitted = shared.gate.access.admit(&parts.headers, ends)?;
    let path = parts.uri.path();
    let query = parts.uri.query().unwrap_or_default();
    if path.len() + query.len() > LONGEST_PATH {
        return Err((StatusCode::URI_TOO_LONG, "nothing here has so long a name"));
    }
    if path == "/socket" {
        return open_socket(shared, &parts.headers, &admitted, upgrade);
    }
    match parts.method {
        Method::GET | Method::HEAD => look(shared, &parts.headers, &admitted, path),
        Method::POST if path == "/enter" => {
            enter(&shared.gate, &parts.headers, &admitted, body).await
        }
        Method::POST if path.starts_with(editing::PATH) => {
            let is_local = admitted.is_local;
            let right = || shared.gate.access.right(&parts.headers, is_local);
            editing::answer(
                &shared.hub.editing,
                (&parts.headers, &admitted),
                right,
                path,
                body,
            )
            .await
        }
        Method::POST => Err((StatusCode::NOT_FOUND, "nothing here takes this")),
        _ => Err((
            StatusCode::METHOD_NOT_ALLOWED,
            "only GET, and POST to /enter",
        )),
    }
}

/// Something to look at.
fn look(
    shared: &Shared,
    headers: &HeaderMap,
    admitted: &Admitted,
    path: &str,
) -> Result<Response, Refused> {
    if let Some(asset) = assets::at(path) {
        return Ok(([(header::CONTENT_TYPE, asset.kind)], asset.content).into_response());
    }
    let right = || shared.gate.access.right(headers, admitted.is_local);
    let locked = (
        StatusCode::UNAUTHORIZED,
        "not without a link or a bearer token",
    );
    let page = match path {
        "/" => assets::STUDIO,
        "/show" => assets::SHOW,
        "/phone" => assets::PHONE,
        "/enter" => return page(assets::LOCKED, StatusCode::OK),
        "/right" => {
            let right = right().ok_or(locked)?;
            return Ok(json(format!("{{\"right\":\"{}\"}}", right.name())));
        }
        "/health" | "/metrics" if !admitted.is_local && right().is_none() => return Err(locked),
        "/health" => return Ok(health::health(&shared.hub)),
        "/metrics" => {
            return Ok(health::metrics(
                &shared.hub,
                shared.pages.load(Ordering::Relaxed),
            ));
        }
        "/status" => {
            right().ok_or(locked)?;
            return Ok(json(health::status(&shared.hub)));
        }
        _ if path.starts_with(taught::PATH) => {
            right().ok_or(locked)?;
            return taught::answer(&shared.lessons, path);
        }
        _ => return Err((StatusCode::NOT_FOUND, "there is nothing here")),
    };
    match right() {
        Some(_) => self::page(page, StatusCode::OK),
        None => self::page(assets::LOCKED, StatusCode::UNAUTHORIZED),
    }
}

/// A page that runs no script and no style but its own.
fn page(page: &str, status: StatusCode) -> Result<Response, Refused> {
    page_with(page, status, "")
}

/// The same, where the page may also do what `more` of its policy says.
pub(super) fn page_with(page: &str, status: StatusCode, more: &str) -> Result<Response, Refused> {
    let failed = (
        StatusCode::INTERNAL_SERVER_ERROR,
        "the system gives no random numbers",
    );
    let nonce = seal::secret().map_err(|_| failed)?;
    let policy = format!(
        "default-src 'none'; script-src 'nonce-{nonce}'; style-src 'nonce-{nonce}'; img-src 'self'; \
         connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; \
         require-trusted-types-for 'script'; trusted-types 'none'{more}"
    );
    let policy = HeaderValue::from_str(&policy).map_err(|_| failed)?;
    let kind = HeaderValue::from_static("text/html; charset=utf-8");
    let headers = [
        (header::CONTENT_SECURITY_POLICY, policy),
        (header::CONTENT_TYPE, kind),
    ];
    Ok((status, headers, page.replace("{nonce}", &nonce)).into_response())
}

pub(super) fn json(content: impl Into<Body>) -> Response {
    let kind = [(header::CONTENT_TYPE, "application/json")];
    (kind, content.into()).into_response()
}

/// What a browser brings that has opened an address.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entering {
    secret: String,
}

/// Refuses what is not JSON of the server's own page.
pub(super) fn require_own_json(headers: &HeaderMap, admitted: &Admitted) -> Result<(), Refused> {
    if !admitted.is_own_page {
        return Err((StatusCode::FORBIDDEN, "only the page itself may ask this"));
    }
    let is_json = headers
        .get(header::CONTENT_TYPE)
        .is_some_and(|kind| kind == "application/json");
    match is_json {
        true => Ok(()),
        false => Err((
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "only application/json is read",
        )),
    }
}

/// Reads the body of a request, at most so many bytes, within a time.
pub(super) async fn read_json<T: DeserializeOwned>(
    body: Body,
    largest: usize,
    within: Duration,
) -> Result<T, Refused> {
    let bytes = timeout(within, to_bytes(body, largest)).await;
    let bytes = bytes.map_err(|_| (StatusCode::REQUEST_TIMEOUT, "the request does not come"))?;
    let bytes = bytes.map_err(|_| (StatusCode::PAYLOAD_TOO_LARGE, "the request is too large"))?;
    serde_json::from_slice(&bytes)
        .map_err(|_| (StatusCode::BAD_REQUEST, "this is not what the page sends"))
}

/// What a page of this server's own brings as JSON.
pub(super) async fn brought<T: DeserializeOwned>(
    headers: &HeaderMap,
    admitted: &Admitted,
    body: Body,
) -> Result<T, Refused> {
    require_own_json(headers, admitted)?;
    read_json(body, LARGEST_BODY, PATIENCE).await
}

/// Lets a browser in.
pub(super) async fn enter(
    gate: &Gate,
    headers: &HeaderMap,
    admitted: &Admitted,
    body: Body,
) -> Result<Response, Refused> {
    let entering: Entering = brought(headers, admitted, body).await?;
    let entered = gate.access.enter(&entering.secret);
    let entered = entered.map_err(|()| (StatusCode::TOO_MANY_REQUESTS, "try again in a second"))?;
    let Some((right, mut cookie)) = entered else {
        return Err((
            StatusCode::FORBIDDEN,
            "this address is not good any more: the program prints a new one each time one was used",
        ));
    };
    if admitted.is_encrypted {
        cookie.push_str("; Secure");
    }
    // The next browser needs another.
    if right == Right::Edit
        && let Ok(secret) = gate.access.once()
    {
        (gate.tell_address)(&secret);
    }
    let answer = json(format!("{{\"right\":\"{}\"}}", right.name()));
    Ok(([(header::SET_COOKIE, cookie)], answer).into_response())
}

/// Connects an open page.
fn open_socket(
    shared: &Arc<Shared>,
    headers: &HeaderMap,
    admitted: &Admitted,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Result<Response, Refused> {
    if !admitted.is_own_page {
        return Err((StatusCode::FORBIDDEN, "only the page itself may connect"));
    }
    let locked = (StatusCode::UNAUTHORIZED, "not without a link");
    let right = shared
        .gate
        .access
        .right(headers, admitted.is_local)
        .ok_or(locked)?;
    let upgrade = match upgrade {
        Ok(upgrade) => upgrade,
        Err(rejected) => return Ok(rejected.into_response()),
    };
    let place = Place::take(&shared.pages, MOST_PAGES);
    let place = place.ok_or((StatusCode::SERVICE_UNAVAILABLE, "too many pages are open"))?;
    let (shared, headers, is_local) = (shared.clone(), headers.clone(), admitted.is_local);
    Ok(upgrade
        .max_message_size(LARGEST)
        .max_frame_size(LARGEST)
        .on_upgrade(move |socket| async move {
            let still = || shared.gate.access.right(&headers, is_local) == Some(right);
            converse(
                socket,
                right,
                still,
                shared.hub.clone(),
                shared.over.clone(),
            )
            .await;
            drop(place);
        }))
}

/// The place of an open page; given back with this value.
struct Place(Arc<AtomicUsize>);

impl Place {
    fn take(pages: &Arc<AtomicUsize>, most: usize) -> Option<Self> {
        if pages.fetch_add(1, Ordering::Relaxed) >= most {
            pages.fetch_sub(1, Ordering::Relaxed);
            return None;
        }
        Some(Place(pages.clone()))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// What stands above every answer: it is what it says, is shown in no frame, and is kept nowhere.
pub(super) fn dress(headers: &mut HeaderMap) {
    let all = [
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::X_FRAME_OPTIONS, "DENY"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::CACHE_CONTROL, "no-store"),
        (
            HeaderName::from_static("cross-origin-resource-policy"),
            "same-origin",
        ),
        (
            HeaderName::from_static("cross-origin-opener-policy"),
            "same-origin",
        ),
    ];
    for (name, value) in all {
        headers.insert(name, HeaderValue::from_static(value));
    }
    let nothing = HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'");
    headers
        .entry(header::CONTENT_SECURITY_POLICY)
        .or_insert(nothing);
}
