//! The patch's text, edited in a page: checked as it is typed, saved where it is still what was
//! seen, changed by its graph.
//!
//! `door` answers requests; `workers` do what they ask on threads of their own, so that neither the
//! page nor the run waits for a file. `judge` checks a text within what `fence` allows it to name.
//! `saving` writes it, `graph` makes one text of another, `own_texts` are those that may be edited,
//! `history` those that they were.

mod declarations;
mod door;
mod fence;
mod graph;
mod history;
mod judge;
mod own_texts;
mod saving;
#[cfg(test)]
mod tests;
mod workers;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use self::door::Rate;
use self::history::History;
use self::judge::Seen;
use self::own_texts::OwnTexts;
use self::workers::{Acts, Newest};
use super::Writer;

pub(super) use self::door::{PATH, answer};

/// What pages edit.
pub(super) struct Editing {
    pub(super) writer: Writer,
    state: Mutex<State>,
    checks: Newest,
    acts: Acts,
    rate: Mutex<Rate>,
}

#[derive(Default)]
struct State {
    texts: OwnTexts,
    history: History,
    /// What was found of the texts that lie on the disk.
    seen: Option<Arc<Seen>>,
    /// The text that plays, as it was noted last.
    plays: Option<Arc<str>>,
}

impl Editing {
    pub(super) fn new(writer: Writer) -> Self {
        Editing {
            writer,
            state: Mutex::default(),
            checks: Newest::default(),
            acts: Acts::default(),
            rate: Mutex::default(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes the text that plays, so that it can be had again once it is another.
    pub(super) fn plays(&self, text: Option<Arc<str>>) {
        // Nothing here waits for whoever edits.
        let (Some(text), Ok(mut state)) = (text, self.state.try_lock()) else {
            return;
        };
        if !(state.plays.as_ref()).is_some_and(|known| Arc::ptr_eq(known, &text)) {
            state.plays = Some(text.clone());
            state.history.note(0, &text);
        }
    }
}
