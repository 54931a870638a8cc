//! Joined relations hold exactly if all their parts do.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use bitneuron_core::exact::relation::RelationError;
use bitneuron_core::exact::{Binding, Builder, Interval, JoinError, Relation, Table, Tensor, execute};
use bitneuron_core::{Commitment, Digest};
use proptest::prelude::*;
use std::collections::BTreeSet;

/// y = clamp(x + step) and the sum of table[y], for x within ±`limit`.
fn part(x: &Tensor, limit: i64, step: i64, wrong: i64) -> (Relation, Tensor) {
    let mut b = Builder::new();
    let input = b.input(x.shape(), Interval::symmetric(limit)).unwrap();
    let by = b.input(&[], Interval::symmetric(100)).unwrap();
    let moved = b.add(input, by).unwrap();
    let kept = b.clamp(moved, Interval::symmetric(50)).unwrap();
    let table = Table { first: -50, values: (-50..=50).map(|x| x * x).collect() };
    let squares = b.lookup(kept, &table).unwrap();
    let sum = b.sum(squares, 0).unwrap();
    b.output(kept);
    b.output(sum);
    let program = b.build().unwrap();
    let by = Tensor::scalar(step);
    let y: Vec<i64> = x.data().iter().map(|x| (x + step).clamp(-50, 50)).collect();
    let sum = y.iter().map(|y| y * y).sum::<i64>() + wrong;
    let y = Tensor::vector(y);
    let relation = Relation {
        program,
        inputs: vec![Binding::Committed(x.commitment()), Binding::Public(by)],
        outputs: vec![Binding::Committed(y.commitment()), Binding::Public(Tensor::scalar(sum))],
    };
    (relation, y)
}

fn vector() -> impl Strategy<Value = Tensor> {
    prop::collection::vec(-60i64..60, 5).prop_map(Tensor::vector)
}

fn link(number: u8) -> Commitment {
    Commitment::merkle(Digest([number; 32]))
}

proptest! {
    #[test]
    fn a_join_holds_if_all_parts_do(
        x in vector(), z in vector(), limits in [40i64..80, 40i64..80], steps in [-9i64..9, -9i64..9], wrong in [-1i64..2, -1i64..2],
        shared in any::<bool>(),
    ) {
        let second = if shared { &x } else { &z };
        let (a, _) = part(&x, limits[0], steps[0], wrong[0]);
        let (b, _) = part(second, limits[1], steps[1], wrong[1]);
        let each = [a.holds(vec![x.clone()]).is_ok(), b.holds(vec![second.clone()]).is_ok()];
        let same = x.commitment() == second.commitment();
        let joined = Relation::join(&[a, b], &BTreeSet::new()).unwrap();
        let witness = if same { vec![x] } else { vec![x, z] };
        prop_assert_eq!(joined.program.inputs().len(), 2 + witness.len());
        prop_assert_eq!(joined.program.tables().len(), 1);
        prop_assert_eq!(joined.holds(witness).is_ok(), each == [true; 2]);
    }

    #[test]
    fn a_linked_value_is_committed_nowhere(
        x in vector(), limit in 30i64..60, steps in [-9i64..9, -9i64..9], wrong in [-1i64..2, -1i64..2],
    ) {
        let (mut a, y) = part(&x, 80, steps[0], wrong[0]);
        let (mut b, last) = part(&y, limit, steps[1], wrong[1]);
        let both = a.holds(vec![x.clone()]).is_ok() && b.holds(vec![y.clone()]).is_ok();
        a.outputs[0] = Binding::Committed(link(1));
        b.inputs[0] = Binding::Committed(link(1));
        let joined = Relation::join(&[a, b], &BTreeSet::from([link(1)])).unwrap();
        prop_assert_eq!(joined.holds(vec![x]).is_ok(), both);
        prop_assert_eq!(joined.outputs.len(), 3);
        let ends = joined.outputs.contains(&Binding::Committed(last.commitment()));
        prop_assert!(ends);
    }
}

#[test]
fn links_are_given_once_and_then_taken_once() {
    let x = Tensor::vector(vec![1, 2, 3]);
    let (mut giver, y) = part(&x, 80, 1, 0);
    let (mut taker, _) = part(&y, 80, 1, 0);
    giver.outputs[0] = Binding::Committed(link(1));
    taker.inputs[0] = Binding::Committed(link(1));
    let links = BTreeSet::from([link(1)]);
    let join = |parts: &[&Relation]| {
        Relation::join(&parts.iter().map(|part| (*part).clone()).collect::<Vec<_>>(), &links).map(drop)
    };
    let refused = Err(JoinError::Link(link(1)));
    assert_eq!(join(&[&giver, &taker]), Ok(()));
    assert_eq!(join(&[&taker, &giver]), refused);
    assert_eq!(join(&[&giver]), refused);
    assert_eq!(join(&[&taker]), refused);
    assert_eq!(join(&[&giver, &giver, &taker]), refused);
    assert_eq!(join(&[&giver, &taker, &taker]), refused);
    assert_eq!(join(&[]), refused);
}

#[test]
fn parts_that_disagree_are_refused() {
    let x = Tensor::vector(vec![1, 2, 3]);
    let (a, _) = part(&x, 80, 1, 0);
    let (mut other_shape, _) = part(&Tensor::vector(vec![1, 2]), 80, 1, 0);
    other_shape.inputs[0] = a.inputs[0].clone();
    let none = BTreeSet::new();
    let refused = Err(JoinError::Disagree(x.commitment()));
    assert_eq!(Relation::join(&[a.clone(), other_shape], &none).map(drop), refused);
    let mut unbound = a.clone();
    unbound.outputs.pop();
    assert_eq!(Relation::join(&[a.clone(), unbound], &none).map(drop), Err(JoinError::Bindings(1)));
    // Nothing lies in both intervals.
    let mut b = Builder::new();
    let far = b.input(&[3], Interval { lo: 100, hi: 200 }).unwrap();
    b.output(far);
    let far = Relation {
        program: b.build().unwrap(),
        inputs: vec![a.inputs[0].clone()],
        outputs: vec![a.inputs[0].clone()],
    };
    assert_eq!(Relation::join(&[a, far], &none).map(drop), refused);
}

#[test]
fn a_join_of_nothing_is_true() {
    let nothing = Relation::join(&[], &BTreeSet::new()).unwrap();
    assert_eq!(nothing.holds(Vec::new()), Ok(()));
    assert!(matches!(nothing.holds(vec![Tensor::scalar(1)]), Err(RelationError::Witness { .. })));
    assert!(execute(&nothing.program, &[]).is_ok());
}
