//! The examples of a folder: read from its file, changed, and written back whole, with all that
//! their reader wrote between them.

use std::fs::File;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use score_engine::{NodeError, Unwritten, patch_hash, replace_patch};

use super::example::{EMPTY, Example, FILE, HEAVIEST, LONGEST, LONGEST_NAME, MOST, read};
use super::splice;
use crate::file_state::FileState;
use crate::output::{publish, unwritable};
use crate::plain_file;

/// Something that is done to the examples.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Edit {
    /// Another one, whose number is given when it is added where it is 0.
    Add(Box<Example>),
    /// It goes.
    Remove(u64),
    /// How much it counts.
    Weigh(u64, f32),
    /// What it is called.
    Name(u64, String),
    /// The last of these is undone.
    Undo,
}

impl Edit {
    /// Names the example `to` where it named `from`.
    fn renumber(&mut self, from: u64, to: u64) {
        let id = match self {
            Edit::Add(example) => &mut example.id,
            Edit::Remove(id) | Edit::Weigh(id, _) | Edit::Name(id, _) => id,
            Edit::Undo => return,
        };
        if *id == from {
            *id = to;
        }
    }

    /// What a text such as `delete 7` asks for; `None`: it asks for nothing.
    ///
    /// # Errors
    /// There is no such thing to do.
    pub(super) fn of(text: &str) -> Result<Option<Self>, NodeError> {
        let refuse = || {
            NodeError::input(format!("`{text}` is nothing that is done to examples")).help(
                "`delete 7`, `weigh 7 0.5`, `name 7 rain`, `undo`, where 7 is the number of the example",
            )
        };
        let (word, rest) = match text.trim().split_once(char::is_whitespace) {
            Some((word, rest)) => (word, rest.trim()),
            None => (text.trim(), ""),
        };
        let (number, rest) = match rest.split_once(char::is_whitespace) {
            Some((number, rest)) => (number, rest.trim()),
            None => (rest, ""),
        };
        let number = number.parse().ok();
        let edit = match (word, number, rest) {
            ("", _, _) => return Ok(None),
            ("undo", None, "") => Edit::Undo,
            ("delete", Some(id), "") => Edit::Remove(id),
            ("weigh", Some(id), weight) => match weight.parse() {
                Ok(weight) if (0.0..=HEAVIEST).contains(&weight) => Edit::Weigh(id, weight),
                _ => {
                    return Err(refuse().help(format!("a weight is a number from 0 to {HEAVIEST}")));
                }
            },
            ("name", Some(id), name) if name.chars().count() <= LONGEST_NAME => {
                Edit::Name(id, name.to_owned())
            }
            _ => return Err(refuse()),
        };
        Ok(Some(edit))
    }
}

/// What lies in the file.
enum Lying {
    /// There is none.
    Nothing,
    /// What was read and written last.
    Text(String),
    /// It cannot be read, or has a mistake.
    Broken,
}

/// The examples of a folder.
pub(super) struct Shelf {
    folder: PathBuf,
    dimension: usize,
    lying: Lying,
    /// The file as it was when it was looked at last.
    seen: Option<FileState>,
    examples: Vec<Example>,
    /// What could not be written yet: the file had a mistake, or the disk was full.
    unwritten: Vec<Edit>,
    /// What undoes what was done, the latest last.
    undo: Vec<Edit>,
    /// The highest number that an example ever had here.
    highest: u64,
    /// What was reported last, so that it is not said again at each look.
    told: Option<String>,
}

impl Shelf {
    /// The examples in `folder`, whose latents have `dimension` components; none where there is
    /// no file, or no folder.
    ///
    /// # Errors
    /// The file cannot be read or has a mistake.
    pub(super) fn open(folder: &Path, dimension: usize) -> Result<Self, NodeError> {
        let mut shelf = Shelf {
            folder: folder.to_owned(),
            dimension,
            lying: Lying::Nothing,
            seen: None,
            examples: Vec::new(),
            unwritten: Vec::new(),
            undo: Vec::new(),
            highest: 0,
            told: None,
        };
        shelf.seen = shelf.state();
        if let Some((text, examples)) = read_file(folder, Some(dimension))? {
            shelf.lying = Lying::Text(text);
            shelf.take(examples);
        }
        Ok(shelf)
    }

    /// The examples as they are now.
    pub(super) fn examples(&self) -> &[Example] {
        &self.examples
    }

    /// How many components their latents have.
    pub(super) fn dimension(&self) -> usize {
        self.dimension
    }

    /// The number that the next example gets.
    pub(super) fn next_id(&self) -> u64 {
        self.highest.saturating_add(1)
    }

    fn path(&self) -> PathBuf {
        self.folder.join(FILE)
    }

    fn state(&self) -> Option<FileState> {
        let metadata = std::fs::metadata(self.path()).ok()?;
        Some(FileState::of(&metadata))
    }

    fn take(&mut self, examples: Vec<Example>) {
        let highest = examples.iter().map(|example| example.id).max();
        self.highest = self.highest.max(highest.unwrap_or(0));
        self.examples = examples;
    }

    /// Reads the file if it is another than it was, and writes what is still to be written;
    /// whether the examples are others now.
    ///
    /// # Errors
    /// The file has a mistake, so that the examples stay as they are, or cannot be written. Each
    /// reason is given once.
    pub(super) fn look(&mut self) -> Result<bool, NodeError> {
        let before = self.examples.clone();
        let done = self.read_again().and_then(|()| self.write());
        let is_news = self.examples != before;
        match done {
            Ok(()) => self.told = None,
            Err(error) => {
                let why = error.to_string();
                if self.told.as_ref() != Some(&why) {
                    self.told = Some(why);
                    return Err(error);
                }
            }
        }
        Ok(is_news)
    }

    /// Whether the file could be read and written when it was looked at last.
    pub(super) fn is_sound(&self) -> bool {
        self.told.is_none()
    }

    fn read_again(&mut self) -> Result<(), NodeError> {
        let now = self.state();
        if now == self.seen && !matches!(self.lying, Lying::Broken) {
            return Ok(());
        }
        self.seen = now;
        match read_file(&self.folder, Some(self.dimension)) {
            Ok(Some((text, examples))) => {
                self.lying = Lying::Text(text);
                self.take(examples);
                let mut renumbered: Vec<(u64, u64)> = Vec::new();
                for mut edit in std::mem::take(&mut self.unwritten) {
                    for (from, to) in &renumbered {
                        edit.renumber(*from, *to);
                    }
                    // Somebody may have given its number to another meanwhile: what waits behind
                    // it, and what undoes it, means the one that was taught. What was deleted
                    // meanwhile is not weighed any more.
                    let is_of_another = |example: &Example| {
                        let mut others = self.examples.iter();
                        others.any(|other| other.id == example.id && other != example)
                    };
                    if let Edit::Add(example) = &mut edit
                        && is_of_another(example)
                    {
                        let (from, to) = (example.id, self.next_id());
                        example.id = to;
                        renumbered.push((from, to));
                        for undone in &mut self.undo {
                            undone.renumber(from, to);
                        }
                    }
                    if self.change(&edit).is_ok() {
                        self.unwritten.push(edit);
                    }
                }
                Ok(())
            }
            Ok(None) => {
                // Deleting the file is deleting all of them.
                if !matches!(self.lying, Lying::Nothing) {
                    self.lying = Lying::Nothing;
                    self.examples.clear();
                    self.undo.clear();
                }
                Ok(())
            }
            Err(error) => {
                self.lying = Lying::Broken;
                Err(error)
            }
        }
    }

    /// Does something to the examples, and writes it into the file. Where that cannot be done now,
    /// the examples are changed all the same, and it is written as soon as it can be.
    ///
    /// # Errors
    /// There is nothing to do it to, or too many examples; or it is not written yet.
    pub(super) fn edit(&mut self, edit: Edit) -> Result<(), NodeError> {
        // What was saved a moment ago counts; what is wrong with it is told at the next look.
        let _ = self.read_again();
        let is_undo = edit == Edit::Undo;
        let edit = match edit {
            Edit::Undo => (self.undo.pop())
                .ok_or_else(|| NodeError::input("there is nothing left to undo"))?,
            Edit::Add(mut example) if example.id == 0 => {
                example.id = self.next_id();
                Edit::Add(example)
            }
            edit => edit,
        };
        let back = self.change(&edit)?;
        if !is_undo {
            self.undo.push(back);
        }
        self.unwritten.push(edit);
        self.write()
    }

    /// Does it to the examples, and gives back what undoes it.
    fn change(&mut self, edit: &Edit) -> Result<Edit, NodeError> {
        let place = |id: u64| {
            let mut numbers = self.examples.iter();
            numbers.position(|example| example.id == id).ok_or_else(|| {
                NodeError::input(format!("there is no example {id}"))
                    .help(format!("the numbers stand in {FILE}"))
            })
        };
        match edit {
            Edit::Undo => Err(NodeError::internal("an undo undoes something")),
            Edit::Add(example) => {
                if self.examples.len() >= MOST {
                    let why = format!("there are {MOST} examples already");
                    return Err(NodeError::input(why).help("delete some that say the same"));
                }
                if place(example.id).is_ok() {
                    let why = format!("there is an example {} already", example.id);
                    return Err(NodeError::input(why));
                }
                self.highest = self.highest.max(example.id);
                self.examples.push((**example).clone());
                Ok(Edit::Remove(example.id))
            }
            Edit::Remove(id) => {
                let place = place(*id)?;
                Ok(Edit::Add(Box::new(self.examples.remove(place))))
            }
            Edit::Weigh(id, weight) => {
                let place = place(*id)?;
                let example = self.examples.get_mut(place).ok_or_else(gone)?;
                let before = std::mem::replace(&mut example.weight, *weight);
                Ok(Edit::Weigh(*id, before))
            }
            Edit::Name(id, name) => {
                let place = place(*id)?;
                let example = self.examples.get_mut(place).ok_or_else(gone)?;
                let before = std::mem::replace(&mut example.name, name.clone());
                Ok(Edit::Name(*id, before))
            }
        }
    }

    /// Writes what is not written yet.
    fn write(&mut self) -> Result<(), NodeError> {
        if self.unwritten.is_empty() {
            return Ok(());
        }
        let before = match &self.lying {
            Lying::Text(text) => text.as_str(),
            Lying::Nothing => EMPTY,
            Lying::Broken => {
                let why = format!(
                    "`{}` has a mistake; what is taught is written into it once that is mended",
                    self.path().display()
                );
                return Err(NodeError::output(why));
            }
        };
        let mut text = before.to_owned();
        for edit in &self.unwritten {
            text = spliced(&text, edit, self.dimension).unwrap_or(text);
        }
        // What is written is what plays, or nothing is written.
        if read(&text, Some(self.dimension)).as_ref() != Ok(&self.examples) {
            let why = format!(
                "`{}` is written in a way that cannot be changed here",
                self.path().display()
            );
            return Err(NodeError::output(why).help("write it as the other examples are written"));
        }
        if text.len() as u64 > LONGEST {
            let why = format!("`{}` would be too long", self.path().display());
            return Err(NodeError::output(why).help("delete some examples"));
        }
        match &self.lying {
            Lying::Text(before) if *before == text => {}
            Lying::Text(before) => self.replace(before, &text)?,
            _ => self.create(&text)?,
        }
        self.seen = self.state();
        self.lying = Lying::Text(text);
        self.unwritten.clear();
        Ok(())
    }

    /// Puts `text` in the place of what is `before`.
    fn replace(&self, before: &str, text: &str) -> Result<(), NodeError> {
        replace_patch(&self.path(), &patch_hash(before), text).map_err(|why| match why {
            // It is read at the next look, and this written then.
            Unwritten::Changed(_) => {
                let path = self.path();
                NodeError::output(format!("`{}` has just been saved", path.display()))
            }
            why => NodeError::output(why.to_string()),
        })
    }

    /// Makes the file, unless there is one.
    fn create(&self, text: &str) -> Result<(), NodeError> {
        let path = self.path();
        let made = || -> io::Result<()> {
            std::fs::create_dir_all(&self.folder)?;
            let mut file = tempfile::Builder::new()
                .prefix(".score-")
                .suffix(".partial")
                .tempfile_in(&self.folder)?;
            file.write_all(text.as_bytes())?;
            publish(&file)?;
            file.as_file().sync_all()?;
            file.persist_noclobber(&path)
                .map_err(|failed| failed.error)?;
            File::open(&self.folder)?.sync_all()
        };
        made().map_err(|error| unwritable(&path, error))
    }
}

fn gone() -> NodeError {
    NodeError::internal("an example is gone")
}

/// The text after an edit; `None`: it does not fit.
fn spliced(text: &str, edit: &Edit, dimension: usize) -> Option<String> {
    let place = |id: u64| {
        let examples = read(text, Some(dimension)).ok()?;
        examples.iter().position(|example| example.id == id)
    };
    match edit {
        Edit::Add(example) => splice::add(text, example),
        Edit::Remove(id) => splice::remove(text, place(*id)?),
        Edit::Weigh(id, weight) => splice::weigh(text, place(*id)?, *weight),
        Edit::Name(id, name) => splice::name(text, place(*id)?, name),
        Edit::Undo => None,
    }
}

/// The text of the file in `folder`, and its examples; `None`: there is none.
///
/// # Errors
/// It cannot be read, or has a mistake.
pub(super) fn read_file(
    folder: &Path,
    dimension: Option<usize>,
) -> Result<Option<(String, Vec<Example>)>, NodeError> {
    let path = folder.join(FILE);
    let refuse = |why: String| NodeError::input(format!("`{}` {why}", path.display()));
    let text = match plain_file::read_text(&path, LONGEST) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) if error.kind() == io::ErrorKind::FileTooLarge => {
            return Err(refuse("is too long for a file of examples".to_owned()));
        }
        Err(error) => return Err(refuse(format!("cannot be read ({error})"))),
    };
    let examples = read(&text, dimension).map_err(refuse)?;
    Ok(Some((text, examples)))
}

#[cfg(test)]
mod tests {
    use super::super::example::tests::of;
    use super::*;

    fn ids(shelf: &Shelf) -> Vec<u64> {
        shelf.examples().iter().map(|example| example.id).collect()
    }

    fn add(shelf: &mut Shelf, a: f32) -> Result<(), NodeError> {
        shelf.edit(Edit::Add(Box::new(of(0, a, [a, 0.0, 1.0]))))
    }

    /// What another run finds.
    fn again(folder: &Path) -> Shelf {
        Shelf::open(folder, 3).unwrap()
    }

    #[test]
    fn what_is_taught_is_there_again_and_each_step_can_be_undone() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path().join("rain");
        let mut shelf = again(&folder);
        assert!(!folder.exists());
        add(&mut shelf, 0.25).unwrap();
        add(&mut shelf, 0.5).unwrap();
        shelf.edit(Edit::Weigh(1, 2.0)).unwrap();
        shelf.edit(Edit::Name(2, "rain".to_owned())).unwrap();
        shelf.edit(Edit::Remove(1)).unwrap();
        assert_eq!(ids(&again(&folder)), [2]);
        let mut states = Vec::new();
        while shelf.edit(Edit::Undo).is_ok() {
            assert_eq!(again(&folder).examples(), shelf.examples());
            let told =
                { shelf.examples().iter() }.map(|one| (one.id, one.weight, one.name.clone()));
            states.push(told.collect::<Vec<_>>());
        }
        let one = |weight| (1, weight, String::new());
        let two = |name: &str| (2, 1.0, name.to_owned());
        let wanted = [
            vec![two("rain"), one(2.0)],
            vec![two(""), one(2.0)],
            vec![two(""), one(1.0)],
            vec![one(1.0)],
            vec![],
        ];
        assert_eq!(states, wanted);
        let nothing = folder.read_dir().unwrap();
        assert_eq!(nothing.count(), 1, "no file is left over");
        // A number is not given twice.
        add(&mut shelf, 1.0).unwrap();
        assert_eq!(ids(&shelf), [3]);
    }

    #[test]
    fn what_a_user_writes_between_stays_and_counts() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(FILE);
        let mut shelf = again(folder.path());
        add(&mut shelf, 0.25).unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        let mine = text.replace("weight: 1", "weight: 3 /* it matters */");
        std::fs::write(&path, format!("{mine}\n// the end")).unwrap();
        assert!(shelf.look().unwrap());
        assert!(!shelf.look().unwrap());
        assert_eq!(shelf.examples()[0].weight, 3.0);
        add(&mut shelf, 0.5).unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(text.contains("weight: 3 /* it matters */") && text.ends_with("// the end"));
        assert_eq!(ids(&again(folder.path())), [1, 2]);
    }

    #[test]
    fn what_is_saved_in_the_same_moment_is_not_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(FILE);
        let mut shelf = again(folder.path());
        add(&mut shelf, 0.25).unwrap();
        let Lying::Text(before) = &shelf.lying else {
            panic!("it was written");
        };
        let before = before.clone();
        let mine = before.replace("weight: 1", "weight: 7");
        std::fs::write(&path, &mine).unwrap();
        assert!(shelf.replace(&before, EMPTY).is_err());
        assert_eq!(std::fs::read_to_string(&path).unwrap(), mine);
        assert!(shelf.create(EMPTY).is_err());
        assert_eq!(std::fs::read_to_string(&path).unwrap(), mine);
    }

    #[test]
    fn with_a_mistake_in_the_file_nothing_is_forgotten_and_nothing_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(FILE);
        let mut shelf = again(folder.path());
        add(&mut shelf, 0.25).unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        let half = &text[..text.len() / 2];
        std::fs::write(&path, half).unwrap();
        let why = shelf.look().unwrap_err().to_string();
        assert!(why.contains("mistake at"), "{why}");
        assert!(!shelf.look().unwrap(), "it is said once");
        assert_eq!(ids(&shelf), [1]);
        let why = add(&mut shelf, 0.5).unwrap_err().to_string();
        assert!(why.contains("once that is mended"), "{why}");
        assert_eq!(ids(&shelf), [1, 2]);
        assert_eq!(std::fs::read_to_string(&path).unwrap(), half);
        std::fs::write(&path, &text).unwrap();
        shelf.look().unwrap();
        assert_eq!(ids(&shelf), [1, 2]);
        assert_eq!(ids(&again(folder.path())), [1, 2]);
        assert!(Shelf::open(folder.path(), 4).is_err());
    }

    #[test]
    fn an_example_that_waits_is_kept_though_its_number_was_given_to_another() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(FILE);
        let mut shelf = again(folder.path());
        add(&mut shelf, 0.25).unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        std::fs::write(&path, &text[..text.len() / 2]).unwrap();
        add(&mut shelf, 0.5).unwrap_err();
        assert_eq!(ids(&shelf), [1, 2]);
        // Whoever mends the file has written an example by hand.
        let other = tempfile::tempdir().unwrap();
        let mut by_hand = again(other.path());
        add(&mut by_hand, 0.25).unwrap();
        add(&mut by_hand, 0.75).unwrap();
        std::fs::copy(other.path().join(FILE), &path).unwrap();
        shelf.look().unwrap();
        assert_eq!(ids(&shelf), [1, 2, 3]);
        assert_eq!(ids(&again(folder.path())), [1, 2, 3]);
        // And what was taught last is what is undone, not what was written by hand.
        shelf.edit(Edit::Undo).unwrap();
        assert_eq!(ids(&again(folder.path())), [1, 2]);
    }

    #[test]
    fn a_file_that_is_deleted_takes_its_examples_along() {
        let folder = tempfile::tempdir().unwrap();
        let mut shelf = again(folder.path());
        add(&mut shelf, 0.25).unwrap();
        std::fs::remove_file(folder.path().join(FILE)).unwrap();
        assert!(shelf.look().unwrap());
        assert_eq!(ids(&shelf), [0_u64; 0]);
        add(&mut shelf, 0.5).unwrap();
        assert_eq!(ids(&again(folder.path())), [2]);
    }

    #[test]
    fn a_folder_that_cannot_be_made_costs_no_example() {
        let folder = tempfile::tempdir().unwrap();
        let place = folder.path().join("rain");
        let mut shelf = again(&place);
        std::fs::write(&place, "in the way").unwrap();
        assert!(add(&mut shelf, 0.25).is_err());
        assert_eq!(ids(&shelf), [1]);
        std::fs::remove_file(&place).unwrap();
        shelf.look().unwrap();
        assert_eq!(ids(&again(&place)), [1]);
    }

    #[test]
    fn what_is_asked_for_in_words_is_done_or_refused() {
        for (text, edit) in [
            ("delete 7", Edit::Remove(7)),
            (" weigh 7  0.5 ", Edit::Weigh(7, 0.5)),
            (
                "name 7 rain at night",
                Edit::Name(7, "rain at night".to_owned()),
            ),
            ("name 7", Edit::Name(7, String::new())),
            ("undo", Edit::Undo),
        ] {
            assert_eq!(Edit::of(text).unwrap(), Some(edit));
        }
        assert_eq!(Edit::of("  ").unwrap(), None);
        for text in [
            "delete",
            "delete x",
            "delete 7 8",
            "undo 3",
            "weigh 7",
            "weigh 7 -1",
            "weigh 7 NaN",
            "teach",
        ] {
            assert!(Edit::of(text).is_err(), "{text}");
        }
        let folder = tempfile::tempdir().unwrap();
        let mut shelf = again(folder.path());
        let why = shelf.edit(Edit::Remove(7)).unwrap_err().to_string();
        assert!(why.contains("no example 7"), "{why}");
    }
}
