//! Looks at a film for its evaluation: always with the same eye, whatever the patch that makes the
//! music sees.

use std::sync::Arc;

use score_engine::{Frame, Graph, NodeError, Packet, Tap};

use super::seen::Seen;

/// The patch that looks at the film.
pub const PATCH: &str = include_str!("observe.ron");

/// The nodes of [`PATCH`] that read the film.
pub const READERS: [&str; 3] = ["film", "slow", "stills"];

/// A picture for the eyes of people.
pub type Still = (f64, Arc<Frame>);

/// What a run of [`PATCH`] is collected by.
pub struct Observation {
    cuts: Tap,
    motion: Tap,
    codes: Tap,
    stills: Tap,
}

impl Observation {
    /// Listens to a run of [`PATCH`] that is yet to begin.
    ///
    /// # Errors
    /// The graph is of another patch.
    pub fn of(graph: &mut Graph) -> Result<Self, NodeError> {
        let mut tap = |node: &str, port: &str| {
            graph
                .tap(node, port)
                .ok_or_else(|| NodeError::internal(format!("`{node}.{port}` is not in the patch")))
        };
        Ok(Observation {
            cuts: tap("cuts", "cut")?,
            motion: tap("motion", "motion")?,
            codes: tap("eye", "latent")?,
            stills: tap("stills", "frames")?,
        })
    }

    /// What was seen, and stills, `most` at most, once the run is over.
    ///
    /// # Errors
    /// Something else was sent than was asked for, which a checked patch rules out.
    pub fn seen(self, most: usize) -> Result<(Seen, Vec<Still>), NodeError> {
        let time = |packet: &Packet| packet.time.seconds();
        let codes = self.codes.take();
        let motion = self.motion.take();
        let stills = self.stills.take();
        let every = stills.len().div_ceil(most.max(1)).max(1);
        let seen = Seen {
            seconds: self.motion.end().map_or(0.0, |end| end.seconds()),
            codes: codes
                .iter()
                .map(|packet| Ok((time(packet), packet.latent()?.to_vec())))
                .collect::<Result<_, NodeError>>()?,
            motion: motion
                .iter()
                .map(|packet| Ok((time(packet), f64::from(*packet.control()?))))
                .collect::<Result<_, NodeError>>()?,
            cuts: self.cuts.take().iter().map(time).collect(),
        };
        let stills = stills
            .iter()
            .step_by(every)
            .map(|packet| Ok((time(packet), packet.frame()?.clone())))
            .collect::<Result<_, NodeError>>()?;
        Ok((seen, stills))
    }
}
