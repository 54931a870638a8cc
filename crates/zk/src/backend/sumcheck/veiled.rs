//! What a proof shows, checked: that the masks are enough, and that each of them is needed.
//!
//! *Messages before the last challenge* are a true message plus a pad of its own, or blinded: as a linear map, pads go onto
//! messages ([`pads_reach_every_message`]). So these messages are uniform whatever the cells are. *What follows* is, given
//! them and the challenges, linear in the cells; random cells reach all that cells reach
//! ([`the_veil_reaches_what_all_cells_reach`]), so it tells nothing but the one claim that everybody knows.
//!
//! [`who_knows_nothing_makes_transcripts`] turns this into a simulator: it draws messages, then cells that satisfy the one claim
//! which is left. [`statistics_tell_nothing`] looks at many transcripts of two witnesses of one statement.

use super::audit::{backend, context, hidden};
use super::channel::{Channel, observe};
use super::eq;
use super::field::{Challenger, Ext, Val, element, transcript};
use super::geometry::Setup;
use super::group::{Group, Root, uniform};
use super::lower::lower;
use super::masks::Masks;
use super::product::fold;
use super::protocol::{Frame, Layout, Total, prove};
use super::settle::Form;
use super::system::{Store, VEIL};
use super::values::Values;
use super::{Geometry, Sumcheck, outer};
use crate::Library;
use bitneuron_core::exact::programs::Mlp;
use bitneuron_core::exact::programs::step::{Training, sgd};
use bitneuron_core::exact::{Builder, Interval, Program, Relation, Tensor, execute};
use bitneuron_core::{Digest, Seed};
use p3_challenger::FieldChallenger;
use p3_field::{BasedVectorSpace, Field, PrimeCharacteristicRing};
use std::sync::Arc;

const SINGLE: [(&str, Masks); 4] = [
    ("pads", Masks { pads: false, ..Masks::ALL }),
    ("products", Masks { products: false, ..Masks::ALL }),
    ("blinds", Masks { blinds: false, ..Masks::ALL }),
    ("veil", Masks { veil: false, ..Masks::ALL }),
];

/// Vectors as a basis in echelon form.
struct Span<F> {
    basis: Vec<Option<Vec<F>>>,
}

impl<F: Field> Span<F> {
    fn new(rows: usize) -> Self {
        Self { basis: vec![None; rows] }
    }

    /// Adds a vector.
    fn add(&mut self, mut vector: Vec<F>) {
        for at in 0..vector.len() {
            if vector[at] == F::ZERO {
                continue;
            }
            if let Some(row) = &self.basis[at] {
                let by = vector[at];
                vector.iter_mut().zip(row).skip(at).for_each(|(own, other)| *own -= by * *other);
            } else {
                let by = vector[at].inverse();
                vector.iter_mut().for_each(|own| *own *= by);
                self.basis[at] = Some(vector);
                return;
            }
        }
    }

    fn rank(&self) -> usize {
        self.basis.iter().flatten().count()
    }
}

/// A relation's shape with its groups, of random contents.
struct Shape {
    system: super::system::System,
    setup: Setup,
    groups: Vec<Group>,
}

impl Shape {
    /// Every tensor in a group of its own.
    fn new(backend: &Sumcheck, program: &Program) -> Self {
        let mut random = uniform(Seed::from_number(11));
        let mut tensor = |shape: &[u32]| {
            let count = shape.iter().product::<u32>();
            let data = (0..count).map(|_| i64::from(random() == Val::ZERO)).collect();
            Tensor::new(shape, data).unwrap()
        };
        let inputs: Vec<Tensor> = program.inputs().iter().map(|input| tensor(&input.shape)).collect();
        let outputs: Vec<Tensor> =
            program.outputs().iter().map(|id| tensor(program.shape(*id).unwrap())).collect();
        let relation = hidden(backend, program, &inputs, &outputs);
        let mut shelf = backend.vault.lock();
        let draft = backend.draft(&shelf, &relation).unwrap();
        let roots: Vec<Root> = draft.groups.iter().map(|at| shelf.root(*at).cloned().unwrap()).collect();
        let own = Frame::new(&draft.system).own();
        let setup = backend.checker.spanning(roots.iter(), own).unwrap();
        let mut groups: Vec<Group> = shelf.take(&draft.groups).into_iter().flatten().collect();
        let cells = (0..own).map(|_| random()).collect();
        groups.push(Group::of(&setup, &[cells], context().chain, Seed::from_number(1)));
        Self { system: draft.system, setup, groups }
    }

    fn layout(&self) -> Layout<'_> {
        Layout {
            setup: &self.setup,
            chain: context().chain,
            roots: self.groups.iter().map(Group::root).collect(),
        }
    }
}

fn draws(seed: i64, count: usize) -> Vec<Ext> {
    let mut random = uniform(Seed::from_number(seed.unsigned_abs()));
    let element = |_| {
        let coefficients = [random(), random(), random()];
        Ext::from_basis_coefficients_fn(|at| coefficients[at])
    };
    (0..count).map(element).collect()
}

/// Uniform messages in place of masked ones, with the claims that follow at some challenges.
fn claims(frame: &Frame<'_>, challenger: &mut Challenger, messages: &[Ext]) -> Vec<Form> {
    let mut channel = Channel::verifier(challenger, messages);
    let claims = frame.reduce(None, &mut channel).unwrap();
    assert_eq!(channel.next(), frame.plan.plain, "each plain pad is used, none twice");
    channel.finish().unwrap();
    claims
}

/// The number of messages: one for each plain pad, the two blinds' values among them.
fn messages(frame: &Frame<'_>) -> usize {
    frame.plan.plain
}

fn shapes() -> Vec<(&'static str, Sumcheck, Program)> {
    let one = |shape: &[u32], most: i64| {
        let mut b = Builder::new();
        let x = b.input(shape, Interval::symmetric(most)).unwrap();
        let y = b.scale(x, 3).unwrap();
        b.output(y);
        b.build().unwrap()
    };
    let of = |geometry| Sumcheck::new(geometry, Arc::new(Library::new())).unwrap();
    let once = Geometry { openings: 1, ..Geometry::TINY };
    let net = Mlp::new(&[64, 32, 10]).unwrap();
    let step = sgd(&net, 32, Training { steps: 1, batch: 32, ..Training::default() }).unwrap();
    let small = Mlp::new(&[4, 3, 2]).unwrap();
    let tiny = sgd(&small, 6, Training { steps: 2, batch: 4, rate_shift: 1, ..Training::default() }).unwrap();
    vec![
        ("a product", of(Geometry::TINY), product(3)),
        ("one element, hardly a leaf", of(once), one(&[1], 1)),
        // The own group is as small as any other.
        ("a product below many rows", of(Geometry::MEDIUM), product(3)),
        ("a vector beyond a limb", of(once), one(&[700], 1 << 20)),
        ("two steps 4-3-2", of(Geometry::TINY), tiny),
        ("a step 64-32-10", of(Geometry::SMALL), step),
    ]
}

fn product(rows: u32) -> Program {
    let mut b = Builder::new();
    let x = b.input(&[rows, 2], Interval::symmetric(100)).unwrap();
    let w = b.input(&[2, 2], Interval::symmetric(100)).unwrap();
    let z = b.einsum("ik,kj->ij", x, w).unwrap();
    let z = b.rescale(z, 3).unwrap();
    b.output(z);
    b.build().unwrap()
}

/// Pads onto messages at given challenges: the rank, and how many messages there are.
fn pads_rank(frame: &Frame<'_>, masks: Masks) -> (usize, usize) {
    let plain = frame.plan.plain;
    let on = masks.on(frame);
    let mut rows: Vec<Vec<Ext>> = Vec::new();
    let row = |coefficients: &[(usize, Ext)]| {
        let mut row = vec![Ext::ZERO; plain];
        coefficients.iter().filter(|(pad, _)| on[*pad]).for_each(|(pad, by)| row[*pad] += *by);
        row
    };
    let blinds = frame.plan.blinds();
    for pad in (0..plain).filter(|pad| blinds.is_none_or(|first| *pad != first && *pad != first + 1)) {
        rows.push(row(&[(pad, Ext::ONE)]));
    }
    if blinds.is_some() {
        let claims = claims(frame, &mut transcript(Digest::ZERO), &draws(5, messages(frame)));
        // The last claims before those of zeros are what the two shown values are made of.
        let end = claims.len() - frame.system.zeros.len();
        claims[end - 2..end].iter().for_each(|claim| rows.push(row(&claim.pads)));
    }
    let mut span = Span::new(plain);
    let count = rows.len();
    rows.into_iter().for_each(|row| span.add(row));
    (span.rank(), count)
}

#[test]
fn pads_reach_every_message() {
    for (name, backend, program) in shapes() {
        if name == "a step 64-32-10" {
            continue;
        }
        let shape = Shape::new(&backend, &program);
        let frame = Frame::new(&shape.system);
        let (rank, count) = pads_rank(&frame, Masks::ALL);
        assert_eq!(rank, count, "{name}");
        for (mask, masks) in SINGLE {
            let (rank, count) = pads_rank(&frame, masks);
            // The veil masks what comes after these messages.
            let needed = count > 0 && mask != "veil";
            assert_eq!(rank < count, needed, "{name} without {mask}: {rank} of {count}");
        }
    }
}

/// What is told of cells after the last challenge, at a point.
struct Told<'a> {
    setup: &'a Setup,
    total: &'a Total,
    bases: Vec<usize>,
    widths: Vec<usize>,
    /// The weights before each round.
    tables: Vec<Vec<Ext>>,
    point: Vec<Ext>,
}

impl<'a> Told<'a> {
    fn new(layout: &'a Layout<'_>, total: &'a Total, point: Vec<Ext>) -> Self {
        let mut tables = vec![layout.table(total)];
        for r in &point {
            let mut next = tables.last().unwrap().clone();
            fold(&mut next, *r);
            tables.push(next);
        }
        let widths = layout.roots.iter().map(|root| root.limbs(layout.setup.capacity())).collect();
        Self { setup: layout.setup, total, bases: layout.bases(), widths, tables, point }
    }

    /// What one cell adds to: the sum, all messages, the value at the point, what the veil comes to, and the groups' values.
    fn column(&self, limb: usize, row: usize) -> Vec<Val> {
        let (rows, variables) = (self.setup.cells(), self.point.len());
        let cell = limb * rows + row;
        let mut column = vec![self.tables[0][cell]];
        let mut before = Ext::ONE;
        for (round, r) in self.point.iter().enumerate() {
            let half = 1 << (variables - 1 - round);
            let (table, rest) = (&self.tables[round], cell & (half - 1));
            let one = cell & half != 0;
            let (low, high) = (table[rest], table[half + rest]);
            column.push(if one { Ext::ZERO } else { before * low });
            column.push(before * (high.double() - low) * if one { Ext::TWO } else { -Ext::ONE });
            before *= if one { *r } else { Ext::ONE - *r };
        }
        column.push(before);
        let veil = self.total.veil.iter().filter(|(own, from, _)| *own == limb && *from <= row);
        column.push(veil.filter_map(|(_, from, weights)| weights.get(row - from).copied()).sum());
        for (((_, at, _), base), width) in self.total.points.iter().zip(&self.bases).zip(&self.widths) {
            let (high, low) = at.split_at(at.len() - usize::from(self.setup.geometry().rows));
            let inside = (*base..base + width).contains(&limb);
            column.push(if inside { eq::at(high, limb - base) * eq::at(low, row) } else { Ext::ZERO });
        }
        column.iter().flat_map(|value| value.as_basis_coefficients_slice().to_vec()).collect()
    }
}

/// Random cells of group `at`: of the own one, which is opened once, all; of others those that no opening uses up.
fn random_cells(shape: &Shape, at: usize, masks: Masks) -> Vec<(usize, usize)> {
    let (setup, capacity) = (&shape.setup, shape.setup.capacity());
    let limbs = shape.groups[at].root().limbs(capacity);
    let own = at + 1 == shape.groups.len();
    let mut cells = Vec::new();
    if own && masks.veil {
        let elements = shape.groups[at].root().elements();
        cells.extend((0..VEIL).map(|at| (at / capacity, at % capacity)));
        for limb in 0..limbs {
            let end = elements.saturating_sub(limb * capacity).min(capacity);
            cells.extend((end..setup.cells()).map(|row| (limb, row)));
        }
    }
    if !own {
        cells.extend((0..limbs).flat_map(|limb| (0..setup.blinds()).map(move |at| (limb, capacity + at))));
    }
    cells
}

/// Ranks of what random cells and all cells reach in as many proofs as groups may be opened in, two at most: each proof has an
/// own group of its own, the others are in all of them.
fn ranks(shape: &Shape, masks: Masks) -> (usize, usize, usize) {
    let frame = Frame::new(&shape.system);
    let layout = shape.layout();
    let proofs = usize::from(shape.setup.geometry().openings).min(2);
    let totals: Vec<Total> = (0..proofs)
        .map(|proof| {
            let mut challenger = transcript(Digest::of("test proof", &[proof as u8]));
            let claims = claims(&frame, &mut challenger, &draws(50 + proof as i64, messages(&frame)));
            let veil = layout.veil(&frame, challenger.sample_algebra_element());
            layout.total(&frame, &claims, (veil, Ext::ZERO), challenger.sample_algebra_element())
        })
        .collect();
    let told: Vec<Told<'_>> = totals
        .iter()
        .zip(60..)
        .map(|(total, seed)| Told::new(&layout, total, draws(seed, shape.setup.variables())))
        .collect();
    let rows = told[0].column(0, 0).len();
    let (mut random, mut all) = (Span::new(rows * proofs), Span::new(rows * proofs));
    let columns = |span: &mut [&mut Span<Val>], at: usize, limb: usize, row: usize| {
        let limb = told[0].bases[at] + limb;
        if at + 1 < shape.groups.len() {
            let column: Vec<Val> = told.iter().flat_map(|told| told.column(limb, row)).collect();
            span.iter_mut().for_each(|span| span.add(column.clone()));
            return;
        }
        for (proof, told) in told.iter().enumerate() {
            let mut column = vec![Val::ZERO; rows * proofs];
            column[proof * rows..][..rows].copy_from_slice(&told.column(limb, row));
            span.iter_mut().for_each(|span| span.add(column.clone()));
        }
    };
    for at in 0..shape.groups.len() {
        for (limb, row) in random_cells(shape, at, masks) {
            columns(&mut [&mut random, &mut all], at, limb, row);
        }
        // Every cell of small groups, a sample of large ones.
        let cells = told[0].widths[at] * shape.setup.cells();
        for cell in (0..cells.min(300)).chain((0..cells).step_by((cells / 500).max(1) | 1)) {
            columns(&mut [&mut all], at, cell / shape.setup.cells(), cell % shape.setup.cells());
        }
    }
    (random.rank(), all.rank(), proofs)
}

#[test]
fn the_veil_reaches_what_all_cells_reach() {
    for (name, backend, program) in shapes() {
        let shape = Shape::new(&backend, &program);
        let (random, all, proofs) = ranks(&shape, Masks::ALL);
        // Whatever the cells are, the one claim about them holds: that much everybody knows, an element in each proof.
        assert_eq!(random + 3 * proofs, all, "{name}");
        let (random, all, proofs) = ranks(&shape, Masks { veil: false, ..Masks::ALL });
        assert!(random + 3 * proofs < all, "{name} without veil: {random} of {all}");
    }
}

/// The simulator. It knows the statement's shape and programs the oracle: challenges are those of its own transcript, not of
/// the roots. It draws all messages, then cells of all groups, of which one pad is moved so that the one claim which is left
/// holds. The groups it commits to are its own: that roots and openings of a hiding commitment tell nothing of what else they
/// might hold is the commitment scheme's own simulator.
#[test]
fn who_knows_nothing_makes_transcripts() {
    for (name, backend, program) in shapes().into_iter().take(5) {
        let mut shape = Shape::new(&backend, &program);
        let system = shape.system.clone();
        let frame = Frame::new(&system);
        let oracle = transcript(Digest::of("test oracle", name.as_bytes()));
        let messages = draws(9, messages(&frame));
        let mut challenger = oracle.clone();
        let claims = claims(&frame, &mut challenger, &messages);
        let challenge = {
            // The veil's cells are drawn, so what they come to is known before the last challenge.
            let mut challenger = challenger.clone();
            let layout = shape.layout();
            let veil = layout.veil(&frame, challenger.sample_algebra_element());
            let cells: Vec<Val> = shape.groups.iter().flat_map(Group::cells).copied().collect();
            let run = |(limb, row, weights): &(usize, usize, Vec<Ext>)| {
                eq::dot(weights, cells[limb * shape.setup.cells() + row..].iter().copied())
            };
            observe(&mut challenger, veil.iter().map(run).sum());
            challenger.sample_algebra_element()
        };
        let settled = super::settle::settle(&system, &claims, frame.plan.all(), challenge);
        let pad = settled.pads.iter().position(|by| *by != Ext::ZERO).unwrap();
        // What the claims come to over the cells that were drawn.
        let capacity = shape.setup.capacity();
        let cell = |group: usize, at: usize| {
            shape.groups[group].cells()[at / capacity * shape.setup.cells() + at % capacity]
        };
        let own = shape.groups.len() - 1;
        let at =
            |pad: usize| Ext::from_basis_coefficients_fn(|place| cell(own, system.own + 3 * pad + place));
        let mut sum = settled.constant;
        for (store, _, weights) in &settled.cells {
            sum += weights
                .iter()
                .map(|weight| weight.apply(&|index| cell(store.group, store.start + index)))
                .sum::<Ext>();
        }
        sum += settled.pads.iter().enumerate().map(|(pad, by)| *by * at(pad)).sum::<Ext>();
        let moved = at(pad) - sum * settled.pads[pad].inverse();
        let mut cells = shape.groups[own].cells().to_vec();
        for (place, value) in moved.as_basis_coefficients_slice().iter().enumerate() {
            let at: usize = system.own + 3 * pad + place;
            cells[at / capacity * shape.setup.cells() + at % capacity] = *value;
        }
        let (sizes, masks) = (shape.groups[own].root().sizes().to_vec(), shape.groups[own].masks().to_vec());
        shape.groups[own] = Group::laid(&shape.setup, sizes, cells, masks, context().chain);
        let roots: Vec<Root> = shape.groups.iter().map(|group| group.root().clone()).collect();
        let layout = Layout { setup: &shape.setup, chain: context().chain, roots: roots.iter().collect() };
        let mut all: Vec<&mut Group> = shape.groups.iter_mut().collect();
        let seed = Seed::from_number(3);
        let made = prove::close(&layout, &frame, &claims, messages, &mut all, challenger, seed).unwrap();
        assert_eq!(layout.follow(&frame, oracle, &made), Ok(()), "{name}");
        // It is no proof, for the oracle says something else.
        assert!(layout.verify(&frame, Digest::ZERO, &made).is_err(), "{name}");
    }
}

/// One statement with two witnesses: the product of two hidden matrices is also that of their negatives.
struct Pair {
    relation: Relation,
    draft: super::prover::Draft,
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
                    if let super::system::Wire::Cells(store, _) = &node.wire
                        && store.group == group
                    {
                        let elements = values.integers(super::system::NodeId(place)).iter();
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
