//! Threads that light nodes share. A node is woken when something comes for it or its time has
//! come; its thread lets it take steps until it waits again, and then the next. So a packet from
//! one node of a group to another wakes no thread.
//!
//! In a round each node that was woken has its turn, in the order in which packets flow through the
//! patch: whoever reads several wires has what all of them bring when its turn comes. A node that is
//! woken by one behind it has its turn in the next round.
//!
//! A light node should never hold its thread up. One that does all the same is left alone with that
//! thread, and the others go on with another.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError, Weak};
use std::task::{Wake, Waker};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, unbounded};

use super::gauges::{Gauges, NodeState};
use super::thread::{Life, Next, NodeLoop};
use crate::clock::LiveClock;
use crate::run_error::RunError;
use crate::time::Time;

/// How long a group's thread sleeps at most: the clock may have been moved on.
const POLL_INTERVAL: Duration = Duration::from_millis(500);

/// Steps that a node takes in one turn at most, so that one which always has something to do does
/// not keep the others from theirs.
const MOST_STEPS: usize = 16;

/// A turn that takes so much longer after it was first seen holds the other nodes of its group up no
/// more.
const HOLDS_UP: Duration = Duration::from_millis(250);

/// A light node of a live run, on a thread that it shares.
pub(super) struct Member {
    group: Arc<Group>,
    /// Its number among all nodes that the run has begun.
    generation: u64,
    gauges: Arc<Gauges>,
    /// Its place in the order in which packets flow through the patch.
    rank: AtomicUsize,
    /// Whether it waits for its turn.
    is_woken: AtomicBool,
    /// Whether the patch that it belongs to plays.
    is_open: AtomicBool,
    /// `None`: it is not built yet, or has ended.
    node: Mutex<Option<Place>>,
}

/// A node that is built, and when it is due.
struct Place {
    node: NodeLoop,
    life: Life,
    due: Option<Time>,
}

impl Member {
    /// The way to wake it: something has come for it.
    pub(super) fn waker(self: &Arc<Self>) -> Waker {
        Waker::from(Arc::new(Bell(Arc::downgrade(self))))
    }

    /// Builds the node, which waits until it is [opened](Member::open).
    ///
    /// # Errors
    /// It cannot be built.
    pub(super) fn build(&self, mut node: NodeLoop) -> Result<(), RunError> {
        let life = node.build()?;
        let place = Place {
            node,
            life,
            due: None,
        };
        *self.node.lock().unwrap_or_else(PoisonError::into_inner) = Some(place);
        Ok(())
    }

    /// The node plays from now on; before, it was built.
    pub(super) fn open(self: &Arc<Self>) {
        if !self.is_open.swap(true, Ordering::AcqRel) {
            self.gauges.set_state(NodeState::Running);
            self.wake_again();
        }
    }

    /// Where the node stands in the order of the patch that plays.
    pub(super) fn set_rank(&self, rank: usize) {
        self.rank.store(rank, Ordering::Release);
    }

    /// Those that it shares its thread with.
    pub(super) fn group(&self) -> &Arc<Group> {
        &self.group
    }

    fn place_in_round(&self) -> PlaceInRound {
        (self.rank.load(Ordering::Acquire), self.generation)
    }

    /// Gives it a turn, unless it waits for one already.
    fn wake(self: &Arc<Self>) {
        if !self.is_woken.swap(true, Ordering::AcqRel) {
            self.group.call(Some(self.clone()));
        }
    }

    /// Gives it a turn, though it may wait for one on a thread that was left.
    fn wake_again(self: &Arc<Self>) {
        self.is_woken.store(true, Ordering::Release);
        self.group.call(Some(self.clone()));
    }
}

/// Wakes a member, for as long as it is there: wires between members must not keep them.
struct Bell(Weak<Member>);

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if let Some(member) = self.0.upgrade() {
            member.wake();
        }
    }
}

/// A member that is woken; `None`: look whether anybody is left.
type Call = Option<Arc<Member>>;

/// Nodes that share a thread.
pub(super) struct Group {
    number: usize,
    clock: Arc<LiveClock>,
    members: Mutex<Vec<Weak<Member>>>,
    /// Those that have been woken.
    calls: (Sender<Call>, Receiver<Call>),
    /// Whether nobody else will come.
    is_closed: AtomicBool,
}

/// What a thread of a group shows of itself.
#[derive(Default)]
struct Runner {
    /// Turns that have begun, and those that have ended: odd while one goes on.
    turns: AtomicU64,
    /// Whether another thread has taken the group over.
    is_relieved: AtomicBool,
}

impl Group {
    fn call(&self, member: Call) {
        // The group holds the other end.
        let _ = self.calls.0.send(member);
    }

    /// The members that there are.
    fn members(&self) -> MutexGuard<'_, Vec<Weak<Member>>> {
        let mut members = self.members.lock().unwrap_or_else(PoisonError::into_inner);
        members.retain(|member| member.strong_count() > 0);
        members
    }

    /// Starts a thread for it.
    fn start_thread(self: &Arc<Self>) -> Result<Arc<Runner>, std::io::Error> {
        let (group, runner) = (self.clone(), Arc::<Runner>::default());
        let shown = runner.clone();
        std::thread::Builder::new()
            .name(format!("light nodes {}", self.number))
            .spawn(move || group.run(&runner))?;
        Ok(shown)
    }

    /// Lets the members take their turns until there are none, or another thread takes over.
    fn run(&self, runner: &Runner) {
        let mut rounds = Rounds::default();
        loop {
            if runner.is_relieved.load(Ordering::Acquire) {
                rounds.all().for_each(Member::wake_again);
                return;
            }
            self.calls
                .1
                .try_iter()
                .flatten()
                .for_each(|member| rounds.add(member));
            rounds.add_due(self.clock.now());
            let Some(member) = rounds.pop() else {
                if self.is_closed.load(Ordering::Acquire) && self.members().is_empty() {
                    return;
                }
                self.sleep(&mut rounds);
                continue;
            };
            runner.turns.fetch_add(1, Ordering::AcqRel);
            let (before, due) = member.take_turn();
            runner.turns.fetch_add(1, Ordering::AcqRel);
            if runner.is_relieved.load(Ordering::Acquire) {
                // Whoever has taken over may have passed it over meanwhile.
                member.wake_again();
            }
            rounds.put(member, before, due);
        }
    }

    /// Waits until a member is woken or due.
    fn sleep(&self, rounds: &mut Rounds) {
        let longest = match rounds.first_due() {
            None => POLL_INTERVAL,
            Some(due) => {
                let left = (due - self.clock.now()).nanos().max(0).unsigned_abs();
                POLL_INTERVAL.min(Duration::from_nanos(left))
            }
        };
        match self.calls.1.recv_timeout(longest) {
            Ok(Some(member)) => rounds.add(member),
            Ok(None) | Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {}
        }
    }
}

impl Member {
    /// Takes steps until nothing is to be done now: when the member was due before, and when it is
    /// now.
    fn take_turn(self: &Arc<Self>) -> (Option<Time>, Option<Time>) {
        let mut place = match self.node.try_lock() {
            Ok(place) => place,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            // It holds another thread up, which has it look again afterwards.
            Err(TryLockError::WouldBlock) => return (None, None),
        };
        // What has come before somebody found it woken already is seen from here on.
        self.is_woken.swap(false, Ordering::AcqRel);
        if !self.is_open.load(Ordering::Acquire) {
            return (None, None);
        }
        let Some(Place { node, life, due }) = &mut *place else {
            return (None, None);
        };
        // A node's own errors and panics are its loop's; what gets here is a panic of what it
        // leaves behind, which must not take the others with it.
        let next = catch_unwind(AssertUnwindSafe(|| {
            let mut steps = (0..MOST_STEPS).map(|_| node.step(life));
            let next = steps.find(|next| *next != Next::Step);
            let next = next.unwrap_or(Next::Step);
            (next, node.looks_at(next))
        }));
        let before = due.take();
        match next {
            Ok((Next::Ended, _)) | Err(_) => {
                let ended = place.take();
                let _ = catch_unwind(AssertUnwindSafe(|| {
                    ended.into_iter().for_each(|mut place| place.node.end());
                }));
                // Also where that has panicked.
                self.gauges.set_state(NodeState::Ended);
                (before, None)
            }
            Ok((Next::Step, _)) => {
                self.wake();
                (before, None)
            }
            Ok((_, looks_at)) => {
                *due = looks_at;
                (before, looks_at)
            }
        }
    }
}

/// Where a member stands in a round: by its rank, then by its generation.
type PlaceInRound = (usize, u64);

/// The members that are woken or due, as one thread of a group sees them.
#[derive(Default)]
struct Rounds {
    /// Those whose turn comes in this round.
    this_round: BTreeMap<PlaceInRound, Arc<Member>>,
    next_round: BTreeMap<PlaceInRound, Arc<Member>>,
    /// Whose turn it was last in this round.
    last: Option<PlaceInRound>,
    /// By the time of the clock, then by generation.
    due: BTreeMap<(Time, u64), Arc<Member>>,
}

impl Rounds {
    /// Gives a member a turn: in this round, unless that is past its place.
    fn add(&mut self, member: Arc<Member>) {
        let place = member.place_in_round();
        let is_past = self.last.is_some_and(|last| last >= place);
        let round = if is_past {
            &mut self.next_round
        } else {
            &mut self.this_round
        };
        round.insert(place, member);
    }

    /// Gives those a turn that are due.
    fn add_due(&mut self, now: Time) {
        while let Some(entry) = self.due.first_entry()
            && entry.key().0 <= now
        {
            let member = entry.remove();
            self.add(member);
        }
    }

    /// When the first is due.
    fn first_due(&self) -> Option<Time> {
        self.due.first_key_value().map(|((time, _), _)| *time)
    }

    /// Whose turn it is; `None`: nobody's.
    fn pop(&mut self) -> Option<Arc<Member>> {
        if self.this_round.is_empty() {
            self.last = None;
            std::mem::swap(&mut self.this_round, &mut self.next_round);
        }
        let (place, member) = self.this_round.pop_first()?;
        self.last = Some(place);
        Some(member)
    }

    /// Everybody in it.
    fn all(&self) -> impl Iterator<Item = &Arc<Member>> {
        let woken = self.this_round.values().chain(self.next_round.values());
        woken.chain(self.due.values())
    }

    /// Notes when a member is due.
    fn put(&mut self, member: Arc<Member>, before: Option<Time>, due: Option<Time>) {
        let generation = member.generation;
        if let Some(before) = before {
            self.due.remove(&(before, generation));
        }
        if let Some(due) = due {
            self.due.insert((due, generation), member);
        }
    }
}

/// All groups of a run.
pub(super) struct Groups {
    clock: Arc<LiveClock>,
    /// Nodes that share a thread at most.
    most: usize,
    groups: Vec<Watched>,
}

/// A group, and how far its thread had come when it was looked at.
struct Watched {
    group: Arc<Group>,
    runner: Arc<Runner>,
    seen: (u64, Instant),
}

impl Groups {
    /// A run without light nodes; later, up to `most` share a thread.
    pub(super) fn new(clock: Arc<LiveClock>, most: usize) -> Self {
        Groups {
            clock,
            most,
            groups: Vec::new(),
        }
    }

    /// Gives the `generation`th node of the run a place, with those `beside` it where there is room.
    ///
    /// # Errors
    /// The system refuses a thread.
    pub(super) fn seat<'a>(
        &mut self,
        generation: u64,
        gauges: Arc<Gauges>,
        mut beside: impl Iterator<Item = &'a Arc<Group>>,
    ) -> Result<Arc<Member>, RunError> {
        let has_room = |group: &Arc<Group>| group.members().len() < self.most;
        let mut all = self.groups.iter().map(|watched| &watched.group);
        let group = beside
            .find(|group| has_room(group))
            .or(all.find(|group| has_room(group)));
        let group = match group {
            Some(group) => group.clone(),
            None => self.another()?,
        };
        let member = Arc::new(Member {
            group: group.clone(),
            generation,
            gauges,
            rank: AtomicUsize::new(0),
            is_woken: AtomicBool::new(false),
            is_open: AtomicBool::new(false),
            node: Mutex::new(None),
        });
        group.members().push(Arc::downgrade(&member));
        Ok(member)
    }

    fn another(&mut self) -> Result<Arc<Group>, RunError> {
        let group = Arc::new(Group {
            number: self.groups.len() + 1,
            clock: self.clock.clone(),
            members: Mutex::default(),
            calls: unbounded(),
            is_closed: AtomicBool::new(false),
        });
        let runner = group.start_thread().map_err(RunError::Thread)?;
        self.groups.push(Watched {
            group: group.clone(),
            runner,
            seen: (0, Instant::now()),
        });
        Ok(group)
    }

    /// Looks whether a node holds the others of its group up: those go on without it then.
    pub(super) fn look_after(&mut self) {
        for watched in &mut self.groups {
            let turns = watched.runner.turns.load(Ordering::Acquire);
            let is_in_turn = turns % 2 == 1;
            if !is_in_turn || watched.seen.0 != turns {
                watched.seen = (turns, Instant::now());
            } else if watched.seen.1.elapsed() > HOLDS_UP {
                watched.relieve();
            }
        }
    }
}

impl Watched {
    /// Another thread takes over.
    fn relieve(&mut self) {
        match self.group.start_thread() {
            Ok(runner) => {
                self.runner.is_relieved.store(true, Ordering::Release);
                self.runner = runner;
                // All of them: the other thread knows who was due.
                let members = self.group.members().clone();
                let members = members.iter().filter_map(Weak::upgrade);
                members.for_each(|member| member.wake_again());
            }
            Err(error) => {
                tracing::warn!(
                    "a light node holds others up, and the system refuses another thread ({error})"
                );
            }
        }
        self.seen = (0, Instant::now());
    }
}

impl Drop for Groups {
    fn drop(&mut self) {
        for watched in &self.groups {
            watched.group.is_closed.store(true, Ordering::Release);
            watched.group.call(None);
        }
    }
}
