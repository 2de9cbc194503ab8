//! The order of the modules of the engine and of the crate below it, `score-node`: whatever a
//! module imports comes before it.
#![allow(clippy::unwrap_used)]

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

type Imports = BTreeMap<String, BTreeSet<String>>;

/// What each module of the crates' roots imports from others, tests left out. The engine names the
/// modules of the crate below it as its own, so that the two are one order.
fn imports() -> Imports {
    let mut imports = modules("node/src");
    for (module, others) in modules("src") {
        let twice = imports.insert(module.clone(), others);
        assert_eq!(twice, None, "both crates have a module {module}");
    }
    imports
}

/// The same of one crate, whose sources lie in this folder.
fn modules(folder: &str) -> Imports {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let mut imports = Imports::new();
    let mut folders = vec![root.clone()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let place = path.strip_prefix(&root).unwrap().with_extension("");
            let module = place.iter().next().unwrap().to_str().unwrap();
            if module == "lib" || place.ends_with("tests") {
                continue;
            }
            let text = std::fs::read_to_string(&path).unwrap();
            let code = text.split("#[cfg(test)]").next().unwrap().lines();
            let code = code.filter(|line| !line.trim_start().starts_with("//"));
            let known = imports.entry(module.to_owned()).or_default();
            for after in code.flat_map(|line| line.split("crate::").skip(1)) {
                let end = after.find(|c: char| !c.is_alphanumeric() && c != '_');
                let other = &after[..end.unwrap_or(after.len())];
                known.insert(other.to_owned());
            }
            known.remove(module);
        }
    }
    imports
}

/// The way back to a module that is on `path` already, where there is one.
fn circle(
    imports: &Imports,
    module: &str,
    path: &mut Vec<String>,
    done: &mut BTreeSet<String>,
) -> Option<Vec<String>> {
    if let Some(start) = path.iter().position(|known| known == module) {
        return Some(path[start..].to_vec());
    }
    if !done.contains(module) {
        path.push(module.to_owned());
        for other in imports.get(module).into_iter().flatten() {
            if let Some(found) = circle(imports, other, path, done) {
                return Some(found);
            }
        }
        path.pop();
        done.insert(module.to_owned());
    }
    None
}

/// Whether `module` needs `other`, however far down.
fn needs(imports: &Imports, module: &str, other: &str) -> bool {
    let mut seen = BTreeSet::new();
    let mut left = vec![module];
    while let Some(module) = left.pop() {
        for next in imports.get(module).into_iter().flatten() {
            if seen.insert(next.as_str()) {
                left.push(next);
            }
        }
    }
    seen.contains(other)
}

#[test]
fn no_modules_import_each_other() {
    let imports = imports();
    let mut done = BTreeSet::new();
    for module in imports.keys() {
        let found = circle(&imports, module, &mut Vec::new(), &mut done);
        assert_eq!(found, None, "these modules import each other in a circle");
    }
}

#[test]
fn nothing_imports_upwards() {
    let imports = imports();
    let storeys = [
        "time",
        "param",
        "packet",
        "port",
        "descriptor",
        "io",
        "node",
        "registry",
        "graph",
    ];
    for pair in storeys.windows(2) {
        assert!(!needs(&imports, pair[0], pair[1]), "{pair:?}");
    }
    let above = ["thread", "offline", "live", "harness", "patch"];
    for storey in storeys {
        for upper in above {
            assert!(!needs(&imports, storey, upper), "{storey} imports {upper}");
        }
    }
    for (module, other) in [
        ("live", "offline"),
        ("offline", "live"),
        ("live", "harness"),
        ("offline", "harness"),
        ("patch", "live"),
        ("patch", "offline"),
    ] {
        assert!(!needs(&imports, module, other), "{module} imports {other}");
    }
}

#[test]
fn what_an_author_needs_stands_on_little() {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR")).join("node/Cargo.toml");
    let manifest = std::fs::read_to_string(manifest).unwrap();
    let (_, listed) = manifest.split_once("[dependencies]\n").unwrap();
    let (listed, _) = listed.split_once("\n\n").unwrap();
    let listed = listed
        .lines()
        .filter_map(|line| line.split(['.', ' ']).next());
    let listed: Vec<&str> = listed.collect();
    assert_eq!(
        listed,
        [
            "rand",
            "rand_chacha",
            "score-derive",
            "serde",
            "serde_json",
            "strsim",
            "thiserror"
        ]
    );
}
