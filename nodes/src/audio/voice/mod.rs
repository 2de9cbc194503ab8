//! The built-in voices: what one sounding note computes.

mod drums;
mod envelope;
mod fm;
mod noise;
mod organ;
mod partials;
mod pluck;
mod saws;
mod sine;
mod struck;
#[cfg(test)]
mod tests;

use score_engine::{Choice, Note};

use super::ramp::Ramp;
use super::strip::Gains;

/// A built-in voice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Choice)]
pub(crate) enum Voice {
    ElectricPiano,
    GrandPiano,
    Organ,
    Glass,
    Bell,
    Pluck,
    NylonGuitar,
    Strings,
    Pad,
    Lead,
    BassGuitar,
    Bass,
    DrumKit,
}

impl Voice {
    /// The factor that makes a phrase as loud as any other voice plays it (EBU R 128), measured by
    /// the tests beside this.
    fn gain(self) -> f32 {
        match self {
            Voice::ElectricPiano => 1.0,
            Voice::GrandPiano => 0.77,
            Voice::Organ => 0.55,
            Voice::Glass => 0.64,
            Voice::Bell => 0.69,
            Voice::Pluck => 1.33,
            Voice::NylonGuitar => 1.12,
            Voice::Strings => 1.0,
            Voice::Pad => 0.67,
            Voice::Lead => 1.0,
            Voice::BassGuitar => 1.05,
            Voice::Bass => 1.1,
            Voice::DrumKit => 2.4,
        }
    }

    /// Whether the pitch of its notes can be bent while they sound.
    pub(crate) fn can_bend(self) -> bool {
        !matches!(self, Voice::Pluck | Voice::DrumKit)
    }
}

/// Samples that are worked out at a time.
const BLOCK: usize = 64;

/// Below this a note cannot be heard and ends: −80 dB.
const SILENCE: f32 = 1e-4;

/// The factor for each sample with which a level falls to 1/e in `seconds`.
fn fall(seconds: f32, rate: f32) -> f32 {
    (-1.0 / (seconds * rate)).exp()
}

/// A key's frequency in equal temperament, Hz.
fn frequency(pitch: u8) -> f32 {
    440.0 * ((f32::from(pitch) - 69.0) / 12.0).exp2()
}

/// A note that sounds.
pub(crate) struct Sounding {
    channel: u8,
    pitch: u8,
    body: Body,
    velocity: f32,
    /// How hard it was struck, and the voice's own gain.
    strength: f32,
    left: f32,
    right: f32,
    /// Whether its key is down. That of a drum is not: it is struck.
    is_held: bool,
    /// Its share while it goes over to another voice, or comes from one.
    crossfade: Option<Ramp>,
}

/// What vibrates.
enum Body {
    Modulated(fm::Tone),
    Plucked(pluck::PluckedString),
    Struck(struck::Note),
    Sawn(saws::Tone),
    Organ(organ::Tone),
    Drum(drums::Stroke),
}

impl Body {
    fn new(voice: Voice, pitch: u8, velocity: f32, rate: f32, seed: u32) -> Self {
        let modulated =
            |numbers| Body::Modulated(fm::Tone::new(numbers, frequency(pitch), velocity, rate));
        let struck = |which| Body::Struck(struck::Note::new(which, pitch, velocity, rate, seed));
        let sawn = |numbers| Body::Sawn(saws::Tone::new(numbers, pitch, velocity, rate, seed));
        match voice {
            Voice::ElectricPiano => modulated(&fm::ELECTRIC_PIANO),
            Voice::GrandPiano => struck(struck::Struck::GrandPiano),
            Voice::Organ => Body::Organ(organ::Tone::new(pitch, rate, seed)),
            Voice::Glass => modulated(&fm::GLASS),
            Voice::Bell => struck(struck::Struck::Bell),
            Voice::Pluck => Body::Plucked(pluck::PluckedString::new(pitch, velocity, rate, seed)),
            Voice::NylonGuitar => struck(struck::Struck::NylonGuitar),
            Voice::Strings => sawn(&saws::STRINGS),
            Voice::Pad => modulated(&fm::PAD),
            Voice::Lead => sawn(&saws::LEAD),
            Voice::BassGuitar => struck(struck::Struck::BassGuitar),
            Voice::Bass => modulated(&fm::BASS),
            Voice::DrumKit => Body::Drum(drums::Stroke::new(pitch, rate, seed)),
        }
    }

    /// The next samples.
    fn render(&mut self, samples: &mut [f32]) {
        match self {
            Body::Modulated(tone) => tone.render(samples),
            Body::Plucked(string) => samples.fill_with(|| string.next()),
            Body::Struck(note) => note.render(samples),
            Body::Sawn(tone) => samples.fill_with(|| tone.next()),
            Body::Organ(tone) => samples.fill_with(|| tone.next()),
            Body::Drum(stroke) => samples.fill_with(|| stroke.next()),
        }
    }

    /// Whether it has not faded away.
    fn sounds(&self) -> bool {
        match self {
            Body::Modulated(tone) => tone.sounds(),
            Body::Plucked(string) => string.level() > SILENCE,
            Body::Struck(note) => note.sounds(),
            Body::Sawn(tone) => tone.sounds(),
            Body::Organ(tone) => tone.sounds(),
            Body::Drum(stroke) => stroke.level() > SILENCE,
        }
    }

    fn level(&self) -> f32 {
        match self {
            Body::Modulated(tone) => tone.level(),
            Body::Plucked(string) => string.level(),
            Body::Struck(note) => note.level(),
            Body::Sawn(tone) => tone.level(),
            Body::Organ(tone) => tone.level(),
            Body::Drum(stroke) => stroke.level(),
        }
    }
}

impl Sounding {
    /// Begins a note at `rate` samples a second. What is random in it comes from `seed`.
    pub(crate) fn new(
        voice: Voice,
        (channel, pitch): (u8, u8),
        velocity: f32,
        rate: u32,
        seed: u32,
    ) -> Self {
        let body = Body::new(voice, pitch, velocity, rate as f32, seed);
        let pan = match &body {
            Body::Drum(stroke) => stroke.pan(),
            // What others stand on, and what leads them, is in the middle.
            _ if matches!(voice, Voice::BassGuitar | Voice::Lead) => 0.0,
            // Low notes a little to the left, as on a keyboard.
            _ => ((f32::from(pitch) - 60.0) / 96.0).clamp(-0.4, 0.4),
        };
        Sounding {
            channel,
            pitch,
            is_held: !matches!(body, Body::Drum(_)),
            body,
            velocity,
            strength: velocity * voice.gain(),
            left: (0.5 - pan).sqrt(),
            right: (0.5 + pan).sqrt(),
            crossfade: None,
        }
    }

    /// Lets it fade within `frames` frames because another voice goes on with its note; which, and
    /// how hard it was struck.
    pub(crate) fn hand_over(&mut self, frames: u32) -> (u8, f32) {
        self.is_held = false;
        self.crossfade
            .get_or_insert_with(|| Ramp::new(1.0, frames))
            .set(0.0);
        (self.pitch, self.velocity)
    }

    /// Lets it come in within `frames` frames, because it goes on with a note of another voice.
    pub(crate) fn take_over(&mut self, frames: u32) {
        let mut share = Ramp::new(0.0, frames);
        share.set(1.0);
        self.crossfade = Some(share);
    }

    /// Whether its key is down.
    pub(crate) fn is_held(&self) -> bool {
        self.is_held
    }

    /// Its MIDI channel.
    pub(crate) fn channel(&self) -> u8 {
        self.channel
    }

    /// Bends it by a factor for its frequency, where the voice can.
    pub(crate) fn bend(&mut self, factor: f32) {
        match &mut self.body {
            Body::Modulated(tone) => tone.bend(factor),
            Body::Struck(note) => note.bend(factor),
            Body::Sawn(tone) => tone.bend(factor),
            Body::Organ(tone) => tone.bend(factor),
            Body::Plucked(_) | Body::Drum(_) => {}
        }
    }

    /// Adds the note to interleaved stereo `samples`, with the gains of its channel. `false`: it
    /// has faded away.
    pub(crate) fn render(&mut self, samples: &mut [f32], gains: Option<&Gains>) -> bool {
        let mut block = [0.0; BLOCK];
        for (number, samples) in samples.chunks_mut(2 * BLOCK).enumerate() {
            let block = &mut block[..samples.len() / 2];
            self.body.render(block);
            if let Some(share) = &mut self.crossfade {
                share.scale(block, 1);
            }
            let frames = samples.chunks_exact_mut(2).zip(block.iter());
            match gains {
                Some(Gains::Moving(gains)) => {
                    for (index, (frame, sample)) in frames.enumerate() {
                        let gain = gains.get(number * BLOCK + index).copied();
                        self.add(*sample, gain.unwrap_or([1.0; 2]), frame);
                    }
                }
                Some(Gains::Flat(gain)) => {
                    frames.for_each(|(frame, sample)| self.add(*sample, *gain, frame));
                }
                None => frames.for_each(|(frame, sample)| self.add(*sample, [1.0; 2], frame)),
            }
        }
        if (self.crossfade.as_ref()).is_some_and(|share| share.is_at(1.0)) {
            self.crossfade = None;
        }
        let is_gone = (self.crossfade.as_ref()).is_some_and(|share| share.is_at(0.0));
        self.body.sounds() && !is_gone
    }

    /// Adds a sample to a frame.
    fn add(&self, sample: f32, gain: [f32; 2], frame: &mut [f32]) {
        let sample = self.strength * sample;
        frame[0] += sample * self.left * gain[0];
        frame[1] += sample * self.right * gain[1];
    }

    /// Hears of a note that begins or ends: the same key again, or its end, lets this one fade.
    pub(crate) fn hear(&mut self, note: Note) {
        let same_channel = note.channel() == self.channel;
        let same_key = same_channel && note.pitch() == self.pitch;
        self.is_held &= !same_key;
        match &mut self.body {
            Body::Modulated(tone) if same_key => tone.release(),
            Body::Plucked(string) if same_key => string.release(),
            Body::Struck(struck) if same_key => struck.release(),
            Body::Sawn(tone) if same_key => tone.release(),
            Body::Organ(tone) if same_key => tone.release(),
            // A drum rings until it is silent, whenever the key comes up.
            Body::Drum(stroke) if same_channel && matches!(note, Note::On { .. }) => {
                stroke.hear(note.pitch());
            }
            _ => {}
        }
    }

    /// How loud it is, to choose which note gives way.
    pub(crate) fn loudness(&self) -> f32 {
        let share = self.crossfade.as_ref().map_or(1.0, Ramp::value);
        self.body.level() * self.strength * share
    }
}
