//! Saves a text: laid out, within the fence, and only where the file is what was seen.

use std::path::Path;
use std::sync::Arc;

use score_engine::{Diagnostic, Diagnostics, Source, Unwritten, patch_hash, replace_patch};
use serde_json::{Value, json};

use super::Editing;
use super::judge::{Edited, shown};
use super::own_texts::OwnText;

impl Editing {
    /// The run's own texts as they are on the disk.
    pub(super) fn open(&self) -> Value {
        let texts = self.refresh();
        let all = texts.all().map(|(number, own)| {
            let read = Source::read(&own.path);
            let mut shown = json!({ "file": number, "name": own.name });
            match read {
                Ok(source) => {
                    shown["hash"] = patch_hash(&source.text).into();
                    self.lock()
                        .history
                        .note(number, &source.text.as_str().into());
                    shown["text"] = source.text.into();
                }
                Err(why) => shown["missing"] = plain(&why).into(),
            }
            shown
        });
        json!({ "texts": all.collect::<Vec<_>>() })
    }

    /// Saves the text with this number. `seen` is the hash of what its file was when the page had
    /// it.
    pub(super) fn save(&self, number: usize, seen: &str, text: &str) -> Value {
        let texts = self.own_texts();
        let Some(own) = texts.get(number) else {
            return refused(&["there is no such text"]);
        };
        let (name, folder) = self.called(own, number);
        let laid_out = match Source::text(&name, text, folder).formatted() {
            Ok(laid_out) => laid_out,
            Err(mistakes) => {
                let mistakes = mistakes.mistakes.iter();
                let all: Vec<Value> = mistakes.map(|one| shown(&texts, one)).collect();
                return json!({ "errors": all, "why": "a text is saved once it can be read" });
            }
        };
        // What it would name is looked at before anybody else sees it.
        let edited = Edited::from([(number, laid_out.clone())]);
        let verdict = self.judge(&edited);
        if !verdict.refused.is_empty() {
            return refused(&verdict.refused);
        }
        match replace_patch(&own.path, seen, &laid_out) {
            Ok(()) => {}
            Err(why) => {
                let on_disk = Source::read(&own.path).ok();
                let is_it = |source: &Source| source.text == laid_out;
                match (why, on_disk) {
                    // Somebody has saved the very same.
                    (Unwritten::Changed(_), Some(source)) if is_it(&source) => {}
                    (Unwritten::Changed(_), Some(source)) => {
                        let text: Arc<str> = source.text.into();
                        self.lock().history.note(number, &text);
                        let hash = patch_hash(&text);
                        return json!({ "conflict": { "text": &*text, "hash": hash } });
                    }
                    (why, _) => return refused(&[plain(&why.into())]),
                }
            }
        }
        let text: Arc<str> = laid_out.into();
        self.lock().history.note(number, &text);
        // It may include what was not there before.
        self.refresh();
        let mut saved = verdict.shown();
        saved["saved"] = json!({ "text": &*text, "hash": patch_hash(&text) });
        saved
    }

    /// What stood in a file before the text with this hash did.
    pub(super) fn earlier(&self, number: usize, hash: &str) -> Value {
        match self.lock().history.before(number, hash) {
            Some(earlier) => json!({ "text": &*earlier.text, "hash": earlier.hash }),
            None => json!({ "text": null }),
        }
    }

    /// What the checker calls a text, and the folder that its paths count from.
    fn called(&self, own: &OwnText, number: usize) -> (String, std::path::PathBuf) {
        let path = match number {
            0 => self.writer.patch.as_path(),
            _ => &own.path,
        };
        let folder = own.path.parent().unwrap_or(Path::new(""));
        (path.display().to_string(), folder.to_path_buf())
    }
}

/// An answer that says why nothing was written.
pub(super) fn refused<S: AsRef<str>>(why: &[S]) -> Value {
    let message = |why: &S| json!({ "message": why.as_ref() });
    json!({ "errors": why.iter().map(message).collect::<Vec<_>>() })
}

/// Diagnostics as one text, without the lines that they quote.
fn plain(why: &Diagnostics) -> String {
    let one = |one: &Diagnostic| match &one.help {
        Some(help) => format!("{}; {help}", one.message),
        None => one.message.clone(),
    };
    why.mistakes.iter().map(one).collect::<Vec<_>>().join("\n")
}
