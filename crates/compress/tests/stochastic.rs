//! Stochastic rounding: right in the mean, and each element's draw can be audited alone.

#![expect(clippy::float_cmp, reason = "these numbers are exact")]

use bitneuron_compress::{Absmax4, Absmax8, Compressor, Limits, Uniform, quant::Draws};
use bitneuron_core::{Layout, Params, Seed};
use std::sync::Arc;

const DRAWS: usize = 1_000_000;

fn layout(shape: &[u32]) -> Arc<Layout> {
    Arc::new(Layout::of(&[("first", &[3]), ("w", shape)]).expect("small"))
}

/// The mean of `DRAWS` roundings of `value`, in blocks that each hold a 1 and a −1, and the width of its steps.
fn mean(codec: &dyn Compressor, value: f32, block: usize) -> f64 {
    let count = DRAWS / (block - 2) * block;
    let fill = |at: usize| match at % block {
        0 => 1.0,
        1 => -1.0,
        _ => value,
    };
    let layout = layout(&[count as u32]);
    let values = [1.0, -1.0, 0.5].into_iter().chain((0..count).map(fill)).collect();
    let params = Params::new(values, layout.clone()).expect("fits");
    let packet = codec.compress(&params, Seed::from_number(9)).expect("finite");
    let back = codec.decompress(&packet, &layout, Limits::default()).expect("own packet");
    let rounded = back.values()[3..].iter().enumerate().filter(|(at, _)| at % block > 1);
    rounded.map(|(_, x)| f64::from(*x)).sum::<f64>() / (count / block * (block - 2)) as f64
}

#[test]
fn a_million_draws_have_the_right_mean() {
    let uniform = Uniform::new(3).expect("in range").with_block(64).expect("positive").stochastic();
    for value in [0.37f32, -0.8123, 0.001, 0.4999] {
        for (codec, block, step) in [
            (&Absmax8::default().stochastic() as &dyn Compressor, 256, 1.0 / 126.0),
            (&Absmax4::default().stochastic(), 64, 1.0 / 6.9),
            (&uniform, 64, 2.0 / 7.0),
        ] {
            let found = mean(codec, value, block);
            // A draw has a standard deviation of at most half a step; five of a million draws' mean.
            let bound = 2.5 * step / (DRAWS as f64).sqrt();
            assert!((found - f64::from(value)).abs() < bound, "{}: {found} is not {value}", codec.codec());
        }
    }
    // Nearest rounding fails the same test.
    assert!((mean(&Absmax4::default(), 0.37, 64) - 0.37).abs() > 0.01);
}

#[test]
fn any_element_can_be_audited_alone() {
    let layout = layout(&[1000]);
    let values: Vec<f32> = (0..1003).map(|at| (at as f32 * 0.37).sin()).collect();
    let params = Params::new(values, layout).expect("fits");
    let seed = Seed::from_number(4);
    let values = &params.values()[3..];
    let packet = Absmax8::default().stochastic().compress(&params, seed).expect("finite");
    let part = &packet.parts()[1];
    let (scales, codes) = part.split_at(2 * 4);
    for element in [0, 1, 255, 256, 600, 999] {
        let scale = &scales[element / 256 * 2..][..2];
        let scale = f32::from_bits(u32::from(u16::from_le_bytes([scale[0], scale[1]])) << 16);
        let word = Draws::new(seed, "absmax", 1).word(element);
        assert_eq!(Absmax8::stochastic_code(values[element], scale, word), codes[element] as i8, "{element}");
        // Its two neighbours are what other words give.
        let others = [0, u32::MAX].map(|word| Absmax8::stochastic_code(values[element], scale, word));
        assert!(others.contains(&(codes[element] as i8)) && others[0] - others[1] <= 1);
    }
    // The uniform quantiser draws two words for each element.
    let packet = Uniform::new(8).expect("in range").stochastic().compress(&params, seed).expect("finite");
    let part = &packet.parts()[1];
    let unit = 2f64.powi(i32::from(part[1] as i8));
    let [offset, step] =
        [6, 10].map(|at| i32::from_le_bytes([part[at], part[at + 1], part[at + 2], part[at + 3]]));
    let draws = Draws::new(seed, "uniform", 1);
    for element in [0, 1, 17, 999] {
        let word = u64::from(draws.word(2 * element + 1)) << 32 | u64::from(draws.word(2 * element));
        let steps = (f64::from(values[element]) / unit - f64::from(offset)) / f64::from(step);
        let code = (steps + (word >> 11) as f64 * 2f64.powi(-53)).floor();
        assert_eq!(code, f64::from(part[14 + element]), "{element}");
    }
}
