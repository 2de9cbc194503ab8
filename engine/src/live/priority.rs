//! Lets a thread come before others.

/// The real-time priority asked for: below what sound servers take for themselves (JACK: 10 and
/// up).
#[cfg(unix)]
const PRIORITY: u8 = 5;

/// Lets this thread come before all ordinary ones, where the system allows it (on Linux with
/// CAP_SYS_NICE or a limit `rtprio`). Returns whether it does.
pub(super) fn come_first() -> bool {
    #[cfg(unix)]
    {
        use thread_priority::unix::{
            RealtimeThreadSchedulePolicy, ThreadSchedulePolicy, set_thread_priority_and_policy,
            thread_native_id,
        };
        use thread_priority::{ThreadPriority, ThreadPriorityValue};

        let policy = ThreadSchedulePolicy::Realtime(RealtimeThreadSchedulePolicy::RoundRobin);
        ThreadPriorityValue::try_from(PRIORITY).is_ok_and(|priority| {
            let priority = ThreadPriority::Crossplatform(priority);
            set_thread_priority_and_policy(thread_native_id(), priority, policy).is_ok()
        })
    }
    #[cfg(not(unix))]
    {
        use thread_priority::{ThreadPriority, set_current_thread_priority};

        set_current_thread_priority(ThreadPriority::Max).is_ok()
    }
}
