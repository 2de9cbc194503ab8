//! Drums on the keys of General MIDI: a tone that falls, and filtered noise.

use std::f32::consts::TAU;

use super::fall;
use super::noise::Noise;
use super::sine::sine;

/// The six square waves of the Roland TR-808's cymbals, in Hz (Werner, Abel and Smith 2014).
const METAL: [f32; 6] = [205.3, 304.4, 369.6, 522.7, 540.0, 800.0];

/// Keys of the hi-hat, which has one pair of cymbals: each stroke ends the one before.
const HI_HAT: [u8; 3] = [42, 44, 46];

/// Time in which a choked cymbal falls to 1/e, in seconds.
const CHOKED: f32 = 0.005;

/// A tone below this is not computed: it is 20 dB below [`super::SILENCE`].
const UNHEARD: f32 = 1e-5;

/// Hands do not clap together: time between them and time in which each falls to 1/e, in seconds.
const HANDS_APART: f32 = 0.011;
const HAND: f32 = 0.004;

/// A drum's numbers; frequencies in Hz, times in seconds in which something falls to 1/e.
struct Drum {
    /// The tone's frequency as it is struck, where it goes, and how fast.
    tone: (f32, f32, f32),
    tone_level: f32,
    tone_decay: f32,
    noise_level: f32,
    noise_decay: f32,
    /// Below and above these the noise is filtered away.
    band: (f32, f32),
    /// Share of ringing metal in the noise.
    metal: f32,
    /// Hands that clap before the last.
    hands: u32,
    /// −0.5 is left, 0.5 right, as the player sits.
    pan: f32,
}

/// Any other key: a plain short click.
const CLICK: Drum = Drum {
    tone: (1000.0, 1000.0, 1.0),
    tone_level: 0.0,
    tone_decay: 0.004,
    noise_level: 0.6,
    noise_decay: 0.004,
    band: (500.0, 8_000.0),
    metal: 0.0,
    hands: 0,
    pan: 0.0,
};

const KICK: Drum = Drum {
    tone: (170.0, 48.0, 0.03),
    tone_level: 1.0,
    tone_decay: 0.16,
    noise_level: 0.3,
    noise_decay: 0.004,
    band: (100.0, 3_000.0),
    ..CLICK
};

const SNARE: Drum = Drum {
    tone: (260.0, 185.0, 0.02),
    tone_level: 0.5,
    tone_decay: 0.06,
    noise_level: 1.4,
    noise_decay: 0.09,
    band: (1_000.0, 8_000.0),
    ..CLICK
};

const SIDE_STICK: Drum = Drum {
    tone: (1_900.0, 1_700.0, 0.01),
    tone_level: 0.6,
    tone_decay: 0.012,
    noise_level: 0.5,
    noise_decay: 0.005,
    band: (1_000.0, 9_000.0),
    pan: -0.1,
    ..CLICK
};

const CLAP: Drum = Drum {
    noise_level: 3.5,
    noise_decay: 0.06,
    band: (800.0, 3_500.0),
    hands: 2,
    pan: 0.1,
    ..CLICK
};

const TOM: Drum = Drum {
    tone_level: 0.9,
    tone_decay: 0.18,
    noise_level: 0.25,
    noise_decay: 0.01,
    band: (200.0, 4_000.0),
    ..CLICK
};

const CLOSED_HAT: Drum = Drum {
    noise_level: 3.5,
    noise_decay: 0.022,
    band: (7_000.0, 20_000.0),
    metal: 0.5,
    pan: -0.2,
    ..CLICK
};

const CRASH: Drum = Drum {
    noise_level: 1.6,
    noise_decay: 0.7,
    band: (3_500.0, 18_000.0),
    metal: 0.3,
    pan: -0.3,
    ..CLICK
};

const RIDE: Drum = Drum {
    tone: (3_300.0, 3_300.0, 1.0),
    tone_level: 0.15,
    tone_decay: 0.25,
    noise_level: 1.5,
    noise_decay: 0.5,
    band: (6_000.0, 18_000.0),
    metal: 0.8,
    pan: 0.3,
    ..CLICK
};

/// The drum on a key of General MIDI's percussion map.
fn drum(key: u8) -> Drum {
    let tom = |frequency: f32, pan| Drum {
        tone: (frequency * 1.6, frequency, 0.05),
        pan,
        ..TOM
    };
    match key {
        35 => Drum {
            tone: (130.0, 44.0, 0.03),
            ..KICK
        },
        36 => KICK,
        37 => SIDE_STICK,
        38 => SNARE,
        39 => CLAP,
        40 => Drum {
            tone: (330.0, 230.0, 0.02),
            noise_decay: 0.12,
            ..SNARE
        },
        41 => tom(82.0, 0.35),
        42 => CLOSED_HAT,
        43 => tom(98.0, 0.25),
        44 => Drum {
            noise_level: 2.5,
            noise_decay: 0.035,
            ..CLOSED_HAT
        },
        45 => tom(117.0, 0.15),
        46 => Drum {
            noise_decay: 0.28,
            ..CLOSED_HAT
        },
        47 => tom(139.0, 0.05),
        48 => tom(165.0, -0.1),
        49 => CRASH,
        50 => tom(196.0, -0.2),
        51 => RIDE,
        57 => Drum {
            noise_decay: 0.55,
            band: (4_500.0, 18_000.0),
            pan: 0.25,
            ..CRASH
        },
        59 => Drum {
            tone: (2_700.0, 2_700.0, 1.0),
            pan: 0.4,
            ..RIDE
        },
        _ => CLICK,
    }
}

/// A drum that was struck.
pub(super) struct Stroke {
    key: u8,
    pan: f32,
    rate: f32,
    phase: f32,
    frequency: f32,
    resting_frequency: f32,
    sweep: f32,
    tone_level: f32,
    tone_fall: f32,
    noise: Noise,
    full_noise: f32,
    noise_level: f32,
    noise_fall: f32,
    metal: f32,
    /// Where each square wave is, in parts of 2³² of its period, and by how much it moves in a
    /// sample.
    metal_phases: [u32; 6],
    metal_steps: [u32; 6],
    /// Two filters in a row that take away what is low, two that take away what is high.
    low: [f32; 2],
    high: [f32; 2],
    low_follow: f32,
    high_follow: f32,
    /// Hands still to clap, and samples until the next.
    hands: u32,
    next_hand: u32,
    hand_fall: f32,
}

impl Stroke {
    /// Strikes the drum on `key`.
    pub(super) fn new(key: u8, rate: f32, seed: u32) -> Self {
        let drum = drum(key);
        // How far a filter of one pole follows its input in one sample.
        let follow = |frequency: f32| 1.0 - (-TAU * frequency / rate).exp();
        Stroke {
            key,
            pan: drum.pan,
            rate,
            phase: 0.0,
            frequency: drum.tone.0,
            resting_frequency: drum.tone.1,
            sweep: fall(drum.tone.2, rate),
            tone_level: drum.tone_level,
            tone_fall: fall(drum.tone_decay, rate),
            noise: Noise::new(seed),
            full_noise: drum.noise_level,
            noise_level: drum.noise_level,
            noise_fall: fall(drum.noise_decay, rate),
            metal: drum.metal,
            metal_phases: [0; 6],
            metal_steps: METAL
                .map(|frequency| (f64::from(frequency / rate) * 4_294_967_296.0) as u32),
            low: [0.0; 2],
            high: [0.0; 2],
            low_follow: follow(drum.band.0),
            high_follow: follow(drum.band.1),
            hands: drum.hands,
            next_hand: (HANDS_APART * rate) as u32,
            hand_fall: fall(HAND, rate),
        }
    }

    /// Where the drum stands, −0.5 is left.
    pub(super) fn pan(&self) -> f32 {
        self.pan
    }

    /// The next sample.
    pub(super) fn next(&mut self) -> f32 {
        let noise = self.filtered() * self.noise_level;
        self.step_noise_level();
        // Of a cymbal the tone has long faded away, or there is none.
        if self.tone_level < UNHEARD {
            return noise;
        }
        let tone = sine(self.phase) * self.tone_level;
        self.phase = (self.phase + self.frequency / self.rate).fract();
        self.frequency =
            self.resting_frequency + (self.frequency - self.resting_frequency) * self.sweep;
        self.tone_level *= self.tone_fall;
        tone + noise
    }

    fn filtered(&mut self) -> f32 {
        let mut sample = self.noise.next() * (1.0 - self.metal);
        if self.metal > 0.0 {
            let mut waves = 0;
            for (phase, step) in self.metal_phases.iter_mut().zip(self.metal_steps) {
                // The first half of a period is up, the second down.
                waves += (*phase as i32 >> 31) | 1;
                *phase = phase.wrapping_add(step);
            }
            sample += self.metal * waves as f32 / 3.0;
        }
        for low in &mut self.low {
            *low += self.low_follow * (sample - *low);
            sample -= *low;
        }
        for high in &mut self.high {
            *high += self.high_follow * (sample - *high);
            sample = *high;
        }
        sample
    }

    fn step_noise_level(&mut self) {
        if self.hands == 0 {
            self.noise_level *= self.noise_fall;
            return;
        }
        self.noise_level *= self.hand_fall;
        self.next_hand = self.next_hand.saturating_sub(1);
        if self.next_hand == 0 {
            self.noise_level = self.full_noise;
            self.hands -= 1;
            self.next_hand = (HANDS_APART * self.rate) as u32;
        }
    }

    /// Hears of a stroke on `key` of the same kit.
    pub(super) fn hear(&mut self, key: u8) {
        if HI_HAT.contains(&self.key) && HI_HAT.contains(&key) {
            self.noise_fall = fall(CHOKED, self.rate);
        }
    }

    /// Its level, about 0 to 1.
    pub(super) fn level(&self) -> f32 {
        self.tone_level.max(self.noise_level)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RATE: f32 = 48_000.0;

    fn strike(key: u8, samples: usize) -> Vec<f32> {
        let mut stroke = Stroke::new(key, RATE, 7);
        (0..samples).map(|_| stroke.next()).collect()
    }

    /// How often the sound crosses zero, a second: a measure of brightness.
    fn crossings(key: u8) -> f32 {
        let samples = strike(key, 4_800);
        let count = samples
            .windows(2)
            .filter(|pair| pair[0] * pair[1] < 0.0)
            .count();
        count as f32 * RATE / 4_800.0
    }

    fn energy(samples: &[f32]) -> f32 {
        samples.iter().map(|sample| sample * sample).sum()
    }

    #[test]
    fn the_kick_is_darker_than_the_snare_and_the_snare_than_the_hat() {
        let (kick, snare, hat) = (crossings(36), crossings(38), crossings(42));
        assert!(kick < 600.0, "{kick}");
        assert!(
            kick * 4.0 < snare && snare * 1.5 < hat,
            "{kick} {snare} {hat}"
        );
    }

    #[test]
    fn the_toms_rise_from_key_to_key() {
        let pitches = [41, 43, 45, 47, 48, 50].map(|key| drum(key).tone.1);
        assert!(pitches.is_sorted_by(|a, b| a < b), "{pitches:?}");
    }

    #[test]
    fn the_closed_hat_and_the_pedal_choke_the_open_hat_and_nothing_else_does() {
        for (key, chokes) in [(42, true), (44, true), (46, true), (36, false), (49, false)] {
            let mut open = Stroke::new(46, RATE, 7);
            (0..2_400).for_each(|_| {
                open.next();
            });
            open.hear(key);
            (0..2_400).for_each(|_| {
                open.next();
            });
            assert_eq!(open.level() < 0.001, chokes, "key {key}");
        }
        let mut crash = Stroke::new(49, RATE, 7);
        crash.hear(42);
        (0..2_400).for_each(|_| {
            crash.next();
        });
        assert!(crash.level() > 0.5);
    }

    #[test]
    fn a_clap_is_several_hands() {
        let clap = strike(39, 4_800);
        let hand = (HANDS_APART * RATE) as usize;
        for start in [hand, 2 * hand] {
            let before = energy(&clap[start - 100..start]);
            let after = energy(&clap[start..start + 100]);
            assert!(after > 4.0 * before, "{before} {after}");
        }
    }

    #[test]
    fn every_key_is_heard_within_full_scale_and_ends() {
        for key in 0..128 {
            let sound = strike(key, 8 * RATE as usize);
            let peak = sound
                .iter()
                .fold(0.0f32, |peak, sample| peak.max(sample.abs()));
            assert!((0.1..1.3).contains(&peak), "key {key}: {peak}");
            assert!(energy(&sound[7 * RATE as usize..]) < 1e-4, "key {key}");
        }
    }
}
