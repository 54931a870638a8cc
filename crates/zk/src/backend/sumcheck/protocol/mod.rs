//! The protocol: from a system of constraints over committed groups to one opening, on either side.
//!
//! ```text
//! prover                                                                verifier
//! own group: fresh cells, counts, pads, products of pads       ──root──▶
//!            ◀── α, β; tree of fractions, masked ([`super::fraction`]) ──▶   claims
//!            ◀── τ; sumcheck of all products, masked ([`super::product`]) ─▶   claims
//!            ◀── products of pads ([`super::pads`]) ──────────────────────▶   claims
//!            ◀── δ; what random cells of all groups come to ───────────▶   one more claim
//!            ◀── γ: all claims as one about cells ([`super::settle`])
//!            ◀── sumcheck of weights and cells ([`super::outer`]) ────────▶   one point
//! opening of all groups there                                  ─────────▶   accept
//! ```

#[cfg(feature = "sumcheck")]
pub(super) mod prove;

use super::channel::{Channel, Short, observe};
use super::eq;
use super::field::{Challenger, Ext, Val, transcript};
use super::fraction::{self, Forest, weight};
use super::geometry::Setup;
use super::group::Root;
use super::opening::{self, Opening};
use super::pads::{self, Plan};
use super::product;
use super::settle::{Form, Settled, settle};
use super::system::{Store, System, VEIL};
use super::values::Values;
use super::weight::{Factor, Weight};
use bitneuron_core::{ChainId, Digest};
use p3_challenger::FieldChallenger;
use p3_field::{BasedVectorSpace, Field, PrimeCharacteristicRing};
use serde::{Deserialize, Serialize};

/// Coefficients of an extension element, each a cell.
const DEGREE: usize = 3;

/// What a system needs besides itself; follows from it alone.
pub(super) struct Frame<'a> {
    pub(super) system: &'a System,
    pub(super) forest: Forest,
    pub(super) plan: Plan,
}

impl<'a> Frame<'a> {
    pub(super) fn new(system: &'a System) -> Self {
        let forest = Forest::new(system);
        let plan = Plan::new(product::rounds(system), system.products.len(), forest.variables);
        Self { system, forest, plan }
    }

    /// The cells of the proof's own group.
    pub(super) const fn own(&self) -> usize {
        self.system.own + DEGREE * self.plan.all()
    }

    /// The claims that all constraints come to. `witness`: the prover's values and pads.
    pub(super) fn reduce(
        &self,
        witness: Option<(&Values, &[Ext])>,
        channel: &mut Channel<'_>,
    ) -> Result<Vec<Form>, Short> {
        let mut pairs = Vec::with_capacity(self.plan.products);
        let product_pad = |k: usize| self.plan.product(k);
        let values = witness.map(|(values, _)| values);
        let mut claims = fraction::run(self.system, &self.forest, values, channel, &mut pairs, product_pad)?;
        claims.extend(product::run(self.system, values, channel, &mut pairs, product_pad)?);
        claims.extend(pads::run(&self.plan, &pairs, witness.map(|(_, pads)| pads), channel)?);
        for id in &self.system.zeros {
            let shape = self.system.shape(*id);
            let point = channel.point(shape.iter().map(|size| product::bits(*size)).sum());
            claims.push(Form { values: vec![(*id, weight(shape, &point, Ext::ONE))], ..Form::default() });
        }
        Ok(claims)
    }
}

/// Messages and opening.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Messages {
    pub(super) masked: Vec<Ext>,
    pub(super) veil: Ext,
    pub(super) rounds: Vec<[Ext; 2]>,
    pub(super) opening: Opening,
}

/// The groups of a run side by side: the statement's, then the proof's own.
pub(super) struct Layout<'a> {
    pub(super) setup: &'a Setup,
    pub(super) chain: ChainId,
    pub(super) roots: Vec<&'a Root>,
}

/// A piece of a tensor's cells in one limb.
struct Segment {
    from: usize,
    length: usize,
    limb: usize,
    row: usize,
}

/// All weights on cells: those of the claims, and each group's own point.
pub(super) struct Total {
    pub(super) settled: Settled,
    /// Power of the challenge, point and first limb of each group.
    pub(super) points: Vec<(Ext, Vec<Ext>, usize)>,
    /// Limb, row and weights of random cells.
    pub(super) veil: Vec<(usize, usize, Vec<Ext>)>,
    /// What the weighted cells come to.
    sum: Ext,
}

impl Layout<'_> {
    /// The first limb of each group.
    pub(super) fn bases(&self) -> Vec<usize> {
        let mut base = 0;
        self.roots
            .iter()
            .map(|root| {
                let own = base;
                base += root.limbs(self.setup.capacity());
                own
            })
            .collect()
    }

    fn segments(&self, bases: &[usize], store: Store, size: usize) -> Vec<Segment> {
        let capacity = self.setup.capacity();
        let mut segments = Vec::new();
        let mut from = 0;
        while from < size {
            let at = store.start + from;
            let row = at % capacity;
            let length = (capacity - row).min(size - from);
            segments.push(Segment { from, length, limb: bases[store.group] + at / capacity, row });
            from += length;
        }
        segments
    }

    /// Random cells of all groups, with the powers of a challenge: limb, row and weights of each run of them. A message of the
    /// last sumcheck is a sum over some of the limbs; these weights are what hides it. All else that random cells are weighed
    /// by is their group's own point, and what that comes to is known.
    pub(super) fn veil(&self, frame: &Frame<'_>, challenge: Ext) -> Vec<(usize, usize, Vec<Ext>)> {
        let (capacity, bases) = (self.setup.capacity(), self.bases());
        let own = Store { group: frame.system.own_group, start: 0 };
        let runs = self.segments(&bases, own, VEIL).into_iter().map(|run| (run.limb, run.row, run.length));
        let limbs = bases.last().zip(self.roots.last()).map_or(0, |(base, root)| base + root.limbs(capacity));
        let blinds = (0..limbs).map(|limb| (limb, capacity, self.setup.blinds()));
        let mut powers = challenge.powers().skip(1);
        runs.chain(blinds)
            .map(|(limb, row, length)| (limb, row, powers.by_ref().take(length).collect()))
            .collect()
    }

    /// All claims, that of random cells and the groups' own points as one weighted sum.
    pub(super) fn total(
        &self,
        frame: &Frame<'_>,
        claims: &[Form],
        (mut veil, shown): (Vec<(usize, usize, Vec<Ext>)>, Ext),
        challenge: Ext,
    ) -> Total {
        let mut settled = settle(frame.system, claims, frame.plan.all(), challenge);
        let pads = std::mem::take(&mut settled.pads);
        let coefficients: Vec<Ext> =
            pads.iter().flat_map(|by| (0..DEGREE).map(move |place| *by * basis(place))).collect();
        let store = Store { group: frame.system.own_group, start: frame.system.own };
        let size = coefficients.len();
        // A system of zeros alone sends nothing and has no pads.
        if size > 0 {
            let weight = Weight::over(&[size], &[Factor::dense(coefficients)], Ext::ONE);
            settled.cells.push((store, size, vec![weight]));
        }
        let mut power = challenge.exp_u64(claims.len() as u64);
        let mut sum = -settled.constant;
        let mut points = Vec::with_capacity(self.roots.len());
        for (root, base) in self.roots.iter().zip(self.bases()) {
            let limbs = root.limbs(self.setup.capacity());
            points.push((power, Root::point(&root.cap, self.chain, self.setup, limbs), base));
            sum += power * root.value;
            power *= challenge;
        }
        veil.iter_mut().flat_map(|(.., weights)| weights).for_each(|weight| *weight *= power);
        sum += power * shown;
        Total { settled, points, veil, sum }
    }

    /// The weights' multilinear polynomial at a point.
    fn at(&self, total: &Total, point: &[Ext]) -> Ext {
        let (limbs, rows) = point.split_at(self.setup.limb_variables());
        let place = eq::Point::new(rows);
        let limbs = eq::table(limbs, Ext::ONE);
        let bases = self.bases();
        let mut sum = Ext::ZERO;
        for (store, size, weights) in &total.settled.cells {
            for segment in self.segments(&bases, *store, *size) {
                let parts = weights.iter().flat_map(|weight| weight.within(segment.from, segment.length));
                let own: Ext = parts.map(|part| part.at(&place, segment.row)).sum();
                sum += limbs[segment.limb] * own;
            }
        }
        for (limb, row, weights) in &total.veil {
            let own: Ext = weights.iter().zip(*row..).map(|(weight, at)| *weight * place.get(at)).sum();
            sum += limbs[*limb] * own;
        }
        for ((power, own, base), root) in total.points.iter().zip(&self.roots) {
            let (high, low) = own.split_at(own.len() - rows.len());
            let across: Ext = (0..root.limbs(self.setup.capacity()))
                .map(|limb| eq::at(high, limb) * limbs[base + limb])
                .sum();
            sum += *power * across * eq::between(low, rows);
        }
        sum
    }

    fn begin(&self, binding: Digest) -> Challenger {
        let mut challenger = transcript(binding);
        opening::observe(&mut challenger, &self.roots);
        challenger
    }

    /// Checks a run of the protocol.
    pub(super) fn verify(
        &self,
        frame: &Frame<'_>,
        binding: Digest,
        messages: &Messages,
    ) -> Result<(), &'static str> {
        self.follow(frame, self.begin(binding), messages)
    }

    /// Checks a run whose challenges a transcript gives.
    pub(super) fn follow(
        &self,
        frame: &Frame<'_>,
        mut challenger: Challenger,
        messages: &Messages,
    ) -> Result<(), &'static str> {
        let mut channel = Channel::verifier(&mut challenger, &messages.masked);
        let claims = frame.reduce(None, &mut channel).map_err(|Short| "too few messages")?;
        channel.finish().map_err(|Short| "too many messages")?;
        let veil = self.veil(frame, challenger.sample_algebra_element());
        observe(&mut challenger, messages.veil);
        let challenge: Ext = challenger.sample_algebra_element();
        let total = self.total(frame, &claims, (veil, messages.veil), challenge);
        if messages.rounds.len() != self.setup.variables() {
            return Err("another number of rounds");
        }
        let (mut claim, mut point) = (total.sum, Vec::with_capacity(messages.rounds.len()));
        for [zero, two] in &messages.rounds {
            observe(&mut challenger, *zero);
            observe(&mut challenger, *two);
            let r: Ext = challenger.sample_algebra_element();
            claim = advance(claim, *zero, *two, r);
            point.push(r);
        }
        let value = opening::verify(self.setup, &self.roots, &point, &messages.opening, &mut challenger)
            .map_err(|_| "the opening does not convince")?;
        if self.at(&total, &point) * value == claim { Ok(()) } else { Err("the constraints do not hold") }
    }
}

fn basis(place: usize) -> Ext {
    Ext::from_basis_coefficients_fn(|at| if at == place { Val::ONE } else { Val::ZERO })
}

/// The claim after a round, from the values at 0 and 2.
fn advance(claim: Ext, zero: Ext, two: Ext, r: Ext) -> Ext {
    let half = Ext::TWO.inverse();
    let one = claim - zero;
    let (r1, r2) = (r - Ext::ONE, r - Ext::TWO);
    zero * r1 * r2 * half - one * r * r2 + two * r * r1 * half
}
