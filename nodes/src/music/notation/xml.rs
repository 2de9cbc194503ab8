//! The little of XML that a sheet of music needs.

/// A document that grows, indented.
pub(super) struct Xml {
    text: String,
    open: Vec<&'static str>,
}

impl Xml {
    /// Begins with `head`, the lines in front of the root.
    pub(super) fn new(head: &str) -> Self {
        Xml {
            text: head.to_owned(),
            open: Vec::new(),
        }
    }

    fn line(&mut self, text: &str) {
        for _ in 0..self.open.len() {
            self.text.push(' ');
        }
        self.text.push_str(text);
        self.text.push('\n');
    }

    /// Begins an element with `attributes`.
    pub(super) fn begin(&mut self, name: &'static str, attributes: &[(&str, &str)]) {
        let head = head(name, attributes);
        self.line(&format!("<{head}>"));
        self.open.push(name);
    }

    /// Ends the element that was begun last.
    pub(super) fn end(&mut self) {
        if let Some(name) = self.open.pop() {
            self.line(&format!("</{name}>"));
        }
    }

    /// An element that holds text.
    pub(super) fn text(&mut self, name: &str, text: impl ToString) {
        self.text_with(name, &[], text);
    }

    /// An element with `attributes` that holds text.
    pub(super) fn text_with(
        &mut self,
        name: &str,
        attributes: &[(&str, &str)],
        text: impl ToString,
    ) {
        let head = head(name, attributes);
        let text = escaped(&text.to_string());
        self.line(&format!("<{head}>{text}</{name}>"));
    }

    /// An element that holds nothing.
    pub(super) fn empty(&mut self, name: &str, attributes: &[(&str, &str)]) {
        let head = head(name, attributes);
        self.line(&format!("<{head}/>"));
    }

    /// The document.
    pub(super) fn finish(self) -> String {
        self.text
    }
}

fn head(name: &str, attributes: &[(&str, &str)]) -> String {
    let mut head = name.to_owned();
    for (attribute, value) in attributes {
        head.push_str(&format!(" {attribute}=\"{}\"", escaped(value)));
    }
    head
}

/// Text with the signs that XML uses itself written out; what XML cannot hold at all is left out.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\u{fffe}' | '\u{ffff}' => {}
            letter if letter.is_control() => {}
            letter => escaped.push(letter),
        }
    }
    escaped
}
