//! Octets that must not be seen: never printed, never copied by accident, overwritten when they are dropped.

use std::fmt;

use zeroize::Zeroizing;

/// Secret octets. They can be handed over to this crate, and not taken out of it.
pub struct SecretBytes(Zeroizing<Vec<u8>>);

impl SecretBytes {
    /// Takes over octets, which are overwritten when this is dropped.
    pub fn new(octets: Vec<u8>) -> Self {
        Self(Zeroizing::new(octets))
    }

    /// How many octets there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn expose(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for SecretBytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretBytes(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_printed() {
        let printed = format!("{:?}", SecretBytes::new(vec![0x41, 0x42, 0x43]));
        assert_eq!(printed, "SecretBytes(..)");
    }
}
