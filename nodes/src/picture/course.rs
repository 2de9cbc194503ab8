//! What happens in the course of a run, in a fixed room: when it is full, every second item goes.

use score_engine::Time;

/// Items by time, at most `most` of them, evenly spread.
pub(crate) struct Course<T> {
    items: Vec<(Time, T)>,
    most: usize,
    /// Of this many items that come, one is kept.
    stride: u64,
    seen: u64,
}

impl<T> Course<T> {
    pub(crate) fn new(most: usize) -> Self {
        Course {
            items: Vec::new(),
            most,
            stride: 1,
            seen: 0,
        }
    }

    /// At most `most` items are kept from now on.
    pub(crate) fn keep(&mut self, most: usize) {
        self.most = most;
    }

    pub(crate) fn push(&mut self, time: Time, item: T) {
        self.push_made(time, || item);
    }

    /// As [`Course::push`] with an item that is made only if it is kept.
    pub(crate) fn push_made(&mut self, time: Time, make: impl FnOnce() -> T) {
        if self.seen.is_multiple_of(self.stride) {
            if self.items.len() >= self.most {
                let mut index = 0;
                self.items.retain(|_| {
                    index += 1;
                    index % 2 == 1
                });
                self.stride *= 2;
            }
            if self.seen.is_multiple_of(self.stride) {
                self.items.push((time, make()));
            }
        }
        self.seen += 1;
    }

    /// The items that are kept, in the order in which they came.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &(Time, T)> {
        self.items.iter()
    }

    /// The item that holds at `time`: the last that came before or then.
    pub(crate) fn at(&self, time: Time) -> Option<&T> {
        let after = self.items.partition_point(|(came, _)| *came <= time);
        self.items.get(after.checked_sub(1)?).map(|(_, item)| item)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_course_that_is_to_keep_less_or_more_stays_even() {
        let mut course = Course::new(8);
        for n in 0..1000 {
            match n {
                300 => course.keep(2),
                600 => course.keep(16),
                _ => {}
            }
            course.push(Time::from_nanos(n), n);
        }
        assert!((1..=16).contains(&course.items.len()));
        assert!(course.items.iter().all(|(_, n)| *n % 16 == 0));
    }

    #[test]
    fn a_long_course_stays_small_and_even() {
        let mut course = Course::new(8);
        for n in 0..1000 {
            course.push(Time::from_nanos(n), n);
        }
        assert!(course.items.len() <= 8);
        let steps: Vec<i64> = course
            .items
            .windows(2)
            .map(|pair| pair[1].1 - pair[0].1)
            .collect();
        assert!(steps.iter().all(|step| *step == steps[0]), "{steps:?}");
        assert_eq!(course.at(Time::from_nanos(5)), Some(&0));
        assert_eq!(course.at(Time::from_nanos(-1)), None);
    }
}
