//! The counters of one process, in a table of fixed size.
//!
//! A table of `keys_max` entries of 16 bytes, in buckets of eight. A key's keyed 128-bit hash picks its bucket with one
//! half and is recognised there by the other, so that nobody outside can choose keys that meet. The buckets lie in
//! shards, each with its own lock and its own memory, which is asked for when the shard is first used.
//!
//! A counter whose theoretical arrival time has passed is that of an idle key: its entry is free. Where a bucket has no
//! free entry, the least restrictive one (the smallest arrival time) is given up and counted as an eviction.
//!
//! **Over-admission.** An evicted counter starts again as idle: its key gains at most what it had used, which is at most
//! its burst, per eviction. The victim is the nearest to idle of eight, so a flood of fresh keys evicts its own kind:
//! a key that has used up its quota is given up only where eight other keys of its bucket are further ahead of the
//! clock than it is, or come to be. Who wants that must exhaust about `keys_max` keys of as strict a quota first. Evictions
//! begin when about two thirds of the entries hold live counters; give more room as soon as the metric moves.

use super::gcra::{Decision, Moment, refunded};
use super::key::Key;
use super::store::{Ask, Charge, LimitStore, Reply, Taken};
use parking_lot::{Mutex, MutexGuard};
use smallvec::SmallVec;
use std::sync::atomic::{AtomicU64, Ordering};

/// Bytes of one counter.
pub const ENTRY_BYTES: usize = size_of::<Entry>();
/// Counters in one bucket: two cache lines.
pub const WAYS: usize = 8;
/// Parts of the table with a lock of their own.
pub const SHARDS: usize = 64;

/// Shards that one request locks without allocating.
const INLINE: usize = 4;

/// A fingerprint and a theoretical arrival time. Plain numbers, so that fresh memory comes zeroed from the system and is
/// handed out page by page; zero is an arrival time long past, so a zeroed entry is free.
type Entry = (u64, u64);
type Bucket = [Entry; WAYS];

/// An in-process [`LimitStore`] that never uses more than [`MemoryStore::bytes_max`].
pub struct MemoryStore {
    shards: Box<[Shard]>,
    buckets_per_shard: usize,
    evictions: AtomicU64,
}

/// Aligned so that two workers in neighbouring shards do not fight over one cache line.
#[repr(align(128))]
#[derive(Default)]
struct Shard(Mutex<Vec<Bucket>>);

type Guards<'s> = SmallVec<[(usize, MutexGuard<'s, Vec<Bucket>>); INLINE]>;

impl MemoryStore {
    /// A store of at least `keys_max` counters, rounded up to a multiple of 512 (one bucket per shard).
    #[must_use]
    pub fn new(keys_max: usize) -> Self {
        let shards = std::iter::repeat_with(Shard::default).take(SHARDS).collect();
        let buckets_per_shard = keys_max.div_ceil(SHARDS * WAYS).max(1);
        Self {
            shards,
            buckets_per_shard,
            evictions: AtomicU64::new(0),
        }
    }

    /// The most memory that the counters will ever use.
    #[must_use]
    pub fn bytes_max(&self) -> usize {
        SHARDS.saturating_mul(self.shard_bytes())
    }

    /// The memory asked for so far.
    #[must_use]
    pub fn bytes(&self) -> usize {
        let used = self.shards.iter().filter(|shard| !shard.0.lock().is_empty()).count();
        used.saturating_mul(self.shard_bytes())
    }

    fn shard_bytes(&self) -> usize {
        self.buckets_per_shard.saturating_mul(WAYS * ENTRY_BYTES)
    }

    /// Locks the shards of these keys, each once and in ascending order, so that no two requests wait for each other.
    fn lock(&self, keys: impl Iterator<Item = Key>) -> Guards<'_> {
        let mut wanted: SmallVec<[usize; INLINE]> = keys.map(shard_of).collect();
        wanted.sort_unstable();
        wanted.dedup();
        let lock = |index: usize| self.shards.get(index).map(|shard| (index, shard.0.lock()));
        wanted.into_iter().filter_map(lock).collect()
    }

    /// The bucket of a key in its shard, which gets its memory now if it has none yet.
    fn bucket<'b>(&self, shard: &'b mut Vec<Bucket>, key: Key) -> Option<&'b mut Bucket> {
        if shard.is_empty() {
            *shard = vec![[(0, 0); WAYS]; self.buckets_per_shard];
        }
        shard.get_mut(scaled(key.place() << SHARDS.trailing_zeros(), self.buckets_per_shard))
    }

    fn bucket_of<'b>(&self, guards: &'b mut Guards<'_>, key: Key) -> Option<&'b mut Bucket> {
        let index = shard_of(key);
        let (_, shard) = guards.iter_mut().find(|(held, _)| *held == index)?;
        self.bucket(shard, key)
    }

    /// What most requests need: one counter, one lock, one look.
    fn take_one(&self, ask: &Ask, now: Moment) -> Taken {
        let refuse = |wait_nanoseconds| Taken::None {
            ask: 0,
            wait_nanoseconds,
        };
        let Some(shard) = self.shards.get(shard_of(ask.key)) else {
            return refuse(1);
        };
        let mut shard = shard.0.lock();
        let Some(bucket) = self.bucket(&mut shard, ask.key) else {
            return refuse(1);
        };
        match ask.quota.decide(read(bucket, ask.key), now) {
            Decision::Admit { arrival } => {
                self.write(bucket, ask.key, arrival, now);
                Taken::All(ask.charge(arrival).into_iter().collect())
            }
            Decision::Refuse { wait_nanoseconds } => refuse(wait_nanoseconds),
        }
    }

    fn take_all(&self, asks: &[Ask], now: Moment) -> Taken {
        let mut guards = self.lock(asks.iter().map(|ask| ask.key));
        let (mut arrivals, mut refused) = (SmallVec::<[Moment; INLINE]>::new(), None::<(usize, u64)>);
        for (index, ask) in asks.iter().enumerate() {
            let stored = self
                .bucket_of(&mut guards, ask.key)
                .map(|bucket| read(bucket, ask.key))
                .unwrap_or_default();
            match ask.quota.decide(stored, now) {
                Decision::Admit { arrival } => arrivals.push(arrival),
                Decision::Refuse { wait_nanoseconds: wait } => {
                    if refused.is_none_or(|(_, longest)| wait > longest) {
                        refused = Some((index, wait));
                    }
                }
            }
        }
        if let Some((ask, wait_nanoseconds)) = refused {
            return Taken::None { ask, wait_nanoseconds };
        }
        let mut charges = Vec::new();
        for (ask, arrival) in asks.iter().zip(arrivals) {
            if let Some(bucket) = self.bucket_of(&mut guards, ask.key) {
                self.write(bucket, ask.key, arrival, now);
            }
            charges.extend(ask.charge(arrival));
        }
        Taken::All(charges)
    }

    fn write(&self, bucket: &mut Bucket, key: Key, arrival: Moment, now: Moment) {
        let index = match position(bucket, key) {
            Some(index) => index,
            None => self.make_room(bucket, now),
        };
        if let Some(entry) = bucket.get_mut(index) {
            *entry = (key.fingerprint(), arrival.0);
        }
    }

    fn make_room(&self, bucket: &Bucket, now: Moment) -> usize {
        let smallest = bucket.iter().enumerate().min_by_key(|(_, (_, arrival))| *arrival);
        let Some((index, (_, arrival))) = smallest else {
            return 0;
        };
        if *arrival > now.0 {
            self.evictions.fetch_add(1, Ordering::Relaxed);
        }
        index
    }
}

impl LimitStore for MemoryStore {
    fn take(&self, asks: &[Ask], now: Moment) -> Reply<Taken> {
        Reply::Ready(match asks {
            [ask] => self.take_one(ask, now),
            asks => self.take_all(asks, now),
        })
    }

    fn refund(&self, charges: &[Charge], now: Moment) -> Reply<()> {
        let mut guards = self.lock(charges.iter().map(|charge| charge.key));
        for charge in charges {
            let Some(bucket) = self.bucket_of(&mut guards, charge.key) else {
                continue;
            };
            let found = bucket
                .iter_mut()
                .find(|(fingerprint, _)| *fingerprint == charge.key.fingerprint());
            if let Some((_, arrival)) = found {
                *arrival = refunded(Moment(*arrival), charge.arrival, charge.interval_nanoseconds, now).0;
            }
        }
        Reply::Ready(())
    }

    fn evictions(&self) -> u64 {
        self.evictions.load(Ordering::Relaxed)
    }
}

fn shard_of(key: Key) -> usize {
    scaled(key.place(), SHARDS)
}

/// Spreads 64 random bits evenly over `0..count`.
fn scaled(bits: u64, count: usize) -> usize {
    let count = u128::try_from(count).unwrap_or(u128::MAX);
    usize::try_from((u128::from(bits) * count) >> 64).unwrap_or(usize::MAX)
}

fn position(bucket: &Bucket, key: Key) -> Option<usize> {
    bucket
        .iter()
        .position(|(fingerprint, _)| *fingerprint == key.fingerprint())
}

fn read(bucket: &Bucket, key: Key) -> Moment {
    let found = bucket.iter().find(|(fingerprint, _)| *fingerprint == key.fingerprint());
    found.map(|(_, arrival)| Moment(*arrival)).unwrap_or_default()
}
