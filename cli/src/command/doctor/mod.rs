//! `score doctor`: what this machine lacks to play unattended, and the command that mends each.

mod disk;
mod machine;

use std::io::Write;
use std::path::{Path, PathBuf};

use score_engine::{Graph, Settings};
use score_nodes::device::list::{Devices, Group, devices};
use score_nodes::model::{Manifest, verify};
use serde::Serialize;
use serde_json::json;

use super::load;
use crate::arguments::{Consent, Doctor};
use crate::failure::Failure;
use crate::kinds::Kinds;
use crate::ownership::Ownership;
use crate::status::one_line;
use crate::terminal::out;

/// Width of the column with what is looked at.
const WIDTH: usize = 14;

/// How something is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum State {
    Fine,
    /// It is missing, or set so that a run unattended will suffer.
    Lacks,
    /// It cannot be told here.
    Unknown,
}

/// What was looked at, how it is, and what to do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
struct Finding {
    what: &'static str,
    state: State,
    says: String,
    /// The command that mends it, to be typed as it stands.
    #[serde(skip_serializing_if = "Option::is_none")]
    mend: Option<String>,
    /// What is to be done by hand, after the command where there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    advice: Option<String>,
}

impl Finding {
    fn fine(what: &'static str, says: impl Into<String>) -> Self {
        Finding {
            what,
            state: State::Fine,
            says: says.into(),
            mend: None,
            advice: None,
        }
    }

    /// It lacks, until something is done by hand.
    fn lacks(what: &'static str, says: impl Into<String>, advice: impl Into<String>) -> Self {
        Finding {
            what,
            state: State::Lacks,
            says: says.into(),
            mend: None,
            advice: Some(advice.into()),
        }
    }

    /// It lacks, until this command has run.
    fn mended_by(what: &'static str, says: impl Into<String>, command: impl Into<String>) -> Self {
        Finding {
            what,
            state: State::Lacks,
            says: says.into(),
            mend: Some(command.into()),
            advice: None,
        }
    }

    /// What is to be done after the command.
    fn then(mut self, advice: &str) -> Self {
        self.advice = Some(advice.to_owned());
        self
    }

    fn unknown(what: &'static str, says: impl Into<String>) -> Self {
        Finding {
            what,
            state: State::Unknown,
            says: says.into(),
            mend: None,
            advice: None,
        }
    }
}

/// Kinds that open a port of MIDI.
const PORTS: [&str; 4] = ["midi_in", "midi_out", "midi_clock_out", "midi_timecode_out"];

/// What is needed of the machine: by a patch, or by any.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Needs {
    /// A device that plays.
    output: bool,
    /// Any device of sound.
    sound: bool,
    /// A port of MIDI, which is ALSA's, as sound is.
    midi: bool,
    /// A camera, or a virtual one that is played to.
    camera: bool,
}

impl Needs {
    /// Nobody has said what is to play.
    const ALL: Needs = Needs {
        output: true,
        sound: true,
        midi: true,
        camera: true,
    };

    fn of(graph: &Graph) -> Self {
        let kinds: Vec<String> = kinds_of(graph).collect();
        let has = |wanted: &str| kinds.iter().any(|kind| kind == wanted);
        Needs {
            output: has("audio_out"),
            sound: has("audio_out") || has("audio_in"),
            midi: kinds.iter().any(|kind| PORTS.contains(&kind.as_str()))
                || !graph.show().controllers.is_empty()
                || !graph.show().recalls.is_empty(),
            camera: has("camera") || has("screen_out"),
        }
    }
}

pub(crate) fn run(doctor: &Doctor, kinds: &Kinds<'_>, settings: &Settings) -> Result<(), Failure> {
    let mut findings = Vec::new();
    let graph = match &doctor.patch {
        Some(patch) => read(patch, kinds, settings, &mut findings),
        None => None,
    };
    if let (Some(patch), Some(graph)) = (&doctor.patch, &graph) {
        findings.extend(files(patch, graph, &doctor.write_to));
    }
    let found = devices();
    let needs = graph.as_ref().map_or(Needs::ALL, Needs::of);
    findings.push(machine::ffmpeg());
    findings.push(sound(&found, needs));
    findings.extend(cameras(&found, graph.as_ref()));
    findings.push(models(settings, graph.as_ref()));
    findings.extend(machine::rights(needs));
    findings.extend(disk::space(doctor.patch.as_deref(), graph.as_ref()));
    findings.push(machine::clock());
    findings.push(machine::sleep());
    let lacking = findings
        .iter()
        .filter(|one| one.state == State::Lacks)
        .count();
    let mut out = out();
    if doctor.json {
        let json = json!({ "fine": lacking == 0, "findings": findings });
        writeln!(out, "{json:#}")?;
    } else {
        for finding in &findings {
            write!(out, "{}", line(finding))?;
        }
    }
    match lacking {
        0 => Ok(()),
        1 => Err(Failure::Found("one thing is to be mended".to_owned())),
        count => Err(Failure::Found(format!("{count} things are to be mended"))),
    }
}

/// A finding as it is printed.
fn line(finding: &Finding) -> String {
    let Finding {
        what,
        state,
        says,
        mend,
        advice,
    } = finding;
    let word = match state {
        State::Fine => "fine   ",
        State::Lacks => "lacks  ",
        State::Unknown => "unknown",
    };
    let mut line = format!("{what:WIDTH$} {word}  {says}\n");
    // A command stands alone in its line, so that it can be copied as it is.
    if let Some(mend) = mend {
        line += &format!("{:WIDTH$} mend:    {mend}\n", "");
    }
    if let Some(advice) = advice {
        let word = if mend.is_some() { "then:" } else { "do:" };
        line += &format!("{:WIDTH$} {word:8} {advice}\n", "");
    }
    line
}

/// Reads the patch that is to play.
fn read(
    patch: &Path,
    kinds: &Kinds<'_>,
    settings: &Settings,
    findings: &mut Vec<Finding>,
) -> Option<Graph> {
    let name = patch.display();
    match load(patch, &[], kinds, settings) {
        Ok(graph) => {
            let hours = match graph.show().hours.as_ref() {
                Some(hours) => {
                    let status = hours.status(std::time::SystemTime::now());
                    let open = if status.open { "open" } else { "closed" };
                    let until = status.until.map(|until| format!(" until {until}"));
                    format!(", its hours: {open}{}", until.unwrap_or_default())
                }
                None => String::new(),
            };
            findings.push(Finding::fine("patch", format!("{name} can run{hours}")));
            Some(graph)
        }
        Err(_) => {
            let mend = format!("score check {name}");
            let says = format!("{name} cannot run");
            let finding = Finding::mended_by("patch", says, mend);
            findings.push(finding.then("what it says is wrong"));
            None
        }
    }
}

/// What the patch would write and may not, so that a run that cannot ask would not start.
fn files(patch: &Path, graph: &Graph, write_to: &[PathBuf]) -> Option<Finding> {
    let consent = Consent {
        overwrite: false,
        write_to: write_to.to_owned(),
    };
    let ownership = Ownership::of_file(patch, &consent);
    let Err(Failure::Node(why)) = ownership.require_unasked(graph) else {
        return None;
    };
    let advice = why.advice().unwrap_or("give the file another name");
    Some(Finding::lacks("files", one_line(&why.to_string()), advice))
}

fn sound(found: &Devices, needs: Needs) -> Finding {
    // What throws all sound away is heard by nobody.
    let heard = |group: &Group| {
        let names = group.devices.iter().map(|device| device.name.as_str());
        names.filter(|name| !name.ends_with(": null")).count()
    };
    let groups = found.sound_outputs.iter();
    let systems: Vec<String> = groups
        .filter(|group| group.is_there)
        .map(|group| (&group.system, heard(group)))
        .filter(|(_, devices)| *devices > 0)
        .map(|(system, devices)| format!("{system} ({devices})"))
        .collect();
    match systems.is_empty() {
        false => Finding::fine("sound", format!("outputs of {}", systems.join(", "))),
        true if !needs.output => Finding::fine("sound", "the patch plays on no device"),
        true => Finding::lacks(
            "sound",
            "no sound output is there; a run waits for one",
            "plug one in, and look at `score devices`; in a container, give it /dev/snd",
        ),
    }
}

/// The cameras, where the patch has one or there are any.
fn cameras(found: &Devices, graph: Option<&Graph>) -> Option<Finding> {
    let needs = graph.map(|graph| kinds_of(graph).any(|kind| kind == "camera"));
    let names: Vec<&str> = found
        .cameras
        .iter()
        .map(|camera| camera.name.as_str())
        .collect();
    match (needs, names.is_empty()) {
        (_, false) => Some(Finding::fine("camera", names.join(", "))),
        (Some(true), true) => Some(Finding::lacks(
            "camera",
            "the patch has a camera, and none is connected; a run waits for it",
            "plug it in, and look at `score devices`",
        )),
        _ => None,
    }
}

/// The kinds of a patch's nodes.
fn kinds_of(graph: &Graph) -> impl Iterator<Item = String> {
    let json = graph.json();
    let nodes = json["nodes"].as_array().cloned().unwrap_or_default();
    (nodes.into_iter()).filter_map(|node| Some(node["kind"].as_str()?.to_owned()))
}

/// Whether the models that the patch plays, or else the first, answer as they should.
fn models(settings: &Settings, graph: Option<&Graph>) -> Finding {
    let used = |graph: &Graph| -> Vec<String> {
        let ids: Vec<String> = graph.node_ids().map(str::to_owned).collect();
        let values = ids
            .iter()
            .filter_map(|id| graph.value(id, "model")?.as_str());
        values.map(str::to_owned).collect()
    };
    let used = graph.map(used);
    if used.as_ref().is_some_and(Vec::is_empty) {
        return Finding::fine("models", "the patch plays none");
    }
    let manifest = match Manifest::of(settings) {
        Ok(manifest) => manifest,
        Err(why) => {
            let advice = why.advice().unwrap_or("name their folder with --models");
            return Finding::lacks("models", why.to_string(), advice);
        }
    };
    let mut names = used.unwrap_or_else(|| manifest.models.keys().take(1).cloned().collect());
    names.sort();
    names.dedup();
    for name in &names {
        if let Err(why) = verify(&manifest, name) {
            let says = format!("{name}: {why}");
            return match why.advice() {
                Some(advice) => Finding::lacks("models", says, advice),
                None => Finding::mended_by("models", says, format!("score models verify {name}")),
            };
        }
    }
    let says = match names.as_slice() {
        [] => "there are none".to_owned(),
        [name] => format!("{name} answers as it should"),
        names => format!("{} answer as they should", names.join(", ")),
    };
    Finding::fine("models", says)
}

#[cfg(test)]
mod tests {
    use score_engine::{Source, check};
    use score_nodes::device::list::Listed;

    use super::*;

    /// A checked patch of these nodes, without models.
    pub(super) fn graph(nodes: &str, wires: &str, folder: &Path) -> Graph {
        let text = format!("Patch(format: 1, nodes: {{{nodes}}}, wires: [{wires}])");
        let source = Source::text("p.ron", &text, folder.to_owned());
        let checked = check(&source, &[], &score_nodes::registry(), &Settings::default());
        checked.unwrap_or_else(|error| panic!("{error}"))
    }

    #[test]
    fn a_patch_lacks_nothing_that_it_does_not_need() {
        let graph = |nodes: &str, wires: &str| graph(nodes, wires, Path::new("/"));
        // Neither a sound device nor a folder of models is there.
        let nothing = Devices {
            sound_outputs: Vec::new(),
            sound_inputs: Vec::new(),
            midi_outputs: Vec::new(),
            midi_inputs: Vec::new(),
            cameras: Vec::new(),
        };
        let none = Settings::default();
        let none = none.with_folder("models", PathBuf::from("/nowhere"));
        let hum = graph("\"hum\": tone()", "");
        let needs = Needs::of(&hum);
        let keys = graph("\"keys\": midi_in(port: \"virtual\")", "");
        assert!(!needs.midi && Needs::of(&keys).midi);
        assert_eq!(sound(&nothing, needs).state, State::Fine);
        assert_eq!(models(&none, Some(&hum)).state, State::Fine);
        assert_eq!(sound(&nothing, Needs::ALL).state, State::Lacks);
        assert_eq!(models(&none, None).state, State::Lacks);
        // One that throws all sound away is no output.
        let mut only_null = nothing;
        only_null.sound_outputs = vec![Group {
            system: "ALSA".to_owned(),
            is_there: true,
            devices: vec![Listed {
                name: "ALSA: null".to_owned(),
                title: "Discard all samples".to_owned(),
            }],
        }];
        assert_eq!(sound(&only_null, Needs::ALL).state, State::Lacks);
        let nothing = only_null;
        let heard = graph(
            "\"hum\": tone(), \"out\": audio_out(), \"eye\": camera(), \"moves\": motion()",
            "\"hum -> out\", \"eye -> moves\"",
        );
        let needs = Needs::of(&heard);
        assert_eq!(sound(&nothing, needs).state, State::Lacks);
        assert!(needs.camera);
    }

    #[test]
    fn what_lacks_is_printed_with_the_command_that_mends_it() {
        let says = "it is not installed";
        let lacks = Finding::mended_by("ffmpeg", says, "sudo apt install ffmpeg");
        let first = "ffmpeg         lacks    it is not installed\n";
        let mend = "               mend:    sudo apt install ffmpeg\n";
        assert_eq!(line(&lacks), format!("{first}{mend}"));
        let then = "               then:    log in again\n";
        assert_eq!(
            line(&lacks.then("log in again")),
            format!("{first}{mend}{then}")
        );
        let by_hand = Finding::lacks("ffmpeg", says, "ask somebody");
        let advice = "               do:      ask somebody\n";
        assert_eq!(line(&by_hand), format!("{first}{advice}"));
        let fine = serde_json::to_value(Finding::fine("clock", "it is right")).unwrap();
        assert_eq!(
            fine,
            json!({ "what": "clock", "state": "fine", "says": "it is right" })
        );
    }
}
