//! Notes played with the samples of a SoundFont.

pub(crate) mod file;
mod mend;
mod programs;
#[cfg(test)]
pub(crate) mod tiny;

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Arc;

use rustysynth::{SoundFont, Synthesizer, SynthesizerSettings};
use score_engine::{ChannelChange, NodeError, Note};

use crate::midi::{PERCUSSION, message};
use programs::Programs;

/// Frames that a synthesizer computes at once, as few as it can. A note begins with the next of its
/// blocks.
const BLOCK: usize = 8;

/// Notes at once in each synthesizer; the least important gives way.
const POLYPHONY: usize = 32;

/// Recorded instruments are softer than the built-in voices at the same velocity: this makes up for
/// it, and a chord of four flutes at full velocity, which are among the loudest, stays below full
/// scale.
const LEVEL: f32 = 1.5;

/// The bank in which a SoundFont keeps percussion.
const PERCUSSION_BANK: i32 = 128;

/// The controllers that are followed: modulation, volume, pan, expression, their fine halves, the
/// registered parameters, and the one that puts all of them back. The room is the synth's own, and
/// pedals are in the notes' ends.
const FOLLOWED: [u8; 15] = [1, 6, 7, 10, 11, 33, 38, 39, 42, 43, 98, 99, 100, 101, 121];

/// The controller that chooses the bank of the next program; its fine half is left out.
const BANK: u8 = 0;
const FINE_BANK: u8 = 32;

/// The bank and the program with which each channel begins.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Beginning {
    pub(crate) banks: [i32; 16],
    pub(crate) programs: [i32; 16],
}

/// A SoundFont being played.
pub(crate) struct Player {
    name: String,
    programs: Programs,
    /// One for each frame of a block: number n begins its blocks n frames after the first. A note
    /// is given to the one whose block begins with it, and so begins on its frame.
    synthesizers: Vec<Synthesizer>,
    /// What each channel plays by the parameters; program changes of a file come on top.
    beginning: Beginning,
    /// The keys that are down, by channel, and how hard they were struck.
    held: BTreeMap<(u8, u8), f32>,
    /// Whose block begins now.
    turn: usize,
    left: Vec<f32>,
    right: Vec<f32>,
}

impl Player {
    /// Reads the SoundFont at `path`. Channels begin with what `beginning` says, or with what is
    /// nearest to it.
    ///
    /// # Errors
    /// The file is not a SoundFont or is damaged, or `rate` is too low to play it at.
    pub(crate) fn open(path: &Path, beginning: Beginning, rate: u32) -> Result<Self, NodeError> {
        let (font, _) = file::read(path)?;
        Self::with(font, path.display().to_string(), beginning, rate)
    }

    /// The same with a SoundFont that was read, which errors call `name`.
    ///
    /// # Errors
    /// `rate` is too low to play it at.
    pub(crate) fn with(
        font: SoundFont,
        name: String,
        beginning: Beginning,
        rate: u32,
    ) -> Result<Self, NodeError> {
        let font = Arc::new(font);
        let mut settings = SynthesizerSettings::new(i32::try_from(rate).unwrap_or(i32::MAX));
        settings.block_size = BLOCK;
        settings.maximum_polyphony = POLYPHONY;
        settings.enable_reverb_and_chorus = false;
        let synthesizer = |place: usize| {
            let mut synthesizer = Synthesizer::new(&font, &settings).map_err(|error| {
                NodeError::input(format!("a SoundFont cannot be played: {error}"))
                    .help("set another sample_rate in the transport, or leave `sound_font` out")
                    .source(error)
            })?;
            synthesizer.set_master_volume(LEVEL);
            // What is left of the first block is how long this one waits for its turn.
            let mut skipped = [0.0; BLOCK];
            let skipped = &mut skipped[..(BLOCK - place) % BLOCK];
            synthesizer.render(skipped, &mut skipped.to_vec());
            Ok(synthesizer)
        };
        let mut player = Player {
            synthesizers: (0..BLOCK)
                .map(synthesizer)
                .collect::<Result<_, NodeError>>()?,
            programs: Programs::new(&font, &name, beginning.banks),
            name,
            beginning,
            held: BTreeMap::new(),
            turn: 0,
            left: Vec::new(),
            right: Vec::new(),
        };
        // Program 0 of bank 0 is the default, so it may be missing without a warning.
        for (channel, (program, bank)) in (0..).zip(beginning.programs.iter().zip(beginning.banks))
        {
            if (*program, bank) != (0, 0) {
                player.choose(channel, *program);
            }
        }
        Ok(player)
    }

    /// Where `beginning` sets another program or bank for a channel, the channel plays it from now
    /// on. Notes whose keys are down are struck again with it, except percussion; the old notes are
    /// released.
    ///
    /// # Errors
    /// The SoundFont is damaged.
    pub(crate) fn go_over(&mut self, beginning: Beginning) -> Result<(), NodeError> {
        let before = std::mem::replace(&mut self.beginning, beginning);
        for channel in 0..16 {
            let of = |beginning: &Beginning| {
                let channel = usize::from(channel);
                (beginning.banks[channel], beginning.programs[channel])
            };
            let (bank, program) = of(&beginning);
            if (bank, program) == of(&before) {
                continue;
            }
            self.programs.set_bank(channel, bank);
            self.choose(channel, program);
            if channel == PERCUSSION {
                continue;
            }
            let held = self.held.range((channel, 0)..=(channel, u8::MAX));
            let held: Vec<(u8, f32)> = held.map(|((_, pitch), how)| (*pitch, *how)).collect();
            for (pitch, velocity) in held {
                self.play(Note::On {
                    channel,
                    pitch,
                    velocity,
                })?;
            }
        }
        Ok(())
    }

    /// Lets `channel` play `program` of its bank, or what is nearest to it.
    fn choose(&mut self, channel: u8, program: i32) {
        let Some((bank, program)) = self.programs.choose(channel, program) else {
            return;
        };
        // To a channel of percussion rustysynth adds that bank itself.
        let bank = match channel {
            PERCUSSION => bank - PERCUSSION_BANK,
            _ => bank,
        };
        for synthesizer in &mut self.synthesizers {
            let channel = i32::from(channel);
            synthesizer.process_midi_message(channel, 0xB0, i32::from(BANK), bank);
            synthesizer.process_midi_message(channel, 0xC0, program, 0);
        }
    }

    /// Begins or ends a note.
    ///
    /// # Errors
    /// The SoundFont is damaged.
    pub(crate) fn play(&mut self, note: Note) -> Result<(), NodeError> {
        let key = (note.channel(), note.pitch());
        match note {
            Note::On { velocity, .. } => drop(self.held.insert(key, velocity)),
            Note::Off { .. } => drop(self.held.remove(&key)),
        }
        self.guarded(|player| {
            let (channel, key) = (i32::from(note.channel()), i32::from(note.pitch()));
            // A key that goes down again ends its note.
            for synthesizer in &mut player.synthesizers {
                synthesizer.note_off(channel, key);
            }
            if let Note::On { velocity, .. } = note {
                // A closed hi-hat chokes the open one, which works within one synthesizer only; so
                // drums begin up to 7 frames late, which is a sixth of a
                // millisecond.
                let place = if note.channel() == PERCUSSION {
                    0
                } else {
                    player.turn
                };
                if let Some(synthesizer) = player.synthesizers.get_mut(place) {
                    let velocity = (velocity * 127.0).round().clamp(1.0, 127.0);
                    synthesizer.note_on(channel, key, velocity as i32);
                }
            }
        })
    }

    /// Does something to a channel. Returns whether it can be done.
    ///
    /// # Errors
    /// The SoundFont is damaged.
    pub(crate) fn change(&mut self, change: ChannelChange) -> Result<bool, NodeError> {
        let [status, first, second] = message::bytes(change).map(i32::from);
        let is_followed = match change {
            ChannelChange::Bend { .. } => true,
            ChannelChange::Controller {
                channel,
                number: BANK,
                ..
            } => {
                self.programs.set_bank(channel, second);
                return Ok(true);
            }
            ChannelChange::Controller { number, .. } => {
                FOLLOWED.contains(&number) || number == FINE_BANK
            }
            ChannelChange::Program { channel, number } => {
                self.choose(channel, i32::from(number));
                return Ok(true);
            }
        };
        if is_followed {
            let (channel, command) = (status & 0x0F, status & 0xF0);
            self.guarded(|player| {
                for synthesizer in &mut player.synthesizers {
                    synthesizer.process_midi_message(channel, command, first, second);
                }
            })?;
        }
        Ok(is_followed)
    }

    /// Adds what sounds to interleaved stereo `samples`.
    ///
    /// # Errors
    /// The SoundFont is damaged.
    pub(crate) fn render(&mut self, samples: &mut [f32]) -> Result<(), NodeError> {
        self.guarded(|player| {
            let frames = samples.len() / 2;
            player.left.resize(frames, 0.0);
            player.right.resize(frames, 0.0);
            for synthesizer in &mut player.synthesizers {
                synthesizer.render(&mut player.left, &mut player.right);
                let sides = player.left.iter().zip(&player.right);
                for (frame, (left, right)) in samples.chunks_exact_mut(2).zip(sides) {
                    // What is not a number would stay in the reverb forever.
                    frame[0] += if left.is_finite() { *left } else { 0.0 };
                    frame[1] += if right.is_finite() { *right } else { 0.0 };
                }
            }
            player.turn = (player.turn + frames) % BLOCK;
        })
    }

    /// Does `work`, in which rustysynth panics where a note leaves its sample: at a loop shorter
    /// than one step of a very high note, at an absurd sample rate. Nothing of the player is
    /// used after that.
    fn guarded(&mut self, work: impl FnOnce(&mut Self)) -> Result<(), NodeError> {
        catch_unwind(AssertUnwindSafe(|| work(self))).map_err(|_| {
            NodeError::input(format!(
                "the SoundFont `{}` has a sample that cannot be played",
                self.name
            ))
            .help("choose another SoundFont or `program`, or leave out very high notes")
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn on(channel: u8, pitch: u8) -> Note {
        Note::On {
            channel,
            pitch,
            velocity: 1.0,
        }
    }

    fn open(bytes: &[u8], program: i32) -> Result<Player, NodeError> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.sf2");
        std::fs::write(&path, bytes).unwrap();
        let beginning = Beginning {
            programs: [program; 16],
            ..Beginning::default()
        };
        Player::open(&path, beginning, 48_000)
    }

    /// One second of a note, on the left.
    fn second(channel: u8, pitch: u8) -> Vec<f32> {
        let mut player = open(&tiny::sound_font(), 0).unwrap();
        player.play(on(channel, pitch)).unwrap();
        let mut samples = vec![0.0; 96_000];
        player.render(&mut samples).unwrap();
        samples.iter().step_by(2).copied().collect()
    }

    /// How often a second of sound goes up through zero: the frequency of a sine.
    fn frequency(samples: &[f32]) -> usize {
        samples
            .windows(2)
            .filter(|pair| pair[0] < 0.0 && pair[1] >= 0.0)
            .count()
    }

    #[test]
    fn a_key_sounds_at_its_pitch() {
        for (pitch, expected) in [(57, 220), (69, 440), (81, 880)] {
            let heard = frequency(&second(0, pitch));
            assert!(heard.abs_diff(expected) <= 1, "key {pitch}: {heard} Hz");
        }
    }

    #[test]
    fn channel_ten_plays_the_percussion_bank() {
        let heard = frequency(&second(9, 69));
        assert!(heard.abs_diff(880) <= 1, "{heard} Hz");
    }

    #[test]
    fn a_note_begins_on_its_frame_wherever_that_lies() {
        for frame in 40..50 {
            let mut player = open(&tiny::sound_font(), 0).unwrap();
            let mut samples = vec![0.0; 200];
            let (before, after) = samples.split_at_mut(frame * 2);
            player.render(before).unwrap();
            player.play(on(0, 69)).unwrap();
            player.render(after).unwrap();
            assert!(before.iter().all(|sample| *sample == 0.0), "frame {frame}");
            assert!(after[0] != 0.0, "frame {frame}");
        }
    }

    #[test]
    fn a_note_ends_when_its_key_comes_up() {
        let mut player = open(&tiny::sound_font(), 0).unwrap();
        let mut samples = vec![0.0; 19_200];
        player.render(&mut samples[..6]).unwrap();
        player.play(on(0, 69)).unwrap();
        player.render(&mut samples).unwrap();
        let off = Note::Off {
            channel: 0,
            pitch: 69,
        };
        player.play(off).unwrap();
        player.render(&mut samples).unwrap();
        samples.fill(0.0);
        player.render(&mut samples).unwrap();
        assert!(samples.iter().all(|sample| *sample == 0.0));
    }

    #[test]
    fn a_program_that_is_not_there_is_played_by_the_nearest() {
        let mut player = open(&tiny::sound_font(), 5).unwrap();
        player.play(on(0, 69)).unwrap();
        let mut samples = vec![0.0; 96_000];
        player.render(&mut samples).unwrap();
        let left: Vec<f32> = samples.iter().step_by(2).copied().collect();
        assert!(frequency(&left).abs_diff(440) <= 1);
    }

    #[test]
    fn program_changes_and_banks_choose_presets_channel_by_channel() {
        // Program 7 of bank 3 is the sine two octaves higher.
        let heard = |changes: &[(u8, u8, u8)], channel: u8| {
            let mut player = open(&tiny::ensemble(), 0).unwrap();
            for (status, first, second) in changes {
                let change = message::change(*status, *first, *second).unwrap();
                assert!(player.change(change).unwrap());
            }
            player.play(on(channel, 57)).unwrap();
            let mut samples = vec![0.0; 96_000];
            player.render(&mut samples).unwrap();
            let left: Vec<f32> = samples.iter().step_by(2).copied().collect();
            frequency(&left)
        };
        let near = |heard: usize, wanted: usize| assert!(heard.abs_diff(wanted) <= 1, "{heard}");
        near(heard(&[], 1), 220);
        near(heard(&[(0xC1, 7, 0)], 1), 880);
        near(heard(&[(0xB1, 0, 3), (0xB1, 32, 9), (0xC1, 7, 0)], 1), 880);
        near(heard(&[(0xC1, 7, 0)], 2), 220);
        near(heard(&[(0xC1, 7, 0), (0xC1, 0, 0)], 1), 220);
        // Percussion has its own kits: the sine an octave higher is the only one.
        near(heard(&[(0xC9, 7, 0)], 9), 440);
    }

    #[test]
    fn a_program_that_is_set_is_heard_at_once_in_what_is_held_and_leaves_other_channels_alone() {
        let mut player = open(&tiny::ensemble(), 0).unwrap();
        // The file itself has chosen another for the second channel.
        let change = message::change(0xC1, 7, 0).unwrap();
        player.change(change).unwrap();
        player.play(on(0, 57)).unwrap();
        let mut samples = vec![0.0; 96_000];
        player.render(&mut samples).unwrap();
        let mut beginning = player.beginning;
        (beginning.programs[0], beginning.banks[0]) = (7, 3);
        player.go_over(beginning).unwrap();
        // The old note ends meanwhile.
        player.render(&mut samples).unwrap();
        let heard = |player: &mut Player| {
            let mut samples = vec![0.0; 96_000];
            player.render(&mut samples).unwrap();
            let left: Vec<f32> = samples.iter().step_by(2).copied().collect();
            frequency(&left)
        };
        let (first, off) = (
            heard(&mut player),
            Note::Off {
                channel: 0,
                pitch: 57,
            },
        );
        assert!(first.abs_diff(880) <= 1, "{first}");
        player.play(off).unwrap();
        player.render(&mut samples).unwrap();
        player.play(on(1, 57)).unwrap();
        let second = heard(&mut player);
        assert!(second.abs_diff(880) <= 1, "{second}");
    }

    #[test]
    fn a_note_that_leaves_its_loop_is_told_and_does_not_panic() {
        // At a sample rate of 2 GHz one step is longer than the loop.
        let mut player = open(&tiny::sound_font_at(2_000_000_000), 0).unwrap();
        player.play(on(0, 127)).unwrap();
        let error = player.render(&mut vec![0.0; 96_000]).unwrap_err();
        assert!(error.to_string().contains("cannot be played"), "{error}");
    }
}
