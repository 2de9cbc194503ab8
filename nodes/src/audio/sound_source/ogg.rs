//! The links of an Ogg file: sounds that were put one after another, as a radio station's songs
//! are.

use std::collections::BTreeSet;
use std::io::{self, Read, Seek};
use std::ops::Range;

use super::contents::Look;

/// A page's fixed header.
const HEADER: usize = 27;

/// Bytes that are searched for a page at a time.
const SEARCHED: usize = 4096;

/// One link.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Link {
    /// Where it lies in the file.
    pub(super) place: Range<u64>,
    /// The streams whose last page is there.
    pub(super) ended: BTreeSet<u32>,
}

/// Finds the links of a file.
///
/// # Errors
/// It cannot be read.
pub(super) fn links(file: impl Read + Seek) -> io::Result<Vec<Link>> {
    let mut look = Look::new(file);
    let mut links: Vec<Link> = Vec::new();
    let mut at = 0;
    let mut was_first = false;
    while let Some(place) = search(&mut look, at)? {
        let (header, known) = look.bytes::<HEADER>(place)?;
        let mut lengths = vec![0; usize::from(header[26])];
        if known < HEADER || look.fill(place + HEADER as u64, &mut lengths)? < lengths.len() {
            break;
        }
        let body: u64 = lengths.iter().map(|length| u64::from(*length)).sum();
        let end = place + (HEADER + lengths.len()) as u64 + body;
        let is_first = header[5] & 2 != 0;
        // The first pages of all streams of a link stand together.
        if links.is_empty() || (is_first && !was_first) {
            links.push(Link {
                place: place..place,
                ..Link::default()
            });
        }
        was_first = is_first;
        let is_there = look.bytes::<1>(end.saturating_sub(1))?.1 == 1;
        if let Some(link) = links.last_mut() {
            // An incomplete page does not count.
            link.place.end = if is_there { end } else { place };
            if header[5] & 4 != 0 && is_there {
                let serial = [header[14], header[15], header[16], header[17]];
                link.ended.insert(u32::from_le_bytes(serial));
            }
        }
        if !is_there {
            break;
        }
        at = end;
    }
    Ok(links)
}

/// Where the next page begins, from `from` on.
fn search(look: &mut Look<impl Read + Seek>, from: u64) -> io::Result<Option<u64>> {
    let mut window = [0; SEARCHED];
    let mut start = from;
    loop {
        let known = look.fill(start, &mut window)?;
        let found = window[..known]
            .windows(5)
            .position(|bytes| bytes == b"OggS\0");
        match found {
            Some(offset) => return Ok(Some(start + offset as u64)),
            None if known < SEARCHED => return Ok(None),
            None => start += (SEARCHED - 4) as u64,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A page of stream `serial` with these flags and 300 bytes.
    fn page(serial: u8, flags: u8) -> Vec<u8> {
        let mut page = vec![0; HEADER];
        page[..6].copy_from_slice(&[b'O', b'g', b'g', b'S', 0, flags]);
        page[14] = serial;
        page[26] = 2;
        page.extend([255, 45]);
        page.extend([7; 300]);
        page
    }

    fn found(pages: &[Vec<u8>]) -> Vec<(Range<u64>, Vec<u32>)> {
        let links = links(io::Cursor::new(pages.concat())).unwrap();
        links
            .into_iter()
            .map(|link| (link.place, link.ended.into_iter().collect()))
            .collect()
    }

    #[test]
    fn links_are_parted_where_a_first_page_follows_another_page() {
        let one = [page(1, 2), page(2, 2), page(1, 0), page(2, 4), page(1, 4)];
        let size = one.concat().len() as u64;
        assert_eq!(found(&one), [(0..size, vec![1, 2])]);
        // Streams of the same number, as of a file that was copied behind itself.
        let both = [one.clone(), one].concat();
        let second = (size..2 * size, vec![1, 2]);
        assert_eq!(found(&both), [(0..size, vec![1, 2]), second]);
    }

    #[test]
    fn a_link_that_breaks_off_has_no_end_and_rubbish_is_passed_over() {
        let mut cut = [page(1, 2), b"rubbish".to_vec(), page(1, 0), page(1, 4)].concat();
        cut.pop();
        let links = links(io::Cursor::new(cut)).unwrap();
        assert_eq!((links.len(), links[0].ended.len()), (1, 0));
        assert_eq!(found(&[b"once upon a time".to_vec()]), []);
    }
}
