//! `score plugin`

use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::process::Command;

use score_engine::{Descriptor, NodeError};

use crate::arguments::Plugin;
use crate::failure::Failure;
use crate::kinds::Kinds;
use crate::terminal::out;

/// What a new plugin is made of: the names of its files and what stands in them, with `my_node` and
/// `MyNode` for its own names.
const TEMPLATE: [(&str, &str); 4] = [
    (
        "Cargo.toml",
        include_str!("../../../engine/plugin/template/Cargo.toml.txt"),
    ),
    (
        "src/lib.rs",
        include_str!("../../../engine/plugin/template/src/lib.rs"),
    ),
    (
        "README.md",
        include_str!("../../../engine/plugin/template/README.md"),
    ),
    (
        "my_node.ron",
        include_str!("../../../engine/plugin/template/my_node.ron"),
    ),
];

/// What git does not keep of a plugin.
const IGNORED: &str = "/target\n*.mid\n*.wav\n";

/// Words of Rust's, and a crate of its own, that no crate can be called (The Rust Reference, "Keywords").
#[rustfmt::skip]
const KEYWORDS: &[&str] = &[
    "abstract", "as", "async", "await", "become", "box", "break", "const", "continue", "crate", "do", "dyn", "else",
    "enum", "extern", "false", "final", "fn", "for", "gen", "if", "impl", "in", "let", "loop", "macro", "match", "mod",
    "move", "mut", "override", "priv", "pub", "ref", "return", "self", "static", "struct", "super", "test", "trait",
    "true", "try", "type", "typeof", "unsafe", "unsized", "use", "virtual", "where", "while", "yield",
];

pub(crate) fn run(arguments: &Plugin, kinds: &Kinds<'_>) -> Result<(), Failure> {
    match arguments {
        Plugin::New { name, sdk } => begin(name, sdk.as_deref(), kinds),
        Plugin::Test { folder } => test(folder),
    }
}

fn begin(name: &str, sdk: Option<&Path>, kinds: &Kinds<'_>) -> Result<(), Failure> {
    // The folder's name becomes the first kind's.
    let is_name = (Descriptor::new("plugin", name.to_owned(), "").fault()).is_none();
    if !is_name || KEYWORDS.contains(&name) {
        let why = format!("a plugin cannot be called `{name}`");
        let help = "a name begins with a lower-case letter; letters, digits and _ follow, as in `edge_density`";
        return Err(NodeError::input(why).help(help).into());
    }
    if kinds.built_in().kind(name).is_some() {
        let why = format!("there is a node kind `{name}` already");
        return Err(NodeError::input(why)
            .help("`score nodes` lists all kinds; choose another name")
            .into());
    }
    let sdk = dependency(sdk)?;
    let folder = Path::new(name);
    std::fs::create_dir(folder).map_err(|error| match error.kind() {
        ErrorKind::AlreadyExists => {
            NodeError::output(format!("there is a `{name}` already")).help("choose another name")
        }
        _ => unwritable(folder, &error),
    })?;
    let written = |text: &str| {
        text.replace("my_node", name)
            .replace("MyNode", &type_name(name))
            .replace("{ SDK", &format!("{{ {sdk}"))
    };
    for (file, text) in TEMPLATE {
        write(&folder.join(written(file)), &written(text))?;
    }
    write(&folder.join(".gitignore"), IGNORED)?;
    let mut out = out();
    writeln!(
        out,
        "{name}/src/lib.rs is a node that moves notes: read it, and make of it what you like. Then:"
    )?;
    writeln!(out, "  cd {name}")?;
    writeln!(out, "  score plugin test")?;
    writeln!(out, "  cargo build --release")?;
    writeln!(out, "  score render {name}.ron --plugins target/release")?;
    Ok(())
}

fn write(path: &Path, text: &str) -> Result<(), NodeError> {
    let made = path.parent().map_or(Ok(()), std::fs::create_dir_all);
    made.and_then(|()| std::fs::File::create_new(path))
        .and_then(|mut file| file.write_all(text.as_bytes()))
        .map_err(|error| unwritable(path, &error))
}

fn unwritable(path: &Path, error: &std::io::Error) -> NodeError {
    NodeError::output(format!("`{}` cannot be written: {error}", path.display()))
        .help("check that the folder is yours to write in, and that there is room")
}

/// `edge_density` as the name of a type: `EdgeDensity`.
fn type_name(name: &str) -> String {
    let words = name.split('_').map(|word| {
        let mut letters = word.chars();
        let first = letters.next().map(|first| first.to_ascii_uppercase());
        first.into_iter().chain(letters).collect::<String>()
    });
    words.collect()
}

/// Where a plugin's Cargo.toml finds the crate that it is written with: in its folder, given or at
/// hand, else by its version.
fn dependency(given: Option<&Path>) -> Result<String, NodeError> {
    let is_there = |folder: &PathBuf| folder.join("Cargo.toml").is_file();
    let at_hand = || {
        let program = std::env::current_exe().ok();
        let built_from = Some(PathBuf::from(env!("CARGO_MANIFEST_DIR")));
        [program, built_from]
            .iter()
            .flatten()
            .flat_map(|start| start.ancestors().map(Path::to_path_buf).collect::<Vec<_>>())
            .map(|folder| folder.join("engine/plugin"))
            .find(is_there)
    };
    let folder = match given.map(Path::to_path_buf) {
        Some(folder) if !is_there(&folder) => {
            let why = format!("`{}` is not the folder of a crate", folder.display());
            return Err(NodeError::input(why).help(
                "the crate score-plugin lies in the folder engine/plugin of SCORE!'s sources",
            ));
        }
        Some(folder) => Some(folder),
        None => at_hand(),
    };
    Ok(match folder {
        Some(folder) => {
            let folder = folder.canonicalize().unwrap_or(folder);
            format!("path = {:?}", folder.display().to_string())
        }
        None => format!("version = {:?}", env!("CARGO_PKG_VERSION")),
    })
}

fn test(folder: &Path) -> Result<(), Failure> {
    let manifest = folder.join("Cargo.toml");
    if !manifest.is_file() {
        let why = format!(
            "there is no plugin in `{}`: it has no Cargo.toml",
            folder.display()
        );
        return Err(NodeError::input(why)
            .help("`score plugin new NAME` begins one; go into its folder")
            .into());
    }
    let status = Command::new("cargo")
        .arg("test")
        .arg("--manifest-path")
        .arg(&manifest)
        .status()
        .map_err(|error| {
            NodeError::missing(
                format!("cargo, which builds plugins, cannot be started: {error}"),
                "install Rust: https://rustup.rs",
            )
        })?;
    if status.success() {
        return Ok(());
    }
    Err(Failure::Message(
        "the plugin's tests failed; cargo has said why".to_owned(),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_is_called_after_its_crate() {
        assert_eq!(type_name("edge_density"), "EdgeDensity");
        assert_eq!(type_name("walk2"), "Walk2");
    }

    #[test]
    fn the_template_has_the_places_that_are_filled_in() {
        assert!(TEMPLATE[0].1.contains("score-plugin = { SDK }"));
        assert!(TEMPLATE.iter().all(|(_, text)| text.contains("my_node")));
    }
}
