//! JSON judged in one pass over its bytes, without a tree.
