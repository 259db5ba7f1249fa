//! What a caller may do: the decision point, in the words of AuthZEN (OpenID Authorization API 1.0).
//!
//! A question is an [`words::Evaluation`]: may this subject do this action to this resource, in this context? An
//! [`decision::Engine`] has an opinion about it, [`decision::Engines`] makes of all opinions one [`decision::Decision`]: denied
//! unless something permits, nothing forbids and nothing failed.
//!
//! Everything is compiled once and immutable afterwards, so that workers share it and nobody waits for anybody. This crate
//! never verifies who a subject is, never does I/O and reads no clock: the time is an argument ([`time::UnixTime`]).

pub mod askable;
pub mod attributes;
pub mod authzen;
pub mod cache;
pub mod cases;
pub mod decision;
pub mod elsewhere;
pub mod engines;
pub mod explained;
pub mod lint;
pub mod listed;
pub mod problem;
pub mod properties;
pub mod record;
pub mod relations;
pub mod schema;
pub mod shared;
pub mod strict;
pub mod time;
pub mod words;
