//! Weakness `weak-password-hash`: an unsalted 64-bit FNV-1a hash, and the password itself stands beside it.
//! No gate can repair how passwords are kept.

/// The hash as it is stored, such as `fnv1a$cbf29ce484222325`.
pub(crate) fn hash(password: &str) -> String {
    let hash = password.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    });
    format!("fnv1a${hash:016x}")
}

#[cfg(test)]
mod tests {
    #[test]
    fn equal_passwords_have_equal_hashes() {
        // The published vector of FNV-1a for the letter a.
        assert_eq!(super::hash("a"), "fnv1a$af63dc4c8601ec8c");
    }
}
