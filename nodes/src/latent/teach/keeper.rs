//! The thread that keeps the examples of a node: it writes them, looks whether their file was
//! edited, and learns from them, so that nothing that plays waits for either.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, unbounded};
use score_engine::{Frame, NodeError};

use super::NAMES;
use super::example::Example;
use super::shelf::{Edit, Shelf};
use super::taught::Taught;
use super::thumbnail;
use crate::lessons::{self, Lesson, Lessons};

/// Between two looks at the file.
const POLL_INTERVAL: Duration = Duration::from_millis(500);

/// What the keeper has to do.
enum Job {
    /// Another example, and its picture where there is one.
    Record(Box<Example>, Option<Arc<Frame>>),
    Edit(Edit),
}

/// What was learnt anew.
pub(super) struct News {
    pub(super) taught: Taught,
    /// How many jobs were done before it.
    pub(super) done: u64,
}

/// The node's side of the thread. When it goes, all that was given to it is written.
pub(super) struct Keeper {
    jobs: Option<Sender<Job>>,
    news: Receiver<News>,
    thread: Option<JoinHandle<()>>,
    given: u64,
}

impl Keeper {
    /// Keeps the examples of `shelf`, for the node `id`, and shows them in `shown`, with what they
    /// have taught so far, in words.
    ///
    /// # Errors
    /// The system has no thread left.
    pub(super) fn of(
        shelf: Shelf,
        folder: &Path,
        id: &str,
        shown: Option<(Arc<Lessons>, String)>,
    ) -> Result<Self, NodeError> {
        let (lessons, told) = shown.unzip();
        let (jobs, work) = unbounded();
        let (tell, news) = unbounded();
        let mut keeping = Keeping {
            id: id.to_owned(),
            folder: folder.to_owned(),
            shelf,
            tell,
            done: 0,
            lessons,
            lesson: None,
            pictures: BTreeMap::new(),
            wrong: None,
            is_broken: false,
        };
        let thread = std::thread::Builder::new()
            .name(format!("{id} keeps"))
            .spawn(move || keeping.work(&work, told))
            .map_err(|error| NodeError::internal(format!("no thread can be started ({error})")))?;
        Ok(Keeper {
            jobs: Some(jobs),
            news,
            thread: Some(thread),
            given: 0,
        })
    }

    /// Another example, with its picture; the number of the job.
    pub(super) fn record(&mut self, example: Example, picture: Option<Arc<Frame>>) -> u64 {
        self.give(Job::Record(Box::new(example), picture))
    }

    /// Something else to do.
    pub(super) fn edit(&mut self, edit: Edit) {
        self.give(Job::Edit(edit));
    }

    fn give(&mut self, job: Job) -> u64 {
        self.given += 1;
        if let Some(jobs) = &self.jobs {
            // It is there until it is let go.
            let _ = jobs.send(job);
        }
        self.given
    }

    /// What was learnt last, where it is news.
    pub(super) fn news(&self) -> Option<News> {
        self.news.try_iter().last()
    }

    /// The same, waited for.
    #[cfg(test)]
    fn wait(&self) -> News {
        self.news.recv().unwrap()
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        self.jobs = None;
        if let Some(thread) = self.thread.take() {
            // What went wrong on it was reported there.
            let _ = thread.join();
        }
    }
}

/// What the thread has.
struct Keeping {
    id: String,
    folder: PathBuf,
    shelf: Shelf,
    tell: Sender<News>,
    done: u64,
    lessons: Option<Arc<Lessons>>,
    /// What is shown there.
    lesson: Option<Arc<Lesson>>,
    /// The small pictures with their numbers, by the names of their files.
    pictures: BTreeMap<String, (u64, Arc<[u8]>)>,
    /// What went wrong last, until the next job goes well or the file is mended.
    wrong: Option<String>,
    /// Whether it is the file that is wrong.
    is_broken: bool,
}

impl Keeping {
    /// Works until the node is gone and all is done. `told`: what was taught so far, in words, where
    /// it is shown.
    fn work(&mut self, jobs: &Receiver<Job>, told: Option<String>) {
        if let Some(told) = told {
            self.show(told);
        }
        loop {
            match jobs.recv_timeout(POLL_INTERVAL) {
                Ok(job) => {
                    self.done += 1;
                    if !self.is_broken {
                        self.wrong = None;
                    }
                    if let Err(error) = self.do_job(job) {
                        self.warn(&error);
                    }
                    // Several that wait are learnt from at once.
                    if jobs.is_empty() {
                        self.learn();
                    }
                }
                Err(RecvTimeoutError::Timeout) => match self.shelf.look() {
                    Ok(is_news) => {
                        let is_mended = self.is_broken && self.shelf.is_sound();
                        if is_mended {
                            (self.wrong, self.is_broken) = (None, false);
                        }
                        if is_news || is_mended {
                            self.learn();
                        }
                    }
                    Err(error) => {
                        self.warn(&error);
                        self.is_broken = true;
                        // The file may have been read before it could not be written.
                        self.learn();
                    }
                },
                Err(RecvTimeoutError::Disconnected) => break,
            }
        }
        if let (Some(lessons), Some(lesson)) = (&self.lessons, &self.lesson) {
            lessons.forget(&self.id, lesson);
        }
    }

    fn do_job(&mut self, job: Job) -> Result<(), NodeError> {
        let (mut example, picture) = match job {
            Job::Record(example, picture) => (example, picture),
            Job::Edit(edit) => return self.shelf.edit(edit),
        };
        example.id = self.shelf.next_id();
        // An example without its picture teaches as much.
        match picture.map(|picture| thumbnail::write(&self.folder, example.id, &picture)) {
            Some(Ok(name)) => example.picture = Some(name),
            Some(Err(error)) => self.warn(&error),
            None => {}
        }
        let picture = example.picture.clone();
        let done = self.shelf.edit(Edit::Add(example));
        // One that there was no room for leaves no picture behind.
        let is_kept = |name: &String| {
            let mut examples = self.shelf.examples().iter();
            examples.any(|other| other.picture.as_ref() == Some(name))
        };
        if done.is_err()
            && let Some(name) = picture.filter(|name| !is_kept(name))
        {
            // It was written a moment ago; if it stays, it does no harm.
            let _ = std::fs::remove_file(self.folder.join(name));
        }
        done
    }

    /// Learns from the examples as they are, and hands on what was learnt.
    fn learn(&mut self) {
        let taught = Taught::by(self.shelf.examples(), self.shelf.dimension());
        self.show(taught.told());
        tracing::info!("{} has been taught {}", self.id, taught.told());
        let done = self.done;
        // The node may be gone.
        let _ = self.tell.send(News { taught, done });
    }

    /// Shows the examples to whoever looks, and what they have taught.
    fn show(&mut self, told: String) {
        let Some(lessons) = &self.lessons else {
            return;
        };
        let mut shown = Vec::new();
        for example in self.shelf.examples() {
            let picture = example.picture.as_ref().and_then(|name| {
                if !self.pictures.contains_key(name) {
                    let png = thumbnail::read(&self.folder.join(name))?;
                    let picture = (lessons.number(), png.into());
                    self.pictures.insert(name.clone(), picture);
                }
                self.pictures.get(name).cloned()
            });
            let (picture, png) = picture.unzip();
            let values = NAMES.iter().zip(example.values);
            shown.push(lessons::Example {
                id: example.id,
                name: example.name.clone(),
                weight: example.weight,
                values: { values }
                    .filter_map(|(name, value)| Some((*name, value?)))
                    .collect(),
                picture,
                png,
            });
        }
        let lesson = Arc::new(Lesson {
            told,
            wrong: self.wrong.clone(),
            examples: shown,
        });
        lessons.put(&self.id, lesson.clone());
        self.lesson = Some(lesson);
    }

    fn warn(&mut self, error: &NodeError) {
        let why = match error.advice() {
            Some(advice) => format!("{error}; {advice}"),
            None => error.to_string(),
        };
        tracing::warn!("{}: {why}", self.id);
        self.wrong = Some(why);
    }
}

#[cfg(test)]
mod tests {
    use super::super::example::tests::of;
    use super::super::example::{FILE, MOST};
    use super::super::taught::Space;
    use super::*;

    fn keeper(folder: &Path) -> Keeper {
        Keeper::of(Shelf::open(folder, 3).unwrap(), folder, "node", None).unwrap()
    }

    #[test]
    fn an_example_is_learnt_at_once_and_written_with_its_picture() {
        let folder = tempfile::tempdir().unwrap();
        let mut keeper = keeper(folder.path());
        let frame = Frame::rgb(2, 1, vec![9; 6]).unwrap();
        let number = keeper.record(of(0, 0.75, [1.0, 2.0, 3.0]), Some(Arc::new(frame)));
        let news = keeper.wait();
        assert_eq!((news.done, number, news.taught.count()), (1, 1, 1));
        let guess = { news.taught }.guess(&[1.0, 2.0, 3.0], &mut Space::default());
        assert_eq!(guess.unwrap().values[0], Some(0.75));
        drop(keeper);
        let shelf = Shelf::open(folder.path(), 3).unwrap();
        assert_eq!(shelf.examples()[0].picture.as_deref(), Some("1.png"));
        assert!(folder.path().join("1.png").is_file());
    }

    #[test]
    fn what_was_taught_is_shown_with_its_picture_until_the_node_goes() {
        let folder = tempfile::tempdir().unwrap();
        let shelf = Shelf::open(folder.path(), 3).unwrap();
        let lessons = Arc::<Lessons>::default();
        let shown = Some((lessons.clone(), "nothing yet".to_owned()));
        let mut keeper = Keeper::of(shelf, folder.path(), "node", shown).unwrap();
        let frame = Frame::rgb(2, 1, vec![9; 6]).unwrap();
        keeper.record(of(0, 0.75, [1.0, 2.0, 3.0]), Some(Arc::new(frame)));
        keeper.wait();
        let shown = lessons.all();
        let example = &shown["node"].examples[0];
        assert_eq!((example.id, example.values["a"]), (1, 0.75));
        let png = lessons.picture(example.picture.unwrap()).unwrap();
        assert!(png.starts_with(b"\x89PNG"));
        drop(keeper);
        assert!(lessons.all().is_empty());
    }

    #[test]
    fn a_mistake_in_the_file_is_shown_until_it_is_mended() {
        let folder = tempfile::tempdir().unwrap();
        let shelf = Shelf::open(folder.path(), 3).unwrap();
        let lessons = Arc::<Lessons>::default();
        let shown = Some((lessons.clone(), "nothing yet".to_owned()));
        let mut keeper = Keeper::of(shelf, folder.path(), "node", shown).unwrap();
        keeper.record(of(0, 0.75, [1.0, 2.0, 3.0]), None);
        keeper.wait();
        let path = folder.path().join(FILE);
        let text = std::fs::read_to_string(&path).unwrap();
        let write = |text: &str| {
            let new = folder.path().join("new");
            std::fs::write(&new, text).unwrap();
            std::fs::rename(&new, &path).unwrap();
        };
        write("Examples(format: 1, examples: [(id: 1,])");
        keeper.wait();
        let wrong = lessons.all()["node"].wrong.clone().unwrap();
        assert!(wrong.contains("mistake at 1:"), "{wrong}");
        write(&text);
        keeper.wait();
        assert_eq!(lessons.all()["node"].wrong, None);
    }

    #[test]
    fn an_example_too_many_leaves_no_picture_behind() {
        let folder = tempfile::tempdir().unwrap();
        let entry = |id| format!("(id: {id}, values: {{\"a\": 0.5}}, latent: [1, 2, 3]), ");
        let entries: String = (1..=MOST).map(entry).collect();
        let text = format!("Examples(format: 1, examples: [{entries}])");
        std::fs::write(folder.path().join(FILE), text).unwrap();
        let shelf = Shelf::open(folder.path(), 3).unwrap();
        assert_eq!(shelf.examples().len(), MOST);
        let (tell, _news) = unbounded();
        let mut keeping = Keeping {
            id: "node".to_owned(),
            folder: folder.path().to_owned(),
            shelf,
            tell,
            done: 0,
            lessons: None,
            lesson: None,
            pictures: BTreeMap::new(),
            wrong: None,
            is_broken: false,
        };
        let frame = Arc::new(Frame::rgb(2, 1, vec![9; 6]).unwrap());
        let one = Box::new(of(0, 0.75, [1.0, 2.0, 3.0]));
        assert!(keeping.do_job(Job::Record(one, Some(frame))).is_err());
        assert!(!folder.path().join(format!("{}.png", MOST + 1)).exists());
    }

    #[test]
    fn what_was_given_last_is_written_before_the_node_goes() {
        let folder = tempfile::tempdir().unwrap();
        let mut keeper = keeper(folder.path());
        for _ in 0..5 {
            keeper.record(of(0, 0.75, [1.0, 2.0, 3.0]), None);
        }
        keeper.edit(Edit::Remove(2));
        drop(keeper);
        let shelf = Shelf::open(folder.path(), 3).unwrap();
        let ids: Vec<u64> = shelf.examples().iter().map(|one| one.id).collect();
        assert_eq!(ids, [1, 3, 4, 5]);
    }

    #[test]
    fn an_edit_of_the_file_is_learnt_from() {
        let folder = tempfile::tempdir().unwrap();
        let mut keeper = keeper(folder.path());
        keeper.record(of(0, 0.75, [1.0, 2.0, 3.0]), None);
        assert_eq!(keeper.wait().taught.count(), 1);
        let path = folder.path().join(FILE);
        let text = std::fs::read_to_string(&path).unwrap();
        std::fs::write(&path, text.replace("weight: 1", "weight: 0")).unwrap();
        assert_eq!(keeper.wait().taught.count(), 0);
    }
}
