//! Tells when files have been saved.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crossbeam_channel::{Receiver, unbounded};
use notify::event::EventKind;
use notify::{RecommendedWatcher, RecursiveMode};
use notify_debouncer_full::{DebounceEventResult, Debouncer, RecommendedCache, new_debouncer};

/// Events closer together than this are one saving.
const TOGETHER: Duration = Duration::from_millis(20);

/// Watches files, whichever way their editors save them: the folders are watched, since a watch on a file goes with
/// the file when an editor puts a new one in its place.
pub struct Watch {
    debouncer: Debouncer<RecommendedWatcher, RecommendedCache>,
    files: Arc<Mutex<BTreeSet<PathBuf>>>,
    folders: BTreeSet<PathBuf>,
    saved: Receiver<BTreeSet<PathBuf>>,
}

impl Watch {
    /// Watches nothing yet.
    ///
    /// # Errors
    /// The system has no watch to give.
    pub fn new() -> Result<Watch, notify::Error> {
        let files: Arc<Mutex<BTreeSet<PathBuf>>> = Arc::default();
        let (tell, saved) = unbounded();
        let watched = files.clone();
        let hear = move |events: DebounceEventResult| {
            let watched = watched.lock().unwrap_or_else(PoisonError::into_inner);
            let touched: BTreeSet<PathBuf> = events
                .into_iter()
                .flatten()
                .filter(|event| !matches!(event.kind, EventKind::Access(_)))
                .flat_map(|event| event.event.paths)
                .filter(|path| watched.contains(path))
                .collect();
            if !touched.is_empty() {
                // Whoever listened may be gone.
                let _ = tell.send(touched);
            }
        };
        Ok(Watch {
            debouncer: new_debouncer(TOGETHER, None, hear)?,
            files,
            folders: BTreeSet::new(),
            saved,
        })
    }

    /// Watches these files, given by absolute paths, and no others. A folder that cannot be watched is given back.
    pub fn set(&mut self, files: BTreeSet<PathBuf>) -> Vec<PathBuf> {
        let folders: BTreeSet<PathBuf> = files
            .iter()
            .filter_map(|file| file.parent().map(Path::to_path_buf))
            .collect();
        *self.files.lock().unwrap_or_else(PoisonError::into_inner) = files;
        for gone in self.folders.difference(&folders) {
            // It may have been removed, and its watch with it.
            let _ = self.debouncer.unwatch(gone);
        }
        let mut refused = Vec::new();
        for new in folders.difference(&self.folders) {
            if self
                .debouncer
                .watch(new, RecursiveMode::NonRecursive)
                .is_err()
            {
                refused.push(new.clone());
            }
        }
        // What was refused is tried again the next time: a folder may have been made by then.
        self.folders = folders;
        self.folders.retain(|folder| !refused.contains(folder));
        refused
    }

    /// Gives the files of each saving.
    pub fn saved(&self) -> &Receiver<BTreeSet<PathBuf>> {
        &self.saved
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_seen_however_it_is_saved_and_its_neighbours_are_not() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path().canonicalize().unwrap();
        let (patch, other) = (folder.join("patch.ron"), folder.join("other.ron"));
        std::fs::write(&patch, "1").unwrap();
        let mut watch = Watch::new().unwrap();
        assert!(watch.set([patch.clone()].into()).is_empty());
        let within = Duration::from_secs(10);
        let save_in_place = || std::fs::write(&patch, "2").unwrap();
        let save_by_renaming = || {
            std::fs::write(folder.join("patch.ron~"), "3").unwrap();
            std::fs::rename(folder.join("patch.ron~"), &patch).unwrap();
        };
        // Twice: a watch that was lost with the file would not see the second.
        for save in [
            &save_in_place as &dyn Fn(),
            &save_by_renaming,
            &save_by_renaming,
        ] {
            std::fs::write(&other, "9").unwrap();
            save();
            assert_eq!(
                watch.saved().recv_timeout(within).unwrap(),
                [patch.clone()].into()
            );
            while watch.saved().recv_timeout(TOGETHER * 5).is_ok() {}
        }
    }
}
