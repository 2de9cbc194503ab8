//! What is turned on the page, and the command that renders it: `score film` with the options that
//! the page was started with.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use axum::http::StatusCode;
use score_engine::{ParamType, Registry};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::arguments::{Common, Film, Tune};
use crate::command::film::named;
use crate::library::{STYLES, summary};
use crate::page::server::Refused;

/// The longest value that is taken, in letters.
const LONGEST: usize = 64;

/// What can be turned; what is not given is as the patch has it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Values {
    pub(super) style: Option<String>,
    pub(super) voice: Option<String>,
    pub(super) key: Option<String>,
    pub(super) tempo: Option<String>,
    pub(super) seed: Option<String>,
}

/// What the page offers.
pub(super) struct Choices {
    /// The melody's instruments.
    voices: Vec<String>,
    /// The styles, and what each is like; none where the patch is one of the user's own.
    styles: Vec<(&'static str, String)>,
}

impl Choices {
    pub(super) fn of(kinds: &Registry, has_own_patch: bool) -> Self {
        let synth = kinds.kind("synth").map(|kind| kind.descriptor());
        let mut params = synth.into_iter().flat_map(|kind| &kind.params);
        let voice = params.find(|param| param.name == "voice");
        let voices = match voice.map(|voice| &voice.param_type) {
            Some(ParamType::Choice(words)) => words.iter().map(|word| word.to_string()).collect(),
            _ => Vec::new(),
        };
        let is_like = |text: &str| {
            let summary = summary(text);
            let like = summary.split_once(": ").map(|(_, like)| like.to_owned());
            like.unwrap_or(summary)
        };
        let styles = STYLES.iter().map(|(name, text)| (*name, is_like(text)));
        Choices {
            voices,
            styles: match has_own_patch {
                true => Vec::new(),
                false => styles.collect(),
            },
        }
    }

    pub(super) fn json(&self) -> Value {
        let styles = self.styles.iter();
        let styles: Vec<Value> = styles
            .map(|(name, like)| json!({ "name": name, "like": like }))
            .collect();
        json!({ "voices": self.voices, "styles": styles })
    }

    /// Values as a page has sent them. What a key, a tempo or a seed may be, `score film` knows, and
    /// says; here they only may not be anything else on its command line.
    ///
    /// # Errors
    /// They are not what the page offers.
    pub(super) fn taken(&self, values: Values) -> Result<Values, Refused> {
        let refuse = |why| (StatusCode::BAD_REQUEST, why);
        let given = [
            &values.style,
            &values.voice,
            &values.key,
            &values.tempo,
            &values.seed,
        ];
        let is_odd = |value: &String| {
            value.is_empty()
                || value.chars().count() > LONGEST
                || value.chars().any(char::is_control)
        };
        if given.into_iter().flatten().any(is_odd) {
            return Err(refuse("a value is too long, or empty"));
        }
        let is_known = |style: &String| self.styles.iter().any(|(name, _)| name == style);
        if values.style.as_ref().is_some_and(|style| !is_known(style)) {
            return Err(refuse("there is no such style"));
        }
        let is_number = |value: &String| {
            let mut letters = value.bytes();
            letters.all(|letter| letter.is_ascii_digit() || letter == b'.' || letter == b'-')
        };
        let numbers = [&values.tempo, &values.seed];
        if !numbers.into_iter().flatten().all(is_number) {
            return Err(refuse("tempo and seed are numbers"));
        }
        Ok(values)
    }
}

/// The command that renders.
pub(super) struct Order {
    program: PathBuf,
    /// What every command is given.
    common: Vec<OsString>,
    /// What decides on the notes, and is not turned.
    tune: Vec<OsString>,
    /// Everything else that is not turned.
    film: Vec<OsString>,
    /// What is turned, at the start.
    pub(super) start: Values,
    /// How the bars are fitted to the cuts, where no tempo is given.
    fit: Option<&'static str>,
    has_patch: bool,
    /// Whether stems and drawn sheet music are kept with the others.
    pub(super) keeps_stems: bool,
    pub(super) keeps_pages: bool,
    /// The ending of the film that is written, where it is given.
    ending: Option<&'static str>,
    /// The name that results get; `None`: that of `score film`, beside the film.
    named: Option<PathBuf>,
    /// The folder whose films the page shows; `None`: one film alone.
    folder: Option<PathBuf>,
}

impl Order {
    /// Renders as `film`, on the command line, would, or any film of `folder`.
    ///
    /// # Errors
    /// The system does not say which program this is.
    pub(super) fn of(
        common: &Common,
        film: Option<&Film>,
        folder: Option<&Path>,
    ) -> std::io::Result<Self> {
        let tune = film.map(|film| film.tune.clone()).unwrap_or_default();
        let mut order = Order {
            program: std::env::current_exe()?,
            common: common_options(common),
            tune: tune_options(&tune),
            film: Vec::new(),
            start: Values {
                style: tune.style,
                voice: film.and_then(|film| film.voice.clone()),
                key: tune.key,
                tempo: tune.tempo,
                seed: tune.seed,
            },
            fit: match (tune.fit_cuts, tune.no_fit_cuts) {
                (true, _) => Some("--fit-cuts"),
                (_, true) => Some("--no-fit-cuts"),
                _ => None,
            },
            has_patch: tune.patch.is_some(),
            keeps_stems: false,
            keeps_pages: false,
            ending: None,
            named: None,
            folder: folder.map(Path::to_owned),
        };
        if let Some(film) = film {
            let (name, ending) = named(film);
            order.named = Some(name);
            order.ending = ending;
            order.keeps_stems = film.stems;
            order.keeps_pages = film.pdf;
            if film.overrides.strict {
                order.film.push("--strict".into());
            }
            for folder in &film.consent.write_to {
                order.film.extend(["--write-to".into(), folder.into()]);
            }
            for set in &film.overrides.set {
                order.tune.extend(["--set".into(), set.written().into()]);
            }
        }
        Ok(order)
    }

    /// The name, without an ending, that `score film` would give to what it writes.
    pub(super) fn name_of(&self, film: &Path) -> PathBuf {
        if let Some(name) = &self.named {
            return name.clone();
        }
        let mut name = film.file_stem().unwrap_or_default().to_os_string();
        name.push("-scored");
        film.with_file_name(name)
    }

    /// The words that render `film` with `values` into `folder`, under `name`.
    pub(super) fn render(&self, film: &Path, values: &Values, folder: &Path) -> Vec<OsString> {
        let mut words = self.begun(&["film"]);
        words.extend(self.tuned(values));
        words.extend(values.voice.iter().map(|voice| option("--voice", voice)));
        words.extend(self.film.iter().cloned());
        words.push("--stems".into());
        if self.keeps_pages || score_nodes::music::has_lilypond() {
            words.push("--pdf".into());
        }
        let name = self.name_of(film);
        let mut out = folder
            .join(name.file_name().unwrap_or_default())
            .into_os_string();
        if let Some(ending) = self.ending {
            out.push(format!(".{ending}"));
        }
        words.extend(["--out".into(), out]);
        words.extend(["--write-to".into(), folder.into()]);
        words.extend(["--for-page".into(), folder.into()]);
        words.extend(["--json".into(), "--".into(), film.into()]);
        words
    }

    /// The words that measure how well the music with `values` follows `film`.
    pub(super) fn measure(&self, film: &Path, values: &Values, report: &Path) -> Vec<OsString> {
        let mut words = self.begun(&["eval", "film"]);
        words.extend(self.tuned(values));
        words.extend(["--report".into(), report.into()]);
        words.extend(["--quiet", "--json", "--for-page", "--"].map(Into::into));
        words.push(film.into());
        words
    }

    /// The words that write stills of `film` into `folder`.
    pub(super) fn stills(&self, film: &Path, folder: &Path) -> Vec<OsString> {
        let mut words = self.begun(&["film"]);
        words.extend(["--stills-for-page".into(), folder.into()]);
        words.extend(["--".into(), film.into()]);
        words
    }

    /// The words that write into `file` the tags of what `film` shows; the user's own words among
    /// them are those that lie beside the film or in the folder of the page.
    pub(super) fn tags(&self, film: &Path, file: &Path) -> Vec<OsString> {
        let mut words = self.begun(&["film"]);
        words.extend(["--tags-for-page".into(), file.into()]);
        let beside = film.parent();
        let folder = self.folder.as_deref();
        for folder in beside
            .into_iter()
            .chain(folder.filter(|it| beside != Some(*it)))
        {
            words.extend(["--own-words-in".into(), folder.into()]);
        }
        words.extend(["--".into(), film.into()]);
        words
    }

    fn begun(&self, command: &[&str]) -> Vec<OsString> {
        let mut words = vec![self.program.clone().into_os_string()];
        words.extend(command.iter().map(Into::into));
        words.extend(self.common.iter().cloned());
        words
    }

    fn tuned(&self, values: &Values) -> Vec<OsString> {
        let mut words = self.tune.clone();
        if values.tempo.is_none() {
            words.extend(self.fit.map(Into::into));
        }
        let style = values.style.as_ref().filter(|_| !self.has_patch);
        for (name, value) in [
            ("--style", style),
            ("--key", values.key.as_ref()),
            ("--tempo", values.tempo.as_ref()),
            ("--seed", values.seed.as_ref()),
        ] {
            words.extend(value.map(|value| option(name, value)));
        }
        words
    }
}

fn common_options(common: &Common) -> Vec<OsString> {
    let mut words: Vec<OsString> = vec!["--color".into(), "never".into()];
    if let Some(models) = &common.models {
        words.extend(["--models".into(), models.into()]);
    }
    for plugins in &common.plugins {
        words.extend(["--plugins".into(), plugins.into()]);
    }
    words.extend(common.no_plugins.then(|| "--no-plugins".into()));
    words
}

/// What decides on the notes, and is not turned on the page.
fn tune_options(tune: &Tune) -> Vec<OsString> {
    let mut words: Vec<OsString> = Vec::new();
    for (name, path) in [("--patch", &tune.patch), ("--theme", &tune.theme)] {
        if let Some(path) = path {
            words.extend([name.into(), path.into()]);
        }
    }
    for (name, value) in [
        ("--theme-scene", &tune.theme_scene),
        ("--swing", &tune.swing),
    ] {
        words.extend(value.as_ref().map(|value| option(name, value)));
    }
    words
}

/// One word, so that no value is taken for an option.
fn option(name: &str, value: &str) -> OsString {
    format!("{name}={value}").into()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use clap::Parser;

    use super::*;
    use crate::arguments::{Arguments, Command};

    fn order(line: &str) -> Order {
        let arguments = Arguments::try_parse_from(line.split(' ')).unwrap();
        let Command::Film(film) = &arguments.command else {
            panic!("{line}");
        };
        Order::of(&arguments.common, Some(film.as_ref()), None).unwrap()
    }

    /// What a command line says, read again by the program itself.
    fn read(words: Vec<OsString>) -> Film {
        match Arguments::try_parse_from(words).unwrap().command {
            Command::Film(film) => *film,
            _ => panic!("not `score film`"),
        }
    }

    #[test]
    fn a_render_has_every_option_of_the_command_line_and_what_was_turned() {
        let order = order(
            "score film a.mp4 --out x/b.mkv --style noir --theme t.mid --swing 0.6 --fit-cuts --seed 3 \
             --set transport.metre=(3,4) --models m --voice glass",
        );
        let turned = Values {
            style: Some("calm".to_owned()),
            seed: Some("-4".to_owned()),
            ..order.start.clone()
        };
        let film = read(order.render(Path::new("-a.mp4"), &turned, Path::new("/tmp/f")));
        assert_eq!(film.film, Path::new("-a.mp4"));
        assert_eq!(film.out.as_deref(), Some(Path::new("/tmp/f/b.mkv")));
        assert_eq!(film.tune.style.as_deref(), Some("calm"));
        assert_eq!(film.tune.seed.as_deref(), Some("-4"));
        assert_eq!(film.tune.theme.as_deref(), Some(Path::new("t.mid")));
        assert_eq!(film.voice.as_deref(), Some("glass"));
        assert_eq!(film.overrides.set[0].written(), "transport.metre=(3,4)");
        assert!(film.tune.fit_cuts && film.stems && film.json);
        // A tempo of one's own is not fitted.
        let steady = Values {
            tempo: Some("90".to_owned()),
            ..turned
        };
        let film = read(order.render(Path::new("a.mp4"), &steady, Path::new("/tmp/f")));
        assert!(!film.tune.fit_cuts);
        assert_eq!(film.tune.tempo.as_deref(), Some("90"));
    }

    #[test]
    fn words_of_ones_own_are_those_beside_the_film_and_in_the_folder_of_the_page() {
        let arguments = Arguments::try_parse_from(["score", "page", "films"]).unwrap();
        let folder = Path::new("/films");
        let served = Order::of(&arguments.common, None, Some(folder)).unwrap();
        let one = order("score film a.mp4");
        let own = |order: &Order, film: &str| {
            let film = read(order.tags(Path::new(film), Path::new("/tmp/tags.json")));
            assert_eq!(
                film.tags_for_page.as_deref(),
                Some(Path::new("/tmp/tags.json"))
            );
            film.own_words_in
        };
        assert_eq!(
            own(&served, "/films/deep/a.mp4"),
            ["/films/deep", "/films"].map(PathBuf::from)
        );
        assert_eq!(own(&served, "/films/a.mp4"), ["/films"].map(PathBuf::from));
        assert_eq!(own(&one, "/else/a.mp4"), ["/else"].map(PathBuf::from));
    }

    #[test]
    fn nothing_that_a_page_sends_becomes_an_option() {
        let kinds = score_nodes::registry();
        let choices = Choices::of(&kinds, false);
        let seed = |seed: &str| Values {
            seed: Some(seed.to_owned()),
            ..Values::default()
        };
        for odd in ["", "1\n2", "--set a.b=1", "1)", &"9".repeat(65)] {
            assert!(choices.taken(seed(odd)).is_err(), "{odd}");
        }
        assert!(choices.taken(seed("-17")).is_ok());
        let key = Values {
            key: Some("--overwrite".to_owned()),
            ..Values::default()
        };
        let order = order("score film a.mp4");
        let words = order.render(
            Path::new("a.mp4"),
            &choices.taken(key).unwrap(),
            Path::new("f"),
        );
        assert_eq!(read(words).tune.key.as_deref(), Some("--overwrite"));
        for style in ["nowhere", "../film"] {
            let style = Values {
                style: Some(style.to_owned()),
                ..Values::default()
            };
            assert!(choices.taken(style).is_err());
        }
        assert!(Choices::of(&kinds, true).styles.is_empty());
        assert!(choices.voices.iter().any(|voice| voice == "glass"));
    }
}
