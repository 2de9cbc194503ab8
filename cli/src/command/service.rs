//! `score service`: has systemd play a patch from the start of the machine on.

use std::ffi::OsStr;
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use clap::Parser;
use score_engine::{NodeError, Settings};

use super::load;
use crate::arguments::{Arguments, Command as Words, Run, Service, ServiceInstall, ServiceName};
use crate::failure::Failure;
use crate::kinds::Kinds;
use crate::ownership::Ownership;
use crate::service::rooted::{STANDARD, from_root, rooted};
use crate::service::unit::{MARK, Unit, name_of, words_of};
use crate::terminal::{out, tell};

/// Where the units of the whole system lie.
const SYSTEM: &str = "/etc/systemd/system";

/// Where systemd keeps which users' units start with the machine.
const LINGERING: &str = "/var/lib/systemd/linger";

/// Groups whose members reach sound devices and cameras.
const GROUPS: [&str; 3] = ["audio", "video", "render"];

/// The variable that names the folder of models.
const MODELS: &str = "SCORE_MODELS";

/// The variable that names the folder in which other commands find a run.
const SOCKETS: &str = "SCORE_RUNTIME_DIR";

/// The variable that lists folders of plugins.
const PLUGINS: &str = "SCORE_PLUGINS";

/// The variable that names the library which runs models.
const RUNTIME: &str = "ORT_DYLIB_PATH";

/// Variables that are taken over into the unit where they are set.
const VARIABLES: [&str; 5] = [MODELS, PLUGINS, SOCKETS, RUNTIME, "JACK_DEFAULT_SERVER"];

pub(crate) fn run(
    service: &Service,
    kinds: &Kinds<'_>,
    settings: &Settings,
) -> Result<(), Failure> {
    match service {
        Service::Install(install) => self::install(install, kinds, settings),
        Service::Status(name) => {
            let (manager, unit) = shown(name)?;
            // Its exit code says whether it plays, which is no failure of this command.
            manager.show("systemctl", &["status", "--no-pager", &unit])
        }
        Service::Logs {
            name,
            follow,
            lines,
        } => {
            let (manager, unit) = shown(name)?;
            let lines = lines.to_string();
            let mut words = vec!["--no-pager", "-n", &lines, "-u", &unit];
            words.extend(follow.then_some("-f"));
            manager.show("journalctl", &words)
        }
        Service::Remove(name) => remove(name),
    }
}

/// Which of systemd's managers is meant.
struct Manager {
    is_system: bool,
}

impl Manager {
    fn of(is_system: bool) -> Self {
        Manager { is_system }
    }

    fn command(&self, program: &str, words: &[&str]) -> Command {
        let mut command = Command::new(program);
        command
            .args((!self.is_system).then_some("--user"))
            .args(words);
        command.stdin(Stdio::null());
        command
    }

    /// Runs one of systemd's programs, which must succeed.
    fn require(&self, words: &[&str]) -> Result<(), Failure> {
        let output = self.command("systemctl", words).output().map_err(missing)?;
        if output.status.success() {
            return Ok(());
        }
        let said = String::from_utf8_lossy(&output.stderr);
        let why = format!(
            "systemctl {} does not work: {}",
            words.join(" "),
            said.trim()
        );
        let help = match self.is_system {
            true => "run it as root, with sudo",
            false => "log in as this user, not with su; or use --system",
        };
        Err(NodeError::output(why).help(help).into())
    }

    /// Runs one of them whose words are for whoever reads.
    fn show(&self, program: &str, words: &[&str]) -> Result<(), Failure> {
        self.command(program, words).status().map_err(missing)?;
        Ok(())
    }

    /// Whether its units start with the machine, and not with the first that its user logs in:
    /// loginctl(1), `enable-linger`, keeps a file for each user.
    fn starts_with_machine(&self) -> bool {
        self.is_system || Path::new(LINGERING).join(crate::users::own_name()).exists()
    }

    /// The folder of its units.
    fn folder(&self) -> Result<PathBuf, Failure> {
        if self.is_system {
            return Ok(PathBuf::from(SYSTEM));
        }
        let set = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty());
        let config = set("XDG_CONFIG_HOME").map(PathBuf::from);
        let config = config.or_else(|| Some(PathBuf::from(set("HOME")?).join(".config")));
        let config = config.ok_or_else(|| Failure::Message("this user has no home".to_owned()))?;
        Ok(config.join("systemd/user"))
    }

    /// The names of the units there that this program wrote.
    fn units(&self) -> Result<Vec<String>, Failure> {
        let entries = self.folder()?.read_dir().into_iter().flatten().flatten();
        let is_own = |path: &PathBuf| {
            let is_unit = path.extension().is_some_and(|ending| ending == "service");
            is_unit && std::fs::read_to_string(path).is_ok_and(|text| text.starts_with(MARK))
        };
        let found = entries.map(|entry| entry.path()).filter(is_own);
        let mut found: Vec<String> = found
            .filter_map(|path| Some(path.file_stem()?.to_string_lossy().into_owned()))
            .collect();
        found.sort();
        Ok(found)
    }
}

fn missing(error: std::io::Error) -> Failure {
    let why = match error.kind() {
        ErrorKind::NotFound => "systemd is not installed here".to_owned(),
        _ => format!("systemd cannot be asked: {error}"),
    };
    let help = "`score run PATCH --keep-alive` keeps a patch playing without it";
    NodeError::output(why).help(help).into()
}

fn install(
    install: &ServiceInstall,
    kinds: &Kinds<'_>,
    settings: &Settings,
) -> Result<(), Failure> {
    let manager = Manager::of(install.system);
    let patch = std::path::absolute(&install.patch).map_err(|error| {
        Failure::Message(format!(
            "`{}` has no place: {error}",
            install.patch.display()
        ))
    })?;
    let run = parsed(&install.more, &patch)?;
    // What cannot be played, or may not write what it would, would only be started again for ever.
    let ownership = Ownership::of_file(&patch, &run.consent);
    let settings_of_run = ownership.settings(settings);
    let graph = load(&install.patch, &run.overrides.set, kinds, &settings_of_run)?;
    ownership.require_unasked(&graph)?;
    let typed = graph.files().filter(|file| file.typed);
    let typed: Vec<PathBuf> = typed.map(|file| file.path).collect();
    let here = std::env::current_dir()
        .map_err(|error| Failure::Message(format!("this folder is not there: {error}")))?;
    // systemd starts it in another folder.
    let more = rooted(&install.more, &typed, &here);
    let run = parsed(&more, &patch)?;
    if install.system && !install.print {
        require_state(run.state.as_deref())?;
    }
    let unit = Unit {
        program: std::env::current_exe().map_err(|error| {
            Failure::Message(format!("nobody knows where this program lies: {error}"))
        })?,
        writes: folders_written(&run)
            .into_iter()
            .chain(sockets(&here))
            .collect(),
        more,
        environment: environment(settings, &here),
        user: install.system.then(|| {
            let user = install.user.clone().unwrap_or_else(|| owner_of(&patch));
            (user, groups())
        }),
        patch,
    };
    let text = unit.text();
    if install.print {
        write!(out(), "{text}")?;
        return Ok(());
    }
    let name = install.name.clone().unwrap_or_else(|| name_of(&unit.patch));
    let unit = format!("{name}.service");
    let path = manager.folder()?.join(&unit);
    put(&path, &text)?;
    manager.require(&["daemon-reload"])?;
    manager.require(&["enable", &unit])?;
    manager.require(&["restart", "--no-block", &unit])?;
    let system = if install.system { " --system" } else { "" };
    let mut out = out();
    let when = match manager.starts_with_machine() {
        true => "and from each start of the machine on",
        false => "while this user is logged in",
    };
    writeln!(out, "{} plays from now on, {when}", install.patch.display())?;
    writeln!(out, "  the unit: {}", path.display())?;
    writeln!(out, "  how it is: score service status{system} {name}")?;
    writeln!(out, "  what it says: score service logs{system} {name}")?;
    if !manager.starts_with_machine() {
        writeln!(
            out,
            "  to play from each start of the machine on: sudo loginctl enable-linger {}",
            crate::users::own_name()
        )?;
    }
    Ok(())
}

/// Reads what systemd is told, word for word.
fn parsed(more: &[String], patch: &Path) -> Result<Run, Failure> {
    let words = std::iter::once(OsStr::new("score")).chain(words_of(more, patch));
    let read = Arguments::try_parse_from(words.map(OsStr::to_owned));
    let read = read.map_err(|wrong| {
        let why = wrong.render().to_string();
        Failure::Message(why.trim_start_matches("error: ").trim_end().to_owned())
    })?;
    match read.command {
        Words::Run(run) => Ok(run),
        _ => Err(Failure::Message(
            "these are no words for `score run`".to_owned(),
        )),
    }
}

/// Requires the folder of --state: what does not play as root makes none outside its own.
fn require_state(state: Option<&Path>) -> Result<(), Failure> {
    let Some(missing) = state.filter(|state| !state.is_dir()) else {
        return Ok(());
    };
    let missing = missing.display();
    let why = format!("`{missing}`, the folder of --state, is not there");
    let help = format!("`mkdir -p '{missing}'`, and `chown` it to the user who plays");
    Err(NodeError::output(why).help(help).into())
}

/// Puts a unit in its place, if nobody else's is there.
fn put(path: &Path, text: &str) -> Result<(), Failure> {
    let refuse = |why: String, help: &str| {
        let why = format!("`{}` cannot be written: {why}", path.display());
        Failure::from(NodeError::output(why).help(help))
    };
    require_own(path).map_err(|why| refuse(why, "give it another name with --name"))?;
    let folder = path.parent().unwrap_or(Path::new("/"));
    let made = std::fs::create_dir_all(folder).and_then(|()| std::fs::write(path, text));
    made.map_err(|error| refuse(error.to_string(), "with --system it takes root: use sudo"))
}

/// Requires that what lies at `path` was written by this program, or that nothing lies there.
fn require_own(path: &Path) -> Result<(), String> {
    match std::fs::read_to_string(path) {
        Ok(text) if text.starts_with(MARK) => Ok(()),
        Ok(_) => Err("it is not of `score service install`".to_owned()),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error.to_string()),
    }
}

fn remove(name: &ServiceName) -> Result<(), Failure> {
    let (manager, unit) = found(name)?;
    if manager.is_system && !name.system {
        let why = format!("{unit} is one of the whole system");
        let name = unit.trim_end_matches(".service");
        let help = format!("`sudo score service remove --system {name}` removes it");
        return Err(NodeError::input(why).help(help).into());
    }
    let path = manager.folder()?.join(&unit);
    if let Err(why) = require_own(&path) {
        let why = format!("`{}` is not removed: {why}", path.display());
        return Err(NodeError::output(why)
            .help("systemctl disable it, and remove it by hand")
            .into());
    }
    manager.require(&["disable", "--now", &unit])?;
    std::fs::remove_file(&path).map_err(|error| {
        Failure::Message(format!("`{}` cannot be removed: {error}", path.display()))
    })?;
    manager.require(&["daemon-reload"])?;
    writeln!(
        out(),
        "{unit} is ended and removed; the patch, takes and what is known of it stay"
    )?;
    Ok(())
}

/// The unit that is to be shown, and who has it; says so where that is not this user.
fn shown(name: &ServiceName) -> Result<(Manager, String), Failure> {
    let (manager, unit) = found(name)?;
    if manager.is_system && !name.system {
        tell(format_args!("{unit} is one of the whole system"));
    }
    Ok((manager, unit))
}

/// The unit that is meant, and who has it: the whole system, where this user has none of that name.
fn found(name: &ServiceName) -> Result<(Manager, String), Failure> {
    let wanted = name.name.as_deref();
    let wanted = wanted.map(|name| name.trim_end_matches(".service"));
    let (own, system) = (Manager::of(name.system), Manager::of(true));
    let units = own.units()?;
    let of_system = match name.system {
        true => Vec::new(),
        false => system.units()?,
    };
    match is_elsewhere(wanted, &units, &of_system) {
        true => Ok((system, unit_of(wanted, &of_system)?)),
        false => Ok((own, unit_of(wanted, &units)?)),
    }
}

/// Whether the unit that is meant, or any where none is named, is not among `units`, but
/// `of_system`.
fn is_elsewhere(wanted: Option<&str>, units: &[String], of_system: &[String]) -> bool {
    let has = |units: &[String]| match wanted {
        Some(wanted) => units.iter().any(|name| name == wanted),
        None => !units.is_empty(),
    };
    !has(units) && has(of_system)
}

/// The unit that is meant: the only one of `units`, where none is named.
fn unit_of(wanted: Option<&str>, units: &[String]) -> Result<String, Failure> {
    let refuse = |why: String, help: String| Err(NodeError::input(why).help(help).into());
    match (wanted, units) {
        (Some(wanted), _) if units.iter().any(|name| name == wanted) => {
            Ok(format!("{wanted}.service"))
        }
        (None, [only]) => Ok(format!("{only}.service")),
        (_, []) => refuse(
            "no service is installed here".to_owned(),
            "`score service install PATCH` installs one".to_owned(),
        ),
        (Some(wanted), _) => refuse(
            format!("there is no service `{wanted}`"),
            format!("there is {}", units.join(", ")),
        ),
        (None, _) => refuse(
            "several services are installed".to_owned(),
            format!("name one of {}", units.join(", ")),
        ),
    }
}

/// The folders that a run writes to, besides the patch's own.
fn folders_written(run: &Run) -> Vec<PathBuf> {
    let files = [&run.log_file, &run.status_json].into_iter().flatten();
    let files = files.filter(|file| file.as_path() != Path::new(STANDARD));
    let folders = files.filter_map(|file| Some(file.parent()?.to_owned()));
    let mut written = Vec::new();
    let all = run.consent.write_to.iter().chain(&run.state).cloned();
    for folder in all.chain(folders) {
        if !written.contains(&folder) {
            written.push(folder);
        }
    }
    written
}

/// The folder in which other commands find the run, where it is named.
fn sockets(here: &Path) -> Option<PathBuf> {
    let named = std::env::var_os(SOCKETS).filter(|named| !named.is_empty())?;
    Some(from_root(named, here))
}

/// What the run needs to find that it would find in the folder `here`.
fn environment(settings: &Settings, here: &Path) -> Vec<(String, String)> {
    let mut environment: Vec<(String, String)> = (VARIABLES.iter())
        .filter_map(|name| Some((*name, std::env::var(name).ok()?)))
        .filter(|(_, value)| !value.is_empty())
        .map(|(name, value)| (name.to_owned(), rooted_value(name, value, here)))
        .collect();
    if let Some(models) = settings.folder("models") {
        let models = from_root(models, here).to_string_lossy().into_owned();
        environment.retain(|(name, _)| name != MODELS);
        environment.push((MODELS.to_owned(), models));
    }
    environment
}

/// The value of a variable in the folder `here`, with paths from the root: systemd starts the run in
/// another folder.
fn rooted_value(name: &str, value: String, here: &Path) -> String {
    match name {
        PLUGINS => {
            let folders = std::env::split_paths(&value);
            let folders = folders.filter(|folder| !folder.as_os_str().is_empty());
            match std::env::join_paths(folders.map(|folder| from_root(folder, here))) {
                Ok(list) => list.to_string_lossy().into_owned(),
                Err(_) => value,
            }
        }
        // One without a folder is looked for where the system has its libraries.
        RUNTIME if Path::new(&value).components().count() <= 1 => value,
        MODELS | SOCKETS | RUNTIME => from_root(value, here).to_string_lossy().into_owned(),
        _ => value,
    }
}

/// Whose the patch is, by number, which systemd understands.
#[cfg(unix)]
fn owner_of(patch: &Path) -> String {
    use std::os::unix::fs::MetadataExt;

    patch.metadata().map_or(0, |file| file.uid()).to_string()
}

#[cfg(not(unix))]
fn owner_of(_patch: &Path) -> String {
    "0".to_owned()
}

/// Those of [`GROUPS`] that this system has: one that is missing would keep the unit from starting.
fn groups() -> Vec<String> {
    let known = std::fs::read_to_string("/etc/group").unwrap_or_default();
    let has = |group: &&&str| {
        let line = format!("{group}:");
        known.lines().any(|known| known.starts_with(&line))
    };
    GROUPS
        .iter()
        .filter(has)
        .map(|group| (*group).to_owned())
        .collect()
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn a_unit_of_the_system_is_meant_where_this_user_has_none_of_that_name() {
        let names = |names: &[&str]| -> Vec<String> {
            names.iter().map(|name| (*name).to_owned()).collect()
        };
        let (none, show, both) = (names(&[]), names(&["show"]), names(&["show", "other"]));
        for (wanted, own, of_system, expected) in [
            (None, &none, &show, true),
            (None, &show, &both, false),
            (None, &none, &none, false),
            (Some("show"), &none, &both, true),
            (Some("show"), &show, &show, false),
            (Some("other"), &show, &both, true),
            (Some("third"), &none, &both, false),
        ] {
            let found = is_elsewhere(wanted, own, of_system);
            assert_eq!(found, expected, "{wanted:?} {own:?} {of_system:?}");
        }
    }

    #[test]
    fn what_variables_name_is_meant_from_where_the_service_is_installed() {
        let here = Path::new("/home/ann");
        let rooted = |name: &str, value: &str| rooted_value(name, value.to_owned(), here);
        for (name, value, expected) in [
            (PLUGINS, "a::/b", "/home/ann/a:/b"),
            (RUNTIME, "runtime/lib.so", "/home/ann/runtime/lib.so"),
            (MODELS, "models", "/home/ann/models"),
            (SOCKETS, "/run/score", "/run/score"),
        ] {
            assert_eq!(rooted(name, value), expected, "{name}");
        }
        for (name, value) in [
            (RUNTIME, "libonnxruntime.so"),
            ("JACK_DEFAULT_SERVER", "stage"),
        ] {
            assert_eq!(rooted(name, value), value);
        }
    }
}
