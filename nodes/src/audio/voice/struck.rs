//! Instruments whose sound is put in at once and fades: hammered and plucked strings, bells. Each
//! is a list of partials, by how stiff, how struck and how damped the body is (Fletcher and
//! Rossing, The Physics of Musical Instruments).

use std::f32::consts::PI;

use super::noise::Noise;
use super::partials::{Partial, Partials};
use super::{SILENCE, fall, frequency};

/// No body has more partials than these.
const MOST: u32 = 40;

/// Nothing is made above this, Hz: there is little left of it, and it costs as much as what is
/// heard.
const TOP: f32 = 11_000.0;

/// An instrument that is struck or plucked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Struck {
    GrandPiano,
    NylonGuitar,
    BassGuitar,
    Bell,
}

/// What makes one instrument's note; times in seconds.
struct Making {
    partials: Partials,
    attack: f32,
    /// Time in which a note that is let go falls to 1/e.
    release: f32,
    /// The knock of hammer or finger: level, time in which it falls to 1/e, and the frequency
    /// above which it is dull.
    knock: (f32, f32, f32),
}

/// A note of such an instrument.
pub(super) struct Note {
    partials: Partials,
    knock: Noise,
    knock_level: f32,
    knock_fall: f32,
    knock_follow: f32,
    knock_dull: [f32; 2],
    attack: f32,
    attack_step: f32,
    damp: f32,
    released: bool,
    release: f32,
}

impl Note {
    /// Strikes key `pitch`; a soft `velocity` is duller.
    pub(super) fn new(which: Struck, pitch: u8, velocity: f32, rate: f32, seed: u32) -> Self {
        let making = which.make(pitch, velocity, rate);
        let (knock_level, knock_decay, knock_top) = making.knock;
        Note {
            partials: making.partials,
            knock: Noise::new(seed),
            knock_level,
            knock_fall: fall(knock_decay, rate),
            knock_follow: 1.0 - (-2.0 * PI * knock_top / rate).exp(),
            knock_dull: [0.0; 2],
            attack: 0.0,
            attack_step: 1.0 / (making.attack * rate).max(1.0),
            damp: 1.0,
            released: false,
            release: fall(making.release, rate),
        }
    }

    /// The next samples.
    pub(super) fn render(&mut self, samples: &mut [f32]) {
        self.partials.render(samples);
        for sample in samples {
            *sample = self.shaped(*sample);
        }
    }

    /// What is heard of the partials' next sample: with the knock, and as loud as the note still
    /// is.
    fn shaped(&mut self, partials: f32) -> f32 {
        let knock = self.knock.next() * self.knock_level;
        self.knock_level *= self.knock_fall;
        self.knock_dull[0] += self.knock_follow * (knock - self.knock_dull[0]);
        // What is slow in it would push the sound aside.
        self.knock_dull[1] += 0.01 * (self.knock_dull[0] - self.knock_dull[1]);
        let sample = partials + self.knock_dull[0] - self.knock_dull[1];
        self.attack = (self.attack + self.attack_step).min(1.0);
        if self.released {
            self.damp *= self.release;
        }
        // Begins and ends without a corner.
        sample * self.damp * self.attack * self.attack * (3.0 - 2.0 * self.attack)
    }

    /// Bends its frequency by a factor.
    pub(super) fn bend(&mut self, factor: f32) {
        self.partials.bend(factor);
    }

    /// Lets the note go.
    pub(super) fn release(&mut self) {
        self.released = true;
    }

    /// Its level, about 0 to 1.
    pub(super) fn level(&self) -> f32 {
        self.damp * self.partials.level()
    }

    /// Whether it has not faded away.
    pub(super) fn sounds(&self) -> bool {
        self.level() > SILENCE
    }
}

impl Struck {
    fn make(self, pitch: u8, velocity: f32, rate: f32) -> Making {
        match self {
            Struck::GrandPiano => grand_piano(pitch, velocity, rate),
            Struck::NylonGuitar => nylon_guitar(pitch, velocity, rate),
            Struck::BassGuitar => bass_guitar(pitch, velocity, rate),
            Struck::Bell => bell(pitch, velocity, rate),
        }
    }
}

/// The partials of a stiff string: number, frequency.
fn stiff(fundamental: f32, stiffness: f32) -> impl Iterator<Item = (u32, f32)> {
    (1..=MOST)
        .map(move |number| {
            let n = number as f32;
            (
                number,
                n * fundamental * ((1.0 + stiffness * n * n) / (1.0 + stiffness)).sqrt(),
            )
        })
        .take_while(|(_, frequency)| *frequency < TOP)
}

/// Where a partial begins in its turn: spread, so that their peaks do not fall together (Schroeder
/// 1970).
fn spread(number: u32) -> f32 {
    (number as f32 * number as f32 * 0.071).fract()
}

/// How much of `frequency` a body gives off that is too small for what lies below `lowest`.
fn radiated(frequency: f32, lowest: f32) -> f32 {
    let ratio = frequency / lowest;
    ratio * ratio / (1.0 + ratio * ratio)
}

/// A hammer of felt, harder the harder it is thrown, near an eighth of the string; three strings a
/// key that are not quite alike, so that a quick fading is followed by a slow one (Weinreich 1977).
fn grand_piano(pitch: u8, velocity: f32, rate: f32) -> Making {
    let key = f32::from(pitch);
    let fundamental = frequency(pitch);
    let stiffness = 2.6e-4 * ((key - 60.0) / 8.5).exp2().clamp(0.4, 60.0);
    let felt = (550.0 + 2_900.0 * velocity * velocity) * ((key - 60.0) / 30.0).exp2();
    let decay = 1.1 * ((60.0 - key) / 18.0).exp2().clamp(0.12, 3.5);
    let partials = stiff(fundamental, stiffness).flat_map(|(number, frequency)| {
        let n = number as f32;
        let struck = (PI * n / 8.3).sin().abs() + 0.05;
        let level = struck * n.powf(-0.55) * (-frequency / felt).exp() * radiated(frequency, 85.0);
        let decay = decay / (1.0 + frequency / 2_600.0);
        let partial = |frequency: f32, level: f32, decay: f32| Partial {
            frequency,
            level,
            decay,
            phase: spread(number),
        };
        let after =
            (number <= 10).then(|| partial(frequency * 1.000_35, 0.28 * level, 3.2 * decay));
        [Some(partial(frequency, level, decay)), after]
            .into_iter()
            .flatten()
    });
    Making {
        partials: Partials::new(partials, 1.0, rate),
        attack: 0.0025,
        // The highest strings have no dampers.
        release: if pitch < 90 { 0.06 } else { 0.3 },
        knock: (0.5 * (0.3 + 0.7 * velocity), 0.006, 900.0),
    }
}

/// A soft string, plucked by a fingertip over the sound hole; the body's air and top ring for a
/// moment.
fn nylon_guitar(pitch: u8, velocity: f32, rate: f32) -> Making {
    let fundamental = frequency(pitch);
    let touch = 700.0 + 2_600.0 * velocity;
    let decay = 1.2 * (196.0 / fundamental).powf(0.55).clamp(0.3, 1.6);
    let string = stiff(fundamental, 4e-5).map(|(number, frequency)| {
        let n = number as f32;
        Partial {
            frequency,
            level: ((PI * n * 0.23).sin().abs() + 0.02)
                * n.powf(-0.9)
                * (-frequency / touch).exp()
                * radiated(frequency, 90.0),
            decay: decay / (1.0 + (frequency / 900.0).powf(1.2)),
            phase: spread(number),
        }
    });
    let body = [
        (104.0, 0.10, 0.05),
        (208.0, 0.12, 0.04),
        (262.0, 0.06, 0.03),
    ];
    let body = body.map(|(frequency, level, decay)| Partial {
        frequency,
        // Thin strings move the body less.
        level: level * velocity * (196.0 / fundamental).min(1.0).powf(1.5),
        decay,
        phase: 0.0,
    });
    Making {
        partials: Partials::new(string.chain(body), 1.0, rate),
        attack: 0.0015,
        release: 0.07,
        knock: (0.5 * velocity, 0.004, 2_200.0),
    }
}

/// A long string with a finger's flesh on it, heard by a pickup near its end.
fn bass_guitar(pitch: u8, velocity: f32, rate: f32) -> Making {
    let fundamental = frequency(pitch);
    let touch = 420.0 + 1_300.0 * velocity;
    let decay = 1.5 * (55.0 / fundamental).powf(0.5).clamp(0.25, 1.5);
    let partials = stiff(fundamental, 9e-5).map(|(number, frequency)| {
        let n = number as f32;
        Partial {
            frequency,
            level: ((PI * n * 0.21).sin().abs() + 0.02)
                * ((PI * n * 0.13).sin().abs() + 0.05)
                * n.powf(-0.35)
                * (-frequency / touch).exp(),
            decay: decay / (1.0 + frequency / 700.0),
            phase: spread(number),
        }
    });
    Making {
        partials: Partials::new(partials, 1.0, rate),
        attack: 0.003,
        release: 0.045,
        knock: (0.35 * velocity, 0.005, 1_500.0),
    }
}

/// A tube's partials, which are those of a chime, and the strike note that an ear makes of them.
fn bell(pitch: u8, velocity: f32, rate: f32) -> Making {
    let fundamental = frequency(pitch);
    // Frequency by the strike note's, level, and how much faster than the lowest it fades.
    let tube = [
        (1.0, 0.75, 1.0),
        (2.0, 1.0, 1.0),
        (2.99, 0.6, 1.4),
        (4.17, 0.45, 2.2),
        (5.56, 0.3, 3.2),
        (7.14, 0.2, 4.5),
        (8.91, 0.12, 6.0),
        (10.9, 0.07, 8.0),
    ];
    let decay = 2.6 * (440.0 / fundamental).powf(0.4).clamp(0.4, 1.6);
    let partials = (0..).zip(tube).map(|(number, (ratio, level, faster))| {
        let hard = 0.25 + 0.75 * velocity;
        Partial {
            frequency: ratio * fundamental,
            level: level * hard.powf(ratio / 4.0),
            decay: decay / faster,
            phase: spread(number),
        }
    });
    Making {
        partials: Partials::new(partials, 1.0, rate),
        attack: 0.001,
        release: 0.6,
        knock: (0.3 * velocity, 0.002, 5_000.0),
    }
}
