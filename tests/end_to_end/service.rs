//! A run tells a service manager how it is; one that is kept alive comes back, or something quieter
//! does.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use score_test_support::notify::NotifySocket;
use score_test_support::{Talking, ffmpeg, program, text};
use serde_json::Value;

/// How long a machine that does much else may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// A patch that needs no device and writes nothing.
const HUM: &str = r#"Patch(
    format: 1,
    nodes: {
        "hum": tone(gain: -30),
    },
    presets: {"calm": {"hum.gain": -40}},
)
"#;

fn until(what: &str, is_so: impl Fn() -> bool) {
    let started = Instant::now();
    while !is_so() {
        assert!(started.elapsed() < PATIENCE, "{what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// A folder with a patch.
struct Stage(tempfile::TempDir);

impl Stage {
    fn new(patch: &str) -> Self {
        let stage = Stage(tempfile::tempdir().unwrap());
        stage.save(patch);
        stage
    }

    fn folder(&self) -> &Path {
        self.0.path()
    }

    fn at(&self, name: &str) -> PathBuf {
        self.folder().join(name)
    }

    fn save(&self, patch: &str) {
        std::fs::write(self.at("show.ron"), patch).unwrap();
    }

    fn command(&self, more: &[&str]) -> Command {
        let run = [
            "run",
            "show.ron",
            "--quiet",
            "--status-json",
            "status.jsonl",
        ];
        let mut command = program(self.folder(), &[&run, more].concat());
        command
            .env("SCORE_RUNTIME_DIR", self.at("sockets"))
            .env("JACK_DEFAULT_SERVER", "no-such-server");
        command
    }

    /// A run that is kept alive.
    fn kept(&self, more: &[&str]) -> Talking {
        let keep = ["--keep-alive", "--state", "state"];
        let mut command = self.command(&[&keep, more].concat());
        let run = Talking::start(command.env("NOTIFY_SOCKET", self.at("notify")));
        run.until("plays");
        run
    }

    /// The last status.
    fn status(&self) -> Value {
        let text = std::fs::read_to_string(self.at("status.jsonl")).unwrap_or_default();
        let line = text
            .lines()
            .rfind(|line| line.ends_with('}'))
            .unwrap_or("{}");
        serde_json::from_str(line).unwrap_or_default()
    }

    /// Waits until the status says that this plays in place of the patch; "null": the patch itself.
    fn until_plays(&self, what: &str) {
        until(what, || {
            let stands = self.status()["standing_in"]["plays"].clone();
            self.status()["revision"] == 1 && stands == serde_json::from_str::<Value>(what).unwrap()
        });
    }
}

/// The processes that a process has started, on whichever of its threads.
fn children(id: u32) -> Vec<u32> {
    let threads = std::fs::read_dir(format!("/proc/{id}/task"));
    let lists = (threads.into_iter().flatten().flatten())
        .map(|thread| std::fs::read_to_string(thread.path().join("children")).unwrap_or_default());
    let ids = lists.flat_map(|list| {
        let ids = list.split_whitespace().filter_map(|id| id.parse().ok());
        ids.collect::<Vec<u32>>()
    });
    ids.collect()
}

fn signal(id: u32, name: &str) {
    let sent = Command::new("kill")
        .args(["-s", name, &id.to_string()])
        .status();
    assert!(sent.unwrap().success());
}

/// Kills the run that `keeper` keeps, and waits until there is another. Gives how long that took.
fn kill(keeper: &Talking) -> Duration {
    let old = children(keeper.id());
    old.iter().for_each(|id| signal(*id, "KILL"));
    let killed = Instant::now();
    // The log of the run, and not the keeper's word for it.
    keeper.until("plays models=");
    killed.elapsed()
}

#[test]
fn a_run_reports_that_it_is_ready_that_it_lives_and_that_it_ends() {
    let stage = Stage::new(HUM);
    let mut manager = NotifySocket::new(stage.folder());
    let mut command = stage.command(&[]);
    command.env("NOTIFY_SOCKET", manager.path());
    command.env("WATCHDOG_USEC", "3000000");
    let mut run = Talking::start(&mut command);
    manager.until("READY=1", PATIENCE);
    manager.until("STATUS=plays revision 1", PATIENCE);
    let alive = manager.count("WATCHDOG=1", Duration::from_millis(4500));
    assert!((3..=6).contains(&alive), "{alive} times in 4.5 s");
    // A program that stands still says nothing, and is not ready a second time.
    run.signal("STOP");
    manager.count("WATCHDOG=1", Duration::from_millis(500));
    assert_eq!(manager.count("WATCHDOG=1", Duration::from_secs(3)), 0);
    run.signal("CONT");
    manager.forget();
    manager.until("WATCHDOG=1", PATIENCE);
    run.signal("TERM");
    manager.until("STOPPING=1", PATIENCE);
    assert!(run.wait(PATIENCE).success());
    assert!(
        !manager
            .messages
            .iter()
            .any(|(_, text)| text.contains("READY"))
    );
}

#[test]
fn a_run_without_a_service_manager_says_nothing_to_one() {
    let stage = Stage::new(HUM);
    let mut manager = NotifySocket::new(stage.folder());
    let mut run = Talking::start(stage.command(&[]).env_remove("NOTIFY_SOCKET"));
    run.until("plays");
    assert_eq!(manager.count("", Duration::from_secs(2)), 0);
    run.signal("TERM");
    assert!(run.wait(PATIENCE).success());
}

#[test]
fn a_film_whose_decoder_stands_still_goes_on_and_nobody_starts_the_run_again() {
    let stage = Stage::new(
        r#"Patch(
    format: 1,
    nodes: {"film": video_file(path: "film.mp4", loop: true), "motion": motion()},
    wires: ["film -> motion"],
)
"#,
    );
    // Longer than what lies in pipes and wires, so that its decoder lives.
    let film = "-f lavfi -i testsrc2=size=320x240:rate=15:duration=60 film.mp4";
    ffmpeg(stage.folder(), film);
    let mut manager = NotifySocket::new(stage.folder());
    let mut command = stage.command(&[]);
    command.env("NOTIFY_SOCKET", manager.path());
    command.env("WATCHDOG_USEC", "20000000");
    let run = Talking::start(&mut command);
    manager.until("READY=1", PATIENCE);
    until("ffmpeg reads the film", || !children(run.id()).is_empty());
    let decoders = children(run.id());
    decoders.iter().for_each(|id| signal(*id, "STOP"));
    run.until("its decoder is restarted");
    assert_eq!(manager.count("WATCHDOG=trigger", Duration::from_secs(3)), 0);
    manager.forget();
    manager.until("WATCHDOG=1", PATIENCE);
}

#[test]
fn a_patch_that_dies_comes_back_and_at_the_third_death_something_quieter_does() {
    // It has been open once, long ago.
    let hours = "hours: [(dates: [\"2001-01-01\"], from: \"10:00\", to: \"18:00\", zone: \"UTC\")],\n    presets";
    let stage = Stage::new(&HUM.replace("presets", hours));
    let mut manager = NotifySocket::new(stage.folder());
    let mut keeper = stage.kept(&[]);
    for death in 0..2 {
        let took = kill(&keeper);
        println!("plays again {took:?} after death {death}");
        assert!(took < Duration::from_secs(5), "{took:?}");
        stage.until_plays("null");
    }
    kill(&keeper);
    stage.until_plays("\"quiet\"");
    let status = stage.status();
    assert!(
        status["standing_in"]["why"]
            .as_str()
            .unwrap()
            .contains("signal 9"),
        "{status}"
    );
    assert!(
        status["nodes"]
            .as_array()
            .unwrap()
            .iter()
            .any(|node| node["id"] == "glass")
    );
    // The artist's hours are those of what plays in place of the patch.
    assert_eq!(status["hours"]["open"], false, "{status}");
    for _ in 0..3 {
        kill(&keeper);
    }
    stage.until_plays("\"silence\"");
    // A saved patch begins anew.
    stage.save(&HUM.replace("-30", "-31"));
    keeper.until("the patch was saved");
    keeper.until("plays models=");
    stage.until_plays("null");
    let took = kill(&keeper);
    assert!(took < Duration::from_secs(5), "{took:?}");
    // Runs have come and gone: who says that it stops, and goes on, is killed by systemd.
    assert_eq!(manager.count("WATCHDOG=trigger", Duration::ZERO), 0);
    let stopping = |manager: &NotifySocket| {
        let messages = manager.messages.iter();
        messages
            .filter(|(_, text)| text.contains("STOPPING"))
            .count()
    };
    assert_eq!(stopping(&manager), 0, "{:#?}", manager.messages);
    keeper.signal("TERM");
    assert!(keeper.wait(PATIENCE).success());
    manager.until("STOPPING=1", PATIENCE);
    until("nothing is left running", || {
        children(keeper.id()).is_empty()
    });
}

#[test]
fn a_keeper_that_was_ended_on_purpose_begins_with_the_patch_and_one_that_was_killed_does_not() {
    let stage = Stage::new(HUM);
    let goes_down = |keeper: &Talking| {
        for _ in 0..3 {
            kill(keeper);
        }
        stage.until_plays("\"quiet\"");
    };
    // What is known of the run before is not taken for that of the next.
    let forget = || std::fs::remove_file(stage.at("status.jsonl")).unwrap();
    let cut = |keeper: Talking| {
        let run = children(keeper.id());
        keeper.signal("KILL");
        until("the run has ended", || {
            !Path::new(&format!("/proc/{}", run[0])).exists()
        });
        forget();
    };
    let keeper = stage.kept(&[]);
    goes_down(&keeper);
    let why = stage.status()["standing_in"]["why"].to_string();
    assert!(
        why.contains("restart the service, to try it again"),
        "{why}"
    );
    cut(keeper);
    let mut keeper = stage.kept(&[]);
    stage.until_plays("\"quiet\"");
    keeper.signal("TERM");
    assert!(keeper.wait(PATIENCE).success());
    forget();
    let keeper = stage.kept(&[]);
    stage.until_plays("null");
    // With other words on its command line it may play, as with an option that an error asked for.
    goes_down(&keeper);
    cut(keeper);
    let _keeper = stage.kept(&["--write-to", "takes"]);
    stage.until_plays("null");
}

#[test]
fn what_played_long_plays_again_where_the_saved_patch_cannot() {
    let stage = Stage::new(HUM);
    let keeper = stage.kept(&["--proven-after", "1"]);
    until("the patch has proven itself", || {
        stage.at("state/good.state").exists()
    });
    stage.save("Patch(format: 1, nodes: {\"hum\": tune()})");
    keeper.until("the edit is refused");
    kill(&keeper);
    stage.until_plays("\"last_good\"");
    let status = stage.status();
    assert!(
        status["standing_in"]["why"]
            .as_str()
            .unwrap()
            .contains("tune"),
        "{status}"
    );
    assert_eq!(status["nodes"][0]["id"], "hum");
}

#[test]
fn a_preset_that_was_recalled_is_there_after_a_death_and_a_damaged_state_ends_nothing() {
    let stage = Stage::new(HUM);
    let keeper = stage.kept(&[]);
    let ask = |arguments: &[&str]| {
        let mut command = program(stage.folder(), arguments);
        let output = command
            .env("SCORE_RUNTIME_DIR", stage.at("sockets"))
            .output();
        text(&output.unwrap().stdout)
    };
    until("the run can be reached", || {
        ask(&["get", "hum.gain"]).contains("-30")
    });
    ask(&["preset", "calm"]);
    assert!(ask(&["get", "hum.gain"]).contains("-40"));
    let state = || std::fs::read_to_string(stage.at("state/run.state")).unwrap_or_default();
    until("the preset is written down", || state().contains("calm"));
    kill(&keeper);
    until("it is recalled", || {
        ask(&["get", "hum.gain"]).contains("-40")
    });
    // Half of it, as after a power cut on a disk that lies.
    let half = state();
    std::fs::write(stage.at("state/run.state"), &half[..half.len() / 2]).unwrap();
    kill(&keeper);
    until("it plays as the patch says", || {
        ask(&["get", "hum.gain"]).contains("-30")
    });
    assert!(stage.at("state/run.state.damaged").exists());
}

#[test]
fn a_patch_has_one_keeper() {
    let stage = Stage::new(HUM);
    let _keeper = stage.kept(&[]);
    let second = stage
        .command(&["--keep-alive", "--state", "state"])
        .output()
        .unwrap();
    assert_eq!(second.status.code(), Some(1));
    let said = text(&second.stderr);
    assert!(said.contains("another `score run --keep-alive`"), "{said}");
}

#[test]
fn a_run_that_hangs_is_ended_and_started_again() {
    let stage = Stage::new(HUM);
    let keeper = stage.kept(&["--hangs-after", "4"]);
    // Until it was heard once, it has more time.
    until("it is heard", || stage.status()["revision"] == 1);
    let old = children(keeper.id());
    old.iter().for_each(|id| signal(*id, "STOP"));
    keeper.until("it hung: it gave no sign of life");
    keeper.until("plays models=");
    let new = children(keeper.id());
    assert!(new.len() == 1 && new != old, "{old:?} {new:?}");
}

#[test]
fn a_second_signal_to_a_keeper_ends_a_run_that_does_not_end() {
    let stage = Stage::new(HUM);
    let mut keeper = stage.kept(&[]);
    let run = children(keeper.id());
    run.iter().for_each(|id| signal(*id, "STOP"));
    keeper.signal("INT");
    std::thread::sleep(Duration::from_millis(600));
    keeper.signal("TERM");
    assert_eq!(keeper.wait(PATIENCE).code(), Some(130));
    assert!(!Path::new(&format!("/proc/{}", run[0])).exists());
}

#[test]
fn a_folder_of_somebody_elses_files_is_not_taken_for_the_state() {
    let stage = Stage::new(HUM);
    std::fs::create_dir(stage.at("diary")).unwrap();
    std::fs::write(stage.at("diary/run.state"), "dear diary").unwrap();
    let refused = stage
        .command(&["--keep-alive", "--state", "diary"])
        .output()
        .unwrap();
    assert_eq!(refused.status.code(), Some(1));
    let said = text(&refused.stderr);
    assert!(
        said.contains("run.state") && said.contains("--state"),
        "{said}"
    );
    let left = std::fs::read_to_string(stage.at("diary/run.state")).unwrap();
    assert_eq!(left, "dear diary");
    assert_eq!(stage.at("diary").read_dir().unwrap().count(), 1);
}

#[test]
fn a_keeper_that_is_killed_takes_its_run_with_it() {
    let stage = Stage::new(HUM);
    let keeper = stage.kept(&[]);
    let run = children(keeper.id());
    assert_eq!(run.len(), 1);
    keeper.signal("KILL");
    let is_gone = || !Path::new(&format!("/proc/{}", run[0])).exists();
    until("the run has ended", is_gone);
}

/// Runs the program with the fake systemd of `path`, and waits for its end.
fn with_systemd(stage: &Stage, path: &str, arguments: &[&str]) -> Output {
    let mut command = program(stage.folder(), arguments);
    command
        .env("PATH", path)
        .env("XDG_CONFIG_HOME", stage.at("config"));
    command.output().unwrap()
}

/// A `systemctl` and a `journalctl` that write down how they are called.
fn fake_systemd(stage: &Stage) -> String {
    use std::os::unix::fs::PermissionsExt;

    let folder = stage.at("bin");
    std::fs::create_dir(&folder).unwrap();
    for name in ["systemctl", "journalctl"] {
        let text = format!(
            "#!/bin/sh\necho \"{name} $*\" >> '{}'\n",
            stage.at("called").display()
        );
        std::fs::write(folder.join(name), text).unwrap();
        let mode = std::fs::Permissions::from_mode(0o755);
        std::fs::set_permissions(folder.join(name), mode).unwrap();
    }
    format!(
        "{}:{}",
        folder.display(),
        std::env::var("PATH").unwrap_or_default()
    )
}

#[test]
fn a_service_is_installed_shown_and_removed_and_nobody_elses_unit_is_touched() {
    let stage = Stage::new(HUM);
    let path = fake_systemd(&stage);
    let score = |arguments: &[&str]| {
        let output = with_systemd(&stage, &path, arguments);
        (
            output.status.code(),
            text(&output.stdout) + &text(&output.stderr),
        )
    };
    let called = || {
        let all = std::fs::read_to_string(stage.at("called")).unwrap_or_default();
        let _ = std::fs::remove_file(stage.at("called"));
        all.lines().map(str::to_owned).collect::<Vec<String>>()
    };
    let (code, said) = score(&[
        "service",
        "install",
        "show.ron",
        "--",
        "--set",
        "hum.gain=-20",
    ]);
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("loginctl enable-linger"), "{said}");
    assert_eq!(
        called(),
        [
            "systemctl --user daemon-reload",
            "systemctl --user enable score-show.service",
            "systemctl --user restart --no-block score-show.service"
        ]
    );
    let unit = stage.at("config/systemd/user/score-show.service");
    let written = std::fs::read_to_string(&unit).unwrap();
    assert!(written.contains("--set hum.gain=-20 -- "), "{written}");
    assert!(
        written.contains("Type=notify") && written.contains("LimitRTPRIO=95"),
        "{written}"
    );
    // systemd starts it in another folder: paths are from the root, and may be written to.
    let install = ["service", "install", "show.ron", "--print"];
    let system = ["--system", "--user", "root", "--"];
    let paths = [
        "--state",
        "known",
        "--log-file=log.txt",
        "--write-to",
        "takes",
    ];
    let (code, unit_text) = score(&[&install[..], &system, &paths].concat());
    assert_eq!(code, Some(0), "{unit_text}");
    let line = |beginning: &str| {
        let mut lines = unit_text.lines();
        lines.find(|line| line.starts_with(beginning)).unwrap()
    };
    let root = stage.folder().display();
    let given = format!(
        "--state {root}/known --log-file={root}/log.txt --write-to {root}/takes -- {root}/show.ron"
    );
    assert!(line("ExecStart=").ends_with(&given), "{unit_text}");
    let writes = format!(" -{root}/takes -{root}/known -{root} ");
    assert!(line("ReadWritePaths=").contains(&writes), "{unit_text}");
    // Where other commands find it, too.
    assert!(line("ReadWritePaths=").ends_with("/sockets"), "{unit_text}");
    // Who is not root makes no folder there.
    let (code, said) = score(&[&install[..3], &system, &paths].concat());
    assert!(code == Some(1) && said.contains("known"), "{said}");
    assert_eq!(called(), [""; 0]);
    // The same again replaces it; the only one need not be named.
    assert_eq!(score(&["service", "install", "show.ron"]).0, Some(0));
    called();
    assert_eq!(score(&["service", "status"]).0, Some(0));
    assert_eq!(
        score(&["service", "logs", "-n", "5", "score-show"]).0,
        Some(0)
    );
    assert_eq!(
        called(),
        [
            "systemctl --user status --no-pager score-show.service",
            "journalctl --user --no-pager -n 5 -u score-show.service"
        ]
    );
    assert_eq!(score(&["service", "remove"]).0, Some(0));
    assert!(!unit.exists() && stage.at("show.ron").exists());
    assert_eq!(
        called()[0],
        "systemctl --user disable --now score-show.service"
    );
    let (code, said) = score(&["service", "status"]);
    assert!(
        code == Some(1) && said.contains("no service is installed here"),
        "{said}"
    );
    std::fs::write(&unit, "[Service]\nExecStart=/bin/true\n").unwrap();
    let (code, said) = score(&["service", "install", "show.ron"]);
    assert!(
        code == Some(1) && said.contains("not of `score service install`"),
        "{said}"
    );
    // What cannot be played, or is no word for `score run`, is refused at once.
    let (code, said) = score(&["service", "install", "show.ron", "--print", "--", "--loud"]);
    assert!(code == Some(1) && said.contains("--loud"), "{said}");
    stage.save("Patch(format: 1, nodes: {\"hum\": tune()})");
    assert_eq!(
        score(&["service", "install", "show.ron", "--print"]).0,
        Some(1)
    );
    assert_eq!(called(), [""; 0]);
}

#[test]
fn a_patch_that_may_not_write_where_it_would_is_refused_before_it_is_installed() {
    let takes = tempfile::tempdir().unwrap();
    let folder = takes.path().canonicalize().unwrap();
    let folder = folder.to_str().unwrap();
    let stage = Stage::new(&format!(
        r#"Patch(
    format: 1,
    nodes: {{"hum": tone(gain: -30), "take": recorder(path: "{folder}/take.wav")}},
    wires: ["hum -> take"],
)
"#
    ));
    let path = fake_systemd(&stage);
    let score = |arguments: &[&str]| with_systemd(&stage, &path, arguments);
    let refusal = |output: &Output| {
        let said = text(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{said}");
        said[said.find("error: ").unwrap()..].to_owned()
    };
    let run = refusal(&stage.command(&[]).output().unwrap());
    assert!(
        run.contains(&format!("--write-to {folder} allows it")),
        "{run}"
    );
    let install = ["service", "install", "show.ron"];
    assert_eq!(refusal(&score(&install)), run);
    assert!(!stage.at("config").exists() && !stage.at("called").exists());
    let lacks = |more: &[&str]| {
        let doctor = ["doctor", "show.ron", "--json"];
        let found = score(&[&doctor, more].concat());
        let json: Value = serde_json::from_slice(&found.stdout).unwrap();
        let mut all = json["findings"].as_array().unwrap().iter();
        all.any(|one| one["what"] == "files" && one["state"] == "lacks")
    };
    assert!(lacks(&[]));
    // With the option that the error asks for, all is well.
    let option = ["--write-to", folder];
    assert!(!lacks(&option));
    let installed = score(&[&install[..], &["--"], &option].concat());
    assert!(installed.status.success(), "{}", text(&installed.stderr));
}

#[test]
fn systemd_finds_nothing_wrong_with_the_units() {
    let stage = Stage::new(HUM);
    if Command::new("systemd-analyze")
        .arg("--version")
        .output()
        .is_err()
    {
        eprintln!("skipped: systemd-analyze is not installed (apt install systemd)");
        return;
    }
    for (kind, more) in [
        ("--user", [].as_slice()),
        ("--system", &["--system", "--user", "root"]),
    ] {
        let install = [&["service", "install", "show.ron", "--print"], more].concat();
        let printed = program(stage.folder(), &install).output().unwrap();
        assert!(printed.status.success(), "{}", text(&printed.stderr));
        let unit = stage.at("score-show.service");
        std::fs::write(&unit, &printed.stdout).unwrap();
        let mut verify = Command::new("systemd-analyze");
        verify.args([kind, "--man=no", "verify"]).arg(&unit);
        let output = verify
            .env("XDG_RUNTIME_DIR", stage.folder())
            .output()
            .unwrap();
        let said = text(&output.stdout) + &text(&output.stderr);
        assert!(
            output.status.success() && !said.contains("score-show"),
            "{kind}: {said}"
        );
    }
}

/// `SCORE_CUTS=30` cuts the power thirty times; it is five by itself.
#[test]
fn after_each_power_cut_the_music_is_back_and_no_take_lacks_more_than_its_last_second() {
    let stage = Stage::new(
        r#"Patch(
    format: 1,
    nodes: {"hum": tone(gain: -30), "take": recorder(path: "take.wav")},
    wires: ["hum -> take"],
)
"#,
    );
    let cuts = std::env::var("SCORE_CUTS")
        .ok()
        .and_then(|cuts| cuts.parse().ok());
    let cuts: u32 = cuts.unwrap_or(5);
    let mut chance = 0x2545_f491_4f6c_dd1du64;
    let (mut lives, mut slowest) = (Vec::new(), Duration::ZERO);
    for _ in 0..cuts {
        let started = Instant::now();
        let run = Talking::start(&mut stage.command(&[]));
        run.until("plays");
        let (plays, took) = (Instant::now(), started.elapsed());
        slowest = slowest.max(took);
        chance ^= chance << 13;
        chance ^= chance >> 7;
        chance ^= chance << 17;
        std::thread::sleep(Duration::from_millis(1_200 + chance % 1_800));
        run.signal("KILL");
        lives.push(plays.elapsed().as_secs_f64());
    }
    let mut run = Talking::start(&mut stage.command(&[]));
    run.until("plays");
    run.signal("TERM");
    assert!(run.wait(PATIENCE).success());
    let mut worst = 0.0f64;
    for (number, lived) in (1..).zip(&lives) {
        let number = if number == 1 {
            String::new()
        } else {
            format!("-{number}")
        };
        let wav = stage.at(&format!("take{number}-recovered.wav"));
        let wav = hound::WavReader::open(&wav).unwrap_or_else(|error| panic!("{wav:?}: {error}"));
        worst = worst.max(lived - f64::from(wav.duration()) / 48_000.0);
    }
    println!("{cuts} cuts: plays within {slowest:?} at most; {worst:.2} s were lost at most");
    assert!(slowest < Duration::from_secs(5), "{slowest:?}");
    assert!(worst < 1.2, "{worst} s are lost");
    let entries = stage.folder().read_dir().unwrap();
    let left: Vec<String> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.ends_with(".partial") || name.ends_with(".next"))
        .collect();
    assert_eq!(left, [""; 0]);
}

#[test]
fn music_that_is_kept_alive_does_not_wait_for_files_that_tell_of_it() {
    let stage = Stage::new(HUM);
    let log = ["--log-file", "nowhere/show.log"];
    let refused = stage.command(&log).output().unwrap();
    assert_eq!(refused.status.code(), Some(1));
    assert!(text(&refused.stderr).contains("nowhere/show.log"));
    let _run = stage.kept(&log);
    stage.until_plays("null");
}

#[test]
fn music_that_is_kept_alive_does_not_wait_for_its_page() {
    let stage = Stage::new(HUM);
    let other = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = other.local_addr().unwrap().port().to_string();
    // Who stands before the machine chooses another.
    let refused = stage.command(&["--page", &port]).output().unwrap();
    assert_eq!(refused.status.code(), Some(1));
    let said = text(&refused.stderr);
    assert!(said.contains("choose another port with --page"), "{said}");
    let run = stage.kept(&["--page", &port]);
    stage.until_plays("null");
    drop(other);
    run.until("the page opens once at");
}

#[test]
fn what_lacks_is_found_and_said_with_what_mends_it() {
    let stage = Stage::new(
        r#"Patch(
    format: 1,
    nodes: {"hum": tone(), "take": recorder(path: "take.wav")},
    wires: ["hum -> take"],
)
"#,
    );
    use std::os::unix::fs::PermissionsExt;
    let folder = stage.at("bin");
    std::fs::create_dir(&folder).unwrap();
    let tool = |name: &str, says: &str| {
        let path = folder.join(name);
        std::fs::write(&path, format!("#!/bin/sh\necho '{says}'\n")).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    };
    let findings = || {
        let mut command = program(stage.folder(), &["doctor", "show.ron", "--json"]);
        // Of the machine's own programs only the shell is there.
        let path = format!("{}:/bin", folder.display());
        let output = command.env("PATH", path).output().unwrap();
        let json: Value = serde_json::from_slice(&output.stdout).unwrap();
        let state = |what: &str| {
            let mut all = json["findings"].as_array().unwrap().iter();
            let one = all.find(|one| one["what"] == what).unwrap_or(&Value::Null);
            (
                one["state"].clone(),
                one["mend"].as_str().unwrap_or_default().to_owned(),
            )
        };
        assert_eq!(
            output.status.code() == Some(0),
            json["fine"] == true,
            "{json}"
        );
        (
            state("clock"),
            state("sleep"),
            state("patch"),
            json["findings"].to_string(),
        )
    };
    tool("ffmpeg", "ffmpeg version 5.1 Copyright");
    tool("ffprobe", "ffprobe version 5.1 Copyright");
    tool("timedatectl", "no");
    tool("systemctl", "static");
    let (clock, sleep, patch, all) = findings();
    assert_eq!(clock.0, "lacks");
    // Nothing is there that could keep it right.
    assert_eq!(clock.1, "sudo apt install systemd-timesyncd");
    assert_eq!(sleep.0, "lacks");
    assert_eq!(patch.0, "fine");
    assert!(all.contains("16.6 GB a day"), "{all}");
    tool("timedatectl", "yes");
    tool("systemctl", "masked");
    let (clock, sleep, ..) = findings();
    assert_eq!((clock.0, sleep.0), ("fine".into(), "fine".into()));
    stage.save("Patch(format: 1, nodes: {\"hum\": tune()})");
    let (_, _, patch, _) = findings();
    assert_eq!(patch.0, "lacks");
}
