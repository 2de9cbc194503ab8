//! Reads the sound in a file.

use std::path::PathBuf;
use std::sync::Arc;

use score_engine::{
    AudioBlock, Build, Check, Descriptor, Flow, Io, Node, NodeError, OutputPort, Params, Processor,
    Progress, Time, Transport,
};

use super::amplitude;
use super::ramp::{Ramp, glide};
use super::sound_source::{SoundAtRate, open};
use super::stereo::block;

const SOUND: OutputPort<AudioBlock> = OutputPort::new(0, "sound", "the sound");

/// `audio_input_file`.
#[derive(Clone, Params)]
pub(crate) struct AudioInputFile {
    /// the file
    #[param(rebuild = "the file is opened once", content = Sound)]
    path: PathBuf,
    /// level
    #[param(live, range = -60.0..=24.0, span = -36.0..=0.0, unit = "dB", default = 0.0)]
    gain: f64,
}

impl Node for AudioInputFile {
    fn descriptor() -> Descriptor {
        Descriptor::of::<Self>("audio", "audio_input_file", "Reads the sound in a file")
            .example(
                r#"nodes: {
                    "song": audio_input_file(path: "song.wav"),
                    "room": reverb(),
                    "sound": audio_file(path: "in_a_room.wav"),
                },
                wires: ["song -> room -> sound"]"#,
            )
            .details(
                "WAV, FLAC, MP3 and Ogg Vorbis, and with the ffmpeg program anything else that it \
                 reads, including the sound of a film. Stereo at the transport's sample rate: one \
                 channel is doubled, more than two are mixed down, other rates are resampled. The \
                 sound of a film keeps its place beside the picture: where it begins later or \
                 pauses, there is silence. The sound ends when the file does; several MP3s or Oggs \
                 in one file are played one after another, and a file that is cut off is refused. \
                 Only local files are read.",
            )
            .output(SOUND)
            .paced()
    }

    fn check(&self, check: &mut Check<'_>) {
        check.require_file("path", &self.path, "sound file");
    }

    fn build(&self, build: &Build<'_>) -> Result<Box<dyn Processor<Self>>, NodeError> {
        let rate = build.transport.sample_rate;
        let source = open(&self.path, rate)?;
        if let Some(duration) = source.duration() {
            build.progress.set_total(duration.nanos().unsigned_abs());
        }
        Ok(Box::new(Reading {
            name: self.path.display().to_string(),
            gain: Ramp::new(amplitude(self.gain), glide(build.transport)),
            rate,
            block: build.transport.block as usize,
            source: SoundAtRate::new(source, rate)?,
            at: 0,
            progress: build.progress.clone(),
        }))
    }
}

/// A file being read.
struct Reading {
    name: String,
    /// The level, as a factor.
    gain: Ramp,
    rate: u32,
    block: usize,
    source: SoundAtRate,
    /// The first frame that has not been sent.
    at: u64,
    progress: Arc<Progress>,
}

impl Processor<AudioInputFile> for Reading {
    fn process(&mut self, _params: &AudioInputFile, io: &mut Io<'_>) -> Result<Flow, NodeError> {
        let mut samples = self.source.take(self.block)?;
        let time = Time::from_samples(self.at, self.rate);
        self.progress.set_done(time.nanos().unsigned_abs());
        if samples.is_empty() {
            if self.at == 0 {
                return Err(
                    NodeError::input(format!("`{}` has no sound in it", self.name))
                        .help("choose another file"),
                );
            }
            io.end_at(time);
            return Ok(Flow::Done);
        }
        self.gain.scale(&mut samples, 2);
        self.at += samples.len() as u64 / 2;
        io.send_captured_now(SOUND, time, block(self.rate, samples))?;
        Ok(Flow::Continue)
    }

    fn changed(&mut self, params: &AudioInputFile, _: &Transport) -> Result<(), NodeError> {
        self.gain.set(amplitude(params.gain));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use score_engine::harness::{Harness, Outputs};
    use score_engine::{Packet, Payload, PortType};
    use serde_json::json;

    use super::super::audio_file::AudioFile;
    use super::*;
    use crate::testing::ffmpeg;

    fn run(path: &Path) -> Result<Outputs, NodeError> {
        Harness::<AudioInputFile>::new(json!({ "path": path })).run()
    }

    fn samples(outputs: &Outputs) -> Vec<f32> {
        let packets = outputs.packets("sound").iter();
        packets
            .flat_map(|packet| packet.audio().unwrap().samples.clone())
            .collect()
    }

    fn read(path: &Path) -> Vec<f32> {
        samples(&run(path).unwrap())
    }

    fn refusal(path: &Path) -> String {
        run(path).expect_err("refused").to_string()
    }

    fn write_wav(path: &Path, rate: u32, channels: u16, samples: &[f32]) {
        let spec = hound::WavSpec {
            channels,
            sample_rate: rate,
            bits_per_sample: 32,
            sample_format: hound::SampleFormat::Float,
        };
        let mut writer = hound::WavWriter::create(path, spec).unwrap();
        for sample in samples {
            writer.write_sample(*sample).unwrap();
        }
        writer.finalize().unwrap();
    }

    fn sine(frequency: f64, rate: u32, frames: usize) -> Vec<f32> {
        let turn = std::f64::consts::TAU * frequency / f64::from(rate);
        (0..frames)
            .map(|n| (0.5 * (turn * n as f64).sin()) as f32)
            .collect()
    }

    /// The frame at which a short loud tone in silence is loudest: the middle of a window of 480
    /// frames.
    fn loudest(samples: &[f32]) -> usize {
        let left: Vec<f32> = samples.iter().step_by(2).copied().collect();
        let energy = |at: usize| -> f32 { left[at..at + 480].iter().map(|s| s * s).sum() };
        let at = (0..left.len() - 480).step_by(8);
        at.max_by(|a, b| energy(*a).total_cmp(&energy(*b))).unwrap() + 240
    }

    /// Two seconds of silence with a tone of 10 ms, whose middle is at frame 48,240.
    fn write_beep(path: &Path) {
        let mut samples = vec![0.0; 2 * 96_000];
        for (frame, sample) in sine(2_000.0, 48_000, 480).into_iter().enumerate() {
            samples[2 * (48_000 + frame)..][..2].fill(sample);
        }
        write_wav(path, 48_000, 2, &samples);
    }

    #[test]
    fn every_block_comes_at_its_time_and_the_last_ends_with_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.wav");
        let written: Vec<f32> = (0..2 * 1_300).map(|n| n as f32 / 4_000.0).collect();
        write_wav(&path, 48_000, 2, &written);
        let outputs = run(&path).unwrap();
        let form = |packet: &Packet| {
            let block = packet.audio().unwrap();
            (packet.time, block.frames(), block.channels, block.rate)
        };
        let forms: Vec<_> = outputs.packets("sound").iter().map(form).collect();
        let time = |frame| Time::from_samples(frame, 48_000);
        assert_eq!(
            forms,
            [
                (time(0), 512, 2, 48_000),
                (time(512), 512, 2, 48_000),
                (time(1_024), 276, 2, 48_000)
            ]
        );
        assert_eq!(outputs.end("sound"), Some(time(1_300)));
        assert_eq!(samples(&outputs), written);
    }

    #[test]
    fn a_sine_of_another_rate_keeps_its_pitch_its_level_and_its_length() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.wav");
        write_wav(&path, 44_100, 1, &sine(1_000.0, 44_100, 2 * 44_100));
        let read = read(&path);
        assert_eq!(read.len(), 2 * 96_000);
        assert!(read.chunks_exact(2).all(|frame| frame[0] == frame[1]));
        let left: Vec<f32> = read.iter().step_by(2).copied().collect();
        // Away from the edges, where the sine begins and stops at once.
        let middle = &left[4_800..91_200];
        let rises: Vec<f64> = middle
            .windows(2)
            .enumerate()
            .filter(|(_, pair)| pair[0] < 0.0 && pair[1] >= 0.0)
            .map(|(n, pair)| n as f64 + f64::from(pair[0] / (pair[0] - pair[1])))
            .collect();
        let period = (rises[rises.len() - 1] - rises[0]) / (rises.len() - 1) as f64;
        assert!((48_000.0 / period - 1_000.0).abs() < 1.0, "{period}");
        let square: f64 = middle.iter().map(|sample| f64::from(*sample).powi(2)).sum();
        let level = (square / middle.len() as f64).sqrt();
        let decibels = 20.0 * (level / (0.5 / 2f64.sqrt())).log10();
        assert!(decibels.abs() < 0.2, "{decibels} dB");
    }

    #[test]
    fn what_audio_file_writes_as_flac_comes_back_to_the_bit() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.flac");
        let written: Vec<f32> = sine(440.0, 48_000, 2 * 30_000);
        let block = AudioBlock {
            rate: 48_000,
            channels: 2,
            samples: written.clone(),
        };
        Harness::<AudioFile>::new(json!({ "path": path }))
            .feed(
                "sound",
                PortType::Audio,
                vec![(Time::ZERO, Payload::Audio(Arc::new(block)))],
                Time::from_seconds(1.0),
            )
            .run()
            .unwrap();
        // 16 bits, where full scale is 32,767 to the writer and 32,768 to the reader.
        let expected: Vec<f32> = written
            .iter()
            .map(|sample| (sample * 32_767.0).round() / 32_768.0)
            .collect();
        assert_eq!(read(&path), expected);
    }

    #[test]
    fn every_format_keeps_the_time_of_its_sound_and_its_length() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path();
        write_beep(&folder.join("beep.wav"));
        for name in [
            "a.flac", "a.mp3", "a.ogg", "a.m4a", "a.opus", "a.mka", "a.aiff", "a.wv",
        ] {
            ffmpeg(folder, &["-i", "beep.wav", name]);
            let read = read(&folder.join(name));
            // MPEG audio is encoded in frames of 24 ms, and Opus in some of 20; the end may be
            // filled up.
            let frames = read.len() / 2;
            assert!(
                (96_000..96_000 + 1_200).contains(&frames),
                "{name}: {frames}"
            );
            let middle = loudest(&read);
            assert!(middle.abs_diff(48_240) <= 24, "{name}: {middle}");
        }
    }

    #[test]
    fn the_sound_of_a_film_is_read() {
        let folder = tempfile::tempdir().unwrap();
        write_beep(&folder.path().join("beep.wav"));
        let picture = [
            "-f",
            "lavfi",
            "-i",
            "testsrc2=rate=25:duration=3:size=64x48",
        ];
        for name in ["film.mp4", "film.mkv", "film.webm"] {
            let arguments = [&picture[..], &["-i", "beep.wav", name]].concat();
            ffmpeg(folder.path(), &arguments);
            let read = read(&folder.path().join(name));
            let middle = loudest(&read);
            assert!(middle.abs_diff(48_240) <= 24, "{name}: {middle}");
        }
    }

    #[test]
    fn sound_that_begins_after_the_picture_keeps_its_distance() {
        let folder = tempfile::tempdir().unwrap();
        write_beep(&folder.path().join("beep.wav"));
        let picture = [
            "-f",
            "lavfi",
            "-i",
            "testsrc2=rate=25:duration=3:size=64x48",
        ];
        for (offset, name) in [
            ("0.5", "late.mp4"),
            ("0.05", "little.mkv"),
            ("0.5", "late.ogv"),
        ] {
            let late = ["-itsoffset", offset, "-i", "beep.wav", name];
            ffmpeg(folder.path(), &[&picture[..], &late].concat());
            let middle = loudest(&read(&folder.path().join(name)));
            let late = (offset.parse::<f64>().unwrap() * 48_000.0) as usize;
            // Containers count the start of a track in milliseconds.
            assert!(middle.abs_diff(late + 48_240) <= 72, "{name}: {middle}");
        }
    }

    #[test]
    fn the_gain_and_the_transport_are_followed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.wav");
        write_wav(&path, 22_050, 1, &[0.5; 22_050]);
        let transport = Transport {
            sample_rate: 22_050,
            block: 1_000,
            ..Transport::default()
        };
        let outputs = Harness::<AudioInputFile>::new(json!({ "path": path, "gain": -6.0206 }))
            .transport(transport)
            .run()
            .unwrap();
        assert_eq!(outputs.packets("sound").len(), 23);
        let read = samples(&outputs);
        assert_eq!(read.len(), 2 * 22_050);
        assert!(read.iter().all(|sample| (sample - 0.25).abs() < 1e-4));
    }

    #[test]
    fn whatever_holds_no_sound_is_refused_in_words() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path();
        std::fs::write(
            folder.join("text.wav"),
            "once upon a time there was a sound",
        )
        .unwrap();
        std::fs::write(folder.join("empty.wav"), "").unwrap();
        std::fs::write(folder.join("header.wav"), b"RIFF\x24\0\0\0WAVEfmt ").unwrap();
        write_wav(&folder.join("silent.wav"), 48_000, 2, &[]);
        let picture = ["-f", "lavfi", "-i", "testsrc2=duration=1:size=64x48"];
        ffmpeg(folder, &[&picture[..], &["mute.mp4"]].concat());
        assert!(refusal(&folder.join("missing.wav")).contains("there is no sound file at"));
        for name in ["text.wav", "empty.wav", "header.wav"] {
            let why = refusal(&folder.join(name));
            assert!(
                why.contains("is not sound that can be read"),
                "{name}: {why}"
            );
        }
        assert!(refusal(&folder.join("silent.wav")).contains("has no sound in it"));
        assert!(refusal(&folder.join("mute.mp4")).contains("has no sound"));
    }

    #[test]
    fn an_impossible_sample_rate_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.wav");
        write_wav(&path, 4_000_000, 1, &[0.0; 100]);
        assert!(refusal(&path).contains("4000000 samples a second"));
    }

    #[test]
    fn a_file_cut_off_in_the_middle_is_refused_with_the_time() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path();
        let noise = ["-f", "lavfi", "-i", "anoisesrc=duration=8:amplitude=0.3"];
        for name in ["a.wav", "a.flac", "a.aiff", "a.mka"] {
            ffmpeg(folder, &[&noise[..], &[name]].concat());
            let path = folder.join(name);
            let bytes = std::fs::read(&path).unwrap();
            std::fs::write(&path, &bytes[..bytes.len() / 2]).unwrap();
            let why = refusal(&path);
            let (_, told) = why.split_once(" at ").unwrap();
            let seconds: f64 = told.split(' ').next().unwrap().parse().unwrap();
            assert!((3.5..4.1).contains(&seconds), "{name}: {why}");
        }
    }

    /// How many frames ffmpeg decodes of `name` in `folder`.
    fn frames_of_ffmpeg(folder: &Path, name: &str) -> usize {
        ffmpeg(folder, &["-i", name, "-f", "f32le", "-ac", "2", "decoded"]);
        std::fs::metadata(folder.join("decoded")).unwrap().len() as usize / 8
    }

    /// Three seconds of silence, then three of noise: a variable rate whose start says nothing of
    /// the rest.
    const UNEVEN: &str = "aevalsrc=0.6*(random(0)-0.5)*gt(t\\,3):s=48000:d=6";

    /// Without resampling.
    fn frames_at_48_kilohertz(path: &Path) -> usize {
        read(path).len() / 2
    }

    #[test]
    fn an_mp3_of_variable_rate_without_a_header_is_read_whole() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path();
        let form = ["-q:a", "4", "-write_xing", "0", "radio.mp3"];
        ffmpeg(
            folder,
            &[&["-f", "lavfi", "-i", UNEVEN][..], &form].concat(),
        );
        let expected = frames_of_ffmpeg(folder, "radio.mp3");
        assert!(expected > 6 * 48_000);
        assert_eq!(frames_at_48_kilohertz(&folder.join("radio.mp3")), expected);
    }

    #[test]
    fn an_mp3_that_is_cut_off_is_refused_with_the_time() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path();
        let noise = ["-f", "lavfi", "-i", "anoisesrc=duration=8:amplitude=0.3"];
        for (name, header) in [("tagged.mp3", "1"), ("bare.mp3", "0")] {
            ffmpeg(
                folder,
                &[&noise[..], &["-write_xing", header, name]].concat(),
            );
            let path = folder.join(name);
            let bytes = std::fs::read(&path).unwrap();
            std::fs::write(&path, &bytes[..bytes.len() / 2 - 1]).unwrap();
            let why = refusal(&path);
            assert!(
                why.contains("breaks off at 3.9") || why.contains("at 4.0"),
                "{why}"
            );
            assert_eq!(why.contains(" of 8"), header == "1", "{why}");
        }
    }

    #[test]
    fn mp3s_put_into_one_file_are_all_read_each_to_its_own_length() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path();
        let tone = |name: &str, rate: &str, more: &[&str]| {
            let source = format!("sine=frequency=440:sample_rate={rate}:duration=1");
            ffmpeg(
                folder,
                &[&["-f", "lavfi", "-i", &source][..], more, &[name]].concat(),
            );
            std::fs::read(folder.join(name)).unwrap()
        };
        let tagged = tone("tagged.mp3", "48000", &["-metadata", "title=one"]);
        let bare = tone("bare.mp3", "48000", &["-write_xing", "0"]);
        let other = tone("other.mp3", "44100", &[]);
        let all = folder.join("all.mp3");
        std::fs::write(&all, [&tagged[..], &tagged, &bare, &other].concat()).unwrap();
        let bare = frames_of_ffmpeg(folder, "bare.mp3");
        assert_eq!(frames_at_48_kilohertz(&all), 3 * 48_000 + bare);
    }

    #[test]
    fn ogg_files_put_one_after_another_are_all_read() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path();
        let tone = |name: &str, rate: &str, channels: &str| {
            let source = format!("sine=frequency=440:sample_rate={rate}:duration=1");
            let form = ["-c:a", "libvorbis", "-ac", channels, name];
            ffmpeg(
                folder,
                &[&["-f", "lavfi", "-i", &source][..], &form].concat(),
            );
            std::fs::read(folder.join(name)).unwrap()
        };
        let (one, two) = (tone("1.ogg", "48000", "2"), tone("2.ogg", "44100", "1"));
        let path = folder.join("chained.ogg");
        // The first twice: its stream has the same number both times.
        std::fs::write(&path, [&one[..], &one, &two].concat()).unwrap();
        let read = read(&path);
        assert_eq!(read.len() / 2, 3 * 48_000);
        let loud = |from: usize| {
            read[from * 2..][..9_600]
                .iter()
                .any(|sample| *sample > 0.05)
        };
        assert!([0, 60_000, 130_000].into_iter().all(loud));
    }

    #[test]
    fn an_ogg_file_that_is_cut_off_is_refused_with_the_time() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path();
        let noise = ["-f", "lavfi", "-i", "anoisesrc=duration=8:amplitude=0.3"];
        ffmpeg(
            folder,
            &[&noise[..], &["-c:a", "libvorbis", "a.ogg"]].concat(),
        );
        let path = folder.join("a.ogg");
        let bytes = std::fs::read(&path).unwrap();
        std::fs::write(&path, &bytes[..bytes.len() / 2]).unwrap();
        let why = refusal(&path);
        assert!(why.contains("breaks off at "), "{why}");
    }

    #[test]
    fn a_flac_file_damaged_in_the_middle_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.flac");
        let noise = ["-f", "lavfi", "-i", "anoisesrc=duration=4:amplitude=0.3"];
        ffmpeg(folder.path(), &[&noise[..], &["a.flac"]].concat());
        let mut bytes = std::fs::read(&path).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle..middle + 64].fill(0x55);
        std::fs::write(&path, bytes).unwrap();
        let why = refusal(&path);
        assert!(
            why.contains("is damaged") || why.contains("breaks off"),
            "{why}"
        );
    }

    #[test]
    fn a_name_like_an_option_or_a_protocol_is_only_a_name() {
        let folder = tempfile::tempdir().unwrap();
        write_beep(&folder.path().join("beep.wav"));
        ffmpeg(folder.path(), &["-i", "beep.wav", "a.m4a"]);
        for name in ["-y.m4a", "http:x%d.m4a", "concat:a|b.m4a", "ü '\"$.m4a"] {
            let path = folder.path().join(name);
            std::fs::copy(folder.path().join("a.m4a"), &path).unwrap();
            assert!(read(&path).len() >= 2 * 96_000, "{name}");
        }
    }
}
