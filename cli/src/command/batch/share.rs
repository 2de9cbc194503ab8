//! The folder that all workers share, and the only things that are done there: a file that is made
//! only if there is none, a file or folder that is put in place whole, and reading.
//!
//! ```text
//!     OUT/results/JOB/     what became of a film; never changed once it is there
//!     OUT/report.*         written again by whoever is done
//!     OUT/.batch/jobs/JOB/     who is at it, and what went wrong (`lease`)
//!     OUT/.batch/films/        the hashes of films (`identity`)
//!     OUT/.batch/work/JOB.TERM.WORKER/   what is being made
//! ```

use std::fs::File;
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};

use score_nodes::sha256::hexadecimal;
use serde_json::Value;

use super::class::{is_temporary, refusal};
use crate::failure::Failure;

/// What became of a film, in its folder.
pub(super) const RESULT: &str = "result.json";

/// The longest file of JSON that is read back.
const LONGEST: u64 = 16 << 20;

/// The shared folder.
#[derive(Debug)]
pub(super) struct Share {
    out: PathBuf,
    /// What no other worker has, on whatever machine.
    pub(super) worker: String,
}

/// What became of results that were to be put in place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Placed {
    /// They are in place.
    Here,
    /// Somebody else's were there before.
    Theirs,
    /// Something was there that is nobody's results.
    Occupied,
}

/// What lies where a job's results go.
#[derive(Debug, PartialEq)]
pub(super) enum Found {
    /// Nothing, or an empty folder, whose place they take.
    Nothing,
    /// The job's results, with what is noted of them.
    Results(Value),
    /// Something else, or results whose note is damaged. It is never touched.
    Other,
}

impl Share {
    /// The folder at `out`, which is made.
    pub(super) fn open(out: &Path) -> Result<Self, Failure> {
        let refuse = |why: io::Error| {
            let out = out.display();
            let message = format!("`{out}` cannot be the folder of results ({why})");
            refusal(&why, message)
        };
        let out = std::path::absolute(out).map_err(refuse)?;
        let mut random = [0; 8];
        getrandom::fill(&mut random).map_err(|why| refuse(io::Error::other(why.to_string())))?;
        let is_new = !out.join(".batch").is_dir();
        for report in ["report.html", "report.json", "report.csv"] {
            if is_new && out.join(report).exists() {
                return Err(Failure::Message(format!(
                    "`{}` has a `{report}` of something else; name another folder with --out",
                    out.display()
                )));
            }
        }
        let share = Share {
            out: out.clone(),
            worker: hexadecimal(&random),
        };
        for folder in [
            share.results(),
            share.hidden("jobs"),
            share.hidden("films"),
            share.hidden("work"),
        ] {
            std::fs::create_dir_all(folder).map_err(refuse)?;
        }
        Ok(share)
    }

    /// What is at `name` in the folder.
    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.out.join(name)
    }

    /// What is at `name` among what is not for users.
    pub(super) fn hidden(&self, name: &str) -> PathBuf {
        self.out.join(".batch").join(name)
    }

    /// The folder of all results.
    pub(super) fn results(&self) -> PathBuf {
        self.out.join("results")
    }

    /// The folder of one job's results.
    pub(super) fn result(&self, job: &str) -> PathBuf {
        self.results().join(job)
    }

    /// The folder in which the workers agree on one job.
    pub(super) fn job(&self, job: &str) -> PathBuf {
        self.hidden("jobs").join(job)
    }

    /// An empty folder for the work at `job` in `term`; what earlier terms have left is removed. It
    /// gets another name first: whoever still has it finds it gone whole, and puts no half of it in
    /// place.
    pub(super) fn workplace(&self, job: &str, term: u32) -> io::Result<PathBuf> {
        let all = self.hidden("work");
        for entry in std::fs::read_dir(&all)?.flatten() {
            let name = entry.file_name();
            let name = name.to_string_lossy();
            let mut words = name.split('.');
            let is_of_job = words.next() == Some(job);
            let of_term = words.next().and_then(|term| term.parse().ok());
            if is_of_job && of_term.is_none_or(|of_term: u32| of_term < term) {
                let gone = all.join(format!("gone-{}-{name}", self.worker));
                if std::fs::rename(entry.path(), &gone).is_ok() {
                    remove(&gone);
                }
            }
        }
        let folder = all.join(format!("{job}.{term}.{}", self.worker));
        std::fs::create_dir(&folder)?;
        Ok(folder)
    }

    /// Puts the folder `made` in place as the results of `job`: in one step, and only if there are
    /// none. What is in it is on the disk before.
    pub(super) fn place(&self, made: &Path, job: &str) -> io::Result<Placed> {
        for entry in std::fs::read_dir(made)? {
            let mut writable = File::options();
            writable.write(true).open(entry?.path())?.sync_all()?;
        }
        let place = self.result(job);
        let placed = std::fs::rename(made, &place);
        match placed {
            Ok(()) => {
                sync_folder(&self.results());
                Ok(Placed::Here)
            }
            Err(why) => {
                // Over a network the answer to a step that was done may be lost, and its repetition
                // fails.
                match self.found(job)? {
                    Found::Results(there) if is_by(&there, &self.worker) && !made.exists() => {
                        Ok(Placed::Here)
                    }
                    Found::Results(_) => Ok(Placed::Theirs),
                    // Not every file system puts a folder in place of an empty one.
                    _ if !is_temporary(&why) && place.exists() && made.exists() => {
                        Ok(Placed::Occupied)
                    }
                    _ => Err(why),
                }
            }
        }
    }

    /// What lies where the results of `job` go.
    pub(super) fn found(&self, job: &str) -> io::Result<Found> {
        let place = self.result(job);
        if let Some(results) = results(&place, job)? {
            return Ok(Found::Results(results));
        }
        let is_empty = match std::fs::read_dir(&place) {
            Ok(mut entries) => entries.next().is_none(),
            Err(why) if why.kind() == ErrorKind::NotFound => true,
            Err(why) if is_temporary(&why) => return Err(why),
            // It is a file, or nobody may look into it.
            Err(_) => false,
        };
        if is_empty {
            return Ok(Found::Nothing);
        }
        // They may have been put in place between the two looks, whole.
        let results = results(&place, job)?;
        Ok(results.map_or(Found::Other, Found::Results))
    }

    /// How many results there are whose jobs end with `suffix`.
    pub(super) fn count(&self, suffix: &str) -> usize {
        let entries = std::fs::read_dir(self.results())
            .into_iter()
            .flatten()
            .flatten();
        entries
            .filter(|entry| entry.file_name().to_string_lossy().ends_with(suffix))
            .count()
    }
}

/// The note of the results of `job` in the folder `place`; `None`: there is none that can be read.
fn results(place: &Path, job: &str) -> io::Result<Option<Value>> {
    match read_json(&place.join(RESULT)) {
        Ok(found) => Ok(found.filter(|found| found["job"] == job)),
        Err(why) if is_temporary(&why) => Err(why),
        // It is a folder, or somebody else's.
        Err(_) => Ok(None),
    }
}

fn is_by(result: &Value, worker: &str) -> bool {
    result.get("worker").and_then(Value::as_str) == Some(worker)
}

/// Makes a file, only if there is none of this name; whether it was made.
pub(super) fn make(path: &Path, contents: &str) -> io::Result<bool> {
    match File::create_new(path) {
        Ok(mut file) => {
            // Who it is by is for people: that the file is there is what counts.
            let _ = file.write_all(contents.as_bytes());
            Ok(true)
        }
        Err(why) if why.kind() == ErrorKind::AlreadyExists => Ok(false),
        Err(why) => Err(why),
    }
}

/// Reads JSON; `None`: there is no such file, or nothing that can be read in it.
pub(super) fn read_json(path: &Path) -> io::Result<Option<Value>> {
    match std::fs::metadata(path) {
        Ok(about) if about.len() > LONGEST => return Ok(None),
        Ok(_) => {}
        Err(why) if is_missing(&why) => return Ok(None),
        Err(why) => return Err(why),
    }
    match std::fs::read(path) {
        Ok(text) => Ok(serde_json::from_slice(&text).ok()),
        Err(why) if is_missing(&why) => Ok(None),
        Err(why) => Err(why),
    }
}

fn is_missing(why: &io::Error) -> bool {
    matches!(why.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory)
}

/// Removes a folder with all in it, as far as that is possible.
pub(super) fn remove(folder: &Path) {
    // Whoever takes the job next tries again.
    let _ = std::fs::remove_dir_all(folder);
}

/// Has the system write a folder's entries to the disk. Not every file system can, and then it does
/// so by itself.
fn sync_folder(folder: &Path) {
    if let Ok(folder) = File::open(folder) {
        let _ = folder.sync_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made(share: &Share, term: u32) -> PathBuf {
        let folder = share.workplace("a", term).unwrap();
        let result = format!("{{\"job\": \"a\", \"worker\": \"{}\"}}", share.worker);
        std::fs::write(folder.join(RESULT), result).unwrap();
        folder
    }

    #[test]
    fn of_two_results_the_first_stays_and_who_was_replaced_publishes_nothing() {
        let out = tempfile::tempdir().unwrap();
        let (one, other) = (
            Share::open(out.path()).unwrap(),
            Share::open(out.path()).unwrap(),
        );
        let first = made(&one, 1);
        let second = made(&other, 2);
        assert!(!first.exists());
        assert!(one.place(&first, "a").is_err());
        assert_eq!(other.place(&second, "a").unwrap(), Placed::Here);
        let third = made(&one, 3);
        assert_eq!(one.place(&third, "a").unwrap(), Placed::Theirs);
        let Found::Results(done) = one.found("a").unwrap() else {
            panic!("there are no results");
        };
        assert_eq!(done["worker"], other.worker.as_str());
    }

    #[test]
    fn what_is_no_result_keeps_its_place_and_an_empty_folder_does_not() {
        let out = tempfile::tempdir().unwrap();
        let share = Share::open(out.path()).unwrap();
        let place = share.result("a");
        assert_eq!(share.found("a").unwrap(), Found::Nothing);
        std::fs::create_dir(&place).unwrap();
        assert_eq!(share.found("a").unwrap(), Found::Nothing);
        for damaged in ["", "{", "[1]", "{\"job\": \"b\"}"] {
            std::fs::write(place.join(RESULT), damaged).unwrap();
            assert_eq!(share.found("a").unwrap(), Found::Other, "{damaged}");
            let work = made(&share, 1);
            assert_eq!(share.place(&work, "a").unwrap(), Placed::Occupied);
            let kept = std::fs::read_to_string(place.join(RESULT)).unwrap();
            assert_eq!(kept, damaged);
            remove(&work);
        }
        std::fs::remove_file(place.join(RESULT)).unwrap();
        std::fs::create_dir(place.join(RESULT)).unwrap();
        assert_eq!(share.found("a").unwrap(), Found::Other);
        std::fs::remove_dir_all(&place).unwrap();
        std::fs::write(&place, "mine").unwrap();
        assert_eq!(share.found("a").unwrap(), Found::Other);
        let work = made(&share, 2);
        assert_eq!(share.place(&work, "a").unwrap(), Placed::Occupied);
        assert_eq!(std::fs::read_to_string(&place).unwrap(), "mine");
        std::fs::remove_file(&place).unwrap();
        std::fs::create_dir(&place).unwrap();
        assert_eq!(share.place(&work, "a").unwrap(), Placed::Here);
    }

    #[test]
    fn of_many_that_make_a_file_one_does() {
        let out = tempfile::tempdir().unwrap();
        let path = out.path().join("lease");
        let made: Vec<bool> = std::thread::scope(|scope| {
            let all: Vec<_> = (0..16)
                .map(|_| scope.spawn(|| make(&path, "x").unwrap()))
                .collect();
            all.into_iter().map(|one| one.join().unwrap()).collect()
        });
        assert_eq!(made.iter().filter(|made| **made).count(), 1);
    }
}
