//! What all doors of a run for OSC share.

use std::net::SocketAddr;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};
use std::time::{Duration, Instant};

use rosc::{OscMessage, OscType};
use score_engine::{Steering, Transport};
use score_nodes::complaints::Complaints;
use score_nodes::osc::arguments::number;
use score_nodes::osc::pattern::{Pattern, is_pattern};

use super::last_setters::{LastSetters, Origin};
use super::namespace::{Leaf, Namespace};
use super::value::{arguments, glide, read};

static ANY_TEMPO: LazyLock<Transport> = LazyLock::new(Transport::default);

/// Values that one message with a pattern may set.
const MOST_MATCHES: usize = 1_024;

/// What all doors of a run for OSC share.
pub(crate) struct OscState {
    pub(super) steering: Steering,
    /// What the run is called to others.
    pub(super) name: String,
    /// Where both doors are.
    pub(super) address: SocketAddr,
    pub(super) setters: LastSetters,
    pub(super) complaints: Complaints,
    namespace: Mutex<Arc<Namespace>>,
}

impl OscState {
    pub(crate) fn new(steering: Steering, name: &str, address: SocketAddr) -> Self {
        OscState {
            namespace: Mutex::new(Arc::new(Namespace::new(0, &[], &[], &[]))),
            steering,
            name: format!("SCORE! {name}"),
            address,
            setters: LastSetters::default(),
            complaints: Complaints::of("OSC"),
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
            let cues = &self.steering.show().cues;
            *namespace = Arc::new(Namespace::new(edition, &nodes, &presets, cues));
        }
        namespace.clone()
    }

    /// Sets what a message names: a value, and after it how many seconds until it has arrived; a
    /// message without a value releases. Or recalls the preset that it names, but none that a
    /// pattern happens to match.
    pub(super) fn take(&self, message: &OscMessage, from: Origin) {
        let namespace = self.namespace();
        if !is_pattern(&message.addr) {
            match namespace.leaves.get(&message.addr) {
                Some(leaf) => self.set(&message.addr, leaf, &message.args, from),
                None => (self.complaints).say(|| format!("nothing plays at `{}`", message.addr)),
            }
            return;
        }
        let pattern = match Pattern::parse(&message.addr) {
            Ok(pattern) => pattern,
            Err(why) => return self.complaints.say(|| why),
        };
        let leaves = namespace.leaves.iter();
        let found = leaves.filter(|(address, leaf)| leaf.is_settable() && pattern.takes(address));
        for (address, leaf) in found.take(MOST_MATCHES) {
            self.set(address, leaf, &message.args, from);
        }
    }

    fn set(&self, address: &str, leaf: &Leaf, args: &[OscType], from: Origin) {
        let (node, param) = match leaf {
            Leaf::Param { node, param } => (node, param),
            Leaf::Preset { name, .. } => return self.recall(address, name, args),
            Leaf::Cue { name, .. } => return self.call(address, name.as_deref(), args),
            Leaf::Tap => return self.tap(args),
            Leaf::Output { .. } | Leaf::Position { .. } => {
                return (self.complaints).say(|| format!("`{address}` can only be listened to"));
            }
        };
        let set = match args {
            [] | [OscType::Nil] => self.steering.release(node, &param.name, Duration::ZERO),
            args => match read(param, args) {
                Ok((value, glide)) => {
                    // What comes by OSC is never in beats.
                    let wanted = arguments(param, &value, &ANY_TEMPO);
                    (self.setters).note(address, wanted, from, Instant::now());
                    self.steering.set(node, &param.name, value, glide)
                }
                Err(why) => return self.complaints.say(|| format!("`{address}`: {why}")),
            },
        };
        if let Err(error) = set {
            self.complaints.say(|| format!("`{address}`: {error}"));
        }
    }

    /// A message is a tap, but not that of a button that is let go.
    fn tap(&self, args: &[OscType]) {
        let is_let_go = match args.first() {
            Some(OscType::Bool(pressed)) => !pressed,
            Some(arg) => number(arg).is_some_and(|value| value <= 0.0),
            None => false,
        };
        if !is_let_go {
            self.steering.tap_beat();
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

    /// Calls a cue, or the one that comes next.
    fn call(&self, address: &str, name: Option<&str>, args: &[OscType]) {
        let called = match (glide(args), name) {
            // A button says that it is let go.
            (Ok(None), _) => return,
            (Ok(Some(_)), Some(name)) => self.steering.cue(name),
            (Ok(Some(_)), None) => self.steering.go().map(|_| ()),
            (Err(_), _) => {
                let why = "a cue takes nothing, or whether a button is pressed";
                return self.complaints.say(|| format!("`{address}`: {why}"));
            }
        };
        if let Err(error) = called {
            self.complaints.say(|| format!("`{address}`: {error}"));
        }
    }

    /// The transport that plays.
    pub(super) fn transport(&self) -> Transport {
        self.steering.transport()
    }
}
