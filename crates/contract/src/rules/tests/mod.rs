//! Tests of every rule, by the examples of its own page.

mod examples;
mod registry;
mod score;
