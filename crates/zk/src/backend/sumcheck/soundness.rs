//! What is proven of the whole protocol: every term of the union bound, with its size.
//!
//! Soundness is that of an interactive argument made non-interactive by a random oracle: the terms below are the chances, for
//! each step at which a false state may become a true one, that it does. They add up; their sum times the number of hashes
//! that a cheat computes bounds its chance.
//!
//! - *Codes.* All oracles are interleaved Reed–Solomon codes of a rate `ρ` that counts the random rows after the message: the
//!   library prices the queries of its inner rounds at the rate of the message alone, which would claim up to some ten bits too
//!   much where limbs are short. At radius `1 − √ρ·21/20` a word has at most `10/ρ` codewords near it (Johnson; it holds for
//!   interleaved codes, as it knows a code by its distance alone).
//! - *Folds.* Each is a line through two words: mutual correlated agreement up to that radius, with the count of Dao, Kominers
//!   and Thaler (eprint 2026/2056, Theorem 5.12) and a factor of two, once for each pair of limbs that are folded.
//! - *Code switches* (eprint 2026/391): out-of-domain answers, queries and their combination. A masked oracle stands for a list
//!   of sources times a list of each mask before it; each algebraic term of the hiding run is charged that product, which is
//!   more than the paper asks for.
//! - *Base case.* The library's own report.
//! - *Ours*: what the constraints are reduced by, each term times the list of the linked groups.

use super::geometry::{Setup, TARGET_BITS};
use super::lower::Given;
use super::product::{self, bits};
use super::protocol::Frame;
use super::system::Store;
use super::{Checker, group};
use bitneuron_core::exact::{Relation, tensor::elements};
use p3_whir::{HidingBaseCaseSecurityReport, RoundConfig};

/// Whole bits of the extension's order.
const FIELD: f64 = 191.0;
/// `m = √ρ/(2η)` for `η = √ρ/20`, plus a half, cubed, times 8/3: the factor of exceptional points of a line.
const LINE: f64 = 8.0 / 3.0 * 10.5 * 10.5 * 10.5;

/// A term of the union bound.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Term {
    /// What could go wrong.
    pub name: &'static str,
    /// The negative logarithm of its chance.
    pub bits: f64,
}

/// All terms.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Report {
    terms: Vec<Term>,
}

impl Report {
    /// The terms.
    pub fn terms(&self) -> &[Term] {
        &self.terms
    }

    /// The proven bits of their sum.
    pub fn bits(&self) -> f64 {
        -self.terms.iter().map(|term| (-term.bits).exp2()).sum::<f64>().log2()
    }

    /// Whether at least [`TARGET_BITS`] are proven.
    pub fn suffices(&self) -> bool {
        // Not a number is not enough.
        self.bits() >= f64::from(TARGET_BITS)
    }

    /// The term that counts most.
    pub fn weakest(&self) -> Option<Term> {
        self.terms.iter().copied().min_by(|a, b| a.bits.total_cmp(&b.bits))
    }

    fn add(&mut self, name: &'static str, bits: f64) {
        self.terms.push(Term { name, bits });
    }

    /// A chance of `count` in the field's order.
    fn algebraic(&mut self, name: &'static str, count: f64, list: f64) {
        if count > 0.0 {
            self.add(name, FIELD - count.log2() - list);
        }
    }
}

/// A Reed–Solomon code with random rows, interleaved.
#[derive(Debug, Clone, Copy)]
pub(super) struct Code {
    /// Message and random rows.
    pub(super) dimension: usize,
    pub(super) domain: usize,
    /// The logarithm of the number of words side by side.
    pub(super) folds: usize,
}

impl Code {
    fn rate(self) -> f64 {
        self.dimension as f64 / self.domain as f64
    }

    /// The logarithm of the list at the radius.
    pub(super) fn list(self) -> f64 {
        (10.0 / self.rate()).log2()
    }

    /// Bits of so many queries.
    fn queries(self, count: usize) -> f64 {
        -(count as f64) * (self.rate().sqrt() * 1.05).log2()
    }

    /// Bits of one line.
    fn line(self) -> f64 {
        let below = (self.dimension.saturating_sub(1)).max(1) as f64 / self.domain as f64;
        FIELD - 1.0 - (LINE * self.domain as f64 / below).log2()
    }
}

/// The hiding run, as its configuration says.
pub(super) struct Hiding<'a> {
    /// The oracles, the groups first.
    pub(super) oracles: Vec<Code>,
    /// The masks of each fold's sumcheck, and those of each switch.
    pub(super) masks: Vec<Code>,
    pub(super) rounds: &'a [RoundConfig],
    pub(super) base: &'a HidingBaseCaseSecurityReport,
}

impl Hiding<'_> {
    /// The terms of opening linked groups at one point.
    pub(super) fn report(&self) -> Report {
        let mut report = Report::default();
        let mut masks = self.masks.iter().map(|mask| mask.list());
        let mut carried = 0.0;
        for (place, oracle) in self.oracles.iter().enumerate() {
            carried += masks.next().unwrap_or(0.0);
            let list = oracle.list() + carried;
            for fold in 0..oracle.folds {
                // So many pairs of words become one word each.
                report.add("fold: agreement", oracle.line() - (oracle.folds - 1 - fold) as f64);
                report.algebraic("fold: sumcheck", 2.0, list);
            }
            // The masks' own combination.
            report.algebraic("fold: masks", 1.0, list);
            let (Some(round), Some(next)) = (self.rounds.get(place), self.oracles.get(place + 1)) else {
                continue;
            };
            carried += masks.next().unwrap_or(0.0);
            let both = next.list() + carried;
            let length = ((next.dimension << next.folds) + oracle.dimension + round.ood_samples) as f64;
            let samples = round.ood_samples as f64;
            report.add("switch: out of domain", 1.0 + samples * (FIELD - length.log2()) - 2.0 * both);
            report.add("switch: queries", oracle.queries(round.num_queries) + round.pow_bits as f64);
            report.algebraic("switch: combination", (round.ood_samples + round.num_queries) as f64, both);
        }
        let queries = &self.base.query_round;
        // Grinding counts under the random oracle, on top of what is proven of the queries alone.
        let ground = queries.before_pow.proven_bits().and(queries.with_pow.bits);
        report.add("base case: combination", self.base.gamma_round.combined.proven_bits().unwrap_or(0.0));
        report.add("base case: queries", ground.unwrap_or(0.0));
        report
    }
}

/// The terms of a whole proof: those of the opening, and those of what the constraints are reduced by. `groups` has the
/// elements of each group, the proof's own among them.
pub(super) fn composed(frame: &Frame<'_>, setup: &Setup, groups: &[usize]) -> Report {
    let (system, forest, list) = (frame.system, &frame.forest, setup.list());
    let mut report = setup.report().clone();
    let count = |report: &mut Report, name, count: usize| report.algebraic(name, count as f64, list);
    let leaves = if forest.variables == 0 { 0 } else { 1usize << forest.variables };
    // Numerator and denominator are polynomials of degree two a leaf in the challenges.
    count(&mut report, "lookups: fingerprints", leaves.saturating_mul(4));
    let layers = (0..forest.variables).map(|layer| 3 * layer + 2).sum();
    count(&mut report, "lookups: layers", layers);
    let dimensions = |shape: &[usize]| shape.iter().map(|size| bits(*size)).sum::<usize>();
    let results = system.products.iter().map(|product| {
        let sides = [&product.a, &product.b];
        let named = sides.iter().flat_map(|(id, names)| names.iter().zip(system.shape(*id)));
        let out = named.filter(|(name, _)| product.out.contains(name));
        out.map(|(_, size)| bits(*size)).sum::<usize>()
    });
    count(&mut report, "products: points", results.max().unwrap_or(0));
    count(&mut report, "products: batch", system.products.len().saturating_sub(1));
    count(&mut report, "products: sumcheck", 3 * product::rounds(system));
    let pads = system.products.len() + 3 * forest.variables;
    let inner = if pads == 0 { 0 } else { bits(pads.max(2)) + 1 };
    count(&mut report, "pads: point and sumcheck", 4 * inner);
    let zeros = system.zeros.iter().map(|id| dimensions(system.shape(*id))).max().unwrap_or(0);
    count(&mut report, "zeros: points", zeros);
    let claims = forest.variables + 2 + 2 * system.products.len() + 1 + 3 + system.zeros.len();
    count(&mut report, "claims: batch", claims + groups.len() + 1);
    count(&mut report, "last sumcheck", 2 * setup.variables());
    for elements in groups {
        // Two contents of one list that agree at the group's point, a coordinate for each of its variables.
        let limbs = group::limb_variables(group::limbs(*elements, setup.capacity()));
        let variables = (usize::from(setup.geometry().rows) + limbs) as f64;
        report.add("groups: out of domain", FIELD + 1.0 - variables.log2() - 2.0 * list);
    }
    report
}

impl Checker {
    /// The error terms of proofs of a relation, were each committed tensor in a group of its own; `None` for what has no
    /// proof here.
    pub fn assess(&self, relation: &Relation) -> Option<Report> {
        let mut groups = Vec::new();
        let bound = self
            .bound(relation, |_| {
                groups.push(0);
                Some(Store { group: groups.len() - 1, start: 0 })
            })
            .ok()?;
        let program = &relation.program;
        let inputs = program.inputs().iter().map(|input| input.shape.as_slice());
        let outputs = program.outputs().iter().map(|id| program.shape(*id).unwrap_or(&[]));
        let given = bound.inputs.iter().zip(inputs).chain(bound.outputs.iter().zip(outputs));
        for (given, shape) in given {
            if let Given::Stored(store) = given {
                *groups.get_mut(store.group)? = elements(shape)?;
            }
        }
        let system = Self::system(relation, &bound, groups.len()).ok()?;
        let frame = Frame::new(&system);
        let setup = self.holding(groups.iter().copied(), frame.own()).ok()?;
        groups.push(frame.own());
        Some(composed(&frame, &setup, &groups)).filter(Report::suffices)
    }
}

#[cfg(test)]
mod tests {
    use super::super::geometry::Geometry;
    use super::*;

    #[test]
    fn terms_add_up() {
        let mut report = Report::default();
        assert!(report.bits().is_infinite());
        (0..4).for_each(|_| report.add("a quarter", 102.0));
        assert!((report.bits() - 100.0).abs() < 1e-9);
        assert!(report.suffices());
        report.add("one more", 120.0);
        assert!(!report.suffices());
        assert_eq!(report.weakest().map(|term| term.name), Some("a quarter"));
    }

    #[test]
    fn every_geometry_reaches_its_target_or_is_refused() {
        for geometry in [Geometry::TINY, Geometry::SMALL, Geometry::MEDIUM, Geometry::LARGE] {
            let mut shown = None;
            for limbs in 2..=9 {
                match geometry.setup(limbs) {
                    Ok(setup) => {
                        let report = setup.report();
                        println!(
                            "{geometry:?} 2^{limbs}: {:.2} bits, {:?}, shown {}, reserve {}",
                            report.bits(),
                            report.weakest(),
                            setup.shown(),
                            setup.reserve()
                        );
                        assert!(report.suffices());
                        // Groups are committed before it is known what they are opened with.
                        assert_eq!(*shown.get_or_insert(setup.shown()), setup.shown());
                    }
                    Err(error) => println!("{geometry:?} 2^{limbs}: {error}"),
                }
            }
        }
    }

    /// Of the kinds of claims, with everything committed: what `docs/proof-of-gradient.md` lists.
    #[test]
    fn the_standard_claims_are_proven_to_their_target() {
        use super::super::group::SCHEME;
        use crate::Library;
        use bitneuron_core::exact::programs::inference::inference;
        use bitneuron_core::exact::programs::merge::mean;
        use bitneuron_core::exact::programs::norm::norm;
        use bitneuron_core::exact::programs::step::{Training, sgd};
        use bitneuron_core::exact::programs::{Mlp, metric};
        use bitneuron_core::exact::{Binding, Program};
        use bitneuron_core::{Commitment, Digest};

        let net = |sizes: &[u32]| Mlp::new(sizes).unwrap();
        let step = |sizes: &[u32], batch, steps| {
            sgd(net(sizes), batch * steps, Training { steps, batch, ..Training::default() }).unwrap()
        };
        let digits = [64, 32, 10];
        let claims: Vec<(&str, Geometry, Program)> = vec![
            ("step 4-3-2, batch 4", Geometry::TINY, step(&[4, 3, 2], 4, 1)),
            ("step 64-32-10, batch 32", Geometry::SMALL, step(&digits, 32, 1)),
            ("4 steps 64-32-10, batch 32", Geometry::SMALL, step(&digits, 32, 4)),
            ("inference 64-32-10, batch 32", Geometry::SMALL, inference(net(&digits), 32).unwrap()),
            ("accuracy 64-32-10, 64 rows", Geometry::SMALL, metric::accuracy(net(&digits), 64, 64).unwrap()),
            ("mean of 4 models of 2,410", Geometry::SMALL, mean(2_410, 4).unwrap()),
            ("norm of 2,410", Geometry::SMALL, norm(2_410).unwrap()),
            ("inference 784-64-10, batch 1", Geometry::MEDIUM, inference(net(&[784, 64, 10]), 1).unwrap()),
            ("inference 784-64-10, batch 32", Geometry::MEDIUM, inference(net(&[784, 64, 10]), 32).unwrap()),
            ("norm of 35,000", Geometry::MEDIUM, norm(35_000).unwrap()),
        ];
        for (name, geometry, program) in claims {
            let backend = Checker::new(geometry, Library::new().into()).unwrap();
            let hidden = |count: usize| {
                vec![Binding::Committed(Commitment { scheme: SCHEME, root: Digest::ZERO }); count]
            };
            let relation = Relation {
                inputs: hidden(program.inputs().len()),
                outputs: hidden(program.outputs().len()),
                program,
            };
            let report = backend.assess(&relation).unwrap_or_else(|| panic!("{name} is not assessed"));
            let weakest = report.weakest().unwrap();
            println!("| {name} | {:.1} | {} {:.1} |", report.bits(), weakest.name, weakest.bits);
            assert!(report.suffices(), "{name}");
        }
    }
}
