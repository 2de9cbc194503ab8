//! How full the music is: how busy parts are, and when they enter and leave.

use score_engine::{
    Build, Control, Descriptor, Event, InputPort, Node, NodeError, OutputPort, Params, Processor,
};

use super::super::grid::Grid;
use super::live_arrangement::LiveArrangement;
use super::offline_arrangement::OfflineArrangement;

pub(super) const MOTION: InputPort<Control> = InputPort::new(0, "motion", "how much moves");
pub(super) const CUT: InputPort<Event> = InputPort::new(1, "cut", "where shots begin").optional();
pub(super) const ENERGY: OutputPort<Control> =
    OutputPort::new(0, "energy", "from shot to shot: 0 still to 1 busy");
pub(super) const FULLNESS: OutputPort<Control> =
    OutputPort::new(1, "fullness", "over tens of seconds: 0 few parts to 1 all");

/// In the opening, fullness is no more than this.
const OPENING: f32 = 0.3;

/// `arrangement`.
#[derive(Clone, Params)]
pub(crate) struct Arrangement {
    /// how long the music begins with few parts
    #[param(live, range = 0..=64, span = 0.0..=16.0, unit = "bars", default = 4)]
    opening: u64,
    /// both where the film is stillest
    #[param(live, range = 0.0..=1.0, default = 0.0)]
    least: f32,
    /// both where it is busiest
    #[param(live, range = 0.0..=1.0, default = 1.0)]
    most: f32,
}

impl Arrangement {
    /// Brings 0 to 1 into the range that is asked for.
    pub(super) fn within(&self, value: f32) -> f32 {
        (self.least + (self.most - self.least) * value).clamp(0.0, 1.0)
    }

    /// How full bar `bar` may be.
    pub(super) fn opened(&self, bar: u64, value: f32) -> f32 {
        if bar < self.opening {
            value.min(OPENING)
        } else {
            value
        }
    }
}

impl Node for Arrangement {
    fn descriptor() -> Descriptor {
        Descriptor::of::<Self>(
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
            "`energy` is how much moves in a shot, from the stillest of the film, 0, to the \
             busiest, 1; it changes with the cut. `fullness` goes with motion and with cuts over \
             tens of seconds, from bar to bar, and is small in the first `opening` bars. \
             `thin_out` plays parts by either: with `from`, a part rests where the level is \
             below.\n\n\
             In a render the whole film is known, and every film has its own range. Live, the \
             range is that of the last minutes. A film whose shots are all alike has 0.5, one in \
             which nothing moves 0.2.",
        )
        .input(MOTION)
        .input(CUT)
        .output(ENERGY)
        .output(FULLNESS)
        .in_bars()
    }

    fn build(&self, build: &Build<'_>) -> Result<Box<dyn Processor<Self>>, NodeError> {
        let bars = Grid::bar(build.transport);
        if build.ends {
            return Ok(Box::new(OfflineArrangement::new(bars)));
        }
        Ok(Box::new(LiveArrangement::new(bars)))
    }
}
