//! Draws one picture of a whole run: thumbnails, the code's course, the notes.

use std::path::PathBuf;
use std::sync::Arc;

use score_engine::{
    Build, Check, Custom, Descriptor, Event, Flow, Frame, InputPort, Io, Latent, Node, NodeError,
    Note, Params, Processor, Time, Transport,
};

use super::canvas::{Canvas, Colour};
use super::course::Course;
use super::drawn_notes::{DrawnNote, DrawnNotes};
use super::letters;
use crate::chords::Chords;
use crate::midi::PERCUSSION;
use crate::music::Chord;
use crate::output::OutputFile;

const FILM: InputPort<Frame> = InputPort::new(0, "frames", "the film").optional().sparse();
const CODE: InputPort<Latent> = InputPort::new(1, "latent", "the latent").optional();
const NOTES: InputPort<Note> = InputPort::new(2, "notes", "the notes of each part").many();
const CHORDS: InputPort<Custom<Chords>> = Chords::input(3, "chords", "the chords").optional();
const EVENTS: InputPort<Event> =
    InputPort::new(4, "events", "cuts and cues, between which the sections lie").many();

/// Side of a thumbnail, in pixels.
const THUMBNAIL: usize = 80;
/// Height of one component of the code, in pixels.
const COMPONENT: usize = 2;
/// Height of a semitone, in pixels.
const SEMITONE: usize = 7;
/// Height of a drum, and of the band of sections, in pixels.
const DRUM: usize = 5;
const SECTIONS: usize = 6;
/// Between the parts, in pixels.
const GAP: usize = 8;
/// Semitones shown above and below the notes.
const MARGIN: u8 = 3;
/// As long as what is drawn is at least.
const SHORTEST: Time = Time::from_nanos(1_000_000);
/// Codes kept of a run of any length.
const KEPT: usize = 2048;
/// Notes kept of it, and chords, events and tempi of each.
const MOST_NOTES: usize = 1 << 18;
const MOST: usize = 1 << 14;

const BACKGROUND: Colour = [18, 18, 24];
const LANE: Colour = [28, 28, 36];
const C_LANE: Colour = [44, 44, 58];
const BAR_LINE: Colour = [70, 70, 92];
const CUT: Colour = [225, 225, 235];

/// The colours of the parts where there are several, as hard as can be struck; further parts begin
/// again.
const PARTS: [Colour; 8] = [
    [255, 220, 90],
    [110, 190, 255],
    [255, 120, 110],
    [130, 230, 150],
    [210, 150, 255],
    [255, 170, 70],
    [120, 230, 230],
    [240, 150, 200],
];

/// `piano_roll`.
#[derive(Clone, Params)]
pub(crate) struct PianoRoll {
    /// the picture to write, .png
    #[param(
        rebuild = "its name is claimed when the node is built",
        writes,
        content = Picture,
        ending = "png"
    )]
    path: PathBuf,
    /// its width
    #[param(live, range = 200..=20_000, span = 800.0..=4000.0, unit = "pixels", default = 1600)]
    width: usize,
    /// name of each part
    #[param(live, default = Vec::new(), for_each_wire = NOTES.name())]
    names: Vec<String>,
}

impl Node for PianoRoll {
    fn descriptor() -> Descriptor {
        Descriptor::of::<Self>(
            "picture",
            "piano_roll",
            "Draws one picture of the whole run",
        )
        .example(
            r#"nodes: {
                    "film": video_file(path: "film.mp4", width: 80, height: 80, rate: 4),
                    "tune": midi_input_file(path: "song.mid"),
                    "roll": piano_roll(path: "film.png"),
                },
                wires: ["film -> roll.frames", "tune -> roll.notes"]"#,
        )
        .details(
            "From top to bottom along time: thumbnails of the film; the latent over time, one \
             line for each component, blue below and orange above 0; the notes over bar lines, \
             the brighter the harder they are struck. The lighter lanes are the Cs.\n\n\
             With several wires into `notes` each part has a colour, and their names (`names`, \
             else what the patch calls them) stand below; drums lie on lanes of \
             their own under the other notes. `chords` adds a strip with the chords' names, \
             coloured by their roots along the circle of fifths; `events` one of the sections \
             between them, and lines at the cuts.",
        )
        .input(FILM)
        .input(CODE)
        .input(NOTES)
        .input(CHORDS)
        .input(EVENTS)
        .independent_inputs()
    }

    fn check(&self, check: &mut Check<'_>) {
        if check.input_type(NOTES).is_none() {
            let help = Some("wire a node with notes into it".to_owned());
            check.refuse("path", "nothing is wired into its `notes`", help);
        }
    }

    fn build(&self, build: &Build<'_>) -> Result<Box<dyn Processor<Self>>, NodeError> {
        Ok(Box::new(Collecting {
            file: OutputFile::create(&self.path, build)?,
            transports: since_the_start(build.transport),
            latest: Time::ZERO,
            frames: Course::new(thumbnails(self.width)),
            codes: Course::new(KEPT),
            notes: DrawnNotes::new(MOST_NOTES),
            parts: (0..build.wires(NOTES))
                .map(|wire| build.source(NOTES, wire).unwrap_or("part").to_owned())
                .collect(),
            chords: build.is_wired(CHORDS).then(|| Course::new(MOST)),
            events: (build.wires(EVENTS) > 0).then(|| Course::new(MOST)),
        }))
    }
}

struct Collecting {
    file: OutputFile,
    /// What the bars went by, from when on.
    transports: Course<Transport>,
    /// The time of the latest thing that came.
    latest: Time,
    /// Thumbnails: whole pictures would fill the memory.
    frames: Course<Option<Frame>>,
    codes: Course<Arc<[f32]>>,
    notes: DrawnNotes,
    /// The parts, as the patch calls them.
    parts: Vec<String>,
    /// Which chord sounds from when on, and when something happened, where those are shown.
    chords: Option<Course<Option<Chord>>>,
    events: Option<Course<()>>,
}

impl Processor<PianoRoll> for Collecting {
    fn process(&mut self, _params: &PianoRoll, io: &mut Io<'_>) -> Result<Flow, NodeError> {
        while let Some(input) = io.take() {
            let time = input.packet.time;
            self.latest = self.latest.max(time);
            if input.is(FILM) {
                let frame = input.read(FILM)?;
                self.frames.push_made(time, || thumbnail(frame));
            } else if input.is(CODE) {
                self.codes.push(time, input.read(CODE)?.clone());
            } else if input.is(CHORDS) {
                let chord = input.read(CHORDS)?.chord;
                if let Some(chords) = &mut self.chords
                    && chords.at(Time::MAX) != Some(&chord)
                {
                    chords.push(time, chord);
                }
            } else if input.is(EVENTS) {
                (self.events.iter_mut()).for_each(|events| events.push(time, ()));
            } else {
                for note in input.read(NOTES)?.iter() {
                    self.notes.hear(input.wire, time, *note);
                }
            }
        }
        Ok(Flow::Continue)
    }

    fn finish(&mut self, params: &PianoRoll, io: &mut Io<'_>) -> Result<(), NodeError> {
        let picture = self.draw(params, io.end().unwrap_or(Time::ZERO));
        self.file.write(&picture.png()?)
    }

    fn commit(&mut self) -> Result<(), NodeError> {
        self.file.commit()
    }

    fn changed(&mut self, params: &PianoRoll, transport: &Transport) -> Result<(), NodeError> {
        self.frames.keep(thumbnails(params.width));
        let before = self.transports.at(Time::MAX);
        let bars_of = |transport: &Transport| (transport.tempo, transport.metre, transport.swing);
        if before.map(bars_of) != Some(bars_of(transport)) {
            // A new tempo says from when on it holds; anything else holds from what came last on.
            let is_tempo = before.map(|before| before.tempo) != Some(transport.tempo);
            let since = if is_tempo {
                transport.anchor.0
            } else {
                self.latest
            };
            self.transports.push(since, transport.clone());
        }
        Ok(())
    }
}

/// A course that begins with this transport.
fn since_the_start(transport: &Transport) -> Course<Transport> {
    let mut transports = Course::new(MOST);
    transports.push(Time::ZERO, transport.clone());
    transports
}

/// The most thumbnails that are kept for a picture of this width: more than are drawn, as some are
/// left out on the way.
fn thumbnails(width: usize) -> usize {
    width / THUMBNAIL * 4
}

impl Collecting {
    /// Whether a note lies on the lanes of the drums: of several parts only, as one alone is shown
    /// as it always was.
    fn is_drum(&self, note: &DrawnNote) -> bool {
        self.parts.len() > 1 && note.channel == PERCUSSION
    }

    /// The drums that were struck, from the highest.
    fn drums(&self, notes: &[DrawnNote]) -> Vec<u8> {
        let struck = notes.iter().filter(|note| self.is_drum(note));
        let mut drums: Vec<u8> = struck.map(|note| note.pitch).collect();
        drums.sort_unstable_by(|one, other| other.cmp(one));
        drums.dedup();
        drums
    }

    /// The colour of a note.
    fn colour(&self, note: &DrawnNote) -> Colour {
        if self.parts.len() < 2 {
            return glow(note.velocity);
        }
        let bright = PARTS[note.part % PARTS.len()];
        let share = 0.4 + 0.6 * note.velocity.clamp(0.0, 1.0);
        std::array::from_fn(|part| mix(BACKGROUND[part], bright[part], share))
    }

    /// The lowest and the highest pitch shown.
    fn range(&self, notes: &[DrawnNote]) -> (u8, u8) {
        let shown = || notes.iter().filter(|note| !self.is_drum(note));
        let pitches = || shown().map(|note| note.pitch);
        let (low, high) = (pitches().min().unwrap_or(60), pitches().max().unwrap_or(72));
        (
            low.saturating_sub(MARGIN),
            high.saturating_add(MARGIN).min(127),
        )
    }

    /// The bar lines until `end`: where each of the transports counts them, until the next.
    fn bars(&self, end: Time) -> impl Iterator<Item = Time> {
        let ends = self.transports.iter().skip(1).map(|(next, _)| *next);
        let spans = self.transports.iter().zip(ends.chain([end.max(SHORTEST)]));
        spans.flat_map(|((since, transport), until)| {
            let bar = transport.sixteenths_per_bar();
            let from = transport.position(*since) * 4.0 / bar as f64;
            // A bar that begins with the transport begins there, whatever was rounded on the way.
            let first = (from - 1e-6).ceil().max(0.0) as u64;
            (first..)
                .map(move |index| transport.sixteenth(index * bar))
                .take_while(move |time| *time < until)
        })
    }

    fn draw(&self, params: &PianoRoll, end: Time) -> Canvas {
        let width = params.width;
        let notes = self.notes.until(end);
        let (low, high) = self.range(&notes);
        let thumbnails = self.frames.at(Time::MAX).map_or(0, |_| THUMBNAIL + GAP);
        let codes = self
            .codes
            .at(Time::MAX)
            .map_or(0, |code| code.len() * COMPONENT + GAP);
        let chords = self.chords.as_ref().map_or(0, |_| letters::LINE + 2);
        let sections = self.events.as_ref().map_or(0, |_| SECTIONS + 2);
        let lanes = usize::from(high - low + 1) * SEMITONE;
        let drums = self.drums(&notes);
        let struck = if drums.is_empty() {
            0
        } else {
            GAP + drums.len() * DRUM
        };
        let names = if self.parts.len() > 1 {
            letters::LINE + GAP
        } else {
            0
        };
        let top = thumbnails + codes + chords + sections;
        let height = top + lanes + struck + names;
        let mut canvas = Canvas::new(width, height, BACKGROUND);
        let seconds = end.max(SHORTEST).seconds();
        let time_at = |x: usize| Time::from_seconds(x as f64 / width as f64 * seconds);
        let x_at = |time: Time| (time.seconds() / seconds * width as f64).round() as usize;

        for x in (0..width).step_by(THUMBNAIL) {
            if let Some(Some(frame)) = self.frames.at(time_at(x)) {
                canvas.place(frame, x, 0, THUMBNAIL - 1, THUMBNAIL);
            }
        }
        for x in 0..width {
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
        let of_chords: Vec<_> = self.chords.iter().flat_map(Course::iter).collect();
        for (place, (since, chord)) in of_chords.iter().enumerate() {
            let until = of_chords.get(place + 1).map_or(end, |(until, _)| *until);
            let (from, to) = (x_at(*since), x_at(until));
            let wide = to.saturating_sub(from + 1).max(1);
            let y = thumbnails + codes;
            let Some(chord) = chord else { continue };
            canvas.fill(from, y, wide, letters::LINE, wheel(chord.root));
            let name = chord.to_string();
            if letters::width(&name) + 2 <= wide {
                letters::write(&mut canvas, &name, from + 2, y + 2, BACKGROUND);
            }
        }
        let of_events = self.events.iter().flat_map(Course::iter);
        let mut of_events: Vec<Time> = of_events.map(|(time, ())| *time).collect();
        // Several wires may have brought them in any order.
        of_events.sort();
        let starts = std::iter::once(Time::ZERO).chain(of_events.iter().copied());
        let ends = of_events.iter().copied().chain([end]);
        for (number, (since, until)) in starts.zip(ends).enumerate() {
            let (from, to) = (x_at(since), x_at(until));
            let colour = PARTS[number % PARTS.len()].map(|part| part / 2);
            let y = thumbnails + codes + chords;
            if sections > 0 {
                canvas.fill(from, y, to.saturating_sub(from), SECTIONS, colour);
            }
        }
        let y_of = |pitch: u8| top + usize::from(high - pitch) * SEMITONE;
        for pitch in low..=high {
            let lane = if pitch.is_multiple_of(12) {
                C_LANE
            } else {
                LANE
            };
            canvas.fill(0, y_of(pitch), width, SEMITONE - 1, lane);
        }
        let bars = self.bars(end).map(x_at).filter(|x| *x < width);
        for x in bars.take(width) {
            canvas.fill(x, top, 1, lanes, BAR_LINE);
        }
        for (row, _) in drums.iter().enumerate() {
            let y = top + lanes + GAP + row * DRUM;
            canvas.fill(0, y, width, DRUM - 1, LANE);
        }
        for cut in of_events {
            canvas.fill(x_at(cut), top, 1, lanes + struck, CUT);
        }
        for note in &notes {
            let (from, to) = (x_at(note.start), x_at(note.end.min(end)));
            let wide = to.saturating_sub(from + 1).max(2);
            let colour = self.colour(note);
            if self.is_drum(note) {
                let row = drums.iter().position(|drum| *drum == note.pitch);
                let y = top + lanes + GAP + row.unwrap_or(0) * DRUM;
                canvas.fill(from, y, wide, DRUM - 1, colour);
            } else {
                canvas.fill(from, y_of(note.pitch), wide, SEMITONE - 1, colour);
            }
        }
        if names > 0 {
            let (mut x, y) = (GAP, height - letters::LINE);
            for (part, source) in self.parts.iter().enumerate() {
                // Small letters are for chords.
                let name = params.names.get(part).unwrap_or(source).to_uppercase();
                letters::write(&mut canvas, &name, x, y, PARTS[part % PARTS.len()]);
                x += letters::width(&name) + 3 * GAP;
            }
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

/// A colour for each root; neighbours on the circle of fifths look alike.
fn wheel(root: u8) -> Colour {
    let turn = f32::from(root * 7 % 12) / 12.0;
    let part = |shift: f32| {
        let wave = (std::f32::consts::TAU * (turn + shift)).cos();
        (150.0 + 70.0 * wave) as u8
    };
    [part(0.0), part(-1.0 / 3.0), part(1.0 / 3.0)]
}

fn mix(from: u8, to: u8, share: f32) -> u8 {
    (f32::from(from) + (f32::from(to) - f32::from(from)) * share).round() as u8
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::{Claim, Owner};
    use score_engine::Metre;
    use std::path::Path;

    fn begin(path: &Path) -> OutputFile {
        let claim = Claim::new(path, Owner::program("test"), false).unwrap();
        OutputFile::begin(claim).unwrap()
    }

    /// Those of a picture 1000 pixels wide.
    fn params() -> PianoRoll {
        PianoRoll {
            path: PathBuf::new(),
            width: 1000,
            names: Vec::new(),
        }
    }

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
    fn parts_have_colours_and_drums_chords_and_sections_places_of_their_own() {
        let folder = tempfile::tempdir().unwrap();
        let second = Time::from_seconds;
        let mut collecting = Collecting {
            file: begin(&folder.path().join("a.png")),
            transports: since_the_start(&Transport::default()),
            latest: Time::ZERO,
            frames: Course::new(8),
            codes: Course::new(8),
            notes: DrawnNotes::new(8),
            parts: ["tune", "drums"].map(str::to_owned).to_vec(),
            chords: Some(Course::new(8)),
            events: Some(Course::new(8)),
        };
        for (time, name) in [(0.0, "C"), (5.0, "F#m")] {
            let chords = collecting.chords.as_mut().unwrap();
            chords.push(second(time), name.parse().ok());
        }
        collecting.events.as_mut().unwrap().push(second(4.0), ());
        for (part, channel, pitch) in [(0, 0, 60), (1, PERCUSSION, 36)] {
            let on = Note::On {
                channel,
                pitch,
                velocity: 1.0,
            };
            collecting.notes.hear(part, second(2.0), on);
            let off = Note::Off { channel, pitch };
            collecting.notes.hear(part, second(3.0), off);
        }
        let canvas = collecting.draw(&params(), second(10.0));
        assert_eq!(canvas.at(400, 0), wheel(0));
        assert_eq!(canvas.at(900, 0), wheel(6));
        let sections = letters::LINE + 3;
        assert_ne!(canvas.at(100, sections), canvas.at(900, sections));
        let top = letters::LINE + 2 + SECTIONS + 2;
        assert_eq!(
            canvas.at(250, top + usize::from(MARGIN) * SEMITONE + 2),
            PARTS[0]
        );
        // One pitch with its margin, then the drums.
        let lanes = usize::from(2 * MARGIN + 1) * SEMITONE;
        assert_eq!(canvas.at(250, top + lanes + GAP + 1), PARTS[1]);
        assert_eq!(canvas.at(400, top + 1), CUT);
        assert!(canvas.png().unwrap().starts_with(b"\x89PNG"));
    }

    #[test]
    fn a_note_is_drawn_from_its_start_to_its_end_and_nowhere_else() {
        let folder = tempfile::tempdir().unwrap();
        let mut collecting = Collecting {
            file: begin(&folder.path().join("a.png")),
            transports: since_the_start(&Transport::default()),
            latest: Time::ZERO,
            frames: Course::new(8),
            codes: Course::new(8),
            notes: DrawnNotes::new(8),
            parts: vec!["tune".to_owned()],
            chords: None,
            events: None,
        };
        collecting.notes.hear(
            0,
            Time::from_seconds(2.0),
            Note::On {
                channel: 0,
                pitch: 64,
                velocity: 1.0,
            },
        );
        collecting.notes.hear(
            0,
            Time::from_seconds(5.0),
            Note::Off {
                channel: 0,
                pitch: 64,
            },
        );
        let canvas = collecting.draw(&params(), Time::from_seconds(10.0));
        let y = usize::from(MARGIN) * SEMITONE + 2;
        for (x, sounds) in [(195, false), (203, true), (495, true), (503, false)] {
            assert_eq!(canvas.at(x, y) == glow(1.0), sounds, "{x}");
        }
        assert!(canvas.png().unwrap().starts_with(b"\x89PNG"));
    }

    /// The bar lines of a run of ten seconds that plays by `slow`, and by `later` from six seconds
    /// on; what came last came then.
    fn bars(slow: &Transport, later: &Transport) -> Vec<f64> {
        let folder = tempfile::tempdir().unwrap();
        let mut collecting = Collecting {
            file: begin(&folder.path().join("a.png")),
            transports: since_the_start(slow),
            latest: Time::from_seconds(6.0),
            frames: Course::new(8),
            codes: Course::new(8),
            notes: DrawnNotes::new(8),
            parts: vec!["tune".to_owned()],
            chords: None,
            events: None,
        };
        collecting.changed(&params(), later).unwrap();
        collecting
            .bars(Time::from_seconds(10.0))
            .map(Time::seconds)
            .collect()
    }

    #[test]
    fn bar_lines_follow_a_change_of_tempo_or_metre_from_there_on() {
        let slow = Transport {
            tempo: 60.0,
            ..Transport::default()
        };
        // Half of the second bar lies behind.
        let fast = Transport {
            tempo: 120.0,
            anchor: (Time::from_seconds(6.0), 6.0),
            ..Transport::default()
        };
        assert_eq!(bars(&slow, &fast), [0.0, 4.0, 7.0, 9.0]);
        // Bars of the new metre are counted from the start.
        let waltz = Transport {
            metre: Metre(3, 4),
            ..slow.clone()
        };
        assert_eq!(bars(&slow, &waltz), [0.0, 4.0, 6.0, 9.0]);
        // Another key draws no line.
        let elsewhere = Transport {
            key: Some("D minor".parse().unwrap()),
            ..slow.clone()
        };
        assert_eq!(bars(&slow, &elsewhere), [0.0, 4.0, 8.0]);
    }
}
