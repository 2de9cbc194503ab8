//! `score draw`

use score_engine::Settings;
use score_nodes::drawing::{PictureModel, draw, require_room, square, write_sheet};

use crate::arguments::Draw;
use crate::command::{claim, drawing, require_place};
use crate::failure::Failure;

pub(crate) fn run(arguments: &Draw, settings: &Settings) -> Result<(), Failure> {
    require_place(&arguments.out)?;
    require_room(arguments.count as usize, arguments.size)?;
    let claim = claim(&arguments.out, "score draw", arguments.drawing.overwrite)?;
    let seed = drawing::seed(&arguments.drawing);
    let name = drawing::model(&arguments.drawing, drawing::PICTURES);
    let mut model = PictureModel::load(settings, name)?;
    let pictures = draw(&mut model, arguments.count as usize, seed)?;
    write_sheet(claim, &pictures, arguments.size, square(pictures.len()))?;
    let count = ("pictures", pictures.len());
    drawing::report(&arguments.drawing, &arguments.out, count, &[], Some(seed))
}
