//! A SoundFont.
#![no_main]

// Playing catches panics that rustysynth is known for. The fuzzer's own hook would end the program
// at each; those that nobody catches end it all the same.
libfuzzer_sys::fuzz_target!(
    init: std::panic::set_hook(Box::new(|panic| eprintln!("{panic}"))),
    |bytes: &[u8]| score_nodes::fuzzing::sound_font(bytes)
);
