//! Write nodes for SCORE! as plugins.
//!
//! A plugin is a crate of its own that builds a `cdylib`. Its nodes are written as the built-in
//! ones are, with what the crate `score-node` has for them, which this one hands on, and one line
//! tells the program which kinds there are:
//!
//! ```
//! use score_plugin::{
//!     Build, Control, Descriptor, Flow, InputPort, Io, Node, NodeError, OutputPort, Params, Processor,
//! };
//!
//! const VALUE: InputPort<Control> = InputPort::new(0, "value", "a number from 0 to 1");
//! const INVERTED: OutputPort<Control> = OutputPort::new(0, "inverted", "what is left of `amount`");
//!
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
//! score_plugin::export!(Invert);
//! # fn main() {}
//! ```
//!
//! Behind it stands a table of C functions ([`abi`]). A panic does not cross it: it is caught on
//! the side on which it happens, and the node is supervised like any other. `docs/plugins.md` of
//! the repository is the guide.
//!
//! | feature | has |
//! |---|---|
//! | `harness`, on by default | `harness`, which tests a node alone; it brings the engine along |
//! | `host` | the program's side: it finds and loads plugins |
//!
//! What runs patches is not a plugin's affair, and is not here:
//!
//! ```compile_fail
//! use score_plugin::{Live, Run, Watch, check};
//! ```

#[cfg(not(panic = "unwind"))]
compile_error!(
    "a plugin must be built with panics that unwind, so that a mistake in it ends one node and not the whole \
     installation: remove `panic = \"abort\"` from the profile"
);

pub mod abi;
#[cfg(feature = "host")]
pub mod host;
mod instant;
#[doc(hidden)]
pub mod manifest;
mod packets;
#[doc(hidden)]
pub mod shim;

// The derives name this crate in what they make.
pub use score_derive::{PluginChoice as Choice, PluginParams as Params};
#[cfg(feature = "harness")]
pub use score_engine::harness;
// All that a node's author needs, name by name: what stands here is a promise to every plugin.
pub use score_node::{
    Arity, AudioBlock, Build, Carried, ChaCha8Rng, Change, ChannelChange, Check, Control, Counters,
    Custom, Descriptor, Event, FileContent, FilePurpose, FileRole, Flow, Frame, Input, InputOrder,
    InputPort, Io, Key, KeyChoice, Latent, Length, LiveClock, Metre, Mode, Node, NodeError,
    NodeErrorKind, NotAKey, Note, OutputPort, Packet, Param, ParamType, ParamValue, Payload,
    Performance, Policy, Port, PortType, Processor, Progress, Resource, Revision, Scale, SentAs,
    Settings, Span, Steered, Stretch, Swing, SwingNotes, Tempi, Time, Transport, Value, Watermark,
    note_at, note_name, rand, written_value,
};
// The traits alone, without the derives that name another crate.
pub use score_node::param::{Choice, Params};
// For what the derives make.
#[doc(hidden)]
pub use score_node::{read_choice, read_param, read_value};

/// Tells the program which kinds the plugin has: `score_plugin::export!(EdgeDensity, Quantiser);`,
/// once in a library.
///
/// The library also gets a manifest that a program reads without running anything of the library:
/// the crate's name and version, and the kinds, whose names are taken to be those of the types in
/// snake_case. Where a kind is called otherwise, say so: `score_plugin::export!(Quantiser as
/// "scale_quantiser");`.
///
/// A crate with a feature `linked` that is on is no plugin then, so that several can be linked into
/// one program.
#[macro_export]
macro_rules! export {
    ($($kind:ty $(as $name:literal)?),+ $(,)?) => {
        #[cfg(not(feature = "linked"))]
        #[allow(unexpected_cfgs, unsafe_code)]
        const _: () = {
            static KINDS: &[$crate::shim::Kind] = &[$($crate::shim::Kind::of::<$kind>()),+];

            const MANIFEST: $crate::manifest::Text<'static> = $crate::manifest::Text {
                plugin: env!("CARGO_PKG_NAME"),
                version: env!("CARGO_PKG_VERSION"),
                kinds: &[$((stringify!($kind), &[$($name)?])),+],
            };

            extern "C" fn describe() -> $crate::abi::Reply {
                $crate::shim::describe(KINDS)
            }

            /// # Safety
            /// Both texts are valid while the function runs.
            unsafe extern "C" fn parse(
                kind: $crate::abi::Text,
                params: $crate::abi::Text,
            ) -> $crate::abi::Reply {
                // SAFETY: the caller's promise.
                unsafe { $crate::shim::parse(KINDS, kind, params) }
            }

            #[unsafe(no_mangle)]
            static SCORE_PLUGIN: $crate::abi::Header = $crate::shim::header(
                env!("CARGO_PKG_NAME"),
                env!("CARGO_PKG_VERSION"),
                describe,
                parse,
            );

            #[unsafe(no_mangle)]
            static SCORE_PLUGIN_MANIFEST: [u8; MANIFEST.length()] = MANIFEST.bytes();
        };
    };
}
