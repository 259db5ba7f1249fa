//! `Content-Digest` (RFC 9530): what the content of a message has to be, in the coding in which it is sent.

use aws_lc_rs::digest::{self, Algorithm, SHA256, SHA512};

use crate::structured::{self, Bare, Item, Member};

/// The digests that content has to have: one or both of SHA-256 and SHA-512. Others that are there are passed over
/// (RFC 9530 §5), the weak ones among them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContentDigest {
    sha_256: Option<Vec<u8>>,
    sha_512: Option<Vec<u8>>,
}

/// The field does not parse, or has no digest that is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unusable;

impl ContentDigest {
    /// Reads the value of the field, its lines joined by commas.
    ///
    /// # Errors
    ///
    /// [`Unusable`].
    pub fn read(value: &[u8]) -> Result<Self, Unusable> {
        let digests = structured::dictionary(value).map_err(|_| Unusable)?;
        let of = |name, algorithm: &Algorithm| match digests.get(name) {
            None => Ok(None),
            Some(Member::Item(Item {
                bare: Bare::Bytes(bytes),
                ..
            })) if bytes.len() == algorithm.output_len() => Ok(Some(bytes.clone())),
            Some(_) => Err(Unusable),
        };
        let (sha_256, sha_512) = (of("sha-256", &SHA256)?, of("sha-512", &SHA512)?);
        if sha_256.is_none() && sha_512.is_none() {
            return Err(Unusable);
        }
        Ok(Self { sha_256, sha_512 })
    }

    /// Whether `content` has every digest that is known.
    pub fn is_of(&self, content: &[u8]) -> bool {
        let holds = |expected: &Option<Vec<u8>>, algorithm: &'static Algorithm| {
            let expected = expected.as_ref();
            expected.is_none_or(|expected| digest::digest(algorithm, content).as_ref() == expected.as_slice())
        };
        holds(&self.sha_256, &SHA256) && holds(&self.sha_512, &SHA512)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 9530, appendix D.
    const WORLD: &[u8] = b"{\"hello\": \"world\"}\n";
    const SHA_256: &str = "sha-256=:RK/0qy18MlBSVnWgjwz6lZEWjP/lF5HF9bvEF8FabDg=:";
    /// RFC 9421, appendix B.2.
    const REQUEST: &[u8] = b"{\"hello\": \"world\"}";
    const SHA_512: &str =
        "sha-512=:WZDPaVn/7XgHaAy8pmojAkGWoRx2UFChF41A2svX+TaPm+AbwAgBWnrIiYllu7BNNyealdVLvRwEmTHWXvJwew==:";

    #[test]
    fn published_digests_hold() {
        let check = |field: &str, content: &[u8], expected: bool| {
            let digest = ContentDigest::read(field.as_bytes()).unwrap();
            assert_eq!(digest.is_of(content), expected, "{field}");
        };
        check(SHA_256, WORLD, true);
        check(SHA_256, REQUEST, false);
        check(SHA_512, REQUEST, true);
        check(SHA_512, b"", false);
        // All of those that are known have to hold.
        check(&format!("{SHA_256}, {SHA_512}"), WORLD, false);
        check(&format!("md5=:AAAA:, {SHA_512}"), REQUEST, true);
        let empty = "sha-256=:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=:";
        check(empty, b"", true);
    }

    #[test]
    fn what_holds_nothing_is_no_digest() {
        for field in [
            "",
            "md5=:AAAA:",
            "sha-256",
            "sha-256=:AAAA:",
            "sha-256=\"RK/0qy18MlBSVnWgjwz6lZEWjP/lF5HF9bvEF8FabDg=\"",
            "sha-256=RK/0qy18MlBSVnWgjwz6lZEWjP/lF5HF9bvEF8FabDg=",
            "SHA-256=:RK/0qy18MlBSVnWgjwz6lZEWjP/lF5HF9bvEF8FabDg=:",
            "sha-256=:RK/0qy18MlBSVnWgjwz6lZEWjP/lF5HF9bvEF8FabDh=:",
        ] {
            assert_eq!(ContentDigest::read(field.as_bytes()), Err(Unusable), "{field}");
        }
        let twice = format!("{SHA_256}, {SHA_256}");
        assert_eq!(ContentDigest::read(twice.as_bytes()), Err(Unusable));
    }
}
