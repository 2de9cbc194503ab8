//! The text of a patch.

use std::path::{Path, PathBuf};

use crate::diagnostic::{Diagnostic, Diagnostics, Place};
use crate::patch::syntax::parse;
use crate::patch::tree::Shape;

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
        let Shape::Struct(_, fields) = parse(0, &self.text).tree.shape else {
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
