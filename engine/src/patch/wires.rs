//! Reads wires: `"film -> eye.frames -> calm"`, with an optional policy behind, and a range for a
//! parameter.

use crate::limits::{MAX_CURVE, MAX_WIRES};
use crate::param::Scale;
use crate::patch::tree::{Mistake, Name, Shape, Spot, Tree};
use crate::policy::Policy;

/// One end of a wire as the patch writes it: `node` or `node.port`.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Endpoint {
    pub(crate) spot: Spot,
    pub(crate) node: String,
    pub(crate) port: Option<String>,
}

/// A chain of wires.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Chain {
    pub(crate) endpoints: Vec<Endpoint>,
    pub(crate) policy: Option<Policy>,
    pub(crate) range: Option<Range>,
}

/// What the 0 to 1 of a wire into a parameter stand for, as far as the wire says so.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Range {
    pub(crate) spot: Spot,
    pub(crate) from: Option<(Spot, f64)>,
    pub(crate) to: Option<(Spot, f64)>,
    pub(crate) scale: Option<Scale>,
}

/// Reads one item of `wires`.
pub(crate) fn chain(text: &str, tree: &Tree) -> Result<Option<Chain>, Mistake> {
    let (wire, extras) = match &tree.shape {
        Shape::Broken => return Ok(None),
        Shape::Text(_) => (tree, &[][..]),
        Shape::Tuple(None, items) if (2..=3).contains(&items.len()) => (&items[0], &items[1..]),
        _ => {
            return Err(mistake(
                tree.spot,
                "a wire is \"from -> to\", (\"from -> to\", policy), or for a parameter \
                 (\"from -> node.parameter\", range(from: 0, to: 1))",
            ));
        }
    };
    let (mut policy, mut range) = (None, None);
    for extra in extras {
        let twice = match &extra.shape {
            Shape::Broken => return Ok(None),
            Shape::Struct(Some(name), fields) if name.text == "range" => {
                if fields.iter().any(|(_, value)| value.shape == Shape::Broken) {
                    return Ok(None);
                }
                range.replace(read_range(extra.spot, fields)?).is_some()
            }
            _ => policy.replace(read_policy(extra)?).is_some(),
        };
        if twice {
            return Err(mistake(extra.spot, "this stands twice at one wire"));
        }
    }
    let Shape::Text(content) = &wire.shape else {
        return Err(mistake(
            wire.spot,
            "a wire is written in quotes: \"from -> to\"",
        ));
    };
    if content.matches("->").count() > MAX_WIRES {
        return Err(mistake(wire.spot, &format!("more than {MAX_WIRES} wires")));
    }
    let mut endpoints = Vec::new();
    let mut at = 0;
    for part in content.split("->") {
        endpoints.push(end_at(text, wire, content, at, part)?);
        at += part.len() + 2;
    }
    if endpoints.len() < 2 {
        return Err(mistake(wire.spot, "a wire needs two ends: \"from -> to\""));
    }
    Ok(Some(Chain {
        endpoints,
        policy,
        range,
    }))
}

/// Reads the one end that a text in quotes names: `"node"` or `"node.port"`.
pub(crate) fn endpoint(text: &str, tree: &Tree) -> Result<Endpoint, Mistake> {
    match &tree.shape {
        Shape::Text(content) if !content.contains("->") => end_at(text, tree, content, 0, content),
        _ => Err(mistake(
            tree.spot,
            "one node and its port are named here: \"node.port\"",
        )),
    }
}

/// The end that `part` names, which begins at the byte `at` of the `content` of `tree`.
fn end_at(
    text: &str,
    tree: &Tree,
    content: &str,
    at: usize,
    part: &str,
) -> Result<Endpoint, Mistake> {
    // Without escapes the content stands in the file as it is, one quote further in.
    let inside = tree.spot.start + 1..tree.spot.end.saturating_sub(1);
    let name = part.trim();
    let mut spot = tree.spot;
    if text.get(inside) == Some(content) {
        spot.start += 1 + at + (part.len() - part.trim_start().len());
        spot.end = spot.start + name.len().max(1);
    }
    if name.is_empty() {
        return Err(mistake(spot, "a node is missing beside `->`"));
    }
    let (node, port) = match name.split_once('.') {
        Some((node, port)) => (node.trim(), Some(port.trim().to_owned())),
        None => (name, None),
    };
    Ok(Endpoint {
        spot,
        node: node.to_owned(),
        port,
    })
}

fn mistake(spot: Spot, message: &str) -> Mistake {
    Mistake {
        spot,
        message: message.to_owned(),
    }
}

pub(crate) fn read_range(spot: Spot, fields: &[(Name, Tree)]) -> Result<Range, Mistake> {
    let mut range = Range {
        spot,
        from: None,
        to: None,
        scale: None,
    };
    for (index, (name, value)) in fields.iter().enumerate() {
        if fields[..index]
            .iter()
            .any(|(known, _)| known.text == name.text)
        {
            let message = format!("`{}` stands here twice", name.text);
            return Err(mistake(name.spot, &message));
        }
        let number = match value.shape {
            Shape::Number(number) => Some(number),
            Shape::Integer(number) => Some(number as f64),
            _ => None,
        };
        match (name.text.as_str(), number, &value.shape) {
            ("from", Some(number), _) => range.from = Some((value.spot, number)),
            ("to", Some(number), _) => range.to = Some((value.spot, number)),
            ("curve", _, Shape::Word(word)) if word == "log" => range.scale = Some(Scale::Ratios),
            ("curve", Some(power), _) if (1.0 / MAX_CURVE..=MAX_CURVE).contains(&power) => {
                range.scale = Some(Scale::Power(power));
            }
            ("from" | "to", ..) => {
                let message = format!("`{}` is a number, in the parameter's unit", name.text);
                return Err(mistake(value.spot, &message));
            }
            ("curve", ..) => {
                let message = format!(
                    "`curve` is a power from {} to {MAX_CURVE} (1 is straight, 2 begins flat), or log",
                    1.0 / MAX_CURVE
                );
                return Err(mistake(value.spot, &message));
            }
            _ => {
                let message = format!("a range has `from`, `to` and `curve`, not `{}`", name.text);
                return Err(mistake(name.spot, &message));
            }
        }
    }
    Ok(range)
}

fn read_policy(tree: &Tree) -> Result<Policy, Mistake> {
    let size = |items: &[Tree]| match items {
        [
            Tree {
                shape: Shape::Integer(size @ 1..=4096),
                ..
            },
        ] => usize::try_from(*size).ok(),
        _ => None,
    };
    let policy = match &tree.shape {
        Shape::Word(word) if word == "latest" => Some(Policy::Latest),
        Shape::Tuple(Some(name), items) if name.text == "drop_oldest" => {
            size(items).map(Policy::DropOldest)
        }
        Shape::Tuple(Some(name), items) if name.text == "block" => size(items).map(Policy::Block),
        _ => None,
    };
    policy.ok_or_else(|| Mistake {
        spot: tree.spot,
        message:
            "a policy is latest, drop_oldest(n) or block(n), with n from 1 to 4096; a range is \
                  range(from: 0, to: 1)"
                .to_owned(),
    })
}
