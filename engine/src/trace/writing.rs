//! Numbers, times and texts as bytes, as small as is easy, and back. What is read is not trusted.

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::content;
use crate::custom::CustomForms;
use crate::packet::Payload;
use crate::port::PortType;
use crate::time::Time;

/// Writes a chunk of a trace. Each chunk can be read without the one before.
#[derive(Debug, Default)]
pub struct TraceWriter {
    bytes: Vec<u8>,
    /// The time that was written last, in nanoseconds: the next is written as a distance to it.
    last: i64,
}

impl TraceWriter {
    /// A chunk without anything in it.
    pub fn new() -> Self {
        Self::default()
    }

    /// How many bytes there are.
    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Whether there is nothing in it.
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// What was written; another chunk begins.
    pub fn take(&mut self) -> Vec<u8> {
        self.last = 0;
        std::mem::take(&mut self.bytes)
    }

    /// Writes a byte.
    pub fn byte(&mut self, byte: u8) {
        self.bytes.push(byte);
    }

    /// Writes three bytes.
    pub(super) fn three(&mut self, bytes: [u8; 3]) {
        self.bytes.extend_from_slice(&bytes);
    }

    /// Writes a whole number, seven bits to a byte, the lowest first.
    pub fn number(&mut self, number: u64) {
        let mut left = number;
        while left >= 0x80 {
            self.bytes.push(left as u8 | 0x80);
            left >>= 7;
        }
        self.bytes.push(left as u8);
    }

    /// Writes a time.
    pub fn time(&mut self, time: Time) {
        let step = time.nanos().wrapping_sub(self.last);
        self.last = time.nanos();
        // The sign goes into the lowest bit, so that small steps back are small numbers too.
        self.number(((step << 1) ^ (step >> 63)) as u64);
    }

    /// Writes a number with a point.
    pub fn float(&mut self, value: f32) {
        self.bytes.extend_from_slice(&value.to_le_bytes());
    }

    /// Writes bytes, and how many there are.
    pub fn bytes(&mut self, bytes: &[u8]) {
        self.number(bytes.len() as u64);
        self.bytes.extend_from_slice(bytes);
    }

    /// Writes a value as JSON.
    pub fn json(&mut self, value: &impl Serialize) {
        self.bytes(&serde_json::to_vec(value).unwrap_or_default());
    }

    /// Writes what a packet carries, where its port is of the type `port_type`; returns whether that
    /// can be read again: pictures and sound cannot, nor values of types without a form.
    pub fn content(
        &mut self,
        payload: &Payload,
        port_type: Option<&PortType>,
        forms: &CustomForms,
    ) -> bool {
        content::write(self, payload, port_type, forms)
    }
}

/// Reads a chunk of a trace; every method gives `None` where the bytes are not what it reads.
#[derive(Debug)]
pub struct TraceReader<'a> {
    left: &'a [u8],
    last: i64,
}

impl<'a> TraceReader<'a> {
    /// Reads `bytes`, a whole chunk.
    pub fn new(bytes: &'a [u8]) -> Self {
        TraceReader {
            left: bytes,
            last: 0,
        }
    }

    /// Whether all was read.
    pub fn is_empty(&self) -> bool {
        self.left.is_empty()
    }

    /// How many bytes are left.
    pub fn len(&self) -> usize {
        self.left.len()
    }

    fn some(&mut self, length: usize) -> Option<&'a [u8]> {
        let (some, left) = self.left.split_at_checked(length)?;
        self.left = left;
        Some(some)
    }

    /// Reads a byte.
    pub fn byte(&mut self) -> Option<u8> {
        Some(self.some(1)?[0])
    }

    /// Reads a whole number.
    pub fn number(&mut self) -> Option<u64> {
        let mut number = 0;
        for place in (0..64).step_by(7) {
            let byte = self.byte()?;
            number |= u64::from(byte & 0x7f) << place;
            if byte < 0x80 {
                return Some(number);
            }
        }
        None
    }

    /// Reads a whole number that counts something of which each takes at least `size` bytes.
    pub fn count(&mut self, size: usize) -> Option<usize> {
        let count = usize::try_from(self.number()?).ok()?;
        (count.checked_mul(size)? <= self.left.len()).then_some(count)
    }

    /// Reads a time.
    pub fn time(&mut self) -> Option<Time> {
        let number = self.number()?;
        let step = (number >> 1) as i64 ^ -((number & 1) as i64);
        self.last = self.last.wrapping_add(step);
        Some(Time::from_nanos(self.last))
    }

    /// Reads a number with a point.
    pub fn float(&mut self) -> Option<f32> {
        let bytes = self.some(4)?.first_chunk()?;
        Some(f32::from_le_bytes(*bytes))
    }

    /// Reads bytes.
    pub fn bytes(&mut self) -> Option<&'a [u8]> {
        let length = self.count(1)?;
        self.some(length)
    }

    /// Reads a text.
    pub fn text(&mut self) -> Option<&'a str> {
        std::str::from_utf8(self.bytes()?).ok()
    }

    /// Reads a value from JSON.
    pub fn json<T: DeserializeOwned>(&mut self) -> Option<T> {
        serde_json::from_slice(self.bytes()?).ok()
    }

    /// Reads what a packet carries. Values of types that are not built in stand under their names.
    pub fn content(&mut self, forms: &CustomForms) -> Option<Payload> {
        content::read(self, forms)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_was_written_is_read(
            numbers in prop::collection::vec(any::<u64>(), 0..20),
            times in prop::collection::vec(any::<i64>(), 0..20),
            text in any::<String>(),
            value in any::<f32>(),
        ) {
            let mut writer = TraceWriter::new();
            numbers.iter().for_each(|number| writer.number(*number));
            times.iter().for_each(|time| writer.time(Time::from_nanos(*time)));
            writer.bytes(text.as_bytes());
            writer.float(value);
            let bytes = writer.take();
            let mut reader = TraceReader::new(&bytes);
            for number in numbers {
                prop_assert_eq!(reader.number(), Some(number));
            }
            for time in times {
                prop_assert_eq!(reader.time(), Some(Time::from_nanos(time)));
            }
            prop_assert_eq!(reader.text(), Some(text.as_str()));
            prop_assert_eq!(reader.float().map(f32::to_bits), Some(value.to_bits()));
            prop_assert!(reader.is_empty());
        }

        #[test]
        fn a_chunk_that_is_cut_off_is_no_number_and_no_text(number: u64, text: String) {
            let mut writer = TraceWriter::new();
            writer.bytes(text.as_bytes());
            writer.number(number);
            let bytes = writer.take();
            let mut reader = TraceReader::new(&bytes[..bytes.len() - 1]);
            prop_assert!(reader.text().is_none() || reader.number().is_none());
        }
    }
}
