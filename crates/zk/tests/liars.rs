//! Every liar is refused for the right reason, and believed where nobody checks.

use bitneuron_core::claim::{CheckClaim, Refused};
use bitneuron_core::exact::programs::merge::MergeRule;
use bitneuron_core::exact::programs::metric::Measure;
use bitneuron_core::exact::programs::step::Loss;
use bitneuron_core::{Keypair, Seed};
use bitneuron_zk::liar::{self, Attempt, Class, Credulous};
use bitneuron_zk::suite::{Case, World};
use bitneuron_zk::{Computation, Library, Prover, Registry, Replay, Statement, Verifier, claim};
use std::sync::Arc;

fn worlds() -> Vec<World> {
    (1..=3).map(|seed| World::new(Seed::from_number(seed))).collect()
}

/// A registry that knows the world's metric set, and one that knows nothing.
fn registries(world: &World) -> [Registry; 2] {
    let mut library = Library::new();
    library.insert_data(&world.metric_set);
    [Registry::replay(Arc::new(library)), Registry::replay(Arc::default())]
}

/// A registry that knows the statement too.
fn knowing<S: Computation>(registry: Registry) -> Registry {
    registry.with::<S>(Replay::default())
}

/// As [`refused`], for a statement that the ledger does not know.
fn refused_too<S: Computation>(world: &World, honest: &Case<S>, attempts: &[Attempt<S>]) {
    judged(world, honest, &Replay::default(), attempts, registries(world).map(knowing::<S>));
}

fn refused<S: Statement>(world: &World, honest: &Case<S>, prover: &dyn Prover<S>, attempts: &[Attempt<S>]) {
    judged(world, honest, prover, attempts, registries(world));
}

fn judged<S: Statement>(
    world: &World,
    honest: &Case<S>,
    prover: &dyn Prover<S>,
    attempts: &[Attempt<S>],
    registries: [Registry; 2],
) {
    let key: &Keypair = &world.key;
    let proof =
        prover.prove(&honest.context, &honest.public, &honest.witness, Seed::from_number(1)).expect("proved");
    let truth = claim::<S>(key, honest.context, &honest.public, &proof);
    assert!(attempts.len() >= 10, "{} lies about {}", attempts.len(), S::DOMAIN);
    for registry in registries {
        assert_eq!(registry.check(&truth), Ok(()), "{}", S::DOMAIN);
        for attempt in attempts {
            let claim = claim::<S>(key, attempt.context, &attempt.public, &attempt.proof);
            let refusal = registry.check(&claim).expect_err(attempt.lie);
            assert!(attempt.class.fits(&refusal), "{}: {} gives {refusal:?}", S::DOMAIN, attempt.lie);
            let direct = prover.verifier().verify(&attempt.context, &attempt.public, &attempt.proof);
            assert!(attempt.class.fits(&Refused::from(direct.expect_err(attempt.lie))), "{}", attempt.lie);
            // The fault planted: a judge that skips the check believes all of it.
            assert_eq!(Credulous.check(&claim), Ok(()), "{}", attempt.lie);
        }
    }
}

#[test]
fn about_turns() {
    for world in worlds() {
        let honest = world.turn();
        assert_eq!(honest.public.kept, [true, true, false]);
        let attempts = liar::turn::attempts(&honest);
        assert!(attempts.iter().any(|attempt| attempt.lie == "another score seed"));
        refused(&world, &honest, &Replay::default(), &attempts);
    }
}

#[test]
fn about_scores() {
    for world in worlds() {
        let honest = world.score();
        refused(&world, &honest, &Replay::default(), &liar::score::attempts(&honest));
    }
}

#[test]
fn about_inferences() {
    for world in worlds() {
        let honest = world.inference();
        refused(&world, &honest, &Replay::default(), &liar::inference::attempts(&honest));
    }
}

#[test]
fn about_holdings() {
    for world in worlds() {
        let honest = world.holding();
        refused(&world, &honest, &bitneuron_zk::Merkle, &liar::holding::attempts(&honest));
    }
}

#[test]
fn about_merges() {
    for world in worlds() {
        for rule in [None, Some(MergeRule::default())] {
            let honest = world.merge(rule);
            refused_too(&world, &honest, &liar::merge::attempts(&honest));
        }
    }
}

#[test]
fn about_steps() {
    for world in worlds() {
        for honest in world.kinds_of_steps() {
            refused_too(&world, &honest, &liar::step::attempts(&honest));
        }
    }
}

#[test]
fn about_metrics_and_improvements() {
    for world in worlds() {
        for (measure, sample) in [
            (Measure::Accuracy, true),
            (Measure::Loss(Loss::CrossEntropy), false),
            (Measure::Loss(Loss::OneHot), false),
            (Measure::Loss(Loss::Squared), true),
        ] {
            let honest = world.metric(measure, sample);
            refused_too(&world, &honest, &liar::metric::attempts(&honest));
            let honest = world.improvement(measure, sample);
            refused_too(&world, &honest, &liar::metric::improvements(&honest));
        }
    }
}

#[test]
fn about_norm_bounds() {
    for world in worlds() {
        let honest = world.norm_bound();
        refused_too(&world, &honest, &liar::norm::attempts(&honest));
    }
}

#[test]
fn about_predictions() {
    for world in worlds() {
        for net in [world.net(), world.factorised()] {
            let honest = world.prediction(net);
            refused_too(&world, &honest, &liar::prediction::attempts(&honest));
        }
    }
}

#[test]
fn about_statements_made_of_several() {
    for world in worlds() {
        let honest = world.batch();
        refused_too(&world, &honest, &liar::joined::batches(&honest));
        let honest = world.chain();
        refused_too(&world, &honest, &liar::joined::chains(&honest));
        let honest = world.both();
        refused_too(&world, &honest, &liar::pair::attempts(&honest));
        let honest = world.turn_chain();
        refused_too(&world, &honest, &liar::lineage::attempts(&honest));
    }
}

/// A class fits exactly its own refusal.
#[test]
fn classes_are_told_apart() {
    let refusals =
        [Refused::Malformed(String::new()), Refused::Unrelated(String::new()), Refused::False(String::new())];
    for (place, class) in [Class::Malformed, Class::Unrelated, Class::False].into_iter().enumerate() {
        for (other, refusal) in refusals.iter().enumerate() {
            assert_eq!(class.fits(refusal), place == other);
        }
        assert!(!class.fits(&Refused::TooCostly { gas: 1, limit: 0 }));
    }
}
