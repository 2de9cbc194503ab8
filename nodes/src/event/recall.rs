//! Has events recall presets and cues.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use score_engine::{
    Build, Caller, Check, Descriptor, Event, Flow, InputPort, Io, Length, Node, NodeError, Params,
    Processor, did_you_mean,
};

use crate::only_live::only_live;

/// At most this many names are listed where one is not known.
const FEW: usize = 20;

const EVENT: InputPort<Event> = InputPort::new(0, "event", "what recalls");

/// `recall`.
#[derive(Clone, Params)]
pub(crate) struct Recall {
    /// the preset that an event recalls
    #[param(live)]
    preset: Option<String>,
    /// time until the preset's values have arrived
    #[param(live, range = 0.0..=3600.0, span = 0.1..=60.0, log, default = Length::Seconds(0.0))]
    glide: Length,
    /// the cue that an event calls
    #[param(live)]
    cue: Option<String>,
}

impl Node for Recall {
    fn descriptor() -> Descriptor {
        Descriptor::of::<Self>("event", "recall", "Has events recall a preset, call a cue, or say GO")
            .example(
                r#"nodes: {
                    "minute": every(every: 60),
                    "next": recall(),
                    "tone": tone(),
                    "sound": audio_out(),
                },
                wires: ["minute -> next", "tone -> sound"],
                cues: [
                    (name: "far", set: {"tone.gain": -40}, time: 20, then: go, next: "near"),
                    (name: "near", set: {"tone.gain": -12}, time: 5, start: bar, then: go, next: "far"),
                ]"#,
            )
            .details(
                "Only in a live run. With `preset` each event recalls it, with `cue` it calls that cue, and with neither it \
                 says GO: the cue that comes next is called. GO counts once within half a second. What the patch does not \
                 have is warned of when it is checked, and reported once when an event comes; everything keeps playing.",
            )
            .input(EVENT)
            .light()
    }

    fn check(&self, check: &mut Check<'_>) {
        if self.preset.is_some() && self.cue.is_some() {
            let help = "use two `recall`; a cue can have a `preset` too".to_owned();
            let message = "an event recalls either a preset or a cue";
            check.refuse("cue", message.to_owned(), Some(help));
        }
        let (presets, cues) = (check.presets, check.cues);
        warn_of_unknown(check, "preset", self.preset.as_deref(), presets);
        warn_of_unknown(check, "cue", self.cue.as_deref(), cues);
    }

    fn build(&self, build: &Build<'_>) -> Result<Box<dyn Processor<Self>>, NodeError> {
        only_live(build, "recall", "take this node out: a render has no cues")?;
        let caller = build.settings.shared::<Caller>();
        let caller = caller.ok_or_else(|| NodeError::internal("this run has no cues"))?;
        Ok(Box::new(Recalling {
            caller: (*caller).clone(),
            lost: build.counters.counter("lost"),
        }))
    }
}

/// Warns where the patch has nothing of the name that the parameter `what` gives. It may have it
/// after an edit, and a hand may choose another: so it is no mistake.
fn warn_of_unknown(
    check: &mut Check<'_>,
    what: &str,
    wanted: Option<&str>,
    known: Option<&[String]>,
) {
    let Some((wanted, known)) = wanted.zip(known) else {
        return;
    };
    if known.iter().any(|name| name == wanted) {
        return;
    }
    let near = did_you_mean(wanted, known.iter().map(String::as_str));
    let help = near.or_else(|| match known.len() {
        0 => Some(format!("write it into `{what}s`")),
        1..=FEW => Some(format!("it has {}", known.join(", "))),
        _ => None,
    });
    let message = format!("the patch has no {what} `{wanted}`, so that events recall nothing");
    check.warn(what, message, help);
}

struct Recalling {
    caller: Caller,
    /// Events that recalled nothing since too much waited.
    lost: Arc<AtomicU64>,
}

impl Processor<Recall> for Recalling {
    fn process(&mut self, params: &Recall, io: &mut Io<'_>) -> Result<Flow, NodeError> {
        while io.take().is_some() {
            let is_heard = match (&params.preset, &params.cue) {
                (Some(preset), _) => self.caller.preset(preset, params.glide),
                (None, Some(cue)) => self.caller.cue(cue),
                (None, None) => self.caller.go(),
            };
            if !is_heard {
                self.lost.fetch_add(1, Ordering::Relaxed);
            }
        }
        Ok(Flow::Continue)
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;
    use std::time::{Duration, Instant};

    use score_engine::{Graph, Live, LiveOptions, Run, Settings, Source, check};
    use serde_json::Value;

    fn graph(recall: &str) -> Graph {
        let text = format!(
            r#"Patch(
                format: 1,
                nodes: {{
                    "first": every(every: 0.3, duration: 1),
                    "next": recall({recall}),
                    "level": knob(),
                }},
                wires: ["first -> next"],
                presets: {{"high": {{"level.value": 0.75}}}},
                cues: [
                    (name: "low", set: {{"level.value": 0.25}}),
                    (name: "top", set: {{"level.value": 1}}, time: 0.05, start: beat),
                ],
            )"#
        );
        let source = Source::text("p.ron", &text, PathBuf::new());
        check(&source, &[], &crate::registry(), &Settings::default()).unwrap()
    }

    /// Waits until events have brought the level there.
    fn level(recall: &str, wanted: f64) {
        let graph = graph(recall);
        let (live, _) = Live::start(graph, &Settings::default(), LiveOptions::default()).unwrap();
        let steering = live.steering();
        let started = Instant::now();
        let level = || {
            let nodes = steering.values();
            let node = nodes.iter().find(|node| node.id == "level").unwrap();
            // Until it has begun it shows nothing.
            let value = node.values.first();
            value.map(|value| value.value.clone()).unwrap_or_default()
        };
        let is_there = |now: &Value| now.as_f64().is_some_and(|now| now == wanted);
        while !is_there(&level()) {
            assert!(
                started.elapsed() < Duration::from_secs(20),
                "{recall}: {}",
                level()
            );
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    #[test]
    fn an_event_recalls_a_preset_a_cue_or_the_next_one() {
        level("preset: \"high\", glide: 0.05", 0.75);
        level("cue: \"low\"", 0.25);
        // One after the other, to the last.
        level("", 1.0);
    }

    #[test]
    fn a_render_refuses_it_and_says_what_to_do() {
        let started = Run::start(graph(""), &Settings::default());
        let refused = started.and_then(Run::wait).unwrap_err();
        let text = refused.to_string();
        assert!(text.contains("`recall` works only in a live run"), "{text}");
        assert!(refused.advice().unwrap().contains("score run"));
    }

    #[test]
    fn a_name_that_the_patch_does_not_have_is_warned_of_before_an_event_comes() {
        for (recall, wrong) in [
            ("preset: \"hihg\"", "no preset `hihg`"),
            ("cue: \"high\"", "no cue `high`"),
        ] {
            let graph = graph(recall);
            let warnings = graph.warnings().to_string();
            assert!(warnings.contains(wrong), "{warnings}");
        }
        for recall in ["preset: \"high\"", "cue: \"low\"", ""] {
            let warnings = graph(recall).warnings().to_string();
            assert!(!warnings.contains("the patch has no"), "{warnings}");
        }
    }

    #[test]
    fn a_preset_and_a_cue_at_once_are_refused() {
        let text = r#"Patch(format: 1, nodes: {"e": every(), "r": recall(preset: "a", cue: "b")}, wires: ["e -> r"])"#;
        let source = Source::text("p.ron", text, PathBuf::new());
        let wrong = check(&source, &[], &crate::registry(), &Settings::default());
        assert!(format!("{:?}", wrong.err()).contains("either a preset or a cue"));
    }
}
