//! The report as a table that spreadsheets read (RFC 4180).

use score_evaluation::NAMES;
use score_evaluation::csv::cell;
use serde_json::Value;

use super::Row;

/// Where the results of a film have the figures of `score eval film`.
const FIGURES: &str = "/evaluation/figures";

const COLUMNS: [&str; 14] = [
    "film",
    "status",
    "class",
    "reason",
    "results",
    "title",
    "licence",
    "seconds",
    "render_seconds",
    "codec",
    "width",
    "height",
    "sha256",
    "machine",
];

/// The table, a line for each film. Where any was evaluated it also has every figure and its p.
pub(super) fn table(rows: &[Row<'_>]) -> String {
    let are_evaluated = rows.iter().any(|row| row.noted(FIGURES).is_array());
    let figures = |of: &dyn Fn(&str) -> [String; 2]| -> Vec<String> {
        let names = NAMES.iter().filter(|_| are_evaluated);
        names.flat_map(|name| of(name)).collect()
    };
    let title = |name: &str| [name.to_owned(), format!("{name}_p")];
    let mut table = line(COLUMNS.map(str::to_owned), figures(&title));
    for row in rows {
        let failed = row.failed();
        let noted = |at: &str| plain(row.noted(at));
        let texts = [
            row.film.name.clone(),
            row.status().to_owned(),
            failed.map_or(String::new(), |failed| failed.class.word().to_owned()),
            row.reason().unwrap_or_default().to_owned(),
            row.results().unwrap_or_default().to_owned(),
            noted("/film/title"),
            noted("/film/licence"),
            noted("/film/seconds"),
            noted("/render_seconds"),
            noted("/film/codec"),
            noted("/film/width"),
            noted("/film/height"),
            noted("/film/sha256"),
            noted("/machine"),
        ];
        let found = |name: &str| figure(row.noted(FIGURES), name);
        table.push_str(&line(texts, figures(&found)));
    }
    table
}

/// The figure called `name` and its p; both empty where it was not measured.
fn figure(figures: &Value, name: &str) -> [String; 2] {
    let mut figures = figures.as_array().into_iter().flatten();
    let figure = figures.find(|figure| figure["name"] == name);
    let number = |of: &str| figure.and_then(|figure| figure[of].as_f64());
    ["value", "p"].map(|of| number(of).map_or(String::new(), |number| number.to_string()))
}

fn plain(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// A line of texts, which may be anybody's, and of numbers and names of our own.
fn line(texts: [String; COLUMNS.len()], own: Vec<String>) -> String {
    let mut cells: Vec<String> = texts.iter().map(|text| cell(text)).collect();
    cells.extend(own);
    format!("{}\r\n", cells.join(","))
}
