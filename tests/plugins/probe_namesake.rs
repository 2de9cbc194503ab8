//! A plugin for the tests whose kind has the name of a built-in one, and other parameters.
#![allow(missing_docs)]

mod shift {
    pub(crate) const KIND: &str = "transpose";
    pub(crate) const OCTAVES: i64 = 2;
    include!("shift.rs");
}

use shift::Shift;

score_plugin::export!(Shift as "transpose");
