//! The page of films: one is rendered, seen and heard with its music, turned and rendered again.
//!
//! `server` answers requests, `table` knows which films there are, `order` which command renders
//! one, `work` has it done by another process (`child`) in a `folder` that goes with the page;
//! `results` holds what came of it, `range` sends it, and `keep` gives it to the user. `patches` is
//! what the page lists besides, and `listing` the whole list, which is not made for each who asks.

mod child;
mod folder;
mod keep;
mod listing;
mod order;
mod patches;
mod range;
mod results;
mod server;
mod table;
mod work;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::thread::JoinHandle;

use score_engine::Registry;
use serde_json::{Value, json};

use self::folder::Folder;
use self::listing::Listing;
use self::order::{Choices, Order};
use self::table::Table;
use self::work::Work;
use super::{Door, PageServer};
use crate::arguments::{Common, Film};
use crate::failure::Failure;

/// What a page of films shows.
pub(crate) struct Films {
    table: Table,
    listing: Listing,
    choices: Choices,
    work: Work,
    /// The folder as the user has typed it.
    typed: PathBuf,
    /// Whether results are being kept just now.
    is_keeping: AtomicBool,
}

impl Films {
    /// One film, with what its page turns at the start as on the command line; it is rendered at
    /// once.
    ///
    /// # Errors
    /// There is no room for results.
    pub(crate) fn of_film(film: &Film, common: &Common, kinds: &Registry) -> Result<Self, Failure> {
        let path = std::path::absolute(&film.film).unwrap_or_else(|_| film.film.clone());
        let table = Table::of_film(&path);
        let films = Self::new(table, Some(film), common, kinds, PathBuf::new())?;
        let start = films.work.order().start.clone();
        films.work.render(0, path, start);
        Ok(films)
    }

    /// The films and patches below a folder.
    ///
    /// # Errors
    /// There is no such folder, or no room for results.
    pub(crate) fn of_folder(
        folder: &Path,
        common: &Common,
        kinds: &Registry,
    ) -> Result<Self, Failure> {
        let refuse =
            |why: &str| Failure::Message(format!("the folder `{}` {why}", folder.display()));
        if !folder.exists() {
            return Err(refuse("does not exist"));
        }
        if !folder.is_dir() {
            return Err(refuse("is not a folder"));
        }
        let table = Table::of_folder(folder);
        let table = table.map_err(|error| refuse(&format!("cannot be read ({error})")))?;
        Self::new(table, None, common, kinds, folder.to_owned())
    }

    fn new(
        table: Table,
        film: Option<&Film>,
        common: &Common,
        kinds: &Registry,
        typed: PathBuf,
    ) -> Result<Self, Failure> {
        let order = Order::of(common, film, table.folder()).map_err(|error| {
            Failure::Message(format!(
                "this program does not know where it lies ({error})"
            ))
        })?;
        let folder = Folder::new().map_err(|error| {
            let place = std::env::temp_dir();
            let place = place.display();
            Failure::Message(format!(
                "results cannot be written to `{place}` ({error}); name another folder with TMPDIR"
            ))
        })?;
        let has_own_patch = film.is_some_and(|film| film.tune.patch.is_some());
        Ok(Films {
            table,
            listing: Listing::default(),
            choices: Choices::of(kinds, has_own_patch),
            work: Work::new(order, folder),
            typed,
            is_keeping: AtomicBool::new(false),
        })
    }

    /// What lies below the folder, for the page. Waits for the disk.
    fn library(&self) -> Value {
        let found = self.table.look();
        let films = found.films.iter();
        let films: Vec<Value> = films
            .map(|(number, name)| json!({ "film": number, "name": name }))
            .collect();
        let patches = found.patches.iter();
        let mut budget = patches::MOST_READ;
        let patches: Vec<Value> = patches
            .filter_map(|(path, name)| {
                // In the current folder a name alone will do.
                let typed = match self.typed == Path::new(".") {
                    true => PathBuf::from(name),
                    false => self.typed.join(name),
                };
                patches::of_file(path, name, &typed, &mut budget)
            })
            .collect();
        let folder = self.table.folder().unwrap_or(Path::new(""));
        json!({
            "folder": folder.file_name().unwrap_or_default().to_string_lossy(),
            "films": films,
            "patches": patches,
            "built_in": patches::built_in(),
            "is_cut": found.is_cut,
        })
    }

    /// What the page of a film is told; `None`: there is no such film.
    fn told(&self, film: usize, right: &str) -> Option<Value> {
        let mut told = self.work.told(film);
        told["name"] = self.table.name(film)?.into();
        told["right"] = right.into();
        told["start"] = json!(self.work.order().start);
        told["choices"] = self.choices.json();
        told["has_library"] = self.table.folder().is_some().into();
        Some(told)
    }

    /// Gives a result its place among the user's files. Waits for the disk.
    ///
    /// # Errors
    /// Why it cannot be kept.
    fn keep(&self, result: usize) -> Result<Vec<String>, String> {
        let gone = || "this result is gone; render again".to_owned();
        let made = self.work.made(result).ok_or_else(gone)?;
        let film = self.table.film(made.film).ok_or_else(gone)?;
        let order = self.work.order();
        let is_kept = |what: &str| match what {
            "stem" => order.keeps_stems,
            "pages" => order.keeps_pages,
            "report" => false,
            _ => true,
        };
        let files = made.files.iter().filter(|file| is_kept(file.what));
        let files: Vec<&Path> = files.map(|file| file.path.as_path()).collect();
        let name = order.name_of(&film);
        let written = keep::keep(&files, &name).map_err(|error| {
            let folder = name.parent().unwrap_or(Path::new(""));
            let folder = std::path::absolute(folder).unwrap_or_default();
            format!("nothing was written to `{}`: {error}", folder.display())
        })?;
        let shown = written.iter().map(|path| crate::ownership::shown(path));
        let names: Vec<String> = shown.map(|path| path.display().to_string()).collect();
        self.work.kept(result, names.clone());
        Ok(names)
    }
}

/// The threads that work for the page.
struct Workers(Arc<Films>, Vec<JoinHandle<()>>);

impl Workers {
    fn start(films: &Arc<Films>) -> std::io::Result<Self> {
        let mut workers = Workers(films.clone(), Vec::new());
        let thread = |name: &str| std::thread::Builder::new().name(name.to_owned());
        let renders = films.clone();
        workers
            .1
            .push(thread("renders").spawn(move || renders.work.work())?);
        let stills = films.clone();
        workers
            .1
            .push(thread("stills").spawn(move || stills.work.look())?);
        Ok(workers)
    }
}

impl Drop for Workers {
    fn drop(&mut self) {
        self.0.work.end();
        for thread in self.1.drain(..) {
            let _ = thread.join();
        }
    }
}

impl PageServer {
    /// Serves the page of films. `tell` says each next one-time address.
    ///
    /// # Errors
    /// The port cannot be had, or a secret cannot be made.
    pub(crate) fn of_films(
        door: &Door,
        films: Films,
        tell: impl Fn(&str) + Send + Sync + 'static,
    ) -> Result<PageServer, Failure> {
        let films = Arc::new(films);
        let workers = Workers::start(&films)
            .map_err(|error| Failure::Message(format!("the system refuses a thread ({error})")))?;
        PageServer::open(door, tell, |listener, gate, over| async move {
            server::serve(listener, gate, films, over).await;
            drop(workers);
        })
    }
}
