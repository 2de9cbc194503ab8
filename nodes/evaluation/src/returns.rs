//! Music that returns: whether its scene does too.

use super::mantel::pairs;
use super::scenes::Belongs;
use super::shifts::SAME;

/// Of each segment all others, those with the most alike music first, and how unlike it is.
pub(super) struct Likeness {
    others: Vec<Vec<(usize, f64)>>,
}

impl Likeness {
    /// Of `count` segments; `unlike` has one entry for each of [`pairs`].
    pub(super) fn new(count: usize, unlike: &[f64]) -> Self {
        let mut others = vec![Vec::new(); count];
        for ((first, second), unlike) in pairs(count).zip(unlike) {
            others[first].push((second, *unlike));
            others[second].push((first, *unlike));
        }
        for others in &mut others {
            others.sort_by(|one: &(usize, f64), other| one.1.total_cmp(&other.1));
        }
        Likeness { others }
    }

    /// The share of segments whose most alike music in another shot is that of the same scene; of
    /// several that are alike to the same degree the share counts. Only segments whose scene is in
    /// another shot as well are asked. `None` where no scene is.
    pub(super) fn returning(&self, segments: &[Belongs]) -> Option<f64> {
        let scenes = segments.iter().map(|segment| segment.scene).max()? + 1;
        let mut first: Vec<Option<usize>> = vec![None; scenes];
        let mut returns = vec![false; scenes];
        for segment in segments {
            let shot = *first[segment.scene].get_or_insert(segment.shot);
            returns[segment.scene] |= shot != segment.shot;
        }
        let (mut right, mut asked) = (0.0, 0.0);
        for (segment, others) in segments.iter().zip(&self.others) {
            if !returns[segment.scene] {
                continue;
            }
            let (mut same, mut nearest) = (0.0, 0.0);
            let mut least = None;
            for (other, unlike) in others {
                let other = segments[*other];
                if other.shot == segment.shot {
                    continue;
                }
                if *unlike > *least.get_or_insert(*unlike) + SAME {
                    break;
                }
                nearest += 1.0;
                same += f64::from(other.scene == segment.scene);
            }
            // Its scene is in another shot, so that there is one.
            right += same / f64::max(nearest, 1.0);
            asked += 1.0;
        }
        (asked > 0.0).then(|| right / asked)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn segments(all: [(usize, usize); 4]) -> [Belongs; 4] {
        all.map(|(shot, scene)| Belongs { shot, scene })
    }

    #[test]
    fn the_most_alike_music_in_another_shot_is_asked_for_its_scene() {
        // Pairs 01, 02, 03, 12, 13, 23. Segments 0 and 1 are of one shot and most alike.
        let likeness = Likeness::new(4, &[0.0, 0.5, 0.2, 0.4, 0.3, 0.6]);
        let returning = segments([(0, 0), (0, 0), (1, 1), (2, 0)]);
        // 0 and 1 find 3; 3 finds 0; 2 is of a scene that does not return.
        assert_eq!(likeness.returning(&returning), Some(1.0));
        let other = segments([(0, 0), (0, 0), (1, 0), (2, 1)]);
        // 0 finds 3, 1 finds 3, 2 finds 1.
        assert_eq!(likeness.returning(&other), Some(1.0 / 3.0));
    }

    #[test]
    fn music_that_is_everywhere_the_same_finds_a_scene_by_its_share() {
        let likeness = Likeness::new(4, &[0.5; 6]);
        let returning = segments([(0, 0), (1, 1), (2, 0), (3, 2)]);
        assert_eq!(likeness.returning(&returning), Some(1.0 / 3.0));
    }

    #[test]
    fn where_no_scene_returns_nothing_is_asked() {
        let likeness = Likeness::new(4, &[0.5; 6]);
        let once = segments([(0, 0), (0, 0), (1, 1), (2, 2)]);
        assert_eq!(likeness.returning(&once), None);
        assert_eq!(Likeness::new(0, &[]).returning(&[]), None);
    }
}
