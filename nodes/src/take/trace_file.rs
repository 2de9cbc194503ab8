//! The file of traces: frames of bytes, each with its length and a checksum, so that a file that was
//! cut off anywhere is read up to there.

use std::io::{self, BufRead, BufReader, Read};

use score_engine::trace::{TraceChunk, TraceReader, TraceWriter, checksum};

/// What the file begins with: its format and the format's version.
pub(crate) const MAGIC: &[u8; 8] = b"SCORETR1";

/// The longest frame that is read: a chunk has some kilobytes, rarely more.
const LONGEST: usize = 1 << 24;

/// A chunk of a trace, framed.
pub(crate) fn frame(chunk: &TraceChunk) -> Vec<u8> {
    let mut writer = TraceWriter::new();
    writer.number(chunk.trace);
    writer.number(chunk.number);
    let mut content = writer.take();
    content.extend_from_slice(&chunk.bytes);
    let mut frame = Vec::with_capacity(content.len() + 8);
    frame.extend_from_slice(&(content.len() as u32).to_le_bytes());
    frame.extend_from_slice(&checksum(&content).to_le_bytes());
    frame.append(&mut content);
    frame
}

/// The chunks in a file of traces, up to where it is whole.
pub struct Frames<R> {
    file: BufReader<R>,
    /// Bytes that were whole.
    read: u64,
    is_over: bool,
    cut: Option<u64>,
}

impl<R: Read> Frames<R> {
    /// Reads a file from its beginning; `None`: it is not a file of traces, or of another version.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn open(file: R) -> io::Result<Option<Self>> {
        let mut file = BufReader::new(file);
        let mut magic = Vec::new();
        (&mut file)
            .take(MAGIC.len() as u64)
            .read_to_end(&mut magic)?;
        Ok((magic == MAGIC).then_some(Frames {
            file,
            read: MAGIC.len() as u64,
            is_over: false,
            cut: None,
        }))
    }

    /// From which byte on the file is not whole, once all was read.
    pub fn cut(&self) -> Option<u64> {
        self.cut
    }

    /// The next frame; `None`: what follows is not whole.
    fn frame(&mut self) -> io::Result<Option<TraceChunk>> {
        let mut head = [0; 8];
        if !fill(&mut self.file, &mut head)? {
            return Ok(None);
        }
        let ([l0, l1, l2, l3, s0, s1, s2, s3], mut content) = (head, Vec::new());
        let length = u32::from_le_bytes([l0, l1, l2, l3]);
        if length as usize > LONGEST {
            return Ok(None);
        }
        let wanted = u64::from(length);
        (&mut self.file).take(wanted).read_to_end(&mut content)?;
        if content.len() as u64 != wanted
            || checksum(&content) != u32::from_le_bytes([s0, s1, s2, s3])
        {
            return Ok(None);
        }
        let mut reader = TraceReader::new(&content);
        let (Some(trace), Some(number)) = (reader.number(), reader.number()) else {
            return Ok(None);
        };
        let start = content.len() - reader.len();
        content.drain(..start);
        self.read += 8 + wanted;
        Ok(Some(TraceChunk {
            trace,
            number,
            bytes: content,
        }))
    }
}

/// Reads as many bytes as there are room for; `false`: there were fewer.
fn fill(file: &mut impl Read, bytes: &mut [u8]) -> io::Result<bool> {
    match file.read_exact(bytes) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(false),
        Err(error) => Err(error),
    }
}

impl<R: Read> Iterator for Frames<R> {
    type Item = io::Result<TraceChunk>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.is_over {
            return None;
        }
        match self.file.fill_buf().map(<[u8]>::is_empty) {
            Ok(true) => {
                self.is_over = true;
                return None;
            }
            Ok(false) => {}
            Err(error) => {
                self.is_over = true;
                return Some(Err(error));
            }
        }
        match self.frame() {
            Ok(Some(chunk)) => Some(Ok(chunk)),
            Ok(None) => {
                self.is_over = true;
                self.cut = Some(self.read);
                None
            }
            Err(error) => {
                self.is_over = true;
                Some(Err(error))
            }
        }
    }
}
