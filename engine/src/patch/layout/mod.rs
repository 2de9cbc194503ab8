//! Sets a patch in its one layout, with every comment kept.

mod page;
mod reader;
#[cfg(test)]
mod tests;

use self::reader::Reader;
use crate::diagnostic::Diagnostics;
use crate::patch::Source;
use crate::patch::syntax::Parsed;

/// Characters that a line has room for.
const WIDTH: usize = 120;

/// Columns that a level goes in.
const INDENT: usize = 4;

/// What is always written an item a line, so that a patch reads like patch cords.
const TALL: [&str; 10] = [
    "nodes",
    "include",
    "wires",
    "presets",
    "cues",
    "recall",
    "controllers",
    "hours",
    "inputs",
    "outputs",
];

impl Source {
    /// The patch in its one layout: four columns a level, an item a line where they do not fit into
    /// one of 120 columns, values of nodes below each other, every comment kept. What it means
    /// stays the same; set twice it does not change any more.
    ///
    /// # Errors
    /// The text cannot be read; what else may be wrong with the patch does not matter.
    pub fn formatted(&self) -> Result<String, Diagnostics> {
        let Parsed { tree, comments, .. } = self.parsed()?;
        Ok(Reader::new(&self.text, &comments).patch(&tree))
    }
}

/// A comment, or another line of its own.
struct Comment {
    after_blank: bool,
    text: String,
}

/// A value with the comments in it.
enum Part {
    /// What has no parts.
    Atom(String),
    /// What stands in brackets.
    Group(Group),
}

struct Group {
    open: String,
    close: char,
    items: Vec<Item>,
    /// Comments below the last item.
    below: Vec<Comment>,
    /// Whether every item has a line of its own, even where all fit into one.
    tall: bool,
    /// Whether values stand below each other.
    aligned: bool,
}

struct Item {
    above: Vec<Comment>,
    after_blank: bool,
    /// The name or the key, with its colon.
    label: String,
    value: Part,
    /// Comments behind it on its line.
    behind: Vec<String>,
}
