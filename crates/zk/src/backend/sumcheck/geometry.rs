//! How large commitments are, and what opening them proves.

use super::field::{Challenger, Ext, Val};
use super::soundness::{Code, Hiding, Report};
use p3_whir::{FoldingFactor, ProtocolParameters, SecurityAssumption, ZkParameters, ZkWhirConfig};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use thiserror::Error;

/// The security that every setup must reach, in proven bits.
pub const TARGET_BITS: u16 = 100;
/// The level asked of each error term, so that their sum stays above [`TARGET_BITS`].
const TERM_BITS: usize = 104;
/// Bits that a term may lose before more is asked of it.
const SPARE_BITS: f64 = 3.0;
/// Grinding before queries, in bits.
const GRINDING: usize = 16;
/// Random cells at the end of each limb besides those that openings use up: with those of one other limb at least they blind
/// the group's value, an element of the extension.
const BLINDS: usize = 2;
/// As many again for each opening. A message of the last sumcheck is a sum over half of the limbs; where the proof's own group
/// lies in the other half, the groups of the statement must hide it themselves: an element of the extension for each variable
/// that names a limb.
const BLINDS_EACH: usize = 3 * MOST_LIMBS / 2;
/// The most variables that name a limb.
const MOST_LIMBS: usize = 10;
/// The most variables of a polynomial: 2²⁶ cells.
const MOST_VARIABLES: usize = 26;
/// By how much the inverse rate of a word may be above that of the word before it, a logarithm. By the whole fold but one,
/// words would be half as long as those before them; by less they are shorter still, which is most of the time of an opening,
/// and are asked at a few places more.
const THINNING: usize = 4;
/// The most elements of an extension word that an opening commits to, a logarithm: 100 MB.
const LONGEST_WORD: usize = 22;

/// The sizes that all groups of one chain of models share, as logarithms to base 2.
///
/// A *limb* is a column of `2^rows` cells. Rate trades the prover's time for bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Geometry {
    /// Cells of a limb.
    pub rows: u8,
    /// The inverse rate of commitments.
    pub rate: u8,
    /// The inverse rate of the masks.
    pub mask_rate: u8,
    /// How often one group may be opened; each opening costs it cells (see [`super::group`]).
    pub openings: u8,
}

/// Rows, rate, rate of the masks and openings, in the order of a file.
impl From<[u8; 4]> for Geometry {
    fn from([rows, rate, mask_rate, openings]: [u8; 4]) -> Self {
        Self { rows, rate, mask_rate, openings }
    }
}

impl From<Geometry> for [u8; 4] {
    fn from(Geometry { rows, rate, mask_rate, openings }: Geometry) -> Self {
        [rows, rate, mask_rate, openings]
    }
}

/// Why a geometry is refused.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum SetupError {
    /// Parameters that do not go together.
    #[error("parameters: {0}")]
    Parameters(String),
    /// No room for the randomness of all openings.
    #[error("{needed} random cells in a limb of {rows}")]
    Budget {
        /// The cells needed.
        needed: usize,
        /// The cells of a limb.
        rows: usize,
    },
    /// Too little is proven.
    #[error("{} bits are proven, at least {TARGET_BITS} are needed", .0.map_or_else(|| "no".into(), |bits| format!("{bits:.1}")))]
    Insecure(Option<f64>),
}

/// A geometry and a number of limbs, with everything that follows from them; made once, shared by prover and verifier.
#[derive(Debug, Clone)]
pub struct Setup {
    geometry: Geometry,
    /// Limbs of an opening, a logarithm.
    limbs: usize,
    config: Arc<ZkWhirConfig<Ext, Val, Challenger>>,
    report: Arc<Report>,
}

/// Later folds, tried in this order: few large ones keep the list of masks short, on which the soundness of the last step
/// depends, and small polynomials have no room for the largest.
const FOLDS: [usize; 5] = [5, 6, 7, 4, 3];

impl Geometry {
    /// Models of some hundred parameters: 2⁹ rows, rate 1/8, two openings.
    pub const TINY: Self = Self { rows: 9, rate: 3, mask_rate: 3, openings: 2 };
    /// Models of some thousand parameters: 2¹¹ rows, rate 1/8, two openings.
    pub const SMALL: Self = Self { rows: 11, rate: 3, mask_rate: 3, openings: 2 };
    /// Models of some ten thousand parameters: 2¹³ rows, rate 1/4, two openings.
    pub const MEDIUM: Self = Self { rows: 13, rate: 2, mask_rate: 3, openings: 2 };
    /// Models of a million parameters: 2¹⁷ rows, rate 1/4, two openings.
    pub const LARGE: Self = Self { rows: 17, rate: 2, mask_rate: 2, openings: 2 };

    /// The setup of openings of `2^limbs` limbs, at the Johnson radius.
    ///
    /// # Errors
    /// Sizes that do not go together, or fewer than [`TARGET_BITS`] proven bits.
    pub fn setup(self, limbs: usize) -> Result<Setup, SetupError> {
        // The first reason that is more than a misfit of folds.
        let mut refused: Option<SetupError> = None;
        for fold in FOLDS {
            match self.folding(limbs, fold) {
                Ok(setup) => return Ok(setup),
                Err(error) if matches!(refused, None | Some(SetupError::Parameters(_))) => {
                    refused = Some(error);
                }
                Err(_) => {}
            }
        }
        Err(refused.unwrap_or(SetupError::Insecure(None)))
    }

    /// The level asked of each term. The library counts queries by the rate of messages; random rows after short ones raise the
    /// rate, which takes back `t/2 · log₂(1 + t/rows)` bits. It follows from the geometry alone, as the randomness of a group
    /// must not depend on what it is opened with.
    fn level(self) -> usize {
        let queries = (TERM_BITS - GRINDING) as f64 / (f64::from(self.rate) / 2.0 - 1.05f64.log2());
        let lost = queries / 2.0 * (queries / f64::from(self.rows).exp2()).ln_1p() / std::f64::consts::LN_2;
        // A few bits at most, and none for what is no rate at all.
        TERM_BITS + (lost.ceil() - SPARE_BITS).clamp(0.0, 16.0) as usize
    }

    fn folding(self, limbs: usize, fold: usize) -> Result<Setup, SetupError> {
        let parameters = ProtocolParameters {
            security_level: self.level(),
            pow_bits: GRINDING,
            round_log_inv_rates: Vec::new(),
            folding_factor: FoldingFactor::ConstantFromSecondRound(limbs, fold),
            soundness_type: SecurityAssumption::JohnsonBound,
            starting_log_inv_rate: usize::from(self.rate),
        };
        let masks = ZkParameters { ell_zk: 3, mask_log_inv_rate: usize::from(self.mask_rate) };
        let variables = usize::from(self.rows).saturating_add(limbs);
        if variables > MOST_VARIABLES || limbs == 0 || limbs > MOST_LIMBS {
            return Err(SetupError::Parameters(format!("{variables} variables, {limbs} of them limbs")));
        }
        let made = |parameters: &ProtocolParameters| {
            Config::new(variables, parameters.clone(), masks.clone())
                .map_err(|error| SetupError::Parameters(error.to_string()))
        };
        // Which folds there are does not depend on rates.
        let rates = self.rates(&made(&parameters)?);
        let config = made(&ProtocolParameters { round_log_inv_rates: rates, ..parameters })?;
        let report = report(&config);
        if !report.suffices() {
            return Err(SetupError::Insecure(Some(report.bits())));
        }
        let setup = Setup { geometry: self, limbs, config: Arc::new(config), report: Arc::new(report) };
        let (needed, rows) = (setup.reserve(), setup.cells());
        if needed.saturating_mul(2) > rows { Err(SetupError::Budget { needed, rows }) } else { Ok(setup) }
    }
}

type Config = ZkWhirConfig<Ext, Val, Challenger>;

impl Geometry {
    /// The rates of later words: lower from fold to fold by [`THINNING`], unless a fold takes away less, and lower still where
    /// words would be longer than [`LONGEST_WORD`].
    fn rates(self, free: &Config) -> Vec<usize> {
        let first = usize::from(self.rate);
        let rates = free.round_parameters().iter().enumerate().scan(first, |rate, (place, round)| {
            let thinned = *rate + THINNING.min(free.round_folding_factor(place).saturating_sub(1));
            *rate = thinned.min(LONGEST_WORD.saturating_sub(round.num_variables)).max(first);
            Some(*rate)
        });
        rates.collect()
    }
}

/// The code of oracle `place` of a run.
fn oracle(config: &Config, place: usize) -> Code {
    let folds = config.round_folding_factor(place);
    let (variables, rate) = match place.checked_sub(1) {
        None => (config.num_variables(), config.params().starting_log_inv_rate),
        Some(before) => {
            let round = &config.round_parameters()[before];
            (round.num_variables, config.inv_rate(before).trailing_zeros() as usize)
        }
    };
    let rows = 1 << (variables - folds);
    Code { dimension: rows + config.oracle_randomness()[place], domain: rows << rate, folds }
}

/// The error terms of a run.
fn report(config: &Config) -> Report {
    let oracles = (0..config.oracle_randomness().len()).map(|place| oracle(config, place)).collect();
    let masks = config.mask_groups().into_iter().map(|group| Code {
        dimension: group.shape.message_len + group.shape.randomness_len,
        domain: group.shape.domain_size,
        folds: 0,
    });
    let base = config.hiding_base_case_security_report();
    Hiding { oracles, masks: masks.collect(), rounds: config.round_parameters(), base: &base }.report()
}

impl Setup {
    /// The sizes.
    pub const fn geometry(&self) -> Geometry {
        self.geometry
    }

    /// The proven bits of an opening.
    pub fn bits(&self) -> f64 {
        self.report.bits()
    }

    /// The error terms of an opening.
    pub fn report(&self) -> &Report {
        &self.report
    }

    /// The logarithm of how many contents a commitment to linked groups may stand for.
    pub(super) fn list(&self) -> f64 {
        oracle(&self.config, 0).list()
    }

    pub(super) fn config(&self) -> &ZkWhirConfig<Ext, Val, Challenger> {
        &self.config
    }

    /// The cells of a limb, the reserved ones among them.
    pub const fn cells(&self) -> usize {
        1 << self.geometry.rows
    }

    /// The limbs of an opening.
    pub const fn limbs(&self) -> usize {
        1 << self.limbs
    }

    /// The variables that name a limb.
    pub(super) const fn limb_variables(&self) -> usize {
        self.limbs
    }

    /// The variables of the polynomial that is opened.
    pub const fn variables(&self) -> usize {
        self.geometry.rows as usize + self.limbs
    }

    /// How many rows one opening shows of each limb.
    pub(super) fn shown(&self) -> usize {
        self.config.oracle_randomness().first().copied().unwrap_or(0)
    }

    /// The cells at the end of a limb that hold randomness for further openings.
    pub fn reserve(&self) -> usize {
        self.shown()
            .saturating_mul(usize::from(self.geometry.openings.saturating_sub(1)))
            .saturating_add(self.blinds())
    }

    /// The first of those cells, of which no opening takes any away.
    pub(super) fn blinds(&self) -> usize {
        BLINDS + BLINDS_EACH * usize::from(self.geometry.openings)
    }

    /// The cells of a limb that data may fill.
    pub fn capacity(&self) -> usize {
        self.cells().saturating_sub(self.reserve())
    }
}
