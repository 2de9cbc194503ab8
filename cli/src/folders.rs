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

/// The folder for what is known of a patch that is kept playing: below the one that a service manager
/// gives (STATE_DIRECTORY), else below `$XDG_STATE_HOME/score`, that is `~/.local/state/score`.
/// `None`: the user has none.
pub(crate) fn state_of(patch: &Path) -> Option<PathBuf> {
    let set = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty());
    let patch = std::path::absolute(patch).ok()?;
    let hash = score_engine::patch_hash(&patch.to_string_lossy());
    let stem = patch.file_stem().unwrap_or_default().to_string_lossy();
    let name = format!("{stem}-{}", &hash[..8]);
    if let Some(given) = set("STATE_DIRECTORY") {
        // Of several the first.
        let given = given.to_string_lossy().into_owned();
        return Some(Path::new(given.split(':').next()?).join(name));
    }
    let state = set("XDG_STATE_HOME").map(PathBuf::from);
    let state = state.or_else(|| Some(PathBuf::from(set("HOME")?).join(".local/state")))?;
    Some(state.join("score").join(name))
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
