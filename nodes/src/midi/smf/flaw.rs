//! What is wrong with a file, and where.

use std::fmt;

/// At most this many flaws of a file are listed; the others are counted.
const TOLD: usize = 20;

/// Something that is wrong with a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Flaw {
    /// The track, counted from 1; 0: none.
    track: usize,
    /// The byte in the file, counted from 0.
    byte: usize,
    what: String,
}

impl fmt::Display for Flaw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.track > 0 {
            write!(f, "track {}, ", self.track)?;
        }
        write!(f, "byte {}: {}", self.byte, self.what)
    }
}

/// Everything that is wrong with a file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Flaws {
    told: Vec<Flaw>,
    count: usize,
}

impl Flaws {
    pub(super) fn add(&mut self, track: usize, byte: usize, what: String) {
        self.count += 1;
        if self.told.len() < TOLD {
            self.told.push(Flaw { track, byte, what });
        }
    }

    /// Whether the file is as the format says.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }
}

/// One flaw after another; the last says how many more there are.
impl fmt::Display for Flaws {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, flaw) in self.told.iter().enumerate() {
            let between = if index > 0 { "; " } else { "" };
            write!(f, "{between}{flaw}")?;
        }
        match self.count - self.told.len() {
            0 => Ok(()),
            more => write!(f, "; and {more} more"),
        }
    }
}
