//! An address or a pattern, a zero byte, and a packet of OSC.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| score_nodes::fuzzing::osc_in(bytes));
