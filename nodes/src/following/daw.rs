//! Follows a DAW through the plug-ins in it, and gives them the notes of `daw_out`.
//!
//! One thread waits at a socket for plug-ins. The first of them leads: where it says that the DAW's
//! playhead is, is reported. All of them are given all notes, each with its place on the DAW's time
//! line; which part it plays, a plug-in decides itself.

use std::collections::VecDeque;
use std::io::{ErrorKind, Write};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use score_engine::{ClockReport, LiveClock, Metre, NodeError, NodeErrorKind, Time};
use score_link::daw::{ENDING, FromPlugin, FromRun, NoteChange, Place, VERSION};
use score_link::socket::Socket;
use score_link::{Incoming, Message, folder, monotonic};

use super::Reporter;
use crate::device::daw::{DawNotes, ToDaw};

/// How long one look waits at most, in nanoseconds.
const PATIENCE: i64 = 40_000_000;

/// A playhead of which nothing was said for so long, in nanoseconds, is lost. It is told five times
/// a second.
const SILENCE: i64 = 1_000_000_000;

/// A playhead is told at most a block of sound before its time, in nanoseconds; what is further
/// ahead is nonsense.
const MOST_AHEAD: i64 = 1_000_000_000;

/// Plug-ins that are served at the same time.
const MOST_PLUGINS: usize = 64;

/// Places that a plug-in may say at once.
const MOST_PLACES: usize = 4_096;

/// Bytes that may wait for a plug-in: one that does not take them is gone.
const MOST_WAITING: usize = 65_536;

/// How often it is checked that the socket is still there.
const CHECK_INTERVAL: Duration = Duration::from_secs(5);

/// Tempi that the transport has, in quarter notes a minute.
const TEMPI: std::ops::RangeInclusive<f64> = 10.0..=400.0;

/// Places that are remembered at which the clock's positions and the run's began to differ
/// otherwise.
const REMEMBERED: usize = 16;

/// By how many quarter notes a position may be off that was reckoned from a time.
const ROUNDING: f64 = 1e-4;

/// Notes that are remembered: as many as a run sends before it hears of a jump.
const RECENT: usize = 256;

/// Follows until it is to `stop`.
///
/// # Errors
/// There can be no socket.
pub(super) fn read(
    clock: &Arc<LiveClock>,
    reporter: &mut Reporter,
    notes: &DawNotes,
    stop: &AtomicBool,
) -> Result<(), NodeError> {
    let mut socket = Socket::make(ENDING).map_err(refused)?;
    folder::clean(socket.path());
    // What was sent before anybody followed has no place.
    while notes.take().is_some() {}
    let mut desk = Desk::default();
    let mut checked = Instant::now();
    while !stop.load(Ordering::Acquire) {
        desk.wait(&socket, notes);
        desk.accept(&socket);
        desk.hear();
        let now = monotonic();
        while let Some(report) = desk.next_report(now, clock.now()) {
            // Another may follow already.
            if !stop.load(Ordering::Acquire) {
                reporter.report(report);
                desk.note_shift(reporter.steering.clock_shift());
            }
        }
        while let Some(what) = notes.take() {
            desk.send(what);
        }
        desk.flush();
        if checked.elapsed() > CHECK_INTERVAL {
            checked = Instant::now();
            if !socket.is_there()
                && let Ok(another) = Socket::make(ENDING)
            {
                socket = another;
            }
        }
    }
    Ok(())
}

fn refused(why: String) -> NodeError {
    let message = format!("no plug-in in a DAW can reach this run: {why}");
    NodeError::new(NodeErrorKind::Device, message)
}

/// A plug-in that has connected.
struct Plugin {
    stream: UnixStream,
    incoming: Incoming,
    /// What it has not taken yet.
    outgoing: Vec<u8>,
    /// Whether it has said that it is one.
    is_known: bool,
    /// Whether it has gone, or speaks another language.
    is_gone: bool,
    /// Where it has said that the playhead is, and what is not reported yet.
    places: VecDeque<Place>,
}

impl Plugin {
    fn new(stream: UnixStream) -> Option<Self> {
        stream.set_nonblocking(true).ok()?;
        let mut outgoing = Vec::new();
        FromRun::Hello(VERSION).append(&mut outgoing);
        Some(Plugin {
            stream,
            incoming: Incoming::default(),
            outgoing,
            is_known: false,
            is_gone: false,
            places: VecDeque::new(),
        })
    }

    /// Takes in what it says.
    fn hear(&mut self) {
        loop {
            let stream = &self.stream;
            let filled = (self.incoming).fill(|to| std::io::Read::read(&mut { stream }, to));
            match filled {
                Ok(0) => self.is_gone = true,
                Ok(_) => {
                    let (places, is_known) = (&mut self.places, &mut self.is_known);
                    let mut is_strange = false;
                    let taken = self.incoming.take(|message| match message {
                        FromPlugin::Hello(VERSION) => *is_known = true,
                        FromPlugin::Place(place) if *is_known => places.push_back(place),
                        _ => is_strange = true,
                    });
                    let is_flood = places.len() > MOST_PLACES;
                    self.is_gone |= is_strange || is_flood || taken.is_err();
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return,
                Err(_) => self.is_gone = true,
            }
            if self.is_gone {
                return;
            }
        }
    }

    /// Gives it what it takes.
    fn flush(&mut self) {
        while !self.outgoing.is_empty() && !self.is_gone {
            match (&self.stream).write(&self.outgoing) {
                Ok(count) => drop(self.outgoing.drain(..count)),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    self.is_gone |= self.outgoing.len() > MOST_WAITING;
                    return;
                }
                Err(_) => self.is_gone = true,
            }
        }
    }
}

/// What was reported last.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Said {
    #[default]
    Nothing,
    Stopped,
    Runs,
    Lost,
}

/// From a position of the run on, the clock's are ahead by so much.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Shift {
    from: f64,
    ahead: f64,
    /// When the clock had started or jumped last.
    pass: i64,
}

impl Shift {
    fn holds_at(&self, position: f64) -> bool {
        self.from <= position + ROUNDING
    }
}

/// By how much the clock's positions are ahead of the run's, lately.
#[derive(Debug, Default)]
struct Shifts(VecDeque<Shift>);

impl Shifts {
    /// From a position of the run on, the clock's are ahead by so much. Gives whether that is news.
    fn note(&mut self, shift: Shift) -> bool {
        if self.0.back() == Some(&shift) {
            return false;
        }
        if self.0.len() >= REMEMBERED {
            self.0.pop_front();
        }
        self.0.push_back(shift);
        true
    }

    /// The clock's position where the run's is this, and of which pass.
    fn of(&self, position: f64) -> (f64, i64) {
        let held = self.0.iter().rev().find(|shift| shift.holds_at(position));
        let held = held.or(self.0.front());
        held.map_or((position, 0), |shift| (position + shift.ahead, shift.pass))
    }
}

/// The plug-ins, and what was said to and by them.
#[derive(Default)]
struct Desk {
    plugins: Vec<Plugin>,
    said: Said,
    metre: Option<(u16, u16)>,
    /// When the one that leads said something last.
    heard: i64,
    /// When and where the playhead started or jumped last, as it said.
    jumped: Option<(i64, f64)>,
    shifts: Shifts,
    /// What was sent last.
    recent: VecDeque<ToDaw>,
}

impl Desk {
    /// Waits until somebody says something, or something is due.
    fn wait(&self, socket: &Socket, notes: &DawNotes) {
        let due = (self.plugins.first()).and_then(|leader| leader.places.front());
        let wait = due.map_or(PATIENCE, |place| {
            place.at.saturating_sub(monotonic()).clamp(0, PATIENCE)
        });
        let wait = Timespec {
            tv_sec: 0,
            tv_nsec: wait,
        };
        let mut ends = vec![PollFd::new(socket.listener(), PollFlags::IN)];
        if let Some(waker) = notes.waker() {
            ends.push(PollFd::new(waker.readable(), PollFlags::IN));
        }
        for plugin in &self.plugins {
            let mut flags = PollFlags::IN;
            flags.set(PollFlags::OUT, !plugin.outgoing.is_empty());
            ends.push(PollFd::new(&plugin.stream, flags));
        }
        if poll(&mut ends, Some(&wait)).is_err_and(|error| error != rustix::io::Errno::INTR) {
            // It may last, such as too little memory.
            std::thread::sleep(Duration::from_millis(5));
        }
        if let Some(waker) = notes.waker() {
            waker.forget();
        }
    }

    /// Takes in the plug-ins that wait, and forgets those that are gone.
    fn accept(&mut self, socket: &Socket) {
        while let Ok((stream, _)) = socket.listener().accept() {
            if self.plugins.len() < MOST_PLUGINS {
                self.plugins.extend(Plugin::new(stream));
            }
        }
    }

    /// Takes in what they say.
    fn hear(&mut self) {
        self.plugins.iter_mut().for_each(Plugin::hear);
        self.plugins.retain(|plugin| !plugin.is_gone);
        // The others say the same of the same playhead.
        for plugin in self.plugins.iter_mut().skip(1) {
            let kept = plugin.places.pop_back();
            plugin.places.clear();
            plugin.places.extend(kept);
        }
    }

    /// What is to be reported next, at `now` on the clock that both read, which is `time` on the
    /// run's.
    fn next_report(&mut self, now: i64, time: Time) -> Option<ClockReport> {
        let is_due = |place: &&Place| place.at <= now || place.at.saturating_sub(now) > MOST_AHEAD;
        // One that a DAW does not process any more says nothing, though others do.
        let speaks = |plugin: &Plugin| {
            let last = plugin.places.back();
            last.is_some_and(|place| now.saturating_sub(place.at) < SILENCE)
        };
        if now.saturating_sub(self.heard) > SILENCE
            && let Some(other) = self.plugins.iter().position(speaks)
        {
            self.plugins.swap(0, other);
        }
        while let Some(leader) = self.plugins.first_mut()
            && let Some(place) = leader.places.front().filter(is_due).copied()
        {
            if self.metre.replace(place.metre) != Some(place.metre) {
                let (beats, unit) = place.metre;
                return Some(ClockReport::Metre(Metre(beats.into(), unit.into())));
            }
            leader.places.pop_front();
            self.heard = now;
            if !place.plays {
                if std::mem::replace(&mut self.said, Said::Stopped) != Said::Stopped {
                    return Some(ClockReport::Stopped);
                }
            } else if TEMPI.contains(&place.tempo) {
                self.said = Said::Runs;
                if place.jumps {
                    self.jumped = Some((place.at, place.beat));
                }
                return Some(ClockReport::Runs {
                    time: time - Time::from_nanos(now.saturating_sub(place.at)),
                    beat: place.beat,
                    tempo: place.tempo,
                    located: place.jumps,
                });
            }
        }
        self.silence(now)
    }

    /// What is to be reported where nobody says anything.
    fn silence(&mut self, now: i64) -> Option<ClockReport> {
        let is_silent = self.plugins.is_empty() || now - self.heard > SILENCE;
        let was_there = matches!(self.said, Said::Runs | Said::Stopped);
        (is_silent && was_there).then(|| {
            self.said = Said::Lost;
            ClockReport::Lost
        })
    }

    /// From a position of the run on, the clock's are ahead by so much. Where the music plays on
    /// through a jump, since it was one of whole rounds, what was sent just before the jump was
    /// heard of lies beyond it too, and is sent again.
    fn note_shift(&mut self, (from, ahead): (f64, f64)) {
        let (pass, beat) = self.jumped.unwrap_or((0, f64::INFINITY));
        let shift = Shift {
            from: from.min(beat - ahead),
            ahead,
            pass,
        };
        if !self.shifts.note(shift) {
            return;
        }
        for what in std::mem::take(&mut self.recent) {
            let ToDaw::Note { position, .. } = what else {
                continue;
            };
            if shift.holds_at(position) {
                self.send(what);
            }
        }
    }

    /// Sends it to every plug-in.
    fn send(&mut self, what: ToDaw) {
        if self.recent.len() >= RECENT {
            self.recent.pop_front();
        }
        self.recent.push_back(what);
        let message = match what {
            ToDaw::EndPart(part) => FromRun::EndPart(part),
            ToDaw::Note {
                part,
                id,
                position,
                change,
            } => {
                let (beat, pass) = self.shifts.of(position);
                FromRun::Note(NoteChange {
                    part,
                    id,
                    beat,
                    pass,
                    change,
                })
            }
        };
        for plugin in self.plugins.iter_mut().filter(|plugin| plugin.is_known) {
            message.append(&mut plugin.outgoing);
        }
    }

    fn flush(&mut self) {
        self.plugins.iter_mut().for_each(Plugin::flush);
        self.plugins.retain(|plugin| !plugin.is_gone);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(at: i64, beat: f64) -> Place {
        Place {
            at,
            beat,
            tempo: 120.0,
            metre: (4, 4),
            plays: true,
            jumps: false,
        }
    }

    /// A plug-in that says what it is told to, and the desk that hears it.
    fn connected() -> (UnixStream, Desk) {
        let (mut there, here) = UnixStream::pair().unwrap();
        let mut desk = Desk::default();
        desk.plugins.extend(Plugin::new(here));
        say(&mut there, &[FromPlugin::Hello(VERSION)]);
        (there, desk)
    }

    fn say(there: &mut UnixStream, messages: &[FromPlugin]) {
        let mut bytes = Vec::new();
        messages
            .iter()
            .for_each(|message| message.append(&mut bytes));
        there.write_all(&bytes).unwrap();
    }

    fn reports(desk: &mut Desk, now: i64) -> Vec<ClockReport> {
        desk.hear();
        let time = Time::from_seconds(50.0);
        std::iter::from_fn(|| desk.next_report(now, time)).collect()
    }

    fn runs(report: ClockReport) -> (f64, f64, bool) {
        match report {
            ClockReport::Runs {
                time,
                beat,
                located,
                ..
            } => (time.seconds(), beat, located),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_playhead_is_reported_by_the_clock_that_both_read_and_not_before_its_time() {
        let (mut there, mut desk) = connected();
        let second = 1_000_000_000;
        let jumps = Place {
            jumps: true,
            ..place(10 * second + 5_000_000, 16.0)
        };
        say(
            &mut there,
            &[
                FromPlugin::Place(place(10 * second - 20_000_000, 3.0)),
                FromPlugin::Place(jumps),
            ],
        );
        let heard = reports(&mut desk, 10 * second);
        assert_eq!(heard[0], ClockReport::Metre(Metre(4, 4)));
        assert_eq!(runs(heard[1]), (49.98, 3.0, false));
        assert_eq!(heard.len(), 2);
        let heard = reports(&mut desk, 10 * second + 6_000_000);
        assert_eq!(runs(heard[0]), (49.999, 16.0, true));
    }

    #[test]
    fn a_playhead_that_stops_is_reported_once_and_one_that_is_silent_or_gone_as_lost() {
        let (mut there, mut desk) = connected();
        let stands = Place {
            plays: false,
            ..place(5, 3.0)
        };
        say(&mut there, &[FromPlugin::Place(place(1, 2.0))]);
        assert_eq!(reports(&mut desk, 10).len(), 2);
        say(&mut there, &[FromPlugin::Place(stands); 3]);
        assert_eq!(reports(&mut desk, 10), [ClockReport::Stopped]);
        assert_eq!(reports(&mut desk, SILENCE + 100), [ClockReport::Lost]);
        say(&mut there, &[FromPlugin::Place(place(SILENCE, 2.0))]);
        assert_eq!(reports(&mut desk, SILENCE + 200).len(), 1);
        drop(there);
        assert_eq!(reports(&mut desk, SILENCE + 300), [ClockReport::Lost]);
        assert_eq!(reports(&mut desk, SILENCE + 400), []);
    }

    #[test]
    fn where_the_first_plugin_goes_the_next_leads() {
        let (mut first, mut desk) = connected();
        let (mut second, here) = UnixStream::pair().unwrap();
        desk.plugins.extend(Plugin::new(here));
        say(&mut second, &[FromPlugin::Hello(VERSION)]);
        say(&mut first, &[FromPlugin::Place(place(1, 2.0))]);
        say(&mut second, &[FromPlugin::Place(place(1, 7.0)); 9]);
        assert_eq!(runs(reports(&mut desk, 10)[1]).1, 2.0);
        drop(first);
        let heard = reports(&mut desk, 11);
        assert_eq!((heard.len(), runs(heard[0]).1), (1, 7.0));
    }

    #[test]
    fn where_the_first_plugin_says_nothing_any_more_another_that_speaks_leads() {
        let (mut first, mut desk) = connected();
        let (mut second, here) = UnixStream::pair().unwrap();
        desk.plugins.extend(Plugin::new(here));
        say(&mut second, &[FromPlugin::Hello(VERSION)]);
        say(&mut first, &[FromPlugin::Place(place(1, 2.0))]);
        assert_eq!(runs(reports(&mut desk, 10)[1]).1, 2.0);
        let later = 3 * SILENCE;
        say(&mut second, &[FromPlugin::Place(place(later, 7.0))]);
        let heard = reports(&mut desk, later + 1);
        assert_eq!((heard.len(), runs(heard[0]).1), (1, 7.0));
    }

    #[test]
    fn somebody_who_speaks_another_language_is_sent_away_and_is_given_nothing() {
        let (mut there, here) = UnixStream::pair().unwrap();
        let mut desk = Desk::default();
        desk.plugins.extend(Plugin::new(here));
        desk.send(ToDaw::EndPart(1));
        there.write_all(b"GET / HTTP/1.1\r\n\r\n").unwrap();
        let places = FromPlugin::Place(place(1, 1.0));
        say(&mut there, &[places; 9]);
        assert_eq!(reports(&mut desk, 10), []);
        desk.flush();
        let (mut there, mut desk) = connected();
        say(&mut there, &[FromPlugin::Hello(VERSION + 1)]);
        reports(&mut desk, 10);
        assert!(desk.plugins.is_empty());
    }

    #[test]
    fn one_that_takes_nothing_is_gone_before_much_waits_for_it() {
        let (_there, mut desk) = connected();
        desk.hear();
        for _ in 0..1_000_000 {
            desk.send(ToDaw::EndPart(1));
            desk.flush();
            if desk.plugins.is_empty() {
                return;
            }
        }
        panic!("it is still there");
    }

    #[test]
    fn a_note_lies_on_the_time_line_that_held_at_its_position() {
        let mut shifts = Shifts::default();
        assert_eq!(shifts.of(3.0), (3.0, 0));
        let mut note = |from, ahead, pass| shifts.note(Shift { from, ahead, pass });
        assert!(note(0.0, 0.0, 0) && note(64.0, -64.0, 5));
        assert!(!note(64.0, -64.0, 5));
        // It jumped ahead on its own line.
        assert!(note(100.0, -64.0, 6) && note(130.0, -126.0, 7));
        for (position, beat, pass) in [
            (3.0, 3.0, 0),
            (64.0, 0.0, 5),
            (64.0 - 1e-9, -1e-9, 5),
            (99.5, 35.5, 5),
            (100.0, 36.0, 6),
            (130.0, 4.0, 7),
        ] {
            let (found, of) = shifts.of(position);
            assert!((found - beat).abs() < 1e-12 && of == pass, "{position}");
        }
        for pass in 0..99 {
            let from = 200.0 + pass as f64;
            shifts.note(Shift {
                from,
                ahead: 0.0,
                pass,
            });
        }
        assert_eq!(shifts.0.len(), REMEMBERED);
    }

    #[test]
    fn where_music_plays_on_through_a_jump_what_was_sent_before_is_of_the_next_pass_too() {
        let (mut there, mut desk) = connected();
        desk.hear();
        let note = |id, position| ToDaw::Note {
            part: 1,
            id,
            position,
            change: score_link::daw::Change::Off,
        };
        desk.note_shift((0.0, 0.0));
        desk.send(note(1, 63.75));
        desk.send(note(2, 64.0));
        // The run was at 64.01 when it heard that the DAW had gone from 64 to 0.
        let jumps = Place {
            jumps: true,
            ..place(5, 0.0)
        };
        say(&mut there, &[FromPlugin::Place(jumps)]);
        reports(&mut desk, 10);
        desk.note_shift((64.01, -64.0));
        desk.flush();
        let mut incoming = Incoming::default();
        incoming
            .fill(|to| std::io::Read::read(&mut there, to))
            .unwrap();
        let mut heard = Vec::new();
        let taken = incoming.take(|message| {
            if let FromRun::Note(note) = message {
                heard.push((note.id, note.beat, note.pass));
            }
        });
        assert!(taken.is_ok());
        assert_eq!(heard, [(1, 63.75, 0), (2, 64.0, 0), (2, 0.0, 5)]);
    }
}
