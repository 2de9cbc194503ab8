//! What the bytes of a library say of it before anything of it runs: nothing here loads a library.

use object::read::{ExportTarget, NameOrOrdinal};
use object::{Object, ObjectSegment};

use super::LoadError;
use super::file::is_cut_short;
use crate::abi;
use crate::manifest::{self, Manifest};

/// Bytes of a [`abi::Header`] up to the text that names the SDK.
const HEAD: u64 = 24;

/// What is known of a library of this program's interface.
#[derive(Clone, Debug, Default)]
pub(super) struct Inspected {
    pub(super) name: Option<String>,
    pub(super) version: Option<String>,
    /// None where the library has no manifest.
    pub(super) kinds: Option<Vec<String>>,
}

/// Looks at the bytes of a library.
///
/// # Errors
/// It is not a plugin, not whole, or made for another interface.
pub(super) fn inspect(bytes: &[u8]) -> Result<Inspected, LoadError> {
    if is_cut_short(bytes) {
        return Err(LoadError::CutShort);
    }
    let file = object::File::parse(bytes).map_err(|why| LoadError::System(why.to_string()))?;
    let exports: Vec<object::Export<'_>> = file
        .exports()
        .and_then(Iterator::collect)
        .map_err(|why| LoadError::System(why.to_string()))?;
    let symbol = |wanted: &str| {
        // A C compiler for macOS puts a `_` before every name.
        let is_it = |name: &[u8]| name.strip_prefix(b"_").unwrap_or(name) == wanted.as_bytes();
        exports
            .iter()
            .find_map(|export| match (export.name(), export.target()) {
                (NameOrOrdinal::Name(name), ExportTarget::Address { address }) if is_it(name) => {
                    Some(address)
                }
                _ => None,
            })
    };
    let text = abi::SYMBOL.strip_suffix(b"\0").unwrap_or(abi::SYMBOL);
    let header = symbol(&String::from_utf8_lossy(text)).ok_or(LoadError::NoPlugin)?;
    let image = Image { file: &file };
    let head = image.read(header, HEAD).ok_or(LoadError::NoPlugin)?;
    let Some(head) = head.strip_prefix(&abi::MAGIC) else {
        return Err(LoadError::NoPlugin);
    };
    let version = head.first_chunk().copied().map(u32::from_ne_bytes);
    let layout = head.last_chunk().copied().map(u64::from_ne_bytes);
    let [sdk, name, own_version] =
        [0, 1, 2].map(|text| image.text(header.checked_add(HEAD + 16 * text)?));
    if let Some(theirs) = version.filter(|version| *version != abi::VERSION) {
        let sdk = sdk.unwrap_or_else(|| "of unknown version".to_owned());
        return Err(LoadError::OtherVersion { theirs, sdk });
    }
    if let Some(theirs) = layout.filter(|layout| *layout != abi::LAYOUT) {
        return Err(LoadError::OtherLayout { theirs });
    }
    Ok(
        match symbol(manifest::SYMBOL).and_then(|at| image.manifest(at)) {
            Some(manifest) => Inspected {
                name: Some(manifest.plugin),
                version: Some(manifest.version),
                kinds: Some(manifest.kinds),
            },
            None => Inspected {
                name,
                version: own_version,
                kinds: None,
            },
        },
    )
}

/// A library as the system would lay it out in memory.
struct Image<'a> {
    file: &'a object::File<'a>,
}

impl<'a> Image<'a> {
    /// What lies at an address.
    fn read(&self, address: u64, size: u64) -> Option<&'a [u8]> {
        let mut segments = self.file.segments();
        segments.find_map(|segment| segment.data_range(address, size).ok().flatten())
    }

    fn manifest(&self, address: u64) -> Option<Manifest> {
        let head = self.read(address, Manifest::HEAD as u64)?;
        let length = Manifest::text_length(head)? as u64;
        let text = address.checked_add(Manifest::HEAD as u64)?;
        Manifest::read(self.read(text, length)?)
    }

    /// The text that an [`abi::Text`] at `address` leads to, where the file says so before it is
    /// loaded: its pointer is set by a relocation then. One with anything but plain words in it
    /// is ignored.
    fn text(&self, address: u64) -> Option<String> {
        let length = address.checked_add(8)?;
        let length = self.read(length, 8)?.first_chunk().copied();
        let length = length
            .map(u64::from_ne_bytes)
            .filter(|length| *length < 100)?;
        let mut moves = self.file.dynamic_relocations()?;
        let (_, to) = moves.find(|(at, _)| *at == address)?;
        let text = str::from_utf8(self.read(to.addend().cast_unsigned(), length)?).ok()?;
        let is_plain = |letter: char| letter.is_ascii_graphic();
        text.chars().all(is_plain).then(|| text.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_plugin_is_told_without_loading_it() {
        assert!(matches!(inspect(b""), Err(LoadError::CutShort)));
        assert!(matches!(inspect(b"text"), Err(LoadError::System(_))));
        let program = std::fs::read(std::env::current_exe().unwrap()).unwrap();
        assert!(matches!(inspect(&program), Err(LoadError::NoPlugin)));
    }
}
