//! Pictures for the tests of this family: flat, drawn by ffmpeg, noisy.

use std::process::{Command, Stdio};
use std::sync::Arc;

use score_engine::harness::Outputs;
use score_engine::{Frame, Payload, Time};

pub(super) use crate::testing::at;

/// Width and height of the pictures.
pub(super) const SIZE: usize = 64;

/// A picture of these pixels.
pub(super) fn picture(pixels: Vec<u8>) -> Payload {
    Payload::Frame(Arc::new(
        Frame::rgb(SIZE as u32, SIZE as u32, pixels).unwrap(),
    ))
}

/// A picture of one colour.
pub(super) fn flat(colour: [u8; 3]) -> Payload {
    picture(colour.repeat(SIZE * SIZE))
}

/// The values that left an output.
pub(super) fn controls(outputs: &Outputs, name: &str) -> Vec<f32> {
    let packets = outputs.packets(name).iter();
    packets.map(|packet| *packet.control().unwrap()).collect()
}

/// The pictures that ffmpeg makes of the graph of filters `filters`, `rate` a second.
pub(super) fn drawn(filters: &str, rate: f64) -> Vec<(Time, Payload)> {
    let scale = format!("{filters},scale={SIZE}:{SIZE}");
    let output = Command::new("ffmpeg")
        .args(["-nostdin", "-v", "error", "-f", "lavfi", "-i", &scale])
        .args(["-f", "rawvideo", "-pix_fmt", "rgb24", "-"])
        .stderr(Stdio::inherit())
        .output()
        .expect("ffmpeg is installed");
    assert!(output.status.success());
    let pictures = output.stdout.chunks_exact(SIZE * SIZE * 3);
    let pictures = pictures.map(|pixels| picture(pixels.to_vec()));
    let times = (0..).map(|n| at(f64::from(n) / rate));
    times.zip(pictures).collect()
}
