//! A plugin for the tests: kinds that do one thing each which a plugin can do.
#![allow(missing_docs)]

mod pass;
mod shift {
    pub(crate) const KIND: &str = "probe_shift";
    /// How far notes go up beyond the parameter; the rebuilt library has another.
    pub(crate) const OCTAVES: i64 = 0;
    include!("shift.rs");
}

use score_plugin::{
    Build, Check, Control, Custom, Descriptor, Flow, InputPort, Io, Latent, Node, NodeError,
    NodeErrorKind, OutputPort, Params, PortType, Processor,
};
use std::path::PathBuf;
use std::sync::Arc;

use pass::Pass;
use shift::Shift;

score_plugin::export!(
    Shift as "probe_shift",
    Pass as "probe_pass",
    Broken as "probe_broken",
    Draw as "probe_draw",
    Trace as "probe_trace",
    Code as "probe_code",
    Page as "probe_page",
);

const NUMBERS: InputPort<Control> = InputPort::new(0, "value", "numbers");

/// Hands on so many numbers, then fails.
#[derive(Clone, Params)]
struct Broken {
    /// how many go through
    #[param(range = 0..=1000, default = 3)]
    after: u32,
    /// by a panic, not by an error
    #[param(default = true)]
    panics: bool,
    /// whether it can be built at all
    #[param(default = true)]
    builds: bool,
}

const THE_SAME: OutputPort<Control> = OutputPort::new(0, "value", "the same");

impl Node for Broken {
    fn descriptor() -> Descriptor {
        Descriptor::of::<Self>("test", "probe_broken", "Fails after so many numbers")
            .input(NUMBERS)
            .output(THE_SAME)
    }

    fn build(&self, _build: &Build<'_>) -> Result<Box<dyn Processor<Self>>, NodeError> {
        if !self.builds {
            return Err(
                NodeError::new(NodeErrorKind::Device, "there is no such thing").help("buy one"),
            );
        }
        Ok(Box::new(Breaking { left: self.after }))
    }
}

struct Breaking {
    left: u32,
}

impl Processor<Broken> for Breaking {
    fn process(&mut self, params: &Broken, io: &mut Io<'_>) -> Result<Flow, NodeError> {
        while let Some(input) = io.take() {
            if self.left == 0 {
                assert!(!params.panics, "the probe broke");
                return Err(NodeError::input("the probe gave up").help("feed it less"));
            }
            self.left -= 1;
            io.send(THE_SAME, input.packet.time, *input.read(NUMBERS)?)?;
        }
        Ok(Flow::Continue)
    }
}

/// A type of the plugin's own.
struct Curve(Vec<f32>);

const CURVES: InputPort<Custom<Curve>> = InputPort::new(0, "curve", "curves").custom("Curve");
const CURVE: OutputPort<Custom<Curve>> =
    OutputPort::new(0, "curve", "a curve for each").custom("Curve");

/// Makes a curve of each number.
#[derive(Clone, Params)]
struct Draw {}

impl Node for Draw {
    fn descriptor() -> Descriptor {
        Descriptor::of::<Self>("test", "probe_draw", "Makes curves")
            .input(NUMBERS)
            .output(CURVE)
    }

    fn build(&self, _build: &Build<'_>) -> Result<Box<dyn Processor<Self>>, NodeError> {
        Ok(Box::new(Drawing))
    }
}

struct Drawing;

impl Processor<Draw> for Drawing {
    fn process(&mut self, _params: &Draw, io: &mut Io<'_>) -> Result<Flow, NodeError> {
        while let Some(input) = io.take() {
            let curve = Curve(vec![*input.read(NUMBERS)?; 4]);
            io.send(CURVE, input.packet.time, Arc::new(curve))?;
        }
        Ok(Flow::Continue)
    }
}

const SUM: OutputPort<Control> = OutputPort::new(0, "sum", "the sum of each");

/// Adds up each curve.
#[derive(Clone, Params)]
struct Trace {}

impl Node for Trace {
    fn descriptor() -> Descriptor {
        Descriptor::of::<Self>("test", "probe_trace", "Adds curves up")
            .input(CURVES)
            .output(SUM)
    }

    fn build(&self, _build: &Build<'_>) -> Result<Box<dyn Processor<Self>>, NodeError> {
        Ok(Box::new(Tracing))
    }
}

struct Tracing;

impl Processor<Trace> for Tracing {
    fn process(&mut self, _params: &Trace, io: &mut Io<'_>) -> Result<Flow, NodeError> {
        while let Some(input) = io.take() {
            let sum: f32 = input.read(CURVES)?.0.iter().sum();
            io.send(SUM, input.packet.time, sum)?;
        }
        Ok(Flow::Continue)
    }
}

const CODE: OutputPort<Latent> = OutputPort::new(0, "latent", "as many as there are weights");

/// A code of as many dimensions as a parameter says.
#[derive(Clone, Params)]
struct Code {
    /// what each is weighed with
    #[param(structural, range = f64::NEG_INFINITY..=f64::INFINITY)]
    weights: Vec<f32>,
}

impl Node for Code {
    fn descriptor() -> Descriptor {
        Descriptor::of::<Self>("test", "probe_code", "Makes codes of numbers")
            .input(NUMBERS)
            .output(CODE)
    }

    fn check(&self, check: &mut Check<'_>) {
        if self.weights.is_empty() {
            check.refuse(
                "weights",
                "a code needs a weight",
                Some("write [1.0]".to_owned()),
            );
        }
        check.set_output(CODE, PortType::Latent(Some(self.weights.len())));
    }

    fn build(&self, _build: &Build<'_>) -> Result<Box<dyn Processor<Self>>, NodeError> {
        Ok(Box::new(Coding))
    }
}

struct Coding;

impl Processor<Code> for Coding {
    fn process(&mut self, params: &Code, io: &mut Io<'_>) -> Result<Flow, NodeError> {
        while let Some(input) = io.take() {
            let value = *input.read(NUMBERS)?;
            let code: Vec<f32> = params.weights.iter().map(|weight| weight * value).collect();
            io.send(CODE, input.packet.time, code)?;
        }
        Ok(Flow::Continue)
    }
}

/// Writes a page by itself, as a plugin may.
#[derive(Clone, Params)]
struct Page {
    /// the page
    #[param(writes)]
    path: PathBuf,
}

impl Node for Page {
    fn descriptor() -> Descriptor {
        Descriptor::of::<Self>("test", "probe_page", "Writes how many numbers came").input(NUMBERS)
    }

    fn build(&self, _build: &Build<'_>) -> Result<Box<dyn Processor<Self>>, NodeError> {
        Ok(Box::new(Counting {
            path: self.path.clone(),
            count: 0,
        }))
    }
}

struct Counting {
    path: PathBuf,
    count: usize,
}

impl Processor<Page> for Counting {
    fn process(&mut self, _params: &Page, io: &mut Io<'_>) -> Result<Flow, NodeError> {
        while io.take().is_some() {
            self.count += 1;
        }
        Ok(Flow::Continue)
    }

    fn commit(&mut self) -> Result<(), NodeError> {
        let page = format!("<!doctype html><p>{}</p>\n", self.count);
        std::fs::write(&self.path, page).map_err(|error| NodeError::output(error.to_string()))
    }
}
