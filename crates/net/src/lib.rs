//! Talk: frames, limits, the overlay trait and peer sampling.
#![forbid(unsafe_code)]
