//! Joins what the wires name.

use super::Checker;
use super::draft::Link;
use crate::diagnostic::did_you_mean;
use crate::graph::GraphWire;
use crate::patch::tree::{Shape, Spot, Tree};
use crate::patch::wires::{Endpoint, chain};
use crate::port::PortType;
use crate::wire::Policy;

impl Checker<'_> {
    pub(super) fn read_wires(&mut self, value: &Tree) {
        let Shape::List(items) = &value.shape else {
            if value.shape != Shape::Broken {
                self.report(value.spot, "`wires` looks like `[\"from -> to\"]`", None);
            }
            self.wires_missing = true;
            return;
        };
        for item in items {
            match chain(self.texts.text(item.spot.source), item) {
                Ok(Some(chain)) => self.chains.push(chain),
                Ok(None) => self.wires_missing = true,
                Err(mistake) => {
                    self.wires_missing = true;
                    self.report(mistake.spot, mistake.message, None);
                }
            }
        }
    }

    pub(super) fn join_wires(&mut self) {
        for chain in std::mem::take(&mut self.chains) {
            for pair in chain.endpoints.windows(2) {
                let [from, to] = pair else { continue };
                match self.join(from, to, chain.policy) {
                    Some(link) => self.links.push(link),
                    None => self.wires_missing = true,
                }
            }
        }
    }

    pub(super) fn join(
        &mut self,
        from: &Endpoint,
        to: &Endpoint,
        policy: Option<Policy>,
    ) -> Option<Link> {
        let (source, target) = (self.find_node(from), self.find_node(to));
        let (source, target) = (source?, target?);
        let outputs = self.candidates(from, source, true);
        let inputs = self.candidates(to, target, false);
        let (outputs, inputs) = (outputs?, inputs?);
        let (out_ports, in_ports) = (self.ports(source, true), self.ports(target, false));
        let fits: Vec<(usize, usize)> = outputs
            .iter()
            .flat_map(|output| inputs.iter().map(|input| (*output, *input)))
            .filter(|(output, input)| out_ports[*output].1.family() == in_ports[*input].1.family())
            .collect();
        let describe = |ports: &[(String, PortType)], chosen: &[usize]| {
            let names: Vec<String> = chosen
                .iter()
                .map(|index| format!("{} ({})", ports[*index].0, ports[*index].1))
                .collect();
            if names.is_empty() {
                "nothing".to_owned()
            } else {
                names.join(", ")
            }
        };
        let spot = Spot {
            end: to.spot.end.max(from.spot.start),
            ..from.spot
        };
        match fits.as_slice() {
            [(output, input)] => {
                let descriptor = self.drafts[target].descriptor.as_ref()?;
                let declared = &descriptor.inputs[*input];
                let policy = policy
                    .or(declared.policy)
                    .unwrap_or_else(|| declared.port_type.default_policy());
                let wire = GraphWire {
                    from: source,
                    output: *output,
                    to: target,
                    input: *input,
                    policy,
                };
                Some(Link { wire, spot })
            }
            [] => {
                let message = format!("`{}` does not fit into `{}`", from.node, to.node);
                let help = format!(
                    "`{}` gives {}; `{}` takes {}",
                    from.node,
                    describe(&out_ports, &outputs),
                    to.node,
                    describe(&in_ports, &inputs)
                );
                self.report(spot, message, Some(help));
                None
            }
            several => {
                let (output, input) = several[0];
                let message = format!(
                    "more than one port of `{}` and `{}` would fit",
                    from.node, to.node
                );
                let help = format!(
                    "name them, for example `{}.{} -> {}.{}`",
                    from.node, out_ports[output].0, to.node, in_ports[input].0
                );
                self.report(spot, message, Some(help));
                None
            }
        }
    }

    pub(super) fn find_node(&mut self, endpoint: &Endpoint) -> Option<usize> {
        let found = self
            .drafts
            .iter()
            .position(|draft| draft.id == endpoint.node);
        if found.is_none() {
            let help = did_you_mean(
                &endpoint.node,
                self.drafts.iter().map(|draft| draft.id.as_str()),
            );
            self.report(
                endpoint.spot,
                format!("there is no node `{}`", endpoint.node),
                help,
            );
        }
        found
    }

    pub(super) fn ports(&self, node: usize, outputs: bool) -> Vec<(String, PortType)> {
        let Some(descriptor) = &self.drafts[node].descriptor else {
            return Vec::new();
        };
        let ports = if outputs {
            &descriptor.outputs
        } else {
            &descriptor.inputs
        };
        ports
            .iter()
            .map(|port| (port.name.to_string(), port.port_type.clone()))
            .collect()
    }

    /// The ports that an endpoint may mean; `None` where its node's kind or the named port is unknown.
    pub(super) fn candidates(
        &mut self,
        endpoint: &Endpoint,
        node: usize,
        outputs: bool,
    ) -> Option<Vec<usize>> {
        self.drafts[node].descriptor.as_ref()?;
        let ports = self.ports(node, outputs);
        let Some(name) = &endpoint.port else {
            return Some((0..ports.len()).collect());
        };
        let found = ports.iter().position(|(port, _)| port == name);
        if found.is_none() {
            let side = if outputs { "output" } else { "input" };
            let names: Vec<&str> = ports.iter().map(|(port, _)| port.as_str()).collect();
            let help = did_you_mean(name, names.iter().copied()).or_else(|| {
                (!names.is_empty()).then(|| format!("its {side}s: {}", names.join(", ")))
            });
            let message = format!("`{}` has no {side} `{name}`", endpoint.node);
            self.report(endpoint.spot, message, help);
        }
        found.map(|index| vec![index])
    }
}
