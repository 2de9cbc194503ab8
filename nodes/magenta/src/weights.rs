//! Reads the tensors of a checkpoint: a manifest that names them, and the files with their bytes.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::path::{Component, Path, PathBuf};

use score_engine::NodeError;
use serde::Deserialize;

use super::coding::{Coding, Entry, coding};

/// The manifest of TensorFlow.js: groups of files, each group the bytes of its tensors one after
/// another.
const SHARDS: &str = "weights_manifest.json";

/// The older one: a file for each tensor.
const SINGLES: &str = "manifest.json";

/// The longest text that is read, in bytes.
const MOST_TEXT: u64 = 1 << 22;

/// The longest file of weights, and the most bytes of all files together; MusicVAE's largest has
/// some 400 MB.
const MOST_WEIGHTS: u64 = 1 << 30;

/// A tensor.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Tensor {
    /// Its size along each axis.
    pub(super) shape: Vec<usize>,
    /// Its numbers, last axis fastest.
    pub(super) values: Vec<f32>,
}

/// The tensors of a checkpoint, by name.
#[derive(Debug, Default)]
pub(super) struct Weights {
    /// Those that are there.
    pub(super) tensors: BTreeMap<String, Tensor>,
    /// Those that the manifest names, but whose file is not there.
    pub(super) absent: Vec<String>,
    /// Which layout the checkpoint has.
    pub(super) layout: &'static str,
    /// Whether some are stored as small whole numbers.
    pub(super) quantised: bool,
}

#[derive(Deserialize)]
struct Group {
    paths: Vec<String>,
    weights: Vec<Entry>,
}

#[derive(Deserialize)]
struct Single {
    filename: String,
    shape: Vec<usize>,
}

impl Weights {
    /// Reads the checkpoint in `folder`, of either layout.
    ///
    /// # Errors
    /// There is no manifest, or it or a file that it names is broken.
    pub(super) fn read(folder: &Path) -> Result<Self, NodeError> {
        let shards = folder.join(SHARDS);
        if shards.exists() {
            let text = text(&shards)?;
            let groups: Vec<Group> =
                serde_json::from_str(&text).map_err(|error| broken(&shards, error))?;
            return read_groups(folder, &shards, groups);
        }
        let singles = folder.join(SINGLES);
        if singles.exists() {
            let text = text(&singles)?;
            let singly: BTreeMap<String, Single> =
                serde_json::from_str(&text).map_err(|error| broken(&singles, error))?;
            return read_singles(folder, &singles, singly);
        }
        Err(NodeError::input(format!(
            "`{}` holds no checkpoint: it has neither {SHARDS} nor {SINGLES}",
            folder.display()
        ))
        .help(
            "name the folder of a checkpoint for Magenta.js, which holds one of the two, \
             config.json and the weights",
        ))
    }
}

fn read_groups(folder: &Path, manifest: &Path, groups: Vec<Group>) -> Result<Weights, NodeError> {
    let mut weights = Weights {
        layout: "shards",
        ..Weights::default()
    };
    let mut left = MOST_WEIGHTS;
    for group in groups {
        let mut bytes = Vec::new();
        for name in &group.paths {
            let path = inside(folder, manifest, name)?;
            read_into(&path, left.saturating_sub(bytes.len() as u64), &mut bytes)?;
        }
        left = left.saturating_sub(bytes.len() as u64);
        let mut planned = Vec::new();
        let mut wanted = 0_usize;
        for entry in group.weights {
            let coding = coding(manifest, &entry)?;
            let length = length(manifest, &entry.name, &entry.shape, coding.bytes())?;
            wanted = wanted.saturating_add(length);
            planned.push((entry, coding, length));
        }
        // Compared first: what is cut off in the middle moves all that follows.
        if bytes.len() != wanted {
            let apart = match wanted.checked_sub(bytes.len()) {
                Some(few) => format!("{few} too few"),
                None => format!("{} too many", bytes.len() - wanted),
            };
            return Err(NodeError::input(format!(
                "`{}` in `{}` have {} bytes together, {apart} for their tensors",
                group.paths.join("`, `"),
                folder.display(),
                bytes.len(),
            ))
            .help("fetch the checkpoint again"));
        }
        let mut rest = bytes.as_slice();
        for (entry, coding, length) in planned {
            let (own, after) = rest.split_at_checked(length).unwrap_or((rest, &[]));
            rest = after;
            weights.quantised |= matches!(coding, Coding::Quantised(..));
            if !matches!(coding, Coding::Other(_)) {
                weights.insert(manifest, entry.name, entry.shape, coding.numbers(own))?;
            }
        }
    }
    Ok(weights)
}

fn read_singles(
    folder: &Path,
    manifest: &Path,
    singly: BTreeMap<String, Single>,
) -> Result<Weights, NodeError> {
    let mut weights = Weights {
        layout: "a file for each tensor",
        ..Weights::default()
    };
    let mut left = MOST_WEIGHTS;
    for (name, single) in singly {
        let path = inside(folder, manifest, &single.filename)?;
        let length = length(manifest, &name, &single.shape, 4)?;
        if !path.exists() {
            weights.absent.push(name);
            continue;
        }
        let mut bytes = Vec::new();
        read_into(&path, left, &mut bytes)?;
        left = left.saturating_sub(bytes.len() as u64);
        if bytes.len() != length {
            return Err(NodeError::input(format!(
                "`{}` has {} bytes, but `{name}` with shape {:?} wants {length}",
                path.display(),
                bytes.len(),
                single.shape
            ))
            .help("fetch the checkpoint again"));
        }
        weights.insert(manifest, name, single.shape, Coding::Float.numbers(&bytes))?;
    }
    Ok(weights)
}

impl Weights {
    fn insert(
        &mut self,
        manifest: &Path,
        name: String,
        shape: Vec<usize>,
        values: Vec<f32>,
    ) -> Result<(), NodeError> {
        if !values.iter().all(|value| value.is_finite()) {
            return Err(broken(
                manifest,
                format!("`{name}` holds something that is not a number"),
            ));
        }
        if self.tensors.contains_key(&name) {
            return Err(broken(manifest, format!("`{name}` is there twice")));
        }
        self.tensors.insert(name, Tensor { shape, values });
        Ok(())
    }
}

/// The bytes of a tensor of that shape.
fn length(manifest: &Path, name: &str, shape: &[usize], bytes: usize) -> Result<usize, NodeError> {
    shape
        .iter()
        .try_fold(bytes, |product, size| product.checked_mul(*size))
        .filter(|length| *length as u64 <= MOST_WEIGHTS)
        .ok_or_else(|| {
            broken(
                manifest,
                format!("`{name}` is too large: its shape is {shape:?}"),
            )
        })
}

/// A file that a manifest names, which must lie in its folder.
fn inside(folder: &Path, manifest: &Path, name: &str) -> Result<PathBuf, NodeError> {
    let plain = |part: Component<'_>| matches!(part, Component::Normal(_));
    if name.is_empty() || !Path::new(name).components().all(plain) {
        return Err(broken(
            manifest,
            format!("it names the file `{name}`, which lies outside its folder"),
        ));
    }
    Ok(folder.join(name))
}

/// Appends a file of at most `most` bytes to `bytes`.
fn read_into(path: &Path, most: u64, bytes: &mut Vec<u8>) -> Result<(), NodeError> {
    let refused = |why: &dyn std::fmt::Display| {
        NodeError::input(format!("`{}` cannot be read: {why}", path.display()))
    };
    let unread = |error: std::io::Error| refused(&error).source(error);
    let metadata = std::fs::metadata(path).map_err(unread)?;
    if !metadata.is_file() {
        return Err(refused(&"it is not a file"));
    }
    if metadata.len() > most {
        return Err(refused(&"it is too large for a checkpoint"));
    }
    let file = File::open(path).map_err(unread)?;
    file.take(most).read_to_end(bytes).map_err(unread)?;
    Ok(())
}

/// The text of a small file.
///
/// # Errors
/// It cannot be read, is too long, or is not text.
pub(super) fn text(path: &Path) -> Result<String, NodeError> {
    let mut bytes = Vec::new();
    read_into(path, MOST_TEXT, &mut bytes)?;
    String::from_utf8(bytes).map_err(|_| broken(path, "it is not text"))
}

/// Says that `path` does not hold what it should.
pub(super) fn broken(path: &Path, why: impl std::fmt::Display) -> NodeError {
    NodeError::input(format!("`{}`: {why}", path.display()))
}
