//! Nets: linear layers, dense or tensor trains, with ReLU between them. What the programs are written for.

use super::{Mlp, Train};
use crate::exact::{ExactParams, Interval, ProgramError, Tensor, fixed};
use crate::params::Entry;
use crate::{Layout, Seed};
use rand_chacha::rand_core::Rng;
use serde::{Deserialize, Serialize};
use std::{fmt, sync::Arc};

/// One linear layer with a bias.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Linear {
    /// A whole matrix.
    Dense {
        /// Inputs.
        from: u32,
        /// Outputs.
        to: u32,
    },
    /// A matrix held as a tensor train.
    Train(Train),
}

impl Linear {
    /// The number of inputs.
    pub fn from(&self) -> u32 {
        match self {
            Self::Dense { from, .. } => *from,
            Self::Train(train) => train.from(),
        }
    }

    /// The number of outputs.
    pub fn to(&self) -> u32 {
        match self {
            Self::Dense { to, .. } => *to,
            Self::Train(train) => train.to(),
        }
    }

    /// The number of parameters, at most `u64::MAX`.
    fn parameters(&self) -> u64 {
        match self {
            Self::Dense { .. } => self.dense_parameters(),
            Self::Train(train) => {
                let cores = train.cores().into_iter().map(size);
                cores.fold(u64::from(self.to()), u64::saturating_add)
            }
        }
    }

    /// What the number of parameters would be, were the matrix whole.
    fn dense_parameters(&self) -> u64 {
        u64::from(self.from()).saturating_add(1).saturating_mul(u64::from(self.to()))
    }

    /// The contractions of one row with this layer, in the order of a forward pass.
    fn contractions(&self) -> Vec<Contraction> {
        match self {
            Self::Dense { from, to } => {
                let (from, to) = (u64::from(*from), u64::from(*to));
                vec![Contraction { products: from.saturating_mul(to), results: to }]
            }
            Self::Train(train) => train.contractions(),
        }
    }

    /// The tensors of layer `number`: `w1, b1`, or `w1.1, w1.2, …, b1`.
    fn entries(&self, number: usize) -> Vec<Entry> {
        let mut entries = match self {
            Self::Dense { from, to } => vec![Entry { name: format!("w{number}"), shape: vec![*from, *to] }],
            Self::Train(train) => {
                let named = (1usize..).zip(train.cores());
                named
                    .map(|(at, core)| Entry { name: format!("w{number}.{at}"), shape: core.to_vec() })
                    .collect()
            }
        };
        entries.push(Entry { name: format!("b{number}"), shape: vec![self.to()] });
        entries
    }
}

/// One contraction of a forward pass, for one row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Contraction {
    /// The products that are summed.
    pub products: u64,
    /// The sums.
    pub results: u64,
}

fn size(shape: [u32; 4]) -> u64 {
    shape.into_iter().fold(1, |count, size| count.saturating_mul(u64::from(size)))
}

/// Linear layers with ReLU between them. One layer is a linear model.
///
/// The parameters of a layer are its matrix `[in, out]` or its cores `[r_{k−1}, i_k, o_k, r_k]`, then the bias `[out]`; all
/// layers one after the other make one flat buffer. Written for people it is its widths, `64-32-10`, with `~` for a matrix that
/// is held as a train: `64~256~10`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "Vec<Linear>", into = "Vec<Linear>")]
pub struct Net {
    linears: Vec<Linear>,
}

impl TryFrom<Vec<Linear>> for Net {
    type Error = ProgramError;

    fn try_from(linears: Vec<Linear>) -> Result<Self, ProgramError> {
        Self::new(linears)
    }
}

impl From<Net> for Vec<Linear> {
    fn from(net: Net) -> Self {
        net.linears
    }
}

impl From<Mlp> for Net {
    fn from(mlp: Mlp) -> Self {
        Self::from(&mlp)
    }
}

impl From<&Mlp> for Net {
    fn from(mlp: &Mlp) -> Self {
        Self { linears: mlp.pairs().map(|(from, to)| Linear::Dense { from, to }).collect() }
    }
}

impl From<&Self> for Net {
    fn from(net: &Self) -> Self {
        net.clone()
    }
}

impl Net {
    /// The net of these layers, input first.
    ///
    /// # Errors
    /// No layer or more than [`Mlp::MAX_LAYERS`], neighbours of different sizes, a width of 0 or above [`Mlp::MAX_WIDTH`], or
    /// more parameters than a tensor holds.
    pub fn new(linears: Vec<Linear>) -> Result<Self, ProgramError> {
        let wide = |size: u32| (1..=Mlp::MAX_WIDTH).contains(&size);
        let fits = (1..=Mlp::MAX_LAYERS).contains(&linears.len())
            && linears.iter().all(|linear| wide(linear.from()) && wide(linear.to()))
            && linears.iter().zip(linears.iter().skip(1)).all(|(left, right)| left.to() == right.from());
        if !fits {
            return Err(ProgramError::Argument("not the layers of a net"));
        }
        let parameters = linears.iter().map(Linear::parameters).fold(0, u64::saturating_add);
        if parameters > Tensor::MAX_ELEMENTS as u64 {
            return Err(ProgramError::TooLarge { what: "parameters", limit: Tensor::MAX_ELEMENTS });
        }
        Ok(Self { linears })
    }

    /// The layers, input first.
    pub fn linears(&self) -> &[Linear] {
        &self.linears
    }

    /// The number of features.
    pub fn features(&self) -> u32 {
        self.linears.first().map_or(0, Linear::from)
    }

    /// The number of outputs, or classes.
    pub fn outputs(&self) -> u32 {
        self.linears.last().map_or(0, Linear::to)
    }

    /// The number of parameters.
    pub fn parameters(&self) -> u32 {
        u32::try_from(self.linears.iter().map(Linear::parameters).sum::<u64>()).unwrap_or(u32::MAX)
    }

    /// Whether any matrix is held as factors.
    pub fn is_factorised(&self) -> bool {
        self.linears.iter().any(|linear| matches!(linear, Linear::Train(_)))
    }

    /// What the number of parameters would be, were every matrix whole.
    pub fn dense_parameters(&self) -> u64 {
        self.linears.iter().map(Linear::dense_parameters).fold(0, u64::saturating_add)
    }

    /// The net of the same widths with every matrix whole.
    ///
    /// # Errors
    /// More parameters than a tensor holds.
    pub fn whole(&self) -> Result<Self, ProgramError> {
        let whole = |linear: &Linear| Linear::Dense { from: linear.from(), to: linear.to() };
        Self::new(self.linears.iter().map(whole).collect())
    }

    /// The contractions of one row with all layers, in the order of a forward pass.
    pub fn contractions(&self) -> impl Iterator<Item = Contraction> {
        self.linears.iter().flat_map(Linear::contractions)
    }

    /// The layout of the flat buffer: `w1, b1, w2, b2, …`, where the cores of a train are `w1.1, w1.2, …`.
    pub fn layout(&self) -> Arc<Layout> {
        let entries = (1..).zip(&self.linears).flat_map(|(number, linear)| linear.entries(number));
        let layout = Layout::new(entries.collect());
        Arc::new(
            layout.unwrap_or_else(|_| unreachable!("fewer layers and parameters than a layout may have")),
        )
    }

    /// A first model, drawn in integers so that a seed gives the same on every machine: matrices uniform within ±√(6 / fan-in)
    /// (He et al. 2015, for ReLU); cores with the variance 1/(r_{k−1}·i_k), the first one twice that, so that the whole matrix
    /// has the variance 2/I of a dense one; biases zero.
    pub fn init(&self, seed: Seed) -> ExactParams {
        let mut rng = seed.derive("mlp init").rng();
        let mut values = Vec::with_capacity(self.parameters() as usize);
        let mut draw = |values: &mut Vec<i32>, count: u64, limit: u64| {
            let limit = limit.min(fixed::WEIGHT_LIMIT.unsigned_abs());
            let span = u128::from(limit).saturating_mul(2).saturating_add(1);
            for _ in 0..count {
                let drawn = u128::from(rng.next_u64()).saturating_mul(span) >> 64;
                values.push((drawn as i32).saturating_sub(limit as i32));
            }
        };
        for linear in &self.linears {
            let fan = |from: u32| {
                (6u64 << (2 * fixed::WEIGHT_BITS)).checked_div(u64::from(from)).unwrap_or(0).isqrt()
            };
            match linear {
                Linear::Dense { from, to } => {
                    draw(&mut values, u64::from(*from).saturating_mul(u64::from(*to)), fan(*from));
                }
                // The variance of an entry of the matrix is the product of the cores' variances and of all ranks.
                Linear::Train(train) => {
                    for (at, shape) in train.cores().into_iter().enumerate() {
                        let [left, from, ..] = shape;
                        let fan = fan(from.saturating_mul(left));
                        // √(6/n) for the first, √(3/n) for the others.
                        let limit = if at == 0 { fan } else { fan.saturating_mul(181) / 256 };
                        draw(&mut values, size(shape), limit);
                    }
                }
            }
            values.extend(std::iter::repeat_n(0, linear.to() as usize));
        }
        ExactParams::from_drawn(values, self.layout())
    }

    /// Where labels lie.
    pub(super) fn label_interval(&self) -> Interval {
        Interval { lo: 0, hi: i64::from(self.outputs()).saturating_sub(1).max(0) }
    }

    /// Where weights lie.
    pub(super) fn weight_interval() -> Interval {
        Interval::symmetric(fixed::WEIGHT_LIMIT)
    }

    /// Where features lie.
    pub(super) fn feature_interval() -> Interval {
        Interval::symmetric(fixed::FEATURE_LIMIT)
    }

    /// Where targets of a regression lie: where outputs do.
    pub(super) fn target_interval() -> Interval {
        Interval::symmetric(fixed::LOGIT_LIMIT)
    }
}

impl fmt::Display for Net {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.features())?;
        self.linears.iter().try_for_each(|linear| match linear {
            Linear::Dense { to, .. } => write!(f, "-{to}"),
            Linear::Train(train) => write!(f, "~{}", train.to()),
        })
    }
}
