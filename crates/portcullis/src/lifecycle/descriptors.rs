//! Descriptors: as many as the system allows, and word where that is too few for the configuration.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::config::checked::Configuration;

/// Descriptors of a worker besides its connections: runtime, timers, its sockets.
const PER_WORKER: u64 = 16;
/// Descriptors of the process besides those of its workers: log, admin surface, files that are read.
const OTHERS: u64 = 128;

/// Raises the limit on open descriptors to what the process may have, and warns where the bounds of the configuration do not fit.
pub(crate) fn raise(configuration: &Configuration) {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    if current != maximum {
        let raised = Rlimit {
            current: maximum,
            maximum,
        };
        if let Err(error) = setrlimit(Resource::Nofile, raised) {
            tracing::warn!(%error, "the limit on descriptors cannot be raised");
        }
    }
    let needed = needed(configuration.connection.connections_max, configuration.workers.get());
    if let Some(limit) = getrlimit(Resource::Nofile).current
        && limit < needed
    {
        tracing::warn!(
            limit,
            needed,
            "too few descriptors for `connection.connections_max`: raise the limit (LimitNOFILE=, ulimit -n), or lower the setting"
        );
    }
}

/// A connection of a caller may need one to an upstream.
fn needed(connections_max: usize, workers: usize) -> u64 {
    let [connections_max, workers] = [connections_max, workers].map(|number| u64::try_from(number).unwrap_or(u64::MAX));
    connections_max.saturating_mul(2) + workers.saturating_mul(PER_WORKER) + OTHERS
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_connection_needs_two() {
        assert_eq!(needed(10_000, 4), 20_000 + 64 + 128);
    }
}
