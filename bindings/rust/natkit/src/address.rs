use crate::error::{call, Result};
use crate::text::Text;
use natkit_sys as sys;
use std::net::{IpAddr, SocketAddr};

/// Addresses that begin alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Prefix {
    /// The address; bits beyond the length are ignored.
    pub address: IpAddr,
    /// How many bits count: 0 to 32, or 0 to 128 for IPv6.
    pub length: u8,
}

impl Prefix {
    pub(crate) fn to_c(self) -> sys::natkit_prefix {
        sys::natkit_prefix {
            address: to_c(SocketAddr::new(self.address, 0)),
            length: self.length.into(),
        }
    }
}

/// Looks up the addresses of a host name, or reads an IP address. Blocks until
/// the system's resolver has answered. Errors: `NotFound`, `TimedOut` (try
/// again), `BadArgument`.
pub fn resolve(host: &str, port: u16) -> Result<Vec<SocketAddr>> {
    let name = Text::new("natkit_resolve", Some(host))?;
    let mut found = [unset(); 16];
    let count = call!(natkit_resolve(
        name.as_ptr(),
        port,
        found.as_mut_ptr(),
        found.len()
    ))?;
    Ok(found[..count].iter().filter_map(from_c).collect())
}

/// Asks for a list again until there is room for all of it.
pub(crate) fn list(
    mut ask: impl FnMut(*mut sys::natkit_address, usize) -> Result<usize>,
) -> Result<Vec<SocketAddr>> {
    let mut found = Vec::new();
    loop {
        let count = ask(found.as_mut_ptr(), found.len())?;
        if count <= found.len() {
            return Ok(found[..count].iter().filter_map(from_c).collect());
        }
        found.resize(count, unset());
    }
}

/// An address that is not set.
pub(crate) fn unset() -> sys::natkit_address {
    sys::natkit_address {
        family: sys::NATKIT_FAMILY_NONE,
        ip: [0; 16],
        reserved: 0,
        port: 0,
    }
}

/// A zone is lost, and an IPv4-mapped IPv6 address becomes IPv4.
pub(crate) fn to_c(from: SocketAddr) -> sys::natkit_address {
    let mut made = unset();
    made.port = from.port();
    match canonical(from.ip()) {
        IpAddr::V4(ip) => {
            made.family = sys::NATKIT_FAMILY_IPV4;
            made.ip[..4].copy_from_slice(&ip.octets());
        }
        IpAddr::V6(ip) => {
            made.family = sys::NATKIT_FAMILY_IPV6;
            made.ip = ip.octets();
        }
    }
    made
}

/// An IPv4-mapped address as IPv4.
fn canonical(ip: IpAddr) -> IpAddr {
    match ip {
        IpAddr::V6(ip) => match ip.octets() {
            [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF, a, b, c, d] => IpAddr::from([a, b, c, d]),
            _ => IpAddr::V6(ip),
        },
        IpAddr::V4(_) => ip,
    }
}

/// `None` for an address that is not set.
pub(crate) fn from_c(from: &sys::natkit_address) -> Option<SocketAddr> {
    let ip = match from.family {
        sys::NATKIT_FAMILY_IPV4 => IpAddr::from([from.ip[0], from.ip[1], from.ip[2], from.ip[3]]),
        sys::NATKIT_FAMILY_IPV6 => IpAddr::from(from.ip),
        _ => return None,
    };
    Some(SocketAddr::new(ip, from.port))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_go_there_and_back() {
        for text in ["192.0.2.1:80", "[2001:db8::7]:65535", "0.0.0.0:0"] {
            let address: SocketAddr = text.parse().unwrap();
            assert_eq!(from_c(&to_c(address)), Some(address));
        }
        assert_eq!(from_c(&unset()), None);
    }

    #[test]
    fn mapped_addresses_become_ipv4() {
        let mapped = to_c("[::ffff:192.0.2.1]:80".parse().unwrap());
        assert_eq!(from_c(&mapped), "192.0.2.1:80".parse().ok());
    }
}
