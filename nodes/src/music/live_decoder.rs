//! Decodes live, sixteenth by sixteenth: the code may change at every step.

use std::time::Instant;

use score_engine::{Flow, Io, Key, NodeError, Processor, Time, Transport};

use super::melody::Phrase;
use super::player::{CHORDS, CODE, CUT, Player, Plays};
use super::pulse::{AHEAD, Pulse};
use super::voice::{Packet, Voice};

/// A melody that follows its code while it is played.
pub(super) struct LiveDecoder {
    player: Player,
    phrase: Option<Phrase>,
    /// The newest code as it came.
    newest: Option<Vec<f32>>,
    /// The same as the model reads it, unless the phrase follows it already.
    code: Option<Vec<f32>>,
    /// The code that the phrase follows, to begin the next one with.
    followed: Option<Vec<f32>>,
    /// How many semitones the phrase is moved, to fit its key.
    shift: i32,
    /// The key that it was moved into.
    key: Option<Key>,
    /// When a cut came that no phrase has followed yet.
    cut: Option<Time>,
    /// The time of the newest code.
    seen: Time,
    /// When the newest picture that the music follows was captured.
    captured: Instant,
    pulse: Pulse,
}

impl LiveDecoder {
    pub(super) fn new(player: Player) -> Self {
        LiveDecoder {
            player,
            phrase: None,
            newest: None,
            code: None,
            followed: None,
            shift: 0,
            key: None,
            cut: None,
            seen: Time::ZERO,
            captured: Instant::now(),
            pulse: Pulse::new(AHEAD),
        }
    }

    /// Decides what is played at sixteenth `place`.
    fn step<P: Plays>(&mut self, params: &P, place: u64) -> Result<Vec<Packet>, NodeError> {
        let (step, sixteenth) = self.player.voice.grid.place(place);
        let begins = self.phrase.is_none() || step == Some(0) || self.cut.is_some();
        let news = self.code.take();
        let is_new = news.is_some();
        self.followed = news.or(self.followed.take());
        let Some(code) = &self.followed else {
            return Ok(Vec::new());
        };
        let player = &mut self.player;
        let cut = self.cut.take();
        let key = player.voice.key();
        if key.is_some() && (begins || key != self.key) {
            // What the phrase will be, as far as that is known, says in which key it is.
            let whole = player.melody.likeliest(code)?;
            self.shift = player.voice.shift(&whole);
        }
        self.key = key;
        let phrase = match &mut self.phrase {
            Some(phrase) if !begins => {
                if is_new {
                    player.melody.turn(phrase, code)?;
                }
                phrase
            }
            phrase => phrase.insert(player.melody.begin(code)?),
        };
        let said = match step {
            Some(_) => Some(
                player
                    .melody
                    .say(phrase, params.temperature(), &mut player.rng)?,
            ),
            None => None,
        };
        let time = player.voice.grid.time_of(place);
        let fitted = (player.voice).fit(said.as_ref(), self.shift, (place, sixteenth));
        let manner = player.manner(params);
        let (said, voice) = (fitted.as_ref().or(said.as_ref()), &mut player.voice);
        let packets = voice.step(said, begins, sixteenth, (time, Time::MAX), &manner);
        if let Some(cut) = cut {
            let (cut, due, code) = (cut.seconds(), time.seconds(), self.seen.seconds());
            let notes: usize = packets.iter().map(|(_, notes)| notes.len()).sum();
            tracing::debug!(cut, due, code, notes, "phrase");
        }
        Ok(packets)
    }
}

impl<P: Plays> Processor<P> for LiveDecoder {
    fn process(&mut self, params: &P, io: &mut Io<'_>) -> Result<Flow, NodeError> {
        while let Some(input) = io.take() {
            self.captured = input.packet.captured;
            let time = input.packet.time;
            if input.is(CODE) {
                self.seen = time;
                let code = input.read(CODE)?.to_vec();
                if code.len() != self.player.melody.dimension() {
                    return Err(NodeError::internal("a latent of another dimension arrived"));
                }
                self.code = Some(self.player.shape.apply(code.clone(), params.shaping()));
                self.newest = Some(code);
            } else if input.is(CHORDS) {
                let Voice { fitting, grid, .. } = &mut self.player.voice;
                if let Some(fitting) = fitting {
                    fitting.hear(time, *input.read(CHORDS)?, grid);
                }
            } else if input.is(CUT) {
                self.cut = Some(time);
            }
        }
        let manner = self.player.manner(params);
        self.pulse.ahead = AHEAD + self.player.voice.earliest(io.now(), &manner).seconds();
        for place in self.pulse.due(&self.player.voice.grid, io.now()) {
            for (time, notes) in self.step(params, place)? {
                io.send_captured(P::NOTES, time, self.captured, notes)?;
            }
        }
        Ok(Flow::WakeAt(self.pulse.wake(&self.player.voice.grid)))
    }

    fn finish(&mut self, _params: &P, io: &mut Io<'_>) -> Result<(), NodeError> {
        let end = io.end().unwrap_or(io.now());
        self.player.voice.finish(io, P::NOTES, end)
    }

    fn changed(&mut self, params: &P, transport: &Transport) -> Result<(), NodeError> {
        self.player.voice.retime(transport);
        let newest = self.newest.clone();
        let code = newest.map(|code| self.player.shape.apply(code, params.shaping()));
        self.code = code.filter(|code| self.followed.as_ref() != Some(code));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use score_engine::harness::{Harness, Outputs};
    use score_engine::{Event, Node, Payload, PortType};
    use serde_json::{Value, json};

    use super::super::drum_decoder::DrumDecoder;
    use super::super::music_decoder::MusicDecoder;
    use super::*;
    use crate::testing::{
        at, begun, pitches, require_alike, require_on_sixteenths, require_one_at_a_time, settings,
        turns,
    };

    /// A code of 64 components that all are `value` or, in turn, its opposite.
    fn code(value: f32) -> Payload {
        Payload::Latent(
            (0..64)
                .map(|n| if n % 2 == 0 { value } else { -value })
                .collect(),
        )
    }

    /// Plays live, at temperature 0, codes that come 25 times a second: `first`, and from `turn`
    /// seconds on `then`, for `seconds`; with a cut at the turn, or without.
    fn play(first: f32, then: f32, turn: f64, seconds: f64, cut: bool) -> Outputs {
        let codes = (0..(seconds * 25.0) as u32).map(|n| {
            let time = f64::from(n) / 25.0;
            (
                at(time),
                at(time),
                code(if time < turn { first } else { then }),
            )
        });
        let event = Payload::Event(Arc::new(Event {
            name: "cut".to_owned(),
            strength: 1.0,
        }));
        let cuts = cut.then(|| (at(turn), at(turn), event)).into_iter();
        Harness::<MusicDecoder>::new(json!({ "temperature": 0 }))
            .settings(settings())
            .feed_live(
                "latent",
                PortType::Latent(Some(64)),
                codes.collect(),
                at(seconds),
            )
            .feed_live("cut", PortType::Event, cuts.collect(), at(seconds))
            .play_live()
            .unwrap()
    }

    #[test]
    fn live_a_note_leaves_just_before_its_sixteenth_and_lies_on_it() {
        let outputs = play(1.0, 1.0, 9.0, 4.0, false);
        assert!(outputs.packets("notes").len() > 8);
        require_on_sixteenths(&outputs, AHEAD);
    }

    #[test]
    fn live_every_note_that_begins_ends_and_one_sounds_at_a_time() {
        let outputs = play(1.0, -1.0, 1.3, 4.0, true);
        require_one_at_a_time(&outputs);
    }

    #[test]
    fn live_a_cut_begins_the_new_codes_own_phrase_at_the_next_sixteenth() {
        // What the new code's phrase is when nothing came before it.
        let own: Vec<_> = begun(&play(-1.0, -1.0, 9.0, 3.9, false));
        assert!(own.len() > 3);
        // The cut comes at 10.4 sixteenths.
        let heard = begun(&play(1.0, -1.0, 1.3, 3.9, true));
        let after: Vec<_> = heard
            .iter()
            .copied()
            .filter(|(place, _)| *place >= 11)
            .collect();
        let moved: Vec<_> = own
            .iter()
            .map(|(place, pitch)| (place + 11, *pitch))
            .filter(|(place, _)| *place <= 31)
            .collect();
        assert_eq!(after, moved);
        // Without the cut the phrase goes on, and bends.
        assert_ne!(begun(&play(1.0, -1.0, 1.3, 3.9, false)), heard);
    }

    /// Eight seconds of one code that is there from the start.
    fn of_one_code<N: Node>(params: Value, transport: &Transport) -> Harness<N> {
        let codes = vec![(at(0.0), at(0.0), code(1.0))];
        Harness::<N>::new(params)
            .settings(settings())
            .transport(transport.clone())
            .feed_live("latent", PortType::Latent(Some(64)), codes, at(8.0))
    }

    #[test]
    fn a_tempo_that_changes_all_the_time_changes_no_note_and_no_stroke() {
        fn heard<N: Node>(turned: bool) -> Outputs {
            let steady = Transport::default();
            let turns = turned.then(|| turns(8.0, &steady));
            let harness = of_one_code::<N>(json!({}), &steady);
            let harness = (turns.into_iter().flatten())
                .fold(harness, |harness, (time, transport)| {
                    harness.retime(time, transport)
                });
            harness.play_live().unwrap()
        }
        let turned = heard::<MusicDecoder>(true);
        require_one_at_a_time(&turned);
        require_alike(&pitches(&turned), &pitches(&heard::<MusicDecoder>(false)));
        let turned = heard::<DrumDecoder>(true);
        require_alike(&pitches(&turned), &pitches(&heard::<DrumDecoder>(false)));
    }

    #[test]
    fn in_a_new_key_the_phrase_goes_on_in_its_scale() {
        let in_key = |name: &str| Transport {
            key: Some(name.parse().unwrap()),
            ..Transport::default()
        };
        let outputs = of_one_code::<MusicDecoder>(json!({}), &in_key("D major"))
            .retime(at(2.95), in_key("Ab major"))
            .play_live()
            .unwrap();
        for (place, pitch) in begun(&outputs) {
            let key: Key = if place < 24 { "D major" } else { "Ab major" }
                .parse()
                .unwrap();
            assert!(key.holds(i32::from(pitch)), "{pitch} at {place}");
        }
    }

    #[test]
    fn noise_and_channel_are_live_though_no_further_code_comes() {
        let cold =
            || of_one_code::<MusicDecoder>(json!({ "temperature": 0 }), &Transport::default());
        let plain = begun(&cold().play_live().unwrap());
        let outputs = cold()
            .set_live(at(3.9), "noise", 1.0)
            .set_live(at(3.9), "channel", 4)
            .play_live()
            .unwrap();
        require_one_at_a_time(&outputs);
        let heard = begun(&outputs);
        let at_turn = |notes: &[(i64, u8)]| notes.partition_point(|(place, _)| *place < 32);
        assert_eq!(plain[..at_turn(&plain)], heard[..at_turn(&heard)]);
        assert_ne!(plain[at_turn(&plain)..], heard[at_turn(&heard)..]);
    }
}
