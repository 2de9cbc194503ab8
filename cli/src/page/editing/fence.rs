//! What a text from a page may name: files below the patch's folder, the program's own kinds, and
//! beyond that what the files on the disk name already. No new address, no other plugin.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Component, Path, PathBuf};

use score_engine::{Admission, Descriptor, Param, ParamType, Registry};
use serde_json::{Map, Value};

/// The parameters by which a node reaches something that is neither a file nor in this program:
/// together they may be only what they are on the disk. A display may be another computer's, a
/// device is named by its path, and a secret decides who is let in.
const REACHES: [(&str, &[&str]); 9] = [
    ("artnet_out", &["host"]),
    ("camera", &["device"]),
    ("net_in", &["listen", "port", "secret"]),
    ("net_out", &["host", "port", "secret"]),
    ("osc_in", &["listen", "port"]),
    ("osc_out", &["host", "port"]),
    ("screen", &["display"]),
    ("screen_out", &["display", "device"]),
    ("video_stream", &["url", "hosts"]),
];

/// What texts name.
#[derive(Clone, Debug, Default)]
pub(super) struct Names {
    files: BTreeSet<PathBuf>,
    parts: BTreeSet<PathBuf>,
    /// Kinds that are not the program's own, and those that nobody knows.
    kinds: BTreeSet<String>,
    /// Kinds with the values by which they reach something, and texts for other kinds.
    reaches: BTreeSet<String>,
}

/// Admits everything and remembers it.
pub(super) struct Recorder<'a> {
    built_in: &'a Registry,
    names: RefCell<Names>,
}

impl<'a> Recorder<'a> {
    pub(super) fn new(built_in: &'a Registry) -> Self {
        Recorder {
            built_in,
            names: RefCell::default(),
        }
    }

    pub(super) fn into_names(self) -> Names {
        self.names.into_inner()
    }
}

impl Admission for Recorder<'_> {
    fn part(&self, file: &Path) -> Result<(), String> {
        self.names.borrow_mut().parts.insert(file.to_owned());
        Ok(())
    }

    fn may_quote(&self, _file: &Path, _is_patch: bool) -> bool {
        true
    }

    fn node(
        &self,
        kind: &Descriptor,
        values: &Map<String, Value>,
    ) -> Vec<(Option<String>, String)> {
        let mut names = self.names.borrow_mut();
        for (_, file) in files(kind, values) {
            names.files.insert(file);
        }
        if self.built_in.kind(&kind.kind).is_none() {
            names.kinds.insert(kind.kind.to_string());
        }
        for (_, reach) in reaches(kind, values, self.built_in) {
            names.reaches.insert(reach);
        }
        Vec::new()
    }

    fn unknown_kind(&self, kind: &str) {
        self.names.borrow_mut().kinds.insert(kind.to_owned());
    }
}

/// What a text from a page may name.
pub(super) struct Fence<'a> {
    /// The patch's folder.
    pub(super) folder: &'a Path,
    /// The run's own texts.
    pub(super) own: &'a [PathBuf],
    /// Those that are edited.
    pub(super) edited: &'a BTreeMap<PathBuf, String>,
    /// What the files on the disk name.
    pub(super) allowed: &'a Names,
    pub(super) built_in: &'a Registry,
    /// What was refused, one line each.
    pub(super) refused: RefCell<Vec<String>>,
}

impl Fence<'_> {
    fn refuse(&self, why: String) -> String {
        self.refused.borrow_mut().push(why.clone());
        why
    }

    /// Why a file may not be named; `None`: it may.
    fn file(&self, file: &Path) -> Option<String> {
        let is_allowed = self.allowed.files.contains(file) || is_below(file, self.folder);
        (!is_allowed).then(|| {
            format!(
                "the page may name only files below the patch's folder, not `{}`; write it in an editor of your own",
                file.display()
            )
        })
    }
}

impl Admission for Fence<'_> {
    fn edited(&self, file: &Path) -> Option<String> {
        self.edited.get(file).cloned()
    }

    fn part(&self, file: &Path) -> Result<(), String> {
        let is_known = self.own.iter().any(|own| own == file) || self.allowed.parts.contains(file);
        match is_known || is_below(file, self.folder) {
            true => Ok(()),
            false => Err(self.refuse(
                "the page may include only patches below the patch's folder; include it in an editor of your own"
                    .to_owned(),
            )),
        }
    }

    fn may_quote(&self, file: &Path, is_patch: bool) -> bool {
        let may = is_patch || self.own.iter().any(|own| own == file);
        if !may {
            // The run would say what is wrong with it, and quote it.
            let name = file.file_name().unwrap_or_default().to_string_lossy();
            self.refuse(format!("`{name}` is not a patch"));
        }
        may
    }

    fn node(
        &self,
        kind: &Descriptor,
        values: &Map<String, Value>,
    ) -> Vec<(Option<String>, String)> {
        let name = &kind.kind;
        if self.built_in.kind(name).is_none() && !self.allowed.kinds.contains(&**name) {
            let why = format!(
                "`{name}` is of a plugin that the saved patch does not use; write it in an editor of your own"
            );
            return vec![(None, self.refuse(why))];
        }
        let files = files(kind, values).into_iter();
        let files = files.filter_map(|(param, file)| Some((Some(param), self.file(&file)?)));
        let reaches = reaches(kind, values, self.built_in).into_iter();
        let reaches = reaches.filter(|(_, reach)| !self.allowed.reaches.contains(reach));
        let reaches = reaches.map(|(param, _)| {
            let given = (param.as_ref()).and_then(|param| values.get(param));
            let given = given.map_or_else(String::new, |given| format!(", such as {given}"));
            let why = format!(
                "the page may open no address or device that the saved patch does not open{given}; write it in an \
                 editor of your own"
            );
            (param, why)
        });
        let all = files.chain(reaches);
        all.map(|(param, why)| (param, self.refuse(why))).collect()
    }

    fn unknown_kind(&self, kind: &str) {
        if !self.allowed.kinds.contains(kind) {
            self.refuse(format!("there is no node kind `{kind}`"));
        }
    }
}

/// The files among the values of a node, with their parameters.
fn files(kind: &Descriptor, values: &Map<String, Value>) -> Vec<(String, PathBuf)> {
    fn paths(param_type: &ParamType, value: &Value, into: &mut Vec<PathBuf>) {
        match (param_type, value) {
            (ParamType::File(_), Value::String(path)) => into.push(PathBuf::from(path)),
            (ParamType::List(item), Value::Array(values)) => {
                values.iter().for_each(|value| paths(item, value, into));
            }
            _ => {}
        }
    }
    let mut files = Vec::new();
    for Param {
        name, param_type, ..
    } in &kind.params
    {
        let mut found = Vec::new();
        let value = values.get(&**name).unwrap_or(&Value::Null);
        paths(param_type, value, &mut found);
        files.extend(found.into_iter().map(|path| (name.to_string(), path)));
    }
    files
}

/// By what a node reaches something, as a text that is compared whole, with a parameter to blame.
fn reaches(
    kind: &Descriptor,
    values: &Map<String, Value>,
    built_in: &Registry,
) -> Vec<(Option<String>, String)> {
    let name = &kind.kind;
    let value = |param: &str| values.get(param).cloned().unwrap_or_default();
    if built_in.kind(name).is_none() {
        // What a plugin does with a text, nobody knows.
        let texts = kind
            .params
            .iter()
            .filter(|param| has_text(&param.param_type));
        let texts = texts.filter(|param| param.default != Some(value(&param.name)));
        let reach = |param: &Param| format!("{name}.{} {}", param.name, value(&param.name));
        return texts
            .map(|param| (Some(param.name.to_string()), reach(param)))
            .collect();
    }
    let Some((_, params)) = REACHES.iter().find(|(kind, _)| kind == name) else {
        return Vec::new();
    };
    let all: Vec<Value> = params.iter().map(|param| value(param)).collect();
    if all.iter().all(Value::is_null) {
        return Vec::new();
    }
    let blamed = params.iter().find(|param| !value(param).is_null());
    let reach = format!("{name} {}", Value::Array(all));
    vec![(blamed.map(|param| param.to_string()), reach)]
}

fn has_text(param_type: &ParamType) -> bool {
    match param_type {
        ParamType::Text => true,
        ParamType::List(item) => has_text(item),
        _ => false,
    }
}

/// Whether a file lies below a folder, also by way of links; it need not be there.
fn is_below(file: &Path, folder: &Path) -> bool {
    let Ok(folder) = folder.canonicalize() else {
        return false;
    };
    let mut there = file;
    let mut missing: Vec<Component<'_>> = Vec::new();
    let found = loop {
        if let Ok(found) = there.canonicalize() {
            break found;
        }
        let (Some(last), Some(parent)) = (there.components().next_back(), there.parent()) else {
            return false;
        };
        missing.push(last);
        there = parent;
    };
    let is_plain = (missing.iter()).all(|part| matches!(part, Component::Normal(_)));
    // A link whose end is missing leads nobody knows where.
    let is_link = (missing.last()).is_some_and(|next| found.join(next).is_symlink());
    is_plain && !is_link && found.starts_with(&folder)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    /// Texts that reach nothing: names of models, of devices that the system knows, of parts,
    /// formulas.
    const HARMLESS: &[&str] = &[
        "audio_in.device",
        "audio_out.device",
        "replay.notes_of",
        "replay.codes_of",
        "sampler.tags",
        "expression.formula",
        "every.name",
        "recall.preset",
        "recall.cue",
        "midi_clock_out.port",
        "midi_file.names",
        "midi_in.port",
        "midi_out.port",
        "midi_timecode_out.port",
        "accompaniment.model",
        "bass_line.model",
        "chords_in.chords",
        "drum_decoder.model",
        "harmony.model",
        "harmony.theme_scene",
        "music_decoder.model",
        "planner.model",
        "sheet_music.title",
        "sheet_music.names",
        "stream_decoder.model",
        "stream_decoder.theme_scene",
        "osc_in.address",
        "osc_out.address",
        "piano_roll.names",
        "camera.format",
        "frame_encoder.model",
        "frame_encoder.output",
        "picture_decoder.model",
        "latent_focus.model",
        "latent_focus.follow",
        "latent_focus.ignore",
        "latent_knobs.model",
        "latent_knobs.name",
        "latent_steer.model",
        "music_encoder.model",
        "tags.model",
        "tags.word",
        // Deletes, weighs or names what was taught, in the folder that the patch names.
        "teach.edit",
    ];

    #[test]
    fn of_every_text_that_a_node_takes_it_is_decided_whether_it_reaches_something() {
        let registry = score_nodes::registry();
        let mut undecided = Vec::new();
        for kind in registry.kinds() {
            let descriptor = kind.descriptor();
            for param in descriptor
                .params
                .iter()
                .filter(|param| has_text(&param.param_type))
            {
                let name = format!("{}.{}", descriptor.kind, param.name);
                let reaches = REACHES.iter().any(|(kind, params)| {
                    *kind == descriptor.kind && params.contains(&&*param.name)
                });
                if !reaches && !HARMLESS.contains(&&*name) {
                    undecided.push(name);
                }
            }
        }
        assert_eq!(undecided, [""; 0], "add each to REACHES or to HARMLESS");
    }

    #[test]
    fn a_file_is_below_a_folder_whatever_links_and_dots_say() {
        let root = tempfile::tempdir().unwrap();
        let folder = root.path().join("show");
        std::fs::create_dir_all(folder.join("parts")).unwrap();
        std::fs::write(root.path().join("secret"), "").unwrap();
        std::fs::write(folder.join("film.mp4"), "").unwrap();
        for inside in [
            "film.mp4",
            "new.wav",
            "new/er.wav",
            "parts/../film.mp4",
            "parts/../new.wav",
            "*.png",
        ] {
            assert!(is_below(&folder.join(inside), &folder), "{inside}");
        }
        for outside in [
            "../secret",
            "../missing",
            "parts/../../secret",
            "new/../../secret",
            "/etc/passwd",
            "/",
        ] {
            assert!(!is_below(&folder.join(outside), &folder), "{outside}");
        }
        #[cfg(unix)]
        {
            std::os::unix::fs::symlink(root.path(), folder.join("out")).unwrap();
            std::os::unix::fs::symlink(root.path().join("none"), folder.join("loose")).unwrap();
            assert!(!is_below(&folder.join("out/secret"), &folder));
            assert!(!is_below(&folder.join("loose"), &folder));
        }
    }
}
