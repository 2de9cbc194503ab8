//! The threads that speak to a run: one looks for it and tells it where the playhead is, one listens.
//!
//! They begin when the DAW switches the plug-in on, and end when it switches it off. Between them and
//! the audio thread are two rings; neither waits for the other.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::thread::JoinHandle;

use rtrb::{Consumer, Producer, RingBuffer};
use score_link::daw::{FromRun, Place};

/// Places on their way to a run.
const PLACES: usize = 64;

/// Changes of notes on their way from a run.
const NOTES: usize = 4_096;

/// What the audio thread has of it.
pub(crate) struct Line {
    places: Producer<Place>,
    notes: Consumer<FromRun>,
    /// Odd while there is a run; another number for each.
    connection: Arc<AtomicU32>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Line {
    /// Begins to look for a run.
    ///
    /// # Errors
    /// The system refuses a thread.
    pub(crate) fn open() -> std::io::Result<Line> {
        let (places, told) = RingBuffer::new(PLACES);
        let (heard, notes) = RingBuffer::new(NOTES);
        let connection = Arc::<AtomicU32>::default();
        let stop = Arc::<AtomicBool>::default();
        let ends = Ends {
            told,
            heard: Some(heard),
            connection: connection.clone(),
            stop: stop.clone(),
        };
        let thread = std::thread::Builder::new()
            .name("score".to_owned())
            .spawn(move || ends.work())?;
        Ok(Line {
            places,
            notes,
            connection,
            stop,
            thread: Some(thread),
        })
    }

    /// Odd while there is a run; another number for each.
    pub(crate) fn connection(&self) -> u32 {
        self.connection.load(Ordering::Acquire)
    }

    /// Tells where the playhead is. Gives whether there was room; neither waits nor allocates.
    pub(crate) fn tell(&mut self, place: Place) -> bool {
        let has_room = self.places.push(place).is_ok();
        if let Some(thread) = &self.thread {
            thread.thread().unpark();
        }
        has_room
    }

    /// What the run said next.
    pub(crate) fn hear(&mut self) -> Option<FromRun> {
        self.notes.pop().ok()
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Release);
        if let Some(thread) = self.thread.take() {
            thread.thread().unpark();
            // The library may be unloaded after this. It ends at its next look.
            let _ = thread.join();
        }
    }
}

/// What the threads have.
#[cfg_attr(not(unix), allow(dead_code))]
struct Ends {
    told: Consumer<Place>,
    heard: Option<Producer<FromRun>>,
    connection: Arc<AtomicU32>,
    stop: Arc<AtomicBool>,
}

#[cfg(not(unix))]
impl Ends {
    /// There is no run to be found.
    fn work(self) {}
}

#[cfg(unix)]
mod unix {
    use std::io::{self, ErrorKind, Read, Write};
    use std::net::Shutdown;
    use std::os::unix::net::UnixStream;
    use std::path::Path;
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::time::{Duration, SystemTime};

    use rtrb::{Producer, PushError};
    use score_link::daw::{ENDING, FromPlugin, FromRun, VERSION};
    use score_link::{Incoming, Message, connect, folder};

    use super::Ends;

    /// How long it waits before it looks for a run again.
    const LOOK: Duration = Duration::from_millis(500);

    /// How long it waits for news at most.
    const PATIENCE: Duration = Duration::from_millis(200);

    /// How long a run may take to take what it is told.
    const SLOW: Duration = Duration::from_secs(2);

    /// How long the listener rests while the audio thread takes nothing.
    const FULL: Duration = Duration::from_millis(5);

    /// Sockets that are tried.
    const MOST_SOCKETS: usize = 64;

    impl Ends {
        /// Looks for a run and speaks to it, and looks for another when it is gone.
        pub(super) fn work(mut self) {
            while !self.is_to_stop() {
                if let Some(stream) = find() {
                    self.speak(&stream);
                }
                // What was said meanwhile is old. Wakings of before may cut the wait short.
                while self.told.pop().is_ok() {}
                let looked = std::time::Instant::now();
                while !self.is_to_stop() && looked.elapsed() < LOOK {
                    std::thread::park_timeout(LOOK.saturating_sub(looked.elapsed()));
                    while self.told.pop().is_ok() {}
                }
            }
        }

        fn is_to_stop(&self) -> bool {
            self.stop.load(Ordering::Acquire)
        }

        /// Speaks to a run until one of both ends.
        fn speak(&mut self, stream: &UnixStream) {
            let Some(mut heard) = self.heard.take() else {
                return;
            };
            // Otherwise the listener and this thread share no more than the stream.
            let is_over = AtomicBool::new(false);
            let connection = self.connection.clone();
            std::thread::scope(|scope| {
                let listening = std::thread::Builder::new().name("score notes".to_owned());
                let listener = listening.spawn_scoped(scope, || {
                    let greeted = || {
                        connection.fetch_add(1, Ordering::AcqRel);
                    };
                    let was_greeted = listen(stream, &mut heard, &is_over, greeted);
                    is_over.store(true, Ordering::Release);
                    if was_greeted {
                        connection.fetch_add(1, Ordering::AcqRel);
                    }
                });
                if listener.is_ok() {
                    let _ = self.tell(stream, &is_over);
                }
                is_over.store(true, Ordering::Release);
                let _ = stream.shutdown(Shutdown::Both);
            });
            self.heard = Some(heard);
        }

        /// Tells where the playhead is, until it is over.
        fn tell(&mut self, mut stream: &UnixStream, is_over: &AtomicBool) -> io::Result<()> {
            stream.set_write_timeout(Some(SLOW))?;
            let mut bytes = Vec::new();
            FromPlugin::Hello(VERSION).append(&mut bytes);
            while !self.is_to_stop() && !is_over.load(Ordering::Acquire) {
                while let Ok(place) = self.told.pop() {
                    FromPlugin::Place(place).append(&mut bytes);
                }
                stream.write_all(&bytes)?;
                bytes.clear();
                std::thread::park_timeout(PATIENCE);
            }
            Ok(())
        }
    }

    /// Listens until it is over, or the run is gone. Gives whether the run has said that it is one.
    fn listen(
        mut stream: &UnixStream,
        heard: &mut Producer<FromRun>,
        is_over: &AtomicBool,
        greeted: impl Fn(),
    ) -> bool {
        let mut incoming = Incoming::default();
        let mut was_greeted = false;
        loop {
            match incoming.fill(|to| stream.read(to)) {
                Ok(0) => return was_greeted,
                Ok(_) => {}
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(_) => return was_greeted,
            }
            let mut is_strange = false;
            let taken = incoming.take(|message| match message {
                FromRun::Hello(VERSION) if !was_greeted => {
                    was_greeted = true;
                    greeted();
                }
                message if was_greeted && !matches!(message, FromRun::Hello(_)) => {
                    push(heard, message, is_over);
                }
                _ => is_strange = true,
            });
            if is_strange || taken.is_err() {
                return was_greeted;
            }
        }
    }

    /// Gives it to the audio thread, and waits for room, so that no note hangs.
    fn push(heard: &mut Producer<FromRun>, mut message: FromRun, is_over: &AtomicBool) {
        while let Err(PushError::Full(back)) = heard.push(message) {
            if is_over.load(Ordering::Acquire) {
                return;
            }
            message = back;
            std::thread::sleep(FULL);
        }
    }

    /// The run that was started last of those that follow a DAW.
    fn find() -> Option<UnixStream> {
        let folders = folder::to_look_in().into_iter();
        let folders = folders.filter(|folder| folder::require_own(folder).is_ok());
        let sockets = folders.flat_map(|folder| folder::sockets_in(&folder, ENDING));
        let mut sockets: Vec<_> = (sockets.take(MOST_SOCKETS))
            .map(|(_, path)| (began(&path), path))
            .collect();
        sockets.sort();
        (sockets.iter().rev()).find_map(|(_, path)| {
            let connected = connect(path);
            folder::remove_stale(path, &connected);
            connected.ok()
        })
    }

    /// When a socket was made.
    fn began(path: &Path) -> SystemTime {
        let found = path.symlink_metadata().and_then(|found| found.modified());
        found.unwrap_or(SystemTime::UNIX_EPOCH)
    }
}
