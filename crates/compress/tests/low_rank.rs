//! Power steps approach the best approximation over rounds, and nothing is lost with feedback.

use bitneuron_compress::{
    Chain, Compressor, Dense, Encoder, Limits, LowRank, PowerSgd, Uniform, bound::relative_error, linalg,
};
use bitneuron_core::{Layout, Params, Seed};
use rand::Rng;
use std::sync::Arc;

fn layout() -> Arc<Layout> {
    Arc::new(Layout::of(&[("w", &[40, 30]), ("k", &[8, 4, 3, 3]), ("b", &[30])]).expect("small"))
}

fn random(seed: u64) -> Params {
    let mut rng = Seed::from_number(seed).rng();
    let values = (0..layout().len()).map(|_| (rng.next_u32() as i32 >> 8) as f32 / (1 << 23) as f32);
    Params::new(values.collect(), layout()).expect("fits")
}

/// Tensors of rank 2 (the kernel as 32 × 9), biases as they come.
fn low_rank(seed: u64) -> Params {
    let mut params = random(seed);
    let (u, v) = (random(seed + 1), random(seed + 2));
    let at = |values: &[f32], index: usize| values[index];
    for (tensor, columns) in [(0, 30), (1, 9)] {
        let range = layout().range(tensor).expect("there");
        for (index, x) in params.values_mut()[range].iter_mut().enumerate() {
            let (i, j) = (index / columns, index % columns);
            *x = (0..2).map(|k| at(u.values(), i * 2 + k) * at(v.values(), j * 2 + k)).sum();
        }
    }
    params
}

fn decoded(encoder: &PowerSgd<Dense>, packet: &bitneuron_compress::Packet) -> Params {
    encoder.decoder().decompress(packet, &layout(), Limits::default()).expect("own packet")
}

#[test]
fn one_step_is_enough_for_a_rank_that_is_there() {
    let params = low_rank(1);
    let codec = LowRank::new(2).expect("in range");
    let packet = codec.compress(&params, Seed::from_number(5)).expect("finite");
    let back = codec.decompress(&packet, &layout(), Limits::default()).expect("own packet");
    // Rounding to `f32` is enlarged where the guess sees little of the second direction.
    assert!(relative_error(&params, &back) < 1e-4, "{}", relative_error(&params, &back));
    // Two factors of w, two of k, and b as it is.
    assert_eq!(packet.parts().len(), 6);
    assert!(packet.len() < 2 * layout().len());
}

#[test]
fn warm_starts_approach_the_best_approximation() {
    let params = random(3);
    let mut encoder = PowerSgd::new(LowRank::new(3).expect("in range"), Dense).expect("no transform");
    let errors: Vec<f64> = (0..30)
        .map(|round| {
            let packet = encoder.encode(&params, Seed::from_number(round)).expect("finite");
            relative_error(&params, &decoded(&encoder, &packet))
        })
        .collect();
    assert!(errors.windows(2).all(|pair| pair[1] <= pair[0] + 1e-9), "a power iteration never goes back");
    let mut left = 0.0;
    for (tensor, rows, columns) in [(0, 40, 30), (1, 32, 9)] {
        let values = &params.values()[layout().range(tensor).expect("there")];
        left += linalg::svd(values, rows, columns)
            .expect("converges")
            .s
            .iter()
            .skip(3)
            .map(|s| s * s)
            .sum::<f64>();
    }
    let best = (left / linalg::norm_squared(params.values())).sqrt();
    assert!(
        errors[29] < best * 1.005 && errors[0] > best * 1.02,
        "{} to {} of {best}",
        errors[0],
        errors[29]
    );
}

#[test]
fn what_is_left_out_comes_later() {
    let params = random(4);
    for feedback in [true, false] {
        let mut encoder = PowerSgd::new(LowRank::new(2).expect("in range"), Dense).expect("no transform");
        if feedback {
            encoder = encoder.with_feedback();
        }
        assert_eq!(encoder.is_faithful(), feedback);
        let rounds = 60;
        let mut sum = vec![0.0f64; layout().len()];
        for round in 0..rounds {
            let packet = encoder.encode(&params, Seed::from_number(round)).expect("finite");
            sum.iter_mut()
                .zip(decoded(&encoder, &packet).values())
                .for_each(|(sum, x)| *sum += f64::from(*x));
        }
        if let Some(residual) = encoder.residual() {
            // What was sent and what is still owed are what was given.
            let whole = sum.iter().zip(residual).zip(params.values());
            assert!(whole.clone().all(|((sum, left), x)| {
                (sum + f64::from(*left) - rounds as f64 * f64::from(*x)).abs() < 1e-3
            }));
        }
        let mean = sum.iter().map(|sum| (sum / rounds as f64) as f32).collect();
        let error = relative_error(&params, &Params::new(mean, layout()).expect("fits"));
        assert_eq!(error < 0.25, feedback, "{error}");
    }
}

#[test]
fn memory_is_kept_by_what_is_refused() {
    let mut encoder = PowerSgd::new(LowRank::default(), Dense).expect("no transform").with_feedback();
    encoder.encode(&random(1), Seed::default()).expect("finite");
    let before = encoder.residual().expect("kept").to_vec();
    let other = Params::zeros(Arc::new(Layout::of(&[("x", &[16, 16])]).expect("small")));
    assert!(encoder.encode(&other, Seed::default()).is_err(), "another layout");
    let mut wrong = random(2);
    wrong.values_mut()[5] = f32::NAN;
    assert!(encoder.encode(&wrong, Seed::default()).is_err());
    assert_eq!(encoder.residual().expect("kept"), before);
}

#[test]
fn packets_are_those_of_the_chain() {
    let (rank, bits) = (LowRank::new(2).expect("in range"), Uniform::new(8).expect("in range"));
    let mut encoder = PowerSgd::new(rank, bits).expect("no transform");
    let packet = encoder.encode(&random(6), Seed::from_number(1)).expect("finite");
    let chain = Chain::new(LowRank::default(), Uniform::default()).expect("no transform");
    chain.decompress(&packet, &layout(), Limits::default()).expect("any instance decodes");
    assert!(PowerSgd::new(rank, chain).is_err(), "two transforms have no name");
    assert!([0, 65_536].iter().all(|rank| LowRank::new(*rank).is_err()));
    // Zeros leave no guess behind that would see nothing.
    let mut encoder = PowerSgd::new(rank, Dense).expect("no transform");
    encoder.encode(&Params::zeros(layout()), Seed::default()).expect("finite");
    let packet = encoder.encode(&low_rank(1), Seed::default()).expect("finite");
    assert!(relative_error(&low_rank(1), &decoded(&encoder, &packet)) < 1e-6);
}
