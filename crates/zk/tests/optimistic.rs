//! Commitments that must stand up to audits: honest runs do, and every lie is found where it is.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test fails by panicking")]

use bitneuron_core::exact::relation::RelationError;
use bitneuron_core::exact::{Binding, Builder, Interval, Relation, Tensor};
use bitneuron_core::{Bytes, Commitment, Digest, Height, Machine, Outbox, Seed, Time, Wire, decode, encode};
use bitneuron_zk::backend::optimistic::dispute::{self, Effect, Ground, Input, Party, Question, Side, Terms};
use bitneuron_zk::backend::optimistic::{Dispute, Fault, Opening, Optimistic, Plan, Trace, freivalds};
use bitneuron_zk::suite::{Case, World};
use bitneuron_zk::{
    Computation, ProveError, Prover, Settles, Statement, StatementError, Verifier, VerifyError, recomputes,
};
use serde::{Deserialize, Serialize};

/// Four layers, wide enough for sums of products to be worth a check.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Layers {
    weights: Commitment,
    inputs: Commitment,
    outputs: Commitment,
}

const WIDTH: u32 = 48;

impl Wire for Layers {
    const LIMIT: usize = 1 << 10;
}

impl Statement for Layers {
    const DOMAIN: &'static str = "test layers v1";
    type Public = Self;
    type Witness = [Tensor; 2];
    fn holds(public: &Self, witness: &[Tensor; 2]) -> bool {
        recomputes::<Self>(public, witness)
    }
}

impl Computation for Layers {
    fn relation(public: &Self) -> Result<Relation, StatementError> {
        let mut b = Builder::new();
        let weights = b.input(&[WIDTH, WIDTH], Interval::symmetric(1 << 12))?;
        let mut values = b.input(&[WIDTH, WIDTH], Interval::symmetric(1 << 12))?;
        for _ in 0..4 {
            let sums = b.einsum("ij,jk->ik", values, weights)?;
            let scaled = b.rescale(sums, 12)?;
            values = b.clamp(scaled, Interval::symmetric(1 << 12))?;
        }
        b.output(values);
        let [weights, inputs, outputs] =
            [public.weights, public.inputs, public.outputs].map(Binding::Committed);
        Ok(Relation { program: b.build()?, inputs: vec![weights, inputs], outputs: vec![outputs] })
    }

    fn witness(witness: &[Tensor; 2]) -> Vec<&Tensor> {
        witness.iter().collect()
    }
}

fn layers() -> Case<Layers> {
    let numbers = |seed: i64| {
        let data = (0..i64::from(WIDTH * WIDTH)).map(|at| (at * 7_919 + seed * 104_729) % 8_191 - 4_095);
        Tensor::new(&[WIDTH, WIDTH], data.collect()).unwrap()
    };
    let witness = [numbers(1), numbers(2)];
    let [weights, inputs] = [&witness[0], &witness[1]].map(Tensor::commitment);
    let draft = Layers { weights, inputs, outputs: inputs };
    let run = bitneuron_core::exact::execute(&Layers::relation(&draft).unwrap().program, &witness).unwrap();
    let public = Layers { outputs: run.outputs()[0].commitment(), ..draft };
    let context = World::new(Seed::from_number(1)).context(Digest([5; 32]));
    Case { context, public, witness }
}

/// A true statement with the plan and the honest run behind it.
struct Scene<S: Computation> {
    case: Case<S>,
    plan: Plan,
    trace: Trace,
}

impl<S: Computation> Scene<S> {
    fn new(case: Case<S>) -> Self {
        let optimistic = Optimistic::default();
        let plan = optimistic.plan::<S>(&case.public).unwrap();
        let trace = optimistic.trace::<S>(&case.public, &case.witness).unwrap();
        Self { case, plan, trace }
    }

    /// The run with one number of an anchor moved.
    fn lie(&self, anchor: usize) -> Trace {
        let truth = self.trace.anchor(&self.plan, anchor).unwrap();
        let mut data = truth.data().to_vec();
        let at = data.len() / 2;
        data[at] += if data[at] > 0 { -1 } else { 1 };
        self.trace.with_anchor(anchor, &Tensor::new(truth.shape(), data).unwrap())
    }

    fn anchors(&self) -> usize {
        self.plan.outline.anchors().len()
    }

    fn units(&self) -> usize {
        self.plan.outline.units().len()
    }
}

const SEED: Seed = Seed([9; 32]);

fn audit(plan: &Plan, trace: &Trace, unit: usize) -> Result<(), Fault> {
    plan.audit(trace.root(), unit, &trace.open(plan, unit).unwrap(), SEED)
}

fn honest_runs_pass<S: Computation>(case: Case<S>) {
    let (optimistic, scene) = (Optimistic::default(), Scene::new(case));
    let Case { context, public, witness } = &scene.case;
    let proof = Prover::<S>::prove(&optimistic, context, public, witness, SEED).unwrap();
    assert_eq!(proof.body.len(), 64);
    Verifier::<S>::verify(&optimistic, context, public, &proof).unwrap();
    assert_eq!(optimistic.root::<S>(context, public, &proof).unwrap(), scene.trace.root());
    for unit in 0..scene.units() {
        assert_eq!(audit(&scene.plan, &scene.trace, unit), Ok(()), "unit {unit} of {}", S::DOMAIN);
    }
    let questions = optimistic.questions::<S>(context, public, &proof, Digest([1; 32])).unwrap();
    let outputs = scene.units() - scene.anchors();
    assert_eq!(questions.len(), optimistic.policy().audited.min(scene.anchors()) + outputs);
    assert!(questions.ends_with(&(scene.anchors()..scene.units()).collect::<Vec<_>>()), "all outputs");
    assert!(matches!(Verifier::<S>::guarantees(&optimistic, public).settles, Settles::After(16)));
    assert_eq!(Verifier::<S>::guarantees(&optimistic, public).contradiction(), None);
    // Bound to its context.
    let mut elsewhere = *context;
    elsewhere.height = Height(context.height.0 + 1);
    let refused = Verifier::<S>::verify(&optimistic, &elsewhere, public, &proof);
    assert!(matches!(refused, Err(VerifyError::Unbound | VerifyError::Unrelated(_))));
}

#[test]
fn honest_runs_pass_every_audit() {
    let world = World::new(Seed::from_number(1));
    honest_runs_pass(world.turn());
    honest_runs_pass(world.score());
    honest_runs_pass(world.inference());
    honest_runs_pass(layers());
}

fn lies_are_found<S: Computation>(case: Case<S>) {
    let scene = Scene::new(case);
    assert!(scene.anchors() >= 4, "{} anchors of {}", scene.anchors(), S::DOMAIN);
    for anchor in 0..scene.anchors() {
        let lie = scene.lie(anchor);
        assert_ne!(lie.root(), scene.trace.root());
        let faults: Vec<usize> =
            (0..scene.units()).filter(|unit| audit(&scene.plan, &lie, *unit).is_err()).collect();
        assert_eq!(faults.first(), Some(&anchor), "the first wrong unit is the one that computes the anchor");
        // Who opens the true tensor in its place does not open the committed one.
        let truth = scene.trace.open(&scene.plan, anchor).unwrap();
        let refused = scene.plan.audit(lie.root(), anchor, &truth, SEED);
        assert!(matches!(refused, Err(Fault::NotCommitted(_))), "{refused:?}");
    }
}

#[test]
fn every_lie_is_found_where_it_is() {
    let world = World::new(Seed::from_number(1));
    lies_are_found(world.turn());
    lies_are_found(layers());
}

#[test]
fn sums_of_products_are_checked_not_computed() {
    let scene = Scene::new(layers());
    let products = scene.plan.outline.units().iter().filter(|unit| unit.product.is_some()).count();
    assert_eq!(products, 4);
    let whole = scene.plan.relation.program.gas();
    let dearest = scene.plan.outline.units().iter().map(|unit| unit.gas).max().unwrap();
    assert!(dearest * 3 < whole, "one unit takes {dearest} of {whole} gas");
}

#[test]
fn a_sum_that_is_right_but_for_the_modulus_is_wrong() {
    let scene = Scene::new(layers());
    let truth = scene.trace.anchor(&scene.plan, 0).unwrap();
    let mut data = truth.data().to_vec();
    data[0] += i64::try_from(freivalds::MODULUS).unwrap();
    let lie = scene.trace.with_anchor(0, &Tensor::new(truth.shape(), data).unwrap());
    assert_eq!(audit(&scene.plan, &lie, 0), Err(Fault::False(0)));
}

#[test]
fn a_false_statement_is_not_proved_and_a_false_output_is_found() {
    let scene = Scene::new(layers());
    let false_one = Layers { outputs: scene.case.public.inputs, ..scene.case.public.clone() };
    let optimistic = Optimistic::default();
    let Case { context, witness, .. } = &scene.case;
    assert!(Prover::<Layers>::prove(&optimistic, context, &false_one, witness, SEED).is_err());
    let swapped = [witness[1].clone(), witness[0].clone()];
    assert!(Prover::<Layers>::prove(&optimistic, context, &scene.case.public, &swapped, SEED).is_err());
    // The run is right, but of another input than is committed.
    let other = Layers { inputs: scene.case.public.weights, ..scene.case.public.clone() };
    let refused = Prover::<Layers>::prove(&optimistic, context, &other, witness, SEED);
    assert!(matches!(refused, Err(ProveError::Relation(RelationError::Input(1)))), "{refused:?}");
    // All anchors are right, the output is not: only its own unit shows it.
    let plan = optimistic.plan::<Layers>(&false_one).unwrap();
    let wrong: Vec<usize> =
        (0..scene.units()).filter(|unit| audit(&plan, &scene.trace, *unit).is_err()).collect();
    assert_eq!(wrong, [scene.anchors()]);
}

#[test]
fn an_opening_shows_all_of_the_committed_tensors_and_nothing_else() {
    let scene = Scene::new(layers());
    let (plan, root) = (&scene.plan, scene.trace.root());
    for unit in 0..scene.units() {
        let opening = scene.trace.open(plan, unit).unwrap();
        let refused = |opening: &Opening| plan.audit(root, unit, opening, SEED).unwrap_err();
        for at in 0..opening.tensors.len() {
            let mut changed = opening.clone();
            changed.tensors.remove(at);
            refused(&changed);
            let mut changed = opening.clone();
            changed.tensors.push(opening.tensors[at].clone());
            assert!(matches!(refused(&changed), Fault::Malformed(_)));
            let mut changed = opening.clone();
            changed.tensors[at].inclusion = match &opening.tensors[at].inclusion {
                Some(_) => None,
                None => opening.tensors.iter().find_map(|shown| shown.inclusion.clone()),
            };
            if changed != opening {
                assert!(matches!(refused(&changed), Fault::NotCommitted(_)));
            }
            let mut changed = opening.clone();
            let last = changed.tensors[at].packed.len() - 1;
            changed.tensors[at].packed.0[last] ^= 1;
            assert!(matches!(refused(&changed), Fault::NotCommitted(_) | Fault::Malformed(_)));
            let mut changed = opening.clone();
            changed.tensors[at].packed.0.push(0);
            assert!(matches!(refused(&changed), Fault::Malformed(_)));
        }
    }
    // Another anchor in an anchor's place, with its own true way to the root.
    let (own, other) = (scene.trace.open(plan, 1).unwrap(), scene.trace.open(plan, 2).unwrap());
    let anchors = |opening: &Opening| -> Vec<usize> {
        let shown = opening.tensors.iter().enumerate();
        shown.filter(|(_, shown)| shown.inclusion.is_some()).map(|(at, _)| at).collect()
    };
    for (to, from) in anchors(&own).into_iter().zip(anchors(&other)) {
        let mut changed = own.clone();
        changed.tensors[to] = other.tensors[from].clone();
        let refused = plan.audit(root, 1, &changed, SEED);
        assert!(changed == own || matches!(refused, Err(Fault::NotCommitted(_))), "{refused:?}");
    }
    let opening = scene.trace.open(plan, 0).unwrap();
    assert_eq!(plan.audit(root, scene.units(), &opening, SEED), Err(Fault::Unit(scene.units())));
    assert!(scene.trace.open(plan, scene.units()).is_none());
}

/// Plays a dispute to its verdict: the defender answers from `theirs`, the accuser compares with `mine`.
fn play(
    plan: &Plan,
    theirs: &Trace,
    mine: &Trace,
    output: Option<u32>,
    silent: Option<Party>,
) -> (Party, Ground, usize) {
    let terms = Terms { plan: plan.clone(), root: theirs.root(), seed: SEED, patience: 2 };
    let mut out = Outbox::new();
    let mut referee = Dispute::new(terms, output, Height(10), &mut out).unwrap();
    let (mut moves, mut asked_at) = (0, (0, 0));
    loop {
        let effects: Vec<Effect> = out.into_iter().collect();
        out = Outbox::new();
        let [effect] = effects.as_slice() else { panic!("one question at a time: {effects:?}") };
        let (party, question, until) = match effect {
            Effect::Verdict { guilty, why } => {
                assert!(referee.is_over());
                let after = referee.step(Time::ZERO, Input::Wrong(Side::Left), &mut out);
                assert_eq!(after, Err(dispute::Refused::Over));
                return (*guilty, why.clone(), moves);
            }
            Effect::Ask { party, question, until } => (*party, *question, *until),
        };
        if silent == Some(party) {
            referee.step(Time::ZERO, Input::Height(until), &mut out).unwrap();
            assert!(!referee.is_over(), "until the end of that height");
            referee.step(Time::ZERO, Input::Height(until.next()), &mut out).unwrap();
            continue;
        }
        moves += 1;
        let answer = match question {
            Question::Top => Input::Top(theirs.tree().at(theirs.tree().height() - 1, 0).unwrap()),
            Question::Children { level, index } => {
                asked_at = (level as usize - 1, index as usize * 2);
                let child = |at: usize| theirs.tree().at(asked_at.0, asked_at.1 + at).unwrap();
                let wrong = referee.step(Time::ZERO, Input::Children(child(1), child(0)), &mut out);
                assert!(wrong == Err(dispute::Refused::Hash) || child(0) == child(1));
                Input::Children(child(0), child(1))
            }
            Question::Which(left, _) => {
                let own = mine.tree().at(asked_at.0, asked_at.1).unwrap();
                Input::Wrong(if left == own { Side::Right } else { Side::Left })
            }
            Question::Open(unit) => Input::Opened(Box::new(theirs.open(plan, unit as usize).unwrap())),
        };
        assert!(referee.step(Time::ZERO, Input::Top(Digest([3; 32])), &mut Outbox::new()).is_err());
        referee.step(Time::ZERO, answer, &mut out).unwrap();
    }
}

fn disputes<S: Computation>(scene: &Scene<S>) {
    let most = 2 * (usize::BITS - scene.anchors().leading_zeros()) as usize + 2;
    for anchor in 0..scene.anchors() {
        let lie = scene.lie(anchor);
        let (guilty, why, moves) = play(&scene.plan, &lie, &scene.trace, None, None);
        assert_eq!(guilty, Party::Defender, "anchor {anchor}");
        assert!(
            matches!(why, Ground::Fault(Fault::False(unit)) if unit == anchor)
                || matches!(why, Ground::Fault(Fault::Run(_))),
            "{why:?}"
        );
        assert!(moves <= most, "{moves} moves for {} anchors", scene.anchors());
        // Who accuses an honest run with a false one of its own loses.
        let (guilty, why, _) = play(&scene.plan, &scene.trace, &lie, None, None);
        assert_eq!((guilty, why), (Party::Accuser, Ground::Right));
    }
    for silent in [Party::Defender, Party::Accuser] {
        let (guilty, why, _) = play(&scene.plan, &scene.lie(0), &scene.trace, None, Some(silent));
        assert_eq!((guilty, why), (silent, Ground::Silence));
    }
    let (guilty, why, moves) = play(&scene.plan, &scene.trace, &scene.trace, Some(0), None);
    assert_eq!((guilty, why, moves), (Party::Accuser, Ground::Right, 1));
}

#[test]
fn a_dispute_ends_at_the_lie_whoever_it_is() {
    let world = World::new(Seed::from_number(2));
    disputes(&Scene::new(world.turn()));
    disputes(&Scene::new(layers()));
    let scene = Scene::new(layers());
    let false_one = Layers { outputs: scene.case.public.inputs, ..scene.case.public.clone() };
    let plan = Optimistic::default().plan::<Layers>(&false_one).unwrap();
    let (guilty, why, _) = play(&plan, &scene.trace, &scene.trace, Some(0), None);
    assert_eq!((guilty, why), (Party::Defender, Ground::Fault(Fault::False(scene.anchors()))));
    let terms = Terms { plan, root: scene.trace.root(), seed: SEED, patience: 1 };
    let none = Dispute::new(terms, Some(7), Height(1), &mut Outbox::new());
    assert!(matches!(none, Err(dispute::Refused::Unit)));
}

#[test]
fn who_believes_at_once_believes_a_liar() {
    // The fault planted: a verifier that does not wait for audits accepts the commitment to a false run.
    let scene = Scene::new(layers());
    let (optimistic, lie) = (Optimistic::default(), scene.lie(2));
    let Case { context, public, witness } = &scene.case;
    let mut proof = Prover::<Layers>::prove(&optimistic, context, public, witness, SEED).unwrap();
    proof.body.0[32..].copy_from_slice(&lie.root().0);
    Verifier::<Layers>::verify(&optimistic, context, public, &proof).unwrap();
    let caught = (0..400u32).filter(|block| {
        let beacon = Digest::of("test beacon", &block.to_le_bytes());
        let asked = optimistic.questions::<Layers>(context, public, &proof, beacon).unwrap();
        asked.iter().any(|unit| {
            let opening = lie.open(&scene.plan, *unit).unwrap();
            scene.plan.audit(lie.root(), *unit, &opening, Optimistic::seed(lie.root(), beacon)).is_err()
        })
    });
    let caught = caught.count() as f64 / 400.0;
    let wrong = |unit: &usize| audit(&scene.plan, &lie, *unit).is_err();
    assert!(!(scene.anchors()..scene.units()).any(|unit| wrong(&unit)), "the outputs are right");
    let (units, bad) = (scene.anchors() as u64, (0..scene.anchors()).filter(wrong).count() as u64);
    let expected = bitneuron_zk::backend::optimistic::odds::caught(units, bad, 3);
    assert!((caught - expected).abs() < 0.1, "{caught} against {expected}");
}

/// The next of a fixed stream of numbers below `n`.
fn below(state: &mut u64, n: usize) -> usize {
    *state += 1;
    let word = Digest::of("hostile openings", &state.to_le_bytes()).to_u64();
    usize::try_from(word % n.max(1) as u64).unwrap()
}

#[test]
fn ten_thousand_hostile_openings_are_refused() {
    let scene = Scene::new(World::new(Seed::from_number(3)).turn());
    let openings: Vec<Opening> =
        (0..scene.units()).map(|unit| scene.trace.open(&scene.plan, unit).unwrap()).collect();
    let (mut state, mut read) = (0, 0);
    for round in 0..10_000 {
        let unit = below(&mut state, openings.len());
        let (own, other) = (&openings[unit], &openings[below(&mut state, openings.len())]);
        let mut forged = own.clone();
        let hostile = if round % 2 == 0 {
            // Bytes without looking: flipped, cut or grown.
            let mut bytes = encode(own);
            match below(&mut state, 3) {
                0 => {
                    let at = below(&mut state, bytes.len());
                    bytes[at] ^= 1 << below(&mut state, 8);
                }
                1 => bytes.truncate(below(&mut state, bytes.len())),
                _ => bytes.push(below(&mut state, 256) as u8),
            }
            decode::<Opening>(&bytes).ok()
        } else if own.tensors.is_empty() {
            None
        } else {
            // One field of a well-formed opening.
            let at = below(&mut state, own.tensors.len());
            let shown = &mut forged.tensors[at];
            match below(&mut state, 4) {
                0 if !other.tensors.is_empty() => {
                    *shown = other.tensors[below(&mut state, other.tensors.len())].clone();
                }
                1 => {
                    let byte = below(&mut state, shown.packed.len());
                    shown.packed.0[byte] ^= 1 << below(&mut state, 8);
                }
                2 => shown.packed.0.truncate(below(&mut state, own.tensors[at].packed.len())),
                _ => {
                    if let Some(inclusion) = &mut shown.inclusion {
                        inclusion.index ^= 1 << below(&mut state, 64);
                    }
                }
            }
            Some(forged)
        };
        let Some(hostile) = hostile.filter(|hostile| hostile != own) else { continue };
        read += 1;
        assert!(scene.plan.audit(scene.trace.root(), unit, &hostile, SEED).is_err(), "{round}");
    }
    assert!(read > 5_000, "{read} could be read");
}

#[test]
fn foreign_bytes_are_no_proof() {
    let scene = Scene::new(layers());
    let optimistic = Optimistic::default();
    let Case { context, public, witness } = &scene.case;
    let proof = Prover::<Layers>::prove(&optimistic, context, public, witness, SEED).unwrap();
    for length in (0..64).chain([65, 1_000]) {
        let mut body = proof.body.0.clone();
        body.resize(length, 0);
        let short = bitneuron_zk::Proof { body: Bytes(body), ..proof.clone() };
        let refused = Verifier::<Layers>::verify(&optimistic, context, public, &short);
        assert!(matches!(refused, Err(VerifyError::Malformed(_))));
    }
    for at in 0..32 {
        let mut body = proof.body.0.clone();
        body[at] ^= 1;
        let other = bitneuron_zk::Proof { body: Bytes(body), ..proof.clone() };
        let refused = Verifier::<Layers>::verify(&optimistic, context, public, &other);
        assert!(matches!(refused, Err(VerifyError::Unbound)));
    }
}
