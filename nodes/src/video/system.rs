//! Which system's devices are meant.

/// A family of operating systems, each with its own way to cameras and screens. A value rather than
/// conditional compilation, so that the arguments for every one are compiled and tested on all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum System {
    /// Video4Linux2 and X11; also the BSDs, as far as they have them.
    Linux,
    /// AVFoundation.
    MacOs,
    /// DirectShow and GDI.
    Windows,
}

impl System {
    /// The one that this program runs on.
    pub(crate) fn this() -> Self {
        if cfg!(target_os = "macos") {
            System::MacOs
        } else if cfg!(windows) {
            System::Windows
        } else {
            System::Linux
        }
    }
}
