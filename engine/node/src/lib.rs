//! What the nodes of SCORE! are written with.
//!
//! A node is one struct, its parameters, with two traits: [`Node`] declares the kind and builds
//! what runs, and [`Processor`] runs, on a thread of its own. Packets ([`Packet`]) come to it
//! through its inputs and leave through its outputs; each has a media time ([`Time`]) and a payload
//! that is shared, never copied.
//!
//! A whole kind, which inverts a control:
//!
//! ```
//! use score_node::{
//!     Build, Control, Descriptor, Flow, InputPort, Io, Node, NodeError, OutputPort, Params, Processor,
//!     Registry,
//! };
//!
//! // The ports: their places in the declaration, their names, and what they are for.
//! const VALUE: InputPort<Control> = InputPort::new(0, "value", "a number from 0 to 1");
//! const INVERTED: OutputPort<Control> = OutputPort::new(0, "inverted", "what is left of `amount`");
//!
//! // Each field is a parameter; its doc comment is what the reference says of it.
//! #[derive(Clone, Params)]
//! struct Invert {
//!     /// from which the number is taken
//!     #[param(live, range = 0.0..=1.0, default = 1.0)]
//!     amount: f32,
//! }
//!
//! impl Node for Invert {
//!     fn descriptor() -> Descriptor {
//!         Descriptor::of::<Self>("control", "invert", "What was high becomes low")
//!             .input(VALUE)
//!             .output(INVERTED)
//!     }
//!
//!     fn build(&self, _build: &Build<'_>) -> Result<Box<dyn Processor<Self>>, NodeError> {
//!         Ok(Box::new(Inverting))
//!     }
//! }
//!
//! // What a node remembers from call to call would stand here.
//! struct Inverting;
//!
//! impl Processor<Invert> for Inverting {
//!     fn process(&mut self, params: &Invert, io: &mut Io<'_>) -> Result<Flow, NodeError> {
//!         while let Some(input) = io.take() {
//!             let value = params.amount - *input.read(VALUE)?;
//!             io.send(INVERTED, input.packet.time, value)?;
//!         }
//!         Ok(Flow::Continue)
//!     }
//! }
//!
//! // A program that has the kind registers it.
//! let mut kinds = Registry::new();
//! kinds.add::<Invert>();
//!
//! let declared = kinds.kind("invert").ok_or("it was registered")?.descriptor();
//! assert_eq!(declared.fault(), None);
//! assert_eq!(declared.params[0].summary, "from which the number is taken");
//! # Ok::<(), &str>(())
//! ```
//!
//! What is where:
//!
//! | you need | you find |
//! |---|---|
//! | to declare | [`Descriptor`], [`InputPort`], [`OutputPort`], [`Params`] (which says what stands in `#[param(…)]`), [`Choice`] |
//! | to check what only the node knows: a file, a model's dimension | [`Node::check`], [`Check`] |
//! | to build: random numbers, what arrives, the run's folders | [`Build`], [`Settings`] |
//! | to run | [`Io`], [`Flow`], [`Packet`], [`Payload`] |
//! | musical time | [`Transport`], [`Length`], [`Metre`], [`Swing`], [`Key`] |
//! | to fail, with a message for an artist | [`NodeError`] |
//! | to report how it goes | [`Counters`], [`Progress`] |
//!
//! Nodes run in an engine, which is another crate (`score-engine`), as is what tests a node alone
//! (`score_engine::harness`). Plugins take both from `score-plugin`. What is hidden from these
//! pages is for the engine: it may change in any version.
#![forbid(unsafe_code)]

// What is derived names the crate so, within it too.
extern crate self as score_node;

// The engine stands on these modules by name. Nobody else may: what authors need of them stands
// below.
#[doc(hidden)]
pub mod clock;
#[doc(hidden)]
pub mod counters;
#[doc(hidden)]
pub mod curve;
#[doc(hidden)]
pub mod custom;
#[doc(hidden)]
pub mod descriptor;
#[doc(hidden)]
pub mod error;
#[doc(hidden)]
pub mod follow;
#[doc(hidden)]
pub mod foreign;
#[doc(hidden)]
pub mod io;
#[doc(hidden)]
pub mod key;
#[doc(hidden)]
pub mod length;
#[doc(hidden)]
pub mod node;
#[doc(hidden)]
pub mod packet;
#[doc(hidden)]
pub mod param;
#[doc(hidden)]
pub mod policy;
#[doc(hidden)]
pub mod port;
#[doc(hidden)]
pub mod progress;
#[doc(hidden)]
pub mod registry;
#[doc(hidden)]
pub mod revision;
#[doc(hidden)]
pub mod steered;
#[doc(hidden)]
pub mod swing;
#[doc(hidden)]
pub mod tempi;
#[doc(hidden)]
pub mod time;
#[doc(hidden)]
pub mod transport;
#[doc(hidden)]
pub mod watermark;

pub use clock::LiveClock;
pub use counters::Counters;
pub use curve::Curve;
pub use custom::CustomForms;
pub use descriptor::{Descriptor, InputOrder};
pub use error::{NodeError, NodeErrorKind};
pub use follow::{Follow, FollowedClock, WhenLost};
pub use io::{Input, Io};
pub use key::{Key, KeyChoice, Mode, NotAKey, note_at, note_name};
pub use length::Length;
pub use node::{Build, Check, Flow, Node, Processor, Resource, Settings};
pub use packet::{AudioBlock, ChannelChange, Event, Frame, Note, Packet, Payload, Performance};
pub use param::{
    Change, Choice, FileContent, FilePurpose, FileRole, Param, ParamType, ParamValue, Params,
    Scale, Span, written_value,
};
#[doc(hidden)]
pub use param::{read_choice, read_param, read_value};
pub use policy::Policy;
pub use port::{
    Anything, Arity, Carried, Control, Custom, InputPort, Latent, OutputPort, Port, PortType,
    SentAs,
};
pub use progress::Progress;
pub use score_derive::{NodeChoice as Choice, NodeParams as Params};
// What `Build::rng` gives, and the crate whose traits draw from it.
pub use rand;
pub use rand_chacha::ChaCha8Rng;
pub use registry::{NodeKind, Registry};
pub use revision::Revision;
pub use serde_json::Value;
pub use steered::Steered;
pub use swing::{Swing, SwingNotes};
pub use tempi::{Stretch, Tempi};
pub use time::{Metre, Time};
pub use transport::Transport;
pub use watermark::Watermark;
