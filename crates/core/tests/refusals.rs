//! What is not a program, and what does not run.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use bitneuron_core::exact::model::ModelError;
use bitneuron_core::exact::programs::{
    Mlp,
    step::{Training, sgd},
};
use bitneuron_core::exact::{
    Builder, ExactParams, ExecuteError, Interval, Op, Program, ProgramError, Table, Tensor, ValueId, execute,
};
use bitneuron_core::{Layout, decode, encode};
use std::sync::Arc;

fn wide() -> Interval {
    Interval::symmetric(1 << 61)
}

#[test]
fn what_could_overflow_is_refused_when_written() {
    let mut b = Builder::new();
    let x = b.input(&[4], wide()).unwrap();
    assert!(matches!(b.scale(x, 4), Err(ProgramError::Range { .. })));
    assert!(matches!(b.einsum("a,a->", x, x), Err(ProgramError::Range { .. })));
    assert!(matches!(b.sum(x, 0), Err(ProgramError::Range { .. })));
    let y = b.add(x, x).unwrap();
    assert!(matches!(b.add(y, x), Err(ProgramError::Range { .. })));
    assert!(matches!(b.rescale(x, 0), Err(ProgramError::Range { .. })));
    assert!(matches!(b.rescale(x, 63), Err(ProgramError::Range { .. })));
    assert!(matches!(b.divide(x, x), Err(ProgramError::Range { .. })));
    let table = Table { first: 0, values: vec![1] };
    assert!(matches!(b.lookup(x, &table), Err(ProgramError::Range { .. })));
    assert!(matches!(b.gather(x, x), Err(ProgramError::Range { .. })));
}

#[test]
fn shapes_and_operands_must_fit() {
    let mut b = Builder::new();
    let x = b.input(&[2, 3], Interval::BIT).unwrap();
    let y = b.input(&[4], Interval::BIT).unwrap();
    assert!(matches!(b.add(x, y), Err(ProgramError::Shape { .. })));
    for spec in ["ab,c->ab", "aa,c->a", "ab,b->ab", "ab->b", "ab,d->abd"] {
        let made = b.einsum(spec, x, y);
        assert_eq!(made.is_ok(), spec == "ab,d->abd", "{spec}");
    }
    assert!(matches!(b.op(Op::Relu(ValueId(99))), Err(ProgramError::Missing(_))));
    assert!(matches!(b.reshape(x, &[7]), Err(ProgramError::Shape { .. })));
    assert!(matches!(b.slice(x, 5, &[2]), Err(ProgramError::Shape { .. })));
    assert!(matches!(b.reshape(x, &[u32::MAX, u32::MAX]), Err(ProgramError::Shape { .. })));
    assert!(matches!(b.input(&[1], Interval::BIT), Err(ProgramError::Argument(_))));
    let wider = b.op_within(Op::Relu(x), Interval { lo: 0, hi: 2 });
    assert!(matches!(wider, Err(ProgramError::Declared { .. })));
}

#[test]
fn a_value_outside_its_interval_stops_the_run() {
    let mut b = Builder::new();
    let x = b.input(&[3], Interval::symmetric(10)).unwrap();
    let y = b.op_within(Op::Scale { a: x, by: 3 }, Interval::symmetric(20)).unwrap();
    b.output(y);
    let program = b.build().unwrap();
    let run = |data: Vec<i64>| execute(&program, &[Tensor::vector(data)]);
    assert_eq!(run(vec![1, -6, 6]).unwrap().outputs()[0].data(), [3, -18, 18]);
    let breach = ExecuteError::Breach { value: ValueId(1), index: 2, found: 21 };
    assert_eq!(run(vec![1, -6, 7]).unwrap_err(), breach);
    let breach = ExecuteError::Breach { value: ValueId(0), index: 0, found: 11 };
    assert_eq!(run(vec![11, 0, 0]).unwrap_err(), breach);
    assert_eq!(run(vec![1]).unwrap_err(), ExecuteError::Shape(0));
    assert_eq!(execute(&program, &[]).unwrap_err(), ExecuteError::Inputs { found: 0, expected: 1 });
}

/// 10,000 mutants of a real program: half with random bytes changed, half with one field of eight bytes replaced by an extreme
/// number. Whatever still decodes is a valid program: it re-encodes to the same bytes and runs without a panic.
#[test]
fn hostile_programs_are_refused_or_valid() {
    let mlp = Mlp::new(&[3, 2, 2]).unwrap();
    let bytes =
        encode(&sgd(&mlp, 4, Training { steps: 1, batch: 2, rate_shift: 2, ..Training::default() }).unwrap());
    // The exponential's table is most of the program; mutants aim at what lies around it.
    let (mut state, mut valid) = (1u64, 0);
    let mut next = |below: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize % below
    };
    for round in 0..10_000 {
        let mut mutant = bytes.clone();
        let span = if next(4) == 0 { bytes.len() } else { 1200 };
        let at = if next(2) == 0 { next(span) } else { bytes.len() - 1 - next(span) };
        if round % 2 == 0 {
            mutant[at] ^= 1 << next(8);
        } else {
            let field = [0, 1, u64::MAX, 1 << 32, 1 << 62, i64::MIN as u64][next(6)].to_le_bytes();
            let at = at.min(bytes.len() - 8);
            mutant[at..at + 8].copy_from_slice(&field);
        }
        if let Ok(program) = decode::<Program>(&mutant) {
            valid += 1;
            assert_eq!(encode(&program), mutant);
            run_on_least(&program);
        }
        if next(10) == 0 {
            assert!(decode::<Program>(&mutant[..next(mutant.len())]).is_err());
        }
    }
    assert!(valid > 100 && valid < 9_000, "{valid} of 10,000 mutants are programs");
}

/// Runs a program with every input at the lower end of its interval, where that is affordable.
fn run_on_least(program: &Program) {
    if program.gas() < 10_000 {
        let least = |input: &bitneuron_core::exact::program::Input| {
            let count = input.shape.iter().product::<u32>() as usize;
            Tensor::new(&input.shape, vec![input.interval.lo; count]).unwrap()
        };
        let inputs: Vec<Tensor> = program.inputs().iter().map(least).collect();
        let _ = execute(program, &inputs);
    }
}

/// A size of zero hides no size beside it: strides and products of the others stay small.
#[test]
fn sizes_beside_a_zero_are_bounded_in_every_place_that_takes_a_shape() {
    let huge = [u32::MAX; 3];
    for at in 0..4 {
        let mut shape = huge.to_vec();
        shape.insert(at, 0);
        assert!(Tensor::new(&shape, Vec::new()).is_err());
        let mut b = Builder::new();
        assert!(b.input(&shape, Interval::BIT).is_err());
        let empty = b.input(&[0], Interval::BIT).unwrap();
        assert!(matches!(b.reshape(empty, &shape), Err(ProgramError::Shape { .. })));
        assert!(matches!(b.slice(empty, 0, &shape), Err(ProgramError::Shape { .. })));
    }
    // Operands that fit, a result that does not.
    let mut b = Builder::new();
    let x = b.input(&[0, 1 << 12], Interval::BIT).unwrap();
    let y = b.input(&[1 << 12, 1 << 12], Interval::BIT).unwrap();
    assert!(matches!(b.einsum("ab,cd->abcd", x, y), Err(ProgramError::Shape { .. })));
    let z = b.reshape(y, &[1 << 12, 1 << 12, 1, 1]).unwrap();
    assert!(matches!(b.add(x, z), Err(ProgramError::Shape { .. })));
}

#[test]
fn every_operation_runs_on_tensors_of_no_elements() {
    let mut b = Builder::new();
    let inputs: [&[u32]; 4] = [&[0, 256, 256], &[256, 0, 256], &[256, 256], &[0]];
    let [x, y, full, none] = inputs.map(|shape| b.input(shape, Interval { lo: 1, hi: 2 }).unwrap());
    let table = Table { first: 0, values: vec![3, 4, 5] };
    let looked = b.lookup(x, &table).unwrap();
    let mut made = vec![looked, b.concat(&[x, y]).unwrap(), b.concat(&[x]).unwrap()];
    for spec in ["abc,dec->abde", "abc,cab->ba", "abc,bac->bc", "abc,bac->", "abc,cab->bac"] {
        made.push(b.einsum(spec, x, y).unwrap());
    }
    made.push(b.einsum("abc,bc->bca", x, full).unwrap());
    made.push(b.einsum("abc,abd->cd", x, x).unwrap());
    for a in [x, y] {
        made.extend([Op::Relu(a), Op::RowMax(a), Op::Argmax(a), Op::Order(a)].map(|op| b.op(op).unwrap()));
        made.extend((0..3).map(|axis| b.sum(a, axis).unwrap()));
        made.extend([b.scale(a, 3).unwrap(), b.rescale(a, 1).unwrap(), b.mask(a, a).unwrap()]);
        made.push(b.clamp(a, Interval::BIT).unwrap());
        made.push(b.slice(a, 0, &[256, 0, 9]).unwrap());
        made.push(b.reshape(a, &[0, 7]).unwrap());
    }
    made.push(b.gather(full, none).unwrap());
    for by in [full, x] {
        made.extend([b.add(x, by).unwrap(), b.sub(x, by).unwrap(), b.divide(x, by).unwrap()]);
        made.push(b.compare(x, bitneuron_core::exact::Comparison::AtMost, by).unwrap());
    }
    assert!(matches!(b.op(Op::Argmax(none)), Err(ProgramError::Shape { .. })));
    made.iter().for_each(|id| b.output(*id));
    let program = b.build().unwrap();
    let count = |shape: &[u32]| shape.iter().product::<u32>() as usize;
    let inputs = inputs.map(|shape| Tensor::new(shape, vec![1; count(shape)]).unwrap());
    let run = execute(&program, &inputs).unwrap();
    for (id, output) in made.iter().zip(run.outputs()) {
        assert_eq!((output.shape(), output.len()), (program.shape(*id).unwrap(), count(output.shape())));
        assert!(output.data().iter().all(|x| *x == 0));
    }
}

/// One gas, a gas for sixteen products, and a gas for every four elements read or written, whichever are more.
#[test]
fn an_operation_is_paid_by_what_it_reads_too() {
    let gas = |write: &dyn Fn(&mut Builder, ValueId) -> Result<ValueId, ProgramError>| {
        let mut b = Builder::new();
        let x = b.input(&[64, 1024], Interval::BIT).unwrap();
        write(&mut b, x).unwrap();
        b.build().unwrap().gas()
    };
    let all = (64 * 1024) / 4 + 1;
    assert_eq!(gas(&|b, x| b.op(Op::Relu(x))), all);
    assert_eq!(gas(&|b, x| b.sum(x, 0)), all);
    assert_eq!(gas(&|b, x| b.sum(x, 1)), all);
    assert_eq!(gas(&|b, x| b.op(Op::Argmax(x))), all);
    assert_eq!(gas(&|b, x| b.op(Op::RowMax(x))), all);
    assert_eq!(gas(&|b, x| b.op(Op::Order(x))), 11 * (64 * 1024) / 4 + 1);
    assert_eq!(gas(&|b, x| b.slice(x, 8, &[16])), 16 / 4 + 1);
    assert_eq!(gas(&|b, x| b.einsum("ab,ab->", x, x)), all + 64 * 1024 / 16);
}

#[test]
fn a_model_has_no_more_parameters_than_a_tensor_holds() {
    assert!(Mlp::new(&[1 << 14, 1 << 10]).is_err(), "the biases are too much");
    let largest = Mlp::new(&[(1 << 14) - 1, 1 << 10]).unwrap();
    assert_eq!((largest.parameters() as usize, largest.layout().len()), (1 << 24, 1 << 24));
    assert!(matches!(Mlp::new(&[1 << 14; 17]), Err(ProgramError::TooLarge { .. })));
    let longer = Arc::new(Layout::of(&[("w", &[(1 << 24) + 1])]).unwrap());
    let values = vec![0; longer.len()];
    assert!(matches!(ExactParams::new(values, longer), Err(ModelError::TooLarge(_))));
}
