//! The film in rows of stills, with the notes over them and the curves of change below.

use std::fmt::Write;

use score_engine::Frame;

use super::Page;
use crate::base64;

const WIDTH: f64 = 1000.0;
/// Stills in a row.
const STILLS: usize = 10;
const STILL_HEIGHT: f64 = 56.0;
/// The notes' part of a row.
const NOTES: (f64, f64) = (64.0, 150.0);
/// The curves' part.
const CURVES: (f64, f64) = (164.0, 214.0);
const HEIGHT: f64 = 230.0;
/// The shortest time of a row, in seconds.
const SHORTEST: f64 = 20.0;
/// The most rows of a page.
const MOST_ROWS: f64 = 30.0;

/// The whole film, row by row.
pub(super) fn rows(page: &Page<'_>) -> String {
    let seconds = page.report.seconds.max(1.0);
    // Whole tens of seconds, so that the times below are whole too.
    let row = SHORTEST.max((seconds / MOST_ROWS / 10.0).ceil() * 10.0);
    let count = (seconds / row).ceil() as usize;
    (0..count)
        .map(|index| Row::new(page, index as f64 * row, row).svg())
        .collect()
}

struct Row<'a> {
    page: &'a Page<'a>,
    from: f64,
    to: f64,
    svg: String,
}

impl<'a> Row<'a> {
    fn new(page: &'a Page<'a>, from: f64, seconds: f64) -> Self {
        Row {
            page,
            from,
            to: from + seconds,
            svg: format!(
                "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"row\" viewBox=\"0 0 {WIDTH} \
                 {HEIGHT}\" role=\"img\" font-size=\"12\" fill=\"#5b6069\">"
            ),
        }
    }

    fn across(&self, time: f64) -> f64 {
        (time - self.from) / (self.to - self.from) * WIDTH
    }

    fn shows(&self, time: f64) -> bool {
        self.from <= time && time < self.to
    }

    fn svg(mut self) -> String {
        self.stills();
        self.bars();
        self.theme();
        self.notes();
        self.curves();
        self.marks();
        self.svg.push_str("</svg>\n");
        self.svg
    }

    fn stills(&mut self) {
        let wide = WIDTH / STILLS as f64;
        for index in 0..STILLS {
            let time = self.from + (index as f64 + 0.5) / STILLS as f64 * (self.to - self.from);
            if time >= self.page.report.seconds {
                break;
            }
            let stills = self.page.stills;
            let after = stills.partition_point(|(at, _)| *at <= time);
            let Some((_, frame)) = stills.get(after.saturating_sub(1)) else {
                continue;
            };
            if let Some(picture) = data(frame) {
                let _ = write!(
                    self.svg,
                    "<image x=\"{:.1}\" y=\"0\" width=\"{wide:.1}\" height=\"{STILL_HEIGHT}\" \
                     preserveAspectRatio=\"none\" href=\"{picture}\"/>",
                    index as f64 * wide,
                );
            }
        }
    }

    /// Fine lines where bars begin, and the time.
    fn bars(&mut self) {
        let bar = self.page.report.bar;
        let mut number = (self.from / bar).ceil();
        while number * bar < self.to.min(self.page.report.seconds) {
            let at = self.across(number * bar);
            let _ = write!(
                self.svg,
                "<line x1=\"{at:.1}\" x2=\"{at:.1}\" y1=\"{}\" y2=\"{}\" stroke=\"#e6e2d9\"/>",
                NOTES.0, CURVES.1
            );
            number += 1.0;
        }
        for index in 0..STILLS {
            let time = self.from + index as f64 / STILLS as f64 * (self.to - self.from);
            if time >= self.page.report.seconds {
                break;
            }
            let _ = write!(
                self.svg,
                "<text x=\"{:.1}\" y=\"227\">{}:{:02}</text>",
                self.across(time) + 2.0,
                (time / 60.0) as u64,
                (time % 60.0) as u64
            );
        }
    }

    /// A band over the bars of the theme.
    fn theme(&mut self) {
        let music = self.page.music;
        for from in &music.theme {
            let (from, to) = (from.max(self.from), (from + music.theme_lasts).min(self.to));
            if from < to {
                let (start, end) = (self.across(from), self.across(to));
                let _ = write!(
                    self.svg,
                    "<rect x=\"{start:.1}\" y=\"{}\" width=\"{:.1}\" height=\"5\" \
                     fill=\"#2f8f5b\"/>",
                    NOTES.0 - 6.0,
                    (end - start - 1.0).max(1.0)
                );
            }
        }
    }

    fn notes(&mut self) {
        let pitches = || {
            let tuned = self.page.notes.iter().filter(|note| !note.drum);
            tuned.map(|note| f64::from(note.pitch))
        };
        let low = pitches().fold(127.0, f64::min) - 2.0;
        let high = pitches().fold(0.0, f64::max) + 2.0;
        let (top, bottom) = NOTES;
        let step = (bottom - top) / (high - low).max(12.0);
        let tall = step.clamp(2.5, 7.0);
        for note in self.page.notes {
            if note.end < self.from || note.start >= self.to {
                continue;
            }
            let start = self.across(note.start.max(self.from));
            let end = self.across(note.end.min(self.to));
            let (y, colour) = if note.drum {
                (bottom - tall, "#8a8578")
            } else {
                (bottom - (f64::from(note.pitch) - low) * step, "#3a3f8f")
            };
            let _ = write!(
                self.svg,
                "<rect x=\"{start:.1}\" y=\"{y:.1}\" width=\"{:.1}\" height=\"{tall:.1}\" rx=\"1\" \
                 fill=\"{colour}\"/>",
                (end - start - 1.0).max(2.0)
            );
        }
    }

    fn curves(&mut self) {
        let curves = &self.page.report.curves;
        let most =
            |curve: fn(&(f64, f64, f64)) -> f64| curves.iter().map(curve).fold(1e-9, f64::max);
        let (picture, music) = (most(|point| point.1), most(|point| point.2));
        for (colour, most, is_music) in [("#2f6f8f", picture, false), ("#c9622c", music, true)] {
            let points: Vec<String> = curves
                .iter()
                .filter(|point| self.shows(point.0))
                .map(|point| {
                    let value = if is_music { point.2 } else { point.1 };
                    let y = CURVES.1 - value / most * (CURVES.1 - CURVES.0);
                    format!("{:.1},{y:.1}", self.across(point.0))
                })
                .collect();
            let _ = write!(
                self.svg,
                "<polyline fill=\"none\" stroke=\"{colour}\" stroke-width=\"1.6\" points=\"{}\"/>",
                points.join(" ")
            );
        }
    }

    fn marks(&mut self) {
        let report = self.page.report;
        let (from, to) = (self.from, self.to);
        let shows = |time: &f64| from <= *time && *time < to;
        for cut in report.cuts.iter().filter(|cut| shows(cut)) {
            let at = self.across(*cut);
            let _ = write!(
                self.svg,
                "<line x1=\"{at:.1}\" x2=\"{at:.1}\" y1=\"0\" y2=\"{}\" stroke=\"#d02f3a\" \
                 stroke-width=\"2.5\"/>",
                CURVES.1
            );
        }
        for change in report.changes.iter().filter(|change| shows(change)) {
            let at = self.across(*change);
            let _ = write!(
                self.svg,
                "<path d=\"M{:.1} 154h10l-5 8z\" fill=\"#c9622c\"/>",
                at - 5.0
            );
        }
    }
}

/// The picture as a data URI; `None` where it cannot be had, without pixels.
fn data(frame: &Frame) -> Option<String> {
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, frame.width(), frame.height());
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_depth(png::BitDepth::Eight);
    let mut writer = encoder.write_header().ok()?;
    writer.write_image_data(frame.pixels()).ok()?;
    writer.finish().ok()?;
    Some(format!("data:image/png;base64,{}", base64::encode(&bytes)))
}
