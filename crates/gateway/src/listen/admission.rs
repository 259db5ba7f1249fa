//! How many connections may be open, in all and from one address. Counted per connection, never per request.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::Arc;

use parking_lot::Mutex;

/// The count of one process, shared by its workers. Its size is bounded by the number of connections that it admits.
#[derive(Debug)]
pub(crate) struct Admission {
    connections_max: usize,
    per_address_max: usize,
    open: Mutex<Open>,
}

#[derive(Debug, Default)]
struct Open {
    all: usize,
    by_address: HashMap<IpAddr, usize>,
}

/// One admitted connection; its place is free again when this is dropped.
#[derive(Debug)]
pub(crate) struct Permit {
    admission: Arc<Admission>,
    address: Option<IpAddr>,
}

impl Admission {
    pub(crate) fn new(connections_max: usize, per_address_max: usize) -> Arc<Self> {
        Arc::new(Self {
            connections_max,
            per_address_max,
            open: Mutex::default(),
        })
    }

    /// Admits a connection from `peer`, or not. A trusted proxy is exempt from the bound per address: it brings many clients.
    pub(crate) fn admit(self: &Arc<Self>, peer: IpAddr, trusted: bool) -> Option<Permit> {
        let mut open = self.open.lock();
        if open.all >= self.connections_max {
            return None;
        }
        let address = (!trusted).then(|| client_network(peer));
        if let Some(address) = address {
            let count = open.by_address.entry(address).or_default();
            if *count >= self.per_address_max {
                if *count == 0 {
                    open.by_address.remove(&address);
                }
                return None;
            }
            *count += 1;
        }
        open.all += 1;
        Some(Permit {
            admission: Arc::clone(self),
            address,
        })
    }
}

impl Permit {
    /// Counts the connection to the client that its proxy names, beside nobody until now; false when that client has too many.
    pub(crate) fn attribute(&mut self, client: IpAddr) -> bool {
        if self.address.is_some() {
            return true;
        }
        let address = client_network(client);
        let mut open = self.admission.open.lock();
        let count = open.by_address.entry(address).or_default();
        if *count >= self.admission.per_address_max {
            if *count == 0 {
                open.by_address.remove(&address);
            }
            return false;
        }
        *count += 1;
        self.address = Some(address);
        true
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        let mut open = self.admission.open.lock();
        open.all = open.all.saturating_sub(1);
        if let Some(address) = self.address
            && let Some(count) = open.by_address.get_mut(&address)
        {
            *count = count.saturating_sub(1);
            if *count == 0 {
                open.by_address.remove(&address);
            }
        }
    }
}

/// What counts as one client: an IPv4 address, or an IPv6 network of 64 bits, which one client has as a whole.
fn client_network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => address.into(),
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX)).into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn http_5_connections_are_bounded_by_address_and_in_all() {
        let admission = Admission::new(4, 2);
        let first = admission.admit(address("192.0.2.1"), false).unwrap();
        let _second = admission.admit(address("::ffff:192.0.2.1"), false).unwrap();
        assert!(admission.admit(address("192.0.2.1"), false).is_none());
        drop(first);
        let _third = admission.admit(address("192.0.2.1"), false).unwrap();
        let _fourth = admission.admit(address("2001:db8::1"), false).unwrap();
        let _fifth = admission.admit(address("2001:db8::2"), false).unwrap();
        assert!(
            admission.admit(address("198.51.100.1"), false).is_none(),
            "the bound on all"
        );
    }

    #[test]
    fn http_5_one_ipv6_network_is_one_client() {
        let admission = Admission::new(10, 1);
        let _first = admission.admit(address("2001:db8::1"), false).unwrap();
        assert!(admission.admit(address("2001:db8::ffff"), false).is_none());
        assert!(admission.admit(address("2001:db8:0:1::1"), false).is_some());
        assert!(
            admission.admit(address("2001:db8::1"), true).is_some(),
            "a trusted proxy"
        );
    }

    #[test]
    fn http_5_a_client_behind_a_proxy_is_counted_once_it_is_known() {
        let admission = Admission::new(10, 1);
        let mut first = admission.admit(address("10.0.0.1"), true).unwrap();
        assert!(first.attribute(address("192.0.2.1")));
        let mut second = admission.admit(address("10.0.0.1"), true).unwrap();
        assert!(!second.attribute(address("192.0.2.1")));
        assert!(second.attribute(address("192.0.2.2")));
        drop((first, second));
        assert!(admission.open.lock().by_address.is_empty());
    }

    #[test]
    fn the_table_forgets_who_left() {
        let admission = Admission::new(10, 2);
        drop((
            admission.admit(address("192.0.2.1"), false),
            admission.admit(address("192.0.2.1"), false),
        ));
        assert!(admission.open.lock().by_address.is_empty());
        assert_eq!(admission.open.lock().all, 0);
    }
}
