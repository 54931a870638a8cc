//! Attacks do what their papers say, and what they are told by name.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use bitneuron_core::Seed;
use bitneuron_learning::merge::WeightedMean;
use bitneuron_learning::named::NameError;
use bitneuron_sim::attack::{self, Attack, Force, InnerProduct, LittleIsEnough, Reach, View};
use proptest::prelude::*;

fn rows(values: &[Vec<f32>]) -> Vec<&[f32]> {
    values.iter().map(Vec::as_slice).collect()
}

fn close(a: &[f32], b: &[f32]) {
    assert_eq!(a.len(), b.len());
    assert!(a.iter().zip(b).all(|(a, b)| (a - b).abs() < 1e-4 * (1.0 + b.abs())), "{a:?} is not {b:?}");
}

#[test]
fn every_name_is_an_attack_that_repeats_itself() {
    let honest = [vec![1.0, 2.0, 3.0], vec![2.0, 2.0, 5.0], vec![0.0, 1.0, 1.0]];
    let honest = rows(&honest);
    for named in attack::names() {
        for text in [named.form, named.name()] {
            let attack = attack::named(text).unwrap();
            let view = View { seed: Seed::from_number(3), ..View::of(&[1.0, 1.0, 1.0], &honest) };
            let lie = attack.forge(&view);
            assert_eq!(lie.len(), 3, "{text}");
            let bits = |values: Vec<f32>| values.into_iter().map(f32::to_bits).collect::<Vec<_>>();
            assert_eq!(bits(lie), bits(attack.forge(&view)), "{text}");
            // With nobody seen it still has an answer.
            assert_eq!(attack.forge(&View::of(&[1.0], &[])).len(), 1, "{text}");
        }
    }
}

#[test]
fn what_cannot_be_read_says_what_would_do() {
    let wrong = |text: &str| attack::named(text).err().unwrap();
    assert!(matches!(wrong("alien"), NameError::Unknown { .. }));
    assert!(wrong("alien").to_string().contains("alie-optimal"), "{}", wrong("alien"));
    for text in [
        "alie:z=",
        "alie:z=-1",
        "alie:z=0",
        "alie:z=nan",
        "alie:z",
        "sybils:names=0+alie",
        "flood:times=1001",
    ] {
        assert!(matches!(wrong(text), NameError::Value { .. }), "{text}");
    }
    for text in ["alie:q=2", "mimic:k=1", "mimic:2"] {
        assert!(matches!(wrong(text), NameError::Key { .. }), "{text}");
    }
    assert!(matches!(wrong("alie:z=1,z=2"), NameError::Twice { .. }));
    assert!(matches!(wrong("mimic+alie"), NameError::Misplaced { .. }));
    assert!(matches!(wrong("sybils+alien"), NameError::Unknown { .. }));
    assert!(matches!(wrong("sybils+"), NameError::Unknown { .. }));
    assert!(matches!(wrong(&"sybils+".repeat(1000)), NameError::Long(7000)));
}

#[test]
fn manipulation_turns_the_inner_product() {
    let honest = [vec![1.0, 2.0], vec![3.0, 2.0]];
    let honest = rows(&honest);
    let view = View { origin: &[1.0, 1.0], ..View::of(&[0.0, 0.0], &honest) };
    // The mean is (2, 2), the way from the origin (1, 1), back twice as far.
    close(&InnerProduct(Force::Fixed(2.0)).forge(&view), &[-1.0, -1.0]);
    close(&attack::named("signflip:scale=3").unwrap().forge(&view), &[-6.0, -6.0]);
}

#[test]
fn dissensus_undoes_the_pull_of_the_honest_neighbours() {
    let honest = [vec![0.0, 4.0], vec![2.0, 2.0], vec![4.0, 0.0]];
    let honest = rows(&honest);
    let victim = [5.0, 5.0];
    let view = View { victim: Some(&victim), meeting: (3, 2), ..View::of(&[0.0, 0.0], &honest) };
    let attack = attack::named("dissensus:strength=1").unwrap();
    assert_eq!(attack.reach(), Reach::Aimed);
    let lie = attack.forge(&view);
    // Three honest pulls and two lies leave the victim where it is.
    for place in 0..2 {
        let pulls: f32 = honest.iter().map(|value| value[place] - victim[place]).sum();
        assert!((pulls + 2.0 * (lie[place] - victim[place])).abs() < 1e-4);
    }
}

#[test]
fn a_mimic_repeats_who_stands_out() {
    let honest = [vec![0.0, 0.1], vec![0.1, 0.0], vec![0.0, -0.1], vec![9.0, 0.0]];
    let honest = rows(&honest);
    assert_eq!(attack::named("mimic").unwrap().forge(&View::of(&[0.0, 0.0], &honest)), [9.0, 0.0]);
}

#[test]
fn infinity_is_no_number() {
    let lie = attack::named("infinity").unwrap().forge(&View::of(&[0.0; 5], &[]));
    assert!(lie.iter().all(|value| !value.is_finite()));
    let huge = attack::named("huge").unwrap().forge(&View::of(&[0.0; 5], &[]));
    assert!(huge.iter().all(|value| value.abs() >= 1e30 && value.is_finite()));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn little_is_enough_is_the_mean_and_deviations(
        honest in prop::collection::vec(prop::collection::vec(-10f32..10.0, 3), 2..8),
        z in 0.1f32..4.0,
    ) {
        let seen = rows(&honest);
        let lie = LittleIsEnough(Force::Fixed(z)).forge(&View::of(&[0.0; 3], &seen));
        let n = honest.len() as f64;
        for place in 0..3 {
            let column = || honest.iter().map(|value| f64::from(value[place]));
            let mean = column().sum::<f64>() / n;
            let variance = column().map(|value| (value - mean).powi(2)).sum::<f64>() / (n - 1.0);
            let expected = mean + f64::from(z) * variance.sqrt();
            prop_assert!((f64::from(lie[place]) - expected).abs() < 1e-3, "{} is not {expected}", lie[place]);
        }
    }

    #[test]
    fn the_strongest_is_at_least_as_strong_as_any_on_the_way(
        honest in prop::collection::vec(prop::collection::vec(-3f32..3.0, 4), 4..9),
    ) {
        let seen = rows(&honest);
        let view = View { meeting: (seen.len(), 2), rule: &WeightedMean, ..View::of(&[0.0; 4], &seen) };
        let damage = |attack: &dyn Attack| view.damage(&attack.forge(&view));
        let best = damage(&InnerProduct(Force::Optimal));
        for force in [0.5, 1.0, 4.0, 16.0] {
            prop_assert!(best + 1e-6 >= damage(&InnerProduct(Force::Fixed(force))));
        }
    }

    #[test]
    fn any_text_is_read_or_refused(text in "\\PC{0,40}") {
        let _ = attack::named(&text);
    }

    #[test]
    fn any_setting_is_read_or_refused(
        name in prop::sample::select(attack::names().map(|named| named.name()).collect::<Vec<_>>()),
        settings in "[a-z]{0,8}=[-0-9.e]{0,12}(,[a-z]{0,5}=[0-9]{0,12})?",
    ) {
        let _ = attack::named(&format!("{name}:{settings}"));
    }
}
