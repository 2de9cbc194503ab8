//! `score sample`

use score_engine::{Settings, Transport};
use score_nodes::music::{MusicModel, sample};

use crate::arguments::Sample;
use crate::command::{claim, drawing, require_place};
use crate::failure::Failure;

pub(crate) fn run(arguments: &Sample, settings: &Settings) -> Result<(), Failure> {
    require_place(&arguments.out)?;
    let claim = claim(&arguments.out, "score sample", arguments.drawing.overwrite)?;
    let seed = drawing::seed(&arguments.drawing);
    let name = drawing::model(&arguments.drawing, drawing::MUSIC);
    let asked = drawing::key_and_chords(&arguments.key_and_chords);
    let mut model = MusicModel::load(settings, name, &asked)?;
    let pieces = sample(
        &mut model,
        arguments.count as usize,
        arguments.temperature,
        seed,
    )?;
    let transport = Transport {
        tempo: arguments.tempo,
        ..Transport::default()
    };
    drawing::write_music(claim, &pieces, &model, &transport)?;
    let count = (model.plural(), pieces.len());
    let chords = model.lead_sheets(&pieces);
    drawing::report(
        &arguments.drawing,
        &arguments.out,
        count,
        &chords,
        Some(seed),
    )
}
