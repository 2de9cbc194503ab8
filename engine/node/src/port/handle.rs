//! Ports as a node's own code names them: each handle knows what travels through it.

use std::any::Any;
use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

use super::{Arity, Port, PortType};
use crate::packet::{AudioBlock, Event, Frame, Note, Packet, Payload, Performance};
use crate::policy::Policy;

/// What travels through a port: [`Frame`], [`Latent`], [`Note`], [`AudioBlock`], [`Control`],
/// [`Event`], [`Custom`] or [`Anything`].
pub trait Carried: 'static {
    /// What a reader finds in a packet.
    type Value: ?Sized;

    /// The port's type, where the declaration says no more.
    const PORT_TYPE: PortType;

    /// What the packet carries; `None`: something else, which a checked patch rules out.
    fn of(packet: &Packet) -> Option<&Self::Value>;
}

/// Latent vectors travel through the port.
#[derive(Clone, Copy, Debug)]
pub struct Latent;

/// Control values travel through the port.
#[derive(Clone, Copy, Debug)]
pub struct Control;

/// Whatever the patch wires in travels through the port: all ports of a node that carry this carry
/// the same.
#[derive(Clone, Copy, Debug)]
pub struct Anything;

/// Values of a plugin's own type `T` travel through the port.
#[derive(Clone, Copy, Debug)]
pub struct Custom<T>(PhantomData<fn() -> T>);

macro_rules! carried {
    ($carried:ty, $value:ty, $port_type:expr, $read:expr) => {
        impl Carried for $carried {
            type Value = $value;

            const PORT_TYPE: PortType = $port_type;

            fn of(packet: &Packet) -> Option<&Self::Value> {
                let read: fn(&Packet) -> Option<&$value> = $read;
                read(packet)
            }
        }
    };
}

carried!(Frame, Arc<Frame>, PortType::Frame, |packet| packet
    .frame()
    .ok());
carried!(Latent, Arc<[f32]>, PortType::Latent(None), |packet| packet
    .latent()
    .ok());
carried!(Note, Arc<[Note]>, PortType::Notes, |packet| packet
    .notes()
    .ok());
carried!(AudioBlock, Arc<AudioBlock>, PortType::Audio, |packet| {
    packet.audio().ok()
});
carried!(Control, f32, PortType::Control, |packet| packet
    .control()
    .ok());
carried!(Event, Arc<Event>, PortType::Event, |packet| packet
    .event()
    .ok());

carried!(Anything, Payload, PortType::Any, |packet| Some(
    &packet.payload
));

impl<T: Any + Send + Sync> Carried for Custom<T> {
    type Value = T;

    /// The declaration gives the name, with [`InputPort::custom`] and [`OutputPort::custom`].
    const PORT_TYPE: PortType = PortType::Custom(Cow::Borrowed(""));

    fn of(packet: &Packet) -> Option<&T> {
        packet.custom().ok()
    }
}

/// What may be sent from an output that carries `T`.
pub trait SentAs<T: Carried> {
    /// As a packet has it.
    fn into_payload(self) -> Payload;
}

macro_rules! sent {
    ($($carried:ty: $variant:ident($($value:ty),+);)+) => {$($(
        impl SentAs<$carried> for $value {
            fn into_payload(self) -> Payload {
                Payload::$variant(self.into())
            }
        }
    )+)+};
}

sent! {
    Frame: Frame(Frame, Arc<Frame>);
    Latent: Latent(Arc<[f32]>, Vec<f32>, &[f32]);
    Note: Notes(Arc<[Note]>, Vec<Note>, &[Note]);
    Note: Performance(Performance, Arc<Performance>);
    AudioBlock: Audio(AudioBlock, Arc<AudioBlock>);
    Control: Control(f32);
    Event: Event(Event, Arc<Event>);
}

impl SentAs<Anything> for Payload {
    fn into_payload(self) -> Payload {
        self
    }
}

impl<T: Any + Send + Sync> SentAs<Custom<T>> for Arc<T> {
    fn into_payload(self) -> Payload {
        Payload::Custom(self)
    }
}

/// The side of a port's declaration that inputs and outputs share.
#[derive(Clone, Copy, Debug)]
struct Declared {
    index: usize,
    name: &'static str,
    summary: &'static str,
    dimension: Option<usize>,
    custom: Option<&'static str>,
    by_name: bool,
}

impl Declared {
    const fn new(index: usize, name: &'static str, summary: &'static str) -> Self {
        Declared {
            index,
            name,
            summary,
            dimension: None,
            custom: None,
            by_name: false,
        }
    }

    fn port<T: Carried>(&self) -> Port {
        let port_type = match (T::PORT_TYPE, self.custom) {
            (PortType::Latent(_), _) => PortType::Latent(self.dimension),
            (PortType::Custom(_), Some(name)) => PortType::Custom(name.into()),
            (port_type, _) => port_type,
        };
        let port = Port::new(self.name, port_type, self.summary);
        match self.by_name {
            true => port.by_name(),
            false => port,
        }
    }
}

/// An input of a node kind: how it is declared, and how the node's own code names it.
pub struct InputPort<T> {
    declared: Declared,
    arity: Arity,
    policy: Option<Policy>,
    is_sparse: bool,
    carried: PhantomData<fn() -> T>,
}

/// An output of a node kind: how it is declared, and how the node's own code names it.
pub struct OutputPort<T> {
    declared: Declared,
    carried: PhantomData<fn() -> T>,
}

macro_rules! port {
    ($port:ident, $side:literal) => {
        impl<T> Clone for $port<T> {
            fn clone(&self) -> Self {
                *self
            }
        }

        impl<T> Copy for $port<T> {}

        impl<T> fmt::Debug for $port<T> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.declared.name)
            }
        }

        impl<T> $port<T> {
            /// See [`Port::by_name`].
            pub const fn by_name(mut self) -> Self {
                self.declared.by_name = true;
                self
            }

            #[doc = concat!("Its number among the kind's ", $side, "s.")]
            pub const fn index(self) -> usize {
                self.declared.index
            }

            /// Its name in patches.
            pub const fn name(self) -> &'static str {
                self.declared.name
            }
        }

        impl $port<Latent> {
            /// Only latent vectors of this dimension.
            pub const fn dimension(mut self, dimension: usize) -> Self {
                self.declared.dimension = Some(dimension);
                self
            }
        }

        impl<T> $port<Custom<T>> {
            /// The name of the plugin's own type.
            pub const fn custom(mut self, name: &'static str) -> Self {
                self.declared.custom = Some(name);
                self
            }
        }
    };
}

port!(InputPort, "input");
port!(OutputPort, "output");

impl<T> InputPort<T> {
    /// The input that is the declaration's number `index`, from 0, called `name` in patches. It
    /// takes exactly one wire.
    pub const fn new(index: usize, name: &'static str, summary: &'static str) -> Self {
        InputPort {
            declared: Declared::new(index, name, summary),
            arity: Arity::Required,
            policy: None,
            is_sparse: false,
            carried: PhantomData,
        }
    }

    /// See [`Port::optional`].
    pub const fn optional(mut self) -> Self {
        self.arity = Arity::Optional;
        self
    }

    /// See [`Port::many`].
    pub const fn many(mut self) -> Self {
        self.arity = Arity::Many;
        self
    }

    /// See [`Port::policy`].
    pub const fn policy(mut self, policy: Policy) -> Self {
        self.policy = Some(policy);
        self
    }

    /// See [`Port::sparse`].
    pub const fn sparse(mut self) -> Self {
        self.is_sparse = true;
        self
    }
}

impl<T> OutputPort<T> {
    /// The output that is the declaration's number `index`, from 0, called `name` in patches.
    pub const fn new(index: usize, name: &'static str, summary: &'static str) -> Self {
        OutputPort {
            declared: Declared::new(index, name, summary),
            carried: PhantomData,
        }
    }
}

impl<T: Carried> From<InputPort<T>> for Port {
    fn from(input: InputPort<T>) -> Port {
        let port = input.declared.port::<T>();
        Port {
            arity: input.arity,
            policy: input.policy,
            sparse: input.is_sparse,
            ..port
        }
    }
}

impl<T: Carried> From<OutputPort<T>> for Port {
    fn from(output: OutputPort<T>) -> Port {
        output.declared.port::<T>()
    }
}
