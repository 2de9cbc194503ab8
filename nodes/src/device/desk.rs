//! What a player's MIDI does to a live run: `controllers` of the patch set live values, and its
//! `recall` recalls presets and cues. It follows the patch that plays.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use score_engine::{
    ChannelChange, Controller, Counters, LiveClock, Note, Recall, RecallMessage, Recalled, Show,
    Steering, SteeringErrorKind,
};

use super::midi::inlet::{Arrival, Inlet};
use super::midi::message::{Meaning, Message};
use super::midi::port::numbered;

/// What the port is called at JACK, or as a virtual port.
const OWN: &str = "controllers";

/// How long a listener waits for a message before it looks whether it is still wanted.
const PATIENCE: Duration = Duration::from_millis(100);

/// How often the patch is compared with what is listened to.
const POLL_INTERVAL: Duration = Duration::from_millis(200);

/// How long the ports together may take to close when the run ends.
const CLOSES: Duration = Duration::from_millis(500);

/// From one complaint to the next.
const COMPLAINS: Duration = Duration::from_secs(10);

/// Listens to the MIDI ports that the patch names in `controllers` and `recall`, for as long as it
/// lives. Ports may come and go; nothing waits for one.
pub struct Desk {
    is_over: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Desk {
    /// Listens for what `steering` steers.
    ///
    /// # Errors
    /// The system refuses a thread.
    pub fn start(steering: Steering) -> std::io::Result<Desk> {
        let is_over = Arc::<AtomicBool>::default();
        let over = is_over.clone();
        let thread = std::thread::Builder::new()
            .name("controllers".to_owned())
            .spawn(move || tend(&steering, &over))?;
        Ok(Desk {
            is_over,
            thread: Some(thread),
        })
    }
}

impl Drop for Desk {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            thread.thread().unpark();
            let _ = thread.join();
        }
    }
}

/// A thread that listens to one port.
struct Listener {
    is_over: Arc<AtomicBool>,
    thread: JoinHandle<()>,
}

/// Keeps a listener at each port that the patch names, until it is over.
fn tend(steering: &Steering, is_over: &AtomicBool) {
    let mut listeners: BTreeMap<String, Listener> = BTreeMap::new();
    let mut seen = None;
    while !is_over.load(Ordering::Relaxed) {
        let edition = steering.edition();
        if seen.replace(edition) != Some(edition) {
            let show = steering.show();
            let wanted = show.ports();
            listeners.retain(|port, listener| {
                let stays = wanted.contains(&port.as_str()) && !listener.thread.is_finished();
                listener.is_over.store(!stays, Ordering::Relaxed);
                stays
            });
            for (number, port) in wanted.into_iter().enumerate() {
                if !listeners.contains_key(port)
                    && let Some(listener) = listen(steering, port, number)
                {
                    listeners.insert(port.to_owned(), listener);
                }
            }
        }
        std::thread::park_timeout(POLL_INTERVAL);
    }
    for listener in listeners.values() {
        listener.is_over.store(true, Ordering::Relaxed);
    }
    // A driver that hangs must not hang the run.
    let until = Instant::now() + CLOSES;
    let is_open = || (listeners.values()).any(|listener| !listener.thread.is_finished());
    while is_open() && Instant::now() < until {
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Listens to a port, which is opened beside everything else.
fn listen(steering: &Steering, port: &str, number: usize) -> Option<Listener> {
    let is_over = Arc::<AtomicBool>::default();
    let (over, steering, name) = (is_over.clone(), steering.clone(), port.to_owned());
    let own = numbered(OWN, number);
    let thread = std::thread::Builder::new()
        .name(own.clone())
        .spawn(move || {
            let counters = Arc::<Counters>::default();
            let opened = Inlet::of_run(&name, &own, Arc::new(LiveClock::new()), &counters);
            let mut inlet = match opened {
                Ok(inlet) => inlet,
                Err(error) => {
                    return tracing::warn!("nobody listens to the MIDI input `{name}`: {error}");
                }
            };
            let mut player = Player::new(steering, name);
            while !over.load(Ordering::Relaxed) {
                if let Arrival::Message(timed) = inlet.next(PATIENCE) {
                    player.hear(timed.message);
                }
            }
        });
    match thread {
        Ok(thread) => Some(Listener { is_over, thread }),
        Err(error) => {
            tracing::warn!("nobody listens to the MIDI input `{port}`: {error}");
            None
        }
    }
}

/// What comes from one port, and what it does.
struct Player {
    steering: Steering,
    port: String,
    show: Arc<Show>,
    edition: Option<u64>,
    /// When something was complained of last.
    complained: Option<Instant>,
}

impl Player {
    fn new(steering: Steering, port: String) -> Self {
        Player {
            show: steering.show(),
            steering,
            port,
            edition: None,
            complained: None,
        }
    }

    /// Does what a message says. What it does not say, or says of others, is left.
    fn hear(&mut self, message: Message) {
        let edition = self.steering.edition();
        if self.edition.replace(edition) != Some(edition) {
            self.show = self.steering.show();
        }
        match message.meaning() {
            Some(Meaning::Controller {
                channel,
                number,
                value,
            }) => self.turn(channel, number, f64::from(value) / 127.0),
            Some(Meaning::Note(Note::On { channel, pitch, .. })) => {
                self.recall(channel, RecallMessage::Note(pitch));
            }
            Some(Meaning::Change(ChannelChange::Program { channel, number })) => {
                self.recall(channel, RecallMessage::Program(number));
            }
            _ => {}
        }
    }

    fn turn(&mut self, channel: u8, number: u8, place: f64) {
        let show = self.show.clone();
        let turned = show.controllers.iter();
        let turned = turned.filter(|controller| {
            controller.port == self.port
                && controller.number == number
                && controller.channel.is_none_or(|wanted| wanted == channel)
        });
        for controller in turned.collect::<Vec<&Controller>>() {
            if let Err(error) = self.steering.turn(controller, place) {
                self.complain(&error.to_string());
            }
        }
    }

    fn recall(&mut self, channel: u8, message: RecallMessage) {
        let show = self.show.clone();
        let meant = show.recalls.iter();
        let meant = meant.filter(|recall| {
            recall.port == self.port
                && recall.message == message
                && recall.channel.is_none_or(|wanted| wanted == channel)
        });
        for recall in meant.collect::<Vec<&Recall>>() {
            let done = match &recall.recalls {
                Recalled::Preset(name, glide) => {
                    let lasts = glide.at(&self.steering.transport()).seconds();
                    let lasts = Duration::try_from_secs_f64(lasts).unwrap_or_default();
                    self.steering.recall(name, lasts)
                }
                Recalled::Cue(name) => self.steering.cue(name),
                Recalled::Go => self.steering.go().map(|_| ()),
            };
            match done {
                Ok(()) => {}
                Err(error) if error.kind == SteeringErrorKind::TooSoon => {}
                Err(error) => self.complain(&error.to_string()),
            }
        }
    }

    /// Says what went wrong, now and then only: a controller sends much.
    fn complain(&mut self, why: &str) {
        if (self.complained).is_none_or(|complained| complained.elapsed() > COMPLAINS) {
            self.complained = Some(Instant::now());
            tracing::warn!(
                "what comes from the MIDI input `{}` does nothing: {why}",
                self.port
            );
        }
    }
}

/// Has a run of no nodes hear any bytes as a message.
#[cfg(feature = "fuzzing")]
pub(crate) fn fuzz(steering: &Steering, bytes: &[u8]) {
    let mut player = Player::new(steering.clone(), "virtual".to_owned());
    for message in bytes.chunks(3).filter_map(Message::from_bytes) {
        player.hear(message);
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use proptest::prelude::*;
    use score_engine::{Live, LiveOptions, Settings, Source, Value, check};

    use super::*;

    /// A run of two knobs, which the ports `virtual` and `other` play.
    fn run() -> Live {
        let text = r#"Patch(
            format: 1,
            nodes: {"a": knob(value: 0.5), "b": knob()},
            presets: {"high": {"b.value": 0.75}},
            cues: [(name: "low", set: {"b.value": 0.25}), (name: "top", set: {"b.value": 1})],
            recall: [
                (port: "virtual", program: 3, preset: "high"),
                (port: "virtual", channel: 2, note: 36, cue: go),
                (port: "virtual", note: 37, cue: "top"),
                (port: "other", program: 4, cue: "top"),
            ],
            controllers: {
                "a.value": (port: "virtual", channel: 1, number: 7),
                "transport.tempo": (port: "virtual", number: 9, from: 60, to: 120, pickup: false),
            },
        )"#;
        let source = Source::text("p.ron", text, PathBuf::new());
        let graph = check(&source, &[], &crate::registry(), &Settings::default()).unwrap();
        let (live, _) = Live::start(graph, &Settings::default(), LiveOptions::default()).unwrap();
        live
    }

    fn held(steering: &Steering, node: &str) -> Option<Value> {
        let held = steering.held().into_iter();
        let mut held = held.filter(|(id, _, _)| id == node);
        held.next().map(|(_, _, value)| value)
    }

    fn player(live: &Live) -> Player {
        Player::new(live.steering(), "virtual".to_owned())
    }

    /// Waits until the nodes have shown their values.
    fn settle(live: &Live) {
        let started = Instant::now();
        let steering = live.steering();
        let is_shown = || steering.values().iter().all(|node| !node.values.is_empty());
        while !is_shown() {
            assert!(started.elapsed() < Duration::from_secs(20));
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    #[test]
    fn a_controller_sets_its_value_once_it_has_picked_it_up() {
        let live = run();
        settle(&live);
        let steering = live.steering();
        let mut player = player(&live);
        player.hear(Message::control(0, 7, 0.1));
        assert_eq!(held(&steering, "a"), None, "another channel");
        player.hear(Message::control(1, 7, 0.1));
        assert_eq!(held(&steering, "a"), None, "it has yet to pass 0.5");
        player.hear(Message::control(1, 7, 1.0));
        assert_eq!(held(&steering, "a"), Some(1.0.into()));
        player.hear(Message::control(1, 7, 0.0));
        assert_eq!(held(&steering, "a"), Some(0.0.into()));
        // A script sets it elsewhere: the knob is too far away.
        steering
            .set("a", "value", 0.5.into(), Duration::ZERO)
            .unwrap();
        player.hear(Message::control(1, 7, 0.01));
        assert_eq!(held(&steering, "a"), Some(0.5.into()));
        player.hear(Message::control(0, 9, 1.0));
        assert_eq!(
            held(&steering, "transport"),
            Some(120.0.into()),
            "no pickup"
        );
    }

    #[test]
    fn a_program_change_and_a_note_recall() {
        let live = run();
        let steering = live.steering();
        let mut player = player(&live);
        let program = |number| Message::change(ChannelChange::Program { channel: 0, number });
        let note = |channel, pitch| {
            Message::note(Note::On {
                channel,
                pitch,
                velocity: 1.0,
            })
        };
        player.hear(program(3));
        assert_eq!(held(&steering, "b"), Some(0.75.into()));
        player.hear(note(0, 36));
        player.hear(program(4));
        assert_eq!(
            held(&steering, "b"),
            Some(0.75.into()),
            "another channel, another port"
        );
        player.hear(note(2, 36));
        assert_eq!(held(&steering, "b"), Some(0.25.into()));
        player.hear(note(2, 36));
        assert_eq!(held(&steering, "b"), Some(0.25.into()), "GO counts once");
        player.hear(note(5, 37));
        assert_eq!(held(&steering, "b"), Some(1.0.into()));
    }

    #[test]
    fn no_message_does_harm() {
        let live = run();
        proptest!(|(bytes: Vec<u8>)| {
            let mut player = player(&live);
            for message in bytes.chunks(3).filter_map(Message::from_bytes) {
                player.hear(message);
            }
        });
    }

    #[test]
    fn a_desk_that_listens_to_what_the_patch_names_ends_at_once() {
        let live = run();
        assert_eq!(live.steering().show().ports().len(), 2);
        let desk = Desk::start(live.steering()).unwrap();
        // By then it listens.
        std::thread::sleep(2 * POLL_INTERVAL);
        let started = Instant::now();
        drop(desk);
        assert!(started.elapsed() < Duration::from_secs(5));
    }
}
