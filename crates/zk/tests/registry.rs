//! The judge: prices, limits, unknown statements, and the library's tensors.

use bitneuron_core::claim::{CheckClaim, Claim, Holding, Inference, Refused, Score, Turn, statement};
use bitneuron_core::exact::Tensor;
use bitneuron_core::{Context, Seed, encode};
use bitneuron_zk::suite::{Case, World};
use bitneuron_zk::{
    Assumption, Computation, Guarantees, Library, Merkle, Proof, ProveError, Prover, Registry, Replay,
    Statement, StatementError, Verifier, VerifyError, claim,
};
use std::sync::Arc;

fn world() -> World {
    World::new(Seed::from_number(5))
}

fn honest<S: Statement>(world: &World, case: &Case<S>, prover: &dyn Prover<S>) -> Claim {
    let proof =
        prover.prove(&case.context, &case.public, &case.witness, Seed::from_number(1)).expect("proved");
    claim::<S>(&world.key, case.context, &case.public, &proof)
}

fn library(world: &World) -> Arc<Library> {
    let mut library = Library::new();
    assert_eq!(library.insert_data(&world.metric_set), world.metric_set.root());
    assert_eq!(library.insert_data(&world.data), world.data.root());
    assert_eq!(library.len(), 4);
    Arc::new(library)
}

#[test]
fn all_standard_claims_pass_and_state_what_that_means() {
    let (world, replay) = (world(), Replay::default());
    let registry = Registry::replaying(&replay);
    let claims = [
        honest::<Turn>(&world, &world.turn(), &replay),
        honest::<Score>(&world, &world.score(), &replay),
        honest::<Inference>(&world, &world.inference(), &replay),
        honest::<Holding>(&world, &world.holding(), &Merkle),
    ];
    for claim in &claims {
        assert!(claim.is_signed(claim.context().chain));
        assert_eq!(registry.check(claim), Ok(()));
    }
    let under = |claim: &Claim| registry.guarantees(claim).unwrap().soundness.under;
    assert_eq!(under(&claims[0]), Assumption::Replay);
    assert_eq!(under(&claims[3]), Assumption::CollisionResistance);
}

#[test]
fn what_is_unknown_malformed_or_too_costly_is_refused() {
    let (world, replay) = (world(), Replay::default());
    let claim = honest::<Score>(&world, &world.score(), &replay);
    let registry = Registry::replaying(&replay);
    assert_eq!(Registry::new().check(&claim), Err(Refused::Unknown(statement(Score::DOMAIN))));
    assert!(Registry::new().guarantees(&claim).is_none());

    let gas = registry.gas(&claim);
    let cheap = Registry::replaying(&replay).limit(gas - 1);
    assert_eq!(cheap.check(&claim), Err(Refused::TooCostly { gas, limit: gas - 1 }));
    assert_eq!(cheap.gas(&claim), gas);
    assert_eq!(Registry::replaying(&replay).limit(gas).check(&claim), Ok(()));

    let remade = |public: &[u8], proof: &[u8]| {
        Claim::new(&world.key, Score::DOMAIN, *claim.context(), public.to_vec(), proof.to_vec())
    };
    for bad in
        [remade(&[], claim.proof()), remade(claim.public(), &[]), remade(claim.proof(), claim.public())]
    {
        assert!(matches!(registry.check(&bad), Err(Refused::Malformed(_))));
    }
    let longer = [claim.public(), &[0]].concat();
    assert!(matches!(registry.check(&remade(&longer, claim.proof())), Err(Refused::Malformed(_))));
}

/// The price is the formula of the documentation: bytes by 16, the program's gas, one for each committed element, 500.
#[test]
fn the_price_is_as_documented_and_does_not_depend_on_the_library() {
    let (world, replay) = (world(), Replay::default());
    let case = world.turn();
    let program = <Turn as Computation>::relation(&case.public).unwrap().program.gas();
    let parameters = case.witness.before.len() as u64;
    // Head before, three models and head after; six own rows and eight metric rows of four features and a label.
    let committed = 5 * parameters + (6 + 8) * 5;
    let work = program + committed + 500;
    assert_eq!(Verifier::<Turn>::gas(&replay, &case.public), work);
    assert_eq!(Verifier::<Turn>::gas(&Replay::new(library(&world)), &case.public), work);
    let claim = honest::<Turn>(&world, &case, &replay);
    let bytes = (claim.public().len() + claim.proof().len()) as u64;
    assert_eq!(Registry::replaying(&replay).gas(&claim), work + bytes / 16);
    // What cannot be read costs its bytes, what has no program the base.
    let garbage = Claim::new(&world.key, Turn::DOMAIN, case.context, vec![0; 160], vec![0; 16]);
    assert_eq!(Registry::replaying(&replay).gas(&garbage), 11);
    let mut impossible = case.public;
    impossible.kept.clear();
    assert_eq!(Verifier::<Turn>::gas(&replay, &impossible), 500);
}

#[test]
fn known_tensors_are_referred_to_and_missing_ones_refused() {
    let world = world();
    let (bare, rich) = (Replay::default(), Replay::new(library(&world)));
    let case = world.turn();
    let long = honest::<Turn>(&world, &case, &bare);
    let short = honest::<Turn>(&world, &case, &rich);
    // Features and labels of both data sets, one byte instead of a tag and a packed tensor each.
    let data =
        [world.data.features(), world.data.labels(), world.metric_set.features(), world.metric_set.labels()];
    let saved: usize = data.iter().map(|tensor| bitneuron_zk::pack::pack(tensor).len()).sum();
    assert_eq!(short.proof().len(), long.proof().len() - saved);

    let (lean, full) = (Registry::replaying(&bare), Registry::replay(library(&world)));
    assert_eq!((lean.check(&long), full.check(&long), full.check(&short)), (Ok(()), Ok(()), Ok(())));
    assert!(matches!(lean.check(&short), Err(Refused::Unavailable(_))));
    let proof = bitneuron_core::decode(short.proof()).unwrap();
    let verdict = Verifier::<Turn>::verify(&bare, &case.context, &case.public, &proof);
    assert!(
        matches!(verdict, Err(VerifyError::Unavailable(missing)) if missing == world.data.root().features)
    );
    let filled = bare.with_library(library(&world));
    Verifier::<Turn>::verify(&filled, &case.context, &case.public, &proof).unwrap();
}

/// A prover whose witness is not the library's tensor is refused, though the proof would refer to the right one.
#[test]
fn a_prover_does_not_mistake_its_witness_for_the_librarys() {
    let world = world();
    let mut case = world.score();
    case.witness.metric_set = world.data.clone();
    let rich = Replay::new(library(&world));
    let outcome =
        Prover::<Score>::prove(&rich, &case.context, &case.public, &case.witness, Seed::from_number(1));
    assert!(matches!(outcome, Err(ProveError::Relation(_))));
}

/// The verdict of replay is that of the relation itself, for true and false results and witnesses alike.
#[test]
fn replay_agrees_with_the_relation() {
    let world = world();
    let case = world.score();
    let replays = [Replay::default(), Replay::new(library(&world))];
    let (mut held, mut failed) = (0, 0);
    for right in 0..=8 {
        for model in &world.models {
            let public = Score { right, ..case.public.clone() };
            let set = &case.witness.metric_set;
            let witness: Vec<&Tensor> = vec![model, set.features(), set.labels()];
            let truth =
                public.relation().unwrap().holds(witness.iter().map(|t| (*t).clone()).collect()).is_ok();
            let proof = bitneuron_zk::liar::forge::<Score>(&case.context, &public, &witness);
            for replay in &replays {
                assert_eq!(Verifier::<Score>::verify(replay, &case.context, &public, &proof).is_ok(), truth);
            }
            *(if truth { &mut held } else { &mut failed }) += 1;
        }
    }
    assert_eq!((held, failed), (1, 35));
}

/// What is built once is the same as what is built anew, also when the shelf has been emptied in between.
#[test]
fn the_cache_changes_no_verdict() {
    let (world, replay) = (world(), Replay::default());
    let case = world.score();
    let claim = honest::<Score>(&world, &case, &replay);
    let registry = Registry::replaying(&replay);
    for rows in 0..3000u32 {
        let mut other = case.public.clone();
        other.goal.name = format!("goal {rows}");
        let stale =
            Claim::new(&world.key, Score::DOMAIN, case.context, encode(&other), claim.proof().to_vec());
        assert!(matches!(registry.check(&stale), Err(Refused::Unrelated(_))));
    }
    assert_eq!(registry.check(&claim), Ok(()));
}

/// A verifier from elsewhere that fails in its own way.
struct Failing(fn() -> VerifyError);

impl Verifier<Score> for Failing {
    fn verify(&self, _: &Context, _: &Score, _: &Proof) -> Result<(), VerifyError> {
        Err((self.0)())
    }

    fn guarantees(&self, public: &Score) -> Guarantees {
        Verifier::<Score>::guarantees(&Replay::default(), public)
    }

    fn gas(&self, public: &Score) -> u64 {
        assert!(public.right < 100, "a price that panics");
        7
    }
}

/// Who claims something true is not convicted because a judge's verifier is broken.
#[test]
fn a_verifier_that_fails_or_panics_gives_no_verdict() {
    let (world, replay) = (world(), Replay::default());
    let case = world.score();
    let claim_of = |public: &Score| {
        let proof = bitneuron_zk::liar::forge::<Score>(
            &case.context,
            public,
            &<Score as Computation>::witness(&case.witness),
        );
        claim::<Score>(&world.key, case.context, public, &proof)
    };
    let broken: [fn() -> VerifyError; 3] = [
        || VerifyError::Rule("out of memory".into()),
        || VerifyError::Statement(StatementError::Rule("no such table".into())),
        || panic!("a verifier's own fault"),
    ];
    for why in broken {
        let registry = Registry::replaying(&replay).with::<Score>(Failing(why));
        let verdict = registry.check(&claim_of(&case.public));
        assert!(matches!(verdict, Err(Refused::Unavailable(_))), "{verdict:?}");
    }
    let registry = Registry::replaying(&replay).with::<Score>(Failing(|| VerifyError::Unbound));
    let priceless = claim_of(&Score { right: 100, ..case.public.clone() });
    assert!(matches!(registry.check(&priceless), Err(Refused::Unavailable(_))));
    assert_eq!(registry.gas(&priceless), (priceless.public().len() + priceless.proof().len()) as u64 / 16);
}
