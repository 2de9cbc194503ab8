//! The mark of texts: a remark at their end.

use std::fs::File;
use std::io::{self, Seek, SeekFrom, Write};

use super::{Found, Mark, Piece, last_opening, tail};

/// What surrounds a remark.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Remark {
    begin: &'static [u8],
    end: &'static [u8],
}

/// Of pages and of XML, sheet music among it.
pub(super) const MARKUP: Remark = Remark {
    begin: b"<!-- ",
    end: b" -->\n",
};

/// Of chords written down.
pub(super) const CHORDS: Remark = Remark {
    begin: b"# ",
    end: b"\n",
};

/// Of words of one's own.
pub(super) const NAMES: Remark = Remark {
    begin: b"// ",
    end: b"\n",
};

/// Of pages in PDF, whose readers look for the end of the file among its last thousand bytes.
pub(super) const PDF: Remark = Remark {
    begin: b"% ",
    end: b"\n",
};

impl Remark {
    pub(super) fn put(self, file: &mut File, text: &[u8]) -> io::Result<bool> {
        file.seek(SeekFrom::End(0))?;
        file.write_all(&[self.begin, text, self.end].concat())?;
        Ok(true)
    }

    pub(super) fn find(self, file: &mut File) -> io::Result<Option<Found>> {
        let (from, tail) = tail(file)?;
        let found = last_opening(&tail).and_then(|text| {
            let start = text.checked_sub(self.begin.len())?;
            let is_last = tail[start..text] == *self.begin && tail.ends_with(self.end);
            is_last.then_some(())?;
            Some(Found {
                mark: Mark::parse(tail[text..].strip_suffix(self.end)?)?,
                rest: vec![Piece::Kept(0..from + start as u64)],
            })
        });
        Ok(found)
    }
}
