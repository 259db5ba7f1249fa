//! Sets of networks, and the lists made of them that say which addresses may come: sorted ranges, asked by binary search,
//! so that a list of 100,000 networks costs some twenty comparisons and no allocation.
//!
//! An IPv4 address in IPv6 form (`::ffff:192.0.2.1`, RFC 4291 §2.5.5.2) is the IPv4 address, whether it comes from a
//! socket, a header or a list.

use std::net::IpAddr;

use ipnet::{IpNet, Ipv4Net};

/// How many bits of an IPv6 network stand before the IPv4 address that is mapped into it.
const MAPPED_BITS: u8 = 96;

/// A set of networks.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Networks {
    v4: Ranges<u32>,
    v6: Ranges<u128>,
}

/// Ranges of addresses, first and last, that are apart and in order.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Ranges<T>(Box<[(T, T)]>);

/// Which addresses may come.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AddressList {
    /// Only these; none: everyone.
    allow: Option<Networks>,
    /// None of these, whatever is allowed.
    deny: Networks,
}

impl Networks {
    /// Whether the address is in one of the networks. IPv6 networks say nothing of IPv4 addresses.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        match address.to_canonical() {
            IpAddr::V4(address) => self.v4.contains(address.to_bits()),
            IpAddr::V6(address) => self.v6.contains(address.to_bits()),
        }
    }
}

impl FromIterator<IpNet> for Networks {
    fn from_iter<I: IntoIterator<Item = IpNet>>(networks: I) -> Self {
        let (mut v4, mut v6) = (Vec::new(), Vec::new());
        for network in networks {
            match canonical(network) {
                IpNet::V4(network) => v4.push((network.network().to_bits(), network.broadcast().to_bits())),
                IpNet::V6(network) => v6.push((network.network().to_bits(), network.broadcast().to_bits())),
            }
        }
        Self {
            v4: Ranges::new(v4),
            v6: Ranges::new(v6),
        }
    }
}

/// A network of mapped addresses as the IPv4 network that it is.
fn canonical(network: IpNet) -> IpNet {
    let IpNet::V6(v6) = network else { return network };
    let mapped = v6
        .prefix_len()
        .checked_sub(MAPPED_BITS)
        .zip(v6.network().to_ipv4_mapped());
    let v4 = mapped.and_then(|(prefix, address)| Ipv4Net::new(address, prefix).ok());
    v4.map_or(network, IpNet::V4)
}

impl<T: Copy + Ord> Ranges<T> {
    fn new(mut ranges: Vec<(T, T)>) -> Self {
        ranges.sort_unstable();
        ranges.dedup_by(|next, kept| {
            let within = next.0 <= kept.1;
            if within {
                kept.1 = kept.1.max(next.1);
            }
            within
        });
        Self(ranges.into())
    }

    fn contains(&self, value: T) -> bool {
        let begun = self.0.partition_point(|(first, _)| *first <= value);
        let last_begun = begun.checked_sub(1).and_then(|index| self.0.get(index));
        last_begun.is_some_and(|(_, last)| value <= *last)
    }
}

impl<T> Default for Ranges<T> {
    fn default() -> Self {
        Self(Box::default())
    }
}

impl AddressList {
    /// A list that lets in only `allow` (everyone where there is none), and nobody of `deny`.
    #[must_use]
    pub fn new(allow: Option<Networks>, deny: Networks) -> Self {
        Self { allow, deny }
    }

    /// Whether this address may come.
    #[must_use]
    pub fn permits(&self, address: IpAddr) -> bool {
        !self.deny.contains(address) && self.allow.as_ref().is_none_or(|allow| allow.contains(address))
    }
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, Ipv6Addr};
    use std::time::{Duration, Instant};

    use proptest::prelude::*;

    use super::*;

    fn networks(texts: &[&str]) -> Networks {
        texts.iter().map(|text| text.parse::<IpNet>().unwrap()).collect()
    }

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn networks_hold_their_first_and_last_address_and_no_other() {
        let set = networks(&["10.0.0.0/8", "192.0.2.7/32", "2001:db8::/32", "10.1.0.0/16"]);
        for inside in [
            "10.0.0.0",
            "10.255.255.255",
            "10.1.2.3",
            "192.0.2.7",
            "2001:db8::",
            "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff",
        ] {
            assert!(set.contains(address(inside)), "{inside}");
        }
        for outside in [
            "9.255.255.255",
            "11.0.0.0",
            "192.0.2.6",
            "192.0.2.8",
            "2001:db7::1",
            "2001:db9::",
            "::",
        ] {
            assert!(!set.contains(address(outside)), "{outside}");
        }
        assert!(networks(&["0.0.0.0/0"]).contains(address("255.255.255.255")));
        assert!(networks(&["::/0"]).contains(address("ffff::1")));
        assert!(!Networks::default().contains(address("10.0.0.1")));
    }

    #[test]
    fn http_6_a_mapped_address_is_the_ipv4_address() {
        let set = networks(&["10.0.0.0/8"]);
        assert!(set.contains(address("::ffff:10.1.2.3")));
        assert!(!set.contains(address("::ffff:11.1.2.3")));
        let mapped = networks(&["::ffff:10.0.0.0/104", "::ffff:192.0.2.1/128"]);
        for inside in ["10.1.2.3", "::ffff:10.1.2.3", "192.0.2.1"] {
            assert!(mapped.contains(address(inside)), "{inside}");
        }
        assert!(!mapped.contains(address("192.0.2.2")));
        // An IPv6 network around all mapped addresses is one of IPv6 still.
        assert!(!networks(&["::/0"]).contains(address("10.1.2.3")));
    }

    #[test]
    fn what_is_denied_stays_out_whatever_is_allowed() {
        let check = |allow: Option<&[&str]>, deny: &[&str], caller: &str, expected| {
            let list = AddressList::new(allow.map(networks), networks(deny));
            assert_eq!(list.permits(address(caller)), expected, "{allow:?} {deny:?} {caller}");
        };
        check(None, &[], "192.0.2.1", true);
        check(None, &["192.0.2.0/24"], "192.0.2.1", false);
        check(None, &["192.0.2.0/24"], "192.0.3.1", true);
        check(Some(&["192.0.2.0/24"]), &[], "192.0.2.1", true);
        check(Some(&["192.0.2.0/24"]), &[], "192.0.3.1", false);
        check(Some(&["192.0.2.0/24"]), &["192.0.2.1/32"], "192.0.2.1", false);
        check(Some(&["192.0.2.1/32"]), &["192.0.2.0/24"], "192.0.2.1", false);
        check(Some(&["2001:db8::/32"]), &["2001:db8::/48"], "2001:db8:1::1", true);
        check(Some(&["2001:db8::/32"]), &[], "192.0.2.1", false);
        check(Some(&[]), &[], "192.0.2.1", false);
    }

    fn any_network() -> impl Strategy<Value = IpNet> {
        // Few different bits, so that networks meet.
        let v4 = (any::<u8>(), 0..=32_u8).prop_map(|(bits, prefix)| {
            let bits = u32::from(bits & 0x0f) << 28 | u32::from(bits >> 4);
            Ipv4Net::new(Ipv4Addr::from_bits(bits), prefix).unwrap().trunc().into()
        });
        let v6 = (any::<u8>(), 0..=128_u8).prop_map(|(bits, prefix)| {
            let bits = u128::from(bits & 0x0f) << 124 | u128::from(bits >> 4);
            ipnet::Ipv6Net::new(Ipv6Addr::from_bits(bits), prefix)
                .unwrap()
                .trunc()
                .into()
        });
        prop_oneof![v4, v6]
    }

    proptest! {
        /// Asked one network after the other, the answer is the same.
        #[test]
        fn the_set_answers_as_its_networks_do(
            list in prop::collection::vec(any_network(), 0..40),
            asked in prop::collection::vec(any_network(), 1..40),
        ) {
            let set: Networks = list.iter().copied().collect();
            let ends = list.iter().chain(&asked).flat_map(|network| [network.network(), network.broadcast()]);
            for address in ends.filter(|address| !matches!(address, IpAddr::V6(v6) if v6.to_ipv4_mapped().is_some())) {
                let naive = list.iter().any(|network| network.contains(&address));
                prop_assert_eq!(set.contains(address), naive, "{} in {:?}", address, list);
            }
        }
    }

    #[test]
    fn http_5_a_hundred_thousand_networks_are_asked_in_no_time() {
        let network = |number: u32| Ipv4Net::new(Ipv4Addr::from_bits(number << 10), 24).unwrap().into();
        let set: Networks = (0..100_000).map(network).collect();
        let start = Instant::now();
        let held = (0..100_000_u32)
            .filter(|number| set.contains(Ipv4Addr::from_bits(number << 10 | 7).into()))
            .count();
        assert_eq!(held, 100_000);
        assert!(!set.contains(Ipv4Addr::from_bits(7 << 10 | 0x100).into()));
        // One network after the other this would be ten thousand million comparisons.
        assert!(start.elapsed() < Duration::from_secs(2), "{:?}", start.elapsed());
    }
}
