//! Tests of every rule, by the examples of its own page.

mod examples;
mod page;
mod peers;
mod registry;
mod score;
