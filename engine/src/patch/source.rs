//! The text of a patch.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use crate::diagnostic::{Diagnostic, Diagnostics, Place};
use crate::patch::syntax::parse;
use crate::patch::tree::{Shape, Tree};

/// Bytes that a patch may have: more than anybody writes, less than what fills the memory.
const MOST: u64 = 4 << 20;

/// Patches that may be included in all. Without a limit a few short files that each include the next twice would
/// fill the memory.
pub(super) const MAX_PARTS: usize = 256;

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
        read(path, path.display().to_string()).map_err(|why| Diagnostics(vec![why]))
    }

    /// Reads the file of an included patch, which is called `name`.
    pub(super) fn read_part(path: &Path, name: String) -> Result<Source, Diagnostic> {
        let refuse = |why: &str| Diagnostic {
            message: format!("`{name}` cannot be included: {why}"),
            help: None,
            place: None,
        };
        // A pipe or a device would never end.
        match path.metadata() {
            Ok(file) if !file.is_file() => return Err(refuse("it is not a file")),
            Ok(file) if file.len() > MOST => return Err(refuse("it is too long for a patch")),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return Err(refuse("there is no such file"));
            }
            _ => {}
        }
        read(path, name)
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

    /// The file, by the one name of the several that it may have; `None` where it is in no file.
    pub(super) fn file(&self) -> Option<PathBuf> {
        let name = Path::new(&self.name).file_name()?;
        self.folder.join(name).canonicalize().ok()
    }

    /// The id and kind of every node, those of included patches too, as far as the texts can be read; nothing is
    /// checked.
    #[must_use]
    pub fn nodes(&self) -> Vec<(String, String)> {
        let mut nodes = Vec::new();
        self.visit("", &mut Visit::default(), &mut |found| {
            if let Found::Node(id, kind) = found {
                nodes.push((id, kind));
            }
        });
        nodes
    }

    /// The files that the patch includes, and those that they include, by their absolute paths: those too that are
    /// not there.
    #[must_use]
    pub fn included(&self) -> BTreeSet<PathBuf> {
        let mut files = BTreeSet::new();
        self.visit("", &mut Visit::default(), &mut |found| {
            if let Found::File(file) = found {
                files.insert(file);
            }
        });
        files
    }

    /// Tells `see` of every node and every included file.
    fn visit(&self, prefix: &str, visit: &mut Visit, see: &mut impl FnMut(Found)) {
        let Shape::Struct(_, fields) = parse(0, &self.text).tree.shape else {
            return;
        };
        let entries = |wanted: &str| -> Vec<(String, Tree)> {
            let section = fields.iter().find(|(name, _)| name.text == wanted);
            let Some(Shape::Map(entries)) = section.map(|(_, tree)| &tree.shape) else {
                return Vec::new();
            };
            let named = entries.iter().filter_map(|(key, value)| match &key.shape {
                Shape::Text(id) => Some((format!("{prefix}{id}"), value.clone())),
                _ => None,
            });
            named.collect()
        };
        for (id, node) in entries("nodes") {
            match node.shape {
                Shape::Struct(Some(kind), _) | Shape::Tuple(Some(kind), _) => {
                    see(Found::Node(id, kind.text));
                }
                Shape::Word(kind) => see(Found::Node(id, kind)),
                _ => {}
            }
        }
        for (id, part) in entries("include") {
            let Shape::Struct(None, fields) = part.shape else {
                continue;
            };
            let patch = fields.into_iter().find(|(name, _)| name.text == "patch");
            let Some(Shape::Text(path)) = patch.map(|(_, tree)| tree.shape) else {
                continue;
            };
            let file = self.folder.join(path);
            let file = std::path::absolute(&file).unwrap_or(file);
            see(Found::File(file.clone()));
            // Cycles, and more patches than can be, are the checker's to complain of.
            visit.parts += 1;
            if visit.within.contains(&file) || visit.parts > MAX_PARTS {
                continue;
            }
            if let Ok(part) = Source::read_part(&file, String::new()) {
                visit.within.push(file);
                part.visit(&format!("{id}."), visit, see);
                visit.within.pop();
            }
        }
    }
}

/// How far a visit has come.
#[derive(Default)]
struct Visit {
    /// The files that are being read.
    within: Vec<PathBuf>,
    /// Patches that were included.
    parts: usize,
}

/// What a text has in it.
enum Found {
    Node(String, String),
    File(PathBuf),
}

fn read(path: &Path, name: String) -> Result<Source, Diagnostic> {
    let refuse = |message: String, place: Option<Place>, help: Option<String>| Diagnostic {
        message,
        help,
        place,
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
