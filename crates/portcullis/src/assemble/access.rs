//! Who reaches what: listeners by their place, address lists with their files, and rules for pages of other origins.

use std::sync::Arc;

use http::header::{HeaderName, HeaderValue};
use portcullis_gateway::listen::ListenerIndex;
use portcullis_gateway::networks::AddressList;
use portcullis_gateway::policy::{Cors, Listeners, Origins, Rule};

use super::routes::mode;
use crate::address_files::AddressFiles;
use crate::config::address_list::{AddressList as Configured, AddressRule};
use crate::config::cors;
use crate::config::listen::Listener;
use crate::config::raw;

/// What lowering who reaches what needs of the gate as a whole.
pub(super) struct Access<'g> {
    /// Those that are bound, in their order.
    listeners: &'g [Listener],
    files: &'g AddressFiles,
    /// The gate's own list, before those of the policies.
    gate: Vec<Rule>,
    /// The lists that were built: an API's is shared by its operations.
    built: Vec<(Configured, Arc<AddressList>)>,
}

impl<'g> Access<'g> {
    /// `gate` is the gate's own list, `listeners` are those that are bound.
    pub(super) fn new(gate: &Configured, listeners: &'g [Listener], files: &'g AddressFiles) -> Self {
        let mut access = Self {
            listeners,
            files,
            gate: Vec::new(),
            built: Vec::new(),
        };
        if *gate != Configured::default() {
            let list = access.list(gate);
            let mode = mode(raw::Mode::Enforce);
            access.gate.push(Rule { list, mode });
        }
        access
    }

    /// The lists of an operation, the gate's first.
    pub(super) fn rules(&mut self, rules: &[AddressRule]) -> Vec<Rule> {
        let mut all = self.gate.clone();
        for AddressRule { list, mode: own } in rules.iter().filter(|rule| rule.mode != raw::Mode::Off) {
            let list = self.list(list);
            all.push(Rule { list, mode: mode(*own) });
        }
        all
    }

    fn list(&mut self, configured: &Configured) -> Arc<AddressList> {
        if let Some((_, built)) = self.built.iter().find(|(known, _)| known == configured) {
            return Arc::clone(built);
        }
        let list = Arc::new(self.files.list(configured));
        self.built.push((configured.clone(), Arc::clone(&list)));
        list
    }

    /// The listeners of these names. One that is configured but not bound yet, which takes a restart, reaches nothing.
    pub(super) fn listeners(&self, names: Option<&[String]>) -> Listeners {
        let Some(names) = names else { return Listeners::Any };
        let named = |listener: &Listener| listener.name.as_ref().is_some_and(|name| names.contains(name));
        let listeners = self.listeners.iter().enumerate();
        Listeners::only(
            listeners
                .filter(|(_, listener)| named(listener))
                .map(|(index, _)| ListenerIndex(index)),
        )
    }
}

/// Rules for pages of other origins.
///
/// # Errors
/// A name that is no header, or an origin that no header can hold, in words.
pub(super) fn sharing(settled: &cors::Sharing) -> Result<Arc<Cors>, String> {
    let origin = |origin: &String| HeaderValue::from_str(origin).map_err(|_| format!("`{origin}` is no origin"));
    let header = |name: &String| name.parse::<HeaderName>().map_err(|_| format!("`{name}` is no header"));
    let origins = match &settled.origins {
        cors::Origins::Any => Origins::Any,
        cors::Origins::Only { origins, credentials } => Origins::Only {
            origins: origins.iter().map(origin).collect::<Result<_, _>>()?,
            credentials: *credentials,
        },
    };
    let expose: Vec<HeaderName> = settled.expose_headers.iter().map(header).collect::<Result<_, _>>()?;
    Ok(Arc::new(Cors::new(origins, settled.max_age_seconds, &expose)))
}
