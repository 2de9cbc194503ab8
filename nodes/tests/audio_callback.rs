//! The sound device's callback neither allocates nor waits for a lock: run under an allocator that
//! counts what this thread asks of it, and beside threads that would hold every lock that it could
//! take.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]
// An allocator cannot be written without it.
#![allow(unsafe_code)]

mod counting;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use score_engine::{AudioBlock, Counters, LiveClock};
use score_nodes::device::playback::{PlaybackForm, Shared, ring};

use counting::allocations;

#[test]
fn the_guard_sees_an_allocation() {
    assert!(allocations(|| drop(vec![1; 100])) >= 2);
}

#[test]
fn the_callback_neither_allocates_nor_frees_through_gaps_late_blocks_overflow_and_the_end() {
    let form = PlaybackForm {
        rate: 48_000,
        channels: 2,
        block: 256,
        latency: 3,
    };
    let shared = Arc::new(Shared::new(&Counters::default()));
    let clock = Arc::new(LiveClock::new());
    let (mut feed, mut playback) = ring(form, clock.clone(), shared.clone());
    let block = AudioBlock {
        rate: 48_000,
        channels: 2,
        samples: vec![0.5; 512],
    };
    let mut floats = vec![0.0f32; 512];
    let mut integers = vec![0i16; 2048];
    let mut seen = 0;
    for call in 0..20_000u64 {
        if call == 10 {
            shared.running.store(true, Ordering::SeqCst);
        }
        // Blocks near the clock, now and then none, twice the same, an old one, or one far ahead.
        let now = clock.now().to_samples(48_000) / 256;
        match call % 97 {
            0..8 => {}
            8 => feed.push(now.saturating_sub(40) * 256, &block),
            9 => feed.push((now + 100) * 256, &block),
            _ => feed.push(now * 256, &block),
        }
        if call == 19_000 {
            feed.end(now * 256);
        }
        if call == 19_500 {
            shared.closing.store(true, Ordering::SeqCst);
        }
        seen += allocations(|| {
            if call % 3 == 0 {
                playback.fill(&mut integers);
            } else {
                playback.fill(&mut floats);
            }
        });
    }
    assert_eq!(seen, 0);
    let counters = &shared.counters;
    for counter in [
        &counters.dropouts,
        &counters.late_frames,
        &counters.resyncs,
        &counters.missing_frames,
    ] {
        assert!(counter.load(Ordering::SeqCst) > 0, "{counters:?}");
    }
}

/// How often this thread has given its processor away of its own accord, as one that waits for a
/// lock does.
#[cfg(target_os = "linux")]
fn waits() -> i64 {
    // SAFETY: numbers only, for which zeros are a value.
    let mut usage: libc::rusage = unsafe { std::mem::zeroed() };
    // SAFETY: the structure is this thread's own and outlives the call.
    let refused = unsafe { libc::getrusage(libc::RUSAGE_THREAD, &raw mut usage) };
    assert_eq!(refused, 0);
    usage.ru_nvcsw
}

/// Waits that are the kernel's own: seldom, a thread waits without a lock too, such as for a page
/// of memory that the machine's host has taken away. A lock that the callback took in each call was
/// waited for 840 to 3,600 times in the test below.
#[cfg(target_os = "linux")]
const KERNELS_OWN: i64 = 10;

/// How often `work` waits while `beside` is done again and again by another thread.
#[cfg(target_os = "linux")]
fn waits_beside(mut beside: impl FnMut() + Send, work: impl FnOnce()) -> i64 {
    let (begun, over) = (AtomicBool::new(false), AtomicBool::new(false));
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !over.load(Ordering::SeqCst) {
                beside();
                begun.store(true, Ordering::SeqCst);
            }
        });
        while !begun.load(Ordering::SeqCst) {
            std::thread::yield_now();
        }
        let before = waits();
        work();
        let seen = waits() - before;
        over.store(true, Ordering::SeqCst);
        seen
    })
}

#[cfg(target_os = "linux")]
#[test]
fn the_guard_sees_a_lock_that_another_thread_holds() {
    let lock = Mutex::new(0u64);
    let hold = || {
        let held = lock.lock().unwrap();
        std::thread::sleep(Duration::from_millis(1));
        drop(held);
    };
    let seen = waits_beside(hold, || {
        for _ in 0..1_000 {
            *lock.lock().unwrap() += 1;
            let since = Instant::now();
            while since.elapsed() < Duration::from_micros(100) {
                std::hint::spin_loop();
            }
        }
    });
    assert!(seen > KERNELS_OWN, "{seen}");
}

#[cfg(target_os = "linux")]
#[test]
fn the_callback_never_waits_for_the_node_that_feeds_it_or_for_who_looks_at_its_counters() {
    let form = PlaybackForm {
        rate: 48_000,
        channels: 2,
        block: 256,
        latency: 3,
    };
    let shared = Arc::new(Shared::new(&Counters::default()));
    shared.running.store(true, Ordering::SeqCst);
    let clock = Arc::new(LiveClock::new());
    let (mut feed, mut playback) = ring(form, clock.clone(), shared.clone());
    let block = AudioBlock {
        rate: 48_000,
        channels: 2,
        samples: vec![0.5; 512],
    };
    let mut told = 0;
    let beside = || {
        let now = clock.now().to_samples(48_000) / 256;
        feed.push(now * 256, &block);
        told += format!("{:?} {:?}", shared.counters, clock.lead()).len();
    };
    let mut out = vec![0.0f32; 512];
    let seen = waits_beside(beside, || {
        for _ in 0..100_000 {
            playback.fill(&mut out);
        }
    });
    assert!(seen <= KERNELS_OWN, "it waited {seen} times");
    assert!(told > 0 && shared.counters.callbacks.load(Ordering::SeqCst) == 100_000);
}
