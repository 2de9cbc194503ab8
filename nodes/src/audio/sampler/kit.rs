//! The sounds of a sampler, and which of them a note plays.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Stereo frames of a sound.
pub(super) type Frames = Arc<[[f32; 2]]>;

/// A sound.
#[derive(Clone, Debug)]
pub(super) struct Sound {
    pub(super) frames: Frames,
    /// The key at which it sounds as it is; `None`: at every key.
    pub(super) key: Option<u8>,
    /// The lowest and the highest key that it plays, where that is said.
    pub(super) keys: Option<(u8, u8)>,
    /// The highest velocity that it is for, 1 to 127.
    pub(super) velocity: u8,
    pub(super) turn: u32,
    pub(super) tags: BTreeSet<String>,
    /// As a factor.
    pub(super) gain: f32,
    /// Whether it plays to its end, where that is said.
    pub(super) one_shot: Option<bool>,
    /// What all sounds without a key are told apart by that are layers and turns of one.
    pub(super) group: String,
}

/// What a note asks for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wish<'a> {
    pub(super) pitch: u8,
    /// 1 to 127.
    pub(super) velocity: u8,
    pub(super) tags: &'a [String],
    /// The key of the first sound that has none.
    pub(super) first_key: u8,
    /// The semitones that a sound may be transposed by.
    pub(super) reach: u8,
}

/// The sounds of a folder.
#[derive(Debug, Default)]
pub(super) struct Kit {
    sounds: Vec<Arc<Sound>>,
}

/// Whose turn it is, by key and velocity.
pub(super) type Turns = BTreeMap<(u8, u8), usize>;

impl Kit {
    /// The sounds, in whatever order.
    pub(super) fn new(mut sounds: Vec<Sound>) -> Self {
        sounds.sort_by(|one, other| {
            let order = |sound: &Sound| (sound.turn, sound.group.clone());
            order(one).cmp(&order(other))
        });
        Kit {
            sounds: sounds.into_iter().map(Arc::new).collect(),
        }
    }

    /// How many sounds there are.
    pub(super) fn len(&self) -> usize {
        self.sounds.len()
    }

    /// The sound for a note; `None`: none is for it.
    pub(super) fn choose(&self, wish: Wish<'_>, turns: &mut Turns) -> Option<&Arc<Sound>> {
        let wanted = |sound: &&Arc<Sound>| {
            let mut tags = wish.tags.iter();
            tags.all(|tag| sound.tags.contains(&tag.to_lowercase()))
        };
        let tagged: Vec<&Arc<Sound>> = self.sounds.iter().filter(wanted).collect();
        let keyless = tagged
            .iter()
            .filter(|sound| sound.key.is_none() && sound.keys.is_none());
        let groups: BTreeSet<&str> = keyless.map(|sound| sound.group.as_str()).collect();
        let place = i32::from(wish.pitch) - i32::from(wish.first_key);
        let count = i32::try_from(groups.len()).unwrap_or(i32::MAX).max(1);
        let group = groups.iter().nth(place.rem_euclid(count) as usize).copied();
        // One that is made for a key, however far it is transposed, goes before one without.
        const WITHOUT_KEY: u8 = u8::MAX;
        let distance = |sound: &Arc<Sound>| match (sound.key, sound.keys) {
            (None, None) => (Some(sound.group.as_str()) == group).then_some(WITHOUT_KEY),
            (key, Some((lowest, highest))) => (lowest..=highest)
                .contains(&wish.pitch)
                .then(|| key.map_or(0, |key| key.abs_diff(wish.pitch))),
            (Some(key), None) => Some(key.abs_diff(wish.pitch)).filter(|far| *far <= wish.reach),
        };
        let nearest = tagged.iter().filter_map(|sound| distance(sound)).min()?;
        tagged_at(
            &tagged,
            |sound| distance(sound) == Some(nearest),
            wish,
            turns,
        )
    }
}

/// Of the sounds that are for a key, the one for the velocity whose turn it is.
fn tagged_at<'a>(
    tagged: &[&'a Arc<Sound>],
    is_for: impl Fn(&Arc<Sound>) -> bool,
    wish: Wish<'_>,
    turns: &mut Turns,
) -> Option<&'a Arc<Sound>> {
    let near = || tagged.iter().copied().filter(|sound| is_for(sound));
    let layers = near().map(|sound| sound.velocity);
    let layer = layers.clone().filter(|top| *top >= wish.velocity).min();
    let layer = layer.or_else(|| layers.max())?;
    let same: Vec<&Arc<Sound>> = near().filter(|sound| sound.velocity == layer).collect();
    let turn = turns.entry((wish.pitch, layer)).or_default();
    let chosen = same.get(*turn % same.len().max(1)).copied();
    *turn = turn.wrapping_add(1);
    chosen
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A sound whose group says which it is.
    fn sound(group: &str, key: Option<u8>, velocity: u8, turn: u32, tags: &[&str]) -> Sound {
        Sound {
            frames: Arc::from(vec![[0.0; 2]]),
            key,
            keys: None,
            velocity,
            turn,
            tags: tags.iter().map(|tag| (*tag).to_owned()).collect(),
            gain: 1.0,
            one_shot: None,
            group: group.to_owned(),
        }
    }

    /// What notes of these pitches and velocities play, one after another.
    fn played(kit: &Kit, notes: &[(u8, u8)], tags: &[&str]) -> Vec<String> {
        let tags: Vec<String> = tags.iter().map(|tag| (*tag).to_owned()).collect();
        let mut turns = Turns::new();
        notes
            .iter()
            .map(|(pitch, velocity)| {
                let wish = Wish {
                    pitch: *pitch,
                    velocity: *velocity,
                    tags: &tags,
                    first_key: 36,
                    reach: 12,
                };
                let chosen = kit.choose(wish, &mut turns);
                chosen.map_or("-".to_owned(), |sound| sound.group.clone())
            })
            .collect()
    }

    #[test]
    fn the_nearest_key_plays_within_its_reach() {
        let kit = Kit::new(vec![
            sound("low", Some(48), 127, 0, &[]),
            sound("high", Some(60), 127, 0, &[]),
        ]);
        let notes = [(35, 64), (36, 64), (53, 64), (55, 64), (72, 64), (73, 64)];
        assert_eq!(
            played(&kit, &notes, &[]),
            ["-", "low", "low", "high", "high", "-"]
        );
    }

    #[test]
    fn layers_are_chosen_by_velocity_and_turns_go_round() {
        let kit = Kit::new(vec![
            sound("soft 2", Some(60), 60, 2, &[]),
            sound("soft 1", Some(60), 60, 1, &[]),
            sound("hard", Some(60), 100, 1, &[]),
        ]);
        let notes = [(60, 1), (60, 60), (60, 30), (60, 61), (60, 127), (60, 10)];
        assert_eq!(
            played(&kit, &notes, &[]),
            ["soft 1", "soft 2", "soft 1", "hard", "hard", "soft 2"]
        );
    }

    #[test]
    fn sounds_without_a_key_lie_one_after_another_again_and_again() {
        let kit = Kit::new(
            ["bell", "rain", "wood"]
                .map(|name| sound(name, None, 127, 0, &[]))
                .into(),
        );
        let notes = [(36, 64), (37, 64), (38, 64), (39, 64), (35, 64)];
        assert_eq!(
            played(&kit, &notes, &[]),
            ["bell", "rain", "wood", "bell", "wood"]
        );
    }

    #[test]
    fn a_sound_without_a_key_plays_only_where_none_with_one_does() {
        let kit = Kit::new(vec![
            sound("piano", Some(60), 127, 0, &[]),
            sound("rain", None, 127, 0, &[]),
        ]);
        let notes = [(60, 64), (60, 64), (67, 64), (72, 64), (73, 64), (47, 64)];
        assert_eq!(
            played(&kit, &notes, &[]),
            ["piano", "piano", "piano", "piano", "rain", "rain"]
        );
    }

    #[test]
    fn tags_choose_among_them() {
        let kit = Kit::new(vec![
            sound("dry kick", Some(60), 127, 0, &["kick", "dry"]),
            sound("wet kick", Some(60), 127, 0, &["kick", "wet"]),
            sound("wet bell", None, 127, 0, &["bell", "wet"]),
        ]);
        assert_eq!(
            played(&kit, &[(60, 64), (60, 64)], &["Kick", "dry"]),
            ["dry kick"; 2]
        );
        assert_eq!(played(&kit, &[(61, 64)], &["bell"]), ["wet bell"]);
        assert_eq!(played(&kit, &[(60, 64)], &["none"]), ["-"]);
        assert_eq!(played(&Kit::default(), &[(60, 64)], &[]), ["-"]);
    }
}
