//! What counts as a tap on a MIDI key, pad or pedal.

use score_engine::Note;

use crate::device::midi::message::{Meaning, Message};

/// From this value on a controller is pressed.
const PRESSED: u8 = 64;

/// Whether the message is a tap: a key that goes down, or a controller that is pressed; of the one
/// with this number, where there is one.
pub(super) fn is_tap(message: Message, number: Option<u8>) -> bool {
    let wanted = |found: u8| number.is_none_or(|wanted| wanted == found);
    match message.meaning() {
        Some(Meaning::Note(Note::On { pitch, .. })) => wanted(pitch),
        Some(Meaning::Controller { number, value, .. }) => value >= PRESSED && wanted(number),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_that_go_down_and_controllers_that_are_pressed_tap() {
        let tap = |bytes: &[u8], number| is_tap(Message::from_bytes(bytes).unwrap(), number);
        assert!(tap(&[0x90, 60, 1], None) && tap(&[0x95, 60, 1], Some(60)));
        assert!(tap(&[0xB0, 64, 127], None) && tap(&[0xB3, 80, 64], Some(80)));
        assert!(!tap(&[0x80, 60, 1], None) && !tap(&[0x90, 60, 0], None));
        assert!(!tap(&[0xB0, 64, 0], None) && !tap(&[0x90, 61, 9], Some(60)));
        assert!(!tap(&[0xF8], None) && !tap(&[0xE0, 1, 1], None));
    }
}
