//! Who reaches an operation, as coverage tells it: by listener, by address, and from pages of which origins.

use super::{Row, State};
use crate::config::address_list::{AddressRule, Source};
use crate::config::cors::{Origins, Sharing};
use crate::config::policy::Policy;

/// The rows of one operation; none where everybody reaches it in every way.
pub(super) fn rows(policy: &Policy) -> impl Iterator<Item = Row> {
    let listeners = policy.listeners.as_deref().map(listeners);
    let lists = policy.addresses.iter().map(list);
    let pages = policy.cors.as_ref().map(|cors| pages(cors, policy));
    listeners.into_iter().chain(lists).chain(pages)
}

fn listeners(names: &[String]) -> Row {
    Row::new("listeners", State::Enforced, format!("only {}", in_backticks(names)))
}

fn list(AddressRule { list, mode }: &AddressRule) -> Row {
    let allowed = list.allow.as_ref().map(|source| format!("only {}", told(source)));
    let denied = (list.deny != Source::default()).then(|| format!("none of {}", told(&list.deny)));
    let words: Vec<String> = allowed.into_iter().chain(denied).collect();
    Row::new("addresses", State::of(*mode), words.join(", "))
}

fn told(source: &Source) -> String {
    let count = source.networks.len();
    let written = (count > 0).then(|| format!("{count} written here"));
    let file = source
        .file
        .as_ref()
        .map(|file| format!("those of `{}`", file.display()));
    written.into_iter().chain(file).collect::<Vec<_>>().join(" and ")
}

fn pages(cors: &Sharing, policy: &Policy) -> Row {
    let who = match &cors.origins {
        Origins::Any => "every origin, without credentials".to_owned(),
        Origins::Only { origins, .. } if origins.is_empty() => "of no other origin".to_owned(),
        Origins::Only { origins, credentials } => {
            let with = if *credentials { "with" } else { "without" };
            format!("{}, {with} credentials", in_backticks(origins))
        }
    };
    Row::new("pages of other origins", State::of(policy.modes.cors), who)
}

fn in_backticks(words: &[String]) -> String {
    let words: Vec<String> = words.iter().map(|word| format!("`{word}`")).collect();
    words.join(", ")
}
