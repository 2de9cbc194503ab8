//! Draws one picture of a whole run: thumbnails, the code's course, the notes.

use std::path::PathBuf;
use std::sync::Arc;

use score_engine::{
    Build, Descriptor, FileContent, Flow, Frame, Io, Node, NodeError, Note, Param, Port, PortType,
    Processor, Time, Transport,
};
use serde::Deserialize;

use super::canvas::{Canvas, Colour};
use super::course::Course;
use crate::output::OutputFile;

const FRAMES: usize = 0;
const LATENT: usize = 1;

/// Side of a thumbnail, in pixels.
const THUMBNAIL: usize = 80;
/// Height of one component of the code, in pixels.
const COMPONENT: usize = 2;
/// Height of a semitone, in pixels.
const SEMITONE: usize = 7;
/// Between the parts, in pixels.
const GAP: usize = 8;
/// Semitones shown above and below the notes.
const MARGIN: u8 = 3;
/// Pictures and codes kept of a run of any length.
const KEPT: usize = 2048;

const BACKGROUND: Colour = [18, 18, 24];
const LANE: Colour = [28, 28, 36];
const C_LANE: Colour = [44, 44, 58];
const BAR_LINE: Colour = [70, 70, 92];

/// `piano_roll`.
#[derive(Deserialize)]
pub(crate) struct PianoRoll {
    path: PathBuf,
    width: usize,
}

impl Node for PianoRoll {
    fn descriptor() -> Descriptor {
        Descriptor::new("picture", "piano_roll", "Draws one picture of the whole run")
            .example(
                r#"nodes: {
                    "film": video_file(path: "film.mp4", width: 80, height: 80, rate: 4),
                    "tune": midi_input_file(path: "song.mid"),
                    "roll": piano_roll(path: "film.png"),
                },
                wires: ["film -> roll.frames", "tune -> roll.notes"]"#,
            )
            .details(
                "From top to bottom along time: thumbnails of the film; the code's course, a line a component, blue \
                 below and orange above 0; the notes over bar lines, the brighter the harder they are struck. The \
                 lighter lanes are the Cs.",
            )
            .input(Port::new("frames", PortType::Frame, "the film").optional())
            .input(Port::new("latent", PortType::Latent(None), "the code").optional())
            .input(Port::new("notes", PortType::Notes, "the notes"))
            .param(Param::file_to_write("path", "the picture to write, .png").content(FileContent::Picture).ending("png"))
            .param(Param::integer("width", (200, 20_000), "its width").unit("pixels").default(1600))
            .independent_inputs()
    }

    fn build(&self, build: &Build<'_>) -> Result<Box<dyn Processor>, NodeError> {
        Ok(Box::new(Collecting {
            file: OutputFile::create(&self.path, build)?,
            width: self.width,
            transport: build.transport.clone(),
            frames: Course::new(self.width / THUMBNAIL * 4),
            codes: Course::new(KEPT),
            notes: Vec::new(),
        }))
    }
}

/// A note from its begin to its end; `None` while it sounds.
struct Bar {
    channel: u8,
    pitch: u8,
    velocity: f32,
    start: Time,
    end: Option<Time>,
}

struct Collecting {
    file: OutputFile,
    width: usize,
    transport: Transport,
    /// Thumbnails: whole pictures would fill the memory.
    frames: Course<Option<Frame>>,
    codes: Course<Arc<[f32]>>,
    notes: Vec<Bar>,
}

impl Processor for Collecting {
    fn process(&mut self, io: &mut Io<'_>) -> Result<Flow, NodeError> {
        while let Some(input) = io.take() {
            let time = input.packet.time;
            match input.port {
                FRAMES => {
                    let frame = input.packet.frame()?;
                    self.frames.push_made(time, || thumbnail(frame));
                }
                LATENT => self.codes.push(time, input.packet.latent()?.clone()),
                _ => input
                    .packet
                    .notes()?
                    .iter()
                    .for_each(|note| self.note(time, *note)),
            }
        }
        Ok(Flow::Continue)
    }

    fn finish(&mut self, io: &mut Io<'_>) -> Result<(), NodeError> {
        let picture = self.draw(io.end().unwrap_or(Time::ZERO));
        self.file.write(&picture.png()?)
    }

    fn commit(&mut self) -> Result<(), NodeError> {
        self.file.commit()
    }
}

impl Collecting {
    fn note(&mut self, time: Time, note: Note) {
        let (channel, pitch) = (note.channel(), note.pitch());
        let sounding =
            |bar: &&mut Bar| bar.end.is_none() && (bar.channel, bar.pitch) == (channel, pitch);
        if let Some(bar) = self.notes.iter_mut().rev().find(sounding) {
            bar.end = Some(time);
        }
        if let Note::On { velocity, .. } = note {
            self.notes.push(Bar {
                channel,
                pitch,
                velocity,
                start: time,
                end: None,
            });
        }
    }

    /// The lowest and the highest pitch shown.
    fn range(&self) -> (u8, u8) {
        let pitches = || self.notes.iter().map(|bar| bar.pitch);
        let (low, high) = (pitches().min().unwrap_or(60), pitches().max().unwrap_or(72));
        (
            low.saturating_sub(MARGIN),
            high.saturating_add(MARGIN).min(127),
        )
    }

    fn draw(&self, end: Time) -> Canvas {
        let (low, high) = self.range();
        let thumbnails = self.frames.at(Time::MAX).map_or(0, |_| THUMBNAIL + GAP);
        let codes = self
            .codes
            .at(Time::MAX)
            .map_or(0, |code| code.len() * COMPONENT + GAP);
        let notes = usize::from(high - low + 1) * SEMITONE;
        let mut canvas = Canvas::new(self.width, thumbnails + codes + notes, BACKGROUND);
        let seconds = end.seconds().max(1e-3);
        let time_at = |x: usize| Time::from_seconds(x as f64 / self.width as f64 * seconds);
        let x_at = |time: Time| (time.seconds() / seconds * self.width as f64).round() as usize;

        for x in (0..self.width).step_by(THUMBNAIL) {
            if let Some(Some(frame)) = self.frames.at(time_at(x)) {
                canvas.place(frame, x, 0, THUMBNAIL - 1, THUMBNAIL);
            }
        }
        for x in 0..self.width {
            let Some(code) = self.codes.at(time_at(x)) else {
                continue;
            };
            for (component, value) in code.iter().enumerate() {
                canvas.fill(
                    x,
                    thumbnails + component * COMPONENT,
                    1,
                    COMPONENT,
                    heat(*value),
                );
            }
        }
        let top = thumbnails + codes;
        let y_of = |pitch: u8| top + usize::from(high - pitch) * SEMITONE;
        for pitch in low..=high {
            let lane = if pitch.is_multiple_of(12) {
                C_LANE
            } else {
                LANE
            };
            canvas.fill(0, y_of(pitch), self.width, SEMITONE - 1, lane);
        }
        let bar = self.transport.sixteenths_per_bar();
        let bars = (0..)
            .map(|index| x_at(self.transport.sixteenth(index * bar)))
            .take_while(|x| *x < self.width);
        for x in bars.take(self.width) {
            canvas.fill(x, top, 1, notes, BAR_LINE);
        }
        for note in &self.notes {
            let (from, to) = (x_at(note.start), x_at(note.end.unwrap_or(end).min(end)));
            let width = to.saturating_sub(from + 1).max(2);
            canvas.fill(
                from,
                y_of(note.pitch),
                width,
                SEMITONE - 1,
                glow(note.velocity),
            );
        }
        canvas
    }
}

/// A picture as small as it is drawn.
fn thumbnail(frame: &Frame) -> Option<Frame> {
    Canvas::scaled(frame, THUMBNAIL - 1, THUMBNAIL)
}

/// Blue below 0, orange above, full at three standard deviations.
fn heat(value: f32) -> Colour {
    let share = (value.abs() / 3.0).clamp(0.0, 1.0).sqrt();
    let towards: Colour = if value < 0.0 {
        [70, 130, 255]
    } else {
        [255, 150, 50]
    };
    std::array::from_fn(|part| mix(BACKGROUND[part], towards[part], share))
}

/// From dim green to bright yellow.
fn glow(velocity: f32) -> Colour {
    let (dim, bright): (Colour, Colour) = ([40, 120, 100], [255, 230, 110]);
    std::array::from_fn(|part| mix(dim[part], bright[part], velocity.clamp(0.0, 1.0)))
}

fn mix(from: u8, to: u8, share: f32) -> u8 {
    (f32::from(from) + (f32::from(to) - f32::from(from)) * share).round() as u8
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::{Claim, Owner};

    #[test]
    fn of_large_pictures_only_thumbnails_are_kept_and_they_look_the_same() {
        let pixels = (0..1920 * 1080 * 3).map(|n| (n * 7 / 1000 % 251) as u8);
        let frame = Frame::rgb(1920, 1080, pixels.collect()).unwrap();
        let small = thumbnail(&frame).unwrap();
        assert!(small.pixels().len() < 20_000);
        let drawn = |frame: &Frame| {
            let mut canvas = Canvas::new(100, 100, BACKGROUND);
            canvas.place(frame, 10, 0, THUMBNAIL - 1, THUMBNAIL);
            canvas.png().unwrap()
        };
        assert_eq!(drawn(&small), drawn(&frame));
    }

    #[test]
    fn a_note_is_drawn_from_its_begin_to_its_end_and_nowhere_else() {
        let folder = tempfile::tempdir().unwrap();
        let owner = Owner::program("test");
        let claim = Claim::new(&folder.path().join("a.png"), owner, false).unwrap();
        let mut collecting = Collecting {
            file: OutputFile::begin(claim).unwrap(),
            width: 1000,
            transport: Transport::default(),
            frames: Course::new(8),
            codes: Course::new(8),
            notes: Vec::new(),
        };
        collecting.note(
            Time::from_seconds(2.0),
            Note::On {
                channel: 0,
                pitch: 64,
                velocity: 1.0,
            },
        );
        collecting.note(
            Time::from_seconds(5.0),
            Note::Off {
                channel: 0,
                pitch: 64,
            },
        );
        let canvas = collecting.draw(Time::from_seconds(10.0));
        let y = usize::from(MARGIN) * SEMITONE + 2;
        for (x, sounds) in [(195, false), (203, true), (495, true), (503, false)] {
            assert_eq!(canvas.at(x, y) == glow(1.0), sounds, "{x}");
        }
        assert!(canvas.png().unwrap().starts_with(b"\x89PNG"));
    }
}
