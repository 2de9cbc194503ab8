//! Patches: RON files that wire nodes into a graph.

mod check;
mod params;
mod syntax;
mod wires;

use std::path::{Path, PathBuf};

pub use check::check;
pub(crate) use params::expectation;

use self::syntax::Shape;
use crate::diagnostic::{Diagnostic, Diagnostics, Place};

/// The text of a patch and where it came from.
#[derive(Clone, Debug)]
pub struct Source {
    /// The file, as the user named it.
    pub name: String,
    /// What stands in it.
    pub text: String,
    /// The folder that paths in it count from.
    pub folder: PathBuf,
}

impl Source {
    /// Reads a patch file.
    ///
    /// # Errors
    /// The file cannot be read, or is not UTF-8.
    pub fn read(path: &Path) -> Result<Source, Diagnostics> {
        let name = path.display().to_string();
        let refuse = |message: String, place: Option<Place>, help: Option<String>| {
            Diagnostics(vec![Diagnostic {
                message,
                help,
                place,
            }])
        };
        let bytes = std::fs::read(path)
            .map_err(|error| refuse(format!("`{name}` cannot be read: {error}"), None, None))?;
        let text = String::from_utf8(bytes).map_err(|error| {
            let valid = error.utf8_error().valid_up_to();
            let text = String::from_utf8_lossy(error.as_bytes()).into_owned();
            let place = Place::of(&name, &text, &(valid..valid + 1));
            refuse(
                "this is not UTF-8 text".to_owned(),
                Some(place),
                Some("save the patch as UTF-8".to_owned()),
            )
        })?;
        let folder = std::path::absolute(path)
            .ok()
            .and_then(|path| path.parent().map(Path::to_path_buf));
        Ok(Source {
            name,
            text,
            folder: folder.unwrap_or_default(),
        })
    }
}

impl Source {
    /// A patch that is not in a file: `name` is what diagnostics call it.
    #[must_use]
    pub fn text(name: &str, text: &str, folder: PathBuf) -> Source {
        Source {
            name: name.to_owned(),
            text: text.to_owned(),
            folder,
        }
    }

    /// The id and kind of every node, as far as the text can be read; nothing is checked.
    #[must_use]
    pub fn nodes(&self) -> Vec<(String, String)> {
        let (tree, _) = syntax::parse(&self.text);
        let Shape::Struct(_, fields) = tree.shape else {
            return Vec::new();
        };
        let nodes = fields.into_iter().find(|(name, _)| name.text == "nodes");
        let Some(Shape::Map(entries)) = nodes.map(|(_, tree)| tree.shape) else {
            return Vec::new();
        };
        entries
            .into_iter()
            .filter_map(|(key, node)| match (key.shape, node.shape) {
                (Shape::Text(id), Shape::Struct(Some(kind), _) | Shape::Tuple(Some(kind), _)) => {
                    Some((id, kind.text))
                }
                (Shape::Text(id), Shape::Word(kind)) => Some((id, kind)),
                _ => None,
            })
            .collect()
    }
}

/// A parameter given on the command line in place of the patch's: `node.param=value`.
#[derive(Clone, Debug)]
pub struct Override {
    text: String,
    node: String,
    param: String,
    value_at: usize,
}

impl Override {
    /// A text, path or word for a parameter, taken as it is: nothing in it needs quoting.
    #[must_use]
    pub fn text(node: &str, param: &str, value: &str) -> Override {
        let target = format!("{node}.{param}=");
        Override {
            // A string of RON escapes as Rust's does.
            text: format!("{target}{value:?}"),
            node: node.to_owned(),
            param: param.to_owned(),
            value_at: target.len(),
        }
    }

    /// Reads `node.param=value` or `transport.tempo=90`. The value is written as in a patch; text and paths may
    /// go without quotes. Paths count from the current folder.
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
