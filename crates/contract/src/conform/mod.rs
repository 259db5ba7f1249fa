//! The compiled contract, and the judging of requests and answers by it.

pub mod format;
pub mod json;
pub mod parameter;
pub mod pattern;
pub mod route;
