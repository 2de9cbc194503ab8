//! The wires of a patch's own text, and where each stands in it.

use super::{Admission, Checker};
use crate::node::Settings;
use crate::patch::Source;
use crate::patch::tree::Spot;
use crate::port::PortType;
use crate::registry::Registry;

/// A wire that stands in the patch's own text.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct FoundWire {
    /// The node that it comes from, and the output.
    pub(crate) from: (String, String),
    /// The node that it leads to, and the input, which may be a parameter.
    pub(crate) to: (String, String),
    /// What goes through it.
    pub(crate) port_type: PortType,
    /// From the first name to the second; the whole text where that has escapes in it.
    pub(crate) spot: Spot,
}

/// The wires of the patch's own text, in their order, as far as they can be joined. Of what it
/// includes, only what `admission` allows is read.
pub(crate) fn found_wires(
    source: &Source,
    registry: &Registry,
    settings: &Settings,
    admission: Option<&dyn Admission>,
) -> Vec<FoundWire> {
    let mut checker = Checker::new(source, &[], registry, settings);
    checker.is_edit = true;
    checker.admission = admission;
    if checker.read(source).is_none() {
        return Vec::new();
    }
    checker.join_wires();
    let own = checker.joined.iter().filter(|one| one.spot.source == 0);
    let found = own.filter_map(|joined| {
        let wire = &joined.wire;
        let (from, to) = (&checker.drafts[wire.from], &checker.drafts[wire.to]);
        let output = from.descriptor.as_ref()?.outputs.get(wire.output)?;
        let input = to.descriptor.as_ref()?.input_name(wire.input);
        let carried = from.carries.clone();
        let port_type = match &output.port_type {
            PortType::Any => carried.unwrap_or(PortType::Any),
            known => known.family(),
        };
        Some(FoundWire {
            from: (from.id.clone(), output.name.to_string()),
            to: (to.id.clone(), input.to_owned()),
            port_type,
            spot: joined.spot,
        })
    });
    found.collect()
}
