//! How the level of a note goes: up in a line, down to where it stays, away when the key is let go.

use super::{SILENCE, fall};

/// The level of a note from sample to sample.
pub(super) struct Envelope {
    level: f32,
    attacking: bool,
    attack_step: f32,
    decay: f32,
    sustain: f32,
    released: bool,
    release: f32,
}

impl Envelope {
    /// Begins at 0: `attack` seconds to the full level, then to `sustain`, and from the release to
    /// 0, by a factor of e in `decay` and `release` seconds.
    pub(super) fn new(attack: f32, decay: f32, sustain: f32, release: f32, rate: f32) -> Self {
        Envelope {
            level: 0.0,
            attacking: true,
            attack_step: 1.0 / (attack * rate).max(1.0),
            decay: fall(decay, rate),
            sustain,
            released: false,
            release: fall(release, rate),
        }
    }

    /// Goes on to the next sample.
    #[inline]
    pub(super) fn step(&mut self) {
        if self.released {
            self.level *= self.release;
        } else if self.attacking {
            self.level += self.attack_step;
            if self.level >= 1.0 {
                self.level = 1.0;
                self.attacking = false;
            }
        } else {
            self.level = self.sustain + (self.level - self.sustain) * self.decay;
        }
    }

    /// Goes on through `levels`, which become the level at each sample.
    pub(super) fn fill(&mut self, levels: &mut [f32]) {
        for level in levels {
            self.step();
            *level = self.level;
        }
    }

    /// The key is let go.
    pub(super) fn release(&mut self) {
        self.released = true;
        self.attacking = false;
    }

    /// Goes on from `level`: that at which the note is heard.
    pub(super) fn go_on_from(&mut self, level: f32) {
        self.level = level;
    }

    /// Whether the level still rises from the beginning.
    pub(super) fn attacks(&self) -> bool {
        self.attacking
    }

    /// Whether it has not faded away.
    pub(super) fn sounds(&self) -> bool {
        self.attacking || self.level > SILENCE
    }

    /// The level, 0 to 1.
    pub(super) fn level(&self) -> f32 {
        self.level
    }
}
