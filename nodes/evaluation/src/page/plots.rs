//! What chance gives, as a histogram with the measured figure in it.

use std::fmt::Write;

use crate::shifts::Tested;

const WIDTH: f64 = 320.0;
const HEIGHT: f64 = 130.0;
/// Where the hill stands.
const GROUND: f64 = 104.0;
const MARGIN: f64 = 14.0;
const BINS: usize = 40;

/// The histogram of what shifts give as SVG; the measured figure is green where it beats chance.
pub(super) fn hill(tested: &Tested, beats: bool) -> String {
    let all = || tested.shifted.iter().copied().chain([tested.value]);
    let low = all().fold(f64::INFINITY, f64::min);
    let high = all().fold(f64::NEG_INFINITY, f64::max);
    let span = (high - low).max(1e-9);
    let mut bins = [0_u32; BINS];
    for value in &tested.shifted {
        let bin = ((value - low) / span * BINS as f64) as usize;
        bins[bin.min(BINS - 1)] += 1;
    }
    let most = bins.iter().max().copied().unwrap_or(1).max(1);
    let wide = (WIDTH - 2.0 * MARGIN) / BINS as f64;
    let across = |value: f64| MARGIN + (value - low) / span * (WIDTH - 2.0 * MARGIN);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" \
         font-size=\"12\" fill=\"#5b6069\">"
    );
    for (index, count) in bins.iter().enumerate().filter(|(_, count)| **count > 0) {
        let tall = f64::from(*count) / f64::from(most) * (GROUND - 30.0);
        let _ = write!(
            svg,
            "<rect x=\"{:.1}\" y=\"{:.1}\" width=\"{:.1}\" height=\"{tall:.1}\" fill=\"#b9b3a5\"/>",
            MARGIN + index as f64 * wide,
            GROUND - tall,
            wide - 0.6,
        );
    }
    let (colour, at) = (
        if beats { "#2f8f5b" } else { "#c9622c" },
        across(tested.value),
    );
    // The label stays within the picture.
    let label = at.clamp(MARGIN + 14.0, WIDTH - MARGIN - 14.0);
    let _ = write!(
        svg,
        "<line x1=\"{MARGIN}\" x2=\"{:.1}\" y1=\"{GROUND}\" y2=\"{GROUND}\" stroke=\"#8a8578\"/>\
         <line x1=\"{at:.1}\" x2=\"{at:.1}\" y1=\"22\" y2=\"{GROUND}\" stroke=\"{colour}\" \
         stroke-width=\"3\"/>\
         <text x=\"{label:.1}\" y=\"16\" text-anchor=\"middle\" fill=\"{colour}\" \
         font-weight=\"bold\">{:.2}</text>\
         <text x=\"{MARGIN}\" y=\"122\">{low:.2}</text>\
         <text x=\"{:.1}\" y=\"122\" text-anchor=\"end\">{high:.2}</text></svg>",
        WIDTH - MARGIN,
        tested.value,
        WIDTH - MARGIN,
    );
    svg
}
