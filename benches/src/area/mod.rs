//! The areas that are measured: one module each.

mod compress;
mod consensus;
mod core;
mod learning;
mod ledger;
mod market;
mod sim;
mod zk;

use crate::{Failure, reading::Reading};
use clap::ValueEnum;
use std::{fmt, sync::OnceLock};

/// What figures are taken of. Each area has its file in `bars/`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Area {
    /// Exact arithmetic, codec, signatures.
    Core,
    /// The event loop and the devnet.
    Sim,
    /// Orders placed and matched.
    Market,
    /// Tensor formats, quantisers, update codecs.
    Compress,
    /// Blocks decided, adversaries withstood.
    Consensus,
    /// Transactions executed, entries proved.
    Ledger,
    /// Gossip learning and robust merging.
    Learning,
    /// Proofs.
    Zk,
}

impl Area {
    /// Its file of bars.
    pub const fn bars(self) -> &'static str {
        match self {
            Self::Core => include_str!("../../bars/core.json"),
            Self::Sim => include_str!("../../bars/sim.json"),
            Self::Market => include_str!("../../bars/market.json"),
            Self::Compress => include_str!("../../bars/compress.json"),
            Self::Consensus => include_str!("../../bars/consensus.json"),
            Self::Ledger => include_str!("../../bars/ledger.json"),
            Self::Learning => include_str!("../../bars/learning.json"),
            Self::Zk => include_str!("../../bars/zk.json"),
        }
    }

    /// Measures what can be measured, on one thread unless a row says otherwise. A measurement that fails is a reading
    /// without a value.
    pub fn measure(self, options: Options) -> Vec<Reading> {
        match self {
            Self::Core => core::measure(),
            Self::Sim => sim::measure(),
            Self::Market => market::measure(options),
            Self::Compress => compress::measure(options),
            Self::Consensus => consensus::measure(),
            Self::Ledger => ledger::measure(),
            Self::Learning => learning::measure(options),
            Self::Zk => zk::measure(options),
        }
    }
}

impl fmt::Display for Area {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Core => "core",
            Self::Sim => "sim",
            Self::Market => "market",
            Self::Compress => "compress",
            Self::Consensus => "consensus",
            Self::Ledger => "ledger",
            Self::Learning => "learning",
            Self::Zk => "zk",
        })
    }
}

/// How to measure.
#[derive(Debug, Clone, Copy, Default)]
pub struct Options {
    /// Whether peers are run beside.
    pub peers: bool,
}

/// What names have to contain; nothing where all is measured.
static ONLY: OnceLock<Vec<String>> = OnceLock::new();

/// Measures from now on only what has one of these texts in the name of its first row. The first call decides for the process.
pub fn only(texts: Vec<String>) {
    ONLY.get_or_init(|| texts);
}

/// The readings of a measurement, or one reading that says why it failed.
fn attempt(name: &'static str, work: impl FnOnce() -> Result<Vec<Reading>, Failure> + Send) -> Vec<Reading> {
    if ONLY.get().is_some_and(|texts| !texts.iter().any(|text| name.contains(text.as_str()))) {
        return vec![Reading::missing(name, "left out")];
    }
    crate::cost::single_thread(work).unwrap_or_else(|why| vec![Reading::missing(name, why.to_string())])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_area_has_its_own_bars() {
        for area in Area::value_variants() {
            let file: serde_json::Value = serde_json::from_str(area.bars()).unwrap();
            assert_eq!(file["area"], area.to_string());
        }
    }

    #[test]
    fn a_failure_is_a_reading_without_a_value() {
        let readings = attempt("row", || Err("no luck".into()));
        assert_eq!(readings, [Reading::missing("row", "no luck")]);
    }
}
