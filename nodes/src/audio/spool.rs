//! Sound kept in a temporary file until it is known how loud it is as a whole.

use std::fs::File;
use std::io::{BufReader, BufWriter, Read, Seek, SeekFrom, Write};
use std::path::Path;

use score_engine::NodeError;

use crate::output::folder_of;

/// Samples read back at a time, at most; every usual number of channels divides it.
const CHUNK: usize = 15_360;

/// Samples in the order in which they came. The file has no name, so nothing is left of it.
pub(crate) struct Spool {
    file: BufWriter<File>,
    samples: u64,
    bytes: Vec<u8>,
}

impl Spool {
    /// Begins in the folder of the file at `path`, where there must be room for the result anyway.
    ///
    /// # Errors
    /// The folder cannot be written to.
    pub(crate) fn beside(path: &Path) -> Result<Self, NodeError> {
        let file = tempfile::tempfile_in(folder_of(path)).map_err(full)?;
        Ok(Spool {
            file: BufWriter::new(file),
            samples: 0,
            bytes: Vec::new(),
        })
    }

    /// Keeps `samples`; what is not a number becomes silence.
    ///
    /// # Errors
    /// The disk is full.
    pub(crate) fn append(&mut self, samples: &[f32]) -> Result<(), NodeError> {
        self.bytes.clear();
        for sample in samples {
            let sample = if sample.is_finite() { *sample } else { 0.0 };
            self.bytes.extend_from_slice(&sample.to_le_bytes());
        }
        self.samples += samples.len() as u64;
        self.file.write_all(&self.bytes).map_err(full)
    }

    /// Gives everything from the beginning to `sink`, in blocks of whole frames of `channels`
    /// samples. Nothing may be appended afterwards.
    ///
    /// # Errors
    /// The disk is gone, or `sink` fails.
    pub(crate) fn read(
        &mut self,
        channels: u16,
        mut sink: impl FnMut(&[f32]) -> Result<(), NodeError>,
    ) -> Result<(), NodeError> {
        self.file.flush().map_err(full)?;
        let file = self.file.get_mut();
        file.seek(SeekFrom::Start(0)).map_err(full)?;
        let mut file = BufReader::new(file);
        let channels = usize::from(channels.max(1));
        let chunk = CHUNK.next_multiple_of(channels);
        let (mut bytes, mut samples) = (vec![0; chunk * 4], Vec::with_capacity(chunk));
        let mut left = self.samples;
        while left > 0 {
            let count = left.min(chunk as u64) as usize;
            let read = &mut bytes[..count * 4];
            file.read_exact(read).map_err(full)?;
            samples.clear();
            samples
                .extend(read.chunks_exact(4).map(|sample| {
                    f32::from_le_bytes([sample[0], sample[1], sample[2], sample[3]])
                }));
            sink(&samples)?;
            left -= count as u64;
        }
        Ok(())
    }
}

/// What a full disk says of sound that is kept for a while.
pub(super) fn full(error: std::io::Error) -> NodeError {
    NodeError::output(format!("the temporary sound cannot be kept ({error})"))
        .help("make room in the folder of the file")
        .source(error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_kept_comes_back_in_whole_frames_as_often_as_it_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let mut spool = Spool::beside(&folder.path().join("a.wav")).unwrap();
        let mut sound: Vec<f32> = (0..70_000).map(|n| n as f32).collect();
        spool.append(&sound[..30_001]).unwrap();
        spool.append(&[f32::NAN]).unwrap();
        spool.append(&sound[30_002..]).unwrap();
        sound[30_001] = 0.0;
        for _ in 0..2 {
            let mut back = Vec::new();
            spool
                .read(7, |samples| {
                    assert_eq!(samples.len() % 7, 0);
                    back.extend_from_slice(samples);
                    Ok(())
                })
                .unwrap();
            assert_eq!(back, sound);
        }
        assert_eq!(folder.path().read_dir().unwrap().count(), 0);
    }
}
