//! One timeline for a file: zero is the moment at which a player shows its first picture or plays
//! its first sound, as the container says.
//!
//! Whatever reads or writes a film counts from that zero: `video_file` its pictures,
//! `audio_input_file` the sound, `video_mux` the pictures that it copies and the film's own sound.
//! So what is made for a moment lies on that moment in the finished file, in every container.
//! Containers begin where they like (a segment of a recorder where the one before ended, MPEG
//! transport streams at 1.4 s), tracks begin late, and encoders put samples in front that nobody
//! hears.
//!
//! ffmpeg counts from a zero of its own: where the file's earliest stream begins, subtitles too,
//! or, in MPEG streams, the earliest of the streams that this very command uses.
//! [`Timeline::arguments`] make it count from ours.

mod answers;
mod copying;
mod ending;
mod packets;

use std::path::Path;

use score_engine::{NodeError, Time};
use serde_json::Value;

pub(crate) use self::copying::Picture;
pub(crate) use self::ending::Pictures;
use super::ffmpeg::{ask, seconds};
use super::picture_choice;

/// Packets at the beginning of a file that are looked at: two seconds or more of picture and sound.
const PACKETS: &str = "%+#200";

/// The least shift that ffmpeg takes for one: a microsecond. Without a shift it moves the zero of
/// MPEG streams itself.
const LEAST_SHIFT: f64 = 0.000_001;

/// How much earlier than declared a track may end: encoders round.
const TOLERATED_SECONDS: f64 = 1.0;

/// Where a file's zero lies.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Timeline {
    /// Zero, as the container counts, in seconds.
    zero: f64,
    /// What ffmpeg takes for zero, as the container counts, in seconds.
    base: f64,
}

impl Timeline {
    /// The arguments with which ffmpeg counts on this timeline; they stand before the input.
    pub(crate) fn arguments(self) -> [String; 2] {
        let shift = self.base - self.zero;
        let shift = if shift.abs() < LEAST_SHIFT {
            LEAST_SHIFT
        } else {
            shift
        };
        ["-itsoffset".into(), format!("{shift:.6}")]
    }

    /// What stands behind `-ss`, before the input, to have ffmpeg begin `at` seconds on this
    /// timeline: it counts from its own zero there, whatever [`Timeline::arguments`] say.
    pub(crate) fn seek(self, at: f64) -> String {
        format!("{:.6}", (at + self.zero - self.base).max(0.0))
    }

    /// How many seconds the stream with this number of the file at `path` lasts, by its packets: of a
    /// file that does not say it. All of it is read, unless that is stopped. `None`: it has none.
    ///
    /// # Errors
    /// ffprobe is missing, cannot read the file, or was stopped.
    pub(crate) fn read_to_end(
        self,
        path: &Path,
        stream: u64,
        is_stopped: impl Fn() -> bool,
    ) -> Result<Option<f64>, NodeError> {
        let stream = stream.to_string();
        let ends = packets::read(path, "a film", &["-select_streams", &stream], is_stopped)?;
        // A raw stream has no times: its pictures follow one another.
        let lasts = ends.last.map_or(ends.together, |end| end - self.zero);
        Ok(Some(lasts).filter(|lasts| *lasts > 0.0))
    }
}

/// The end that a file declares.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Declared {
    /// On the timeline.
    pub(crate) end: Time,
    /// As the container counts, in seconds.
    container: f64,
    /// The stream of which it is declared; `None` where it is of any in the file.
    stream: Option<u64>,
}

impl Declared {
    /// Whether it is declared of the stream itself.
    pub(crate) fn is_own(&self) -> bool {
        self.stream.is_some()
    }

    /// Whether what ended at `end` has ended too early: neither it nor, where the end is declared
    /// of the whole file, another stream in the file at `path` goes on to where it ought to.
    ///
    /// # Errors
    /// ffprobe is missing.
    pub(crate) fn is_missed(&self, path: &Path, end: Time) -> Result<bool, NodeError> {
        if end.seconds() + TOLERATED_SECONDS >= self.end.seconds() {
            return Ok(false);
        }
        let from = format!("{:.3}%", self.container - 2.0 * TOLERATED_SECONDS);
        // Not every file can be read from its middle; then all of it is.
        let tail = match self.last_packet(path, &["-read_intervals", &from]) {
            Ok(Some(end)) => Some(end),
            _ => self.last_packet(path, &[])?,
        };
        Ok(tail.is_none_or(|end| end + TOLERATED_SECONDS < self.container))
    }

    /// Where the last packet ends, as the container counts.
    fn last_packet(&self, path: &Path, more: &[&str]) -> Result<Option<f64>, NodeError> {
        let stream = self.stream.map(|stream| stream.to_string());
        let mut arguments = more.to_vec();
        if let Some(stream) = &stream {
            arguments.extend(["-select_streams", stream]);
        }
        Ok(packets::read(path, "a file", &arguments, || false)?.last)
    }
}

/// What ffprobe says of a file: its streams, and the packets with which it begins.
pub(crate) struct Contents(Value);

impl Contents {
    /// Asks about the file at `path`, which ought to be `what`.
    ///
    /// # Errors
    /// ffprobe is missing, or cannot read the file.
    pub(crate) fn of(path: &Path, what: &str) -> Result<Self, NodeError> {
        let entries = "stream=index,codec_type,codec_name,start_time,duration,nb_frames,avg_frame_rate,width,height,\
                       sample_aspect_ratio,has_b_frames,sample_rate:stream_disposition=attached_pic,timed_thumbnails:\
                       stream_side_data=rotation:\
                       format=format_name,start_time,duration:format_tags:\
                       packet=stream_index,pts_time,flags:packet_side_data=skip_samples";
        let arguments = ["-read_intervals", PACKETS];
        answers::known_or(path, || ask(path, what, &arguments, entries)).map(Contents)
    }

    /// The picture stream numbered `wanted` of what is the file at `path`, or its first that is no
    /// cover.
    ///
    /// # Errors
    /// There is none.
    pub(crate) fn picture(&self, path: &Path, wanted: Option<u32>) -> Result<&Value, NodeError> {
        let streams: Vec<&Value> = self.streams("video").collect();
        picture_choice::choose(path, &streams, wanted)
    }

    /// All that ffprobe says.
    pub(crate) fn answer(&self) -> &Value {
        &self.0
    }

    /// What ffprobe calls the container.
    pub(crate) fn format_name(&self) -> &str {
        let name = self.format().and_then(|format| format.get("format_name"));
        name.and_then(Value::as_str).unwrap_or_default()
    }

    /// The first sound.
    pub(crate) fn sound(&self) -> Option<&Value> {
        self.streams("audio").next()
    }

    /// Where zero lies. It does not depend on which of several streams is used.
    pub(crate) fn timeline(&self) -> Timeline {
        // A cover has no time.
        let pictures = self
            .streams("video")
            .filter(|stream| !picture_choice::is_cover(stream));
        let shown = pictures.filter_map(|stream| self.first_picture(stream));
        let heard = self
            .streams("audio")
            .filter_map(|stream| self.first_sample(stream));
        let base = self
            .format()
            .and_then(|format| seconds(format, "start_time"));
        let base = base.unwrap_or(0.0);
        Timeline {
            zero: shown.chain(heard).min_by(f64::total_cmp).unwrap_or(base),
            base,
        }
    }

    /// Where `stream`, one of this file's, ought to end.
    pub(crate) fn declared(&self, stream: &Value) -> Option<Declared> {
        let zero = self.timeline().zero;
        let format = self.format();
        let begins = seconds(stream, "start_time").unwrap_or(0.0);
        let lasts = seconds(stream, "duration");
        let name = format.and_then(|format| format.get("format_name")?.as_str());
        let count = seconds(stream, "nb_frames").filter(|count| *count > 0.0);
        // Only a track that counts its own samples has its own length; others may have that of the
        // longest track.
        let own = lasts.is_some() && count.is_some();
        let (container, end) = match lasts {
            Some(mut lasts) => {
                let rate = stream.get("avg_frame_rate").and_then(rate);
                if let (Some("avi"), Some(count), Some(rate)) = (name, count, rate) {
                    // One that is cut off seems to be shorter, but not in what its header counted.
                    lasts = lasts.max(count / rate);
                }
                (begins + lasts, begins + lasts - zero)
            }
            None => {
                // Counted from the container's zero, or from where the file begins: the earlier end
                // is taken.
                let lasts = seconds(format?, "duration")?;
                (lasts, lasts - zero.max(0.0))
            }
        };
        Some(Declared {
            end: Time::from_seconds(end),
            container,
            stream: stream.get("index").and_then(Value::as_u64).filter(|_| own),
        })
    }

    /// Whether packets of `stream` do not say when they are shown.
    pub(crate) fn is_timeless(&self, stream: &Value) -> bool {
        let mut packets = self.packets(stream).take(12);
        packets.any(|packet| seconds(packet, "pts_time").is_none())
    }

    /// Whether some of the first packets of `stream` do not say when they are shown.
    pub(crate) fn lacks_times(&self, stream: &Value) -> bool {
        self.packets(stream)
            .any(|packet| seconds(packet, "pts_time").is_none())
    }

    /// When the first picture of `stream` is shown: a recording that begins in the middle of a
    /// group of pictures shows none before the next group.
    fn first_picture(&self, stream: &Value) -> Option<f64> {
        let begins = seconds(stream, "start_time")?;
        let is_key = |packet: &&Value| {
            let flags = packet.get("flags").and_then(Value::as_str);
            flags.is_some_and(|flags| flags.starts_with('K'))
        };
        if self
            .packets(stream)
            .next()
            .is_none_or(|first| is_key(&first))
        {
            return Some(begins);
        }
        let key = self.packets(stream).find(is_key);
        let shown = key.and_then(|key| seconds(key, "pts_time"));
        Some(shown.map_or(begins, |shown| shown.max(begins)))
    }

    /// When the first sample of `stream` is heard, after those that only fill the decoder.
    fn first_sample(&self, stream: &Value) -> Option<f64> {
        let begins = seconds(stream, "start_time")?;
        let codec = stream.get("codec_name").and_then(Value::as_str);
        // Of Vorbis the first packet only prepares the decoder.
        let silent = usize::from(codec == Some("vorbis"));
        let first = self.packets(stream).nth(silent);
        let skipped = first.and_then(|first| {
            let skipped = list(first, "side_data_list").iter();
            let samples: f64 = skipped
                .filter_map(|data| data.get("skip_samples")?.as_f64())
                .sum();
            Some(seconds(first, "pts_time")? + samples / seconds(stream, "sample_rate")?)
        });
        // What lies before the container's own zero is not played.
        Some(begins.max(skipped.unwrap_or(begins)).max(0.0))
    }

    fn format(&self) -> Option<&Value> {
        self.0.get("format")
    }

    fn streams(&self, kind: &'static str) -> impl Iterator<Item = &Value> {
        let streams = list(&self.0, "streams").iter();
        streams.filter(move |stream| stream.get("codec_type").and_then(Value::as_str) == Some(kind))
    }

    /// The first packets of `stream`.
    fn packets(&self, stream: &Value) -> impl Iterator<Item = &Value> {
        let index = stream.get("index").cloned();
        let packets = list(&self.0, "packets").iter();
        packets.filter(move |packet| packet.get("stream_index") == index.as_ref())
    }
}

/// By how many degrees a player turns the pictures of `stream`.
pub(crate) fn rotation(stream: &Value) -> i64 {
    let data = list(stream, "side_data_list").iter();
    data.filter_map(|data| data.get("rotation")?.as_i64())
        .next()
        .unwrap_or(0)
}

/// `25/1` → 25.
pub(crate) fn rate(text: &Value) -> Option<f64> {
    let (over, under) = text.as_str()?.split_once('/')?;
    let (over, under): (f64, f64) = (over.parse().ok()?, under.parse().ok()?);
    (over > 0.0 && under > 0.0).then(|| over / under)
}

fn list<'a>(of: &'a Value, name: &str) -> &'a [Value] {
    of.get(name)
        .and_then(Value::as_array)
        .map_or(&[], Vec::as_slice)
}
