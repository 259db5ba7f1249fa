//! Listening: sockets, strict HTTP/1.1 in front of hyper, deadlines, draining.
