//! Reads numbers, and says how those are written that are not.

use super::{Parser, Sort};
use crate::patch::tree::Shape;

impl Parser<'_> {
    pub(super) fn number(&mut self) -> Shape {
        let start = self.at;
        while self
            .peek()
            .is_some_and(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-' | '+' | '%'))
        {
            self.bump();
        }
        let literal = &self.text[start..self.at];
        if let Ok(integer) = ron::from_str::<i64>(literal) {
            return Shape::Integer(integer);
        }
        if let Some(number) = ron::from_str::<f64>(literal)
            .ok()
            .filter(|number| number.is_finite())
        {
            return Shape::Number(number);
        }
        if let Some(text) = self.text_without_opening(start) {
            return text;
        }
        if literal.starts_with('.') && self.peek() == Some('/') {
            return self.unquoted(start);
        }
        let message = not_a_number(literal);
        self.complain(self.spot(start, self.at), Sort::Value, message);
        Shape::Broken
    }

    /// Skips the decimals behind a comma, `25` of `0,25`, and says how they are written. `false`:
    /// there are none.
    pub(super) fn skip_decimals(&mut self) -> bool {
        let (before, rest) = self.text.split_at(self.at);
        let decimals = rest
            .find(|c: char| !c.is_ascii_digit())
            .unwrap_or(rest.len());
        let Some(whole) = before.strip_suffix(',').filter(|_| decimals > 0) else {
            return false;
        };
        let digits = whole.len() - whole.trim_end_matches(|c: char| c.is_ascii_digit()).len();
        let behind = rest[decimals..].trim_start().chars().next();
        if digits == 0 || !matches!(behind, None | Some(',' | ')' | '}')) {
            return false;
        }
        let start = whole.len() - digits;
        let message = format!(
            "decimals need a point: {}.{}",
            &whole[start..],
            &rest[..decimals]
        );
        self.at += decimals;
        self.complain(self.spot(start, self.at), Sort::Value, message);
        true
    }
}

/// Why `literal` is not a number, and how it is written where that can be told.
fn not_a_number(literal: &str) -> String {
    let is_unit = |c: char| c.is_ascii_alphabetic() || c == '%';
    let number = literal.trim_end_matches(is_unit);
    let unit = &literal[number.len()..];
    let Some(number) =
        (number.parse::<f64>().ok()).filter(|number| number.is_finite() && !unit.is_empty())
    else {
        return format!("`{literal}` is not a number");
    };
    let factor = match unit.to_ascii_lowercase().as_str() {
        "ms" => 0.001,
        "s" | "sec" | "secs" | "seconds" => 1.0,
        "min" => 60.0,
        _ => {
            return format!(
                "`{literal}` is not a number; numbers are written without their unit: {number}"
            );
        }
    };
    // Thousandths of what is written in decimals.
    let seconds = (number * factor * 1e9).round() / 1e9;
    format!("`{literal}` is not a length; write {seconds} or seconds({seconds})")
}
