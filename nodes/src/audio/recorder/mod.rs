//! Records a run: its sound, its notes, and what steered it.

mod keeping;
mod line_file;
mod parts;
mod picture_log;
mod recording;
mod take;
mod trace_log;

use std::path::PathBuf;

use score_engine::{
    AudioBlock, Build, Check, Control, Descriptor, Event, Frame, InputPort, Node, NodeError, Note,
    Params, Policy, Processor, Resource,
};

pub use self::keeping::bytes_of_takes;
use self::parts::Parts;
use self::recording::Recording;
use self::take::Take;

/// Blocks of sound that wait while the disk is slow: five seconds.
pub(crate) const SLOW_DISK: Policy = Policy::DropOldest(1024);

const SOUND: InputPort<AudioBlock> = InputPort::new(0, "sound", "what is heard")
    .optional()
    .policy(SLOW_DISK);
const NOTES: InputPort<Note> = InputPort::new(1, "notes", "what is played").many();
const CONTROLS: InputPort<Control> = InputPort::new(2, "controls", "what steers").many();
const EVENTS: InputPort<Event> = InputPort::new(3, "events", "what happens").many();
const PICTURES: InputPort<Frame> =
    InputPort::new(4, "pictures", "what the camera sees; live only").optional();

/// `recorder`.
#[derive(Clone, Params)]
pub(crate) struct Recorder {
    /// the sound file to write, .wav or .flac
    #[param(rebuild = "a take is begun once", writes, content = Sound, ending = "wav", takes)]
    path: PathBuf,
    /// live, keep what the nodes that play notes were given, so that `score replay` has them play
    /// again
    #[param(rebuild = "a take is begun once", default = true)]
    trace: bool,
    /// live, hours after which another take begins; left out: one take, until the run ends
    #[param(live, range = 0.001..=720.0, span = 0.25..=24.0, log, unit = "h")]
    part: Option<f64>,
    /// live, days for which finished takes are kept; left out: for ever
    #[param(live, range = 0.01..=36_500.0, span = 1.0..=365.0, log, unit = "days")]
    keep_days: Option<f64>,
    /// live, how much all takes may have together, the oldest go first; left out: any amount
    #[param(live, range = 0.001..=1_000_000.0, span = 1.0..=10_000.0, log, unit = "GB")]
    keep_gb: Option<f64>,
}

impl Node for Recorder {
    fn descriptor() -> Descriptor {
        Descriptor::of::<Self>("audio", "recorder", "Records what is heard, the notes, and what steered them")
            .example(
                r#"nodes: {
                    "camera": camera(),
                    "motion": motion(),
                    "tune": scale_walk(),
                    "piano": synth(),
                    "sound": audio_out(),
                    "take": recorder(path: "take.wav"),
                },
                wires: ["camera -> motion -> tune -> piano -> sound", "piano -> take.sound", "tune -> take.notes", "motion -> take.controls"]"#,
            )
            .details(
                "Writes the sound to `path`, the notes to a .mid of the same name, with a track \
                 for each wire and channel, and the controls and events to a .jsonl. All begin \
                 together, so that they can be aligned: with the run, or when an edit adds the \
                 recorder. Where sound is missing there is silence. The .jsonl has one JSON object \
                 per line: first the transport, with the time of the run at which the take begins, \
                 then each value with its time in seconds, the input, and the number of the wire, \
                 counted from 0 in the order of the patch. Live, it also has each revision of the \
                 patch with the time from which it plays, and each value that a hand sets, so that \
                 the run can be played again. The .mid has the tempi that were played. After a \
                 million notes and controllers another .mid begins, `NAME-part-2`; the .jsonl says \
                 when.\n\n\
                 Live, `trace` keeps what the nodes were given whose notes are recorded, and when \
                 they took it: latents, controls, events, new values and tempi, in a .trace beside \
                 the take. `score replay` has them play again from it. It is kept of nodes whose \
                 inputs are latents, controls, events, chords or notes, and that begin with the \
                 recorder or after it.\n\n\
                 Live, `pictures` are kept in a film beside the take, a .mkv with 25 pictures a \
                 second in the size in which they come, so that `score replay --patch` can give \
                 them to another patch. What the encoder has no time for is left out and counted \
                 as `left_out_pictures`.\n\n\
                 A WAV beyond 4 GiB becomes an RF64, which most programs read like a WAV.\n\n\
                 Live, the files grow beside their place as `.NAME.partial`, are complete up to \
                 their last second whenever they are read, and get their names when the run ends. \
                 After a power cut the next start keeps them as `NAME-recovered`. Earlier takes \
                 are kept: the second is called `NAME-2`. With `part` a take ends after so many \
                 hours, and the next begins at the next frame of the sound; a note that sounds \
                 then ends with its take, and only the first has a trace from the beginning of \
                 the nodes that play. `keep_days` and `keep_gb` remove the oldest finished takes \
                 of this recorder beyond so much, never the newest, and never a file without \
                 this recorder's mark or with another name: what you rename, you keep. That is \
                 looked at every ten minutes, and when they change. When the disk is full, what was \
                 recorded is kept, and a new take begins when there is room. Live, a peak that would clip \
                 is turned down where it is, and counted as `turned_down_frames`; a render is \
                 turned down as a whole.",
            )
            .input(SOUND)
            .input(NOTES)
            .input(CONTROLS)
            .input(EVENTS)
            .input(PICTURES)
            .keeps_record()
    }

    fn check(&self, check: &mut Check<'_>) {
        let ending = self.path.extension().and_then(|ending| ending.to_str());
        let is_known = ending.is_some_and(|ending| {
            ["wav", "flac"]
                .iter()
                .any(|known| ending.eq_ignore_ascii_case(known))
        });
        if !is_known {
            check.refuse(
                "path",
                format!(
                    "`{}` has no ending that names a sound format",
                    self.path.display()
                ),
                Some("it ends in .wav or .flac".to_owned()),
            );
        }
        let take = Take::at(&self.path);
        let companions = [
            take.midi_path(),
            take.log_path(),
            take.trace_path(),
            take.film_path(),
        ];
        for path in companions {
            check.claim(Resource(path.display().to_string()), Some("path"));
        }
    }

    fn build(&self, build: &Build<'_>) -> Result<Box<dyn Processor<Self>>, NodeError> {
        Ok(match build.clock {
            Some(_) => Box::new(Parts::begin(self, build)?),
            None => Box::new(Recording::offline(&Take::next(&self.path), build)?),
        })
    }
}

#[cfg(test)]
mod tests;
