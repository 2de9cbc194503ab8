//! Reads wires: `"film -> eye.frames -> calm"`, with an optional policy behind.

use crate::limits::MAX_WIRES;
use crate::patch::tree::{Mistake, Shape, Spot, Tree};
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
}

/// Reads one item of `wires`.
pub(crate) fn chain(text: &str, tree: &Tree) -> Result<Option<Chain>, Mistake> {
    let (wire, policy) = match &tree.shape {
        Shape::Broken => return Ok(None),
        Shape::Text(_) => (tree, None),
        Shape::Tuple(None, items) if items.len() == 2 => (&items[0], Some(policy(&items[1])?)),
        _ => {
            return Err(mistake(
                tree.spot,
                "a wire is \"from -> to\", or (\"from -> to\", policy)",
            ));
        }
    };
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
    Ok(Some(Chain { endpoints, policy }))
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

fn policy(tree: &Tree) -> Result<Policy, Mistake> {
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
        message: "a policy is latest, drop_oldest(n) or block(n), with n from 1 to 4096".to_owned(),
    })
}
