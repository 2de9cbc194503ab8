//! Learns by example what several knobs should be for which picture.

mod example;
mod gaussian;
mod keeper;
mod knobs;
mod shelf;
mod splice;
mod taught;
mod teaching;
mod thumbnail;
mod window;

use std::path::PathBuf;

use score_engine::{
    Build, Check, Control, Descriptor, Event, Frame, InputPort, Latent, Node, NodeError,
    OutputPort, Params, Processor, Resource,
};

use self::example::Values;
use self::teaching::Teaching;

/// How many knobs there are.
const KNOBS: usize = 8;

/// What they are called: parameters, outputs, and in the examples.
const NAMES: [&str; KNOBS] = ["a", "b", "c", "d", "e", "f", "g", "h"];

const CODE: InputPort<Latent> = InputPort::new(0, "latent", "what the picture shows");
const PICTURES: InputPort<Frame> = InputPort::new(
    1,
    "frames",
    "the pictures, so that each example has a small one beside it",
)
.optional();
const RECORD: InputPort<Event> = InputPort::new(
    2,
    "record",
    "teaches: where the knobs are now is what they should be for what the picture shows now",
)
.optional()
.by_name();
const UNDO: InputPort<Event> = InputPort::new(3, "undo", "takes back what was taught last")
    .optional()
    .by_name();
const PLAY: InputPort<Event> = InputPort::new(
    4,
    "play",
    "lets go of the knobs that were turned: what was taught plays again",
)
.optional()
.by_name();

const A: OutputPort<Control> = OutputPort::new(0, NAMES[0], "where the knob is, 0 to 1");

/// One of the knobs after the first.
const fn more(index: usize) -> OutputPort<Control> {
    OutputPort::new(index, NAMES[index], "where this knob is").by_name()
}

const OUTPUTS: [OutputPort<Control>; KNOBS] = [
    A,
    more(1),
    more(2),
    more(3),
    more(4),
    more(5),
    more(6),
    more(7),
];

const KNOWN: OutputPort<Control> = OutputPort::new(
    KNOBS,
    "known",
    "how well the picture is known: 1 one that was taught, 0 like none",
)
.by_name();
const ERROR: OutputPort<Control> = OutputPort::new(
    KNOBS + 1,
    "error",
    "how far off, of a knob's whole way, an example is guessed from the others",
)
.by_name();

/// `teach`.
#[derive(Clone, Params)]
pub(crate) struct Teach {
    /// the folder of the examples, which is made with the first: `examples.ron`, and a picture of
    /// each where `frames` is wired
    #[param(rebuild = "its examples are read and learnt before it plays", content = Folder)]
    folder: PathBuf,
    /// where a hand, a wire or the patch has knob `a`; left out: nowhere
    #[param(live, range = 0.0..=1.0)]
    a: Option<f32>,
    /// the same of knob `b`
    #[param(live, range = 0.0..=1.0)]
    b: Option<f32>,
    /// the same of knob `c`
    #[param(live, range = 0.0..=1.0)]
    c: Option<f32>,
    /// the same of knob `d`
    #[param(live, range = 0.0..=1.0)]
    d: Option<f32>,
    /// the same of knob `e`
    #[param(live, range = 0.0..=1.0)]
    e: Option<f32>,
    /// the same of knob `f`
    #[param(live, range = 0.0..=1.0)]
    f: Option<f32>,
    /// the same of knob `g`
    #[param(live, range = 0.0..=1.0)]
    g: Option<f32>,
    /// the same of knob `h`
    #[param(live, range = 0.0..=1.0)]
    h: Option<f32>,
    /// from how unlike all examples on a picture is not known, so that the knobs stay where they
    /// are; 1: never
    #[param(live, range = 0.0..=1.0, default = 0.7)]
    unknown: f32,
    /// teaches whenever it becomes true, as an event into `record` does: for hands
    #[param(live, default = false, order)]
    record: bool,
    /// takes back whenever it becomes true, as an event into `undo` does
    #[param(live, default = false, order)]
    undo: bool,
    /// lets go whenever it becomes true, as an event into `play` does; what is released while it is
    /// true, within two seconds, stays let go
    #[param(live, default = false, order)]
    play: bool,
    /// what is done to an example, by its number, whenever the text becomes another: `delete 7`,
    /// `weigh 7 0.5`, `name 7 rain`, `undo`
    #[param(live, default = "", order)]
    edit: String,
}

impl Teach {
    /// Where the knobs are set to.
    fn knobs(&self) -> Values {
        [
            self.a, self.b, self.c, self.d, self.e, self.f, self.g, self.h,
        ]
    }
}

impl Node for Teach {
    fn descriptor() -> Descriptor {
        let descriptor = Descriptor::of::<Self>(
            "latent",
            "teach",
            "Learns by example what several knobs should be for which picture",
        )
        .example(
            r#"nodes: {
                "film": video_file(path: "film.mp4", width: 64, height: 64, rate: 8),
                "eye": frame_encoder(model: "eye"),
                "calm": latent_smooth(half_life: 0.25),
                "taught": teach(folder: "taught", a: 0.4, b: 0.5),
                "tune": scale_walk(),
                "notes": midi_file(path: "film.mid"),
            },
            wires: [
                "film -> eye -> calm -> taught",
                "film -> taught.frames",
                "taught.a -> tune.density",
                "taught.b -> tune.tonic",
                "tune -> notes",
            ]"#,
        )
        .details(
            "While it plays: show a picture, turn the knobs `a` to `h` until it sounds as you want it to (by a hand, as any \
             live value), and record, by an event into `record` or by setting the flag `record`. The mean latent of the last \
             half second and all that is heard of the knobs are an example; it is learnt at once, and plays. What you turn \
             is heard until you record, or let go with `play`; the knobs that you leave alone stay as they play. So you need \
             only correct what is wrong. What changes within the first second, as wires' first values do, is not a turn.\n\n\
             What is learnt is a Gaussian process for each knob; from five examples on, how far an example reaches is \
             chosen by how well each is guessed from the others, as long as each still plays what was taught there. `error` \
             and the status say how well that is, beside the error of the mean alone (`left_out_error_of_mean_thousandths`). Below about ten examples \
             a picture that was not taught is guessed hardly better than by the mean. A picture that is like no example \
             leaves the knobs where they are; `unknown` says from when on, and `known` how near it is.\n\n\
             A knob that neither a hand, the patch nor an example sets sends nothing. A latent that is not all numbers is \
             left out. Wire in a latent that is the same for the same picture: one from `latent_map(whiten: online)` \
             wanders.\n\n\
             The examples lie in `examples.ron` in the folder, to be read, named, weighed and deleted while it plays; what \
             you write between them stays. `edit` does the same from outside: `score set 'taught.edit=delete 7'`. In a \
             render nothing is recorded: what was taught plays. At most 400 examples. docs/teaching.md shows how to teach.",
        )
        .input(CODE)
        .input(PICTURES)
        .input(RECORD)
        .input(UNDO)
        .input(PLAY);
        let descriptor = OUTPUTS
            .into_iter()
            .fold(descriptor, |descriptor, output| descriptor.output(output));
        descriptor.output(KNOWN).output(ERROR)
    }

    fn check(&self, check: &mut Check<'_>) {
        let examples = format!("the examples in {}", self.folder.display());
        check.claim(Resource(examples), Some("folder"));
        if let Err(error) = shelf::read_file(&self.folder, check.input_dimension(CODE)) {
            let help = "mend it, or name another folder";
            check.refuse("folder", error.to_string(), Some(help.to_owned()));
        }
    }

    fn build(&self, build: &Build<'_>) -> Result<Box<dyn Processor<Self>>, NodeError> {
        Ok(Box::new(Teaching::begin(self, build)?))
    }
}

/// Reads a file of examples, changes it in every way, learns from it and plays what was learnt: for
/// the fuzz target.
#[cfg(feature = "fuzzing")]
pub(crate) fn fuzz(text: &str) {
    use self::taught::{Space, Taught};

    let Ok(examples) = example::read(text, None) else {
        return;
    };
    let Some(first) = examples.first().cloned() else {
        return;
    };
    let count = examples.len();
    for index in [0, count - 1] {
        let id = examples.get(index).map(|example| example.id);
        for changed in [
            splice::weigh(text, index, 0.5),
            splice::name(text, index, "a \"name\""),
            splice::remove(text, index),
        ]
        .into_iter()
        .flatten()
        {
            // What cannot be read is not written: see `Shelf`.
            if let Ok(changed) = example::read(&changed, None) {
                assert!(changed.len() + 1 >= count, "{id:?} took others along");
            }
        }
    }
    let mut another = first.clone();
    another.id = examples
        .iter()
        .map(|example| example.id)
        .max()
        .unwrap_or(0)
        .wrapping_add(1);
    if let Some(more) = splice::add(text, &another).and_then(|more| example::read(&more, None).ok())
    {
        assert_eq!(more.len(), count + 1);
    }
    // A large file is learnt from for seconds.
    if count <= 32 {
        let taught = Taught::by(&examples, first.latent.len());
        let _ = taught.told();
        let mut space = Space::default();
        for example in &examples {
            let guess = taught.guess(&example.latent, &mut space);
            let all = guess.iter().flat_map(|guess| guess.values).flatten();
            assert!({ all }.all(|value| (0.0..=1.0).contains(&value)));
        }
    }
}

#[cfg(test)]
mod tests;
