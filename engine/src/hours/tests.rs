#![allow(clippy::unwrap_used)]

use proptest::prelude::*;

use super::*;

fn hours(zone: &str, entries: Vec<Opening>) -> Hours {
    Hours {
        zone: Some(zone.to_owned()),
        entries,
    }
}

fn week(days: &[u8], from: f64, to: f64) -> Opening {
    let seconds = |hours: f64| (hours * 3600.0) as u32;
    Opening {
        days: Days::Week(days.to_vec()),
        open: Some((seconds(from), seconds(to))),
    }
}

fn on(dates: Dates, open: Option<(f64, f64)>) -> Opening {
    let seconds = |hours: f64| (hours * 3600.0) as u32;
    Opening {
        days: Days::Dates(vec![dates]),
        open: open.map(|(from, to)| (seconds(from), seconds(to))),
    }
}

const ALL: [u8; 7] = [0, 1, 2, 3, 4, 5, 6];

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// Whether it is open, and until when, in the words of UTC.
fn told(hours: &Hours, now: &str) -> (bool, String) {
    let state = hours.at(at(now));
    let until = state.until.map(|until| until.to_string());
    (state.is_open, until.unwrap_or_default())
}

#[test]
fn it_opens_and_closes_by_the_clock_on_the_wall_of_its_zone() {
    // Monday to Friday, in Vienna an hour before UTC in winter.
    let museum = hours("Europe/Vienna", vec![week(&[0, 1, 2, 3, 4], 10.0, 18.0)]);
    let expect = |now, open, until: &str| {
        assert_eq!(told(&museum, now), (open, until.to_owned()), "{now}");
    };
    expect("2026-11-30T08:59:59Z", false, "2026-11-30T09:00:00Z");
    expect("2026-11-30T09:00:00Z", true, "2026-11-30T17:00:00Z");
    expect("2026-11-30T16:59:59Z", true, "2026-11-30T17:00:00Z");
    expect("2026-11-30T17:00:00Z", false, "2026-12-01T09:00:00Z");
    // From Friday evening to Monday morning.
    expect("2026-12-04T17:00:00Z", false, "2026-12-07T09:00:00Z");
}

#[test]
fn the_day_on_which_clocks_are_set_opens_at_the_hour_that_the_wall_shows() {
    let museum = hours("Europe/Vienna", vec![week(&ALL, 10.0, 18.0)]);
    // 29 March 2026 at 2:00 becomes 3:00, 25 October at 3:00 becomes 2:00.
    let before = told(&museum, "2026-03-28T20:00:00Z");
    assert_eq!(before, (false, "2026-03-29T08:00:00Z".to_owned()));
    let before = told(&museum, "2026-10-24T20:00:00Z");
    assert_eq!(before, (false, "2026-10-25T09:00:00Z".to_owned()));
    // A night that is an hour shorter, and one that is an hour longer.
    let night = hours("Europe/Vienna", vec![week(&ALL, 22.0, 30.0)]);
    let short = told(&night, "2026-03-28T21:30:00Z");
    assert_eq!(short, (true, "2026-03-29T04:00:00Z".to_owned()));
    let long = told(&night, "2026-10-24T20:30:00Z");
    assert_eq!(long, (true, "2026-10-25T05:00:00Z".to_owned()));
    // An hour that there is not, and one that there is twice, of which the first counts.
    let odd = hours("Europe/Vienna", vec![week(&ALL, 2.5, 4.0)]);
    let lost = told(&odd, "2026-03-29T00:00:00Z");
    assert_eq!(lost, (false, "2026-03-29T01:30:00Z".to_owned()));
    let twice = told(&odd, "2026-10-25T00:10:00Z");
    assert_eq!(twice, (false, "2026-10-25T00:30:00Z".to_owned()));
    assert!(museum.at(at("2026-07-01T08:00:00Z")).is_open);
    assert!(!museum.at(at("2026-12-01T08:30:00Z")).is_open);
}

#[test]
fn dates_count_more_than_days_of_the_week() {
    let day = |text: &str| text.parse::<Date>().unwrap();
    let once = Dates::Once(day("2026-12-24"), day("2026-12-24"));
    let closed = Dates::Yearly((12, 25), (1, 1));
    let museum = hours(
        "UTC",
        vec![
            week(&ALL, 10.0, 18.0),
            on(once, Some((10.0, 14.0))),
            on(closed, None),
        ],
    );
    let eve = told(&museum, "2026-12-24T11:00:00Z");
    assert_eq!(eve, (true, "2026-12-24T14:00:00Z".to_owned()));
    let after = told(&museum, "2026-12-24T14:00:00Z");
    assert_eq!(after, (false, "2027-01-02T10:00:00Z".to_owned()));
    // The next year too.
    assert!(!museum.at(at("2027-12-30T12:00:00Z")).is_open);
    assert!(museum.at(at("2027-12-24T17:00:00Z")).is_open);
}

#[test]
fn what_begins_in_the_evening_goes_on_over_midnight_into_a_day_that_is_closed() {
    let closed = Dates::Yearly((12, 25), (12, 25));
    let bar = hours("UTC", vec![week(&[3], 20.0, 26.0), on(closed, None)]);
    // 24 December 2026 is a Thursday.
    let night = told(&bar, "2026-12-25T01:00:00Z");
    assert_eq!(night, (true, "2026-12-25T02:00:00Z".to_owned()));
    assert!(!bar.at(at("2026-12-25T21:00:00Z")).is_open);
}

#[test]
fn hours_without_an_end_or_a_beginning_say_so() {
    assert_eq!(
        told(&hours("UTC", vec![]), "2026-12-25T01:00:00Z"),
        (false, String::new())
    );
    let always = hours("UTC", vec![week(&ALL, 0.0, 24.0)]);
    assert_eq!(told(&always, "2026-12-25T01:00:00Z"), (true, String::new()));
    let status = always.status(SystemTime::UNIX_EPOCH);
    assert_eq!((status.open, status.until), (true, None));
}

#[test]
fn a_status_has_the_offset_of_its_zone() {
    let museum = hours("Europe/Vienna", vec![week(&ALL, 10.0, 18.0)]);
    let now = SystemTime::from(at("2026-07-01T12:00:00Z"));
    let until = museum.status(now).until;
    assert_eq!(until.as_deref(), Some("2026-07-01T18:00:00+02:00"));
}

/// Zones without, with and with odd changes of the clocks.
const ZONES: [&str; 5] = [
    "UTC",
    "Europe/Vienna",
    "America/St_Johns",
    "Australia/Lord_Howe",
    "Africa/Cairo",
];

fn any_hours() -> impl Strategy<Value = Hours> {
    let entry = (
        proptest::collection::vec(0u8..7, 1..7),
        0u32..DAY,
        1u32..DAY,
        proptest::option::of((1i8..=12, 1i8..=28, any::<bool>())),
    );
    let entry = entry.prop_map(|(days, from, lasts, date)| match date {
        None => Opening {
            days: Days::Week(days),
            open: Some((from, from + lasts)),
        },
        Some((month, day, is_open)) => Opening {
            days: Days::Dates(vec![Dates::Yearly((month, day), (month, 28))]),
            open: is_open.then_some((from, from + lasts)),
        },
    });
    let entries = proptest::collection::vec(entry, 0..4);
    (0..ZONES.len(), entries).prop_map(|(zone, entries)| hours(ZONES[zone], entries))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    /// What is said to hold until a time holds until then, and not any more at that time.
    #[test]
    fn a_state_holds_until_the_time_that_is_said_and_no_longer(
        hours in any_hours(),
        start in 1_760_000_000i64..1_860_000_000,
        places in proptest::collection::vec(0.0f64..1.0, 8),
    ) {
        let now = Timestamp::from_second(start).unwrap();
        let state = hours.at(now);
        let Some(until) = state.until else {
            let later = Timestamp::from_second(start + 30 * 86_400).unwrap();
            prop_assert_eq!(hours.at(later).is_open, state.is_open);
            return Ok(());
        };
        prop_assert!(until > now);
        prop_assert_ne!(hours.at(until).is_open, state.is_open);
        for place in places {
            let between = start + ((until.as_second() - start) as f64 * place) as i64;
            let between = hours.at(Timestamp::from_second(between).unwrap());
            prop_assert_eq!(between.is_open, state.is_open);
            prop_assert_eq!(between.until, Some(until));
        }
    }

    /// Where the clocks are not set, it is open exactly when the wall says so.
    #[test]
    fn without_changes_of_the_clocks_the_wall_decides(
        days in proptest::collection::vec(0u8..7, 1..7),
        from in 0u32..DAY,
        lasts in 1u32..DAY,
        start in 1_760_000_000i64..1_860_000_000,
    ) {
        let hours = hours("UTC", vec![Opening {
            days: Days::Week(days.clone()),
            open: Some((from, from + lasts)),
        }]);
        let second = u32::try_from(start.rem_euclid(86_400)).unwrap();
        // 1 January 1970 was a Thursday.
        let day = u8::try_from((start.div_euclid(86_400) + 3).rem_euclid(7)).unwrap();
        let before = (day + 6) % 7;
        let wanted = (days.contains(&day) && (from..from + lasts).contains(&second))
            || (days.contains(&before) && (from..from + lasts).contains(&(second + DAY)));
        prop_assert_eq!(hours.at(Timestamp::from_second(start).unwrap()).is_open, wanted);
    }
}
