//! Packets of OSC, and what listeners say.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| score::fuzzing::osc(bytes));
