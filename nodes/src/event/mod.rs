//! Things that happen: made by the clock, counted, drawn, and turned into numbers.

mod chance;
mod divide;
mod every;
mod once;
mod sequence;

use score_engine::Registry;

pub(crate) fn register(registry: &mut Registry) {
    registry.add::<chance::Chance>();
    registry.add::<divide::Divide>();
    registry.add::<every::Every>();
    registry.add::<once::Once>();
    registry.add::<sequence::Sequence>();
}
