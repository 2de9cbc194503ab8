//! Tells programs on the network where the run is, by mDNS.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use mdns_sd::{IfKind, ServiceDaemon, ServiceInfo};

use crate::web::host::host_name;

/// What OSCQuery and OSC are announced as.
const SERVICES: [&str; 2] = ["_oscjson._tcp.local.", "_osc._udp.local."];

/// How long the end of the run waits for the word that it is gone.
const END: Duration = Duration::from_millis(300);

/// The run is announced until this value is dropped.
pub(super) struct Announcement {
    daemon: ServiceDaemon,
    names: Vec<String>,
}

impl Announcement {
    /// Announces `name` on those interfaces that `address` is reached through, and on no others:
    /// loopback never leaves the computer.
    pub(super) fn make(name: &str, address: SocketAddr) -> Option<Self> {
        match Self::try_make(name, address) {
            Ok(announcement) => Some(announcement),
            Err(error) => {
                tracing::warn!("OSC is not announced on the network: {error}");
                None
            }
        }
    }

    fn try_make(name: &str, address: SocketAddr) -> Result<Self, mdns_sd::Error> {
        let daemon = ServiceDaemon::new()?;
        daemon.disable_interface(IfKind::All)?;
        let ip = address.ip();
        let interfaces = match ip {
            IpAddr::V4(ip) if ip.is_unspecified() => vec![IfKind::IPv4],
            IpAddr::V6(ip) if ip.is_unspecified() => vec![IfKind::IPv4, IfKind::IPv6],
            ip => vec![IfKind::Addr(ip)],
        };
        daemon.enable_interface(interfaces)?;
        if ip.is_unspecified() {
            daemon.disable_interface(vec![IfKind::LoopbackV4, IfKind::LoopbackV6])?;
        }
        let host = host_name().unwrap_or_else(|| "score".to_owned());
        let instance = instance(name, &host);
        let mut names = Vec::new();
        for service in SERVICES {
            let properties = [("txtvers", "1")];
            let ips = match ip.is_unspecified() {
                true => String::new(),
                false => ip.to_string(),
            };
            let info = ServiceInfo::new(
                service,
                &instance,
                &format!("{host}.local."),
                ips.as_str(),
                address.port(),
                &properties[..],
            )?;
            let info = match ip.is_unspecified() {
                true => info.enable_addr_auto(),
                false => info,
            };
            names.push(info.get_fullname().to_owned());
            daemon.register(info)?;
        }
        Ok(Announcement { daemon, names })
    }
}

/// What a run is called on the network: at most 63 bytes (RFC 6763, 4.1.1).
fn instance(name: &str, host: &str) -> String {
    let mut instance = format!("SCORE! {name} ({host})");
    while instance.len() > 63 {
        instance.pop();
    }
    instance
}

impl Drop for Announcement {
    fn drop(&mut self) {
        for name in &self.names {
            if let Ok(gone) = self.daemon.unregister(name) {
                let _ = gone.recv_timeout(END);
            }
        }
        let _ = self.daemon.shutdown();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_name_is_cut_where_a_letter_ends() {
        let long = "ä".repeat(60);
        let instance = instance(&long, "studio");
        assert!(instance.len() <= 63 && instance.starts_with("SCORE! ää"));
    }
}
