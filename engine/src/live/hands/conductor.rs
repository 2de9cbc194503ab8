//! The conductor: the thread that has cues start on time, and values switch on the beat. It sleeps
//! while nothing is to come.

use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded};

use super::{Steering, SteeringError, SteeringErrorKind, SteeringState};
use crate::length::Length;

/// Wishes that may wait; more are not heard.
const MOST_WAITING: usize = 64;

/// The longest sleep while something is to come: another tempo, or another clock, brings it sooner.
const LONGEST_SLEEP: Duration = Duration::from_millis(20);

/// What the conductor is asked to do.
pub(super) enum Wish {
    /// Look what is to come.
    Look,
    Go,
    Cue(String),
    Preset(String, Length),
}

/// A way to the conductor, and the conductor's end of it.
pub(super) fn wishes() -> (Sender<Wish>, Receiver<Wish>) {
    bounded(MOST_WAITING)
}

/// Asks for presets and cues from any thread, and never waits: for a node that recalls them. A node
/// finds it in a live run as `build.settings.shared::<Caller>()`.
#[derive(Clone)]
pub struct Caller(Sender<Wish>);

impl Caller {
    /// Asks for the cue that comes next. `false`: too much waits already.
    pub fn go(&self) -> bool {
        self.ask(Wish::Go)
    }

    /// Asks for the cue called `name`. `false`: too much waits already.
    pub fn cue(&self, name: &str) -> bool {
        self.ask(Wish::Cue(name.to_owned()))
    }

    /// Asks for the preset called `name`, in the time `glide`. `false`: too much waits already.
    pub fn preset(&self, name: &str, glide: Length) -> bool {
        self.ask(Wish::Preset(name.to_owned(), glide))
    }

    fn ask(&self, wish: Wish) -> bool {
        self.0.try_send(wish).is_ok()
    }
}

impl Steering {
    /// Asks for presets and cues without ever waiting.
    pub fn caller(&self) -> Caller {
        Caller(self.wishes.clone())
    }

    /// Has the conductor look what is to come.
    pub(super) fn wake_conductor(&self) {
        // Where much waits it looks anyway.
        let _ = self.wishes.try_send(Wish::Look);
    }
}

impl SteeringState {
    /// Starts the conductor, unless it is there.
    pub(super) fn have_conductor(&mut self, state: &Arc<Mutex<SteeringState>>) {
        let Some(wishes) = self.unheard.take() else {
            return;
        };
        let state = Arc::downgrade(state);
        let thread = std::thread::Builder::new().name("conductor".to_owned());
        if let Err(error) = thread.spawn(move || conduct(&state, &wishes)) {
            tracing::warn!(
                "cues cannot start by themselves: the system refuses a thread ({error})"
            );
        }
    }

    fn grant(&mut self, wish: Wish) -> Result<(), SteeringError> {
        match wish {
            Wish::Look => Ok(()),
            Wish::Go => self.go().map(|_| ()),
            Wish::Cue(name) => self.call(&name),
            Wish::Preset(name, glide) => self.recall(&name, glide.at(&self.transport)),
        }
    }
}

/// Does what is asked for, and what is due, until the run is gone.
fn conduct(state: &Weak<Mutex<SteeringState>>, wishes: &Receiver<Wish>) {
    let mut sleep = None;
    let mut told = String::new();
    loop {
        let heard = match sleep {
            None => wishes.recv().map_err(|_| RecvTimeoutError::Disconnected),
            Some(sleep) => wishes.recv_timeout(sleep),
        };
        let wish = match heard {
            Ok(wish) => wish,
            Err(RecvTimeoutError::Timeout) => Wish::Look,
            Err(RecvTimeoutError::Disconnected) => return,
        };
        let Some(state) = state.upgrade() else { return };
        let mut state = state.lock().unwrap_or_else(PoisonError::into_inner);
        match state.grant(wish) {
            Ok(()) => {}
            Err(error) if error.kind == SteeringErrorKind::TooSoon => tracing::debug!("{error}"),
            Err(error) => {
                // Who asks in vain may do so again and again.
                let why = error.to_string();
                if why != told {
                    tracing::warn!("nothing is recalled: {why}");
                    told = why;
                }
            }
        }
        let now = state.clock.now();
        let next = state.tend_cues(now);
        state.deliver();
        sleep = next.map(|next| {
            let left = Duration::try_from_secs_f64((next - now).seconds()).unwrap_or_default();
            left.min(LONGEST_SLEEP)
        });
    }
}
