//! Turns the notes of bars into latents: music in, for pictures out.

use std::collections::VecDeque;

use score_engine::{
    Build, Check, Choice, Descriptor, Flow, InputPort, Io, Latent, Node, NodeError, Note,
    OutputPort, Packet, Params, PortType, Processor, Settings, Time, Transport, Watermark,
};

use super::drums;
use super::sheet::{Span, melody};
use super::tune_encoder::TuneEncoder;
use crate::model::{Manifest, Music};
use crate::ticks::begins;

const NOTES: InputPort<Note> = InputPort::new(0, "notes", "the notes");
const CODES: OutputPort<Latent> = OutputPort::new(0, "latent", "a latent for each of the bars");

/// Notes that are remembered, at most.
const MOST: usize = 1 << 14;

/// Where a note ends that sounds still.
const SOUNDS: u64 = u64::MAX;

/// `music_encoder`.
#[derive(Clone, Params)]
pub(crate) struct MusicEncoder {
    /// name of a music model that has an encoder
    #[param(
        structural = "another model may give latents of another dimension",
        default = "melody"
    )]
    model: String,
    /// bars from one latent to the next
    #[param(live, range = 1..=64, span = 1.0..=8.0, default = 1)]
    every: u64,
    /// in a render: when a latent leaves, with the beginning of its bars or with their end; live
    /// always with their end
    #[param(rebuild = "it decides how long notes are waited for", default = Leaves::Begin)]
    at: Leaves,
}

/// When a latent leaves.
#[derive(Clone, Copy, Debug, PartialEq, Choice)]
enum Leaves {
    /// With the beginning of its bars.
    Begin,
    /// With their end.
    End,
}

impl Node for MusicEncoder {
    fn descriptor() -> Descriptor {
        Descriptor::of::<Self>(
            "music",
            "music_encoder",
            "Turns the notes of bars into latents",
        )
        .example(
            r#"nodes: {
                    "song": midi_input_file(path: "song.mid"),
                    "read": music_encoder(model: "melody"),
                    "seen": picture_decoder(model: "eye"),
                    "film": film_file(path: "song.mp4"),
                },
                wires: ["song -> read -> seen -> film"]"#,
        )
        .details(
            "What `music_decoder` does, the other way: the latent that a music model's encoder gives the notes of as \
                 many bars as it knows at a time, two of `melody` and `drums`, one of `stream` and `lead`. Of notes \
                 that sound together the highest is read; a model of drums reads those of MIDI channel 10. Notes lie \
                 on the nearest sixteenth. Bars without a note send no latent, so that the one before stays.\n\n\
                 Music models and picture models have latents of one kind, whose components have a mean of 0 and a \
                 variance of 1: into `picture_decoder` or `nearest_picture` they draw pictures, through `latent_map` \
                 others. Live, the notes of a keyboard are read bar by bar, and the picture answers when the bar is \
                 over; with `onsets` or `pitch` sound gives notes too.",
        )
        .input(NOTES)
        .output(CODES)
        .in_bars()
    }

    fn check(&self, check: &mut Check<'_>) {
        let dimension = Manifest::of(check.settings)
            .and_then(|manifest| Ok(TuneEncoder::of(manifest, &self.model)?.dimension()));
        match dimension {
            Ok(dimension) => check.set_output(CODES, PortType::Latent(Some(dimension))),
            Err(error) => check.refuse_for("model", &error),
        }
    }

    fn build(&self, build: &Build<'_>) -> Result<Box<dyn Processor<Self>>, NodeError> {
        Ok(Box::new(Reading {
            encoder: TuneEncoder::of(Manifest::of(build.settings)?, &self.model)?,
            transport: build.transport.clone(),
            ends: build.ends,
            leads: build.ends && self.at == Leaves::Begin,
            next: None,
            spans: VecDeque::new(),
        }))
    }
}

struct Reading {
    encoder: TuneEncoder,
    transport: Transport,
    /// Whether the run ends by itself.
    ends: bool,
    /// Whether a latent leaves with the beginning of its bars.
    leads: bool,
    /// The sixteenth at which the bars begin that are read next, once the node has begun.
    next: Option<u64>,
    /// The notes that may lie in them, with their channels.
    spans: VecDeque<(u8, Span)>,
}

impl Reading {
    /// The sixteenth, counted from the start, that is nearest to `time`.
    fn sixteenth(&self, time: Time) -> u64 {
        (self.transport.position(time) * 4.0).round().max(0.0) as u64
    }

    /// Sixteenths of the bars that are read at a time.
    fn length(&self) -> u64 {
        bars(self.encoder.layout()) * self.transport.sixteenths_per_bar()
    }

    fn hear(&mut self, time: Time, notes: &[Note]) {
        let drums = self.encoder.layout().drums;
        let place = self.sixteenth(time);
        for note in notes {
            if (note.channel() == drums::CHANNEL) != drums {
                continue;
            }
            let (channel, pitch) = (note.channel(), note.pitch());
            let is_it = |(on, span): &&mut (u8, Span)| {
                span.end == SOUNDS && (*on, span.pitch) == (channel, pitch)
            };
            if let Some((_, span)) = self.spans.iter_mut().find(is_it) {
                span.end = place.max(span.start + 1);
            }
            if matches!(note, Note::On { .. }) && self.is_known(pitch) {
                if self.spans.len() >= MOST {
                    self.spans.pop_front();
                }
                let span = Span {
                    start: place,
                    end: SOUNDS,
                    pitch,
                };
                self.spans.push_back((channel, span));
            }
        }
    }

    /// Whether the model has tokens for a pitch.
    fn is_known(&self, pitch: u8) -> bool {
        let layout = self.encoder.layout();
        let above = usize::from(pitch).checked_sub(usize::from(layout.lowest_pitch));
        layout.drums || above.is_some_and(|above| above + 2 < layout.tokens)
    }

    /// The latent of the bars that begin at sixteenth `from`; `None`: no note begins or sounds in
    /// them.
    fn read(&mut self, from: u64) -> Result<Option<Vec<f32>>, NodeError> {
        let layout = *self.encoder.layout();
        let bar = self.transport.sixteenths_per_bar();
        let places = (0..bars(&layout)).flat_map(|number| {
            let steps = number as usize * layout.steps_per_bar..;
            let begin = from + number * bar;
            (steps.take(layout.steps_per_bar)).zip(begin..begin + bar)
        });
        let tokens = match layout.drums {
            true => {
                let mut tokens = vec![0; layout.steps];
                for (step, place) in places {
                    let spans = self.spans.iter().map(|(_, span)| span);
                    let struck = spans.filter(|span| span.start == place);
                    if let Some(token) = tokens.get_mut(step) {
                        *token = struck.fold(0, |sum, span| sum | drums::token(span.pitch));
                    }
                }
                tokens
            }
            false => {
                let spans: Vec<Span> = self.spans.iter().map(|(_, span)| *span).collect();
                melody(&spans, places, &layout)
            }
        };
        let least = if layout.drums { 1 } else { 2 };
        if !tokens.iter().any(|token| *token >= least) {
            return Ok(None);
        }
        let code = self.encoder.encode(&tokens, self.transport.metre)?;
        if !code.iter().all(|component| component.is_finite()) {
            return Err(NodeError::model(
                "the encoder gave a latent that is not a number",
            ));
        }
        Ok(Some(code))
    }

    /// Sends the latent of the bars that begin at sixteenth `from`.
    fn send(&mut self, io: &mut Io<'_>, from: u64) -> Result<(), NodeError> {
        let place = match self.leads {
            true => from,
            false => from + self.length(),
        };
        let time = self.transport.sixteenth(place);
        if let Some(code) = self.read(from)? {
            io.send(CODES, time, code)?;
        }
        Ok(())
    }

    /// Forgets notes that ended before sixteenth `place`.
    fn forget(&mut self, place: u64) {
        self.spans.retain(|(_, span)| span.end > place);
    }
}

/// Whether `music_encoder` reads notes with the model called `model`: its latents are melodies or
/// drums, and it has an encoder.
pub fn reads_notes(settings: &Settings, model: &str) -> bool {
    Manifest::of(settings).is_ok_and(|manifest| TuneEncoder::of(manifest, model).is_ok())
}

/// Bars as a music model reads them.
#[derive(Clone, Debug, PartialEq)]
pub struct ReadBars {
    /// When they begin.
    pub from: Time,
    /// When they end.
    pub to: Time,
    /// Their latent.
    pub latent: Vec<f32>,
}

/// What `music_encoder` gives of notes that are all known: the latents of the bars from each bar
/// on, as many at a time as the model knows, where they hold a note and are over at `end`.
///
/// # Errors
/// The model reads no notes, cannot be loaded or fails, or a packet holds no notes.
pub fn read_bars(
    settings: &Settings,
    model: &str,
    packets: &[Packet],
    transport: &Transport,
    end: Time,
) -> Result<Vec<ReadBars>, NodeError> {
    let mut reading = Reading {
        encoder: TuneEncoder::of(Manifest::of(settings)?, model)?,
        transport: transport.clone(),
        ends: true,
        leads: true,
        next: None,
        spans: VecDeque::new(),
    };
    let mut packets = packets.iter().peekable();
    let mut found = Vec::new();
    let mut next = 0;
    loop {
        let (from, to) = (
            transport.sixteenth(next),
            transport.sixteenth(next + reading.length()),
        );
        if to > end {
            return Ok(found);
        }
        while let Some(packet) = packets.next_if(|packet| packet.time <= to) {
            reading.hear(packet.time, packet.notes()?);
        }
        let latent = reading.read(next)?;
        found.extend(latent.map(|latent| ReadBars { from, to, latent }));
        next += transport.sixteenths_per_bar().max(1);
        reading.forget(next);
    }
}

/// Bars that are read at a time.
fn bars(layout: &Music) -> u64 {
    (layout.steps / layout.steps_per_bar.max(1)).max(1) as u64
}

impl Processor<MusicEncoder> for Reading {
    fn process(&mut self, params: &MusicEncoder, io: &mut Io<'_>) -> Result<Flow, NodeError> {
        let bar = self.transport.sixteenths_per_bar().max(1);
        let now = begins(self.ends, io.now());
        let mut next = match self.next {
            Some(next) => next,
            None => (self.transport.position(now) * 4.0).max(0.0) as u64 / bar * bar,
        };
        self.next = Some(next);
        while let Some(input) = io.take() {
            let notes = input.read(NOTES)?.clone();
            self.hear(input.packet.time, &notes);
        }
        let Watermark::At(reached) = io.reached() else {
            return Ok(Flow::Continue);
        };
        while self.transport.sixteenth(next + self.length()) <= reached {
            self.send(io, next)?;
            next += params.every.max(1) * bar;
            self.next = Some(next);
            self.forget(next);
        }
        let due = self.transport.sixteenth(next + self.length());
        Ok(Flow::WakeAt(due))
    }

    fn finish(&mut self, params: &MusicEncoder, io: &mut Io<'_>) -> Result<(), NodeError> {
        let end = io.end().unwrap_or(Time::ZERO);
        let bar = self.transport.sixteenths_per_bar().max(1);
        // Bars that the music does not fill have a latent too, where it is not late for them.
        let mut next = self.next.unwrap_or(0);
        let is_due = |reading: &Self, next: u64| match reading.leads {
            true => reading.transport.sixteenth(next) < end,
            false => reading.ends && reading.transport.sixteenth(next + reading.length()) <= end,
        };
        while is_due(self, next) {
            self.send(io, next)?;
            next += params.every.max(1) * bar;
            self.next = Some(next);
        }
        Ok(())
    }

    fn earliest_pending(&self) -> Option<Time> {
        let next = self.next.unwrap_or(0);
        self.leads.then(|| self.transport.sixteenth(next))
    }

    fn changed(&mut self, _params: &MusicEncoder, transport: &Transport) -> Result<(), NodeError> {
        self.transport = transport.clone();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use score_engine::Payload;
    use score_engine::harness::{Harness, Outputs};
    use serde_json::{Value, json};

    use super::*;
    use crate::music::{TuneModel, Tunes};
    use crate::testing::{at, settings};

    /// A tune of one note on each beat, with these pitches, at 120 quarter notes a minute.
    fn beats(pitches: &[u8], channel: u8) -> Vec<(Time, Payload)> {
        let mut fed = Vec::new();
        for (beat, pitch) in pitches.iter().enumerate() {
            let begin = beat as f64 / 2.0;
            let (pitch, velocity) = (*pitch, 0.8);
            let on = Note::On {
                channel,
                pitch,
                velocity,
            };
            // A little late, as hands are.
            fed.push((at(begin + 0.02), Payload::Notes(vec![on].into())));
            let off = Note::Off { channel, pitch };
            fed.push((at(begin + 0.48), Payload::Notes(vec![off].into())));
        }
        fed
    }

    fn reading(more: Value, notes: Vec<(Time, Payload)>, end: f64) -> Harness<MusicEncoder> {
        let mut params = json!({ "model": "melody" });
        for (name, value) in more.as_object().unwrap() {
            params[name] = value.clone();
        }
        Harness::<MusicEncoder>::new(params)
            .settings(settings())
            .feed("notes", PortType::Notes, notes, at(end))
    }

    fn codes(outputs: &Outputs) -> Vec<(f64, Vec<f32>)> {
        let packets = outputs.packets("latent").iter();
        packets
            .map(|packet| (packet.time.seconds(), packet.latent().unwrap().to_vec()))
            .collect()
    }

    /// What the model's own encoder gives the same tune.
    fn wanted(pitches: &[u8]) -> Vec<f32> {
        let settings: Settings = settings();
        let mut model = TuneModel::load(&settings, "melody").unwrap();
        let spans: Vec<Span> = (0u64..)
            .zip(pitches)
            .map(|(beat, pitch)| Span {
                start: beat * 4,
                end: beat * 4 + 4,
                pitch: *pitch,
            })
            .collect();
        let tokens = melody(&spans, (0..32).zip(0..32), model.layout());
        model.encode(&tokens).unwrap()
    }

    fn near(one: &[f32], other: &[f32]) -> bool {
        let far = one
            .iter()
            .zip(other)
            .map(|(one, other)| (one - other).abs());
        one.len() == other.len() && far.fold(0.0, f32::max) < 1e-3
    }

    const TUNE: [u8; 16] = [
        60, 62, 64, 65, 67, 65, 64, 62, 72, 71, 69, 67, 65, 64, 62, 60,
    ];

    #[test]
    fn bars_have_the_latent_of_their_notes_at_their_beginning() {
        let outputs = reading(json!({}), beats(&TUNE, 0), 8.0).run().unwrap();
        let found = codes(&outputs);
        let times: Vec<f64> = found.iter().map(|(time, _)| *time).collect();
        assert_eq!(times, [0.0, 2.0, 4.0, 6.0]);
        assert!(near(&found[0].1, &wanted(&TUNE[..8])));
        assert!(near(&found[1].1, &wanted(&TUNE[4..12])));
        assert!(!near(&found[0].1, &found[1].1));
    }

    #[test]
    fn live_a_latent_leaves_when_its_bars_are_over_as_in_a_render_that_is_told_to() {
        let at_end = json!({ "at": "end", "every": 2 });
        let live = reading(at_end.clone(), beats(&TUNE, 0), 8.1).play_live();
        let live = codes(&live.unwrap());
        let render = codes(&reading(at_end, beats(&TUNE, 0), 8.1).run().unwrap());
        let times: Vec<f64> = render.iter().map(|(time, _)| *time).collect();
        assert_eq!(times, [4.0, 8.0]);
        assert_eq!(live.len(), 2);
        for ((live, render), notes) in live.iter().zip(&render).zip([&TUNE[..8], &TUNE[8..]]) {
            assert_eq!(live.0, render.0);
            assert!(near(&live.1, &render.1) && near(&live.1, &wanted(notes)));
        }
    }

    #[test]
    fn notes_that_are_all_known_are_read_as_the_node_reads_them() {
        let mut tune = beats(&TUNE, 0);
        let late = beats(&TUNE[..4], 0).into_iter();
        tune.extend(late.map(|(time, notes)| (time + at(14.0), notes)));
        let node = codes(&reading(json!({}), tune.clone(), 16.0).run().unwrap());
        let packets = tune.into_iter().map(|(time, payload)| Packet {
            time,
            captured: std::time::Instant::now(),
            payload,
        });
        let packets: Vec<Packet> = packets.collect();
        let transport = Transport::default();
        let read = |end: f64| read_bars(&settings(), "melody", &packets, &transport, at(end));
        let found = read(16.0).unwrap();
        assert!(found.iter().all(|bars| bars.to - bars.from == at(4.0)));
        let found: Vec<_> = (found.into_iter())
            .map(|bars| (bars.from.seconds(), bars.latent))
            .collect();
        // The node also reads the last bars, which the music does not fill.
        assert_eq!(found, node[..found.len()]);
        let times: Vec<f64> = found.iter().map(|(time, _)| *time).collect();
        assert_eq!(times, [0.0, 2.0, 4.0, 6.0, 12.0]);
        assert!(read(3.9).unwrap().is_empty());
        assert!(read_bars(&settings(), "eye", &packets, &transport, at(8.0)).is_err());
        for (model, reads) in [
            ("melody", true),
            ("lead", true),
            ("eye", false),
            ("none", false),
        ] {
            assert_eq!(reads_notes(&settings(), model), reads, "{model}");
        }
    }

    #[test]
    fn bars_without_a_note_send_no_latent() {
        let mut tune = beats(&TUNE[..4], 0);
        let late = beats(&TUNE[..4], 0).into_iter();
        tune.extend(late.map(|(time, notes)| (time + at(8.0), notes)));
        let found = codes(&reading(json!({}), tune, 10.0).run().unwrap());
        let times: Vec<f64> = found.iter().map(|(time, _)| *time).collect();
        // The bars from two to six seconds are empty, and those from four to eight.
        assert_eq!(times, [0.0, 6.0, 8.0]);
    }

    #[test]
    fn a_model_of_drums_reads_drums_and_one_of_melodies_does_not() {
        let drums = beats(&[36, 38, 36, 38, 36, 38, 36, 38], drums::CHANNEL);
        let of_melodies = reading(json!({}), drums.clone(), 4.0).run().unwrap();
        assert_eq!(codes(&of_melodies).len(), 0);
        let of_drums = reading(json!({ "model": "drums" }), drums, 4.0).run();
        assert_eq!(codes(&of_drums.unwrap()).len(), 2);
    }

    #[test]
    fn every_model_of_melodies_reads_and_others_are_refused() {
        for model in ["melody", "stream", "lead", "lead_transformer"] {
            let found = reading(json!({ "model": model }), beats(&TUNE, 0), 8.0).run();
            let found = codes(&found.unwrap());
            assert_eq!(found.len(), 4, "{model}");
            assert!(found.iter().all(|(_, code)| code.len() == 64));
        }
        let refused = reading(json!({ "model": "eye" }), Vec::new(), 1.0).run();
        assert!(refused.unwrap_err().to_string().contains("not melodies"));
    }
}
