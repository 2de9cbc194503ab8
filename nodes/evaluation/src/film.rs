//! All figures of a film and its music.

use serde::Serialize;

use super::figures::{
    CONTRAST, EVENTS, EXPLAINED, Figure, HITS, LATENCY, MANTEL, MOTION, PLACE, RECURRENCE,
    RETURNING, ROUND_TRIP, Words,
};
use super::hits::{Hits, hits, latencies};
use super::mantel::{apart, pairs, partial};
use super::played::{Manner, Played, changes, manner, novelty, unlike};
use super::rank::{pearson, quantile, spearman};
use super::read_back::{ReadBack, ReadPart, Search};
use super::returns::Likeness;
use super::scenes::{Belongs, contrast, distance, scenes};
use super::seen::Film;
use super::shifts::{Good, Tested, shifts, test};

/// The most segments that are compared: of longer films each is longer.
const MOST_SEGMENTS: usize = 200;

/// The fewest: fewer say nothing.
const FEWEST_SEGMENTS: usize = 6;

/// How much the last segment may be too short, in seconds: films end between two pictures.
pub(super) const LACKS: f64 = 0.05;

/// Why it cannot be asked whether a scene that returns has the same music.
const NO_RETURN: &str = "no scene leaves and returns for longer than a segment";

/// The most points of the curves of change.
const MOST_POINTS: f64 = 4000.0;

/// How a film is evaluated.
#[derive(Clone, Debug, Serialize)]
pub struct Options {
    /// The number of circular shifts that chance is measured with.
    pub shifts: usize,
    /// Bars in a segment that is compared with others.
    pub bars: usize,
    /// How soon a change must follow a cut, in seconds.
    pub within: f64,
    /// The length of a bar, in seconds.
    pub bar: f64,
}

/// What is found of a film and its music.
#[derive(Clone, Debug, Serialize)]
pub struct FilmReport {
    /// The length of the film.
    pub seconds: f64,
    /// The length of a bar, in seconds.
    pub bar: f64,
    /// The length of the segments that are compared, in seconds.
    pub segment: f64,
    /// How many segments there are.
    pub segments: usize,
    /// Notes and strokes that begin.
    pub notes: usize,
    /// The number of circular shifts that chance was measured with.
    pub shifts: usize,
    /// The least shift, in seconds.
    pub least_shift: f64,
    /// How soon a change must follow a cut, in seconds.
    pub within: f64,
    /// The hard cuts, in seconds.
    pub cuts: Vec<f64>,
    /// The music's changes, in seconds.
    pub changes: Vec<f64>,
    /// The part that the model which plays it has read back, where there is one.
    pub read: Option<ReadPart>,
    /// The figures.
    pub figures: Vec<Figure>,
    /// The curves of change: time, of the picture, of the music.
    #[serde(skip)]
    pub curves: Vec<(f64, f64, f64)>,
}

impl FilmReport {
    /// The figure called `name`.
    pub fn figure(&self, name: &str) -> Option<&Figure> {
        self.figures.iter().find(|figure| figure.name == name)
    }
}

/// Compares the music with the film, and the film with what `read` gives, which reads the music
/// back or says why that cannot be; it is called once, and only where the film is long enough.
/// `None` where it is too short: it needs six segments and four bars.
pub fn evaluate(
    film: &Film,
    notes: &[Played],
    read: impl FnOnce() -> Result<ReadBack, String>,
    options: &Options,
) -> Option<FilmReport> {
    let whole = Whole::new(film, notes, options)?;
    let read = read();
    let [round_trip, place] = whole.read_back(&read);
    let precision = whole.precision();
    let figures = vec![
        whole.mantel(),
        whole.events(),
        whole.cut_hits(precision.as_ref()),
        whole.latency(),
        whole.motion(),
        whole.scenes(CONTRAST, false),
        whole.scenes(RECURRENCE, true),
        Figure::new(EXPLAINED, precision, whole.uncut()),
        whole.returning(),
        round_trip,
        place,
    ];
    Some(FilmReport {
        seconds: film.seen.seconds,
        bar: options.bar,
        segment: whole.segment,
        segments: whole.manners.len(),
        notes: notes.len(),
        shifts: whole.shifts.len(),
        least_shift: whole.guard,
        within: options.within,
        cuts: film.seen.cuts.clone(),
        changes: whole.changes.clone(),
        read: read.as_ref().ok().map(ReadBack::part),
        figures,
        curves: (whole.curve.times.iter().zip(&whole.curve.music))
            .map(|(time, music)| (*time, whole.curve.picture(*time), *music))
            .collect(),
    })
}

/// Everything that the figures share.
struct Whole<'a> {
    film: &'a Film,
    options: &'a Options,
    seconds: f64,
    /// The length of a segment, in seconds.
    segment: f64,
    manners: Vec<Manner>,
    /// How unlike the music of each pair of segments is.
    unlike: Vec<f64>,
    changes: Vec<f64>,
    guard: f64,
    shifts: Vec<f64>,
    curve: Curve,
    moves: bool,
    /// The scene of each shot.
    scene_of_shots: Vec<usize>,
}

impl<'a> Whole<'a> {
    fn new(film: &'a Film, notes: &[Played], options: &'a Options) -> Option<Self> {
        let seconds = film.seen.seconds;
        let bar = options.bar;
        if !(seconds.is_finite() && bar > 0.0) {
            return None;
        }
        let mut segment = bar * options.bars.max(1) as f64;
        // A film that is too short for these is compared by halves of them.
        if seconds + LACKS < FEWEST_SEGMENTS as f64 * segment {
            segment /= 2.0;
        }
        while seconds / segment > MOST_SEGMENTS as f64 {
            segment *= 2.0;
        }
        let segments = ((seconds + LACKS) / segment).floor() as usize;
        // As far as a delay of the music is looked for.
        let guard = 2.0 * bar;
        let shifts = shifts(seconds, guard, options.shifts);
        if segments < FEWEST_SEGMENTS || shifts.is_empty() {
            return None;
        }
        let manners: Vec<Manner> = (0..segments)
            .map(|index| {
                let from = index as f64 * segment;
                manner(notes, from, from + segment)
            })
            .collect();
        Some(Whole {
            unlike: pairs(segments)
                .map(|(first, second)| unlike(&manners[first], &manners[second]))
                .collect(),
            manners,
            changes: changes(notes, bar, seconds),
            curve: Curve::new(film, notes, bar),
            moves: film.moves(),
            scene_of_shots: scenes(&film.shots(), film.spread()),
            film,
            options,
            seconds,
            segment,
            guard,
            shifts,
        })
    }

    /// Where the segments of the music lie on the film once it is moved by `shift`: from, to.
    fn segments(&self, shift: f64) -> impl Iterator<Item = (f64, f64)> {
        let segment = self.segment;
        (0..self.manners.len()).map(move |index| {
            let from = index as f64 * segment + shift;
            (from, from + segment)
        })
    }

    fn test(&self, good: Good, figure: impl Fn(f64) -> Option<f64>) -> Option<Tested> {
        test(&self.shifts, good, figure)
    }

    fn mantel(&self) -> Figure {
        let apart = apart(self.manners.len());
        let figure = |shift: f64| {
            let codes: Vec<Vec<f64>> = self
                .segments(shift)
                .map(|(from, to)| self.film.code(from, to))
                .collect();
            let distances: Vec<f64> = pairs(codes.len())
                .map(|(first, second)| distance(&codes[first], &codes[second]))
                .collect();
            partial(&distances, &self.unlike, &apart)
        };
        let tested = self.moves.then(|| self.test(Good::High, figure)).flatten();
        Figure::new(
            MANTEL,
            tested,
            self.still("the music is everywhere the same"),
        )
    }

    /// Why there is nothing to compare.
    fn still(&self, otherwise: &'static str) -> &'static str {
        if self.moves {
            otherwise
        } else {
            "the picture stands still"
        }
    }

    fn events(&self) -> Figure {
        let best = |shift: f64| self.curve.best(shift, self.options.bar);
        let figure = |shift: f64| best(shift).map(|(correlation, _)| correlation);
        let tested = self.moves.then(|| self.test(Good::High, figure)).flatten();
        let lag = tested.is_some().then(|| best(0.0)).flatten();
        Figure::new(EVENTS, tested, self.still("the music does not change"))
            .with("lag", lag.map(|(_, lag)| lag))
    }

    /// The music's changes, moved.
    fn moved(&self, shift: f64) -> Vec<f64> {
        let moved = self.changes.iter();
        moved
            .map(|change| (change + shift).rem_euclid(self.seconds))
            .collect()
    }

    fn hits(&self, shift: f64) -> Option<Hits> {
        let (cuts, within) = (&self.film.seen.cuts, self.options.within);
        hits(cuts, &self.moved(shift), within, self.seconds)
    }

    /// Why no cut is answered.
    fn uncut(&self) -> &'static str {
        if self.film.seen.cuts.is_empty() {
            "the film has no hard cut"
        } else {
            "the music does not change"
        }
    }

    /// Whether the music's changes follow cuts.
    fn precision(&self) -> Option<Tested> {
        self.test(Good::High, |shift| {
            self.hits(shift).map(|hits| hits.precision)
        })
    }

    fn cut_hits(&self, precision: Option<&Tested>) -> Figure {
        let tested = self.test(Good::High, |shift| self.hits(shift).map(|hits| hits.rate));
        let lift = |tested: &Tested| tested.value / tested.chance;
        let (rate_lift, precision_lift) = (tested.as_ref().map(lift), precision.map(lift));
        Figure::new(HITS, tested, self.uncut())
            .with("lift", rate_lift)
            .with("precision", precision.map(|tested| tested.value))
            .with("precision_lift", precision_lift)
    }

    fn latency(&self) -> Figure {
        let all = |shift: f64| latencies(&self.film.seen.cuts, &self.moved(shift), self.seconds);
        let tested = self.test(Good::Low, |shift| quantile(&all(shift)?, 0.5));
        let late = all(0.0).and_then(|all| quantile(&all, 0.95));
        Figure::new(LATENCY, tested, self.uncut()).with("p95", late)
    }

    fn motion(&self) -> Figure {
        let density: Vec<f64> = self
            .manners
            .iter()
            .map(|manner| manner.onsets + manner.strokes)
            .collect();
        let figure = |shift: f64| {
            let motion: Vec<f64> = self
                .segments(shift)
                .map(|(from, to)| self.film.motion(from, to))
                .collect();
            spearman(&motion, &density)
        };
        let tested = self.moves.then(|| self.test(Good::High, figure)).flatten();
        Figure::new(
            MOTION,
            tested,
            self.still("nothing moves, or all segments have as many notes"),
        )
    }

    fn scenes(&self, words: Words, returning: bool) -> Figure {
        let figure = |shift: f64| contrast(&self.belonging(shift), &self.unlike, returning);
        let otherwise = match returning {
            true => NO_RETURN,
            false => "no two segments lie in one scene",
        };
        let missing = self.one_scene(otherwise);
        Figure::new(words, self.test(Good::High, figure), missing)
            .with("scenes", self.count_of_scenes().map(|count| count as f64))
    }

    /// How many scenes there are; `None`: the film has no shot.
    fn count_of_scenes(&self) -> Option<usize> {
        self.scene_of_shots.iter().max().map(|last| last + 1)
    }

    /// The scene of a shot.
    fn scene_of(&self, shot: usize) -> usize {
        self.scene_of_shots.get(shot).copied().unwrap_or(0)
    }

    /// The shot and scene of each segment, where the music is moved by `shift`.
    fn belonging(&self, shift: f64) -> Vec<Belongs> {
        self.segments(shift)
            .map(|(from, to)| {
                let shot = self.film.shot((from + to) / 2.0);
                let scene = self.scene_of(shot);
                Belongs { shot, scene }
            })
            .collect()
    }

    /// Why scenes cannot be told apart.
    fn one_scene(&self, otherwise: &'static str) -> &'static str {
        if self.film.seen.cuts.is_empty() {
            "the film has no hard cut"
        } else if self.scene_of_shots.iter().all(|scene| *scene == 0) {
            "all shots look alike: there is one scene"
        } else {
            otherwise
        }
    }

    /// Whether alike music is of one scene.
    fn returning(&self) -> Figure {
        let likeness = Likeness::new(self.manners.len(), &self.unlike);
        let figure = |shift: f64| likeness.returning(&self.belonging(shift));
        let several = self.count_of_scenes().is_some_and(|count| count > 1);
        let tested = several.then(|| self.test(Good::High, figure)).flatten();
        Figure::new(RETURNING, tested, self.one_scene(NO_RETURN))
    }

    /// Whether what is read back finds the scene that shows, and how near it comes to it.
    fn read_back(&self, read: &Result<ReadBack, String>) -> [Figure; 2] {
        let search = read.as_ref().ok().filter(|_| self.moves);
        let search = search.and_then(|read| Search::new(read, self.film, &self.scene_of_shots));
        let shows = |time: f64| self.scene_of(self.film.shot(time));
        let found = search.as_ref().and_then(|search| {
            let figure = |shift: f64| Some(search.found(|time| shows(time + shift)));
            self.test(Good::High, figure)
        });
        let place = search.as_ref().and_then(|search| {
            let figure = |shift: f64| Some(search.place(|time| shows(time + shift)));
            self.test(Good::Low, figure)
        });
        let missing = match (read, self.moves) {
            (Err(why), _) => why.clone(),
            (_, false) => "the picture stands still".to_owned(),
            (Ok(_), true) => {
                let missing = self.one_scene("the part that is read plays nothing");
                missing.to_owned()
            }
        };
        let lift = found.as_ref().map(|found| found.value / found.chance);
        let count = self.count_of_scenes().map(|count| count as f64);
        let bars = read.as_ref().map_or(0.0, |read| read.bars.len() as f64);
        let is_found = found.is_some();
        [
            Figure::new(ROUND_TRIP, found, missing.clone())
                .with("lift", lift)
                .with("bars", is_found.then_some(bars))
                .with("scenes", count.filter(|_| is_found)),
            Figure::new(PLACE, place, missing),
        ]
    }
}

/// The curves of change of picture and music.
struct Curve {
    /// Where the music's is known: evenly spread.
    times: Vec<f64>,
    music: Vec<f64>,
    step: f64,
    /// The picture's, finer, round the circle.
    pictures: Vec<f64>,
    seconds: f64,
}

impl Curve {
    fn new(film: &Film, notes: &[Played], bar: f64) -> Self {
        let seconds = film.seen.seconds;
        let step = (bar / 16.0).max(seconds / MOST_POINTS);
        let count = (seconds / step).floor().max(0.0) as usize;
        let times: Vec<f64> = (0..count).map(|index| index as f64 * step).collect();
        let fine = 2 * count.max(1);
        Curve {
            music: novelty(notes, &times, bar, seconds),
            pictures: (0..fine)
                .map(|index| film.novelty(index as f64 * seconds / fine as f64, bar))
                .collect(),
            times,
            step,
            seconds,
        }
    }

    /// How much the picture changes at `time`, round the circle.
    fn picture(&self, time: f64) -> f64 {
        let count = self.pictures.len();
        let place = (time / self.seconds).rem_euclid(1.0) * count as f64;
        let index = (place.round() as usize) % count.max(1);
        self.pictures.get(index).copied().unwrap_or(0.0)
    }

    /// The best correlation and the delay of the music at which it is reached: from a bar early to
    /// two late.
    fn best(&self, shift: f64, bar: f64) -> Option<(f64, f64)> {
        let (early, late) = (bar / self.step, 2.0 * bar / self.step);
        let lags = -(early.floor() as i64)..=late.floor() as i64;
        lags.filter_map(|lag| {
            let lag = lag as f64 * self.step;
            let pictures: Vec<f64> = self
                .times
                .iter()
                .map(|time| self.picture(time + shift - lag))
                .collect();
            Some((pearson(&pictures, &self.music)?, lag))
        })
        .reduce(|best, next| if next.0 > best.0 { next } else { best })
    }
}

#[cfg(test)]
mod tests;
