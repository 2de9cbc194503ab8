//! Where the packets of a file end: read one after the other, since a film of hours has a million.

use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::Stdio;

use score_engine::NodeError;

use crate::video::ffmpeg::{Running, question, refusal, start};

/// Where packets end.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Ends {
    /// Where the last one does, as the container counts, in seconds; `None`: none says when it is.
    pub(super) last: Option<f64>,
    /// How long all of them last together, in seconds.
    pub(super) together: f64,
}

impl Ends {
    /// Notes a packet, by what ffprobe prints of it: `0.2,0.0,0.1`, `N/A` for what it does not
    /// know.
    fn note(&mut self, line: &str) {
        let mut fields = line
            .trim()
            .split(',')
            .map(|field| field.parse::<f64>().ok());
        let mut next = || fields.next().flatten();
        let (shown, decoded, lasts) = (next(), next(), next());
        let lasts = lasts.unwrap_or(0.0);
        self.together += lasts;
        if let Some(begins) = shown.or(decoded) {
            let end = begins + lasts;
            self.last = Some(self.last.map_or(end, |last| last.max(end)));
        }
    }
}

/// Where the packets of the file at `path` end, which ought to be `what`; `arguments` say which of
/// them. Nothing but the line of one is held at a time.
///
/// # Errors
/// ffprobe is missing, cannot read the file, or was stopped.
pub(super) fn read(
    path: &Path,
    what: &str,
    arguments: &[&str],
    is_stopped: impl Fn() -> bool,
) -> Result<Ends, NodeError> {
    let mut command = question(path, arguments, "packet=pts_time,dts_time,duration_time");
    // What comes last holds.
    command.args(["-of", "csv=p=0"]);
    let mut probe = Running(start("ffprobe", Stdio::null(), &mut command)?);
    let (Some(lines), Some(mut stderr)) = (probe.0.stdout.take(), probe.0.stderr.take()) else {
        return Err(NodeError::internal("ffprobe was started without its pipes"));
    };
    // This thread ends with ffprobe, which closes its pipes.
    let listener = std::thread::spawn(move || {
        let mut said = Vec::new();
        // What cannot be read is not said.
        let _ = stderr.read_to_end(&mut said);
        said
    });
    let mut ends = Ends::default();
    for line in BufReader::new(lines).lines().map_while(Result::ok) {
        if is_stopped() {
            return Err(NodeError::output("stopped"));
        }
        ends.note(&line);
    }
    let status = probe.0.wait().map_err(|error| {
        NodeError::input(format!("`{}` cannot be probed ({error})", path.display()))
    })?;
    match status.success() {
        true => Ok(ends),
        false => Err(refusal(path, what, &listener.join().unwrap_or_default())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::ffmpeg;

    #[test]
    fn the_last_end_is_known_in_whatever_order_packets_come_and_lengths_where_none_has_a_time() {
        let of = |lines: &[&str]| {
            let mut ends = Ends::default();
            lines.iter().for_each(|line| ends.note(line));
            ends
        };
        let told = of(&["0.5,0.0,0.25", "1.0,N/A,0.25,", "", "N/A,0.75,0.25"]);
        assert_eq!((told.last, told.together), (Some(1.25), 0.75));
        let told = of(&["N/A,N/A,0.5", "N/A,N/A,0.5"]);
        assert_eq!((told.last, told.together), (None, 1.0));
    }

    #[test]
    fn reading_a_film_to_its_end_is_stopped_and_a_file_that_is_none_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let film = folder.path().join("a.mkv");
        let source = "testsrc2=size=64x48:rate=10:duration=2";
        ffmpeg(folder.path(), &["-f", "lavfi", "-i", source, "a.mkv"]);
        let end = read(&film, "a film", &[], || false).unwrap().last.unwrap();
        assert!((end - 2.0).abs() < 0.01, "{end}");
        assert!(read(&film, "a film", &[], || true).is_err());
        std::fs::write(&film, "no film").unwrap();
        let why = read(&film, "a film", &[], || false).unwrap_err();
        assert!(why.to_string().contains("is not a film"), "{why}");
    }
}
