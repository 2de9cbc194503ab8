//! Reads the opening hours.

use jiff::civil::Date;
use jiff::tz::TimeZone;

use super::Checker;
use super::fields::Form;
use super::scope::Scope;
use crate::hours::{DAY, Dates, Days, Hours, Opening};
use crate::limits::MAX_HOURS;
use crate::patch::tree::{Shape, Spot, Tree};

/// The days of the week, from Monday.
const DAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

const ENTRY: Form = Form {
    what: "an entry of `hours`",
    looks: "(days: [mon, fri], from: \"10:00\", to: \"18:00\", zone: \"Europe/Vienna\")",
    fields: &["days", "dates", "from", "to", "closed", "zone"],
};

/// How a time of day is written.
const TIME: &str = "a time of day is written \"10:00\" or \"10:00:30\"; \"24:00\" ends a day";

/// How dates are written.
const DATE: &str = "a date is written \"2026-12-24\", or \"12-24\" for each year; several in a row \
                    \"2026-12-24..2027-01-06\"";

impl Checker<'_> {
    /// Reads the opening hours of a patch.
    pub(super) fn read_hours(&mut self, scope: &Scope, value: &Tree) {
        let mut hours = Hours {
            zone: None,
            entries: Vec::new(),
        };
        let mut zone: Option<(String, Spot)> = None;
        let looks = format!("[{}]", ENTRY.looks);
        let items = self.items("hours", &looks, value);
        let count = items.len();
        for item in items {
            if hours.entries.len() >= MAX_HOURS {
                let message = format!("more than {MAX_HOURS} entries of `hours`");
                return self.refuse_size(item.spot, message);
            }
            let Some(fields) = self.fields(&ENTRY, item) else {
                continue;
            };
            if let Some(named) = fields.get("zone") {
                self.read_zone(scope, named, &mut zone);
            }
            let days = self.read_days(scope, fields.get("days").copied(), fields.get("dates"));
            let is_closed = match fields.get("closed") {
                Some(closed) => self.flag_field(scope, "closed", closed),
                None => Some(false),
            };
            let ends = (fields.get("from").copied(), fields.get("to").copied());
            let open = match (is_closed, ends) {
                (Some(true), (None, None)) => Some(None),
                (Some(true), (from, to)) => {
                    let spot = from.or(to).map_or(item.spot, |end| end.spot);
                    self.report(spot, "what is closed has neither `from` nor `to`", None);
                    None
                }
                (Some(false), (Some(from), Some(to))) => self.read_span(scope, from, to).map(Some),
                (Some(false), _) => {
                    let help = "or `closed: true`, which exceptions are for".to_owned();
                    let message = "an entry of `hours` needs `from` and `to`";
                    self.report(item.spot.first(), message, Some(help));
                    None
                }
                (None, _) => None,
            };
            if let (Some(days), Some(open)) = (days, open) {
                hours.entries.push(Opening { days, open });
            }
        }
        let is_never_open = hours.entries.iter().all(|entry| entry.open.is_none());
        if is_never_open && hours.entries.len() == count && matches!(value.shape, Shape::List(_)) {
            let help =
                "say when it is open: (from: \"10:00\", to: \"18:00\"); exceptions go with that";
            let message = "with these `hours` it would never be heard".to_owned();
            self.report(value.spot.first(), message, Some(help.to_owned()));
        }
        hours.zone = zone.map(|(zone, _)| zone);
        // One run has one door: a part's own hours hold where it is run itself.
        if scope.prefix.is_empty() {
            self.show.hours = Some(hours);
        }
    }

    fn read_zone(&mut self, scope: &Scope, value: &Tree, known: &mut Option<(String, Spot)>) {
        let Some(name) = self.text_field(scope, "zone", value) else {
            return;
        };
        if TimeZone::get(&name).is_err() {
            let names: Vec<String> = (jiff::tz::db().available())
                .map(|name| name.to_string())
                .collect();
            let help = self.near(&name, names.iter().map(String::as_str));
            let help = help.or_else(|| Some("such as \"Europe/Vienna\"".to_owned()));
            self.report(value.spot, format!("there is no time zone `{name}`"), help);
            return;
        }
        match known {
            Some((before, spot)) if *before != name => {
                let place = self.texts.place_from(*spot, value.spot);
                let message = format!("hours have one time zone, which is `{before}` at {place}");
                self.report(value.spot, message, None);
            }
            Some(_) => {}
            None => *known = Some((name, value.spot)),
        }
    }

    /// On which days an entry holds; on all where it names none.
    fn read_days(
        &mut self,
        scope: &Scope,
        days: Option<&Tree>,
        dates: Option<&&Tree>,
    ) -> Option<Days> {
        match (days, dates) {
            (None, None) => Some(Days::Week((0..7).collect())),
            (Some(days), None) => {
                let days = self.resolve(scope, days);
                let mut read = Vec::new();
                for item in self.items("days", "[mon, tue, wed]", &days).to_vec() {
                    let item = self.resolve(scope, &item);
                    let word = match &item.shape {
                        Shape::Word(word) | Shape::Text(word) => word.as_str(),
                        _ => "",
                    };
                    let Some(day) = DAYS.iter().position(|day| *day == word) else {
                        if item.shape != Shape::Broken {
                            let help = self.near(word, DAYS);
                            let help =
                                help.or_else(|| Some(format!("they are {}", DAYS.join(", "))));
                            self.report(item.spot, format!("there is no day `{word}`"), help);
                        }
                        return None;
                    };
                    read.extend(u8::try_from(day));
                }
                self.require_some(read.is_empty(), "days", &days)?;
                Some(Days::Week(read))
            }
            (None, Some(dates)) => {
                let dates = self.resolve(scope, dates);
                let mut read = Vec::new();
                for item in self.items("dates", "[\"2026-12-24\"]", &dates).to_vec() {
                    let item = self.resolve(scope, &item);
                    let Shape::Text(text) = &item.shape else {
                        if item.shape != Shape::Broken {
                            self.report(item.spot, "this is no date", Some(DATE.to_owned()));
                        }
                        return None;
                    };
                    let Some(found) = read_dates(text) else {
                        let message = format!("`{text}` is no date");
                        self.report(item.spot, message, Some(DATE.to_owned()));
                        return None;
                    };
                    read.push(found);
                }
                self.require_some(read.is_empty(), "dates", &dates)?;
                Some(Days::Dates(read))
            }
            (Some(_), Some(dates)) => {
                let help = "what `dates` say counts more than `days` of other entries".to_owned();
                let message = "an entry has either `days` or `dates`";
                self.report(dates.spot, message, Some(help));
                None
            }
        }
    }

    /// Refuses an empty list.
    fn require_some(&mut self, is_empty: bool, name: &str, value: &Tree) -> Option<()> {
        if !is_empty {
            return Some(());
        }
        if matches!(value.shape, Shape::List(_)) {
            self.report(value.spot, format!("`{name}` names none"), None);
        }
        None
    }

    /// From when to when, in seconds since midnight.
    fn read_span(&mut self, scope: &Scope, from: &Tree, to: &Tree) -> Option<(u32, u32)> {
        let begins = self.read_time(scope, "from", from);
        let ends = self.read_time(scope, "to", to);
        let (begins, ends) = (begins?, ends?);
        if begins == DAY {
            let help = "a day begins at \"00:00\"".to_owned();
            self.report(from.spot, "nothing begins at \"24:00\"", Some(help));
            return None;
        }
        if begins == ends {
            let help = "all day is from: \"00:00\", to: \"24:00\"".to_owned();
            self.report(to.spot, "`from` and `to` are the same", Some(help));
            return None;
        }
        // Over midnight.
        Some((begins, if ends < begins { ends + DAY } else { ends }))
    }

    fn read_time(&mut self, scope: &Scope, name: &'static str, value: &Tree) -> Option<u32> {
        let text = self.text_field(scope, name, value)?;
        let seconds = read_time(&text);
        if seconds.is_none() {
            let message = format!("`{text}` is no time of day");
            self.report(value.spot, message, Some(TIME.to_owned()));
        }
        seconds
    }
}

/// Two digits.
fn two(text: &str) -> Option<u32> {
    let is_two = text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_digit());
    is_two.then(|| text.parse().ok())?
}

/// Seconds since midnight.
fn read_time(text: &str) -> Option<u32> {
    let mut parts = text.split(':');
    let (hours, minutes) = (two(parts.next()?)?, two(parts.next()?)?);
    let seconds = parts.next().map_or(Some(0), two)?;
    let total = hours * 3600 + minutes * 60 + seconds;
    let fits = parts.next().is_none() && minutes < 60 && seconds < 60 && total <= DAY;
    fits.then_some(total)
}

fn read_dates(text: &str) -> Option<Dates> {
    let (first, last) = text.split_once("..").unwrap_or((text, text));
    if let (Some(first), Some(last)) = (yearly(first), yearly(last)) {
        return Some(Dates::Yearly(first, last));
    }
    let (first, last) = (once(first)?, once(last)?);
    (first <= last).then_some(Dates::Once(first, last))
}

/// A date of one year.
fn once(text: &str) -> Option<Date> {
    let is_written_so = text.len() == 10 && text.as_bytes().get(4) == Some(&b'-');
    is_written_so.then(|| text.parse().ok())?
}

/// A month and a day of each year; 29 February is one.
fn yearly(text: &str) -> Option<(i8, i8)> {
    let (month, day) = text.split_once('-')?;
    let (month, day) = (two(month)?, two(day)?);
    let (month, day) = (i8::try_from(month).ok()?, i8::try_from(day).ok()?);
    Date::new(2024, month, day).is_ok().then_some((month, day))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_and_dates_are_read_as_they_are_written_and_nothing_else_is() {
        assert_eq!(read_time("10:00"), Some(36_000));
        assert_eq!(read_time("23:59:59"), Some(DAY - 1));
        assert_eq!(read_time("24:00"), Some(DAY));
        for wrong in [
            "24:01",
            "9:00",
            "10",
            "10:60",
            "10:00:60",
            "10:00:00:00",
            "+1:00",
            "",
            "ä:ö",
        ] {
            assert_eq!(read_time(wrong), None, "{wrong}");
        }
        assert_eq!(
            read_dates("12-24..01-06"),
            Some(Dates::Yearly((12, 24), (1, 6)))
        );
        assert_eq!(read_dates("02-29"), Some(Dates::Yearly((2, 29), (2, 29))));
        assert!(matches!(read_dates("2026-12-24"), Some(Dates::Once(..))));
        for wrong in [
            "2026-02-29",
            "2027-01-06..2026-12-24",
            "2026-12-24..01-06",
            "12-32",
            "20261224",
            "",
        ] {
            assert_eq!(read_dates(wrong), None, "{wrong}");
        }
    }
}
