//! Conditions under which a role counts. What cannot be read does not hold.

use core::net::IpAddr;

use ipnet::IpNet;
use serde_json::Value;

use super::written::Window;
use super::{claim, equals_or_contains};
use crate::time::{UnixTime, Weekday};
use crate::words::Evaluation;

/// The member of the context that holds the client's address, as the gateway knows it.
const ADDRESS: &str = "address";

#[derive(Debug)]
pub(super) enum Condition {
    Time(Window),
    Networks(Vec<IpNet>),
    Claim { path: String, equals: Value },
}

impl Condition {
    pub(super) fn holds(&self, evaluation: &Evaluation, at: UnixTime) -> bool {
        match self {
            Self::Time(window) => is_within(window, at),
            Self::Networks(networks) => address(evaluation).is_some_and(|address| contains(networks, address)),
            Self::Claim { path, equals } => {
                claim(&evaluation.subject, path).is_some_and(|value| equals_or_contains(value, equals))
            }
        }
    }

    pub(super) fn reads_time(&self) -> bool {
        matches!(self, Self::Time(_))
    }
}

fn address(evaluation: &Evaluation) -> Option<IpAddr> {
    let address: IpAddr = evaluation.context.get(ADDRESS)?.as_str()?.parse().ok()?;
    Some(address.to_canonical())
}

fn contains(networks: &[IpNet], address: IpAddr) -> bool {
    networks.iter().any(|network| network.contains(&address))
}

fn is_within(window: &Window, at: UnixTime) -> bool {
    let local = at.shifted(window.ahead_of_utc_minutes);
    let (minute, from, until) = (local.minute_of_day(), window.from.minute(), window.until.minute());
    let on = |day: Weekday| window.days.is_empty() || window.days.contains(&day);
    let today = on(local.weekday());
    if from < until {
        return today && (from..until).contains(&minute);
    }
    let began_yesterday = on(local.shifted(-24 * 60).weekday()) && minute < until;
    (today && minute >= from) || began_yesterday
}
