//! A SoundFont for tests: one sine that loops.

/// Frames in a period of the sine: at 44,000 Hz it sounds as A4, 440 Hz.
const PERIOD: usize = 100;
const PERIODS: usize = 10;

/// Times in the volume envelope; at their lowest value it begins at once, while their defaults are
/// a millisecond.
const DELAY: u16 = 33;
const ATTACK: u16 = 34;
const AT_ONCE: u16 = i16::MIN as u16;

const INSTRUMENT: u16 = 41;
const COARSE_TUNE: u16 = 51;
const SAMPLE: u16 = 53;
const SAMPLE_MODES: u16 = 54;

fn chunk(id: &[u8; 4], data: Vec<u8>) -> Vec<u8> {
    [&id[..], &(data.len() as u32).to_le_bytes(), &data].concat()
}

fn list(kind: &[u8; 4], chunks: &[Vec<u8>]) -> Vec<u8> {
    chunk(b"LIST", [&kind[..], &chunks.concat()].concat())
}

fn name(text: &str) -> Vec<u8> {
    let mut name = text.as_bytes().to_vec();
    name.resize(20, 0);
    name
}

fn words(words: &[u16]) -> Vec<u8> {
    words.iter().flat_map(|word| word.to_le_bytes()).collect()
}

fn preset(text: &str, [bank, program]: [u16; 2], zone: u16) -> Vec<u8> {
    [name(text), words(&[program, bank, zone]), vec![0; 12]].concat()
}

fn instrument(text: &str, zone: u16) -> Vec<u8> {
    [name(text), words(&[zone])].concat()
}

/// Program 0 is a sine, at its true pitch; percussion is the same sine an octave higher.
pub(crate) fn sound_font() -> Vec<u8> {
    sound_font_at(44_000)
}

/// The same with a third preset: program 7 of bank 3 is the sine two octaves higher.
pub(crate) fn ensemble() -> Vec<u8> {
    made(44_000, true)
}

/// As [`sound_font`], with a sample that says that its rate is `rate`.
pub(crate) fn sound_font_at(rate: u32) -> Vec<u8> {
    made(rate, false)
}

fn made(rate: u32, with_third: bool) -> Vec<u8> {
    let frames = PERIOD * PERIODS;
    let turn = std::f64::consts::TAU / PERIOD as f64;
    let mut samples: Vec<u8> = (0..frames)
        .flat_map(|n| ((32_000.0 * (turn * n as f64).cos()) as i16).to_le_bytes())
        .collect();
    // Silence after each sample: 46 frames (SoundFont 2.04, §6.1).
    samples.extend([0; 92]);

    let header = |text: &str, places: [u32; 5]| {
        let places: Vec<u8> = places
            .iter()
            .flat_map(|place| place.to_le_bytes())
            .collect();
        [name(text), places, vec![69, 0], words(&[0, 1])].concat()
    };
    let end = frames as u32;
    // An octave above its neighbour: kind, bank and program, and how many semitones higher.
    let kinds: &[(&str, [u16; 2], u16)] = &[
        ("sine", [0, 0], 0),
        ("high sine", [128, 0], 12),
        ("highest sine", [3, 7], 24),
    ];
    let kinds = if with_third { kinds } else { &kinds[..2] };
    let count = kinds.len() as u16;
    let numbered = || (0..).zip(kinds);
    let mut presets: Vec<Vec<u8>> = numbered()
        .map(|(number, (name, place, _))| preset(name, *place, number))
        .collect();
    presets.push(preset("EOP", [0; 2], count));
    let mut instruments: Vec<Vec<u8>> = numbered()
        .map(|(number, (name, ..))| instrument(name, number))
        .collect();
    instruments.push(instrument("EOI", count));
    let sounds = [
        header("sine", [0, end, 0, end, rate]),
        header("EOS", [0; 5]),
    ];
    // Of each instrument: five pairs of a generator and its value.
    let mut generators: Vec<u16> = numbered()
        .flat_map(|(_, (_, _, higher))| {
            [
                [DELAY, AT_ONCE],
                [ATTACK, AT_ONCE],
                [COARSE_TUNE, *higher],
                [SAMPLE_MODES, 1],
                [SAMPLE, 0],
            ]
        })
        .flatten()
        .collect();
    generators.extend([0, 0]);
    let zones = |each: u16| -> Vec<u16> { (0..=count).flat_map(|n| [n * each, 0]).collect() };
    let mut plays: Vec<u16> = (0..count).flat_map(|n| [INSTRUMENT, n]).collect();
    plays.extend([0, 0]);
    let parameters = [
        chunk(b"phdr", presets.concat()),
        chunk(b"pbag", words(&zones(1))),
        chunk(b"pmod", vec![0; 10]),
        chunk(b"pgen", words(&plays)),
        chunk(b"inst", instruments.concat()),
        chunk(b"ibag", words(&zones(5))),
        chunk(b"imod", vec![0; 10]),
        chunk(b"igen", words(&generators)),
        chunk(b"shdr", sounds.concat()),
    ];
    let information = [
        chunk(b"ifil", words(&[2, 4])),
        chunk(b"isng", b"EMU8000\0".to_vec()),
        chunk(b"INAM", b"tiny\0\0".to_vec()),
    ];
    let body = [
        b"sfbk".to_vec(),
        list(b"INFO", &information),
        list(b"sdta", &[chunk(b"smpl", samples)]),
        list(b"pdta", &parameters),
    ];
    chunk(b"RIFF", body.concat())
}
