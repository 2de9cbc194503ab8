//! Messages of MIDI clocks, timecode and taps, and what follows them.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| score_nodes::fuzzing::clocks(bytes));
