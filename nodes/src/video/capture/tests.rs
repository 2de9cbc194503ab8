use crate::testing::signal;

use super::*;

/// A grey that brightens, 100 frames a second of 2 × 2 pixels, in real time.
fn source(timeout: f64) -> Source {
    let mut arguments = before_input();
    arguments
        .extend(["-re", "-f", "lavfi", "-i", "testsrc=rate=100:size=32x32"].map(OsString::from));
    arguments.extend(after_input((2, 2), None));
    Source {
        name: "the test".into(),
        program: "ffmpeg",
        begin: Box::new(move || Ok(arguments.clone().into())),
        size: (2, 2),
        timeout: Duration::from_secs_f64(timeout),
        opening: Duration::from_secs(20),
        counters: Arc::default(),
        explain: Box::new(|| None),
        hidden: None,
    }
}

/// Long enough for the slowest machine.
const LONG: Duration = Duration::from_secs(30);

/// The program that captures once it is another than `old`.
fn next_process(capture: &Capture, old: u32) -> u32 {
    let began = Instant::now();
    while began.elapsed() < LONG {
        if let Some(process) = capture.process().filter(|process| *process != old) {
            return process;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    panic!("no new program was started");
}

/// Has a picture come, strikes the program with `signal_name`, and waits for the next program's
/// pictures.
fn comes_back_after(signal_name: &str) {
    let capture = Capture::start(source(0.5)).unwrap();
    assert!(capture.next(LONG).is_some(), "no first picture");
    let first = capture.process().unwrap();
    assert!(signal(signal_name, first));
    next_process(&capture, first);
    // What the struck program still sent.
    capture.next(Duration::ZERO);
    assert!(
        capture.next(LONG).is_some(),
        "no picture after {signal_name}"
    );
}

#[test]
fn pictures_come_again_after_the_program_was_killed() {
    comes_back_after("KILL");
}

#[test]
fn pictures_come_again_after_the_program_froze() {
    comes_back_after("STOP");
}

#[test]
fn a_source_that_is_missing_at_first_is_taken_when_it_comes() {
    let mut there = source(2.0);
    let mut tries = 0;
    let mut begin = there.begin;
    there.begin = Box::new(move || {
        tries += 1;
        match tries {
            1 | 2 => Err("no camera is connected".into()),
            _ => begin(),
        }
    });
    let counters = there.counters.clone();
    let capture = Capture::start(there).unwrap();
    let began = Instant::now();
    let is_told = || {
        let waits = counters.condition().waits;
        waits.is_some_and(|(reason, _)| reason == "the test: no camera is connected")
    };
    while !is_told() && began.elapsed() < LONG {
        std::thread::sleep(Duration::from_millis(1));
    }
    assert!(is_told());
    assert!(capture.next(LONG).is_some());
    while counters.condition().waits.is_some() && began.elapsed() < LONG {
        std::thread::sleep(Duration::from_millis(1));
    }
    assert!(counters.condition().waits.is_none());
    let last = counters.condition().last_error;
    assert_eq!(last.as_deref(), Some("the test: no camera is connected"));
}

#[test]
fn a_source_that_went_away_unnoticed_by_the_program_is_opened_anew() {
    let mut there = source(2.0);
    let mut begin = there.begin;
    there.begin = Box::new(move || {
        let mut start = begin()?;
        start.is_there = Box::new(|| false);
        Ok(start)
    });
    let capture = Capture::start(there).unwrap();
    assert!(capture.next(LONG).is_some());
    next_process(&capture, capture.process().unwrap());
}

#[test]
fn a_capture_that_is_dropped_leaves_no_program_behind() {
    let capture = Capture::start(source(2.0)).unwrap();
    assert!(capture.next(LONG).is_some());
    let process = capture.process().unwrap();
    // A frozen one must go as well.
    assert!(signal("STOP", process));
    drop(capture);
    assert!(!signal("0", process));
}

#[test]
fn whoever_is_late_gets_the_newest_picture_only() {
    let capture = Capture::start(source(2.0)).unwrap();
    assert!(capture.next(LONG).is_some());
    while capture.shared.lock().pictures < 20 {
        std::thread::sleep(Duration::from_millis(5));
    }
    let last = capture.shared.lock().last.unwrap();
    let picture = capture.next(LONG).unwrap();
    assert!(picture.captured >= last);
}

#[test]
fn another_timeout_holds_for_the_program_that_runs() {
    let capture = Capture::start(source(600.0)).unwrap();
    assert!(capture.next(LONG).is_some(), "no first picture");
    let first = capture.process().unwrap();
    assert!(signal("STOP", first));
    capture.set_timeout(Duration::from_millis(300));
    next_process(&capture, first);
}
