//! `score interpolate`

use score_engine::Settings;
use score_nodes::music::{Melody, interpolate, sheet};

use crate::arguments::Interpolate;
use crate::command::{claim, drawing, require_place};
use crate::failure::Failure;

pub(crate) fn run(arguments: &Interpolate, settings: &Settings) -> Result<(), Failure> {
    require_place(&arguments.out)?;
    let claim = claim(
        &arguments.out,
        "score interpolate",
        arguments.drawing.overwrite,
    )?;
    let seed = drawing::seed(&arguments.drawing);
    let mut melody = Melody::load(settings, &arguments.drawing.model)?;
    let from = sheet::read(&arguments.from, melody.layout())?;
    let to = sheet::read(&arguments.to, melody.layout())?;
    let melodies = interpolate(
        &mut melody,
        (&from.tokens, &to.tokens),
        arguments.steps as usize,
        arguments.temperature,
        seed,
    )?;
    sheet::write(claim, &melodies, melody.layout(), &from.transport)?;
    // At temperature 0 nothing is drawn: every seed gives the same.
    let seed = (arguments.temperature > 0.0).then_some(seed);
    drawing::report(&arguments.drawing, &arguments.out, melodies.len(), seed)
}
