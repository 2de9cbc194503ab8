//! A file of examples of the node `teach`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| score_nodes::fuzzing::examples(bytes));
