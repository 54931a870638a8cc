//! Codecs by name, as experiment files write them.

use crate::unread::Unread;
use bitneuron_compress::{
    Absmax4, Absmax8, Auto, Chain, CompressError, Compressor, Dense, Ecsq, Float, Nf4, Rotated, Sliced,
    TensorTrain, TensorTrainMatrix, Ternary, Top, Truncation, Uniform, auto::Budget, sparse::Density,
};
use std::sync::Arc;

/// Each codec as it is written, and what it does.
pub const CODECS: [(&str, &str); 16] = [
    ("dense", "32 bits for each parameter"),
    ("f16", "IEEE half precision"),
    ("bf16", "the upper half of each number"),
    ("e4m3", "eight bits, four of them exponent"),
    ("int8", "eight bits and one scale for each block"),
    ("int4", "four bits and one scale for each block"),
    ("nf4", "sixteen levels of a normal distribution"),
    ("uniform:BITS", "uniform steps of 1 to 16 bits"),
    ("rotated:BITS", "rotated at random, then 1 to 7 bits without bias"),
    ("sliced:BITS", "cores of trains, with 1 to 12 bits on average by what a slice counts"),
    ("ecsq:ERROR", "one step and an entropy coder, to a relative error of 1 to 500 thousandths"),
    ("tt:ERROR", "tensor trains with factors of 8 bits, likewise"),
    ("ttm:ERROR", "trains of matrices with factors of 8 bits, likewise"),
    ("auto:ERROR", "for each tensor whatever is smallest, likewise"),
    ("top:COUNT", "the largest one in COUNT; for differences, so under `choco` alone"),
    ("stc:COUNT", "signs of the largest one in COUNT; likewise"),
];

/// What would do where a codec is expected.
const EXPECTED: &str = "`dense`, `f16`, `bf16`, `e4m3`, `int8`, `int4`, `nf4`, `uniform:BITS`, `rotated:BITS`, \
                        `sliced:BITS`, or `ecsq:ERROR`, `tt:ERROR`, `ttm:ERROR`, `auto:ERROR` with an error of 1 to 500 thousandths, or \
                        `top:COUNT`, `stc:COUNT`";

/// The codec of this name.
///
/// # Errors
/// No codec is written like that; the error says what would do.
pub fn codec(text: &str) -> Result<Arc<dyn Compressor>, Unread> {
    let unread = || Unread { text: text.chars().take(80).collect(), expected: EXPECTED };
    let (name, number) = match text.split_once(':') {
        None => (text, None),
        Some((name, number)) => (name, Some(number.parse::<u16>().map_err(|_| unread())?)),
    };
    let share = number.filter(|error| (1..=500).contains(error)).map(|error| f64::from(error) / 1000.0);
    let bits = number.and_then(|bits| u8::try_from(bits).ok());
    plain(name)
        .filter(|_| number.is_none())
        .or_else(|| bits.and_then(|bits| of_bits(name, bits).ok().flatten()))
        .or_else(|| number.and_then(|count| sparse(name, count).ok().flatten()))
        .or_else(|| share.and_then(|share| of_error(name, share).ok().flatten()))
        .ok_or_else(unread)
}

fn plain(name: &str) -> Option<Arc<dyn Compressor>> {
    Some(match name {
        "dense" => Arc::new(Dense),
        "f16" => Arc::new(Float::F16),
        "bf16" => Arc::new(Float::BF16),
        "e4m3" => Arc::new(Float::E4M3),
        "int8" => Arc::new(Absmax8::default()),
        "int4" => Arc::new(Absmax4::default()),
        "nf4" => Arc::new(Nf4),
        _ => return None,
    })
}

fn of_bits(name: &str, bits: u8) -> Result<Option<Arc<dyn Compressor>>, CompressError> {
    Ok(match name {
        "uniform" => Some(Arc::new(Uniform::new(bits)?)),
        "rotated" => Some(Arc::new(Rotated::new(bits)?)),
        // Cores are merged entry by entry, so they stay near those given.
        "sliced" => Some(Arc::new(Sliced::bits(f64::from(bits))?.keep_gauge())),
        _ => None,
    })
}

fn sparse(name: &str, count: u16) -> Result<Option<Arc<dyn Compressor>>, CompressError> {
    Ok(match name {
        "top" => Some(Arc::new(Top::new(Density::new(1, u32::from(count))?))),
        "stc" => Some(Arc::new(Ternary::new(Density::new(1, u32::from(count))?))),
        _ => None,
    })
}

fn of_error(name: &str, error: f64) -> Result<Option<Arc<dyn Compressor>>, CompressError> {
    Ok(match name {
        "ecsq" => Some(Arc::new(Ecsq::relative_error(error)?)),
        "tt" => Some(Arc::new(Chain::new(TensorTrain::tolerance(error)?, Uniform::default())?)),
        "ttm" => {
            let train = TensorTrainMatrix::new(Truncation::Tolerance(error))?;
            Some(Arc::new(Chain::new(train, Uniform::default())?))
        }
        "auto" => Some(Arc::new(Auto::standard(Budget::Error(error))?)),
        _ => None,
    })
}
