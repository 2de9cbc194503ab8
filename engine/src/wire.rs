//! One wire: a bounded channel with a policy and counters.

/// What a wire does when its reader is late.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Policy {
    /// Only the newest packet waits.
    Latest,
    /// Up to so many packets wait; the oldest makes room for a new one.
    DropOldest(usize),
    /// Up to so many packets wait; then the sender does.
    Block(usize),
}
