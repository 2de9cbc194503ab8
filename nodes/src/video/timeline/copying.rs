//! Whether a film's pictures can be copied into another file and keep their times.

use std::path::Path;

use score_engine::NodeError;
use serde_json::Value;

use super::{Contents, list};
use crate::video::ffmpeg::ask;
use crate::video::picture_choice;

/// Packets that are looked at: several groups of pictures with B-frames.
const PACKETS: &str = "%+#100";

/// Pictures of these packets that the decoder may still hold back.
const HELD_BACK: usize = 24;

/// How a film's pictures come into another file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Picture {
    /// As they are.
    Copied,
    /// As they are, with the times that ffmpeg makes of the order in which they lie in the file.
    CopiedInOrder,
    /// Encoded: the file does not say when they are shown, only in which order they are decoded.
    Encoded,
}

impl Picture {
    /// How the pictures of `stream`, of the file at `path`, keep their times. AVI and raw streams
    /// do not say when pictures are shown; where B-frames make that another order than the
    /// file's, a copy would show them at wrong times.
    ///
    /// # Errors
    /// ffprobe is missing.
    pub(crate) fn of(path: &Path, contents: &Contents, stream: &Value) -> Result<Self, NodeError> {
        let reordered = stream.get("has_b_frames").and_then(Value::as_u64) != Some(0);
        if !reordered || !contents.is_timeless(stream) {
            return Ok(Picture::Copied);
        }
        let index = picture_choice::index(stream).unwrap_or(0).to_string();
        let mut arguments = vec!["-fflags", "+genpts", "-select_streams", &index];
        arguments.extend(["-read_intervals", PACKETS]);
        let entries = "packet=pts_time:frame=best_effort_timestamp_time";
        let answer = ask(path, "a film", &arguments, entries)?;
        // Which of the two is asked for makes one list of both.
        let all = || list(&answer, "packets_and_frames").iter();
        let time = |of: &Value, name: &str| of.get(name)?.as_str().map(str::to_owned);
        let shown: Vec<String> = all()
            .filter_map(|frame| time(frame, "best_effort_timestamp_time"))
            .collect();
        let mut written: Vec<String> = all()
            .filter_map(|packet| time(packet, "pts_time"))
            .collect();
        written.sort_by(|one, other| seconds(one).total_cmp(&seconds(other)));
        let sure = shown.len().saturating_sub(HELD_BACK).max(1);
        let agree = written.get(..sure) == shown.get(..sure);
        Ok(if agree {
            Picture::CopiedInOrder
        } else {
            Picture::Encoded
        })
    }
}

fn seconds(text: &str) -> f64 {
    text.parse().unwrap_or(f64::MAX)
}
