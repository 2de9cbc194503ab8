//! A random rotation of codes that glides into another.

use std::f32::consts::FRAC_PI_2;

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use score_engine::Time;

use super::rotation::{directions, dot};

/// Rows that a code is multiplied with.
type Matrix = Vec<Vec<f32>>;

/// Turns codes by the rotation of a seed. Another seed is reached on a way without a jump, on which
/// every code stays as long as it is.
pub(super) struct Turning {
    dimension: usize,
    seed: Option<u64>,
    /// The rotation of the seed; `None`: codes stay as they are.
    rotation: Option<Matrix>,
    glide: Option<Glide>,
}

/// The way from another rotation.
struct Glide {
    from: Matrix,
    /// When it began: with the first code on it.
    began: Option<Time>,
    lasts: Time,
    /// How far it had come at the latest code, 0 to 1.
    share: f32,
}

impl Glide {
    /// The weights of the rotations at both ends. Where they turn a code to directions at right
    /// angles, as random ones of many dimensions nearly do, the way is an arc.
    fn weights(&self) -> (f32, f32) {
        let angle = FRAC_PI_2 * self.share;
        (angle.cos(), angle.sin())
    }
}

impl Turning {
    /// Turns codes of `dimension` components by the rotation of `seed`.
    pub(super) fn new(dimension: usize, seed: Option<u64>) -> Self {
        Turning {
            dimension,
            seed,
            rotation: rotation(dimension, seed),
            glide: None,
        }
    }

    /// Glides to the rotation of `seed` within `lasts`, from where it is. A glide that has begun
    /// keeps its length.
    pub(super) fn aim(&mut self, seed: Option<u64>, lasts: Time) {
        if seed == self.seed {
            return;
        }
        let from = self.present();
        self.seed = seed;
        self.rotation = rotation(self.dimension, seed);
        self.glide = (lasts > Time::ZERO).then_some(Glide {
            from,
            began: None,
            lasts,
            share: 0.0,
        });
    }

    /// The code of `time`, turned.
    pub(super) fn turn(&mut self, time: Time, code: Vec<f32>) -> Vec<f32> {
        if let Some(glide) = &mut self.glide {
            let began = *glide.began.get_or_insert(time);
            let share = ((time - began).seconds() / glide.lasts.seconds()) as f32;
            glide.share = share.max(glide.share);
        }
        let Some(glide) = self.glide.take_if(|glide| glide.share < 1.0) else {
            self.glide = None;
            return self.turned(code);
        };
        let (from, to) = glide.weights();
        let length = dot(&code, &code).sqrt();
        let before = product(&glide.from, &code);
        let mut mixed = self.turned(code);
        for (mixed, before) in mixed.iter_mut().zip(before) {
            *mixed = from * before + to * *mixed;
        }
        let became = dot(&mixed, &mixed).sqrt();
        if became > 0.0 {
            let factor = length / became;
            mixed.iter_mut().for_each(|component| *component *= factor);
        }
        self.glide = Some(glide);
        mixed
    }

    /// The code turned by the rotation that is aimed at.
    fn turned(&self, code: Vec<f32>) -> Vec<f32> {
        match &self.rotation {
            Some(rotation) => product(rotation, &code),
            None => code,
        }
    }

    /// What codes are multiplied with now, but for their length.
    fn present(&self) -> Matrix {
        let mut present = match &self.rotation {
            Some(rotation) => rotation.clone(),
            None => identity(self.dimension),
        };
        if let Some(glide) = &self.glide {
            let (from, to) = glide.weights();
            let before = glide.from.iter().flatten();
            for (value, before) in present.iter_mut().flatten().zip(before) {
                *value = from * before + to * *value;
            }
        }
        present
    }
}

fn rotation(dimension: usize, seed: Option<u64>) -> Option<Matrix> {
    seed.map(|seed| {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        directions(dimension, dimension, &mut rng)
    })
}

fn identity(dimension: usize) -> Matrix {
    let row = |of: usize| (0..dimension).map(move |column| f32::from(u8::from(column == of)));
    (0..dimension).map(|of| row(of).collect()).collect()
}

fn product(matrix: &Matrix, code: &[f32]) -> Vec<f32> {
    matrix.iter().map(|row| dot(row, code)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(hundredths: i64) -> Time {
        Time::from_nanos(hundredths * 10_000_000)
    }

    #[test]
    fn a_glide_that_is_turned_on_its_way_never_jumps_and_arrives() {
        let code: Vec<f32> = (0..32).map(|n| (n as f32 * 0.37).sin()).collect();
        let length = dot(&code, &code).sqrt();
        let mut turning = Turning::new(32, None);
        let mut last = turning.turn(at(0), code.clone());
        assert_eq!(last, code);
        let second = Time::from_seconds(1.0);
        for hundredth in 1..400 {
            match hundredth {
                50 => turning.aim(Some(1), second),
                // On the way to 1.
                100 => turning.aim(Some(2), second),
                250 => turning.aim(None, second),
                _ => {}
            }
            let turned = turning.turn(at(hundredth), code.clone());
            assert!((dot(&turned, &turned).sqrt() - length).abs() < 1e-3 * length);
            let step: Vec<f32> = turned.iter().zip(&last).map(|(a, b)| a - b).collect();
            let step = dot(&step, &step).sqrt() / length;
            // A quarter of a circle in a hundred steps, twice as fast at most where both ends are
            // far apart.
            assert!(step < 0.05, "{hundredth}: {step}");
            if hundredth == 249 {
                assert_eq!(turned, Turning::new(32, Some(2)).turn(at(0), code.clone()));
            }
            last = turned;
        }
        assert_eq!(last, code);
    }

    #[test]
    fn without_time_to_glide_the_next_code_is_there() {
        let code = vec![1.0, 2.0, 3.0];
        let mut turning = Turning::new(3, Some(1));
        turning.aim(Some(2), Time::ZERO);
        let wanted = Turning::new(3, Some(2)).turn(at(0), code.clone());
        assert_eq!(turning.turn(at(1), code), wanted);
    }
}
