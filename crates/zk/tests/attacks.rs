//! Hostile bytes for every decoder: 10,000 mutants each, half of them aware of the structure. Nothing panics, nothing
//! false is accepted, and whatever decodes has one encoding.

use bitneuron_core::claim::{CheckClaim, Claim, Demand, Holding, Inference, Party, Ruling, Score, Turn};
use bitneuron_core::exact::Tensor;
use bitneuron_core::exact::programs::{merge::MergeRule, metric::Measure};
use bitneuron_core::{Digest, Seed, decode, encode};
use bitneuron_zk::backend::optimistic::audit::Accusation;
use bitneuron_zk::backend::optimistic::dispute::State;
use bitneuron_zk::suite::{Case, World};
use bitneuron_zk::{
    Accepted, Backend, Batch, Both, Chain, Computation, Defence, FileError, Improvement, Library, Merge,
    Merkle, Metric, NormBound, Optimistic, Prediction, Proof, ProofFile, Prover, Registry, Replay, Statement,
    Step, binding, claim, pack,
};
use rand_chacha::ChaCha12Rng;
use rand_chacha::rand_core::Rng;
use std::sync::Arc;

const MUTANTS: usize = 10_000;
const EXTREMES: [u64; 8] = [0, 1, 0xff, 1 << 24, 1 << 32, 1 << 62, i64::MIN as u64, u64::MAX];

fn below(rng: &mut ChaCha12Rng, limit: usize) -> usize {
    (rng.next_u64() % limit.max(1) as u64) as usize
}

/// Blind: bits, cuts, repeats anywhere.
fn blind(bytes: &[u8], rng: &mut ChaCha12Rng) -> Vec<u8> {
    let mut mutant = bytes.to_vec();
    let at = below(rng, bytes.len());
    match below(rng, 4) {
        0 => mutant.truncate(at),
        1 => {
            let piece = bytes[at..].iter().take(1 + below(rng, 20)).copied().collect::<Vec<_>>();
            mutant.splice(at..at, piece);
        }
        _ => (0..=below(rng, 3)).for_each(|_| mutant[below(rng, bytes.len())] ^= 1 << below(rng, 8)),
    }
    mutant
}

/// Aware: a whole little-endian field of 1, 2, 4 or 8 bytes becomes an extreme number or a neighbour of what it was.
fn aware(bytes: &[u8], rng: &mut ChaCha12Rng) -> Vec<u8> {
    let mut mutant = bytes.to_vec();
    let width = [1, 2, 4, 8][below(rng, 4)].min(bytes.len());
    let at = below(rng, bytes.len() - width + 1);
    let mut field = [0; 8];
    field[..width].copy_from_slice(&bytes[at..at + width]);
    let near = u64::from_le_bytes(field).wrapping_add([1, u64::MAX, 2, 256][below(rng, 4)]);
    let value = if below(rng, 2) == 0 { EXTREMES[below(rng, EXTREMES.len())] } else { near };
    mutant[at..at + width].copy_from_slice(&value.to_le_bytes()[..width]);
    mutant
}

fn mutants(bytes: &[u8], seed: u64) -> impl Iterator<Item = Vec<u8>> {
    let mut rng = Seed::from_number(seed).rng();
    (0..MUTANTS).map(move |n| if n % 2 == 0 { blind(bytes, &mut rng) } else { aware(bytes, &mut rng) })
}

#[test]
fn packed_tensors() {
    let tensor = Tensor::new(&[3, 4], (0..12).map(|x| x * 40 - 200).collect()).unwrap();
    let bytes = pack::pack(&tensor);
    let mut read = 0;
    for mutant in mutants(&bytes, 1) {
        if let Ok(other) = pack::unpack(&mutant, 1 << 12) {
            assert_eq!(pack::pack(&other), mutant);
            read += 1;
        }
    }
    assert!((1000..9000).contains(&read), "{read} of the mutants are tensors");
}

#[test]
fn proofs() {
    let world = World::new(Seed::from_number(2));
    let case = world.score();
    let proof = Prover::<Score>::prove(
        &Replay::default(),
        &case.context,
        &case.public,
        &case.witness,
        Seed::from_number(1),
    );
    for mutant in mutants(&encode(&proof.unwrap()), 2) {
        if let Ok(other) = decode::<Proof>(&mutant) {
            assert_eq!(encode(&other), mutant);
        }
    }
}

/// Mutants of a proof's body behind the right binding: the backend's own decoder.
fn bodies<S: Statement>(case: &Case<S>, prover: &dyn Prover<S>, seed: u64) {
    let proof =
        prover.prove(&case.context, &case.public, &case.witness, Seed::from_number(1)).expect("proved");
    let verifier = prover.verifier();
    let (bound, rest) = proof.body.split_at(32);
    for mutant in mutants(rest, seed) {
        let body = [bound, &mutant].concat();
        let shown = Proof { backend: proof.backend, body: body.into() };
        let accepted = verifier.verify(&case.context, &case.public, &shown).is_ok();
        assert_eq!(accepted, shown == proof, "{}", S::DOMAIN);
    }
}

#[test]
fn bodies_of_turns() {
    bodies::<Turn>(&World::new(Seed::from_number(3)).turn(), &Replay::default(), 3);
}

#[test]
fn bodies_of_scores_with_a_library() {
    let world = World::new(Seed::from_number(4));
    let mut library = Library::new();
    library.insert_data(&world.metric_set);
    bodies::<Score>(&world.score(), &Replay::new(Arc::new(library)), 4);
}

#[test]
fn bodies_of_inferences() {
    bodies::<Inference>(&World::new(Seed::from_number(5)).inference(), &Replay::default(), 5);
}

#[test]
fn bodies_of_holdings() {
    bodies::<Holding>(&World::new(Seed::from_number(6)).holding(), &Merkle, 6);
}

#[test]
fn a_goal_of_an_endless_name() {
    let world = World::new(Seed::from_number(11));
    let mut public = encode(&world.score().public);
    public[1..9].copy_from_slice(&(1u64 << 60).to_le_bytes());
    assert!(decode::<Score>(&public).is_err());
}

/// Mutants of a claim's public part, each with a proof that is bound to the mutant, so that what lies behind the binding
/// is reached. Accepted is only what holds.
fn publics<S: Statement>(world: &World, case: &Case<S>, prover: &dyn Prover<S>, backend: Backend, seed: u64) {
    publics_before(&Registry::replay(Arc::default()), world, case, prover, backend, seed);
}

/// As [`publics`], for a statement that the ledger does not know.
fn publics_too<S: Computation>(world: &World, case: &Case<S>, seed: u64) {
    let registry = Registry::new().with::<S>(Replay::default());
    publics_before(&registry, world, case, &Replay::default(), Backend::REPLAY, seed);
}

fn publics_before<S: Statement>(
    registry: &Registry,
    world: &World,
    case: &Case<S>,
    prover: &dyn Prover<S>,
    backend: Backend,
    seed: u64,
) {
    let proof =
        prover.prove(&case.context, &case.public, &case.witness, Seed::from_number(1)).expect("proved");
    let mut reached = 0;
    for mutant in mutants(&encode(&case.public), seed) {
        let mut shown = proof.clone();
        let public = decode::<S::Public>(&mutant).ok();
        if let Some(public) = &public {
            assert_eq!(encode(public), mutant);
            reached += 1;
            shown.body.0[..32].copy_from_slice(&binding::<S>(backend, &case.context, public).0);
        }
        let claim = Claim::new(&world.key, S::DOMAIN, case.context, mutant, encode(&shown));
        assert!(registry.gas(&claim) > 0);
        if registry.check(&claim).is_ok() {
            assert!(public.is_some_and(|public| S::holds(&public, &case.witness)), "{}", S::DOMAIN);
        }
    }
    assert!(reached > MUTANTS / 10, "only {reached} mutants of {} decode", S::DOMAIN);
}

#[test]
fn publics_of_turns() {
    let world = World::new(Seed::from_number(7));
    publics::<Turn>(&world, &world.turn(), &Replay::default(), Backend::REPLAY, 7);
}

#[test]
fn publics_of_scores() {
    let world = World::new(Seed::from_number(8));
    publics::<Score>(&world, &world.score(), &Replay::default(), Backend::REPLAY, 8);
}

#[test]
fn publics_of_inferences() {
    let world = World::new(Seed::from_number(9));
    publics::<Inference>(&world, &world.inference(), &Replay::default(), Backend::REPLAY, 9);
}

#[test]
fn publics_of_holdings() {
    let world = World::new(Seed::from_number(10));
    publics::<Holding>(&world, &world.holding(), &Merkle, Backend::MERKLE, 10);
}

#[test]
fn proof_files() {
    let world = World::new(Seed::from_number(2));
    let case = world.score();
    let mut library = Library::new();
    library.insert_data(&world.metric_set);
    let library = Arc::new(library);
    let replay = Replay::new(library.clone());
    let proof =
        Prover::<Score>::prove(&replay, &case.context, &case.public, &case.witness, Seed::from_number(1))
            .unwrap();
    let honest = claim::<Score>(&world.key, case.context, &case.public, &proof);
    let file = ProofFile::new::<Score>(honest, None, library).unwrap();
    let bytes = file.write();
    let mut read = 0;
    for mutant in mutants(&bytes, 7) {
        match ProofFile::read(&mutant) {
            Ok(other) => {
                assert_eq!(other.write(), mutant);
                // What is shared besides is not signed; a claim is, to the last bit.
                assert!(other.check().is_err() || other.claim() == file.claim());
                read += 1;
            }
            Err(error) => assert!(error != FileError::Foreign || !mutant.starts_with(b"bnproof\n")),
        }
    }
    assert!(read > 1000, "{read} of the mutants are files");
    assert!(ProofFile::read(&vec![0; ProofFile::LIMIT + 1]).is_err());
}

#[test]
fn publics_about_nets() {
    let world = World::new(Seed::from_number(12));
    let [_, _, _, step] = world.kinds_of_steps();
    publics_too::<Step>(&world, &step, 12);
    publics_too::<Merge>(&world, &world.merge(Some(MergeRule::default())), 13);
    publics_too::<Metric>(&world, &world.metric(Measure::Accuracy, true), 14);
    publics_too::<Improvement>(&world, &world.improvement(Measure::Accuracy, false), 15);
    publics_too::<NormBound>(&world, &world.norm_bound(), 16);
    publics_too::<Prediction>(&world, &world.prediction(world.factorised()), 17);
}

#[test]
fn publics_of_several() {
    let world = World::new(Seed::from_number(13));
    publics_too::<Batch<Metric>>(&world, &world.batch(), 18);
    publics_too::<Chain<Step>>(&world, &world.chain(), 19);
    publics_too::<Both<Merge, Step>>(&world, &world.both(), 20);
}

/// Answers to audits, moves of disputes and what a referee remembers cross the ledger as bytes.
#[test]
fn answers_and_moves() {
    let (world, optimistic, beacon) =
        (World::new(Seed::from_number(6)), Optimistic::default(), Digest([4; 32]));
    let Case { context, public, witness } = world.turn();
    let proof = Prover::<Turn>::prove(&optimistic, &context, &public, &witness, Seed::default()).unwrap();
    let signed = claim::<Turn>(&world.key, context, &public, &proof);
    let registry = Registry::new().with::<Turn>(optimistic.clone());
    let accepted = Accepted { context: &context, public: &public, proof: &proof };
    let answer = Defence::<Turn>::answer(&optimistic, &accepted, &witness, beacon).unwrap();
    for mutant in mutants(&answer, 21) {
        let verdict = registry.audit(&signed, beacon, Demand::Openings, &mutant);
        assert!(verdict.is_err() || *mutant == *answer);
    }
    // An opening that was touched never acquits.
    let unit = encode(&State::Unit(0));
    let opened = Defence::<Turn>::reply(&optimistic, &accepted, &witness, &unit).unwrap();
    let acquits = |step: &[u8]| {
        let ruling = registry.rule(&signed, beacon, Some(&unit), step);
        matches!(ruling, Ok(Ruling::Verdict { guilty: Party::Challenger }))
    };
    assert!(acquits(&opened));
    for mutant in mutants(&opened, 22) {
        assert!(!acquits(&mutant) || *mutant == *opened);
    }
    // Whatever a referee is told to remember, it does not break.
    let accusation = encode(&Accusation { output: Some(1) });
    for state in [State::Top, State::Over, State::Node { level: 1, index: 0, digest: Digest::ZERO }] {
        let state = encode(&state);
        for mutant in mutants(&accusation, 23).take(500).chain(mutants(&state, 24).take(500)) {
            let _ = registry.rule(&signed, beacon, None, &mutant);
            let _ = registry.rule(&signed, beacon, Some(&state), &mutant);
            let _ = registry.rule(&signed, beacon, Some(&mutant), &opened);
        }
    }
}
