//! Shows, of each latent, the nearest still of one's own films.

use std::path::PathBuf;
use std::sync::Arc;

use score_engine::{
    Build, Check, Control, Descriptor, Event, Flow, Frame, InputPort, Io, Latent, Length, Node,
    NodeError, OutputPort, Params, Processor, Time, Transport,
};

use crate::stills::{StillIndex, header};

const CODE: InputPort<Latent> = InputPort::new(0, "latent", "the latent");
const PICTURES: OutputPort<Frame> =
    OutputPort::new(0, "frames", "the nearest still, whenever it is another");
const LIKENESS: OutputPort<Control> = OutputPort::new(
    1,
    "likeness",
    "how near it is: 1 the same direction, 0.5 at right angles, 0 the opposite",
);
const STILLS: OutputPort<Event> = OutputPort::new(
    2,
    "still",
    "each other still: called `film.mp4@12.5`, as strong as it is alike",
);

/// `nearest_picture`.
#[derive(Clone, Params)]
pub(crate) struct NearestPicture {
    /// the index of stills, which `score index FOLDER` writes
    #[param(rebuild = "the index is loaded once", content = Other)]
    index: PathBuf,
    /// time for which a still stays at least
    #[param(live, range = 0.0..=600.0, span = 0.1..=10.0, log, default = Length::Seconds(0.0))]
    hold: Length,
}

impl Node for NearestPicture {
    fn descriptor() -> Descriptor {
        Descriptor::of::<Self>(
            "picture",
            "nearest_picture",
            "Shows the still of your own films that is nearest to a latent",
        )
        .example(
            r#"nodes: {
                    "walk": latent_random(dimension: 64, every: 0.5, duration: 8),
                    "archive": nearest_picture(index: "films.stills"),
                    "film": film_file(path: "walk.mp4"),
                },
                wires: ["walk -> archive.latent", "archive.frames -> film"]"#,
        )
        .details(
            "Sharp pictures that are yours, where `picture_decoder` draws a gist: `score index FOLDER` looks at \
                 each second of the films in a folder with a picture model, and writes their latents and stills into \
                 one file. For each latent that comes, the still is shown whose latent points most nearly in the same \
                 direction. The latent may be a picture's of `frame_encoder`, a random one, or music's of \
                 `music_encoder`. Every still is compared with, exactly: 100,000 take milliseconds.\n\n\
                 A still is sent when it is another than the one before; `hold` keeps it for a while. The latents must \
                 be of the model that the index was made with.",
        )
        .input(CODE)
        .output(PICTURES)
        .output(LIKENESS)
        .output(STILLS)
    }

    fn check(&self, check: &mut Check<'_>) {
        check.require_file("index", &self.index, "index of stills");
        if !self.index.is_file() {
            return;
        }
        match header(&self.index) {
            Ok(header) => {
                let why = format!("an index of `{}`", header.model);
                check.require_dimension(CODE, header.dimension, &why);
            }
            Err(error) => check.refuse_for("index", &error),
        }
    }

    fn build(&self, build: &Build<'_>) -> Result<Box<dyn Processor<Self>>, NodeError> {
        Ok(Box::new(Finding {
            index: StillIndex::open(&self.index)?,
            hold: self.hold.at(build.transport),
            shown: None,
        }))
    }
}

struct Finding {
    index: StillIndex,
    hold: Time,
    /// The still that is shown, and since when.
    shown: Option<(usize, Time)>,
}

impl Processor<NearestPicture> for Finding {
    fn process(&mut self, _params: &NearestPicture, io: &mut Io<'_>) -> Result<Flow, NodeError> {
        while let Some(input) = io.take() {
            let time = input.packet.time;
            let code = input.read(CODE)?;
            if code.len() != self.index.codes().dimension() {
                return Err(NodeError::internal("a latent of another dimension arrived"));
            }
            let Some((number, cosine)) = self.index.codes().nearest(code) else {
                continue;
            };
            let is_kept = self
                .shown
                .is_some_and(|(shown, since)| shown == number || time < since + self.hold);
            if is_kept {
                continue;
            }
            let likeness = ((cosine + 1.0) / 2.0).clamp(0.0, 1.0);
            let picture = Arc::new(self.index.picture(number)?);
            self.shown = Some((number, time));
            io.send(PICTURES, time, picture)?;
            io.send(LIKENESS, time, likeness)?;
            if let Some(place) = self.index.place(number) {
                let event = Event {
                    name: format!("{}@{}", place.film, place.seconds),
                    strength: likeness,
                };
                io.send(STILLS, time, event)?;
            }
        }
        Ok(Flow::Continue)
    }

    fn changed(&mut self, params: &NearestPicture, transport: &Transport) -> Result<(), NodeError> {
        self.hold = params.hold.at(transport);
        Ok(())
    }
}

#[cfg(test)]
#[cfg(feature = "onnx")]
mod tests {
    use std::path::Path;

    use score_engine::harness::{Harness, Outputs};
    use score_engine::{Payload, PortType};
    use serde_json::{Value, json};

    use super::*;
    use crate::model::Manifest;
    use crate::seeing::Seer;
    use crate::stills::made;
    use crate::testing::{alike, at, settings};

    /// The latent of a plain picture of this colour.
    fn code(colour: [u8; 3]) -> Vec<f32> {
        let manifest = Manifest::of(&settings()).unwrap();
        let frame = Frame::rgb(64, 48, colour.repeat(64 * 48)).unwrap();
        Seer::open(&manifest, "eye").unwrap().see(&frame).unwrap()
    }

    fn finding(index: &Path, more: Value, codes: &[(f64, Vec<f32>)]) -> Harness<NearestPicture> {
        let mut params = json!({ "index": index });
        for (name, value) in more.as_object().unwrap() {
            params[name] = value.clone();
        }
        let codes = codes.iter();
        let codes = codes.map(|(time, code)| (at(*time), Payload::Latent(code.as_slice().into())));
        Harness::<NearestPicture>::new(params).feed(
            "latent",
            PortType::Latent(Some(64)),
            codes.collect(),
            at(5.0),
        )
    }

    /// When which still was shown.
    fn shown(outputs: &Outputs) -> Vec<(f64, String)> {
        let packets = outputs.packets("still").iter();
        packets
            .map(|packet| {
                let Payload::Event(event) = &packet.payload else {
                    panic!("{packet:?}")
                };
                (packet.time.seconds(), event.name.clone())
            })
            .collect()
    }

    #[test]
    fn the_still_is_shown_whose_own_latent_comes_and_only_when_it_is_another() {
        let folder = tempfile::tempdir().unwrap();
        let index = made(folder.path());
        let (red, blue) = (code([254, 0, 0]), code([0, 0, 254]));
        let long: Vec<f32> = red.iter().map(|value| value * 7.0).collect();
        let codes = [(0.0, red), (1.0, long), (2.0, blue)];
        let outputs = alike(|| finding(&index, json!({}), &codes));
        let wanted = [(0.0, "a.mp4@1".to_owned()), (2.0, "b.mp4@0".to_owned())];
        assert_eq!(shown(&outputs), wanted);
        let pictures = outputs.packets("frames");
        assert_eq!(pictures.len(), 2);
        let pixel = &pictures[0].frame().unwrap().pixels()[..3];
        assert!(
            pixel[0] > 240 && pixel[1] < 15 && pixel[2] < 15,
            "{pixel:?}"
        );
        let likeness = *outputs.packets("likeness")[0].control().unwrap();
        assert!(likeness > 0.95, "{likeness}");
    }

    #[test]
    fn a_still_stays_as_long_as_it_is_held() {
        let folder = tempfile::tempdir().unwrap();
        let index = made(folder.path());
        let (red, blue) = (code([254, 0, 0]), code([0, 0, 254]));
        let codes = [
            (0.0, red.clone()),
            (1.0, blue.clone()),
            (2.0, red),
            (3.0, blue),
        ];
        let held = json!({ "hold": { "seconds": 2.5 } });
        let outputs = alike(|| finding(&index, held.clone(), &codes));
        let wanted = [(0.0, "a.mp4@1".to_owned()), (3.0, "b.mp4@0".to_owned())];
        assert_eq!(shown(&outputs), wanted);
    }

    #[test]
    fn what_is_no_index_is_refused_before_anything_runs() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.stills");
        let refused = || {
            finding(&path, json!({}), &[])
                .run()
                .unwrap_err()
                .to_string()
        };
        assert!(refused().contains("there is no index of stills"));
        std::fs::write(&path, "once upon a time\n").unwrap();
        assert!(refused().contains("is not an index of stills"));
    }
}
