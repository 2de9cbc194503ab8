//! Two patches on two computers as one piece: `net_out` sends to `net_in` over one connection.

mod door;
mod handshake;
mod inbox;
mod link;
mod meeting;
mod net_in;
mod net_out;
mod offset;
mod outbox;
#[cfg(test)]
mod tests;
mod wire;

use score_engine::Registry;

pub(crate) fn register(registry: &mut Registry) {
    registry.add::<net_in::NetIn>();
    registry.add::<net_out::NetOut>();
}

/// Reads messages and a greeting from bytes, for the fuzz target.
#[cfg(feature = "fuzzing")]
pub(crate) fn take(bytes: &[u8]) {
    let mut rest = bytes;
    while let Ok(message) = wire::Message::read(&mut rest) {
        let mut again = Vec::new();
        message.write(&mut again);
        assert!(wire::Message::read(&mut again.as_slice()).is_ok());
    }
    handshake::fuzz(bytes);
}
