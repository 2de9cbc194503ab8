//! Reads patches that a patch includes.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::Checker;
use super::ends::End;
use super::scope::Scope;
use super::settings::{LET, Setting, SettingValue};
use crate::diagnostic::did_you_mean;
use crate::limits::{MAX_PARTS, MAX_PARTS_WITHIN};
use crate::patch::Source;
use crate::patch::tree::{Shape, Spot, Tree};

/// A patch that another includes.
pub(super) struct Part {
    /// Its whole id, and where that stands.
    pub(super) id: String,
    pub(super) id_spot: Spot,
    /// Whether it could not be read, so that nothing is known of what it has.
    pub(super) broken: bool,
    /// What the patch that includes it can wire to it.
    pub(super) inputs: Vec<End>,
    /// What the patch that includes it can wire from it.
    pub(super) outputs: Vec<End>,
}

impl Checker<'_> {
    pub(super) fn read_includes(&mut self, scope: &Scope, value: &Tree) {
        let Shape::Map(entries) = &value.shape else {
            if value.shape != Shape::Broken {
                let message = "`include` looks like `{\"id\": (patch: \"part.ron\")}`";
                self.report(value.spot, message, None);
            }
            return;
        };
        for (key, entry) in entries {
            if self.parts.len() >= MAX_PARTS {
                let message = format!("more than {MAX_PARTS} included patches");
                return self.refuse_size(key.spot, message);
            }
            if self.too_large {
                return;
            }
            if let Some(id) = self.new_id(scope, key) {
                self.read_include(scope, id, key.spot, entry);
            }
        }
    }

    fn read_include(&mut self, scope: &Scope, id: String, id_spot: Spot, entry: &Tree) {
        let place = self.parts.len();
        self.parts.push(Part {
            id: id.clone(),
            id_spot,
            broken: true,
            inputs: Vec::new(),
            outputs: Vec::new(),
        });
        let Shape::Struct(None, fields) = &entry.shape else {
            if entry.shape != Shape::Broken {
                let message =
                    "an included patch is written `(patch: \"part.ron\", let: (…), set: {…})`";
                self.report(entry.spot, message, None);
            }
            return;
        };
        let mut seen: BTreeSet<&str> = BTreeSet::new();
        let (mut patch, mut given) = (None, Vec::new());
        for (name, value) in fields.iter().filter(|(name, _)| !name.text.is_empty()) {
            if !seen.insert(&name.text) {
                self.report(
                    name.spot,
                    format!("`{}` stands here twice", name.text),
                    None,
                );
                continue;
            }
            match name.text.as_str() {
                "patch" => patch = Some(value),
                "let" => self.read_given_let(scope, &id, value, &mut given),
                "set" => self.read_given_set(scope, &id, value, &mut given),
                other => {
                    let help = did_you_mean(other, ["patch", "let", "set"])
                        .or_else(|| Some("it has patch, let and set".to_owned()));
                    self.report(
                        name.spot,
                        format!("an included patch has no `{other}`"),
                        help,
                    );
                }
            }
        }
        // What the outer patch gives counts more than what is given within.
        self.given.splice(0..0, given);
        match patch.map(|patch| (&patch.shape, patch.spot)) {
            Some((Shape::Text(path), spot)) if !path.is_empty() && !path.contains('\0') => {
                self.read_part(scope, place, path, spot);
            }
            Some((Shape::Broken, _)) => {}
            Some((_, spot)) => self.report(spot, "`patch` takes a path in quotes", None),
            None => {
                let help = Some("patch: the file, from this patch's folder".to_owned());
                self.report(id_spot, "an included patch needs `patch`", help);
            }
        }
    }

    /// Reads the values that a patch gives for the `let` of one that it includes as `id`.
    fn read_given_let(&mut self, scope: &Scope, id: &str, value: &Tree, given: &mut Vec<Setting>) {
        let Shape::Struct(None, fields) = &value.shape else {
            if value.shape != Shape::Broken {
                self.report(value.spot, "`let` looks like `(name: value)`", None);
            }
            return;
        };
        for (name, tree) in fields.iter().filter(|(name, _)| !name.text.is_empty()) {
            let origin = self.origin(scope, tree).map(str::to_owned);
            let value = SettingValue::Written(self.resolve(scope, tree));
            if let Some(origin) = &origin {
                self.named.discount(origin);
            }
            given.push(Setting {
                origin,
                node: format!("{id}.{LET}"),
                node_spot: name.spot,
                param: name.text.clone(),
                param_spot: name.spot,
                value,
            });
        }
    }

    /// Reads the values that a patch gives to nodes within one that it includes as `id`.
    fn read_given_set(&mut self, scope: &Scope, id: &str, value: &Tree, given: &mut Vec<Setting>) {
        let Shape::Map(entries) = &value.shape else {
            if value.shape != Shape::Broken {
                self.report(
                    value.spot,
                    "`set` looks like `{\"node.parameter\": value}`",
                    None,
                );
            }
            return;
        };
        for (key, tree) in entries {
            let parts = match &key.shape {
                Shape::Text(text) => text.rsplit_once('.'),
                Shape::Broken => continue,
                _ => None,
            };
            let Some((node, param)) = parts else {
                let message = "what is set is written \"node.parameter\": value";
                self.report(key.spot, message, None);
                continue;
            };
            given.push(Setting {
                origin: self.origin(scope, tree).map(str::to_owned),
                node: format!("{id}.{node}"),
                node_spot: key.spot,
                param: param.to_owned(),
                param_spot: key.spot,
                value: SettingValue::Written(self.resolve(scope, tree)),
            });
        }
    }

    /// Reads the file of the part at `place`, which `scope`'s patch names `path` at `spot`.
    fn read_part(&mut self, scope: &Scope, place: usize, path: &str, spot: Spot) {
        let file = self.texts.folder(spot.source).join(path);
        let file = std::path::absolute(&file).unwrap_or(file);
        let name = beside(self.texts.name(spot.source), path);
        // One file can have several names.
        let known = |path: &Path| path.canonicalize().unwrap_or_else(|_| path.to_owned());
        let same = known(&file);
        if let Some(first) = scope.within.iter().position(|(path, _)| *path == same) {
            let names = scope.within[first..].iter().map(|(_, name)| name.as_str());
            let names: Vec<&str> = names.chain([name.as_str()]).collect();
            let message = match names.as_slice() {
                [itself, _] => format!("{itself} includes itself"),
                _ => format!("these patches include each other: {}", names.join(" -> ")),
            };
            return self.report(spot, message, None);
        }
        if scope.within.len() >= MAX_PARTS_WITHIN {
            let message = format!("more than {MAX_PARTS_WITHIN} patches within each other");
            return self.refuse_size(spot, message);
        }
        let refused = self.admission.map(|admission| admission.part(&same));
        if let Some(Err(why)) = refused {
            return self.report(spot, why, None);
        }
        let lies_nowhere = self.texts.part(spot.source, path);
        let read = match lies_nowhere.or_else(|| self.edited_part(&same, &name)) {
            Some(part) => Ok(part),
            None => Source::read_part(&file, name.clone()),
        };
        let source = match read {
            Ok(source) if self.may_quote(&same, Some(&source)) => self.texts.add(source),
            Ok(_) => return self.report(spot, format!("`{name}` is not a patch"), None),
            // Where a place is known, a line of the file would be quoted.
            Err(why) if why.place.is_some() && !self.may_quote(&same, None) => {
                return self.report(spot, format!("`{name}` is not a patch"), None);
            }
            Err(mut why) => {
                if why.place.is_none() {
                    why.help = Some(advice(&file));
                }
                return self.texts.refuse(spot, why);
            }
        };
        if !self.charge(source) {
            return;
        }
        let parsed = self.texts.parse(source).0;
        if parsed.unbalanced {
            return;
        }
        self.parts[place].broken = !self.texts.is_well_written(source);
        let mut within = scope.within.clone();
        within.push((same, name));
        let mut inner = Scope {
            prefix: format!("{}.", self.parts[place].id),
            within,
            ..Scope::default()
        };
        let face = self.read_patch(&mut inner, &parsed.tree);
        self.parts[place].inputs = face.inputs;
        self.parts[place].outputs = face.outputs;
    }
}

/// The name of a file that the file called `name` calls `path`, for whoever called that `name`.
fn beside(name: &str, path: &str) -> String {
    let folder = Path::new(name).parent().map(Path::to_path_buf);
    let beside: PathBuf = folder.unwrap_or_default().join(path);
    beside.display().to_string()
}

/// What to do where there is no file.
fn advice(file: &Path) -> String {
    let patches = file.parent().and_then(|folder| folder.read_dir().ok());
    let names: Vec<String> = patches
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| entry.file_name().into_string().ok())
        .filter(|name| name.ends_with(".ron"))
        .collect();
    let wanted = file.file_name().unwrap_or_default().to_string_lossy();
    did_you_mean(&wanted, names.iter().map(String::as_str))
        .unwrap_or_else(|| "paths count from the folder of the patch".to_owned())
}
