//! Walks at random through a scale, as dense as a control says.

mod scale;
#[cfg(test)]
mod tests;
mod walk;
mod walking;

use score_engine::{
    Build, Descriptor, Length, Mode, Node, NodeError, Param, Port, PortType, Processor,
};
use serde::Deserialize;

use super::pacing::Pacing;
use super::voice::Chunk;
use walk::{Range, Walk};

const DENSITY: usize = 0;

/// `scale_walk`.
#[derive(Deserialize)]
pub(crate) struct ScaleWalk {
    scale: String,
    tonic: u8,
    octaves: u8,
    step: u8,
    freedom: f64,
    threshold: f64,
    hold: Length,
    velocity: f64,
    channel: u8,
}

impl Node for ScaleWalk {
    fn descriptor() -> Descriptor {
        Descriptor::new("music", "scale_walk", "Walks at random through a scale, as dense as a control says")
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
                "No model: notes lie on sixteenths, and `density` fills the bar from its strong places to its weak \
                 ones. A little gives the first beat of each bar, 0.2 every beat, 0.45 the eighths, 0.75 the \
                 sixteenths; `freedom` blurs these by chance, from the patch's seed. Below `threshold` there is \
                 silence. Each note lies at most `step` degrees of the scale from the last, and the walk turns round \
                 at the ends of its range. With a key in the transport the walk begins on the key's tonic that is \
                 nearest to `tonic`, and keeps to the key: in minor `pentatonic` is `minor_pentatonic`, and so on; with \
                 the key \"auto\" the scale says the mode. An `accent`, such as a cut, sounds at the next sixteenth whatever the \
                 density: the walk leaps to the nearest tonic, struck as hard as the event is strong.\n\n\
                 Density from motion and strength from changes of the picture are the two rhythmic ties of Di et al., \
                 Video Background Music Generation with Controllable Music Transformer (2021), here without a model.",
            )
            .input(Port::new("density", PortType::Control, "how many notes, 0 none to 1 every sixteenth"))
            .input(Port::new("accent", PortType::Event, "a note at the next sixteenth, as strong as the event").optional())
            .output(Port::new("notes", PortType::Notes, "the melody, one note at a time"))
            .param(Param::choice("scale", &scale::NAMES, "the keys that are used").default("pentatonic").live())
            .param(Param::integer("tonic", (0, 120), "the lowest key, MIDI's number; 60 is middle C").default(57).live())
            .param(Param::integer("octaves", (1, 6), "range of the walk").default(2).live())
            .param(Param::integer("step", (1, 14), "most degrees of the scale from note to note").default(2).live())
            .param(Param::number("freedom", (0.0, 1.0), "how much chance decides where notes lie").default(0.3).live())
            .param(Param::number("threshold", (0.0, 1.0), "density below which there is silence").default(0.03).live())
            .param(Param::length("hold", (0.0, 60.0), "how long a note sounds where no other follows").default(1.0).live())
            .param(Param::number("velocity", (0.01, 1.0), "how hard notes are struck that are no accents").default(0.6).live())
            .param(Param::integer("channel", (0, 15), "MIDI channel, counted from 0").default(0))
            .in_bars()
            .urgent()
    }

    fn build(&self, build: &Build<'_>) -> Result<Box<dyn Processor>, NodeError> {
        let minor = matches!(&*self.scale, "minor" | "minor_pentatonic" | "dorian");
        let mode = if minor { Mode::Minor } else { Mode::Major };
        let range = Range {
            scale: self.scale.clone(),
            tonic: self.tonic,
            octaves: self.octaves,
            key: (build.transport.key).map(|key| key.key(build.transport.seed, mode)),
        };
        let walk = Walk {
            hold: self.hold.at(build.transport),
            velocity: self.velocity as f32,
            freedom: self.freedom,
            threshold: self.threshold,
            step: i64::from(self.step),
            channel: self.channel,
            ladder: range.ladder(),
            range,
            rng: build.rng(),
            transport: build.transport.clone(),
            degree: None,
            density: 0.0,
            accent: None,
            sounding: None,
        };
        Ok(Box::new(Pacing::new(walk, Chunk::bar(build.transport))))
    }
}
