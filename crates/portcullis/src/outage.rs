//! What fails for a while: told when it begins and when it ends, once each.

use std::sync::atomic::{AtomicBool, Ordering};

/// Whether something fails.
#[derive(Debug, Default)]
pub(crate) struct Outage(AtomicBool);

impl Outage {
    /// It has failed: whether that is news.
    pub(crate) fn begins(&self) -> bool {
        !self.0.swap(true, Ordering::Relaxed)
    }

    /// It works: whether that is news.
    pub(crate) fn ends(&self) -> bool {
        self.0.swap(false, Ordering::Relaxed)
    }

    /// Whether it failed the last time.
    pub(crate) fn lasts(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_begins_and_ends_once() {
        let outage = Outage::default();
        assert!(!outage.ends());
        assert!(outage.begins() && !outage.begins());
        assert!(outage.lasts());
        assert!(outage.ends() && !outage.ends());
        assert!(!outage.lasts());
    }
}
