//! The executor against an independent one: every operation written again, element by element, in 128-bit integers.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use bitneuron_core::exact::{Builder, Comparison, Interval, Op, Table, Tensor, ValueId, compute, execute};
use proptest::prelude::*;
use std::collections::BTreeMap;

/// A tensor as a map from multi-index to element.
type Cells = BTreeMap<Vec<u32>, i128>;

fn indices(shape: &[u32]) -> Vec<Vec<u32>> {
    shape.iter().fold(vec![vec![]], |all, size| {
        all.iter().flat_map(|head| (0..*size).map(|at| [head.as_slice(), &[at]].concat())).collect()
    })
}

fn cells(tensor: &Tensor) -> Cells {
    indices(tensor.shape()).into_iter().zip(tensor.data().iter().map(|x| i128::from(*x))).collect()
}

fn flat(cells: &Cells) -> Vec<i64> {
    cells.values().map(|x| i64::try_from(*x).unwrap()).collect()
}

fn tensor(shape: Vec<u32>, limit: i64) -> impl Strategy<Value = Tensor> {
    let count = shape.iter().product::<u32>() as usize;
    prop::collection::vec(-limit..=limit, count).prop_map(move |data| Tensor::new(&shape, data).unwrap())
}

/// Runs one operation on these inputs through the builder and the executor.
fn run(inputs: &[&Tensor], op: impl Fn(&[ValueId]) -> Op) -> Vec<i64> {
    let mut b = Builder::new();
    let ids: Vec<ValueId> = inputs
        .iter()
        .map(|tensor| {
            let hull = tensor.data().iter().fold(Interval { lo: i64::MAX, hi: i64::MIN }, |hull, x| {
                Interval { lo: hull.lo.min(*x), hi: hull.hi.max(*x) }
            });
            b.input(tensor.shape(), hull).unwrap()
        })
        .collect();
    let out = b.op(op(&ids)).unwrap();
    b.output(out);
    let program = b.build().unwrap();
    let bytes = bitneuron_core::encode(&program);
    let program = bitneuron_core::decode(&bytes).expect("own bytes");
    let inputs: Vec<Tensor> = inputs.iter().map(|tensor| (*tensor).clone()).collect();
    let run = execute(&program, &inputs).unwrap();
    assert_eq!(compute(&program, &inputs).unwrap(), [run.outputs()[0].clone()]);
    run.outputs()[0].data().to_vec()
}

/// The sum over all assignments of names to indices.
fn einsum(spec: &str, a: &Tensor, b: &Tensor) -> Cells {
    let (operands, out) = spec.split_once("->").unwrap();
    let (left, right) = operands.split_once(',').unwrap();
    let mut sizes = BTreeMap::new();
    for (name, size) in left.chars().zip(a.shape()).chain(right.chars().zip(b.shape())) {
        sizes.insert(name, *size);
    }
    let (names, shape): (Vec<char>, Vec<u32>) = sizes.into_iter().unzip();
    let (a, b) = (cells(a), cells(b));
    let mut sums = Cells::new();
    for index in indices(&shape) {
        let at = |names_of: &str| -> Vec<u32> {
            names_of
                .chars()
                .map(|name| index[names.iter().position(|other| *other == name).unwrap()])
                .collect()
        };
        *sums.entry(at(out)).or_default() += a[&at(left)] * b[&at(right)];
    }
    sums
}

/// Both operands' elements at each index of the broadcast shape.
fn pairs(shape: &[u32], a: &Tensor, b: &Tensor) -> Vec<(i128, i128)> {
    let pick = |tensor: &Tensor, index: &[u32]| {
        let tail = &index[index.len() - tensor.shape().len()..];
        let at: Vec<u32> =
            tail.iter().zip(tensor.shape()).map(|(at, size)| if *size == 1 { 0 } else { *at }).collect();
        cells(tensor)[&at]
    };
    indices(shape).iter().map(|index| (pick(a, index), pick(b, index))).collect()
}

const SPECS: [&str; 9] = [
    "ab,bc->ac",
    "ab,cb->ca",
    "ba,bc->ac",
    "ab,ab->a",
    "ab,ab->",
    "a,ab->b",
    "abc,bc->acb",
    "abc,cd->bad",
    "a,b->ab",
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn einsum_equals_the_sum_over_all_indices(
        which in 0..SPECS.len(), sizes in prop::collection::vec(1u32..5, 4), wide in any::<bool>(), seed in any::<u64>(),
    ) {
        let spec = SPECS[which];
        let (left, right) = spec.split_once("->").unwrap().0.split_once(',').unwrap();
        let shape = |names: &str| -> Vec<u32> { names.bytes().map(|name| sizes[(name - b'a') as usize]).collect() };
        // Narrow operands take the 16-bit path, wide ones the 64-bit path.
        let limit = if wide { 1 << 24 } else { 1 << 12 };
        let fill = |names: &str, salt: u64| {
            let shape = shape(names);
            let count = u64::from(shape.iter().product::<u32>());
            let element = |at: u64| {
                let mixed = seed.wrapping_add(salt).wrapping_add(at).wrapping_mul(0x9E37_79B9_7F4A_7C15).rotate_left(17);
                (mixed % (2 * limit + 1)) as i64 - limit as i64
            };
            Tensor::new(&shape, (0..count).map(element).collect()).unwrap()
        };
        let (a, b) = (fill(left, 1), fill(right, 2));
        let spec_of = bitneuron_core::exact::Einsum::parse(spec).unwrap();
        let found = run(&[&a, &b], |ids| Op::Einsum { spec: spec_of.clone(), a: ids[0], b: ids[1] });
        prop_assert_eq!(found, flat(&einsum(spec, &a, &b)));
    }

    #[test]
    fn elementwise_operations_broadcast(a in tensor(vec![2, 3, 4], 1 << 30), which in 0usize..4, seed in any::<u32>()) {
        let shape = [vec![2, 3, 4], vec![4], vec![3, 1], vec![2, 1, 1]][which].clone();
        let count = shape.iter().product::<u32>();
        let b = Tensor::new(&shape, (0..count).map(|at| i64::from(seed.rotate_left(at) >> 3) - (1 << 28)).collect()).unwrap();
        let full = pairs(&[2, 3, 4], &a, &b);
        let check = |op: &dyn Fn(&[ValueId]) -> Op, f: &dyn Fn(i128, i128) -> i128| {
            let expected: Vec<i64> = full.iter().map(|(x, y)| i64::try_from(f(*x, *y)).unwrap()).collect();
            assert_eq!(run(&[&a, &b], op), expected);
        };
        check(&|ids| Op::Add(ids[0], ids[1]), &|x, y| x + y);
        check(&|ids| Op::Sub(ids[0], ids[1]), &|x, y| x - y);
        check(&|ids| Op::Compare { a: ids[0], b: ids[1], by: Comparison::AtMost }, &|x, y| i128::from(x <= y));
        check(&|ids| Op::Compare { a: ids[0], b: ids[1], by: Comparison::Equal }, &|x, y| i128::from(x == y));
        let positive = Tensor::new(b.shape(), b.data().iter().map(|x| x.abs() + 1).collect()).unwrap();
        let expected: Vec<i64> = pairs(&[2, 3, 4], &a, &positive)
            .iter()
            .map(|(x, y)| i64::try_from((x + y.div_euclid(2)).div_euclid(*y)).unwrap())
            .collect();
        let found = run(&[&a, &positive], |ids| Op::Divide { a: ids[0], by: ids[1] });
        prop_assert_eq!(found, expected);
    }

    #[test]
    fn operations_on_one_value(a in tensor(vec![3, 5], 1 << 40), bits in 1u32..50, by in -1000i64..1000) {
        let each = |f: &dyn Fn(i128) -> i128| -> Vec<i64> {
            a.data().iter().map(|x| i64::try_from(f(i128::from(*x))).unwrap()).collect()
        };
        let to = Interval { lo: -5000, hi: 1 << 20 };
        let half = 1i128 << (bits - 1);
        prop_assert_eq!(run(&[&a], |i| Op::Scale { a: i[0], by }), each(&|x| x * i128::from(by)));
        prop_assert_eq!(run(&[&a], |i| Op::Rescale { a: i[0], bits }), each(&|x| (x + half).div_euclid(1 << bits)));
        prop_assert_eq!(run(&[&a], |i| Op::Relu(i[0])), each(&|x| x.max(0)));
        prop_assert_eq!(run(&[&a], |i| Op::Clamp { a: i[0], to }), each(&|x| x.clamp(-5000, 1 << 20)));
        prop_assert_eq!(run(&[&a], |i| Op::Reshape { a: i[0], shape: vec![15] }), a.data().to_vec());
        prop_assert_eq!(run(&[&a], |i| Op::Slice { a: i[0], start: 4, shape: vec![2, 3] }), a.data()[4..10].to_vec());
        let twice = [a.data(), a.data()].concat();
        prop_assert_eq!(run(&[&a], |i| Op::Concat(vec![i[0], i[0]])), twice);
        let rows: Vec<&[i64]> = a.data().chunks(5).collect();
        let max: Vec<i64> = rows.iter().map(|row| *row.iter().max().unwrap()).collect();
        prop_assert_eq!(run(&[&a], |i| Op::RowMax(i[0])), max.clone());
        let first: Vec<i64> =
            rows.iter().zip(&max).map(|(row, max)| row.iter().position(|x| x == max).unwrap() as i64).collect();
        prop_assert_eq!(run(&[&a], |i| Op::Argmax(i[0])), first);
        let columns: Vec<i64> = (0..5).map(|column| rows.iter().map(|row| row[column]).sum()).collect();
        prop_assert_eq!(run(&[&a], |i| Op::Sum { a: i[0], axis: 0 }), columns);
        let sums: Vec<i64> = rows.iter().map(|row| row.iter().sum()).collect();
        prop_assert_eq!(run(&[&a], |i| Op::Sum { a: i[0], axis: 1 }), sums);
        let mut ordered: Vec<Vec<i64>> = rows.iter().map(|row| row.to_vec()).collect();
        ordered.iter_mut().for_each(|row| row.sort_unstable());
        prop_assert_eq!(run(&[&a], |i| Op::Order(i[0])), ordered.concat());
        let index = Tensor::vector(vec![2, 0, 2, 1]);
        let gathered = [rows[2], rows[0], rows[2], rows[1]].concat();
        prop_assert_eq!(run(&[&a, &index], |i| Op::Gather { a: i[0], index: i[1] }), gathered);
        let masked: Vec<i64> = a.data().iter().map(|x| if *x > 0 { *x } else { 0 }).collect();
        prop_assert_eq!(run(&[&a], |i| Op::Mask { a: i[0], by: i[0] }), masked);
    }

    #[test]
    fn lookup_reads_its_table(a in tensor(vec![7], 8)) {
        let table = Table { first: -8, values: (0..17).map(|x| x * x).collect() };
        let mut b = Builder::new();
        let x = b.input(&[7], Interval::symmetric(8)).unwrap();
        let y = b.lookup(x, &table).unwrap();
        let z = b.lookup(x, &table).unwrap();
        b.output(y);
        b.output(z);
        let program = b.build().unwrap();
        prop_assert_eq!(program.tables().len(), 1);
        let expected: Vec<i64> = a.data().iter().map(|x| (x + 8) * (x + 8)).collect();
        let run = execute(&program, &[a]).unwrap();
        prop_assert!(run.outputs().iter().all(|output| output.data() == expected));
    }
}

/// A program whose outputs are an input, a value that is read later, and one twice; and of which some is read by nobody.
#[test]
fn what_is_kept_is_what_comes_out() {
    let mut b = Builder::new();
    let [x, y] = [0; 2].map(|_| b.input(&[2, 3], Interval::symmetric(50)).unwrap());
    let sum = b.op(Op::Add(x, y)).unwrap();
    b.op(Op::Sub(x, y)).unwrap();
    let twice = b.op(Op::Add(sum, sum)).unwrap();
    let last = b.op(Op::Sub(twice, x)).unwrap();
    [sum, y, last, sum].into_iter().for_each(|id| b.output(id));
    let program = b.build().unwrap();
    let inputs = [7, 9].map(|by| Tensor::new(&[2, 3], (0..6).map(|at| at * by - 20).collect()).unwrap());
    let run = execute(&program, &inputs).unwrap();
    let kept: Vec<Tensor> = run.outputs().into_iter().cloned().collect();
    assert_eq!(compute(&program, &inputs).unwrap(), kept);
    // 2·(7i − 20 + 9i − 20) − (7i − 20)
    assert_eq!(kept[2].data(), [0, 1, 2, 3, 4, 5].map(|at| 25 * at - 60));
    assert_eq!(compute(&program, &inputs[..1]).unwrap_err(), execute(&program, &inputs[..1]).unwrap_err());
}
