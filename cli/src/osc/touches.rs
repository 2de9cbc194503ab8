//! Who has set what last, so that nobody is told what they have just said themselves.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use rosc::OscType;

/// How long a value may take until it is shown.
const ARRIVES: Duration = Duration::from_millis(200);

/// How long another program of the same computer says nothing more until what it said is settled.
const SETTLES: Duration = Duration::from_millis(300);

/// Who sets a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Origin {
    /// A packet from this computer.
    Packet(IpAddr),
    /// The WebSocket of this number.
    Socket(u64),
}

/// Who has set what last. One entry for each address, so that it cannot grow.
#[derive(Default)]
pub(super) struct Touches(Mutex<HashMap<String, Touch>>);

struct Touch {
    from: Origin,
    args: Vec<OscType>,
    at: Instant,
}

/// Whoever listens at a WebSocket.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ear {
    pub(super) number: u64,
    pub(super) ip: IpAddr,
    /// Whether nobody else listens from its computer: packets from there are its own.
    pub(super) is_alone: bool,
}

/// What a listener is to hear of a value.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum News {
    /// It is told.
    Tell,
    /// It has said so itself.
    Knows,
    /// It may change still.
    Wait,
}

impl Touches {
    pub(super) fn touch(&self, address: &str, args: Vec<OscType>, from: Origin) {
        let touch = Touch {
            from,
            args,
            at: Instant::now(),
        };
        let mut touches = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match touches.get_mut(address) {
            Some(last) => *last = touch,
            None => {
                touches.insert(address.to_owned(), touch);
            }
        }
    }

    /// Other addresses play.
    pub(super) fn keep(&self, is_there: impl Fn(&str) -> bool) {
        let mut touches = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        touches.retain(|address, _| is_there(address));
    }

    /// What `ear` is to hear of the value that is `now` at `address`.
    pub(super) fn news(&self, address: &str, now: &[OscType], ear: Ear) -> News {
        let touches = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(touch) = touches.get(address) else {
            return News::Tell;
        };
        let is_same_computer = touch.from == Origin::Packet(ear.ip);
        let is_own = touch.from == Origin::Socket(ear.number) || is_same_computer && ear.is_alone;
        match () {
            () if is_own && touch.args == now => News::Knows,
            () if is_own && touch.at.elapsed() < ARRIVES => News::Wait,
            () if is_same_computer && touch.at.elapsed() < SETTLES => News::Wait,
            () => News::Tell,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HERE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);
    const THERE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 0, 2));

    fn ear(number: u64, ip: IpAddr, is_alone: bool) -> Ear {
        Ear {
            number,
            ip,
            is_alone,
        }
    }

    #[test]
    fn nobody_is_told_what_they_have_said_themselves_and_others_are() {
        let touches = Touches::default();
        let (old, new) = ([OscType::Float(1.0)], [OscType::Float(2.0)]);
        assert_eq!(touches.news("/a", &old, ear(1, HERE, true)), News::Tell);
        touches.touch("/a", new.to_vec(), Origin::Socket(1));
        assert_eq!(touches.news("/a", &new, ear(1, HERE, true)), News::Knows);
        assert_eq!(touches.news("/a", &new, ear(2, HERE, false)), News::Tell);
        // What was before is no news while the new value is on its way.
        assert_eq!(touches.news("/a", &old, ear(1, HERE, true)), News::Wait);
        touches.touch("/a", new.to_vec(), Origin::Packet(HERE));
        assert_eq!(touches.news("/a", &new, ear(1, HERE, true)), News::Knows);
        assert_eq!(touches.news("/a", &new, ear(1, THERE, true)), News::Tell);
    }

    #[test]
    fn of_two_on_one_computer_both_are_told_once_a_value_has_settled() {
        let touches = Touches::default();
        let new = [OscType::Float(2.0)];
        touches.touch("/a", new.to_vec(), Origin::Packet(HERE));
        assert_eq!(touches.news("/a", &new, ear(1, HERE, false)), News::Wait);
        std::thread::sleep(SETTLES);
        assert_eq!(touches.news("/a", &new, ear(1, HERE, false)), News::Tell);
    }
}
