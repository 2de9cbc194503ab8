//! Plays the model, sixteenth after sixteenth: what a render and a live run share.

use rand_chacha::ChaCha8Rng;
use score_engine::{Input, Key, NodeError, Note, Transport};

use super::super::harmony::Following;
use super::super::shape::Shape;
use super::super::tokens::Step;
use super::super::touch::{MIDDLE, Onset, Touch};
use super::super::voice::Voice;
use super::asking::Asking;
use super::guiding::Guide;
use super::model::{Strand, Stream};
use super::own_theme::{OwnTheme, ThemeStep};
use super::recall::Recall;
use super::stream_decoder::{CHORDS, PHRASE, StreamDecoder};
use crate::chords::Chords;

/// The token that lets the note before sound on.
const HOLD: i64 = 0;

/// The token that ends the note before.
const END: i64 = 1;

/// Tokens below this one begin no note.
const FIRST_NOTE: i64 = 2;

/// A logit with this added is never drawn.
const NEVER: f32 = -1e9;

/// How much harder a note is struck that was asked to stand out.
const STRESS: f32 = 1.25;

/// The key of what is remembered, once it is known.
pub(super) type Home = Option<Key>;

/// A loaded model, how it plays, and the music so far.
pub(super) struct Player {
    pub(super) stream: Stream,
    pub(super) strand: Strand,
    pub(super) asking: Asking,
    /// The chords; `None` where no wire brings any.
    pub(super) chords: Option<Following>,
    pub(super) guide: Guide,
    pub(super) recall: Recall,
    /// The key that the remembered bars are in, where it may change while the music plays.
    pub(super) home: Option<Home>,
    /// A user's own theme.
    pub(super) theme: Option<OwnTheme>,
    /// How notes are struck, for a melody that follows chords.
    pub(super) touch: Option<Touch>,
    /// Draws how they are.
    pub(super) touching: ChaCha8Rng,
    pub(super) voice: Voice,
    pub(super) shape: Shape,
    pub(super) rng: ChaCha8Rng,
    /// Whether the code holds since this sixteenth.
    pub(super) code_is_new: bool,
    /// The code that holds.
    pub(super) code: Option<Vec<f32>>,
    /// Whether the last note was played.
    pub(super) ended: bool,
    /// Whether it was reported that a theme is longer than its phrase.
    pub(super) has_warned: bool,
}

impl Player {
    /// From the next sixteenth on `code` holds.
    pub(super) fn follow(
        &mut self,
        params: &StreamDecoder,
        code: Vec<f32>,
    ) -> Result<(), NodeError> {
        if code.len() != self.stream.dimension() {
            return Err(NodeError::internal("a latent of another dimension arrived"));
        }
        let code = self.shape.apply(code, params.shaping());
        self.code_is_new = self.code.as_ref() != Some(&code);
        self.code = Some(code);
        Ok(())
    }

    /// Takes in what came along a wire that asks for something, or gives the chords or says where a
    /// phrase begins.
    pub(super) fn hear(&mut self, input: &Input) -> Result<(), NodeError> {
        if input.is(PHRASE) {
            let name = &input.read(PHRASE)?.name;
            let place = self.voice.grid.sixteenth_from(input.packet.time);
            let left = self
                .theme
                .as_mut()
                .and_then(|theme| theme.hear(name, place));
            if let Some(left) = left.filter(|_| !self.has_warned) {
                self.has_warned = true;
                let bars = left.div_ceil(self.voice.grid.bar_length().max(1));
                let bars = format!("{bars} bar{}", if bars == 1 { "" } else { "s" });
                tracing::warn!(
                    "the theme is longer than its phrase: its last {bars} are not played; \
                     `planner` with a longer `phrase` has room for them"
                );
            }
            return Ok(());
        }
        match &mut self.chords {
            Some(chords) if input.is(CHORDS) => {
                chords.hear(input.packet.time, *input.read(CHORDS)?, &self.voice.grid);
                Ok(())
            }
            _ => self.asking.hear(input),
        }
    }

    /// What is played at sixteenth `place`, counted from the start; with `cut` a note begins there,
    /// whatever was played. Silent until there is a code.
    pub(super) fn step(
        &mut self,
        params: &StreamDecoder,
        place: u64,
        cut: bool,
    ) -> Result<Vec<Note>, NodeError> {
        let (asked, accent) = self.asking.now(cut);
        let Some(mut code) = self.code.clone() else {
            return Ok(Vec::new());
        };
        for (component, knob) in code.iter_mut().zip(params.knobs()) {
            *component = knob.unwrap_or(*component);
        }
        let (_, sixteenth) = self.voice.grid.place(place);
        let chords = self.chords.as_mut().and_then(|chords| chords.at(place));
        let range = params.pitches();
        let mut setting = self.guide.at(sixteenth, chords.as_ref(), &range);
        let chord = chords.and_then(|chords| chords.chord);
        let ends = chords.is_some_and(|chords| chords.last && chords.close == Some(0));
        let in_bar = usize::try_from(sixteenth).unwrap_or_default();
        let key = chords.map(|chords| chords.key).or(self.guide.key);
        self.move_home(key);
        let theme = self.theme.as_mut().filter(|_| !ends);
        let theme_step = theme.and_then(|theme| theme.at(place, key, &range));
        // The theme is played as it is, whatever the picture does.
        let cut = cut && !matches!(theme_step, Some(ThemeStep::Said(_)));
        if chords.is_some() || self.theme.is_some() {
            if sixteenth == 0 || self.code_is_new {
                self.recall.begin(&code);
            }
            // A cut is heard, and so is the end, whatever was played.
            setting.forced = self.recall.recall(in_bar, chord).filter(|_| !cut && !ends);
        }
        let shift = self.guide.shift(chords.as_ref());
        match theme_step {
            Some(ThemeStep::Said(step)) => setting.forced = Some(self.token(step, shift)),
            Some(ThemeStep::Otherwise) => setting.forced = None,
            Some(ThemeStep::Over) if setting.forced.is_none_or(|token| token == HOLD) => {
                setting.forced = None;
                setting.bias.resize(self.guide.layout.tokens, 0.0);
                if let Some(hold) = setting.bias.first_mut() {
                    *hold = NEVER;
                }
            }
            _ => {}
        }
        self.code_is_new = false;
        self.ended |= ends;
        if self.ended && !ends {
            // The last note rings.
            setting.forced = Some(HOLD);
        }
        let token = self.stream.go_on_in(
            &mut self.strand,
            (self.voice.grid.counted(sixteenth), cut || ends),
            &code,
            &asked,
            &setting,
            (params.temperature, &mut self.rng),
        )?;
        self.recall.keep(in_bar, token, chord);
        let token = self.sounding(token, shift);
        let mut notes = (self.voice).say(Some(token), cut, sixteenth, &params.manner());
        self.touch(params, place, chords.as_ref(), &mut notes)?;
        for note in &mut notes {
            if let Note::On { velocity, .. } = note
                && accent
            {
                *velocity = (*velocity * STRESS).min(1.0);
            }
        }
        Ok(notes)
    }

    /// Strikes the notes as a player would, where the model of that is there.
    fn touch(
        &mut self,
        params: &StreamDecoder,
        place: u64,
        chords: Option<&Chords>,
        notes: &mut [Note],
    ) -> Result<(), NodeError> {
        let Some(touch) = &mut self.touch else {
            return Ok(());
        };
        for note in notes {
            if let Note::On {
                pitch, velocity, ..
            } = note
            {
                let onset = Onset {
                    place,
                    phase: self.voice.grid.counted(self.voice.grid.place(place).1),
                    metre: self.guide.metre,
                    notes: 1,
                    span: (*pitch, *pitch),
                    fresh: chords.is_some_and(|chords| chords.fresh),
                    of_chord: chords
                        .and_then(|chords| chords.chord)
                        .is_some_and(|chord| chord.holds(*pitch)),
                };
                let stroke = touch.strike(&onset, None, params.touch(), &mut self.touching)?;
                *velocity = (stroke.velocity * params.velocity / MIDDLE).clamp(0.02, 1.0);
            }
        }
        Ok(())
    }

    /// Brings what is remembered into `key`, so that bars return in it.
    fn move_home(&mut self, key: Option<Key>) {
        let (Some(home), Some(key)) = (&mut self.home, key) else {
            return;
        };
        let Some(before) = home.replace(key).filter(|before| *before != key) else {
            return;
        };
        let up = (key.shift() - before.shift()).rem_euclid(12);
        let up = if up > 6 { up - 12 } else { up };
        // The tokens of a model that follows chords are in no key of their own.
        let shift = if self.guide.leads { 0 } else { up };
        let tokens = self.guide.layout.tokens as i64;
        self.recall.move_by(up, |token| moved(token, shift, tokens));
    }

    /// Goes on by another transport, and by parameters that nobody reads as they play.
    pub(super) fn retime(&mut self, params: &StreamDecoder, transport: &Transport) {
        self.voice.retime(transport);
        self.guide.retime(transport, self.theme.as_ref());
        if let Some(theme) = &mut self.theme {
            theme.retime(transport, params.scene());
        }
    }

    /// The token with which the model says what sounds as `step`, where music is moved by `shift`
    /// semitones: the way back of [`Player::sounding`].
    fn token(&self, step: Step, shift: i32) -> i64 {
        let Step::On(pitch) = step else {
            return if step == Step::Off { END } else { HOLD };
        };
        let sounds = i64::from(pitch) - i64::from(self.guide.layout.lowest_pitch) + FIRST_NOTE;
        let token = sounds - i64::from(shift);
        let last = self.guide.layout.tokens as i64;
        match token {
            _ if token < FIRST_NOTE => token + 12,
            _ if token >= last => token - 12,
            _ => token,
        }
    }

    /// The token of the note that sounds where the model says `token` and music is moved by `shift`
    /// semitones; what would leave the instrument stays an octave within it.
    fn sounding(&self, token: i64, shift: i32) -> i64 {
        moved(token, shift, self.guide.layout.tokens as i64)
    }
}

/// The token that is `semitones` higher, of `tokens`; one that would leave them stays an octave
/// within.
fn moved(token: i64, semitones: i32, tokens: i64) -> i64 {
    if token < FIRST_NOTE || semitones == 0 {
        return token;
    }
    match token + i64::from(semitones) {
        low if low < FIRST_NOTE => low + 12,
        high if high >= tokens => high - 12,
        moved => moved,
    }
}
