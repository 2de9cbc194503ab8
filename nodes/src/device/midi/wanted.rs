//! The port that a MIDI node asks for.

use std::sync::Arc;

use score_engine::{Build, LiveClock, NodeError};

use super::super::keeper::missing;
use super::super::sound_device::Direction;
use super::open_port::OpenPort;
use super::port::PortName;
use crate::only_live::only_live;

/// The port that a node asks for.
pub(super) struct Wanted {
    pub(super) name: PortName,
    /// What the patch calls it.
    text: String,
    direction: Direction,
    /// What the port is called at JACK, or as a virtual port.
    pub(super) own: String,
    pub(super) clock: Arc<LiveClock>,
}

impl Wanted {
    /// The port that `name` means to the node that is being built.
    ///
    /// # Errors
    /// This is a render, in which `instead` does.
    pub(super) fn new(
        build: &Build<'_>,
        kind: &str,
        (name, direction): (&str, Direction),
        instead: &str,
    ) -> Result<Self, NodeError> {
        let clock = only_live(build, kind, instead)?.clone();
        Ok(Self::of_run((name, direction), build.id, clock))
    }

    /// The port that `name` means to a live run, which calls its own end `own`.
    pub(super) fn of_run(
        (name, direction): (&str, Direction),
        own: &str,
        clock: Arc<LiveClock>,
    ) -> Self {
        Wanted {
            name: PortName::parse(name),
            text: name.to_owned(),
            direction,
            own: own.to_owned(),
            clock,
        }
    }

    /// The port in words, for messages.
    pub(super) fn in_words(&self) -> String {
        format!("the MIDI {} `{}`", self.direction.word(), self.text)
    }

    /// Looks whether the open port is still there.
    ///
    /// # Errors
    /// It is gone.
    pub(super) fn look<C>(&self, port: &mut OpenPort<C>) -> Result<(), NodeError> {
        match port.is_alive(self.direction) {
            true => Ok(()),
            false => Err(missing(format!("{} is gone", self.in_words()))),
        }
    }
}
