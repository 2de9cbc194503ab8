//! Which requests are answered: none for another host, and none with which a web page could read or
//! set anything.

use std::net::{IpAddr, SocketAddr};

use axum::http::{HeaderMap, StatusCode, header};

/// Whether a request that came in at the address `here` is answered.
///
/// A browser sends an Origin with each WebSocket, and with each request of a page whose answer it
/// would let the page read, or that is no plain GET. What it asks for without one, such as a picture
/// or a script, is answered, but the page cannot read the answer; and a GET sets nothing. A page that
/// has its own name lead to this computer (DNS rebinding) sends that name as Host.
///
/// # Errors
/// Why not, and with which status.
pub(super) fn admit(headers: &HeaderMap, here: SocketAddr) -> Result<(), (StatusCode, String)> {
    let refuse = |why: &str| Err((StatusCode::FORBIDDEN, format!("{why}\n")));
    if headers.contains_key(header::ORIGIN) {
        return refuse("a request with an Origin, as web pages send it, is not answered");
    }
    let hosts: Vec<_> = headers.get_all(header::HOST).iter().collect();
    let [host] = hosts.as_slice() else {
        return refuse("a request says one Host");
    };
    let Some(host) = host.to_str().ok().and_then(without_port) else {
        return refuse("the Host cannot be read");
    };
    let is_here = match host.trim_matches(['[', ']']).parse::<IpAddr>() {
        Ok(ip) => ip == plain(here.ip()),
        Err(_) => is_name_of_this_computer(host, plain(here.ip())),
    };
    if is_here {
        Ok(())
    } else {
        refuse("the Host is another computer's")
    }
}

/// An address of IPv4 as itself, where a socket for both shows it as one of IPv6.
fn plain(ip: IpAddr) -> IpAddr {
    ip.to_canonical()
}

fn without_port(host: &str) -> Option<&str> {
    match host.rfind(']') {
        Some(end) => Some(&host[..=end]),
        None => host.split(':').next().filter(|host| !host.is_empty()),
    }
}

fn is_name_of_this_computer(host: &str, here: IpAddr) -> bool {
    let host = host.trim_end_matches('.').to_ascii_lowercase();
    if here.is_loopback() {
        return host == "localhost";
    }
    let Some(name) = host_name() else {
        return false;
    };
    host == name || host == format!("{name}.local")
}

/// The computer's name, as others on the network find it.
pub(super) fn host_name() -> Option<String> {
    #[cfg(unix)]
    let name = rustix::system::uname()
        .nodename()
        .to_str()
        .ok()?
        .to_ascii_lowercase();
    #[cfg(not(unix))]
    let name = std::env::var("COMPUTERNAME").ok()?.to_ascii_lowercase();
    let name = name.split('.').next()?;
    (!name.is_empty()).then(|| name.to_owned())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use axum::http::{HeaderName, HeaderValue};

    use super::*;

    fn is_admitted(headers: &[(HeaderName, &str)], here: &str) -> bool {
        let headers = headers.iter().cloned();
        let headers = headers.map(|(name, value)| (name, HeaderValue::from_str(value).unwrap()));
        let mut map = HeaderMap::new();
        headers.for_each(|(name, value)| {
            map.append(name, value);
        });
        admit(&map, here.parse().unwrap()).is_ok()
    }

    #[test]
    fn only_requests_for_this_computer_and_of_no_web_page_are_answered() {
        let loopback = "127.0.0.1:9000";
        let host = |host| [(header::HOST, host)];
        for fine in ["127.0.0.1:9000", "127.0.0.1", "localhost:9000", "LOCALHOST"] {
            assert!(is_admitted(&host(fine), loopback), "{fine}");
        }
        for foreign in [
            "evil.example:9000",
            "127.0.0.1.evil.example",
            "",
            ":9000",
            "10.0.0.9",
        ] {
            assert!(!is_admitted(&host(foreign), loopback), "{foreign}");
        }
        assert!(!is_admitted(&[], loopback));
        let twice = [(header::HOST, "localhost"), (header::HOST, "localhost")];
        assert!(!is_admitted(&twice, loopback));
        for origin in ["http://localhost:9000", "null", "https://evil.example"] {
            let page = [(header::HOST, "localhost"), (header::ORIGIN, origin)];
            assert!(!is_admitted(&page, loopback), "{origin}");
        }
        assert!(is_admitted(&host("10.0.0.9:9000"), "10.0.0.9:9000"));
        assert!(is_admitted(
            &host("10.0.0.9:9000"),
            "[::ffff:10.0.0.9]:9000"
        ));
        assert!(is_admitted(&host("[fe80::1]:9000"), "[fe80::1]:9000"));
        assert!(!is_admitted(&host("localhost"), "10.0.0.9:9000"));
        let name = format!("{}.local:9000", host_name().unwrap());
        assert!(is_admitted(&host(&name), "10.0.0.9:9000"));
        assert!(!is_admitted(&host(&name), loopback));
    }
}
