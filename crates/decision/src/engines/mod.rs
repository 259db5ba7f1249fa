//! The engines: one way to judge questions a module. What each of them thinks is combined in [`crate::decision`], nowhere else.

pub mod cedar;
pub mod relations;
pub mod roles;
