//! Files of sound: whole at any moment, beyond their formats' limits, and on a full disk.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::super::sound_sink::SmallDisk;
use super::super::wav_writer::mend;
use super::*;

const STEREO: Form = Form {
    rate: 48_000,
    channels: 2,
    depth: Depth::Sixteen,
};

/// A file in a folder of its own.
struct Place {
    _folder: tempfile::TempDir,
    path: PathBuf,
}

fn place(name: &str) -> Place {
    let folder = tempfile::tempdir().unwrap();
    Place {
        path: folder.path().join(name),
        _folder: folder,
    }
}

fn file(path: &Path) -> File {
    let mut options = File::options();
    options.read(true).write(true).create(true).truncate(false);
    options.open(path).unwrap()
}

fn begin(path: &Path, form: Form, limits: Limits) -> Encoder {
    Encoder::start(Format::of(path).unwrap(), file(path), form, limits).unwrap()
}

/// Noise that no encoder makes small, from whole numbers alone.
fn noise(count: usize) -> Vec<i16> {
    let mut state = 1u32;
    let next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        // Full scale is the same in both directions.
        ((state >> 16) as i16).max(-i16::MAX)
    };
    std::iter::repeat_with(next).take(count).collect()
}

/// The sound that becomes these samples.
fn sound_of(samples: &[i16]) -> Vec<f32> {
    let share = |sample: &i16| f32::from(*sample) / f32::from(i16::MAX);
    samples.iter().map(share).collect()
}

/// A file's samples as the ffmpeg program decodes them, which shares no code with the encoders. It
/// must not complain.
fn decoded(path: &Path) -> Vec<i16> {
    let output = Command::new("ffmpeg")
        .args(["-nostdin", "-v", "error", "-i"])
        .arg(path)
        .args(["-f", "s16le", "-"])
        .output()
        .expect("ffmpeg is installed");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && said.is_empty(), "{said}");
    let samples = output.stdout.chunks_exact(2);
    samples
        .map(|bytes| i16::from_le_bytes([bytes[0], bytes[1]]))
        .collect()
}

#[test]
fn a_file_that_grows_is_whole_whenever_it_is_read() {
    for name in ["a.wav", "a.flac"] {
        let place = place(name);
        let mut encoder = begin(&place.path, STEREO, Limits::default());
        let sound = noise(100_000);
        for (index, block) in sound.chunks(20_000).enumerate() {
            encoder.write(&sound_of(block)).unwrap();
            encoder.checkpoint().unwrap();
            // As another program finds it now, which may copy it away.
            let copy = place.path.with_file_name(format!("copy-{name}"));
            std::fs::copy(&place.path, &copy).unwrap();
            let found = decoded(&copy);
            let given = (index + 1) * 20_000;
            assert_eq!(found, sound[..found.len()]);
            assert!(found.len() + 2 * 4096 > given, "{name}: {}", found.len());
        }
        encoder.finish().unwrap();
        assert_eq!(decoded(&place.path), sound);
    }
}

#[test]
fn a_wav_becomes_an_rf64_only_beyond_the_limit_of_a_riff() {
    // 64 channels too, whose header is longer.
    for (form, limit) in [
        (STEREO, 50_000),
        (
            Form {
                channels: 64,
                ..STEREO
            },
            60_000,
        ),
    ] {
        let place = place("a.wav");
        let limits = Limits {
            riff: limit,
            ..Limits::default()
        };
        let mut encoder = begin(&place.path, form, limits);
        let sound = noise(32_000);
        let id = || std::fs::read(&place.path).unwrap()[..4].to_vec();
        encoder.write(&sound_of(&sound[..16_000])).unwrap();
        encoder.checkpoint().unwrap();
        assert_eq!(
            (id(), decoded(&place.path).len()),
            (b"RIFF".to_vec(), 16_000)
        );
        assert_eq!(hound::WavReader::open(&place.path).unwrap().len(), 16_000);
        encoder.write(&sound_of(&sound[16_000..])).unwrap();
        encoder.finish().unwrap();
        assert_eq!(id(), b"RF64");
        assert_eq!(decoded(&place.path), sound);
    }
}

#[test]
fn the_largest_riff_is_one_whose_size_can_be_said() {
    // A day of stereo: what is written of it here is the header alone.
    let data = 86_400 * 48_000 * 4;
    let header = super::super::wav_writer::header(STEREO, data, LARGEST_RIFF);
    assert_eq!(header[..4], *b"RF64");
    assert_eq!(header[4..8], [0xFF; 4]);
    assert_eq!(header[12..16], *b"ds64");
    assert_eq!(header[28..36], data.to_le_bytes());
    assert_eq!(header[36..44], (86_400u64 * 48_000).to_le_bytes());
    let small = super::super::wav_writer::header(STEREO, 4_000_000_000, LARGEST_RIFF);
    assert_eq!(small[..4], *b"RIFF");
    assert_eq!(small[76..80], 4_000_000_000u32.to_le_bytes());
}

#[test]
fn a_flac_longer_than_its_header_can_count_is_read_to_its_end() {
    let place = place("a.flac");
    let limits = Limits {
        counted: 20_000,
        ..Limits::default()
    };
    let mut encoder = begin(&place.path, STEREO, limits);
    let sound = noise(60_001 * 2);
    encoder.write(&sound_of(&sound)).unwrap();
    encoder.finish().unwrap();
    assert_eq!(decoded(&place.path), sound);
    let bytes = std::fs::read(&place.path).unwrap();
    assert_eq!((bytes[21] & 15, &bytes[22..26]), (0, &[0; 4][..]));
}

#[test]
fn a_flac_has_the_digest_of_its_samples() {
    let place = place("a.flac");
    let mut encoder = begin(&place.path, STEREO, Limits::default());
    let sound = noise(9_000);
    encoder.write(&sound_of(&sound)).unwrap();
    encoder.finish().unwrap();
    let bytes: Vec<u8> = sound
        .iter()
        .flat_map(|sample| sample.to_le_bytes())
        .collect();
    let file = std::fs::read(&place.path).unwrap();
    assert_eq!(file[26..42], md5::compute(bytes).0);
}

/// A file's samples as ffmpeg decodes them to 32-bit whole numbers.
fn decoded_wide(path: &Path) -> Vec<i32> {
    let folder = path.parent().unwrap();
    let name = path.file_name().unwrap().to_str().unwrap();
    let bytes = crate::testing::ffmpeg(folder, &["-i", name, "-f", "s32le", "-"]);
    let samples = bytes.chunks_exact(4);
    samples
        .map(|bytes| i32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]))
        .collect()
}

#[test]
fn samples_of_24_bits_come_back_exactly() {
    // Every value is a whole number of 24 bits, most of them none of 16.
    let sound: Vec<i32> = (0..60_000)
        .map(|n| (n * 279) % 16_000_000 - 8_000_000)
        .collect();
    let floats: Vec<f32> = (sound.iter())
        .map(|sample| (f64::from(*sample) / 8_388_607.0) as f32)
        .collect();
    for name in ["a.wav", "a.flac"] {
        let place = place(name);
        let form = Form {
            depth: Depth::TwentyFour,
            ..STEREO
        };
        let mut encoder = begin(&place.path, form, Limits::default());
        encoder.write(&floats).unwrap();
        encoder.finish().unwrap();
        let found = decoded_wide(&place.path);
        assert_eq!(found.len(), sound.len());
        let differs = |(found, sent): (&i32, &i32)| (found >> 8).abs_diff(*sent) > 1;
        assert!(!found.iter().zip(&sound).any(differs), "{name}");
    }
}

#[test]
fn floating_point_samples_come_back_bit_by_bit_beyond_full_scale_too() {
    let place = place("a.wav");
    let form = Form {
        depth: Depth::Float,
        ..STEREO
    };
    let sound: Vec<f32> = (0..20_000).map(|n| (n as f32 * 0.1).sin() * 3.0).collect();
    let mut encoder = begin(&place.path, form, Limits::default());
    encoder.write(&sound[..10_000]).unwrap();
    encoder.checkpoint().unwrap();
    encoder.write(&sound[10_000..]).unwrap();
    encoder.finish().unwrap();
    let reader = hound::WavReader::open(&place.path).unwrap();
    assert_eq!(reader.spec().sample_format, hound::SampleFormat::Float);
    let found: Vec<f32> = reader.into_samples().map(Result::unwrap).collect();
    assert_eq!(found, sound);
    // A program that died has left the header of a shorter file.
    let mut left = file(&place.path);
    let header = super::super::wav_writer::header(form, 8, LARGEST_RIFF);
    std::io::Write::write_all(&mut left, &header).unwrap();
    mend(&mut left).unwrap();
    assert_eq!(hound::WavReader::open(&place.path).unwrap().len(), 20_000);
    let refused = Encoder::start(Format::Flac, file(&place.path), form, Limits::default());
    let error = refused.err().unwrap();
    assert!(error.to_string().contains("floating-point"), "{error}");
}

#[test]
fn more_channels_than_flac_has_are_refused_at_the_first_sound() {
    let place = place("a.flac");
    let form = Form {
        channels: 9,
        ..STEREO
    };
    let refused = Encoder::start(Format::Flac, file(&place.path), form, Limits::default());
    let error = refused.err().unwrap();
    assert!(error.to_string().contains("at most 8 channels"), "{error}");
    assert!(error.advice().unwrap().contains(".wav"));
}

#[test]
fn on_a_full_disk_what_arrived_is_a_whole_file() {
    for (name, room) in [("a.wav", 150_001), ("a.flac", 151_003)] {
        let place = place(name);
        let disk = SmallDisk {
            file: file(&place.path),
            room,
        };
        let format = Format::of(&place.path).unwrap();
        let mut encoder = Encoder::start(format, disk, STEREO, Limits::default()).unwrap();
        let sound = noise(200_000);
        let failed = sound
            .chunks(1_000)
            .find_map(|block| encoder.write(&sound_of(block)).err());
        assert!(failed.unwrap().advice().unwrap().contains("make room"));
        encoder.salvage().unwrap();
        let arrived = encoder.arrived() as usize * 2;
        assert_eq!(decoded(&place.path), sound[..arrived]);
        assert!(arrived > 60_000, "{name}: {arrived}");
    }
}

#[test]
fn a_wav_that_a_dead_program_left_is_mended_to_its_last_frame() {
    let place = place("a.wav");
    let mut encoder = begin(&place.path, STEREO, Limits::default());
    let sound = noise(80_000);
    encoder.write(&sound_of(&sound[..40_000])).unwrap();
    encoder.checkpoint().unwrap();
    encoder.write(&sound_of(&sound[40_000..])).unwrap();
    // The program dies after the sound has arrived, and a half frame more, but not the header.
    drop(encoder);
    std::io::Write::write_all(
        &mut File::options().append(true).open(&place.path).unwrap(),
        &[1],
    )
    .unwrap();
    let mut left = file(&place.path);
    mend(&mut left).unwrap();
    let found = decoded(&place.path);
    assert!(found.len() > 70_000 && found == sound[..found.len()]);
    // What is no such file stays as it is.
    let other = place.path.with_file_name("other.wav");
    std::fs::write(&other, "once upon a time").unwrap();
    mend(&mut file(&other)).unwrap();
    assert_eq!(std::fs::read(&other).unwrap(), b"once upon a time");
}
