//! Hands pictures to a program that shows them, which is started anew whenever it fails; nobody
//! waits for it.

use std::io::{Read, Write};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Sender, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use score_engine::{Counters, Frame, NodeError};

use crate::backoff::Backoff;
use crate::picture::scale::{Scaler, Window};
use crate::video::capture::REOPENED;
use crate::video::ffmpeg::{last_line, start};
use crate::video::supervised::{REAP, Stops, Supervised, stop};

/// The wait before the first new try.
const FIRST_WAIT: Duration = Duration::from_millis(100);

/// The longest wait between two tries: a display that comes back is used after this at the latest.
const LONGEST_WAIT: Duration = Duration::from_secs(4);

/// A program that does not take a picture for so long hangs.
const TIMEOUT: Duration = Duration::from_secs(5);

/// Without a new picture for so long the last is handed over again, so that a program that has
/// ended is noticed, and a reader of a virtual camera that comes late sees something.
const REPEAT: Duration = Duration::from_secs(1);

/// For pictures of another size the program is started anew, no sooner than so long after its last
/// start; until then they are scaled.
const SETTLED: Duration = Duration::from_secs(1);

/// Between two looks whether the program still runs.
const POLL_INTERVAL: Duration = Duration::from_millis(100);

/// What the program does, for the log.
const DOES: &str = "shows pictures";

/// Of what a program says, so many bytes are kept.
const WORDS: u64 = 64 << 10;

/// How a program is started for pictures of a size; or why it cannot be started now.
pub(super) type Begin = Box<dyn FnMut((u32, u32)) -> Result<Command, String> + Send>;

/// What shows pictures.
pub(super) struct Output {
    /// What the artist calls it, for messages.
    pub(super) name: String,
    /// Told what was shown and left out, and why nothing is shown.
    pub(super) counters: Arc<Counters>,
    pub(super) begin: Begin,
}

type Shared = Supervised<State>;

#[derive(Default)]
struct State {
    /// The newest picture that is not handed over; a newer one takes its place.
    newest: Option<Arc<Frame>>,
    /// Since when a picture is being handed over.
    writing: Option<Instant>,
    /// The thread that hands over has ended, and why.
    ended: Option<Ended>,
    /// When this start's first picture was taken, and its last.
    took: Option<(Instant, Instant)>,
    /// Counts starts and their ends. What a thread of an earlier start still does is of no account.
    attempt: u64,
    /// Nothing is to be shown any more.
    stop: bool,
}

/// Why no more pictures are handed over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ended {
    /// The program takes no more.
    Closed,
    /// Pictures have another size now.
    Resized,
    /// Nothing is to be shown any more.
    Stopped,
}

impl Stops for State {
    fn stops(&self) -> bool {
        self.stop
    }
}

/// Waits for a picture; `None`: nothing is to be shown any more. It stays the newest.
fn first(shared: &Shared) -> Option<Arc<Frame>> {
    let mut state = shared.lock();
    loop {
        if state.stop {
            return None;
        }
        if let Some(frame) = &state.newest {
            return Some(frame.clone());
        }
        state = shared.wait(state, POLL_INTERVAL * 10);
    }
}

/// Pictures are shown until this is dropped.
pub(super) struct Show {
    shared: Arc<Shared>,
    dropped: Arc<AtomicU64>,
    supervisor: Option<JoinHandle<()>>,
}

impl Show {
    /// Begins to show. Whatever goes wrong afterwards is tried anew, ever more seldom.
    ///
    /// # Errors
    /// The system refuses a thread.
    pub(super) fn start(output: Output) -> Result<Self, NodeError> {
        let shared = Arc::<Shared>::default();
        let dropped = output.counters.counter("dropped_pictures");
        let supervised = shared.clone();
        let supervisor = std::thread::Builder::new()
            .name("screen".into())
            .spawn(move || supervise(&supervised, output))
            .map_err(|error| {
                NodeError::internal(format!("no thread can be started: {error}")).source(error)
            })?;
        Ok(Show {
            shared,
            dropped,
            supervisor: Some(supervisor),
        })
    }

    /// Shows a picture as soon as it can be shown, unless a newer one comes before. Never waits for
    /// whoever shows it.
    pub(super) fn take(&self, frame: Arc<Frame>) {
        if frame.pixels().is_empty() {
            return;
        }
        let before = self.shared.lock().newest.replace(frame);
        self.dropped
            .fetch_add(u64::from(before.is_some()), Ordering::Relaxed);
        self.shared.wake();
    }
}

impl Drop for Show {
    fn drop(&mut self) {
        self.shared.lock().stop = true;
        self.shared.wake();
        if let Some(supervisor) = self.supervisor.take() {
            // It cannot have panicked, and there would be nothing to do about it.
            let _ = supervisor.join();
        }
    }
}

/// Starts the program again and again until nothing is to be shown any more.
fn supervise(shared: &Arc<Shared>, mut output: Output) {
    let mut backoff = Backoff::new(FIRST_WAIT, LONGEST_WAIT);
    let (name, counters) = (output.name.clone(), output.counters.clone());
    let reopened = counters.counter(REOPENED);
    // What was told last and since when it lasts: a screen that is off for weeks must not fill the
    // log.
    let mut trouble: Option<(String, Instant)> = None;
    while let Some(first) = first(shared) {
        let size = (first.width(), first.height());
        drop(first);
        let outcome = attempt(shared, &mut output, size, || {
            counters.go_on();
            if let Some((_, since)) = trouble.take() {
                let seconds = since.elapsed().as_secs_f64();
                tracing::info!("{name}: shows again after {seconds:.1} s");
            }
        });
        let worked = {
            // It says nothing of a later start that does not come so far.
            let took = shared.lock().took.take();
            let took = took.map(|(first, last)| last.duration_since(first));
            took.unwrap_or_default()
        };
        let Some(reason) = outcome else { continue };
        if !shared.rest(Duration::ZERO) {
            return;
        }
        counters.lack(format!("{name}: {reason}"));
        let since = trouble
            .as_ref()
            .map_or_else(Instant::now, |(_, since)| *since);
        if trouble.is_none_or(|(told, _)| told != reason) {
            tracing::warn!("{name}: {reason}; nothing is shown; trying again until it works");
        }
        trouble = Some((reason, since));
        if !shared.rest(backoff.after(worked)) {
            return;
        }
        reopened.fetch_add(1, Ordering::Relaxed);
    }
}

/// Starts the program and watches over it until it ends or hangs, which is told, or is to end. Calls
/// `shows` when it has taken its first picture and still runs.
fn attempt(
    shared: &Arc<Shared>,
    output: &mut Output,
    size: (u32, u32),
    shows: impl FnOnce(),
) -> Option<String> {
    let mut command = match (output.begin)(size) {
        Ok(command) => command,
        Err(reason) => return Some(reason),
    };
    let program = command.get_program().to_string_lossy().into_owned();
    let mut child = match start(&program, Stdio::piped(), &mut command) {
        Ok(child) => child,
        Err(error) => return Some(error.to_string()),
    };
    let Some(stdin) = child.stdin.take() else {
        return Some("its input cannot be written".to_owned());
    };
    let number = next_attempt(shared);
    // mpv complains on its standard output.
    let (tell, said) = channel();
    let printed = child.stdout.take().map(|words| listen(words, tell.clone()));
    let complained = child.stderr.take().map(|words| listen(words, tell));
    // Without these threads, the reason is simply not known.
    drop((printed, complained));
    let (writes, shown) = (shared.clone(), output.counters.counter("shown_pictures"));
    let writer = std::thread::Builder::new()
        .name("screen pixels".into())
        .spawn(move || {
            let mut stdin = stdin;
            let ended = hand_over(&writes, number, &mut stdin, size, || {
                shown.fetch_add(1, Ordering::Relaxed);
            });
            let mut state = writes.lock();
            if state.attempt == number {
                state.ended = Some(ended);
            }
            drop(state);
            // Only now: the program ends with its input, and that must not look like a fault.
            drop(stdin);
            writes.wake();
        });
    let writer = match writer {
        Ok(writer) => writer,
        Err(error) => {
            stop(&mut child, DOES);
            return Some(format!("no thread can be started: {error}"));
        }
    };
    let verdict = watch(shared, &mut child, shows);
    let has_ended = stop(&mut child, DOES);
    shared.lock().attempt += 1;
    shared.wake();
    if has_ended {
        // It has nobody to write to any more.
        let _ = writer.join();
    }
    match verdict {
        Verdict::Fine => None,
        Verdict::Hangs => Some(format!("{program} takes no pictures")),
        Verdict::Ended => {
            let words = [(); 2].map(|()| said.recv_timeout(REAP).unwrap_or_default());
            let words = words.iter().find(|words| !words.trim().is_empty());
            Some(match words {
                None => format!("{program} ended"),
                Some(words) => format!("{program} ended ({})", last_line(words)),
            })
        }
    }
}

/// Reads what the program says to its end, on a thread of its own, so that a full pipe does not stop
/// it; tells the beginning.
fn listen(
    mut words: impl Read + Send + 'static,
    tell: Sender<String>,
) -> std::io::Result<JoinHandle<()>> {
    let listen = move || {
        let mut text = Vec::new();
        let _ = words.by_ref().take(WORDS).read_to_end(&mut text);
        let _ = std::io::copy(&mut words, &mut std::io::sink());
        // Nobody asks when all went well.
        let _ = tell.send(String::from_utf8_lossy(&text).into_owned());
    };
    let thread = std::thread::Builder::new().name("screen words".into());
    thread.spawn(listen)
}

/// Makes room for a new start; gives its number.
fn next_attempt(shared: &Shared) -> u64 {
    let mut state = shared.lock();
    (state.writing, state.ended, state.took) = (None, None, None);
    state.attempt += 1;
    state.attempt
}

/// How a start went.
enum Verdict {
    /// It is to end, or to begin anew for another size.
    Fine,
    Ended,
    Hangs,
}

/// Waits until the program has ended, hangs, or is no longer needed.
fn watch(shared: &Shared, child: &mut Child, shows: impl FnOnce()) -> Verdict {
    let mut shows = Some(shows);
    let mut state = shared.lock();
    loop {
        if state.stop {
            return Verdict::Fine;
        }
        match state.ended {
            Some(Ended::Resized | Ended::Stopped) => return Verdict::Fine,
            Some(Ended::Closed) => return Verdict::Ended,
            None => {}
        }
        if state
            .writing
            .is_some_and(|since| since.elapsed() >= TIMEOUT)
        {
            return Verdict::Hangs;
        }
        let took = state
            .took
            .is_some_and(|(first, _)| first.elapsed() >= POLL_INTERVAL);
        state = shared.wait(state, POLL_INTERVAL);
        if matches!(child.try_wait(), Ok(Some(_))) {
            return match state.ended {
                Some(Ended::Resized | Ended::Stopped) => Verdict::Fine,
                Some(Ended::Closed) | None => Verdict::Ended,
            };
        }
        if took && let Some(shows) = shows.take() {
            drop(state);
            shows();
            state = shared.lock();
        }
    }
}

/// Hands each newest picture to the program until it takes no more.
fn hand_over(
    shared: &Shared,
    number: u64,
    stdin: &mut ChildStdin,
    size: (u32, u32),
    shown: impl Fn(),
) -> Ended {
    let began = Instant::now();
    let mut scaler = Scaler::default();
    let mut last: Option<Arc<Frame>> = None;
    loop {
        let taken = match next(shared, number) {
            Next::Picture(frame) => Some(frame),
            Next::Nothing => None,
            Next::Stop => return Ended::Stopped,
        };
        let is_new = taken.is_some();
        let Some(frame) = taken.or_else(|| last.clone()) else {
            continue;
        };
        let its_size = (frame.width(), frame.height());
        if its_size != size && began.elapsed() >= SETTLED {
            // It is the first for the next start, unless a newer one has come.
            shared.lock().newest.get_or_insert(frame);
            return Ended::Resized;
        }
        let mut state = shared.lock();
        if state.attempt != number {
            return Ended::Stopped;
        }
        state.writing = Some(Instant::now());
        drop(state);
        let written = match its_size == size {
            true => stdin.write_all(frame.pixels()),
            false => {
                let to = [size.0 as usize, size.1 as usize];
                stdin.write_all(&scaler.scale(&frame, Window::WHOLE, to))
            }
        };
        let now = Instant::now();
        let mut state = shared.lock();
        if state.attempt != number {
            return Ended::Stopped;
        }
        state.writing = None;
        if written.is_err() {
            return Ended::Closed;
        }
        let first = state.took.map_or(now, |(first, _)| first);
        state.took = Some((first, now));
        drop(state);
        if is_new {
            shown();
        }
        last = Some(frame);
    }
}

/// What comes next to be handed over.
enum Next {
    Picture(Arc<Frame>),
    /// No new picture for a while.
    Nothing,
    Stop,
}

fn next(shared: &Shared, number: u64) -> Next {
    let until = Instant::now() + REPEAT;
    let mut state = shared.lock();
    loop {
        if state.stop || state.attempt != number {
            return Next::Stop;
        }
        if let Some(frame) = state.newest.take() {
            return Next::Picture(frame);
        }
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Next::Nothing;
        }
        state = shared.wait(state, left);
    }
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use std::path::Path;

    use super::*;

    /// Shows by a shell's script, which gets the size as `$0` and the bytes of a picture as `$1`.
    fn show(script: &str) -> (Show, Arc<Counters>) {
        let (script, counters) = (script.to_owned(), Arc::<Counters>::default());
        let output = Output {
            name: "the screen".to_owned(),
            counters: counters.clone(),
            begin: Box::new(move |(width, height)| {
                let mut command = Command::new("sh");
                command.args(["-c", &script, &format!("{width}x{height}")]);
                command.arg((width * height * 3).to_string());
                Ok(command)
            }),
        };
        (Show::start(output).unwrap(), counters)
    }

    fn picture(width: u32, height: u32, value: u8) -> Arc<Frame> {
        let pixels = vec![value; (width * height * 3) as usize];
        Arc::new(Frame::rgb(width, height, pixels).unwrap())
    }

    /// Waits until `is_so`, ten seconds at most.
    #[track_caller]
    fn until(is_so: impl Fn() -> bool) {
        let end = Instant::now() + Duration::from_secs(10);
        while !is_so() {
            assert!(Instant::now() < end, "it never was so");
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    fn length(path: &Path) -> u64 {
        path.metadata().map_or(0, |file| file.len())
    }

    #[test]
    fn every_picture_reaches_a_program_that_is_fast_enough_byte_for_byte() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("pixels");
        let (show, counters) = show(&format!("exec cat > '{}'", file.display()));
        for value in 1..=3_u8 {
            show.take(picture(4, 2, value));
            until(|| length(&file) == u64::from(value) * 24);
        }
        let wanted: Vec<u8> = [1, 2, 3].iter().flat_map(|value| [*value; 24]).collect();
        assert_eq!(std::fs::read(&file).unwrap(), wanted);
        until(|| counters.read()["shown_pictures"] == 3);
        assert_eq!(counters.read()["dropped_pictures"], 0);
        assert!(counters.condition().waits.is_none());
    }

    #[test]
    fn a_program_that_stands_still_makes_nobody_wait_and_what_it_misses_is_counted() {
        let (show, counters) = show("exec sleep 60");
        // Larger than a pipe holds.
        let large = picture(512, 512, 7);
        until(|| {
            show.take(large.clone());
            show.shared.lock().writing.is_some()
        });
        let before = counters.read()["dropped_pictures"];
        let began = Instant::now();
        for _ in 0..1000 {
            show.take(large.clone());
        }
        let took = began.elapsed();
        assert!(took < Duration::from_millis(500), "{took:?}");
        assert!(counters.read()["dropped_pictures"] >= before + 999);
        let began = Instant::now();
        drop(show);
        assert!(
            began.elapsed() < Duration::from_secs(3),
            "it is ended at once"
        );
    }

    #[test]
    fn a_program_that_dies_is_started_again_and_says_why() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("starts");
        let name = file.display();
        // The first start takes one picture and fails.
        let script = format!(
            "echo >> '{name}'; if [ $(wc -l < '{name}') = 1 ]; then head -c $1 > /dev/null; \
             echo 'no screen here' >&2; exit 1; fi; exec cat > /dev/null"
        );
        let (show, counters) = show(&script);
        until(|| {
            show.take(picture(2, 2, 1));
            counters.condition().last_error.is_some()
        });
        let error = counters.condition().last_error.unwrap();
        assert_eq!(error, "the screen: sh ended (no screen here)");
        until(|| {
            show.take(picture(2, 2, 1));
            counters.condition().waits.is_none()
        });
        assert_eq!(counters.read()["reopened"], 1);
        assert_eq!(length(&file), 2);
    }

    #[test]
    fn pictures_of_another_size_start_the_program_for_it() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("sizes");
        let script = format!("echo $0 >> '{}'; exec cat > /dev/null", file.display());
        let (show, counters) = show(&script);
        let sizes = || std::fs::read_to_string(&file).unwrap_or_default();
        until(|| {
            show.take(picture(4, 2, 1));
            sizes() == "4x2\n"
        });
        until(|| {
            show.take(picture(2, 6, 1));
            sizes() == "4x2\n2x6\n"
        });
        assert_eq!(counters.read()["reopened"], 0, "nothing went wrong");
        show.take(Arc::new(Frame::rgb(0, 0, Vec::new()).unwrap()));
    }

    #[test]
    fn a_display_that_is_not_there_is_tried_again() {
        let counters = Arc::<Counters>::default();
        let tries = Arc::new(AtomicU64::new(0));
        let tried = tries.clone();
        let output = Output {
            name: "the screen `:7`".to_owned(),
            counters: counters.clone(),
            begin: Box::new(move |_| {
                tried.fetch_add(1, Ordering::Relaxed);
                Err("it is not there".to_owned())
            }),
        };
        let show = Show::start(output).unwrap();
        show.take(picture(1, 1, 0));
        until(|| tries.load(Ordering::Relaxed) >= 2);
        let (waits, _) = counters.condition().waits.unwrap();
        assert_eq!(waits, "the screen `:7`: it is not there");
    }

    #[test]
    fn a_display_that_goes_away_after_it_has_worked_is_tried_ever_more_seldom() {
        let tries = Arc::<std::sync::Mutex<Vec<Instant>>>::default();
        let tried = tries.clone();
        let output = Output {
            name: "the screen `:7`".to_owned(),
            counters: Arc::default(),
            begin: Box::new(move |_| {
                tried.lock().unwrap().push(Instant::now());
                Err("it is not there".to_owned())
            }),
        };
        let show = Show::start(output).unwrap();
        let worked = Instant::now().checked_sub(2 * LONGEST_WAIT).unwrap();
        show.shared.lock().took = Some((worked, Instant::now()));
        show.take(picture(1, 1, 0));
        until(|| tries.lock().unwrap().len() >= 5);
        let tries = tries.lock().unwrap();
        assert!(tries[4] - tries[3] >= 8 * FIRST_WAIT, "{tries:?}");
    }

    /// With a real program on a virtual X server: `cargo test --workspace --lib -- --ignored
    /// an_x_server`, where Xvfb is installed.
    #[test]
    #[ignore = "needs Xvfb and ffplay"]
    fn an_x_server_shows_what_comes() {
        use crate::testing::ffmpeg;
        use crate::video::ffmpeg::Running;
        use crate::video::screen_out::program::{Program, Shown};

        const DISPLAY: &str = ":94";
        let mut server = Command::new("Xvfb");
        server.args([DISPLAY, "-screen", "0", "320x240x24", "-nolisten", "tcp"]);
        server.stdout(Stdio::null()).stderr(Stdio::null());
        let _server = Running(server.spawn().unwrap());
        std::thread::sleep(Duration::from_secs(1));
        {
            let program = Program::Ffplay { is_bare: false };
            let shown = Shown {
                display: Some(DISPLAY.to_owned()),
                full_screen: true,
                ..Shown::default()
            };
            let counters = Arc::<Counters>::default();
            let output = Output {
                name: "the screen".to_owned(),
                counters: counters.clone(),
                begin: Box::new(move |size| program.command(&shown, size)),
            };
            let show = Show::start(output).unwrap();
            let folder = tempfile::tempdir().unwrap();
            let end = Instant::now() + Duration::from_secs(60);
            let mut seen = Vec::new();
            while Instant::now() < end {
                for _ in 0..10 {
                    let pixels = [200, 30, 60].repeat(64 * 48);
                    show.take(Arc::new(Frame::rgb(64, 48, pixels).unwrap()));
                    std::thread::sleep(Duration::from_millis(40));
                }
                let grab = ["-f", "x11grab", "-video_size", "320x240", "-i", DISPLAY];
                let raw = [
                    "-frames:v",
                    "1",
                    "-f",
                    "rawvideo",
                    "-pix_fmt",
                    "rgb24",
                    "pipe:1",
                ];
                seen = ffmpeg(folder.path(), &[&grab[..], &raw].concat());
                // The middle, and near two corners: the whole screen is filled.
                let is_red = |x: usize, y: usize| {
                    let at = (y * 320 + x) * 3;
                    let near = |of: usize, wanted: u8| seen[at + of].abs_diff(wanted) < 12;
                    near(0, 200) && near(1, 30) && near(2, 60)
                };
                if is_red(160, 120) && is_red(4, 4) && is_red(315, 235) {
                    seen.clear();
                    break;
                }
            }
            assert!(
                seen.is_empty(),
                "{program:?} shows nothing; {:?}",
                counters.condition()
            );
        }
    }
}
