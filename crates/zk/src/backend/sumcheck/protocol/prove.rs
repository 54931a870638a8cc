//! The prover's side of the protocol.

use super::{
    BasedVectorSpace, ChainId, Challenger, Channel, DEGREE, Digest, Ext, FieldChallenger, Form, Frame,
    Layout, Messages, PrimeCharacteristicRing, Root, Setup, System, Total, Val, Values, eq, observe, opening,
};
use crate::backend::sumcheck::group::{Group, uniform};
use crate::backend::sumcheck::masks::Masks;
use crate::backend::sumcheck::opening::OpeningError;
use crate::backend::sumcheck::outer;
use crate::backend::sumcheck::system::Wire;
use bitneuron_core::Seed;

/// A run before its groups are opened: the proof's own group, committed.
pub(in super::super) struct Prepared {
    pub(in super::super) own: Group,
    pads: Vec<Ext>,
}

/// Fills and commits the proof's own group.
pub(in super::super) fn prepare(
    frame: &Frame<'_>,
    setup: &Setup,
    values: &Values,
    chain: ChainId,
    entropy: Seed,
) -> Prepared {
    let mut random = uniform(entropy.derive("pads"));
    let mut cells = Masks::ALL.veil(&mut random);
    cells.resize(frame.own(), Val::ZERO);
    fill(frame.system, values, &mut cells);
    let pads = Masks::ALL.pads(frame, &mut random);
    write(frame, &pads, &mut cells);
    Prepared { own: Group::of(setup, &[cells], chain, entropy.derive("own group")), pads }
}

/// Writes pads into the cells after those of the system.
pub(in super::super) fn write(frame: &Frame<'_>, pads: &[Ext], cells: &mut [Val]) {
    for (pad, cells) in pads.iter().zip(cells[frame.system.own..].chunks_mut(DEGREE)) {
        cells.copy_from_slice(pad.as_basis_coefficients_slice());
    }
}

pub(in super::super) fn fill(system: &System, values: &Values, cells: &mut [Val]) {
    for (place, node) in system.nodes.iter().enumerate() {
        if let Wire::Cells(store, _) = &node.wire
            && store.group == system.own_group
        {
            let own = values.field(crate::backend::sumcheck::system::NodeId(place));
            cells[store.start..][..own.len()].copy_from_slice(&own);
        }
    }
}

/// What a run is of.
#[derive(Clone, Copy)]
pub(in super::super) struct Run<'a> {
    pub(in super::super) frame: &'a Frame<'a>,
    pub(in super::super) setup: &'a Setup,
    pub(in super::super) binding: Digest,
    pub(in super::super) chain: ChainId,
}

impl Run<'_> {
    /// Runs the protocol over the statement's groups and the prepared own one.
    pub(in super::super) fn run(
        &self,
        values: Values,
        groups: &mut [&mut Group],
        mut prepared: Prepared,
        entropy: Seed,
    ) -> Result<(Root, Messages), OpeningError> {
        let Run { frame, setup, binding, chain } = *self;
        let mut all: Vec<&mut Group> = groups.iter_mut().map(|group| &mut **group).collect();
        all.push(&mut prepared.own);
        let roots: Vec<Root> = all.iter().map(|group| group.root().clone()).collect();
        let layout = Layout { setup, chain, roots: roots.iter().collect() };
        let mut challenger = layout.begin(binding);
        let mut channel = Channel::prover(&mut challenger, &prepared.pads);
        let short = |_| OpeningError::Scheme("a channel of a prover ended".into());
        let claims = frame.reduce(Some((&values, &prepared.pads)), &mut channel).map_err(short)?;
        // Large, and no longer needed.
        drop(values);
        let masked = channel.finish().map_err(short)?;
        let messages = close(&layout, frame, &claims, masked, &mut all, challenger, entropy)?;
        let own = roots.last().cloned().ok_or(OpeningError::Limbs { found: 0, limit: setup.limbs() })?;
        Ok((own, messages))
    }
}

/// The last sumcheck of all claims, and the opening.
pub(in super::super) fn close(
    layout: &Layout<'_>,
    frame: &Frame<'_>,
    claims: &[Form],
    masked: Vec<Ext>,
    all: &mut [&mut Group],
    mut challenger: Challenger,
    entropy: Seed,
) -> Result<Messages, OpeningError> {
    let setup = layout.setup;
    let mut cells = Vec::with_capacity(setup.cells() * setup.limbs());
    all.iter().for_each(|group| cells.extend_from_slice(group.cells()));
    cells.resize(setup.cells() * setup.limbs(), Val::ZERO);
    let veil = layout.veil(frame, challenger.sample_algebra_element());
    let shown = veil
        .iter()
        .map(|(limb, row, weights)| eq::dot(weights, cells[limb * setup.cells() + row..].iter().copied()))
        .sum();
    observe(&mut challenger, shown);
    let challenge: Ext = challenger.sample_algebra_element();
    let weights = layout.table(&layout.total(frame, claims, (veil, shown), challenge));
    let (mut rounds, mut point) = (Vec::new(), Vec::new());
    outer::prove(&cells, weights, |zero, two| {
        observe(&mut challenger, zero);
        observe(&mut challenger, two);
        let r: Ext = challenger.sample_algebra_element();
        rounds.push([zero, two]);
        point.push(r);
        Ok::<Ext, OpeningError>(r)
    })?;
    drop(cells);
    let opening = opening::open(setup, all, &point, &mut challenger, entropy.derive("opening"))?;
    Ok(Messages { masked, veil: shown, rounds, opening })
}

impl Layout<'_> {
    /// The prover's table of all weights.
    pub(in super::super) fn table(&self, total: &Total) -> Vec<Ext> {
        let rows = self.setup.cells();
        let bases = self.bases();
        let mut table = vec![Ext::ZERO; rows * self.setup.limbs()];
        for (store, size, weights) in &total.settled.cells {
            for segment in self.segments(&bases, *store, *size) {
                let cells = &mut table[segment.limb * rows + segment.row..][..segment.length];
                for weight in weights {
                    weight
                        .within(segment.from, segment.length)
                        .iter()
                        .for_each(|part| part.add_to(cells, Ext::ONE));
                }
            }
        }
        for (limb, row, weights) in &total.veil {
            let cells = &mut table[limb * rows + row..][..weights.len()];
            cells.iter_mut().zip(weights).for_each(|(cell, weight)| *cell += *weight);
        }
        for ((power, point, base), root) in total.points.iter().zip(&self.roots) {
            let (high, low) = point.split_at(point.len() - usize::from(self.setup.geometry().rows));
            let low = eq::table(low, *power);
            for limb in 0..root.limbs(self.setup.capacity()) {
                let by = eq::at(high, limb);
                let cells = &mut table[(base + limb) * rows..][..rows];
                cells.iter_mut().zip(&low).for_each(|(cell, low)| *cell += by * *low);
            }
        }
        table
    }
}
