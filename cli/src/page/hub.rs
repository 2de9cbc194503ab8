//! What all open pages share: one look at the run for all of them, at most [`RATE`] times a second
//! and only while a page is open. A page takes the newest when it is ready for it; one that is slow
//! misses what lies between, and neither another page nor the run waits for it.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use axum::body::Bytes;
use score_engine::{
    LiveTap, NodeValues, Picture, Recalled, Seen, Steering, ValueStatus, written_value,
};
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio::time::{MissedTickBehavior, interval};

use super::editing::Editing;
use super::health::{self, Ears, Sound};
use super::learning::Learner;
use super::plan::{self, rounded};
use super::score::{Cursor, Score};
use super::shape::Shapes;
use crate::remote::{Published, Remote};

/// Looks a second.
const RATE: f64 = 15.0;

/// Pictures a second in the full-screen view, for which the hub looks more often.
const SHOW_RATE: f64 = 25.0;

/// The widest picture of a node, in pixels, and of the full-screen view.
const WIDTHS: [u32; 2] = [128, 640];

/// Messages of notes and events that are kept for a page that is a little late.
const MOST_KEPT: usize = 16;

/// Outputs that are looked at, by all pages; those that fill a screen come on top.
pub(super) const MOST_LOOKS: usize = 512;

/// How long nobody looks while no page is open.
const REST: Duration = Duration::from_millis(200);

/// An output that pages look at.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Look {
    pub(super) node: String,
    pub(super) output: String,
    /// Whether it fills the screen.
    pub(super) is_large: bool,
}

impl Look {
    /// The output called `NODE.OUTPUT`.
    pub(super) fn named(name: &str, is_large: bool) -> Option<Self> {
        let (node, output) = name.rsplit_once('.')?;
        Some(Look {
            node: node.to_owned(),
            output: output.to_owned(),
            is_large,
        })
    }
}

/// What was seen, as a page gets it.
#[derive(Clone)]
pub(super) enum Sight {
    /// Part of the object `seen`: `"node.output":{…}`.
    Text(Arc<str>),
    /// A message of its own.
    Picture(Bytes),
}

/// The looks of all pages.
pub(super) struct Hub {
    pub(super) steering: Steering,
    pub(super) published: Published,
    pub(super) remote: Remote,
    pub(super) editing: Arc<Editing>,
    /// What the patch is called.
    pub(super) name: String,
    pub(super) since: Instant,
    /// Whether the patch is being written just now.
    pub(super) is_writing: AtomicBool,
    /// Whether a controller is waited for, for one page.
    pub(super) is_learning: AtomicBool,
    seen: Mutex<State>,
    ticks: watch::Sender<u64>,
}

#[derive(Default)]
struct State {
    tick: u64,
    looks: BTreeMap<Look, Looked>,
    values: BTreeMap<(String, String), (u64, ValueStatus)>,
    /// Of which revision the plan is: the wires are those of a status.
    plan_of: Option<u64>,
    plan: (u64, Arc<str>),
    status_at: Option<SystemTime>,
    status: (u64, Arc<str>),
    show: (u64, Show),
    ears: Ears,
    shapes: Shapes,
    score: Score,
}

/// What the full-screen views show.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Show {
    /// The output; `None`: each view chooses.
    pub(super) of: Option<String>,
    /// Whether they are black.
    pub(super) is_black: bool,
}

/// An output that pages look at.
struct Looked {
    /// Pages that do.
    pages: usize,
    tap: Option<LiveTap>,
    kept: VecDeque<(u64, Sight)>,
}

/// What a page knows, and has yet to be told.
#[derive(Default)]
pub(super) struct Known {
    tick: u64,
    pub(super) looks: BTreeSet<Look>,
    /// What it knows of the score strip, while it shows it.
    score: Option<Cursor>,
    /// What it waits for a controller with.
    pub(super) learner: Option<Learner>,
}

/// What a page is told.
pub(super) struct News {
    pub(super) text: String,
    pub(super) pictures: Vec<Bytes>,
}

impl Hub {
    pub(super) fn new(
        steering: Steering,
        published: Published,
        remote: Remote,
        editing: Arc<Editing>,
        name: String,
    ) -> Self {
        Hub {
            steering,
            published,
            remote,
            editing,
            name,
            since: Instant::now(),
            is_writing: AtomicBool::new(false),
            is_learning: AtomicBool::new(false),
            seen: Mutex::default(),
            ticks: watch::channel(0).0,
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Says when there is something new.
    pub(super) fn ticks(&self) -> watch::Receiver<u64> {
        self.ticks.subscribe()
    }

    /// Looks at the run while a page is open, until the run is over.
    pub(super) async fn look(self: Arc<Self>, mut over: watch::Receiver<bool>) {
        let mut ticks = interval(Duration::from_secs_f64(1.0 / (RATE * 2.0)));
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut is_odd = false;
        loop {
            tokio::select! {
                _ = ticks.tick() => {}
                _ = over.changed() => return,
            }
            if self.ticks.receiver_count() == 0 {
                tokio::select! {
                    () = tokio::time::sleep(REST) => {}
                    _ = over.changed() => return,
                }
            }
            is_odd = !is_odd;
            let is_shown = self.lock().looks.keys().any(|look| look.is_large);
            if is_odd || is_shown {
                self.tick();
            }
        }
    }

    fn tick(&self) {
        let is_open = self.ticks.receiver_count() > 0;
        self.editing.plays(self.published.text());
        let (now, status) = (self.now(), self.published.status());
        let mut guard = self.lock();
        let state = &mut *guard;
        if is_open {
            // A page says why nothing is heard, at the nodes.
            state.ears.want();
        }
        if let Some((now, status)) = now.zip(status.as_deref()) {
            state.ears.listen(&self.steering, &status.1, now);
            if is_open {
                state.shapes.look(&self.steering, &status.1);
            }
            let told = (&status.1, &state.shapes);
            state.score.look(&self.steering, told, now);
        }
        if !is_open {
            // Whoever comes next is told all.
            state.looks.clear();
            return;
        }
        let tick = state.tick + 1;
        let values = self.steering.values();
        if let Some((at, status)) = status.as_deref() {
            if state.plan_of.replace(status.revision) != Some(status.revision) {
                let plan = plan::plan(&self.steering, status, &self.name);
                state.plan = (tick, plan.to_string().into());
                // Taps at nodes that came or went.
                state
                    .looks
                    .values_mut()
                    .for_each(|looked| looked.tap = None);
                state.values.clear();
            }
            if state.status_at != Some(*at) {
                state.status_at = Some(*at);
                let verdict = self.published.verdict();
                let sound = health::shown(&state.ears, status, now.unwrap_or_default(), &values);
                let status = plan::status(status, *at, (&verdict, sound));
                state.status = (tick, status.to_string().into());
            }
        }
        state.look_at_values(tick, values);
        state.look_at_outputs(tick, &self.steering);
        state.tick = tick;
        drop(guard);
        self.ticks.send_replace(tick);
    }

    /// A page looks at other outputs than before.
    pub(super) fn look_at(&self, known: &mut Known, looks: BTreeSet<Look>) {
        let mut state = self.lock();
        for look in known.looks.difference(&looks) {
            state.leave(look);
        }
        let mut added = BTreeSet::new();
        for look in looks {
            let is_new = !known.looks.contains(&look);
            if is_new && !state.join(&look) {
                continue;
            }
            added.insert(look);
        }
        known.looks = added;
    }

    /// A page shows the score strip from now on, or no more.
    pub(super) fn show_score(&self, known: &mut Known, is_shown: bool) {
        let mut state = self.lock();
        match (known.score.is_some(), is_shown) {
            (false, true) => state.score.watch(),
            (true, false) => state.score.unwatch(),
            _ => {}
        }
        known.score = is_shown.then(Cursor::default);
    }

    /// A page wants to see a still of the strip large.
    pub(super) fn enlarge(&self, known: &mut Known, still: u32) {
        if let Some(cursor) = &mut known.score {
            cursor.want(still);
        }
    }

    /// What the full-screen views show from now on.
    pub(super) fn show(&self, change: impl FnOnce(&mut Show)) {
        let mut state = self.lock();
        let mut show = state.show.1.clone();
        change(&mut show);
        // With the next look.
        state.show = (state.tick + 1, show);
    }

    /// What has changed since the page was told last.
    pub(super) fn news(&self, known: &mut Known) -> News {
        let now = self.now();
        let state = self.lock();
        let told = std::mem::replace(&mut known.tick, state.tick);
        let is_new = |tick: u64| tick > told;
        let mut parts: Vec<String> = Vec::new();
        if is_new(state.plan.0) {
            parts.push(format!("\"plan\":{}", state.plan.1));
        }
        if is_new(state.status.0) {
            parts.push(format!("\"status\":{}", state.status.1));
        }
        if is_new(state.show.0) || told == 0 {
            let show = &state.show.1;
            parts.push(format!(
                "\"show\":{}",
                json!({ "of": show.of, "black": show.is_black })
            ));
        }
        let values = state.values.iter().filter(|(_, (tick, _))| is_new(*tick));
        let values: Vec<Value> = values
            .map(|((node, _), (_, value))| shown(node, value))
            .collect();
        if !values.is_empty() {
            parts.push(format!("\"values\":{}", Value::Array(values)));
        }
        let (mut seen, mut pictures) = (Vec::new(), Vec::new());
        for look in &known.looks {
            let kept = state
                .looks
                .get(look)
                .into_iter()
                .flat_map(|looked| &looked.kept);
            for (_, sight) in kept.filter(|(tick, _)| is_new(*tick)) {
                match sight {
                    Sight::Text(text) => seen.push(text.to_string()),
                    Sight::Picture(picture) => pictures.push(picture.clone()),
                }
            }
        }
        if !seen.is_empty() {
            parts.push(format!("\"seen\":[{}]", seen.join(",")));
        }
        if let Some(cursor) = &mut known.score {
            let (score, stills) = state.score.news(cursor, now.unwrap_or_default());
            parts.push(format!("\"score\":{score}"));
            pictures.extend(stills);
        }
        drop(state);
        if let Some(cues) = self.steering.cue_status() {
            parts.push(format!("\"cue\":{}", rounded(json!(cues))));
        }
        if !self.steering.presets().is_empty() {
            let preset = match self.steering.recalled() {
                Some(Recalled::Preset(name, _)) => Some(name),
                _ => None,
            };
            parts.push(format!("\"recalled\":{}", json!(preset)));
        }
        let (beat, bar) = self.steering.beat();
        parts.push(format!("\"beat\":{beat:.3},\"bar\":{bar}"));
        News {
            text: format!("{{{}}}", parts.join(",")),
            pictures,
        }
    }

    /// A page is closed.
    pub(super) fn leave(&self, known: &Known) {
        let mut state = self.lock();
        for look in &known.looks {
            state.leave(look);
        }
        if known.score.is_some() {
            state.score.unwatch();
        }
    }

    /// How the sound is that leaves; begins to listen where nobody has asked for a while, so that
    /// silence is known some seconds later.
    pub(super) fn sound(&self) -> Sound {
        let values = self.steering.values();
        let now = self.now();
        let mut state = self.lock();
        state.ears.want();
        state.ears.judge(now.unwrap_or_default(), &values)
    }

    /// The time on the run's clock, in seconds; `None`: the patch does not play yet.
    pub(super) fn now(&self) -> Option<f64> {
        let published = self.published.status();
        let (at, status) = published.as_deref()?;
        Some(status.time + at.elapsed().unwrap_or_default().as_secs_f64())
    }
}

impl State {
    /// One more page looks; `false`: there are too many looks. What fills a screen is always looked
    /// at: a page has one such look, and pages are counted.
    fn join(&mut self, look: &Look) -> bool {
        if let Some(looked) = self.looks.get_mut(look) {
            looked.pages += 1;
            return true;
        }
        if !look.is_large && self.looks.len() >= MOST_LOOKS {
            return false;
        }
        let looked = Looked {
            pages: 1,
            tap: None,
            kept: VecDeque::new(),
        };
        self.looks.insert(look.clone(), looked);
        true
    }

    /// One page fewer looks.
    fn leave(&mut self, look: &Look) {
        let Some(looked) = self.looks.get_mut(look) else {
            return;
        };
        looked.pages -= 1;
        if looked.pages == 0 {
            self.looks.remove(look);
        }
    }

    fn look_at_values(&mut self, tick: u64, nodes: Vec<NodeValues>) {
        for node in nodes {
            for value in node.values {
                let key = (node.id.clone(), value.name.clone());
                match self.values.get_mut(&key) {
                    Some((_, known)) if *known == value => {}
                    Some(known) => *known = (tick, value),
                    None => {
                        self.values.insert(key, (tick, value));
                    }
                }
            }
        }
    }

    fn look_at_outputs(&mut self, tick: u64, steering: &Steering) {
        for (look, looked) in &mut self.looks {
            let [rate, width] = match look.is_large {
                true => [SHOW_RATE, f64::from(WIDTHS[1])],
                false => [RATE, f64::from(WIDTHS[0])],
            };
            if looked.tap.is_none() {
                looked.tap = steering.tap(&look.node, &look.output, rate).ok();
            }
            let Some(seen) = looked.tap.as_mut().and_then(|tap| tap.look(width as u32)) else {
                continue;
            };
            let does_each_count = matches!(seen, Seen::Notes(_) | Seen::Events(_));
            let most = if does_each_count { MOST_KEPT } else { 1 };
            while looked.kept.len() >= most {
                looked.kept.pop_front();
            }
            let shape = self.shapes.of(&look.node);
            looked.kept.push_back((tick, sight(look, seen, shape)));
        }
    }
}

/// A value as pages get it.
fn shown(node: &str, value: &ValueStatus) -> Value {
    let mut shown = json!({
        "node": node,
        "param": value.name,
        "value": value.value,
        "written": written_value(&value.value),
        "source": value.source,
    });
    if let Some(text) = &value.text {
        shown["text"] = written_value(text).into();
    }
    shown
}

/// What was seen, as pages get it; a picture in this shape.
fn sight(look: &Look, seen: Seen, shape: u16) -> Sight {
    let name = format!("{}.{}", look.node, look.output);
    if let Seen::Picture(picture) = seen {
        return Sight::Picture(picture_message(&name, (&picture, shape), look.is_large));
    }
    let seen = json!({ "of": name, "seen": rounded(json!(seen)) });
    Sight::Text(seen.to_string().into())
}

/// A picture: the length of its output's name and that name, 1 if it is large, its width, its height
/// and its shape ([`Shapes::of`]) as two bytes each, the lower first, and its pixels, three bytes
/// each.
pub(super) fn picture_message(
    name: &str,
    (picture, shape): (&Picture, u16),
    is_large: bool,
) -> Bytes {
    let length = u8::try_from(name.len()).unwrap_or(u8::MAX);
    let mut bytes = Vec::with_capacity(picture.pixels.len() + usize::from(length) + 8);
    bytes.push(length);
    bytes.extend(name.bytes().take(length.into()));
    bytes.push(is_large.into());
    for size in [picture.width, picture.height] {
        let size = u16::try_from(size).unwrap_or(u16::MAX);
        bytes.extend(size.to_le_bytes());
    }
    bytes.extend(shape.to_le_bytes());
    bytes.extend(&picture.pixels);
    bytes.into()
}
