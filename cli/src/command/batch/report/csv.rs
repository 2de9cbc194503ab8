//! The report as a table that spreadsheets read (RFC 4180).

use score_evaluation::tagging::cell;
use serde_json::Value;

use super::Row;

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

/// The table, a line for each film.
pub(super) fn table(rows: &[Row<'_>]) -> String {
    let mut table = line(COLUMNS.map(str::to_owned));
    for row in rows {
        let failed = row.failed();
        let noted = |at: &str| plain(row.noted(at));
        table.push_str(&line([
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
        ]));
    }
    table
}

fn plain(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

fn line(cells: [String; COLUMNS.len()]) -> String {
    let cells: Vec<String> = cells.iter().map(|text| cell(text)).collect();
    format!("{}\r\n", cells.join(","))
}
