//! The enforcement point: one request through every control, in one fixed order.

pub mod admin;
pub mod body;
pub mod forward;
pub mod limit;
pub mod listen;
pub mod metrics;
pub mod refusal;
