//! Which requests are answered: none for another host, and none with which a web page could read or
//! set anything.

use std::net::SocketAddr;

use axum::http::{HeaderMap, StatusCode, header};

use crate::web::host::asked_for;

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
    match asked_for(headers, here, &[]) {
        Ok(_) => Ok(()),
        Err(why) => refuse(why),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use axum::http::{HeaderName, HeaderValue};

    use super::*;
    use crate::web::host::host_name;

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
