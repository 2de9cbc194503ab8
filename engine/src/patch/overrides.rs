//! Values given on the command line.

use crate::diagnostic::Diagnostic;

/// The option that gives any parameter a value.
const SET: &str = "--set";

/// A parameter given on the command line in place of the patch's: `node.param=value`.
#[derive(Clone, Debug)]
pub struct Override {
    /// The option that it was typed behind.
    pub(super) typed: String,
    pub(super) text: String,
    pub(super) node: String,
    pub(super) param: String,
    pub(super) value_at: usize,
}

impl Override {
    /// A text, path or word for a parameter, taken as it is: nothing in it needs quoting.
    #[must_use]
    pub fn text(node: &str, param: &str, value: &str) -> Override {
        let target = format!("{node}.{param}=");
        Override {
            typed: SET.to_owned(),
            // A string of RON escapes as Rust's does.
            text: format!("{target}{value:?}"),
            node: node.to_owned(),
            param: param.to_owned(),
            value_at: target.len(),
        }
    }

    /// The same value, typed behind an option of its own: what is wrong with it is said of `--tempo
    /// 1000`.
    #[must_use]
    pub fn typed_as(self, option: &str) -> Override {
        Override {
            typed: option.to_owned(),
            ..self
        }
    }

    /// What it gives a value to: the node's id, `transport` or `let`, and the parameter.
    #[must_use]
    pub fn target(&self) -> (&str, &str) {
        (&self.node, &self.param)
    }

    /// As it is written: `node.param=value`.
    #[must_use]
    pub fn written(&self) -> &str {
        &self.text
    }

    /// Reads `node.param=value` or `transport.tempo=90`. The value is written as in a patch; text
    /// and paths may go without quotes. Paths count from the current folder.
    ///
    /// # Errors
    /// The text has another form.
    pub fn parse(text: &str) -> Result<Override, Diagnostic> {
        let parts = text.split_once('=').and_then(|(target, _)| {
            let (node, param) = target.rsplit_once('.')?;
            Some((
                node.trim().to_owned(),
                param.trim().to_owned(),
                target.len() + 1,
            ))
        });
        match parts {
            Some((node, param, value_at)) if !node.is_empty() && !param.is_empty() => {
                Ok(Override {
                    typed: SET.to_owned(),
                    text: text.to_owned(),
                    node,
                    param,
                    value_at,
                })
            }
            _ => Err(Diagnostic {
                message: format!("`{text}` is not of the form node.param=value"),
                help: Some("for example: --set film.rate=12".to_owned()),
                place: None,
            }),
        }
    }
}
