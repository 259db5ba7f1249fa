//! Whether this process has one thread: what the kernel does to a thread it does not do to the others.

use std::fs;
use std::io;
use std::thread;
use std::time::Duration;

/// How long threads that are about to end may take.
const END_TIME_MAX: Duration = Duration::from_secs(1);
const LOOK_AGAIN_AFTER: Duration = Duration::from_millis(5);

/// Waits until there is one thread.
///
/// # Errors
/// There are others, or they cannot be counted.
pub(super) fn only_one() -> io::Result<()> {
    let mut waited = Duration::ZERO;
    loop {
        let count = fs::read_dir("/proc/self/task")?.count();
        if count == 1 {
            return Ok(());
        }
        if waited >= END_TIME_MAX {
            return Err(io::Error::other(format!("the process already has {count} threads")));
        }
        thread::sleep(LOOK_AGAIN_AFTER);
        waited += LOOK_AGAIN_AFTER;
    }
}
