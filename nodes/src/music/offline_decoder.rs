//! Decodes a render, segment by segment: each from the mean of its codes, or divided by the cuts in
//! it.

use std::sync::Arc;

use score_engine::{Flow, Io, NodeError, Processor, Time, Transport};

use super::player::{CHORDS, CODE, CUT, Player, Plays};
use super::shape::mean;
use super::voice::{Manner, Passage, Voice};

/// Collects the codes and cuts of a segment, and plays it once it is over.
pub(super) struct OfflineDecoder {
    player: Player,
    /// How notes are struck: how early they may be says what is still to come.
    manner: Manner,
    /// The segment that is being collected.
    index: u64,
    codes: Vec<(Time, Arc<[f32]>)>,
    cuts: Vec<Time>,
    /// What plays where no code comes.
    code: Option<Vec<f32>>,
}

impl OfflineDecoder {
    pub(super) fn new(player: Player, manner: Manner) -> Self {
        OfflineDecoder {
            player,
            manner,
            index: 0,
            codes: Vec::new(),
            cuts: Vec::new(),
            code: None,
        }
    }

    /// Plays the collected segment up to `end`, and begins to collect the next.
    fn play<P: Plays>(&mut self, params: &P, io: &mut Io<'_>, end: Time) -> Result<(), NodeError> {
        let grid = &self.player.voice.grid;
        let (first, next) = (grid.first(self.index), grid.first(self.index + 1));
        let mut begun: Vec<(u64, Time)> = vec![(first, Time::from_nanos(i64::MIN))];
        for cut in self.cuts.drain(..) {
            let place = grid.sixteenth_from(cut).max(first);
            // Of two cuts within a sixteenth the later is heard.
            begun.retain(|(earlier, _)| *earlier < place);
            begun.push((place, cut));
        }
        let mut passages = Vec::new();
        let mut codes = std::mem::take(&mut self.codes);
        for (number, (place, _)) in begun.iter().enumerate() {
            let until = begun.get(number + 1).map_or(Time::MAX, |(_, cut)| *cut);
            let rest = codes.split_off(codes.partition_point(|(time, _)| *time < until));
            if *place >= next {
                // The cut lies within the last sixteenth: the next segment begins with it.
                self.codes = codes;
                break;
            }
            if let Some(mean) = mean(&codes) {
                self.code = Some(self.player.shape.apply(mean, params.shaping()));
            }
            codes = rest;
            if let Some(code) = &self.code {
                let said = self.player.decode(code, params.temperature())?;
                let tokens: Vec<i64> = said.iter().map(|said| said.token).collect();
                passages.push(Passage {
                    place: *place,
                    shift: self.player.voice.shift(&tokens),
                    said,
                });
            }
        }
        for (time, notes) in (self.player.voice).play(self.index, &passages, end, &self.manner) {
            io.send(P::NOTES, time, notes)?;
        }
        self.index += 1;
        Ok(())
    }
}

impl<P: Plays> Processor<P> for OfflineDecoder {
    fn process(&mut self, params: &P, io: &mut Io<'_>) -> Result<Flow, NodeError> {
        while let Some(input) = io.take() {
            let time = input.packet.time;
            while time >= self.player.voice.grid.start(self.index + 1) {
                self.play(params, io, Time::MAX)?;
            }
            if input.is(CUT) {
                self.cuts.push(time);
                continue;
            }
            if input.is(CHORDS) {
                let Voice { fitting, grid, .. } = &mut self.player.voice;
                if let Some(fitting) = fitting {
                    fitting.hear(time, *input.read(CHORDS)?, grid);
                }
                continue;
            }
            let code = input.read(CODE)?;
            if code.len() != self.player.melody.dimension() {
                return Err(NodeError::internal("a latent of another dimension arrived"));
            }
            self.codes.push((time, code.clone()));
        }
        // At the end the watermark is infinite; how far to play is then known only in `finish`.
        while io.end().is_none()
            && !io.stop_requested()
            && io
                .watermark()
                .has_reached(self.player.voice.grid.start(self.index + 1))
        {
            self.play(params, io, Time::MAX)?;
        }
        Ok(Flow::Continue)
    }

    fn finish(&mut self, params: &P, io: &mut Io<'_>) -> Result<(), NodeError> {
        let end = io
            .end()
            .unwrap_or_else(|| self.player.voice.grid.start(self.index));
        while self.player.voice.grid.start(self.index) < end && !io.stop_requested() {
            self.play(params, io, end)?;
        }
        self.player.voice.finish(io, P::NOTES, end)
    }

    fn earliest_pending(&self) -> Option<Time> {
        let voice = &self.player.voice;
        let start = voice.grid.start(self.index);
        Some(start - voice.earliest(start, &self.manner))
    }

    fn changed(&mut self, params: &P, _transport: &Transport) -> Result<(), NodeError> {
        self.manner = self.player.manner(params);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use score_engine::harness::Harness;
    use score_engine::{Event, Key, KeyChoice, Mode, Payload, PortType, Transport};
    use serde_json::json;

    use super::super::Chord;
    use super::super::music_decoder::MusicDecoder;
    use super::*;
    use crate::chords::Chords;
    use crate::testing::{at, begun, settings};

    /// Notes that begin, by their sixteenth at 120 quarter notes a minute, of codes eight times a
    /// second: all components 1 before second `turn`, -1 after, with cuts at `cuts`.
    fn played(turn: f64, cuts: &[f64]) -> Vec<(i64, u8)> {
        let codes = (0..64).map(|number| {
            let time = f64::from(number) / 8.0;
            let value = if time < turn { 1.0 } else { -1.0 };
            let code: Arc<[f32]> = (0..64)
                .map(|n| if n % 2 == 0 { value } else { -value })
                .collect();
            (at(time), Payload::Latent(code))
        });
        let cuts = cuts.iter().map(|time| {
            let event = Event {
                name: "cut".to_owned(),
                strength: 1.0,
            };
            (at(*time), Payload::Event(Arc::new(event)))
        });
        let outputs = Harness::<MusicDecoder>::new(json!({ "temperature": 0 }))
            .settings(settings())
            .feed(
                "latent",
                PortType::Latent(Some(64)),
                codes.collect(),
                at(8.0),
            )
            .feed("cut", PortType::Event, cuts.collect(), at(8.0))
            .run()
            .unwrap();
        begun(&outputs)
    }

    /// Eight seconds of one code in a key, on chords that last a second each.
    fn harmonised(key: Option<&str>, chords: &[&str], live: bool) -> Vec<(i64, u8)> {
        let code: Arc<[f32]> = (0..64).map(|n| ((n * 7) % 5) as f32 - 2.0).collect();
        let codes = (0..64).map(|n| at(f64::from(n) / 8.0));
        let held: Key = "D major".parse().unwrap();
        let chords: Vec<(Time, Payload)> = (0..)
            .zip(chords)
            .map(|(n, chord)| {
                let chords = Chords {
                    key: held,
                    chord: Some(chord.parse().unwrap()),
                    fresh: true,
                    next: None,
                    close: None,
                    last: false,
                };
                (at(f64::from(n)), chords.payload())
            })
            .collect();
        let transport = Transport {
            key: key.map(|key| key.parse().unwrap()),
            ..Transport::default()
        };
        let harness = Harness::<MusicDecoder>::new(json!({ "temperature": 0 }))
            .settings(settings())
            .transport(transport);
        let port = PortType::Latent(Some(64));
        let latent = Payload::Latent(code);
        let outputs = if live {
            let codes = codes.map(|time| (time, time, latent.clone())).collect();
            let harness = harness.feed_live("latent", port, codes, at(8.0));
            let chords: Vec<_> = (chords.into_iter())
                // A chord is sent a sixteenth ahead.
                .map(|(time, payload)| ((time - at(0.125)).max(Time::ZERO), time, payload))
                .collect();
            match chords.is_empty() {
                true => harness,
                false => harness.feed_live("chords", Chords::port_type(), chords, at(8.0)),
            }
            .play_live()
        } else {
            let codes = codes.map(|time| (time, latent.clone())).collect();
            let harness = harness.feed("latent", port, codes, at(8.0));
            match chords.is_empty() {
                true => harness,
                false => harness.feed("chords", Chords::port_type(), chords, at(8.0)),
            }
            .run()
        };
        begun(&outputs.unwrap())
    }

    #[test]
    fn in_a_key_every_note_lies_in_its_scale_and_the_rhythm_stays() {
        let free = harmonised(None, &[], false);
        assert!(free.len() > 8, "{free:?}");
        for name in ["D major", "G# minor", "auto"] {
            let key: KeyChoice = name.parse().unwrap();
            let key = key.key(0, Mode::Major);
            for live in [false, true] {
                let held = harmonised(Some(name), &[], live);
                assert!(
                    held.iter().all(|(_, pitch)| key.holds(i32::from(*pitch))),
                    "{name}: {held:?}"
                );
                if !live {
                    let rhythm =
                        |notes: &[(i64, u8)]| notes.iter().map(|n| n.0).collect::<Vec<_>>();
                    assert_eq!(rhythm(&held), rhythm(&free));
                    // Moved as a whole: nothing goes further than half an octave and a step.
                    let far = held.iter().zip(&free).map(|(a, b)| a.1.abs_diff(b.1));
                    assert!(far.max() <= Some(8));
                }
            }
        }
    }

    #[test]
    fn on_chords_no_strong_note_clashes_and_all_lie_in_scale_or_chord() {
        let names = ["D", "Bm", "G", "A7", "E7", "A", "Em", "D"];
        let key: Key = "D major".parse().unwrap();
        for live in [false, true] {
            let heard = harmonised(None, &names, live);
            assert!(heard.len() > 8);
            for (place, pitch) in heard {
                // Eight sixteenths a second; a note may begin where the last chord ends.
                let Some(chord) = names.get(usize::try_from(place / 8).unwrap()) else {
                    continue;
                };
                let chord: Chord = chord.parse().unwrap();
                let inside = chord.holds(pitch) || key.holds(i32::from(pitch));
                assert!(inside, "{pitch} on {chord} at {place}");
                let clash = chord.classes().any(|tone| {
                    matches!(
                        (i32::from(pitch) - i32::from(tone)).rem_euclid(12),
                        1 | 6 | 11
                    )
                });
                assert!(
                    place % 8 != 0 || chord.holds(pitch) || !clash,
                    "{pitch} on {chord}"
                );
            }
        }
    }

    fn between(notes: &[(i64, u8)], from: i64, to: i64, moved: i64) -> Vec<(i64, u8)> {
        notes
            .iter()
            .map(|(place, pitch)| (place + moved, *pitch))
            .filter(|(place, _)| (from..to).contains(place))
            .collect()
    }

    #[test]
    fn a_cut_begins_the_new_codes_own_phrase_at_the_next_sixteenth() {
        let (before, after) = (played(9.0, &[]), played(0.0, &[]));
        let heard = played(1.25, &[1.25]);
        assert_eq!(between(&heard, 0, 10, 0), between(&before, 0, 10, 0));
        let phrase = between(&after, 10, 32, 10);
        assert!(phrase.len() > 2);
        assert_eq!(between(&heard, 10, 32, 0), phrase);
        assert_ne!(played(1.25, &[]), heard);
    }

    #[test]
    fn of_two_cuts_within_a_sixteenth_the_later_is_heard() {
        assert_eq!(played(1.25, &[1.19, 1.25]), played(1.25, &[1.25]));
    }

    #[test]
    fn a_cut_within_the_last_sixteenth_begins_the_next_segment() {
        let after = played(0.0, &[]);
        let heard = played(3.95, &[3.95]);
        assert_eq!(between(&heard, 32, 64, 0), between(&after, 32, 64, 0));
    }
}
