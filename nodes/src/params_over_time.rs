//! Parameters as they were in the course of a render, for nodes that decide only at its end.

use score_engine::Time;

/// The values that a node's parameters had, and from when on. A wire may change them while the
/// node still collects.
pub(crate) struct ParamsOverTime<P> {
    values: Vec<(Time, P)>,
    is_new: bool,
}

impl<P> Default for ParamsOverTime<P> {
    fn default() -> Self {
        ParamsOverTime {
            values: Vec::new(),
            is_new: true,
        }
    }
}

impl<P: Clone> ParamsOverTime<P> {
    /// The parameters have changed: what is collected next comes with new ones.
    pub(crate) fn changed(&mut self) {
        self.is_new = true;
    }

    /// What comes at `time` comes with these parameters.
    pub(crate) fn collect(&mut self, time: Time, params: &P) {
        if std::mem::take(&mut self.is_new) {
            self.values.push((time, params.clone()));
        }
    }

    /// The parameters at `time`; before anything came, the first. `None` where nothing came.
    pub(crate) fn at(&self, time: Time) -> Option<&P> {
        let after = self.values.partition_point(|(since, _)| *since <= time);
        let holds = self.values.get(after.saturating_sub(1));
        holds.map(|(_, params)| params)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_time_has_the_parameters_that_were_there_then() {
        let at = |seconds: u32| Time::from_seconds(f64::from(seconds));
        let mut params = ParamsOverTime::default();
        assert_eq!(params.at(at(5)), None);
        params.collect(at(1), &'a');
        params.collect(at(2), &'a');
        params.changed();
        params.collect(at(3), &'b');
        assert_eq!(params.values.len(), 2);
        let found = [0, 1, 2, 3, 9].map(|seconds| params.at(at(seconds)).copied());
        assert_eq!(found, ['a', 'a', 'a', 'b', 'b'].map(Some));
    }
}
