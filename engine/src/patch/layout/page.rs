//! Writes the parts of a patch.

use super::{Comment, Group, INDENT, Item, Part, WIDTH};

/// The part on one line; `None` where it has comments or must have several.
pub(super) fn flat(part: &Part) -> Option<String> {
    let group = match part {
        Part::Atom(text) => return (!text.contains('\n')).then(|| text.clone()),
        Part::Group(group) => group,
    };
    if group.tall || !group.below.is_empty() {
        return None;
    }
    let mut texts = Vec::with_capacity(group.items.len());
    for item in &group.items {
        if !item.above.is_empty() || !item.behind.is_empty() {
            return None;
        }
        let value = flat(&item.value)?;
        texts.push(match item.label.as_str() {
            "" => value,
            label => format!("{label} {value}"),
        });
    }
    Some(format!("{}{}{}", group.open, texts.join(", "), group.close))
}

/// What is written.
#[derive(Default)]
pub(super) struct Page {
    pub(super) text: String,
}

impl Page {
    fn line(&mut self, level: usize, text: &str) {
        self.text.push_str(&" ".repeat(level * INDENT));
        self.text.push_str(text);
    }

    /// Comments on lines of their own; no empty line stands before the `first`.
    pub(super) fn comments(&mut self, comments: &[Comment], level: usize, first: bool) {
        for (index, comment) in comments.iter().enumerate() {
            if comment.after_blank && !(first && index == 0) {
                self.text.push('\n');
            }
            self.line(level, &comment.text);
            self.text.push('\n');
        }
    }

    /// A part whose line has `used` columns before it and needs `more` behind it.
    pub(super) fn part(&mut self, part: &Part, level: usize, used: usize, more: usize) {
        if let Some(text) = flat(part).filter(|text| used + text.chars().count() + more <= WIDTH) {
            return self.text.push_str(&text);
        }
        match part {
            Part::Atom(text) => self.text.push_str(text),
            Part::Group(group) => self.group(group, level),
        }
    }

    fn group(&mut self, group: &Group, level: usize) {
        self.text.push_str(&group.open);
        self.text.push('\n');
        let is_number = |item: &Item| {
            item.above.is_empty()
                && item.behind.is_empty()
                && matches!(&item.value, Part::Atom(text) if !text.contains(['"', '\n']))
        };
        if group.close == ']' && group.below.is_empty() && group.items.iter().all(is_number) {
            self.filled(&group.items, level + 1);
        } else {
            self.stacked(group, level + 1);
        }
        self.comments(&group.below, level + 1, group.items.is_empty());
        self.line(level, &group.close.to_string());
    }

    /// Numbers, as many on a line as fit.
    fn filled(&mut self, items: &[Item], level: usize) {
        let mut line = String::new();
        for item in items {
            let text = flat(&item.value).unwrap_or_default();
            let width = level * INDENT + line.chars().count() + text.chars().count() + 2;
            if !line.is_empty() && width > WIDTH {
                self.line(level, line.trim_end());
                self.text.push('\n');
                line.clear();
            }
            line.push_str(&text);
            line.push_str(", ");
        }
        self.line(level, line.trim_end());
        self.text.push('\n');
    }

    /// An item a line.
    fn stacked(&mut self, group: &Group, level: usize) {
        let widths = group.items.iter().map(|item| item.label.chars().count());
        let widest = widths.max().filter(|_| group.aligned).unwrap_or(0);
        for (index, item) in group.items.iter().enumerate() {
            self.comments(&item.above, level, index == 0);
            if item.after_blank && (index > 0 || !item.above.is_empty()) {
                self.text.push('\n');
            }
            let mut label = item.label.clone();
            if !label.is_empty() {
                let missing = widest.saturating_sub(label.chars().count());
                label.push_str(&" ".repeat(missing + 1));
            }
            self.line(level, &label);
            let used = level * INDENT + label.chars().count();
            self.part(&item.value, level, used, 1);
            self.text.push(',');
            for comment in &item.behind {
                self.text.push(' ');
                self.text.push_str(comment);
            }
            self.text.push('\n');
        }
    }
}
