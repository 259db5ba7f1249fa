//! Sends a request that passed every control to its upstream: a pool of connections per worker, bounded in time and number.
