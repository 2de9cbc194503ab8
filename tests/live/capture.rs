//! Records what is played and measures it.

use std::path::Path;

use score_test_support::jack::{Jack, RATE};
use score_test_support::text;

/// Sound that was recorded: both sides.
pub(crate) struct Recorded {
    pub(crate) left: Vec<f32>,
    pub(crate) right: Vec<f32>,
}

/// Records `seconds` of what `client` plays.
pub(crate) fn record(jack: &Jack, folder: &Path, client: &str, seconds: u32) -> Recorded {
    let path = folder.join("recorded.wav");
    let output = jack
        .tool("jack_rec")
        .arg("-f")
        .arg(&path)
        .args(["-d", &seconds.to_string(), "-b", "16"])
        .args([format!("{client}:out_0"), format!("{client}:out_1")])
        .output()
        .expect("jack_rec runs");
    assert!(output.status.success(), "{}", text(&output.stderr));
    let samples: Vec<f32> = hound::WavReader::open(&path)
        .unwrap()
        .samples::<i16>()
        .map(|sample| f32::from(sample.unwrap()) / 32_768.0)
        .collect();
    let side = |first: usize| samples.iter().skip(first).step_by(2).copied().collect();
    Recorded {
        left: side(0),
        right: side(1),
    }
}

/// The largest step between two neighbours.
pub(crate) fn largest_step(sound: &[f32]) -> f32 {
    sound
        .windows(2)
        .fold(0.0, |most, pair| most.max((pair[1] - pair[0]).abs()))
}

/// The highest sample.
pub(crate) fn peak(sound: &[f32]) -> f32 {
    sound
        .iter()
        .fold(0.0, |most, sample| most.max(sample.abs()))
}

/// The frequency of a tone in Hz, by how often it rises through zero.
pub(crate) fn frequency(sound: &[f32]) -> f64 {
    let rises: Vec<usize> = (1..sound.len())
        .filter(|n| sound[n - 1] < 0.0 && sound[*n] >= 0.0)
        .collect();
    let (Some(first), Some(last)) = (rises.first(), rises.last()) else {
        return 0.0;
    };
    (rises.len() - 1) as f64 * f64::from(RATE) / (last - first).max(1) as f64
}
