//! A recorder's take: its log, and after a zero byte its trace.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| score_nodes::fuzzing::take(bytes));
