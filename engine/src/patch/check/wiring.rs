//! Joins what the wires name.

use super::Checker;
use super::draft::Link;
use super::ends::{End, Side};
use super::scope::Scope;
use crate::graph::GraphWire;
use crate::limits::MAX_WIRES;
use crate::patch::tree::{Shape, Spot, Tree};
use crate::patch::wires::{Endpoint, chain};
use crate::policy::Policy;

impl Checker<'_> {
    pub(super) fn read_wires(&mut self, scope: &Scope, value: &Tree) {
        let Shape::List(items) = &value.shape else {
            if value.shape != Shape::Broken {
                self.report(value.spot, "`wires` looks like `[\"from -> to\"]`", None);
            }
            self.wires_missing = true;
            return;
        };
        for item in items {
            match chain(self.texts.text(item.spot.source), item) {
                Ok(Some(chain)) => {
                    self.wires += chain.endpoints.len() - 1;
                    if self.wires > MAX_WIRES {
                        return self.refuse_size(item.spot, format!("more than {MAX_WIRES} wires"));
                    }
                    self.chains.push((scope.prefix.clone(), chain));
                }
                Ok(None) => self.wires_missing = true,
                Err(mistake) => {
                    self.wires_missing = true;
                    self.report(mistake.spot, mistake.message, None);
                }
            }
        }
    }

    pub(super) fn join_wires(&mut self) {
        for (prefix, chain) in std::mem::take(&mut self.chains) {
            for pair in chain.endpoints.windows(2) {
                let [from, to] = pair else { continue };
                match self.join(&prefix, from, to, chain.policy) {
                    Some(links) => self.links.extend(links),
                    None if self.too_large => return,
                    None => self.wires_missing = true,
                }
            }
        }
    }

    /// The wires from one end to another, of the patch whose ids have `prefix` before them: several where an input of
    /// an included patch goes to several nodes.
    fn join(
        &mut self,
        prefix: &str,
        from: &Endpoint,
        to: &Endpoint,
        policy: Option<Policy>,
    ) -> Option<Vec<Link>> {
        let outputs = self.ends(prefix, from, Side::Outputs);
        let inputs = self.ends(prefix, to, Side::Inputs);
        let (outputs, inputs) = (outputs?, inputs?);
        let pairs = outputs
            .iter()
            .flat_map(|output| inputs.iter().map(move |input| (output, input)));
        let reached = |end: &End, at: &Endpoint| at.port.is_some() || !end.by_name;
        let fits: Vec<(&End, &End)> = pairs
            .filter(|(output, input)| reached(output, from) && reached(input, to))
            .filter(|(output, input)| output.port_type.family() == input.port_type.family())
            .collect();
        let spot = Spot {
            end: to.spot.end.max(from.spot.start),
            ..from.spot
        };
        match fits.as_slice() {
            [(output, input)] => {
                let &(from, output) = output.ports.first()?;
                let mut links = Vec::new();
                if self.links.len() + input.ports.len() > MAX_WIRES {
                    self.refuse_size(spot, format!("more than {MAX_WIRES} wires"));
                    return None;
                }
                for &(to, input) in &input.ports {
                    let declared = &self.drafts[to].descriptor.as_ref()?.inputs[input];
                    let policy = policy
                        .or(declared.policy)
                        .unwrap_or_else(|| declared.port_type.default_policy());
                    let wire = GraphWire {
                        from,
                        output,
                        to,
                        input,
                        policy,
                    };
                    links.push(Link { wire, spot });
                }
                Some(links)
            }
            [] => {
                let message = format!("`{}` does not fit into `{}`", from.node, to.node);
                let help = format!(
                    "`{}` gives {}; `{}` takes {}",
                    from.node,
                    listed(&outputs),
                    to.node,
                    listed(&inputs)
                );
                self.report(spot, message, Some(help));
                None
            }
            [(output, input), ..] => {
                let message = format!(
                    "more than one port of `{}` and `{}` would fit",
                    from.node, to.node
                );
                let help = format!(
                    "name them, for example `{}.{} -> {}.{}`",
                    from.node, output.name, to.node, input.name
                );
                self.report(spot, message, Some(help));
                None
            }
        }
    }
}

fn listed(ends: &[End]) -> String {
    let names: Vec<String> = ends
        .iter()
        .map(|end| format!("{} ({})", end.name, end.port_type))
        .collect();
    if names.is_empty() {
        "nothing".to_owned()
    } else {
        names.join(", ")
    }
}
