//! What lets streams of any type through, chooses among them, and joins them.

mod gate;
mod merge;
mod passing;
mod switch;

use score_engine::Registry;

pub(crate) fn register(registry: &mut Registry) {
    registry.add::<gate::Gate>();
    registry.add::<merge::Merge>();
    registry.add::<switch::Switch>();
}
