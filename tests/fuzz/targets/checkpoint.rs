//! A checkpoint of Magenta: config.json, the manifest and a file of weights, with zero bytes
//! between them.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| score_magenta::fuzzing::checkpoint(bytes));
