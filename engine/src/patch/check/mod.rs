//! Checks a patch against the registry and reports everything that is wrong with it at once.

mod asking;
mod cycles;
mod draft;
mod ends;
mod finish;
mod include;
mod inputs;
mod nodes;
mod outline;
mod resources;
mod scope;
mod settings;
mod texts;
mod transport;
mod values;
mod wiring;

use self::draft::{Draft, Link};
use self::ends::End;
use self::include::Part;
use self::scope::Scope;
use self::settings::Setting;
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
    let mut scope = Scope::default();
    // A text that is in no file cannot be included.
    if let Some(file) = source.file() {
        scope.within.push((file, source.name.clone()));
    }
    let face = checker.read_patch(&mut scope, &parsed.tree);
    checker.waiting = face.inputs;
    if checker.drafts.is_empty() && checker.texts.mistakes() == 0 {
        checker.report(parsed.tree.spot.first(), "a patch needs nodes", None);
    }
    checker.check_settings();
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
    given: Vec<Setting>,
    texts: Texts,
    transport: Transport,
    drafts: Vec<Draft>,
    parts: Vec<Part>,
    /// Chains, each with what stands before the ids of its patch.
    chains: Vec<(String, Chain)>,
    links: Vec<Link>,
    claims: Vec<(Resource, usize, Spot)>,
    /// Whether wires could not all be made, so that an unwired input may be that wire's.
    wires_missing: bool,
    has_cycle: bool,
    /// What the patch lets others wire that include it.
    waiting: Vec<End>,
}

impl<'a> Checker<'a> {
    fn new(
        source: &Source,
        overrides: &[Override],
        registry: &'a Registry,
        settings: &'a Settings,
    ) -> Self {
        Checker {
            registry,
            settings,
            given: Setting::typed(overrides),
            texts: Texts::new(source, overrides),
            transport: Transport::default(),
            drafts: Vec::new(),
            parts: Vec::new(),
            chains: Vec::new(),
            links: Vec::new(),
            claims: Vec::new(),
            wires_missing: false,
            has_cycle: false,
            waiting: Vec::new(),
        }
    }

    fn report(&mut self, spot: Spot, message: impl Into<String>, help: Option<String>) {
        self.texts.report(spot, message, help);
    }
}
