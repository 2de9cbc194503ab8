//! Things that happen: made by the clock, counted, drawn, turned into numbers, and what they recall.

mod chance;
mod divide;
mod every;
mod once;
mod recall;
mod sequence;

use score_engine::Registry;

pub(crate) fn register(registry: &mut Registry) {
    registry.add::<chance::Chance>();
    registry.add::<divide::Divide>();
    registry.add::<every::Every>();
    registry.add::<once::Once>();
    registry.add::<recall::Recall>();
    registry.add::<sequence::Sequence>();
}
