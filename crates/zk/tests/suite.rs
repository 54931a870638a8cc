//! The reference provers keep all laws; for each law, one wrong implementation is refused by that law.

use bitneuron_core::claim::{Holding, Inference, Score, Turn};
use bitneuron_core::exact::Tensor;
use bitneuron_core::{Context, Seed};
use bitneuron_zk::suite::{Case, Law, World, check, check_with};
use bitneuron_zk::{
    Assumption, Backend, Guarantees, Library, Merkle, Proof, ProveError, Prover, Replay, Verifier,
    VerifyError, ZeroKnowledge, liar,
};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

fn world() -> World {
    World::new(Seed::from_number(1))
}

#[test]
fn replay_and_merkle_keep_the_laws() {
    let world = world();
    let mut library = Library::new();
    library.insert_data(&world.metric_set);
    library.insert_data(&world.data);
    for replay in [Replay::default(), Replay::new(Arc::new(library))] {
        check::<Turn>(&replay, &liar::replayed, &world.turns()).unwrap();
        check::<Score>(&replay, &liar::replayed, &world.scores()).unwrap();
        check::<Inference>(&replay, &liar::replayed, &world.inferences()).unwrap();
    }
    check::<Holding>(&Merkle, &liar::holding::opened, &world.holdings()).unwrap();
}

/// What a wrong implementation does differently from replay.
type Prove = Box<dyn Fn(&Case<Score>, Seed) -> Result<Proof, ProveError> + Send + Sync>;
type Verify = Box<dyn Fn(&Context, &Score, &Proof) -> Result<(), VerifyError> + Send + Sync>;

struct Wrong {
    prove: Prove,
    verify: Verify,
    reproducible: bool,
    guarantees: fn(Guarantees) -> Guarantees,
    gas: Box<dyn Fn(u64) -> u64 + Send + Sync>,
}

fn replay() -> Replay {
    Replay::default()
}

fn accept(context: &Context, public: &Score, proof: &Proof) -> Result<(), VerifyError> {
    Verifier::<Score>::verify(&replay(), context, public, proof)
}

fn right() -> Wrong {
    Wrong {
        prove: Box::new(|case, seed| {
            Prover::<Score>::prove(&replay(), &case.context, &case.public, &case.witness, seed)
        }),
        verify: Box::new(accept),
        reproducible: true,
        guarantees: |guarantees| guarantees,
        gas: Box::new(|gas| gas),
    }
}

impl Prover<Score> for Wrong {
    fn prove(
        &self,
        context: &Context,
        public: &Score,
        witness: &bitneuron_zk::ScoreWitness,
        entropy: Seed,
    ) -> Result<Proof, ProveError> {
        let case = Case { context: *context, public: public.clone(), witness: witness.clone() };
        (self.prove)(&case, entropy)
    }

    fn verifier(&self) -> Arc<dyn Verifier<Score>> {
        Arc::new(replay())
    }

    fn reproducible(&self) -> bool {
        self.reproducible
    }
}

impl Verifier<Score> for Wrong {
    fn verify(&self, context: &Context, public: &Score, proof: &Proof) -> Result<(), VerifyError> {
        (self.verify)(context, public, proof)
    }

    fn guarantees(&self, public: &Score) -> Guarantees {
        (self.guarantees)(Verifier::<Score>::guarantees(&replay(), public))
    }

    fn gas(&self, public: &Score) -> u64 {
        (self.gas)(Verifier::<Score>::gas(&replay(), public))
    }
}

fn broken(wrong: &Wrong) -> Option<Law> {
    check_with::<Score>(wrong, wrong, &liar::replayed, &world().scores()).err().map(|violation| violation.law)
}

#[test]
fn the_right_one_passes() {
    assert_eq!(broken(&right()), None);
}

#[test]
fn cases_must_be_true_and_false() {
    let [truth, lie] = world().scores();
    for cases in [vec![], vec![truth], vec![lie]] {
        let violation = check::<Score>(&replay(), &liar::replayed, &cases).unwrap_err();
        assert_eq!(violation.law, Law::Cases);
    }
}

#[test]
fn a_verifier_that_refuses_all_is_incomplete() {
    let refuse: Verify = Box::new(|_, _, _| Err(VerifyError::Unbound));
    assert_eq!(broken(&Wrong { verify: refuse, ..right() }), Some(Law::Complete));
}

#[test]
fn a_prover_of_lies_is_not_honest() {
    let prove: Prove = Box::new(|case, _| {
        let set = &case.witness.metric_set;
        let witness = [&case.witness.model, set.features(), set.labels()];
        Ok(liar::forge::<Score>(&case.context, &case.public, &witness))
    });
    assert_eq!(broken(&Wrong { prove, ..right() }), Some(Law::Honest));
}

#[test]
fn a_prover_that_counts_is_not_deterministic() {
    let count = AtomicU64::new(0);
    let prove: Prove = Box::new(move |case, seed| {
        let mut proof = (right().prove)(case, seed)?;
        proof.body.0.push(count.fetch_add(1, Ordering::Relaxed) as u8);
        Ok(proof)
    });
    let verify: Verify = Box::new(|context, public, proof| {
        let mut proof = proof.clone();
        proof.body.0.pop();
        accept(context, public, &proof)
    });
    let counts = Wrong { prove, verify, ..right() };
    assert_eq!(broken(&counts), Some(Law::Deterministic));
    // Who says so may count, but a verifier that reads past the count accepts other bytes.
    assert_eq!(broken(&Wrong { reproducible: false, ..counts }), Some(Law::Bytes));
}

#[test]
fn a_proof_said_to_hide_must_be_fresh() {
    let guarantees =
        |guarantees: Guarantees| Guarantees { zero_knowledge: ZeroKnowledge::Full, ..guarantees };
    assert_eq!(broken(&Wrong { guarantees, ..right() }), Some(Law::Fresh));
}

#[test]
fn a_proof_too_long_for_the_wire_breaks_the_encoding() {
    let prove: Prove = Box::new(|case, seed| {
        let mut proof = (right().prove)(case, seed)?;
        proof.body.0.resize(Proof::MAX_BODY + 100, 0);
        Ok(proof)
    });
    let length = {
        let case = world().score();
        (right().prove)(&case, Seed::from_number(0)).unwrap().body.len()
    };
    let verify: Verify = Box::new(move |context, public, proof| {
        let mut proof = proof.clone();
        proof.body.0.truncate(length);
        accept(context, public, &proof)
    });
    assert_eq!(broken(&Wrong { prove, verify, ..right() }), Some(Law::Encoding));
}

#[test]
fn a_verifier_deaf_to_the_public_part_is_not_sound() {
    let known = world().score().public;
    let verify: Verify = Box::new(move |context, _, proof| accept(context, &known, proof));
    assert_eq!(broken(&Wrong { verify, ..right() }), Some(Law::Public));
}

#[test]
fn a_verifier_deaf_to_one_field_of_the_context_is_not_bound() {
    let here = world().score().context;
    let deaf: [fn(&Context, Context) -> Context; 4] = [
        |there, here| Context { chain: here.chain, ..*there },
        |there, here| Context { height: here.height, ..*there },
        |there, here| Context { by: here.by, ..*there },
        |there, here| Context { subject: here.subject, ..*there },
    ];
    for mend in deaf {
        let verify: Verify =
            Box::new(move |context, public, proof| accept(&mend(context, here), public, proof));
        assert_eq!(broken(&Wrong { verify, ..right() }), Some(Law::Context));
    }
}

#[test]
fn a_verifier_deaf_to_the_backend_is_not_bound() {
    let verify: Verify = Box::new(|context, public, proof| {
        accept(context, public, &Proof { backend: Backend::REPLAY, ..proof.clone() })
    });
    assert_eq!(broken(&Wrong { verify, ..right() }), Some(Law::Backend));
}

#[test]
fn a_verifier_that_reads_only_the_binding_is_not_sound() {
    let honest = {
        let case = world().score();
        (right().prove)(&case, Seed::from_number(0)).unwrap()
    };
    let verify: Verify = Box::new(move |context, public, proof| {
        let mut proof = proof.clone();
        if proof.body.len() > 32 {
            proof.body.0.splice(32.., honest.body[32..].iter().copied());
        }
        accept(context, public, &proof)
    });
    assert_eq!(broken(&Wrong { verify, ..right() }), Some(Law::Bytes));
}

/// It looks at the binding and at what is committed, and skips the work.
#[test]
fn a_verifier_that_never_runs_the_program_is_not_sound() {
    let verify: Verify = Box::new(|context, public, proof| match accept(context, public, proof) {
        Err(VerifyError::False(_)) => Ok(()),
        verdict => verdict,
    });
    assert_eq!(broken(&Wrong { verify, ..right() }), Some(Law::Sound));
}

#[test]
fn a_forger_must_know_the_form_of_a_proof() {
    let noise = |case: &Case<Score>| Proof { body: vec![1; 40].into(), ..liar::replayed(case) };
    let violation = check_with::<Score>(&right(), &right(), &noise, &world().scores()).unwrap_err();
    assert_eq!(violation.law, Law::Cases);
}

#[test]
fn a_verifier_that_panics_is_not_total() {
    let verify: Verify = Box::new(|context, public, proof| {
        assert!(proof.body.len() >= 32, "a short proof");
        accept(context, public, proof)
    });
    assert_eq!(broken(&Wrong { verify, ..right() }), Some(Law::Total));
}

#[test]
fn contradictions_are_not_frank() {
    let claims: [fn(Guarantees) -> Guarantees; 3] = [
        |guarantees| Guarantees { succinct: true, ..guarantees },
        |mut guarantees| {
            guarantees.soundness.bits = 0;
            guarantees
        },
        |mut guarantees| {
            guarantees.soundness.under = Assumption::Economic;
            guarantees
        },
    ];
    for guarantees in claims {
        assert_eq!(broken(&Wrong { guarantees, ..right() }), Some(Law::Frank));
    }
}

#[test]
fn free_or_wavering_checks_are_not_priced() {
    assert_eq!(broken(&Wrong { gas: Box::new(|_| 0), ..right() }), Some(Law::Priced));
    let count = AtomicU64::new(1);
    let wavering = Box::new(move |gas| gas + count.fetch_add(1, Ordering::Relaxed));
    assert_eq!(broken(&Wrong { gas: wavering, ..right() }), Some(Law::Priced));
}

/// Re-execution shows the witness: the packed model stands in the proof, and the guarantees say so.
#[test]
fn replay_shows_the_model_and_says_so() {
    let case = world().score();
    let proof = (right().prove)(&case, Seed::from_number(0)).unwrap();
    let model: &Tensor = &case.witness.model;
    let packed = bitneuron_zk::pack::pack(model);
    assert!(proof.body.windows(packed.len()).any(|window| window == packed));
    let guarantees = Verifier::<Score>::guarantees(&replay(), &case.public);
    assert_eq!(guarantees.zero_knowledge, ZeroKnowledge::None);
    assert_eq!((guarantees.succinct, guarantees.soundness.under), (false, Assumption::Replay));
}
