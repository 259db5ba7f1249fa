//! Passwords that are kept as Argon2id hashes (RFC 9106), written as PHC strings:
//! `$argon2id$v=19$m=19456,t=2,p=1$<salt>$<tag>`.
//!
//! A hash that is cheap to try, or so costly that verifying it is an attack on us, cannot be made here. Salt and memory are
//! arguments: whoever verifies decides where and when so much of both is spent.

mod phc;

use std::fmt;

use argon2::{Algorithm, Argon2, Block, Params, Version};
use aws_lc_rs::constant_time::verify_slices_are_equal;

use crate::authorization::Password;
pub use phc::HashRefusal;

/// How many octets a new salt has (RFC 9106 §3.1).
pub const SALT_BYTES: usize = 16;
/// How many octets the tag of a new hash has.
const TAG_BYTES: usize = 32;

/// What one verification costs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Costs {
    memory_kibibytes: u32,
    passes: u32,
    lanes: u32,
}

/// The hash of a password. Two are the same where cost, salt and tag are.
#[derive(Clone, PartialEq, Eq)]
pub struct PasswordHash {
    costs: Costs,
    salt: Box<[u8]>,
    tag: Box<[u8]>,
}

/// The memory that hashing needs, kept from one to the next. It grows to the largest that was asked for.
#[derive(Default)]
pub struct Memory(Vec<Block>);

/// There is no memory for hashing: nothing can be said of a password.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoMemory;

impl Costs {
    /// What OWASP asks for at least (Password Storage Cheat Sheet): 19 MiB, two passes, one lane.
    pub const LEAST: Self = Self {
        memory_kibibytes: 19 * 1024,
        passes: 2,
        lanes: 1,
    };
    /// The least memory for a single pass, which OWASP holds to be as good.
    const ONE_PASS_KIBIBYTES_MIN: u32 = 46 * 1024;
    /// The most memory of one verification.
    pub const MEMORY_KIBIBYTES_MAX: u32 = 256 * 1024;
    /// The most that one verification fills, over all passes: a second or two.
    const WORK_KIBIBYTES_MAX: u64 = 1024 * 1024;
    const LANES_MAX: u32 = 16;

    /// # Errors
    ///
    /// [`HashRefusal::Weak`] or [`HashRefusal::Costly`].
    pub fn new(memory_kibibytes: u32, passes: u32, lanes: u32) -> Result<Self, HashRefusal> {
        let memory_min = match passes {
            0 => u32::MAX,
            1 => Self::ONE_PASS_KIBIBYTES_MIN,
            _ => Self::LEAST.memory_kibibytes,
        };
        if memory_kibibytes < memory_min || lanes == 0 {
            return Err(HashRefusal::Weak);
        }
        let work = u64::from(memory_kibibytes).saturating_mul(u64::from(passes));
        let bounded = memory_kibibytes <= Self::MEMORY_KIBIBYTES_MAX && lanes <= Self::LANES_MAX;
        if !bounded || work > Self::WORK_KIBIBYTES_MAX {
            return Err(HashRefusal::Costly);
        }
        Ok(Self {
            memory_kibibytes,
            passes,
            lanes,
        })
    }

    /// The memory of one verification, in KiB.
    pub fn memory_kibibytes(self) -> u32 {
        self.memory_kibibytes
    }
}

impl PasswordHash {
    /// The hash of a password under a salt that nobody else has.
    ///
    /// # Errors
    ///
    /// [`NoMemory`].
    pub fn make(
        password: &Password,
        salt: [u8; SALT_BYTES],
        costs: Costs,
        memory: &mut Memory,
    ) -> Result<Self, NoMemory> {
        let mut hash = Self {
            costs,
            salt: salt.into(),
            tag: [0; TAG_BYTES].into(),
        };
        hash.tag = hash.tag_of(password, memory)?;
        Ok(hash)
    }

    /// Whether it is the hash of this password. The time depends on the costs and on the password's length, not on what is compared.
    ///
    /// # Errors
    ///
    /// [`NoMemory`].
    pub fn verify(&self, password: &Password, memory: &mut Memory) -> Result<bool, NoMemory> {
        let tag = self.tag_of(password, memory)?;
        Ok(verify_slices_are_equal(&tag, &self.tag).is_ok())
    }

    /// A hash that costs the same and is nobody's.
    pub fn decoy(&self) -> Self {
        Self {
            costs: self.costs,
            salt: vec![0; self.salt.len()].into(),
            tag: vec![0; self.tag.len()].into(),
        }
    }

    /// A hash of these costs that is nobody's.
    pub(crate) fn nobodys(costs: Costs) -> Self {
        Self {
            costs,
            salt: [0; SALT_BYTES].into(),
            tag: [0; TAG_BYTES].into(),
        }
    }

    /// What verifying it costs.
    pub fn costs(&self) -> Costs {
        self.costs
    }

    fn tag_of(&self, password: &Password, memory: &mut Memory) -> Result<Box<[u8]>, NoMemory> {
        let Costs {
            memory_kibibytes,
            passes,
            lanes,
        } = self.costs;
        let mut tag = vec![0; self.tag.len()].into_boxed_slice();
        // What could be wrong with either was refused when the hash was made.
        let params = Params::new(memory_kibibytes, passes, lanes, Some(tag.len())).map_err(|_| NoMemory)?;
        let blocks = memory.blocks(params.block_count())?;
        Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
            .hash_password_into_with_memory(password.octets(), &self.salt, &mut tag, blocks)
            .map_err(|_| NoMemory)?;
        Ok(tag)
    }
}

impl Memory {
    /// What is in them does not matter: every block is written before it is read.
    fn blocks(&mut self, count: usize) -> Result<&mut [Block], NoMemory> {
        let missing = count.saturating_sub(self.0.len());
        self.0.try_reserve_exact(missing).map_err(|_| NoMemory)?;
        self.0.resize(count.max(self.0.len()), Block::new());
        self.0.get_mut(..count).ok_or(NoMemory)
    }
}

impl fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PasswordHash")
            .field("costs", &self.costs)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Memory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Memory").field(&self.0.len()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn password(text: &str) -> Password {
        Password::new(text.as_bytes().to_vec())
    }

    #[test]
    fn a_password_is_verified_by_its_hash_alone() {
        let mut memory = Memory::default();
        let made = PasswordHash::make(&password("correct horse"), [7; SALT_BYTES], Costs::LEAST, &mut memory).unwrap();
        let read = PasswordHash::parse(&made.to_string()).unwrap();
        assert_eq!(read, made);
        let mut check =
            |text: &str, expected| assert_eq!(read.verify(&password(text), &mut memory), Ok(expected), "{text:?}");
        check("correct horse", true);
        check("correct horse ", false);
        check("Correct horse", false);
        check("", false);
        let decoy = read.decoy();
        assert_eq!(decoy.costs(), read.costs());
        assert_eq!(decoy.verify(&password("correct horse"), &mut memory), Ok(false));
        let other_salt =
            PasswordHash::make(&password("correct horse"), [8; SALT_BYTES], Costs::LEAST, &mut memory).unwrap();
        assert_ne!(other_salt.tag, made.tag);
    }

    /// Made by libargon2's reference program, `argon2 somesalt -id -v 13 -t 2 -k 65536 -p 1`, with the password `password`: one of the
    /// known answers of its own tests (CC0 or Apache-2.0).
    #[test]
    fn the_reference_implementation_agrees() {
        let written = "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc";
        let hash = PasswordHash::parse(written).unwrap();
        let mut memory = Memory::default();
        assert_eq!(hash.verify(&password("password"), &mut memory), Ok(true));
        assert_eq!(hash.verify(&password("differentpassword"), &mut memory), Ok(false));
        assert_eq!(hash.to_string(), written);
        // The same memory is as good for another hash, whatever is left in it.
        let least = PasswordHash::make(&password("x"), [1; SALT_BYTES], Costs::LEAST, &mut memory).unwrap();
        assert_eq!(least.verify(&password("x"), &mut Memory::default()), Ok(true));
    }

    #[test]
    fn what_is_cheap_to_try_or_too_costly_is_no_hash() {
        let check = |memory, passes, lanes, expected: Result<(), HashRefusal>| {
            let made = Costs::new(memory, passes, lanes).map(drop);
            assert_eq!(made, expected, "m={memory},t={passes},p={lanes}");
        };
        check(19_456, 2, 1, Ok(()));
        check(47_104, 1, 1, Ok(()));
        check(65_536, 3, 4, Ok(()));
        check(262_144, 4, 16, Ok(()));
        for (memory, passes, lanes) in [
            (19_455, 2, 1),
            (19_456, 1, 1),
            (47_103, 1, 4),
            (19_456, 2, 0),
            (1 << 20, 0, 1),
            (8, 100, 1),
        ] {
            check(memory, passes, lanes, Err(HashRefusal::Weak));
        }
        for (memory, passes, lanes) in [
            (262_145, 2, 1),
            (19_456, 2, 17),
            (262_144, 5, 1),
            (u32::MAX, u32::MAX, 1),
        ] {
            check(memory, passes, lanes, Err(HashRefusal::Costly));
        }
    }
}
