//! What became of a collection: a table for spreadsheets, the same with all details as JSON, and
//! pages with pictures.

mod csv;
mod page;

use std::io;

use score_nodes::output::replace;
use serde_json::{Value, json};

use super::board::Standing;
use super::class::Failed;
use super::collection::Film;
use super::recipe::Recipe;
use super::share::{Found, Share};

/// A film and what became of it.
pub(super) struct Row<'a> {
    film: &'a Film,
    state: State,
}

enum State {
    /// The folder of its results, and what is noted there.
    Done(String, Value),
    Failed(Failed),
    /// With the reason, where there is one.
    Left(Option<String>),
}

/// What became of all films.
pub(super) struct Report<'a> {
    rows: Vec<Row<'a>>,
    recipe: &'a Recipe,
}

impl<'a> Report<'a> {
    /// Of films that are so far.
    pub(super) fn of(
        films: &'a [Film],
        standings: Vec<Standing>,
        recipe: &'a Recipe,
        share: &Share,
    ) -> Self {
        let row = |(film, standing)| {
            let state = match standing {
                Standing::Done(job) => match share.found(&job) {
                    Ok(Found::Results(result)) => State::Done(format!("results/{job}"), result),
                    // Somebody has removed it since.
                    _ => State::Left(None),
                },
                Standing::Failed(failed) => State::Failed(failed),
                Standing::Later(why) => State::Left(Some(why)),
                Standing::Open | Standing::Elsewhere(_) => State::Left(None),
            };
            Row { film, state }
        };
        Report {
            rows: films.iter().zip(standings).map(row).collect(),
            recipe,
        }
    }

    /// How many are done, have failed, and are left.
    pub(super) fn counts(&self) -> (usize, usize, usize) {
        let count = |is: fn(&State) -> bool| self.rows.iter().filter(|row| is(&row.state)).count();
        (
            count(|state| matches!(state, State::Done(..))),
            count(|state| matches!(state, State::Failed(_))),
            count(|state| matches!(state, State::Left(_))),
        )
    }

    /// All that is known.
    pub(super) fn json(&self) -> Value {
        let (done, failed, left) = self.counts();
        let films: Vec<Value> = self.rows.iter().map(Row::json).collect();
        json!({
            "recipe": self.recipe.contents,
            "count": self.rows.len(), "done": done, "failed": failed, "left": left,
            "films": films,
        })
    }

    /// Writes report.csv, report.json, and report.html with as many further pages as it needs. Each
    /// of several workers writes its own whole; the last one stays.
    pub(super) fn write(&self, share: &Share, json: &Value) -> io::Result<()> {
        let put = |name: &str, contents: &[u8]| replace(&share.path(name), contents);
        put("report.json", format!("{json:#}\n").as_bytes())?;
        put("report.csv", csv::table(&self.rows).as_bytes())?;
        for (name, page) in page::pages(self, share) {
            put(&name, page.as_bytes())?;
        }
        Ok(())
    }
}

impl Row<'_> {
    fn status(&self) -> &'static str {
        match &self.state {
            State::Done(..) => "done",
            State::Failed(_) => "failed",
            State::Left(_) => "left",
        }
    }

    /// What is noted of the film, or of what came of it.
    fn noted(&self, at: &str) -> &Value {
        match &self.state {
            State::Done(_, result) => result.pointer(at).unwrap_or(&Value::Null),
            _ => &Value::Null,
        }
    }

    fn results(&self) -> Option<&str> {
        match &self.state {
            State::Done(folder, _) => Some(folder),
            _ => None,
        }
    }

    fn failed(&self) -> Option<&Failed> {
        match &self.state {
            State::Failed(failed) => Some(failed),
            _ => None,
        }
    }

    /// Why it is not done.
    fn reason(&self) -> Option<&str> {
        match &self.state {
            State::Failed(failed) => Some(&failed.reason),
            State::Left(why) => why.as_deref(),
            State::Done(..) => None,
        }
    }

    fn json(&self) -> Value {
        let failed = self.failed();
        let mut row = json!({
            "film": self.film.name,
            "status": self.status(),
            "class": failed.map(|failed| failed.class.word()),
            "reason": self.reason(),
            "results": self.results(),
        });
        let noted = [
            "title", "licence", "seconds", "codec", "width", "height", "bytes", "sha256",
            "metadata",
        ];
        for name in noted {
            row[name] = self.noted(&format!("/film/{name}")).clone();
        }
        for name in ["render_seconds", "term", "machine", "files", "evaluation"] {
            row[name] = self.noted(&format!("/{name}")).clone();
        }
        row
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::super::class::Class;
    use super::*;

    #[test]
    fn every_film_has_its_row_and_nothing_in_it_becomes_markup_or_a_formula() {
        let out = tempfile::tempdir().unwrap();
        let share = Share::open(out.path()).unwrap();
        let name = |name: &str| Film {
            name: name.to_owned(),
            path: PathBuf::from(name),
        };
        let films = [name("<a>\".mp4"), name("=1+1.mp4"), name("c,d.mp4")];
        let folder = share.result("x-1");
        std::fs::create_dir(&folder).unwrap();
        let result = json!({
            "job": "x-1",
            "film": { "title": "<script>", "licence": "=HYPERLINK(1)", "seconds": 61.0 },
            "files": ["a#b.mid", "a.wav"], "strip": "M0 0\"><script>", "render_seconds": 1.5,
            "evaluation": { "figures": [
                { "name": "partial_mantel", "title": "Alike", "value": -0.25, "p": 0.5 },
                { "name": "round_trip", "title": "Found", "missing": "no model" },
            ] },
        });
        std::fs::write(folder.join("result.json"), result.to_string()).unwrap();
        let standings = vec![
            Standing::Done("x-1".to_owned()),
            Standing::Failed(Failed::new(Class::NoCodec, "no\n\"codec\"")),
            Standing::Later("not now".to_owned()),
        ];
        let recipe = Recipe::nameless();
        let report = Report::of(&films, standings, &recipe, &share);
        assert_eq!(report.counts(), (1, 1, 1));
        report.write(&share, &report.json()).unwrap();
        let read = |name| std::fs::read_to_string(out.path().join(name)).unwrap();
        let html = read("report.html");
        assert!(
            !html.contains("<script") && !html.contains("<a>\""),
            "{html}"
        );
        assert!(html.contains("a%23b.mid") && html.contains("1:01"));
        assert!(html.contains("no_codec") && html.contains("no\n&quot;codec&quot;"));
        let csv = read("report.csv");
        let lines: Vec<&str> = csv.lines().collect();
        assert_eq!(lines.len(), 5, "a text with a line break takes two: {csv}");
        assert!(
            lines[1]
                .starts_with("\"<a>\"\".mp4\",done,,,results/x-1,<script>,'=HYPERLINK(1),61.0,1.5")
        );
        assert!(lines[0].contains(",machine,partial_mantel,partial_mantel_p,"));
        assert!(lines[0].ends_with(",round_trip,round_trip_p,scene_place,scene_place_p"));
        // Numbers below 0 are no formulas.
        assert!(lines[1].contains(",-0.25,0.5,,"), "{csv}");
        let cells = |line: &str| line.matches(',').count();
        assert_eq!(cells(lines[1]), cells(lines[0]));
        assert!(csv.contains("\n'=1+1.mp4,failed,no_codec,\"no\n\"\"codec\"\"\","));
        let json: Value = serde_json::from_str(&read("report.json")).unwrap();
        assert_eq!(json["films"][2]["status"], "left");
        assert_eq!(json["films"][2]["reason"], "not now");
        assert!(csv.contains(",left,,not now,") && html.contains("not now"));
        assert_eq!(json["films"][0]["licence"], "=HYPERLINK(1)");
    }
}
