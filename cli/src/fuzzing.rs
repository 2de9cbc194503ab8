//! What `tests/fuzz` feeds; not part of the library.

use std::path::Path;
use std::sync::LazyLock;

use score_engine::{Live, LiveOptions, Settings};

use crate::remote::{Published, Remote};

/// A run whose only live values are the transport's.
static REMOTE: LazyLock<Remote> = LazyLock::new(|| {
    let mut live = Live::new(&Settings::default(), LiveOptions::default());
    let published = Published::default();
    published.publish(&live.status());
    Remote::new(live.steering(), published, Path::new("show.ron"))
});

/// Lines of a client.
pub fn remote(bytes: &[u8]) {
    for line in bytes.split(|byte| *byte == b'\n') {
        let answer = REMOTE.answer(line);
        assert!(
            answer.find('\n') == Some(answer.len() - 1),
            "one line each way"
        );
    }
}

/// What all doors for OSC share, of a run whose only live values are the transport's.
#[cfg(feature = "osc")]
static STATE: LazyLock<crate::osc::OscState> = LazyLock::new(|| {
    let live = Live::new(&Settings::default(), LiveOptions::default());
    let nobody = std::net::SocketAddr::from(([127, 0, 0, 1], 9));
    crate::osc::OscState::new(live.steering(), "show", nobody)
});

/// A packet of OSC, and what a listener says.
#[cfg(feature = "osc")]
pub fn osc(bytes: &[u8]) {
    crate::osc::fuzz(&STATE, bytes);
}

/// What an open page sends, of a run whose only live values are the transport's.
#[cfg(feature = "page")]
pub fn page(bytes: &[u8]) {
    crate::page::fuzz(bytes);
}
