//! A MIDI file.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| score_nodes::fuzzing::midi(bytes));
