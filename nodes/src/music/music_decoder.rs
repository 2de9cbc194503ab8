//! Turns codes into a melody with a decoder model.

use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal, StandardUniform};
use score_engine::{
    Build, Check, Descriptor, Flow, Io, Node, NodeError, Note, Param, Payload, Port, PortType,
    Processor, Time, Transport, Value,
};
use serde::Deserialize;

use super::melody::Melody;
use super::tokens::{Step, step};
use crate::model::{Manifest, Music, Task};

const NOTES: usize = 0;

/// `music_decoder`.
#[derive(Deserialize)]
pub(crate) struct MusicDecoder {
    model: String,
    temperature: f32,
    noise: f32,
    gain: f32,
    normalise: bool,
    velocity: f32,
    channel: u8,
}

impl Node for MusicDecoder {
    fn descriptor() -> Descriptor {
        Descriptor::new("music", "music_decoder", "Turns codes into a melody")
            .details(
                "The music of each stretch of as many bars as the model knows (two) comes from the mean of the codes \
                 within it; a stretch without a code keeps the last, and until the first there is silence. So notes \
                 leave once their stretch is over. A mean of many codes is shorter than each: `normalise` brings it \
                 to the length that codes have, √dimension. `noise` is the share of the components that one code, \
                 drawn from the patch's seed and the same throughout, replaces. In bars shorter than 4/4 the first \
                 sixteenths of each bar are heard; in longer ones the last note is held.",
            )
            .input(Port::new("latent", PortType::Latent(None), "the code"))
            .output(Port::new("notes", PortType::Notes, "the melody, one note at a time"))
            .param(Param::text("model", "name of a music model").default("melody"))
            .param(Param::number("temperature", (0.0, 4.0), "how freely tokens are drawn; 0: always the likeliest").default(0.5).live())
            .param(Param::number("noise", (0.0, 1.0), "share of the code replaced by a constant random one").default(0.0))
            .param(Param::number("gain", (0.0, 10.0), "factor for the code").default(1.0).live())
            .param(Param::flag("normalise", "bring the mean code to the usual length").default(true))
            .param(Param::number("velocity", (0.01, 1.0), "how hard notes are struck").default(0.8).live())
            .param(Param::integer("channel", (0, 15), "MIDI channel, counted from 0").default(0))
    }

    fn check(&self, check: &mut Check<'_>) {
        let dimension = Manifest::of(check.settings)
            .and_then(|manifest| Ok(manifest.model(&self.model, Task::Music)?.latent));
        match dimension {
            Ok(dimension) => {
                let why = format!("the model `{}`", self.model);
                check.require_dimension("latent", dimension, &why);
            }
            Err(error) => {
                let help = error.advice().map(str::to_owned);
                check.refuse("model", error.to_string(), help);
            }
        }
    }

    fn build(&self, build: &Build<'_>) -> Result<Box<dyn Processor>, NodeError> {
        let melody = Melody::load(build.settings, &self.model)?;
        let dimension = melody.dimension();
        let mut rng = build.rng();
        let layout = *melody.layout();
        Ok(Box::new(Decoding {
            shape: Shape {
                noise: noise(dimension, self.noise, &mut rng),
                gain: self.gain,
                normalise: self.normalise,
            },
            voice: Voice {
                chunk: Chunk::new(build.transport, &layout),
                lowest_pitch: layout.lowest_pitch,
                channel: self.channel,
                velocity: self.velocity,
                sounding: None,
            },
            melody,
            rng,
            temperature: self.temperature,
            index: 0,
            sum: vec![0.0; dimension],
            count: 0,
            code: None,
        }))
    }
}

struct Decoding {
    melody: Melody,
    rng: ChaCha8Rng,
    temperature: f32,
    shape: Shape,
    voice: Voice,
    /// The stretch that is being collected.
    index: u64,
    sum: Vec<f64>,
    count: u64,
    code: Option<Vec<f32>>,
}

impl Processor for Decoding {
    fn process(&mut self, io: &mut Io<'_>) -> Result<Flow, NodeError> {
        while let Some(input) = io.take() {
            while input.packet.time >= self.voice.chunk.start(self.index + 1) {
                self.play(io, Time::MAX)?;
            }
            let code = input.packet.latent()?;
            if code.len() != self.sum.len() {
                return Err(NodeError::internal("a code of another dimension arrived"));
            }
            for (sum, value) in self.sum.iter_mut().zip(code.iter()) {
                *sum += f64::from(*value);
            }
            self.count += 1;
        }
        // At the end the watermark is infinite; how far to play is then known only in `finish`.
        while io.end().is_none()
            && !io.stop_requested()
            && io.time() >= self.voice.chunk.start(self.index + 1)
        {
            self.play(io, Time::MAX)?;
        }
        Ok(Flow::Continue)
    }

    fn finish(&mut self, io: &mut Io<'_>) -> Result<(), NodeError> {
        let end = io
            .end()
            .unwrap_or_else(|| self.voice.chunk.start(self.index));
        while self.voice.chunk.start(self.index) < end && !io.stop_requested() {
            self.play(io, end)?;
        }
        if let Some(off) = self.voice.close() {
            io.send(NOTES, end, Payload::Notes([off].into()))?;
        }
        Ok(())
    }

    fn earliest_pending(&self) -> Option<Time> {
        Some(self.voice.chunk.start(self.index))
    }

    fn set(&mut self, name: &str, value: &Value) -> Result<(), NodeError> {
        let number: f32 = serde_json::from_value(value.clone())
            .map_err(|error| NodeError::internal(format!("`{name}`: {error}")))?;
        match name {
            "temperature" => self.temperature = number,
            "gain" => self.shape.gain = number,
            "velocity" => self.voice.velocity = number,
            _ => return Err(NodeError::internal(format!("`{name}` is not live"))),
        }
        Ok(())
    }
}

impl Decoding {
    /// Plays the collected stretch up to `end`, and begins to collect the next.
    fn play(&mut self, io: &mut Io<'_>, end: Time) -> Result<(), NodeError> {
        if self.count > 0 {
            let count = self.count as f64;
            let mean = self.sum.iter().map(|sum| (sum / count) as f32).collect();
            self.code = Some(self.shape.apply(mean));
            self.sum.fill(0.0);
            self.count = 0;
        }
        if let Some(code) = &self.code {
            let tokens = self.melody.decode(code, self.temperature, &mut self.rng)?;
            for (time, notes) in self.voice.play(self.index, &tokens, end) {
                io.send(NOTES, time, Payload::Notes(notes.into()))?;
            }
        }
        self.index += 1;
        Ok(())
    }
}

/// What is done to a mean code before it is decoded.
struct Shape {
    noise: Vec<Option<f32>>,
    gain: f32,
    normalise: bool,
}

impl Shape {
    fn apply(&self, mut code: Vec<f32>) -> Vec<f32> {
        let length = code.iter().map(|value| value * value).sum::<f32>().sqrt();
        // A code of almost no length has no direction worth keeping.
        let usual = (code.len() as f32).sqrt();
        let factor = if self.normalise && length > 1e-3 * usual {
            usual / length
        } else {
            1.0
        };
        for (value, noise) in code.iter_mut().zip(&self.noise) {
            *value = noise.unwrap_or(*value * factor) * self.gain;
        }
        code
    }
}

/// One constant N(0, 1) value for a random `share` of the components.
fn noise(dimension: usize, share: f32, rng: &mut ChaCha8Rng) -> Vec<Option<f32>> {
    // Drawn for all, so that a larger share replaces what a smaller one does, and more.
    let drawn: Vec<(f64, f32)> = (0..dimension)
        .map(|_| (StandardUniform.sample(rng), StandardNormal.sample(rng)))
        .collect();
    let mut order: Vec<usize> = (0..dimension).collect();
    order.sort_by(|a, b| drawn[*a].0.total_cmp(&drawn[*b].0));
    order.truncate((share * dimension as f32).round() as usize);
    let mut noise = vec![None; dimension];
    for index in order {
        noise[index] = Some(drawn[index].1);
    }
    noise
}

/// Where the model's steps lie in the transport's bars.
struct Chunk {
    transport: Transport,
    bars: u64,
    steps_per_bar: u64,
}

impl Chunk {
    fn new(transport: &Transport, layout: &Music) -> Self {
        Chunk {
            transport: transport.clone(),
            bars: (layout.steps / layout.steps_per_bar).max(1) as u64,
            steps_per_bar: layout.steps_per_bar as u64,
        }
    }

    fn start(&self, index: u64) -> Time {
        self.transport
            .sixteenth(index * self.bars * self.transport.sixteenths_per_bar())
    }

    /// The model's steps that are heard: index in the melody, sixteenth in the bar, time.
    fn steps(&self, index: u64) -> impl Iterator<Item = (usize, u64, Time)> {
        let bar = self.transport.sixteenths_per_bar();
        let heard = bar.min(self.steps_per_bar);
        (0..self.bars).flat_map(move |number| {
            (0..heard).map(move |sixteenth| {
                let step = (number * self.steps_per_bar + sixteenth) as usize;
                let place = (index * self.bars + number) * bar + sixteenth;
                (step, sixteenth, self.transport.sixteenth(place))
            })
        })
    }
}

/// One melody's voice: at most one note sounds.
struct Voice {
    chunk: Chunk,
    lowest_pitch: u8,
    channel: u8,
    velocity: f32,
    sounding: Option<u8>,
}

impl Voice {
    fn close(&mut self) -> Option<Note> {
        let channel = self.channel;
        self.sounding
            .take()
            .map(|pitch| Note::Off { channel, pitch })
    }

    /// The packets of a stretch before `end`. A note that sounds at its end is closed by the next stretch's
    /// beginning, so that an instant has one packet.
    fn play(&mut self, index: u64, tokens: &[i64], end: Time) -> Vec<(Time, Vec<Note>)> {
        let beat = u64::from(16 / self.chunk.transport.metre.1.clamp(1, 16));
        let mut packets = Vec::new();
        let steps: Vec<(usize, u64, Time)> = self.chunk.steps(index).collect();
        for (number, sixteenth, time) in steps {
            if time >= end {
                break;
            }
            let said = tokens
                .get(number)
                .map_or(Step::Hold, |token| step(*token, self.lowest_pitch));
            let mut notes = Vec::new();
            if number == 0 || said != Step::Hold {
                notes.extend(self.close());
            }
            if let Step::On(pitch) = said {
                let accent = match sixteenth {
                    0 => 1.1,
                    place if place % beat == 0 => 1.0,
                    _ => 0.9,
                };
                self.sounding = Some(pitch);
                notes.push(Note::On {
                    channel: self.channel,
                    pitch,
                    velocity: (self.velocity * accent).clamp(0.001, 1.0),
                });
            }
            if !notes.is_empty() {
                packets.push((time, notes));
            }
        }
        packets
    }
}

#[cfg(test)]
mod tests {
    use rand_chacha::rand_core::SeedableRng;
    use score_engine::Metre;

    use super::*;

    const LAYOUT: Music = Music {
        steps: 32,
        steps_per_bar: 16,
        tokens: 90,
        lowest_pitch: 21,
        start_token: 90,
    };

    fn voice(metre: Metre) -> Voice {
        let transport = Transport {
            metre,
            ..Transport::default()
        };
        Voice {
            chunk: Chunk::new(&transport, &LAYOUT),
            lowest_pitch: 21,
            channel: 0,
            velocity: 0.5,
            sounding: None,
        }
    }

    fn tokens(given: &[(usize, i64)]) -> Vec<i64> {
        let mut tokens = vec![0; 32];
        for (step, token) in given {
            tokens[*step] = *token;
        }
        tokens
    }

    #[test]
    fn a_note_that_overlaps_the_stretch_is_closed_at_its_end_before_the_next_begins() {
        let mut voice = voice(Metre(4, 4));
        let first = voice.play(0, &tokens(&[(30, 41)]), Time::MAX);
        assert_eq!(first.len(), 1);
        let second = voice.play(1, &tokens(&[(0, 43)]), Time::MAX);
        assert_eq!(second[0].0, Time::from_seconds(4.0));
        assert_eq!(
            second[0].1[0],
            Note::Off {
                channel: 0,
                pitch: 60
            }
        );
        assert_eq!(second[0].1[1].pitch(), 62);
    }

    #[test]
    fn nothing_begins_at_or_after_the_end_of_the_film() {
        let packets =
            voice(Metre(4, 4)).play(0, &tokens(&[(0, 41), (8, 43)]), Time::from_seconds(1.0));
        assert_eq!(packets.len(), 1);
    }

    #[test]
    fn a_bar_of_three_four_takes_the_first_twelve_steps_of_each_bar() {
        let mut voice = voice(Metre(3, 4));
        assert_eq!(voice.chunk.start(1), Time::from_seconds(3.0));
        let packets = voice.play(0, &tokens(&[(0, 41), (13, 43), (16, 45)]), Time::MAX);
        let times: Vec<f64> = packets.iter().map(|(time, _)| time.seconds()).collect();
        assert_eq!(times, [0.0, 1.5]);
    }

    #[test]
    fn a_mean_code_gets_the_usual_length_back() {
        let shape = Shape {
            noise: vec![None; 4],
            gain: 1.0,
            normalise: true,
        };
        assert_eq!(shape.apply(vec![0.5, 0.0, 0.0, 0.0]), [2.0, 0.0, 0.0, 0.0]);
    }

    #[test]
    fn noise_replaces_its_share_and_grows_with_it() {
        let few = noise(64, 0.25, &mut ChaCha8Rng::seed_from_u64(1));
        let many = noise(64, 0.5, &mut ChaCha8Rng::seed_from_u64(1));
        assert_eq!(few.iter().flatten().count(), 16);
        assert_eq!(many.iter().flatten().count(), 32);
        assert!(
            few.iter()
                .zip(&many)
                .all(|(few, many)| few.is_none() || few == many)
        );
    }
}
