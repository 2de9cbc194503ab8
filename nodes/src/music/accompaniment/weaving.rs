//! Plays a texture: what the model strikes, as notes with their velocities and lengths.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use rand_distr::{Distribution, StandardUniform};
use score_engine::{Input, NodeError, Note, OutputPort, Time, Transport};

use super::super::grid::Grid;
use super::super::harmony::{Chord, Following, Steps};
use super::super::pacing::{Part, Played};
use super::super::shape::normalise;
use super::super::touch::{MIDDLE, Onset, Touch};
use super::player::{CHORDS, CODE, CUT, NOTES, WISHES, Weaves};
use super::slots::{bass_pitch, slot_pitch};
use super::sounding::{Sounding, in_order};
use super::texture::{Place, Texture, Wishes};
use crate::chords::Chords;

/// Of the changes of the chord that the model leaves out, the share at which a bass strikes the
/// root all the same.
const AT_CHANGES: f64 = 0.75;

/// Slots of the last chord of a piece: a close position in the middle.
const LAST_SLOTS: [usize; 4] = [2, 3, 4, 5];

/// Which notes of the texture are played.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Hands {
    /// The bass and the upper notes.
    Both,
    /// The upper notes.
    Upper,
    /// The bass, this many semitones lower.
    Bass(u8),
}

/// A texture that is being played.
pub(super) struct Weaving {
    pub(super) texture: Texture,
    pub(super) touch: Touch,
    pub(super) chords: Following,
    pub(super) steps: Steps,
    /// What comes along wires, in place of the parameters' wishes.
    pub(super) wished: Wishes,
    pub(super) sounding: Sounding,
    /// Draws how notes are struck.
    pub(super) rng: ChaCha8Rng,
    pub(super) seed: u64,
    /// Draws what is struck: begun again with each code, so that a code that returns brings its
    /// pattern back.
    pub(super) pattern: ChaCha8Rng,
    pub(super) newest: Option<Vec<f32>>,
    /// The code that holds, and the bar since which it does.
    pub(super) code: Option<(Vec<f32>, u64)>,
    pub(super) cut: bool,
    pub(super) ended: bool,
}

impl Weaving {
    /// Lets a code hold from this sixteenth on where its time has come, for `hold` bars at least.
    fn choose(&mut self, hold: u64, place: u64, grid: &Grid) -> Result<(), NodeError> {
        let Some(newest) = &self.newest else {
            return Ok(());
        };
        let begins_pair = grid.begins_two(place);
        let number = place / grid.bar_length() as u64;
        let over = |since: u64| number >= since + hold.max(1);
        let is_due = match &self.code {
            None => true,
            Some((_, since)) => self.cut || (begins_pair && over(*since)),
        };
        if is_due {
            self.code = Some((newest.clone(), number));
        } else if !begins_pair {
            return Ok(());
        }
        self.cut = false;
        if let Some((code, _)) = &self.code {
            self.texture.begin(code)?;
            self.pattern = ChaCha8Rng::seed_from_u64(self.seed);
            self.pattern.set_stream(stream_of(code));
        }
        Ok(())
    }

    /// The pitches of what is struck under `chord`.
    fn pitches(
        &mut self,
        params: &impl Weaves,
        place: Place,
        chords: &Chords,
        chord: Chord,
    ) -> Result<Vec<u8>, NodeError> {
        let (setup, hands) = (params.setup(), params.hands());
        let wishes: Wishes = std::array::from_fn(|n| self.wished[n].or(setup.wishes()[n]));
        let drawing = (setup.temperature, &mut self.pattern);
        let mut struck = self.texture.go_on(place, chords, &wishes, drawing)?;
        // The model's two hands leave out more changes than a bass alone does (POP909: struck at
        // .92 of them).
        let is_bass = matches!(hands, Hands::Bass(_));
        if is_bass && chords.fresh && struck.bass == 0 {
            let drawn: f64 = StandardUniform.sample(&mut self.pattern);
            struck.bass = usize::from(drawn < AT_CHANGES);
        }
        if chords.last && chords.close == Some(0) {
            // The piece ends on the whole chord.
            struck.bass = 1;
            struck.slots = LAST_SLOTS.to_vec();
        }
        let bass = bass_pitch(chord, struck.bass);
        let upper = struck
            .slots
            .iter()
            .filter_map(|slot| slot_pitch(chord, chords.key, *slot));
        let mut pitches: Vec<u8> = match hands {
            Hands::Both => upper
                .filter(|pitch| Some(*pitch) != bass)
                .chain(bass)
                .collect(),
            Hands::Upper => upper.collect(),
            Hands::Bass(down) => bass
                .map(|pitch| pitch.saturating_sub(down))
                .into_iter()
                .collect(),
        };
        pitches.sort_unstable();
        pitches.dedup();
        Ok(pitches)
    }
}

impl<P: Weaves> Part<P> for Weaving {
    const NOTES: OutputPort<Note> = NOTES;

    fn hear(&mut self, input: &Input, grid: &Grid) -> Result<(), NodeError> {
        if input.is(CODE) {
            let mut code = input.read(CODE)?.to_vec();
            normalise(&mut code);
            self.newest = Some(code);
        } else if input.is(CHORDS) {
            let chords = *input.read(CHORDS)?;
            self.chords.hear(input.packet.time, chords, grid);
        } else if input.is(CUT) {
            self.cut = true;
        }
        for (wished, port) in self.wished.iter_mut().zip(WISHES) {
            if input.is(port) {
                let value = *input.read(port)?;
                *wished = (!value.is_nan()).then(|| (4.0 * value - 2.0).clamp(-2.0, 2.0));
            }
        }
        Ok(())
    }

    fn at(&mut self, params: &P, place: u64, grid: &Grid) -> Result<Played, NodeError> {
        let setup = params.setup();
        let (now, next) = (grid.time_of(place), grid.time_of(place + 1));
        let mut played = Vec::new();
        let chords = self.chords.at(place);
        let chord = chords.and_then(|chords| chords.chord);
        if chords.is_some_and(|chords| chords.fresh) || chord.is_none() {
            self.sounding.leave(chord, now, &mut played);
        }
        if let (Some(chords), Some(chord), false) = (&chords, chord, self.ended) {
            let bar = grid.bar_length() as u64;
            self.choose(setup.hold, place, grid)?;
            let where_it_lies = Place {
                phase: grid.counted_in_two(place),
                metre: self.steps.metre(),
            };
            let pitches = self.pitches(params, where_it_lies, chords, chord)?;
            if let (Some(lowest), Some(highest)) = (pitches.first(), pitches.last()) {
                let onset = Onset {
                    place,
                    phase: grid.counted(place % bar),
                    metre: self.steps.metre(),
                    notes: pitches.len(),
                    span: (*lowest, *highest),
                    fresh: chords.fresh,
                    of_chord: true,
                };
                let energy = self.wished[2].or(setup.wishes()[2]);
                let manners = setup.manners();
                let stroke = (self.touch).strike(&onset, energy, manners, &mut self.rng)?;
                let span = grid.span(place, stroke.late, stroke.length);
                let velocity = (stroke.velocity * setup.velocity / MIDDLE).clamp(0.02, 1.0);
                for pitch in &pitches {
                    let key = (params.channel(), *pitch);
                    self.sounding.begin(key, velocity, span, &mut played);
                }
            }
            if chords.last && chords.close == Some(0) {
                self.ended = true;
                self.sounding.hold(Time::MAX);
            }
        }
        self.sounding.due(now, next, &mut played);
        Ok(in_order(played))
    }

    fn close(&mut self, time: Time) -> Played {
        let mut played = Vec::new();
        self.sounding.end(time, |_| true, &mut played);
        played
    }

    fn changed(
        &mut self,
        _params: &P,
        transport: &Transport,
        grid: &Grid,
        place: u64,
    ) -> Result<(), NodeError> {
        if let Some((_, since)) = &mut self.code {
            *since = grid.bar_again(*since, transport, place);
        }
        self.sounding.retime(grid.transport(), transport);
        self.steps = Steps::new(transport);
        Ok(())
    }
}

/// A stream of random numbers of its own for each code (FNV-1a of its bits).
fn stream_of(code: &[f32]) -> u64 {
    code.iter()
        .flat_map(|value| value.to_bits().to_le_bytes())
        .fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        })
}
