//! One program that listens through a WebSocket: what it hears, and what it sets.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::extract::ws::{Message, WebSocket};
use rosc::OscType;
use score_engine::{LiveTap, Seen};
use score_nodes::osc::arguments;
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio::time::{MissedTickBehavior, interval, sleep, timeout};

use super::http::values;
use super::last_setters::{Known, ListenerId, News};
use super::namespace::{Leaf, Position, Values};
use super::receive::take_at_once;
use super::state::OscState;

/// The most bytes of a message.
pub(super) const LARGEST: usize = 65_536;

/// Those who listen at the same time.
const MOST_LISTENERS: usize = 32;

/// Addresses that one may listen to.
const MOST_ADDRESSES: usize = 4_096;

/// How often values are looked at.
const EVERY: Duration = Duration::from_millis(33);

/// How often outputs are looked at, a second.
const RATE: f64 = 30.0;

/// How often it is looked at whether all have gone.
const GOING: Duration = Duration::from_millis(5);

/// How long a listener may take to read.
const PATIENCE: Duration = Duration::from_secs(5);

/// All who listen, and the values that they hear of.
pub(super) struct Listeners {
    ips: Arc<Mutex<Vec<IpAddr>>>,
    values: watch::Receiver<Arc<Values>>,
}

/// The place of one who listens; given back with this value.
pub(super) struct Place {
    ips: Arc<Mutex<Vec<IpAddr>>>,
    ip: IpAddr,
    since: Instant,
    values: watch::Receiver<Arc<Values>>,
}

impl Listeners {
    /// Looks at the values while anybody listens.
    pub(super) fn new(state: Arc<OscState>, mut ends: watch::Receiver<bool>) -> Self {
        let ips = Arc::<Mutex<Vec<IpAddr>>>::default();
        let (show, shown) = watch::channel(Arc::<Values>::default());
        let listening = ips.clone();
        tokio::spawn(async move {
            let mut ticks = interval(EVERY);
            ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
            let mut edition = 0;
            loop {
                tokio::select! {
                    _ = ticks.tick() => {}
                    _ = ends.changed() => return,
                }
                let namespace = state.namespace();
                if namespace.edition != edition {
                    edition = namespace.edition;
                    (state.setters).keep(|address| namespace.leaves.contains_key(address));
                }
                if !lock(&listening).is_empty() {
                    let _ = show.send(Arc::new(values(&state)));
                }
            }
        });
        Listeners { ips, values: shown }
    }

    /// A place for one more; `None`: there is none.
    pub(super) fn join(&self, ip: IpAddr) -> Option<Place> {
        let mut ips = lock(&self.ips);
        (ips.len() < MOST_LISTENERS).then(|| {
            ips.push(ip);
            Place {
                ips: self.ips.clone(),
                ip,
                since: Instant::now(),
                values: self.values.clone(),
            }
        })
    }

    /// Waits until nobody listens any more.
    pub(super) async fn are_gone(&self) {
        while !lock(&self.ips).is_empty() {
            sleep(GOING).await;
        }
    }
}

impl Place {
    /// Who has it, the listener of this number.
    fn listener(&self, number: u64) -> ListenerId {
        let ips = lock(&self.ips);
        ListenerId {
            number,
            ip: self.ip,
            since: self.since,
            is_alone: ips.iter().filter(|ip| **ip == self.ip).count() == 1,
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut ips = lock(&self.ips);
        if let Some(index) = ips.iter().position(|ip| *ip == self.ip) {
            ips.swap_remove(index);
        }
    }
}

fn lock(ips: &Mutex<Vec<IpAddr>>) -> std::sync::MutexGuard<'_, Vec<IpAddr>> {
    ips.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Serves one who listens until they leave or the run ends.
pub(super) async fn listen(
    mut socket: WebSocket,
    number: u64,
    mut place: Place,
    state: Arc<OscState>,
    mut ends: watch::Receiver<bool>,
) {
    let mut subscriptions = Subscriptions::new(&state);
    loop {
        tokio::select! {
            message = socket.recv() => match message {
                Some(Ok(Message::Text(text))) => subscriptions.obey(&text, &state),
                Some(Ok(Message::Binary(packet))) => take_at_once(&packet, &state, number),
                Some(Ok(Message::Close(_)) | Err(_)) | None => return,
                Some(Ok(_)) => {}
            },
            changed = place.values.changed() => {
                if changed.is_err() {
                    // Nobody looks at the values any more: the run ends.
                    break;
                }
                let values = place.values.borrow_and_update().clone();
                let listener = place.listener(number);
                for message in subscriptions.news(&values, &state, listener, Instant::now()) {
                    match timeout(PATIENCE, socket.send(message)).await {
                        Ok(Ok(())) => {}
                        // It is gone, or does not read.
                        _ => return,
                    }
                }
            }
            _ = ends.changed() => break,
        }
    }
    // Who waits for this does not wait for long.
    let _ = timeout(PATIENCE, socket.send(Message::Close(None))).await;
}

/// Does what is asked for as one who has just come.
#[cfg(any(test, feature = "fuzzing"))]
pub(super) fn obey(text: &[u8], state: &OscState) {
    Subscriptions::new(state).obey(&String::from_utf8_lossy(text), state);
}

/// What one listener listens to, and knows of it.
struct Subscriptions {
    edition: u64,
    addresses: BTreeMap<String, Listened>,
}

/// An address that is listened to.
enum Listened {
    /// A value.
    Value {
        /// As the listener knows it.
        known: Option<Vec<OscType>>,
        /// When it was told of it last.
        told: Option<Instant>,
    },
    /// An output.
    Output(Option<LiveTap>),
}

impl Subscriptions {
    fn new(state: &OscState) -> Self {
        Subscriptions {
            edition: state.namespace().edition,
            addresses: BTreeMap::new(),
        }
    }

    /// Does what a listener asks for. What it does not know of is left to newer ones.
    fn obey(&mut self, text: &str, state: &OscState) {
        let Ok(wish) = serde_json::from_str::<Value>(text) else {
            return;
        };
        let Some(address) = wish["DATA"].as_str() else {
            return;
        };
        match wish["COMMAND"].as_str() {
            Some("LISTEN") => self.listen_to(address, state),
            Some("IGNORE") => {
                self.addresses.remove(address);
            }
            _ => {}
        }
    }

    fn listen_to(&mut self, address: &str, state: &OscState) {
        let is_full = self.addresses.len() >= MOST_ADDRESSES;
        match self.addresses.get_mut(address) {
            // It is told once more, as whoever asks for it expects.
            Some(Listened::Value { known, .. }) => *known = None,
            Some(Listened::Output(_)) => {}
            None if !is_full => {
                if let Some(listened) = listened(address, state) {
                    self.addresses.insert(address.to_owned(), listened);
                }
            }
            None => {}
        }
    }

    /// What has to be said now.
    fn news(
        &mut self,
        values: &Values,
        state: &OscState,
        listener: ListenerId,
        now: Instant,
    ) -> Vec<Message> {
        let mut messages = Vec::new();
        let namespace = state.namespace();
        if namespace.edition != self.edition {
            self.edition = namespace.edition;
            self.addresses.retain(|address, listened| {
                if let Listened::Output(tap) = listened {
                    *tap = None;
                }
                namespace.leaves.contains_key(address)
            });
            let changed = json!({ "COMMAND": "PATH_CHANGED", "DATA": "/" });
            messages.push(Message::text(changed.to_string()));
        }
        // What is as it was is news only to those who have just set it to something else.
        let were_lately = state.setters.were_lately(now);
        for (address, listened) in &mut self.addresses {
            match listened {
                Listened::Value { known, told } => {
                    let value = match namespace.leaves.get(address) {
                        Some(Leaf::Position { of }) => Some(position(*of, state)),
                        _ => values.get(address).cloned(),
                    };
                    let is_news = |value: &_| were_lately || known.as_ref() != Some(value);
                    let Some(value) = value.filter(is_news) else {
                        continue;
                    };
                    let knows = Known {
                        value: known.as_deref(),
                        told: *told,
                    };
                    match state.setters.news(address, &value, knows, listener, now) {
                        News::Tell => {
                            messages.extend(binary(address, value.clone()));
                            *told = Some(now);
                        }
                        News::Knows => {}
                        News::Wait => continue,
                    }
                    *known = Some(value);
                }
                Listened::Output(tap) => {
                    if tap.is_none() {
                        *tap = open(address, state);
                    }
                    let seen = tap.as_mut().and_then(|tap| tap.look(1));
                    let args = seen.map(shown).unwrap_or_default();
                    messages.extend(args.into_iter().filter_map(|args| binary(address, args)));
                }
            }
        }
        messages
    }
}

fn listened(address: &str, state: &OscState) -> Option<Listened> {
    Some(match state.namespace().leaves.get(address)? {
        Leaf::Output { .. } => Listened::Output(open(address, state)),
        // It has no value.
        Leaf::Preset { .. } | Leaf::Cue { .. } => return None,
        _ => Listened::Value {
            known: None,
            told: None,
        },
    })
}

/// Opens a tap at an output.
fn open(address: &str, state: &OscState) -> Option<LiveTap> {
    match state.namespace().leaves.get(address)? {
        Leaf::Output { node, output, .. } => state.steering.tap(node, output, RATE).ok(),
        _ => None,
    }
}

fn position(of: Position, state: &OscState) -> Vec<OscType> {
    let (beat, bar) = state.steering.beat();
    if of == Position::Cue {
        let current = state
            .steering
            .cue_status()
            .and_then(|status| status.current);
        return vec![OscType::String(current.unwrap_or_default())];
    }
    vec![match of {
        Position::Beat => OscType::Float(beat as f32),
        _ => OscType::Int(bar.try_into().unwrap_or(i32::MAX)),
    }]
}

/// What an output sent, as the arguments of messages.
fn shown(seen: Seen) -> Vec<Vec<OscType>> {
    let float = OscType::Float;
    match seen {
        Seen::Control(value) => vec![vec![float(value)]],
        Seen::Latent(latent) => vec![latent.into_iter().map(float).collect()],
        Seen::Level(level) => vec![vec![float(level.peak), float(level.rms)]],
        Seen::Events(events) => (events.into_iter())
            .map(|event| arguments::event(event.name, event.strength))
            .collect(),
        Seen::Notes(notes) => (notes.into_iter())
            .map(|note| arguments::note(note.channel, note.pitch, note.velocity))
            .collect(),
        _ => Vec::new(),
    }
}

fn binary(address: &str, args: Vec<OscType>) -> Option<Message> {
    arguments::packet(address, args).map(Message::binary)
}
