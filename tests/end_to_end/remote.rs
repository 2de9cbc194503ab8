//! `score set`, `get`, `release` and `status` reach a run of the same user, and nobody else does.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::Output;
use std::time::{Duration, Instant};

use serde_json::Value;

use score_test_support::{Talking, house, names, program, text};

/// How long a machine that does much else may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// A patch that needs no device and writes nothing.
const HUM: &str =
    "Patch(\n    format: 1,\n    nodes: {\n        \"hum\": tone(gain: -30),\n    },\n)\n";

/// A folder with a patch and one for sockets that no other test sees.
struct Stage(tempfile::TempDir);

impl Stage {
    fn new() -> Self {
        let stage = Stage(tempfile::tempdir().unwrap());
        std::fs::write(stage.patch(), HUM).unwrap();
        stage
    }

    fn folder(&self) -> &Path {
        self.0.path()
    }

    fn patch(&self) -> PathBuf {
        self.folder().join("show.ron")
    }

    fn sockets(&self) -> PathBuf {
        self.folder().join("sockets")
    }

    fn start(&self, arguments: &[&str]) -> Talking {
        let run = [&["run", "--quiet"], arguments].concat();
        let mut run = program(self.folder(), &run);
        Talking::start(run.env("SCORE_RUNTIME_DIR", self.sockets()))
    }

    /// A run of the patch that can be reached.
    fn playing(&self) -> Talking {
        self.playing_with(&["show.ron"])
    }

    /// A run with these arguments that can be reached.
    fn playing_with(&self, arguments: &[&str]) -> Talking {
        let playing = self.start(arguments);
        playing.until("plays");
        let socket = self.socket(&playing.id().to_string());
        until(|| socket.exists());
        playing
    }

    /// Where the socket of a process lies.
    fn socket(&self, process: &str) -> PathBuf {
        self.sockets().join(format!("{process}.sock"))
    }

    fn score(&self, arguments: &[&str]) -> Output {
        let mut command = program(self.folder(), arguments);
        let command = command.env("SCORE_RUNTIME_DIR", self.sockets());
        command.output().unwrap()
    }

    /// What a command prints that must not fail.
    fn told(&self, arguments: &[&str]) -> String {
        let done = self.score(arguments);
        assert_eq!(text(&done.stderr), "", "{arguments:?}");
        assert!(done.status.success());
        text(&done.stdout)
    }

    /// What a command says that must fail.
    fn refused(&self, arguments: &[&str]) -> String {
        let done = self.score(arguments);
        assert_eq!(done.status.code(), Some(1), "{arguments:?}");
        assert_eq!(text(&done.stdout), "");
        text(&done.stderr)
    }

    /// The level of the tone as a run tells it.
    fn gain(&self) -> Value {
        let told = self.told(&["get", "hum.gain", "--json"]);
        serde_json::from_str(&told).unwrap()
    }

    /// Waits until the level is this and from there.
    fn until_gain(&self, gain: f64, source: &str) {
        until(|| {
            let now = self.gain();
            now["value"] == gain && now["source"] == source
        });
    }
}

fn until(is_so: impl Fn() -> bool) {
    let begun = Instant::now();
    while !is_so() {
        assert!(begun.elapsed() < PATIENCE, "it does not come to this");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn a_value_set_from_outside_holds_through_edits_until_it_is_released() {
    let stage = Stage::new();
    let playing = stage.playing();
    assert_eq!(stage.told(&["get", "hum.gain"]), "-30\n");
    assert_eq!(stage.told(&["set", "hum.gain=-20"]), "");
    stage.until_gain(-20.0, "hand");
    assert_eq!(stage.told(&["get", "hum.gain"]), "-20\n");
    let table = stage.told(&["get"]);
    let row = table.lines().find(|line| line.starts_with("hum.gain"));
    let row: Vec<&str> = row.unwrap().split_whitespace().collect();
    assert_eq!(row, ["hum.gain", "-20", "dBFS", "hand", "-30", "dBFS"]);
    // An edit elsewhere, and one with which the node itself begins anew.
    let with_more = HUM.replace("    },\n)", "        \"more\": tone(),\n    },\n)");
    std::fs::write(stage.patch(), &with_more).unwrap();
    playing.until("the edit plays; began: more");
    stage.until_gain(-20.0, "hand");
    let narrower = with_more.replace("gain: -30", "gain: -30, channels: 1");
    std::fs::write(stage.patch(), narrower).unwrap();
    playing.until("the edit plays; began: hum");
    stage.until_gain(-20.0, "hand");
    assert_eq!(stage.told(&["release", "hum.gain"]), "");
    stage.until_gain(-30.0, "text");
    for release in ["hum", "--all"] {
        stage.told(&["set", "hum.gain=-10", "more.gain=-11", "--glide", "0.1"]);
        stage.until_gain(-10.0, "hand");
        stage.told(&["release", release]);
        stage.until_gain(-30.0, "text");
    }
}

#[test]
fn the_transport_is_steered_as_a_node_and_the_patchs_file_stays_as_it_is() {
    let stage = Stage::new();
    let _playing = stage.playing();
    stage.told(&[
        "set",
        "transport.tempo=96",
        "transport.key=D minor",
        "--run",
        "show",
    ]);
    assert_eq!(stage.told(&["get", "transport.tempo"]), "96\n");
    assert_eq!(stage.told(&["get", "transport.key"]), "D minor\n");
    let told = stage.told(&["get", "transport", "--json"]);
    let told: Value = serde_json::from_str(&told).unwrap();
    assert_eq!(told["values"][0]["source"], "hand");
    assert_eq!(told["values"][0]["text"], 120.0);
    assert_eq!(std::fs::read_to_string(stage.patch()).unwrap(), HUM);
}

#[test]
fn a_preset_is_recalled_listed_and_changed_by_an_edit() {
    let stage = Stage::new();
    let with = |presets: &str| HUM.replace("    },\n)", &format!("    }},\n    {presets}\n)"));
    let two = with(
        r#"presets: {
        "calm": {"hum.gain": -20, "hum.frequency": 440, "transport.tempo": 96, "transport.key": "D minor"},
        "storm": {"hum.gain": -10},
    },"#,
    );
    std::fs::write(stage.patch(), &two).unwrap();
    let playing = stage.playing();
    assert_eq!(stage.told(&["preset"]), "calm   4 values\nstorm  1 value\n");
    let told = stage.told(&["preset", "--json", "--run", "show"]);
    let told: Value = serde_json::from_str(&told).unwrap();
    assert_eq!(
        (&told["patch"], &told["pid"]),
        (&"show.ron".into(), &playing.id().into())
    );
    let last = &told["presets"][1]["values"][0];
    assert_eq!(
        (&last["node"], &last["param"], &last["value"]),
        (&"hum".into(), &"gain".into(), &(-10.0).into())
    );
    assert_eq!(stage.told(&["preset", "calm"]), "");
    stage.until_gain(-20.0, "hand");
    assert_eq!(stage.told(&["get", "hum.frequency"]), "440\n");
    assert_eq!(stage.told(&["get", "transport.tempo"]), "96\n");
    assert_eq!(stage.told(&["get", "transport.key"]), "D minor\n");
    // What the other does not name stays.
    assert_eq!(
        stage.told(&["preset", "storm", "--glide", "beats(0.2)"]),
        ""
    );
    stage.until_gain(-10.0, "hand");
    assert_eq!(stage.told(&["get", "transport.tempo"]), "96\n");
    let told = stage.refused(&["preset", "clam"]);
    assert_eq!(
        told,
        "error: the patch that plays has no preset `clam`\n  help: did you mean `calm`?\n"
    );
    assert_eq!(
        stage.score(&["preset", "calm", "--json"]).status.code(),
        Some(2)
    );
    std::fs::write(
        stage.patch(),
        two.replace("storm", "gale").replace("-10}", "-11}"),
    )
    .unwrap();
    until(|| stage.told(&["preset"]) == "calm  4 values\ngale  1 value\n");
    stage.until_gain(-10.0, "hand");
    stage.told(&["preset", "gale"]);
    stage.until_gain(-11.0, "hand");
    // It is what hands hold, so that it is written back and released as that.
    stage.told(&["write-back", "hum.gain"]);
    let text = std::fs::read_to_string(stage.patch()).unwrap();
    assert!(
        text.contains("gain: -11") && text.contains(r#""gale":"#),
        "{text}"
    );
    std::fs::write(stage.patch(), HUM).unwrap();
    until(|| stage.told(&["preset"]) == "show.ron has no presets\n");
}

#[test]
fn cues_are_called_listed_and_told_by_the_status() {
    let stage = Stage::new();
    let cues = r#"    },
    cues: [
        (name: "dawn", set: {"hum.gain": -20, "transport.key": "D minor"}, time: 0.3),
        (name: "storm", set: {"hum.gain": -10}, start: beat, then: wait(0.3)),
        (name: "out", set: {"hum.gain": -40}, time: 100),
    ],
)"#;
    std::fs::write(stage.patch(), HUM.replace("    },\n)", cues)).unwrap();
    let _playing = stage.playing();
    let listed = stage.told(&["cue"]);
    assert!(listed.starts_with("  cue    time"), "{listed}");
    assert!(
        listed.contains("\n· dawn   0.3 s  now          GO\n"),
        "{listed}"
    );
    assert_eq!(stage.told(&["cue", "next"]), "dawn\n");
    let told = stage.refused(&["cue", "next"]);
    assert!(
        told.contains("a moment ago") || told.contains("counts once"),
        "{told}"
    );
    stage.until_gain(-20.0, "hand");
    until(|| stage.told(&["get", "transport.key"]) == "D minor\n");
    // By its name, on the beat; the next follows by itself.
    assert_eq!(stage.told(&["cue", "storm"]), "");
    until(|| stage.told(&["cue", "list"]).contains("▶ out"));
    let told = stage.told(&["cue", "--json", "--run", "show"]);
    let told: Value = serde_json::from_str(&told).unwrap();
    assert_eq!(told["cues"][1]["start"], "beat");
    assert_eq!(told["status"]["current"], "out");
    until(|| {
        let status = stage.told(&["status", "--json"]);
        let status: Value = serde_json::from_str(&status).unwrap();
        status["cue"]["current"] == "out" && status["cue"]["left"].as_f64().unwrap() > 50.0
    });
    assert!(stage.told(&["status"]).contains("cue out, "));
    // A hand on the value takes it out of the morph.
    stage.told(&["set", "hum.gain=-33"]);
    stage.until_gain(-33.0, "hand");
    assert_eq!(stage.told(&["cue", "stop"]), "");
    let told = stage.refused(&["cue", "next"]);
    assert!(told.contains("the last cue was called"), "{told}");
    // Enter is GO, and what is wrong does not end it.
    let mut keys = program(stage.folder(), &["cue", "--keys"]);
    let keys = keys
        .env("SCORE_RUNTIME_DIR", stage.sockets())
        .stdin(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped());
    let mut keys = keys.spawn().unwrap();
    let typed = keys.stdin.take().unwrap();
    (&typed).write_all(b"\ndawn\n").unwrap();
    drop(typed);
    let keys = keys.wait_with_output().unwrap();
    assert!(keys.status.success());
    assert!(text(&keys.stderr).contains("the last cue was called"));
    stage.until_gain(-20.0, "hand");
    stage.told(&["set", "hum.gain=-33"]);
    let told = stage.refused(&["cue", "strom"]);
    assert_eq!(
        told,
        "error: the patch that plays has no cue `strom`\n  help: did you mean `storm`?\n"
    );
    stage.until_gain(-33.0, "hand");
    std::fs::write(stage.patch(), HUM).unwrap();
    until(|| stage.told(&["cue"]) == "show.ron has no cues\n");
}

#[test]
fn what_is_to_be_learnt_must_be_there_and_a_port_too() {
    let stage = Stage::new();
    assert_eq!(stage.score(&["learn", "hum"]).status.code(), Some(2));
    let told = stage.refused(&[
        "learn",
        "hum.gain",
        "--patch",
        "show.ron",
        "--port",
        "no such port",
        "--within",
        "0.2",
    ]);
    assert!(
        told.contains("no controller has moved within 0.2 s"),
        "{told}"
    );
    assert_eq!(std::fs::read_to_string(stage.patch()).unwrap(), HUM);
}

#[test]
fn what_was_set_is_written_into_the_patch_and_released_and_comments_stay() {
    let stage = Stage::new();
    let patch = |gain: i32| {
        let nodes = format!("\"hum\": tone(gain: {gain}), // low");
        HUM.replace("\"hum\": tone(gain: -30),", &nodes)
    };
    std::fs::write(stage.patch(), patch(-30)).unwrap();
    let _playing = stage.playing();
    assert_eq!(stage.told(&["write-back"]), "");
    stage.told(&["set", "hum.gain=-20", "transport.swing=0.6"]);
    let told = stage.refused(&["write-back", "hum", "transport.tempo"]);
    assert!(
        told.contains("no value was set for transport.tempo"),
        "{told}"
    );
    let told = stage.told(&["write-back", "hum"]);
    assert_eq!(told, "show.ron: hum.gain is -20\n");
    assert_eq!(std::fs::read_to_string(stage.patch()).unwrap(), patch(-20));
    stage.until_gain(-20.0, "text");
    stage.told(&["write-back"]);
    let text = std::fs::read_to_string(stage.patch()).unwrap();
    assert!(
        text.contains("swing: 0.6") && text.contains("// low"),
        "{text}"
    );
    assert_eq!(stage.told(&["write-back"]), "");
}

#[test]
fn what_was_set_becomes_a_preset_that_can_be_recalled_and_stays_set() {
    let stage = Stage::new();
    let patch = HUM.replace("tone(gain: -30),", "tone(gain: -30), // low");
    std::fs::write(stage.patch(), &patch).unwrap();
    let _playing = stage.playing();
    let read = || std::fs::read_to_string(stage.patch()).unwrap();
    let told = stage.refused(&["preset", "--save", "dusk"]);
    assert!(
        told.contains("nothing to keep") && told.contains("score set"),
        "{told}"
    );
    stage.told(&["set", "hum.gain=-20", "transport.swing=0.6"]);
    for unfit in ["low.dusk", " dusk", ""] {
        let told = stage.refused(&["preset", "--save", unfit]);
        assert!(told.contains("cannot be the name of a preset"), "{told}");
    }
    assert_eq!(read(), patch);
    let saved = "show.ron: the preset dusk has 2 values\n";
    assert_eq!(stage.told(&["preset", "--save", "dusk"]), saved);
    let dusk = |gain: i32| format!(r#""dusk": {{"hum.gain": {gain}, "transport.swing": 0.6}}"#);
    let text = read();
    assert!(
        text.contains(&dusk(-20)) && text.contains("tone(gain: -30), // low"),
        "{text}"
    );
    stage.until_gain(-20.0, "hand");
    stage.told(&["release", "--all"]);
    stage.until_gain(-30.0, "text");
    // It is there once the command has ended.
    stage.told(&["preset", "dusk"]);
    stage.until_gain(-20.0, "hand");
    stage.told(&["set", "hum.gain=-10"]);
    let told = stage.refused(&["preset", "--save", "dusk"]);
    assert!(
        told.contains("there is a preset `dusk` already") && told.contains("--replace"),
        "{told}"
    );
    assert_eq!(read(), text);
    let again = ["preset", "--save", "dusk", "--replace"];
    assert_eq!(stage.told(&again), saved);
    assert_eq!(read(), text.replace(&dusk(-20), &dusk(-10)));
    let wrong = stage.score(&["preset", "--replace"]);
    assert_eq!(wrong.status.code(), Some(2));
}

#[test]
fn a_patch_that_was_saved_meanwhile_is_not_written() {
    let stage = Stage::new();
    let _playing = stage.playing_with(&["show.ron", "--no-reload"]);
    stage.told(&["set", "hum.gain=-20"]);
    let saved = HUM.replace("-30", "-31");
    std::fs::write(stage.patch(), &saved).unwrap();
    let told = stage.refused(&["write-back"]);
    assert!(told.starts_with("error: "), "{told}");
    assert_eq!(std::fs::read_to_string(stage.patch()).unwrap(), saved);
    // Where it is what plays, it is written, and the run keeps what was set.
    std::fs::write(stage.patch(), HUM).unwrap();
    let done = stage.score(&["write-back"]);
    assert!(done.status.success());
    assert_eq!(
        text(&done.stderr),
        "hum.gain stays set: the run has not loaded the new patch\n"
    );
    assert_eq!(stage.gain()["source"], "hand");
}

#[test]
fn a_value_that_its_node_refuses_is_told_at_once_and_not_written_back() {
    let stage = Stage::new();
    let more = r#"        "wave": lfo(),
        "sum": expression(formula: "a"),
    },
    wires: ["wave -> sum.a"],
)"#;
    let patch = HUM.replace("    },\n)", more);
    std::fs::write(stage.patch(), &patch).unwrap();
    let _playing = stage.playing();
    let told = stage.refused(&["set", "hum.gain=-20", "sum.formula=a/"]);
    assert!(told.starts_with("error: sum.formula=a/: "), "{told}");
    assert!(told.contains("keeps its old value"), "{told}");
    stage.until_gain(-20.0, "hand");
    let table = stage.told(&["get", "sum"]);
    assert!(table.contains("hand: refused"), "{table}");
    let told = stage.refused(&["write-back"]);
    assert!(told.contains("show.ron:6:"), "{told}");
    assert_eq!(std::fs::read_to_string(stage.patch()).unwrap(), patch);
    assert_eq!(stage.told(&["get", "sum.formula"]), "a\n");
}

#[test]
fn what_is_written_back_stays_set_where_a_release_would_be_heard() {
    let stage = Stage::new();
    let _playing = stage.playing_with(&["show.ron", "--set", "hum.gain=-40"]);
    stage.told(&["set", "hum.gain=-20"]);
    stage.told(&["set", "transport.tempo=96"]);
    stage.told(&["set", "hum.frequency=880", "--glide", "60"]);
    let done = stage.score(&["write-back"]);
    assert!(done.status.success());
    let told = text(&done.stderr);
    let wanted = "hum.frequency stays set: it has not arrived yet (--glide)
hum.gain stays set: the run got another value with --set, which overrides the patch
";
    assert_eq!(told, wanted);
    assert_eq!(stage.gain()["source"], "hand");
    let tempo = stage.told(&["get", "transport.tempo", "--json"]);
    let tempo: Value = serde_json::from_str(&tempo).unwrap();
    assert_eq!(
        (&tempo["value"], &tempo["source"]),
        (&96.0.into(), &"text".into())
    );
}

#[test]
fn mistakes_are_told_all_at_once_with_what_was_typed_and_nothing_is_set() {
    let stage = Stage::new();
    let _playing = stage.playing();
    let told = stage.refused(&[
        "set",
        "hum.gain=-20",
        "hum.gian=-3",
        "hum.channels=1",
        "ham.gain=1",
    ]);
    for wanted in [
        "error: hum.gian=-3: `hum` has no parameter `gian`\n  help: did you mean `gain`?",
        "error: hum.channels=1: `hum.channels` cannot change while it plays\n  help: the nodes that read it count on this number",
        "error: ham.gain=1: no node `ham` plays\n  help: did you mean `hum`?",
    ] {
        assert!(told.contains(wanted), "{wanted} is not in:\n{told}");
    }
    let told = stage.refused(&["set", "hum.gain=loud"]);
    assert!(told.starts_with("error: hum.gain=loud: "), "{told}");
    assert_eq!(stage.gain()["source"], "text");
    let told = stage.refused(&["get", "hum.gian"]);
    assert!(told.contains("did you mean `gain`?"), "{told}");
    let told = stage.score(&["get", "ham", "--json"]);
    let told: Value = serde_json::from_slice(&told.stdout).unwrap();
    assert_eq!(told["error"]["kind"], "node");
    assert_eq!(stage.score(&["set", "gain=-3"]).status.code(), Some(2));
}

#[test]
fn of_several_runs_one_is_chosen_and_what_a_dead_one_left_is_removed() {
    let stage = Stage::new();
    let told = stage.refused(&["status"]);
    assert!(
        told.contains("no `score run` of yours is playing on this machine"),
        "{told}"
    );
    let (first, mut second) = (stage.playing(), stage.playing());
    let [one, two] = [first.id(), second.id()].map(|id| id.to_string());
    for which in [&["get"][..], &["get", "--run", "show.ron"]] {
        let told = stage.refused(which);
        assert!(told.contains("2 runs play:"), "{told}");
        assert!(
            told.contains(&format!("\n  {one}  show.ron  since ")),
            "{told}"
        );
        assert!(
            told.contains(&format!("\n  {two}  show.ron  since ")),
            "{told}"
        );
    }
    stage.told(&["set", "hum.gain=-20", "--run", &two]);
    assert_eq!(stage.told(&["get", "hum.gain", "--run", &one]), "-30\n");
    let told = stage.refused(&["get", "--run", "other.ron"]);
    assert!(
        told.contains("no `score run` of yours plays other.ron"),
        "{told}"
    );
    // One is killed, and leaves its socket; the other ends, and does not.
    drop(first);
    assert!(stage.socket(&one).exists());
    assert_eq!(stage.told(&["get", "hum.gain"]), "-20\n");
    assert!(!stage.socket(&one).exists());
    // The next run removes what a dead one left, too.
    let third = stage.playing();
    let three = third.id().to_string();
    drop(third);
    assert!(stage.socket(&three).exists());
    let fourth = stage.playing();
    until(|| !stage.socket(&three).exists());
    drop(fourth);
    assert_eq!(stage.told(&["get", "hum.gain"]), "-20\n");
    second.signal("TERM");
    assert!(second.wait(PATIENCE).success());
    assert_eq!(names(&stage.sockets()), [""; 0]);
}

#[test]
fn a_run_that_does_not_answer_is_named_and_no_other_is_taken_for_it() {
    let stage = Stage::new();
    std::fs::write(stage.folder().join("other.ron"), HUM).unwrap();
    let (stopped, _other) = (stage.playing(), stage.playing_with(&["other.ron"]));
    stopped.signal("STOP");
    let process = stopped.id();
    let silent = format!("process {process} plays and does not answer");
    let told = stage.refused(&["set", "hum.gain=-20"]);
    assert!(told.contains("2 runs play:"), "{told}");
    assert!(told.contains(&format!("\n  {process}  {silent}")), "{told}");
    let told = stage.refused(&["get", "--run", "show.ron"]);
    let help = format!("it may be stopped: continue it with kill -CONT {process}, or end it");
    let wanted = format!("no run that answers plays show.ron; {silent}\n  help: {help}");
    assert!(told.contains(&wanted), "{told}");
    let told = stage.refused(&["get", "--run", &process.to_string()]);
    assert!(told.contains(&format!("error: {silent}")), "{told}");
    assert_eq!(
        stage.told(&["get", "hum.gain", "--run", "other.ron"]),
        "-30\n"
    );
    stopped.signal("CONT");
    stage.told(&["get", "--run", "show.ron"]);
}

#[test]
fn the_status_is_that_of_the_run_in_a_table_or_as_json() {
    let stage = Stage::new();
    let playing = stage.playing();
    let table = stage.told(&["status"]);
    let head = format!("show.ron, process {}, ", playing.id());
    assert!(table.starts_with(&head), "{table}");
    assert!(
        table.contains("\nhum ") && table.contains("revision 1"),
        "{table}"
    );
    let line = stage.told(&["status", "--json"]);
    assert_eq!(line.find('\n'), Some(line.len() - 1));
    let line: Value = serde_json::from_str(&line).unwrap();
    assert_eq!(line["pid"], playing.id());
    assert_eq!(line["nodes"][0]["id"], "hum");
    // What hands hold is in it, a second later at most.
    stage.told(&["set", "hum.gain=-20"]);
    until(|| {
        let line: Value = serde_json::from_str(&stage.told(&["status", "--json"])).unwrap();
        line["nodes"][0]["steered"][0]["source"] == "hand"
    });
    // Every field is in the book.
    let line: Value = serde_json::from_str(&stage.told(&["status", "--json"])).unwrap();
    let page = std::fs::read_to_string(house().join("docs/live.md")).unwrap();
    let node = &line["nodes"][0];
    for fields in [&line, node, &node["steered"][0]] {
        for field in fields.as_object().unwrap().keys() {
            let is_told =
                page.contains(&format!("`{field}`")) || page.contains(&format!("`{field}[]`"));
            assert!(is_told, "docs/live.md has no `{field}`");
        }
    }
}

#[test]
fn with_no_remote_nobody_reaches_the_run() {
    let stage = Stage::new();
    let playing = stage.start(&["show.ron", "--no-remote"]);
    playing.until("plays");
    assert!(!stage.sockets().exists());
    let told = stage.refused(&["get"]);
    assert!(told.contains("without --no-remote"), "{told}");
}

#[test]
fn a_folder_that_is_not_the_users_own_is_refused_and_the_run_plays_on() {
    let stage = Stage::new();
    let elsewhere = stage.folder().join("elsewhere");
    std::fs::create_dir(&elsewhere).unwrap();
    std::fs::set_permissions(&elsewhere, PermissionsExt::from_mode(0o700)).unwrap();
    symlink(&elsewhere, stage.sockets()).unwrap();
    let warning = "`score set` and `score get` cannot reach this run: `";
    let playing = stage.start(&["show.ron", "--status-json", "-"]);
    playing.until(warning);
    playing.until("\"revision\":1");
    assert_eq!(names(&elsewhere), [""; 0]);
    drop(playing);
    // Where this user is root, a folder of another user's too.
    std::fs::remove_file(stage.sockets()).unwrap();
    std::os::unix::fs::chown(
        &elsewhere,
        Some(elsewhere.metadata().unwrap().uid() + 1),
        None,
    )
    .and_then(|()| std::fs::rename(&elsewhere, stage.sockets()))
    .map_or_else(
        |_| println!("skipped: only root can give a folder to another user"),
        |()| {
            stage.start(&["show.ron"]).until("belongs to another user");
        },
    );
}

/// Says one line to the run, and hears one.
fn said(client: &mut UnixStream, line: &[u8]) -> String {
    // One that is busy has closed by then.
    let _ = client.write_all(&[line, b"\n"].concat());
    let mut answer = String::new();
    BufReader::new(client).read_line(&mut answer).unwrap();
    answer
}

#[test]
fn whatever_clients_do_the_run_plays_on_and_serves_the_next() {
    let stage = Stage::new();
    let playing = stage.playing();
    let socket = stage.socket(&playing.id().to_string());
    assert_eq!(stage.sockets().metadata().unwrap().mode() & 0o777, 0o700);
    let connect = || UnixStream::connect(&socket).unwrap();
    let mut one = connect();
    for nonsense in [&b"\xff\0"[..], b"", b"{}", b"[[[[", b"GET / HTTP/1.1"] {
        let answer = said(&mut one, nonsense);
        assert!(
            answer.starts_with("{\"version\":1,\"errors\":[{\"kind\":\"request\""),
            "{answer}"
        );
    }
    assert!(said(&mut one, br#"{"version":1,"request":"hello"}"#).contains("\"ok\":{"));
    drop(one);
    // More than are served at a time, and none of them says anything.
    let idle: Vec<UnixStream> = (0..20).map(|_| connect()).collect();
    let answer = said(&mut connect(), br#"{"version":1,"request":"hello"}"#);
    assert!(answer.contains("\"kind\":\"busy\""), "{answer}");
    let mut long = connect();
    drop(idle);
    until(|| !stage.told(&["get", "hum.gain"]).is_empty());
    let _ = long.write_all(&vec![b'x'; 1 << 20]);
    stage.told(&["set", "hum.gain=-20"]);
    stage.until_gain(-20.0, "hand");
}

#[test]
fn a_socket_that_was_taken_away_is_made_again() {
    let stage = Stage::new();
    let playing = stage.playing();
    std::fs::remove_dir_all(stage.sockets()).unwrap();
    until(|| stage.score(&["get"]).status.success());
    drop(playing);
}
