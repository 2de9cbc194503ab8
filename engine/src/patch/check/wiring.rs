//! Joins what the wires name.

use super::Checker;
use super::draft::JoinedWire;
use super::ends::{End, Side};
use super::scope::Scope;
use crate::graph::GraphWire;
use crate::limits::MAX_WIRES;
use crate::param::{Param, Scale, Span};
use crate::patch::tree::{Shape, Spot, Tree};
use crate::patch::wires::{Endpoint, Range, chain};
use crate::policy::Policy;
use crate::port::{Port, PortType};

/// Two neighbours in a chain, to be joined.
struct Pair {
    /// Its place among all of the patch.
    place: usize,
    /// What stands before the ids of its patch.
    prefix: String,
    from: Endpoint,
    to: Endpoint,
    policy: Option<Policy>,
    range: Option<Range>,
}

/// Whether a wire goes from an output of one type to an input of the other by itself.
fn is_joined(output: &PortType, input: &PortType) -> bool {
    match (output, input) {
        (PortType::Any, _) => false,
        (_, PortType::Any) => true,
        _ => output.family() == input.family(),
    }
}

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
        let mut pairs = Vec::new();
        for (prefix, chain) in std::mem::take(&mut self.chains) {
            for (number, ends) in chain.endpoints.windows(2).enumerate() {
                let [from, to] = ends else { continue };
                // Only the last end of a chain can be a parameter: nothing leaves one.
                let is_last = number + 2 == chain.endpoints.len();
                pairs.push(Pair {
                    place: pairs.len(),
                    prefix: prefix.clone(),
                    from: from.clone(),
                    to: to.clone(),
                    policy: chain.policy,
                    range: chain.range.filter(|_| is_last),
                });
            }
        }
        // What leaves a node of any type is known once a wire into it is joined: until then its own
        // wires wait. The order of the patch stays that of the wires.
        let mut places = Vec::new();
        loop {
            let (open, known): (Vec<Pair>, Vec<Pair>) =
                (pairs.into_iter()).partition(|pair| self.is_open(&pair.prefix, &pair.from));
            if known.is_empty() {
                self.report_open(&open);
                break;
            }
            for pair in known {
                match self.join(&pair) {
                    Some(joined) => {
                        places.resize(places.len() + joined.len(), pair.place);
                        self.joined.extend(joined);
                    }
                    None if self.too_large => return,
                    None => self.wires_missing = true,
                }
            }
            pairs = open;
        }
        let joined = std::mem::take(&mut self.joined);
        let mut placed: Vec<(usize, JoinedWire)> = places.into_iter().zip(joined).collect();
        placed.sort_by_key(|(place, _)| *place);
        self.joined = placed.into_iter().map(|(_, joined)| joined).collect();
    }

    /// Says why nobody knows what leaves the nodes of any type that these wires come from, unless
    /// that comes of something that was complained of.
    fn report_open(&mut self, open: &[Pair]) {
        let Some(first) = open.first() else { return };
        if std::mem::replace(&mut self.wires_missing, true) {
            return;
        }
        let is_same =
            |one: &Pair, node: &str, prefix: &str| one.from.node == node && one.prefix == prefix;
        // Against the wires, until nothing leads into a node, or one comes again.
        let mut way = vec![first];
        let mut here = first;
        let cycle = loop {
            let into = |pair: &&Pair| is_same(here, &pair.to.node, &pair.prefix);
            let Some(before) = open.iter().find(into) else {
                break None;
            };
            let known = |pair: &&Pair| is_same(pair, &before.from.node, &before.prefix);
            if let Some(begins) = way.iter().position(known) {
                break way.get(begins..);
            }
            way.push(before);
            here = before;
        };
        match cycle {
            Some(cycle) => {
                let names = cycle.first().into_iter().chain(cycle.iter().rev());
                let names: Vec<&str> = names.map(|pair| pair.from.node.as_str()).collect();
                self.report_cycle(here.from.spot, &names.join(" -> "));
            }
            None => {
                let node = &here.from.node;
                let message =
                    format!("nothing is wired into `{node}`, so that nothing can leave it");
                let help = format!("`{node}` passes on whatever comes in");
                self.report(here.from.spot, message, Some(help));
            }
        }
    }

    /// The wires from one end to another, of the patch whose ids have `prefix` before them: several
    /// where an input of an included patch goes to several nodes.
    fn join(&mut self, pair: &Pair) -> Option<Vec<JoinedWire>> {
        let Pair {
            prefix,
            from,
            to,
            policy,
            range,
            ..
        } = pair;
        let (policy, range) = (*policy, *range);
        let outputs = self.ends(prefix, from, Side::Outputs);
        let inputs = self.ends(prefix, to, Side::Inputs);
        let (outputs, inputs) = (outputs?, inputs?);
        let pairs = outputs
            .iter()
            .flat_map(|output| inputs.iter().map(move |input| (output, input)));
        let reached = |end: &End, at: &Endpoint| at.port.is_some() || !end.by_name;
        let fits: Vec<(&End, &End)> = pairs
            .filter(|(output, input)| reached(output, from) && reached(input, to))
            .filter(|(output, input)| is_joined(&output.port_type, &input.port_type))
            .collect();
        let spot = Spot {
            end: to.spot.end.max(from.spot.start),
            ..from.spot
        };
        match fits.as_slice() {
            [(output, input)] => {
                if let Some(range) = range.filter(|_| !input.is_param) {
                    let message = format!("`{}.{}` is not a parameter", to.node, input.name);
                    let help = "a range says what 0 to 1 stand for at a parameter of a node";
                    self.report(range.spot, message, Some(help.to_owned()));
                    return None;
                }
                let output_type = output.port_type.family();
                let &(from, output) = output.ports.first()?;
                let mut joined = Vec::new();
                if self.joined.len() + input.ports.len() > MAX_WIRES {
                    self.refuse_size(spot, format!("more than {MAX_WIRES} wires"));
                    return None;
                }
                for &(to, input) in &input.ports {
                    let declared = self.drafts[to].descriptor.as_ref()?;
                    let (policy, span) = match declared.inputs.get(input) {
                        Some(port) => (policy.or(port.policy), None),
                        None => (policy, self.span(to, input, range, spot)?),
                    };
                    let wire = GraphWire {
                        from,
                        output,
                        to,
                        input,
                        policy: policy.unwrap_or_else(|| output_type.default_policy()),
                        span,
                    };
                    joined.push(JoinedWire { wire, spot });
                    let draft = &mut self.drafts[to];
                    let is_open = |port: &Port| port.port_type == PortType::Any;
                    let port = draft
                        .descriptor
                        .as_ref()
                        .and_then(|kind| kind.inputs.get(input));
                    if draft.carries.is_none() && port.is_some_and(is_open) {
                        draft.carries = Some(output_type.clone());
                    }
                }
                Some(joined)
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

impl Checker<'_> {
    /// What 0 to 1 stand for on a wire into the parameter that is number `input` of the node's
    /// inputs: `Some(None)` for a flag or a choice; `None` where that cannot be, which was
    /// complained of.
    fn span(
        &mut self,
        node: usize,
        input: usize,
        range: Option<Range>,
        spot: Spot,
    ) -> Option<Option<Span>> {
        let draft = &self.drafts[node];
        let param = draft.descriptor.as_ref()?.param_at(input)?.clone();
        let name = format!("{}.{}", draft.id, param.name);
        let example = "(\"from -> to\", range(from: 0, to: 1))";
        self.span_of(&param, &name, (range, spot), example)
    }

    /// What 0 to 1 stand for at the parameter called `name`; as [`Checker::span`]. `example` shows
    /// how the ends are written.
    pub(super) fn span_of(
        &mut self,
        param: &Param,
        name: &str,
        (range, spot): (Option<Range>, Spot),
        example: &str,
    ) -> Option<Option<Span>> {
        let Some((min, max)) = param.range() else {
            if let Some(range) = range {
                let message = format!("`{name}` is not a number, so it has no range");
                self.report(range.spot, message, None);
                return None;
            }
            return Some(None);
        };
        let declared = param.spans();
        let given = range.unwrap_or(Range {
            spot,
            from: None,
            to: None,
            scale: None,
        });
        for (spot, end) in [given.from, given.to].into_iter().flatten() {
            if !(min..=max).contains(&end) {
                let message = format!("`{name}` must be {}, not {end}", param.takes());
                self.report(spot, message, None);
                return None;
            }
        }
        let end = |given: Option<(Spot, f64)>, declared: Option<f64>| {
            given.map(|(_, end)| end).or(declared)
        };
        let from = end(given.from, declared.map(|span| span.from));
        let to = end(given.to, declared.map(|span| span.to));
        let (Some(from), Some(to)) = (from, to) else {
            let message =
                format!("the range of `{name}` has no end, so that it must be given here");
            self.report(spot, message, Some(format!("for example {example}")));
            return None;
        };
        // A bare range goes in the declared way; straight where an end is no longer above 0.
        let scale = given.scale.or(declared.map(|span| span.scale));
        let scale = scale.unwrap_or(Scale::Steps);
        let reaches_zero = from <= 0.0 || to <= 0.0;
        if given.scale == Some(Scale::Ratios) && reaches_zero {
            let message = format!("from {from} to {to} there are no equal ratios");
            let help = "with `curve: log` both ends are above 0".to_owned();
            self.report(given.spot, message, Some(help));
            return None;
        }
        let scale = match scale {
            Scale::Ratios if reaches_zero => Scale::Steps,
            scale => scale,
        };
        Some(Some(Span { from, to, scale }))
    }
}

fn listed(ends: &[End]) -> String {
    let names: Vec<String> = ends
        .iter()
        .filter(|end| !end.is_param)
        .map(|end| format!("{} ({})", end.name, end.port_type))
        .collect();
    if names.is_empty() {
        "nothing".to_owned()
    } else {
        names.join(", ")
    }
}
