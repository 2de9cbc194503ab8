//! A stream on which two ends greet each other: the whole greeting has one deadline, so that an end
//! that says a byte now and then does not hold the door.

use std::io::{self, ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

/// How long a connection may take to come about, and then the greeting with its proofs.
pub(super) const MEETING: Duration = Duration::from_secs(3);

/// Reads and writes until a deadline.
pub(super) struct Meeting<'a> {
    stream: &'a TcpStream,
    until: Instant,
    limit: Duration,
}

impl<'a> Meeting<'a> {
    /// Begins a greeting that may take [`MEETING`].
    ///
    /// # Errors
    /// The system refuses.
    pub(super) fn begin(stream: &'a TcpStream) -> io::Result<Self> {
        Self::within(stream, MEETING)
    }

    fn within(stream: &'a TcpStream, limit: Duration) -> io::Result<Self> {
        stream.set_nodelay(true)?;
        Ok(Meeting {
            stream,
            until: Instant::now() + limit,
            limit,
        })
    }

    /// How long one call may still wait.
    fn left(&self) -> io::Result<Duration> {
        let left = self.until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(self.late());
        }
        Ok(left)
    }

    fn late(&self) -> io::Error {
        let why = format!("no greeting within {} s", self.limit.as_secs_f64());
        io::Error::new(ErrorKind::TimedOut, why)
    }

    /// What a call has come to, an end of its time in our words.
    fn done<T>(&self, result: io::Result<T>) -> io::Result<T> {
        result.map_err(|why| match why.kind() {
            ErrorKind::WouldBlock | ErrorKind::TimedOut => self.late(),
            _ => why,
        })
    }
}

impl Read for Meeting<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        self.stream.set_read_timeout(Some(self.left()?))?;
        let read = self.stream.read(into);
        self.done(read)
    }
}

impl Write for Meeting<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.stream.set_write_timeout(Some(self.left()?))?;
        let written = self.stream.write(bytes);
        self.done(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.stream.flush()
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;
    use std::sync::Barrier;

    use super::super::handshake::{Refusal, answer};
    use super::*;

    /// Its bytes come often enough for a limit of each call, and the greeting never ends in time.
    #[test]
    fn a_caller_that_drips_bytes_does_not_hold_the_door() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let mut out = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (into, _) = listener.accept().unwrap();
        let together = Barrier::new(2);
        std::thread::scope(|scope| {
            let caller = &together;
            scope.spawn(move || {
                let greeting = [&b"SCOREN\0\x01"[..], &[7; 72]].concat();
                caller.wait();
                for byte in greeting {
                    if out.write_all(&[byte]).is_err() {
                        return;
                    }
                    std::thread::sleep(Duration::from_millis(10));
                }
            });
            // Begun first: however late this thread goes on, its time is over before the bytes are.
            let mut meeting = Meeting::within(&into, Duration::from_millis(100)).unwrap();
            together.wait();
            let met = answer(&mut meeting, None, |_| Ok(()));
            assert!(
                matches!(&met, Err(Refusal::Broken(why)) if why.kind() == ErrorKind::TimedOut),
                "{met:?}"
            );
            drop(into);
        });
    }
}
