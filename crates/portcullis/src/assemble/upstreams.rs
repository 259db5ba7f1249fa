//! From upstreams as they are configured to endpoints, which live on over reloads that do not change them.

use std::mem::take;
use std::sync::Arc;

use portcullis_gateway::forward;
use portcullis_gateway::forward::balance::{
    Balanced, Fleet, Group, GroupSettings, InService, Mirror, MirrorSettings, Site,
};
use portcullis_gateway::forward::headers::{Host, Rules};
use portcullis_gateway::forward::tls::Tls;
use portcullis_gateway::routes::{Upstream, Way};

use super::StartError;
use crate::config::api::{Endpoint, Upstream as Configured};

/// The endpoints in service. One that does not change, nor the certificates for it, nor what holds for it, stays as it is with
/// its connections and its health.
pub(super) struct Upstreams {
    fleet: Arc<Fleet>,
    known: Vec<(Key, Arc<Site>)>,
    /// What the table being built leads to.
    gathered: InService,
}

/// What makes an endpoint the one that it is.
#[derive(PartialEq)]
struct Key {
    endpoint: Endpoint,
    certificates: Option<[u8; 32]>,
    settings: forward::balance::EndpointSettings,
    each: bool,
    resolve_time_max: std::time::Duration,
}

impl Upstreams {
    pub(super) fn new(fleet: Arc<Fleet>) -> Self {
        Self {
            fleet,
            known: Vec::new(),
            gathered: InService::default(),
        }
    }

    /// Begins a table; what was gathered for one that did not come about is forgotten.
    pub(super) fn begin(&mut self) {
        self.gathered = InService::default();
    }

    /// Puts what the table leads to in service, and everything else out of it.
    pub(super) fn finish(&mut self) {
        let gathered = take(&mut self.gathered);
        let in_use = |site: &Arc<Site>| gathered.sites.iter().any(|used| Arc::ptr_eq(used, site));
        self.known.retain(|(_, site)| in_use(site));
        self.fleet.serve(gathered);
    }

    /// The upstream of an API, and `rules` of what it is sent. `tls` has one element for each of its endpoints.
    pub(super) fn upstream(
        &mut self,
        api: &str,
        configured: &Configured,
        rules: Rules,
        tls: Vec<Option<Tls>>,
    ) -> Result<Upstream, StartError> {
        let mut tls = tls.into_iter();
        let mut sites = |endpoints: &[Endpoint]| {
            let site = |endpoint: &Endpoint| {
                let site = self.site(configured, endpoint, tls.next().flatten())?;
                Ok((site, endpoint.weight))
            };
            endpoints.iter().map(site).collect::<Result<Vec<_>, StartError>>()
        };
        let main = sites(&configured.endpoints)?;
        let canary = match &configured.canary {
            Some((endpoints, settings)) => Some((sites(endpoints)?, settings.clone())),
            None => None,
        };
        let mirror = match &configured.mirror {
            Some((endpoint, settings)) => sites(std::slice::from_ref(endpoint))?
                .pop()
                .map(|(site, _)| (site, settings.clone())),
            None => None,
        };
        let rules = Rules {
            host: if configured.preserve_host {
                Host::Client
            } else {
                Host::Upstream
            },
            ..rules
        };
        if configured.direct
            && let Some(endpoint) = main
                .first()
                .and_then(|(site, _)| site.endpoints().first().map(Arc::clone))
        {
            let way = Way::Direct(endpoint);
            return Ok(Upstream { rules, way });
        }
        let main = self.group(api, main, configured.group);
        // All of them may be left out, for the others step in.
        let alone = GroupSettings {
            ejected_percent_max: 100,
            ..configured.group
        };
        let canary = canary.map(|(sites, settings)| (self.group(&format!("{api} canary"), sites, alone), settings));
        // It gets what the upstream gets, and so nothing that a client says in the gate's place.
        let like = |settings: MirrorSettings| MirrorSettings {
            rules: Rules {
                internal: rules.internal.clone(),
                from_clients: rules.from_clients.clone(),
                ..settings.rules
            },
            ..settings
        };
        let mirror = mirror.map(|(site, settings)| Mirror::new(site, like(settings)));
        self.gathered.mirrors.extend(mirror.clone());
        let way = Way::Balanced(Box::new(Balanced::new(
            main,
            canary,
            mirror,
            configured.balanced.clone(),
        )));
        Ok(Upstream { rules, way })
    }

    fn group(&mut self, name: &str, sites: Vec<(Arc<Site>, u32)>, settings: GroupSettings) -> Arc<Group> {
        let group = Group::new(name, sites, settings);
        self.gathered.groups.push(Arc::clone(&group));
        group
    }

    /// The endpoint, or the endpoints, of one entry: those that there were where nothing of it changed.
    fn site(
        &mut self,
        configured: &Configured,
        endpoint: &Endpoint,
        tls: Option<Tls>,
    ) -> Result<Arc<Site>, StartError> {
        let key = Key {
            endpoint: Endpoint {
                // How it is weighed does not make it another one.
                weight: 1,
                ..endpoint.clone()
            },
            certificates: tls.as_ref().map(Tls::digest),
            settings: configured.settings.clone(),
            each: configured.each,
            resolve_time_max: configured.resolve_time_max,
        };
        let known = self
            .known
            .iter()
            .find(|(known, _)| *known == key)
            .map(|(_, site)| Arc::clone(site));
        let site = match known {
            Some(site) => site,
            None => {
                let (settings, address) = (configured.settings.clone(), address(endpoint, tls)?);
                let site = Site::new(
                    &self.fleet,
                    address,
                    settings,
                    configured.each,
                    configured.resolve_time_max,
                );
                self.known.push((key, Arc::clone(&site)));
                site
            }
        };
        if !self.gathered.sites.iter().any(|gathered| Arc::ptr_eq(gathered, &site)) {
            self.gathered.sites.push(Arc::clone(&site));
        }
        Ok(site)
    }
}

fn address(endpoint: &Endpoint, tls: Option<Tls>) -> Result<forward::Upstream, StartError> {
    let authority = &endpoint.authority;
    let address = match (tls, &endpoint.tls) {
        (Some(tls), _) => forward::Upstream::parse_tls(&format!("https://{authority}"), tls),
        (None, None) => forward::Upstream::parse(&format!("http://{authority}")),
        (None, Some(_)) => Err(format!("TLS to `{authority}` is not settled")),
    };
    let protocol = match endpoint.http2 {
        Some(true) => forward::Protocol::Http2,
        Some(false) => forward::Protocol::Http1,
        None => forward::Protocol::Negotiated,
    };
    Ok(address.map_err(StartError::Setting)?.speaking(protocol))
}
