//! What the crate promises. Apart from the crate, which would otherwise be compiled a second time,
//! with all of the Fourier transforms.
#![allow(clippy::unwrap_used)]

use std::f32::consts::TAU;

use score_fourier::{Likeness, Resampler, Transform};

#[test]
fn a_sine_of_full_scale_has_1_where_it_lies() {
    let mut transform = Transform::new(1_024);
    let sine: Vec<f32> = (0..1_024)
        .map(|n| (TAU * 32.0 * n as f32 / 1_024.0).sin())
        .collect();
    let magnitudes = transform.magnitudes(&sine).unwrap();
    assert!((magnitudes[32] - 1.0).abs() < 1e-3 && magnitudes[40] < 1e-3);
}

#[test]
fn products_are_those_of_the_sum() {
    let window: Vec<f32> = (0..100).map(|n| (n as f32 * 0.37).sin() + 0.1).collect();
    let mut likeness = Likeness::new(100, 60);
    let products = likeness.products(&window).unwrap();
    for shift in 0..=60 {
        let pairs = window.iter().zip(&window[shift..]);
        let wanted: f32 = pairs.map(|(one, other)| one * other).sum();
        assert!((products[shift] - wanted).abs() < 1e-3, "{shift}");
    }
}

/// `samples` on both sides through a resampler, in blocks of 700 frames; the left side comes
/// back.
fn resample(from: u32, to: u32, samples: &[f32]) -> Vec<f32> {
    let mut resampler = Resampler::new(from, to).unwrap().unwrap();
    let mut ready = Vec::new();
    for block in samples.chunks(700) {
        let stereo: Vec<f32> = block.iter().flat_map(|sample| [*sample; 2]).collect();
        resampler.push(&stereo, &mut ready).unwrap();
    }
    resampler.finish(&mut ready).unwrap();
    ready.iter().step_by(2).copied().collect()
}

#[test]
fn the_length_is_exact_for_any_length_and_any_two_rates() {
    for (from, to) in [
        (44_100, 48_000),
        (96_000, 48_000),
        (8_000, 44_100),
        (44_101, 48_000),
    ] {
        for frames in [0, 1, 699, 1_029, 20_000] {
            let expected = (f64::from(to) * frames as f64 / f64::from(from)).round() as usize;
            assert_eq!(
                resample(from, to, &vec![0.1; frames]).len(),
                expected,
                "{from} {to}"
            );
        }
    }
}

#[test]
fn a_click_stays_at_its_time() {
    for (from, to) in [(44_100, 48_000), (96_000, 48_000), (22_050, 48_000)] {
        let mut samples = vec![0.0; 20_000];
        samples[10_000] = 1.0;
        let resampled = resample(from, to, &samples);
        let peak = (0..resampled.len())
            .max_by(|a, b| resampled[*a].total_cmp(&resampled[*b]))
            .unwrap();
        let expected = (10_000.0 * f64::from(to) / f64::from(from)).round() as usize;
        assert!(
            peak.abs_diff(expected) <= 1,
            "{from} to {to}: {peak} for {expected}"
        );
    }
}

#[test]
fn what_the_lower_rate_cannot_hold_is_filtered_away() {
    let turn = std::f64::consts::TAU * 30_000.0 / 96_000.0;
    let samples: Vec<f32> = (0..96_000)
        .map(|n| (turn * f64::from(n)).sin() as f32)
        .collect();
    let resampled = resample(96_000, 48_000, &samples);
    let loudest = resampled[2_000..46_000]
        .iter()
        .fold(0.0f32, |peak, s| peak.max(s.abs()));
    assert!(loudest < 1e-4, "{loudest}");
}
