//! Every decoder as a target for fuzzers.
//!
//! A [`Target`] is given any bytes and says whether they were accepted. It panics where a promise is broken: that nothing panics,
//! that what is accepted has one encoding, that decoded numbers are finite, and so on. The same functions serve three callers:
//!
//! - the tests of this crate, which throw [`mutant`]s of valid inputs and everything under `attacks/` at them;
//! - the programs of `libfuzzer/`, which look for new paths through the code without end;
//! - whoever has a file that made one of them fail.
//!
//! The bytes of some targets begin with a choice: which codec and layout, which type.
#![forbid(unsafe_code)]

pub mod compress;
mod mutant;
pub mod words;

pub use mutant::mutant;

/// What is fuzzed.
#[derive(Debug, Clone, Copy)]
pub struct Target {
    /// Its name, which is also that of its folder of attacks and of its program.
    pub name: &'static str,
    /// Decodes bytes; whether they were accepted.
    pub run: fn(&[u8]) -> bool,
    /// Inputs that are accepted, to begin with.
    pub seeds: fn() -> Vec<Vec<u8>>,
}

/// All targets.
pub const TARGETS: [Target; 9] = [
    Target { name: "packet", run: compress::packet, seeds: compress::packets },
    Target { name: "codec", run: compress::codec, seeds: compress::choices },
    Target { name: "archive", run: compress::archive, seeds: compress::archives },
    Target { name: "safetensors", run: compress::safetensors, seeds: compress::files },
    Target { name: "entropy", run: compress::entropy, seeds: compress::strings },
    Target { name: "words", run: words::words, seeds: words::skeletons },
    Target { name: "proof", run: words::proof, seeds: words::proofs },
    Target { name: "frame", run: words::frames, seeds: words::framed },
    Target { name: "table", run: words::table, seeds: words::tables },
];
