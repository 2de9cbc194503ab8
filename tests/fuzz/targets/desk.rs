//! Messages of MIDI, three bytes each, that play a live run.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| score_nodes::fuzzing::desk(bytes));
