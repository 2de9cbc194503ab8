//! What the music is by itself: answers to a listener's questions, and its figures beside those of
//! songs.

use std::fmt::Write;

use super::escaped;
use crate::harmony::{Account, Row};

/// Which key, where the theme is, how it ends.
pub(super) fn answers(page: &mut String, music: &Account, film: f64) {
    let mut say = |question: &str, answer: String| {
        // Writing to a String cannot fail.
        let _ = writeln!(page, "<p><b>{question}</b> {answer}</p>");
    };
    let key = music.key.as_deref().map_or_else(
        || "None: nothing with a pitch is played.".to_owned(),
        |key| format!("{}.", escaped(key)),
    );
    say("Which key is it in?", key);
    say("Where is the theme?", theme(music));
    say("Does it end?", ending(music, film));
    let parts: Vec<String> = (music.parts.iter())
        .map(|(name, notes)| format!("{} ({notes} notes)", escaped(name)))
        .collect();
    say("Who plays?", format!("{}.", parts.join(", ")));
}

fn theme(music: &Account) -> String {
    match music.theme.split_first() {
        None => "There is none: no four bars of the melody return.".to_owned(),
        Some((first, again)) => {
            let again: Vec<String> = again.iter().copied().map(clock).collect();
            format!(
                "The four bars that return most often begin at {}, and are heard again at {}.",
                clock(*first),
                again.join(", ")
            )
        }
    }
}

fn ending(music: &Account, film: f64) -> String {
    let left = film - music.ends;
    let end = if left.abs() < 0.05 {
        "with the film".to_owned()
    } else {
        format!("{left:.1} s before the film does")
    };
    match (&music.last_chord, music.closes) {
        (Some((chord, at)), Some(true)) => format!(
            "Yes: on {}, the tonic’s chord, from {} on; the last note ends {end}.",
            escaped(chord),
            clock(*at)
        ),
        (Some((chord, _)), _) => format!(
            "It stops on {}, which is not the tonic’s chord; the last note ends {end}.",
            escaped(chord)
        ),
        (None, _) => format!("It has no chords; the last note ends {end}."),
    }
}

/// All figures, a row each.
pub(super) fn table(page: &mut String, music: &Account) {
    page.push_str(
        "<p>The same figures of songs: from where a tenth of them lie below to where a tenth lie \
         above (853 pop songs, POP909). A figure outside is not wrong, but unusual.</p>\n<table>\
         <thead><tr><th>What is measured</th>\
         <th>Here</th><th>Songs</th></tr></thead>\n",
    );
    for row in &music.figures {
        let class = match row.is_usual() {
            Some(true) => "yes",
            Some(false) => "odd",
            None => "no",
        };
        let value = row
            .value
            .map_or("–".to_owned(), |value| format!("{value:.2}"));
        let _ = writeln!(
            page,
            "<tr class=\"{class}\"><td>{}</td><td class=\"n\">{value}</td><td class=\"n\">{}</td>\
             </tr>",
            row.title,
            songs(row)
        );
    }
    page.push_str("</table>\n");
}

fn songs(row: &Row) -> String {
    row.songs.map_or_else(String::new, |(low, middle, high)| {
        format!("{middle:.2} <small>({low:.2} to {high:.2})</small>")
    })
}

/// A time as minutes and seconds.
fn clock(seconds: f64) -> String {
    let whole = seconds.max(0.0).round() as u64;
    format!("{}:{:02}", whole / 60, whole % 60)
}

#[cfg(test)]
mod tests {
    use score_engine::Transport;

    use super::*;
    use crate::harmony::{Score, Stroke};

    /// Four bars of a tune in C, four others, and the tune again; chords that close where `closes`.
    fn piece(closes: bool) -> Account {
        let tune = [60, 62, 64, 65, 67, 65, 64, 62];
        let other = [67, 69, 71, 72, 74, 72, 71, 69];
        let notes = (tune.iter().chain(&other).chain(&tune)).zip(0_u8..);
        let mut score = Score {
            bar: 4.0,
            key: Some("C".parse().unwrap()),
            chords: vec![
                (0.0, Some("G".parse().unwrap())),
                (44.0, Some(if closes { "C" } else { "Am" }.parse().unwrap())),
            ],
            ..Score::default()
        };
        let stroke = |(pitch, place): (&u8, u8)| Stroke {
            start: f64::from(place) * 2.0,
            end: f64::from(place) * 2.0 + 2.0,
            pitch: *pitch,
            velocity: 0.5,
        };
        score.add("tune", None, notes.map(stroke).collect());
        Account::of(&score, &Transport::default())
    }

    #[test]
    fn a_listener_is_told_the_key_the_theme_and_the_ending() {
        let mut page = String::new();
        answers(&mut page, &piece(true), 25.0);
        assert!(page.contains("C major."), "{page}");
        // Twelve bars of two seconds.
        assert!(
            page.contains("begin at 0:00, and are heard again at 0:16."),
            "{page}"
        );
        assert!(
            page.contains(
                "Yes: on C, the tonic’s chord, from 0:22 on; the last note ends 1.0 s \
                 before the film does"
            ),
            "{page}"
        );
    }

    #[test]
    fn what_does_not_close_is_told() {
        let mut page = String::new();
        answers(&mut page, &piece(false), 24.0);
        assert!(page.contains(
            "It stops on Am, which is not the tonic’s chord; the last note ends with the film."
        ));
    }

    #[test]
    fn every_figure_has_a_row() {
        let (mut page, music) = (String::new(), piece(true));
        table(&mut page, &music);
        assert_eq!(page.matches("<tr class").count(), music.figures.len());
    }
}
