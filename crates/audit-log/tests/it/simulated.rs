//! A disk that forgets what was not synced, tears what it was writing, gets full, and fails.

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard};

use portcullis_audit_log::medium::{Medium, Source};

use crate::conformance::{self, Machine};
use crate::fixture::Random;

/// A handle of a disk, which goes on when who writes to it is gone.
#[derive(Clone, Default)]
pub(crate) struct Simulated(Arc<Mutex<Disk>>);

/// What goes wrong, after some more operations that write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Trouble {
    /// The machine stops: nothing works until [`Simulated::crash`].
    Stop,
    /// There is no room: the operation is done in part, and everything that writes fails until room is made.
    Full,
    /// The next sync fails; what it should have written is never written, and reads back as if it had been.
    Sync,
}

#[derive(Default)]
struct Disk {
    files: Vec<File>,
    names: BTreeMap<String, usize>,
    durable_names: BTreeMap<String, usize>,
    /// Names that were given and taken since their folders were synced, in order.
    pending: Vec<(String, Option<usize>)>,
    trouble: Option<(u64, Trouble)>,
}

#[derive(Clone, Default)]
struct File {
    seen: Vec<u8>,
    durable: Vec<u8>,
    dirty: bool,
}

impl Simulated {
    fn disk(&self) -> MutexGuard<'_, Disk> {
        self.0.lock().unwrap()
    }

    pub(crate) fn arrange(&self, after: u64, trouble: Trouble) {
        self.disk().trouble = Some((after, trouble));
    }

    /// Whatever went wrong does not any more: there is room, the disk was changed. The program stopped, the machine did not.
    pub(crate) fn repair(&self) {
        self.disk().trouble = None;
    }

    /// The machine has stopped, and starts again.
    pub(crate) fn crash(&self, random: &mut Random) {
        self.disk().crash(random);
    }

    /// Everything that reads back, to be altered.
    pub(crate) fn blobs(&self) -> Blobs {
        let disk = self.disk();
        let read = |(name, file): (&String, &usize)| (name.clone(), disk.files[*file].seen.clone());
        Blobs(disk.names.iter().map(read).collect())
    }

    pub(crate) fn holding(blobs: &Blobs) -> Self {
        let simulated = Self::default();
        let mut medium = simulated.clone();
        for (name, content) in &blobs.0 {
            medium.write(name, content).unwrap();
        }
        medium.sync_all().unwrap();
        simulated
    }
}

impl Disk {
    /// Whether something goes wrong with this operation.
    fn step(&mut self, syncs: bool) -> io::Result<()> {
        match &mut self.trouble {
            Some((0, Trouble::Stop)) => Err(io::Error::other("the machine has stopped")),
            Some((0, Trouble::Full)) => Err(io::ErrorKind::StorageFull.into()),
            Some((0, Trouble::Sync)) if syncs => {
                self.trouble = None;
                // As systems do: what could not be written is forgotten to be unwritten.
                self.files.iter_mut().for_each(|file| file.dirty = false);
                Err(io::Error::other("the disk fails"))
            }
            Some((0, Trouble::Sync)) | None => Ok(()),
            Some((after, _)) => {
                *after -= 1;
                Ok(())
            }
        }
    }

    fn link(&mut self, name: &str, file: File) -> usize {
        self.files.push(file);
        let number = self.files.len() - 1;
        self.names.insert(name.to_owned(), number);
        self.pending.push((name.to_owned(), Some(number)));
        number
    }

    fn sync_file(&mut self, number: usize) {
        let file = &mut self.files[number];
        if file.dirty {
            file.durable = file.seen.clone();
            file.dirty = false;
        }
    }

    fn sync_folder(&mut self, folder: &str) {
        let (synced, pending) = self.pending.drain(..).partition(|(name, _)| folder_of(name) == folder);
        self.pending = pending;
        let synced: Vec<(String, Option<usize>)> = synced;
        synced.into_iter().for_each(|change| self.settle(change));
    }

    fn settle(&mut self, (name, file): (String, Option<usize>)) {
        match file {
            Some(file) => drop(self.durable_names.insert(name, file)),
            None => drop(self.durable_names.remove(&name)),
        }
    }

    fn crash(&mut self, random: &mut Random) {
        self.trouble = None;
        // Of each folder, a beginning of what was done to it is kept.
        let pending = std::mem::take(&mut self.pending);
        let mut cut: BTreeMap<String, bool> = BTreeMap::new();
        for change in pending {
            let gone = cut.entry(folder_of(&change.0).to_owned()).or_insert(false);
            *gone |= random.below(4) == 0;
            if !*gone {
                self.settle(change);
            }
        }
        for file in &mut self.files {
            if file.seen != file.durable {
                file.durable = file.torn(random);
            }
            file.seen = file.durable.clone();
            file.dirty = false;
        }
        self.names = self.durable_names.clone();
    }
}

impl File {
    /// What may be on the disk of a file that was not synced: a beginning, with pages that were never written.
    fn torn(&self, random: &mut Random) -> Vec<u8> {
        const PAGE: usize = 64;
        match random.below(4) {
            0 => self.durable.clone(),
            // What was forgotten after a failed sync is not written later.
            1 if self.dirty => self.seen.clone(),
            _ if !self.dirty => self.durable.clone(),
            _ => {
                let kept = self.durable.len().min(self.seen.len());
                let length = kept + random.below(self.seen.len() - kept + 1);
                let mut torn = self.seen[..length].to_vec();
                for page in torn[kept..].chunks_mut(PAGE) {
                    match random.below(6) {
                        0 => page.fill(0),
                        1 => page.iter_mut().for_each(|octet| *octet = random.octet()),
                        _ => {}
                    }
                }
                torn
            }
        }
    }
}

fn folder_of(name: &str) -> &str {
    name.rsplit_once('/').map_or("", |(folder, _)| folder)
}

impl Source for Simulated {
    fn read(&self, name: &str, bytes_max: usize) -> io::Result<Option<Vec<u8>>> {
        let disk = self.disk();
        if let Some((0, Trouble::Stop)) = disk.trouble {
            return Err(io::Error::other("the machine has stopped"));
        }
        let content = disk.names.get(name).map(|file| disk.files[*file].seen.clone());
        bounded(content, bytes_max)
    }

    fn list(&self, folder: &str) -> io::Result<Vec<String>> {
        Ok(list(self.disk().names.keys(), folder))
    }
}

impl Medium for Simulated {
    fn append(&mut self, name: &str, bytes: &[u8]) -> io::Result<()> {
        let mut disk = self.disk();
        let stepped = disk.step(false);
        let number = match disk.names.get(name) {
            Some(number) => *number,
            None => disk.link(name, File::default()),
        };
        let file = &mut disk.files[number];
        // What fails may be done in part.
        let length = if stepped.is_ok() { bytes.len() } else { bytes.len() / 2 };
        file.seen.extend_from_slice(&bytes[..length]);
        file.dirty = true;
        stepped
    }

    fn write(&mut self, name: &str, bytes: &[u8]) -> io::Result<()> {
        let mut disk = self.disk();
        disk.step(false)?;
        let file = File {
            seen: bytes.to_vec(),
            dirty: true,
            ..File::default()
        };
        disk.link(name, file);
        Ok(())
    }

    fn replace(&mut self, name: &str, bytes: &[u8]) -> io::Result<()> {
        let mut disk = self.disk();
        disk.step(true)?;
        disk.link(
            name,
            File {
                seen: bytes.to_vec(),
                durable: bytes.to_vec(),
                dirty: false,
            },
        );
        // It may fail when the new one is in its place and its folder is not synced.
        disk.step(true)?;
        disk.sync_folder(folder_of(name));
        Ok(())
    }

    fn sync(&mut self, name: &str) -> io::Result<()> {
        let mut disk = self.disk();
        disk.step(true)?;
        let number = *disk.names.get(name).ok_or(io::ErrorKind::NotFound)?;
        disk.sync_file(number);
        disk.sync_folder(folder_of(name));
        Ok(())
    }

    fn sync_all(&mut self) -> io::Result<()> {
        let mut disk = self.disk();
        disk.step(true)?;
        for number in 0..disk.files.len() {
            disk.sync_file(number);
        }
        for change in std::mem::take(&mut disk.pending) {
            disk.settle(change);
        }
        Ok(())
    }

    fn remove(&mut self, name: &str) -> io::Result<()> {
        let mut disk = self.disk();
        disk.step(false)?;
        if disk.names.remove(name).is_some() {
            disk.pending.push((name.to_owned(), None));
        }
        Ok(())
    }
}

/// A copy of a log, to be altered.
#[derive(Clone, Default)]
pub(crate) struct Blobs(pub(crate) BTreeMap<String, Vec<u8>>);

impl Source for Blobs {
    fn read(&self, name: &str, bytes_max: usize) -> io::Result<Option<Vec<u8>>> {
        bounded(self.0.get(name).cloned(), bytes_max)
    }

    fn list(&self, folder: &str) -> io::Result<Vec<String>> {
        Ok(list(self.0.keys(), folder))
    }
}

fn bounded(content: Option<Vec<u8>>, bytes_max: usize) -> io::Result<Option<Vec<u8>>> {
    match content {
        Some(content) if content.len() > bytes_max => Err(io::ErrorKind::FileTooLarge.into()),
        content => Ok(content),
    }
}

fn list<'a>(names: impl Iterator<Item = &'a String>, folder: &str) -> Vec<String> {
    let mut listed: Vec<String> = names
        .filter_map(|name| name.strip_prefix(folder))
        .map(|rest| rest.split_inclusive('/').next().unwrap_or_default().to_owned())
        .collect();
    listed.dedup();
    listed
}

/// The disk, and a machine that is stopped before every start.
struct Stopped(Simulated, Random);

impl Machine for Stopped {
    fn start(&mut self) -> Box<dyn Medium> {
        self.0.crash(&mut self.1);
        Box::new(self.0.clone())
    }
}

#[test]
fn it_keeps_what_every_medium_promises() {
    for seed in 0..20 {
        conformance::check(&mut Stopped(Simulated::default(), Random(seed)));
    }
}
