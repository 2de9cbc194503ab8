//! Finds what a broken-off run has left, and keeps it under a clear name.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use score_engine::Value;

use super::{lies_at, partial};
use crate::audio::wav_writer;
use crate::output::{folder_of, numbered, put_mark, rename_to_free};

/// Endings of the files of a take, beside that of its sound.
const COMPANIONS: [&str; 4] = ["mid", "jsonl", "trace", "mkv"];

/// Keeps, as `NAME-recovered`, every file that a run began to write as `path`, as a take of that
/// name, or as a companion of one, and that no program writes any more.
pub fn recover(path: &Path) {
    let folder = folder_of(path);
    // A folder that cannot be read is reported when the file is begun.
    let Ok(entries) = folder.read_dir() else {
        return;
    };
    // The files of a take keep one name, whatever earlier ones have left.
    let mut numbers = BTreeMap::new();
    for entry in entries.flatten() {
        let name = entry.file_name();
        let Some(name) = name.to_str().and_then(|name| left_behind(name, path)) else {
            continue;
        };
        let left = folder.join(name);
        let number = *(numbers.entry(left.with_extension("")))
            .or_insert_with(|| free_number(&left, path.extension()));
        match keep(&entry.path(), &left, number) {
            Ok(Some(kept)) => tracing::warn!(
                "`{}` was being written when a run broke off; it is kept as `{}`",
                left.display(),
                kept.display()
            ),
            Ok(None) => {}
            Err(error) => tracing::warn!(
                "`{}` was left by a run that broke off and cannot be renamed ({error})",
                entry.path().display()
            ),
        }
    }
}

/// The name that the file which grew as `name` would have got, if it belongs to `path`.
fn left_behind<'a>(name: &'a str, path: &Path) -> Option<&'a str> {
    let name = name.strip_prefix('.')?.strip_suffix(".partial")?;
    let (stem, ending) = name.rsplit_once('.')?;
    let own = path.extension().is_some_and(|own| own == ending);
    let rest = stem.strip_prefix(path.file_stem()?.to_str()?)?;
    // `-2`, `-part-2`, `-2-part-2`
    let is_number = |text: &str| text.parse::<u32>().is_ok();
    let mut words = rest.split('-').skip(1);
    let counts = words.all(|word| word == "part" || is_number(word));
    let is_known = rest.is_empty() || (rest.starts_with('-') && counts);
    ((own || COMPANIONS.contains(&ending)) && is_known).then_some(name)
}

/// The name under which the file is kept that would have been called `path`.
fn kept_as(path: &Path) -> PathBuf {
    let mut name = path.file_stem().unwrap_or_default().to_os_string();
    name.push("-recovered.");
    name.push(path.extension().unwrap_or_default());
    path.with_file_name(name)
}

/// The first number under which no file lies of the take that `path` is of, whose sound has the
/// ending `own`.
fn free_number(path: &Path, own: Option<&OsStr>) -> u32 {
    let wanted = kept_as(path);
    let is_free = |number: &u32| {
        let name = numbered(&wanted, *number);
        let mut endings = own.into_iter().chain(COMPANIONS.iter().map(OsStr::new));
        !endings.any(|ending| name.with_extension(ending).exists())
    };
    (1..u32::MAX).find(is_free).unwrap_or(1)
}

/// Repairs the file at `partial` and gives it a name made from `path`, with this number or the next
/// that is free; `None`: a program still writes it, or it is empty.
fn keep(partial: &Path, path: &Path, number: u32) -> io::Result<Option<PathBuf>> {
    let mut file = File::options().read(true).write(true).open(partial)?;
    // Where the system has no locks this is not known, and the file stays.
    if file.try_lock().is_err() || !lies_at(&file, partial) {
        return Ok(None);
    }
    let _ = std::fs::remove_file(partial.with_extension("next"));
    let is_empty = match path.extension().and_then(|ending| ending.to_str()) {
        Some(ending) if ending.eq_ignore_ascii_case("wav") => {
            wav_writer::mend(&mut file)?;
            file.metadata()?.len() <= wav_writer::LONGEST_HEADER
        }
        Some(ending) if ending.eq_ignore_ascii_case("flac") => {
            file.metadata()?.len() <= crate::audio::flac_writer::HEADER as u64
        }
        Some("jsonl") => cut_to_whole_lines(&mut file)? == 0,
        _ => file.metadata()?.len() == 0,
    };
    if is_empty {
        std::fs::remove_file(partial)?;
        return Ok(None);
    }
    let wanted = kept_as(path);
    // Whose it is stands in the take's log, and from now on in the file too.
    if let Some(mark) = mark_of(path, &numbered(&wanted, number)) {
        let _ = put_mark(&mut file, &mark);
    }
    for number in number..u32::MAX {
        let kept = numbered(&wanted, number);
        if rename_to_free(partial, &kept)? {
            return Ok(Some(kept));
        }
    }
    Ok(None)
}

/// The mark of the take that the file at `path` is of, as its log has it, which may be kept already:
/// beside `kept`.
fn mark_of(path: &Path, kept: &Path) -> Option<Value> {
    let logs = [
        partial(&path.with_extension("jsonl")),
        kept.with_extension("jsonl"),
    ];
    let log = logs.into_iter().find_map(|log| File::open(log).ok())?;
    let mut line = String::new();
    let _ = BufReader::new(log.take(1 << 16)).read_line(&mut line);
    let first: Value = serde_json::from_str(&line).ok()?;
    first.get("score").cloned()
}

/// Cuts off an incomplete line at the end. Returns the remaining length.
fn cut_to_whole_lines(file: &mut File) -> io::Result<u64> {
    let mut end = file.metadata()?.len();
    let mut block = Vec::new();
    while end > 0 {
        let start = end.saturating_sub(64 * 1024);
        file.seek(SeekFrom::Start(start))?;
        block.clear();
        file.by_ref().take(end - start).read_to_end(&mut block)?;
        if let Some(last) = block.iter().rposition(|byte| *byte == b'\n') {
            end = start + last as u64 + 1;
            break;
        }
        end = start;
    }
    file.set_len(end)?;
    Ok(end)
}
