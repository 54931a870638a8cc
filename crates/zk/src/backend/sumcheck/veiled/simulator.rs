//! Transcripts that verify, made by one who knows nothing.

use super::super::audit::context;
use super::super::channel::observe;
use super::super::eq;
use super::super::field::{Ext, Val, transcript};
use super::super::group::{Group, Root};
use super::super::protocol::{Frame, Layout, prove};
use super::super::settle::settle;
use super::*;
use bitneuron_core::{Digest, Seed};
use p3_challenger::FieldChallenger;
use p3_field::{BasedVectorSpace, Field, PrimeCharacteristicRing};

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
        let settled = settle(&system, &claims, frame.plan.all(), challenge);
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
