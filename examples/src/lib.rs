//! Each example is a program of its own under `examples/`.
