//! Decides the code of each bar: the scene's theme, or what the model expects mixed with what the
//! picture says.

use std::collections::VecDeque;

use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};
use score_engine::NodeError;

use super::super::shape::normalise;
use super::forecast::Forecast;
use super::planner_node::Planner;
use super::themes::Themes;
use super::verses::Verses;

/// Components of codes lie within this many standard deviations.
const FARTHEST: f32 = 3.5;

/// The bars so far, and the scenes with their themes.
pub(super) struct Plan {
    forecast: Forecast,
    history: VecDeque<Vec<f32>>,
    themes: Themes,
    verses: Verses,
    rng: ChaCha8Rng,
}

impl Plan {
    pub(super) fn new(forecast: Forecast, rng: ChaCha8Rng) -> Self {
        Plan {
            forecast,
            history: VecDeque::new(),
            themes: Themes::default(),
            verses: Verses::default(),
            rng,
        }
    }

    /// The code of the bar that begins now, over which the picture's code is `picture`.
    pub(super) fn next(
        &mut self,
        params: &Planner,
        mut picture: Vec<f32>,
    ) -> Result<Vec<f32>, NodeError> {
        self.read(&mut picture)?;
        let recalled = self.themes.see(&picture, params.alike);
        let code = match recalled.map(<[f32]>::to_vec) {
            Some(code) => code,
            None => self.compose(params, &picture)?,
        };
        self.themes.keep(&code, params.theme);
        self.remember(&code);
        Ok(code)
    }

    /// Brings the picture's code to the length that codes have.
    fn read(&self, picture: &mut [f32]) -> Result<(), NodeError> {
        if picture.len() != self.forecast.dimension() {
            return Err(NodeError::internal("a latent of another dimension arrived"));
        }
        normalise(picture);
        Ok(())
    }

    /// The code is a bar's: what comes later goes on from it.
    fn remember(&mut self, code: &[f32]) {
        self.history.push_back(code.to_vec());
        while self.history.len() > self.forecast.bars() {
            self.history.pop_front();
        }
    }

    /// A phrase of `theme` begins; its letter.
    pub(super) fn begin_phrase(&mut self, theme: usize) -> String {
        self.verses.begin(theme);
        self.verses.letter()
    }

    /// The scene of `picture`, by its number, and the code that it has whenever it is seen.
    pub(super) fn scene(&mut self, params: &Planner, mut picture: Vec<f32>) -> (usize, Vec<f32>) {
        normalise(&mut picture);
        let scene = self.themes.scene(&picture, params.alike);
        if scene.is_new {
            self.verses.forget(scene.number);
        }
        (scene.number, scene.look)
    }

    /// The code of bar `number` of the phrase that began last, over which the picture's code is
    /// `picture`.
    pub(super) fn bar_of_phrase(
        &mut self,
        params: &Planner,
        number: usize,
        mut picture: Vec<f32>,
    ) -> Result<Vec<f32>, NodeError> {
        self.read(&mut picture)?;
        let code = match self.verses.bar(number) {
            Some(code) => code.to_vec(),
            None => self.compose(params, &picture)?,
        };
        self.verses.keep(number, &code);
        self.remember(&code);
        Ok(code)
    }

    /// A new code: what is likely after the bars before, drawn, and what the picture says. Shares
    /// are of the variance, so that a mixture of two codes of N(0, I) is one as well.
    fn compose(&mut self, params: &Planner, picture: &[f32]) -> Result<Vec<f32>, NodeError> {
        let likely = self.forecast.next(&self.history)?;
        let amount = params.amount.clamp(0.0, 1.0);
        let (seen, heard) = (amount.sqrt(), (1.0 - amount).sqrt());
        let components = likely.mean.iter().zip(&likely.deviation).zip(picture);
        Ok(components
            .map(|((mean, deviation), picture)| {
                let chance: f32 = StandardNormal.sample(&mut self.rng);
                let drawn = mean + params.temperature * deviation * chance;
                (seen * picture + heard * drawn).clamp(-FARTHEST, FARTHEST)
            })
            .collect())
    }
}

#[cfg(test)]
mod tests {
    use rand_chacha::rand_core::SeedableRng;

    use super::*;
    use crate::testing::settings;

    fn plan(seed: u64) -> Plan {
        let forecast = Forecast::load(&settings(), "stream").unwrap();
        Plan::new(forecast, ChaCha8Rng::seed_from_u64(seed))
    }

    fn params(amount: f32) -> Planner {
        Planner {
            model: "stream".to_owned(),
            amount,
            temperature: 1.0,
            alike: 0.7,
            theme: 4,
            phrase: 0,
        }
    }

    /// The picture's code in a scene, which differs a little from bar to bar.
    fn picture(scene: usize, bar: usize) -> Vec<f32> {
        (0..64)
            .map(|n| ((n * (scene + 1)) as f32 * 0.7).sin() + 0.1 * ((n + bar) as f32).cos())
            .collect()
    }

    /// The codes of a film: each scene with its number of bars.
    fn film(plan: &mut Plan, amount: f32, scenes: &[(usize, usize)]) -> Vec<Vec<f32>> {
        let bars = scenes
            .iter()
            .flat_map(|(scene, bars)| (0..*bars).map(|bar| picture(*scene, bar)));
        bars.map(|picture| plan.next(&params(amount), picture).unwrap())
            .collect()
    }

    #[test]
    fn a_scene_that_returns_brings_the_codes_of_its_theme_back_and_then_goes_on() {
        let codes = film(&mut plan(1), 0.3, &[(0, 6), (1, 6), (0, 6), (2, 3), (1, 4)]);
        assert_eq!(codes[12..16], codes[..4]);
        assert_eq!(codes[21..25], codes[6..10]);
        for bar in [4, 5, 16, 17, 18] {
            assert!(!codes[..bar].contains(&codes[bar]), "bar {bar}");
        }
    }

    #[test]
    fn a_seed_gives_one_plan_and_another_seed_another() {
        let scenes = [(0, 4), (1, 4), (0, 4)];
        let one = film(&mut plan(1), 0.3, &scenes);
        assert_eq!(one, film(&mut plan(1), 0.3, &scenes));
        assert_ne!(one, film(&mut plan(2), 0.3, &scenes));
    }

    #[test]
    fn the_amount_goes_from_the_models_code_to_the_pictures() {
        let mut seen = picture(3, 0);
        normalise(&mut seen);
        let told = plan(1).next(&params(1.0), picture(3, 0)).unwrap();
        for (told, seen) in told.iter().zip(&seen) {
            assert!((told - seen.clamp(-FARTHEST, FARTHEST)).abs() < 1e-6);
        }
        let free = plan(1).next(&params(0.0), picture(3, 0)).unwrap();
        assert_eq!(free, plan(1).next(&params(0.0), picture(5, 0)).unwrap());
    }

    /// A live run sees more scenes than are remembered: a new one has the number of one that was
    /// forgotten, but not its theme.
    #[test]
    fn a_scene_that_takes_a_forgotten_ones_place_has_a_theme_of_its_own() {
        let mut plan = plan(1);
        let params = Planner {
            alike: 0.9,
            phrase: 4,
            ..params(0.5)
        };
        // Each has a direction of its own.
        let picture = |scene: usize| -> Vec<f32> {
            let sign = if scene < 64 { 1.0 } else { -1.0 };
            let part = |n: usize| if n == scene % 64 { sign } else { 0.0 };
            (0..64).map(part).collect()
        };
        let mut first_bar = |scene: usize| {
            let (number, _) = plan.scene(&params, picture(scene));
            plan.begin_phrase(number);
            let code = plan.bar_of_phrase(&params, 0, picture(scene)).unwrap();
            (number, code)
        };
        let bars: Vec<_> = (0..64).map(&mut first_bar).collect();
        assert_eq!(first_bar(0), bars[0]);
        // The one that was not seen for longest gives up its place.
        let new = first_bar(64);
        assert_eq!(new.0, bars[1].0);
        assert_ne!(new.1, bars[1].1);
        assert_eq!(first_bar(64), new);
    }

    #[test]
    fn long_runs_remember_only_the_bars_that_the_model_looks_back_on() {
        let mut plan = plan(1);
        let scenes: Vec<(usize, usize)> = (0..30).map(|n| (n % 7, 10)).collect();
        let codes = film(&mut plan, 0.1, &scenes);
        assert_eq!(plan.history.len(), plan.forecast.bars());
        assert!(plan.history.capacity() <= 4 * plan.forecast.bars());
        let length = |code: &[f32]| code.iter().map(|value| value * value).sum::<f32>().sqrt();
        for code in &codes {
            assert!(length(code) < 3.0 * 8.0, "{}", length(code));
        }
    }
}
