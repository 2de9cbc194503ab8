//! `score cue`: calls a cue of a running patch, says GO, or lists its cues.

use std::io::{BufRead, Write};

use score_engine::{Cue as Listed, CueStart, CueStatus, CueThen, Length};
use serde::Deserialize;
use serde_json::{Value, json};

use super::steer::{read, refused};
use crate::arguments::Cue;
use crate::failure::Failure;
use crate::remote::protocol::Request;
use crate::remote::{Connection, connect};
use crate::terminal::{out, tell_styled};

/// What a run answers to [`Request::Cues`].
#[derive(Deserialize)]
struct Cues {
    cues: Vec<Listed>,
    status: Option<CueStatus>,
}

pub(crate) fn run(arguments: &Cue) -> Result<(), Failure> {
    let done = |word: Option<&str>| {
        let connection = connect(arguments.run.as_deref()).map_err(refused)?;
        obey(&connection, word, arguments.json)
    };
    if !arguments.keys {
        return done(arguments.name.as_deref());
    }
    for line in std::io::stdin().lock().lines() {
        let word = match line?.trim() {
            "" => "next".to_owned(),
            word => word.to_owned(),
        };
        match done(Some(&word)) {
            // What one word says wrong does not end the evening; that the run has ended does.
            Err(Failure::Remote(why)) if why.iter().all(|why| why.kind != "no_run") => {
                tell_styled(Failure::Remote(why));
            }
            done => done?,
        }
    }
    Ok(())
}

/// Does what a word says.
fn obey(connection: &Connection, word: Option<&str>, as_json: bool) -> Result<(), Failure> {
    let ask = |request| connection.ask(&request).map_err(Failure::Remote);
    let mut out = out();
    match word {
        Some("next" | "go") => {
            let called: Option<String> = read(ask(Request::Go)?)?;
            writeln!(out, "{}", called.unwrap_or_default())?;
        }
        Some("stop") => drop(ask(Request::StopCues)?),
        None | Some("list") => {
            let answer: Value = ask(Request::Cues)?;
            let Cues { cues, status } = read(answer.clone())?;
            let about = &connection.about;
            if as_json {
                let json = json!({
                    "pid": about.pid, "patch": about.patch,
                    "cues": answer["cues"], "status": answer["status"],
                });
                writeln!(out, "{json:#}")?;
            } else if cues.is_empty() {
                writeln!(out, "{} has no cues", about.patch)?;
            } else {
                write!(out, "{}", table(&cues, &status.unwrap_or_default()))?;
            }
        }
        Some(name) => {
            let cue = name.to_owned();
            ask(Request::Cue { cue })?;
        }
    }
    Ok(())
}

/// One row per cue: a mark, its name, how long it takes, when it starts and what follows.
fn table(cues: &[Listed], status: &CueStatus) -> String {
    let mut rows = vec![["", "cue", "time", "starts", "then"].map(str::to_owned)];
    for cue in cues {
        let is = |name: &Option<String>| name.as_deref() == Some(cue.name.as_str());
        let mark = match () {
            () if is(&status.waiting) => "…",
            () if is(&status.current) => "▶",
            () if is(&status.next) => "·",
            () => "",
        };
        let starts = match &cue.start {
            CueStart::Now => "now".to_owned(),
            CueStart::Beat => "on the beat".to_owned(),
            CueStart::Bar => "on the bar".to_owned(),
            CueStart::Event { node, output } => format!("on {node}.{output}"),
        };
        let then = match cue.then {
            CueThen::Go => "GO".to_owned(),
            CueThen::Follow => "the next follows".to_owned(),
            CueThen::Wait(time) => format!("the next after {}", length(time)),
        };
        let then = if cue.next.is_some() {
            then
        } else {
            String::new()
        };
        rows.push([
            mark.to_owned(),
            cue.name.clone(),
            length(cue.time),
            starts,
            then,
        ]);
    }
    let width = |column: usize| {
        let widths = rows.iter().map(|row| row[column].chars().count());
        widths.max().unwrap_or(0)
    };
    let [a, b, c, d] = [width(0), width(1), width(2), width(3)];
    let mut text = String::new();
    for [mark, name, time, starts, then] in &rows {
        let line = format!("{mark:a$} {name:b$}  {time:c$}  {starts:d$}  {then}");
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

fn length(length: Length) -> String {
    match length {
        Length::Seconds(seconds) => format!("{seconds} s"),
        Length::Beats(beats) => format!("beats({beats})"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_says_where_the_cues_are_and_what_each_does() {
        let cue = |name: &str, time, start, then, next| Listed {
            name: name.to_owned(),
            preset: None,
            values: Vec::new(),
            time,
            curve: score_engine::Curve::Linear,
            start,
            then,
            next,
        };
        let event = CueStart::Event {
            node: "cuts".to_owned(),
            output: "cut".to_owned(),
        };
        let wait = CueThen::Wait(Length::Beats(16.0));
        let cues = [
            cue(
                "dawn",
                Length::Seconds(8.0),
                CueStart::Now,
                CueThen::Follow,
                Some(1),
            ),
            cue("storm", Length::Beats(4.0), CueStart::Bar, wait, Some(2)),
            cue("out", Length::Seconds(0.0), event, CueThen::Go, None),
        ];
        let status = CueStatus {
            current: Some("dawn".to_owned()),
            next: Some("storm".to_owned()),
            ..CueStatus::default()
        };
        let expected = "  cue    time      starts       then\n\
                        ▶ dawn   8 s       now          the next follows\n\
                        · storm  beats(4)  on the bar   the next after beats(16)\n  \
                        out    0 s       on cuts.cut\n";
        assert_eq!(table(&cues, &status), expected);
    }
}
