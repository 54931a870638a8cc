//! How large commitments are, and what opening them proves.

use super::field::{Challenger, Ext, Val};
use p3_whir::{FoldingFactor, ProtocolParameters, SecurityAssumption, ZkParameters, ZkWhirConfig};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use thiserror::Error;

/// The security that every setup must reach, in proven bits.
pub const TARGET_BITS: u16 = 100;
/// The level asked of each error term, so that their sum stays above [`TARGET_BITS`].
const TERM_BITS: usize = 104;
/// Grinding before queries, in bits.
const GRINDING: usize = 16;
/// Random cells at the end of each limb besides those that openings use up: they blind what is told of the whole group.
const BLINDS: usize = 4;
/// The most variables of a polynomial: 2²⁶ cells.
const MOST_VARIABLES: usize = 26;

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
    bits: f64,
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
    /// Sizes that do not go together, or fewer than [`TARGET_BITS`] proven bits of the base case.
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

    fn folding(self, limbs: usize, fold: usize) -> Result<Setup, SetupError> {
        let parameters = ProtocolParameters {
            security_level: TERM_BITS,
            pow_bits: GRINDING,
            round_log_inv_rates: Vec::new(),
            folding_factor: FoldingFactor::ConstantFromSecondRound(limbs, fold),
            soundness_type: SecurityAssumption::JohnsonBound,
            starting_log_inv_rate: usize::from(self.rate),
        };
        let masks = ZkParameters { ell_zk: 3, mask_log_inv_rate: usize::from(self.mask_rate) };
        let variables = usize::from(self.rows).saturating_add(limbs);
        if variables > MOST_VARIABLES || limbs == 0 {
            return Err(SetupError::Parameters(format!("{variables} variables, {limbs} of them limbs")));
        }
        let config = ZkWhirConfig::new(variables, parameters, masks)
            .map_err(|error| SetupError::Parameters(error.to_string()))?;
        let report = config.hiding_base_case_security_report();
        // Grinding counts under the random oracle, on top of what is proven of the queries alone.
        let queries = &report.query_round;
        let ground = queries.before_pow.proven_bits().and(queries.with_pow.bits);
        let errors =
            [report.gamma_round.combined.proven_bits(), ground].map(|bits| bits.map(|bits| (-bits).exp2()));
        // Both must fail to convince of something false: their errors add up.
        let bits = errors.into_iter().sum::<Option<f64>>().map(|error| -error.log2());
        let proven = bits.filter(|bits| *bits >= f64::from(TARGET_BITS)).ok_or(SetupError::Insecure(bits))?;
        let setup = Setup { geometry: self, limbs, config: Arc::new(config), bits: proven };
        let (needed, rows) = (setup.reserve(), setup.cells());
        if needed.saturating_mul(2) > rows { Err(SetupError::Budget { needed, rows }) } else { Ok(setup) }
    }
}

impl Setup {
    /// The sizes.
    pub const fn geometry(&self) -> Geometry {
        self.geometry
    }

    /// The proven bits of the base case: its combination round and its queries, with the grinding before them.
    pub const fn bits(&self) -> f64 {
        self.bits
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
            .saturating_add(BLINDS)
    }

    /// The cells of a limb that data may fill.
    pub fn capacity(&self) -> usize {
        self.cells().saturating_sub(self.reserve())
    }
}
