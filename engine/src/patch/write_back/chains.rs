//! A chain of wires as a patch writes it, made of other ends.

use super::literal::quoted;
use crate::patch::syntax::Parsed;
use crate::patch::tree::{Shape, Spot, Tree};
use crate::patch::wires::chain;

/// One item of a patch's `wires`.
pub(super) struct WrittenChain<'t> {
    pub(super) tree: &'t Tree,
    /// Its ends as they are written: `node` or `node.port`.
    pub(super) ends: Vec<String>,
    /// The nodes of the ends.
    pub(super) nodes: Vec<String>,
    /// Where each wire of it stands, as [`crate::patch::check::FoundWire`] has it.
    pub(super) spots: Vec<Spot>,
    /// What stands behind the text: a policy, a range.
    extras: Vec<Extra>,
}

struct Extra {
    text: String,
    is_range: bool,
}

impl<'t> WrittenChain<'t> {
    /// `None`: a chain is not written so.
    fn of(text: &str, tree: &'t Tree) -> Option<Self> {
        let read = chain(text, tree).ok()??;
        let (content, extras) = match &tree.shape {
            Shape::Tuple(None, items) => (items.first()?, items.get(1..).unwrap_or_default()),
            _ => (tree, &[][..]),
        };
        let Shape::Text(content) = &content.shape else {
            return None;
        };
        let spots = read.endpoints.windows(2).map(|ends| match ends {
            [from, to] => Spot {
                end: to.spot.end.max(from.spot.start),
                ..from.spot
            },
            _ => tree.spot,
        });
        Some(WrittenChain {
            tree,
            ends: content.split("->").map(|end| end.trim().to_owned()).collect(),
            nodes: read.endpoints.iter().map(|end| end.node.clone()).collect(),
            spots: spots.collect(),
            extras: (extras.iter())
                .map(|extra| Extra {
                    text: text.get(extra.spot.range()).unwrap_or_default().to_owned(),
                    is_range: matches!(&extra.shape, Shape::Struct(Some(name), _) if name.text == "range"),
                })
                .collect(),
        })
    }

    /// The chain of these ends, with the policy of this one, and with its range where it leads to
    /// the same end.
    pub(super) fn with_ends(&self, ends: &[String]) -> String {
        let text = quoted(&ends.join(" -> "));
        let is_same_end = ends.last() == self.ends.last();
        let extras = self.extras.iter();
        let extras: Vec<&str> = extras
            .filter(|extra| is_same_end || !extra.is_range)
            .map(|extra| extra.text.as_str())
            .collect();
        match extras.as_slice() {
            [] => text,
            extras => format!("({text}, {})", extras.join(", ")),
        }
    }
}

/// The list of a patch's chains, what stands in it, and each of these as a chain.
pub(super) type Chains<'t> = (&'t Tree, &'t [Tree], Vec<Option<WrittenChain<'t>>>);

/// The chains of a patch, in their order, and the list that they stand in.
pub(super) fn chains<'t>(text: &str, parsed: &'t Parsed) -> Option<Chains<'t>> {
    let Shape::Struct(_, fields) = &parsed.tree.shape else {
        return None;
    };
    let (_, list) = fields.iter().find(|(name, _)| name.text == "wires")?;
    let Shape::List(items) = &list.shape else {
        return None;
    };
    let chains = items.iter().map(|item| WrittenChain::of(text, item));
    Some((list, items, chains.collect()))
}
