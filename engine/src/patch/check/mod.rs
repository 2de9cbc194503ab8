//! Checks a patch against the registry and reports everything that is wrong with it at once.

mod admission;
mod asking;
mod controllers;
mod cues;
mod cycles;
mod draft;
mod ends;
mod fields;
mod finish;
mod hours;
mod include;
mod inputs;
mod joined;
mod named;
mod nodes;
mod outline;
mod presets;
mod resources;
mod scope;
mod settings;
mod size;
mod texts;
mod transport;
mod values;
mod wiring;

use std::collections::BTreeMap;
use std::rc::Rc;

use self::draft::{Draft, JoinedWire};
use self::ends::End;
use self::include::Part;
use self::named::Named;
use self::presets::PresetSpot;
use self::scope::Scope;
use self::settings::Setting;
use self::texts::Texts;
use crate::diagnostic::{Diagnostics, did_you_mean};
use crate::graph::Graph;
use crate::node::{Resource, Settings};
use crate::patch::syntax::Parsed;
use crate::patch::tree::{Size, Spot};
use crate::patch::wires::Chain;
use crate::patch::{Override, Source};
use crate::preset::Preset;
use crate::registry::Registry;
use crate::show::Show;
use crate::transport::Transport;

pub use self::admission::Admission;
pub(crate) use self::joined::{FoundWire, found_wires};
pub(crate) use self::presets::unfit_name;

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
    checked(Checker::new(source, overrides, registry, settings), source)
}

/// Checks an edit of a patch that plays. A value of the command line for something that the edit
/// took away is left out, which [`Graph::left_out`] says.
///
/// # Errors
/// Everything that is wrong with it, in the order of the file.
pub fn check_edit(
    source: &Source,
    overrides: &[Override],
    registry: &Registry,
    settings: &Settings,
) -> Result<Graph, Diagnostics> {
    let mut checker = Checker::new(source, overrides, registry, settings);
    checker.is_edit = true;
    checked(checker, source)
}

/// Checks an edit as [`check_edit`] does, of a text whose writer may name only what `admission`
/// allows: nothing else is opened.
///
/// # Errors
/// Everything that is wrong with it, in the order of the file.
pub fn check_admitted(
    source: &Source,
    overrides: &[Override],
    (registry, settings): (&Registry, &Settings),
    admission: &dyn Admission,
) -> Result<Graph, Diagnostics> {
    let mut checker = Checker::new(source, overrides, registry, settings);
    checker.is_edit = true;
    checker.admission = Some(admission);
    checked(checker, source)
}

fn checked(mut checker: Checker<'_>, source: &Source) -> Result<Graph, Diagnostics> {
    let Some(parsed) = checker.read(source) else {
        return checker.finish();
    };
    if checker.drafts.is_empty() && !checker.texts.has_mistakes() {
        checker.report(parsed.tree.spot.first(), "a patch needs nodes", None);
    }
    checker.name_what_is_recalled();
    checker.check_settings();
    checker.join_wires();
    checker.check_inputs();
    checker.check_cycles();
    checker.ask_nodes();
    checker.ask_nodes_of_presets();
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
    presets: Vec<Preset>,
    show: Show,
    named: Named,
    /// What the presets and the cues are called, once all are read.
    preset_names: Vec<String>,
    cue_names: Vec<String>,
    /// Where the values of presets stand.
    preset_spots: Vec<PresetSpot>,
    /// Chains, each with what stands before the ids of its patch.
    chains: Vec<(String, Chain)>,
    joined: Vec<JoinedWire>,
    claims: Vec<(Resource, usize, Spot)>,
    /// Whether wires could not all be made, so that an unwired input may be that wire's.
    wires_missing: bool,
    has_cycle: bool,
    /// What the patch lets others wire that include it.
    waiting: Vec<End>,
    /// Whether a patch is checked that was edited while it plays.
    is_edit: bool,
    /// What was typed and has nothing to set any more.
    left_out: Vec<String>,
    /// What the patch itself says for that which was typed.
    overridden: BTreeMap<String, Option<String>>,
    /// How much all values hold, with what `use` stands for written out.
    size: Size,
    /// How many wires were written.
    wires: usize,
    /// Whether a limit was met, so that not all was read.
    too_large: bool,
    /// What the text may name, if not everything.
    admission: Option<&'a dyn Admission>,
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
            presets: Vec::new(),
            show: Show::default(),
            named: Named::default(),
            preset_names: Vec::new(),
            cue_names: Vec::new(),
            preset_spots: Vec::new(),
            chains: Vec::new(),
            joined: Vec::new(),
            claims: Vec::new(),
            wires_missing: false,
            has_cycle: false,
            waiting: Vec::new(),
            is_edit: false,
            left_out: Vec::new(),
            overridden: BTreeMap::new(),
            size: Size::default(),
            wires: 0,
            too_large: false,
            admission: None,
        }
    }

    /// Reads the patch and what it includes; `None`: not all of it could be.
    fn read(&mut self, source: &Source) -> Option<Rc<Parsed>> {
        let parsed = self.texts.parse(0).0;
        if parsed.unbalanced {
            return None;
        }
        let mut scope = Scope::default();
        // A text that is in no file cannot be included.
        if let Some(file) = source.file() {
            scope.within.push((file, source.name.clone()));
        }
        self.charge(0);
        let face = self.read_patch(&mut scope, &parsed.tree);
        self.waiting = face.inputs;
        (!self.too_large).then_some(parsed)
    }

    /// Notes what the presets and cues are called, for nodes that recall them.
    fn name_what_is_recalled(&mut self) {
        let presets = self.presets.iter().map(|preset| preset.name.clone());
        self.preset_names = presets.collect();
        self.cue_names = self.show.cues.iter().map(|cue| cue.name.clone()).collect();
    }

    /// Refuses a patch that is too large, once.
    fn refuse_size(&mut self, spot: Spot, message: String) {
        if !std::mem::replace(&mut self.too_large, true) {
            self.report(
                spot,
                message,
                Some("docs/patches.md has the limits".to_owned()),
            );
        }
    }

    /// The name that was probably meant; not guessed any more where enough is wrong already.
    fn near<'n>(&self, typed: &str, names: impl IntoIterator<Item = &'n str>) -> Option<String> {
        if self.texts.is_full() {
            return None;
        }
        did_you_mean(typed, names)
    }

    fn report(&mut self, spot: Spot, message: impl Into<String>, help: Option<String>) {
        self.texts.report(spot, message, help);
    }
}
