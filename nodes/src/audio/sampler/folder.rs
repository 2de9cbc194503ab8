//! Reads a folder of sounds, and again what changes in it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use score_engine::NodeError;

use super::super::amplitude;
use super::super::end_fade::SILENT;
use super::super::sound_source::{SoundAtRate, open};
use super::kit::{Frames, Kit, Sound};
use super::list::{self, Entry};
use super::name;
use crate::file_state::FileState;

/// All sounds together last at most this long, in seconds: at 48 kHz they take 460 MB.
const LONGEST: u64 = 20 * 60;

/// The most files in a folder.
const MOST_FILES: usize = 4_000;

/// How deep folders in folders are looked into.
const DEEPEST: usize = 4;

/// Endings of what is tried to be read.
const ENDINGS: [&str; 11] = [
    "wav", "flac", "ogg", "oga", "mp3", "aif", "aiff", "m4a", "opus", "wv", "caf",
];

/// Between two looks at the folder. What has changed is read once it stands still for as long.
const POLL_INTERVAL: Duration = Duration::from_secs(1);

/// A sound that is cut off at its end fades there, in seconds.
const FADE: f32 = 0.003;

/// The sounds of a folder as they lie there, by their places in it.
pub(super) type States = BTreeMap<PathBuf, FileState>;

/// What was read of a file at a rate and is in use.
type Loaded = Vec<(PathBuf, FileState, u32, Weak<[[f32; 2]]>)>;

/// What any sampler has read, so that no other reads it again.
static LOADED: Mutex<Loaded> = Mutex::new(Vec::new());

/// The files of sounds in `folder`, and its list.
///
/// # Errors
/// The folder cannot be read, or has too many files.
pub(super) fn states(folder: &Path) -> Result<States, NodeError> {
    let mut states = States::new();
    look(folder, Path::new(""), 0, &mut states)?;
    Ok(states)
}

fn look(folder: &Path, within: &Path, depth: usize, states: &mut States) -> Result<(), NodeError> {
    let unreadable = |error: std::io::Error| {
        let path = folder.join(within);
        NodeError::input(format!(
            "the folder `{}` cannot be read ({error})",
            path.display()
        ))
    };
    for entry in std::fs::read_dir(folder.join(within)).map_err(unreadable)? {
        let entry = entry.map_err(unreadable)?;
        let name = entry.file_name();
        let place = within.join(&name);
        if name.to_string_lossy().starts_with('.') {
            continue;
        }
        // A link to a folder may lead in a circle.
        let is_folder = entry.file_type().is_ok_and(|kind| kind.is_dir());
        if is_folder && depth < DEEPEST {
            look(folder, &place, depth + 1, states)?;
        }
        let is_list = depth == 0 && name == list::NAME;
        if let Ok(metadata) = std::fs::metadata(entry.path())
            && metadata.is_file()
            && (is_list || is_sound(&place))
        {
            states.insert(place, FileState::of(&metadata));
        }
        if states.len() > MOST_FILES {
            let why = format!("`{}` has more than {MOST_FILES} sounds", folder.display());
            return Err(NodeError::input(why).help("choose a smaller folder"));
        }
    }
    Ok(())
}

fn is_sound(path: &Path) -> bool {
    let ending = path.extension().and_then(|ending| ending.to_str());
    ending.is_some_and(|ending| ENDINGS.contains(&ending.to_lowercase().as_str()))
}

/// What the list, or else the names, say of each file.
///
/// # Errors
/// The list has a mistake, or names a file that is not there.
pub(super) fn entries(folder: &Path, states: &States) -> Result<Vec<Entry>, NodeError> {
    if let Some(listed) = list::read(folder)? {
        for entry in &listed {
            let path = folder.join(&entry.file);
            if !path.is_file() {
                let why = format!(
                    "`{}` names `{}`, which is not there",
                    folder.join(list::NAME).display(),
                    entry.file
                );
                return Err(NodeError::input(why).help("names count from the folder of the list"));
            }
        }
        return Ok(listed);
    }
    let entry = |place: &PathBuf| {
        let name = place.file_stem().unwrap_or_default().to_string_lossy();
        let named = name::read(&name);
        let folders = place.parent().into_iter().flat_map(Path::components);
        let folders = folders.map(|part| part.as_os_str().to_string_lossy().to_lowercase());
        Entry {
            file: place.to_string_lossy().into_owned(),
            key: named.key,
            velocity: named.velocity,
            round_robin: named.turn,
            tags: named.words.into_iter().chain(folders).collect(),
            ..Entry::default()
        }
    };
    Ok(states
        .keys()
        .filter(|place| is_sound(place))
        .map(entry)
        .collect())
}

/// Reads the sounds of `folder` at `rate`. A file that cannot be read is left out, with a warning.
///
/// # Errors
/// None can be read, or they are too long together.
pub(super) fn read(folder: &Path, states: &States, rate: u32) -> Result<Kit, NodeError> {
    let mut left = LONGEST * u64::from(rate);
    let mut sounds = Vec::new();
    let mut known: BTreeMap<String, Frames> = BTreeMap::new();
    for entry in entries(folder, states)? {
        let frames = match known.get(&entry.file) {
            Some(frames) => frames.clone(),
            None => match frames(&folder.join(&entry.file), rate, left) {
                Ok(Some(frames)) => frames,
                Ok(None) => {
                    let why = format!(
                        "the sounds in `{}` last longer than {} minutes together",
                        folder.display(),
                        LONGEST / 60
                    );
                    return Err(NodeError::input(why).help("take some away, or make them shorter"));
                }
                Err(error) => {
                    tracing::warn!("a sound is left out: {error}");
                    continue;
                }
            },
        };
        if known.insert(entry.file.clone(), frames.clone()).is_none() {
            left = left.saturating_sub(frames.len() as u64);
        }
        sounds.push(sound(entry, frames));
    }
    if sounds.is_empty() {
        return Err(none_in(folder));
    }
    Ok(Kit::new(sounds))
}

/// The error for a folder without sounds.
pub(super) fn none_in(folder: &Path) -> NodeError {
    NodeError::input(format!("there is no sound in `{}`", folder.display()))
        .help("put .wav, .flac, .ogg or .mp3 files into it")
}

/// The sound that an entry describes.
fn sound(entry: Entry, frames: Frames) -> Sound {
    let tags: BTreeSet<String> = entry.tags.iter().map(|tag| tag.to_lowercase()).collect();
    let place = Path::new(&entry.file);
    let name = place.file_stem().unwrap_or_default().to_string_lossy();
    // Layers and turns of one sound have the same words and other numbers.
    let is_layer = entry.velocity.is_some() || entry.round_robin.is_some();
    let group = match is_layer {
        true => {
            let words = name::read(&name).words.join(" ");
            place.with_file_name(words).to_string_lossy().into_owned()
        }
        false => entry.file.clone(),
    };
    Sound {
        frames,
        key: entry.key,
        keys: entry
            .keys
            .map(|(one, other)| (one.min(other), one.max(other))),
        velocity: entry.velocity.unwrap_or(127).clamp(1, 127),
        turn: entry.round_robin.unwrap_or(0),
        tags,
        gain: amplitude(f64::from(entry.gain)),
        one_shot: entry.one_shot,
        group,
    }
}

/// The frames of a file, as another sampler has read them or from the disk; `None`: there are more
/// than `most`.
///
/// # Errors
/// The file cannot be read.
fn frames(path: &Path, rate: u32, most: u64) -> Result<Option<Frames>, NodeError> {
    let state = std::fs::metadata(path).map(|metadata| FileState::of(&metadata));
    let state = state.map_err(|error| {
        NodeError::input(format!("`{}` cannot be read ({error})", path.display()))
    })?;
    let known = {
        let mut loaded = LOADED.lock().unwrap_or_else(PoisonError::into_inner);
        loaded.retain(|(_, _, _, frames)| frames.strong_count() > 0);
        let mut same = loaded
            .iter()
            .filter(|(of, was, at, _)| of.as_path() == path && *was == state && *at == rate);
        same.find_map(|(_, _, _, frames)| frames.upgrade())
    };
    if let Some(frames) = known {
        return Ok((frames.len() as u64 <= most).then_some(frames));
    }
    let mut source = SoundAtRate::new(open(path, rate)?, rate)?;
    let mut frames: Vec<[f32; 2]> = Vec::new();
    loop {
        let samples = source.take(65_536)?;
        if samples.is_empty() {
            break;
        }
        let pairs = samples.chunks_exact(2);
        frames.extend(pairs.map(|frame| {
            [frame[0], frame[1]].map(|sample| if sample.is_finite() { sample } else { 0.0 })
        }));
        if frames.len() as u64 > most {
            return Ok(None);
        }
    }
    if frames.is_empty() {
        let why = format!("`{}` has no sound in it", path.display());
        return Err(NodeError::input(why));
    }
    fade_end(&mut frames, rate);
    let frames: Frames = frames.into();
    let mut loaded = LOADED.lock().unwrap_or_else(PoisonError::into_inner);
    loaded.push((path.to_owned(), state, rate, Arc::downgrade(&frames)));
    Ok(Some(frames))
}

/// Lets a sound that is cut off at full level fade there.
fn fade_end(frames: &mut [[f32; 2]], rate: u32) {
    let length = ((FADE * rate as f32) as usize).min(frames.len() / 2);
    let last = frames.last().copied().unwrap_or_default();
    if last.iter().all(|sample| sample.abs() < SILENT) {
        return;
    }
    let count = frames.len();
    for (left, frame) in frames[count - length..].iter_mut().rev().enumerate() {
        let share = left as f32 / length.max(1) as f32;
        frame.iter_mut().for_each(|sample| *sample *= share);
    }
}

/// Looks at a folder while it is played, and reads it again when it has changed.
pub(super) struct Reloading {
    kits: Receiver<Arc<Kit>>,
    /// The thread ends when this is dropped.
    _goes_on: Sender<()>,
}

impl Reloading {
    /// Begins to look at `folder`, which was read when its files were in these `states`.
    ///
    /// # Errors
    /// The system refuses a thread.
    pub(super) fn start(folder: PathBuf, states: States, rate: u32) -> Result<Self, NodeError> {
        let (give, kits) = channel();
        let (goes_on, stop) = channel();
        std::thread::Builder::new()
            .name("sampler".to_owned())
            .spawn(move || keep_up(&folder, states, rate, &give, &stop))
            .map_err(|error| NodeError::internal(format!("no thread: {error}")))?;
        Ok(Reloading {
            kits,
            _goes_on: goes_on,
        })
    }

    /// What was read again since the last look.
    pub(super) fn latest(&self) -> Option<Arc<Kit>> {
        self.kits.try_iter().last()
    }
}

fn keep_up(
    folder: &Path,
    mut read_at: States,
    rate: u32,
    give: &Sender<Arc<Kit>>,
    stop: &Receiver<()>,
) {
    let mut seen = None;
    while stop.recv_timeout(POLL_INTERVAL) == Err(RecvTimeoutError::Timeout) {
        // While the folder is away, what was read plays on.
        let Ok(now) = states(folder) else {
            continue;
        };
        let stands_still = seen.as_ref() == Some(&now);
        if now == read_at || !stands_still {
            seen = Some(now);
            continue;
        }
        match read(folder, &now, rate) {
            Ok(kit) => {
                tracing::info!(
                    "`{}` was read again: {} sounds",
                    folder.display(),
                    kit.len()
                );
                if give.send(Arc::new(kit)).is_err() {
                    return;
                }
            }
            Err(error) => tracing::warn!("{error}; the sounds that were there play on"),
        }
        read_at = now;
    }
}
