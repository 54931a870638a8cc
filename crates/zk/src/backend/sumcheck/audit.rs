//! Attempts on the constraints themselves: cells that a cheat would choose, judged in the clear and by whole proofs.

use super::check::broken;
use super::protocol::Frame;
use super::prover::Attempt;
use super::settle::settle;
use super::system::{System, Wire};
use super::values::Values;
use super::{Geometry, RELATION, Sumcheck};
use crate::proof::{Backend, Proof, bind};
use crate::{Library, ProveError, VerifyError};
use bitneuron_core::exact::{Binding, Builder, Interval, Op, Program, Relation, Tensor, execute};
use bitneuron_core::{ChainId, Context, Digest, Height, NodeId, Seed};
use p3_field::PrimeCharacteristicRing;
use std::sync::Arc;

pub(super) fn context() -> Context {
    Context {
        chain: ChainId(Digest([3; 32])),
        height: Height(4),
        by: NodeId([5; 32]),
        subject: Digest([6; 32]),
    }
}

pub(super) fn backend() -> Sumcheck {
    Sumcheck::new(Geometry::TINY, Arc::new(Library::new())).unwrap()
}

/// The relation of a program with all inputs, and these outputs, committed each in a group of its own.
pub(super) fn hidden(
    backend: &Sumcheck,
    program: &Program,
    inputs: &[Tensor],
    outputs: &[Tensor],
) -> Relation {
    let mut seed = 0;
    let mut commit = |tensor: &Tensor| {
        seed += 1;
        Binding::Committed(backend.commit(&[tensor], &context(), Seed::from_number(seed)).unwrap()[0])
    };
    Relation {
        program: program.clone(),
        inputs: inputs.iter().map(&mut commit).collect(),
        outputs: outputs.iter().map(&mut commit).collect(),
    }
}

/// What a cheat proves: `program` with inputs and cells of a run of `other`, which has the same operations under other bounds.
fn cheat(program: &Program, other: &Program, inputs: &[Tensor]) -> (Option<String>, Result<(), VerifyError>) {
    let backend = backend();
    let run = execute(other, inputs).unwrap();
    let outputs: Vec<Tensor> = run.outputs().into_iter().cloned().collect();
    let relation = hidden(&backend, program, inputs, &outputs);
    let mut shelf = backend.vault.lock();
    let draft = backend.draft(&shelf, &relation).unwrap();
    let values = Values::all(&draft.system, inputs, &run);
    let seen = broken(&draft.system, &values);
    let bound_to = bind(Backend::SUMCHECK, RELATION, &context(), relation.digest());
    let seed = Seed::from_number(1);
    let made = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        let context = context();
        let attempt =
            Attempt { context: &context, bound_to, draft: &draft, values, cells: None, entropy: seed };
        backend.finish(&mut shelf, attempt)
    }));
    drop(shelf);
    let verdict = match made {
        Ok(proof) => backend.verify_relation(&context(), &relation, &proof.unwrap()),
        // What is no run may not even keep the form of a proof.
        Err(_) => Err(VerifyError::False("no proof".into())),
    };
    (seen, verdict)
}

fn clamped(from: i64, to: i64) -> Program {
    let mut b = Builder::new();
    let x = b.input(&[3], Interval::symmetric(from)).unwrap();
    let y = b.clamp(x, Interval::symmetric(to)).unwrap();
    b.output(y);
    b.build().unwrap()
}

/// Three digits, all as large as the table allows, once spelled numbers beyond `T·B²`.
#[test]
fn a_clamp_of_three_digits_ends_where_it_says() {
    let (wide, narrow) = (1 << 26, 1 << 24);
    for beyond in [1, 100, 4_096] {
        for sign in [1, -1] {
            let x = Tensor::vector(vec![5, sign * (narrow + beyond), -narrow]);
            let (seen, verdict) = cheat(&clamped(wide, narrow), &clamped(wide, wide - 1), &[x]);
            assert!(seen.is_some() && verdict.is_err(), "{sign} · {beyond}: {seen:?}, {verdict:?}");
        }
    }
    // What is true, the ends among it, is proved.
    let x = Tensor::vector(vec![narrow, -narrow, 0]);
    let (seen, verdict) = cheat(&clamped(wide, narrow), &clamped(wide, narrow), &[x]);
    assert!(seen.is_none() && verdict.is_ok(), "{seen:?}, {verdict:?}");
}

#[test]
fn an_input_is_held_to_its_interval_at_both_ends() {
    let program = |lo, hi| {
        let mut b = Builder::new();
        let x = b.input(&[2], Interval::new(lo, hi).unwrap()).unwrap();
        let y = b.scale(x, 3).unwrap();
        b.output(y);
        b.build().unwrap()
    };
    let wide = program(-(1 << 50), 1 << 50);
    let powers = [
        0,
        1,
        2,
        4_095,
        4_096,
        4_097,
        8_192,
        (1 << 24) - 1,
        1 << 24,
        (1 << 24) + 1,
        3 << 24,
        5 << 36,
        (1 << 36) + 7,
        1 << 40,
    ];
    for width in powers {
        for lo in [0, -7, -width / 2] {
            let hi = lo + width;
            let narrow = program(lo, hi);
            let cells = |x: i64| {
                let inputs = [Tensor::vector(vec![x, lo])];
                let run = execute(&wide, &inputs).unwrap();
                let system = lowered(&narrow);
                broken(&system, &Values::all(&system, &inputs, &run))
            };
            for inside in [lo, hi, lo + width / 2, lo + width.min(4_096)] {
                assert_eq!(cells(inside), None, "{inside} in {lo} to {hi}");
            }
            for outside in [lo - 1, hi + 1, hi + 2, hi + 4_096, hi + 4_097, lo - 4_096, hi + width + 1] {
                assert!(cells(outside).is_some(), "{outside} in {lo} to {hi}");
            }
        }
    }
}

/// The system of a program with everything in one group.
fn lowered(program: &Program) -> System {
    use super::lower::{Given, lower};
    use super::system::Store;
    let mut start = 0;
    let mut stored = |shape: &[u32]| {
        let own = start;
        start += shape.iter().map(|size| *size as usize).product::<usize>();
        Given::Stored(Store { group: 0, start: own })
    };
    let inputs: Vec<Given> = program.inputs().iter().map(|input| stored(&input.shape)).collect();
    let outputs: Vec<Given> =
        program.outputs().iter().map(|id| stored(program.shape(*id).unwrap())).collect();
    lower(program, &inputs, &outputs, 1, 12).unwrap()
}

/// No cell is free: at random challenges, every cell that constraints speak of has a weight in the claim that is left.
#[test]
fn no_cell_goes_unweighed() {
    use super::channel::Channel;
    use super::field::{Ext, Val, transcript};
    for example in crate::suite::corpus() {
        let program = &example.relation.program;
        let system = lowered(program);
        let frame = Frame::new(&system);
        let mut challenger = transcript(Digest::ZERO);
        // Uniform messages stand for any.
        let mut random = super::group::uniform(Seed::from_number(7));
        let messages: Vec<Ext> = (0..2 * frame.plan.all() + 2).map(|_| Ext::from(random())).collect();
        let mut channel = Channel::verifier(&mut challenger, &messages);
        let claims = frame.reduce(None, &mut channel).unwrap();
        let settled = settle(&system, &claims, frame.plan.all(), Ext::from(Val::from_u64(0x1234_5678_9abc)));
        let elements = |store: usize| {
            system.nodes.iter().filter_map(move |node| match node.wire {
                Wire::Cells(own, _) if own.group == store => {
                    Some(own.start + node.shape.iter().product::<usize>())
                }
                _ => None,
            })
        };
        for group in [0, 1] {
            let size = if group == 1 { system.own } else { elements(0).max().unwrap_or(0) };
            let mut table = vec![Ext::ZERO; size];
            for (store, size, weights) in settled.cells.iter().filter(|(store, ..)| store.group == group) {
                for weight in weights {
                    weight.add_to(&mut table[store.start..][..*size], Ext::ONE);
                }
            }
            let from = if group == 1 { super::system::VEIL } else { 0 };
            let free = table.iter().skip(from).position(|weight| *weight == Ext::ZERO);
            assert_eq!(free, None, "{}: group {group} of {size}", example.name);
        }
        assert!(settled.pads.iter().all(|by| *by != Ext::ZERO), "{}: a pad is free", example.name);
    }
}

fn one(
    shape: &[u32],
    interval: Interval,
    build: impl Fn(&mut Builder, bitneuron_core::exact::ValueId),
) -> Option<Program> {
    let mut b = Builder::new();
    let x = b.input(shape, interval).ok()?;
    build(&mut b, x);
    b.build().ok()
}

/// Odd shapes and bounds are proved or refused, never stumbled over.
#[test]
fn degenerate_programs_are_proved_or_refused() {
    let small = Interval::symmetric(100);
    let mut programs = Vec::new();
    for shape in [&[][..], &[0], &[1], &[0, 3], &[3, 0], &[1, 1, 1], &[2, 1, 3], &[1, 5]] {
        programs.push(one(shape, small, Builder::output));
        programs.push(one(shape, small, |b, x| {
            let y = b.op(Op::Relu(x)).unwrap();
            b.output(y);
        }));
        programs.push(one(shape, small, |b, x| {
            let y = b.rescale(x, 2).unwrap();
            b.output(y);
            b.output(x);
        }));
        programs.push(one(shape, small, |b, x| {
            if let Ok(y) = b.sum(x, 0) {
                b.output(y);
            }
            if let Ok(y) = b.op(Op::Argmax(x)) {
                b.output(y);
            }
        }));
    }
    for interval in [
        Interval::WIDEST,
        Interval::symmetric(1 << 60),
        Interval { lo: 0, hi: 1 << 62 },
        Interval { lo: 7, hi: 7 },
    ] {
        programs.push(one(&[2], interval, Builder::output));
        programs.push(one(&[2], interval, |b, x| {
            if let Ok(y) = b.op(Op::RowMax(x)) {
                b.output(y);
            }
            if let Ok(y) = b.clamp(x, Interval::BIT) {
                b.output(y);
            }
        }));
    }
    let (mut proved, mut refused) = (0, 0);
    for program in programs.into_iter().flatten() {
        let interval = program.inputs()[0].interval;
        let shape = program.inputs()[0].shape.clone();
        let count = shape.iter().product::<u32>();
        let middle = interval.lo + (interval.hi / 2 - interval.lo / 2);
        let x = Tensor::new(&shape, vec![middle; count as usize]).unwrap();
        let run = execute(&program, std::slice::from_ref(&x)).unwrap();
        let outputs: Vec<Tensor> = run.outputs().into_iter().cloned().collect();
        let backend = backend();
        let relation = hidden(&backend, &program, std::slice::from_ref(&x), &outputs);
        let made = backend.prove_relation(&context(), &relation, vec![x], Seed::from_number(1));
        match made {
            Ok(proof) => {
                backend.verify_relation(&context(), &relation, &proof).unwrap();
                proved += 1;
            }
            Err(ProveError::Rule(_)) => refused += 1,
            Err(error) => panic!("{shape:?} {interval:?}: {error}"),
        }
        // A verifier that cannot build the system says so.
        let nothing = Proof { backend: Backend::SUMCHECK, body: Vec::new().into() };
        assert!(backend.verify_relation(&context(), &relation, &nothing).is_err());
    }
    println!("{proved} proved, {refused} refused");
}

/// The same contents and entropy elsewhere share no randomness: each group has its own budget of openings.
#[test]
fn randomness_is_of_one_chain_and_one_geometry() {
    use super::group::Group;
    let of = |geometry: Geometry, chain| {
        let setup = geometry.setup(3).unwrap();
        Group::commit(&setup, &[&[1, 2, 3]], chain, Seed::from_number(1)).masks().to_vec()
    };
    let here = of(Geometry::TINY, context().chain);
    assert_eq!(here, of(Geometry::TINY, context().chain));
    for other in [
        of(Geometry::TINY, ChainId(Digest([4; 32]))),
        of(Geometry { openings: 3, ..Geometry::TINY }, context().chain),
    ] {
        assert!(here.iter().zip(&other).all(|(a, b)| a != b));
    }
}
