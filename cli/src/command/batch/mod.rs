//! `score batch`: many films, any number of workers, and no server but a folder that they share.

mod board;
mod child;
mod class;
pub(super) mod collection;
mod identity;
mod job;
mod lease;
mod progress;
mod recipe;
mod report;
mod share;
mod strip;
mod worker;

use std::io::Write;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use score_engine::Settings;

use self::board::{Board, Standing};
use self::class::Fault;
use self::collection::Collection;
use self::job::{Order, here};
use self::lease::Heart;
use self::progress::Progress;
use self::recipe::Recipe;
use self::report::Report;
use self::share::Share;
use self::worker::Workshop;
use crate::arguments::{Batch, Common};
use crate::failure::Failure;
use crate::kinds::Kinds;
use crate::signals::on_end;
use crate::terminal::{out, tell};

/// Signs of life in the time of a lease.
const BEATS: u32 = 12;

/// The longest time between two of them.
const SLOWEST_BEAT: Duration = Duration::from_secs(5);

/// How soon a film is looked at again that somebody else is at: so long the last worker may wait for
/// the last film of another.
const SOON: Duration = Duration::from_secs(1);

pub(crate) fn run(
    arguments: &Batch,
    common: &Common,
    kinds: &Kinds<'_>,
    settings: &Settings,
) -> Result<(), Failure> {
    let collection = Collection::of(&arguments.films, &arguments.out)?;
    let share = Share::open(&arguments.out)?;
    let recipe = Recipe::of(arguments, common, kinds, settings, &share)?;
    let films = collection.films.as_slice();
    if collection.others > 0 && !arguments.quiet {
        let (others, are) = match collection.others {
            1 => ("1 file".to_owned(), "is not a film by its name"),
            more => (format!("{more} files"), "are not films by their names"),
        };
        tell(format_args!("{others} {are}; a list can name any file"));
    }
    let stop = Arc::new(AtomicBool::new(false));
    on_end({
        let stop = stop.clone();
        move || stop.store(true, Ordering::Release)
    });
    let lease = Duration::from_secs_f64(arguments.lease);
    let beat = (lease / BEATS).min(SLOWEST_BEAT);
    // Where it begins is chance, so that workers do not meet at every film.
    let first = usize::from_str_radix(&share.worker[..7], 16).unwrap_or(0) % films.len().max(1);
    let board = Board::new(films.len(), first, beat.min(SOON), !arguments.no_wait);
    let heart = Heart::default();
    let workshop = Workshop {
        order: Order {
            arguments,
            recipe: &recipe,
            share: &share,
            stop: &stop,
        },
        films,
        board: &board,
        heart: &heart,
        lease,
        stop: &stop,
        trouble: Mutex::default(),
        forgiven: arguments.retry_failed.then(Mutex::default),
    };
    if arguments.report_only {
        for (index, film) in films.iter().enumerate() {
            board.put(index, workshop.look(film).unwrap_or(Standing::Open));
        }
    } else {
        if arguments.retry_failed {
            for film in films {
                workshop.forgive_known(film).map_err(|why| refused(&why))?;
            }
        }
        work(&workshop, beat, arguments);
    }
    let report = Report::of(films, board.standings(), &recipe, &share);
    let json = report.json();
    let has_report = !collection.is_one || arguments.report_only;
    let written = match has_report {
        true => report.write(&share, &json),
        false => Ok(()),
    };
    let (done, failed, left) = report.counts();
    if arguments.json {
        writeln!(out(), "{json:#}")?;
    } else if !arguments.quiet {
        tell(format_args!("{done} of {} films are done", films.len()));
        if has_report && written.is_ok() {
            writeln!(out(), "{}", share.path("report.html").display())?;
        }
    }
    if collection.is_one
        && let Some(reason) = json["films"][0]["reason"].as_str()
    {
        tell(reason);
    }
    let trouble = workshop.trouble.into_inner();
    let trouble = trouble.unwrap_or_else(PoisonError::into_inner);
    // One that could not be read stands for all that could not.
    let unread = board
        .standings()
        .into_iter()
        .find_map(|standing| match standing {
            Standing::Later(why) => Some(why),
            _ => None,
        });
    let trouble = trouble.or_else(|| unread.filter(|_| !collection.is_one));
    let why = match (written, left, trouble) {
        (_, 1.., Some(trouble)) => Some(trouble),
        (_, 1.., None) if stop.load(Ordering::Acquire) => Some("it was stopped".to_owned()),
        (Err(why), ..) => Some(format!("the report cannot be written: {}", said(&why))),
        (Ok(()), ..) => None,
    };
    if failed == 0 && left == 0 && why.is_none() {
        return Ok(());
    }
    Err(Failure::Films { failed, left, why })
}

/// Has the workers of this process work, gives signs of life for them, and shows how far all is.
fn work(workshop: &Workshop<'_>, beat: Duration, arguments: &Batch) {
    let over = AtomicBool::new(false);
    let beating = || {
        while !over.load(Ordering::Acquire) {
            workshop.heart.beat();
            std::thread::park_timeout(beat);
        }
    };
    let showing = || {
        let mut progress = Progress::new(workshop, arguments.quiet || arguments.json);
        while !over.load(Ordering::Acquire) {
            progress.show();
            std::thread::park_timeout(progress::REDRAW);
        }
        progress.end();
    };
    let thread = std::thread::Builder::new;
    std::thread::scope(|scope| {
        let others = [
            thread().spawn_scoped(scope, beating),
            thread().spawn_scoped(scope, showing),
        ];
        let mut workers = Vec::new();
        if others.iter().all(Result::is_ok) {
            let start = |_| thread().spawn_scoped(scope, || workshop.work());
            workers.extend((0..arguments.workers).map(start));
        }
        let mut failures = others
            .iter()
            .chain(&workers)
            .filter_map(|one| one.as_ref().err());
        if let Some(why) = failures.next() {
            // What has begun is finished: fewer workers are none the worse.
            let why = format!("this machine starts no more threads ({why})");
            match workers.iter().any(Result::is_ok) {
                true => tell(why),
                false => workshop.give_up(Fault::Surroundings(why)),
            }
        }
        for worker in workers.into_iter().flatten() {
            // What panics is the film's failure, and was noted.
            let _ = worker.join();
        }
        over.store(true, Ordering::Release);
        for other in others.iter().flatten() {
            other.thread().unpark();
        }
    });
}

/// What is wrong with the folder, in words.
fn said(why: &std::io::Error) -> String {
    match here(why) {
        Fault::Surroundings(why) => why,
        _ => why.to_string(),
    }
}

/// The folder cannot be used any more; another time it can.
fn refused(why: &std::io::Error) -> Failure {
    let why = format!("the folder of results fails: {}", said(why));
    Failure::Films {
        failed: 0,
        left: 1,
        why: Some(why),
    }
}
