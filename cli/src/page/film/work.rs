//! What works for the page: renders and measurements, one after another, and tags when there is
//! nothing else to do; stills beside them.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::child::{Ended, run};
use super::folder::Folder;
use super::order::{Order, Values};
use super::results::{Made, Measured, Results};

/// The share of a render in which the film is looked at, where its music is made afterwards, and in
/// which all is played, before the sound is levelled and the files are written: so it was with 134 s
/// of film in 320 × 240, in a debug build.
const LOOKING: f64 = 0.12;
const PLAYED: f64 = 0.84;

/// How long a render goes on before it is said how long it will take.
const KNOWS: Duration = Duration::from_secs(2);

/// The name of the page that a measurement writes.
const REPORT: &str = "report.html";

/// Everything that works, and what came of it.
pub(super) struct Work {
    order: Order,
    folder: Folder,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    is_over: bool,
    /// What waits.
    jobs: VecDeque<Job>,
    /// What goes on.
    now: Option<Now>,
    /// Why the last render of a film has failed, and how to mend it.
    failed: BTreeMap<usize, (String, Option<String>)>,
    results: Results,
    /// The number of the next job, after which the folder of its files is called.
    next: usize,
    /// Of each film with music, whether the tags of what it shows are known.
    tags: BTreeMap<usize, Tags>,
    stills: BTreeMap<usize, Stills>,
    /// Films that wait for stills.
    unseen: VecDeque<(usize, PathBuf)>,
    /// Ends the making of stills.
    ends_stills: Arc<AtomicBool>,
}

#[derive(Clone)]
enum Job {
    Render {
        film: usize,
        path: PathBuf,
        values: Values,
    },
    Measure {
        result: usize,
        path: PathBuf,
    },
    /// Finds the tags of what a film shows. Nobody waits for it: it gives way to every other job.
    Tags {
        film: usize,
        path: PathBuf,
    },
}

/// Whether the tags of what a film shows are known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Tags {
    Wait,
    There,
    /// They could not be found; it is tried again with the next render.
    Failed,
}

struct Now {
    job: Job,
    begun: Instant,
    /// How much is done, from 0 to 1.
    done: f64,
    /// How long the film is, in seconds, once that is known.
    length: Option<f64>,
    /// What it does.
    doing: &'static str,
    cancel: Arc<AtomicBool>,
}

/// The stills of a film that are there.
#[derive(Default)]
struct Stills {
    of: usize,
    seconds: f64,
    there: BTreeSet<usize>,
    /// Whether they could not all be made.
    has_failed: bool,
}

impl Work {
    pub(super) fn new(order: Order, folder: Folder) -> Self {
        Work {
            order,
            folder,
            state: Mutex::default(),
            changed: Condvar::new(),
        }
    }

    pub(super) fn order(&self) -> &Order {
        &self.order
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Renders a film with these values, in place of whatever is rendered or measured.
    pub(super) fn render(&self, film: usize, path: PathBuf, values: Values) {
        let mut state = self.lock();
        state.cancel_all();
        state.failed.remove(&film);
        state.want_stills(film, &path);
        state.jobs.push_back(Job::Render { film, path, values });
        self.changed.notify_all();
    }

    /// Stops what is rendered or measured of a film, and of no other.
    pub(super) fn cancel(&self, film: usize) {
        self.lock().cancel(|of| of == Some(film));
    }

    /// Measures a result, once what goes on is done; `false`: there is no such result.
    pub(super) fn measure(&self, result: usize, path: PathBuf) -> bool {
        let mut state = self.lock();
        let Some(made) = state.results.get_mut(result) else {
            return false;
        };
        if matches!(made.measured, Measured::No | Measured::Failed(_)) {
            made.measured = Measured::Waits;
            state.jobs.push_back(Job::Measure { result, path });
            state.hurry();
            self.changed.notify_all();
        }
        true
    }

    /// A result.
    pub(super) fn made(&self, id: usize) -> Option<Made> {
        self.lock().results.get(id).cloned()
    }

    /// A result was kept under these names.
    pub(super) fn kept(&self, id: usize, names: Vec<String>) {
        if let Some(made) = self.lock().results.get_mut(id) {
            made.kept = Some(names);
        }
    }

    /// Where a still lies.
    pub(super) fn still(&self, film: usize, number: usize) -> Option<PathBuf> {
        let state = self.lock();
        let is_there = state.stills.get(&film)?.there.contains(&number);
        is_there.then(|| self.stills_of(film).join(format!("{number}.jpg")))
    }

    fn stills_of(&self, film: usize) -> PathBuf {
        self.folder.path().join(format!("stills-{film}"))
    }

    /// The file of the tags of what a film shows, once they are known.
    pub(super) fn tags(&self, film: usize) -> Option<PathBuf> {
        let is_there = self.lock().tags.get(&film) == Some(&Tags::There);
        is_there.then(|| self.tags_of(film))
    }

    fn tags_of(&self, film: usize) -> PathBuf {
        self.folder.path().join(format!("tags-{film}.json"))
    }

    /// What a page that shows a film is told.
    pub(super) fn told(&self, film: usize) -> Value {
        let state = self.lock();
        let results: Vec<Value> = state.results.of(film).map(Made::json).collect();
        let failed = state.failed.get(&film);
        let failed = failed.map(|(why, help)| json!({ "message": why, "help": help }));
        let stills = state.stills.get(&film).filter(|stills| stills.of > 0);
        let stills = stills.map(
            |stills| json!({ "of": stills.of, "seconds": stills.seconds, "there": stills.there }),
        );
        json!({
            "now": state.now(film),
            "failed": failed,
            "results": results,
            "stills": stills,
            "tags": state.tags.get(&film) == Some(&Tags::There),
        })
    }

    /// Renders and measures until it is over.
    pub(super) fn work(&self) {
        loop {
            let mut state = self.lock();
            let job = loop {
                if state.is_over {
                    return;
                }
                if let Some(job) = state.next_job() {
                    break job;
                }
                let waited = self.changed.wait(state);
                state = waited.unwrap_or_else(PoisonError::into_inner);
            };
            let cancel = Arc::new(AtomicBool::new(false));
            state.now = Some(Now {
                job: job.clone(),
                begun: Instant::now(),
                done: 0.0,
                length: None,
                doing: "gets ready",
                cancel: cancel.clone(),
            });
            let folder = self.folder.path().join(state.next.to_string());
            state.next += 1;
            drop(state);
            match job {
                Job::Render { film, path, values } => {
                    self.render_now(folder, (film, &path), values, &cancel);
                }
                Job::Measure { result, path } => self.measure_now(result, &path, &cancel),
                Job::Tags { film, path } => self.find_tags_now(film, path, &cancel),
            }
            self.lock().now = None;
        }
    }

    fn render_now(
        &self,
        folder: PathBuf,
        (film, path): (usize, &Path),
        values: Values,
        cancel: &AtomicBool,
    ) {
        let begun = Instant::now();
        let ended = match std::fs::create_dir(&folder) {
            Ok(()) => {
                let words = self.order.render(path, &values, &folder);
                run(&words, cancel, |line| self.lock().take_in(&line))
            }
            Err(error) => no_folder(&folder, &error),
        };
        let gone = match ended {
            Ended::Done(printed) => {
                let seconds = begun.elapsed().as_secs_f64();
                let made = Made::of(film, values, &folder, &printed, seconds);
                let mut state = self.lock();
                state.want_tags(film, path);
                state.results.add(made)
            }
            Ended::Failed(why, help) => {
                self.lock().failed.insert(film, (why, help));
                Some(folder)
            }
            Ended::Cancelled => Some(folder),
        };
        if let Some(folder) = gone {
            // The page's folder goes with all of it in the end.
            let _ = std::fs::remove_dir_all(folder);
        }
    }

    fn measure_now(&self, result: usize, path: &Path, cancel: &AtomicBool) {
        let Some(made) = self.made(result) else {
            return;
        };
        let report = made.folder.join(REPORT);
        let words = self.order.measure(path, &made.values, &report);
        let ended = run(&words, cancel, drop);
        let mut state = self.lock();
        let Some(made) = state.results.get_mut(result) else {
            return;
        };
        made.measured = match ended {
            Ended::Done(printed) => {
                made.add(&report);
                Measured::Is(printed["found"].clone())
            }
            Ended::Failed(why, _) => Measured::Failed(why),
            Ended::Cancelled => Measured::No,
        };
    }

    fn find_tags_now(&self, film: usize, path: PathBuf, cancel: &AtomicBool) {
        let words = self.order.tags(&path, &self.tags_of(film));
        let ended = run(&words, cancel, drop);
        let mut state = self.lock();
        let tags = match ended {
            Ended::Done(_) => Tags::There,
            // A film without tags is shown without them.
            Ended::Failed(..) => Tags::Failed,
            Ended::Cancelled => {
                state.jobs.push_back(Job::Tags { film, path });
                Tags::Wait
            }
        };
        state.tags.insert(film, tags);
    }

    /// Makes stills until it is over.
    pub(super) fn look(&self) {
        loop {
            let mut state = self.lock();
            let (film, path) = loop {
                if state.is_over {
                    return;
                }
                if let Some(film) = state.unseen.pop_front() {
                    break film;
                }
                let waited = self.changed.wait(state);
                state = waited.unwrap_or_else(PoisonError::into_inner);
            };
            let cancel = state.ends_stills.clone();
            drop(state);
            let folder = self.stills_of(film);
            let is_done = std::fs::create_dir_all(&folder).is_ok() && {
                let words = self.order.stills(&path, &folder);
                let ended = run(&words, &cancel, |line| {
                    self.lock().take_in_still(film, &line)
                });
                matches!(ended, Ended::Done(_))
            };
            // A film without stills is shown without them.
            self.lock().end_stills(film, is_done);
        }
    }

    /// Ends everything.
    pub(super) fn end(&self) {
        let mut state = self.lock();
        state.is_over = true;
        state.cancel_all();
        state.ends_stills.store(true, Ordering::Release);
        self.changed.notify_all();
    }
}

fn no_folder(folder: &Path, error: &std::io::Error) -> Ended {
    let help = "results lie where TMPDIR says until they are kept: name a folder with room";
    Ended::Failed(
        format!("`{}` cannot be made ({error})", folder.display()),
        Some(help.to_owned()),
    )
}

impl State {
    fn cancel_all(&mut self) {
        self.cancel(|_| true);
    }

    /// Stops what goes on and what waits, of the films that `is_meant` names; of a result that is
    /// gone, no film is known.
    fn cancel(&mut self, is_meant: impl Fn(Option<usize>) -> bool) {
        if let Some(now) = &self.now
            && is_meant(self.film_of(&now.job))
        {
            now.cancel.store(true, Ordering::Release);
        }
        for job in std::mem::take(&mut self.jobs) {
            // Tags are nobody's wish: they only wait.
            if matches!(job, Job::Tags { .. }) || !is_meant(self.film_of(&job)) {
                self.jobs.push_back(job);
            } else if let Job::Measure { result, .. } = job
                && let Some(made) = self.results.get_mut(result)
            {
                made.measured = Measured::No;
            }
        }
    }

    /// The next job: tags only where nothing else waits.
    fn next_job(&mut self) -> Option<Job> {
        let is_wished = |job: &Job| !matches!(job, Job::Tags { .. });
        let first = self.jobs.iter().position(is_wished);
        self.jobs.remove(first.unwrap_or(0))
    }

    /// Stops the looking for tags, for something that is wished; it is begun again afterwards.
    fn hurry(&self) {
        if let Some(now) = &self.now
            && matches!(now.job, Job::Tags { .. })
        {
            now.cancel.store(true, Ordering::Release);
        }
    }

    /// Has the tags of what a film shows found, unless they are known or on their way.
    fn want_tags(&mut self, film: usize, path: &Path) {
        if matches!(self.tags.get(&film), None | Some(Tags::Failed)) {
            self.tags.insert(film, Tags::Wait);
            let path = path.to_owned();
            self.jobs.push_back(Job::Tags { film, path });
        }
    }

    /// The film that a job is for.
    fn film_of(&self, job: &Job) -> Option<usize> {
        match job {
            Job::Render { film, .. } | Job::Tags { film, .. } => Some(*film),
            Job::Measure { result, .. } => self.results.get(*result).map(|made| made.film),
        }
    }

    /// Has stills of a film made, unless they are there or on their way. Those that could not be
    /// made are tried again: what was in their way, such as a full disk, may be gone.
    fn want_stills(&mut self, film: usize, path: &Path) {
        let known = self.stills.get(&film);
        if known.is_none_or(|stills| stills.has_failed) {
            self.stills.insert(film, Stills::default());
            self.unseen.push_back((film, path.to_owned()));
        }
    }

    /// The making of a film's stills has ended.
    fn end_stills(&mut self, film: usize, is_done: bool) {
        self.stills.entry(film).or_default().has_failed = !is_done;
    }

    /// What a render says of itself.
    fn take_in(&mut self, line: &Value) {
        let Some(now) = &mut self.now else { return };
        if line["preview"].as_bool() == Some(true) {
            now.doing = "makes a preview for browsers";
            return;
        }
        now.length = line["length"].as_f64().or(now.length);
        // What reads the film says nothing of what is made of it afterwards: there, what is heard
        // counts.
        let heard = line["reached"].as_f64().zip(now.length);
        let heard = heard.map(|(reached, length)| (reached / length).min(1.0));
        let read = line["done"].as_f64().unwrap_or_default();
        let (share, doing) = match (line["act"].as_u64(), line["of"].as_u64()) {
            (Some(1), Some(2)) => (LOOKING * read, "looks at the film"),
            (Some(2), Some(2)) => {
                let played = heard.unwrap_or_default();
                (LOOKING + (PLAYED - LOOKING) * played, "plays the music")
            }
            _ => (
                PLAYED * heard.unwrap_or(read),
                "looks at the film and plays",
            ),
        };
        now.done = share.clamp(now.done, 1.0);
        now.doing = match share > 0.99 * PLAYED {
            true => "writes the files",
            false => doing,
        };
    }

    fn take_in_still(&mut self, film: usize, line: &Value) {
        let (Some(number), Some(of)) = (line["still"].as_u64(), line["of"].as_u64()) else {
            return;
        };
        let stills = self.stills.entry(film).or_default();
        stills.of = of as usize;
        stills.seconds = line["seconds"].as_f64().unwrap_or_default();
        stills.there.insert(number as usize);
    }

    /// What goes on, as a page that shows `film` is told.
    fn now(&self, film: usize) -> Option<Value> {
        let now = self.now.as_ref()?;
        let of = self.film_of(&now.job);
        let (what, values, result) = match &now.job {
            Job::Render { values, .. } => ("render", Some(values), None),
            Job::Measure { result, .. } => ("measure", None, Some(result)),
            // Nobody waits for it.
            Job::Tags { .. } => return None,
        };
        let elapsed = now.begun.elapsed();
        let knows = elapsed > KNOWS && now.done > 0.05 && now.done < 0.99 * PLAYED;
        let left = elapsed.as_secs_f64() * (1.0 - now.done) / now.done;
        Some(json!({
            "what": what,
            "here": of == Some(film),
            "values": values,
            "result": result,
            "done": now.done,
            "doing": now.doing,
            "left": knows.then_some(left),
            "ends": now.cancel.load(Ordering::Acquire),
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn render(film: usize) -> Job {
        Job::Render {
            film,
            path: PathBuf::from("film.mp4"),
            values: Values::default(),
        }
    }

    #[test]
    fn only_what_is_made_of_the_film_that_is_named_is_cancelled() {
        let mut made = Made::of(4, Values::default(), Path::new(""), &Value::Null, 1.0);
        made.measured = Measured::Waits;
        let mut state = State::default();
        state.results.add(made);
        let cancel = Arc::new(AtomicBool::new(false));
        state.now = Some(Now {
            job: render(3),
            begun: Instant::now(),
            done: 0.5,
            length: None,
            doing: "",
            cancel: cancel.clone(),
        });
        let measure = Job::Measure {
            result: 0,
            path: PathBuf::new(),
        };
        state.jobs.extend([measure, render(3)]);
        let cancel_film = |state: &mut State, film| state.cancel(|of| of == Some(film));
        cancel_film(&mut state, 7);
        assert!(!cancel.load(Ordering::Acquire), "another film's goes on");
        assert_eq!(state.jobs.len(), 2);
        cancel_film(&mut state, 4);
        assert!(!cancel.load(Ordering::Acquire) && state.jobs.len() == 1);
        let made = state.results.get(0).map(|made| &made.measured);
        assert!(matches!(made, Some(Measured::No)));
        cancel_film(&mut state, 3);
        assert!(cancel.load(Ordering::Acquire) && state.jobs.is_empty());
    }

    #[test]
    fn tags_are_looked_for_once_and_give_way_to_all_that_is_wished() {
        let mut state = State::default();
        let film = Path::new("film.mp4");
        state.want_tags(0, film);
        state.want_tags(0, film);
        state.want_tags(1, film);
        state.cancel_all();
        state.jobs.push_back(render(2));
        let mut next = || state.next_job().and_then(|job| state.film_of(&job));
        assert_eq!([next(), next(), next()], [Some(2), Some(0), Some(1)]);
        assert!(state.next_job().is_none());
        let cancel = Arc::new(AtomicBool::new(false));
        let tags = Job::Tags {
            film: 0,
            path: film.to_owned(),
        };
        state.now = Some(Now {
            job: tags,
            begun: Instant::now(),
            done: 0.0,
            length: None,
            doing: "",
            cancel: cancel.clone(),
        });
        assert!(state.now(0).is_none(), "the page is not told");
        state.hurry();
        assert!(cancel.load(Ordering::Acquire));
        state.tags.insert(0, Tags::Failed);
        state.want_tags(0, film);
        assert_eq!(state.jobs.len(), 1, "it is tried again");
    }

    #[test]
    fn stills_that_could_not_be_made_are_tried_again_with_the_next_render() {
        let mut state = State::default();
        let mut wanted = |is_done: Option<bool>| {
            if let Some(is_done) = is_done {
                state.unseen.clear();
                state.end_stills(0, is_done);
            }
            state.want_stills(0, Path::new("film.mp4"));
            state.unseen.len()
        };
        assert_eq!(
            (wanted(None), wanted(None)),
            (1, 1),
            "they are on their way"
        );
        assert_eq!(wanted(Some(false)), 1);
        assert_eq!(wanted(Some(true)), 0);
    }
}
