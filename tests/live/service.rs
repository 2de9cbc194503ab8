//! A run on a sound server tells a service manager how it is, and keeps its opening hours.

use std::process::Command;
use std::time::{Duration, Instant, SystemTime};

use score_test_support::jack::{Jack, Running, signal};
use score_test_support::notify::NotifySocket;
use serde_json::Value;

use super::capture::{peak, record};

const PATIENCE: Duration = Duration::from_secs(60);

fn patch(hours: &str) -> String {
    format!(
        r#"Patch(
    format: 1,
    nodes: {{
        "tone":  tone(gain: -12, frequency: 440),
        "sound": audio_out(device: "JACK"),
    }},
    wires: ["tone -> sound"],
    {hours}
)
"#
    )
}

#[test]
fn a_run_is_ready_when_its_first_block_sounds_and_lives_on_while_the_server_is_gone() {
    let Some(mut jack) = Jack::start(256) else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("show.ron"), patch("")).unwrap();
    let mut manager = NotifySocket::new(folder.path());
    jack.kill();
    let mut command = jack.score(
        folder.path(),
        &["run", "show.ron", "--quiet", "--no-remote"],
    );
    command.env("NOTIFY_SOCKET", manager.path());
    command.env("WATCHDOG_USEC", "3000000");
    let run = Running::start(&mut command);
    // Who waits and says so is not ready, and not stuck.
    manager.until("STATUS=plays revision 1; sound waits:", PATIENCE);
    assert!(manager.count("EXTEND_TIMEOUT_USEC=", Duration::from_secs(3)) >= 2);
    assert_eq!(manager.count("READY", Duration::ZERO), 0);
    jack.restart();
    manager.until("READY=1", PATIENCE);
    manager.forget();
    jack.kill();
    manager.until("STATUS=plays revision 1; sound waits:", PATIENCE);
    let alive = manager.count("WATCHDOG=1", Duration::from_secs(6));
    assert!(alive >= 4, "{alive} times in 6 s");
    assert_eq!(manager.count("WATCHDOG=trigger", Duration::ZERO), 0);
    jack.restart();
    manager.forget();
    manager.until("STATUS=plays revision 1", PATIENCE);
    run.drain();
}

#[test]
fn a_sound_server_that_hangs_does_not_end_the_run() {
    let Some(jack) = Jack::start(256) else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("show.ron"), patch("")).unwrap();
    let mut manager = NotifySocket::new(folder.path());
    let mut command = jack.score(
        folder.path(),
        &["run", "show.ron", "--quiet", "--no-remote"],
    );
    command.env("NOTIFY_SOCKET", manager.path());
    // What stands still for four seconds without a word is to be started again.
    command.env("WATCHDOG_USEC", "5000000");
    let run = Running::start(&mut command);
    manager.until("READY=1", PATIENCE);
    jack.hold(true);
    assert_eq!(manager.count("WATCHDOG=trigger", Duration::from_secs(8)), 0);
    jack.hold(false);
    manager.forget();
    manager.until("WATCHDOG=1", PATIENCE);
    assert_eq!(manager.count("WATCHDOG=trigger", Duration::from_secs(2)), 0);
    signal(&run.0, "KILL");
}

#[test]
fn hours_end_and_begin_with_a_fade_that_does_not_click_and_are_told() {
    let Some(jack) = Jack::start(256) else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    // Closed for a few seconds, soon.
    let now = SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap();
    let clock = |after: u64| {
        let second = (now.as_secs() + after) % 86_400;
        format!(
            "{:02}:{:02}:{:02}",
            second / 3600,
            second / 60 % 60,
            second % 60
        )
    };
    let hours = format!(
        r#"hours: [(from: "{}", to: "{}", zone: "UTC")],"#,
        clock(17),
        clock(9)
    );
    std::fs::write(folder.path().join("show.ron"), patch(&hours)).unwrap();
    let arguments = [
        "run",
        "show.ron",
        "--quiet",
        "--no-remote",
        "--status-json",
        "status.jsonl",
        "--log-file",
        "log.txt",
    ];
    let run = Running::start(&mut jack.score(folder.path(), &arguments));
    jack.until_port("score_out:out_1");
    let recorded = record(&jack, folder.path(), "score_out", 23);
    run.drain();
    let sound = &recorded.left;
    let second = |from: usize| &sound[from * 48_000..(from + 1) * 48_000];
    let peaks: Vec<f32> = (0..23).map(|from| peak(second(from))).collect();
    println!("peaks a second: {peaks:?}");
    let silent = peaks.iter().filter(|peak| **peak == 0.0).count();
    assert!(
        (2..=6).contains(&silent),
        "{silent} silent seconds of 8 - 4: {peaks:?}"
    );
    assert!(peaks[0] > 0.2 && peaks[22] > 0.2, "{peaks:?}");
    let log = std::fs::read_to_string(folder.path().join("log.txt")).unwrap();
    assert!(
        log.contains("its hours are over: it is silent on purpose until"),
        "{log}"
    );
    assert!(log.contains("its hours begin: it is heard until"), "{log}");
    let statuses = std::fs::read_to_string(folder.path().join("status.jsonl")).unwrap();
    let open = |line: &str| serde_json::from_str::<Value>(line).unwrap()["hours"]["open"].clone();
    let mut told: Vec<Value> = statuses.lines().map(open).collect();
    told.dedup();
    assert_eq!(told, [true, false, true]);
    // Where it falls silent and where it comes back, a hundredth of a second is nearly silent too.
    // That nothing clicks on the way is a unit test's to see: a busy machine drops out here.
    let heard: Vec<usize> = (0..sound.len()).filter(|at| sound[*at] != 0.0).collect();
    let gap = heard.windows(2).max_by_key(|pair| pair[1] - pair[0]);
    let [ends, begins] = gap.unwrap() else {
        panic!("pairs")
    };
    assert!(begins - ends > 2 * 48_000, "{} frames", begins - ends);
    let edges = [
        peak(&sound[ends - 480..*ends]),
        peak(&sound[*begins..begins + 480]),
    ];
    assert!(edges.iter().all(|peak| *peak < 0.003), "{edges:?}");
}

#[test]
fn a_run_that_is_killed_sounds_again_within_five_seconds() {
    let Some(jack) = Jack::start(256) else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("show.ron"), patch("")).unwrap();
    let mut manager = NotifySocket::new(folder.path());
    let arguments = [
        "run",
        "show.ron",
        "--quiet",
        "--no-remote",
        "--keep-alive",
        "--state",
        "state",
    ];
    let mut command = jack.score(folder.path(), &arguments);
    let keeper = Running::start(command.env("NOTIFY_SOCKET", manager.path()));
    manager.until("READY=1", PATIENCE);
    for _ in 0..2 {
        manager.forget();
        let id = keeper.0.id();
        let run = std::fs::read_to_string(format!("/proc/{id}/task/{id}/children")).unwrap();
        let killed = Instant::now();
        let kill = Command::new("kill").args(["-9", run.trim()]).status();
        assert!(kill.unwrap().success());
        // It is ready when its first block sounds.
        let took = manager.until("READY=1", PATIENCE) - killed;
        println!("sounds again after {took:?}");
        assert!(took < Duration::from_secs(5), "{took:?}");
    }
    keeper.drain();
}
