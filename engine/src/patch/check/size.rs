//! Counts how much a patch holds, so that a short text cannot fill the memory.

use super::Checker;
use crate::limits::{MAX_BRACKETS, MAX_TEXT, MAX_VALUE_TEXT, MAX_VALUES};
use crate::patch::tree::{Size, Spot};

impl Checker<'_> {
    /// Counts what stands in a text, each time that it is read. `false`: it is too much.
    pub(super) fn charge(&mut self, source: usize) -> bool {
        let (parsed, size) = self.texts.parse(source);
        let spot = parsed.tree.spot.first();
        if self.texts.length() > MAX_TEXT {
            let most = MAX_TEXT >> 20;
            self.refuse_size(
                spot,
                format!("the patch and what it includes are longer than {most} MB together"),
            );
            return false;
        }
        self.charge_size(spot, size, 0)
    }

    /// Counts a value that is written out in the place of a `use` at `spot`, within `depth` others.
    /// `false`: it is too much, and must not be.
    pub(super) fn charge_size(&mut self, spot: Spot, size: Size, depth: usize) -> bool {
        if depth + size.depth > MAX_BRACKETS {
            let message = format!(
                "more than {MAX_BRACKETS} values within each other, with what `use` stands for written out"
            );
            self.refuse_size(spot, message);
            return false;
        }
        let values = self.size.values + size.values;
        let text = self.size.text + size.text;
        if values > MAX_VALUES {
            let message = format!(
                "the patch has more than {MAX_VALUES} values, with what `use` stands for and what is included written out"
            );
            self.refuse_size(spot, message);
            return false;
        }
        if text > MAX_VALUE_TEXT {
            let most = MAX_VALUE_TEXT >> 20;
            let message = format!(
                "the patch has more than {most} MB of text, with what `use` stands for and what is included written out"
            );
            self.refuse_size(spot, message);
            return false;
        }
        self.size.values = values;
        self.size.text = text;
        true
    }
}
