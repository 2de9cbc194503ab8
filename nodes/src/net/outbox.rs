//! What waits to go over a connection. Of pictures, latents and controls only the newest waits;
//! events and notes wait in their order.

use std::collections::{BTreeSet, VecDeque};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use score_engine::Note;

use super::wire::{Content, Message, Stamp};

/// Events and groups of notes that may wait; ends of notes have room beyond it.
const ROOM: usize = 4_096;

/// Bytes of contents that may be under way before the other end has said that it has them: what is
/// on its way can no longer be replaced by something newer. One picture always may.
const UNDER_WAY: u64 = 64 << 10;

/// Answers that may wait.
const MOST_ANSWERS: usize = 64;

/// How often the other clock is asked, and how often at first.
const PING: Duration = Duration::from_millis(500);
const FIRST_PING: Duration = Duration::from_millis(40);
const FIRST_PINGS: u32 = 8;

/// The two ends of what waits.
#[derive(Default)]
pub(super) struct Outbox {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    /// The newest of each kind, and whether it has been sent.
    newest: [Option<(Stamp, Content, bool)>; 3],
    queue: VecDeque<(Stamp, Content)>,
    /// Answers and questions, which go before all else.
    own: VecDeque<Message>,
    /// Whether there is a connection.
    is_open: bool,
    /// Whether what waits is to be sent and nothing more comes.
    ends: bool,
    sent: u64,
    taken: u64,
    pings: u32,
    next_ping: Option<Instant>,
    /// Channels and pitches that sound at the other end, as far as this one has said.
    sounding: BTreeSet<(u8, u8)>,
}

/// What became of something that was to be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Put {
    Waits,
    /// Nothing is connected, or there is no room: it is not sent.
    Lost,
}

impl Outbox {
    /// Has something sent.
    pub(super) fn put(&self, stamp: Stamp, content: Content) -> Put {
        let mut state = self.lock();
        let slot = match content {
            Content::Picture(_) => 0,
            Content::Latent(_) => 1,
            Content::Control(_) => 2,
            Content::Event(_) | Content::Notes(_) => return self.queue(state, stamp, content),
        };
        state.newest[slot] = Some((stamp, content, false));
        self.changed.notify_all();
        Put::Waits
    }

    fn queue(&self, mut state: MutexGuard<'_, State>, stamp: Stamp, content: Content) -> Put {
        // At the other end nothing sounds without a connection: there is nothing to end either.
        if !state.is_open {
            return Put::Lost;
        }
        let is_full = state.queue.len() >= ROOM;
        let (content, put) = match content {
            Content::Notes(notes) if is_full => {
                let ends = notes.iter().filter(|note| state.sounds(note)).copied();
                let ends: Vec<Note> = ends.collect();
                let put = if ends.len() == notes.len() {
                    Put::Waits
                } else {
                    Put::Lost
                };
                if ends.is_empty() {
                    return put;
                }
                (Content::Notes(ends.into()), put)
            }
            _ if is_full => return Put::Lost,
            content => (content, Put::Waits),
        };
        if let Content::Notes(notes) = &content {
            notes.iter().for_each(|note| state.strike(note));
        }
        state.queue.push_back((stamp, content));
        self.changed.notify_all();
        put
    }

    /// Has an answer sent before all else.
    pub(super) fn say(&self, message: Message) {
        let mut state = self.lock();
        match message {
            // The newest count holds.
            Message::Taken(_) => state.own.retain(|own| !matches!(own, Message::Taken(_))),
            // Whoever asks faster than it takes answers gets no more of them.
            _ if state.own.len() >= MOST_ANSWERS => return,
            _ => {}
        }
        state.own.push_back(message);
        self.changed.notify_all();
    }

    /// A connection begins: the newest of each kind is sent again, since the other end may be
    /// another program now.
    pub(super) fn open(&self) {
        let mut state = self.lock();
        let newest = std::mem::take(&mut state.newest);
        *state = State {
            newest: newest.map(|newest| newest.map(|(stamp, content, _)| (stamp, content, false))),
            is_open: true,
            ends: state.ends,
            next_ping: Some(Instant::now()),
            ..State::default()
        };
        self.changed.notify_all();
    }

    /// The writer has nothing more to do.
    pub(super) fn stop(&self) {
        self.lock().is_open = false;
        self.changed.notify_all();
    }

    /// The connection is over. Returns how many beginnings of notes and events were not sent.
    pub(super) fn close(&self) -> u64 {
        let mut state = self.lock();
        state.is_open = false;
        state.sounding.clear();
        let lost = state.queue.drain(..).map(|(_, content)| match content {
            Content::Notes(notes) => notes
                .iter()
                .filter(|note| matches!(note, Note::On { .. }))
                .count() as u64,
            _ => 1,
        });
        let lost = lost.sum();
        self.changed.notify_all();
        lost
    }

    /// Ends what sounds, and lets what waits go out.
    pub(super) fn end(&self, stamp: Stamp) {
        let mut state = self.lock();
        let ends: Vec<Note> = std::mem::take(&mut state.sounding)
            .into_iter()
            .map(|(channel, pitch)| Note::Off { channel, pitch })
            .collect();
        if state.is_open && !ends.is_empty() {
            state.queue.push_back((stamp, Content::Notes(ends.into())));
        }
        state.ends = true;
        self.changed.notify_all();
    }

    /// The other end has so many bytes.
    pub(super) fn taken(&self, bytes: u64) {
        let mut state = self.lock();
        state.taken = state.taken.max(bytes.min(state.sent));
        self.changed.notify_all();
    }

    /// What is sent next; waits for it. `None`: the connection, or the sender, is over.
    pub(super) fn next(&self) -> Option<Message> {
        let mut state = self.lock();
        loop {
            if !state.is_open {
                return None;
            }
            if let Some(own) = state.own.pop_front() {
                return Some(own);
            }
            let now = Instant::now();
            if state.next_ping.is_some_and(|at| at <= now) {
                state.pings = state.pings.saturating_add(1);
                let pause = if state.pings < FIRST_PINGS {
                    FIRST_PING
                } else {
                    PING
                };
                state.next_ping = Some(now + pause);
                return Some(Message::Ping(super::offset::now()));
            }
            if let Some(message) = state.content() {
                state.sent += message.size();
                return Some(message);
            }
            if state.ends {
                state.is_open = false;
                return Some(Message::End);
            }
            let patience = state
                .next_ping
                .map_or(PING, |at| at.saturating_duration_since(now));
            let waited = self.changed.wait_timeout(state, patience);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// The next content that may be sent: notes and events first, then the newest, small ones first.
    fn content(&mut self) -> Option<Message> {
        if let Some((stamp, content)) = self.queue.pop_front() {
            return Some(Message::Content(stamp, content));
        }
        let under_way = self.sent.saturating_sub(self.taken);
        for (stamp, content, sent) in self.newest.iter_mut().rev().flatten() {
            if !*sent && (under_way == 0 || under_way < UNDER_WAY) {
                *sent = true;
                return Some(Message::Content(*stamp, content.clone()));
            }
        }
        None
    }

    fn sounds(&self, note: &Note) -> bool {
        matches!(note, Note::Off { .. }) && self.sounding.contains(&(note.channel(), note.pitch()))
    }

    fn strike(&mut self, note: &Note) {
        let place = (note.channel(), note.pitch());
        match note {
            Note::On { .. } => self.sounding.insert(place),
            Note::Off { .. } => self.sounding.remove(&place),
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STAMP: Stamp = Stamp {
        due: 0,
        captured: 0,
    };

    fn on(pitch: u8) -> Content {
        Content::Notes(
            [Note::On {
                channel: 0,
                pitch,
                velocity: 1.0,
            }]
            .into(),
        )
    }

    fn off(pitch: u8) -> Content {
        Content::Notes([Note::Off { channel: 0, pitch }].into())
    }

    fn opened() -> Outbox {
        let outbox = Outbox::default();
        outbox.open();
        assert!(matches!(outbox.next(), Some(Message::Ping(_))));
        outbox
    }

    fn next(outbox: &Outbox) -> Content {
        loop {
            match outbox.next() {
                Some(Message::Content(_, content)) => return content,
                Some(Message::Ping(_)) => {}
                other => panic!("{other:?}"),
            }
        }
    }

    #[test]
    fn the_newest_goes_out_after_the_notes_and_again_to_a_new_connection() {
        let outbox = opened();
        outbox.put(STAMP, Content::Control(0.1));
        outbox.put(STAMP, Content::Control(0.2));
        outbox.put(STAMP, on(60));
        assert_eq!(next(&outbox), on(60));
        assert_eq!(next(&outbox), Content::Control(0.2));
        outbox.put(STAMP, on(61));
        outbox.put(STAMP, off(60));
        assert_eq!(outbox.close(), 1);
        assert_eq!(outbox.put(STAMP, on(62)), Put::Lost);
        assert_eq!(outbox.next(), None);
        outbox.put(STAMP, Content::Latent([0.5].into()));
        outbox.open();
        assert_eq!(next(&outbox), Content::Control(0.2));
        assert_eq!(next(&outbox), Content::Latent([0.5].into()));
    }

    #[test]
    fn what_is_under_way_is_little_so_that_what_is_newer_can_replace_the_rest() {
        let outbox = opened();
        let latent = |number: f32| Content::Latent(vec![number; 4_096].into());
        let mut sent = 0;
        for number in 0..100 {
            outbox.put(STAMP, latent(number as f32));
            let content = outbox.lock().content();
            if content.is_some() {
                sent += 1;
                outbox.lock().sent += 4_096 * 4;
            }
        }
        assert_eq!(sent, 4);
        outbox.taken(u64::MAX);
        assert_eq!(next(&outbox), latent(99.0));
    }

    #[test]
    fn where_there_is_no_room_only_ends_of_what_sounds_wait_and_the_end_ends_all() {
        let outbox = opened();
        for _ in 0..ROOM {
            assert_eq!(outbox.put(STAMP, on(60)), Put::Waits);
        }
        assert_eq!(outbox.put(STAMP, on(61)), Put::Lost);
        assert_eq!(outbox.put(STAMP, off(61)), Put::Lost);
        assert_eq!(outbox.put(STAMP, off(60)), Put::Waits);
        outbox.put(STAMP, on(1));
        outbox.lock().queue.clear();
        outbox.put(STAMP, on(7));
        outbox.end(STAMP);
        assert_eq!((next(&outbox), next(&outbox)), (on(7), off(7)));
        let rest = std::iter::from_fn(|| outbox.next());
        let rest: Vec<Message> = rest
            .filter(|one| !matches!(one, Message::Ping(_)))
            .collect();
        assert_eq!(rest, [Message::End]);
    }
}
