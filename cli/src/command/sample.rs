//! `score sample`

use score_engine::{Settings, Transport};
use score_nodes::music::{Melody, sample, sheet};

use crate::arguments::Sample;
use crate::command::{claim, drawing, require_place};
use crate::failure::Failure;

pub(crate) fn run(arguments: &Sample, settings: &Settings) -> Result<(), Failure> {
    require_place(&arguments.out)?;
    let claim = claim(&arguments.out, "score sample", arguments.drawing.overwrite)?;
    let seed = drawing::seed(&arguments.drawing);
    let mut melody = Melody::load(settings, &arguments.drawing.model)?;
    let melodies = sample(
        &mut melody,
        arguments.count as usize,
        arguments.temperature,
        seed,
    )?;
    let transport = Transport {
        tempo: arguments.tempo,
        ..Transport::default()
    };
    sheet::write(claim, &melodies, melody.layout(), &transport)?;
    drawing::report(
        &arguments.drawing,
        &arguments.out,
        melodies.len(),
        Some(seed),
    )
}
