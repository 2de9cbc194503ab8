//! What makes each voice the instrument that it is called: how it begins, lasts and ends, and which
//! partials it has.

use score_engine::Note;

use super::super::test_ear::{RATE, decibels, level_at, loudness, rms};
use super::{Sounding, Voice};

const ALL: [Voice; 13] = [
    Voice::ElectricPiano,
    Voice::GrandPiano,
    Voice::Organ,
    Voice::Glass,
    Voice::Bell,
    Voice::Pluck,
    Voice::NylonGuitar,
    Voice::Strings,
    Voice::Pad,
    Voice::Lead,
    Voice::BassGuitar,
    Voice::Bass,
    Voice::DrumKit,
];

fn melodic() -> impl Iterator<Item = Voice> {
    ALL.into_iter().filter(|voice| *voice != Voice::DrumKit)
}

fn frames(seconds: f64) -> usize {
    (seconds * RATE as f64).round() as usize
}

/// Adds one note that is held for `held` seconds to interleaved stereo.
fn add(voice: Voice, stereo: &mut [f32], (at, held): (f64, f64), (pitch, velocity): (u8, f32)) {
    let seed = (at * 1_000.0) as u32 * 77 + u32::from(pitch);
    let mut note = Sounding::new(voice, (0, pitch), velocity, RATE as u32, seed);
    let end = stereo.len() / 2;
    let (from, until) = (frames(at).min(end), frames(at + held).min(end));
    note.render(&mut stereo[from * 2..until * 2], None);
    note.hear(Note::Off { channel: 0, pitch });
    for block in stereo[until * 2..].chunks_mut(512) {
        if !note.render(block, None) {
            break;
        }
    }
}

/// One note, both sides together.
fn note(voice: Voice, pitch: u8, velocity: f32, held: f64, whole: f64) -> Vec<f32> {
    let mut stereo = vec![0.0; frames(whole) * 2];
    add(voice, &mut stereo, (0.0, held), (pitch, velocity));
    (stereo.chunks_exact(2))
        .map(|frame| frame[0] + frame[1])
        .collect()
}

fn part(samples: &[f32], from: f64, to: f64) -> &[f32] {
    &samples[frames(from)..frames(to)]
}

fn hertz(pitch: u8) -> f64 {
    440.0 * ((f64::from(pitch) - 69.0) / 12.0).exp2()
}

/// The time until a note is half as loud as it ever is, in windows of 4 ms.
fn attack(samples: &[f32]) -> f64 {
    let levels: Vec<f64> = samples.chunks(frames(0.004)).map(rms).collect();
    let loudest = levels.iter().copied().fold(0.0, f64::max);
    let reached = levels.iter().position(|level| *level > 0.5 * loudest);
    reached.unwrap_or(0) as f64 * 0.004
}

/// By how many dB a note that is held falls from one time to another.
fn falls(samples: &[f32], from: f64, to: f64) -> f64 {
    let level = |at: f64| rms(part(samples, at, at + 0.1));
    decibels(level(from) / level(to))
}

/// The level of partial `ratio` against that of partial 1, in dB.
fn partial(samples: &[f32], pitch: u8, ratio: f64) -> f64 {
    let level = |ratio: f64| level_at(samples, ratio * hertz(pitch));
    decibels(level(ratio) / level(1.0))
}

/// A phrase of an octave and a half, or a beat where the voice is the kit. The bass that sounds two
/// octaves lower than it is written plays what is written; the bass guitar the sounding notes.
fn phrase(voice: Voice, velocity: f32) -> Vec<f32> {
    const MELODY: [u8; 8] = [60, 64, 67, 72, 71, 67, 65, 62];
    let mut stereo = vec![0.0; frames(3.5) * 2];
    let low = if voice == Voice::BassGuitar { 24 } else { 0 };
    for (number, pitch) in MELODY.into_iter().enumerate() {
        let at = number as f64 * 0.4;
        if voice == Voice::DrumKit {
            add(voice, &mut stereo, (at, 0.1), (42, 0.6 * velocity));
            add(voice, &mut stereo, (at + 0.2, 0.1), (42, 0.6 * velocity));
            let key = if number % 4 == 2 { 38 } else { 36 };
            if number % 2 == 0 || number == 3 {
                add(voice, &mut stereo, (at, 0.1), (key, velocity));
            }
        } else {
            add(voice, &mut stereo, (at, 0.38), (pitch - low, velocity));
        }
    }
    // As the synth plays it: with its headroom.
    stereo.iter_mut().for_each(|sample| *sample *= 0.25);
    stereo
}

#[test]
fn all_voices_play_a_phrase_as_loud_as_each_other_within_two_units() {
    let heard: Vec<(Voice, f64)> = (ALL.into_iter())
        .map(|voice| (voice, loudness(&phrase(voice, 0.8))))
        .collect();
    let levels = heard.iter().map(|(_, level)| *level);
    let (most, least) = (
        levels.clone().fold(-99.0, f64::max),
        levels.fold(0.0, f64::min),
    );
    assert!(most - least < 2.0, "{heard:?}");
    // What the patches that are older than these voices were mixed with.
    assert!((heard[0].1 + 19.7).abs() < 0.5, "{heard:?}");
}

#[test]
fn no_note_begins_or_ends_with_a_click_or_pushes_the_sound_aside() {
    for voice in melodic() {
        for pitch in [40, 76] {
            let sound = note(voice, pitch, 0.8, 0.5, 2.0);
            let loudest = sound.iter().fold(0.0f32, |a, b| a.max(b.abs()));
            assert!(loudest > 0.1, "{voice:?} {pitch}");
            // A plucked string is let go at once; everything else rises from nothing.
            if voice != Voice::Pluck {
                assert!(sound[0].abs() < 0.01 * loudest, "{voice:?} {pitch}");
            }
            let corner = |samples: &[f32]| {
                let bends = samples.windows(3).map(|s| (s[0] - 2.0 * s[1] + s[2]).abs());
                bends.fold(0.0, f32::max)
            };
            let (before, after) = (part(&sound, 0.46, 0.5), part(&sound, 0.499, 0.51));
            assert!(
                corner(after) < 1.6 * corner(before) + 3e-4,
                "{voice:?} {pitch}: {} {}",
                corner(before),
                corner(after)
            );
            // What ends by itself within the sound ends at nothing.
            let last = sound.iter().rposition(|sample| *sample != 0.0).unwrap();
            let step = sound[last].abs();
            let is_over = last + 1 < sound.len();
            assert!(!is_over || step < 1e-3, "{voice:?} {pitch}: {step}");
            let held = part(&sound, 0.05, 0.5);
            let aside = 0.5 * level_at(held, 0.0) / rms(held);
            assert!(aside < 0.005, "{voice:?} {pitch}: {aside}");
        }
    }
}

/// Nothing that folded back lies where a high note itself has nothing: below its lowest partial.
#[test]
fn high_notes_fold_nothing_back_into_what_is_heard() {
    for voice in melodic().filter(|voice| *voice != Voice::Bass) {
        for pitch in [93, 100] {
            let sound = note(voice, pitch, 1.0, 1.0, 0.6);
            let sound = part(&sound, 0.15, 0.35);
            let own = level_at(sound, hertz(pitch));
            let lowest = (0.42 * hertz(pitch)) as usize;
            let folded = (100..lowest).step_by(10).map(|f| level_at(sound, f as f64));
            let folded = decibels(folded.fold(0.0, f64::max) / own);
            assert!(folded < -55.0, "{voice:?} {pitch}: {folded} dB");
        }
    }
}

#[test]
fn each_voice_takes_its_instruments_time_to_begin_and_to_end() {
    // Voice, least and most seconds to begin, most seconds from its end until it is 40 dB down.
    let times = [
        (Voice::ElectricPiano, 0.0, 0.02, 0.6),
        (Voice::GrandPiano, 0.0, 0.02, 0.35),
        (Voice::Organ, 0.0, 0.02, 0.1),
        (Voice::Bell, 0.0, 0.03, 3.0),
        (Voice::Pluck, 0.0, 0.03, 0.3),
        (Voice::NylonGuitar, 0.0, 0.03, 0.4),
        (Voice::Strings, 0.04, 0.15, 1.0),
        (Voice::Pad, 0.1, 0.2, 4.5),
        (Voice::Lead, 0.0, 0.03, 0.4),
        (Voice::BassGuitar, 0.0, 0.03, 0.3),
    ];
    for (voice, least, most, end) in times {
        let sound = note(voice, 57, 0.8, 1.0, 1.2 + end);
        let begins = attack(part(&sound, 0.0, 1.0));
        assert!(
            (least..=most).contains(&begins),
            "{voice:?} begins in {begins} s"
        );
        let held = rms(part(&sound, 0.9, 1.0));
        let left = rms(part(&sound, 1.0 + end, 1.1 + end));
        assert!(
            decibels(left / held) < -40.0,
            "{voice:?}: {} dB",
            decibels(left / held)
        );
    }
}

#[test]
fn struck_and_plucked_voices_fade_and_blown_and_bowed_ones_last() {
    // Voice, least and most dB from 0.2 s to 1.2 s of a held C4.
    let falling = [
        (Voice::ElectricPiano, 3.0, 10.0),
        (Voice::GrandPiano, 4.0, 14.0),
        (Voice::Organ, -1.5, 1.5),
        (Voice::Bell, 2.0, 10.0),
        (Voice::Pluck, 5.0, 25.0),
        (Voice::NylonGuitar, 6.0, 20.0),
        (Voice::Strings, -4.0, 4.0),
        (Voice::Pad, -3.0, 4.0),
        (Voice::Lead, -2.0, 5.0),
        (Voice::BassGuitar, 8.0, 30.0),
    ];
    for (voice, least, most) in falling {
        let sound = note(voice, 60, 0.8, 2.0, 2.0);
        let fell = falls(&sound, 0.2, 1.2);
        assert!(
            (least..=most).contains(&fell),
            "{voice:?} falls by {fell} dB"
        );
    }
}

#[test]
fn a_grand_piano_is_stretched_and_fades_fast_and_then_slowly() {
    let sound = note(Voice::GrandPiano, 48, 0.8, 4.0, 4.0);
    let early = part(&sound, 0.05, 0.55);
    let stretched = 12.0 * (1.0 + 1.04e-4 * 144.0_f64).sqrt();
    let sharp = partial(early, 48, stretched) - partial(early, 48, 12.0);
    assert!(sharp > 6.0, "{sharp}");
    // The hammer hits an eighth of the string, whose partials are weak.
    assert!(partial(early, 48, 8.01) < partial(early, 48, 6.0) - 4.0);
    let (first, then) = (falls(&sound, 0.1, 0.6), falls(&sound, 2.9, 3.4));
    assert!(first > 1.25 * then, "{first} {then}");
    // Treble strings fade sooner than bass strings.
    let fall_of = |pitch| falls(&note(Voice::GrandPiano, pitch, 0.8, 1.0, 1.0), 0.1, 0.6);
    assert!(
        fall_of(84) > 2.0 * fall_of(40),
        "{} {}",
        fall_of(84),
        fall_of(40)
    );
}

#[test]
fn an_organ_has_its_drawbars_and_nothing_between_them() {
    let sound = note(Voice::Organ, 60, 0.8, 2.0, 2.0);
    let sound = part(&sound, 0.2, 1.9);
    for (ratio, level) in [(0.5, -6.0), (2.0, -5.2), (3.0, -8.0), (4.0, -10.5)] {
        let heard = partial(sound, 60, ratio);
        assert!(
            (heard - level).abs() < 3.0,
            "{ratio}: {heard} dB for {level}"
        );
    }
    for between in [0.75, 1.25, 2.5, 5.0] {
        assert!(partial(sound, 60, between) < -40.0, "{between}");
    }
}

#[test]
fn a_bell_rings_on_partials_that_are_no_harmonics() {
    let sound = note(Voice::Bell, 72, 0.8, 2.0, 2.0);
    let sound = part(&sound, 0.02, 1.0);
    for ratio in [2.0, 2.99, 4.17, 5.56] {
        assert!(partial(sound, 72, ratio) > -30.0, "{ratio}");
    }
    for harmonic in [5.0, 6.0, 7.0] {
        assert!(partial(sound, 72, harmonic) < -40.0, "{harmonic}");
    }
}

#[test]
fn a_nylon_guitar_lacks_the_partials_where_it_is_plucked_and_has_a_body() {
    let sound = note(Voice::NylonGuitar, 52, 0.8, 2.0, 2.0);
    let early = part(&sound, 0.0, 0.3);
    let level = |n: f64| partial(early, 52, n);
    assert!(
        level(4.0) < level(3.0) - 3.0 && level(9.0) < level(7.0),
        "{} {} {}",
        level(3.0),
        level(4.0),
        level(5.0)
    );
    // The air in its body sounds at once and is gone.
    let air = |from: f64| level_at(part(&sound, from, from + 0.15), 104.0);
    assert!(air(0.0) > 8.0 * air(0.5), "{} {}", air(0.0), air(0.5));
}

#[test]
fn a_bass_guitar_sounds_at_its_written_pitch_and_the_bass_two_octaves_lower() {
    let lowest = |voice, pitch| {
        let sound = note(voice, pitch, 0.8, 1.0, 1.0);
        let sound = part(&sound, 0.05, 1.0).to_vec();
        let strong = (20..400).find(|f| decibels(level_at(&sound, f64::from(*f))) > -26.0);
        f64::from(strong.unwrap())
    };
    let guitar = lowest(Voice::BassGuitar, 40);
    assert!((guitar - hertz(40)).abs() < 4.0, "{guitar} Hz");
    let bass = lowest(Voice::Bass, 64);
    assert!((bass - hertz(40)).abs() < 4.0, "{bass} Hz");
    // It is heard on small loudspeakers as well, by its partials.
    let sound = note(Voice::BassGuitar, 33, 0.8, 1.0, 1.0);
    let sound = part(&sound, 0.02, 0.5);
    assert!(
        partial(sound, 33, 3.0) > -15.0,
        "{}",
        partial(sound, 33, 3.0)
    );
}

#[test]
fn strings_are_several_players_with_every_partial() {
    let sound = note(Voice::Strings, 60, 0.8, 3.0, 3.0);
    let held = part(&sound, 0.5, 3.0);
    let partials: Vec<f64> = (1..=6)
        .map(|n| {
            // Players who are not in tune spread a partial: all of it within a third of a tone.
            let near = (-6..=6).map(|cents| f64::from(cents * 4) / 1_200.0);
            let levels =
                near.map(|octaves| level_at(held, f64::from(n) * hertz(60) * octaves.exp2()));
            levels.map(|level| level * level).sum::<f64>().sqrt()
        })
        .collect();
    assert!(
        partials[1..]
            .iter()
            .all(|level| decibels(level / partials[0]) > -30.0),
        "{partials:?}"
    );
    let levels: Vec<f64> = held.chunks(frames(0.05)).map(rms).collect();
    let mean = levels.iter().sum::<f64>() / levels.len() as f64;
    let moves = levels.iter().map(|l| (l - mean).abs()).sum::<f64>() / levels.len() as f64;
    assert!(moves > 0.03 * mean, "{}", moves / mean);
}

#[test]
fn a_lead_begins_bright_and_sways_once_it_is_held() {
    let sound = note(Voice::Lead, 60, 0.9, 2.0, 2.0);
    let bright = |from: f64| {
        let sound = part(&sound, from, from + 0.12);
        let high = (6..12).map(|n| level_at(sound, f64::from(n) * hertz(60)));
        decibels(high.sum::<f64>() / level_at(sound, hertz(60)))
    };
    assert!(
        bright(0.01) > bright(0.6) + 3.0,
        "{} {}",
        bright(0.01),
        bright(0.6)
    );
    // Vibrato spreads a high partial.
    let spread = |from: f64| {
        let sound = part(&sound, from, from + 0.4);
        let near: f64 = [-22.0, 22.0]
            .map(|off| level_at(sound, 5.0 * hertz(60) + off))
            .iter()
            .sum();
        near / level_at(sound, 5.0 * hertz(60))
    };
    assert!(spread(1.2) > spread(0.0), "{} {}", spread(0.0), spread(1.2));
}

#[test]
fn harder_strokes_are_brighter() {
    for voice in [
        Voice::ElectricPiano,
        Voice::GrandPiano,
        Voice::Bell,
        Voice::Pluck,
        Voice::NylonGuitar,
        Voice::BassGuitar,
        Voice::Strings,
        Voice::Lead,
    ] {
        let bright = |velocity| {
            let sound = note(voice, 57, velocity, 0.5, 0.5);
            let steps: Vec<f32> = sound.windows(2).map(|s| s[1] - s[0]).collect();
            rms(&steps) / rms(&sound)
        };
        assert!(
            bright(1.0) > 1.1 * bright(0.3),
            "{voice:?}: {} {}",
            bright(0.3),
            bright(1.0)
        );
    }
}
