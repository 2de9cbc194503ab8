//! Plans the bars to come: a theme for each scene, which comes back with it.

mod alike;
mod forecast;
mod form;
mod live_planner;
mod offline_phrase_planner;
mod offline_planner;
mod plan;
mod planner_node;
#[cfg(test)]
mod tests;
mod themes;
mod verses;

pub use forecast::{Forecast, Likely};
pub(super) use planner_node::Planner;
