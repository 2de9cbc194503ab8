//! The built-in voices: what one sounding note computes.

use std::f32::consts::TAU;

use serde::Deserialize;

/// A built-in voice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Voice {
    ElectricPiano,
    Glass,
    Bass,
    Pad,
}

impl Voice {
    /// The words in a patch.
    pub(crate) const NAMES: [&'static str; 4] = ["electric_piano", "glass", "bass", "pad"];

    fn sound(self) -> Sound {
        match self {
            // Two operators; the short bright attack of a tine is a high modulator that fades at once.
            Voice::ElectricPiano => Sound {
                ratio: 1.0,
                index: 1.4,
                fade: 0.5,
                attack: 0.003,
                decay: 1.6,
                sustain: 0.0,
                release: 0.12,
                octave: 1.0,
            },
            // An inharmonic ratio rings like a bell.
            Voice::Glass => Sound {
                ratio: 3.51,
                index: 1.8,
                fade: 0.9,
                attack: 0.002,
                decay: 2.2,
                sustain: 0.0,
                release: 0.8,
                octave: 1.0,
            },
            Voice::Bass => Sound {
                ratio: 1.0,
                index: 2.4,
                fade: 0.25,
                attack: 0.004,
                decay: 0.9,
                sustain: 0.25,
                release: 0.08,
                octave: 0.25,
            },
            Voice::Pad => Sound {
                ratio: 2.003,
                index: 0.7,
                fade: 4.0,
                attack: 0.25,
                decay: 3.0,
                sustain: 0.7,
                release: 0.9,
                octave: 1.0,
            },
        }
    }
}

/// A voice's numbers: frequency modulation with two operators (Chowning 1973), times in seconds.
struct Sound {
    /// Modulator's frequency against the carrier's.
    ratio: f32,
    /// Depth of modulation at full velocity.
    index: f32,
    /// Time in which the depth falls to 1/e.
    fade: f32,
    attack: f32,
    /// Time in which the level falls to 1/e of its way to `sustain`.
    decay: f32,
    sustain: f32,
    /// Time in which a released note falls to 1/e.
    release: f32,
    /// Factor for the note's frequency.
    octave: f32,
}

/// Below this a note cannot be heard and ends: −80 dB.
const SILENCE: f32 = 1e-4;

/// A note that sounds.
pub(crate) struct Sounding {
    pub(crate) key: (u8, u8),
    pub(crate) released: bool,
    carrier: f32,
    modulator: f32,
    carrier_step: f32,
    modulator_step: f32,
    depth: f32,
    depth_fade: f32,
    level: f32,
    attack_step: f32,
    attacking: bool,
    decay: f32,
    sustain: f32,
    release: f32,
    velocity: f32,
    left: f32,
    right: f32,
}

impl Sounding {
    /// Begins a note.
    pub(crate) fn new(voice: Voice, key: (u8, u8), velocity: f32, rate: u32) -> Self {
        let sound = voice.sound();
        let rate = rate as f32;
        let frequency = 440.0 * ((f32::from(key.1) - 69.0) / 12.0).exp2() * sound.octave;
        // What lies above half the sample rate would fold back; high notes are modulated less.
        let depth =
            sound.index * velocity * (1.0 - frequency * (sound.ratio + 1.0) / rate).clamp(0.0, 1.0);
        let fall = |seconds: f32| (-1.0 / (seconds * rate)).exp();
        // Low notes a little to the left, as on a keyboard.
        let pan = ((f32::from(key.1) - 60.0) / 96.0).clamp(-0.4, 0.4);
        Sounding {
            key,
            released: false,
            carrier: 0.0,
            modulator: 0.0,
            carrier_step: frequency / rate,
            modulator_step: frequency * sound.ratio / rate,
            depth,
            depth_fade: fall(sound.fade),
            level: 0.0,
            attack_step: 1.0 / (sound.attack * rate).max(1.0),
            attacking: true,
            decay: fall(sound.decay),
            sustain: sound.sustain,
            release: fall(sound.release),
            velocity,
            left: (0.5 - pan).sqrt(),
            right: (0.5 + pan).sqrt(),
        }
    }

    /// Adds the note to interleaved stereo `samples`. `false`: it has faded away.
    pub(crate) fn render(&mut self, samples: &mut [f32]) -> bool {
        for frame in samples.chunks_exact_mut(2) {
            self.step_level();
            let bend = self.depth * (self.modulator * TAU).sin();
            let sample = (self.carrier * TAU + bend).sin() * self.level * self.velocity;
            frame[0] += sample * self.left;
            frame[1] += sample * self.right;
            self.depth *= self.depth_fade;
            self.carrier = (self.carrier + self.carrier_step).fract();
            self.modulator = (self.modulator + self.modulator_step).fract();
        }
        self.attacking || self.level > SILENCE
    }

    fn step_level(&mut self) {
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

    /// Lets the note fade.
    pub(crate) fn release(&mut self) {
        self.released = true;
        self.attacking = false;
    }

    /// How loud it is, to choose which note gives way.
    pub(crate) fn loudness(&self) -> f32 {
        self.level * self.velocity
    }
}
