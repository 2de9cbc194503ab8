//! The report as pages that need nothing else but the results that they lead to: no script, no
//! picture from elsewhere.

use std::fmt::Write;

use score_evaluation::page::{base64, escaped, probability};
use serde_json::Value;

use super::super::job::STILL;
use super::super::share::Share;
use super::super::strip::{COLUMNS, ROWS};
use super::{Report, Row, State};

/// Films on one page, which holds their stills.
const FILMS: usize = 500;

/// The largest still that is put into a page, in bytes.
const LARGEST_STILL: u64 = 200_000;

const STYLE: &str = include_str!("style.css");

/// What a page may load: nothing but what is in it.
const POLICY: &str = "default-src 'none'; img-src data:; style-src 'unsafe-inline'";

/// The pages, by the names of their files. The films that failed are first.
pub(super) fn pages(report: &Report<'_>, share: &Share) -> Vec<(String, String)> {
    let order = |row: &&Row<'_>| match row.state {
        State::Failed(_) => 0,
        State::Left(_) => 1,
        State::Done(..) => 2,
    };
    let mut rows: Vec<&Row<'_>> = report.rows.iter().collect();
    rows.sort_by_key(order);
    let count = rows.len().div_ceil(FILMS).max(1);
    let mut chunks = rows.chunks(FILMS);
    (0..count)
        .map(|number| {
            let rows = chunks.next().unwrap_or_default();
            (name(number), page(report, rows, number, count, share))
        })
        .collect()
}

fn name(number: usize) -> String {
    match number {
        0 => "report.html".to_owned(),
        more => format!("report-{}.html", more + 1),
    }
}

fn page(
    report: &Report<'_>,
    rows: &[&Row<'_>],
    number: usize,
    count: usize,
    share: &Share,
) -> String {
    let (done, failed, left) = report.counts();
    let patch = report.recipe.contents["patch"].as_str().unwrap_or_default();
    let mut page = String::new();
    // Writing to a String cannot fail.
    let _ = write!(
        page,
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta http-equiv=\"Content-Security-Policy\" content=\"{POLICY}\">\
         <meta name=\"viewport\" content=\"width=device-width\">\
         <title>{} films</title><style>{STYLE}</style></head><body><main>\n\
         <h1>{} films</h1>\n<p>{done} done, {failed} failed, {left} left; music of <b>{}</b>.</p>\n",
        report.rows.len(),
        report.rows.len(),
        escaped(patch),
    );
    if count > 1 {
        let link = |other: usize| match other == number {
            true => format!("<b>{}</b>", other + 1),
            false => format!("<a href=\"{}\">{}</a>", name(other), other + 1),
        };
        let links: Vec<String> = (0..count).map(link).collect();
        let _ = writeln!(page, "<nav>{}</nav>", links.join(" "));
    }
    page.push_str("<div class=\"films\">\n");
    for row in rows {
        card(&mut page, row, share);
    }
    page.push_str("</div></main></body></html>\n");
    page
}

fn card(page: &mut String, row: &Row<'_>, share: &Share) {
    let name = escaped(&row.film.name);
    let _ = writeln!(page, "<article class=\"{}\">", row.status());
    if let Some(folder) = row.results() {
        if let Some(still) = still(share, folder, row) {
            let _ = writeln!(
                page,
                "<img alt=\"\" src=\"data:image/jpeg;base64,{still}\">"
            );
        }
        if let Some(strip) = row.noted("/strip").as_str().filter(|strip| is_path(strip)) {
            let _ = writeln!(
                page,
                "<svg viewBox=\"0 0 {COLUMNS} {ROWS}\" preserveAspectRatio=\"none\"><path d=\"{strip}\"/></svg>"
            );
        }
    }
    let title = row.noted("/film/title").as_str().unwrap_or_default();
    if !title.is_empty() {
        let _ = writeln!(page, "<h2>{}</h2>", escaped(title));
    }
    let _ = writeln!(page, "<p class=\"name\">{name}</p>");
    if let Some(reason) = row.reason() {
        let class = row.failed().map(|failed| failed.class.word());
        let class = class.map_or(String::new(), |class| format!("<b>{class}</b> "));
        let _ = writeln!(page, "<p>{class}{}</p>", escaped(reason));
    }
    let mut facts = Vec::new();
    facts.extend(row.noted("/film/seconds").as_f64().map(clock));
    facts.extend(row.noted("/film/licence").as_str().map(escaped));
    let seconds = row.noted("/render_seconds").as_f64();
    facts.extend(seconds.map(|seconds| format!("scored in {seconds:.1} s")));
    if !facts.is_empty() {
        let _ = writeln!(page, "<p>{}</p>", facts.join(" · "));
    }
    links(page, row);
    figures(page, row.noted("/evaluation"));
    page.push_str("</article>\n");
}

/// The picture of a film, as text.
fn still(share: &Share, folder: &str, row: &Row<'_>) -> Option<String> {
    row.noted("/still").as_str()?;
    let path = share.path(folder).join(STILL);
    let is_small = std::fs::metadata(&path).ok()?.len() <= LARGEST_STILL;
    is_small.then(|| std::fs::read(&path).ok().map(|still| base64(&still)))?
}

/// Whether a text is nothing but a path of SVG.
fn is_path(text: &str) -> bool {
    text.bytes()
        .all(|byte| byte.is_ascii_digit() || b"Mhvz -".contains(&byte))
}

fn links(page: &mut String, row: &Row<'_>) {
    let Some(folder) = row.results() else { return };
    let files = row.noted("/files").as_array();
    let links: Vec<String> = (files.into_iter().flatten())
        .filter_map(Value::as_str)
        .map(|file| {
            let ending = file.rsplit_once('.').map_or(file, |(_, ending)| ending);
            format!(
                "<a href=\"{folder}/{}\">{}</a>",
                in_link(file),
                escaped(ending)
            )
        })
        .collect();
    let _ = writeln!(page, "<p class=\"files\">{}</p>", links.join(" "));
}

/// The figures of `score eval film`.
fn figures(page: &mut String, evaluation: &Value) {
    let Some(figures) = evaluation["figures"].as_array() else {
        if let Some(missing) = evaluation["missing"].as_str() {
            let _ = writeln!(
                page,
                "<p class=\"none\">not measured: {}</p>",
                escaped(missing)
            );
        }
        return;
    };
    page.push_str("<table>\n");
    for figure in figures {
        let title = escaped(figure["title"].as_str().unwrap_or_default());
        let number = |name: &str| figure[name].as_f64();
        let (Some(value), Some(p)) = (number("value"), number("p")) else {
            continue;
        };
        let p = escaped(&probability(p));
        let _ = writeln!(
            page,
            "<tr><td>{title}</td><td>{value:.2}</td><td>p {p}</td></tr>"
        );
    }
    page.push_str("</table>\n");
}

/// Seconds as a player shows them: `1:05`, `1:00:05`.
fn clock(seconds: f64) -> String {
    let all = seconds.round().max(0.0) as u64;
    let (hours, minutes, seconds) = (all / 3600, all / 60 % 60, all % 60);
    match hours {
        0 => format!("{minutes}:{seconds:02}"),
        _ => format!("{hours}:{minutes:02}:{seconds:02}"),
    }
}

/// A file's name as part of a link.
fn in_link(name: &str) -> String {
    let mut link = String::new();
    for byte in name.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
            link.push(char::from(byte));
        } else {
            let _ = write!(link, "%{byte:02X}");
        }
    }
    link
}
