//! Many transcripts of two witnesses of one statement, looked at by simple tests.

use super::super::audit::{backend, context, hidden};
use super::super::channel::Channel;
use super::super::eq;
use super::super::field::{Ext, Val, element, transcript};
use super::super::group::{Group, Root, uniform};
use super::super::lower::lower;
use super::super::masks::Masks;
use super::super::protocol::{Frame, Layout, prove};
use super::super::prover::Draft;
use super::super::system::{NodeId, Store, VEIL, Wire};
use super::super::values::Values;
use super::super::{Sumcheck, outer};
use super::*;
use bitneuron_core::exact::{Relation, Tensor, execute};
use bitneuron_core::{Digest, Seed};
use p3_field::{BasedVectorSpace, Field, PrimeCharacteristicRing};

/// One statement with two witnesses: the product of two hidden matrices is also that of their negatives.
struct Pair {
    relation: Relation,
    draft: Draft,
    values: [Values; 2],
}

fn pair(backend: &Sumcheck) -> Pair {
    let program = product(2);
    let of = |sign: i64| {
        vec![
            Tensor::new(&[2, 2], [3, -40, 8, 21].iter().map(|x| sign * x).collect()).unwrap(),
            Tensor::new(&[2, 2], [9, 2, -7, 60].iter().map(|x| sign * x).collect()).unwrap(),
        ]
    };
    let [first, second] = [of(1), of(-1)];
    let runs = [&first, &second].map(|inputs| execute(&program, inputs).unwrap());
    let outputs: Vec<Tensor> = runs[0].outputs().into_iter().cloned().collect();
    assert_eq!(runs[1].outputs()[0], &outputs[0]);
    let relation = hidden(backend, &program, &first, &outputs);
    let shelf = backend.vault.lock();
    let mut draft = backend.draft(&shelf, &relation).unwrap();
    // Digits of few bits have a small table.
    let mut places = draft.places.iter();
    let bound = backend.checker.bound(&relation, |_| {
        let (group, place) = places.next()?;
        let root = shelf.root(draft.groups[usize::from(*group)])?;
        Some(Store { group: usize::from(*group), start: root.start(usize::from(*place)) })
    });
    let bound = bound.unwrap();
    draft.system = lower(&program, &bound.inputs, &bound.outputs, draft.groups.len(), 4).unwrap();
    drop(shelf);
    let values = [(&first, &runs[0]), (&second, &runs[1])]
        .map(|(inputs, run)| Values::all(&draft.system, inputs, run));
    Pair { relation, draft, values }
}

/// Runs of each witness; with 8 bins and so many coordinates an honest statistic of one stays far below this.
const RUNS: usize = 1_000;
const SUSPECT: f64 = 48.0;

/// For each coordinate, how often it fell into each eighth of the field.
#[derive(Clone, PartialEq, Eq)]
struct Counts(Vec<[u32; 8]>);

impl Counts {
    fn of(samples: impl Iterator<Item = Vec<Ext>>) -> Self {
        let mut counts: Vec<[u32; 8]> = Vec::new();
        for sample in samples {
            let words = sample.iter().flat_map(BasedVectorSpace::<Val>::as_basis_coefficients_slice);
            for (at, word) in words.enumerate() {
                if counts.len() <= at {
                    counts.push([0; 8]);
                }
                counts[at][(p3_field::PrimeField64::as_canonical_u64(word) >> 61) as usize] += 1;
            }
        }
        Self(counts)
    }

    /// The largest χ² against uniform, and against the counts of another witness.
    fn worst(&self, other: &Self) -> [f64; 2] {
        let mean = RUNS as f64 / 8.0;
        let uniform =
            |counts: &[u32; 8]| counts.iter().map(|n| (f64::from(*n) - mean).powi(2) / mean).sum::<f64>();
        let apart = |a: &[u32; 8], b: &[u32; 8]| {
            let term = |(a, b): (&u32, &u32)| {
                let (a, b) = (f64::from(*a), f64::from(*b));
                if a + b > 0.0 { (a - b).powi(2) / (a + b) } else { 0.0 }
            };
            a.iter().zip(b).map(term).sum::<f64>()
        };
        let most = |all: &mut dyn Iterator<Item = f64>| all.fold(0.0, f64::max);
        [
            most(&mut self.0.iter().map(uniform)),
            most(&mut self.0.iter().zip(&other.0).map(|(a, b)| apart(a, b))),
        ]
    }
}

/// All masked messages at challenges that are always the same; with what the two shown values come to when the pads that
/// masked other messages are taken for the messages.
fn first_half(frame: &Frame<'_>, values: &Values, pads: &[Ext]) -> Vec<Ext> {
    let mut challenger = transcript(Digest::ZERO);
    let mut channel = Channel::prover(&mut challenger, pads);
    channel.deaf = true;
    let claims = frame.reduce(Some((values, pads)), &mut channel).unwrap();
    let mut sent = channel.finish().unwrap();
    if let Some(first) = frame.plan.blinds() {
        let end = claims.len() - frame.system.zeros.len();
        for claim in &claims[end - 2..end] {
            let plain = claim.pads.iter().filter(|(pad, _)| *pad != first && *pad != first + 1);
            let shown: Ext = plain.map(|(pad, by)| *by * sent[*pad]).sum();
            sent.push(claim.constant + shown);
        }
    }
    sent
}

/// Pads that make the messages of these values just these, at the challenges of [`first_half`].
fn fitted(frame: &Frame<'_>, values: &Values, messages: &[Ext]) -> Vec<Ext> {
    let (all, first) = (frame.plan.all(), frame.plan.blinds().unwrap());
    let products = |pads: &mut Vec<Ext>| {
        for (k, (a, b)) in frame.plan.pairs().iter().enumerate() {
            pads[frame.plan.product(k)] = pads[*a] * pads[*b];
        }
    };
    let clear = first_half(frame, values, &vec![Ext::ZERO; all]);
    let mut pads = vec![Ext::ZERO; all];
    (0..first).for_each(|at| pads[at] = messages[at] - clear[at]);
    products(&mut pads);
    let mut challenger = transcript(Digest::ZERO);
    let mut channel = Channel::verifier(&mut challenger, messages);
    channel.deaf = true;
    let claims = frame.reduce(None, &mut channel).unwrap();
    let end = claims.len() - frame.system.zeros.len();
    // The shown values fix the blinds, then the last messages their pads.
    for (claim, blind) in claims[end - 2..end].iter().zip([first, first + 1]) {
        let by: Ext = claim.pads.iter().filter(|(pad, _)| *pad == blind).map(|(_, by)| *by).sum();
        let others: Ext =
            claim.pads.iter().filter(|(pad, _)| *pad != blind).map(|(pad, by)| *by * pads[*pad]).sum();
        pads[blind] = -(claim.constant + others) * by.inverse();
    }
    let clear = first_half(frame, values, &pads);
    // Messages after the blinds are two places ahead of their pads.
    (first + 2..frame.plan.plain).for_each(|pad| pads[pad] = messages[pad - 2] - clear[pad - 2]);
    assert_eq!(first_half(frame, values, &pads)[..frame.plan.plain], *messages);
    pads
}

/// What follows the last challenge, at messages and challenges that are always the same.
fn second_half(
    layout: &Layout<'_>,
    table: &[Ext],
    others: &[Val],
    own: &[Val],
    random: Option<&mut dyn FnMut() -> Val>,
) -> Vec<Ext> {
    let (setup, capacity) = (layout.setup, layout.setup.capacity());
    let limbs = layout.roots.last().unwrap().limbs(capacity);
    let mut none = || Val::ZERO;
    let random = random.unwrap_or(&mut none);
    let mut own = own.to_vec();
    own[..VEIL].fill_with(&mut *random);
    let mut others = others.to_vec();
    for limb in others.chunks_mut(setup.cells()) {
        limb[capacity..][..setup.blinds()].fill_with(&mut *random);
    }
    let mut cells = others;
    for limb in 0..limbs {
        let own = own.iter().skip(limb * capacity).take(capacity);
        let before = cells.len();
        cells.extend(own);
        cells.resize_with(before + setup.cells(), &mut *random);
    }
    cells.resize(setup.cells() * setup.limbs(), Val::ZERO);
    let mut challenges = draws(8, setup.variables()).into_iter();
    let mut told = Vec::new();
    outer::prove(&cells, table.to_vec(), |zero, two| {
        told.extend([zero, two]);
        Ok::<Ext, ()>(challenges.next().unwrap())
    })
    .unwrap();
    let point = eq::table(&draws(8, setup.variables()), Ext::ONE);
    told.push(eq::dot(&point, cells.iter().copied()));
    told
}

#[test]
fn statistics_tell_nothing() {
    let backend = backend();
    let Pair { relation, draft, values } = pair(&backend);
    assert_eq!(relation.inputs.len(), 2);
    let frame = Frame::new(&draft.system);
    // Messages before the last challenge.
    let first = |masks: Masks| {
        values.each_ref().map(|values| {
            let mut random = uniform(Seed::from_number(21));
            Counts::of((0..RUNS).map(|_| first_half(&frame, values, &masks.pads(&frame, &mut random))))
        })
    };
    let [a, b] = first(Masks::ALL);
    // The same masks give other transcripts of another witness, though of the same distribution.
    assert!(a != b);
    let worst = a.worst(&b);
    assert!(worst.iter().all(|worst| *worst < SUSPECT), "{worst:?}");
    for (mask, masks) in &SINGLE[..3] {
        let [a, b] = first(*masks);
        let worst = a.worst(&b);
        assert!(worst[0] > SUSPECT && worst[1] > SUSPECT, "without {mask}: {worst:?}");
    }
    // What follows them.
    let shelf = backend.vault.lock();
    let mut roots: Vec<Root> = draft.groups.iter().map(|at| shelf.root(*at).cloned().unwrap()).collect();
    let setup = backend.checker.spanning(roots.iter(), frame.own()).unwrap();
    let empty = vec![Val::ZERO; frame.own()];
    roots.push(Group::of(&setup, &[empty], context().chain, Seed::default()).root().clone());
    let layout = Layout { setup: &setup, chain: context().chain, roots: roots.iter().collect() };
    let messages = draws(13, frame.plan.plain);
    let mut challenger = transcript(Digest::ZERO);
    let mut channel = Channel::verifier(&mut challenger, &messages);
    channel.deaf = true;
    let claims = frame.reduce(None, &mut channel).unwrap();
    let table = {
        let veil = (layout.veil(&frame, draws(15, 1)[0]), Ext::ZERO);
        layout.table(&layout.total(&frame, &claims, veil, draws(14, 1)[0]))
    };
    let second = |veil: bool| {
        values.each_ref().map(|values| {
            let mut own = vec![Val::ZERO; frame.own()];
            prove::fill(&draft.system, values, &mut own);
            prove::write(&frame, &fitted(&frame, values, &messages), &mut own);
            // The statement's groups with this witness, and randomness that is always the same.
            let mut others = Vec::new();
            let mut fixed = uniform(Seed::from_number(3));
            for (group, root) in roots[..roots.len() - 1].iter().enumerate() {
                let from = others.len();
                others.resize_with(from + root.limbs(setup.capacity()) * setup.cells(), &mut fixed);
                for (place, node) in draft.system.nodes.iter().enumerate() {
                    if let Wire::Cells(store, _) = &node.wire
                        && store.group == group
                    {
                        let elements = values.integers(NodeId(place)).iter();
                        others[from + store.start..]
                            .iter_mut()
                            .zip(elements)
                            .for_each(|(cell, x)| *cell = element(*x));
                    }
                }
            }
            let mut random = uniform(Seed::from_number(22));
            Counts::of((0..RUNS).map(|_| {
                let random: Option<&mut dyn FnMut() -> Val> = if veil { Some(&mut random) } else { None };
                second_half(&layout, &table, &others, &own, random)
            }))
        })
    };
    let [a, b] = second(true);
    let worst = a.worst(&b);
    assert!(a != b && worst.iter().all(|worst| *worst < SUSPECT), "{worst:?}");
    let [a, b] = second(false);
    let worst = a.worst(&b);
    assert!(worst[0] > SUSPECT && worst[1] > SUSPECT, "without veil: {worst:?}");
}
