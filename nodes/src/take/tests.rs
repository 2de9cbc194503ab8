use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use proptest::prelude::*;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use score_engine::trace::TraceChunk;
use score_engine::{Graph, Live, LiveOptions, Source, check};
use serde_json::json;

use super::*;
use crate::testing::settings;

fn first_line() -> String {
    json!({ "format": 1, "transport": score_engine::Transport::default(), "begins": 0.0 })
        .to_string()
}

#[test]
fn a_log_is_read_up_to_where_it_was_cut_off_and_says_so() {
    let text = format!(
        "{}\n{}\n{}\n{}\n{}",
        first_line(),
        r#"{"time":0.5,"control":1,"value":0.25}"#,
        r#"{"time":1.0,"steered":{"node":"a","param":"gain","value":null,"glide":2.0}}"#,
        r#"{"time":1.5,"event":0,"name":"cut","strength":0.75}"#,
        r#"{"time":2.0,"contr"#
    );
    let log = Log::read(text.as_bytes(), Path::new("take.jsonl")).unwrap();
    assert_eq!(
        log.controls,
        [(score_engine::Time::from_seconds(0.5), 1, 0.25)]
    );
    assert_eq!((log.set.len(), &log.set[0].value), (1, &None));
    assert_eq!(log.events[0].2, "cut");
    assert_eq!((log.end, log.damaged), (None, Some((5, 1))));
    assert_eq!(log.length().seconds(), 1.5);
}

#[test]
fn what_is_no_take_is_refused_with_what_to_do() {
    for text in ["", "\n", "{}", "nonsense", "{\"format\":1}"] {
        let error = Log::read(text.as_bytes(), Path::new("take.jsonl")).unwrap_err();
        assert!(error.advice().is_some(), "{text}");
    }
    let newer = first_line().replace("\"format\":1", "\"format\":9");
    let error = Log::read(newer.as_bytes(), Path::new("take.jsonl")).unwrap_err();
    assert!(error.to_string().contains("format 9"), "{error}");
    assert!(Take::open(Path::new("/nowhere/take.wav")).is_err());
}

#[test]
fn a_take_that_was_cut_off_lasts_as_long_as_its_sound_and_its_notes() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let log = format!(
        "{}\n{}\n",
        first_line(),
        r#"{"time":0.5,"control":0,"value":0.25}"#
    );
    std::fs::write(at("take.jsonl"), &log).unwrap();
    let length = || Take::open(&at("take.wav")).unwrap().length().seconds();
    assert_eq!(length(), 0.5);
    let spec = hound::WavSpec {
        channels: 2,
        sample_rate: 48_000,
        bits_per_sample: 16,
        sample_format: hound::SampleFormat::Int,
    };
    let mut sound = hound::WavWriter::create(at("take.wav"), spec).unwrap();
    (0..2 * 60_000).for_each(|_| sound.write_sample(0_i16).unwrap());
    sound.finalize().unwrap();
    assert_eq!(length(), 1.25);
    let mut notes = NoteLog::default();
    notes.begin(&["tune".to_owned()], &score_engine::Transport::default());
    let end = Time::from_seconds(3.0);
    let off = score_engine::Note::Off {
        channel: 0,
        pitch: 60,
    };
    notes.notes(0, (end, end), &score_engine::Payload::Notes([off].into()));
    std::fs::write(at("take.trace"), file(&[notes.chunk().unwrap()])).unwrap();
    assert_eq!(length(), 3.0);
    // Where the log says when it ended, nothing else is asked.
    std::fs::write(at("take.jsonl"), log + "{\"end\":2.0}\n").unwrap();
    assert_eq!(length(), 2.0);
}

/// A file with these chunks.
fn file(chunks: &[TraceChunk]) -> Vec<u8> {
    let frames = chunks.iter().flat_map(frame);
    MAGIC.iter().copied().chain(frames).collect()
}

fn chunks() -> impl Strategy<Value = Vec<TraceChunk>> {
    let chunk = (
        any::<u64>(),
        any::<u64>(),
        prop::collection::vec(any::<u8>(), 0..300),
    );
    let chunk = chunk.prop_map(|(trace, number, bytes)| TraceChunk {
        trace,
        number,
        bytes,
    });
    prop::collection::vec(chunk, 0..6)
}

proptest! {
    #[test]
    fn a_trace_that_is_cut_off_anywhere_is_read_up_to_there(chunks in chunks(), cut in 0_usize..2000) {
        let whole = file(&chunks);
        let cut = cut.min(whole.len());
        let Some(mut frames) = Frames::open(&whole[..cut]).unwrap() else {
            prop_assert!(cut < MAGIC.len());
            return Ok(());
        };
        let read: Vec<TraceChunk> = frames.by_ref().map(Result::unwrap).collect();
        prop_assert_eq!(&read[..], &chunks[..read.len()]);
        let kept = file(&read).len();
        prop_assert_eq!(frames.cut(), (kept < cut).then_some(kept as u64));
        let is_whole = cut == whole.len();
        prop_assert_eq!(is_whole && frames.cut().is_none(), is_whole);
    }

    #[test]
    fn a_byte_that_is_wrong_ends_the_trace_there_and_is_never_played(
        chunks in chunks(), place in any::<prop::sample::Index>(), other in 1_u8..,
    ) {
        let mut bytes = file(&chunks);
        let place = place.index(bytes.len());
        bytes[place] ^= other;
        if let Some(frames) = Frames::open(&bytes[..]).unwrap() {
            let read: Vec<TraceChunk> = frames.map(Result::unwrap).collect();
            prop_assert!(read.len() < chunks.len());
            prop_assert_eq!(&read[..], &chunks[..read.len()]);
        }
    }

    #[test]
    fn no_bytes_make_the_reader_of_a_log_panic(bytes: Vec<u8>) {
        let mut text = first_line().into_bytes();
        text.push(b'\n');
        text.extend(bytes);
        let _ = Log::read(&text, Path::new("take.jsonl"));
    }
}

/// A patch in which two decoders, a walk and a keyboard's notes are recorded. `edit` says which of
/// its texts.
fn patch(edit: u32) -> String {
    let (gain, walker) = (
        -12 - (edit % 5) as i32,
        match edit % 3 {
            0 => "scale_walk()",
            1 => "scale_walk(freedom: 0.8)",
            _ => "scale_walk(octaves: 3, step: 5)",
        },
    );
    let through = match edit % 4 {
        3 => "humanise(timing: 0.02)",
        _ => "transpose(semitones: 2)",
    };
    format!(
        r#"Patch(
    format: 1,
    transport: (tempo: 140, seed: 5),
    nodes: {{
        "codes": latent_random(dimension: 64, every: 0.04),
        "calm": latent_smooth(half_life: 0.1),
        "chords": harmony(),
        "tune": music_decoder(temperature: 0.6),
        "drums": drum_decoder(),
        "wave": lfo(rate: 0.7),
        "walk": {walker},
        "through": {through},
        "song": midi_input_file(path: "song.mid"),
        "hum": tone(gain: {gain}),
        "take": recorder(path: "take.wav"),
    }},
    presets: {{ "quiet": {{ "tune.velocity": 0.3, "drums.velocity": 0.2 }}, "loud": {{ "tune.velocity": 0.9 }} }},
    wires: [
        "codes -> calm -> tune -> through -> take.notes",
        "calm -> chords -> tune.chords",
        "calm -> drums -> take.notes",
        "wave -> walk -> take.notes",
        "song -> take.notes",
        "hum -> take.sound",
    ],
)"#
    )
}

fn graph(text: &str, folder: &Path) -> Graph {
    let source = Source::text("p.ron", text, folder.to_owned());
    check(&source, &[], &crate::registry(), &settings()).unwrap_or_else(|why| panic!("{why}"))
}

/// Plays the patch for so many seconds while values are set, presets recalled, the tempo changed,
/// and the patch edited; the folder has the take.
fn record(folder: &Path, seconds: f64, sets: u32, edits: u32) {
    crate::testing::write_tune(
        &folder.join("song.mid"),
        &(0..80)
            .map(|n| (n * 2, 1, 48 + (n % 12) as u8))
            .collect::<Vec<_>>(),
    );
    let (mut live, _) = Live::start(
        graph(&patch(0), folder),
        &settings(),
        LiveOptions::default(),
    )
    .unwrap();
    let steering = live.steering();
    let mut rng = ChaCha8Rng::seed_from_u64(3);
    let mut within =
        |low: f64, high: f64| low + (high - low) * f64::from(rng.next_u32()) / f64::from(u32::MAX);
    let began = Instant::now();
    let steps = sets.max(edits);
    let mut edited = 0;
    for step in 0..steps {
        let glide = Duration::from_secs_f64(within(0.0, 0.3));
        let (node, param, value) = match within(0.0, 6.0) as u32 {
            0 => ("tune", "temperature", json!(within(0.0, 2.0))),
            1 => ("tune", "velocity", json!(within(0.1, 1.0))),
            2 => ("drums", "temperature", json!(within(0.0, 1.5))),
            3 => ("calm", "half_life", json!({ "seconds": within(0.01, 1.0) })),
            4 => ("walk", "freedom", json!(within(0.0, 1.0))),
            _ => ("transport", "tempo", json!(within(60.0, 200.0))),
        };
        steering
            .set(node, param, value, glide)
            .unwrap_or_else(|why| panic!("{node}.{param}: {why}"));
        if step % 97 == 5 {
            let name = if step % 2 == 0 { "quiet" } else { "loud" };
            steering.recall(name, glide).unwrap();
        }
        if step % 61 == 7 {
            let _ = steering.release("transport", "tempo", Duration::ZERO);
        }
        if edited < edits
            && f64::from(step) >= f64::from(edited + 1) * f64::from(steps) / f64::from(edits + 1)
        {
            edited += 1;
            let next = graph(&patch(edited), folder);
            live.replace(next, &BTreeSet::new()).unwrap();
        }
        let due = Duration::from_secs_f64(seconds * f64::from(step + 1) / f64::from(steps));
        std::thread::sleep(due.saturating_sub(began.elapsed()));
    }
    assert_eq!(edited, edits);
    assert!(live.drain(Duration::from_secs(10)).is_empty());
}

/// Plays the take again, and requires its notes to be the recorded ones, to the byte.
fn require_the_same(folder: &Path) -> Again {
    let take = Take::open(&folder.join("take.wav")).unwrap();
    let again = play_again(&take, &crate::registry(), &settings()).unwrap();
    for node in &again.nodes {
        assert!(node.is_the_same(), "{node:?}");
    }
    assert!(again.is_the_same(), "{again:?}");
    let written = again.write(&take, &folder.join("again.mid")).unwrap();
    let read = |path: &Path| std::fs::read(path).unwrap();
    for (number, written) in (1..).zip(&written) {
        // In tests a file of notes is full very soon.
        let recorded = folder.join(match number {
            1 => "take.mid".to_owned(),
            number => format!("take-part-{number}.mid"),
        });
        assert!(read(written) == read(&recorded), "{recorded:?} differs");
    }
    assert!(
        !folder
            .join(format!("take-part-{}.mid", written.len() + 1))
            .exists()
    );
    again
}

#[test]
fn a_take_that_was_steered_a_thousand_times_and_edited_twenty_times_gives_its_notes_again() {
    let folder = tempfile::tempdir().unwrap();
    record(folder.path(), 20.0, 1_000, 20);
    let take = Take::open(&folder.path().join("take.mid")).unwrap();
    assert!(take.log.set.len() >= 1_000, "{}", take.log.set.len());
    assert_eq!(take.log.revisions.len(), 21);
    let again = require_the_same(folder.path());
    let nodes: BTreeSet<&str> = again.nodes.iter().map(|node| node.node.as_str()).collect();
    assert_eq!(
        nodes,
        BTreeSet::from(["chords", "drums", "through", "tune", "walk"])
    );
    assert!(
        again.played > 50 && again.kept > 10,
        "{} {}",
        again.played,
        again.kept
    );
}

#[test]
fn a_take_that_a_power_cut_ended_is_played_to_where_it_goes() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    record(folder, 4.0, 40, 0);
    let path = folder.join("take.trace");
    let whole = std::fs::read(&path).unwrap();
    let all = require_the_same(folder);
    std::fs::write(&path, &whole[..whole.len() * 2 / 3]).unwrap();
    let take = Take::open(&folder.join("take.wav")).unwrap();
    let again = play_again(&take, &crate::registry(), &settings()).unwrap();
    assert!(again.cut.is_some() && !again.is_whole);
    assert!(
        again.nodes.iter().all(|node| node.differs.is_none()),
        "{again:?}"
    );
    assert!(
        again.played > 0 && again.played < all.played,
        "{}",
        again.played
    );
}

#[test]
fn a_node_that_plays_otherwise_is_told_of_with_the_time() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    record(folder, 3.0, 10, 0);
    let path = folder.join("take.trace");
    // As if another program had recorded it: one parameter of the decoder is another.
    let file = std::fs::File::open(&path).unwrap();
    let frames = Frames::open(file).unwrap().unwrap();
    let mut bytes = MAGIC.to_vec();
    for chunk in frames {
        let mut chunk = chunk.unwrap();
        let text = String::from_utf8_lossy(&chunk.bytes).into_owned();
        if chunk.number == 0 && text.contains(r#""id":"tune""#) {
            let (from, to) = (br#""channel":0"#, br#""channel":5"#);
            let place = chunk
                .bytes
                .windows(from.len())
                .position(|window| window == from)
                .unwrap();
            chunk.bytes[place..place + to.len()].copy_from_slice(to);
        }
        bytes.extend(frame(&chunk));
    }
    std::fs::write(&path, bytes).unwrap();
    let take = Take::open(&folder.join("take.wav")).unwrap();
    let again = play_again(&take, &crate::registry(), &settings()).unwrap();
    let differing: Vec<&str> = (again.nodes.iter())
        .filter(|node| !node.is_the_same())
        .map(|node| node.node.as_str())
        .collect();
    assert_eq!(differing, ["tune"]);
    assert!(!again.is_the_same());
}

#[test]
fn a_take_of_notes_from_elsewhere_alone_has_no_trace() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    crate::testing::write_tune(&folder.join("song.mid"), &[(0, 400, 60)]);
    let text = r#"Patch(format: 1, nodes: { "song": midi_input_file(path: "song.mid"), "take": recorder(path: "take.wav") }, wires: ["song -> take.notes"])"#;
    let (live, _) = Live::start(graph(text, folder), &settings(), LiveOptions::default()).unwrap();
    std::thread::sleep(Duration::from_millis(300));
    assert!(live.drain(Duration::from_secs(10)).is_empty());
    let take = Take::open(&folder.join("take")).unwrap();
    assert_eq!(take.trace(), None);
    assert!(play_again(&take, &crate::registry(), &settings()).is_err());
    let played = take.played(Some("song")).unwrap();
    assert!(!played.is_empty());
    let wrong = take.played(Some("sing")).unwrap_err();
    assert!(
        wrong.advice().unwrap_or_default().contains("song"),
        "{wrong}"
    );
}

/// `cargo test -p score-nodes --lib -- --ignored --nocapture ten_minutes`; SCORE_SECONDS shortens it.
#[test]
#[ignore = "plays for ten minutes"]
fn ten_minutes_played_live_give_their_notes_again() {
    let seconds = std::env::var("SCORE_SECONDS").ok();
    let seconds = seconds.and_then(|text| text.parse().ok()).unwrap_or(600.0);
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    record(folder, seconds, 1_000, 20);
    let began = Instant::now();
    let again = require_the_same(folder);
    let took = began.elapsed().as_secs_f64();
    let size = |ending: &str| {
        let file = folder.join(format!("take.{ending}")).metadata();
        file.map_or(0.0, |file| file.len() as f64)
    };
    let an_hour = |bytes: f64| bytes * 3600.0 / seconds / 1e6;
    for ending in ["wav", "mid", "jsonl", "trace"] {
        let megabytes = an_hour(size(ending));
        println!(
            ".{ending}: {} bytes, {megabytes:.1} MB an hour",
            size(ending)
        );
    }
    let file = std::fs::File::open(folder.join("take.trace")).unwrap();
    let mut parts: std::collections::BTreeMap<u64, usize> = Default::default();
    for chunk in Frames::open(file).unwrap().unwrap() {
        let chunk = chunk.unwrap();
        *parts.entry(chunk.trace).or_default() += chunk.bytes.len();
    }
    let own = parts.remove(&0).unwrap_or_default();
    println!(
        "the recorder's own part: {:.2} MB an hour",
        an_hour(own as f64)
    );
    let mut nodes: std::collections::BTreeMap<&str, (usize, u64, u64)> = Default::default();
    for (node, bytes) in again.nodes.iter().zip(parts.values()) {
        let entry = nodes.entry(&node.node).or_default();
        *entry = (entry.0 + bytes, entry.1 + node.calls, entry.2 + node.sent);
    }
    for (node, (bytes, calls, sent)) in nodes {
        let megabytes = an_hour(bytes as f64);
        println!("{node}: {megabytes:.2} MB an hour, {calls} calls, {sent} packets");
    }
    println!(
        "{} notes again, {} kept, in {took:.2} s: {:.0} times as fast as they were played",
        again.played,
        again.kept,
        seconds / took
    );
}
