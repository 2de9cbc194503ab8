//! What can be asked of music from moment to moment, as one packet on a wire.

use serde::{Deserialize, Serialize};

use crate::custom::travels;

/// A patch in which a picture asks and music answers, for the nodes that have a part in it.
pub(crate) const EXAMPLE: &str = r#"nodes: {
        "film": video_file(path: "film.mp4", width: 64, height: 64, rate: 8),
        "eye": frame_encoder(model: "eye"),
        "map": latent_map(whiten: whole_film),
        "cuts": cut_detector(),
        "plan": planner(amount: 0.5, theme: 8),
        "ask": visual_controls(density: 1.5),
        "tune": stream_decoder(temperature: 0.8),
        "notes": midi_file(path: "film.mid"),
    },
    wires: [
        "film -> eye -> map -> plan -> tune -> notes",
        "film -> ask -> tune",
        "film -> cuts",
        "cuts.cut -> plan.cut",
        "cuts.cut -> ask.cut",
        "cuts.cut -> tune.cut",
    ]"#;

/// What is asked from now on; what is `None` is left to the music. The model `stream` was taught
/// what each means by measuring it on tunes (`models/training/stream/controls.py`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Controls {
    /// At the next sixteenth, once: 0 no note, 0.5 a note, 1 one that stands out.
    pub(crate) onset: Option<f32>,
    /// Notes for each sixteenth of the bar to come, 0 to 1.
    pub(crate) density: Option<f32>,
    /// The mean pitch of the bar to come: 0 is MIDI 36, 1 is MIDI 96.
    pub(crate) register: Option<f32>,
    /// How far the half bar to come lies above the one before: 1 is an octave up, −1 one down.
    pub(crate) contour: Option<f32>,
    /// How unlike the bars before this bar is: 0 repeats one, 1 has nothing of them.
    pub(crate) novelty: Option<f32>,
}

travels!(Controls, "Controls");
