//! Writes sound to a WAV file that never clips.

use std::io::{BufReader, Read, Seek, SeekFrom};
use std::path::PathBuf;

use score_engine::{
    Build, Descriptor, Flow, Io, Node, NodeError, Param, Port, PortType, Processor,
};
use serde::Deserialize;

use crate::output::OutputFile;

/// Samples converted at a time when the file is finished.
const CHUNK: usize = 16_384;

/// `audio_file`.
#[derive(Deserialize)]
pub(crate) struct AudioFile {
    path: PathBuf,
    ceiling: f64,
}

impl Node for AudioFile {
    fn descriptor() -> Descriptor {
        Descriptor::new("audio", "audio_file", "Writes sound to a WAV file")
            .details(
                "16 bits a sample. Sound whose peak would pass `ceiling` is turned down as a whole, so that \
                 nothing clips; quieter sound is left as it is.",
            )
            .input(Port::new("sound", PortType::Audio, "what to write"))
            .param(Param::file_to_write("path", "the file to write, .wav"))
            .param(Param::number("ceiling", (-60.0, 0.0), "highest peak").unit("dBFS").default(-1.0))
    }

    fn build(&self, _build: &Build<'_>) -> Result<Box<dyn Processor>, NodeError> {
        let scratch = tempfile::tempfile().map_err(|error| {
            let folder = std::env::temp_dir();
            NodeError::output(format!(
                "no temporary file can be made in `{}`: {error}",
                folder.display()
            ))
            .help("set TMPDIR to a folder that exists and may be written to")
            .source(error)
        })?;
        Ok(Box::new(Writing {
            file: OutputFile::create(&self.path)?,
            ceiling: 10f64.powf(self.ceiling / 20.0) as f32,
            scratch: std::io::BufWriter::new(scratch),
            form: None,
            peak: 0.0,
            samples: 0,
        }))
    }
}

struct Writing {
    file: OutputFile,
    ceiling: f32,
    /// The sound as it came. Its peak is known only at the end, and memory must not grow with the film.
    scratch: std::io::BufWriter<std::fs::File>,
    form: Option<(u32, u16)>,
    peak: f32,
    samples: u64,
}

fn full(error: std::io::Error) -> NodeError {
    NodeError::output(format!("the temporary sound cannot be kept: {error}"))
        .help("make room in the folder for temporary files")
        .source(error)
}

impl Processor for Writing {
    fn process(&mut self, io: &mut Io<'_>) -> Result<Flow, NodeError> {
        while let Some(input) = io.take() {
            let block = input.packet.audio()?;
            let form = (block.rate, block.channels);
            if *self.form.get_or_insert(form) != form {
                return Err(NodeError::internal(
                    "the sound changed its rate or its channels",
                ));
            }
            let mut bytes = Vec::with_capacity(block.samples.len() * 4);
            for sample in &block.samples {
                let sample = if sample.is_finite() { *sample } else { 0.0 };
                self.peak = self.peak.max(sample.abs());
                bytes.extend_from_slice(&sample.to_le_bytes());
            }
            self.samples += block.samples.len() as u64;
            std::io::Write::write_all(&mut self.scratch, &bytes).map_err(full)?;
        }
        Ok(Flow::Continue)
    }

    fn finish(&mut self, _io: &mut Io<'_>) -> Result<(), NodeError> {
        let (rate, channels) = self.form.unwrap_or((48_000, 2));
        let spec = hound::WavSpec {
            channels,
            sample_rate: rate,
            bits_per_sample: 16,
            sample_format: hound::SampleFormat::Int,
        };
        std::io::Write::flush(&mut self.scratch).map_err(full)?;
        let scratch = self.scratch.get_mut();
        scratch.seek(SeekFrom::Start(0)).map_err(full)?;
        let mut scratch = BufReader::new(scratch);
        let gain = if self.peak > self.ceiling {
            self.ceiling / self.peak
        } else {
            1.0
        };
        let refuse = |error: hound::Error| match error {
            hound::Error::IoError(error) => {
                NodeError::output(format!("the sound cannot be written: {error}"))
                    .help("make room on the disk")
                    .source(error)
            }
            other => NodeError::output(format!("the sound cannot be written: {other}"))
                .help("a WAV file holds at most 4 GB; score the film in parts"),
        };
        let target = self.file.finished()?;
        let mut writer =
            hound::WavWriter::new(std::io::BufWriter::new(target), spec).map_err(refuse)?;
        let mut left = self.samples;
        let mut bytes = vec![0; CHUNK * 4];
        while left > 0 {
            let count = left.min(CHUNK as u64) as usize;
            scratch.read_exact(&mut bytes[..count * 4]).map_err(full)?;
            for sample in bytes[..count * 4].chunks_exact(4) {
                let sample =
                    f32::from_le_bytes([sample[0], sample[1], sample[2], sample[3]]) * gain;
                let sample = (sample * f32::from(i16::MAX))
                    .round()
                    .clamp(-32_767.0, 32_767.0);
                writer.write_sample(sample as i16).map_err(refuse)?;
            }
            left -= count as u64;
        }
        writer.finalize().map_err(refuse)
    }

    fn commit(&mut self) -> Result<(), NodeError> {
        self.file.commit()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use score_engine::harness::Harness;
    use score_engine::{AudioBlock, Payload, Time};
    use serde_json::json;

    use super::*;

    fn write(samples: Vec<f32>) -> Vec<i16> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.wav");
        let block = AudioBlock {
            rate: 48_000,
            channels: 2,
            samples,
        };
        let packets = vec![(Time::ZERO, Payload::Audio(Arc::new(block)))];
        Harness::<AudioFile>::new(json!({ "path": path }))
            .feed("sound", PortType::Audio, packets, Time::from_seconds(1.0))
            .run()
            .unwrap();
        hound::WavReader::open(path)
            .unwrap()
            .samples::<i16>()
            .map(Result::unwrap)
            .collect()
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
}
