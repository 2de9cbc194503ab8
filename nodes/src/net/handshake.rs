//! How two ends come to trust each other: each sends a number that was never used before, and
//! proves by it that it has the secret, which itself never leaves its computer.

use std::io::{self, Read, Write};
use std::path::Path;

use hmac::{Hmac, KeyInit, Mac};
use score_engine::NodeError;
use sha2::Sha256;

/// With what each end begins; the last byte is the version of what follows.
const GREETING: [u8; 8] = *b"SCOREN\0\x01";

/// The shortest secret, in bytes, and the longest that is read.
const SHORTEST: usize = 12;
const LONGEST: u64 = 4_096;

/// The longest refusal, in bytes.
const LONGEST_WHY: usize = 1_000;

/// What the two ends have and nobody else.
#[derive(Clone)]
pub(super) struct Secret(Vec<u8>);

impl Secret {
    /// The secret in a file, without the white space at its ends.
    ///
    /// # Errors
    /// It cannot be read, or is too short or too long.
    pub(super) fn read(path: &Path) -> Result<Self, NodeError> {
        let name = path.display();
        let refuse = |why: String| {
            NodeError::input(format!("the secret in `{name}` cannot be used: {why}")).help(
                "make one for both computers: head -c 24 /dev/urandom | base64 > stage.secret",
            )
        };
        let mut bytes = Vec::new();
        let file = std::fs::File::open(path).map_err(|why| refuse(why.to_string()))?;
        let read = file.take(LONGEST + 1).read_to_end(&mut bytes);
        read.map_err(|why| refuse(why.to_string()))?;
        let secret = bytes.trim_ascii();
        match secret.len() {
            length if length < SHORTEST => {
                Err(refuse(format!("it has less than {SHORTEST} characters")))
            }
            length if length as u64 > LONGEST => {
                Err(refuse(format!("it has more than {LONGEST} characters")))
            }
            _ => Ok(Secret(secret.to_vec())),
        }
    }

    /// What only who has the secret can make of `parts`.
    fn over(&self, parts: &[&[u8]]) -> Option<Hmac<Sha256>> {
        // HMAC takes keys of any length.
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.0).ok()?;
        parts.iter().for_each(|part| mac.update(part));
        Some(mac)
    }
}

/// Which types one end sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Offer {
    /// Pictures, controls, events, notes.
    pub(super) others: [bool; 4],
    /// Latents of this dimension.
    pub(super) latent: Option<u32>,
}

impl Offer {
    fn bytes(self) -> [u8; 8] {
        let mut bytes = [0; 8];
        for (byte, other) in bytes.iter_mut().zip(self.others) {
            *byte = u8::from(other);
        }
        bytes[4..].copy_from_slice(&self.latent.unwrap_or(0).to_le_bytes());
        bytes
    }

    fn of(bytes: [u8; 8]) -> Self {
        let [a, b, c, d, latent @ ..] = bytes;
        let latent = u32::from_le_bytes(latent);
        Offer {
            others: [a, b, c, d].map(|byte| byte != 0),
            latent: (latent > 0).then_some(latent),
        }
    }
}

/// Why two ends do not come together.
#[derive(Debug)]
pub(super) enum Refusal {
    /// The connection failed.
    Broken(io::Error),
    /// One end does not want the other: why, in words for the artist.
    Refused(String),
}

impl From<io::Error> for Refusal {
    fn from(error: io::Error) -> Self {
        Refusal::Broken(error)
    }
}

fn refused<T>(why: impl Into<String>) -> Result<T, Refusal> {
    Err(Refusal::Refused(why.into()))
}

/// A number that nobody has used before.
fn nonce() -> Result<[u8; 32], Refusal> {
    let mut nonce = [0; 32];
    getrandom::fill(&mut nonce).map_err(|why| io::Error::other(why.to_string()))?;
    Ok(nonce)
}

fn take<const N: usize>(from: &mut impl Read) -> io::Result<[u8; N]> {
    let mut bytes = [0; N];
    from.read_exact(&mut bytes)?;
    Ok(bytes)
}

fn greeted(greeting: [u8; 8], other: &str) -> Result<(), Refusal> {
    match greeting {
        GREETING => Ok(()),
        _ if greeting[..7] == GREETING[..7] => refused(format!(
            "the other end speaks version {} of the link, this one version {}; use the same SCORE! on both",
            greeting[7], GREETING[7]
        )),
        _ => refused(other),
    }
}

/// The proofs of both ends. What both said is in each, so that nobody between them can change it.
const SENDER: &[u8] = b"net_out";
const RECEIVER: &[u8] = b"net_in";

/// What a sender does to be let in by a receiver.
///
/// # Errors
/// It is not let in, or does not trust the receiver.
pub(super) fn call(
    stream: &mut (impl Read + Write),
    secret: Option<&Secret>,
    offer: Offer,
) -> Result<(), Refusal> {
    let (own, offered) = (nonce()?, offer.bytes());
    stream.write_all(&[&GREETING[..], &own, &offered].concat())?;
    greeted(take(stream)?, "another program answers at this port")?;
    let theirs: [u8; 32] = take(stream)?;
    let parts = |who: &'static [u8]| [who, &own, &theirs, &offered];
    let proof = secret.and_then(|secret| secret.over(&parts(SENDER)));
    let proof = proof.map_or([0; 32], |proof| proof.finalize().into_bytes().into());
    stream.write_all(&proof)?;
    let proof: [u8; 32] = take(stream)?;
    let length = usize::from(u16::from_le_bytes(take(stream)?));
    if length > 0 {
        let mut why = vec![0; length.min(LONGEST_WHY)];
        stream.read_exact(&mut why)?;
        return refused(format!(
            "the other end refuses: {}",
            String::from_utf8_lossy(&why)
        ));
    }
    let Some(secret) = secret else { return Ok(()) };
    match secret
        .over(&parts(RECEIVER))
        .map(|mac| mac.verify_slice(&proof))
    {
        Some(Ok(())) => Ok(()),
        _ => refused("the other end does not have this secret"),
    }
}

/// What a receiver does when a sender calls; `fits` says why it does not want what is offered.
///
/// # Errors
/// The sender is not let in.
pub(super) fn answer(
    stream: &mut (impl Read + Write),
    secret: Option<&Secret>,
    fits: impl FnOnce(Offer) -> Result<(), String>,
) -> Result<(), Refusal> {
    let greeting = take(stream)?;
    let (theirs, offered): ([u8; 32], [u8; 8]) = match greeted(greeting, "it is another program") {
        Ok(()) => (take(stream)?, take(stream)?),
        Err(why) => {
            // So that the other end can say which version it has met.
            stream.write_all(&GREETING)?;
            return Err(why);
        }
    };
    let own = nonce()?;
    stream.write_all(&[&GREETING[..], &own].concat())?;
    let proof: [u8; 32] = take(stream)?;
    let parts = |who: &'static [u8]| [who, &theirs, &own, &offered];
    let is_trusted = match secret {
        None => proof == [0; 32],
        Some(secret) => {
            let mac = secret.over(&parts(SENDER));
            mac.is_some_and(|mac| mac.verify_slice(&proof).is_ok())
        }
    };
    let wanted = match (is_trusted, secret) {
        (true, _) => fits(Offer::of(offered)),
        (false, Some(_)) => Err("it has another secret, or none".to_owned()),
        (false, None) => Err("it has a secret and this end has none".to_owned()),
    };
    if let Err(why) = wanted {
        let words = why.as_bytes();
        let words = &words[..words.len().min(LONGEST_WHY)];
        let length = u16::try_from(words.len()).unwrap_or(u16::MAX).to_le_bytes();
        stream.write_all(&[&[0; 32], &length[..], words].concat())?;
        return refused(why);
    }
    let proof = secret.and_then(|secret| secret.over(&parts(RECEIVER)));
    let proof: [u8; 32] = proof.map_or([0; 32], |proof| proof.finalize().into_bytes().into());
    stream.write_all(&[&proof[..], &[0, 0]].concat())?;
    Ok(())
}

/// Takes bytes for what the other end of a meeting says, from either side.
#[cfg(feature = "fuzzing")]
pub(super) fn fuzz(bytes: &[u8]) {
    struct Said<'a>(&'a [u8]);
    impl Read for Said<'_> {
        fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
            self.0.read(into)
        }
    }
    impl Write for Said<'_> {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            Ok(bytes.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let secret = Secret(b"a secret of bytes".to_vec());
    let offer = Offer {
        others: [true; 4],
        latent: Some(64),
    };
    assert!(call(&mut Said(bytes), Some(&secret), offer).is_err());
    assert!(answer(&mut Said(bytes), Some(&secret), |_| Ok(())).is_err());
    let _ = call(&mut Said(bytes), None, offer);
    let _ = answer(&mut Said(bytes), None, |_| Ok(()));
}

#[cfg(test)]
mod tests {
    use std::net::{TcpListener, TcpStream};

    use super::*;

    const OFFER: Offer = Offer {
        others: [true, false, true, false],
        latent: Some(64),
    };

    /// What both ends say of each other.
    fn meet(caller: Option<&str>, receiver: Option<&str>, fits: bool) -> (String, String) {
        let secret = |text: &str| Secret(text.as_bytes().to_vec());
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let mut out = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (mut into, _) = listener.accept().unwrap();
        let said = |result: Result<(), Refusal>| match result {
            Ok(()) => "yes".to_owned(),
            Err(Refusal::Refused(why)) => why,
            Err(Refusal::Broken(why)) => format!("broken: {why}"),
        };
        std::thread::scope(|scope| {
            let answered = scope.spawn(|| {
                let own = receiver.map(secret);
                said(answer(&mut into, own.as_ref(), |offer| {
                    assert_eq!(offer, OFFER);
                    fits.then_some(()).ok_or_else(|| "latents".to_owned())
                }))
            });
            let own = caller.map(secret);
            let called = said(call(&mut out, own.as_ref(), OFFER));
            (called, answered.join().unwrap())
        })
    }

    #[test]
    fn only_ends_with_the_same_secret_come_together_and_both_say_why_not() {
        let yes = || ("yes".to_owned(), "yes".to_owned());
        assert_eq!(meet(None, None, true), yes());
        assert_eq!(meet(Some("one"), Some("one"), true), yes());
        for (caller, receiver, word) in [
            (Some("one"), Some("two"), "another secret"),
            (None, Some("two"), "another secret"),
            (Some("one"), None, "this end has none"),
        ] {
            let (called, answered) = meet(caller, receiver, true);
            assert!(
                called.contains("refuses") && called.contains(word),
                "{called}"
            );
            assert!(answered.contains(word), "{answered}");
        }
        let (called, answered) = meet(Some("one"), Some("one"), false);
        assert_eq!(
            (called.as_str(), answered.as_str()),
            ("the other end refuses: latents", "latents")
        );
    }

    /// One end of a conversation whose other end has already said all.
    struct Said(&'static [u8], Vec<u8>);

    impl Read for Said {
        fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
            self.0.read(into)
        }
    }

    impl Write for Said {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.1.write(bytes)
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_receiver_that_only_pretends_to_have_the_secret_is_found_out() {
        // It greets, and says yes with a proof of its own making.
        const LIE: &[u8] = &{
            let mut lie = [7; 8 + 32 + 32 + 2];
            let mut at = 0;
            while at < 8 {
                lie[at] = GREETING[at];
                at += 1;
            }
            lie[72] = 0;
            lie[73] = 0;
            lie
        };
        let secret = Secret(b"the real one".to_vec());
        let mut liar = Said(LIE, Vec::new());
        let refused = call(&mut liar, Some(&secret), OFFER);
        assert!(matches!(refused, Err(Refusal::Refused(why)) if why.contains("does not have")));
        // The secret itself was never sent.
        assert!(!liar.1.windows(8).any(|bytes| bytes == b"the real"));
        let mut other = Said(b"HTTP/1.1 400 Bad Request\r\n", Vec::new());
        let refused = call(&mut other, None, OFFER);
        assert!(matches!(refused, Err(Refusal::Refused(why)) if why.contains("another program")));
        let mut newer = Said(b"SCOREN\0\x02", Vec::new());
        let refused = call(&mut newer, None, OFFER);
        assert!(matches!(refused, Err(Refusal::Refused(why)) if why.contains("version 2")));
    }
}
