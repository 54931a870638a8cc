//! Audits and disputes in the bytes that cross the ledger, from claim to verdict.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use bitneuron_core::claim::{CheckClaim, Claim, Demand, Party, Refused, Ruling, Settles, Turn};
use bitneuron_core::{Bytes, Context, Digest, Seed, encode};
use bitneuron_zk::backend::optimistic::audit::Openings;
use bitneuron_zk::backend::optimistic::dispute::{Input, Side};
use bitneuron_zk::backend::optimistic::{Optimistic, Policy};
use bitneuron_zk::suite::{Case, World};
use bitneuron_zk::{
    Accepted, Backend, Defence, Doubt, Guarantees, Proof, Prover, Registry, Replay, TurnWitness, Verifier,
    VerifyError, binding, claim,
};

const BEACON: Digest = Digest([4; 32]);

struct Scene {
    world: World,
    case: Case<Turn>,
    optimistic: Optimistic,
    registry: Registry,
}

impl Scene {
    fn new(audited: usize) -> Self {
        let world = World::new(Seed::from_number(5));
        let optimistic = Optimistic::new(Policy { audited, ..Policy::default() });
        let registry = Registry::new()
            .with::<Turn>(optimistic.clone())
            .answering::<Turn>(Backend::REPLAY, Replay::default());
        Self { case: world.turn(), world, optimistic, registry }
    }

    fn prove(&self) -> Proof {
        let Case { context, public, witness } = &self.case;
        Prover::<Turn>::prove(&self.optimistic, context, public, witness, Seed::default()).unwrap()
    }

    fn claim(&self, public: &Turn, proof: &Proof) -> Claim {
        claim::<Turn>(&self.world.key, self.case.context, public, proof)
    }

    /// The commitment to the true run, bound to another public part.
    fn forge(&self, public: &Turn) -> Proof {
        let mut proof = self.prove();
        let bound = binding::<Turn>(Backend::OPTIMISTIC, &self.case.context, public);
        proof.body.0[..32].copy_from_slice(&bound.0);
        proof
    }

    fn accepted<'a>(&'a self, public: &'a Turn, proof: &'a Proof) -> Accepted<'a, Turn> {
        Accepted { context: &self.case.context, public, proof }
    }

    fn defence(&self) -> &dyn Defence<Turn> {
        Prover::<Turn>::defence(&self.optimistic).unwrap()
    }

    fn answer(&self, public: &Turn, proof: &Proof, beacon: Digest) -> Bytes {
        self.defence().answer(&self.accepted(public, proof), &self.case.witness, beacon).unwrap()
    }

    fn boast(&self) -> Turn {
        Turn { right_after: self.case.public.right_after + 1, ..self.case.public.clone() }
    }
}

#[test]
fn an_honest_author_answers_every_beacon() {
    let scene = Scene::new(3);
    let (public, proof) = (&scene.case.public, scene.prove());
    let claim = scene.claim(public, &proof);
    assert_eq!(scene.registry.check(&claim), Ok(()));
    assert_eq!(scene.registry.settles(&claim), Settles::After(16));
    for beacon in 0..20u8 {
        let beacon = Digest([beacon; 32]);
        let answer = scene.answer(public, &proof, beacon);
        assert_eq!(scene.registry.audit(&claim, beacon, Demand::Openings, &answer), Ok(()));
        assert!(scene.registry.audit_gas(&claim, Demand::Openings, &answer) > answer.len() as u64 / 16);
        let other = scene.registry.audit(&claim, Digest([99; 32]), Demand::Openings, &answer);
        assert!(other.is_err(), "another beacon asks for other units");
    }
    for hostile in [Vec::new(), vec![1; 40], encode(&Openings(Vec::new()))] {
        let refused = scene.registry.audit(&claim, BEACON, Demand::Openings, &hostile);
        assert!(matches!(refused, Err(Refused::Malformed(_))), "{refused:?}");
    }
    // Claims that settle at once are never audited.
    let replay = Replay::default();
    let Case { context, public, witness } = &scene.case;
    let proof = Prover::<Turn>::prove(&replay, context, public, witness, Seed::default()).unwrap();
    assert!(Prover::<Turn>::defence(&replay).is_none());
    let (claim, registry) = (scene.claim(public, &proof), Registry::replaying(&replay));
    assert_eq!(registry.settles(&claim), Settles::AtOnce);
    let refused = registry.audit(&claim, BEACON, Demand::Openings, &[]);
    assert!(matches!(refused, Err(Refused::Unavailable(_))));
}

#[test]
fn a_false_score_passes_the_check_and_no_audit() {
    let scene = Scene::new(0);
    let boast = scene.boast();
    let proof = scene.forge(&boast);
    let claim = scene.claim(&boast, &proof);
    assert_eq!(scene.registry.check(&claim), Ok(()), "believed until somebody asks");
    let answer = scene.answer(&boast, &proof, BEACON);
    let refused = scene.registry.audit(&claim, BEACON, Demand::Openings, &answer);
    assert!(matches!(refused, Err(Refused::False(_))), "{refused:?}");
    // The same root under another's name is not bound to it.
    let borrowed = scene.claim(&boast, &scene.prove());
    assert!(matches!(scene.registry.check(&borrowed), Err(Refused::Unrelated(_))));
}

#[test]
fn an_audit_can_be_answered_by_a_whole_proof_of_the_named_system() {
    let scene = Scene::new(3);
    let Case { context, public, witness } = &scene.case;
    let claim = scene.claim(public, &scene.prove());
    let demand = Demand::Proof(Backend::REPLAY.0);
    let replay = Replay::default();
    let whole = Prover::<Turn>::prove(&replay, context, public, witness, Seed::default()).unwrap();
    assert_eq!(scene.registry.audit(&claim, BEACON, demand, &encode(&whole)), Ok(()));
    assert!(scene.registry.audit_gas(&claim, demand, &encode(&whole)) > 0);
    let openings = scene.answer(public, &scene.prove(), BEACON);
    assert!(scene.registry.audit(&claim, BEACON, demand, &openings).is_err());
    assert!(scene.registry.audit(&claim, BEACON, demand, &encode(&scene.prove())).is_err());
    let unknown = scene.registry.audit(&claim, BEACON, Demand::Proof(99), &encode(&whole));
    assert!(matches!(unknown, Err(Refused::Unknown(_))));
    // The proof must be of what was claimed.
    let boast = scene.boast();
    let lie = scene.claim(&boast, &scene.forge(&boast));
    assert!(scene.registry.audit(&lie, BEACON, demand, &encode(&whole)).is_err());
}

/// As [`Optimistic`], but its audits cost so much.
struct Dear(Optimistic, u64);

impl Verifier<Turn> for Dear {
    fn verify(&self, context: &Context, public: &Turn, proof: &Proof) -> Result<(), VerifyError> {
        Verifier::<Turn>::verify(&self.0, context, public, proof)
    }

    fn guarantees(&self, public: &Turn) -> Guarantees {
        Verifier::<Turn>::guarantees(&self.0, public)
    }

    fn gas(&self, public: &Turn) -> u64 {
        Verifier::<Turn>::gas(&self.0, public)
    }

    fn doubt(&self) -> Option<&dyn Doubt<Turn>> {
        Some(self)
    }
}

impl Doubt<Turn> for Dear {
    fn audit(&self, claim: &Accepted<'_, Turn>, beacon: Digest, answer: &[u8]) -> Result<(), VerifyError> {
        self.0.audit(claim, beacon, answer)
    }

    fn audit_gas(&self, _: &Turn) -> u64 {
        self.1
    }

    fn rule(
        &self,
        claim: &Accepted<'_, Turn>,
        beacon: Digest,
        referee: Option<&[u8]>,
        step: &[u8],
    ) -> Result<Ruling, VerifyError> {
        self.0.rule(claim, beacon, referee, step)
    }

    fn rule_gas(&self, _: &Turn) -> u64 {
        0
    }
}

#[test]
fn what_could_never_be_audited_is_not_believed() {
    let scene = Scene::new(3);
    let claim = scene.claim(&scene.case.public, &scene.prove());
    let limit = Registry::DEFAULT_LIMIT;
    let priced = |gas| Registry::new().with::<Turn>(Dear(scene.optimistic.clone(), gas));
    assert_eq!(priced(limit).check(&claim), Ok(()));
    let refused = priced(limit + 1).check(&claim);
    assert_eq!(refused, Err(Refused::TooCostly { gas: limit + 1, limit }));
}

/// Plays a dispute from the challenger's first move to its verdict; both reply as their witnesses tell them, and the
/// challenger says `wrong` wherever that is given.
fn play(
    scene: &Scene,
    claim: &Claim,
    accepted: &Accepted<'_, Turn>,
    first: &Bytes,
    challenger: &TurnWitness,
    wrong: Option<Side>,
) -> (Party, usize) {
    let mut ruling = scene.registry.rule(claim, BEACON, None, first).unwrap();
    for moves in 0.. {
        let (party, referee) = match &ruling {
            Ruling::Verdict { guilty } => return (*guilty, moves),
            Ruling::Asks { party, referee } => (*party, referee.clone()),
        };
        let step = match (party, wrong) {
            (Party::Author, _) => scene.defence().reply(accepted, &scene.case.witness, &referee).unwrap(),
            (Party::Challenger, Some(side)) => encode(&Input::Wrong(side)).into(),
            (Party::Challenger, None) => scene.defence().reply(accepted, challenger, &referee).unwrap(),
        };
        let time = encode(&Input::Height(bitneuron_core::Height(900)));
        assert!(scene.registry.rule(claim, BEACON, Some(&referee), &time).is_err(), "time is no move");
        assert!(scene.registry.rule(claim, BEACON, Some(&referee), &[7; 9]).is_err());
        assert!(scene.registry.rule_gas(claim, &step) > 0);
        ruling = scene.registry.rule(claim, BEACON, Some(&referee), &step).unwrap();
    }
    unreachable!("every dispute ends")
}

#[test]
fn a_dispute_finds_who_lies() {
    let scene = Scene::new(3);
    let (public, proof) = (&scene.case.public, scene.prove());
    let (honest, accepted) = (scene.claim(public, &proof), scene.accepted(public, &proof));
    // Who has the same run has nothing to say.
    assert_eq!(scene.defence().challenge(&accepted, &scene.case.witness).unwrap(), None);
    // Who has another run loses, whatever it says is wrong.
    let mut other = scene.case.witness.clone();
    other.models.reverse();
    let first = scene.defence().challenge(&accepted, &other).unwrap().unwrap();
    for wrong in [None, Some(Side::Left), Some(Side::Right)] {
        let (guilty, moves) = play(&scene, &honest, &accepted, &first, &other, wrong);
        assert_eq!(guilty, Party::Challenger, "{wrong:?}");
        assert!((3..20).contains(&moves), "{moves}");
    }
    // A false output over a true run: one opening decides.
    let boast = scene.boast();
    let proof = scene.forge(&boast);
    let (lie, accepted) = (scene.claim(&boast, &proof), scene.accepted(&boast, &proof));
    let first = scene.defence().challenge(&accepted, &scene.case.witness).unwrap().unwrap();
    assert_eq!(play(&scene, &lie, &accepted, &first, &scene.case.witness, None), (Party::Author, 1));
}
