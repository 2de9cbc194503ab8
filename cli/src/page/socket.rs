//! One open page: what it wishes, and what it is told.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use axum::extract::ws::{CloseFrame, Message, WebSocket};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::{mpsc, watch};
use tokio::time::timeout;

use super::access::Right;
use super::hub::{Hub, Known, Look, MOST_LOOKS};
use super::learning::learn;
use crate::remote::protocol::{Address, Refusal, Request, read_request};

/// The most bytes of a message.
pub(super) const LARGEST: usize = 65_536;

/// Messages that a page may send in a second: a hand on a slider sends 30.
const MOST_WISHES: u32 = 200;

/// How long a page may take to read what it is told; then it has to connect again.
const PATIENCE: Duration = Duration::from_secs(10);

/// How often it is asked whether the page's right still holds.
const ASKS: Duration = Duration::from_secs(5);

/// Why a socket is closed by the server (RFC 6455, 7.4.1: a policy is violated).
const POLICY: u16 = 1008;

/// What a page wishes.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
enum Wish {
    /// To be shown these outputs, `NODE.OUTPUT`, and none but these.
    Look {
        outputs: Vec<String>,
        /// The one that fills its screen.
        #[serde(default)]
        large: Option<String>,
    },
    /// Something that any program may ask of a run, and its number in the answer.
    Ask { id: u64, request: Value },
    /// To write what hands hold into the patch: all of it, or what is named.
    WriteBack { id: u64, what: Vec<Address> },
    /// To put what hands hold into the patch as a preset, which may replace one of that name.
    KeepPreset {
        id: u64,
        name: String,
        #[serde(default)]
        replace: bool,
    },
    /// To have the full-screen views show this output, or choose for themselves.
    Show { of: Option<String> },
    /// To have them black.
    Black { is: bool },
    /// To be told the score strip, or no more.
    Score { is: bool },
    /// To be shown a still of the strip large.
    Enlarge { still: u32 },
    /// To have the MIDI controller that moves next bound to a live value.
    Learn {
        id: u64,
        node: String,
        param: String,
    },
    /// Not to wait for one any more.
    StopLearning,
}

/// Serves a page until it is closed or the run ends, as long as its right is `still` good.
pub(super) async fn converse(
    mut socket: WebSocket,
    right: Right,
    still: impl Fn() -> bool + Send,
    hub: Arc<Hub>,
    mut over: watch::Receiver<bool>,
) {
    let mut ticks = hub.ticks();
    let mut known = Known::default();
    let (answer, mut answers) = mpsc::channel(4);
    let mut rate = Rate::new();
    let mut asked = Instant::now();
    let hello = json!({ "hello": { "right": right.name(), "version": env!("CARGO_PKG_VERSION") } });
    if send(&mut socket, Message::text(hello.to_string()))
        .await
        .is_err()
    {
        return;
    }
    loop {
        let told = tokio::select! {
            message = socket.recv() => match message {
                Some(Ok(Message::Text(text))) if rate.allows() => {
                    match obey(&text, right, &hub, &mut known, &answer) {
                        Some(answer) => send(&mut socket, Message::text(answer.to_string())).await,
                        None => Ok(()),
                    }
                }
                Some(Ok(Message::Text(_) | Message::Binary(_))) => {
                    close(&mut socket, POLICY, "too much is asked").await;
                    break;
                }
                Some(Ok(Message::Close(_)) | Err(_)) | None => break,
                Some(Ok(_)) => Ok(()),
            },
            Some(answer) = answers.recv() => {
                let answer: Value = answer;
                send(&mut socket, Message::text(answer.to_string())).await
            }
            changed = ticks.changed() => {
                if changed.is_err() {
                    break;
                }
                ticks.borrow_and_update();
                if asked.elapsed() > ASKS {
                    asked = Instant::now();
                    if !still() {
                        close(&mut socket, POLICY, "this link was revoked").await;
                        break;
                    }
                }
                tell(&mut socket, &hub, &mut known).await
            }
            _ = over.changed() => {
                close(&mut socket, 1001, "the run has ended").await;
                break;
            }
        };
        if told.is_err() {
            break;
        }
    }
    hub.leave(&known);
}

/// The page is gone, or does not read.
struct Gone;

async fn send(socket: &mut WebSocket, message: Message) -> Result<(), Gone> {
    match timeout(PATIENCE, socket.send(message)).await {
        Ok(Ok(())) => Ok(()),
        _ => Err(Gone),
    }
}

async fn close(socket: &mut WebSocket, code: u16, reason: &'static str) {
    let frame = CloseFrame {
        code,
        reason: reason.into(),
    };
    let _ = timeout(PATIENCE, socket.send(Message::Close(Some(frame)))).await;
}

/// Tells what has changed.
async fn tell(socket: &mut WebSocket, hub: &Hub, known: &mut Known) -> Result<(), Gone> {
    let news = hub.news(known);
    send(socket, Message::text(news.text)).await?;
    for picture in news.pictures {
        send(socket, Message::Binary(picture)).await?;
    }
    Ok(())
}

/// Does what the page wishes, as far as it may; gives what it is answered at once.
fn obey(
    text: &str,
    right: Right,
    hub: &Arc<Hub>,
    known: &mut Known,
    later: &mpsc::Sender<Value>,
) -> Option<Value> {
    let wish = match serde_json::from_str(text) {
        Ok(wish) => wish,
        Err(error) => {
            let why = Refusal::new(
                "request",
                format!("this is not what the page asks: {error}"),
            );
            return Some(json!({ "errors": [why] }));
        }
    };
    match wish {
        Wish::Look { outputs, large } => {
            let outputs = outputs.iter().take(MOST_LOOKS);
            let outputs = outputs.filter_map(|name| Look::named(name, false));
            let large = large.and_then(|name| Look::named(&name, true));
            let looks: BTreeSet<Look> = outputs.chain(large).collect();
            hub.look_at(known, looks);
            None
        }
        Wish::Ask { id, request } => {
            let line = json!({ "version": 1, "request": request }).to_string();
            let answer = match read_request(line.as_bytes()) {
                Ok(request) if right >= needed(&request) => hub.remote.ask(request),
                Ok(_) => Err(vec![not_allowed()]),
                Err(why) => Err(vec![why]),
            };
            Some(answered(id, answer))
        }
        Wish::WriteBack { id, .. } | Wish::KeepPreset { id, .. } if right < Right::Edit => {
            Some(answered(id, Err(vec![not_allowed()])))
        }
        Wish::WriteBack { id, what } => write(hub, id, later, move |hub| hub.write_back(&what)),
        Wish::KeepPreset { id, name, replace } => {
            write(hub, id, later, move |hub| hub.keep_preset(&name, replace))
        }
        Wish::Show { .. } | Wish::Black { .. } if right < Right::Turn => {
            Some(json!({ "errors": [not_allowed()] }))
        }
        Wish::Show { of } => {
            // A name longer than any node's is none.
            hub.show(|show| show.of = of.filter(|of| of.len() <= 1_024));
            None
        }
        Wish::Score { is } => {
            hub.show_score(known, is);
            None
        }
        Wish::Enlarge { still } => {
            hub.enlarge(known, still);
            None
        }
        Wish::Learn { id, .. } if right < Right::Edit => {
            Some(answered(id, Err(vec![not_allowed()])))
        }
        Wish::Learn { id, node, param } => {
            let tell = later.clone();
            let done = later.clone();
            let begun = learn(
                hub,
                (node, param),
                move |told| drop(tell.try_send(told)),
                // If the page is gone, nobody waits for it.
                move |answer| drop(done.try_send(answered(id, answer))),
            );
            match begun {
                Ok(learner) => {
                    known.learner = Some(learner);
                    None
                }
                Err(why) => Some(answered(id, Err(vec![why]))),
            }
        }
        Wish::StopLearning => {
            known.learner = None;
            None
        }
        Wish::Black { is } => {
            hub.show(|show| show.is_black = is);
            None
        }
    }
}

/// Has a thread write into the patch, which says `later` what came of it; gives why it cannot.
fn write(
    hub: &Arc<Hub>,
    id: u64,
    later: &mpsc::Sender<Value>,
    act: impl FnOnce(&Hub) -> Result<Value, Vec<Refusal>> + Send + 'static,
) -> Option<Value> {
    let Some(writing) = Writing::begin(hub) else {
        let busy = Refusal::new("busy", "the patch is being written");
        return Some(answered(id, Err(vec![busy.help("try again in a moment")])));
    };
    let later = later.clone();
    let writes = std::thread::Builder::new().name("page writes".to_owned());
    let begun = writes.spawn(move || {
        let answer = act(&writing.0);
        drop(writing);
        // If the page is gone, nobody waits for it.
        let _ = later.try_send(answered(id, answer));
    });
    let why = |error: std::io::Error| vec![Refusal::new("busy", error.to_string())];
    begun.err().map(|error| answered(id, Err(why(error))))
}

/// The patch is being written for as long as this value lives: once at a time, so that nobody
/// starts a thread for each wish.
struct Writing(Arc<Hub>);

impl Writing {
    fn begin(hub: &Arc<Hub>) -> Option<Self> {
        let is_free = !hub.is_writing.swap(true, Ordering::AcqRel);
        is_free.then(|| Writing(hub.clone()))
    }
}

impl Drop for Writing {
    fn drop(&mut self) {
        self.0.is_writing.store(false, Ordering::Release);
    }
}

fn answered(id: u64, answer: Result<Value, Vec<Refusal>>) -> Value {
    match answer {
        Ok(value) => json!({ "answer": id, "ok": value }),
        Err(errors) => json!({ "answer": id, "errors": errors }),
    }
}

/// What a request needs.
fn needed(request: &Request) -> Right {
    match request {
        Request::Set { .. }
        | Request::Release { .. }
        | Request::ReleaseAll { .. }
        | Request::Recall { .. }
        | Request::Tap
        | Request::Cue { .. }
        | Request::Go
        | Request::StopCues => Right::Turn,
        // By name, so that a new request needs a decision.
        Request::Hello
        | Request::Presets
        | Request::Cues
        | Request::Get
        | Request::Held
        | Request::Status => Right::See,
    }
}

fn not_allowed() -> Refusal {
    Refusal::new("right", "this link does not allow it").help("ask for a link that does")
}

/// How much a page asks.
struct Rate {
    since: Instant,
    wishes: u32,
}

impl Rate {
    fn new() -> Self {
        Rate {
            since: Instant::now(),
            wishes: 0,
        }
    }

    fn allows(&mut self) -> bool {
        if self.since.elapsed() > Duration::from_secs(1) {
            *self = Rate::new();
        }
        self.wishes += 1;
        self.wishes <= MOST_WISHES
    }
}

/// Obeys `bytes` as what a page sends that may turn.
#[cfg(any(test, feature = "fuzzing"))]
pub(super) fn fuzz(hub: &Arc<Hub>, bytes: &[u8]) {
    let (later, _answers) = mpsc::channel(1);
    let mut known = Known::default();
    let _ = obey(
        &String::from_utf8_lossy(bytes),
        Right::Turn,
        hub,
        &mut known,
        &later,
    );
    hub.leave(&known);
}
