//! Remembers what was played to which scene, so that a scene that returns brings its theme back.

use super::super::shape::normalise;
use super::alike::cosine;

/// Scenes that are remembered; of more, the one that was not seen for longest is forgotten.
const MOST_SCENES: usize = 64;

/// The look of a scene is a mean over about this many bars; older ones count less and less.
const LOOKS: u32 = 8;

/// A scene and its theme.
struct Scene {
    /// The mean of its pictures' codes.
    look: Vec<f32>,
    looks: u32,
    /// The codes of its first bars.
    theme: Vec<Vec<f32>>,
    /// When it was seen last, counted in bars.
    seen: u64,
}

/// The scenes that were, and where in the theme of the present one the music is.
#[derive(Default)]
pub(super) struct Themes {
    scenes: Vec<Scene>,
    present: Option<usize>,
    /// Bars of the present scene since it began or returned.
    bars: usize,
    count: u64,
}

/// A scene as it is seen.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct SceneSeen {
    /// Its number. That of a scene that was forgotten goes to a new one.
    pub(super) number: usize,
    /// What it is like in the mean.
    pub(super) look: Vec<f32>,
    /// Whether it is seen for the first time, as far as scenes are remembered.
    pub(super) is_new: bool,
}

impl Themes {
    /// Sees the picture's code of the bar to come. The bar of the scene's theme that comes now,
    /// where the scene has one for it. Pictures whose codes are at least so `alike` (the cosine
    /// of the angle between them) are of one scene.
    pub(super) fn see(&mut self, picture: &[f32], alike: f32) -> Option<&[f32]> {
        self.count += 1;
        let found = self.nearest(picture, alike);
        if found.is_none() || found != self.present {
            self.bars = 0;
        }
        let index = match found {
            Some(index) => index,
            None => self.begin(picture),
        };
        self.present = Some(index);
        let scene = self.scenes.get_mut(index)?;
        scene.look(picture);
        scene.seen = self.count;
        self.bars += 1;
        scene.theme.get(self.bars - 1).map(Vec::as_slice)
    }

    /// Sees the picture's code with which a phrase begins: its scene.
    pub(super) fn scene(&mut self, picture: &[f32], alike: f32) -> SceneSeen {
        let is_new = self.nearest(picture, alike).is_none();
        self.see(picture, alike);
        let number = self.present.unwrap_or_default();
        let look = self.scenes.get(number).map(|scene| scene.look.clone());
        SceneSeen {
            number,
            look: look.unwrap_or_else(|| picture.to_vec()),
            is_new,
        }
    }

    /// The bar that was seen last got `code`: part of the scene's theme, if that has fewer than
    /// `length` bars.
    pub(super) fn keep(&mut self, code: &[f32], length: usize) {
        let scene = self.present.and_then(|index| self.scenes.get_mut(index));
        if let Some(scene) = scene
            && scene.theme.len() < length.min(self.bars)
        {
            scene.theme.push(code.to_vec());
        }
    }

    /// The scene that looks most like `picture`, if that is alike enough.
    fn nearest(&self, picture: &[f32], alike: f32) -> Option<usize> {
        let likeness = |scene: &Scene| cosine(&scene.look, picture);
        let (index, most) = (self.scenes.iter().map(likeness).enumerate())
            .max_by(|(_, one), (_, other)| one.total_cmp(other))?;
        (most >= alike).then_some(index)
    }

    /// Remembers a new scene.
    fn begin(&mut self, picture: &[f32]) -> usize {
        let scene = Scene {
            look: picture.to_vec(),
            looks: 0,
            theme: Vec::new(),
            seen: self.count,
        };
        if self.scenes.len() < MOST_SCENES {
            self.scenes.push(scene);
            return self.scenes.len() - 1;
        }
        let oldest = (0..self.scenes.len()).min_by_key(|index| self.scenes[*index].seen);
        let oldest = oldest.unwrap_or_default();
        self.scenes[oldest] = scene;
        oldest
    }
}

impl Scene {
    /// Takes another picture into its look.
    fn look(&mut self, picture: &[f32]) {
        self.looks = (self.looks + 1).min(LOOKS);
        let share = 1.0 / self.looks as f32;
        for (look, new) in self.look.iter_mut().zip(picture) {
            *look += share * (new - *look);
        }
        normalise(&mut self.look);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A look of its own for each number.
    fn look(number: usize) -> Vec<f32> {
        (0..16)
            .map(|n| f32::from(u8::from(number >> (n % 8) & 1 == n / 8)))
            .map(|value| 2.0 * value - 1.0)
            .collect()
    }

    #[test]
    fn a_scene_that_returns_brings_its_theme_back_from_the_beginning() {
        let mut themes = Themes::default();
        for bar in 0..3 {
            assert_eq!(themes.see(&look(1), 0.9), None);
            themes.keep(&[bar as f32], 2);
        }
        assert_eq!(themes.see(&look(2), 0.9), None);
        themes.keep(&[9.0], 2);
        for wanted in [Some([0.0].as_slice()), Some(&[1.0]), None] {
            assert_eq!(themes.see(&look(1), 0.9), wanted);
            themes.keep(&[7.0], 2);
        }
        assert_eq!(themes.see(&look(2), 0.9), Some([9.0].as_slice()));
    }

    #[test]
    fn a_theme_that_was_broken_off_is_written_on_when_its_scene_returns() {
        let mut themes = Themes::default();
        for (scene, wanted) in [
            (1, None),
            (2, None),
            (1, Some(1.0)),
            (1, None),
            (2, Some(2.0)),
        ] {
            let found = themes.see(&look(scene), 0.9).map(|code| code[0]);
            assert_eq!(found, wanted);
            themes.keep(&[scene as f32], 4);
        }
        assert_eq!(themes.scenes[0].theme.len(), 2);
    }

    #[test]
    fn memory_does_not_grow_with_scenes_and_the_oldest_are_forgotten() {
        let mut themes = Themes::default();
        for number in 0..250 {
            assert_eq!(themes.see(&look(number), 0.99), None);
            themes.keep(&[number as f32], 8);
        }
        assert_eq!(themes.scenes.len(), MOST_SCENES);
        assert_eq!(themes.see(&look(249), 0.99), None);
        assert!(themes.see(&look(200), 0.99).is_some());
        assert!(themes.see(&look(100), 0.99).is_none());
        assert_eq!(themes.scenes.len(), MOST_SCENES);
    }
}
