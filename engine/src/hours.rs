//! Opening hours: when a patch is heard, by the calendar and a time zone.

use std::time::SystemTime;

use jiff::civil::{Date, Time, Weekday};
use jiff::tz::TimeZone;
use jiff::{Span, Timestamp};
use serde::{Deserialize, Serialize};

/// How far ahead the next change is looked for, in days: a year, and a leap day.
const HORIZON: i32 = 366;

/// When a patch is heard. Without entries, never.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Hours {
    /// The time zone, by its name in the IANA database; `None`: the system's.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub zone: Option<String>,
    /// What holds on which days.
    pub entries: Vec<Opening>,
}

/// What holds on some days.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Opening {
    /// On which.
    pub days: Days,
    /// From when to when it is open, in seconds since midnight of that day by the clock on the
    /// wall; the end may lie on the next day. `None`: it is closed.
    pub open: Option<(u32, u32)>,
}

/// Days of the calendar.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Days {
    /// Days of the week, 0 is Monday. What dates say counts more.
    Week(Vec<u8>),
    /// These dates.
    Dates(Vec<Dates>),
}

/// Dates, from the first to the last.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Dates {
    /// Of one year.
    Once(Date, Date),
    /// Of each year: month and day. The first may come after the last, over the turn of the year.
    Yearly((i8, i8), (i8, i8)),
}

/// Whether it is open, and until when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HoursState {
    /// Whether it is.
    pub is_open: bool,
    /// When that changes; `None`: not within a year.
    pub until: Option<Timestamp>,
}

/// Whether a run is heard by its opening hours, as its status says it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct HoursStatus {
    /// Whether it is. While it is not, it is silent on purpose.
    pub open: bool,
    /// When that changes, as RFC 3339 with the offset of the time zone; `None`: not within a year.
    pub until: Option<String>,
}

impl Dates {
    /// Whether a day is one of them.
    fn has(&self, day: Date) -> bool {
        match *self {
            Dates::Once(first, last) => (first..=last).contains(&day),
            Dates::Yearly(first, last) => {
                let day = (day.month(), day.day());
                match first <= last {
                    true => (first..=last).contains(&day),
                    false => day >= first || day <= last,
                }
            }
        }
    }
}

impl Opening {
    fn is_on(&self, day: Date) -> bool {
        match &self.days {
            Days::Week(days) => days.contains(&number_of(day.weekday())),
            Days::Dates(dates) => dates.iter().any(|dates| dates.has(day)),
        }
    }
}

/// The number of a day of the week, 0 is Monday.
fn number_of(day: Weekday) -> u8 {
    day.to_monday_zero_offset().unsigned_abs()
}

impl Hours {
    /// The time zone: the system's where the one that is named is not known here any more.
    fn time_zone(&self) -> TimeZone {
        let named = self.zone.as_deref().map(TimeZone::get);
        named.and_then(Result::ok).unwrap_or_else(TimeZone::system)
    }

    /// Whether it is open at `now`, and until when.
    pub fn at(&self, now: Timestamp) -> HoursState {
        self.in_zone(now, &self.time_zone())
    }

    /// The same at the system's time `now`, in words.
    pub fn status(&self, now: SystemTime) -> HoursStatus {
        let zone = self.time_zone();
        // A clock beyond the calendar says nothing of hours.
        let Ok(now) = Timestamp::try_from(now) else {
            return HoursStatus {
                open: true,
                until: None,
            };
        };
        let state = self.in_zone(now, &zone);
        HoursStatus {
            open: state.is_open,
            until: state.until.map(|until| {
                let until = until.to_zoned(zone);
                until.strftime("%Y-%m-%dT%H:%M:%S%:z").to_string()
            }),
        }
    }

    fn in_zone(&self, now: Timestamp, zone: &TimeZone) -> HoursState {
        let today = zone.to_datetime(now).date();
        // What began the day before yesterday has ended: it lasts a day at most, and an hour where
        // clocks are set.
        let mut open = Vec::new();
        for offset in -2..=1 {
            open.extend(self.open_on(today, offset, zone));
        }
        let covers = |(from, to): &(Timestamp, Timestamp)| *from <= now && now < *to;
        let Some(mut ends) = open
            .iter()
            .filter(|open| covers(open))
            .map(|open| open.1)
            .max()
        else {
            return HoursState {
                is_open: false,
                until: self.next_opening(now, today, zone),
            };
        };
        // Where one ends as another begins, it stays open.
        for offset in -1..=HORIZON {
            let mut next = self.open_on(today, offset, zone);
            next.sort_unstable();
            let before = ends;
            for (from, to) in next {
                if from <= ends {
                    ends = ends.max(to);
                }
            }
            let day = today.checked_add(Span::new().days(offset)).ok();
            let is_past = day.is_none_or(|day| zone.to_datetime(ends).date() < day);
            if is_past && ends == before {
                return HoursState {
                    is_open: true,
                    until: Some(ends),
                };
            }
        }
        HoursState {
            is_open: true,
            until: None,
        }
    }

    /// When it opens next after `now`, where it is closed.
    fn next_opening(&self, now: Timestamp, today: Date, zone: &TimeZone) -> Option<Timestamp> {
        (-1..=HORIZON).find_map(|offset| {
            let open = self.open_on(today, offset, zone);
            open.into_iter()
                .map(|(from, _)| from)
                .filter(|from| *from > now)
                .min()
        })
    }

    /// From when to when it is open by the entries of one day.
    fn open_on(&self, today: Date, offset: i32, zone: &TimeZone) -> Vec<(Timestamp, Timestamp)> {
        let Ok(day) = today.checked_add(Span::new().days(offset)) else {
            return Vec::new();
        };
        let on_day = |opening: &&Opening| opening.is_on(day);
        let by_date = |opening: &&Opening| matches!(opening.days, Days::Dates(_));
        let mut entries: Vec<&Opening> = self.entries.iter().filter(on_day).collect();
        if entries.iter().any(by_date) {
            entries.retain(by_date);
        }
        if entries.iter().any(|opening| opening.open.is_none()) {
            return Vec::new();
        }
        let spans = entries.into_iter().filter_map(|opening| {
            let (from, to) = opening.open?;
            let (from, to) = (instant(day, from, zone)?, instant(day, to, zone)?);
            // An hour that a change of the clocks leaves out can be all of it.
            (from < to).then_some((from, to))
        });
        spans.collect()
    }
}

/// When the clock on the wall shows so many seconds after midnight of a day, which may be on the
/// next. Of an hour that comes twice the first counts; one that is left out lies as much later as
/// the clocks are set.
fn instant(day: Date, seconds: u32, zone: &TimeZone) -> Option<Timestamp> {
    let days = i32::try_from(seconds / DAY).ok()?;
    let day = day.checked_add(Span::new().days(days)).ok()?;
    let second = i32::try_from(seconds % DAY).ok()?;
    let (hour, minute) = (second / 3600, second / 60 % 60);
    let part = |part: i32| i8::try_from(part).ok();
    let time = Time::new(part(hour)?, part(minute)?, part(second % 60)?, 0).ok()?;
    let instant = zone.to_ambiguous_timestamp(day.to_datetime(time));
    instant.compatible().ok()
}

/// Seconds of a day by the clock on the wall.
pub(crate) const DAY: u32 = 24 * 3600;

#[cfg(test)]
mod tests;
