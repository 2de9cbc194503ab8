//! The model that knows which code is likely to follow others.

use std::collections::VecDeque;

use score_engine::{NodeError, Settings};

use crate::model::{Data, Manifest, Session, Task};

/// A loaded planner of a model of the task `stream`.
pub struct Forecast {
    planner: Session,
    dimension: usize,
    /// Bars that it looks back on.
    bars: usize,
}

/// The code that is likely to come next, as a normal distribution of each component.
#[derive(Clone, Debug, PartialEq)]
pub struct Likely {
    /// Means.
    pub mean: Vec<f32>,
    /// Standard deviations.
    pub deviation: Vec<f32>,
}

impl Forecast {
    /// Loads the planner of the model called `name` from the settings' folder of models.
    ///
    /// # Errors
    /// There is no such model, it has no planner, or it cannot be loaded.
    pub fn load(settings: &Settings, name: &str) -> Result<Self, NodeError> {
        let manifest = Manifest::of(settings)?;
        let model = manifest.model(name, Task::Stream)?;
        let planner = manifest.open(model, "planner")?;
        let inputs = planner.inputs();
        let history = inputs.iter().find(|input| input.name == "history");
        let bars = history.and_then(|history| *history.shape.get(1)?);
        Ok(Forecast {
            dimension: model.latent,
            bars: bars.filter(|bars| *bars > 0).ok_or_else(|| {
                NodeError::model(format!(
                    "the planner of `{name}` does not say on how many bars it looks back"
                ))
            })?,
            planner,
        })
    }

    /// The dimension of the codes.
    pub fn dimension(&self) -> usize {
        self.dimension
    }

    /// The bars that it looks back on.
    pub fn bars(&self) -> usize {
        self.bars
    }

    /// What is likely to follow these codes, the newest at the back.
    ///
    /// # Errors
    /// The model fails, or gives what are not numbers.
    pub fn next(&mut self, history: &VecDeque<Vec<f32>>) -> Result<Likely, NodeError> {
        let known = history.len().min(self.bars);
        let missing = self.bars - known;
        let mut codes = vec![0.0; missing * self.dimension];
        for code in history.iter().skip(history.len() - known) {
            codes.extend(code.iter().take(self.dimension));
        }
        let mut mask = vec![0.0; missing];
        mask.resize(self.bars, 1.0);
        let mut came = self.planner.run(
            &[
                (
                    "history",
                    &[1, self.bars, self.dimension],
                    Data::F32(&codes),
                ),
                ("mask", &[1, self.bars], Data::F32(&mask)),
            ],
            &["mean", "deviation"],
        )?;
        let (Some(deviation), Some(mean)) = (came.pop(), came.pop()) else {
            return Err(NodeError::internal("the planner gave nothing"));
        };
        let whole = |values: &[f32]| {
            values.len() == self.dimension && values.iter().all(|value| value.is_finite())
        };
        if !whole(&mean.values) || !whole(&deviation.values) {
            return Err(NodeError::model(
                "the planner gave a latent that is not a number",
            ));
        }
        Ok(Likely {
            mean: mean.values,
            deviation: deviation.values,
        })
    }
}
