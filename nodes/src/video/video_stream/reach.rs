//! Which hosts a stream may lead to.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// What the patch allows a stream to reach.
#[derive(Clone, Debug)]
pub(super) struct Reach {
    /// The host that the patch names in `url`.
    host: String,
    /// Further hosts that the patch names.
    hosts: Vec<String>,
}

impl Reach {
    pub(super) fn new(host: &str, hosts: &[String]) -> Self {
        let hosts = hosts.iter().map(|host| bare(host));
        Reach {
            host: bare(host),
            hosts: hosts.collect(),
        }
    }

    /// Whether `host`, which has this `address`, may be reached. `is_public` says whether the host
    /// that the patch names was first found at a public address: it cannot become one of this
    /// machine or network later.
    ///
    /// # Errors
    /// Why not, and what to do.
    pub(super) fn judge(
        &self,
        host: &str,
        address: IpAddr,
        is_public: Option<bool>,
    ) -> Result<(), String> {
        let host = bare(host);
        let allowed = self.hosts.contains(&host);
        let moved = host == self.host && is_public == Some(true);
        if allowed || public(address) || (host == self.host && !moved) {
            return Ok(());
        }
        let place = match address.to_canonical().is_loopback() {
            true => "this machine",
            false => "a private network",
        };
        let shown = match host == address.to_string() {
            true => host.clone(),
            false => format!("{host} ({address})"),
        };
        Err(format!(
            "it leads to {shown}, an address of {place}, which is refused; if that is meant, write `hosts: [\"{host}\"]`"
        ))
    }
}

/// A host as it is compared: in lower case, without the brackets of an address and without the
/// root's dot.
fn bare(host: &str) -> String {
    let host = host.trim().trim_start_matches('[').trim_end_matches(']');
    host.trim_end_matches('.').to_ascii_lowercase()
}

/// Whether an address lies on the public Internet: none of this machine, a private network, or
/// reserved for anything else (IANA's special-purpose registries).
pub(super) fn public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => public_v4(address),
        IpAddr::V6(address) => public_v6(address),
    }
}

fn public_v4(address: Ipv4Addr) -> bool {
    let [first, second, third, _] = address.octets();
    let is_special = address.is_loopback()
        || address.is_private()
        || address.is_link_local()
        || address.is_multicast()
        || address.is_documentation()
        // "This network", shared by carriers, protocol assignments, benchmarks, reserved and broadcast.
        || first == 0
        || (first == 100 && (64..128).contains(&second))
        || (first, second, third) == (192, 0, 0)
        || (first == 198 && (18..20).contains(&second))
        || first >= 240;
    !is_special
}

fn public_v6(address: Ipv6Addr) -> bool {
    let parts = address.segments();
    let v4 = |high: u16, low: u16| {
        let ([a, b], [c, d]) = (high.to_be_bytes(), low.to_be_bytes());
        public_v4(Ipv4Addr::new(a, b, c, d))
    };
    match parts {
        // IPv4 within IPv6: mapped, compatible, translated (NAT64), 6to4.
        [0, 0, 0, 0, 0, 0xffff | 0, high, low] => v4(high, low),
        [0x64, 0xff9b, 0, 0, 0, 0, high, low] => v4(high, low),
        [0x2002, high, low, ..] => v4(high, low),
        // Teredo, and what is for documentation.
        [0x2001, 0 | 0xdb8, ..] => false,
        // Only this block is given out (RFC 4291, RFC 3513).
        [first, ..] => first & 0xe000 == 0x2000,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn addresses_of_this_machine_and_of_private_networks_are_not_public() {
        for text in [
            "8.8.8.8",
            "100.63.0.1",
            "172.32.0.1",
            "192.167.1.1",
            "198.20.0.1",
            "2606:4700::1",
            "::ffff:8.8.8.8",
            "64:ff9b::808:808",
        ] {
            assert!(public(address(text)), "{text}");
        }
        for text in [
            "127.0.0.1",
            "127.255.0.3",
            "0.0.0.0",
            "10.1.2.3",
            "172.16.0.1",
            "192.168.1.20",
            "169.254.169.254",
            "100.64.0.1",
            "192.0.0.8",
            "198.18.0.1",
            "224.0.0.1",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "fe80::1",
            "fc00::1",
            "fd12:3456::1",
            "ff02::1",
            "::ffff:127.0.0.1",
            "::ffff:10.0.0.1",
            "::127.0.0.1",
            "64:ff9b::7f00:1",
            "2002:7f00:1::",
            "2001:db8::1",
            "2001::1",
        ] {
            assert!(!public(address(text)), "{text}");
        }
    }

    #[test]
    fn only_hosts_that_the_patch_names_may_lie_in_a_private_network() {
        let reach = Reach::new("Camera.Example.", &["cdn.lan".to_owned()]);
        let judge = |host: &str, at: &str, first| reach.judge(host, address(at), first);
        // What the patch names itself, wherever it lies, and anything public.
        assert_eq!(judge("camera.example", "192.168.1.20", None), Ok(()));
        assert_eq!(judge("camera.example", "192.168.1.20", Some(false)), Ok(()));
        assert_eq!(judge("CDN.lan", "10.0.0.7", Some(true)), Ok(()));
        assert_eq!(judge("elsewhere.example", "8.8.8.8", Some(true)), Ok(()));
        for (host, at) in [
            ("localhost", "127.0.0.1"),
            ("router.example", "192.168.0.1"),
            ("169.254.169.254", "169.254.169.254"),
            ("[::1]", "::1"),
        ] {
            for first in [Some(true), Some(false)] {
                let why = judge(host, at, first).unwrap_err();
                assert!(
                    why.contains("which is refused") && why.contains("hosts: ["),
                    "{why}"
                );
            }
        }
        // A name that was public and points into the private network at the next look.
        assert!(judge("camera.example", "10.0.0.1", Some(true)).is_err());
        let why = judge("localhost", "127.0.0.1", None).unwrap_err();
        assert!(
            why.starts_with("it leads to localhost (127.0.0.1), an address of this machine"),
            "{why}"
        );
    }
}
