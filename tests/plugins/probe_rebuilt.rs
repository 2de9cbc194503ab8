//! The probe's `shift` as if it had been built anew: an octave higher.
#![allow(missing_docs)]

mod shift {
    pub(crate) const KIND: &str = "probe_shift";
    pub(crate) const OCTAVES: i64 = 1;
    include!("shift.rs");
}

use shift::Shift;

score_plugin::export!(Shift as "probe_shift");
