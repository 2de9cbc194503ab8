//! What a library says of itself in its bytes, so that its name, version and kinds are known before
//! anything of it runs.
//!
//! It stands beside the header under a symbol of its own, so that the interface stays as it is: a
//! program that does not know the symbol loads the library all the same, and a library without it
//! is loaded as before.

/// The name of the manifest among a plugin's symbols.
pub const SYMBOL: &str = "SCORE_PLUGIN_MANIFEST";

/// What every manifest begins with. The length of the text follows as four bytes, little end first,
/// then the text: a line with the plugin's name, one with its version, and one for each kind.
pub const MAGIC: [u8; 8] = *b"SCOREMF1";

/// What a manifest says, as [`crate::export`] collects it.
pub struct Text<'a> {
    /// The plugin's crate.
    pub plugin: &'a str,
    /// Its version.
    pub version: &'a str,
    /// The type of each kind as it stands in the source, and the kind's name where that is given.
    pub kinds: &'a [(&'a str, &'a [&'a str])],
}

impl Text<'_> {
    /// Bytes of the manifest.
    pub const fn length(&self) -> usize {
        self.write::<0>().length
    }

    /// The manifest; `N` is its length.
    pub const fn bytes<const N: usize>(&self) -> [u8; N] {
        self.write::<N>().bytes
    }

    const fn write<const N: usize>(&self) -> Writer<N> {
        let mut text = Writer::<0>::new();
        self.write_text(&mut text);
        let mut all = Writer::<N>::new();
        all.push_all(&MAGIC);
        all.push_all(&(text.length as u32).to_le_bytes());
        self.write_text(&mut all);
        all
    }

    const fn write_text<const N: usize>(&self, writer: &mut Writer<N>) {
        writer.push_all(self.plugin.as_bytes());
        writer.push(b'\n');
        writer.push_all(self.version.as_bytes());
        let mut index = 0;
        while index < self.kinds.len() {
            let (of_type, stated) = self.kinds[index];
            writer.push(b'\n');
            match stated {
                [name, ..] => writer.push_all(name.as_bytes()),
                [] => writer.push_snake_case(of_type.as_bytes()),
            }
            index += 1;
        }
    }
}

/// Writes as long as there is room, and counts what there is none for.
struct Writer<const N: usize> {
    bytes: [u8; N],
    length: usize,
}

impl<const N: usize> Writer<N> {
    const fn new() -> Self {
        Writer {
            bytes: [0; N],
            length: 0,
        }
    }

    const fn push(&mut self, byte: u8) {
        if self.length < N {
            self.bytes[self.length] = byte;
        }
        self.length += 1;
    }

    const fn push_all(&mut self, bytes: &[u8]) {
        let mut index = 0;
        while index < bytes.len() {
            self.push(bytes[index]);
            index += 1;
        }
    }

    /// `nodes::EdgeDensity` as `edge_density`.
    const fn push_snake_case(&mut self, of_type: &[u8]) {
        let mut begin = 0;
        let mut index = 0;
        while index < of_type.len() && of_type[index] != b'<' {
            if matches!(of_type[index], b':' | b' ') {
                begin = index + 1;
            }
            index += 1;
        }
        let end = index;
        index = begin;
        while index < end {
            if of_type[index].is_ascii_uppercase() && index > begin {
                self.push(b'_');
            }
            self.push(of_type[index].to_ascii_lowercase());
            index += 1;
        }
    }
}

/// What a manifest says, as a program reads it.
#[derive(Clone, Debug, PartialEq)]
pub struct Manifest {
    /// The plugin's crate.
    pub plugin: String,
    /// Its version.
    pub version: String,
    /// Its kinds.
    pub kinds: Vec<String>,
}

impl Manifest {
    /// Bytes in front of the text.
    pub const HEAD: usize = MAGIC.len() + 4;

    /// How long the text is of a manifest that begins with `head`; `None` where none begins so.
    #[must_use]
    pub fn text_length(head: &[u8]) -> Option<usize> {
        let length = head.strip_prefix(&MAGIC)?.first_chunk::<4>()?;
        // What claims more than thousands of kinds is not a manifest.
        usize::try_from(u32::from_le_bytes(*length))
            .ok()
            .filter(|length| *length <= 1 << 20)
    }

    /// What `text` says; `None` where it holds anything but names and versions, which nobody should
    /// be shown.
    #[must_use]
    pub fn read(text: &[u8]) -> Option<Manifest> {
        let is_plain = |line: &&str| {
            let mut letters = line.chars();
            !line.is_empty()
                && letters.all(|letter| letter.is_ascii_alphanumeric() || "_-.+".contains(letter))
        };
        let text = str::from_utf8(text).ok()?;
        let lines: Vec<&str> = text.split('\n').filter(is_plain).collect();
        let [plugin, version, kinds @ ..] = lines.as_slice() else {
            return None;
        };
        (lines.len() == text.split('\n').count()).then(|| Manifest {
            plugin: (*plugin).to_owned(),
            version: (*version).to_owned(),
            kinds: kinds.iter().map(|kind| (*kind).to_owned()).collect(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: Text<'static> = Text {
        plugin: "echo-er",
        version: "1.2.3-a+b",
        kinds: &[
            ("EdgeDensity", &[]),
            ("nodes :: Pass<u8>", &[]),
            ("Shift", &["probe_shift"]),
        ],
    };

    #[test]
    fn a_manifest_written_while_compiling_is_read_back() {
        const BYTES: [u8; TEXT.length()] = TEXT.bytes();
        let length = Manifest::text_length(&BYTES).unwrap();
        assert_eq!(Manifest::HEAD + length, BYTES.len());
        let manifest = Manifest::read(&BYTES[Manifest::HEAD..]).unwrap();
        assert_eq!(manifest.plugin, "echo-er");
        assert_eq!(manifest.version, "1.2.3-a+b");
        assert_eq!(manifest.kinds, ["edge_density", "pass", "probe_shift"]);
    }

    #[test]
    fn what_could_harm_a_terminal_is_no_manifest() {
        for text in ["", "a", "a\n1\n\x1b[2J", "a\n1\nb c", "a\n\nb", "a\n1\nü"] {
            assert_eq!(Manifest::read(text.as_bytes()), None, "{text:?}");
        }
        assert_eq!(Manifest::text_length(b"SCOREMF1\xff\xff\xff\xff"), None);
        assert_eq!(Manifest::text_length(b"SCOREMF1\x01"), None);
    }
}
