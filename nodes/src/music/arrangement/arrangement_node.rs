//! Tells parts how busy they are, and when they enter and leave.

use score_engine::{Build, Descriptor, Node, NodeError, Param, Port, PortType, Processor};
use serde::Deserialize;

use super::super::voice::Chunk;
use super::arranging::Arranging;
use super::building::Building;
use super::shaping::Limits;

pub(super) const CUT: usize = 1;

pub(super) const ENERGY: usize = 0;
pub(super) const FULLNESS: usize = 1;

/// `arrangement`.
#[derive(Deserialize)]
pub(crate) struct Arrangement {
    opening: u64,
    least: f32,
    most: f32,
}

impl Node for Arrangement {
    fn descriptor() -> Descriptor {
        Descriptor::new(
            "music",
            "arrangement",
            "How full the music is: parts enter, leave and grow with the picture",
        )
        .example(
            r#"nodes: {
                    "film": video_file(path: "film.mp4", width: 64, height: 64, rate: 8),
                    "cuts": cut_detector(),
                    "motion": motion(gain: 8),
                    "form": arrangement(),
                    "tune": scale_walk(),
                    "played": thin_out(from: 0.2),
                    "notes": midi_file(path: "film.mid"),
                },
                wires: [
                    "film -> cuts",
                    "film -> motion -> tune -> played -> notes",
                    "motion -> form",
                    "cuts.cut -> form",
                    "form.energy -> played.level",
                ]"#,
        )
        .details(
            "`energy` is how much moves in a shot, from the stillest of the film, 0, to the busiest, 1; it changes with the cut. \
             `fullness` goes with motion and with cuts over tens of seconds, from bar to bar, and is small in the first `opening` bars. \
             `thin_out` plays parts by either: with `from`, a part rests where the level is below.\n\n\
             In a render the whole film is known, and every film has its own range. Live, the range is that of the last minutes. A \
             film whose shots are all alike has 0.5, one in which nothing moves 0.2.",
        )
        .input(Port::new("motion", PortType::Control, "how much moves"))
        .input(Port::new("cut", PortType::Event, "where shots begin").optional())
        .output(Port::new("energy", PortType::Control, "from shot to shot: 0 still to 1 busy"))
        .output(Port::new("fullness", PortType::Control, "over tens of seconds: 0 few parts to 1 all"))
        .param(
            Param::integer("opening", (0, 64), "how long the music begins with few parts")
                .unit("bars")
                .default(4),
        )
        .param(Param::number("least", (0.0, 1.0), "both where the film is stillest").default(0.0).live())
        .param(Param::number("most", (0.0, 1.0), "both where it is busiest").default(1.0).live())
        .in_bars()
    }

    fn build(&self, build: &Build<'_>) -> Result<Box<dyn Processor>, NodeError> {
        let bars = Chunk::bar(build.transport);
        let limits = Limits {
            opening: self.opening,
            range: (self.least, self.most),
        };
        if build.clock.is_some() {
            return Ok(Box::new(Building::new(limits, bars)));
        }
        Ok(Box::new(Arranging::new(limits, bars)))
    }
}
