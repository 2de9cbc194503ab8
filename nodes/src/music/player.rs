//! A loaded music model and how it plays, whichever node does.

use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal, StandardUniform};
use score_engine::{Build, NodeError, Processor, Value};

use super::decoding::Decoding;
use super::melody::{Melody, Said};
use super::stepping::Stepping;
use super::voice::Voice;

pub(super) const LATENT: usize = 0;

pub(super) const NOTES: usize = 0;

/// A loaded model and how it plays.
pub(super) struct Player {
    pub(super) melody: Melody,
    pub(super) rng: ChaCha8Rng,
    pub(super) temperature: f32,
    pub(super) shape: Shape,
    pub(super) voice: Voice,
}

impl Player {
    /// What the model says of every step of a stretch.
    pub(super) fn decode(&mut self, code: &[f32]) -> Result<Vec<Said>, NodeError> {
        let mut phrase = self.melody.begin(code)?;
        (0..self.melody.layout().steps)
            .map(|_| {
                self.melody
                    .say(&mut phrase, self.temperature, &mut self.rng)
            })
            .collect()
    }

    /// A processor that plays: as the clock goes where there is one, else stretch by stretch.
    pub(super) fn processor(self, build: &Build<'_>) -> Box<dyn Processor> {
        if build.clock.is_some() {
            return Box::new(Stepping::new(self));
        }
        Box::new(Decoding::new(self))
    }

    /// Takes a new value of a live parameter.
    pub(super) fn set(&mut self, name: &str, value: &Value) -> Result<(), NodeError> {
        let number: f32 = serde_json::from_value(value.clone())
            .map_err(|error| NodeError::internal(format!("`{name}`: {error}")))?;
        match name {
            "temperature" => self.temperature = number,
            "gain" => self.shape.gain = number,
            "velocity" => self.voice.velocity = number,
            "looseness" | "dynamics" if self.voice.kit.is_some() => {
                if let Some(kit) = &mut self.voice.kit {
                    match name {
                        "looseness" => kit.looseness = number,
                        _ => kit.dynamics = number,
                    }
                }
            }
            _ => return Err(NodeError::internal(format!("`{name}` is not live"))),
        }
        Ok(())
    }
}

/// What is done to a mean code before it is decoded.
pub(super) struct Shape {
    noise: Vec<Option<f32>>,
    gain: f32,
    normalise: bool,
}

impl Shape {
    /// `noise` is the share of the components that one constant random code replaces.
    pub(super) fn new(
        dimension: usize,
        share: f32,
        gain: f32,
        normalise: bool,
        rng: &mut ChaCha8Rng,
    ) -> Self {
        Shape {
            noise: noise(dimension, share, rng),
            gain,
            normalise,
        }
    }

    pub(super) fn apply(&self, mut code: Vec<f32>) -> Vec<f32> {
        let length = code.iter().map(|value| value * value).sum::<f32>().sqrt();
        // A code of almost no length has no direction worth keeping.
        let usual = (code.len() as f32).sqrt();
        let factor = if self.normalise && length > 1e-3 * usual {
            usual / length
        } else {
            1.0
        };
        for (value, noise) in code.iter_mut().zip(&self.noise) {
            *value = noise.unwrap_or(*value * factor) * self.gain;
        }
        code
    }
}

/// One constant N(0, 1) value for a random `share` of the components.
fn noise(dimension: usize, share: f32, rng: &mut ChaCha8Rng) -> Vec<Option<f32>> {
    // Drawn for all, so that a larger share replaces what a smaller one does, and more.
    let drawn: Vec<(f64, f32)> = (0..dimension)
        .map(|_| (StandardUniform.sample(rng), StandardNormal.sample(rng)))
        .collect();
    let mut order: Vec<usize> = (0..dimension).collect();
    order.sort_by(|a, b| drawn[*a].0.total_cmp(&drawn[*b].0));
    order.truncate((share * dimension as f32).round() as usize);
    let mut noise = vec![None; dimension];
    for index in order {
        noise[index] = Some(drawn[index].1);
    }
    noise
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand_chacha::rand_core::SeedableRng;

    #[test]
    fn a_mean_code_gets_the_usual_length_back() {
        let shape = Shape {
            noise: vec![None; 4],
            gain: 1.0,
            normalise: true,
        };
        assert_eq!(shape.apply(vec![0.5, 0.0, 0.0, 0.0]), [2.0, 0.0, 0.0, 0.0]);
    }

    #[test]
    fn noise_replaces_its_share_and_grows_with_it() {
        let few = noise(64, 0.25, &mut ChaCha8Rng::seed_from_u64(1));
        let many = noise(64, 0.5, &mut ChaCha8Rng::seed_from_u64(1));
        assert_eq!(few.iter().flatten().count(), 16);
        assert_eq!(many.iter().flatten().count(), 32);
        assert!(
            few.iter()
                .zip(&many)
                .all(|(few, many)| few.is_none() || few == many)
        );
    }
}
