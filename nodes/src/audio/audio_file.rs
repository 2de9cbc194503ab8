//! Writes sound to a WAV or FLAC file that never clips.

use std::path::PathBuf;
use std::time::Instant;

use score_engine::{
    AudioBlock, Build, Check, Descriptor, Flow, InputPort, Io, Node, NodeError, Params, Processor,
    Time, Transport,
};

use super::amplitude;
use super::encoder::{Depth, Format};
use super::recorder::SLOW_DISK;
use super::sound_writer::SoundWriter;
use crate::growing_file::GrowingFile;
use crate::output::Claim;
use crate::syncing::{Pace, Syncing};

const SOUND: InputPort<AudioBlock> = InputPort::new(0, "sound", "what to write").policy(SLOW_DISK);

/// `audio_file`.
#[derive(Clone, Params)]
pub(crate) struct AudioFile {
    /// the file to write, .wav or .flac
    #[param(rebuild = "the file is begun once", writes, content = Sound, ending = "wav")]
    path: PathBuf,
    /// highest peak; with `loudness`, in dBTP
    #[param(live, range = -60.0..=0.0, span = -24.0..=0.0, unit = "dBFS", default = -1.0)]
    ceiling: f64,
    /// integrated loudness of a render; left out: as it comes
    #[param(live, range = -40.0..=-5.0, span = -30.0..=-14.0, unit = "LUFS")]
    loudness: Option<f64>,
    /// bits per sample: 16, 24, or 32 (floating point, only .wav)
    #[param(rebuild = "all samples of a file have the same", range = 16..=32, default = 16)]
    bits: u16,
}

impl Node for AudioFile {
    fn descriptor() -> Descriptor {
        Descriptor::of::<Self>("audio", "audio_file", "Writes sound to a WAV or FLAC file")
            .example(
                r#"nodes: {
                    "tune": midi_input_file(path: "song.mid"),
                    "piano": synth(),
                    "sound": audio_file(path: "song.wav"),
                },
                wires: ["tune -> piano -> sound"]"#,
            )
            .details(
                "The ending of `path` chooses the format: .wav, or .flac, which holds the same \
                 samples in about half the space. Sound whose peak would exceed `ceiling` is \
                 turned down as a whole, so that nothing clips; quieter sound is left as it is. A \
                 WAV beyond 4 GiB becomes an RF64.\n\n\
                 With `loudness`, a render is measured as a whole (integrated loudness, EBU R 128) \
                 and brought to that loudness, up or down, in a second pass; a look-ahead limiter \
                 keeps the true peak, between samples too, below `ceiling`. −16 suits films on the \
                 web, −23 broadcasting, −14 music platforms. Sound that would be cut off at its \
                 end fades there. Silence stays silence. `video_mux` has the same parameter.\n\n\
                 Live, `loudness` does nothing, since the loudness of the whole is not known. Each \
                 block is final as it is written: a peak that would exceed `ceiling` is turned \
                 down where it is. The file grows as `.NAME.partial` and is complete up to its \
                 last second whenever it is read.",
            )
            .input(SOUND)
    }

    fn check(&self, check: &mut Check<'_>) {
        if Format::of(&self.path).is_none() {
            check.refuse(
                "path",
                format!(
                    "`{}` has no ending that names a sound format",
                    self.path.display()
                ),
                Some("it ends in .wav or .flac".to_owned()),
            );
        }
        match Depth::of(self.bits) {
            None => {
                let help = Some("it is 16, 24, or 32 (floating point)".to_owned());
                check.refuse(
                    "bits",
                    format!("{} bits per sample are not supported", self.bits),
                    help,
                );
            }
            Some(Depth::Float) if Format::of(&self.path) == Some(Format::Flac) => {
                let help = Some("use 24, or a path that ends in .wav".to_owned());
                check.refuse("bits", "FLAC has no floating-point samples", help);
            }
            Some(_) => {}
        }
    }

    fn build(&self, build: &Build<'_>) -> Result<Box<dyn Processor<Self>>, NodeError> {
        let ceiling = amplitude(self.ceiling);
        let depth = Depth::of(self.bits).unwrap_or_default();
        let (sound, upkeep) = match build.clock {
            None => {
                let sound = SoundWriter::offline(Claim::of(&self.path, build)?, ceiling)?;
                match self.loudness {
                    Some(loudness) => (sound.loudness(loudness), None),
                    None => (sound, None),
                }
            }
            Some(_) => {
                let file = GrowingFile::begin(&self.path, build)?;
                let upkeep = (Syncing::start()?, Pace::start());
                (SoundWriter::live(file, ceiling)?, Some(upkeep))
            }
        };
        let sound = sound.depth(depth);
        Ok(Box::new(Writing { sound, upkeep }))
    }
}

struct Writing {
    sound: SoundWriter,
    /// What keeps the file of a live run whole.
    upkeep: Option<(Syncing, Pace)>,
}

impl Processor<AudioFile> for Writing {
    fn process(&mut self, _params: &AudioFile, io: &mut Io<'_>) -> Result<Flow, NodeError> {
        while let Some(input) = io.take() {
            self.sound.write(input.read(SOUND)?)?;
        }
        let Some((syncing, pace)) = &mut self.upkeep else {
            return Ok(Flow::Continue);
        };
        if pace.is_due() {
            let began = Instant::now();
            if let Some(file) = self.sound.checkpoint()? {
                syncing.sync(vec![file])?;
            }
            pace.done(began);
        }
        Ok(Flow::WakeAt(io.now() + Time::from_seconds(1.0)))
    }

    fn finish(&mut self, _params: &AudioFile, _io: &mut Io<'_>) -> Result<(), NodeError> {
        self.sound.finish()
    }

    fn changed(&mut self, params: &AudioFile, _transport: &Transport) -> Result<(), NodeError> {
        (self.sound).set_level(amplitude(params.ceiling), params.loudness);
        Ok(())
    }

    fn commit(&mut self) -> Result<(), NodeError> {
        self.upkeep = None;
        self.sound.commit()
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::process::Command;
    use std::sync::Arc;

    use score_engine::harness::Harness;
    use score_engine::{Payload, PortType};
    use serde_json::json;

    use super::*;

    fn write_to(path: &Path, samples: Vec<f32>) -> Result<(), NodeError> {
        let block = AudioBlock {
            rate: 48_000,
            channels: 2,
            samples,
        };
        let packets = vec![(Time::ZERO, Payload::Audio(Arc::new(block)))];
        Harness::<AudioFile>::new(json!({ "path": path }))
            .feed("sound", PortType::Audio, packets, Time::from_seconds(1.0))
            .run()
            .map(|_| ())
    }

    fn read_wav(path: &Path) -> Vec<i16> {
        hound::WavReader::open(path)
            .unwrap()
            .samples::<i16>()
            .map(Result::unwrap)
            .collect()
    }

    fn write(samples: Vec<f32>) -> Vec<i16> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.wav");
        write_to(&path, samples).unwrap();
        read_wav(&path)
    }

    #[test]
    fn loud_sound_is_turned_down_as_a_whole_and_nothing_clips() {
        let samples = write(vec![2.0, -4.0, 1.0, f32::NAN]);
        // −1 dBFS is 0.891 of full scale.
        assert_eq!(samples, [14_602, -29_204, 7_301, 0]);
    }

    #[test]
    fn quiet_sound_is_left_as_it_is() {
        assert_eq!(write(vec![0.5, -0.25]), [16_384, -8_192]);
    }

    #[test]
    fn a_render_has_the_loudness_and_the_depth_that_are_wished_for() {
        let folder = tempfile::tempdir().unwrap();
        let samples: Vec<f32> = (0..96_000)
            .map(|n| (n as f32 * 0.03).sin() * (-((n % 9_000) as f32) / 1_500.0).exp())
            .collect();
        let block = AudioBlock {
            rate: 48_000,
            channels: 2,
            samples,
        };
        for (name, bits) in [("a.wav", 16), ("b.wav", 24), ("c.wav", 32), ("d.flac", 24)] {
            let path = folder.path().join(name);
            let packets = vec![(Time::ZERO, Payload::Audio(Arc::new(block.clone())))];
            Harness::<AudioFile>::new(json!({ "path": path, "loudness": -16, "bits": bits }))
                .feed("sound", PortType::Audio, packets, Time::from_seconds(1.0))
                .run()
                .unwrap();
            // An independent meter: ffmpeg's.
            let output = Command::new("ffmpeg")
                .args(["-nostdin", "-hide_banner", "-i"])
                .arg(&path)
                .args(["-af", "ebur128=peak=true", "-f", "null", "-"])
                .output()
                .expect("ffmpeg is installed");
            let said = String::from_utf8_lossy(&output.stderr);
            let summary = said.split("Summary:").nth(1).unwrap();
            let figure = |name: &str| -> f64 {
                let behind = summary.split(name).nth(1).unwrap().trim();
                behind.split_whitespace().next().unwrap().parse().unwrap()
            };
            assert!((figure("I:") + 16.0).abs() < 0.5, "{name}: {summary}");
            assert!(figure("Peak:") <= -1.0, "{name}: {summary}");
        }
        assert_eq!(
            hound::WavReader::open(folder.path().join("b.wav"))
                .unwrap()
                .spec()
                .bits_per_sample,
            24
        );
    }

    #[test]
    fn a_depth_that_is_none_is_refused() {
        for (name, bits, wanted) in [("a.wav", 20, "20 bits"), ("a.flac", 32, "floating-point")] {
            let error = Harness::<AudioFile>::new(json!({ "path": name, "bits": bits }))
                .feed("sound", PortType::Audio, Vec::new(), Time::ZERO)
                .run()
                .unwrap_err();
            assert!(error.to_string().contains(wanted), "{error}");
        }
    }

    /// A file's samples as the ffmpeg program decodes them, which shares no code with the encoder.
    fn decoded(path: &Path) -> Vec<i16> {
        let output = Command::new("ffmpeg")
            .args(["-nostdin", "-v", "error", "-i"])
            .arg(path)
            .args(["-f", "s16le", "-"])
            .output()
            .expect("ffmpeg is installed");
        assert!(
            output.stderr.is_empty(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        output
            .stdout
            .chunks_exact(2)
            .map(|bytes| i16::from_le_bytes([bytes[0], bytes[1]]))
            .collect()
    }

    #[test]
    fn a_flac_file_holds_the_samples_of_the_wav_in_less_room() {
        let folder = tempfile::tempdir().unwrap();
        let (wav, flac) = (folder.path().join("a.wav"), folder.path().join("a.FLAC"));
        // Not a whole number of blocks; quiet, loud, and different on both sides.
        let samples: Vec<f32> = (0..100_001)
            .flat_map(|n| {
                let n = n as f32;
                [(n * 0.05).sin() * n / 5e4, (n * n * 1e-6).sin() * 0.3]
            })
            .collect();
        write_to(&wav, samples.clone()).unwrap();
        write_to(&flac, samples).unwrap();
        assert_eq!(decoded(&flac), read_wav(&wav));
        let size = |path: &Path| path.metadata().unwrap().len();
        assert!(size(&flac) * 4 < size(&wav) * 3, "{}", size(&flac));
    }

    #[test]
    fn a_flac_file_without_sound_is_refused_in_words() {
        let folder = tempfile::tempdir().unwrap();
        let error = write_to(&folder.path().join("a.flac"), Vec::new()).unwrap_err();
        assert!(error.to_string().contains("no sound at all"), "{error}");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    #[test]
    fn an_ending_that_names_no_format_is_refused() {
        for name in ["a.mp3", "a", "wav"] {
            let error = write_to(Path::new(name), vec![0.0; 2]).unwrap_err();
            assert!(
                error.to_string().contains("no ending that names"),
                "{error}"
            );
            assert_eq!(error.advice(), Some("it ends in .wav or .flac"));
        }
    }
}
