//! Messages of a channel as changes, and changes as messages.

use score_engine::ChannelChange;

/// The middle of pitch bend's two times seven bits.
const NO_BEND: i32 = 8192;

/// What a message with this status byte and data does to its channel; `None`: nothing that is known
/// here.
pub(crate) fn change(status: u8, first: u8, second: u8) -> Option<ChannelChange> {
    let channel = status & 0x0F;
    match status & 0xF0 {
        0xB0 => Some(ChannelChange::Controller {
            channel,
            number: first,
            value: f32::from(second) / 127.0,
        }),
        0xC0 => Some(ChannelChange::Program {
            channel,
            number: first,
        }),
        0xE0 => {
            let bend = (i32::from(second) << 7 | i32::from(first)) - NO_BEND;
            Some(ChannelChange::Bend {
                channel,
                value: bend as f32 / NO_BEND as f32,
            })
        }
        _ => None,
    }
}

/// The status byte and the data of a change; a program has one byte of data, and 0 for the other.
pub(crate) fn bytes(change: ChannelChange) -> [u8; 3] {
    let channel = change.channel() & 0x0F;
    match change {
        ChannelChange::Controller { number, value, .. } => {
            [0xB0 | channel, number & 0x7F, seven_bits(value)]
        }
        ChannelChange::Program { number, .. } => [0xC0 | channel, number & 0x7F, 0],
        ChannelChange::Bend { value, .. } => {
            let bend = (value * NO_BEND as f32).round() as i32 + NO_BEND;
            let bend = bend.clamp(0, 0x3FFF);
            [0xE0 | channel, (bend & 0x7F) as u8, (bend >> 7) as u8]
        }
    }
}

/// A number from 0 to 1 in seven bits; what is not a number becomes 0.
pub(crate) fn seven_bits(value: f32) -> u8 {
    (value * 127.0).round().clamp(0.0, 127.0) as u8
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_change_becomes_the_message_that_it_was() {
        let messages =
            (0..128).flat_map(|data| [[0xB3, 11, data], [0xC3, data, 0], [0xE3, data, 127 - data]]);
        for [status, first, second] in messages {
            let change = change(status, first, second).unwrap();
            assert_eq!(bytes(change), [status, first, second]);
        }
        assert_eq!(change(0xD0, 1, 0), None);
    }
}
