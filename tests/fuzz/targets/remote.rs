//! Requests to a live run, a line each.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| score::fuzzing::remote(bytes));
