//! Agree: weighted voting, electorates, certificates and evidence over a foreign BFT core.
#![forbid(unsafe_code)]
