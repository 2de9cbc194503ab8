//! Which part of a file a request asks for (RFC 9110, 14.2), and sends it piece by piece, so that no
//! file is ever in memory.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;
use std::pin::Pin;
use std::task::{Context, Poll};

use axum::body::{Body, Bytes, HttpBody};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use hyper::body::{Frame, SizeHint};
use tokio::task::JoinHandle;

/// Bytes that are read at once.
const PIECE: usize = 64 * 1024;

/// What is asked for of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wanted {
    All,
    /// From the first of these bytes to before the second.
    Part(u64, u64),
    /// A part that the file has not.
    Nothing,
}

/// What `range`, the header of a request for a file of `length` bytes, asks for. One that asks for
/// several parts, or in other units, or that cannot be understood, asks for all: that is always
/// allowed.
pub(super) fn wanted(range: Option<&str>, length: u64) -> Wanted {
    let Some(range) = range.and_then(|range| range.trim().strip_prefix("bytes=")) else {
        return Wanted::All;
    };
    let Some((first, last)) = range.trim().split_once('-') else {
        return Wanted::All;
    };
    let (first, last) = (number(first), number(last));
    let (begins, ends) = match (first, last) {
        (Number::Is(first), Number::Is(last)) if first <= last => {
            (first, last.saturating_add(1).min(length))
        }
        (Number::Is(first), Number::None) => (first, length),
        (Number::None, Number::Is(last)) => (length.saturating_sub(last), length),
        _ => return Wanted::All,
    };
    match begins < ends {
        true => Wanted::Part(begins, ends),
        false => Wanted::Nothing,
    }
}

enum Number {
    None,
    Is(u64),
    Wrong,
}

/// A number of digits alone; one that is larger than any file is the largest.
fn number(text: &str) -> Number {
    let text = text.trim();
    if text.is_empty() {
        return Number::None;
    }
    match text.bytes().all(|letter| letter.is_ascii_digit()) {
        true => Number::Is(text.parse().unwrap_or(u64::MAX)),
        false => Number::Wrong,
    }
}

/// A file as it is served.
pub(super) struct Served<'a> {
    pub(super) path: &'a Path,
    /// Its type for browsers.
    pub(super) kind: &'static str,
    /// The name under which it is saved; `None`: it is shown.
    pub(super) name: Option<&'a str>,
    /// What tells it from every other, and from what was there before.
    pub(super) tag: String,
}

impl Served<'_> {
    /// The answer to a request for the file. Waits for the disk.
    ///
    /// # Errors
    /// The file is gone.
    pub(super) fn answer(self, method: &Method, headers: &HeaderMap) -> std::io::Result<Response> {
        let mut file = File::open(self.path)?;
        let length = file.metadata()?.len();
        let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
        let tag = format!("\"{}-{length}\"", self.tag);
        // A part of what was there before is of no use.
        let is_same = text(header::IF_RANGE).is_none_or(|known| known == tag);
        let range = text(header::RANGE).filter(|_| is_same && *method == Method::GET);
        let (status, begins, ends) = match wanted(range, length) {
            Wanted::All => (StatusCode::OK, 0, length),
            Wanted::Part(begins, ends) => (StatusCode::PARTIAL_CONTENT, begins, ends),
            Wanted::Nothing => (StatusCode::RANGE_NOT_SATISFIABLE, 0, 0),
        };
        let mut response =
            match *method == Method::HEAD || status == StatusCode::RANGE_NOT_SATISFIABLE {
                true => status.into_response(),
                false => {
                    file.seek(SeekFrom::Start(begins))?;
                    let rest = Rest {
                        left: ends - begins,
                        now: Now::Ready(file),
                    };
                    (status, Body::new(rest)).into_response()
                }
            };
        let told = response.headers_mut();
        let mut tell = |name, value: String| {
            if let Ok(value) = HeaderValue::from_str(&value) {
                told.insert(name, value);
            }
        };
        tell(header::ACCEPT_RANGES, "bytes".to_owned());
        tell(header::CONTENT_TYPE, self.kind.to_owned());
        tell(header::ETAG, tag);
        match status {
            StatusCode::PARTIAL_CONTENT => {
                let part = format!("bytes {begins}-{}/{length}", ends - 1);
                tell(header::CONTENT_RANGE, part);
            }
            StatusCode::RANGE_NOT_SATISFIABLE => {
                tell(header::CONTENT_RANGE, format!("bytes */{length}"));
            }
            _ => {}
        }
        if status != StatusCode::RANGE_NOT_SATISFIABLE {
            tell(header::CONTENT_LENGTH, (ends - begins).to_string());
        }
        if let Some(name) = self.name {
            tell(header::CONTENT_DISPOSITION, saved_as(name));
        }
        Ok(response)
    }
}

/// How a browser is told under which name to save (RFC 6266): in plain letters, and as it is.
fn saved_as(name: &str) -> String {
    let plain = |letter: char| match letter {
        '"' | '\\' | '%' => '_',
        ' '..='~' => letter,
        _ => '_',
    };
    let plain: String = name.chars().map(plain).collect();
    let exact: String = name
        .bytes()
        .map(|byte| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'.' | b'-' | b'_' => {
                char::from(byte).to_string()
            }
            other => format!("%{other:02X}"),
        })
        .collect();
    format!("attachment; filename=\"{plain}\"; filename*=UTF-8''{exact}")
}

/// What is left to send of a file.
struct Rest {
    left: u64,
    now: Now,
}

enum Now {
    Ready(File),
    Reading(JoinHandle<std::io::Result<(File, Bytes)>>),
    Over,
}

impl HttpBody for Rest {
    type Data = Bytes;
    type Error = std::io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, std::io::Error>>> {
        loop {
            match std::mem::replace(&mut self.now, Now::Over) {
                Now::Over => return Poll::Ready(None),
                Now::Ready(_) if self.left == 0 => return Poll::Ready(None),
                Now::Ready(file) => {
                    let piece = self.left.min(PIECE as u64);
                    // A disk that is slow holds nobody up.
                    self.now = Now::Reading(tokio::task::spawn_blocking(move || read(file, piece)));
                }
                Now::Reading(mut reading) => {
                    let read = match Pin::new(&mut reading).poll(context) {
                        Poll::Pending => {
                            self.now = Now::Reading(reading);
                            return Poll::Pending;
                        }
                        Poll::Ready(read) => read,
                    };
                    let (file, piece) = match read {
                        Ok(Ok(read)) => read,
                        Ok(Err(error)) => return Poll::Ready(Some(Err(error))),
                        Err(error) => return Poll::Ready(Some(Err(std::io::Error::other(error)))),
                    };
                    self.left -= piece.len() as u64;
                    self.now = Now::Ready(file);
                    return Poll::Ready(Some(Ok(Frame::data(piece))));
                }
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.left == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left)
    }
}

/// The next `piece` bytes, or fewer.
fn read(mut file: File, piece: u64) -> std::io::Result<(File, Bytes)> {
    let mut bytes = Vec::with_capacity(piece as usize);
    (&mut file).take(piece).read_to_end(&mut bytes)?;
    match bytes.is_empty() {
        // Somebody has cut it off meanwhile.
        true => Err(std::io::ErrorKind::UnexpectedEof.into()),
        false => Ok((file, bytes.into())),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use axum::body::to_bytes;
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_range_is_read_as_the_standard_has_it() {
        use Wanted::{All, Nothing, Part};
        for (range, is) in [
            ("bytes=0-", Part(0, 100)),
            ("bytes=0-0", Part(0, 1)),
            ("bytes=10-19", Part(10, 20)),
            ("bytes=90-1000", Part(90, 100)),
            ("bytes=-10", Part(90, 100)),
            ("bytes=-1000", Part(0, 100)),
            ("bytes= 5 - 9 ", Part(5, 10)),
            ("bytes=99-99999999999999999999999999", Part(99, 100)),
            ("bytes=100-", Nothing),
            ("bytes=-0", Nothing),
            ("bytes=99999999999999999999999999-", Nothing),
            ("bytes=5-4", All),
            ("bytes=0-1,5-6", All),
            ("bytes=-", All),
            ("bytes=", All),
            ("bytes=a-b", All),
            ("bytes=1-b", All),
            ("bytes=+1-2", All),
            ("bytes=0x1-2", All),
            ("bytes=--1", All),
            ("items=0-5", All),
            ("0-5", All),
            ("", All),
        ] {
            assert_eq!(wanted(Some(range), 100), is, "{range}");
        }
        assert_eq!(wanted(None, 100), All);
        assert_eq!(wanted(Some("bytes=0-"), 0), Nothing);
        assert_eq!(wanted(Some("bytes=-5"), 0), Nothing);
    }

    proptest! {
        #[test]
        fn a_part_lies_within_its_file(range in "bytes=[0-9-, ]{0,30}|.{0,30}", length: u64) {
            if let Wanted::Part(begins, ends) = wanted(Some(&range), length) {
                prop_assert!(begins < ends && ends <= length);
            }
        }
    }

    #[tokio::test]
    async fn a_part_of_a_file_arrives_as_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        let content: Vec<u8> = (0..200_000_u32).map(|at| (at % 251) as u8).collect();
        std::fs::write(&path, &content).unwrap();
        let answer = |method: Method, headers: &[(header::HeaderName, &str)]| {
            let mut map = HeaderMap::new();
            for (name, value) in headers {
                map.insert(name, HeaderValue::from_str(value).unwrap());
            }
            let served = Served {
                path: &path,
                kind: "video/mp4",
                name: Some("ein \"Film\" ä.mp4"),
                tag: "1-0".to_owned(),
            };
            served.answer(&method, &map).unwrap()
        };
        let part = answer(Method::GET, &[(header::RANGE, "bytes=1000-150999")]);
        assert_eq!(part.status(), 206);
        assert_eq!(part.headers()["content-range"], "bytes 1000-150999/200000");
        assert_eq!(part.headers()["content-length"], "150000");
        assert_eq!(
            part.headers()["content-disposition"],
            "attachment; filename=\"ein _Film_ _.mp4\"; filename*=UTF-8''ein%20%22Film%22%20%C3%A4.mp4"
        );
        let bytes = to_bytes(part.into_body(), usize::MAX).await.unwrap();
        assert!(bytes == content[1000..151_000]);
        let whole = answer(Method::GET, &[]);
        assert_eq!(
            (whole.status().as_u16(), &whole.headers()["accept-ranges"]),
            (200, &HeaderValue::from_static("bytes"))
        );
        assert!(to_bytes(whole.into_body(), usize::MAX).await.unwrap() == content[..]);
        let beyond = answer(Method::GET, &[(header::RANGE, "bytes=200000-")]);
        assert_eq!(
            (beyond.status().as_u16(), &beyond.headers()["content-range"]),
            (416, &HeaderValue::from_static("bytes */200000"))
        );
        let other = [
            (header::RANGE, "bytes=0-9"),
            (header::IF_RANGE, "\"2-0-5\""),
        ];
        assert_eq!(answer(Method::GET, &other).status(), 200);
        let head = answer(Method::HEAD, &[(header::RANGE, "bytes=0-9")]);
        assert_eq!(head.headers()["content-length"], "200000");
        assert!(
            to_bytes(head.into_body(), usize::MAX)
                .await
                .unwrap()
                .is_empty()
        );
    }
}
