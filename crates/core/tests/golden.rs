//! What integer work gives, on every machine and for ever: everything here is hashed, signed or voted on somewhere.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use bitneuron_core::exact::data::draw;
use bitneuron_core::exact::programs::inference::inference;
use bitneuron_core::exact::programs::merge::{MergeRule, mean, merge};
use bitneuron_core::exact::programs::metric::{Measure, accuracy, improvement, measure};
use bitneuron_core::exact::programs::norm::{Bound, bounded, norm};
use bitneuron_core::exact::programs::step::{Loss, Training, sgd};
use bitneuron_core::exact::programs::turn::{TurnShape, turn};
use bitneuron_core::exact::programs::{Linear, Mlp, Net, Train};
use bitneuron_core::exact::{DataRoot, ExecuteError, Program, Tensor, execute};
use bitneuron_core::goal::{Goal, Metric};
use bitneuron_core::merkle::{self, Tree};
use bitneuron_core::{Commitment, Digest, Seed, Share, decode, encode};

fn mlp() -> Mlp {
    Mlp::new(&[4, 3, 2]).unwrap()
}

/// A tensor train of 4 by 6 under a dense layer of 6 by 2.
fn factorised() -> Net {
    let train = Train::new(&[2, 2], &[3, 2], &[2]).unwrap();
    Net::new(vec![Linear::Train(train), Linear::Dense { from: 6, to: 2 }]).unwrap()
}

/// The first half of a digest, and the same of integers.
fn short(digest: Digest) -> String {
    digest.to_string()[..16].to_owned()
}

fn integers(values: impl IntoIterator<Item = i64>) -> String {
    let bytes: Vec<u8> = values.into_iter().flat_map(i64::to_le_bytes).collect();
    short(Digest::of("golden", &bytes))
}

#[test]
fn programs_have_the_same_bytes() {
    let training = Training { steps: 2, batch: 4, rate_shift: 1, ..Training::default() };
    let shape = TurnShape { peers: 3, rows: 6, metric_rows: 8, drawn: 5 };
    let rule = MergeRule::default();
    let programs = [
        (merge(mlp().parameters(), 3, rule), "89905ee246291118"),
        (sgd(mlp(), 6, training), "d6b26b32bd11a60a"),
        (inference(mlp(), 3), "defb95e98810d919"),
        (accuracy(mlp(), 8, 5), "efa65366fb078da1"),
        (norm(mlp().parameters()), "d4b5f50a9d3a267f"),
        (turn(mlp(), shape, rule, training), "a0d486aca3b28b50"),
        (mean(mlp().parameters(), 3), "31c86f09942707d9"),
        (bounded(mlp().parameters(), Bound { square: 1 << 30, reach: 410 }), "713514a99808574e"),
        (sgd(mlp(), 6, Training { loss: Loss::OneHot, momentum: 230, ..training }), "8369d7eb1fe28d5f"),
        (sgd(mlp(), 6, Training { loss: Loss::Squared, decay: 40, ..training }), "10e1eea6aa06a808"),
        (sgd(factorised(), 6, training), "cf9b0f531f082ef0"),
        (inference(factorised(), 3), "0881ac50dad5fa26"),
        (measure(mlp(), Measure::Loss(Loss::CrossEntropy), 8, None), "a6fd94659083d2d6"),
        (improvement(mlp(), Measure::Loss(Loss::Squared), 8, Some(5)), "223c678c39a1f7f4"),
    ];
    for (program, golden) in programs {
        let program = program.unwrap();
        assert_eq!(short(program.digest()), golden);
        assert_eq!(decode::<Program>(&encode(&program)), Ok(program));
    }
}

#[test]
fn seeds_and_rows_and_first_models_are_the_same() {
    let seed = Seed::from_number(7);
    assert_eq!(short(Digest(seed.derive("a").0)), "31e2aad3dbe25cbb");
    assert_eq!(short(Digest(seed.derive_number("a", 9).0)), "ff71fb1a91dd0de2");
    assert_eq!(draw(Digest([3; 32]), 6, 9), [5, 0, 2, 1, 4, 3, 2, 4, 1]);
    assert_eq!(integers(draw(Digest([3; 32]), 1000, 2500)), "af929be2b1a1209b");
    assert_eq!(integers(mlp().init(seed).values().iter().map(|x| i64::from(*x))), "ea6e70d87f7ba780");
    assert_eq!(integers(factorised().init(seed).values().iter().map(|x| i64::from(*x))), "25f0f804fbc75a76");
}

#[test]
fn commitments_and_trees_are_the_same() {
    let leaves: Vec<Digest> = (0..5u8).map(|n| merkle::leaf(&[n])).collect();
    assert_eq!(short(Tree::new(leaves).root()), "e1cf0c6f84fd14e5");
    let tensor = Tensor::new(&[20, 10], (0..200).map(|x| x * x - 9_000).collect()).unwrap();
    assert_eq!(short(tensor.commitment().root), "f531c198c0c81000");
}

#[test]
fn a_goal_and_its_bytes_are_the_same() {
    let commitment = |n: u8| Commitment::merkle(Digest([n; 32]));
    let goal = Goal {
        name: "small".into(),
        net: mlp().into(),
        initial: commitment(1),
        metric: Metric::Accuracy,
        metric_set: DataRoot { rows: 8, columns: 4, features: commitment(2), labels: commitment(3) },
        drawn: 5,
        training: Training::default(),
        merge: MergeRule::default(),
        max_inputs: 4,
    };
    assert_eq!(short(goal.id().0), "e7763c3d40d60b78");
    assert_eq!(short(Digest::of("golden", &encode(&goal))), "caef3fea2e6cd63b");
}

/// The program against its definition.
#[test]
fn the_norm_is_the_squared_length_of_the_change() {
    let program = norm(5).unwrap();
    let before = Tensor::vector(vec![0, 100, -16_384, 16_384, 7]);
    let after = Tensor::vector(vec![3, 98, 16_384, -16_384, 7]);
    let run = execute(&program, &[before.clone(), after]).unwrap();
    assert_eq!(run.outputs()[0], &Tensor::scalar(9 + 4 + 2 * 32_768 * 32_768));
    let outside = Tensor::vector(vec![16_385; 5]);
    assert!(matches!(execute(&program, &[before, outside]), Err(ExecuteError::Breach { .. })));
}

#[test]
fn a_whole_is_divided_the_same() {
    let divided = |parts: &[u64]| Share::divide(parts).into_iter().map(|share| share.0).collect::<Vec<_>>();
    assert_eq!(divided(&[1, 1, 1]), [21_846, 21_845, 21_845]);
    assert_eq!(divided(&[7, 0, 3, u64::MAX]), [0, 0, 0, 65_536]);
    assert_eq!(divided(&[0, 0]), [65_536, 0]);
}
