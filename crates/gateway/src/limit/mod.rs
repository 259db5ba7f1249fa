//! Rate limits: the generic cell rate algorithm over a bounded table of keys.
