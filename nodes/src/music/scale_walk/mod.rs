//! Walks at random through a scale, as dense as a control says.

mod scale;
#[cfg(test)]
mod tests;
mod walk;
mod walking;

use score_engine::{
    Build, Control, Descriptor, Event, InputPort, Length, Node, NodeError, Note, OutputPort,
    Params, Processor,
};

use super::pacing::Pacing;
use scale::Scale;
use walk::Walk;

const DENSITY: InputPort<Control> =
    InputPort::new(0, "density", "how many notes, 0 none to 1 every sixteenth");
const ACCENT: InputPort<Event> = InputPort::new(
    1,
    "accent",
    "a note at the next sixteenth, as strong as the event",
)
.optional();
const TUNE: OutputPort<Note> = OutputPort::new(0, "notes", "the melody, one note at a time");

/// `scale_walk`.
#[derive(Clone, Params)]
pub(crate) struct ScaleWalk {
    /// the keys that are used
    #[param(live, default = Scale::Pentatonic)]
    scale: Scale,
    /// the lowest key, MIDI's number; 60 is middle C
    #[param(live, range = 0..=120, span = 36.0..=72.0, default = 57)]
    tonic: u8,
    /// range of the walk
    #[param(live, range = 1..=6, default = 2)]
    octaves: u8,
    /// most degrees of the scale from note to note
    #[param(live, range = 1..=14, span = 1.0..=7.0, default = 2)]
    step: u8,
    /// how much chance decides where notes lie
    #[param(live, range = 0.0..=1.0, default = 0.3)]
    freedom: f64,
    /// density below which there is silence
    #[param(live, range = 0.0..=1.0, default = 0.03)]
    threshold: f64,
    /// how long a note sounds where no other follows
    #[param(live, range = 0.0..=60.0, span = 0.1..=4.0, log, default = Length::Seconds(1.0))]
    hold: Length,
    /// how hard notes are struck that are not accents
    #[param(live, range = 0.01..=1.0, default = 0.6)]
    velocity: f32,
    /// MIDI channel, counted from 0
    #[param(live, range = 0..=15, default = 0)]
    channel: u8,
}

impl Node for ScaleWalk {
    fn descriptor() -> Descriptor {
        Descriptor::of::<Self>("music", "scale_walk", "Walks at random through a scale, as dense \
            as a control says")
            .example(
                r#"nodes: {
                    "film": video_file(path: "film.mp4", width: 64, height: 64),
                    "motion": motion(smooth: 0.3),
                    "cuts": cut_detector(),
                    "tune": scale_walk(scale: minor_pentatonic, tonic: 45),
                    "notes": midi_file(path: "film.mid"),
                },
                wires: ["film -> motion -> tune.density", "film -> cuts", "cuts.cut -> tune.accent", "tune -> notes"]"#,
            )
            .details(
                "No model: notes lie on sixteenths, and `density` fills the bar from its strong \
                 places to its weak ones. A little gives the first beat of each bar, 0.2 every \
                 beat, 0.45 the eighths, 0.75 the sixteenths; `freedom` blurs these by chance, \
                 from the patch's seed. Below `threshold` there is silence. Each note lies at most \
                 `step` degrees of the scale from the last, and the walk turns round at the ends \
                 of its range. With a key in the transport the walk begins on the key's tonic that \
                 is nearest to `tonic`, and keeps to the key: in minor `pentatonic` is \
                 `minor_pentatonic`, and so on; with the key \"auto\" the scale says the mode. An \
                 `accent`, such as a cut, sounds at the next sixteenth whatever the density: the \
                 walk leaps to the nearest tonic, struck as hard as the event is strong.\n\n\
                 Density from motion and strength from changes of the picture are the two rhythmic \
                 ties of Di et al., Video Background Music Generation with Controllable Music \
                 Transformer (2021), here without a model.",
            )
            .input(DENSITY)
            .input(ACCENT)
            .output(TUNE)
            .in_bars()
            .urgent()
    }

    fn build(&self, build: &Build<'_>) -> Result<Box<dyn Processor<Self>>, NodeError> {
        let walk = Walk::new(self, build.transport, build.rng());
        Ok(Box::new(Pacing::new(walk, build)))
    }
}
