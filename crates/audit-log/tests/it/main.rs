//! The log as a whole: held against what others compute, against crashes and against whoever alters it.

mod fixture;
mod histories;
mod merkle;
mod notes;
mod simulated;
mod tampering;
mod witnessing;
mod writing;
