//! Letters of three by five dots, for names in a picture.

use super::canvas::{Canvas, Colour};

/// Dots a letter is wide and high, and pixels a dot.
const WIDTH: usize = 3;
const HEIGHT: usize = 5;
const DOT: usize = 2;

/// How high a line of text is, in pixels.
pub(crate) const LINE: usize = HEIGHT * DOT + 4;

/// Rows from the top, each three dots as a number of three bits. Names are written in capitals; `b`
/// and `m` are small too, because chords have them.
const LETTERS: [(char, [u8; HEIGHT]); 42] = [
    ('A', [2, 5, 7, 5, 5]),
    ('B', [6, 5, 6, 5, 6]),
    ('C', [3, 4, 4, 4, 3]),
    ('D', [6, 5, 5, 5, 6]),
    ('E', [7, 4, 6, 4, 7]),
    ('F', [7, 4, 6, 4, 4]),
    ('G', [3, 4, 5, 5, 3]),
    ('H', [5, 5, 7, 5, 5]),
    ('I', [7, 2, 2, 2, 7]),
    ('J', [1, 1, 1, 5, 2]),
    ('K', [5, 5, 6, 5, 5]),
    ('L', [4, 4, 4, 4, 7]),
    ('M', [5, 7, 7, 5, 5]),
    ('N', [6, 5, 5, 5, 5]),
    ('O', [2, 5, 5, 5, 2]),
    ('P', [6, 5, 6, 4, 4]),
    ('Q', [2, 5, 5, 6, 3]),
    ('R', [6, 5, 6, 5, 5]),
    ('S', [3, 4, 2, 1, 6]),
    ('T', [7, 2, 2, 2, 2]),
    ('U', [5, 5, 5, 5, 7]),
    ('V', [5, 5, 5, 5, 2]),
    ('W', [5, 5, 7, 7, 5]),
    ('X', [5, 5, 2, 5, 5]),
    ('Y', [5, 5, 2, 2, 2]),
    ('Z', [7, 1, 2, 4, 7]),
    ('0', [7, 5, 5, 5, 7]),
    ('1', [2, 6, 2, 2, 7]),
    ('2', [6, 1, 2, 4, 7]),
    ('3', [6, 1, 2, 1, 6]),
    ('4', [5, 5, 7, 1, 1]),
    ('5', [7, 4, 6, 1, 6]),
    ('6', [3, 4, 6, 5, 2]),
    ('7', [7, 1, 2, 2, 2]),
    ('8', [2, 5, 2, 5, 2]),
    ('9', [2, 5, 3, 1, 6]),
    ('#', [5, 7, 5, 7, 5]),
    ('-', [0, 0, 7, 0, 0]),
    ('_', [0, 0, 0, 0, 7]),
    ('.', [0, 0, 0, 0, 2]),
    ('b', [4, 4, 6, 5, 6]),
    ('m', [0, 0, 6, 7, 5]),
];

/// How wide `text` is, in pixels.
pub(crate) fn width(text: &str) -> usize {
    text.chars().count() * (WIDTH + 1) * DOT
}

/// Writes `text` with its upper left corner at `x`, `y`. What there is no letter for is a space.
pub(crate) fn write(canvas: &mut Canvas, text: &str, x: usize, y: usize, colour: Colour) {
    for (place, letter) in text.chars().enumerate() {
        let known = |wanted: char| LETTERS.iter().find(|(letter, _)| *letter == wanted);
        let rows = known(letter).or_else(|| known(letter.to_ascii_uppercase()));
        for (row, dots) in rows.iter().flat_map(|(_, rows)| rows.iter().enumerate()) {
            for column in (0..WIDTH).filter(|column| dots >> (WIDTH - 1 - column) & 1 == 1) {
                let left = x + (place * (WIDTH + 1) + column) * DOT;
                canvas.fill(left, y + row * DOT, DOT, DOT, colour);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_are_written_where_they_belong_and_none_beyond_the_picture() {
        let mut canvas = Canvas::new(40, 12, [0; 3]);
        write(&mut canvas, "I b long beyond it", 0, 0, [9; 3]);
        // The stem of the I, the space, and the stem of the small b.
        assert_eq!(canvas.at(2, 4), [9; 3]);
        assert_eq!(canvas.at(0, 4), [0; 3]);
        assert!((8..16).all(|x| canvas.at(x, 4) == [0; 3]));
        assert_eq!(canvas.at(16, 0), [9; 3]);
        assert_eq!(width("Am7"), 24);
    }
}
