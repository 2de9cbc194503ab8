//! Writes sound of unknown peak and length to a file that never clips.
//!
//! Sound is encoded while it comes. Live it is final at once, so that the file is whole whenever it
//! is read, and a peak that would clip is turned down where it is. A render knows its peak at the
//! end: where it would clip, all of it is encoded again, turned down as a whole. Sound that gets a
//! certain loudness is always encoded at the end.

use std::fs::File;
use std::path::Path;

use score_engine::{AudioBlock, NodeError};

use super::ceiling::Ceiling;
use super::encoder::{Depth, Encoder, Form, Format, Limits};
use super::mastering::{Mastering, Wish};
use super::spool::{Spool, full};
use crate::growing_file::GrowingFile;
use crate::output::{Claim, OutputFile};

/// A sound file that grows beside its place. One of a live run is kept when it is dropped.
pub(crate) struct SoundWriter {
    format: Format,
    limits: Limits,
    place: Place,
    ceiling: f32,
    /// The loudness that is requested, in LUFS.
    loudness: Option<f64>,
    form: Option<Form>,
    encoder: Option<Encoder>,
    level: Level,
    samples: u64,
    /// Whether something could not be written, so that nothing can be appended.
    broken: bool,
    /// How each sample is written.
    depth: Depth,
    /// Samples on their way to the encoder.
    block: Vec<f32>,
}

/// Where the file grows.
enum Place {
    Offline(OutputFile),
    Live(GrowingFile),
}

/// How the sound is kept from clipping.
enum Level {
    /// As a whole: its highest peak so far, and the sound as it came.
    Whole { peak: f32, spool: Spool },
    /// As a whole, to a loudness: what measures it, once its form is known, and the sound as it
    /// came.
    Mastered {
        mastering: Option<Box<Mastering>>,
        spool: Spool,
    },
    /// Not at all: floating-point samples have no highest number.
    AsItIs,
    /// At once; there is nothing to guard before the sound's form is known.
    AtOnce(Option<Ceiling>),
}

impl SoundWriter {
    /// Begins the file of a render whose name is claimed: its ending names its format, and its peak
    /// will be `ceiling` at most.
    ///
    /// # Errors
    /// The file, or the temporary one beside it, cannot be made.
    pub(crate) fn offline(claim: Claim, ceiling: f32) -> Result<Self, NodeError> {
        let path = claim.path().to_owned();
        let file = OutputFile::begin(claim)?;
        let level = Level::Whole {
            peak: 0.0,
            spool: Spool::beside(&path)?,
        };
        Self::new(&path, Place::Offline(file), ceiling, level)
    }

    /// Begins the file of a render whose name is claimed, a .wav whose samples are exactly those
    /// that come.
    ///
    /// # Errors
    /// The file cannot be made.
    pub(crate) fn exact(claim: Claim) -> Result<Self, NodeError> {
        let path = claim.path().to_owned();
        let file = Place::Offline(OutputFile::begin(claim)?);
        let writer = Self::new(&path, file, f32::INFINITY, Level::AsItIs)?;
        Ok(writer.depth(Depth::Float))
    }

    /// Writes the sound of a live run to `file`.
    ///
    /// # Errors
    /// Its name has no ending of a format.
    pub(crate) fn live(file: GrowingFile, ceiling: f32) -> Result<Self, NodeError> {
        let path = file.path().to_owned();
        Self::new(&path, Place::Live(file), ceiling, Level::AtOnce(None))
    }

    fn new(path: &Path, place: Place, ceiling: f32, level: Level) -> Result<Self, NodeError> {
        Ok(SoundWriter {
            format: Format::of(path).ok_or_else(|| NodeError::internal("no format"))?,
            limits: Limits::default(),
            place,
            ceiling,
            loudness: None,
            form: None,
            encoder: None,
            level,
            samples: 0,
            broken: false,
            depth: Depth::default(),
            block: Vec::new(),
        })
    }

    /// The same, with samples of `depth`.
    pub(crate) fn depth(mut self, depth: Depth) -> Self {
        self.depth = depth;
        self
    }

    /// The same, brought to a `loudness` in LUFS in a render, where the ceiling then counts peaks
    /// between samples too. The loudness of a live run is not known in advance.
    pub(crate) fn loudness(mut self, loudness: f64) -> Self {
        self.level = match std::mem::replace(&mut self.level, Level::AtOnce(None)) {
            Level::Whole { spool, .. } => Level::Mastered {
                mastering: None,
                spool,
            },
            other => other,
        };
        self.loudness = Some(loudness);
        self
    }

    /// Sets another ceiling and another loudness. Live, the ceiling glides there; for a render,
    /// what was set last counts.
    pub(crate) fn set_level(&mut self, ceiling: f32, loudness: Option<f64>) {
        (self.ceiling, self.loudness) = (ceiling, loudness);
        match &mut self.level {
            Level::AtOnce(Some(guard)) => guard.set(ceiling),
            Level::Whole { peak, .. } if *peak > ceiling => self.encoder = None,
            _ => {}
        }
    }

    fn wish(&self, loudness: f64) -> Wish {
        Wish {
            loudness,
            ceiling: self.ceiling,
            fades: true,
        }
    }

    /// Frames written so far.
    pub(crate) fn frames(&self) -> u64 {
        let channels = self.form.map_or(1, |form| form.channels);
        self.samples / u64::from(channels.max(1))
    }

    /// Frames a second, once a block has come.
    pub(crate) fn rate(&self) -> Option<u32> {
        self.form.map(|form| form.rate)
    }

    /// Appends a block.
    ///
    /// # Errors
    /// The disk is full, the format has no room for such a sound, or the sound has changed its
    /// form.
    pub(crate) fn write(&mut self, block: &AudioBlock) -> Result<(), NodeError> {
        self.append(block.rate, block.channels, &block.samples)
    }

    /// Appends interleaved samples.
    ///
    /// # Errors
    /// As [`SoundWriter::write`].
    pub(crate) fn append(
        &mut self,
        rate: u32,
        channels: u16,
        samples: &[f32],
    ) -> Result<(), NodeError> {
        let form = Form {
            rate,
            channels,
            depth: self.depth,
        };
        match self.form {
            Some(known) if known == form => {}
            Some(_) => {
                return Err(NodeError::internal(
                    "the sound changed its rate or its channels",
                ));
            }
            None => {
                self.form = Some(form);
                self.encoder = Some(self.encoder(form)?);
                let wish = self.wish(self.loudness.unwrap_or_default());
                match &mut self.level {
                    Level::AtOnce(guard) => {
                        *guard = Some(Ceiling::new(self.ceiling, rate, channels));
                    }
                    Level::Mastered { mastering, .. } => {
                        let measuring = Mastering::new(wish, (rate, channels))?;
                        *mastering = Some(Box::new(measuring));
                        // All of it will be encoded at the end.
                        self.encoder = None;
                    }
                    Level::Whole { .. } | Level::AsItIs => {}
                }
            }
        }
        self.samples += samples.len() as u64;
        match &mut self.level {
            Level::Whole { peak, spool } => {
                self.block.clear();
                for sample in samples {
                    let sample = if sample.is_finite() { *sample } else { 0.0 };
                    *peak = peak.max(sample.abs());
                    self.block.push(sample);
                }
                spool.append(samples)?;
                if *peak > self.ceiling {
                    // All of it will be encoded again.
                    self.encoder = None;
                }
            }
            Level::Mastered {
                mastering, spool, ..
            } => {
                spool.append(samples)?;
                if let Some(mastering) = mastering {
                    mastering.hear(samples)?;
                }
            }
            Level::AsItIs => {
                self.block.clear();
                let finite = |sample: &f32| if sample.is_finite() { *sample } else { 0.0 };
                self.block.extend(samples.iter().map(finite));
            }
            Level::AtOnce(guard) => {
                self.block.clear();
                if let Some(guard) = guard {
                    guard.pass(samples, &mut self.block);
                }
            }
        }
        self.encode()
    }

    /// Gives the block to the encoder.
    fn encode(&mut self) -> Result<(), NodeError> {
        let Some(encoder) = &mut self.encoder else {
            return Ok(());
        };
        let written = encoder.write(&self.block);
        self.broken |= written.is_err();
        written
    }

    fn encoder(&mut self, form: Form) -> Result<Encoder, NodeError> {
        let target = match &mut self.place {
            Place::Offline(file) => file.finished()?.try_clone().map_err(full)?,
            Place::Live(file) => file.handle()?,
        };
        Encoder::start(self.format, target, form, self.limits)
    }

    /// Makes the file of a live run one that can be read as it is, up to less than a tenth of a
    /// second ago, and gives it to be put on the disk.
    ///
    /// # Errors
    /// The disk is full.
    pub(crate) fn checkpoint(&mut self) -> Result<Option<File>, NodeError> {
        let (Some(encoder), Place::Live(file)) = (&mut self.encoder, &self.place) else {
            return Ok(None);
        };
        let written = encoder.checkpoint();
        self.broken |= written.is_err();
        written?;
        file.handle().map(Some)
    }

    /// Frames that were turned down so far because they would have clipped, live.
    pub(crate) fn turned_down(&self) -> u64 {
        match &self.level {
            Level::AtOnce(Some(guard)) => guard.touched(),
            _ => 0,
        }
    }

    /// Writes the file, not yet under its final name.
    ///
    /// # Errors
    /// The disk is full, or the format cannot hold the sound.
    pub(crate) fn finish(&mut self) -> Result<(), NodeError> {
        if self.samples == 0 && self.format == Format::Flac {
            if let Place::Live(file) = &mut self.place {
                file.remove();
                return Ok(());
            }
            return Err(NodeError::output("a FLAC file cannot hold no sound at all")
                .help("nothing came; see what is wired to `sound`"));
        }
        if self.form.is_none() {
            let form = Form {
                rate: 48_000,
                channels: 2,
                depth: self.depth,
            };
            self.encoder = Some(self.encoder(form)?);
        }
        if let Level::AtOnce(Some(guard)) = &mut self.level {
            self.block.clear();
            guard.finish(&mut self.block);
            self.encode()?;
        }
        self.settle()?;
        let Some(encoder) = &mut self.encoder else {
            return self.encode_anew();
        };
        let written = encoder.finish();
        self.broken |= written.is_err();
        written
    }

    /// Changes what is done to the level, where the loudness was set or removed after the
    /// beginning.
    fn settle(&mut self) -> Result<(), NodeError> {
        let Some(form) = self.form else { return Ok(()) };
        let wish = self.loudness.map(|loudness| self.wish(loudness));
        let level = std::mem::replace(&mut self.level, Level::AsItIs);
        self.level = match (level, wish) {
            (Level::Whole { mut spool, .. }, Some(wish)) => {
                let mut mastering = Mastering::new(wish, (form.rate, form.channels))?;
                spool.read(form.channels, |samples| mastering.hear(samples))?;
                self.encoder = None;
                Level::Mastered {
                    mastering: Some(Box::new(mastering)),
                    spool,
                }
            }
            (
                Level::Mastered {
                    mastering: Some(mastering),
                    spool,
                },
                None,
            ) => Level::Whole {
                peak: mastering.peak(),
                spool,
            },
            (level, _) => level,
        };
        if let (
            Level::Mastered {
                mastering: Some(mastering),
                ..
            },
            Some(wish),
        ) = (&mut self.level, wish)
        {
            mastering.set_wish(wish);
        }
        Ok(())
    }

    /// Encodes all that came: turned down so far that its peak is the ceiling, or at the requested
    /// loudness.
    fn encode_anew(&mut self) -> Result<(), NodeError> {
        let Some(form) = self.form else { return Ok(()) };
        let mut encoder = self.encoder(form)?;
        match &mut self.level {
            Level::Whole { peak, spool } => {
                // Silence, and what is quiet enough, stays as it is.
                let gain = match *peak > self.ceiling {
                    true => self.ceiling / *peak,
                    false => 1.0,
                };
                let block = &mut self.block;
                spool.read(form.channels, |samples| {
                    block.clear();
                    block.extend(samples.iter().map(|sample| sample * gain));
                    encoder.write(block)
                })?;
            }
            Level::Mastered {
                mastering: Some(mastering),
                spool,
                ..
            } => mastering.play(spool, |samples| encoder.write(samples))?,
            _ => {}
        }
        encoder.finish()
    }

    /// Gives the file its final name.
    ///
    /// # Errors
    /// It cannot be put in its place.
    pub(crate) fn commit(&mut self) -> Result<(), NodeError> {
        match &mut self.place {
            Place::Offline(file) => file.commit(),
            Place::Live(file) => {
                self.encoder = None;
                file.commit()
            }
        }
    }
}

impl Drop for SoundWriter {
    fn drop(&mut self) {
        let (Some(encoder), Place::Live(file)) = (&mut self.encoder, &mut self.place) else {
            return;
        };
        // What can still be written is; on a full disk what has arrived is made whole, which takes
        // no room.
        if self.broken || encoder.finish().is_err() {
            let _ = encoder.salvage();
        }
        if encoder.arrived() == 0 {
            file.remove();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::Owner;

    fn claim(path: &Path) -> Claim {
        Claim::numbered(path, Owner::program("test"))
    }

    fn sound(level: f32) -> Vec<f32> {
        (0..200_000)
            .map(|n| level * (n as f32 * n as f32).sin())
            .collect()
    }

    #[test]
    fn sound_is_encoded_while_it_comes_and_the_end_needs_only_a_flush() {
        for name in ["a.wav", "a.flac"] {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join(name);
            let mut writer = SoundWriter::offline(claim(&path), 0.9).unwrap();
            writer.append(48_000, 2, &sound(0.8)).unwrap();
            let entries = folder.path().read_dir().unwrap().flatten();
            let before: u64 = entries.map(|entry| entry.metadata().unwrap().len()).sum();
            writer.finish().unwrap();
            writer.commit().unwrap();
            let after = path.metadata().unwrap().len();
            // All but what waits in the buffer.
            assert!(
                before + 80_000 > after && after > 200_000,
                "{before} {after}"
            );
        }
    }

    #[test]
    fn a_live_file_never_clips_and_leaves_what_is_below_as_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.wav");
        let file = GrowingFile::create(claim(&path)).unwrap().unwrap();
        let mut writer = SoundWriter::live(file, 0.9).unwrap();
        let quiet = sound(0.8);
        writer.append(48_000, 2, &quiet).unwrap();
        writer.append(48_000, 2, &sound(3.0)).unwrap();
        assert!(writer.turned_down() > 50_000);
        drop(writer);
        let written: Vec<i16> = hound::WavReader::open(&path)
            .unwrap()
            .into_samples()
            .map(Result::unwrap)
            .collect();
        // Before the first peak the sound is turned down, for two milliseconds.
        let untouched = quiet.len() - 200;
        assert!(
            (written.iter().zip(&quiet[..untouched]))
                .all(|(found, sent)| i32::from(*found) == Depth::Sixteen.whole_number(*sent))
        );
        assert!(written.len() > 399_000 && written.iter().all(|sample| sample.abs() <= 29_490));
    }

    /// The peak of a render, of full scale, whose ceiling and loudness are set after half of the
    /// sound.
    fn rendered(begun: Option<f64>, ceiling: f32, loudness: Option<f64>) -> f32 {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.wav");
        let mut writer = SoundWriter::offline(claim(&path), 0.9).unwrap();
        if let Some(begun) = begun {
            writer = writer.loudness(begun);
        }
        writer.append(48_000, 2, &sound(0.8)).unwrap();
        writer.set_level(ceiling, loudness);
        writer.append(48_000, 2, &sound(0.8)).unwrap();
        writer.finish().unwrap();
        writer.commit().unwrap();
        let samples = hound::WavReader::open(&path).unwrap().into_samples::<i16>();
        let samples: Vec<i16> = samples.map(Result::unwrap).collect();
        assert_eq!(samples.len(), 400_000);
        let highest = samples.iter().map(|sample| sample.unsigned_abs()).max();
        f32::from(highest.unwrap()) / 32_767.0
    }

    #[test]
    fn a_render_has_the_ceiling_and_the_loudness_that_were_wished_for_last() {
        let near = |peak: f32, wanted: f32| assert!((peak - wanted).abs() < 0.01, "{peak}");
        near(rendered(None, 0.9, None), 0.8);
        near(rendered(None, 0.5, None), 0.5);
        near(rendered(Some(-30.0), 0.9, None), 0.8);
        let begun_so = rendered(Some(-30.0), 0.9, Some(-30.0));
        assert!(begun_so < 0.2, "{begun_so}");
        assert_eq!(rendered(None, 0.9, Some(-30.0)), begun_so);
        assert_eq!(rendered(Some(-10.0), 0.9, Some(-30.0)), begun_so);
    }

    #[test]
    fn a_live_file_that_got_no_sound_leaves_nothing() {
        for name in ["a.wav", "a.flac"] {
            let folder = tempfile::tempdir().unwrap();
            let file = GrowingFile::create(claim(&folder.path().join(name)));
            drop(SoundWriter::live(file.unwrap().unwrap(), 1.0).unwrap());
            assert_eq!(folder.path().read_dir().unwrap().count(), 0);
        }
    }
}
