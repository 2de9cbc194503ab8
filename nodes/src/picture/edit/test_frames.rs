//! Pictures for the tests of the nodes that edit them.

use std::sync::Arc;

use score_engine::harness::{Harness, Outputs};
use score_engine::{Frame, Node, Payload, PortType, Time, Value};

pub(super) use crate::testing::at;

/// A picture of grey pixels.
pub(super) fn grey(width: u32, values: &[u8]) -> Frame {
    let pixels = values.iter().flat_map(|value| [*value; 3]).collect();
    Frame::rgb(width, values.len() as u32 / width, pixels).unwrap()
}

/// Pictures as they are fed, ten a second.
pub(super) fn film(frames: impl IntoIterator<Item = Frame>) -> Vec<(Time, Payload)> {
    let times = (0..).map(|n| at(f64::from(n) / 10.0));
    let frames = frames
        .into_iter()
        .map(|frame| Payload::Frame(Arc::new(frame)));
    times.zip(frames).collect()
}

/// A node into whose `frames` pictures come, ten a second.
pub(super) fn fed<N: Node>(params: Value, frames: impl IntoIterator<Item = Frame>) -> Harness<N> {
    Harness::new(params).feed("frames", PortType::Frame, film(frames), at(100.0))
}

/// The pictures that left.
pub(super) fn frames(outputs: &Outputs) -> Vec<Arc<Frame>> {
    let packets = outputs.packets("frames").iter();
    packets
        .map(|packet| packet.frame().unwrap().clone())
        .collect()
}

/// What a render makes of one picture; the same live, which is required.
#[track_caller]
pub(super) fn edited<N: Node>(params: Value, frame: &Frame) -> Arc<Frame> {
    let rendered = frames(&fed::<N>(params.clone(), [frame.clone()]).run().unwrap());
    let live = frames(&fed::<N>(params, [frame.clone()]).play_live().unwrap());
    assert_eq!(rendered, live);
    rendered[0].clone()
}

/// The red of every pixel.
pub(super) fn reds(frame: &Frame) -> Vec<u8> {
    frame
        .pixels()
        .chunks_exact(3)
        .map(|pixel| pixel[0])
        .collect()
}

/// Whether what left is the very picture that came, not a copy.
#[track_caller]
pub(super) fn is_shared<N: Node>(params: Value) -> bool {
    let frame = Arc::new(grey(2, &[1, 2, 3, 4]));
    let packets = vec![(at(0.0), Payload::Frame(frame.clone()))];
    let harness = Harness::<N>::new(params).feed("frames", PortType::Frame, packets, at(1.0));
    Arc::ptr_eq(&frames(&harness.run().unwrap())[0], &frame)
}
