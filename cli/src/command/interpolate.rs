//! `score interpolate`

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use score_engine::{NodeError, Settings};
use score_nodes::drawing::{self as pictures, PictureModel, picture_of, require_room, write_sheet};
use score_nodes::music::{MusicModel, interpolate};

use crate::arguments::Interpolate;
use crate::command::{claim, drawing, require_place};
use crate::failure::Failure;

/// Pictures in a row of the sheet, at most.
const ROW: usize = 12;

/// The owner of what is written.
const COMMAND: &str = "score interpolate";

pub(crate) fn run(arguments: &Interpolate, settings: &Settings) -> Result<(), Failure> {
    match (is_music(&arguments.from), is_music(&arguments.to)) {
        (true, true) => between_pieces(arguments, settings),
        (false, false) => between_pictures(arguments, settings),
        _ => Err(NodeError::input(format!(
            "`{}` and `{}` are music and a picture: there is no way between them",
            arguments.from.display(),
            arguments.to.display()
        ))
        .help("give two MIDI files, or two pictures or films")
        .into()),
    }
}

/// Whether a file is one of notes: by its name, or by what it begins with.
fn is_music(path: &Path) -> bool {
    let ending = path.extension().and_then(|ending| ending.to_str());
    let known = ["mid", "midi"];
    let by_name =
        ending.is_some_and(|ending| known.iter().any(|one| ending.eq_ignore_ascii_case(one)));
    let begins = || {
        let mut head = [0; 4];
        let read = File::open(path).and_then(|mut file| file.read_exact(&mut head));
        read.is_ok() && &head == b"MThd"
    };
    by_name || begins()
}

/// The file to write.
fn out(arguments: &Interpolate, usual: &str) -> PathBuf {
    arguments
        .out
        .clone()
        .unwrap_or_else(|| PathBuf::from(usual))
}

fn between_pieces(arguments: &Interpolate, settings: &Settings) -> Result<(), Failure> {
    let out = out(arguments, "interpolate.mid");
    require_place(&out)?;
    let claim = claim(&out, COMMAND, arguments.drawing.overwrite)?;
    let seed = drawing::seed(&arguments.drawing);
    let name = drawing::model(&arguments.drawing, drawing::MUSIC);
    let asked = drawing::key_and_chords(&arguments.key_and_chords);
    let mut model = MusicModel::load(settings, name, &asked)?;
    let from = model.read(&arguments.from)?;
    let to = model.read(&arguments.to)?;
    let pieces = interpolate(
        &mut model,
        (&from.tokens, &to.tokens),
        arguments.steps as usize,
        arguments.temperature,
        seed,
    )?;
    drawing::write_music(claim, &pieces, &model, &from.transport)?;
    // At temperature 0 nothing is drawn: every seed gives the same.
    let seed = (arguments.temperature > 0.0).then_some(seed);
    let count = (model.plural(), pieces.len());
    let chords = model.lead_sheets(&pieces);
    drawing::report(&arguments.drawing, &out, count, &chords, seed)
}

fn between_pictures(arguments: &Interpolate, settings: &Settings) -> Result<(), Failure> {
    let asked = &arguments.key_and_chords;
    if asked.key.is_some() || asked.chords.is_some() {
        let why = NodeError::input("pictures are drawn in no key and on no chords");
        return Err(why.help("leave out --key and --chords").into());
    }
    let out = out(arguments, "interpolate.png");
    require_place(&out)?;
    // With the two pictures themselves.
    require_room(arguments.steps as usize + 2, arguments.size)?;
    let claim = claim(&out, COMMAND, arguments.drawing.overwrite)?;
    let from = picture_of(&arguments.from)?;
    let to = picture_of(&arguments.to)?;
    let name = drawing::model(&arguments.drawing, drawing::PICTURES);
    let mut model = PictureModel::load(settings, name)?;
    let drawn = pictures::interpolate(&mut model, (&from, &to), arguments.steps as usize)?;
    let count = ("pictures", drawn.len());
    let sheet: Vec<_> = std::iter::once(from).chain(drawn).chain([to]).collect();
    write_sheet(claim, &sheet, arguments.size, sheet.len().min(ROW))?;
    drawing::report(&arguments.drawing, &out, count, &[], None)
}
