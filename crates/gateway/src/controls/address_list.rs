//! Which addresses may call: the lists of the gate, of the API, of the path and of the operation, each of which has to
//! permit the caller. An inner list narrows an outer one and never opens what that one closes.

use std::net::IpAddr;
use std::sync::Arc;

use super::route::Routed;
use crate::account::Account;
use crate::limit::Mode;
use crate::networks::AddressList;
use crate::refusal::Refusal;

/// A list of one level, and what is done with whom it does not permit.
#[derive(Clone, Debug)]
pub struct Rule {
    /// The list.
    pub list: Arc<AddressList>,
    /// Its own mode: no other level's mode can switch it off.
    pub mode: Mode,
}

/// A request from an address that every list permits.
pub struct Admitted<'r> {
    pub(super) routed: Routed<'r>,
}

/// Holds the caller's address against the lists of the operation.
///
/// # Errors
/// [`Refusal::Address`], where a list that enforces does not permit it.
pub(crate) fn admit<'r>(routed: Routed<'r>, account: &mut Account) -> Result<Admitted<'r>, Refusal> {
    let rules = &routed.route.operation.policy.addresses;
    judge(rules, routed.received.arrival().client().address, account)?;
    Ok(Admitted { routed })
}

/// Holds an address against the lists of each level.
///
/// # Errors
/// See [`admit`].
pub(super) fn judge(rules: &[Rule], address: IpAddr, account: &mut Account) -> Result<(), Refusal> {
    let mut broken = rules.iter().filter(|rule| !rule.list.permits(address));
    broken.try_for_each(|rule| account.found(rule.mode, Refusal::Address.into()))
}
