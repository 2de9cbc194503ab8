use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use score_engine::harness::Harness;
use serde_json::json;

use super::*;
use crate::video::live_test::play;

/// A film of two seconds in a container that needs no end.
fn film(folder: &Path) -> Vec<u8> {
    let path = folder.join("film.ts");
    let status = Command::new("ffmpeg")
        .args(["-nostdin", "-v", "error", "-f", "lavfi", "-i"])
        .args([
            "testsrc2=rate=25:duration=2:size=64x48",
            "-g",
            "5",
            "-bf",
            "0",
        ])
        .arg(&path)
        .status()
        .expect("ffmpeg is installed");
    assert!(status.success());
    std::fs::read(path).unwrap()
}

/// A server on this machine alone, which gives each asker `answer` for the path asked for. Tells
/// its address and how many have asked; ends with the tests.
fn serve(answer: impl Fn(&str) -> Vec<u8> + Send + 'static) -> (String, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let asked = Arc::new(AtomicUsize::new(0));
    let counter = asked.clone();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            counter.fetch_add(1, Ordering::AcqRel);
            let path = path_asked_for(&stream);
            // An asker that hangs up early has what it wanted.
            let _ = (&stream).write_all(&answer(&path));
        }
    });
    (address, asked)
}

fn path_asked_for(mut stream: &TcpStream) -> String {
    let mut request = Vec::new();
    let mut byte = [0];
    while !request.ends_with(b"\r\n\r\n") && stream.read(&mut byte).is_ok_and(|read| read > 0) {
        request.push(byte[0]);
    }
    let request = String::from_utf8_lossy(&request).into_owned();
    request.split(' ').nth(1).unwrap_or_default().to_owned()
}

fn good(kind: &str, body: &[u8]) -> Vec<u8> {
    let head = format!("HTTP/1.0 200 OK\r\nContent-Type: {kind}\r\n\r\n");
    [head.as_bytes(), body].concat()
}

fn stream(url: &str) -> String {
    format!("video_stream(url: {url:?}, width: 8, height: 8)")
}

#[test]
fn a_stream_that_ends_is_opened_again() {
    let folder = tempfile::tempdir().unwrap();
    let film = film(folder.path());
    let (address, asked) = serve(move |_| good("video/mp2t", &film));
    let twice = asked.clone();
    let packets = play::<VideoStream>(&stream(&address), Duration::from_secs(60), |packets| {
        !packets.is_empty() && twice.load(Ordering::Acquire) >= 3
    })
    .unwrap();
    assert!(!packets.is_empty(), "no picture came");
    assert!(asked.load(Ordering::Acquire) >= 3, "opened only once");
}

/// Serves what leads to the file of a film; no picture of it may come, however often it is tried.
fn reaches_no_file(answer: impl Fn(&Path) -> Vec<u8>) {
    let folder = tempfile::tempdir().unwrap();
    film(folder.path());
    let answer = answer(&folder.path().join("film.ts"));
    let (address, asked) = serve(move |_| answer.clone());
    let url = format!("{address}/list.m3u8");
    let packets = play::<VideoStream>(&stream(&url), Duration::from_secs(60), |_| {
        asked.load(Ordering::Acquire) >= 3
    })
    .unwrap();
    assert!(asked.load(Ordering::Acquire) >= 3, "not tried");
    assert_eq!(packets.len(), 0, "a file was reached");
}

#[test]
fn a_redirect_reaches_no_file() {
    reaches_no_file(|film| {
        format!(
            "HTTP/1.0 302 Found\r\nLocation: file://{}\r\n\r\n",
            film.display()
        )
        .into_bytes()
    });
}

#[test]
fn a_playlist_reaches_no_file() {
    reaches_no_file(|film| {
        let list = format!(
            "#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,\nfile://{}\n#EXT-X-ENDLIST\n",
            film.display()
        );
        good("application/vnd.apple.mpegurl", list.as_bytes())
    });
}

/// A server that another one leads to, which is known here by another name: whether its film is
/// seen.
fn is_led_to_the_other(lead: impl Fn(&str) -> Vec<u8>, hosts: &str) -> bool {
    let folder = tempfile::tempdir().unwrap();
    let film = film(folder.path());
    let (other, reached) = serve(move |_| good("video/mp2t", &film));
    let other = other.replace("127.0.0.1", "localhost");
    let answer = lead(&format!("{other}/film.ts"));
    let (address, asked) = serve(move |_| answer.clone());
    let node =
        format!(r#"video_stream(url: "{address}/list.m3u8", width: 8, height: 8, hosts: {hosts})"#);
    let packets = play::<VideoStream>(&node, Duration::from_secs(60), |packets| {
        !packets.is_empty() || asked.load(Ordering::Acquire) >= 3
    })
    .unwrap();
    let was_reached = reached.load(Ordering::Acquire) > 0;
    assert_eq!(
        !packets.is_empty(),
        was_reached,
        "reached, or not, but not so seen"
    );
    was_reached
}

#[test]
fn a_redirect_to_another_private_host_is_followed_only_where_hosts_names_it() {
    let redirect = |to: &str| format!("HTTP/1.0 302 Found\r\nLocation: {to}\r\n\r\n").into_bytes();
    assert!(!is_led_to_the_other(redirect, "[]"));
    assert!(is_led_to_the_other(redirect, r#"["localhost"]"#));
}

#[test]
fn a_playlist_leads_to_another_private_host_only_where_hosts_names_it() {
    let playlist = |to: &str| {
        let list = format!("#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,\n{to}\n#EXT-X-ENDLIST\n");
        good("application/vnd.apple.mpegurl", list.as_bytes())
    };
    assert!(!is_led_to_the_other(playlist, "[]"));
    assert!(is_led_to_the_other(playlist, r#"["localhost"]"#));
}

#[test]
fn a_host_that_was_refused_is_the_reason_that_is_told() {
    let gate = Gate::open("127.0.0.1", &[]).unwrap();
    let mut client = TcpStream::connect(gate.url().strip_prefix("http://").unwrap()).unwrap();
    client
        .write_all(b"CONNECT localhost:443 HTTP/1.1\r\n\r\n")
        .unwrap();
    let mut answer = String::new();
    client.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 403"), "{answer}");
    let why = gate.take_refusal().unwrap();
    assert!(why.contains(r#"hosts: ["localhost"]"#), "{why}");
}

#[test]
fn the_host_of_an_address_is_found_whatever_stands_around_it() {
    for (url, wanted) in [
        ("http://host/a", ("host", 80)),
        ("https://me:se@cret@host:8443/a?b", ("host", 8443)),
        ("http://[::1]:81", ("::1", 81)),
        ("http://host?a", ("host", 80)),
    ] {
        let (name, port) = host(url).unwrap();
        assert_eq!((name.as_str(), port), wanted, "{url}");
    }
}

#[test]
fn only_streams_are_taken() {
    let refusal = |url: &str| {
        let error = Harness::<VideoStream>::new(json!({ "url": url }))
            .run()
            .expect_err("refused");
        error.to_string()
    };
    for url in [
        "film.mp4",
        "file:///etc/passwd",
        "concat://a|b",
        "http://",
        "-i",
        "ftp://host/a",
    ] {
        assert!(
            refusal(url).contains("not the address of a stream"),
            "{url}"
        );
    }
    assert!(refusal("rtsp://host/a").contains("only in a live run"));
    assert!(!refusal("ftp://user:secret@host/a").contains("secret"));
}

#[test]
fn only_the_named_protocol_is_allowed() {
    for (protocol, allowed) in PROTOCOLS {
        assert!(allowed.split(',').any(|one| one == protocol));
        assert!(!allowed.contains("file") && !allowed.contains("pipe"));
    }
    let words = arguments("HTTP://host/a", (8, 8)).unwrap();
    let at = words
        .iter()
        .position(|word| word == "-protocol_whitelist")
        .unwrap();
    assert_eq!(words[at + 1], "http,tcp");
}

#[test]
fn a_password_is_not_told() {
    assert_eq!(
        without_password("rtsp://me:secret@host:554/a"),
        "rtsp://…@host:554/a"
    );
    assert_eq!(
        without_password("https://host/a?key=secret"),
        "https://host/a?…"
    );
    assert_eq!(without_password("http://host/a@b"), "http://host/a@b");
}
