//! The mark above music that is written straight and swings.

use score_engine::{Swing, SwingNotes};

use super::xml::Xml;

/// Shares that differ by less are one: nobody hears it.
const ALIKE: f64 = 0.0015;

/// Two whole numbers never say a share by more parts than this.
const MOST_PARTS: u32 = 100;

/// Writes the mark, and for programs that play the sheet by how much it swings.
pub(super) fn mark(xml: &mut Xml, swing: Swing) {
    let (words, notes) = match swing.of {
        SwingNotes::Eighths => ("Swing", "eighth"),
        SwingNotes::Sixteenths => ("Swing 16ths", "16th"),
    };
    let (first, second) = parts(swing.share);
    xml.begin("direction", &[("placement", "above")]);
    xml.begin("direction-type", &[]);
    xml.text("words", words);
    xml.end();
    xml.begin("sound", &[]);
    xml.begin("swing", &[]);
    xml.text("first", first);
    xml.text("second", second);
    xml.text("swing-type", notes);
    xml.end();
    xml.end();
    xml.end();
}

/// The first note's length and the second's, as the smallest whole numbers that say the share.
fn parts(share: f64) -> (u32, u32) {
    let nearest = |all: u32| (share * f64::from(all)).round() as u32;
    let is_said = |all: &u32| (f64::from(nearest(*all)) / f64::from(*all) - share).abs() < ALIKE;
    let all = (2..MOST_PARTS).find(is_said).unwrap_or(MOST_PARTS);
    (nearest(all), all - nearest(all))
}

#[cfg(test)]
mod tests {
    use super::parts;

    #[test]
    fn a_share_is_told_in_the_smallest_whole_numbers() {
        let told = [2.0 / 3.0, 0.667, 0.75, 0.6, 0.62, 0.58].map(parts);
        assert_eq!(told[..4], [(2, 1), (2, 1), (3, 1), (3, 2)]);
        for ((first, second), share) in
            told.into_iter()
                .zip([2.0 / 3.0, 0.667, 0.75, 0.6, 0.62, 0.58])
        {
            assert!((f64::from(first) / f64::from(first + second) - share).abs() < 0.0015);
        }
        for share in 500..=750 {
            let (first, second) = parts(f64::from(share) / 1000.0);
            assert!(first >= second && second > 0);
        }
    }
}
