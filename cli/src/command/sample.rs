//! `score sample`

use score_engine::{Settings, Transport};
use score_nodes::music::{TuneModel, sample};

use crate::arguments::Sample;
use crate::command::{claim, drawing, require_place};
use crate::failure::Failure;

pub(crate) fn run(arguments: &Sample, settings: &Settings) -> Result<(), Failure> {
    require_place(&arguments.out)?;
    let claim = claim(&arguments.out, "score sample", arguments.drawing.overwrite)?;
    let seed = drawing::seed(&arguments.drawing);
    let name = drawing::model(&arguments.drawing, drawing::MELODIES);
    let mut model = TuneModel::load(settings, name)?;
    let melodies = sample(
        &mut model,
        arguments.count as usize,
        arguments.temperature,
        seed,
    )?;
    let transport = Transport {
        tempo: arguments.tempo,
        ..Transport::default()
    };
    drawing::write_melodies(claim, &melodies, &model, &transport)?;
    let count = ("melodies", melodies.len());
    drawing::report(&arguments.drawing, &arguments.out, count, Some(seed))
}
