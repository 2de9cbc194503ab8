//! The unit with which systemd plays a patch: of the whole system, or of a user.

use std::ffi::OsStr;
use std::fmt::Write as _;
use std::path::{Component, Path, PathBuf};

/// The first line of a unit that this program wrote.
pub(crate) const MARK: &str =
    "# Written by `score service install`; `score service remove` takes it away.";

/// What a unit is made of.
pub(crate) struct Unit {
    /// The program.
    pub(crate) program: PathBuf,
    /// The patch, from the root.
    pub(crate) patch: PathBuf,
    /// More words for `score run`.
    pub(crate) more: Vec<String>,
    /// Folders that it writes to besides the patch's own.
    pub(crate) writes: Vec<PathBuf>,
    /// Variables of the environment.
    pub(crate) environment: Vec<(String, String)>,
    /// Whose the process is, and its further groups; `None`: the user who has the unit.
    pub(crate) user: Option<(String, Vec<String>)>,
}

/// A text as systemd.syntax(7) writes one word that may have blanks.
fn quoted(word: &OsStr) -> String {
    let word = specified(word);
    let is_plain = |letter: char| letter.is_ascii_alphanumeric() || "/._-+=:,@%".contains(letter);
    if !word.is_empty() && word.chars().all(is_plain) {
        return word;
    }
    let escaped = word.replace('\\', "\\\\").replace('"', "\\\"");
    format!("\"{escaped}\"")
}

/// A text in which nothing is a specifier of systemd.
fn specified(word: &OsStr) -> String {
    word.to_string_lossy().replace('%', "%%")
}

/// A word of a command line, in which nothing is a variable.
fn argument(word: &OsStr) -> String {
    quoted(word).replace('$', "$$")
}

/// The words with which the program plays `patch`, and `more` of them.
pub(crate) fn words_of<'a>(more: &'a [String], patch: &'a Path) -> impl Iterator<Item = &'a OsStr> {
    let run = ["run", "--keep-alive", "--quiet"].map(OsStr::new);
    let words = run.into_iter().chain(more.iter().map(OsStr::new));
    words.chain([OsStr::new("--"), patch.as_os_str()])
}

/// A folder as systemd takes it, which refuses those with `..` in them.
fn without_parents(folder: &Path) -> PathBuf {
    let has_parent = folder.components().any(|part| part == Component::ParentDir);
    let found = has_parent.then(|| folder.canonicalize().ok()).flatten();
    found.unwrap_or_else(|| folder.to_owned())
}

impl Unit {
    /// The unit's text.
    pub(crate) fn text(&self) -> String {
        let mut text = format!("{MARK}\n\n[Unit]\n");
        let stem = self.patch.file_stem().unwrap_or_default();
        let folder = without_parents(self.patch.parent().unwrap_or(Path::new("/")));
        let is_system = self.user.is_some();
        let mut line = |line: &str| {
            let _ = writeln!(text, "{line}");
        };
        line(&format!("Description=SCORE! plays {}", specified(stem)));
        line("Documentation=man:score(1)");
        line(match is_system {
            true => "After=sound.target network.target",
            false => "After=pipewire.service pipewire-pulse.service pulseaudio.service",
        });
        line("# It is started again for ever.");
        line("StartLimitIntervalSec=0");
        line("\n[Service]");
        line("# It says itself when the first block sounds, and that everything moves.");
        line("Type=notify");
        line("NotifyAccess=all");
        line("WatchdogSec=30");
        if let Some((user, groups)) = &self.user {
            line(&format!("User={user}"));
            if !groups.is_empty() {
                line(&format!("SupplementaryGroups={}", groups.join(" ")));
            }
        }
        line(&format!(
            "WorkingDirectory={}",
            specified(folder.as_os_str())
        ));
        line("StateDirectory=score");
        for (name, value) in &self.environment {
            let word = format!("{name}={value}");
            line(&format!("Environment={}", quoted(OsStr::new(&word))));
        }
        let words = std::iter::once(self.program.as_os_str());
        let words = words.chain(words_of(&self.more, &self.patch));
        let words: Vec<String> = words.map(argument).collect();
        line(&format!("ExecStart={}", words.join(" ")));
        line("Restart=always");
        line("RestartSec=2");
        line("# Where memory runs out, the keeper lives on and starts the run again.");
        line("OOMPolicy=continue");
        line("# The keeper tells the run; what has not ended when it has is killed.");
        line("KillMode=mixed");
        line("\n# Real-time priority and locked memory for sound.");
        line("LimitRTPRIO=95");
        line("LimitMEMLOCK=infinity");
        line("LimitCORE=0");
        line("\n# Not set, since it takes sound or the models away: PrivateDevices, ProtectClock,");
        line("# RestrictRealtime, PrivateTmp, MemoryDenyWriteExecute.");
        line("NoNewPrivileges=yes");
        line("LockPersonality=yes");
        line("RestrictSUIDSGID=yes");
        line("SystemCallArchitectures=native");
        line("RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK");
        if is_system {
            line("ProtectSystem=strict");
            line("ProtectHome=read-only");
            line("ProtectKernelModules=yes");
            line("ProtectKernelTunables=yes");
            line("ProtectControlGroups=yes");
            line("RestrictNamespaces=yes");
            let own = [folder, "/tmp".into(), "/var/tmp".into()];
            let places = self.writes.iter().map(|place| without_parents(place));
            let places = own.into_iter().chain(places);
            // A disk that is not there yet must not keep it from starting.
            let places: Vec<String> = places
                .map(|place| quoted(Path::new(&format!("-{}", place.display())).as_os_str()))
                .collect();
            line(&format!("ReadWritePaths={}", places.join(" ")));
        }
        line("\n[Install]");
        line(match is_system {
            true => "WantedBy=multi-user.target",
            false => "WantedBy=default.target",
        });
        text
    }
}

/// The name of the unit of a patch: letters, digits, `-` and `_` of its file's name.
pub(crate) fn name_of(patch: &Path) -> String {
    let stem = patch.file_stem().unwrap_or_default().to_string_lossy();
    let letter = |letter: char| match letter.is_ascii_alphanumeric() || letter == '_' {
        true => letter,
        false => '-',
    };
    format!("score-{}", stem.chars().map(letter).collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unit(patch: &str) -> Unit {
        Unit {
            program: PathBuf::from("/usr/bin/score"),
            patch: PathBuf::from(patch),
            more: vec!["--set".to_owned(), "let.level=$1 50%".to_owned()],
            writes: vec![PathBuf::from("/srv/my takes")],
            environment: vec![("SCORE_MODELS".to_owned(), "/srv/a \"b\"".to_owned())],
            user: Some(("1000".to_owned(), vec!["audio".to_owned()])),
        }
    }

    #[test]
    fn whatever_stands_in_names_stays_one_word() {
        let text = unit("/home/ann/50 % \"loud\"/my show.ron").text();
        let has = |line: &str| assert!(text.lines().any(|found| found == line), "{line}\n{text}");
        has("WorkingDirectory=/home/ann/50 %% \"loud\"");
        has(
            "ExecStart=/usr/bin/score run --keep-alive --quiet --set \"let.level=$$1 50%%\" -- \
             \"/home/ann/50 %% \\\"loud\\\"/my show.ron\"",
        );
        has("Environment=\"SCORE_MODELS=/srv/a \\\"b\\\"\"");
        has("ReadWritePaths=\"-/home/ann/50 %% \\\"loud\\\"\" -/tmp -/var/tmp \"-/srv/my takes\"");
        has("SupplementaryGroups=audio");
        assert_eq!(
            name_of(Path::new("/a/my show (2).ron")),
            "score-my-show--2-"
        );
    }

    #[test]
    fn systemd_is_given_no_folder_with_a_parent_in_it() {
        let above = tempfile::tempdir().unwrap();
        let above = above.path().canonicalize().unwrap();
        std::fs::create_dir_all(above.join("show/state")).unwrap();
        let unit = Unit {
            writes: vec![above.join("show/../show/state")],
            ..unit(above.join("show/state/../piece.ron").to_str().unwrap())
        };
        let text = unit.text();
        let show = above.join("show").display().to_string();
        let has = |line: &str| assert!(text.lines().any(|found| found == line), "{line}\n{text}");
        has(&format!("WorkingDirectory={show}"));
        has(&format!(
            "ReadWritePaths=-{show} -/tmp -/var/tmp -{show}/state"
        ));
    }

    #[test]
    fn nothing_is_set_that_takes_the_sound_away() {
        for user in [None, Some(("1000".to_owned(), Vec::new()))] {
            let text = Unit {
                user,
                ..unit("/srv/show.ron")
            }
            .text();
            for harmful in [
                "PrivateDevices=",
                "ProtectClock=",
                "RestrictRealtime=",
                "PrivateTmp=",
                "MemoryDenyWriteExecute=",
            ] {
                assert!(!text.contains(harmful), "{harmful}");
            }
            assert!(text.contains("LimitRTPRIO=95") && text.contains("Restart=always"));
        }
    }
}
