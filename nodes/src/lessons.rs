//! What nodes have been taught by example, for whoever shows it: the studio's page.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use score_engine::Settings;
use serde::Serialize;

/// What the nodes of a run have been taught. Who starts the run shares it by
/// [`Settings::with_shared`]; the threads that learn write into it, and nothing that plays waits
/// for it.
#[derive(Debug)]
pub struct Lessons {
    all: Mutex<BTreeMap<String, Arc<Lesson>>>,
    pictures: AtomicU64,
}

impl Default for Lessons {
    fn default() -> Self {
        // A page that stays open keeps pictures by their numbers: those of the next run are others.
        let since = SystemTime::now().duration_since(UNIX_EPOCH);
        let first = since.map_or(0, |since| since.as_millis() as u64);
        Lessons {
            all: Mutex::default(),
            pictures: AtomicU64::new(first),
        }
    }
}

/// What one node has been taught.
#[derive(Debug, Serialize)]
pub struct Lesson {
    /// How well it guesses, in words.
    pub told: String,
    /// What went wrong last, such as a mistake in the file of the examples, until it is mended.
    pub wrong: Option<String>,
    /// All examples, in the order of their file.
    pub examples: Vec<Example>,
}

/// One example.
#[derive(Debug, Serialize)]
pub struct Example {
    /// Its number.
    pub id: u64,
    /// What its maker calls it.
    pub name: String,
    /// How much it counts; 0: not at all.
    pub weight: f32,
    /// What the knobs should be, by their names.
    pub values: BTreeMap<&'static str, f32>,
    /// The number of its small picture among all that are shown, where it has one.
    pub picture: Option<u64>,
    /// The picture's file, a PNG.
    #[serde(skip)]
    pub png: Option<Arc<[u8]>>,
}

impl Lessons {
    /// What a run's nodes share.
    pub(crate) fn of(settings: &Settings) -> Option<Arc<Lessons>> {
        settings.shared()
    }

    /// What `node` has been taught from now on.
    pub(crate) fn put(&self, node: &str, lesson: Arc<Lesson>) {
        self.lock().insert(node.to_owned(), lesson);
    }

    /// The node is gone that was taught `lesson`; another of its name stays.
    pub(crate) fn forget(&self, node: &str, lesson: &Arc<Lesson>) {
        let mut all = self.lock();
        if all.get(node).is_some_and(|now| Arc::ptr_eq(now, lesson)) {
            all.remove(node);
        }
    }

    /// What all nodes have been taught, by their ids.
    pub fn all(&self) -> BTreeMap<String, Arc<Lesson>> {
        self.lock().clone()
    }

    /// A number for a small picture, which no other has.
    pub(crate) fn number(&self) -> u64 {
        self.pictures.fetch_add(1, Ordering::Relaxed)
    }

    /// The file of a small picture, by its number.
    pub fn picture(&self, number: u64) -> Option<Arc<[u8]>> {
        let all = self.lock();
        let mut examples = all.values().flat_map(|lesson| &lesson.examples);
        examples
            .find(|example| example.picture == Some(number))
            .and_then(|example| example.png.clone())
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Arc<Lesson>>> {
        self.all.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_that_goes_takes_only_its_own_lesson_along() {
        let lesson = |told: &str, number: u64| {
            let png: Arc<[u8]> = told.as_bytes().into();
            let example = Example {
                id: 1,
                name: String::new(),
                weight: 1.0,
                values: BTreeMap::new(),
                picture: Some(number),
                png: Some(png),
            };
            Arc::new(Lesson {
                told: told.to_owned(),
                wrong: None,
                examples: vec![example],
            })
        };
        let (lessons, one, other) = (Lessons::default(), lesson("one", 0), lesson("other", 1));
        lessons.put("node", one.clone());
        assert_eq!(lessons.picture(0).as_deref(), Some(&b"one"[..]));
        lessons.put("node", other.clone());
        lessons.forget("node", &one);
        assert_eq!(lessons.all()["node"].told, "other");
        assert_eq!(lessons.picture(0), None);
        lessons.forget("node", &other);
        assert!(lessons.all().is_empty());
    }
}
