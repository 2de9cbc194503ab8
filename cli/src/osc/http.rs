//! Answers OSCQuery over HTTP, and lets listeners in.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use axum::Router;
use axum::extract::ws::WebSocketUpgrade;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::extract::{Extension, State};
use axum::http::{HeaderMap, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use serde_json::{Value, json};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::time::timeout;

use super::filter::admit;
use super::listener::{LARGEST, Listeners, listen};
use super::namespace::Values;
use super::state::OscState;
use crate::web::{self, Ends, Limits};

/// Clients that ask at the same time. One that asks again within two seconds, as those that poll
/// do, keeps its connection for a day; any other connects anew for its next question.
const LIMITS: Limits = Limits {
    connections: 64,
    lasts: Duration::from_secs(24 * 3600),
};

/// What every request needs.
#[derive(Clone)]
struct Shared {
    state: Arc<OscState>,
    listeners: Arc<Listeners>,
    ends: watch::Receiver<bool>,
    number: Arc<AtomicU64>,
}

/// Answers whoever comes to `door` until the run ends.
pub(super) async fn serve(door: TcpListener, state: Arc<OscState>, ends: watch::Receiver<bool>) {
    let listeners = Arc::new(Listeners::new(state.clone(), ends.clone()));
    let shared = Shared {
        listeners: listeners.clone(),
        state,
        ends: ends.clone(),
        number: Arc::default(),
    };
    let router = Router::new().fallback(get(answer)).with_state(shared);
    web::serve(door, router, LIMITS, ends, with_a_slash).await;
    // Each says that it closes.
    let _ = timeout(web::CLOSES, listeners.are_gone()).await;
}

/// A connection whose first request names a path: Chataigne asks for `?HOST_INFO` of none, which
/// HTTP does not know.
async fn with_a_slash(mut stream: TcpStream) -> impl AsyncRead + AsyncWrite + Unpin {
    const ASKED: &[u8] = b"GET ?";
    let mut head = [0; ASKED.len()];
    let lacks_it = loop {
        match stream.peek(&mut head).await {
            Ok(count) if count == head.len() => break head == ASKED,
            Ok(count) if count > 0 && ASKED.starts_with(&head[..count]) => {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
            _ => break false,
        }
    };
    let meant: &[u8] = match lacks_it && stream.read_exact(&mut head).await.is_ok() {
        true => b"GET /?",
        false => b"",
    };
    let (reads, writes) = stream.into_split();
    tokio::io::join(meant.chain(reads), writes)
}

async fn answer(
    State(shared): State<Shared>,
    Extension(ends): Extension<Ends>,
    headers: HeaderMap,
    uri: Uri,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Response {
    if let Err(refused) = admit(&headers, ends.here) {
        return refused.into_response();
    }
    if asks_for_websocket(&headers) {
        let upgrade = match upgrade {
            Ok(upgrade) => upgrade,
            Err(rejected) => return rejected.into_response(),
        };
        let Some(place) = shared.listeners.join(ends.there.ip()) else {
            return (StatusCode::SERVICE_UNAVAILABLE, "too many listen already\n").into_response();
        };
        let number = shared.number.fetch_add(1, Ordering::Relaxed);
        return upgrade
            .max_message_size(LARGEST)
            .max_frame_size(LARGEST)
            .on_upgrade(move |socket| listen(socket, number, place, shared.state, shared.ends));
    }
    let path = percent_encoding::percent_decode_str(uri.path()).decode_utf8_lossy();
    let query = uri.query().unwrap_or_default();
    if query
        .split('&')
        .any(|asked| is_attribute(asked, "HOST_INFO"))
    {
        return found(&host_info(&shared.state, ends.here));
    }
    let namespace = shared.state.namespace();
    let values = values(&shared.state);
    let Some(about) = namespace.describe(&path, &values) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    match query {
        "" => found(&about),
        query => attribute(&about, query),
    }
}

/// Whether a request asks to become a WebSocket, and not, as some clients offer, HTTP/2.
fn asks_for_websocket(headers: &HeaderMap) -> bool {
    let asked = headers.get_all(header::UPGRADE).iter();
    asked
        .filter_map(|asked| asked.to_str().ok())
        .flat_map(|asked| asked.split(','))
        .any(|asked| asked.trim().eq_ignore_ascii_case("websocket"))
}

/// The values of all parameters.
pub(super) fn values(state: &OscState) -> Values {
    let namespace = state.namespace();
    namespace.values(&state.steering.values(), &state.transport())
}

/// `HOST_INFO`, or `HOST_INFO=1` as some clients ask.
fn is_attribute(asked: &str, name: &str) -> bool {
    asked.split('=').next() == Some(name)
}

/// One attribute of what stands at an address.
fn attribute(about: &Value, query: &str) -> Response {
    const KNOWN: [&str; 14] = [
        "FULL_PATH",
        "CONTENTS",
        "TYPE",
        "ACCESS",
        "VALUE",
        "RANGE",
        "DESCRIPTION",
        "TAGS",
        "EXTENDED_TYPE",
        "UNIT",
        "CLIPMODE",
        "CRITICAL",
        "OVERLOADS",
        "HTML",
    ];
    let Some(name) = KNOWN.iter().find(|name| is_attribute(query, name)) else {
        return (StatusCode::BAD_REQUEST, "no attribute of OSCQuery\n").into_response();
    };
    match about.get(name) {
        Some(value) => found(&json!({ *name: value })),
        None => StatusCode::NO_CONTENT.into_response(),
    }
}

fn found(about: &Value) -> Response {
    let kind = [(header::CONTENT_TYPE, "application/json")];
    (kind, about.to_string()).into_response()
}

fn host_info(state: &OscState, here: SocketAddr) -> Value {
    let (ip, port) = (here.ip().to_canonical().to_string(), state.address.port());
    json!({
        "NAME": state.name,
        "EXTENSIONS": {
            "ACCESS": true, "VALUE": true, "RANGE": true, "DESCRIPTION": true, "UNIT": true,
            "CLIPMODE": true, "LISTEN": true, "PATH_CHANGED": true,
            "TAGS": false, "EXTENDED_TYPE": false, "CRITICAL": false, "OVERLOADS": false,
            "HTML": false,
        },
        "OSC_IP": ip, "OSC_PORT": port, "OSC_TRANSPORT": "UDP",
        "WS_IP": ip, "WS_PORT": port,
    })
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    #[test]
    fn only_who_asks_for_a_websocket_gets_one() {
        let asks = |upgrade: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::UPGRADE, HeaderValue::from_static(upgrade));
            asks_for_websocket(&headers)
        };
        assert!(asks("websocket") && asks("h2c, WebSocket"));
        assert!(!asks("h2c") && !asks("") && !asks_for_websocket(&HeaderMap::new()));
    }
}
