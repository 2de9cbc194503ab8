//! Finds the MIDI controller that moves next, to bind it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::{Duration, Instant};

use score_engine::{Counters, LiveClock};

use super::keeper::silence;
use super::list::{Group, midi};
use super::midi::inlet::{Arrival, Inlet};
use super::midi::message::{Meaning, Message};
use super::midi::port::numbered;
use super::sound_device::Direction;

/// What a port at JACK is called while somebody learns.
const OWN: &str = "learn";

/// How long one look at a port takes.
const PATIENCE: Duration = Duration::from_millis(50);

/// Steps of seven bits by which a controller has to move: one that trembles is not meant.
const MOVES: u8 = 3;

/// A MIDI controller that has moved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Moved {
    /// The port, as a patch calls it.
    pub port: String,
    /// The channel, from 0.
    pub channel: u8,
    /// The controller's number, 0 to 119.
    pub number: u8,
}

/// The ports from which a controller may come, as patches call them: all of the system's that send;
/// where it has none, those at JACK.
pub fn ports() -> Vec<String> {
    let _silence = silence();
    let (jack, system): (Vec<_>, Vec<_>) = midi(Direction::Input)
        .into_iter()
        .partition(|group| group.system == "JACK");
    let names = |groups: Vec<Group>, own: &str| -> Vec<String> {
        let devices = groups.into_iter().flat_map(|group| group.devices);
        let others = devices.filter(|device| device.name != own);
        others.map(|device| without_numbers(&device.name)).collect()
    };
    let system = names(system, "virtual");
    match system.is_empty() {
        true => names(jack, "JACK"),
        false => system,
    }
}

/// The name of a port less the numbers that ALSA puts behind it, which are others after the next
/// start: `ALSA: nanoKONTROL2:nanoKONTROL2 MIDI 1 20:0`.
fn without_numbers(name: &str) -> String {
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|c| c.is_ascii_digit());
    match name.rsplit_once(' ') {
        Some((name, numbers))
            if numbers
                .split_once(':')
                .is_some_and(|(client, port)| is_number(client) && is_number(port)) =>
        {
            name.to_owned()
        }
        _ => name.to_owned(),
    }
}

/// Waits until a controller moves at one of the `ports`, at most so long, or until `is_over`.
/// `None`: none has.
pub fn next_moved(ports: &[String], within: Duration, is_over: impl Fn() -> bool) -> Option<Moved> {
    let _silence = silence();
    let deadline = Instant::now() + within;
    let (tell, told) = channel();
    let enough = Arc::<()>::default();
    for (number, port) in ports.iter().enumerate() {
        let (port, tell) = (port.clone(), tell.clone());
        let own = numbered(OWN, number);
        let wanted = Arc::downgrade(&enough);
        let listener = std::thread::Builder::new().name(own.clone());
        // A thread that the system refuses leaves its port out.
        let _ = listener.spawn(move || {
            let clock = Arc::new(LiveClock::new());
            let counters = Arc::<Counters>::default();
            if let Ok(mut inlet) = Inlet::of_run(&port, &own, clock, &counters) {
                let is_wanted = || wanted.strong_count() > 0;
                listen(&mut inlet, &port, &tell, is_wanted);
            }
        });
    }
    drop(tell);
    wait(&told, deadline, is_over)
}

fn wait(told: &Receiver<Moved>, deadline: Instant, is_over: impl Fn() -> bool) -> Option<Moved> {
    while Instant::now() < deadline && !is_over() {
        match told.recv_timeout(PATIENCE) {
            Ok(moved) => return Some(moved),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return None,
        }
    }
    None
}

fn listen(inlet: &mut Inlet, port: &str, tell: &Sender<Moved>, is_wanted: impl Fn() -> bool) {
    let mut places = Places::default();
    while is_wanted() {
        if let Arrival::Message(timed) = inlet.next(PATIENCE)
            && let Some((channel, number)) = places.moved(timed.message)
        {
            let port = port.to_owned();
            let _ = tell.send(Moved {
                port,
                channel,
                number,
            });
            return;
        }
    }
}

/// Where the controllers of a port are: by channel and number, as far as they have been heard of.
#[derive(Default)]
struct Places(BTreeMap<(u8, u8), u8>);

impl Places {
    /// The controller that a message shows to be moved: from where it was heard of first.
    fn moved(&mut self, message: Message) -> Option<(u8, u8)> {
        let Some(Meaning::Controller {
            channel,
            number,
            value,
        }) = message.meaning()
        else {
            return None;
        };
        // Those above end notes.
        if number > 119 {
            return None;
        }
        let first = *self.0.entry((channel, number)).or_insert(value);
        (first.abs_diff(value) >= MOVES).then_some((channel, number))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_controller_is_learnt_once_it_moves_and_not_when_it_trembles_or_ends_notes() {
        let mut places = Places::default();
        let mut hear = |channel: u8, number: u8, value: u8| {
            places.moved(Message::from_bytes(&[0xB0_u8 | channel, number, value]).unwrap())
        };
        assert_eq!(hear(0, 7, 64), None, "it is heard of for the first time");
        assert_eq!(hear(0, 7, 65), None);
        assert_eq!(hear(1, 7, 80), None, "that is another");
        assert_eq!(hear(0, 123, 0), None);
        assert_eq!(hear(0, 123, 127), None);
        assert_eq!(hear(0, 7, 67), Some((0, 7)));
    }

    #[test]
    fn a_port_is_named_so_that_it_is_found_after_the_next_start() {
        for (name, wanted) in [
            ("ALSA: Key:Key MIDI 1 20:0", "ALSA: Key:Key MIDI 1"),
            ("ALSA: Key 49", "ALSA: Key 49"),
            ("CoreMIDI: Knobs", "CoreMIDI: Knobs"),
            ("ALSA: Key a:0", "ALSA: Key a:0"),
        ] {
            assert_eq!(without_numbers(name), wanted);
        }
    }

    #[test]
    fn where_no_port_is_there_nothing_is_waited_for() {
        let started = Instant::now();
        assert_eq!(next_moved(&[], Duration::from_secs(60), || false), None);
        assert!(started.elapsed() < Duration::from_secs(5));
    }
}
