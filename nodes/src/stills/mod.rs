//! Stills of one's own films, found by their codes: an index of them in one file.
//!
//! The file is made to be read after years, by other programs too. It begins with one line of JSON
//! (`Header`), which says where everything lies; the numbers behind it are little-endian:
//!
//! | part | of each still |
//! |---|---|
//! | codes | `dimension` numbers of 32-bit floating point |
//! | places | which film (u32), milliseconds from its beginning (u32), where its picture lies in the last part (u64), and how long it is (u32) |
//! | pictures | a JPEG |
//!
//! `sha256` is that of the codes and places, so that a file of which a part was lost is refused
//! before it is played. The films' paths count from the folder of the file, so that both can be
//! moved together.

mod indexing;
mod jpegs;
mod reading;
mod search;

use serde::{Deserialize, Serialize};

#[cfg(test)]
pub(crate) use indexing::tests::made;
#[cfg(test)]
pub(crate) use jpegs::decode;
pub(crate) use reading::header;

pub use indexing::{Indexed, Told, Wanted, index};
pub use reading::{Place, StillIndex};
pub use search::Codes;

/// The version of the format that is written, and the latest that is read.
const FORMAT: u32 = 1;

/// How the name of an index ends, without the point.
pub const ENDING: &str = "stills";

/// What the file says of itself to whoever opens it with an editor.
const WHAT: &str = "SCORE! index of stills: this line of JSON; then the latents (float32); then of each still its film \
    (u32), milliseconds (u32), where its JPEG lies among the JPEGs (u64) and its length (u32); then the JPEGs; all \
    little-endian";

/// Bytes of a still's place.
const PLACE: usize = 20;

/// The longest first line of an index that is read, in bytes.
const LONGEST_HEADER: u64 = 64 << 20;

/// The most stills that are read: 46 days, one each second.
const MOST: usize = 4_000_000;

/// The first line of an index.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Header {
    format: u32,
    what: String,
    /// The program's version.
    version: String,
    /// The picture model that has seen the stills, and the checksum of its encoder.
    pub(crate) model: String,
    encoder_sha256: String,
    /// Components of a code.
    pub(crate) dimension: usize,
    /// How many stills there are.
    pub(crate) stills: usize,
    /// Seconds between two stills of a film.
    every: f64,
    /// The width of the pictures, in pixels.
    width: u32,
    films: Vec<FilmEntry>,
    /// Bytes of all pictures.
    pictures: u64,
    /// The checksum of codes and places.
    sha256: String,
}

/// A film of an index.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct FilmEntry {
    /// From the folder of the index.
    path: String,
    /// Its length in bytes, and when it was changed last, in seconds since 1970: what has not
    /// changed is not read again.
    bytes: u64,
    modified: u64,
    /// How many stills it has.
    stills: usize,
}
