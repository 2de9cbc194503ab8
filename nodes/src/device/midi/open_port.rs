//! An open MIDI port, and how it is noticed that it is gone.

use std::time::{Duration, Instant};

use super::super::sound_device::Direction;
use super::jack::JackPort;
use super::port::{self, PortName};

/// How often the system is asked whether a port is still there.
const ASK: Duration = Duration::from_secs(1);

/// An open port as the keeper knows it. `C` is what must live as long as the port.
pub(super) enum OpenPort<C> {
    /// A port of the system.
    System {
        _connection: C,
        name: String,
        /// When the system was asked for it last.
        asked: Instant,
    },
    /// A virtual port, which cannot go away.
    Virtual { _connection: C },
    /// A port of JACK's.
    Jack(Box<JackPort>),
}

impl<C> OpenPort<C> {
    /// The port that `wanted` has opened, which the system or the node calls `name`.
    pub(super) fn of_system(wanted: &PortName, name: String, connection: C) -> Self {
        match wanted {
            PortName::Virtual => OpenPort::Virtual {
                _connection: connection,
            },
            _ => OpenPort::System {
                _connection: connection,
                name,
                asked: Instant::now(),
            },
        }
    }

    /// Whether something that sent to it, or listened to it, has gone since the last look. Only
    /// JACK reports this.
    pub(super) fn has_lost_peer(&mut self) -> bool {
        match self {
            OpenPort::Jack(port) => port.has_lost_peer(),
            OpenPort::Virtual { .. } | OpenPort::System { .. } => false,
        }
    }

    /// Whether it is still there, as far as was asked lately.
    pub(super) fn is_alive(&mut self, direction: Direction) -> bool {
        match self {
            OpenPort::Jack(port) => port.is_alive(),
            OpenPort::Virtual { .. } => true,
            OpenPort::System { asked, .. } if asked.elapsed() < ASK => true,
            OpenPort::System { name, asked, .. } => {
                *asked = Instant::now();
                let ports = port::system_ports(direction);
                ports.is_some_and(|ports| ports.iter().any(|port| port == name))
            }
        }
    }
}
