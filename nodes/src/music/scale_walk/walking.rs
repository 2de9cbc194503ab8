//! A walk as a part that is played sixteenth by sixteenth.

use score_engine::{Input, NodeError, Time, Value};

use super::super::pacing::{Part, Played};
use super::super::voice::Chunk;
use super::DENSITY;
use super::walk::Walk;
use crate::live;

impl Part for Walk {
    fn hear(&mut self, input: &Input, _chunk: &Chunk) -> Result<(), NodeError> {
        if input.port == DENSITY {
            let density = f64::from(*input.packet.control()?);
            self.density = if density.is_nan() { 0.0 } else { density };
            return Ok(());
        }
        let strength = input.packet.event()?.strength;
        let strength = if strength.is_nan() {
            0.0
        } else {
            strength.clamp(0.0, 1.0)
        };
        let stronger = self.accent.map_or(strength, |other| other.max(strength));
        self.accent = Some(stronger);
        Ok(())
    }

    fn at(&mut self, place: u64, chunk: &Chunk) -> Result<Played, NodeError> {
        let time = chunk.time_of(place);
        let notes = self.play(place).into_iter();
        Ok(notes.map(|note| (time, note)).collect())
    }

    fn close(&mut self, time: Time) -> Played {
        let ends = self.end().into_iter();
        ends.map(|note| (time, note)).collect()
    }

    fn set(&mut self, name: &str, value: &Value) -> Result<(), NodeError> {
        match name {
            "scale" => {
                self.range.scale = value.as_str().unwrap_or_default().to_owned();
            }
            "tonic" => self.range.tonic = live::number(name, value)?.clamp(0.0, 120.0) as u8,
            "octaves" => self.range.octaves = live::number(name, value)?.clamp(1.0, 6.0) as u8,
            "step" => self.step = live::number(name, value)?.clamp(1.0, 14.0) as i64,
            "freedom" => self.freedom = live::number(name, value)?,
            "threshold" => self.threshold = live::number(name, value)?,
            "hold" => self.hold = live::length(name, value, &self.transport)?,
            "velocity" => self.velocity = live::number(name, value)? as f32,
            _ => return Err(live::not_live(name)),
        }
        self.ladder = self.range.ladder();
        Ok(())
    }
}
