//! Plans the bars to come: a theme for each scene, which comes back with it.

mod drafting;
mod forecast;
mod plan;
mod planner_node;
mod planning;
#[cfg(test)]
mod tests;
mod themes;

pub use forecast::{Forecast, Likely};
pub(super) use planner_node::Planner;
