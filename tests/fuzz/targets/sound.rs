//! A WAV, FLAC, Ogg Vorbis or MP3 file.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| score_nodes::fuzzing::sound(bytes));
