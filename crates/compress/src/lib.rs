//! Shrink: tensor formats, quantisers and packets that make models small on the wire.
#![forbid(unsafe_code)]
