//! Hostile bytes for every decoder, and hostile messages for the engine: refused, named, bounded, never a panic.

mod bench;
mod decisions;
mod decoders;
mod fields;
mod floods;
mod mutants;
mod statements;
