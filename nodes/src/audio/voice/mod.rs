//! The built-in voices: what one sounding note computes.

mod drums;
mod fm;
mod noise;
mod pluck;

use score_engine::Note;
use serde::Deserialize;

use super::strip::Gains;

/// A built-in voice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Voice {
    ElectricPiano,
    Glass,
    Bass,
    Pad,
    Pluck,
    DrumKit,
}

impl Voice {
    /// The words in a patch.
    pub(crate) const NAMES: [&'static str; 6] = [
        "electric_piano",
        "glass",
        "bass",
        "pad",
        "pluck",
        "drum_kit",
    ];

    /// Whether the pitch of its notes can be bent while they sound.
    pub(crate) fn can_bend(self) -> bool {
        !matches!(self, Voice::Pluck | Voice::DrumKit)
    }
}

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
    left: f32,
    right: f32,
}

/// What vibrates.
enum Body {
    Modulated(fm::Tone),
    Plucked(pluck::PluckedString),
    Struck(drums::Stroke),
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
        let rate = rate as f32;
        let modulated =
            |numbers| Body::Modulated(fm::Tone::new(numbers, frequency(pitch), velocity, rate));
        let body = match voice {
            Voice::ElectricPiano => modulated(&fm::ELECTRIC_PIANO),
            Voice::Glass => modulated(&fm::GLASS),
            Voice::Bass => modulated(&fm::BASS),
            Voice::Pad => modulated(&fm::PAD),
            Voice::Pluck => Body::Plucked(pluck::PluckedString::new(pitch, velocity, rate, seed)),
            Voice::DrumKit => Body::Struck(drums::Stroke::new(pitch, rate, seed)),
        };
        let pan = match &body {
            Body::Struck(stroke) => stroke.pan(),
            // Low notes a little to the left, as on a keyboard.
            _ => ((f32::from(pitch) - 60.0) / 96.0).clamp(-0.4, 0.4),
        };
        Sounding {
            channel,
            pitch,
            body,
            velocity,
            left: (0.5 - pan).sqrt(),
            right: (0.5 + pan).sqrt(),
        }
    }

    /// Its MIDI channel.
    pub(crate) fn channel(&self) -> u8 {
        self.channel
    }

    /// Bends it by a factor for its frequency, where the voice can.
    pub(crate) fn bend(&mut self, factor: f32) {
        if let Body::Modulated(tone) = &mut self.body {
            tone.bend(factor);
        }
    }

    /// Adds the note to interleaved stereo `samples`, with the gains of its channel. `false`: it has faded away.
    pub(crate) fn render(&mut self, samples: &mut [f32], gains: Option<&Gains>) -> bool {
        let gain = |index: usize| match gains {
            None => [1.0; 2],
            Some(Gains::Flat(gain)) => *gain,
            Some(Gains::Moving(gains)) => gains.get(index).copied().unwrap_or([1.0; 2]),
        };
        for (index, frame) in samples.chunks_exact_mut(2).enumerate() {
            let sample = self.velocity
                * match &mut self.body {
                    Body::Modulated(tone) => tone.next(),
                    Body::Plucked(string) => string.next(),
                    Body::Struck(stroke) => stroke.next(),
                };
            let gain = gain(index);
            frame[0] += sample * self.left * gain[0];
            frame[1] += sample * self.right * gain[1];
        }
        match &self.body {
            Body::Modulated(tone) => tone.sounds(),
            Body::Plucked(string) => string.level() > SILENCE,
            Body::Struck(stroke) => stroke.level() > SILENCE,
        }
    }

    /// Hears of a note that begins or ends: the same key again, or its end, lets this one fade.
    pub(crate) fn hear(&mut self, note: Note) {
        let same_channel = note.channel() == self.channel;
        let same_key = same_channel && note.pitch() == self.pitch;
        match &mut self.body {
            Body::Modulated(tone) if same_key => tone.release(),
            Body::Plucked(string) if same_key => string.release(),
            // A drum rings until it is silent, whenever the key comes up.
            Body::Struck(stroke) if same_channel && matches!(note, Note::On { .. }) => {
                stroke.hear(note.pitch());
            }
            _ => {}
        }
    }

    /// How loud it is, to choose which note gives way.
    pub(crate) fn loudness(&self) -> f32 {
        let level = match &self.body {
            Body::Modulated(tone) => tone.level(),
            Body::Plucked(string) => string.level(),
            Body::Struck(stroke) => stroke.level(),
        };
        level * self.velocity
    }
}
