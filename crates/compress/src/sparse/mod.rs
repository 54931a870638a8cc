//! Sparse codecs: few values travel, and where they belong.
//!
//! | codec | keeps | bits for each kept value at p = 1/100 |
//! |---|---|---|
//! | [`Top`] | the largest values | 8.1 + 32 or 8 |
//! | [`Random`] | places drawn by the seed | 32 |
//! | [`Ternary`] | the signs of the largest, and one magnitude | 8.1 + 1 |
//! | [`Chunked`] | the largest of each chunk, by sign and one of two magnitudes | 8.1 + 2 + 0.8 |
//! | [`Cosine`] | the largest cosine coefficients of each chunk | 8.1 + 32 or 8 |
//!
//! [`mod@select`] finds the largest values, [`density`] says how many, [`gaps`] codes their places near the entropy
//! and [`magnitude`] their values, `entries` is what all of them decode to: values at places. Adding a packet onto
//! parameters touches only those places. All but [`Cosine`] decode to integers.
//!
//! What is left out has to come later: all but scaled [`Random`] are biased, and sums of updates over rounds need
//! [`crate::ErrorFeedback`] around them. Whole models do not belong here.

pub mod chunked;
pub mod cosine;
mod dct;
pub mod density;
mod entries;
pub mod gaps;
pub mod magnitude;
pub mod random;
pub mod select;
pub mod ternary;
pub mod top;

pub use chunked::Chunked;
pub use cosine::Cosine;
pub use density::Density;
pub use magnitude::Precision;
pub use random::Random;
pub use select::largest;
pub use ternary::Ternary;
pub use top::Top;
