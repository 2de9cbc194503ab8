//! Looks at the machine: programs, rights, the clock, whether it sleeps.

use std::process::{Command, Stdio};

use super::{Finding, Needs};

/// The first line that a program prints; `None`: it is not there, or fails.
fn told(program: &str, words: &[&str]) -> Option<String> {
    let output = Command::new(program)
        .args(words)
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .output()
        .ok()?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let line = text.lines().next().unwrap_or_default().trim().to_owned();
    (output.status.success() || !line.is_empty()).then_some(line)
}

pub(super) fn ffmpeg() -> Finding {
    let missing = ["ffmpeg", "ffprobe"]
        .into_iter()
        .find(|name| told(name, &["-version"]).is_none());
    match (missing, told("ffmpeg", &["-version"])) {
        (None, Some(line)) => {
            let words: Vec<&str> = line.split_whitespace().take(3).collect();
            Finding::fine("ffmpeg", words.join(" "))
        }
        (missing, _) => Finding::mended_by(
            "ffmpeg",
            format!(
                "{} is not installed: no film and no camera can be read",
                missing.unwrap_or("ffmpeg")
            ),
            "sudo apt install ffmpeg",
        ),
    }
}

/// Whether the clock is kept right: hours, and the names of recordings, go by it.
pub(super) fn clock() -> Finding {
    let says = |property| told("timedatectl", &["show", "-p", property, "--value"]);
    clock_of(
        says("NTPSynchronized").as_deref(),
        says("CanNTP").as_deref(),
    )
}

/// By whether the clock is synchronised, and whether a program is there that could do it.
fn clock_of(synchronised: Option<&str>, can: Option<&str>) -> Finding {
    let says = "nothing keeps it right, and hours go by it";
    match (synchronised, can) {
        (Some("yes"), _) => Finding::fine("clock", "it is synchronised"),
        (Some("no"), Some("no")) => {
            Finding::mended_by("clock", says, "sudo apt install systemd-timesyncd")
        }
        (Some("no"), _) => Finding::mended_by("clock", says, "sudo timedatectl set-ntp true"),
        _ => Finding::unknown(
            "clock",
            "timedatectl does not say whether it is synchronised",
        ),
    }
}

/// Whether the machine may go to sleep by itself.
pub(super) fn sleep() -> Finding {
    sleep_of(told("systemctl", &["is-enabled", "sleep.target"]).as_deref())
}

fn sleep_of(target: Option<&str>) -> Finding {
    match target {
        Some("masked") => Finding::fine("sleep", "the machine does not go to sleep"),
        Some(_) => Finding::mended_by(
            "sleep",
            "the machine may go to sleep",
            "sudo systemctl mask sleep.target suspend.target hibernate.target hybrid-sleep.target",
        ),
        None => Finding::unknown("sleep", "systemctl does not say whether the machine sleeps"),
    }
}

/// The rights of this user: real-time priority, and the groups of sound and video.
#[cfg(unix)]
pub(super) fn rights(needs: Needs) -> Vec<Finding> {
    use rustix::process::{Resource, getegid, geteuid, getgroups, getrlimit};

    if geteuid().is_root() {
        return vec![Finding::fine(
            "rights",
            "this is root, who may do all; look as the user who will play",
        )];
    }
    let groups = std::fs::read_to_string("/etc/group").unwrap_or_default();
    let mut own: Vec<u32> = getgroups()
        .unwrap_or_default()
        .iter()
        .map(|group| group.as_raw())
        .collect();
    own.push(getegid().as_raw());
    let limit = getrlimit(Resource::Rtprio).maximum;
    let user = crate::users::own_name();
    let group = |name| group_of(&groups, &own, name, &user);
    let audio = (needs.sound || needs.midi).then(|| group("audio"));
    let video = needs.camera.then(|| group("video"));
    let priority = needs.sound.then(|| priority_of(limit));
    audio.into_iter().chain(video).chain(priority).collect()
}

#[cfg(not(unix))]
pub(super) fn rights(_needs: Needs) -> Vec<Finding> {
    Vec::new()
}

/// Whether somebody in the groups `own` is in the group called `name`, by the file of groups. The
/// command names `user`, since whoever may type it is often another.
#[cfg(unix)]
fn group_of(groups: &str, own: &[u32], name: &'static str, user: &str) -> Finding {
    let number = groups.lines().find_map(|line| {
        let mut fields = line.split(':');
        (fields.next() == Some(name)).then(|| fields.nth(1)?.parse::<u32>().ok())?
    });
    let what = if name == "audio" {
        "group audio"
    } else {
        "group video"
    };
    match number {
        None => Finding::unknown(what, format!("this system has no group `{name}`")),
        Some(number) if own.contains(&number) => Finding::fine(what, "this user is in it"),
        Some(_) => Finding::mended_by(
            what,
            "this user is not in it, and may not open devices without being logged in",
            format!("sudo usermod -aG {name} {user}"),
        )
        .then("log in again"),
    }
}

/// Whether this highest real-time priority is enough; `None`: there is no limit.
#[cfg(unix)]
fn priority_of(limit: Option<u64>) -> Finding {
    match limit {
        // A file of its own: that of JACK's package says more than this.
        Some(0) => Finding::mended_by(
            "priority",
            "this user gets no real-time priority: sound breaks off sooner under load",
            "echo '@audio - rtprio 95' | sudo tee /etc/security/limits.d/score.conf",
        )
        .then("log in again"),
        Some(limit) => Finding::fine("priority", format!("real-time priority up to {limit}")),
        None => Finding::fine("priority", "real-time priority without a limit"),
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::super::State;
    use super::*;

    #[test]
    fn each_is_told_by_what_the_system_says() {
        assert_eq!(clock_of(Some("yes"), Some("yes")).state, State::Fine);
        assert_eq!(clock_of(Some("no"), Some("yes")).state, State::Lacks);
        assert_eq!(clock_of(None, None).state, State::Unknown);
        assert_eq!(sleep_of(Some("masked")).state, State::Fine);
        assert_eq!(sleep_of(Some("static")).state, State::Lacks);
        assert_eq!(sleep_of(None).state, State::Unknown);
        let groups = "root:x:0:\naudio:x:29:ann\nvideo:x:44:";
        let group = |groups, name| group_of(groups, &[1000, 29], name, "ann").state;
        assert_eq!(group(groups, "audio"), State::Fine);
        assert_eq!(group(groups, "video"), State::Lacks);
        assert_eq!(group("", "video"), State::Unknown);
        assert_eq!(priority_of(Some(0)).state, State::Lacks);
        assert_eq!(priority_of(Some(95)).state, State::Fine);
        assert_eq!(priority_of(None).state, State::Fine);
    }

    #[test]
    fn what_mends_can_be_typed_as_it_stands_by_whoever_may() {
        let group = group_of("video:x:44:", &[1001], "video", "score");
        assert_eq!(group.mend.as_deref(), Some("sudo usermod -aG video score"));
        assert_eq!(group.advice.as_deref(), Some("log in again"));
        let mends = |can| clock_of(Some("no"), Some(can)).mend.unwrap();
        assert_eq!(mends("yes"), "sudo timedatectl set-ntp true");
        // Where nothing is there that could keep it right, the other command would fail.
        assert_eq!(mends("no"), "sudo apt install systemd-timesyncd");
        let all = [
            group,
            clock_of(Some("no"), None),
            sleep_of(Some("static")),
            priority_of(Some(0)),
        ];
        for mend in all.map(|finding| finding.mend.unwrap()) {
            assert!(mend.contains("sudo ") && !mend.contains(", "), "{mend}");
        }
    }
}
