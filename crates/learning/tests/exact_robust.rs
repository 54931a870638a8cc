//! The robust rules that validators vote on: laws, agreement with the `f32` rules, golden integers.

use bitneuron_core::exact::programs::merge::{MergeRule, merge};
use bitneuron_core::exact::programs::robust::{MEDIAN, clipped};
use bitneuron_core::exact::{ExactParams, Tensor, compute};
use bitneuron_core::{Digest, Layout, NodeId, Params, Seed, Share, Weight};
use bitneuron_learning::exact::{ExactClipping, ExactRule, ExactTrimmedMean};
use bitneuron_learning::merge::{
    ClippedGossip, Contribution, Faults, Median, Merge, Merged, Neighbourhood, TrimmedMean,
};
use bitneuron_learning::suite;
use rand::RngExt as _;
use std::sync::Arc;

const MIDDLE: ExactTrimmedMean = ExactTrimmedMean::MEDIAN;

/// Trims as many of so many equal voices.
fn trim(faults: u32, voices: usize) -> ExactTrimmedMean {
    ExactTrimmedMean { liars: Share(faults * Share::ONE.0.div_ceil(voices as u32)) }
}

#[test]
fn the_exact_robust_rules_pass_the_suite() {
    suite::merge(&MIDDLE).expect("median");
    for liars in [0.0, 0.1, 0.25, 0.4] {
        let liars = Share((liars * f64::from(Share::ONE.0)) as u32);
        suite::merge(&ExactTrimmedMean { liars }).expect("trimmed mean");
    }
    suite::merge(&ExactClipping::default()).expect("a quarter");
    suite::merge(&ExactClipping { liars: Share(Share::ONE.0 / 2) }).expect("half");
    suite::merge(&ExactClipping { liars: Share::ZERO }).expect("nobody");
}

/// Models of 40 parameters about a common one.
fn models(seed: u64, count: usize) -> Vec<ExactParams> {
    let layout = Arc::new(Layout::of(&[("w", &[8, 4]), ("b", &[8])]).expect("small"));
    let mut rng = Seed::from_number(seed).rng();
    let centre: Vec<i32> = (0..40).map(|_| rng.random_range(-9_000..9_000)).collect();
    let mut one = || centre.iter().map(|value| value + rng.random_range(-1_500..1_500)).collect();
    (0..count).map(|_| ExactParams::new(one(), layout.clone()).expect("inside")).collect()
}

fn voices<'a, T>(values: &'a [T], weights: &[u64]) -> Vec<Contribution<'a, T>> {
    let voice = |((number, value), weight): ((u8, &'a T), &u64)| Contribution {
        from: NodeId([number; 32]),
        weight: Weight(*weight),
        age: 1,
        value,
    };
    (0u8..).zip(values).zip(weights).map(voice).collect()
}

fn both(
    exact: &dyn Merge<ExactParams>,
    float: &dyn Merge,
    values: &[ExactParams],
    weights: &[u64],
) -> (Merged<ExactParams>, Merged) {
    let floats: Vec<Params> = values.iter().map(ExactParams::to_params).collect();
    let (ours, theirs) = (voices(values, weights), voices(&floats, weights));
    (
        exact.merge(&ours[0], &ours[1..]).expect("merges"),
        float.merge(&theirs[0], &theirs[1..]).expect("merges"),
    )
}

/// The mean of what lies in the middle of each coordinate, by the shares of the voices, in floats.
fn middle(values: &[ExactParams], weights: &[u64], trim: f64) -> Vec<f64> {
    let shares: Vec<f64> = Share::divide(weights).into_iter().map(Share::to_f64).collect();
    let one = |at: usize| {
        let mut column: Vec<(i32, f64)> = values.iter().map(|v| v.values()[at]).zip(shares.clone()).collect();
        column.sort_by_key(|(value, _)| *value);
        let mut below = 0.0;
        let kept = column.into_iter().map(|(value, share)| {
            let inside = (below + share).min(1.0 - trim) - f64::max(below, trim);
            below += share;
            f64::from(value) * inside.max(0.0)
        });
        kept.sum::<f64>() / (1.0 - 2.0 * trim)
    };
    (0..values[0].values().len()).map(one).collect()
}

fn close(found: &ExactParams, expected: impl IntoIterator<Item = f64>, units: f64) -> bool {
    found.values().iter().zip(expected).all(|(found, expected)| (f64::from(*found) - expected).abs() <= units)
}

/// One rule in two arithmetics: they differ by the rounding of shares and of the result.
#[test]
fn integers_and_floats_agree() {
    for (count, seed) in (2..10).flat_map(|count| (0..6).map(move |seed| (count, seed))) {
        let mut values = models(seed, count);
        let mut rng = Seed::from_number(seed).derive("weights").rng();
        let equal = vec![3; count];
        let uneven: Vec<u64> = (0..count).map(|_| rng.random_range(1..50)).collect();
        let lie: Vec<i32> = values[count - 1].values().iter().map(|value| -*value).collect();
        values[count - 1] = ExactParams::new(lie, values[0].layout().clone()).expect("inside");
        let faults = (count - 1) / 3;
        let clip = ClippedGossip { neighbours: Neighbourhood::Liars(Faults::Number(faults)) };
        let units =
            |params: &Params| params.values().iter().map(|v| f64::from(*v) * 4096.0).collect::<Vec<_>>();
        for weights in [&equal, &uneven] {
            let (exact, float) =
                both(&ExactClipping { liars: Share(Share::ONE.0 / 3 + 1) }, &clip, &values, weights);
            assert!(close(&exact.value, units(&float.value), 3.0), "{count} {seed}");
            for (a, b) in exact.influence.iter().zip(&float.influence) {
                assert!(a.0.abs_diff(b.0) <= 200, "{a:?} {b:?}");
            }
            let trimmed = faults as f64 * f64::from(Share::ONE.0.div_ceil(count as u32)) / 65_536.0;
            for (rule, trim) in
                [(MIDDLE, f64::from(MEDIAN) / 65_536.0), (trim(faults as u32, count), trimmed)]
            {
                let voices = voices(&values, weights);
                let merged = rule.merge(&voices[0], &voices[1..]).expect("merges");
                assert!(
                    close(&merged.value, middle(&values, weights, trim), 0.51),
                    "{count} {seed} {rule:?}"
                );
            }
        }
        // With equal weights these are the rules in floats.
        let (exact, float) = both(
            &trim(faults as u32, count),
            &TrimmedMean { faults: Faults::Number(faults) },
            &values,
            &equal,
        );
        assert!(close(&exact.value, units(&float.value), 3.0), "{count} {seed}");
        if count % 2 == 1 {
            let (exact, float) = both(&MIDDLE, &Median, &values, &equal);
            assert!(close(&exact.value, units(&float.value), 0.51), "{count} {seed}");
            assert_eq!(exact.influence.len(), float.influence.len());
        }
    }
}

#[test]
fn the_median_by_hand() {
    let layout = Arc::new(Layout::of(&[("w", &[3])]).expect("small"));
    let of = |values: [i32; 3]| ExactParams::new(values.to_vec(), layout.clone()).expect("inside");
    let values = [of([0, 5, -3]), of([10, 5, -4]), of([-20, 900, -4])];
    let merge = |weights: &[u64], rule: &dyn Merge<ExactParams>| {
        let voices = voices(&values, weights);
        rule.merge(&voices[0], &voices[1..]).expect("merges")
    };
    assert_eq!(merge(&[1, 1, 1], &MIDDLE).value.values(), [0, 5, -4]);
    assert_eq!(merge(&[1, 1, 3], &MIDDLE).value.values(), [-20, 900, -4], "who has most is in the middle");
    assert_eq!(merge(&[1, 1, 2], &MIDDLE).value.values(), [-10, 453, -4], "halves share it, to nearest");
    assert_eq!(merge(&[1, 1, 1], &trim(1, 3)).value.values(), [0, 5, -4]);
    assert_eq!(merge(&[1, 0, 0], &MIDDLE).own, Share::ONE);
    assert_eq!(merge(&[1, 1, 1], &trim(2, 3)).value, merge(&[1, 1, 1], &MIDDLE).value, "the middle is left");
    assert_eq!([2, 3, 8, 9].map(|peers| trim(2, 9).tolerates(peers)), [0, 0, 2, 2]);
}

#[test]
fn roots_and_ratios_are_exact_enough() {
    // Pulls of peers at distances of 0, 1, 5 and the limit, all of them in one coordinate.
    let program = clipped(2, 4, Share(Share::ONE.0 / 4)).expect("small");
    let far = 1 << 14;
    let inputs = |last: i64| {
        let mut inputs = vec![Tensor::vector(vec![0, 0])];
        inputs.extend([[0, 0], [3, 4], [300, 400], [last, last]].map(|value| Tensor::vector(value.to_vec())));
        inputs.push(Tensor::vector(vec![1 << 14; 4]));
        inputs
    };
    let run = |last| compute(&program, &inputs(last)).expect("runs");
    let outputs = run(far);
    // The radius is 500: the last one, at 23,170, pulls 500 / 23,170 of its share.
    let pulls = outputs[1].data();
    assert_eq!(pulls[..3], [1 << 14; 3]);
    assert!((pulls[3] - (1 << 14) * 500 / 23_170).abs() <= 2, "{pulls:?}");
    assert!(run(-far)[0].data()[0] < outputs[0].data()[0]);
}

#[test]
fn programs_without_sense_are_refused() {
    let trimmed = |parameters, peers, liars| merge(parameters, peers, MergeRule::Trimmed { liars });
    assert!(trimmed(4, 0, Share::ZERO).is_err());
    assert!(clipped(4, 0, Share::ZERO).is_err());
    assert!(clipped(u32::MAX, 2, Share::ZERO).is_err());
    // However many a goal says may lie, something is left.
    for all in [Share::ONE, Share(u32::MAX)] {
        assert_eq!(trimmed(4, 2, all).expect("small"), merge(4, 2, MergeRule::MEDIAN).expect("small"));
        assert!(clipped(4, 2, all).is_ok());
    }
    // Shares of more than one do not run.
    let program = trimmed(2, 1, Share(5)).expect("small");
    let vector = || Tensor::vector(vec![1, 2]);
    assert!(compute(&program, &[vector(), vector(), Tensor::vector(vec![1 << 16])]).is_ok());
    let program = trimmed(2, 2, Share(5)).expect("small");
    let over = Tensor::vector(vec![1 << 16, 1]);
    assert!(compute(&program, &[vector(), vector(), vector(), over]).is_err());
}

/// The same integers and the same programs on every machine.
#[test]
fn robust_merges_are_golden() {
    let values = models(7, 8);
    let weights = [5, 1, 9, 4, 4, 7, 2, 30];
    let rules: [(&dyn ExactRule, [&str; 2]); 3] = [
        (&MIDDLE, ["66cf02a1153e29b3", "b22aefcf74e2ca16"]),
        (&trim(2, 8), ["08c48bb7f37ef15e", "b3ef318cab8de373"]),
        (&ExactClipping::default(), ["eb248ef831411db4", "88bc9c420499e3d7"]),
    ];
    let short = |digest: Digest| digest.to_string()[..16].to_owned();
    let found = rules.map(|(rule, _)| {
        let voices = voices(&values, &weights);
        let merged = rule.merge(&voices[0], &voices[1..]).expect("merges");
        let bytes: Vec<u8> = merged.value.values().iter().flat_map(|value| value.to_le_bytes()).collect();
        let shares: Vec<u8> =
            [merged.own].iter().chain(&merged.influence).flat_map(|share| share.0.to_le_bytes()).collect();
        let program = rule.program(40, 7).expect("small").digest();
        [short(program), short(Digest::of("golden robust merge", &[bytes, shares].concat()))]
    });
    assert_eq!(found, rules.map(|(_, golden)| golden.map(String::from)));
}
