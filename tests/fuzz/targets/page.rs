//! What an open page of a run sends.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| score::fuzzing::page(bytes));
