//! Messages on a stream of bytes: a length of one byte, a kind, and what it carries.

/// Bytes that are read at once.
const CHUNK: usize = 4096;

/// What goes over the stream.
pub trait Message: Sized {
    /// Appends the kind and what it carries to `bytes`.
    fn write(&self, bytes: &mut Vec<u8>);

    /// Reads what [`Message::write`] wrote; `None`: a kind that this version does not know, or one
    /// that carries nonsense.
    fn read(bytes: &[u8]) -> Option<Self>;

    /// Appends the whole message to `stream`.
    fn append(&self, stream: &mut Vec<u8>) {
        let begin = stream.len();
        stream.push(0);
        self.write(stream);
        let length = stream.len() - begin - 1;
        match (u8::try_from(length), stream.get_mut(begin)) {
            (Ok(length), Some(place)) => *place = length,
            // No message is that long.
            _ => stream.truncate(begin),
        }
    }
}

/// The other end speaks no language that is known here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Strange;

/// Bytes that have come and are not yet read.
#[derive(Debug, Default)]
pub struct Incoming(Vec<u8>);

impl Incoming {
    /// Takes in what a call of `read` gives, as [`std::io::Read::read`]. Gives how many bytes came.
    ///
    /// # Errors
    /// As `read`.
    pub fn fill(
        &mut self,
        read: impl FnOnce(&mut [u8]) -> std::io::Result<usize>,
    ) -> std::io::Result<usize> {
        let mut chunk = [0; CHUNK];
        let count = read(&mut chunk)?.min(CHUNK);
        self.0.extend(chunk.iter().take(count));
        Ok(count)
    }

    /// Takes the messages that have come whole, in their order. A kind that is not known is left
    /// out.
    ///
    /// # Errors
    /// One of them is empty, which none is.
    pub fn take<T: Message>(&mut self, mut take: impl FnMut(T)) -> Result<(), Strange> {
        let mut rest: &[u8] = &self.0;
        while let Some((length, after)) = rest.split_first() {
            let length = usize::from(*length);
            let Some((message, after)) = after.split_at_checked(length) else {
                break;
            };
            if message.is_empty() {
                return Err(Strange);
            }
            if let Some(message) = T::read(message) {
                take(message);
            }
            rest = after;
        }
        let read = self.0.len() - rest.len();
        self.0.drain(..read);
        Ok(())
    }
}

/// Reads numbers one after another, as they were written: the lowest byte first.
pub(crate) struct Fields<'a>(pub(crate) &'a [u8]);

impl Fields<'_> {
    fn next<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (field, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*field)
    }

    pub(crate) fn byte(&mut self) -> Option<u8> {
        self.next().map(u8::from_le_bytes)
    }

    pub(crate) fn short(&mut self) -> Option<u16> {
        self.next().map(u16::from_le_bytes)
    }

    pub(crate) fn word(&mut self) -> Option<u32> {
        self.next().map(u32::from_le_bytes)
    }

    pub(crate) fn long(&mut self) -> Option<i64> {
        self.next().map(i64::from_le_bytes)
    }

    /// A number that is one.
    pub(crate) fn number(&mut self) -> Option<f64> {
        let number = self.next().map(f64::from_le_bytes)?;
        number.is_finite().then_some(number)
    }
}
