//! The text of a patch.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use crate::diagnostic::{Diagnostic, Diagnostics, Place};
use crate::limits::{MAX_FILE, MAX_PARTS, MAX_TEXT};
use crate::patch::syntax::{Parsed, parse};
use crate::patch::tree::{Mistake, Shape, Tree};

/// The text of a patch and where it came from.
#[derive(Clone, Debug)]
pub struct Source {
    /// The file, as the user named it.
    pub name: String,
    /// What stands in it.
    pub text: String,
    /// The folder that paths in it count from.
    pub folder: PathBuf,
    /// Patches that it includes and that lie in no file: their paths, as it names them, and their
    /// texts.
    parts: Vec<(String, String)>,
}

impl Source {
    /// Reads a patch file.
    ///
    /// # Errors
    /// There is no such file, it is a folder, a pipe or a device, it is too long, or not UTF-8.
    pub fn read(path: &Path) -> Result<Source, Diagnostics> {
        let name = path.display().to_string();
        read(path, &name).map_err(|why| {
            let message = match why {
                Unreadable::Missing => format!("there is no patch `{name}`"),
                Unreadable::Unfit(why) => format!("`{name}` is not a patch: {why}"),
                Unreadable::Refused(error) => format!("`{name}` cannot be read ({error})"),
                Unreadable::Garbled(why) => return Diagnostics::from(vec![*why]),
            };
            Diagnostics::from(vec![Diagnostic {
                message,
                help: None,
                place: None,
            }])
        })
    }

    /// Reads the file of an included patch, which is called `name`.
    pub(super) fn read_part(path: &Path, name: String) -> Result<Source, Diagnostic> {
        read(path, &name).map_err(|why| {
            let why = match why {
                Unreadable::Missing => "there is no such file".to_owned(),
                Unreadable::Unfit(why) => why,
                Unreadable::Refused(error) => format!("it cannot be read ({error})"),
                Unreadable::Garbled(why) => return *why,
            };
            Diagnostic {
                message: format!("`{name}` cannot be included: {why}"),
                help: None,
                place: None,
            }
        })
    }

    /// A patch that is not in a file: `name` is what diagnostics call it.
    #[must_use]
    pub fn text(name: &str, text: &str, folder: PathBuf) -> Source {
        Source {
            name: name.to_owned(),
            text: text.to_owned(),
            folder,
            parts: Vec::new(),
        }
    }

    /// The patch that it includes as `path` is `text`, whatever files there are.
    #[must_use]
    pub fn with_part(mut self, path: &str, text: &str) -> Source {
        self.parts.push((path.to_owned(), text.to_owned()));
        self
    }

    /// The patch that it includes as `path`, where that lies in no file.
    pub(super) fn part(&self, path: &str) -> Option<Source> {
        let (_, text) = self.parts.iter().find(|(known, _)| known == path)?;
        Some(Source::text(path, text, self.folder.clone()))
    }

    /// What stands in the patch itself, where nothing is wrong with its writing.
    pub(super) fn parsed(&self) -> Result<Parsed, Diagnostics> {
        let mut parsed = parse(0, &self.text);
        if parsed.mistakes.is_empty() {
            return Ok(parsed);
        }
        let diagnostic = |mistake: Mistake| Diagnostic {
            message: mistake.message,
            help: None,
            place: Some(Place::of(&self.name, &self.text, &mistake.spot.range())),
        };
        Err(Diagnostics {
            mistakes: parsed.mistakes.drain(..).map(diagnostic).collect(),
            untold: parsed.untold,
        })
    }

    /// Whether the text is a patch: one that can be read and has a `format`. Nothing is checked.
    #[must_use]
    pub fn is_patch(&self) -> bool {
        let parsed = parse(0, &self.text);
        let Shape::Struct(name, fields) = &parsed.tree.shape else {
            return false;
        };
        parsed.mistakes.is_empty()
            && name.as_ref().is_none_or(|name| name.text == "Patch")
            && fields.iter().any(|(name, _)| name.text == "format")
    }

    /// The file, by the one name of the several that it may have; `None` where it is in no file.
    pub(super) fn file(&self) -> Option<PathBuf> {
        let name = Path::new(&self.name).file_name()?;
        self.folder.join(name).canonicalize().ok()
    }

    /// The id and kind of every node, those of included patches too, as far as the texts can be
    /// read; nothing is checked.
    #[must_use]
    pub fn nodes(&self) -> Vec<(String, String)> {
        let mut nodes = Vec::new();
        self.visit("", &mut Visit::default(), &mut |found| {
            if let FoundPart::Node(id, kind) = found {
                nodes.push((id, kind));
            }
        });
        nodes
    }

    /// The files that the patch includes, and those that they include, by their absolute paths:
    /// those too that are not there.
    #[must_use]
    pub fn included(&self) -> BTreeSet<PathBuf> {
        let mut files = BTreeSet::new();
        self.visit("", &mut Visit::default(), &mut |found| {
            if let FoundPart::File(file) = found {
                files.insert(file);
            }
        });
        files
    }

    /// Tells `see` of every node and every included file.
    fn visit(&self, prefix: &str, visit: &mut Visit, see: &mut impl FnMut(FoundPart)) {
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
                    see(FoundPart::Node(id, kind.text));
                }
                Shape::Word(kind) => see(FoundPart::Node(id, kind)),
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
            if let Some(part) = self.part(&path) {
                visit.parts += 1;
                part.visit(&format!("{id}."), visit, see);
                continue;
            }
            let file = self.folder.join(path);
            let file = std::path::absolute(&file).unwrap_or(file);
            // Cycles, and more patches than can be, are the checker's to complain of.
            visit.parts += 1;
            if visit.parts > MAX_PARTS {
                return;
            }
            see(FoundPart::File(file.clone()));
            if visit.within.contains(&file) || visit.bytes > MAX_TEXT {
                continue;
            }
            if let Ok(part) = Source::read_part(&file, String::new()) {
                visit.bytes += part.text.len();
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
    /// Bytes that were read.
    bytes: usize,
}

/// What a text has in it.
enum FoundPart {
    Node(String, String),
    File(PathBuf),
}

/// Why a file is not read.
enum Unreadable {
    Missing,
    /// What it is instead of a patch.
    Unfit(String),
    Refused(std::io::Error),
    /// It is not text.
    Garbled(Box<Diagnostic>),
}

impl From<std::io::Error> for Unreadable {
    fn from(error: std::io::Error) -> Self {
        match error.kind() {
            std::io::ErrorKind::NotFound => Unreadable::Missing,
            _ => Unreadable::Refused(error),
        }
    }
}

/// Reads a file that is one, and not too long. A pipe or a device would never end.
fn read(path: &Path, name: &str) -> Result<Source, Unreadable> {
    require_file(&path.metadata()?)?;
    let file = File::open(path)?;
    // What is open may be another than was looked at.
    require_file(&file.metadata()?)?;
    let mut bytes = Vec::new();
    file.take(MAX_FILE + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > MAX_FILE {
        return Err(too_long());
    }
    let text = String::from_utf8(bytes).map_err(|error| {
        let valid = error.utf8_error().valid_up_to();
        let text = String::from_utf8_lossy(error.as_bytes());
        Unreadable::Garbled(Box::new(Diagnostic {
            message: "this is not UTF-8 text".to_owned(),
            help: Some("save the patch as UTF-8".to_owned()),
            place: Some(Place::of(name, &text, &(valid..valid + 1))),
        }))
    })?;
    let folder = std::path::absolute(path)
        .ok()
        .and_then(|path| path.parent().map(Path::to_path_buf));
    Ok(Source {
        name: name.to_owned(),
        text,
        folder: folder.unwrap_or_default(),
        parts: Vec::new(),
    })
}

fn require_file(file: &std::fs::Metadata) -> Result<(), Unreadable> {
    if file.is_dir() {
        return Err(Unreadable::Unfit("it is a folder".to_owned()));
    }
    if !file.is_file() {
        return Err(Unreadable::Unfit(
            "it is a pipe or a device, not a file".to_owned(),
        ));
    }
    if file.len() > MAX_FILE {
        return Err(too_long());
    }
    Ok(())
}

fn too_long() -> Unreadable {
    Unreadable::Unfit(format!("it is longer than {} MB", MAX_FILE >> 20))
}
