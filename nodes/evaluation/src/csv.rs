//! Cells of tables that spreadsheets read (RFC 4180).

/// A text as a cell of CSV (RFC 4180). What a spreadsheet would take for a formula gets an
/// apostrophe before it, since names and titles are anybody's.
#[must_use]
pub fn cell(text: &str) -> String {
    let is_formula = text.starts_with(['=', '+', '-', '@', '\t', '\r']);
    let text = match is_formula {
        true => format!("'{text}"),
        false => text.to_owned(),
    };
    match text.contains([',', '"', '\n', '\r']) {
        true => format!("\"{}\"", text.replace('"', "\"\"")),
        false => text,
    }
}
