//! What the compressor promises, offline and live.

use score_engine::PortType;
use score_engine::harness::Harness;
use serde_json::{Value, json};

use super::super::test_sound::{at, block, blocks, channel, largest_step, sine, tone};
use super::*;

fn compressor(params: Value, sound: &[f32]) -> Vec<f32> {
    let outputs = Harness::<Compressor>::new(params)
        .feed("sound", PortType::Audio, blocks(sound), at(10.0))
        .run()
        .unwrap();
    channel(&outputs, 0)
}

/// The highest sample, in dBFS.
fn peak(sound: &[f32]) -> f32 {
    let peak = sound
        .iter()
        .fold(0.0f32, |peak, sample| peak.max(sample.abs()));
    20.0 * peak.max(1e-9).log10()
}

#[test]
fn a_steady_tone_comes_out_as_loud_as_the_ratio_says() {
    for (level, ratio, wanted) in [
        (-6.0, 4.0, -15.0),
        (-6.0, 2.0, -12.0),
        (0.0, 20.0, -17.1),
        (-30.0, 4.0, -30.0),
        (-6.0, 1.0, -6.0),
    ] {
        let sound = tone(1_000.0, 10f32.powf(level / 20.0), 96_000);
        let params = json!({ "threshold": -18, "ratio": ratio, "knee": 0 });
        let found = peak(&compressor(params, &sound)[72_000..]);
        assert!(
            (found - wanted).abs() < 0.2,
            "{level} dB: {found}, not {wanted}"
        );
    }
}

#[test]
fn makeup_and_mix_are_levels() {
    let sound = tone(1_000.0, 0.5, 48_000);
    let heard = compressor(json!({ "ratio": 1, "makeup": 6.0206 }), &sound);
    assert!((peak(&heard[20_000..]) - 0.0).abs() < 0.01);
    let params = json!({ "threshold": -60, "ratio": 100, "mix": 0 });
    assert_eq!(compressor(params, &sound), sound);
}

#[test]
fn attack_and_release_take_their_times() {
    // A tone that is 20 dB louder for half a second.
    let sound: Vec<f32> = (tone(2_000.0, 1.0, 96_000).iter().enumerate())
        .map(|(n, sample)| {
            sample
                * if (24_000..48_000).contains(&n) {
                    1.0
                } else {
                    0.1
                }
        })
        .collect();
    let params = json!({
        "threshold": -20, "ratio": 100, "knee": 0,
        "attack": { "seconds": 0.05 }, "release": { "seconds": 0.2 },
    });
    let heard = compressor(params, &sound);
    let turned = |at: usize| peak(&sound[at..at + 100]) - peak(&heard[at..at + 100]);
    // 63 % of the 19.8 dB after each time.
    assert!(turned(23_900) < 0.1);
    let (rising, falling) = (turned(24_000 + 2_350), turned(48_000 + 9_600));
    assert!((rising - 12.5).abs() < 0.8, "{rising}");
    // The attack follows the release.
    assert!((7.3..10.0).contains(&falling), "{falling}");
    assert!(turned(47_900) > 19.0 && turned(95_800) < 0.5);
}

#[test]
fn nothing_that_changes_while_it_plays_clicks() {
    let sound = sine(144_000);
    let outputs = Harness::<Compressor>::new(json!({}))
        .feed("sound", PortType::Audio, blocks(&sound), at(3.0))
        .set_live(at(0.3), "threshold", -50.0)
        .set_live(at(0.6), "ratio", 20.0)
        .set_live(at(0.9), "knee", 30.0)
        .set_live(at(1.2), "attack", json!({ "seconds": 0.0 }))
        .set_live(at(1.5), "release", json!({ "seconds": 1.0 }))
        .set_live(at(1.8), "makeup", 6.0)
        .set_live(at(2.1), "mix", 0.3)
        .set_live(at(2.4), "makeup", 0.0)
        .set_live(at(2.7), "threshold", 0.0)
        .play_live()
        .unwrap();
    let heard = channel(&outputs, 0);
    let (step, own) = (largest_step(&heard), largest_step(&sound));
    assert!(step < 1.05 * own, "{step}, the sound's own is {own}");
}

#[test]
fn every_channel_is_turned_down_alike_and_the_sound_keeps_them() {
    let samples: Vec<f32> = tone(1_000.0, 0.5, 48_000)
        .iter()
        .flat_map(|sample| [*sample, 0.1 * sample, 0.0])
        .collect();
    let outputs = Harness::<Compressor>::new(json!({ "threshold": -30 }))
        .feed(
            "sound",
            PortType::Audio,
            vec![(Time::ZERO, block(3, &samples))],
            at(1.0),
        )
        .run()
        .unwrap();
    let (loud, soft) = (channel(&outputs, 0), channel(&outputs, 1));
    // Three quarters of the 24 dB by which −6 dBFS exceeds the threshold.
    let loudest = peak(&loud[24_000..]);
    assert!((loudest + 24.0).abs() < 0.5, "{loudest}");
    assert!(
        loud.iter()
            .zip(&soft)
            .all(|(loud, soft)| (0.1 * loud - soft).abs() < 1e-6)
    );
    assert_eq!(channel(&outputs, 2), vec![0.0; 48_000]);
    let turned = outputs.packets("reduction").last().unwrap();
    let turned = *turned.control().unwrap();
    assert!((turned * 24.0 - 18.0).abs() < 0.5, "{turned}");
}

/// A tone, and a side chain that is loud from half a second to one.
fn side_chained() -> Harness<Compressor> {
    let key: Vec<f32> = (tone(500.0, 0.9, 72_000).iter().enumerate())
        .map(|(n, sample)| sample * f32::from(u8::from((24_000..48_000).contains(&n))))
        .collect();
    let params = json!({
        "threshold": -30, "ratio": 10, "release": { "seconds": 0.05 },
    });
    Harness::<Compressor>::new(params)
        .feed(
            "sound",
            PortType::Audio,
            blocks(&tone(1_000.0, 0.5, 72_000)),
            at(1.5),
        )
        .feed("side_chain", PortType::Audio, blocks(&key), at(1.5))
}

#[test]
fn a_side_chain_is_listened_to_in_place_of_the_sound() {
    let heard = channel(&side_chained().run().unwrap(), 0);
    assert_eq!(heard.len(), 72_000);
    let level = |from: usize| peak(&heard[from..from + 2_000]);
    assert!((level(20_000) + 6.02).abs() < 0.1 && (level(70_000) + 6.02).abs() < 0.1);
    // −0.9 dBFS lies 29 dB above the threshold.
    assert!(
        (level(40_000) + 6.02 + 26.2).abs() < 0.5,
        "{}",
        level(40_000)
    );
}

#[test]
fn live_a_side_chain_does_what_it_does_offline() {
    let (offline, live) = (
        side_chained().run().unwrap(),
        side_chained().play_live().unwrap(),
    );
    let (offline, live) = (channel(&offline, 0), channel(&live, 0));
    let both = offline.iter().zip(&live);
    assert!(both.into_iter().all(|(one, other)| one == other));
}

#[test]
fn live_a_side_chain_that_brings_nothing_holds_the_sound_up_for_a_block_and_then_not_at_all() {
    let sound = blocks(&tone(1_000.0, 0.5, 24_000));
    let outputs = Harness::<Compressor>::new(json!({ "threshold": -30 }))
        .feed("sound", PortType::Audio, sound, at(0.5))
        .feed("side_chain", PortType::Audio, Vec::new(), at(0.5))
        .play_live()
        .unwrap();
    let packets = outputs.packets("sound");
    assert_eq!(packets.len(), 47);
    let waits: Vec<f64> = (packets.iter().zip(outputs.sent("sound")))
        .map(|(packet, sent)| (*sent - packet.time).seconds())
        .collect();
    assert!(waits.iter().all(|wait| *wait < 0.011), "{waits:?}");
    assert!(waits[20..].iter().all(|wait| *wait < 0.001), "{waits:?}");
    let heard = channel(&outputs, 0);
    assert!((peak(&heard) + 6.02).abs() < 0.01);
}

#[test]
fn what_is_not_a_number_is_silence_and_then_forgotten() {
    let mut sound = tone(440.0, 0.5, 96_000);
    sound[5_000] = f32::NAN;
    sound[6_000] = f32::INFINITY;
    sound[7_000] = f32::MAX;
    let heard = compressor(json!({}), &sound);
    assert!(heard.iter().all(|sample| sample.is_finite()));
    assert!(
        (peak(&heard[90_000..])
            - peak(&compressor(json!({}), &tone(440.0, 0.5, 96_000))[90_000..]))
        .abs()
            < 0.1
    );
}
