//! A learning goal.
