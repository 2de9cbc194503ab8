//! `score replay --live`: the patches of a take as they followed one another, with what was recorded
//! of their inputs, and with what hands did.

use std::time::Duration;

use crossbeam_channel::{Receiver, RecvTimeoutError};
use score_engine::{Live, LiveOptions, Settings, Time};
use score_nodes::take::Take;

use super::scene::{Score, StandIns, recorded, recorder, source, unheard};
use crate::arguments::Replay;
use crate::failure::Failure;
use crate::kinds::Kinds;
use crate::ownership::Ownership;
use crate::signals::end_of_run;
use crate::terminal::tell;

/// How long the music may take to end.
const DRAIN_TIMEOUT: Duration = Duration::from_millis(900);

/// What happens at a time.
enum Act<'a> {
    /// This revision plays, by its place among those that can.
    Revision(usize),
    Set(&'a score_nodes::take::Set),
    End,
}

pub(super) fn run(
    arguments: &Replay,
    take: &Take,
    kinds: &Kinds<'_>,
    settings: &Settings,
) -> Result<(), Failure> {
    let registry = match take.log.revisions.first() {
        Some(first) => kinds.of(None, &source(first)),
        None => kinds.with(None, &[]),
    };
    let mut score = Score::read(take, &[], &registry, settings)?;
    for (number, why) in &score.refused {
        tell(format_args!("revision {number} cannot be played: {why}"));
    }
    let mut acts: Vec<(Time, Act<'_>)> = Vec::new();
    let revisions = score.revisions.iter().enumerate();
    acts.extend(revisions.map(|(index, (time, ..))| (*time, Act::Revision(index))));
    acts.extend(take.log.set.iter().map(|set| (set.time, Act::Set(set))));
    acts.push((take.length(), Act::End));
    acts.sort_by_key(|(time, _)| *time);
    for (_, number, graph) in &mut score.revisions {
        let played = match recorder(graph, take) {
            Some(recorder) => recorded(graph, &recorder, take)?,
            None => Default::default(),
        };
        let silent = unheard(graph, &played, true);
        let stand_ins = StandIns {
            take,
            registry: &registry,
            recorded: played,
            sound: None,
            recorder: None,
        };
        let missing = stand_ins.put_into(graph, &silent)?;
        if *number == 1 && !arguments.quiet {
            missing.iter().for_each(tell);
        }
    }
    let ownership = Ownership::of_built_in("replay", &arguments.consent);
    let stop = end_of_run();
    let mut graphs: Vec<Option<_>> = (score.revisions.into_iter())
        .map(|(_, _, graph)| Some(graph))
        .collect();
    let mut live = Live::new(&ownership.settings(settings), LiveOptions::default());
    let steering = live.steering();
    for (time, act) in acts {
        if live.revision() > 0 && wait(&live, time, &stop) {
            break;
        }
        match act {
            Act::Revision(index) => {
                if let Some(graph) = graphs[index].take() {
                    live.replace(graph, &Default::default())
                        .map_err(Failure::Run)?;
                }
            }
            Act::Set(set) => {
                let glide = Duration::from_secs_f64(set.glide.clamp(0.0, 3600.0));
                let (node, param) = (set.node.as_str(), set.param.as_str());
                // What has no place in what plays had none then.
                let _ = match &set.value {
                    Some(value) => steering.set(node, param, value.clone(), glide),
                    None => steering.release(node, param, glide),
                };
            }
            Act::End => break,
        }
    }
    let drained = live.drain(DRAIN_TIMEOUT);
    match drained.lost.is_empty() {
        true => Ok(()),
        false => Err(Failure::Lost(drained.lost)),
    }
}

/// Waits until the run has come to `time`; `true`: a signal came first.
fn wait(live: &Live, time: Time, stop: &Receiver<()>) -> bool {
    loop {
        let left = (time - live.clock().now()).nanos();
        let Ok(left) = u64::try_from(left) else {
            return false;
        };
        if left == 0 {
            return false;
        }
        let left = Duration::from_nanos(left).min(Duration::from_millis(200));
        match stop.recv_timeout(left) {
            Err(RecvTimeoutError::Timeout) => {}
            _ => return true,
        }
    }
}
