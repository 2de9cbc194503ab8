//! Checks a patch against the registry and reports everything that is wrong with it at once.

mod asking;
mod cycles;
mod draft;
mod finish;
mod inputs;
mod nodes;
mod outline;
mod resources;
mod texts;
mod transport;
mod values;
mod wiring;

use self::draft::{Draft, Link};
use self::texts::Texts;
use crate::diagnostic::Diagnostics;
use crate::graph::Graph;
use crate::node::{Resource, Settings};
use crate::patch::syntax::parse;
use crate::patch::tree::Spot;
use crate::patch::wires::Chain;
use crate::patch::{Override, Source};
use crate::registry::Registry;
use crate::time::Transport;

/// Checks a patch.
///
/// # Errors
/// Everything that is wrong with it, in the order of the file.
pub fn check(
    source: &Source,
    overrides: &[Override],
    registry: &Registry,
    settings: &Settings,
) -> Result<Graph, Diagnostics> {
    let mut checker = Checker::new(source, overrides, registry, settings);
    let parsed = parse(0, &source.text);
    for mistake in parsed.mistakes {
        checker.report(mistake.spot, mistake.message, None);
    }
    checker.read_patch(&parsed.tree);
    checker.join_wires();
    checker.check_inputs();
    checker.check_cycles();
    checker.ask_nodes();
    checker.check_resources();
    checker.finish()
}

/// A patch between its text and its graph. Each step is a module of its own.
struct Checker<'a> {
    registry: &'a Registry,
    settings: &'a Settings,
    overrides: &'a [Override],
    texts: Texts,
    transport: Transport,
    drafts: Vec<Draft>,
    chains: Vec<Chain>,
    links: Vec<Link>,
    claims: Vec<(Resource, usize, Spot)>,
    /// Whether wires could not all be made, so that an unwired input may be that wire's.
    wires_missing: bool,
    has_cycle: bool,
}

impl<'a> Checker<'a> {
    fn new(
        source: &Source,
        overrides: &'a [Override],
        registry: &'a Registry,
        settings: &'a Settings,
    ) -> Self {
        Checker {
            registry,
            settings,
            overrides,
            texts: Texts::new(source, overrides),
            transport: Transport::default(),
            drafts: Vec::new(),
            chains: Vec::new(),
            links: Vec::new(),
            claims: Vec::new(),
            wires_missing: false,
            has_cycle: false,
        }
    }

    fn report(&mut self, spot: Spot, message: impl Into<String>, help: Option<String>) {
        self.texts.report(spot, message, help);
    }
}
