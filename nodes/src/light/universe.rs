//! The levels of a DMX universe, and the packet that carries them: `ArtDmx` of Art-Net 4 (Artistic
//! Licence, "Specification for the Art-Net 4 Ethernet Communication Protocol").

/// Channels of a universe.
pub(super) const CHANNELS: usize = 512;

/// The port that Art-Net's devices listen at.
pub(super) const PORT: u16 = 0x1936;

/// What a packet begins with, and the number of its kind.
const NAME: &[u8; 8] = b"Art-Net\0";
const ART_DMX: u16 = 0x5000;

/// The version of the protocol.
const VERSION: u16 = 14;

/// How many bytes stand before the levels.
const HEAD: usize = 18;

/// The levels of one universe.
pub(super) struct Universe {
    levels: [u8; CHANNELS],
}

impl Universe {
    /// All is dark.
    pub(super) fn new() -> Self {
        Universe {
            levels: [0; CHANNELS],
        }
    }

    /// Sets the channel `number`, from 1, and with `fine` the next one too, to a value from 0 to 1;
    /// what is no number is 0.
    pub(super) fn set(&mut self, number: u16, value: f32, fine: bool) {
        let value = if value.is_nan() {
            0.0
        } else {
            f64::from(value).clamp(0.0, 1.0)
        };
        let first = usize::from(number.max(1)) - 1;
        let bytes = match fine {
            true => ((value * 65_535.0).round() as u16).to_be_bytes().to_vec(),
            false => vec![(value * 255.0).round() as u8],
        };
        for (level, byte) in self.levels.iter_mut().skip(first).zip(&bytes) {
            *level = *byte;
        }
    }

    /// The packet number `sequence` (1 to 255) with all levels of the universe `number`: a light
    /// holds what a shorter packet leaves out, also when its channel is not used any more.
    pub(super) fn packet(&self, number: u16, sequence: u8) -> Vec<u8> {
        let mut packet = Vec::with_capacity(HEAD + CHANNELS);
        packet.extend(NAME);
        packet.extend(ART_DMX.to_le_bytes());
        packet.extend(VERSION.to_be_bytes());
        // Which socket of the sender it comes from says nothing here.
        packet.extend([sequence, 0]);
        packet.extend((number & 0x7FFF).to_le_bytes());
        packet.extend((CHANNELS as u16).to_be_bytes());
        packet.extend(&self.levels);
        packet
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_packet_is_what_the_specification_says() {
        let mut universe = Universe::new();
        universe.set(1, 1.0, false);
        universe.set(3, 0.5, false);
        let packet = universe.packet(0x1234, 7);
        assert_eq!(packet[..12], *b"Art-Net\0\x00\x50\x00\x0E");
        assert_eq!(packet[12..18], [7, 0, 0x34, 0x12, 2, 0]);
        assert_eq!(packet[18..22], [255, 0, 128, 0]);
        assert_eq!(packet[22..], [0; 508]);
    }

    #[test]
    fn fine_values_have_two_channels_and_nothing_leaves_the_universe() {
        let mut universe = Universe::new();
        universe.set(2, 0.5, true);
        assert_eq!(universe.packet(0, 1)[18..22], [0, 128, 0, 0]);
        universe.set(512, 1.0, true);
        universe.set(600, 1.0, false);
        universe.set(0, f32::NAN, false);
        universe.set(1, f32::INFINITY, false);
        let packet = universe.packet(0, 1);
        assert_eq!(
            (packet.len(), packet[18], packet[529]),
            (18 + 512, 255, 255)
        );
    }
}
