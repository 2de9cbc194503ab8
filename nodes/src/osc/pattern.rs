//! Addresses, and patterns of addresses.

use rosc::address::{Matcher, OscAddress};

/// Longer addresses are not read.
const LONGEST: usize = 1_024;

/// An address, or a pattern of addresses.
#[derive(Clone, Debug)]
pub struct Pattern {
    text: String,
    matcher: Matcher,
}

/// Whether an address means several others.
pub fn is_pattern(address: &str) -> bool {
    address.contains(['*', '?', '[', '{'])
}

impl Pattern {
    /// Reads an address or a pattern.
    ///
    /// # Errors
    /// It is not one.
    pub fn parse(text: &str) -> Result<Self, String> {
        let wrong = |why: &str| Err(format!("`{text}` is not an OSC address: {why}"));
        if !text.starts_with('/') {
            return wrong("it begins with `/`");
        }
        if text.len() > LONGEST {
            return wrong("it is too long");
        }
        match Matcher::new(text) {
            Ok(matcher) => Ok(Pattern {
                text: text.to_owned(),
                matcher,
            }),
            Err(_) => wrong(
                "names between `/` have no spaces, `#` or `,`, and brackets of a pattern close",
            ),
        }
    }

    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// Whether a message with this address, which may be a pattern too, is meant.
    pub fn takes(&self, address: &str) -> bool {
        if address == self.text {
            return true;
        }
        if address.len() > LONGEST {
            return false;
        }
        let plain = |text: &str| OscAddress::new(text.to_owned()).ok();
        if let Some(address) = plain(address) {
            return self.matcher.match_address(&address);
        }
        let pattern = Matcher::new(address);
        plain(&self.text).is_some_and(|own| pattern.is_ok_and(|theirs| theirs.match_address(&own)))
    }
}

/// The address that a message is sent to.
///
/// # Errors
/// It is not one.
pub(super) fn require_address(text: &str) -> Result<(), String> {
    let wrong = |why: &str| Err(format!("`{text}` is not an OSC address: {why}"));
    if !text.starts_with('/') {
        return wrong("it begins with `/`");
    }
    match OscAddress::new(text.to_owned()) {
        Ok(_) if text.len() <= LONGEST => Ok(()),
        Ok(_) => wrong("it is too long"),
        Err(_) => wrong("names between `/` have no spaces and none of `# * , ? [ ] { }`"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn takes(pattern: &str, address: &str) -> bool {
        Pattern::parse(pattern).unwrap().takes(address)
    }

    #[test]
    fn a_pattern_takes_the_addresses_that_it_means_and_no_others() {
        for (pattern, address, is_meant) in [
            ("/1/fader1", "/1/fader1", true),
            ("/1/fader1", "/1/fader2", false),
            ("/1/fader1", "/1/fader1/x", false),
            ("/1/*", "/1/fader2", true),
            ("/1/*", "/2/fader2", false),
            ("/1/fader?", "/1/fader2", true),
            ("/1/fader[1-3]", "/1/fader2", true),
            ("/1/fader[1-3]", "/1/fader4", false),
            ("/{a,b}/x", "/b/x", true),
            ("/{a,b}/x", "/c/x", false),
            // Senders may use patterns too.
            ("/1/fader1", "/1/*", true),
            ("/1/fader1", "/2/*", false),
            ("/1/*", "/1/*", true),
            ("/1/*", "not an address", false),
        ] {
            assert_eq!(takes(pattern, address), is_meant, "{pattern} {address}");
        }
        assert!(!takes("/*", &format!("/{}", "a".repeat(LONGEST))));
    }

    #[test]
    fn what_is_not_an_address_is_refused() {
        for wrong in ["", "fader", "/", "/a b", "/a[", "/{a", "/a//b"] {
            assert!(Pattern::parse(wrong).is_err(), "{wrong}");
            assert!(require_address(wrong).is_err(), "{wrong}");
        }
        for only_patterns in ["/*", "/a?", "/{a,b}"] {
            assert!(Pattern::parse(only_patterns).is_ok());
            assert!(require_address(only_patterns).is_err());
        }
        assert_eq!(require_address("/show/1/motion"), Ok(()));
    }
}
