//! What was read from a patch: a tree in which every part knows its place.

use std::ops::Range;

/// A place in bytes, in one of the texts that are checked together: 0 is the patch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Spot {
    pub(crate) source: usize,
    pub(crate) start: usize,
    pub(crate) end: usize,
}

impl Spot {
    /// The bytes of the text.
    pub(crate) fn range(self) -> Range<usize> {
        self.start..self.end
    }

    /// The first byte alone.
    pub(crate) fn first(self) -> Spot {
        Spot {
            end: self.start + 1,
            ..self
        }
    }
}

/// A part of the file and its place.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Tree {
    pub(crate) spot: Spot,
    pub(crate) shape: Shape,
}

/// What a part of the file is.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Shape {
    Number(f64),
    Integer(i64),
    Text(String),
    /// `true`, `whole_film`, or a name before a bracket without one.
    Word(String),
    /// `[a, b]`.
    List(Vec<Tree>),
    /// `(a, b)` or `name(a, b)`.
    Tuple(Option<Name>, Vec<Tree>),
    /// `(a: 1)` or `name(a: 1)`.
    Struct(Option<Name>, Vec<(Name, Tree)>),
    /// `{"a": 1}`.
    Map(Vec<(Tree, Tree)>),
    /// Something that was not understood, and has been complained of.
    Broken,
}

/// A word and its place.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Name {
    pub(crate) spot: Spot,
    pub(crate) text: String,
}

/// A mistake in the writing.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Mistake {
    pub(crate) spot: Spot,
    pub(crate) message: String,
}

/// How much a tree holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Size {
    /// Values, each with those in it.
    pub(crate) values: usize,
    /// Bytes of text in them.
    pub(crate) text: usize,
    /// Values within each other.
    pub(crate) depth: usize,
}

impl Size {
    fn with(self, inner: Size) -> Size {
        Size {
            values: self.values + inner.values,
            text: self.text + inner.text,
            depth: self.depth.max(inner.depth + 1),
        }
    }
}

impl Tree {
    /// The field of this name, as a section of a patch.
    pub(crate) fn field(&self, wanted: &str) -> Option<&(Name, Tree)> {
        match &self.shape {
            Shape::Struct(_, fields) => fields.iter().find(|(name, _)| name.text == wanted),
            _ => None,
        }
    }

    /// Whether it is this text.
    pub(crate) fn is_text(&self, wanted: &str) -> bool {
        matches!(&self.shape, Shape::Text(text) if text == wanted)
    }

    /// How much it holds. It goes as deep as the tree, which no reader lets grow beyond
    /// [`MAX_BRACKETS`](crate::limits::MAX_BRACKETS).
    pub(crate) fn size(&self) -> Size {
        let own = Size {
            values: 1,
            text: 0,
            depth: 1,
        };
        let all = |own: Size, trees: &mut dyn Iterator<Item = &Tree>| {
            trees.fold(own, |size, tree| size.with(tree.size()))
        };
        match &self.shape {
            Shape::Text(text) | Shape::Word(text) => Size {
                text: text.len(),
                ..own
            },
            Shape::List(items) | Shape::Tuple(_, items) => all(own, &mut items.iter()),
            Shape::Struct(_, fields) => all(own, &mut fields.iter().map(|(_, tree)| tree)),
            Shape::Map(entries) => {
                all(own, &mut entries.iter().flat_map(|(key, tree)| [key, tree]))
            }
            Shape::Number(_) | Shape::Integer(_) | Shape::Broken => own,
        }
    }
}

#[cfg(test)]
impl Tree {
    /// What it means, without places.
    pub(crate) fn said(&self) -> String {
        let all = |trees: &[Tree]| trees.iter().map(Tree::said).collect::<Vec<_>>().join(",");
        let name = |name: &Option<Name>| {
            name.as_ref()
                .map_or("-".to_owned(), |name| name.text.clone())
        };
        match &self.shape {
            Shape::List(items) => format!("[{}]", all(items)),
            Shape::Tuple(of, items) => format!("{}({})", name(of), all(items)),
            Shape::Struct(of, fields) => {
                let fields = fields
                    .iter()
                    .map(|(name, tree)| format!("{}:{}", name.text, tree.said()));
                format!("{}({})", name(of), fields.collect::<Vec<_>>().join(","))
            }
            Shape::Map(entries) => {
                let entries = entries
                    .iter()
                    .map(|(key, tree)| format!("{}:{}", key.said(), tree.said()));
                format!("{{{}}}", entries.collect::<Vec<_>>().join(","))
            }
            other => format!("{other:?}"),
        }
    }
}
