//! What a proof shows, checked: that the masks are enough, and that each of them is needed.
//!
//! *Messages before the last challenge* are a true message plus a pad of its own, or blinded: as a linear map, pads go onto
//! messages ([`rank::pads_reach_every_message`]). So these messages are uniform whatever the cells are. *What follows* is, given
//! them and the challenges, linear in the cells; random cells reach all that cells reach
//! ([`rank::the_veil_reaches_what_all_cells_reach`]), so it tells nothing but the one claim that everybody knows.
//!
//! [`simulator::who_knows_nothing_makes_transcripts`] turns this into a simulator: it draws messages, then cells that satisfy the one claim
//! which is left. [`statistics::statistics_tell_nothing`] looks at many transcripts of two witnesses of one statement.

mod rank;
mod simulator;
mod statistics;

use super::audit::{context, hidden};
use super::channel::Channel;
use super::field::{Challenger, Ext, Val};
use super::geometry::Setup;
use super::group::{Group, Root, uniform};
use super::masks::Masks;
use super::protocol::{Frame, Layout};
use super::settle::Form;
use super::{Geometry, Sumcheck};
use crate::Library;
use bitneuron_core::Seed;
use bitneuron_core::exact::programs::Mlp;
use bitneuron_core::exact::programs::step::{Training, sgd};
use bitneuron_core::exact::{Builder, Interval, Program, Tensor};
use p3_field::{BasedVectorSpace, PrimeCharacteristicRing};
use std::sync::Arc;

const SINGLE: [(&str, Masks); 4] = [
    ("pads", Masks { pads: false, ..Masks::ALL }),
    ("products", Masks { products: false, ..Masks::ALL }),
    ("blinds", Masks { blinds: false, ..Masks::ALL }),
    ("veil", Masks { veil: false, ..Masks::ALL }),
];

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
