//! What all doors of a run for OSC share.

use std::net::SocketAddr;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};
use std::time::Duration;

use rosc::address::{Matcher, OscAddress};
use rosc::{OscMessage, OscType};
use score_engine::{Steering, Transport};
use score_nodes::osc::complaints::Complaints;

use super::namespace::{Leaf, Namespace};
use super::touches::{Origin, Touches};
use super::value::{arguments, glide, read};

static ANY_TEMPO: LazyLock<Transport> = LazyLock::new(Transport::default);

/// Values that one message with a pattern may set.
const MOST_MATCHES: usize = 1_024;

/// What all doors of a run for OSC share.
pub(crate) struct Room {
    pub(super) steering: Steering,
    /// What the run is called to others.
    pub(super) name: String,
    /// Where both doors are.
    pub(super) address: SocketAddr,
    pub(super) touches: Touches,
    pub(super) complaints: Complaints,
    namespace: Mutex<Arc<Namespace>>,
}

impl Room {
    pub(crate) fn new(steering: Steering, name: &str, address: SocketAddr) -> Self {
        Room {
            namespace: Mutex::new(Arc::new(Namespace::new(0, &[], &[]))),
            steering,
            name: format!("SCORE! {name}"),
            address,
            touches: Touches::default(),
            complaints: Complaints::default(),
        }
    }

    /// The addresses of what plays now.
    pub(super) fn namespace(&self) -> Arc<Namespace> {
        let edition = self.steering.edition();
        let mut namespace = self
            .namespace
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if namespace.edition != edition {
            let (nodes, presets) = (self.steering.nodes(), self.steering.presets());
            *namespace = Arc::new(Namespace::new(edition, &nodes, &presets));
        }
        namespace.clone()
    }

    /// Sets what a message names: a value, and after it how many seconds until it has arrived; a
    /// message without a value releases. Or recalls the preset that it names, but none that a
    /// pattern happens to match.
    pub(super) fn take(&self, message: &OscMessage, from: Origin) {
        let namespace = self.namespace();
        let is_pattern = message.addr.contains(['*', '?', '[', '{']);
        if !is_pattern {
            match namespace.leaves.get(&message.addr) {
                Some(leaf) => self.set(&message.addr, leaf, &message.args, from),
                None => (self.complaints).say(|| format!("nothing plays at `{}`", message.addr)),
            }
            return;
        }
        let Ok(matcher) = Matcher::new(&message.addr) else {
            return (self.complaints).say(|| format!("`{}` is no pattern", message.addr));
        };
        let matches = |address: &str| {
            OscAddress::new(address.to_owned()).is_ok_and(|address| matcher.match_address(&address))
        };
        let leaves = namespace.leaves.iter();
        let found = leaves.filter(|(address, leaf)| leaf.is_settable() && matches(address));
        for (address, leaf) in found.take(MOST_MATCHES) {
            self.set(address, leaf, &message.args, from);
        }
    }

    fn set(&self, address: &str, leaf: &Leaf, args: &[OscType], from: Origin) {
        let (node, param) = match leaf {
            Leaf::Param { node, param } => (node, param),
            Leaf::Preset { name, .. } => return self.recall(address, name, args),
            Leaf::Output { .. } | Leaf::Position { .. } => {
                return (self.complaints).say(|| format!("`{address}` can only be listened to"));
            }
        };
        let set = match args {
            [] | [OscType::Nil] => self.steering.release(node, &param.name, Duration::ZERO),
            args => match read(param, args) {
                Ok((value, glide)) => {
                    // What comes by OSC is never in beats.
                    let now = arguments(param, &value, &ANY_TEMPO);
                    self.touches.touch(address, now, from);
                    self.steering.set(node, &param.name, value, glide)
                }
                Err(why) => return self.complaints.say(|| format!("`{address}`: {why}")),
            },
        };
        if let Err(error) = set {
            self.complaints.say(|| format!("`{address}`: {error}"));
        }
    }

    fn recall(&self, address: &str, name: &str, args: &[OscType]) {
        let recalled = match glide(args) {
            Ok(Some(glide)) => self.steering.recall(name, glide),
            // A button says that it is let go.
            Ok(None) => return,
            Err(why) => return self.complaints.say(|| format!("`{address}`: {why}")),
        };
        if let Err(error) = recalled {
            self.complaints.say(|| format!("`{address}`: {error}"));
        }
    }

    /// The transport that plays.
    pub(super) fn transport(&self) -> Transport {
        self.steering.transport()
    }
}
