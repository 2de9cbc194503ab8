//! The node kinds that a program knows.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value;

use crate::custom::CustomForms;
use crate::descriptor::Descriptor;
use crate::error::NodeError;
use crate::io::Io;
use crate::node::{Build, Check, Flow, Node, Processor};
use crate::param::Params;
use crate::revision::Revision;
use crate::steered::Steered;
use crate::time::Time;
use crate::transport::Transport;

/// A node of any kind, its parameters set.
pub trait AnyNode: Send + Sync {
    /// See [`Node::check`].
    fn check(&self, check: &mut Check<'_>);
    /// See [`Node::build`].
    ///
    /// # Errors
    /// As [`Node::build`].
    fn build(&self, build: &Build<'_>) -> Result<Box<dyn AnyProcessor>, NodeError>;

    /// Whether `name` is a live parameter of the node's that takes `value`. Of a node that is made
    /// elsewhere only its processor knows, and this says yes.
    ///
    /// # Errors
    /// The value does not fit the parameter.
    fn takes(&self, _name: &str, _value: &Value) -> Result<bool, NodeError> {
        Ok(true)
    }
}

/// A processor of any kind, together with its parameters: what a runtime holds. Each method does
/// what the one of [`Processor`] with its name does.
pub trait AnyProcessor: Send {
    /// See [`Processor::process`].
    ///
    /// # Errors
    /// As [`Processor::process`].
    fn process(&mut self, io: &mut Io<'_>) -> Result<Flow, NodeError>;

    /// See [`Processor::finish`].
    ///
    /// # Errors
    /// As [`Processor::finish`].
    fn finish(&mut self, _io: &mut Io<'_>) -> Result<(), NodeError> {
        Ok(())
    }

    /// See [`Processor::commit`].
    ///
    /// # Errors
    /// As [`Processor::commit`].
    fn commit(&mut self) -> Result<(), NodeError> {
        Ok(())
    }

    /// See [`Processor::earliest_pending`].
    fn earliest_pending(&self) -> Option<Time> {
        None
    }

    /// See [`Processor::revised`].
    fn revised(&mut self, _time: Time, _revision: &Revision) {}

    /// See [`Processor::steered`].
    fn steered(&mut self, _steered: &Steered) {}

    /// Gives live parameters new values by their names, in the form in which a checked patch has
    /// them.
    ///
    /// # Errors
    /// There is no such live parameter, or the processor cannot take the values together; all stay
    /// as they were.
    fn set(&mut self, values: &[(String, Value)]) -> Result<(), NodeError> {
        values
            .first()
            .map_or(Ok(()), |(name, _)| Err(not_live(name)))
    }

    /// Goes on by another transport.
    ///
    /// # Errors
    /// The processor cannot; it goes on by the old one.
    fn retime(&mut self, _transport: &Transport) -> Result<(), NodeError> {
        Ok(())
    }
}

fn not_live(name: &str) -> NodeError {
    NodeError::internal(format!(
        "the parameter `{name}` cannot change while it runs"
    ))
}

/// A processor with its parameters as they are now.
struct Held<P> {
    params: P,
    transport: Transport,
    processor: Box<dyn Processor<P>>,
}

impl<P: Params> Held<P> {
    /// Where the processor has refused a change, it recomputes from the old values whatever it had
    /// computed from the new ones.
    fn stand_by(&mut self, changed: Result<(), NodeError>) -> Result<(), NodeError> {
        if changed.is_err() {
            // It has taken these before.
            let _ = self.processor.changed(&self.params, &self.transport);
        }
        changed
    }
}

impl<P: Params> AnyProcessor for Held<P> {
    fn process(&mut self, io: &mut Io<'_>) -> Result<Flow, NodeError> {
        self.processor.process(&self.params, io)
    }

    fn finish(&mut self, io: &mut Io<'_>) -> Result<(), NodeError> {
        self.processor.finish(&self.params, io)
    }

    fn commit(&mut self) -> Result<(), NodeError> {
        self.processor.commit()
    }

    fn earliest_pending(&self) -> Option<Time> {
        self.processor.earliest_pending()
    }

    fn revised(&mut self, time: Time, revision: &Revision) {
        self.processor.revised(time, revision);
    }

    fn steered(&mut self, steered: &Steered) {
        self.processor.steered(steered);
    }

    fn set(&mut self, values: &[(String, Value)]) -> Result<(), NodeError> {
        let mut params = self.params.clone();
        for (name, value) in values {
            if !params.set(name, value)? {
                return Err(not_live(name));
            }
        }
        let changed = self.processor.changed(&params, &self.transport);
        if changed.is_ok() {
            self.params = params;
        }
        self.stand_by(changed)
    }

    fn retime(&mut self, transport: &Transport) -> Result<(), NodeError> {
        let changed = self.processor.changed(&self.params, transport);
        if changed.is_ok() {
            self.transport = transport.clone();
        }
        self.stand_by(changed)
    }
}

impl<N: Node> AnyNode for N {
    fn check(&self, check: &mut Check<'_>) {
        Node::check(self, check);
    }

    fn build(&self, build: &Build<'_>) -> Result<Box<dyn AnyProcessor>, NodeError> {
        Ok(Box::new(Held {
            params: self.clone(),
            transport: build.transport.clone(),
            processor: Node::build(self, build)?,
        }))
    }

    fn takes(&self, name: &str, value: &Value) -> Result<bool, NodeError> {
        self.clone().set(name, value)
    }
}

type Parse = dyn Fn(Value) -> Result<Box<dyn AnyNode>, NodeError> + Send + Sync;

/// A node kind: its declaration, and how its parameters become a node.
pub struct NodeKind {
    descriptor: Descriptor,
    parse: Box<Parse>,
    edition: u64,
}

impl NodeKind {
    /// The declaration.
    pub fn descriptor(&self) -> &Descriptor {
        &self.descriptor
    }

    /// Which of all kinds of its name this is: 0, unless it comes from a library that may be loaded
    /// again.
    pub fn edition(&self) -> u64 {
        self.edition
    }

    /// A node from parameters that the declaration admits, all defaults filled in.
    ///
    /// # Errors
    /// A value is missing or does not fit its parameter.
    pub fn node(&self, params: Value) -> Result<Box<dyn AnyNode>, NodeError> {
        (self.parse)(params)
    }
}

/// The node kinds that a program knows, by name.
#[derive(Clone, Default)]
pub struct Registry {
    kinds: BTreeMap<String, Arc<NodeKind>>,
    /// What to do about kinds that are not there, by their names.
    advice: BTreeMap<String, String>,
    /// How values of types that are not built in are written down.
    forms: CustomForms,
}

impl Registry {
    /// A registry that knows nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a node kind. One of the same name is replaced.
    pub fn add<N: Node>(&mut self) {
        let kind = NodeKind {
            descriptor: N::descriptor(),
            parse: Box::new(|params| Ok(Box::new(N::read(&params)?))),
            edition: 0,
        };
        self.insert(kind);
    }

    /// Adds a kind whose nodes are made elsewhere: `parse` makes one from its parameters, all
    /// defaults filled in. Nodes that run are exchanged when their kind comes with another
    /// `edition`. One of the same name is replaced.
    pub fn add_foreign(
        &mut self,
        descriptor: Descriptor,
        edition: u64,
        parse: impl Fn(Value) -> Result<Box<dyn AnyNode>, NodeError> + Send + Sync + 'static,
    ) {
        self.insert(NodeKind {
            descriptor,
            parse: Box::new(parse),
            edition,
        });
    }

    /// Says how values of types that are not built in are written down: a take keeps them, so that
    /// what they have led to can be played again.
    pub fn set_custom_forms(&mut self, forms: CustomForms) {
        self.forms = forms;
    }

    /// How values of types that are not built in are written down.
    pub fn custom_forms(&self) -> &CustomForms {
        &self.forms
    }

    /// Says what to do about a kind that is not there, for whoever uses it in a patch.
    pub fn advise(&mut self, kind: &str, advice: String) {
        self.advice.insert(kind.to_owned(), advice);
    }

    /// What to do about a kind that is not there, where that is known.
    pub fn advice(&self, kind: &str) -> Option<&str> {
        self.advice.get(kind).map(String::as_str)
    }

    fn insert(&mut self, kind: NodeKind) {
        self.kinds
            .insert(kind.descriptor.kind.to_string(), Arc::new(kind));
    }

    /// The kind called `name`.
    pub fn kind(&self, name: &str) -> Option<&Arc<NodeKind>> {
        self.kinds.get(name)
    }

    /// All kinds, by name.
    pub fn kinds(&self) -> impl Iterator<Item = &Arc<NodeKind>> {
        self.kinds.values()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use serde_json::json;

    use super::*;
    use crate::Params;
    use crate::counters::Counters;
    use crate::io::{Host, Input, Lineage};
    use crate::node::Settings;
    use crate::packet::Packet;
    use crate::port::{Control, OutputPort};
    use crate::progress::Progress;
    use crate::watermark::Watermark;

    const LOW: OutputPort<Control> = OutputPort::new(0, "low", "");
    const HIGH: OutputPort<Control> = OutputPort::new(1, "high", "");

    /// Two live ends of a range, the first of which must not be the higher, at tempi up to 200.
    #[derive(Clone, Params)]
    struct Ends {
        #[param(live, range = 0.0..=1.0)]
        low: f32,
        #[param(live, range = 0.0..=1.0)]
        high: f32,
        #[param(range = 0.0..=1.0, default = 0.0)]
        #[expect(dead_code, reason = "it is there not to be live")]
        fixed: f32,
    }

    impl Node for Ends {
        fn descriptor() -> Descriptor {
            Descriptor::of::<Self>("test", "ends", "")
                .output(LOW)
                .output(HIGH)
        }

        fn build(&self, _build: &Build<'_>) -> Result<Box<dyn Processor<Self>>, NodeError> {
            Ok(Box::new(Ending))
        }
    }

    /// What each call of [`Processor::changed`] brought: the lower end and the tempo.
    static BROUGHT: Mutex<Vec<(f32, f64)>> = Mutex::new(Vec::new());

    struct Ending;

    impl Processor<Ends> for Ending {
        fn process(&mut self, params: &Ends, io: &mut Io<'_>) -> Result<Flow, NodeError> {
            io.send(LOW, Time::ZERO, params.low)?;
            io.send(HIGH, Time::ZERO, params.high)?;
            Ok(Flow::Continue)
        }

        fn changed(&mut self, params: &Ends, transport: &Transport) -> Result<(), NodeError> {
            BROUGHT.lock().unwrap().push((params.low, transport.tempo));
            if params.low > params.high {
                return Err(NodeError::input("the ends are the wrong way round"));
            }
            if transport.tempo > 200.0 {
                return Err(NodeError::input("that is too fast"));
            }
            Ok(())
        }
    }

    /// Surroundings that keep the numbers that are sent.
    #[derive(Default)]
    struct Kept(Vec<f32>);

    impl Host for Kept {
        fn take(&mut self) -> Option<Input> {
            None
        }

        fn send(&mut self, _port: usize, packet: Packet) -> Result<(), NodeError> {
            self.0.push(*packet.control()?);
            Ok(())
        }

        fn end_at(&mut self, _time: Time) {}

        fn watermark(&self) -> Watermark {
            Watermark::At(Time::ZERO)
        }

        fn end(&self) -> Option<Time> {
            None
        }

        fn now(&self) -> Time {
            Time::ZERO
        }

        fn reached(&self) -> Watermark {
            self.watermark()
        }

        fn stop_requested(&self) -> bool {
            false
        }
    }

    /// The ends that the next call brings.
    fn ends(processor: &mut dyn AnyProcessor) -> Vec<f32> {
        let (mut kept, mut lineage) = (Kept::default(), Lineage::new());
        let mut io = Io::new(&mut kept, &mut lineage);
        processor.process(&mut io).unwrap();
        kept.0
    }

    fn one(name: &str, value: Value) -> Vec<(String, Value)> {
        vec![(name.to_owned(), value)]
    }

    #[test]
    fn what_a_processor_refuses_leaves_its_values_and_its_transport_as_they_were() {
        let mut registry = Registry::new();
        registry.add::<Ends>();
        let params = json!({ "low": 0.25, "high": 0.5, "fixed": 0.0 });
        let node = registry.kind("ends").unwrap().node(params).unwrap();
        let transport = Transport::default();
        let mut processor = node
            .build(&Build {
                id: "ends",
                transport: &transport,
                settings: &Settings::default(),
                progress: &Arc::<Progress>::default(),
                counters: &Arc::<Counters>::default(),
                clock: None,
                ends: true,
                with_run: true,
                inputs: &[],
                wires: &[],
                sources: &[],
                outputs: &[],
            })
            .unwrap();
        assert_eq!(ends(&mut *processor), [0.25, 0.5]);
        assert!(
            BROUGHT.lock().unwrap().is_empty(),
            "built with, not changed"
        );

        let why = processor.set(&one("low", json!(0.75))).unwrap_err();
        assert!(why.to_string().contains("wrong way round"), "{why}");
        assert_eq!(ends(&mut *processor), [0.25, 0.5], "refused by the node");
        for (name, value) in [
            ("low", json!("loud")),
            ("fixed", json!(1.0)),
            ("middle", json!(0.5)),
        ] {
            let why = processor.set(&one(name, value)).unwrap_err();
            assert!(why.to_string().contains(&format!("`{name}`")), "{why}");
            assert_eq!(ends(&mut *processor), [0.25, 0.5], "{name}: none of its");
        }
        let fast = Transport {
            tempo: 240.0,
            ..Transport::default()
        };
        processor.retime(&fast).unwrap_err();

        // What is impossible one by one may be possible together.
        let both = [one("low", json!(0.6)), one("high", json!(0.9))].concat();
        processor.set(&both).unwrap();
        assert_eq!(ends(&mut *processor), [0.6, 0.9]);
        let both = [one("low", json!(0.25)), one("high", json!(0.5))].concat();
        processor.set(&both).unwrap();

        // The next value comes with the old ones beside it.
        processor.set(&one("high", json!(1.0))).unwrap();
        assert_eq!(ends(&mut *processor), [0.25, 1.0]);
        let slow = Transport {
            tempo: 60.0,
            ..Transport::default()
        };
        processor.retime(&slow).unwrap();
        processor.set(&one("low", json!(0.75))).unwrap();
        assert_eq!(ends(&mut *processor), [0.75, 1.0]);
        assert_eq!(
            *BROUGHT.lock().unwrap(),
            [
                (0.75, transport.tempo),
                (0.25, transport.tempo),
                (0.25, 240.0),
                (0.25, transport.tempo),
                (0.6, transport.tempo),
                (0.25, transport.tempo),
                (0.25, transport.tempo),
                (0.25, 60.0),
                (0.75, 60.0),
            ]
        );
    }
}
