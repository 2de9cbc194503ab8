//! By which names this computer is asked for.

use std::net::{IpAddr, SocketAddr};

use axum::http::{HeaderMap, header};

/// The Host of a request that came in at the address `here`, as it was sent, where it is this
/// computer or one of the names in `also`. A page that has its own name lead to this computer (DNS
/// rebinding) sends that name.
///
/// # Errors
/// Why the request is refused.
pub(crate) fn asked_for<'a>(
    headers: &'a HeaderMap,
    here: SocketAddr,
    also: &[String],
) -> Result<&'a str, &'static str> {
    let hosts: Vec<_> = headers.get_all(header::HOST).iter().collect();
    let [host] = hosts.as_slice() else {
        return Err("a request says one Host");
    };
    let host = host.to_str().map_err(|_| "the Host cannot be read")?;
    let name = without_port(host).ok_or("the Host cannot be read")?;
    let is_here = match name.trim_matches(['[', ']']).parse::<IpAddr>() {
        Ok(ip) => ip == plain(here.ip()),
        Err(_) => is_name_of_this_computer(name, plain(here.ip())),
    };
    let is_known = || also.iter().any(|known| known.eq_ignore_ascii_case(name));
    match is_here || is_known() {
        true => Ok(host),
        false => Err("the Host is another computer's"),
    }
}

/// An address of IPv4 as itself, where a socket for both shows it as one of IPv6.
fn plain(ip: IpAddr) -> IpAddr {
    ip.to_canonical()
}

/// A Host without its port; `None`: it is none.
pub(crate) fn without_port(host: &str) -> Option<&str> {
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
pub(crate) fn host_name() -> Option<String> {
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
