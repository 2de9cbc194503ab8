//! What the mixer promises, offline and live.

use score_engine::PortType;
use score_engine::harness::{Harness, Outputs};
use serde_json::json;

use super::super::test_sound::{at, block, blocks, largest_step, left, sine};
use super::*;

/// The time at which block `number` begins, and so many blocks later.
fn grid(number: f64) -> Time {
    Time::from_samples((number * 512.0) as u64, 48_000)
}

/// Both sides of what came out, side by side.
fn frames(outputs: &Outputs) -> Vec<[f32; 2]> {
    let packets = outputs.packets("sound").iter();
    packets
        .flat_map(|packet| {
            let frames = packet.audio().unwrap().samples.as_chunks::<2>().0;
            frames.to_vec()
        })
        .collect()
}

#[test]
fn one_quiet_wire_in_the_middle_comes_out_bit_by_bit() {
    let sound = sine(48_000);
    let outputs = Harness::<Mixer>::new(json!({}))
        .feed("sounds", PortType::Audio, blocks(&sound), at(1.0))
        .run()
        .unwrap();
    assert_eq!(left(&outputs), sound);
    assert_eq!(outputs.end("sound"), Some(at(1.0)));
}

#[test]
fn wires_are_added_with_their_gains_and_pans_for_as_long_as_the_longest() {
    let outputs = Harness::<Mixer>::new(
        json!({ "gains": [-20.0, 0.0], "pans": [-1.0, 0.0, 0.5], "gain": -6.0206 }),
    )
    .feed(
        "sounds",
        PortType::Audio,
        blocks(&[0.5; 1000]),
        at(1000.0 / 48_000.0),
    )
    // Off the grid and in two channels.
    .feed(
        "sounds",
        PortType::Audio,
        vec![(
            Time::from_samples(100, 48_000),
            block(2, &[0.2, 0.1].repeat(1400)),
        )],
        Time::from_samples(1500, 48_000),
    )
    .feed(
        "sounds",
        PortType::Audio,
        blocks(&[0.1; 2000]),
        Time::from_samples(2000, 48_000),
    )
    .run()
    .unwrap();
    let found = frames(&outputs);
    assert_eq!(found.len(), 2000);
    let half_right = 0.1 * std::f32::consts::FRAC_1_SQRT_2;
    for (frame, wanted) in [
        (0, [0.05 + half_right, 0.1]),
        (99, [0.05 + half_right, 0.1]),
        (100, [0.25 + half_right, 0.2]),
        (999, [0.25 + half_right, 0.2]),
        (1000, [0.2 + half_right, 0.2]),
        (1499, [0.2 + half_right, 0.2]),
        (1999, [half_right, 0.1]),
    ] {
        for side in 0..2 {
            assert!(
                (found[frame][side] - wanted[side] / 2.0).abs() < 1e-5,
                "{frame}: {:?}",
                found[frame]
            );
        }
    }
}

#[test]
fn however_much_is_added_it_stays_within_full_scale() {
    let mut harness = Harness::<Mixer>::new(json!({ "gain": 24.0 }));
    for _ in 0..8 {
        harness = harness.feed("sounds", PortType::Audio, blocks(&sine(9_600)), at(0.2));
    }
    let loudest = left(&harness.run().unwrap())
        .into_iter()
        .fold(0.0_f32, |loudest, sample| loudest.max(sample.abs()));
    assert!(loudest > 0.9 && loudest <= 1.0, "{loudest}");
}

#[test]
fn gains_and_pans_that_change_while_it_plays_do_not_click() {
    let sound = sine(96_000);
    let outputs = Harness::<Mixer>::new(json!({}))
        .feed("sounds", PortType::Audio, blocks(&sound), at(2.0))
        .set_live(at(0.5), "gain", -60.0)
        .set_live(at(0.8), "gain", 0.0)
        .set_live(at(1.0), "gains", json!([-60.0]))
        .set_live(at(1.2), "gains", json!([2.0]))
        .set_live(at(1.5), "pans", json!([1.0]))
        .play_live()
        .unwrap();
    let heard = left(&outputs);
    assert_eq!(heard.len(), 188 * 512);
    let (step, own) = (largest_step(&heard), largest_step(&sound));
    assert!(
        step < 1.26 * own + 0.65 / 512.0,
        "{step}, the sound's own is {own}"
    );
    assert!(heard[80_000..].iter().all(|sample| *sample == 0.0));
}

/// Live wires of a constant level each: (block, how late it comes in blocks).
fn live(wires: &[&[(u32, f64)]]) -> Outputs {
    let mut harness = Harness::<Mixer>::new(json!({}));
    for wire in wires {
        let brought = wire.iter().map(|(number, late)| {
            let number = f64::from(*number);
            (
                grid(number + 1.0 + late),
                grid(number),
                block(1, &[0.25; 512]),
            )
        });
        harness = harness.feed_live("sounds", PortType::Audio, brought.collect(), grid(100.0));
    }
    harness.play_live().unwrap()
}

/// The level at the end of each block that came out, in quarters, by its number.
fn levels(outputs: &Outputs) -> Vec<(u32, u32)> {
    let packets = outputs.packets("sound").iter();
    packets
        .map(|packet| {
            let samples = &packet.audio().unwrap().samples;
            assert_eq!(samples.len(), 1024);
            let number = packet.time.to_samples(48_000) / 512;
            (number as u32, (samples[1023] * 4.0).round() as u32)
        })
        .collect()
}

/// How late each block went out, counted from its end, in hundredths of a block.
fn delays(outputs: &Outputs) -> Vec<i64> {
    let times = outputs.packets("sound").iter().zip(outputs.sent("sound"));
    times
        .map(|(packet, sent)| {
            ((*sent - packet.time).seconds() * 48_000.0 / 5.12).round() as i64 - 100
        })
        .collect()
}

#[test]
fn live_a_block_goes_out_once_all_wires_have_brought_it() {
    let (prompt, slow): (Vec<_>, Vec<_>) = (0..20).map(|n| ((n, 0.0), (n, 0.2))).unzip();
    let outputs = live(&[&prompt, &slow]);
    assert_eq!(
        levels(&outputs),
        (0..20).map(|n| (n, 2)).collect::<Vec<_>>()
    );
    assert_eq!(delays(&outputs), [20; 20]);
    assert_eq!(outputs.counter("late_blocks"), 0);
}

#[test]
fn live_a_wire_that_is_later_than_a_block_is_left_out_and_counted() {
    let prompt: Vec<_> = (0..20).map(|n| (n, 0.0)).collect();
    // What follows a late block on its wire cannot come before it.
    let late = |n| match n {
        12 => 1.2,
        13 => 0.2,
        _ => 0.1,
    };
    let hesitant: Vec<_> = (0..20).map(|n| (n, late(n))).collect();
    let outputs = live(&[&prompt, &hesitant]);
    let wanted: Vec<_> = (0..20).map(|n| (n, if n == 12 { 1 } else { 2 })).collect();
    assert_eq!(levels(&outputs), wanted);
    assert_eq!(delays(&outputs)[12], 100);
    assert_eq!(outputs.counter("late_blocks"), 1);
    let step = largest_step(&left(&outputs));
    assert!(step < 0.26 / 240.0, "it clicks: {step}");
}

#[test]
fn live_a_wire_that_stops_is_soon_not_waited_for_and_may_come_back() {
    let prompt: Vec<_> = (0..40).map(|n| (n, 0.0)).collect();
    let broken: Vec<_> = (0..40)
        .filter(|n| !(10..30).contains(n))
        .map(|n| (n, 0.0))
        .collect();
    let outputs = live(&[&prompt, &broken]);
    let delays = delays(&outputs);
    assert_eq!(
        (delays[9], delays[10], delays[18], delays[29]),
        (0, 100, 0, 0),
        "{delays:?}"
    );
    let levels = levels(&outputs);
    assert_eq!(
        (levels[9], levels[10], levels[30], levels.len()),
        ((9, 2), (10, 1), (30, 2), 40)
    );
    assert_eq!(outputs.counter("late_blocks"), 0);
}

#[test]
fn live_the_first_block_of_a_slower_wire_is_not_lost_and_gaps_stay_on_the_grid() {
    // Nothing before block 3, nothing from 6 to 8.
    let prompt = [(3, 0.0), (4, 0.0), (5, 0.0), (9, 0.0)];
    let slow = [(3, 0.45), (4, 0.45), (5, 0.45), (9, 0.45)];
    let outputs = live(&[&prompt, &slow]);
    assert_eq!(levels(&outputs), [(3, 2), (4, 2), (5, 2), (9, 2)]);
}

#[test]
fn stems_add_up_to_the_mix_before_its_limiter() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("film-stem.wav");
    // Together they are far above full scale at first, and below it later.
    let loud: Vec<f32> = (sine(48_000).iter().enumerate())
        .map(|(n, sample)| sample * if n < 20_000 { 4.0 } else { 0.4 })
        .collect();
    let params = json!({ "stems": path, "gains": [0, -3], "pans": [-0.5, 0.3], "gain": 2 });
    let outputs = Harness::<Mixer>::new(params)
        .feed("sounds", PortType::Audio, blocks(&loud), at(1.0))
        .feed("sounds", PortType::Audio, blocks(&sine(30_000)), at(0.625))
        .run()
        .unwrap();
    let stem = |name: &str| -> Vec<f32> {
        let file = hound::WavReader::open(folder.path().join(name)).unwrap();
        assert_eq!(file.spec().sample_format, hound::SampleFormat::Float);
        file.into_samples().map(Result::unwrap).collect()
    };
    let (first, second) = (stem("film-stem-1.wav"), stem("film-stem-2.wav"));
    let mixed: Vec<f32> = frames(&outputs).concat();
    assert_eq!((first.len(), second.len()), (mixed.len(), mixed.len()));
    let sums: Vec<f32> = first
        .iter()
        .zip(&second)
        .map(|(one, other)| one + other)
        .collect();
    assert!(sums.iter().any(|sample| *sample > 1.5) && mixed.iter().all(|sample| *sample <= 1.0));
    // Once the limiter has let go, they are the mix to within −120 dB.
    let late = sums.iter().zip(&mixed).skip(2 * 40_000);
    assert!(
        late.into_iter()
            .all(|(sum, mixed)| (sum - mixed).abs() < 1e-6)
    );
    assert_eq!(folder.path().read_dir().unwrap().count(), 2);
}

#[test]
fn stems_are_called_after_their_sources() {
    let files = |sources: &[&str]| -> Vec<String> {
        let sources: Vec<String> = sources.iter().map(|source| (*source).to_owned()).collect();
        (stem_files(std::path::Path::new("/a/film-stem.wav"), &sources).iter())
            .map(|file| file.display().to_string())
            .collect()
    };
    assert_eq!(
        files(&["lead", "band.keys", "lead", "a/b"]),
        [
            "/a/film-stem-lead.wav",
            "/a/film-stem-band.keys.wav",
            "/a/film-stem-lead-2.wav",
            "/a/film-stem-a_b.wav"
        ]
    );
}
