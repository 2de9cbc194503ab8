//! Binds a patch to a film: its nodes read the film, and what they write is called after it. Each
//! kind of node declares what its files are for, so that no kind need be known by name.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use score_engine::{
    Descriptor, FileContent, FileRole, Graph, GraphFile, NodeError, Override, ParamType, Registry,
    Settings, Source, Value,
};

use crate::command::require_place;
use crate::failure::Failure;

/// What to bind.
#[derive(Clone, Copy)]
pub(crate) struct Binding<'a> {
    pub(crate) source: &'a Source,
    pub(crate) registry: &'a Registry,
    pub(crate) settings: &'a Settings,
    pub(crate) film: &'a Path,
    /// The name of all files that are written, without an ending.
    pub(crate) name: &'a Path,
    /// The voice that the melody gets.
    pub(crate) voice: Option<&'a str>,
    /// Whether what can be written apart is, though the patch does not say so.
    pub(crate) stems: bool,
    /// Whether sheet music is drawn, though the patch does not say so.
    pub(crate) pdf: bool,
    /// The tune that is played as the theme, and the phrases that have it.
    pub(crate) theme: Option<&'a Path>,
    pub(crate) theme_scene: Option<&'a str>,
    /// Whether stems and sheet music are left out where the patch has none.
    pub(crate) can_be_left_out: bool,
}

/// The ending of pages that are drawn.
const PDF: &str = "pdf";

impl Binding<'_> {
    /// The values that bind the patch's nodes; films that are written end with `film_ending`.
    ///
    /// # Errors
    /// A name cannot be written to, or would overwrite the film.
    pub(crate) fn overrides(&self, film_ending: &str) -> Result<Vec<Override>, Failure> {
        let mut overrides = Vec::new();
        let mut outputs: Vec<Output> = Vec::new();
        let mut voice = self.voice;
        let mut themed = BTreeSet::new();
        for (id, kind) in self.source.nodes() {
            let Some(kind) = self.registry.kind(&kind) else {
                continue;
            };
            if let Some(theme) = self.theme
                && takes_theme(kind.descriptor())
                // The first of a kind is the melody's, as in all built-in patches.
                && themed.insert(kind.descriptor().kind.to_string())
            {
                overrides.push(path(&id, THEME, theme)?.typed_as("--theme"));
                let scene = self
                    .theme_scene
                    .map(|scene| Override::text(&id, THEME_SCENE, scene));
                overrides.extend(scene.map(|scene| scene.typed_as("--theme-scene")));
            }
            for param in &kind.descriptor().params {
                let is_film = param.purpose.content == Some(FileContent::Film);
                match param.param_type {
                    ParamType::File(FileRole::Read) if is_film => {
                        overrides.push(path(&id, &param.name, self.film)?);
                    }
                    ParamType::File(FileRole::Write) => outputs.push(Output {
                        node: id.clone(),
                        param: param.name.to_string(),
                        ending: match &param.purpose.ending {
                            _ if is_film => Some(film_ending.to_owned()),
                            ending => ending.as_deref().map(str::to_owned),
                        },
                        take: param.purpose.take,
                        each: param.purpose.each.is_some(),
                        is_sure: param.default != Some(Value::Null)
                            || (self.stems && param.purpose.each.is_some())
                            || (self.pdf && param.purpose.ending.as_deref() == Some(PDF)),
                    }),
                    // The first is the melody's, as in all built-in patches.
                    _ if param.name == "voice" => overrides.extend(
                        (voice.take())
                            .map(|voice| Override::text(&id, "voice", voice).typed_as("--voice")),
                    ),
                    _ => {}
                }
            }
        }
        let is_wanted = |given: bool| given && !self.can_be_left_out;
        if is_wanted(self.stems) && !outputs.iter().any(|output| output.each) {
            let why = "there are no stems: the patch has no mixer into which parts are wired";
            return Err(NodeError::input(why)
                .help("leave --stems out, or use a patch with a mixer, such as graphs/film.ron")
                .into());
        }
        if is_wanted(self.pdf) && !outputs.iter().any(Output::is_pdf) {
            let why = "there is no sheet music to draw: the patch writes none";
            return Err(NodeError::input(why)
                .help("leave --pdf out, or use a patch with `sheet_music`, such as graphs/film.ron")
                .into());
        }
        if self.theme.is_some() && themed.is_empty() {
            let why = "nobody plays the theme: no node of the patch has a `theme`";
            return Err(NodeError::input(why)
                .help("leave --theme out, or use a patch with a stream_decoder, such as graphs/film.ron")
                .into());
        }
        if !outputs.iter().all(Output::is_known) {
            outputs = self.known_by_patch(&overrides, outputs);
        }
        for output in &outputs {
            let written = output.named(self.name, &outputs);
            require_place(&written)?;
            if is_one_file(&written, self.film) {
                let why = format!("`{}` would overwrite the film", written.display());
                return Err(NodeError::output(why)
                    .help("choose another name with --out")
                    .into());
            }
            let named = path(&output.node, &output.param, &written)?;
            overrides.push(match output.each {
                true => named.typed_as("--stems"),
                false if self.pdf && output.is_pdf() => named.typed_as("--pdf"),
                false => named,
            });
        }
        Ok(overrides)
    }

    /// The outputs with what only the patch itself says: whether an optional file is written, and
    /// how a name ends where the kind does not declare it.
    fn known_by_patch(&self, overrides: &[Override], outputs: Vec<Output>) -> Vec<Output> {
        let checked = score_engine::check(self.source, overrides, self.registry, self.settings);
        // Errors in the patch are reported when all names are known.
        let Ok(graph) = checked else { return outputs };
        let of_patch = |mut output: Output| {
            let mut files = graph.files();
            let own = files.find(|file| (file.node, file.param) == (&output.node, &output.param));
            let ending = |file: GraphFile<'_>| Some(file.path.extension()?.to_str()?.to_owned());
            let is_written = output.is_sure || own.is_some();
            output.ending = output.ending.or_else(|| own.and_then(ending));
            is_written.then_some(output)
        };
        outputs.into_iter().filter_map(of_patch).collect()
    }
}

/// The parameters of a node that plays a user's own tune.
const THEME: &str = "theme";
const THEME_SCENE: &str = "theme_scene";

/// Whether a kind has a parameter for a tune that is its theme.
fn takes_theme(kind: &Descriptor) -> bool {
    kind.params.iter().any(|param| {
        param.name == THEME
            && param.param_type == ParamType::File(FileRole::Read)
            && param.purpose.content == Some(FileContent::Notes)
    })
}

/// The film that a patch writes, and the node that does.
pub(super) fn written_film(graph: &Graph) -> Option<(&str, PathBuf)> {
    let mut films = graph.files().filter(|file| {
        file.role == FileRole::Write && file.purpose.content == Some(FileContent::Film)
    });
    films.next().map(|film| (film.node, film.path))
}

/// A file that a node will write.
struct Output {
    node: String,
    param: String,
    /// How its name ends, without the point; `None`: its kind does not say.
    ending: Option<String>,
    take: bool,
    /// Whether it is one file for each wire into an input.
    each: bool,
    /// Whether it is written whatever the patch says.
    is_sure: bool,
}

impl Output {
    /// Whether nothing has to be looked up in the patch.
    fn is_known(&self) -> bool {
        self.is_sure && self.ending.is_some()
    }

    /// Whether it is drawn sheet music.
    fn is_pdf(&self) -> bool {
        self.ending.as_deref() == Some(PDF)
    }

    /// `name` with the output's ending. A node's id tells several of one ending apart; a take
    /// always has it.
    fn named(&self, name: &Path, all: &[Output]) -> PathBuf {
        let is_alike = |other: &&Output| {
            !other.take && (&other.ending, other.each) == (&self.ending, self.each)
        };
        let own = all.iter().filter(|other| other.node == self.node);
        let mut name = name.as_os_str().to_os_string();
        if self.each {
            name.push("-stem");
        }
        if self.take || all.iter().filter(is_alike).count() > 1 {
            name.push(format!("-{}", self.node.replace('/', "_")));
        }
        if own.filter(is_alike).count() > 1 {
            name.push(format!("-{}", self.param));
        }
        if let Some(ending) = &self.ending {
            name.push(format!(".{ending}"));
        }
        PathBuf::from(name)
    }
}

fn is_one_file(one: &Path, other: &Path) -> bool {
    match (one.canonicalize(), other.canonicalize()) {
        (Ok(one), Ok(other)) => one == other,
        _ => false,
    }
}

fn path(node: &str, param: &str, path: &Path) -> Result<Override, Failure> {
    let text = path.to_str().ok_or_else(|| {
        Failure::Message(format!(
            "the name `{}` is not UTF-8; give the file another",
            path.display()
        ))
    })?;
    Ok(Override::text(node, param, text))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn output(node: &str, ending: &str, take: bool) -> Output {
        Output {
            node: node.to_owned(),
            param: "path".to_owned(),
            ending: Some(ending.to_owned()),
            take,
            each: false,
            is_sure: true,
        }
    }

    #[test]
    fn a_name_with_a_dot_keeps_it_and_ids_tell_apart_what_ends_alike() {
        let names = |outputs: &[Output], name: &str| -> Vec<String> {
            let named = |one: &Output| one.named(Path::new(name), outputs).display().to_string();
            outputs.iter().map(named).collect()
        };
        let sound = output("sound", "wav", false);
        let take = output("take", "wav", true);
        assert_eq!(
            names(&[sound, take, output("notes", "mid", false)], "out/take.2"),
            ["out/take.2.wav", "out/take.2-take.wav", "out/take.2.mid"]
        );
        let two = [
            output("left", "wav", false),
            output("a/right", "wav", false),
        ];
        assert_eq!(names(&two, "out"), ["out-left.wav", "out-a_right.wav"]);
        let mut both = [output("both", "wav", false), output("both", "wav", false)];
        both[1].param = "other".to_owned();
        assert_eq!(
            names(&both, "out"),
            ["out-both-path.wav", "out-both-other.wav"]
        );
        let mut stems = [output("mix", "wav", false), output("sound", "wav", false)];
        stems[0].each = true;
        assert_eq!(names(&stems, "out"), ["out-stem.wav", "out.wav"]);
    }
}
