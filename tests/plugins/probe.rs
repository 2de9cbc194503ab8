//! A plugin for the tests: kinds that do one thing each which a plugin can do.
#![allow(missing_docs)]

mod pass;
mod shift {
    /// How far notes go up beyond the parameter; the rebuilt library has another.
    pub(crate) const OCTAVES: i64 = 0;
    include!("shift.rs");
}

use score_plugin::{
    Build, Check, Descriptor, Flow, Io, Node, NodeError, NodeErrorKind, Param, ParamType, Payload,
    Port, PortType, Processor,
};
use serde::Deserialize;
use std::borrow::Cow;
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

/// Hands on so many numbers, then fails.
#[derive(Deserialize)]
struct Broken {
    after: u32,
    panics: bool,
    builds: bool,
}

impl Node for Broken {
    fn descriptor() -> Descriptor {
        Descriptor::new("test", "probe_broken", "Fails after so many numbers")
            .input(Port::new("value", PortType::Control, "numbers"))
            .output(Port::new("value", PortType::Control, "the same"))
            .param(Param::integer("after", (0, 1000), "how many go through").default(3))
            .param(Param::flag("panics", "by a panic, not by an error").default(true))
            .param(Param::flag("builds", "whether it can be built at all").default(true))
    }

    fn build(&self, _build: &Build<'_>) -> Result<Box<dyn Processor>, NodeError> {
        if !self.builds {
            return Err(
                NodeError::new(NodeErrorKind::Device, "there is no such thing").help("buy one"),
            );
        }
        Ok(Box::new(Breaking {
            left: self.after,
            panics: self.panics,
        }))
    }
}

struct Breaking {
    left: u32,
    panics: bool,
}

impl Processor for Breaking {
    fn process(&mut self, io: &mut Io<'_>) -> Result<Flow, NodeError> {
        while let Some(input) = io.take() {
            if self.left == 0 {
                assert!(!self.panics, "the probe broke");
                return Err(NodeError::input("the probe gave up").help("feed it less"));
            }
            self.left -= 1;
            io.send(
                0,
                input.packet.time,
                Payload::Control(*input.packet.control()?),
            )?;
        }
        Ok(Flow::Continue)
    }
}

/// A type of the plugin's own.
struct Curve(Vec<f32>);

const CURVE: PortType = PortType::Custom(Cow::Borrowed("Curve"));

/// Makes a curve of each number.
#[derive(Deserialize)]
struct Draw {}

impl Node for Draw {
    fn descriptor() -> Descriptor {
        Descriptor::new("test", "probe_draw", "Makes curves")
            .input(Port::new("value", PortType::Control, "numbers"))
            .output(Port::new("curve", CURVE, "a curve for each"))
    }

    fn build(&self, _build: &Build<'_>) -> Result<Box<dyn Processor>, NodeError> {
        Ok(Box::new(Drawing))
    }
}

struct Drawing;

impl Processor for Drawing {
    fn process(&mut self, io: &mut Io<'_>) -> Result<Flow, NodeError> {
        while let Some(input) = io.take() {
            let curve = Curve(vec![*input.packet.control()?; 4]);
            io.send(0, input.packet.time, Payload::Custom(Arc::new(curve)))?;
        }
        Ok(Flow::Continue)
    }
}

/// Adds up each curve.
#[derive(Deserialize)]
struct Trace {}

impl Node for Trace {
    fn descriptor() -> Descriptor {
        Descriptor::new("test", "probe_trace", "Adds curves up")
            .input(Port::new("curve", CURVE, "curves"))
            .output(Port::new("sum", PortType::Control, "the sum of each"))
    }

    fn build(&self, _build: &Build<'_>) -> Result<Box<dyn Processor>, NodeError> {
        Ok(Box::new(Tracing))
    }
}

struct Tracing;

impl Processor for Tracing {
    fn process(&mut self, io: &mut Io<'_>) -> Result<Flow, NodeError> {
        while let Some(input) = io.take() {
            let sum = input.packet.custom::<Curve>()?.0.iter().sum();
            io.send(0, input.packet.time, Payload::Control(sum))?;
        }
        Ok(Flow::Continue)
    }
}

/// A code of as many dimensions as a parameter says.
#[derive(Deserialize)]
struct Code {
    weights: Vec<f32>,
}

impl Node for Code {
    fn descriptor() -> Descriptor {
        let weight = ParamType::Number {
            min: f64::NEG_INFINITY,
            max: f64::INFINITY,
        };
        Descriptor::new("test", "probe_code", "Makes codes of numbers")
            .input(Port::new("value", PortType::Control, "numbers"))
            .output(Port::new(
                "latent",
                PortType::Latent(None),
                "as many as there are weights",
            ))
            .param(Param::list("weights", weight, "what each is weighed with").structural())
    }

    fn check(&self, check: &mut Check<'_>) {
        if self.weights.is_empty() {
            check.refuse(
                "weights",
                "a code needs a weight",
                Some("write [1.0]".to_owned()),
            );
        }
        check.set_output("latent", PortType::Latent(Some(self.weights.len())));
    }

    fn build(&self, _build: &Build<'_>) -> Result<Box<dyn Processor>, NodeError> {
        Ok(Box::new(Coding(self.weights.clone())))
    }
}

struct Coding(Vec<f32>);

impl Processor for Coding {
    fn process(&mut self, io: &mut Io<'_>) -> Result<Flow, NodeError> {
        while let Some(input) = io.take() {
            let value = *input.packet.control()?;
            let code = self.0.iter().map(|weight| weight * value).collect();
            io.send(0, input.packet.time, Payload::Latent(code))?;
        }
        Ok(Flow::Continue)
    }
}

/// Writes a page by itself, as a plugin may.
#[derive(Deserialize)]
struct Page {
    path: PathBuf,
}

impl Node for Page {
    fn descriptor() -> Descriptor {
        Descriptor::new("test", "probe_page", "Writes how many numbers came")
            .input(Port::new("value", PortType::Control, "numbers"))
            .param(Param::file_to_write("path", "the page"))
    }

    fn build(&self, _build: &Build<'_>) -> Result<Box<dyn Processor>, NodeError> {
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

impl Processor for Counting {
    fn process(&mut self, io: &mut Io<'_>) -> Result<Flow, NodeError> {
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
