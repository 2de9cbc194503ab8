//! A clock that all programs of a machine read alike.

/// Nanoseconds on a clock that goes on evenly and says the same in every program of this machine.
/// Reading it neither allocates nor waits.
#[cfg(unix)]
#[must_use]
pub fn monotonic() -> i64 {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
    now.tv_sec
        .saturating_mul(1_000_000_000)
        .saturating_add(now.tv_nsec)
}

/// Nanoseconds on a clock that goes on evenly: here each program has its own, and none speaks to
/// another.
#[cfg(not(unix))]
#[must_use]
pub fn monotonic() -> i64 {
    use std::sync::OnceLock;
    use std::time::Instant;
    static BEGIN: OnceLock<Instant> = OnceLock::new();
    let begin = BEGIN.get_or_init(Instant::now);
    i64::try_from(begin.elapsed().as_nanos()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_never_goes_back() {
        let times: Vec<i64> = (0..1_000).map(|_| monotonic()).collect();
        assert!(times.is_sorted());
        assert!(times[0] > 0);
    }
}
