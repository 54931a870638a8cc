//! Rehearse: virtual time, links, faults, adversaries and whole networks in one process.
#![forbid(unsafe_code)]
