//! Which of many codes belong together.

use super::super::shape::normalise;

/// Groups beyond these are found before any are joined: enough for films of hours, whose shots
/// would otherwise all be compared with each other.
const MOST_LEADERS: usize = 96;

/// Codes that belong together, and what they are like in the mean.
struct Group {
    sum: Vec<f32>,
    count: f32,
    members: Vec<usize>,
}

impl Group {
    fn look(&self) -> Vec<f32> {
        let mut look: Vec<f32> = self.sum.iter().map(|sum| sum / self.count).collect();
        normalise(&mut look);
        look
    }

    fn join(&mut self, other: Group) {
        for (sum, more) in self.sum.iter_mut().zip(&other.sum) {
            *sum += more;
        }
        self.count += other.count;
        self.members.extend(other.members);
    }
}

/// The group of each of `codes`, in the order in which groups first come, and the look of each
/// group. Groups are joined, the most alike first, while two are at least so `alike` (the cosine
/// between their looks), or more than `most` are left.
pub(super) fn groups(codes: &[Vec<f32>], alike: f32, most: usize) -> (Vec<usize>, Vec<Vec<f32>>) {
    let mut groups: Vec<Group> = Vec::new();
    for (index, code) in codes.iter().enumerate() {
        let group = Group {
            sum: code.clone(),
            count: 1.0,
            members: vec![index],
        };
        if groups.len() < MOST_LEADERS {
            groups.push(group);
            continue;
        }
        let near = |group: &Group| cosine(&group.sum, code);
        let nearest = (groups.iter_mut()).max_by(|one, other| near(one).total_cmp(&near(other)));
        if let Some(nearest) = nearest {
            nearest.join(group);
        }
    }
    let mut looks: Vec<Vec<f32>> = groups.iter().map(Group::look).collect();
    while let Some((one, other, likeness)) = nearest_pair(&looks) {
        if likeness < alike && groups.len() <= most.max(1) {
            break;
        }
        let joined = groups.remove(other);
        looks.remove(other);
        groups[one].join(joined);
        looks[one] = groups[one].look();
    }
    let first = |group: &Group| group.members.iter().min().copied();
    groups.sort_by_key(first);
    let mut labels = vec![0; codes.len()];
    for (label, group) in groups.iter().enumerate() {
        for member in &group.members {
            labels[*member] = label;
        }
    }
    (labels, groups.iter().map(Group::look).collect())
}

/// The two looks that are most alike, the earlier first.
fn nearest_pair(looks: &[Vec<f32>]) -> Option<(usize, usize, f32)> {
    let pairs = (0..looks.len()).flat_map(|one| (one + 1..looks.len()).map(move |two| (one, two)));
    pairs
        .map(|(one, two)| (one, two, cosine(&looks[one], &looks[two])))
        .max_by(|(_, _, a), (_, _, b)| a.total_cmp(b))
}

/// The cosine of the angle between two codes; 0 where one has no direction.
pub(super) fn cosine(one: &[f32], other: &[f32]) -> f32 {
    let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f32>();
    let lengths = (dot(one, one) * dot(other, other)).sqrt();
    if lengths > 0.0 {
        dot(one, other) / lengths
    } else {
        0.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(scene: usize, take: usize) -> Vec<f32> {
        (0..32)
            .map(|n| ((n * (scene + 1)) as f32 * 0.9).sin() + 0.2 * ((n + 7 * take) as f32).cos())
            .collect()
    }

    #[test]
    fn takes_of_one_scene_belong_together_and_count_by_their_first_coming() {
        let shots = [3, 1, 3, 2, 1, 3];
        let codes: Vec<_> = shots
            .iter()
            .enumerate()
            .map(|(take, s)| code(*s, take))
            .collect();
        let (labels, looks) = groups(&codes, 0.8, 12);
        assert_eq!(labels, [0, 1, 0, 2, 1, 0]);
        assert_eq!(looks.len(), 3);
        // No more than asked for, whatever they are like.
        assert_eq!(groups(&codes, 0.8, 2).1.len(), 2);
        assert_eq!(groups(&[], 0.8, 2), (vec![], vec![]));
    }

    #[test]
    fn thousands_of_shots_are_grouped_in_little_time() {
        let codes: Vec<_> = (0..4_000).map(|take| code(take % 5, take)).collect();
        let (labels, looks) = groups(&codes, 0.8, 12);
        assert_eq!(looks.len(), 5);
        assert!(
            labels
                .iter()
                .enumerate()
                .all(|(take, label)| *label == take % 5)
        );
    }
}
