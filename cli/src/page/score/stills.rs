//! Stills of the picture, in bounded memory.

use std::collections::VecDeque;

use axum::body::Bytes;
use score_engine::Picture;

use super::super::hub::picture_message;
use super::LASTS;

/// The widest still, and the widest on the strip, in pixels.
pub(super) const WIDTH: u32 = 160;
const SMALL: u32 = 64;

/// From still to still, in seconds; a cut has one of its own, though not sooner than the other.
const EVERY: f64 = 2.0;
const SOONEST: f64 = 0.4;

/// Bytes of all stills.
const MOST_BYTES: usize = 6 << 20;

/// The stills of the last minutes.
#[derive(Default)]
pub(super) struct Stills {
    kept: VecDeque<Still>,
    next: u32,
    bytes: usize,
    taken: Option<f64>,
}

struct Still {
    number: u32,
    time: f64,
    /// As messages for pages.
    small: Bytes,
    large: Bytes,
}

impl Still {
    fn bytes(&self) -> usize {
        self.small.len() + self.large.len()
    }
}

impl Stills {
    /// Whether it is time for another; `cut`: the picture is a new one.
    pub(super) fn is_due(&self, now: f64, cut: bool) -> bool {
        let wait = if cut { SOONEST } else { EVERY };
        self.taken.is_none_or(|taken| now - taken >= wait)
    }

    /// Keeps a picture that is shown in this shape; gives its number.
    pub(super) fn keep(&mut self, now: f64, picture: &Picture, shape: u16) -> u32 {
        let number = self.next;
        self.next = self.next.wrapping_add(1);
        self.taken = Some(now);
        let name = format!("still:{number}");
        let still = Still {
            number,
            time: now,
            small: picture_message(&name, (&shrunk(picture, SMALL), shape), false),
            large: picture_message(&name, (picture, shape), true),
        };
        self.bytes += still.bytes();
        self.kept.push_back(still);
        while self.bytes > MOST_BYTES {
            self.drop_first();
        }
        number
    }

    fn drop_first(&mut self) {
        if let Some(still) = self.kept.pop_front() {
            self.bytes -= still.bytes();
        }
    }

    /// Forgets what is too long ago.
    pub(super) fn forget(&mut self, now: f64) {
        while self
            .kept
            .front()
            .is_some_and(|still| still.time < now - LASTS)
        {
            self.drop_first();
        }
    }

    /// The number of the one that comes next.
    pub(super) fn next(&self) -> u32 {
        self.next
    }

    /// Those that are kept from `number` on, as small ones.
    pub(super) fn since(&self, number: u32) -> Vec<Bytes> {
        let kept = self.kept.iter().filter(|still| still.number >= number);
        kept.map(|still| still.small.clone()).collect()
    }

    /// One of them, large.
    pub(super) fn large(&self, number: u32) -> Option<Bytes> {
        let mut kept = self.kept.iter();
        let still = kept.find(|still| still.number == number)?;
        Some(still.large.clone())
    }
}

/// The picture at most `width` wide; each pixel is the mean of those that it stands for.
fn shrunk(picture: &Picture, width: u32) -> Picture {
    let by = picture.width.div_ceil(width).max(1);
    if by == 1 {
        return picture.clone();
    }
    let (width, height) = (picture.width / by, (picture.height / by).max(1));
    let mut pixels = Vec::with_capacity(width as usize * height as usize * 3);
    for y in 0..height {
        for x in 0..width {
            for channel in 0..3 {
                let all = (0..by).flat_map(|dy| (0..by).map(move |dx| (dx, dy)));
                let at = all.filter_map(|(dx, dy)| {
                    let row = (y * by + dy) as usize * picture.width as usize;
                    let place = (row + (x * by + dx) as usize) * 3 + channel;
                    picture.pixels.get(place).map(|value| u32::from(*value))
                });
                let (sum, count) = at.fold((0, 0), |(sum, count), value| (sum + value, count + 1));
                pixels.push((sum / count.max(1)) as u8);
            }
        }
    }
    Picture {
        width,
        height,
        pixels,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn picture(width: u32, height: u32) -> Picture {
        Picture {
            width,
            height,
            pixels: vec![9; (width * height * 3) as usize],
        }
    }

    #[test]
    fn a_still_is_kept_small_and_large_and_all_of_them_fit_into_their_room() {
        let mut stills = Stills::default();
        for second in 0..1_000 {
            let number = stills.keep(f64::from(second) / 100.0, &picture(160, 90), 0);
            assert_eq!(stills.since(number).len(), 1);
        }
        assert!(stills.bytes <= MOST_BYTES && stills.bytes > MOST_BYTES - 100_000);
        assert!(
            stills
                .large(999)
                .is_some_and(|large| large.len() > 160 * 90 * 3)
        );
        assert_eq!(stills.large(0), None);
        stills.forget(1_000.0);
        assert_eq!((stills.bytes, stills.since(0).len()), (0, 0));
    }

    #[test]
    fn a_still_comes_every_two_seconds_and_with_a_cut() {
        let mut stills = Stills::default();
        assert!(stills.is_due(0.0, false));
        stills.keep(0.0, &picture(2, 2), 0);
        assert!(!stills.is_due(1.0, false) && stills.is_due(1.0, true));
        assert!(stills.is_due(2.0, false) && !stills.is_due(0.2, true));
    }

    #[test]
    fn a_still_keeps_the_shape_of_its_film_small_and_large() {
        let mut stills = Stills::default();
        let number = stills.keep(0.0, &picture(64, 64), 1_778);
        let shape = |message: &Bytes| {
            let at = 1 + usize::from(message[0]) + 1 + 4;
            u16::from_le_bytes([message[at], message[at + 1]])
        };
        let small = stills.since(number);
        let large = stills.large(number);
        let both: Vec<u16> = small.iter().chain(&large).map(shape).collect();
        assert_eq!(both, [1_778, 1_778]);
    }

    #[test]
    fn a_shrunk_picture_has_the_mean_of_its_pixels() {
        let mut wide = picture(128, 2);
        for pixel in wide.pixels.chunks_exact_mut(6) {
            pixel[..3].fill(1);
        }
        let small = shrunk(&wide, SMALL);
        assert_eq!((small.width, small.height), (64, 1));
        assert!(small.pixels.iter().all(|value| *value == 5));
        for (width, height) in [(1, 1), (65, 3), (160, 1), (3, 500)] {
            let small = shrunk(&picture(width, height), SMALL);
            let size = (small.width * small.height * 3) as usize;
            assert!(small.width <= SMALL && small.pixels.len() == size);
        }
    }
}
