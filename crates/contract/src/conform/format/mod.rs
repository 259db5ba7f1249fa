//! The formats that are asserted.
