//! A walk as a part that is played sixteenth by sixteenth.

use score_engine::{Input, NodeError, Note, OutputPort, Time, Transport};

use super::super::grid::Grid;
use super::super::pacing::{Part, Played};
use super::walk::Walk;
use super::{ACCENT, DENSITY, ScaleWalk, TUNE};

impl Part<ScaleWalk> for Walk {
    const NOTES: OutputPort<Note> = TUNE;

    fn hear(&mut self, input: &Input, _grid: &Grid) -> Result<(), NodeError> {
        if input.is(DENSITY) {
            let density = f64::from(*input.read(DENSITY)?);
            self.density = if density.is_nan() { 0.0 } else { density };
            return Ok(());
        }
        let strength = input.read(ACCENT)?.strength;
        let strength = if strength.is_nan() {
            0.0
        } else {
            strength.clamp(0.0, 1.0)
        };
        let stronger = self.accent.map_or(strength, |other| other.max(strength));
        self.accent = Some(stronger);
        Ok(())
    }

    fn at(&mut self, params: &ScaleWalk, place: u64, grid: &Grid) -> Result<Played, NodeError> {
        let time = grid.time_of(place);
        let notes = self.play(params, place).into_iter();
        Ok(notes.map(|note| (time, note)).collect())
    }

    fn close(&mut self, time: Time) -> Played {
        let ends = self.end().into_iter();
        ends.map(|note| (time, note)).collect()
    }

    fn changed(
        &mut self,
        params: &ScaleWalk,
        transport: &Transport,
        _grid: &Grid,
        _place: u64,
    ) -> Result<(), NodeError> {
        self.choose(params, transport);
        Ok(())
    }
}
