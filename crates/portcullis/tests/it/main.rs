//! The gate as its users run it: the real binary, in front of real and of hostile upstreams, over real sockets.
//!
//! Every server listens on a free loopback port and ends with the guard that started it. Every wait is bounded.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "tests"
)]

mod acme;
mod activation;
mod address_lists;
mod admin_operations;
mod answers;
mod api_keys;
mod asked_again;
mod audit;
mod audit_log;
mod audit_log_delivery;
mod authorization;
mod authzen;
mod authzen_elsewhere;
mod balance;
mod bodies;
mod canaries;
mod client_certificates;
mod collections;
mod command_line;
mod contracts;
mod cors;
mod decision_points;
mod documentation;
mod dpop;
mod forms;
mod gate;
mod handshakes;
mod http;
mod http2;
mod http2_attacks;
mod http2_frames;
mod identity_upstream;
mod init;
mod inspection;
mod introspection;
mod issuers;
mod key_rotation;
mod listeners;
mod log_command;
mod logins;
mod memory;
mod natter_api;
mod natter_policies;
mod policy_tools;
mod rates;
mod rego;
mod relations;
mod reload;
mod request_values;
mod resource_names;
mod restart;
mod sandbox;
mod schema;
mod service_manager;
mod shutdown;
mod signatures;
mod step_up;
mod streams;
mod timing;
mod tls;
mod tls_files;
mod tokens;
mod traces;
mod under_load;
mod upstream;
mod upstream_http2;
mod upstream_tls;
mod upstreams_that_lie;
mod user;
mod versions;
mod websocket;
mod wire;
