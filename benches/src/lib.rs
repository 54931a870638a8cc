//! Shared by the benches and the program `figures`.
