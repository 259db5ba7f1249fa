//! The enforcement point: one request through every control, in one fixed order.

mod access;
pub mod account;
pub mod admin;
pub mod body;
pub mod codes;
pub mod controls;
pub mod forward;
pub mod gate;
mod grpc;
mod holdings;
pub mod issuer;
pub mod keyring;
pub mod limit;
mod lines;
pub mod listen;
pub mod metrics;
pub mod networks;
pub mod observe;
mod one_hop;
pub mod pipeline;
pub mod policy;
pub mod refusal;
pub mod replay;
pub mod routes;
pub mod trace;
pub mod trial;
pub mod websocket;
