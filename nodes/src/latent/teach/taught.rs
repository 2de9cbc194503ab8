//! What examples teach all knobs: each is learnt from the examples that say what it should be.

use super::KNOBS;
use super::example::{Example, Values};
use super::gaussian::{Familiarity, Gaussian, LeftOut, Points};

/// Below so many examples what is learnt is seldom better than the mean.
pub(super) const SCANT: usize = 10;

/// What was learnt of examples.
#[derive(Default)]
pub(super) struct Taught {
    groups: Vec<Group>,
    near: Option<Near>,
    /// The numbers of the examples that count, in the order of the points.
    ids: Vec<u64>,
    left_out: LeftOut,
}

/// All examples that count, for whether a picture is known.
struct Near {
    points: Points,
    familiarity: Familiarity,
}

/// Knobs that the same examples set.
struct Group {
    /// Which knobs.
    knobs: Vec<usize>,
    /// Where the examples lie; `None`: they are all examples that count.
    points: Option<Points>,
    learnt: Gaussian,
}

/// What memory a step needs, so that none is asked for while it plays.
#[derive(Default)]
pub(super) struct Space {
    code: Vec<f64>,
    squares: Vec<f64>,
    own_squares: Vec<f64>,
    kernel: Vec<f64>,
}

/// What the knobs should be at a code.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Guess {
    /// The knobs, 0 to 1; `None` for one that nothing was taught of.
    pub(super) values: Values,
    /// How unlike all examples the code is, 0 to 1.
    pub(super) unknown: f32,
    /// The number of the nearest example.
    pub(super) nearest: Option<u64>,
}

/// How well each example is guessed from the others, in the root of the mean square.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Error {
    pub(super) learnt: f32,
    /// That of the mean of the others, for comparison.
    pub(super) mean: f32,
}

impl Taught {
    /// What these examples teach, whose latents have `dimension` components. Those of weight 0 do
    /// not count.
    pub(super) fn by(examples: &[Example], dimension: usize) -> Self {
        let count: Vec<&Example> = { examples.iter() }
            .filter(|example| example.weight > 0.0 && example.latent.len() == dimension)
            .collect();
        let points = points(&count, dimension);
        let Some(familiarity) = Familiarity::of(&points).filter(|_| !count.is_empty()) else {
            return Taught::default();
        };
        let mut taught = Taught {
            ids: count.iter().map(|example| example.id).collect(),
            ..Taught::default()
        };
        // Knobs that the same examples set, together.
        let mut sets: Vec<(Vec<bool>, Vec<usize>)> = Vec::new();
        for knob in 0..KNOBS {
            let says: Vec<bool> = count.iter().map(|one| value(one, knob).is_some()).collect();
            match sets.iter_mut().find(|(known, _)| *known == says) {
                Some((_, knobs)) => knobs.push(knob),
                None => sets.push((says, vec![knob])),
            }
        }
        for (says, knobs) in sets {
            let some: Vec<&Example> = { count.iter().zip(&says) }
                .filter_map(|(one, says)| says.then_some(*one))
                .collect();
            let own = (some.len() < count.len()).then(|| self::points(&some, dimension));
            let values: Vec<Vec<f64>> = { knobs.iter() }
                .map(|knob| {
                    { some.iter() }
                        .filter_map(|one| value(one, *knob))
                        .collect()
                })
                .collect();
            let Some(learnt) = Gaussian::fit(own.as_ref().unwrap_or(&points), &values) else {
                continue;
            };
            // Of a single example nothing can be left out.
            if let Some(left_out) = learnt.left_out {
                taught.left_out.learnt += left_out.learnt;
                taught.left_out.mean += left_out.mean;
                taught.left_out.count += left_out.count;
            }
            taught.groups.push(Group {
                knobs,
                points: own,
                learnt,
            });
        }
        taught.near = Some(Near {
            points,
            familiarity,
        });
        taught
    }

    /// How many examples count.
    pub(super) fn count(&self) -> usize {
        self.ids.len()
    }

    /// How well examples are guessed from the others; `None`: there are too few.
    pub(super) fn error(&self) -> Option<Error> {
        let count = self.left_out.count as f64;
        let root = |sum: f64| (sum / count).sqrt() as f32;
        (self.left_out.count > 0).then(|| Error {
            learnt: root(self.left_out.learnt),
            mean: root(self.left_out.mean),
        })
    }

    /// What to say of it, for the log.
    pub(super) fn told(&self) -> String {
        let examples = match self.count() {
            0 => return "no example; the knobs are as they are set".to_owned(),
            1 => "1 example".to_owned(),
            count => format!("{count} examples"),
        };
        let Some(Error { learnt, mean }) = self.error() else {
            return format!("{examples}; from two on it can be said how well they are guessed");
        };
        let advice = match (learnt < mean, self.count() < SCANT) {
            (_, true) => {
                "; below about ten, a picture that was not taught is guessed hardly better than by the mean"
            }
            (false, false) => {
                "; the mean is as good: pictures that are alike may have been taught unlike knobs"
            }
            (true, false) => "",
        };
        format!(
            "{examples}; one that is left out is guessed within {learnt:.2} of a knob's way (by the mean: {mean:.2}){advice}"
        )
    }

    /// What the knobs should be at `code`; `None`: nothing was taught.
    pub(super) fn guess(&self, code: &[f32], space: &mut Space) -> Option<Guess> {
        let near = self.near.as_ref()?;
        space.code.clear();
        space
            .code
            .extend(code.iter().map(|value| f64::from(*value)));
        near.points.squares_from(&space.code, &mut space.squares);
        let unknown = near.familiarity.unknown(&space.squares, &mut space.kernel);
        let nearest = { space.squares.iter().zip(&self.ids) }
            .min_by(|(one, _), (other, _)| one.total_cmp(other))
            .map(|(_, id)| *id);
        let mut values = [None; KNOBS];
        for group in &self.groups {
            let squares = match &group.points {
                Some(points) => {
                    points.squares_from(&space.code, &mut space.own_squares);
                    &space.own_squares
                }
                None => &space.squares,
            };
            let found = group.learnt.knobs(squares, &mut space.kernel);
            for (knob, value) in group.knobs.iter().zip(found) {
                if let Some(place) = values.get_mut(*knob)
                    && value.is_finite()
                {
                    *place = Some(value.clamp(0.0, 1.0) as f32);
                }
            }
        }
        Some(Guess {
            values,
            unknown: unknown as f32,
            nearest,
        })
    }
}

/// What an example says of a knob.
fn value(example: &Example, knob: usize) -> Option<f64> {
    example.values.get(knob).copied().flatten().map(f64::from)
}

fn points(examples: &[&Example], dimension: usize) -> Points {
    let points = examples
        .iter()
        .map(|one| (one.latent.as_slice(), one.weight));
    Points::of(dimension, points)
}

#[cfg(test)]
mod tests {
    use super::super::example::tests::of;
    use super::*;

    fn guess(taught: &Taught, code: [f32; 3]) -> Guess {
        taught.guess(&code, &mut Space::default()).unwrap()
    }

    #[test]
    fn each_knob_is_learnt_from_the_examples_that_say_what_it_should_be() {
        let mut dark = of(1, 0.0, [-3.0, 0.0, 0.0]);
        let bright = of(2, 1.0, [3.0, 0.0, 0.0]);
        dark.values[2] = Some(0.25);
        let taught = Taught::by(&[dark, bright], 3);
        let (at_dark, at_bright) = (
            guess(&taught, [-3.0, 0.0, 0.0]),
            guess(&taught, [3.0, 0.0, 0.0]),
        );
        assert!(at_dark.values[0].unwrap() < 0.1, "{at_dark:?}");
        assert!(at_bright.values[0].unwrap() > 0.9, "{at_bright:?}");
        // One example is all that is known of it.
        assert_eq!([at_dark.values[2], at_bright.values[2]], [Some(0.25); 2]);
        assert_eq!(at_dark.values[1], None);
        assert_eq!([at_dark.nearest, at_bright.nearest], [Some(1), Some(2)]);
        assert!(at_dark.unknown < 0.1);
        assert!(guess(&taught, [0.0, 30.0, 0.0]).unknown > 0.9);
    }

    #[test]
    fn an_example_of_weight_0_teaches_nothing() {
        let mut out = of(1, 0.0, [0.0; 3]);
        out.weight = 0.0;
        let none = Taught::by(&[out.clone()], 3);
        assert!(none.guess(&[0.0; 3], &mut Space::default()).is_none());
        assert!(none.told().contains("no example"));
        let taught = Taught::by(&[out, of(2, 1.0, [0.0; 3])], 3);
        assert_eq!(guess(&taught, [0.0; 3]).values[0], Some(1.0));
        assert_eq!(taught.count(), 1);
    }

    #[test]
    fn few_examples_are_said_to_be_few_and_chance_to_be_no_better_than_the_mean() {
        let example = |n: u64| {
            let (x, y) = ((n as f32 * 1.7).sin() * 4.0, (n as f32 * 2.3).cos() * 4.0);
            of(n, (n * 7 % 11) as f32 / 10.0, [x, y, 0.0])
        };
        let all: Vec<Example> = (1..=16).map(example).collect();
        assert!(Taught::by(&all[..1], 3).told().contains("from two on"));
        assert!(Taught::by(&all[..4], 3).told().contains("below about ten"));
        let taught = Taught::by(&all, 3);
        let error = taught.error().unwrap();
        let says = taught.told().contains("the mean is as good");
        assert_eq!(says, error.learnt >= error.mean, "{error:?}");
        assert!(!taught.told().contains("below about ten"));
    }
}
