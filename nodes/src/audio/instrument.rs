//! What a synth plays its notes with: a built-in voice or a SoundFont.

use score_engine::{ChannelChange, NodeError, Note};

use super::ensemble::Ensemble;
use super::sound_font::{Beginning, Player};
use super::voice::Voice;

/// What plays the notes.
pub(crate) enum Instrument {
    Voice(Box<Ensemble>),
    SoundFont(Box<Player>),
}

impl Instrument {
    /// Begins or ends a note.
    ///
    /// # Errors
    /// The SoundFont is damaged.
    pub(crate) fn play(&mut self, note: Note) -> Result<(), NodeError> {
        match self {
            Instrument::Voice(ensemble) => ensemble.play(note),
            Instrument::SoundFont(player) => player.play(note)?,
        }
        Ok(())
    }

    /// From now on each channel plays its own of `voices`, or what `beginning` says of a SoundFont.
    /// Notes whose keys are down go over.
    ///
    /// # Errors
    /// The SoundFont is damaged.
    pub(crate) fn go_over(
        &mut self,
        voices: [Voice; 16],
        beginning: Beginning,
    ) -> Result<(), NodeError> {
        match self {
            Instrument::Voice(ensemble) => ensemble.set_voices(voices),
            Instrument::SoundFont(player) => player.go_over(beginning)?,
        }
        Ok(())
    }

    /// Does something to a channel. Returns what it is called where the instrument cannot do it and
    /// it would be missed.
    ///
    /// # Errors
    /// The SoundFont is damaged.
    pub(crate) fn change(
        &mut self,
        change: ChannelChange,
    ) -> Result<Option<&'static str>, NodeError> {
        let is_followed = match self {
            Instrument::Voice(ensemble) => ensemble.change(change),
            Instrument::SoundFont(player) => player.change(change)?,
        };
        Ok(name(change).filter(|_| !is_followed))
    }

    /// Adds what sounds to interleaved stereo `samples`.
    ///
    /// # Errors
    /// The SoundFont is damaged.
    pub(crate) fn render(&mut self, samples: &mut [f32]) -> Result<(), NodeError> {
        match self {
            Instrument::Voice(ensemble) => ensemble.render(samples),
            Instrument::SoundFont(player) => player.render(samples)?,
        }
        Ok(())
    }
}

/// What a change is called that is heard where it is followed; the patch chooses voices and the
/// room itself.
fn name(change: ChannelChange) -> Option<&'static str> {
    match change {
        ChannelChange::Bend { value, .. } => (value != 0.0).then_some("pitch bend"),
        ChannelChange::Program { .. } => None,
        ChannelChange::Controller { value: 0.0, .. } => None,
        ChannelChange::Controller { number, .. } => match number {
            1 => Some("modulation"),
            2 => Some("breath"),
            5 | 65 | 84 => Some("portamento"),
            67 => Some("the soft pedal"),
            68 => Some("legato"),
            71..=74 => Some("filter and envelope"),
            _ => None,
        },
    }
}

#[cfg(test)]
mod tests {
    use rand_chacha::ChaCha8Rng;
    use rand_chacha::rand_core::SeedableRng;

    use super::super::sound_font::tiny;
    use super::*;

    const RATE: u32 = 48_000;

    fn voice(voice: Voice) -> Instrument {
        let rng = ChaCha8Rng::seed_from_u64(1);
        Instrument::Voice(Box::new(Ensemble::new([voice; 16], RATE, rng)))
    }

    fn sound_font() -> Instrument {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.sf2");
        std::fs::write(&path, tiny::sound_font()).unwrap();
        Instrument::SoundFont(Box::new(
            Player::open(&path, Beginning::default(), RATE).unwrap(),
        ))
    }

    fn control(number: u8, value: u8) -> ChannelChange {
        ChannelChange::Controller {
            channel: 0,
            number,
            value: f32::from(value) / 127.0,
        }
    }

    fn bend(value: f32) -> ChannelChange {
        ChannelChange::Bend { channel: 0, value }
    }

    /// A fifth of a second of A4 after `changes`: left and right.
    fn played(mut instrument: Instrument, changes: &[ChannelChange]) -> [Vec<f32>; 2] {
        for change in changes {
            assert_eq!(instrument.change(*change).unwrap(), None);
        }
        let on = Note::On {
            channel: 0,
            pitch: 69,
            // Soft: hard tones of the voices go through zero more than once a period.
            velocity: 0.5,
        };
        instrument.play(on).unwrap();
        let mut samples = vec![0.0; 2 * 9_600];
        instrument.render(&mut samples).unwrap();
        [0, 1].map(|side| samples[side..].iter().step_by(2).copied().collect())
    }

    fn level(samples: &[f32]) -> f32 {
        samples
            .iter()
            .map(|sample| sample * sample)
            .sum::<f32>()
            .sqrt()
    }

    /// How often it goes up through zero in a second.
    fn frequency(samples: &[f32]) -> usize {
        let pairs = samples.windows(2);
        5 * pairs.filter(|pair| pair[0] < 0.0 && pair[1] >= 0.0).count()
    }

    #[test]
    fn volume_expression_pan_and_bend_are_played_by_voices_and_sound_fonts() {
        let instruments: [fn() -> Instrument; 2] = [|| voice(Voice::Glass), sound_font];
        for instrument in instruments {
            let [left, right] = played(instrument(), &[]);
            let part = |changes: &[ChannelChange]| {
                let [soft, _] = played(instrument(), changes);
                level(&soft) / level(&left)
            };
            assert!((part(&[control(7, 50)]) - 0.25).abs() < 0.02);
            assert!((part(&[control(11, 64)]) - 0.254).abs() < 0.02);
            let [_, silent] = played(instrument(), &[control(10, 0)]);
            assert!(level(&silent) < 0.02 * level(&right));
        }
        let plain = frequency(&played(sound_font(), &[])[0]);
        let up = frequency(&played(sound_font(), &[bend(1.0)])[0]);
        assert!(
            plain.abs_diff(440) <= 5 && up.abs_diff(494) <= 5,
            "{plain} {up}"
        );
        let octave = [control(101, 0), control(100, 0), control(6, 12), bend(1.0)];
        for instrument in [voice(Voice::ElectricPiano), sound_font()] {
            let high = frequency(&played(instrument, &octave)[0]);
            assert!(high.abs_diff(880) <= 10, "{high}");
        }
    }

    #[test]
    fn what_an_instrument_cannot_play_is_named() {
        for voice_without in [Voice::Pluck, Voice::DrumKit] {
            let told = voice(voice_without).change(bend(0.5)).unwrap();
            assert_eq!(told, Some("pitch bend"));
        }
        let mut glass = voice(Voice::Glass);
        assert_eq!(glass.change(control(1, 90)).unwrap(), Some("modulation"));
        // At rest there is nothing to miss, and what the patch chooses is not missed.
        for change in [bend(0.0), control(1, 0), control(91, 40), control(0, 1)] {
            assert_eq!(glass.change(change).unwrap(), None);
        }
        assert_eq!(sound_font().change(control(1, 90)).unwrap(), None);
        assert_eq!(
            sound_font().change(control(67, 90)).unwrap(),
            Some("the soft pedal")
        );
    }
}
