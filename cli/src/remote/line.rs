//! Reads and writes lines through a socket, each within a time and a size.

use std::io::{self, ErrorKind, Read, Write};
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

/// What came.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Line {
    /// A line, without its end. The last may lack it.
    Whole(Vec<u8>),
    /// One that is longer than may be.
    TooLong,
    /// Nothing more will come.
    End,
}

/// The lines that come through a socket.
pub(super) struct Lines<'a> {
    stream: &'a UnixStream,
    most: usize,
    /// What has come and is not read yet.
    come: Vec<u8>,
    /// How much of it has no line's end.
    looked_at: usize,
}

impl<'a> Lines<'a> {
    /// Lines of at most `most` bytes, their ends among them.
    pub(super) fn new(stream: &'a UnixStream, most: usize) -> Self {
        Lines {
            stream,
            most,
            come: Vec::new(),
            looked_at: 0,
        }
    }

    /// The next line.
    ///
    /// # Errors
    /// It did not come whole before `deadline`, or the socket fails.
    pub(super) fn next(&mut self, deadline: Instant) -> io::Result<Line> {
        loop {
            let rest = &self.come[self.looked_at..];
            if let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
                let end = self.looked_at + end;
                let mut line: Vec<u8> = self.come.drain(..=end).collect();
                line.pop();
                self.looked_at = 0;
                return Ok(Line::Whole(line));
            }
            self.looked_at = self.come.len();
            if self.come.len() >= self.most {
                return Ok(Line::TooLong);
            }
            let mut more = [0; 4096];
            let room = more.len().min(self.most - self.come.len());
            self.stream.set_read_timeout(Some(until(deadline)?))?;
            match self.stream.read(&mut more[..room]) {
                Ok(0) if self.come.is_empty() => return Ok(Line::End),
                Ok(0) => {
                    self.looked_at = 0;
                    return Ok(Line::Whole(std::mem::take(&mut self.come)));
                }
                Ok(count) => self.come.extend_from_slice(&more[..count]),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }
}

/// Writes all of `text` before `deadline`.
///
/// # Errors
/// It takes longer, or the socket fails.
pub(super) fn write(mut stream: &UnixStream, text: &str, deadline: Instant) -> io::Result<()> {
    let mut rest = text.as_bytes();
    while !rest.is_empty() {
        stream.set_write_timeout(Some(until(deadline)?))?;
        match stream.write(rest) {
            Ok(0) => return Err(ErrorKind::WriteZero.into()),
            Ok(count) => rest = &rest[count..],
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// The time until `deadline`.
fn until(deadline: Instant) -> io::Result<Duration> {
    match deadline.saturating_duration_since(Instant::now()) {
        Duration::ZERO => Err(ErrorKind::TimedOut.into()),
        left => Ok(left),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn soon() -> Instant {
        Instant::now() + Duration::from_secs(20)
    }

    #[test]
    fn lines_come_whole_however_they_are_cut_and_the_last_needs_no_end() {
        let (mut there, here) = UnixStream::pair().unwrap();
        let mut lines = Lines::new(&here, 100);
        there.write_all(b"one\ntwo\n\nthr").unwrap();
        assert_eq!(lines.next(soon()).unwrap(), Line::Whole(b"one".to_vec()));
        assert_eq!(lines.next(soon()).unwrap(), Line::Whole(b"two".to_vec()));
        assert_eq!(lines.next(soon()).unwrap(), Line::Whole(Vec::new()));
        there.write_all(b"ee").unwrap();
        drop(there);
        assert_eq!(lines.next(soon()).unwrap(), Line::Whole(b"three".to_vec()));
        assert_eq!(lines.next(soon()).unwrap(), Line::End);
    }

    #[test]
    fn a_line_that_is_too_long_is_not_kept_and_one_of_just_that_length_is() {
        let (mut there, here) = UnixStream::pair().unwrap();
        let mut lines = Lines::new(&here, 8);
        there.write_all(b"1234567\n12345678\n").unwrap();
        assert_eq!(
            lines.next(soon()).unwrap(),
            Line::Whole(b"1234567".to_vec())
        );
        assert_eq!(lines.next(soon()).unwrap(), Line::TooLong);
        assert!(lines.come.len() <= 8);
    }

    #[test]
    fn bytes_that_trickle_do_not_move_the_deadline() {
        let (mut there, here) = UnixStream::pair().unwrap();
        let trickle = std::thread::spawn(move || {
            while there.write_all(b"x").is_ok() {
                std::thread::sleep(Duration::from_millis(5));
            }
        });
        let begun = Instant::now();
        let mut lines = Lines::new(&here, 1 << 20);
        assert!(lines.next(begun + Duration::from_millis(100)).is_err());
        assert!(begun.elapsed() < Duration::from_secs(10));
        drop(here);
        trickle.join().unwrap();
    }

    #[test]
    fn nobody_who_does_not_read_is_waited_for() {
        let (there, here) = UnixStream::pair().unwrap();
        let long = "x".repeat(16 << 20);
        let begun = Instant::now();
        assert!(write(&here, &long, begun + Duration::from_millis(100)).is_err());
        assert!(begun.elapsed() < Duration::from_secs(10));
        drop(there);
    }
}
