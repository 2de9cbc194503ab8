//! Places sounds among loudspeakers.

mod panning;
mod places;
#[cfg(test)]
mod tests;

use score_engine::{
    AudioBlock, Build, Check, Descriptor, Flow, InputPort, Io, Node, NodeError, OutputPort, Params,
    Processor, Time, Transport,
};

use super::amplitude;
use super::desk::{Desk, Due};
use super::insert::slow_glide;
use super::limiter::Limiter;
use super::ramp::Ramp;
use super::stereo::stereo;
use places::Places;

const SOUNDS: InputPort<AudioBlock> = InputPort::new(0, "sounds", "the sounds").many();
const ROOM: OutputPort<AudioBlock> = OutputPort::new(0, "sound", "a channel for each loudspeaker");

/// `speakers`.
#[derive(Clone, Params)]
pub(crate) struct Speakers {
    /// how many loudspeakers there are
    #[param(rebuild = "its readers count on the number of channels", range = 1..=64, default = 4)]
    speakers: u16,
    /// where each loudspeaker stands: 0 in front, 90 right, 180 behind, -90 left; left out: in a
    /// circle
    #[param(live, range = -360.0..=360.0, unit = "degrees", default = Vec::new())]
    angles: Vec<f64>,
    /// where the sound of each wire comes from
    #[param(live, range = -360.0..=360.0, unit = "degrees", default = Vec::new(), for_each_wire = SOUNDS.name())]
    places: Vec<f64>,
    /// how far apart left and right of each wire lie, where it is stereo; 60 where nothing is said
    #[param(live, range = 0.0..=360.0, unit = "degrees", default = Vec::new(), for_each_wire = SOUNDS.name())]
    widths: Vec<f64>,
    /// turns all places to the right
    #[param(live, range = -360.0..=360.0, span = -180.0..=180.0, unit = "degrees", default = 0.0)]
    turn: f64,
    /// how much of each sound all loudspeakers share
    #[param(live, range = 0.0..=1.0, default = 0.0)]
    spread: f64,
    /// level of each wire
    #[param(live, range = -60.0..=24.0, unit = "dB", default = Vec::new(), for_each_wire = SOUNDS.name())]
    gains: Vec<f64>,
    /// level of each loudspeaker
    #[param(live, range = -60.0..=12.0, unit = "dB", default = Vec::new())]
    trims: Vec<f64>,
    /// in place of angles: the factor for each loudspeaker, of the first wire's left, of its right,
    /// and so on
    #[param(live, range = -4.0..=4.0, default = Vec::new())]
    matrix: Vec<f64>,
    /// level of all
    #[param(live, range = -60.0..=24.0, span = -36.0..=0.0, unit = "dB", default = 0.0)]
    gain: f64,
}

impl Node for Speakers {
    fn descriptor() -> Descriptor {
        Descriptor::of::<Self>("audio", "speakers", "Places sounds among loudspeakers")
            .example(
                r#"nodes: {
                    "film": video_file(path: "film.mp4", width: 64, height: 64),
                    "motion": motion(),
                    "tune": midi_input_file(path: "song.mid"),
                    "bells": synth(voice: glass),
                    "sea": audio_input_file(path: "song.wav"),
                    "room": speakers(speakers: 4, places: [0, 180], widths: [0, 90]),
                    "sound": audio_file(path: "room.wav"),
                },
                wires: ["tune -> bells -> room -> sound", "sea -> room", "film -> motion -> room.turn"]"#,
            )
            .details(
                "A mixer for rooms. Each wire comes from its place in `places`, in the order of the patch; wires beyond the \
                 end of the list come from the front. One channel is a point; of a stereo sound left and right lie on both sides \
                 of the place, `widths` apart. A sound between two loudspeakers is shared by these two, at the same power \
                 everywhere (vector base amplitude panning in the plane, V. Pulkki, JAES 45, 1997; between loudspeakers that \
                 stand 170 degrees apart or more, in equal powers by the angle). `turn` turns everything: with a wire of its own, \
                 sounds go round the room.\n\n\
                 Where `angles` says nothing, the loudspeakers stand in a circle at equal distances, from the front left one to the \
                 right and round: four at -45, 45, 135 and -135 degrees; two at -30 and 30. With a `matrix` each \
                 channel of a wire has its own factor for each loudspeaker: for two loudspeakers and one stereo wire, \
                 [1, 0, 0, 1] leaves it as it is. A sound of one channel has left alone; wires beyond the matrix go by angle.\n\n\
                 Everything glides within 40 ms. The sum stays below full scale as the mixer's does, all loudspeakers together; wires \
                 that come late are treated as there. `audio_out(channels: 8)` plays eight loudspeakers; `audio_file` and \
                 `recorder` write as many channels (.flac up to 8); nodes that are stereo, such as `mixer`, `delay`, `reverb` \
                 and `master`, stand before `speakers`, while `filter`, `equaliser`, `compressor` and `limiter` also work behind it.",
            )
            .input(SOUNDS)
            .output(ROOM)
            .urgent()
    }

    fn check(&self, check: &mut Check<'_>) {
        let count = usize::from(self.speakers);
        if self.angles.len() > count {
            let why = format!(
                "there are {} angles for {count} {}",
                self.angles.len(),
                loudspeakers(count)
            );
            let help = format!("write `speakers: {}`", self.angles.len());
            check.refuse("angles", why, Some(help));
        }
        if !self.matrix.len().is_multiple_of(count) {
            let why = format!(
                "the matrix has {} factors, which cannot be shared among {count} {}",
                self.matrix.len(),
                loudspeakers(count)
            );
            let help = format!("give {count} factors for each channel that comes in");
            check.refuse("matrix", why, Some(help));
        }
    }

    fn build(&self, build: &Build<'_>) -> Result<Box<dyn Processor<Self>>, NodeError> {
        let rate = build.transport.sample_rate;
        let wires = build.wires(SOUNDS);
        let places = Places::new(self, wires, slow_glide(rate));
        Ok(Box::new(Filling {
            desk: Desk::new(places, wires, build),
            gain: Ramp::new(amplitude(self.gain), slow_glide(rate)),
            limiter: Limiter::new(rate),
            rate,
        }))
    }
}

fn loudspeakers(count: usize) -> &'static str {
    match count {
        1 => "loudspeaker",
        _ => "loudspeakers",
    }
}

struct Filling {
    desk: Desk<Places>,
    gain: Ramp,
    limiter: Limiter,
    rate: u32,
}

impl Processor<Speakers> for Filling {
    fn process(&mut self, params: &Speakers, io: &mut Io<'_>) -> Result<Flow, NodeError> {
        while let Some(input) = io.take() {
            let block = input.read(SOUNDS)?;
            let is_mono = block.channels <= 1;
            self.desk.placing.hear(params, input.wire, is_mono);
            let samples = stereo(block);
            (self.desk).bring(io, input.wire, input.packet.time, samples);
        }
        loop {
            match self.desk.due(io) {
                Due::Block(frames) => self.send_block(params, io, frames)?,
                Due::At(time) => return Ok(Flow::WakeAt(time)),
                Due::Nothing => return Ok(Flow::Continue),
            }
        }
    }

    fn finish(&mut self, params: &Speakers, io: &mut Io<'_>) -> Result<(), NodeError> {
        while let Some(frames) = self.desk.rest(io) {
            self.send_block(params, io, frames)?;
        }
        Ok(())
    }

    fn earliest_pending(&self) -> Option<Time> {
        Some(self.desk.time())
    }

    fn changed(&mut self, params: &Speakers, _transport: &Transport) -> Result<(), NodeError> {
        self.gain.set(amplitude(params.gain));
        self.desk.placing.turn(params);
        Ok(())
    }
}

impl Filling {
    fn send_block(
        &mut self,
        params: &Speakers,
        io: &mut Io<'_>,
        frames: u64,
    ) -> Result<(), NodeError> {
        let time = self.desk.time();
        let mut samples = self.desk.mix(frames, &mut []);
        let channels = params.speakers.max(1);
        for frame in samples.chunks_exact_mut(channels.into()) {
            let gain = self.gain.next();
            frame.iter_mut().for_each(|sample| *sample *= gain);
            self.limiter.limit_all(frame);
        }
        let block = AudioBlock {
            rate: self.rate,
            channels,
            samples,
        };
        io.send(ROOM, time, block)
    }
}
