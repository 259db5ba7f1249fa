//! The compiled contract, and the judging of requests and answers by it.

pub mod body;
pub mod contract;
pub mod coverage;
pub mod format;
pub mod json;
pub mod media_type;
pub mod operation;
pub mod parameter;
pub mod pattern;
pub mod percent;
pub mod response;
pub mod route;
pub mod security;
