//! A report as a default run could give it, made by formulas: curves that saturate, sums that match.

use bitneuron_core::Amount;
use bitneuron_sim::report::{
    Accuracy, AdversaryReport, Assaulted, Blocks, ContestReport, Deals, Healing, Merges, Proofs, Quantiles,
    Report, Round, Served, SettingReport, Supply, Traffic, ValidatorReport,
};
use std::collections::BTreeMap;

const VALIDATORS: u16 = 7;
const GUILTY: u16 = 6;
const ROUNDS: u64 = 60;
const PACKET: u64 = 2_486;
const DENSE: u64 = 9_640;

/// The whole report.
pub(crate) fn report() -> Report {
    let history: Vec<_> = (1..=ROUNDS).map(round).collect();
    let end = history.last().expect("rounds").clone();
    Report {
        seed: 1,
        trace_hash: "5f1c0a7be2d94c3386aa0e1977d3b84e6c2f90513acd7e8842bb61f0d95a3c07".into(),
        rounds: ROUNDS,
        setting: SettingReport {
            validators: VALIDATORS.into(),
            users: 50,
            partition: "iid".into(),
            label_entropy: 2.91,
            model: "mlp".into(),
            net: "64-32-10".into(),
            parameters: 2_410,
            whole_parameters: 2_410,
            compressor: "uniform:8".into(),
            merge: "filtered:radius=5,clamp=0.1001".into(),
            attack: Some("ipm:0.2".into()),
            select: None,
            adversaries: "liar:1,swapper:1,flipper:1,equivocator:1".into(),
            prover: "replay".into(),
            escalate: None,
            without: None,
        },
        accuracy: Accuracy {
            validators_mean: end.validators_mean,
            validators_worst: end.validators_worst,
            users_mean: end.users_mean,
            local_only: 0.722,
            centralised: 0.983,
            whole_centralised: None,
        },
        bytes: end.bytes,
        blocks: Blocks { height: end.height, certified: end.height, late_rounds: 9 },
        finality_ms: Quantiles { p50: 163.2, p99: 1_410.0 },
        deals: end.deals,
        proofs: end.proofs,
        merges: Merges { inputs: 3_720, dropped: 61 },
        assault: Some(Assaulted { users: 10, inputs: 588, dropped: 31 }),
        healing: Some(Healing {
            clean: Served { bare: 0.972, healed: 0.968 },
            noise: Served { bare: 0.551, healed: 0.812 },
            attack: Served { bare: 0.634, healed: 0.807 },
        }),
        contests: contests(),
        slashed: end.slashed,
        supply: Supply { expected: Amount::SUPPLY, actual: Amount::SUPPLY },
        balances: end.balances.clone(),
        validators: (0..VALIDATORS).map(|index| validator(index, &end)).collect(),
        adversaries: adversaries(),
        history,
    }
}

fn contests() -> Vec<ContestReport> {
    let void = ContestReport {
        contest: 0,
        height: 48,
        void: Some("too few shards".into()),
        ..ContestReport::default()
    };
    let paid = ContestReport {
        contest: 1,
        height: 96,
        void: None,
        called: 10,
        opened: 9,
        candidates: 7,
        kinds: 6,
        better: 5,
        best: 1_234_567,
        gradient: Amount::tokens(1_000),
        examiners: Amount::tokens(50),
        royalty: Amount::tokens(750),
        moved: true,
    };
    vec![void, paid]
}

fn round(round: u64) -> Round {
    let t = round as f64;
    let rise = |from: f64, to: f64, pace: f64| to - (to - from) * (-t / pace).exp();
    let jitter = |scale: f64, phase: f64| scale * (t * 2.3 + phase).sin() * (0.4 + 1.0 / t);
    let models = 48 * round;
    let slashed_stake = if round > 14 { Amount::tokens(500) } else { Amount::ZERO };
    let slashed = plus(slashed_stake, Amount(2_000_000_000 * u128::from(round)));
    Round {
        round,
        height: 4 * round,
        virtual_ms: 2_000 * round + 37,
        validators_mean: rise(0.31, 0.974, 6.5) + jitter(0.006, 0.0),
        validators_worst: rise(0.19, 0.962, 7.5) + jitter(0.012, 1.0),
        users_mean: rise(0.44, 0.969, 9.0) + jitter(0.005, 2.0),
        bytes: Traffic {
            sent: models * PACKET,
            dense_equivalent: models * DENSE,
            sold: models * PACKET,
            sold_dense: models * DENSE,
            all_messages: models * PACKET * 9 + round * 1_250_000,
        },
        deals: Deals {
            made: models + round,
            settled: models,
            refunded: round,
            refuted: round * 9 / 10,
            late: round / 10,
        },
        proofs: Proofs {
            made: 60 * round,
            accepted: 58 * round,
            refuted: 2 * round,
            turns: 7 * round,
            ..Proofs::default()
        },
        slashed,
        finality_ms: if round % 17 == 5 { 1_180.0 } else { 161.0 + 6.0 * (t * 1.9).sin() },
        balances: balances(round),
        stakes: (0..VALIDATORS).map(|index| stake(index, round)).collect(),
        reputations: (0..VALIDATORS).map(|index| reputation(index, round)).collect(),
    }
}

fn balances(round: u64) -> BTreeMap<String, Amount> {
    let paid = Amount(48 * 1_850_000_000 * u128::from(round));
    let rewards = Amount(7 * 21_400_000_000 * u128::from(round));
    let slashed = if round > 14 { Amount::tokens(500) } else { Amount::ZERO };
    let users = plus(Amount::tokens(50_000), paid);
    let validators = minus(minus(plus(Amount::tokens(77_000), rewards), paid), slashed);
    let treasury = minus(minus(Amount::SUPPLY, users), validators);
    let named = [("users", users), ("validators", validators), ("treasury", treasury)];
    named.map(|(role, amount)| (role.to_owned(), amount)).into()
}

fn stake(index: u16, round: u64) -> Amount {
    let whole = Amount::tokens(10_000 + 120 * u64::from(index % 3));
    if index == GUILTY && round > 14 { minus(whole, Amount::tokens(500)) } else { whole }
}

fn reputation(index: u16, round: u64) -> u16 {
    if index == GUILTY && round > 14 {
        return 0;
    }
    let pace = 210.0 + 14.0 * f64::from(index);
    (24_000.0 * (1.0 - (-(round as f64) * pace / 9_000.0).exp())) as u16
}

fn validator(index: u16, end: &Round) -> ValidatorReport {
    let guilty = index == GUILTY;
    ValidatorReport {
        index: index.into(),
        stake: end.stakes[usize::from(index)],
        reputation: end.reputations[usize::from(index)],
        balance: Amount(1_534_250_000_000 + 17_300_000_000 * u128::from(index)),
        accuracy: end.validators_worst + 0.003 * f64::from(index % 5),
        proposed: if guilty { 8 } else { 38 + u64::from(index % 3) },
        turns: if guilty { 14 } else { ROUNDS - u64::from(index % 2) },
        slashed: if guilty { Amount::tokens(500) } else { Amount::ZERO },
    }
}

fn adversaries() -> Vec<AdversaryReport> {
    let line = |who: &str, conduct: &str, caught, lost, earned| AdversaryReport {
        who: who.into(),
        conduct: conduct.into(),
        caught,
        lost: Amount::tokens(lost),
        earned: Amount::tokens(earned),
    };
    vec![
        line("user 3", "lies about its score", 60, 60, 0),
        line("user 11", "delivers other bytes", 60, 60, 0),
        line("user 19", "sells sign-flipped models", 0, 0, 111),
        line("validator 6", "votes twice", 1, 500, 0),
    ]
}

fn plus(one: Amount, other: Amount) -> Amount {
    one.checked_add(other).expect("bounded")
}

fn minus(one: Amount, other: Amount) -> Amount {
    one.checked_sub(other).expect("enough")
}
