//! Every way the gate says no, and the problem response of each (RFC 9457).
