//! The process among others: the sockets it is given and hands on, what it tells the service manager, whom it runs as, and what it
//! may touch.
//!
//! The order matters. Sockets are taken before anything else opens a descriptor; the user is changed and the sandbox laid after the
//! sockets are bound and before there is a second thread, because the kernel does both for one thread and those that it starts.

pub(crate) mod account;
mod channel;
pub(crate) mod cores;
pub(crate) mod descriptors;
pub(crate) mod listening;
pub(crate) mod pid_file;
pub(crate) mod predecessor;
pub(crate) mod sandbox;
pub(crate) mod service_manager;
pub(crate) mod successor;
mod threads;
