//! Bundles read ahead by several threads, and handed over in their order: so what is found does not depend on how many there are.

use std::io;
use std::num::NonZeroUsize;
use std::ops::ControlFlow;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use super::bundle::Bundle;
use crate::medium::Source;
use crate::tiles::TILE_WIDTH;

/// How many bundles a thread has read at most that nobody has taken yet: their hashes, of 16 KiB each.
const AHEAD_MAX: usize = 16;

/// Which bundles of which log are read.
#[derive(Clone, Copy)]
pub(super) struct Bundles<'a> {
    pub(super) source: &'a (dyn Source + Sync),
    /// How many entries the log has.
    pub(super) size: u64,
    /// How many threads read and hash. The one that calls only takes what they have read.
    pub(super) threads: NonZeroUsize,
}

impl Bundles<'_> {
    /// Hands over every bundle, from the first to the last, until `take` wants no more.
    pub(super) fn each(
        self,
        take: &mut dyn FnMut(u64, Bundle) -> io::Result<ControlFlow<()>>,
    ) -> io::Result<ControlFlow<()>> {
        std::thread::scope(|scope| {
            let mut readers = Vec::new();
            for (first, _) in (0..self.threads.get()).zip(0..self.count()) {
                let (sender, receiver) = sync_channel(AHEAD_MAX);
                std::thread::Builder::new().spawn_scoped(scope, move || self.read(first, &sender))?;
                readers.push(receiver);
            }
            // Whoever still reads when this ends finds nobody to take it, and ends too.
            self.take_in_order(&readers, take)
        })
    }

    fn count(self) -> u64 {
        self.size.div_ceil(TILE_WIDTH)
    }

    /// Reads every bundle that is one thread's: those that are as many apart as there are threads.
    fn read(self, first: usize, sender: &SyncSender<io::Result<Bundle>>) {
        for index in (0..self.count()).skip(first).step_by(self.threads.get()) {
            let read = Bundle::read(self.source, index, self.size);
            if sender.send(read).is_err() {
                return;
            }
        }
    }

    fn take_in_order(
        self,
        readers: &[Receiver<io::Result<Bundle>>],
        take: &mut dyn FnMut(u64, Bundle) -> io::Result<ControlFlow<()>>,
    ) -> io::Result<ControlFlow<()>> {
        for (index, reader) in (0..self.count()).zip(readers.iter().cycle()) {
            // One that has ended before its last bundle has panicked, and so does this when it ends.
            let read = reader.recv().map_err(|_| io::ErrorKind::UnexpectedEof)?;
            if take(index, read?)?.is_break() {
                return Ok(ControlFlow::Break(()));
            }
        }
        Ok(ControlFlow::Continue(()))
    }
}
