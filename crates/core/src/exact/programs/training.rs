//! How a model is trained: what is minimised, at which rate, with which memory.

use crate::exact::{ProgramError, fixed};
use serde::de::{Error as _, SeqAccess, Visitor};
use serde::ser::SerializeTuple;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;

/// What training minimises, with z the last layer's outputs (logits).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
pub enum Loss {
    /// Softmax cross-entropy against classes `[rows]`: δ = softmax(z) − onehot. The default.
    #[default]
    CrossEntropy,
    /// Half the squared distance from the one-hot vector of the class, `[rows]`: δ = z − onehot.
    OneHot,
    /// Half the squared distance from targets `[rows, outputs]` with 8 fractional bits: δ = z − t. With two sizes this is
    /// linear regression.
    Squared,
}

/// How a model is stepped: θ ← clamp(θ − v − rescale₁₆(λ·θ)) with v ← clamp(rescale₈(μ·v) + g), where g is the mean
/// gradient of the batch times the rate, and v = g without momentum.
///
/// The velocity v has the form of a model: 12 fractional bits, within ±2¹⁴ ([`fixed::WEIGHT_LIMIT`]). Both terms are
/// rounded to the grid of weights, so that a decay with λ·θ below half a quantum does nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Training {
    /// Batches of one turn (4 by default).
    pub steps: u32,
    /// Rows of a batch, a power of two (32 by default).
    pub batch: u32,
    /// The learning rate is 2 to minus this (2 by default; at most 40).
    pub rate_shift: u32,
    /// What is minimised.
    pub loss: Loss,
    /// The momentum μ in units of 2⁻⁸ (0 by default: none).
    pub momentum: u8,
    /// The decay λ of each step in units of 2⁻¹⁶ (0 by default: none), not multiplied by the rate (Loshchilov and Hutter
    /// 2019).
    pub decay: u16,
}

impl Default for Training {
    fn default() -> Self {
        Self { steps: 4, batch: 32, rate_shift: 2, loss: Loss::CrossEntropy, momentum: 0, decay: 0 }
    }
}

impl Training {
    /// The rows that all steps of a turn draw together.
    pub fn rows(&self) -> u32 {
        self.steps.saturating_mul(self.batch)
    }

    /// Whether training carries a velocity from step to step.
    pub fn has_velocity(&self) -> bool {
        self.momentum != 0
    }

    /// The shift that turns a batch sum of gradients with `bits` fractional bits into a change of weights.
    pub(super) fn shift(self, bits: u32) -> Result<u32, ProgramError> {
        if !self.batch.is_power_of_two() {
            return Err(ProgramError::Argument("the batch is not a power of two"));
        }
        // Biases' errors carry 8 bits, fewer than weights: their gradients are scaled up before, see `step`.
        bits.checked_sub(fixed::WEIGHT_BITS)
            .and_then(|shift| shift.checked_add(self.batch.ilog2()))
            .and_then(|shift| shift.checked_add(self.rate_shift))
            .filter(|shift| (1..=40).contains(shift))
            .ok_or(ProgramError::Argument("the learning rate is out of range"))
    }

    /// Everything but steps, batch and rate in one word; 0 for plain training.
    fn method(self) -> u32 {
        let loss = match self.loss {
            Loss::CrossEntropy => 0u32,
            Loss::OneHot => 1,
            Loss::Squared => 2,
        };
        loss << 24 | u32::from(self.momentum) << 16 | u32::from(self.decay)
    }

    fn with_method(self, method: u32) -> Option<Self> {
        let [decay @ .., momentum, loss] = method.to_le_bytes();
        let loss = match loss {
            0 => Loss::CrossEntropy,
            1 => Loss::OneHot,
            2 => Loss::Squared,
            _ => return None,
        };
        Some(Self { loss, momentum, decay: u16::from_le_bytes(decay), ..self })
    }
}

/// Set in the rate's word when a word with the method follows.
const METHOD: u32 = 1 << 31;

/// Plain training, which is softmax cross-entropy without memory, is three words: steps, batch, rate. Other training sets the
/// highest bit of the rate's word and adds a word: loss (8 bits), momentum (8 bits), decay (16 bits). So the bytes and ids
/// of goals that train plainly are what they were before there was a choice.
impl Serialize for Training {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let method = self.method();
        let mut words = serializer.serialize_tuple(if method == 0 { 3 } else { 4 })?;
        words.serialize_element(&self.steps)?;
        words.serialize_element(&self.batch)?;
        if method == 0 {
            words.serialize_element(&(self.rate_shift & !METHOD))?;
        } else {
            words.serialize_element(&(self.rate_shift | METHOD))?;
            words.serialize_element(&method)?;
        }
        words.end()
    }
}

impl<'de> Deserialize<'de> for Training {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_tuple(4, Words)
    }
}

struct Words;

impl<'de> Visitor<'de> for Words {
    type Value = Training;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("three or four words of a training")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut words: A) -> Result<Training, A::Error> {
        let mut word = |at| words.next_element()?.ok_or_else(|| A::Error::invalid_length(at, &Self));
        let (steps, batch, rate): (u32, u32, u32) = (word(0)?, word(1)?, word(2)?);
        let plain = Training { steps, batch, rate_shift: rate & !METHOD, ..Training::default() };
        if rate & METHOD == 0 {
            return Ok(plain);
        }
        match word(3)? {
            0 => Err(A::Error::custom("plain training in the long form")),
            method => plain.with_method(method).ok_or_else(|| A::Error::custom("an unknown loss")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Wire, decode, encode};
    use proptest::prelude::*;

    impl Wire for Training {
        const LIMIT: usize = 64;
    }

    fn any_training() -> impl Strategy<Value = Training> {
        let loss = prop::sample::select(vec![Loss::CrossEntropy, Loss::OneHot, Loss::Squared]);
        (any::<u32>(), any::<u32>(), 0..METHOD, loss, any::<u8>(), any::<u16>()).prop_map(
            |(steps, batch, rate_shift, loss, momentum, decay)| Training {
                steps,
                batch,
                rate_shift,
                loss,
                momentum,
                decay,
            },
        )
    }

    proptest! {
        #[test]
        fn every_training_has_one_encoding(training in any_training()) {
            prop_assert_eq!(decode::<Training>(&encode(&training)), Ok(training));
        }

        #[test]
        fn bytes_that_decode_are_the_encoding(words in prop::collection::vec(any::<u32>(), 3..5)) {
            let bytes: Vec<u8> = std::iter::once(1).chain(words.iter().flat_map(|word| word.to_le_bytes())).collect();
            if let Ok(training) = decode::<Training>(&bytes) {
                prop_assert_eq!(encode(&training), bytes);
            }
        }
    }

    #[test]
    fn plain_training_keeps_its_twelve_bytes() {
        assert_eq!(encode(&Training::default()), [1, 4, 0, 0, 0, 32, 0, 0, 0, 2, 0, 0, 0]);
        let long = [1, 4, 0, 0, 0, 32, 0, 0, 0, 2, 0, 0, 0x80, 0, 0, 0, 0];
        assert!(decode::<Training>(&long).is_err());
        let unknown = [1, 4, 0, 0, 0, 32, 0, 0, 0, 2, 0, 0, 0x80, 0, 0, 0, 3];
        assert!(decode::<Training>(&unknown).is_err());
    }
}
