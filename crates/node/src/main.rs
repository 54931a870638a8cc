//! The program `bitneuron`.
fn main() {}
