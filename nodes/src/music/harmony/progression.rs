//! Decides the chords, step after step: what a render and a live run share.

use rand_chacha::ChaCha8Rng;
use score_engine::{Input, Key, KeyChoice, Mode, NodeError, Transport};

use super::super::remembered::Remembered;
use super::chord_model::{ChordModel, Moods, Stand};
use super::harmony_node::{Harmony, MOODS};
use super::steps::Steps;
use super::theme_chords::ThemeChords;

/// Bars whose chords are remembered, at most.
const MOST_BARS: usize = 1024;

/// A close is prepared for this many steps, a cadence of two bars: there a bar that returns brings
/// back only what led to a close as near.
const CADENCE: u64 = 4;

/// The factor for `temperature` under a theme.
const UNDER_THEME: f32 = 0.5;

/// What a bar is known by: its code, and how near the close was, where it was near.
type Known = (Vec<u32>, Option<u64>);

/// How a key is found.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Home {
    choice: KeyChoice,
    seed: u64,
}

impl Home {
    fn of(transport: &Transport, theme: Option<&ThemeChords>) -> Self {
        let choice = transport.key.unwrap_or(KeyChoice::Auto);
        Home {
            // A key that nobody chose is the theme's own.
            choice: match (choice, theme) {
                (KeyChoice::Auto, Some(theme)) => KeyChoice::Of(theme.key()),
                (choice, _) => choice,
            },
            seed: transport.seed,
        }
    }
}

/// A step that is decided.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Decided {
    /// The chord, key-relative.
    pub(super) token: i64,
    /// Whether the phrase closes with it.
    pub(super) closes: bool,
}

/// The chords so far.
pub(super) struct Progression {
    model: ChordModel,
    pub(super) steps: Steps,
    home: Home,
    key: Option<Key>,
    /// What comes along wires, beside the parameters' moods.
    wished: Moods,
    rng: ChaCha8Rng,
    /// A user's own theme, whose chords go before all others.
    pub(super) theme: Option<ThemeChords>,
    /// The chords of bars, by the bar's code: a bar that returns brings them back.
    known: Remembered<Known, Vec<i64>>,
    /// Whether the piece has closed: the tonic rings.
    pub(super) ended: bool,
    /// The code of the bar that is being decided, and its chords so far.
    bar: (Known, Vec<i64>),
}

/// A mood that is asked for along a wire and by a parameter: one moves the other.
fn both(wished: Option<f32>, set: Option<f32>) -> Option<f32> {
    match (wished, set) {
        (Some(wished), Some(set)) => Some(wished + set),
        (wished, set) => wished.or(set),
    }
}

impl Progression {
    pub(super) fn new(
        model: ChordModel,
        transport: &Transport,
        theme: Option<ThemeChords>,
        rng: ChaCha8Rng,
    ) -> Self {
        Progression {
            model,
            steps: Steps::new(transport),
            home: Home::of(transport, theme.as_ref()),
            key: None,
            wished: Moods::default(),
            rng,
            theme,
            known: Remembered::new(MOST_BARS),
            ended: false,
            bar: ((Vec::new(), None), Vec::new()),
        }
    }

    /// Goes on by another transport. The chords so far are remembered, and in another key they
    /// return in that.
    pub(super) fn retime(&mut self, transport: &Transport) {
        let home = Home::of(transport, self.theme.as_ref());
        if home != self.home {
            self.home = home;
            self.key = None;
        }
        let steps = Steps::new(transport);
        let lengths = (self.steps.length(), steps.length());
        if let Some(theme) = &mut self.theme {
            theme.retime(lengths, transport.sixteenths_per_bar());
        }
        if (lengths.0, self.steps.per_bar()) != (lengths.1, steps.per_bar()) {
            // A bar of two metres is not one to remember.
            self.bar = ((Vec::new(), None), Vec::new());
        }
        self.steps = steps;
    }

    /// The dimension of the codes.
    pub(super) fn dimension(&self) -> usize {
        self.model.dimension()
    }

    /// The key; before the first code it is not yet known whether one that nobody chose is major.
    pub(super) fn key(&self) -> Key {
        self.key
            .unwrap_or_else(|| self.home.choice.key(self.home.seed, Mode::Major))
    }

    /// Takes in a mood that came along a wire: 0 to 1 is −2 to 2.
    pub(super) fn hear(&mut self, input: &Input) -> Result<(), NodeError> {
        for (wished, port) in self.wished.iter_mut().zip(MOODS) {
            if input.is(port) {
                let value = *input.read(port)?;
                *wished = (!value.is_nan()).then(|| (4.0 * value - 2.0).clamp(-2.0, 2.0));
            }
        }
        Ok(())
    }

    /// Decides step `index` by `code`, `close` steps before a close, which with `last` is the
    /// piece's. With `change` it is another chord than before.
    pub(super) fn decide(
        &mut self,
        params: &Harmony,
        index: u64,
        code: &[f32],
        (close, last): (Option<u64>, bool),
        change: bool,
    ) -> Result<Decided, NodeError> {
        let moods: Moods = std::array::from_fn(|n| both(self.wished[n], params.moods()[n]));
        let key = *self.key.get_or_insert_with(|| {
            // Dark pictures in minor: the mood where one is asked for, else half of all codes.
            let bright = moods[0].or(code.first().copied()).unwrap_or(0.0);
            let mode = if bright < 0.0 {
                Mode::Minor
            } else {
                Mode::Major
            };
            self.home.choice.key(self.home.seed, mode)
        });
        let stand = Stand {
            phase: self.steps.phase(index),
            metre: self.steps.metre(),
            mode: i64::from(key.mode == Mode::Minor),
            close,
        };
        let place = (index % self.steps.per_bar()) as usize;
        if place == 0 {
            self.keep();
            let code = code.iter().map(|value| value.to_bits()).collect();
            let near = close.filter(|close| *close <= CADENCE);
            self.bar = ((code, near), Vec::new());
        }
        let length = self.steps.length();
        let ends = self.ended || (last && close == Some(0));
        let theme = self.theme.as_mut().filter(|_| !ends);
        let themed = theme.and_then(|theme| theme.step(index * length, length));
        let closes = close == Some(0) && !self.ended && themed.is_none();
        let recalled = self
            .known
            .get(&self.bar.0)
            .and_then(|chords| chords.get(place))
            .copied();
        let recalled = recalled.filter(|_| !closes && !change && !self.ended);
        let recalled = match (themed, &self.theme) {
            (Some(step), Some(theme)) => theme.chord(step),
            _ => recalled,
        };
        let token = if let Some(token) = recalled {
            self.model.take(token, stand, code, &moods)?;
            token
        } else if let (Some(step), Some(theme)) = (themed, &mut self.theme) {
            let bias = theme.bias(step, length, key);
            let drawing = (UNDER_THEME * params.temperature, &mut self.rng);
            let wanted = (false, &bias[..]);
            let token = (self.model).go_on_to(stand, code, &moods, wanted, drawing)?;
            theme.keep(step, token);
            token
        } else if closes || self.ended {
            let tonic = super::Chord::tonic(key).token(key);
            self.model.take(tonic, stand, code, &moods)?;
            tonic
        } else {
            let drawing = (params.temperature, &mut self.rng);
            self.model.go_on(stand, code, &moods, change, drawing)?
        };
        self.bar.1.push(token);
        Ok(Decided { token, closes })
    }

    /// Remembers the bar that was decided last.
    fn keep(&mut self) {
        let (code, chords) = std::mem::take(&mut self.bar);
        let whole = chords.len() as u64 == self.steps.per_bar();
        if whole {
            self.known.hear(code, || chords);
        }
    }
}
