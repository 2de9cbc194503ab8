//! What `osc_in` does with packets of any bytes: for tests that it survives them.

use std::time::{Instant, SystemTime};

use rosc::OscMessage;

use super::heard::Heard;
use super::osc_in::strike;
use super::pattern::Pattern;
use super::reading;
use crate::complaints::Complaints;
use crate::midi::keyboard::Keyboard;

/// Does with a packet all that a node does which listens to `address`, and throws away what comes.
pub(crate) fn take(address: &str, bytes: &[u8]) {
    let Ok(pattern) = Pattern::parse(address) else {
        return;
    };
    let (begun, mut keyboard) = (Instant::now(), Keyboard::default());
    let take = |wait, message: OscMessage| {
        let is_meant = pattern.takes(&message.addr);
        let heard = is_meant.then(|| Heard::of(begun + wait, &message));
        if let Some(note) = heard.flatten().and_then(|heard| heard.note) {
            strike(&mut keyboard, note);
        }
    };
    reading::read(bytes, SystemTime::now(), &Complaints::of("OSC"), take);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn any_bytes_are_taken_or_left(
            bytes: Vec<u8>,
            address in "/[a-z!*?{,}\\[\\]/#-]{0,30}",
            own in "/[a-z!*?{,}\\[\\]/#-]{0,30}",
            tags in ",[ifsbTFNItdSrhcm\\[\\]]{0,8}",
        ) {
            take(&own, &bytes);
            let padded = |text: &str| {
                let mut padded = text.as_bytes().to_vec();
                padded.resize(text.len() / 4 * 4 + 4, 0);
                padded
            };
            let packet = [padded(&address), padded(&tags), bytes].concat();
            take(&own, &packet);
        }
    }
}
