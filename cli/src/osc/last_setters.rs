//! Who has set what last, so that nobody is told what they have just said themselves.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rosc::OscType;

/// How long a value may take until it is shown.
const ARRIVES: Duration = Duration::from_millis(200);

/// How long no packet from a computer may set a value until those who listen there are told what it
/// is: a packet does not say which of the computer's programs has sent it.
const SETTLES: Duration = Duration::from_millis(300);

/// How long it is looked at whether what somebody set has come of it.
const LATELY: Duration = Duration::from_secs(2);

/// Computers of which it is known whether one program sends from there. Of all others it is taken
/// for several.
const MOST_COMPUTERS: usize = 256;

/// Who sets a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Origin {
    /// A packet from this address and port.
    Packet(SocketAddr),
    /// The WebSocket of this number.
    Socket(u64),
}

/// Who has set what last. It has one entry for each address, so that it cannot grow.
#[derive(Default)]
pub(super) struct LastSetters(Mutex<Setters>);

#[derive(Default)]
struct Setters {
    by_address: HashMap<String, LastSet>,
    senders: HashMap<IpAddr, Sender>,
    /// When anything was set last.
    latest: Option<Instant>,
}

/// How a value was set last.
struct LastSet {
    from: Origin,
    args: Vec<OscType>,
    at: Instant,
}

/// What sends packets from one computer.
struct Sender {
    port: u16,
    since: Instant,
    /// Whether other ports have sent as well.
    are_several: bool,
}

/// Whoever listens at a WebSocket.
#[derive(Clone, Copy, Debug)]
pub(super) struct ListenerId {
    pub(super) number: u64,
    pub(super) ip: IpAddr,
    /// When it came.
    pub(super) since: Instant,
    /// Whether nobody else listens from its computer.
    pub(super) is_alone: bool,
}

/// What a listener knows of a value.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Known<'a> {
    /// The value; `None`: it has just begun to listen.
    pub(super) value: Option<&'a [OscType]>,
    /// When it was told last.
    pub(super) told: Option<Instant>,
}

/// What a listener is to hear of a value.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum News {
    /// It is told.
    Tell,
    /// It has said so itself, or has been told.
    Knows,
    /// It may change still.
    Wait,
}

impl LastSetters {
    fn lock(&self) -> MutexGuard<'_, Setters> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Somebody sets the value at `address`.
    pub(super) fn note(&self, address: &str, args: Vec<OscType>, from: Origin, now: Instant) {
        let mut setters = self.lock();
        setters.latest = Some(now);
        if let Origin::Packet(from) = from {
            setters.note_sender(from, now);
        }
        let set = LastSet {
            from,
            args,
            at: now,
        };
        match setters.by_address.get_mut(address) {
            Some(last) => *last = set,
            None => {
                setters.by_address.insert(address.to_owned(), set);
            }
        }
    }

    /// Other addresses play.
    pub(super) fn keep(&self, is_there: impl Fn(&str) -> bool) {
        let mut setters = self.lock();
        setters.by_address.retain(|address, _| is_there(address));
    }

    /// Whether anybody has set anything so lately that a listener may have to be told that nothing
    /// has come of it.
    pub(super) fn were_lately(&self, now: Instant) -> bool {
        let latest = self.lock().latest;
        latest.is_some_and(|latest| now.saturating_duration_since(latest) < LATELY)
    }

    /// What `listener` is to hear of the `value` at `address`.
    pub(super) fn news(
        &self,
        address: &str,
        value: &[OscType],
        known: Known<'_>,
        listener: ListenerId,
        now: Instant,
    ) -> News {
        let news = |is_told: bool| match is_told {
            true => News::Tell,
            false => News::Knows,
        };
        let Some(before) = known.value else {
            return News::Tell;
        };
        let is_new = before != value;
        let setters = self.lock();
        let Some(set) = setters.by_address.get(address) else {
            return news(is_new);
        };
        let is_same_computer = match set.from {
            Origin::Packet(from) => from.ip() == listener.ip,
            Origin::Socket(_) => false,
        };
        let is_own = set.from == Origin::Socket(listener.number)
            || is_same_computer && listener.is_alone && setters.is_sender(listener);
        if !is_own && !is_same_computer {
            return news(is_new);
        }
        // What it was told later counts more than what it said before.
        let is_its_last_word = known.told.is_none_or(|told| told < set.at);
        let has_arrived = set.args == value;
        let age = now.saturating_duration_since(set.at);
        match () {
            () if is_own && is_its_last_word && has_arrived => News::Knows,
            () if is_own && !has_arrived && age < ARRIVES => News::Wait,
            () if is_same_computer && age < SETTLES => News::Wait,
            // Nothing has come of what was set: who has done so believes otherwise.
            () => news(is_new || is_its_last_word && !has_arrived),
        }
    }
}

impl Setters {
    fn note_sender(&mut self, from: SocketAddr, now: Instant) {
        let is_room = self.senders.len() < MOST_COMPUTERS;
        match self.senders.get_mut(&from.ip()) {
            Some(sender) => sender.are_several |= sender.port != from.port(),
            None if is_room => {
                let sender = Sender {
                    port: from.port(),
                    since: now,
                    are_several: false,
                };
                self.senders.insert(from.ip(), sender);
            }
            None => {}
        }
    }

    /// Whether packets from a listener's computer are taken for its own: one program has sent from
    /// there, and not before the listener came.
    fn is_sender(&self, listener: ListenerId) -> bool {
        let sender = self.senders.get(&listener.ip);
        sender.is_some_and(|sender| !sender.are_several && sender.since >= listener.since)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HERE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);
    const THERE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 0, 2));
    const SECOND: Duration = Duration::from_secs(1);

    fn value(number: f32) -> Vec<OscType> {
        vec![OscType::Float(number)]
    }

    /// A packet from a port of this computer.
    fn packet(port: u16) -> Origin {
        Origin::Packet(SocketAddr::new(HERE, port))
    }

    /// What setters are asked at `/a`, and at which time the test is.
    struct Stage {
        setters: LastSetters,
        since: Instant,
        now: Instant,
    }

    impl Stage {
        fn new() -> Self {
            let now = Instant::now();
            Stage {
                setters: LastSetters::default(),
                since: now,
                now,
            }
        }

        fn set(&mut self, number: f32, from: Origin) {
            self.now += Duration::from_millis(1);
            self.setters.note("/a", value(number), from, self.now);
        }

        fn listener(&self, number: u64, ip: IpAddr, is_alone: bool) -> ListenerId {
            ListenerId {
                number,
                ip,
                since: self.since,
                is_alone,
            }
        }

        /// What a listener hears that knows one number while another holds.
        fn news(&self, is: f32, knows: f32, told: Instant, listener: ListenerId) -> News {
            let knows = value(knows);
            let known = Known {
                value: Some(&knows),
                told: Some(told),
            };
            (self.setters).news("/a", &value(is), known, listener, self.now)
        }
    }

    #[test]
    fn nobody_is_told_what_they_have_said_themselves_and_others_are() {
        let mut stage = Stage::new();
        let begun = stage.since;
        let one = stage.listener(1, HERE, true);
        assert_eq!(stage.news(2.0, 1.0, begun, one), News::Tell);
        stage.set(2.0, Origin::Socket(1));
        assert_eq!(stage.news(2.0, 1.0, begun, one), News::Knows);
        let other = stage.listener(2, HERE, false);
        assert_eq!(stage.news(2.0, 1.0, begun, other), News::Tell);
        // What was before is no news while the new value is on its way.
        assert_eq!(stage.news(1.5, 1.0, begun, one), News::Wait);
        stage.set(2.0, packet(7_000));
        assert_eq!(stage.news(2.0, 1.0, begun, one), News::Knows);
        let there = stage.listener(1, THERE, true);
        assert_eq!(stage.news(2.0, 1.0, begun, there), News::Tell);
    }

    #[test]
    fn who_was_told_something_else_since_is_told_of_their_own_value_again() {
        let mut stage = Stage::new();
        let one = stage.listener(1, HERE, true);
        stage.set(2.0, Origin::Socket(1));
        // Somebody else has set 3, and then 2 again.
        let told = stage.now + SECOND;
        stage.now = told + SECOND;
        assert_eq!(stage.news(2.0, 3.0, told, one), News::Tell);
    }

    #[test]
    fn who_begins_to_listen_is_told_whoever_has_set_the_value() {
        let mut stage = Stage::new();
        stage.set(2.0, packet(7_000));
        stage.set(2.0, Origin::Socket(1));
        let (one, nothing) = (stage.listener(1, HERE, true), Known::default());
        let news = (stage.setters).news("/a", &value(2.0), nothing, one, stage.now);
        assert_eq!(news, News::Tell);
    }

    #[test]
    fn who_sets_what_is_not_taken_is_told_once_that_it_is_as_it_was() {
        let mut stage = Stage::new();
        let begun = stage.since;
        let one = stage.listener(1, HERE, true);
        stage.set(2.0, Origin::Socket(1));
        assert!(stage.setters.were_lately(stage.now));
        assert_eq!(stage.news(1.0, 1.0, begun, one), News::Wait);
        stage.now += ARRIVES;
        assert_eq!(stage.news(1.0, 1.0, begun, one), News::Tell);
        assert_eq!(stage.news(1.0, 1.0, stage.now, one), News::Knows);
        stage.now += LATELY;
        assert!(!stage.setters.were_lately(stage.now));
    }

    #[test]
    fn of_two_on_one_computer_both_are_told_once_a_value_has_settled() {
        let mut stage = Stage::new();
        let begun = stage.since;
        stage.set(2.0, packet(7_000));
        let one = stage.listener(1, HERE, false);
        assert_eq!(stage.news(2.0, 1.0, begun, one), News::Wait);
        stage.now += SETTLES;
        assert_eq!(stage.news(2.0, 1.0, begun, one), News::Tell);
    }

    #[test]
    fn one_who_listens_alone_hears_of_programs_that_only_send() {
        let mut stage = Stage::new();
        let begun = stage.since;
        let one = stage.listener(1, HERE, true);
        stage.set(2.0, packet(7_000));
        stage.now += SETTLES;
        assert_eq!(stage.news(2.0, 1.0, begun, one), News::Knows);
        // Another port is another program's.
        stage.set(3.0, packet(7_001));
        assert_eq!(stage.news(3.0, 2.0, begun, one), News::Wait);
        stage.now += SETTLES;
        assert_eq!(stage.news(3.0, 2.0, begun, one), News::Tell);
        // So is what has sent before anybody listened.
        let mut stage = Stage::new();
        stage.set(2.0, packet(7_000));
        let late = ListenerId {
            since: stage.now + SECOND,
            ..stage.listener(1, HERE, true)
        };
        stage.now += 2 * SECOND;
        stage.set(3.0, packet(7_000));
        stage.now += SETTLES;
        assert_eq!(stage.news(3.0, 2.0, late.since, late), News::Tell);
    }

    #[test]
    fn of_more_computers_than_are_remembered_every_packet_is_anothers() {
        let mut stage = Stage::new();
        let begun = stage.since;
        for number in 0..2 * MOST_COMPUTERS as u32 {
            let ip = IpAddr::V4(std::net::Ipv4Addr::from_bits(0x0a00_0000 + number));
            stage.set(1.0, Origin::Packet(SocketAddr::new(ip, 7_000)));
        }
        assert_eq!(stage.setters.lock().senders.len(), MOST_COMPUTERS);
        stage.set(2.0, packet(7_000));
        stage.now += SETTLES;
        let one = stage.listener(1, HERE, true);
        assert_eq!(stage.news(2.0, 1.0, begun, one), News::Tell);
    }
}
