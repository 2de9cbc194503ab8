//! Plans the bars to come: a theme for each scene, which comes back with it.

mod alike;
mod drafting;
mod forecast;
mod form;
mod forming;
mod plan;
mod planner_node;
mod planning;
#[cfg(test)]
mod tests;
mod themes;
mod verses;

pub use forecast::{Forecast, Likely};
pub(super) use planner_node::Planner;
