//! How large a patch may be: more than anybody writes, and less than what fills the memory.
//!
//! A patch may come from a stranger, and a saved edit must never end what plays. Each limit refuses
//! the patch with a message that names it; `docs/patches.md` lists them.

/// Bytes that one file may have, the patch or one that it includes.
pub const MAX_FILE: u64 = 4 << 20;

/// Bytes that the patch and all that it includes may have together, each file counted once.
pub const MAX_TEXT: usize = 8 << 20;

/// Files that may be included in all, each as often as it is included.
pub const MAX_PARTS: usize = 256;

/// Patches that may be included within each other.
pub const MAX_PARTS_WITHIN: usize = 16;

/// Brackets within brackets, those too that `use` brings along.
pub const MAX_BRACKETS: usize = 64;

/// Values in a patch and all that it includes, with what `let` gives written out in the place of
/// each `use`, and each included file counted as often as it is included.
pub const MAX_VALUES: usize = 200_000;

/// Bytes of text in all these values.
pub const MAX_VALUE_TEXT: usize = 16 << 20;

/// Nodes in all.
pub const MAX_NODES: usize = 4_096;

/// Wires in all.
pub const MAX_WIRES: usize = 16_384;

/// Presets in all.
pub const MAX_PRESETS: usize = 1_024;

/// Values of one preset.
pub const MAX_PRESET_VALUES: usize = 1_024;

/// The largest power of a curve, of a wire's range as of a cue's way, and one over it the smallest.
pub const MAX_CURVE: f64 = 100.0;

/// Entries of opening hours.
pub const MAX_HOURS: usize = 256;

/// Cues in all.
pub const MAX_CUES: usize = 1_024;

/// MIDI controllers, and messages of MIDI that recall something, in all.
pub const MAX_CONTROLLERS: usize = 1_024;

/// Mistakes that are listed; the others are counted.
pub const MAX_MISTAKES: usize = 50;

/// Bytes of one message about a patch.
pub const MAX_MESSAGE: usize = 2_000;
