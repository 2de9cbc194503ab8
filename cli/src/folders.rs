//! Finds the folder of models, and the user's own.

use std::path::{Path, PathBuf};

use score_engine::Settings;

/// The settings of this installation: the folder of models is the one `given`, else the one in
/// SCORE_MODELS, else the nearest `models` with a manifest above the program or the current folder.
pub(crate) fn settings(given: Option<&Path>) -> Settings {
    let named = || {
        std::env::var_os("SCORE_MODELS")
            .filter(|path| !path.is_empty())
            .map(PathBuf::from)
    };
    match given.map(Path::to_owned).or_else(named).or_else(nearest) {
        Some(models) => Settings::default().with_folder("models", models),
        None => Settings::default(),
    }
}

fn nearest() -> Option<PathBuf> {
    let program = std::env::current_exe().ok();
    let current = std::env::current_dir().ok();
    [program, current]
        .iter()
        .flatten()
        .flat_map(|start| start.ancestors().map(Path::to_path_buf).collect::<Vec<_>>())
        .map(|folder| folder.join("models"))
        .find(|models| models.join("manifest.ron").is_file())
}

/// The user's own folder for what `score` remembers: `$XDG_CONFIG_HOME/score`, that is
/// `~/.config/score`. `None`: the user has none.
#[cfg(feature = "page")]
pub(crate) fn of_user() -> Option<PathBuf> {
    let set = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty());
    let config = set("XDG_CONFIG_HOME").map(PathBuf::from);
    let config = config.or_else(|| Some(PathBuf::from(set("HOME")?).join(".config")))?;
    Some(config.join("score"))
}
