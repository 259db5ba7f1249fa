//! No core files: in the memory of a gate are the credentials and the data of callers, and a core file has all of it.

use rustix::process::{DumpableBehavior, Resource, Rlimit, set_dumpable_behavior, setrlimit};

/// The process leaves no core file, wherever the system would put one, and nobody but root looks into its memory. After the user has
/// changed, which takes that back.
pub(crate) fn none() {
    let nothing = Rlimit {
        current: Some(0),
        maximum: Some(0),
    };
    // The limit alone does not hold for a system that hands core files to a program.
    let limited =
        setrlimit(Resource::Core, nothing).and_then(|()| set_dumpable_behavior(DumpableBehavior::NotDumpable));
    if let Err(error) = limited {
        tracing::warn!(%error, "a core file of this process cannot be ruled out");
    }
}
