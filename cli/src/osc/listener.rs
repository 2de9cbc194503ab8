//! One program that listens through a WebSocket: what it hears, and what it sets.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::extract::ws::{Message, WebSocket};
use rosc::OscType;
use score_engine::{LiveTap, Seen};
use score_nodes::osc::arguments;
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio::time::{MissedTickBehavior, interval, timeout};

use super::http::values;
use super::namespace::{Leaf, Position, Values};
use super::receive::take_at_once;
use super::room::Room;
use super::touches::{Ear, News};

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
    values: watch::Receiver<Arc<Values>>,
}

impl Listeners {
    /// Looks at the values while anybody listens.
    pub(super) fn new(room: Arc<Room>, mut ends: watch::Receiver<bool>) -> Self {
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
                let namespace = room.namespace();
                if namespace.edition != edition {
                    edition = namespace.edition;
                    (room.touches).keep(|address| namespace.leaves.contains_key(address));
                }
                if !lock(&listening).is_empty() {
                    let _ = show.send(Arc::new(values(&room)));
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
                values: self.values.clone(),
            }
        })
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
    room: Arc<Room>,
    mut ends: watch::Receiver<bool>,
) {
    let mut heard = Heard {
        edition: room.namespace().edition,
        addresses: BTreeMap::new(),
    };
    loop {
        tokio::select! {
            message = socket.recv() => match message {
                Some(Ok(Message::Text(text))) => heard.obey(&text, &room),
                Some(Ok(Message::Binary(packet))) => take_at_once(&packet, &room, number),
                Some(Ok(Message::Close(_)) | Err(_)) | None => return,
                Some(Ok(_)) => {}
            },
            changed = place.values.changed() => {
                if changed.is_err() {
                    return;
                }
                let values = place.values.borrow_and_update().clone();
                let ear = Ear {
                    number,
                    ip: place.ip,
                    is_alone: lock(&place.ips).iter().filter(|ip| **ip == place.ip).count() == 1,
                };
                for message in heard.news(&values, &room, ear) {
                    match timeout(PATIENCE, socket.send(message)).await {
                        Ok(Ok(())) => {}
                        // It is gone, or does not read.
                        _ => return,
                    }
                }
            }
            _ = ends.changed() => {
                let _ = timeout(PATIENCE, socket.send(Message::Close(None))).await;
                return;
            }
        }
    }
}

/// Does what is asked for as one who has just come.
#[cfg(any(test, feature = "fuzzing"))]
pub(super) fn obey(text: &[u8], room: &Room) {
    let mut heard = Heard {
        edition: room.namespace().edition,
        addresses: BTreeMap::new(),
    };
    heard.obey(&String::from_utf8_lossy(text), room);
}

/// What one listener listens to, and knows of it.
struct Heard {
    edition: u64,
    addresses: BTreeMap<String, Listened>,
}

/// An address that is listened to.
enum Listened {
    /// A value, as the listener knows it.
    Value(Option<Vec<OscType>>),
    /// An output.
    Output(Option<LiveTap>),
}

impl Heard {
    /// Does what a listener asks for. What it does not know of is left to newer ones.
    fn obey(&mut self, text: &str, room: &Room) {
        let Ok(wish) = serde_json::from_str::<Value>(text) else {
            return;
        };
        let Some(address) = wish["DATA"].as_str() else {
            return;
        };
        match wish["COMMAND"].as_str() {
            Some("LISTEN") if self.addresses.len() < MOST_ADDRESSES => {
                if let Some(listened) = listened(address, room) {
                    self.addresses.insert(address.to_owned(), listened);
                }
            }
            Some("IGNORE") => {
                self.addresses.remove(address);
            }
            _ => {}
        }
    }

    /// What has to be said now.
    fn news(&mut self, values: &Values, room: &Room, ear: Ear) -> Vec<Message> {
        let mut messages = Vec::new();
        let namespace = room.namespace();
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
        for (address, listened) in &mut self.addresses {
            match listened {
                Listened::Value(known) => {
                    let now = match namespace.leaves.get(address) {
                        Some(Leaf::Position { of }) => Some(position(*of, room)),
                        _ => values.get(address).cloned(),
                    };
                    let Some(now) = now.filter(|now| known.as_ref() != Some(now)) else {
                        continue;
                    };
                    match room.touches.news(address, &now, ear) {
                        News::Tell => messages.extend(binary(address, now.clone())),
                        News::Knows => {}
                        News::Wait => continue,
                    }
                    *known = Some(now);
                }
                Listened::Output(tap) => {
                    if tap.is_none() {
                        *tap = open(address, room);
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

fn listened(address: &str, room: &Room) -> Option<Listened> {
    Some(match room.namespace().leaves.get(address)? {
        Leaf::Output { .. } => Listened::Output(open(address, room)),
        // It has no value.
        Leaf::Preset { .. } => return None,
        _ => Listened::Value(None),
    })
}

/// Opens a tap at an output.
fn open(address: &str, room: &Room) -> Option<LiveTap> {
    match room.namespace().leaves.get(address)? {
        Leaf::Output { node, output, .. } => room.steering.tap(node, output, RATE).ok(),
        _ => None,
    }
}

fn position(of: Position, room: &Room) -> Vec<OscType> {
    let (beat, bar) = room.steering.beat();
    vec![match of {
        Position::Beat => OscType::Float(beat as f32),
        Position::Bar => OscType::Int(bar.try_into().unwrap_or(i32::MAX)),
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
