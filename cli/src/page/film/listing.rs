//! The list of films and patches as pages get it: made once for all that ask at the same time, and
//! again only after a while, so that nobody keeps the disk busy by asking.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::body::Bytes;
use tokio::sync::Mutex;

/// How long a list is taken to be true at least.
const FRESH: Duration = Duration::from_secs(1);

/// How many times as long as it took it is taken to be true: whoever asks without a pause has a disk
/// read for a tenth of the time.
const SHARE: u32 = 9;

/// The list that was made last.
#[derive(Default)]
pub(super) struct Listing(Arc<Mutex<Option<Made>>>);

struct Made {
    list: Bytes,
    at: Instant,
    took: Duration,
}

impl Made {
    fn is_fresh(&self, now: Instant) -> bool {
        let lasts = FRESH.max(self.took.saturating_mul(SHARE));
        now.saturating_duration_since(self.at) < lasts
    }
}

impl Listing {
    /// The list; `make` makes it, on a thread that may wait for the disk. `None`: it could not be
    /// made.
    pub(super) async fn get(
        &self,
        make: impl FnOnce() -> Vec<u8> + Send + 'static,
    ) -> Option<Bytes> {
        let mut made = self.0.clone().lock_owned().await;
        if let Some(made) = made.as_ref().filter(|made| made.is_fresh(Instant::now())) {
            return Some(made.list.clone());
        }
        // The thread holds the lock: it is the only one that looks, even if whoever asked is gone.
        let makes = move || {
            let begun = Instant::now();
            let list = Bytes::from(make());
            *made = Some(Made {
                list: list.clone(),
                at: Instant::now(),
                took: begun.elapsed(),
            });
            list
        };
        tokio::task::spawn_blocking(makes).await.ok()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[test]
    fn one_list_is_made_for_all_who_ask_even_if_they_do_not_wait_for_it() {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .build()
            .unwrap();
        let listing = Arc::new(Listing::default());
        let count = Arc::new(AtomicUsize::new(0));
        let (open, opens) = crossbeam_channel::bounded::<()>(0);
        let makes = {
            let (count, opens) = (count.clone(), opens.clone());
            move || {
                count.fetch_add(1, Ordering::AcqRel);
                let _ = opens.recv();
                b"films".to_vec()
            }
        };
        runtime.block_on(async {
            // The first does not wait for it, and goes while it is being made.
            let gone = tokio::spawn({
                let (listing, makes) = (listing.clone(), makes.clone());
                async move { listing.get(makes).await }
            });
            while count.load(Ordering::Acquire) == 0 {
                tokio::task::yield_now().await;
            }
            gone.abort();
            assert!(gone.await.unwrap_err().is_cancelled());
            let asked: Vec<_> = (0..50)
                .map(|_| {
                    let (listing, makes) = (listing.clone(), makes.clone());
                    tokio::spawn(async move { listing.get(makes).await })
                })
                .collect();
            tokio::task::yield_now().await;
            drop(open);
            for asked in asked {
                assert_eq!(asked.await.unwrap().unwrap(), "films");
            }
        });
        assert_eq!(count.load(Ordering::Acquire), 1);
    }

    #[test]
    fn a_list_that_takes_long_to_make_is_true_for_longer() {
        let at = Instant::now();
        let made = |took: u64| Made {
            list: Bytes::new(),
            at,
            took: Duration::from_secs(took),
        };
        let after = |seconds: u64| at + Duration::from_secs(seconds);
        assert!(made(0).is_fresh(at) && !made(0).is_fresh(after(1)));
        assert!(made(20).is_fresh(after(179)) && !made(20).is_fresh(after(180)));
    }
}
