//! A picture model of the user's own: a tiny image classifier, which `data/tiny_classifier.py`
//! writes.

use std::path::Path;
use std::sync::{Mutex, PoisonError};

use score_engine::{
    Build, Descriptor, Flow, InputPort, Io, Latent, Node, NodeError, Params, Processor, Registry,
    Run, Settings, Source, Time, check,
};

use score_test_support::{
    house, names, require_other_music_in_each_scene, score, text, write_film,
};

/// A film read by the user's own model, up to the wires' ends.
fn patch(nodes: &str, wires: &str) -> String {
    format!(
        r#"Patch(format: 1, transport: (seed: 5), nodes: {{
             "film": video_file(path: "film.mp4", width: 32, height: 32, rate: 8),
             "eye": frame_encoder(file: "classifier.onnx"), {nodes}}},
         wires: ["film -> eye -> {wires}"])"#
    )
}

/// The bytes of the classifier.
fn classifier() -> Vec<u8> {
    std::fs::read(house().join("tests/end_to_end/data/tiny_classifier.onnx")).unwrap()
}

/// A folder with a film of three scenes, and the classifier.
fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    write_film(folder.path());
    std::fs::write(folder.path().join("classifier.onnx"), classifier()).unwrap();
    folder
}

type Codes = Vec<(Time, Vec<f32>)>;

static CODES: Mutex<Codes> = Mutex::new(Vec::new());

const LOGGED: InputPort<Latent> = InputPort::new(0, "latent", "the codes");

/// Keeps the codes that come, for the test that reads them.
#[derive(Clone, Params)]
struct CodeLog {}

impl Node for CodeLog {
    fn descriptor() -> Descriptor {
        Descriptor::of::<Self>("test", "code_log", "Keeps codes").input(LOGGED)
    }

    fn build(&self, _build: &Build<'_>) -> Result<Box<dyn Processor<Self>>, NodeError> {
        Ok(Box::new(CodeLog {}))
    }
}

impl Processor<CodeLog> for CodeLog {
    fn process(&mut self, _params: &CodeLog, io: &mut Io<'_>) -> Result<Flow, NodeError> {
        while let Some(input) = io.take() {
            let code = input.read(LOGGED)?.to_vec();
            let mut codes = CODES.lock().unwrap_or_else(PoisonError::into_inner);
            codes.push((input.packet.time, code));
        }
        Ok(Flow::Continue)
    }
}

/// The codes that the classifier gives of the film in `folder`.
fn codes(folder: &Path) -> Codes {
    let mut registry: Registry = score_nodes::registry();
    registry.add::<CodeLog>();
    let text = patch(r#""log": code_log()"#, "log");
    let source = Source::text("own.ron", &text, folder.to_owned());
    let settings = Settings::default().with_folder("models", house().join("models"));
    let graph = check(&source, &[], &registry, &settings).unwrap();
    Run::start(graph, &settings).and_then(Run::wait).unwrap();
    std::mem::take(&mut *CODES.lock().unwrap())
}

fn distance(one: &[f32], other: &[f32]) -> f32 {
    let squares = one.iter().zip(other).map(|(a, b)| (a - b).powi(2));
    squares.sum::<f32>().sqrt()
}

fn mean(codes: &[&[f32]]) -> Vec<f32> {
    let sum = |component: usize| codes.iter().map(|code| code[component]).sum::<f32>();
    (0..codes[0].len())
        .map(|component| sum(component) / codes.len() as f32)
        .collect()
}

#[test]
fn each_scene_has_codes_of_its_own_whatever_the_scale_of_the_features() {
    let folder = folder();
    let found = codes(folder.path());
    assert_eq!(found.len(), 96);
    assert!(found.iter().all(|(_, code)| code.len() == 64));
    // A second on either side of each cut: what is usual is learnt all the while, so that codes
    // long ago were others.
    for cut in [4.0, 8.0] {
        let second = |start: f64| -> Vec<&[f32]> {
            let inside = |time: Time| (start..start + 1.0).contains(&time.seconds());
            (found.iter())
                .filter(|(time, _)| inside(*time))
                .map(|(_, code)| code.as_slice())
                .collect()
        };
        let (before, after) = (second(cut - 1.0), second(cut));
        let spread = |codes: &[&[f32]]| {
            let middle = mean(codes);
            let far = codes.iter().map(|code| distance(code, &middle));
            far.sum::<f32>() / codes.len() as f32
        };
        let apart = distance(&mean(&before), &mean(&after));
        let (before, after) = (spread(&before), spread(&after));
        assert!(
            apart > before + after,
            "the cut at {cut} s: {apart} apart, but {before} and {after} wide"
        );
    }
    // Ten probabilities near a tenth have become ten components of N(0, 1), together √10 long; the
    // rest is 0.
    assert!(found.iter().all(|(_, code)| code[10..] == [0.0; 54]));
    let late = found[48..]
        .iter()
        .map(|(_, code)| distance(code, &[0.0; 64]));
    let length = late.sum::<f32>() / 48.0;
    assert!((1.6..6.4).contains(&length), "{length}");
    assert!(codes(folder.path()) == found, "another run, other codes");
}

/// Renders the notes that the classifier gives the film, into `name`.
fn render(folder: &Path, name: &str) -> std::process::Output {
    let nodes = r#""tune": music_decoder(model: "melody"), "notes": midi_file(path: "a.mid")"#;
    std::fs::write(folder.join("own.ron"), patch(nodes, "tune -> notes")).unwrap();
    let path = format!("notes.path={name}");
    score(folder, &["render", "own.ron", "--set", &path])
}

#[test]
fn a_classifier_gives_each_scene_other_music_and_the_same_each_time() {
    let folder = folder();
    let folder = folder.path();
    for name in ["one.mid", "two.mid"] {
        let output = render(folder, name);
        assert!(output.status.success(), "{}", text(&output.stderr));
    }
    let read = |name: &str| std::fs::read(folder.join(name)).unwrap();
    assert!(read("one.mid") == read("two.mid"));
    require_other_music_in_each_scene(&folder.join("one.mid"));
}

#[test]
fn a_file_that_is_no_whole_picture_model_is_refused_and_nothing_is_written() {
    let folder = folder();
    let folder = folder.path();
    let whole = classifier();
    let melody = std::fs::read(house().join("models/melody/step.onnx")).unwrap();
    for (bytes, wanted) in [
        (&whole[..whole.len() / 2], "cannot be loaded"),
        (&whole[..whole.len() - 1], "cannot be loaded"),
        (&[], "cannot be loaded"),
        (b"once upon a time", "cannot be loaded"),
        (&melody, "has 3 inputs, but a picture model has one"),
    ] {
        std::fs::write(folder.join("classifier.onnx"), bytes).unwrap();
        let output = render(folder, "out.mid");
        let said = text(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{said}");
        assert!(
            said.contains("classifier.onnx") && said.contains(wanted) && said.contains("`eye`"),
            "{said}"
        );
        let left = ["classifier.onnx", "film.mp4", "own.ron"];
        assert_eq!(names(folder), left);
    }
}
