//! What one end of the link between two computers says to the other.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| score_nodes::fuzzing::net(bytes));
