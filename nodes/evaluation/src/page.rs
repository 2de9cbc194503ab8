//! The report of a film as one page of HTML that needs nothing else: no script, no font, no picture
//! from elsewhere.

mod music;
mod plots;
mod timeline;

use std::fmt::Write;

use super::figures::Figure;
use super::film::FilmReport;
use super::harmony::Account;
use super::observe::Still;
use super::played::Played;
use super::shifts::{Good, Tested};

pub use super::base64::encode as base64;

/// The page's look.
const STYLE: &str = include_str!("page/style.css");

/// What a page is made of.
pub struct Page<'a> {
    /// The film's name.
    pub film: &'a str,
    /// The patch's name.
    pub patch: &'a str,
    /// What was found.
    pub report: &'a FilmReport,
    /// What the music is by itself.
    pub music: &'a Account,
    /// The notes that were played.
    pub notes: &'a [Played],
    /// Pictures of the film.
    pub stills: &'a [Still],
}

impl Page<'_> {
    /// The page as HTML.
    pub fn html(&self) -> String {
        let report = self.report;
        let mut page = String::new();
        let title = escaped(self.film);
        // Writing to a String cannot fail.
        let _ = write!(
            page,
            "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\
             <meta name=\"viewport\" content=\"width=device-width\">\
             <title>{title}: does the music follow?</title><style>{STYLE}</style></head><body>\
             <main>\n\
             <h1>Does the music follow the picture?</h1>\n\
             <p class=\"facts\"><b>{title}</b>, {}, with the music of <b>{}</b>: {} notes, {} hard \
             cuts, {} changes of the music.</p>\n",
            minutes(report.seconds),
            escaped(self.patch),
            report.notes,
            report.cuts.len(),
            report.changes.len(),
        );
        let _ = writeln!(page, "<p class=\"verdict\">{}</p>", verdict(report));
        page.push_str("<h2>The figures</h2>\n");
        self.table(&mut page);
        if let Some(read) = &report.read {
            let _ = writeln!(
                page,
                "<p>Read back: what <b>{}</b> plays, by the model <b>{}</b> that plays it.</p>",
                escaped(&read.node),
                escaped(&read.model),
            );
        }
        page.push_str("<h2>The film and its music</h2>\n");
        page.push_str(
            "<p>Stills, the notes over them, and below how much the picture \
             <span class=\"picture\">●</span> and the music <span class=\"music\">●</span> change. \
             <span class=\"cut\">▎</span>hard cut, <span class=\"change\">▼</span> change of the \
             music, <span class=\"theme\">▬</span> theme.</p>\n",
        );
        page.push_str(&timeline::rows(self));
        page.push_str("<h2>The music</h2>\n");
        music::answers(&mut page, self.music, report.seconds);
        page.push_str("<h2>Against chance</h2>\n");
        let _ = writeln!(
            page,
            "<p>The same music was laid over the same film {} times, each time begun elsewhere, \
             and everything was measured again. The grey hills show what that gives; the coloured \
             line is the music as it is. Only far outside its hill does a figure say that the \
             music follows.</p>\n<div class=\"plots\">",
            report.shifts
        );
        for figure in &report.figures {
            plot(&mut page, figure);
        }
        page.push_str("</div>\n<h2>Beside songs</h2>\n");
        music::table(&mut page, self.music);
        page.push_str("<h2>How to read this</h2>\n");
        let _ = writeln!(
            page,
            "<p><b>p</b> is the share of all those beginnings that do as well as the music as it \
             is, itself among them: at .05 one film of twenty would do so by luck, and of the {} \
             figures here one may. Beginnings less than {:.1} s away are left out. Neighbouring \
             beginnings resemble one another: this film, in {} segments of {:.1} s, holds no more \
             than about {} that are independent, so a p much smaller than 1 in that number says \
             less than it seems to. The figures say whether the music follows, not whether it is \
             good.</p>",
            report.figures.len(),
            report.least_shift,
            report.segments,
            report.segment,
            independent(report),
        );
        page.push_str("</main></body></html>\n");
        page
    }

    /// All figures, one row each.
    fn table(&self, page: &mut String) {
        page.push_str(
            "<table><thead><tr><th>What is asked</th><th>Measured</th><th>By chance</th><th>p</th>\
             </tr></thead>\n",
        );
        for figure in &self.report.figures {
            let class = if figure.beats_chance() { "yes" } else { "no" };
            let _ = write!(
                page,
                "<tr class=\"{class}\"><td><b>{}</b><br><small>{}</small></td>",
                figure.title, figure.meaning
            );
            match &figure.tested {
                Some(tested) => {
                    let _ = writeln!(
                        page,
                        "<td class=\"n\">{:.2}<br><small>{}</small></td><td class=\"n\">{:.2}</td>\
                         <td class=\"n\">{}</td></tr>",
                        tested.value,
                        figure.further().join("<br>"),
                        tested.chance,
                        probability(tested.p)
                    );
                }
                None => {
                    let why = escaped(figure.missing.as_deref().unwrap_or("not available"));
                    let _ = writeln!(page, "<td colspan=\"3\" class=\"none\">{why}</td></tr>");
                }
            }
        }
        page.push_str("</table>\n");
    }
}

/// One plot, where the figure is to be had.
fn plot(page: &mut String, figure: &Figure) {
    let Some(tested) = &figure.tested else { return };
    let good = match figure.good {
        Good::High => "right is better",
        Good::Low => "left is better",
    };
    let _ = writeln!(
        page,
        "<figure>{}<figcaption><b>{}</b><br>{good} · p {}</figcaption></figure>",
        plots::hill(tested, figure.beats_chance()),
        figure.title,
        relation(tested),
    );
}

fn relation(tested: &Tested) -> String {
    let text = probability(tested.p);
    if text.starts_with('<') {
        escaped(&text)
    } else {
        format!("= {text}")
    }
}

/// How many beginnings there are that do not resemble one another, at most.
fn independent(report: &FilmReport) -> usize {
    ((report.seconds - 2.0 * report.least_shift) / report.segment).max(1.0) as usize
}

/// What the figures come to, in a sentence.
fn verdict(report: &FilmReport) -> String {
    let beats: Vec<String> = report
        .figures
        .iter()
        .filter(|figure| figure.beats_chance())
        .map(|figure| format!("<i>{}</i>", figure.title))
        .collect();
    let measured = report
        .figures
        .iter()
        .filter(|figure| figure.tested.is_some());
    match (beats.len(), measured.count()) {
        (_, 0) => {
            "Nothing can be measured: nothing in this film or in its music changes.".to_owned()
        }
        (0, measured) => format!(
            "No: in none of the {measured} figures that can be measured does the music follow more \
             than any other beginning of the same music would."
        ),
        (beaten, measured) => format!(
            "Beyond chance in {beaten} of {measured} figures: {}.",
            beats.join(", ")
        ),
    }
}

/// A probability as journals print it.
pub fn probability(p: f64) -> String {
    if p < 0.001 {
        "< .001".to_owned()
    } else if p < 0.0995 {
        format!("{p:.3}").trim_start_matches('0').to_owned()
    } else {
        format!("{p:.2}").trim_start_matches('0').to_owned()
    }
}

fn minutes(seconds: f64) -> String {
    let whole = seconds.round().max(0.0) as u64;
    format!("{}:{:02} minutes", whole / 60, whole % 60)
}

/// Text that HTML takes as it is.
pub fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use score_engine::Transport;

    use super::*;
    use crate::harmony::Score;
    use crate::{Film, Options, ReadBack, Seen, evaluate};

    #[test]
    fn a_page_needs_nothing_else_and_names_are_only_text() {
        let film = Film::new(Seen {
            seconds: 40.0,
            codes: (0..320)
                .map(|n| (f64::from(n) / 8.0, vec![(n / 40) as f32; 4]))
                .collect(),
            motion: vec![(0.0, 0.1), (20.0, 0.5)],
            cuts: vec![5.0, 10.0],
        });
        let notes: Vec<Played> = (0..80)
            .map(|n| Played {
                start: f64::from(n) / 2.0,
                end: f64::from(n) / 2.0 + 0.4,
                pitch: (48 + n % 7 + n / 10) as u8,
                drum: n % 9 == 0,
            })
            .collect();
        let options = Options {
            shifts: 999,
            bars: 1,
            within: 0.5,
            bar: 2.0,
        };
        let read = ReadBack {
            node: "<script>tune</script>".to_owned(),
            ..ReadBack::default()
        };
        let report = evaluate(&film, &notes, || Ok(read), &options).unwrap();
        let music = Account::of(&Score::default(), &Transport::default());
        let page = Page {
            film: "<script>alert(1)</script>.mp4",
            patch: "a & b",
            report: &report,
            music: &music,
            notes: &notes,
            stills: &[],
        };
        let html = page.html();
        assert!(!html.contains("<script"));
        assert!(html.contains("a &amp; b") && html.contains("&lt;script&gt;tune"));
        for outside in ["http:", "https:", "src=\"/", "@import", "NaN", "inf"] {
            let found = html.replace("http://www.w3.org/2000/svg", "");
            assert!(!found.contains(outside), "{outside}");
        }
        assert_eq!(html.matches("<svg").count(), html.matches("</svg>").count());
    }

    #[test]
    fn probabilities_are_printed_short() {
        assert_eq!(probability(0.0005), "< .001");
        assert_eq!(probability(0.001), ".001");
        assert_eq!(probability(0.0432), ".043");
        assert_eq!(probability(0.5), ".50");
        assert_eq!(probability(1.0), "1.00");
    }
}
