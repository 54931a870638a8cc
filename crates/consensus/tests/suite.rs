//! The reference implementations keep the laws, and each law refuses an implementation that breaks it.

use bitneuron_consensus::{
    Block, Capped, ConsensusEngine, Effect, Electorate, Evidence, Header, Input, Linear, Malachite, Message,
    Refused, SignedVote, SquareRoot, Stage, StakeReputation, Timeouts, Vote, Weigh,
    suite::{
        Law, engine,
        network::{Make, Plan},
        weigh::{self, Split},
    },
};
use bitneuron_core::{
    Amount, Bytes, ChainId, Digest, Epoch, Height, Keypair, Machine, NodeId, Outbox, Reputation, Time,
    Weight, decode,
};
use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

fn reference(key: Keypair, chain: ChainId) -> Box<dyn ConsensusEngine> {
    Box::new(Malachite::new(key, chain, Timeouts::default()))
}

#[test]
fn the_engine_keeps_its_laws() {
    assert_eq!(engine::check(&reference), Ok(()));
}

#[test]
fn the_rules_keep_their_laws() {
    for rule in [&Linear as &dyn Weigh, &StakeReputation, &SquareRoot, &Capped { cap: Weight(1 << 30) }] {
        assert_eq!(weigh::check(rule), Ok(()));
    }
}

#[test]
fn splitting_gains_nothing_under_neutral_rules_and_much_under_others() {
    let (stake, others) = (Amount::tokens(1_000_000), Amount::tokens(63_000_000));
    let split = |rule: &dyn Weigh, reputation| {
        let split = Split::new(rule, stake, Reputation(reputation), 1_000);
        // Others hold one stake of the same size for each name.
        let weight = u128::from(rule.weigh(stake, Reputation(reputation)).0) * others.0 / stake.0;
        (split.power(), split.odds(weight))
    };
    for rule in [&Linear as &dyn Weigh, &StakeReputation] {
        for reputation in [0, 30_000, u16::MAX] {
            let (power, odds) = split(rule, reputation);
            assert!((power - 1.0).abs() <= 0.001 && (odds - 1.0).abs() <= 0.001, "{power} {odds}");
        }
    }
    let cap = StakeReputation.weigh(Amount::tokens(10_000), Reputation(0));
    let gains = [split(&SquareRoot, 0), split(&Capped { cap }, 0)];
    let shown = gains.map(|(power, odds)| (power.round(), odds.round()));
    // √1000 = 31.6 times the weight, and a stake a hundred times the cap weighs a hundred times as much.
    assert_eq!(shown, [(32.0, 21.0), (100.0, 39.0)]);
}

#[test]
fn a_thousand_names_are_drawn_as_often_as_one() {
    let stake = Amount::tokens(300_000);
    let others = (1..=20u8).map(|n| (NodeId([n; 32]), Amount::tokens(35_000), Reputation(0)));
    let name = |n: u16| {
        let mut id = [200; 32];
        id[..2].copy_from_slice(&n.to_be_bytes());
        NodeId(id)
    };
    let drawn = |names: u16| {
        let part = Amount(stake.0 / u128::from(names));
        let own = (0..names).map(|n| (name(n), part, Reputation(0)));
        let voters = own.chain(others.clone());
        let voters =
            Electorate::weighed(Epoch(0), voters, &StakeReputation, Digest([5; 32])).expect("allowed");
        let own = |height| voters.proposer(Height(height), 0).0[31] == 200;
        (0..100_000).filter(|height| own(*height)).count() as f64
    };
    // 30 % of the weight: 30,000 ± 145 draws.
    let counts = [drawn(1), drawn(1_000)];
    assert!(counts.iter().all(|count| (count - 30_000.0).abs() < 450.0), "{counts:?}");
}

/// Reputation worth up to a multiple: `stake · (1 + r/(65,536·part))`.
struct Veteran {
    part: u64,
}

impl Weigh for Veteran {
    fn weigh(&self, stake: Amount, reputation: Reputation) -> Weight {
        let factor = 65_536 + u128::from(u64::from(reputation.0) / self.part);
        Weight((stake.0 / Amount::QUANTUM.0 * factor) as u64)
    }

    fn sybil_neutral(&self) -> bool {
        true
    }

    fn name(&self) -> &'static str {
        "veteran"
    }
}

#[test]
fn what_a_veteran_attacker_gains_by_each_bound_on_reputation() {
    let readme = include_str!("../README.md");
    let supply = 1_000_000;
    let least = |rule: &dyn Weigh| {
        // The least stake, in millionths, that weighs a third with the highest reputation against fresh honest stake.
        let third = |stake: &u64| {
            let weigh = |tokens: u64, r| u128::from(rule.weigh(Amount::tokens(tokens), r).0);
            let own = weigh(*stake, Reputation::MAX);
            3 * own >= own + weigh(supply - stake, Reputation(0))
        };
        let (mut low, mut high) = (0, supply);
        while high - low > 1 {
            let middle = u64::midpoint(low, high);
            if third(&middle) { high = middle } else { low = middle }
        }
        format!("{:.1}", high as f64 / 10_000.0)
    };
    let bounds = [("1/4", 4, "28.6"), ("1/2", 2, "25.0"), ("1", 1, "20.0")];
    for (bound, part, share) in bounds {
        assert_eq!(least(&Veteran { part }), share);
        let line = format!("| {bound} | ×{:.2} | {share} % |", 1.0 + 1.0 / part as f64);
        assert!(readme.contains(&line), "{line}");
    }
    assert_eq!(least(&StakeReputation), "28.6", "the rule of the chain is the first");
    assert_eq!(least(&Linear), "33.3");
}

struct Rule(fn(u128, u64) -> u128);

impl Weigh for Rule {
    fn weigh(&self, stake: Amount, reputation: Reputation) -> Weight {
        Weight(self.0(stake.0 / Amount::QUANTUM.0, u64::from(reputation.0)) as u64)
    }

    fn sybil_neutral(&self) -> bool {
        true
    }

    fn name(&self) -> &'static str {
        "wrong"
    }
}

#[test]
fn wrong_rules_are_refused_by_the_law_they_break() {
    let law = |rule| weigh::check(&Rule(rule)).expect_err("wrong").law;
    assert_eq!(law(|stake, _| 1_000_000_000_000_000 - stake), Law::Monotone);
    assert_eq!(law(|stake, reputation| stake * 65_536 + 16_000 - u128::from(reputation / 5)), Law::Monotone);
    assert_eq!(law(|stake, _| stake.isqrt()), Law::SybilNeutral);
    assert_eq!(law(|stake, reputation| stake * (65_536 + u128::from(reputation))), Law::Bounded);
}

/// What a wrong engine does with inputs and effects; it may add or drop effects.
type Wrong = fn(&Keypair, ChainId, Effect) -> Vec<Effect>;

/// The reference with a fault.
struct Faulty {
    inner: Malachite,
    key: Keypair,
    chain: ChainId,
    input: fn(Input) -> Input,
    wrong: Wrong,
}

impl Machine for Faulty {
    type Input = Input;
    type Effect = Effect;
    type Error = Refused;

    fn step(&mut self, now: Time, input: Input, out: &mut Outbox<Effect>) -> Result<(), Refused> {
        let mut right = Outbox::new();
        self.inner.step(now, (self.input)(input), &mut right)?;
        for effect in right {
            out.extend((self.wrong)(&self.key, self.chain, effect));
        }
        Ok(())
    }
}

impl ConsensusEngine for Faulty {
    fn height(&self) -> Height {
        self.inner.height()
    }
}

fn broken_law(input: fn(Input) -> Input, wrong: Wrong) -> Law {
    let make = move |key: Keypair, chain| -> Box<dyn ConsensusEngine> {
        let inner = Malachite::new(key.clone(), chain, Timeouts::default());
        Box::new(Faulty { inner, key, chain, input, wrong })
    };
    engine::check(&make as &Make<'_>).expect_err("wrong").law
}

fn same(input: Input) -> Input {
    input
}

#[test]
fn an_engine_that_commits_its_own_blocks_breaks_agreement() {
    // Each node commits a block of its own making in the place of the decided one.
    let law = broken_law(same, |key, chain, effect| match effect {
        Effect::Commit { block, certificate } => {
            let header = Header { chain, proposer: key.id(), ..block.header.clone() };
            let block = Block::new(header, vec![Bytes(key.id().0.to_vec())]);
            vec![Effect::Commit { block: Arc::new(block), certificate }]
        }
        other => vec![other],
    });
    assert_eq!(law, Law::Agreement);
}

#[test]
fn an_engine_that_hides_votes_breaks_certification() {
    let law = broken_law(same, |_, _, effect| match effect {
        Effect::Commit { block, mut certificate } => {
            certificate.votes.truncate(1);
            vec![Effect::Commit { block, certificate }]
        }
        other => vec![other],
    });
    assert_eq!(law, Law::Certified);
}

#[test]
fn an_engine_deaf_to_the_judge_breaks_validity() {
    let deaf = |input| match input {
        Input::Judged { block, .. } => Input::Judged { block, valid: true },
        other => other,
    };
    assert_eq!(broken_law(deaf, |_, _, effect| vec![effect]), Law::Validity);
}

#[test]
fn an_engine_that_builds_nothing_breaks_liveness() {
    let law = broken_law(same, |_, _, effect| match effect {
        Effect::Build { .. } => Vec::new(),
        other => vec![other],
    });
    assert_eq!(law, Law::Liveness);
}

#[test]
fn an_engine_that_forges_evidence_breaks_no_slander() {
    let law = broken_law(same, |key, chain, effect| match effect {
        Effect::Commit { block, certificate } => {
            let victim = certificate.votes[0].0;
            let forge = |block| {
                let vote = Vote { height: Height(1), round: 0, stage: Stage::Prevote, block, by: victim };
                SignedVote { vote, signature: vote.sign(key, chain).signature }
            };
            let accuse = Evidence::votes(forge(None), forge(Some(Digest::ZERO))).expect("a pair");
            vec![Effect::Accuse(accuse), Effect::Commit { block, certificate }]
        }
        other => vec![other],
    });
    assert_eq!(law, Law::NoSlander);
}

#[test]
fn an_engine_that_looks_away_breaks_accountability() {
    let law = broken_law(same, |_, _, effect| match effect {
        Effect::Accuse(_) => Vec::new(),
        other => vec![other],
    });
    assert_eq!(law, Law::Accountability);
}

#[test]
fn an_engine_with_a_memory_of_its_own_breaks_determinism() {
    static RUNS: AtomicU64 = AtomicU64::new(0);
    let law = broken_law(same, |_, _, effect| match effect {
        Effect::Timer { id, after } => {
            let after = after + Duration::from_micros(RUNS.fetch_add(1, Ordering::Relaxed) % 1000);
            vec![Effect::Timer { id, after }]
        }
        other => vec![other],
    });
    assert_eq!(law, Law::Determinism);
}

#[test]
fn an_engine_that_trusts_bytes_breaks_totality() {
    let trusting = |input| {
        if let Input::Message { bytes, .. } = &input {
            assert!(decode::<Message>(bytes).is_ok(), "a planted panic");
        }
        input
    };
    assert_eq!(broken_law(trusting, |_, _, effect| vec![effect]), Law::Totality);
}

#[test]
fn a_plan_names_its_electorate() {
    let plan = Plan { rotate: 5, ..Plan::new(1, 1) };
    let [first, second] = [4, 5].map(|height| plan.electorate(Height(height)).expect("allowed"));
    assert_eq!(first.total(), second.total());
    let id = plan.key(0).id();
    assert_eq!((first.weight_of(id), second.weight_of(id)), (Some(Weight(36)), Some(Weight(30))));
}
