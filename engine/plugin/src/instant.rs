//! Moments of the wall's clock as numbers that both sides understand.

use std::sync::OnceLock;
use std::time::{Duration, Instant};

static ORIGIN: OnceLock<Instant> = OnceLock::new();

/// The moment from which this side counts; the program's first, and the same moment in every
/// plugin.
fn origin() -> Instant {
    *ORIGIN.get_or_init(Instant::now)
}

/// In a plugin: `elapsed` nanoseconds have gone by since the program's origin.
pub(crate) fn start(elapsed: i64) {
    let now = Instant::now();
    let elapsed = Duration::from_nanos(u64::try_from(elapsed).unwrap_or(0));
    ORIGIN.get_or_init(|| now.checked_sub(elapsed).unwrap_or(now));
}

/// Nanoseconds from the origin to `instant`; negative where it lies before.
pub(crate) fn to_nanos(instant: Instant) -> i64 {
    let nanos = |span: Duration| i64::try_from(span.as_nanos()).unwrap_or(i64::MAX);
    match instant.checked_duration_since(origin()) {
        Some(since) => nanos(since),
        None => -nanos(origin().saturating_duration_since(instant)),
    }
}

/// The moment `nanos` after the origin.
pub(crate) fn from_nanos(nanos: i64) -> Instant {
    let span = Duration::from_nanos(nanos.unsigned_abs());
    let moment = if nanos < 0 {
        origin().checked_sub(span)
    } else {
        origin().checked_add(span)
    };
    moment.unwrap_or_else(origin)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_comes_back_as_it_went() {
        let now = Instant::now();
        for moment in [
            now,
            now + Duration::from_secs(5),
            now - Duration::from_millis(3),
        ] {
            assert_eq!(from_nanos(to_nanos(moment)), moment);
        }
    }
}
