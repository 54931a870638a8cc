//! Reputation: its laws, its enemies over a thousand epochs, and what each input does.
//!
//! Notation as in the module: S stake, K = S·κ, V credit in a channel, R reputation, w weight. Rewards are those of the first
//! year of the main network with 2·10⁹ staked tokens.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::cast_precision_loss,
    reason = "a test fails by panicking, and prints ratios"
)]

use bitneuron_consensus::{StakeReputation, Weigh as _};
use bitneuron_core::{Amount, Reputation};
use bitneuron_ledger::{Channel, Params, ReputationParams, Standing, emission};
use proptest::prelude::*;

/// All that is staked.
const ALL: Amount = Amount::tokens(2_000_000_000);

fn rules() -> (Params, ReputationParams) {
    let params = Params::mainnet();
    let reputation = params.reputation.clone();
    (params, reputation)
}

fn weigh(stake: Amount, reputation: Reputation) -> u128 {
    u128::from(StakeReputation.weigh(stake, reputation).0)
}

/// What weight earns in an epoch of the first year: 30 % of the emission.
fn yielded(epoch: u64) -> Amount {
    let (pool, duration) = (Amount::tokens(2_000_000_000), 220_903_200);
    let at = |epoch: u64| emission(pool, epoch * 3_600, duration);
    at(epoch + 1).checked_sub(at(epoch)).unwrap().mul_div(3, 10).unwrap()
}

/// κ where it settles.
fn settled_kappa() -> u64 {
    let (_, rules) = rules();
    (0..4_000).fold(Params::DEAREST, |kappa, _| rules.kappa(kappa, yielded(0), ALL))
}

/// Somebody who holds this much in every channel.
fn holding(credit: [u64; 5]) -> Standing {
    Standing { credit: credit.map(|units| Amount(units.into())), ..Standing::default() }
}

proptest! {
    /// At one reputation a stake weighs as much whole as in parts.
    #[test]
    fn weight_is_linear_in_stake(parts in prop::collection::vec(1..1_000_000_000u64, 1..50), r in any::<u16>()) {
        let quanta = |n: u64| Amount(u128::from(n) * Amount::QUANTUM.0);
        let whole = weigh(quanta(parts.iter().sum()), Reputation(r));
        let split: u128 = parts.iter().map(|part| weigh(quanta(*part), Reputation(r))).sum();
        prop_assert_eq!(split, whole);
    }

    /// Whatever parts a stake and its credit are divided into, together they weigh no more than the whole, but for what is lost
    /// of the whole by rounding: one part in 2¹⁴.
    #[test]
    fn nothing_is_gained_by_splitting(
        parts in prop::collection::vec((1..10_000_000u64, prop::array::uniform5(0..1_000_000_000_000u64)), 2..20),
        kappa in Params::CHEAPEST..Params::DEAREST,
    ) {
        let (params, rules) = rules();
        let stake = |tokens: u64| Amount::tokens(tokens);
        let reputation = |tokens: u64, credit: [u64; 5]| {
            holding(credit).reputation(params.scale(stake(tokens), kappa), &rules)
        };
        let mut all = ([0u64; 5], 0);
        let mut split = 0;
        for (tokens, credit) in &parts {
            all.1 += tokens;
            credit.iter().zip(&mut all.0).for_each(|(part, sum)| *sum += part);
            split += weigh(stake(*tokens), reputation(*tokens, *credit));
        }
        let whole = weigh(stake(all.1), reputation(all.1, all.0));
        prop_assert!(split <= whole + (whole >> 14), "{split} of {whole}");
    }

    /// Who keeps up a reputation by fees that it gives away pays at least twice what the reputation earns, wherever κ follows
    /// the rewards and at its floor.
    #[test]
    fn farming_costs_twice_what_it_earns(
        stake in 1_000_000..600_000_000u64,
        held in prop::array::uniform5(1_000_000..1_000_000_000_000_000u64),
        earned in 0..1_500_000u64,
    ) {
        let (params, rules) = rules();
        // At most 1/1,280 of the stake in an epoch, 680 % in a year: where κ is at its ceiling reputation is too cheap.
        let (stake, earned) = (Amount::tokens(stake), Amount::tokens(earned));
        let kappa = rules.kappa(0, earned, ALL);
        let scale = params.scale(stake, kappa);
        let standing = holding(held);
        let weight = weigh(stake, standing.reputation(scale, &rules));
        let plain = weigh(stake, Reputation(0));
        let others = weigh(ALL.checked_sub(stake).unwrap(), Reputation(0));
        let share = |weight: u128| earned.mul_div(weight, weight + others).unwrap().0;
        let mut faded = standing;
        faded.fade(scale, &rules);
        let kept: u128 = Channel::ALL.iter().map(|c| standing.credit_of(*c).0 - faded.credit_of(*c).0).sum();
        prop_assert!(2 * (share(weight) - share(plain)) <= kept + 2, "{} for {kept}", share(weight) - share(plain));
    }

    /// Less than 1/(3 + 2β) = 2/7 of stake stays below a third of weight, whatever reputation anybody has.
    #[test]
    fn reputation_is_bounded(bad in 1..2_000_000_000u64, more in 0..7_000_000_000u64, r in any::<u16>(), good in any::<u16>()) {
        let honest = bad * 5 / 2 + 1 + more;
        prop_assume!(bad + honest <= 10_000_000_000);
        let bad = weigh(Amount::tokens(bad), Reputation(r));
        let honest = weigh(Amount::tokens(honest), Reputation(good));
        prop_assert!(3 * bad < bad + honest);
    }

    /// A newcomer has the least there is, and whatever happened to somebody it has no less.
    #[test]
    fn a_new_name_gains_nothing(credit in prop::array::uniform5(any::<u64>()), blame in any::<u64>(), scale in 1..u64::MAX) {
        let (_, rules) = rules();
        let scale = Amount(scale.into());
        prop_assert_eq!(Standing::default().reputation(scale, &rules), Reputation(0));
        let mut standing = holding(credit);
        standing.blame(Amount(blame.into()), scale);
        prop_assert!(standing.blame.0 <= 2 * scale.0);
        prop_assert!(standing.reputation(scale, &rules) >= Reputation(0));
    }

    /// Each input moves reputation in its direction: credit up, blame down, what went well up where there is blame.
    #[test]
    fn each_input_moves_it_in_its_direction(
        credit in prop::array::uniform5(1_000_000_000..100_000_000_000u64),
        blame in 1_000_000_000..1_000_000_000_000u64,
    ) {
        let (_, rules) = rules();
        let scale = Amount::tokens(200);
        let mut standing = holding(credit);
        let clean = standing.reputation(scale, &rules);
        for channel in Channel::ALL {
            let without = Standing { credit: { let mut c = standing.credit; c[channel as usize] = Amount::ZERO; c }, ..standing };
            prop_assert!(without.reputation(scale, &rules) < clean, "{channel:?}");
            let mut more = standing;
            more.gain(channel, Amount::tokens(50), scale, &rules);
            prop_assert!(more.reputation(scale, &rules) > clean, "{channel:?}");
            let mut fallen = standing;
            fallen.fall(channel);
            prop_assert!(fallen.reputation(scale, &rules) < clean, "{channel:?}");
        }
        standing.end_well(Amount::tokens(10));
        prop_assert_eq!(standing.reputation(scale, &rules), clean, "nothing to make good");
        standing.blame(Amount(blame.into()), scale);
        let blamed = standing.reputation(scale, &rules);
        prop_assert!(blamed < clean);
        standing.end_well(Amount::tokens(200));
        prop_assert!(standing.reputation(scale, &rules) > blamed);
        let bigger = Amount(scale.0 * 2);
        prop_assert!(holding(credit).reputation(bigger, &rules) < clean, "more stake, dearer");
        standing.fade(scale, &rules);
        prop_assert!(Channel::ALL.iter().all(|c| standing.credit_of(*c).0 < u128::from(credit[*c as usize])));
    }
}

#[test]
fn purchases_of_an_epoch_are_capped() {
    let (_, rules) = rules();
    let scale = Amount::tokens(1_600);
    let mut standing = Standing::default();
    for _ in 0..10 {
        standing.gain(Channel::Purchases, Amount::tokens(10), scale, &rules);
    }
    // 3/16 of 1,600 tokens count half, and a sixteenth of that is the most.
    assert_eq!(standing.credit_of(Channel::Purchases), Amount(18_750_000_000));
    standing.fade(scale, &rules);
    assert_eq!(standing.bought, Amount::ZERO);
}

#[test]
fn reputation_gets_dear_at_once_and_cheap_slowly() {
    let (_, rules) = rules();
    let rich = rules.kappa(Params::CHEAPEST, Amount::tokens(100_000), ALL);
    assert_eq!(rich, rules.kappa(0, Amount::tokens(100_000), ALL), "2β/δ times what is earned");
    assert_eq!(rich, u64::try_from((100_000u128 << 40) / 2_000_000_000 * 128).unwrap());
    let idle = rules.kappa(rich, Amount::ZERO, ALL);
    assert_eq!(idle, rich - rich.div_ceil(256));
    assert_eq!(rules.kappa(Params::CHEAPEST, Amount::ZERO, ALL), Params::CHEAPEST);
    assert_eq!(rules.kappa(0, ALL, Amount::ZERO), Params::DEAREST, "nobody votes");
}

/// Farms a reputation for a thousand epochs: fills each channel at once to `f` of its most and keeps it there by fees that it
/// pays to itself, of which the network keeps all that counts. Others work too and earn themselves reputation `honest`.
fn farm(tenths: u64, honest: u16) -> (Amount, Amount) {
    let (params, rules) = rules();
    let stake = Amount(ALL.0 / 64);
    let others = weigh(ALL.checked_sub(stake).unwrap(), Reputation(honest));
    let mut kappa = settled_kappa();
    let (mut standing, mut spent, mut earned) = (Standing::default(), 0, 0);
    for epoch in 0..1_000 {
        let paid = yielded(epoch);
        kappa = rules.kappa(kappa, paid, ALL);
        let scale = params.scale(stake, kappa);
        for (channel, weight) in Channel::ALL.into_iter().zip(rules.weights) {
            let half = scale.mul_div(u128::from(weight), 1 << 16).unwrap();
            let target = half.mul_div(u128::from(tenths), u128::from(10 - tenths)).unwrap();
            let before = standing.credit_of(channel);
            standing.gain(channel, target.saturating_sub(before), scale, &rules);
            spent += standing.credit_of(channel).0 - before.0;
        }
        let share = |reputation| {
            let weight = weigh(stake, reputation);
            paid.mul_div(weight, weight + others).unwrap().0
        };
        earned += share(standing.reputation(scale, &rules)) - share(Reputation(0));
        standing.fade(scale, &rules);
    }
    (Amount(earned), Amount(spent))
}

#[test]
fn a_farmer_loses() {
    println!("| reputation kept | of others | extra pay | fees given away | ratio |\n|---|---|---|---|---|");
    for honest in [0, 45_874] {
        for tenths in [1, 3, 5, 7, 9] {
            let (earned, spent) = farm(tenths, honest);
            let ratio = earned.0 as f64 / spent.0 as f64;
            println!(
                "| 0.{tenths} | {:.2} | {} | {} | {ratio:.3} |",
                f64::from(honest) / 65_536.0,
                earned.0 / Amount::TOKEN.0,
                spent.0 / Amount::TOKEN.0
            );
            assert!(earned.0 * 2 < spent.0, "{earned} for {spent}");
            assert!(earned > Amount::ZERO);
        }
    }
}

/// What the betrayer and its other self have in common: a sixty-fourth of the stake, and work that keeps each channel at 6/7
/// of what counts half.
struct Worker {
    params: Params,
    rules: ReputationParams,
    scale: Amount,
    standing: Standing,
}

impl Worker {
    const STAKE: Amount = Amount::tokens(31_250_000);

    fn new() -> Self {
        let (params, rules) = rules();
        let scale = params.scale(Self::STAKE, settled_kappa());
        Self { params, rules, scale, standing: Standing::default() }
    }

    fn reputation(&self) -> u16 {
        self.standing.reputation(self.scale, &self.rules).0
    }

    /// One epoch of steady work.
    fn work(&mut self) {
        self.standing.fade(self.scale, &self.rules);
        let mut kept = 0;
        for (channel, weight) in Channel::ALL.into_iter().zip(self.rules.weights) {
            let part = self.scale.0 * u128::from(weight) / (1 << 16) / 299;
            self.standing.gain(channel, Amount(part), self.scale, &self.rules);
            kept += part;
        }
        self.standing.end_well(Amount(kept));
    }

    fn ripe() -> Self {
        let mut worker = Self::new();
        (0..4_000).for_each(|_| worker.work());
        worker
    }

    /// Epochs of steady work until this reputation.
    fn until(&mut self, reputation: u16) -> u64 {
        let mut epochs = 0;
        while self.reputation() < reputation {
            self.work();
            epochs += 1;
        }
        epochs
    }

    /// What its weight earns more than without reputation, in an epoch.
    fn extra(&self) -> u128 {
        let others = weigh(ALL.checked_sub(Self::STAKE).unwrap(), Reputation(0));
        let share = |reputation| {
            let weight = weigh(Self::STAKE, Reputation(reputation));
            yielded(0).mul_div(weight, weight + others).unwrap().0
        };
        share(self.reputation()) - share(0)
    }
}

#[test]
fn a_betrayer_loses() {
    let ripe = Worker::ripe();
    let before = ripe.reputation();
    let nine = u16::try_from(u32::from(before) * 9 / 10).unwrap();
    let fresh = Worker::new().until(nine);
    println!(
        "reputation {:.3}; a new name has nine tenths of it after {fresh} epochs",
        f64::from(before) / 65_536.0
    );
    println!(
        "| price of the deal | reputation after | epochs back to 9/10 | price | bond, stake and pay lost |\n|---|---|---|---|---|"
    );
    for (name, quarters) in [("K/4", 1u128), ("K", 4), ("2K", 8), ("4K", 16)] {
        let mut worker = Worker { standing: ripe.standing, ..Worker::new() };
        let price = Amount(worker.scale.0 * quarters / 4);
        worker.standing.blame(price, worker.scale);
        let after = worker.reputation();
        assert!(after < before / 2, "{name}");
        let mut lost = 0;
        let mut epochs = 0;
        while worker.reputation() < nine {
            lost += ripe.extra() - worker.extra();
            worker.work();
            epochs += 1;
        }
        assert!(epochs > fresh, "{name}: it is better never to have lied");
        // The least a lie costs where every claim is checked: a quarter of the price as bond, and 0.1 % of stake. The
        // price itself is paid back.
        let stake = worker.params.slash.false_claim.ceil_of(Worker::STAKE);
        let lost = Amount(lost + price.0 / 4 + stake.0);
        println!(
            "| {name} | {:.3} | {epochs} | {} | {} |",
            f64::from(after) / 65_536.0,
            price.0 / Amount::TOKEN.0,
            lost.0 / Amount::TOKEN.0
        );
        // It loses even had it kept the price, up to K; beyond, who entrusts asks for a larger bond.
        assert!(quarters > 4 || lost > price, "{name}");
    }
}

#[test]
fn a_whitewasher_loses() {
    let (params, ripe) = (Params::mainnet(), Worker::ripe());
    // The stake of the old name is free after unbonding; a new name waits for its borders.
    let away = params.stake.unbonding / params.epoch + u64::from(params.stake.borders) + 1;
    println!("| price of the deal | weight·epochs of the old name | of a new one |\n|---|---|---|");
    for quarters in [1u128, 4, 8] {
        let mut old = Worker { standing: ripe.standing, ..Worker::new() };
        old.standing.blame(Amount(old.scale.0 * quarters / 4), old.scale);
        let mut new = Worker::new();
        let (mut stayed, mut left, mut by_reputation) = (0, 0, 0i64);
        for epoch in 0..2_000u64 {
            stayed += weigh(Worker::STAKE, Reputation(old.reputation())) >> 16;
            by_reputation -= i64::from(old.reputation());
            old.work();
            if epoch >= away {
                left += weigh(Worker::STAKE, Reputation(new.reputation())) >> 16;
                by_reputation += i64::from(new.reputation());
                new.work();
            }
            assert!(left <= stayed, "never ahead");
        }
        println!("| {quarters}/4 K | {stayed} | {left} |");
        assert!(by_reputation < 0, "not even by reputation alone: {by_reputation}");
    }
}
