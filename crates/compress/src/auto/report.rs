//! What was chosen for each tensor, and what a tensor format would have cost.

use crate::CodecId;
use std::fmt;

/// One codec on one tensor.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Trial {
    /// The codec.
    pub codec: CodecId,
    /// Its index among the candidates of [`super::Auto`].
    pub candidate: usize,
    /// Bytes in the packet, framing included.
    pub bytes: usize,
    /// ‖x − x̂‖ / ‖x‖.
    pub error: f64,
}

/// What came of the tensor formats (codecs with a transform) on one tensor.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum TensorFormat {
    /// None was among the candidates, or none could carry the tensor.
    NotTried,
    /// One was chosen.
    Paid,
    /// This was the best: it needs more bytes, or its error is too large.
    DidNotPay(Trial),
}

/// What was chosen for one tensor.
#[derive(Debug, Clone, PartialEq)]
pub struct Choice {
    /// The name of the tensor.
    pub tensor: String,
    /// Its number of values.
    pub elements: usize,
    /// What was chosen.
    pub chosen: Trial,
    /// Whether a tensor format was worth it.
    pub format: TensorFormat,
}

/// What was chosen for all tensors that have elements, in order.
#[derive(Debug, Clone, PartialEq)]
pub struct Report {
    /// The choices.
    pub choices: Vec<Choice>,
    /// Bytes of the whole packet.
    pub bytes: usize,
    /// ‖x − x̂‖ / ‖x‖ of all parameters together.
    pub error: f64,
}

impl Report {
    /// How many times smaller than `f32` the packet is.
    pub fn ratio(&self) -> f64 {
        let elements: usize = self.choices.iter().map(|choice| choice.elements).sum();
        4.0 * elements as f64 / self.bytes as f64
    }
}

impl fmt::Display for TensorFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotTried => f.write_str("not tried"),
            Self::Paid => f.write_str("paid"),
            Self::DidNotPay(Trial { codec, bytes, error, .. }) => {
                write!(f, "did not pay: {codec} needs {bytes} bytes at error {error:.4}")
            }
        }
    }
}

impl fmt::Display for Choice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Trial { codec, bytes, error, .. } = self.chosen;
        let ratio = 4.0 * self.elements as f64 / bytes as f64;
        let name = &self.tensor;
        write!(f, "{name:20} {codec} {bytes:>10} bytes {ratio:>8.1}x error {error:.4}  {}", self.format)
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "tensor, codec, size, error, tensor format")?;
        self.choices.iter().try_for_each(|choice| writeln!(f, "{choice}"))?;
        let (bytes, ratio, error) = (self.bytes, self.ratio(), self.error);
        write!(f, "{:20} {:6} {bytes:>10} bytes {ratio:>8.1}x error {error:.4}", "together", "")
    }
}
