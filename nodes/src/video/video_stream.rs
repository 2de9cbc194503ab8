//! Takes pictures from a stream on the network.

mod gate;
mod reach;

use std::ffi::OsString;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use score_engine::{Build, Check, Descriptor, Node, NodeError, Params, Processor};

use self::gate::{Gate, host_and_port};
use self::reach::public;

use super::capture::{
    Captured, Captures, Capturing, PICTURES, Source, Start, after_input, before_input, require_live,
};

/// A stream's first picture waits for the connection and for the next picture that stands alone.
const OPENING: Duration = Duration::from_secs(15);

/// Protocols, and what ffmpeg may use for each. Neither files nor pipes are among them, so that no
/// redirect, playlist or description can reach one.
const PROTOCOLS: [(&str, &str); 5] = [
    ("http", "http,tcp"),
    ("https", "https,tls,tcp,httpproxy"),
    // Pictures come through the same connection as the answers, so that no server can name another
    // host for them.
    ("rtsp", "rtsp,tcp"),
    ("rtsps", "rtsps,tls,tcp"),
    ("srt", "srt"),
];

/// `video_stream`.
#[derive(Clone, Params)]
pub(crate) struct VideoStream {
    /// the address of the stream
    #[param(rebuild = "another address is another stream")]
    url: String,
    /// further hosts of this computer or a private network that the stream may lead to, as
    /// ["10.0.0.7"]
    #[param(rebuild = "the stream is opened with it", default = Vec::new())]
    hosts: Vec<String>,
    #[param(nested, defaults(timeout = 5.0))]
    captured: Captured,
}

impl Captures for VideoStream {
    fn captured(&self) -> &Captured {
        &self.captured
    }
}

impl Node for VideoStream {
    fn descriptor() -> Descriptor {
        Descriptor::of::<Self>(
            "video",
            "video_stream",
            "Takes pictures from a stream on the network",
        )
        .example(
            r#"nodes: {
                    "street": video_stream(url: "rtsp://192.168.1.20/live"),
                    "motion": motion(),
                    "tune": scale_walk(),
                    "piano": synth(),
                    "sound": audio_out(),
                },
                wires: ["street -> motion -> tune -> piano -> sound"]"#,
        )
        .details(
            "Live only. `url` begins with http://, https://, rtsp://, rtsps:// or srt://; only \
                 that protocol is used, and neither a redirect nor a playlist can reach a file of \
                 this computer. Where an http:// or https:// stream leads to another host, by a \
                 redirect or a playlist, that host may be anywhere on the Internet, but on this \
                 computer or in a private network only if `hosts` names it. Behind a proxy that \
                 the variable `http_proxy` names, that proxy decides instead. A stream that breaks \
                 off, ends or gives no picture for `timeout` is opened again, at growing intervals \
                 of up to 4 seconds; the last picture stays meanwhile.\n\n\
                 Pictures are sent as they come. A recording that a server sends as fast as it can \
                 plays too fast.",
        )
        .output(PICTURES)
    }

    fn check(&self, check: &mut Check<'_>) {
        if protocols(&self.url).is_none() {
            let help = Some("it begins with http://, https://, rtsp://, rtsps:// or srt://; a file is read by `video_file`".to_owned());
            check.refuse(
                "url",
                format!(
                    "`{}` is not the address of a stream",
                    without_password(&self.url)
                ),
                help,
            );
        }
    }

    fn build(&self, build: &Build<'_>) -> Result<Box<dyn Processor<Self>>, NodeError> {
        require_live(build, "a stream")?;
        let (url, size) = (self.url.clone(), self.captured.size());
        let shown = without_password(&url);
        let gate = self.gate()?.map(Arc::new);
        let asked = gate.clone();
        Capturing::start(Source {
            name: format!("the stream {shown}"),
            program: "ffmpeg",
            begin: Box::new(move || {
                let arguments = arguments(&url, size).ok_or("it has no address of a stream")?;
                Ok(Start {
                    proxy: gate.as_ref().map(|gate| gate.url()),
                    ..arguments.into()
                })
            }),
            size,
            timeout: self.captured.timeout(),
            opening: OPENING,
            counters: build.counters.clone(),
            explain: Box::new(move || asked.as_ref()?.take_refusal()),
            hidden: Some((self.url.clone(), shown)),
        })
    }
}

impl VideoStream {
    /// What watches over where the stream leads, for protocols that can lead elsewhere.
    fn gate(&self) -> Result<Option<Gate>, NodeError> {
        let Some((host, _)) = host(&self.url).filter(|_| is_led(&self.url)) else {
            return Ok(None);
        };
        // What the user's own proxy reaches is for it to say; it does not reach this machine or a
        // private network.
        let has_proxy = std::env::var_os("http_proxy").is_some_and(|proxy| !proxy.is_empty());
        let is_near =
            host == "localhost" || (host.parse::<IpAddr>()).is_ok_and(|address| !public(address));
        match has_proxy && !is_near {
            true => Ok(None),
            false => Gate::open(&host, &self.hosts).map(Some),
        }
    }
}

/// Whether what is at `url` can lead to another host by http.
fn is_led(url: &str) -> bool {
    protocols(url).is_some_and(|(protocol, _)| protocol.starts_with("http"))
}

/// The host and port of `url`.
fn host(url: &str) -> Option<(String, u16)> {
    let (_, rest) = url.split_once("://")?;
    let authority = rest.split(['/', '?', '#']).next()?;
    host_and_port(authority, Some(80))
}

/// The protocol of `url`, and what ffmpeg may use for it.
fn protocols(url: &str) -> Option<(&'static str, &'static str)> {
    let (scheme, rest) = url.split_once("://")?;
    let known = PROTOCOLS
        .iter()
        .find(|(known, _)| scheme.eq_ignore_ascii_case(known));
    known.copied().filter(|_| !rest.is_empty())
}

/// Arguments that open the stream at `url`.
fn arguments(url: &str, size: (u32, u32)) -> Option<Vec<OsString>> {
    let (protocol, allowed) = protocols(url)?;
    let mut arguments = before_input();
    arguments.extend(["-protocol_whitelist", allowed].map(OsString::from));
    if protocol.starts_with("rtsp") {
        arguments.extend(["-rtsp_transport", "tcp"].map(OsString::from));
    }
    arguments.extend(["-i", url].map(OsString::from));
    arguments.extend(after_input(size, None));
    Some(arguments)
}

/// The address as it may be shown: `rtsp://user:secret@host/` → `rtsp://…@host/`, and without what
/// follows a `?`.
fn without_password(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else {
        return url.to_owned();
    };
    let rest = match rest.split_once('?') {
        Some((path, _)) => format!("{path}?…"),
        None => rest.to_owned(),
    };
    let host_ends = rest.find('/').unwrap_or(rest.len());
    match rest[..host_ends].rfind('@') {
        Some(at) => format!("{scheme}://…{}", &rest[at..]),
        None => format!("{scheme}://{rest}"),
    }
}

#[cfg(test)]
mod tests;
