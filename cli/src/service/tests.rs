#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;

use score_engine::{HoursStatus, StandingIn, Waiting};

use super::*;
use crate::testing::{node_status, wire};

/// A camera, music, a sound device.
pub(crate) fn status() -> Status {
    let mut out = node_status("sound", "audio_out");
    out.counters = BTreeMap::from([("open", 1), ("callbacks", 0)]);
    Status {
        revision: 1,
        time: 0.0,
        steered: true,
        nodes: vec![
            node_status("camera", "camera"),
            node_status("tune", "synth"),
            out,
        ],
        wires: vec![
            wire(["camera", "frames", "tune", "notes"]),
            wire(["tune", "sound", "sound", "sound"]),
        ],
        ..Status::default()
    }
}

fn advance(status: &mut Status) {
    status.time += 1.0;
    status.wires[0].sent += 15;
    status.wires[1].received += 90;
    *status.nodes[2].counters.get_mut("callbacks").unwrap() += 90;
}

/// What is said after so many seconds in which everything but `change` goes on.
fn after(seconds: u64, change: impl Fn(&mut Status)) -> Option<String> {
    let (mut pulse, start) = (Pulse::new(Duration::from_secs(10)), Instant::now());
    let mut status = status();
    let at = |second| start + Duration::from_secs(second);
    for second in 0..20 {
        advance(&mut status);
        assert_eq!(
            pulse.look(&status, (&["camera"], &["take"]), at(second)),
            None
        );
    }
    let mut said = None;
    for second in 20..20 + seconds {
        advance(&mut status);
        change(&mut status);
        said = pulse.look(&status, (&["camera"], &["take"]), at(second));
    }
    said
}

#[test]
fn whatever_stops_moving_is_reported_after_the_patience_and_not_before() {
    let frozen = |what: fn(&mut Status)| (after(10, what), after(12, what).unwrap());
    let clock = frozen(|status| status.time = 20.0);
    assert_eq!(clock, (None, "the clock stands still for 12 s".to_owned()));
    let sound = frozen(|status| {
        status.nodes[2].counters.insert("callbacks", 1800);
    });
    assert_eq!(
        sound,
        (
            None,
            "the sound device of `sound` stands still for 12 s".to_owned()
        )
    );
    let picture = frozen(|status| status.wires[0].sent = 300);
    assert_eq!(
        picture,
        (
            None,
            "the picture of `camera` stands still for 12 s".to_owned()
        )
    );
    let hangs = after(3, |status| status.nodes[1].hangs = Some(10.5));
    assert_eq!(hangs.as_deref(), Some("`tune` hangs for 10 s"));
    assert_eq!(after(100, |_| {}), None);
}

#[test]
fn what_says_that_it_waits_or_waits_for_a_disk_is_no_reason_to_start_again() {
    let waits = |number: usize| {
        move |status: &mut Status| {
            status.wires[0].sent = 300;
            status.nodes[2].counters.insert("callbacks", 1800);
            for node in [0, 2] {
                status.nodes[node].waiting = Some(Waiting {
                    reason: format!("{number} is gone"),
                    seconds: 1.0,
                });
            }
        }
    };
    assert_eq!(after(1_000, waits(1)), None);
    let restarts = |status: &mut Status| {
        status.wires[0].sent = 300;
        status.nodes[0].state = NodeState::Restarting;
    };
    assert_eq!(after(1_000, restarts), None);
    let disk = |status: &mut Status| {
        status.nodes[1].id = "take".to_owned();
        status.nodes[1].hangs = Some(100.0);
    };
    assert_eq!(after(10, disk), None);
}

#[test]
fn pictures_that_come_seldom_are_waited_for() {
    let (mut pulse, start) = (Pulse::new(Duration::from_secs(10)), Instant::now());
    let mut status = status();
    let mut look = |second: u64, sent: u64| {
        status.time += 1.0;
        status.wires[0].sent = sent;
        *status.nodes[2].counters.get_mut("callbacks").unwrap() += 1;
        pulse.look(
            &status,
            (&["camera"], &[]),
            start + Duration::from_secs(second),
        )
    };
    // One a minute.
    for second in 0..600 {
        assert_eq!(look(second, second / 60), None, "{second}");
    }
    for second in 600..780 {
        assert_eq!(look(second, 10), None, "{second}");
    }
    assert!((780..1000).any(|second| look(second, 10).is_some()));
}

#[test]
fn a_run_is_ready_when_the_first_block_sounds_or_the_first_picture_is_read() {
    let mut now = status();
    assert!(!is_ready(&now, &["camera"]));
    now.wires[0].sent = 1;
    assert!(is_ready(&now, &["camera"]));
    now = status();
    advance(&mut now);
    now.wires[0].sent = 0;
    assert!(is_ready(&now, &["camera"]));
    now.nodes[2].counters.insert("open", 0);
    assert!(!is_ready(&now, &["camera"]), "its device is closed");
    now.nodes.remove(2);
    assert!(is_ready(&now, &[]), "there is nothing to wait for");
    now.revision = 0;
    assert!(!is_ready(&now, &[]), "it is not built");
}

#[test]
fn the_line_says_what_plays_what_waits_and_what_is_silent_on_purpose() {
    let mut now = status();
    assert_eq!(line(&now), "plays revision 1");
    now.nodes[0].waiting = Some(Waiting {
        reason: "no camera\nis connected".to_owned(),
        seconds: 3.5,
    });
    let first = line(&now);
    assert_eq!(
        first,
        "plays revision 1; camera waits: no camera is connected"
    );
    now.nodes[0].waiting.as_mut().unwrap().seconds = 4.5;
    assert_eq!(line(&now), first, "it changes every second");
    now.nodes[0].waiting = None;
    now.hours = Some(HoursStatus {
        open: false,
        until: Some("2026-12-01T10:00:00+01:00".to_owned()),
    });
    assert_eq!(
        line(&now),
        "silent on purpose until 2026-12-01T10:00:00+01:00"
    );
    now.standing_in = Some(StandingIn {
        plays: "quiet".to_owned(),
        why: "it died three times".to_owned(),
    });
    assert_eq!(
        line(&now),
        "quiet plays in place of the patch: it died three times"
    );
}
