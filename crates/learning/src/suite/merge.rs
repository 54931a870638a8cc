//! The laws of merging.

use super::{Value, Violation, demand};
use crate::merge::{Contribution, Law, Laws, Merge, MergeError, Merged};
use bitneuron_core::{Layout, NodeId, Seed, Share, Weight};
use rand::{Rng, RngExt as _};
use std::cell::Cell;
use std::sync::Arc;

type Verdict = Result<(), Violation<Law>>;
/// Whether a case said anything about the law, or the rule found the peers too few.
type Judged = Result<bool, Violation<Law>>;
type Check<T> = fn(&Trial<'_, T>, &Case<T>) -> Judged;

/// Sets of contributions drawn for each law.
const CASES: u64 = 24;
/// The most peers of a case.
const PEERS: u64 = 12;
/// Coordinates of the case that is merged at several thread counts.
const LARGE: u32 = 1 << 17;

/// Judges a rule by the laws of [`Merge`] and by those it declares.
///
/// # Errors
/// The first law found broken.
pub fn merge<T: Value>(rule: &dyn Merge<T>) -> Verdict {
    let root = Seed::from_number(2024);
    let trial = Trial { rule, need: Cell::new(None) };
    let always: [(Law, Check<T>); 5] = [
        (Law::Replay, replay),
        (Law::Influence, influence),
        (Law::Order, order),
        (Law::Layout, layout),
        (Law::Finite, finite),
    ];
    let declared: [(Law, Check<T>); 5] = [
        (Law::Idempotence, idempotence),
        (Law::Hull, hull),
        (Law::Permutation, permutation),
        (Law::Weights, weights),
        (Law::Linear, linear),
    ];
    let declared = declared.into_iter().filter(|(law, _)| rule.laws().has(*law));
    let checks: Vec<_> =
        always.into_iter().chain(declared).chain([(Law::Tolerance, tolerance as _)]).collect();
    let mut judged = Laws::NONE;
    for number in 0..CASES {
        let case = Case::draw(root.derive_number("case", number), number);
        for (law, check) in &checks {
            if check(&trial, &case)? {
                judged = judged.with(*law);
            }
        }
    }
    match checks.iter().find(|(law, _)| !judged.has(*law)) {
        Some((law, _)) => Err(Violation {
            law: Law::Answer,
            why: format!("no case of up to {PEERS} peers could be judged by the law of {law}"),
        }),
        None => threads(&trial, root.derive("threads")),
    }
}

/// A rule before its judge.
struct Trial<'a, T> {
    rule: &'a dyn Merge<T>,
    /// The number of peers that it said it needs.
    need: Cell<Option<usize>>,
}

impl<T: Value> Trial<'_, T> {
    fn run(&self, case: &Case<T>) -> Result<Merged<T>, MergeError> {
        self.rule.merge(&case.own.contribution(), &case.contributions())
    }

    /// Runs where the rule has no reason to refuse; `None` when it says that there are too few.
    fn must(&self, case: &Case<T>, law: Law) -> Result<Option<Merged<T>>, Violation<Law>> {
        let peers = case.peers.len();
        match self.run(case) {
            Ok(merged) => {
                demand(self.need.get().is_none_or(|need| need <= peers), Law::Answer, || {
                    format!("{peers} peers were merged where more are needed")
                })?;
                Ok(Some(merged))
            }
            Err(MergeError::TooFew { have, need }) => {
                let stated = self.need.replace(Some(need));
                let sound = have == peers && need > have && stated.is_none_or(|stated| stated == need);
                demand(sound, Law::Answer, || {
                    format!("of {peers} peers: {have} there, {need} needed; needed before: {stated:?}")
                })?;
                Ok(None)
            }
            Err(error) => Err(Violation { law, why: format!("honest contributions were refused: {error}") }),
        }
    }
}

/// One own value and its peers.
#[derive(Clone)]
struct Case<T> {
    own: One<T>,
    peers: Vec<One<T>>,
    seed: Seed,
}

#[derive(Clone)]
struct One<T> {
    from: NodeId,
    weight: Weight,
    age: u64,
    value: T,
}

impl<T> One<T> {
    const fn contribution(&self) -> Contribution<'_, T> {
        Contribution { from: self.from, weight: self.weight, age: self.age, value: &self.value }
    }
}

fn uniform(rng: &mut impl Rng) -> f64 {
    rng.random()
}

fn gaussian(rng: &mut impl Rng) -> f64 {
    // The sum of twelve uniform numbers is close enough to normal here.
    (0..12).map(|_| uniform(rng)).sum::<f64>() - 6.0
}

fn layout_of(tensors: &[(&str, &[u32])]) -> Arc<Layout> {
    Arc::new(Layout::of(tensors).unwrap_or_else(|_| unreachable!("a few small tensors")))
}

impl<T: Value> Case<T> {
    /// 1 to 12 peers of 4 to 298 coordinates around an own value, at a distance set by `number`.
    fn draw(seed: Seed, number: u64) -> Self {
        let mut rng = seed.rng();
        let rows = 1 + rng.random_range(0..99);
        let layout = layout_of(&[("w", &[rows, 3]), ("b", &[1])]);
        let spread = [0.02, 0.5, 10.0][(number % 3) as usize];
        let centre: Vec<f64> = (0..layout.len()).map(|_| gaussian(&mut rng)).collect();
        let peers = 1 + number % PEERS;
        let around = |rng: &mut _| centre.iter().map(|value| value + spread * gaussian(rng)).collect();
        Self::of(seed, peers, number, &layout, &mut rng, around)
    }

    /// Voices whose values are drawn by `numbers`; the own name stands at `place` among the peers', as it does in life.
    fn of<R: Rng>(
        seed: Seed,
        peers: u64,
        place: u64,
        layout: &Arc<Layout>,
        rng: &mut R,
        numbers: impl Fn(&mut R) -> Vec<f64>,
    ) -> Self {
        let mut one = |index: u64| {
            let mut from = [0; 32];
            from[..8].copy_from_slice(&(10 + 10 * index).to_be_bytes());
            let value = T::nearest(&numbers(rng), layout);
            let (weight, age) = (Weight(rng.random_range(1..1_000)), rng.random_range(1..100));
            One { from: NodeId(from), weight, age, value }
        };
        let mut all: Vec<One<T>> = (0..=peers).map(&mut one).collect();
        let own = all.remove((place % (peers + 1)) as usize);
        Self { own, peers: all, seed }
    }

    fn contributions(&self) -> Vec<Contribution<'_, T>> {
        self.peers.iter().map(One::contribution).collect()
    }

    fn everybody(&self) -> impl Iterator<Item = &One<T>> {
        std::iter::once(&self.own).chain(&self.peers)
    }

    /// The rounding of one coordinate that is forgiven.
    fn rounding(&self) -> f64 {
        let numbers = self.everybody().flat_map(|one| one.value.numbers());
        T::ROUNDING * numbers.map(f64::abs).fold(1.0, f64::max)
    }

    /// The rounding of a distance that is forgiven.
    fn slack(&self) -> f64 {
        self.rounding() * (self.own.value.layout().len() as f64).sqrt()
    }
}

fn gap<T: Value>(a: &T, b: &T) -> f64 {
    a.numbers().iter().zip(b.numbers()).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max)
}

fn distance<T: Value>(a: &T, b: &T) -> f64 {
    a.numbers().iter().zip(b.numbers()).map(|(a, b)| (a - b).powi(2)).sum::<f64>().sqrt()
}

fn same<T: Value>(a: &Merged<T>, b: &Merged<T>) -> bool {
    a.value.bits() == b.value.bits() && (a.age, a.own) == (b.age, b.own) && a.influence == b.influence
}

fn replay<T: Value>(trial: &Trial<'_, T>, case: &Case<T>) -> Judged {
    let law = Law::Replay;
    let (Some(a), Some(b)) = (trial.must(case, law)?, trial.must(case, law)?) else { return Ok(false) };
    demand(same(&a, &b), law, || "two runs gave different results".into())?;
    Ok(true)
}

/// One value that is large enough to be divided, merged by one thread and by two.
fn threads<T: Value>(trial: &Trial<'_, T>, seed: Seed) -> Verdict {
    let law = Law::Replay;
    let layout = layout_of(&[("w", &[LARGE + 1])]);
    let draw = |rng: &mut _| (0..layout.len()).map(|_| uniform(rng)).collect();
    let peers = trial.need.get().map_or(3, |need| need as u64);
    let case = Case::<T>::of(seed, peers, 1, &layout, &mut seed.rng(), draw);
    let (rule, own, contributions) = (trial.rule, case.own.contribution(), case.contributions());
    let on = |count: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(count).build();
        let pool = pool.map_err(|error| Violation { law, why: error.to_string() })?;
        Ok(pool.install(|| rule.merge(&own, &contributions)))
    };
    match (on(1)?, on(2)?) {
        (Ok(one), Ok(two)) => {
            demand(same(&one, &two), law, || "two threads gave another result than one".into())
        }
        (Err(_), Err(_)) => Ok(()), // a rule may say that this is more than it can hold
        _ => Err(Violation { law, why: "refused by one thread or by two, not by both".into() }),
    }
}

fn influence<T: Value>(trial: &Trial<'_, T>, case: &Case<T>) -> Judged {
    let Some(merged) = trial.must(case, Law::Influence)? else { return Ok(false) };
    demand(merged.influence.len() == case.peers.len(), Law::Influence, || {
        format!("{} shares for {} peers", merged.influence.len(), case.peers.len())
    })?;
    let sum = merged.influence.iter().map(|share| u64::from(share.0)).sum::<u64>() + u64::from(merged.own.0);
    demand(sum == u64::from(Share::ONE.0), Law::Influence, || {
        format!("the shares sum to {sum} of {}", Share::ONE.0)
    })?;
    Ok(true)
}

fn order<T: Value>(trial: &Trial<'_, T>, case: &Case<T>) -> Judged {
    if trial.must(case, Law::Order)?.is_none() {
        return Ok(false);
    }
    let mut shapes = Vec::new();
    if case.peers.len() > 1 {
        let mut swapped = case.clone();
        swapped.peers.swap(0, 1);
        shapes.push(("swapped peers", swapped));
        let mut twice = case.clone();
        twice.peers[1].from = twice.peers[0].from;
        shapes.push(("a repeated name", twice));
    }
    let mut oneself = case.clone();
    oneself.own.from = oneself.peers[0].from;
    shapes.push(("the own name among the peers", oneself));
    for (what, broken) in shapes {
        demand(trial.run(&broken).is_err(), Law::Order, || format!("{what} went through"))?;
    }
    Ok(true)
}

/// The merge of an unusable case must fail and name this culprit.
fn blames<T: Value>(trial: &Trial<'_, T>, broken: &Case<T>, culprit: NodeId, law: Law) -> Verdict {
    match trial.run(broken) {
        Ok(_) => Err(Violation { law, why: format!("the value of {culprit} went through") }),
        Err(error) => {
            demand(error.culprit() == Some(culprit), law, || format!("{culprit} is not named: {error}"))
        }
    }
}

fn layout<T: Value>(trial: &Trial<'_, T>, case: &Case<T>) -> Judged {
    if trial.must(case, Law::Layout)?.is_none() {
        return Ok(false);
    }
    for index in [0, case.peers.len() - 1] {
        // As many values under other names: only the layout tells.
        let mut broken = case.clone();
        let peer = &mut broken.peers[index];
        let size = u32::try_from(peer.value.layout().len()).unwrap_or(0);
        peer.value = T::nearest(&peer.value.numbers(), &layout_of(&[("other", &[size])]));
        let culprit = peer.from;
        blames(trial, &broken, culprit, Law::Layout)?;
    }
    Ok(true)
}

fn finite<T: Value>(trial: &Trial<'_, T>, case: &Case<T>) -> Judged {
    if trial.must(case, Law::Finite)?.is_none() {
        return Ok(false);
    }
    for index in [0, case.peers.len() - 1] {
        for odd in case.peers[index].value.spoiled() {
            let mut broken = case.clone();
            broken.peers[index].value = odd;
            blames(trial, &broken, case.peers[index].from, Law::Finite)?;
        }
    }
    for odd in case.own.value.spoiled() {
        let mut broken = case.clone();
        broken.own.value = odd;
        blames(trial, &broken, case.own.from, Law::Finite)?;
    }
    Ok(true)
}

fn idempotence<T: Value>(trial: &Trial<'_, T>, case: &Case<T>) -> Judged {
    let mut equal = case.clone();
    for peer in &mut equal.peers {
        peer.value = equal.own.value.clone();
    }
    let Some(merged) = trial.must(&equal, Law::Idempotence)? else { return Ok(false) };
    let gap = gap(&merged.value, &equal.own.value);
    demand(gap <= equal.rounding(), Law::Idempotence, || format!("equal values moved by {gap}"))?;
    Ok(true)
}

fn hull<T: Value>(trial: &Trial<'_, T>, case: &Case<T>) -> Judged {
    let Some(merged) = trial.must(case, Law::Hull)? else { return Ok(false) };
    let slack = case.rounding();
    let all: Vec<Vec<f64>> = case.everybody().map(|one| one.value.numbers()).collect();
    for (index, value) in merged.value.numbers().into_iter().enumerate() {
        let column = all.iter().map(|numbers| numbers[index]);
        let (low, high) = column.fold((f64::MAX, f64::MIN), |(low, high), x| (low.min(x), high.max(x)));
        let inside = (low - slack..=high + slack).contains(&value);
        demand(inside, Law::Hull, || format!("coordinate {index} is {value}, outside {low} … {high}"))?;
    }
    Ok(true)
}

/// Peer `i` gets the name of peer `n − 1 − i`, and the set is sorted again.
fn permutation<T: Value>(trial: &Trial<'_, T>, case: &Case<T>) -> Judged {
    let mut renamed = case.clone();
    let names: Vec<NodeId> = case.peers.iter().map(|peer| peer.from).collect();
    for (peer, name) in renamed.peers.iter_mut().rev().zip(names) {
        peer.from = name;
    }
    renamed.peers.reverse();
    let law = Law::Permutation;
    let (Some(a), Some(b)) = (trial.must(case, law)?, trial.must(&renamed, law)?) else { return Ok(false) };
    let gap = gap(&a.value, &b.value);
    demand(gap <= case.rounding(), law, || format!("other names moved the result by {gap}"))?;
    // The last unit of a share may go by name, nothing more.
    let even = a.influence.iter().zip(b.influence.iter().rev()).all(|(a, b)| a.0.abs_diff(b.0) <= 1);
    demand(even && a.own.0.abs_diff(b.own.0) <= 1, law, || {
        "the shares follow the names, not the values".into()
    })?;
    Ok(true)
}

fn weights<T: Value>(trial: &Trial<'_, T>, case: &Case<T>) -> Judged {
    let law = Law::Weights;
    let at = (case.seed.0[0] as usize) % case.peers.len();
    let with = |weight: u64| {
        let mut case = case.clone();
        case.peers[at].weight = Weight(weight);
        trial.must(&case, law)
    };
    let (Some(none), Some(light), Some(heavy)) = (with(0)?, with(100)?, with(10_000)?) else {
        return Ok(false);
    };
    demand(none.influence[at] == Share::ZERO, law, || "a voice without weight has a share".into())?;
    let (small, large) = (light.influence[at], heavy.influence[at]);
    demand(small <= large, law, || {
        format!("a hundredfold weight lowers the share from {small:?} to {large:?}")
    })?;
    // Where it was heard at all it must be heard more, unless nobody else was.
    demand(small == Share::ZERO || small == Share::ONE || small < large, law, || {
        "a hundredfold weight changes no share".into()
    })?;
    if large == Share::ZERO {
        return Ok(true); // dropped for what it says: its weight moves nothing toward it
    }
    let target = &case.peers[at].value;
    let (far, near) = (distance(&light.value, target), distance(&heavy.value, target));
    let slack = case.slack();
    demand(near <= far + slack, law, || format!("more weight moves the result away, from {far} to {near}"))?;
    let moved = small == Share::ZERO
        || near < far - slack
        || far <= slack
        || distance(&light.value, &heavy.value) > slack;
    demand(moved, law, || "more weight moves nothing".into())?;
    Ok(true)
}

fn linear<T: Value>(trial: &Trial<'_, T>, case: &Case<T>) -> Judged {
    let Some(merged) = trial.must(case, Law::Linear)? else { return Ok(false) };
    let shares: Vec<f64> = std::iter::once(merged.own).chain(merged.influence).map(Share::to_f64).collect();
    let all: Vec<Vec<f64>> = case.everybody().map(|one| one.value.numbers()).collect();
    // A share is rounded to 2⁻¹⁶, so each input may be misweighted by one unit.
    let misweighted = 2.0 * shares.len() as f64 / f64::from(Share::ONE.0);
    let slack = case.rounding() * (1.0 + misweighted / T::ROUNDING);
    for (index, value) in merged.value.numbers().into_iter().enumerate() {
        let mean: f64 = all.iter().zip(&shares).map(|(numbers, share)| share * numbers[index]).sum();
        demand((mean - value).abs() <= slack, Law::Linear, || {
            format!("coordinate {index} is {value}, the mean by shares {mean}")
        })?;
    }
    Ok(true)
}

/// Liars that agree, at so many times the largest honest distance: just inside a filter, just outside, and anywhere.
const LIES: [f64; 8] = [1.5, 2.5, 3.9, 8.0, 30.0, 1e3, 1e9, 1e30];

fn tolerance<T: Value>(trial: &Trial<'_, T>, case: &Case<T>) -> Judged {
    let (law, peers) = (Law::Tolerance, case.peers.len());
    let bad = trial.rule.tolerates(peers);
    demand(bad <= peers, law, || format!("{bad} of {peers} cannot be tolerated"))?;
    if bad == 0 {
        return Ok(true);
    }
    let mut rng = case.seed.derive("attack").rng();
    let own = case.own.value.numbers();
    // Liars that share what they may weigh, or one that has it all, or as many as may be with any weight.
    let by_stake = trial.rule.laws().has(Law::Stake);
    let crowds = if by_stake { vec![bad, 1] } else { vec![bad] };
    for (strength, crowd) in LIES.into_iter().flat_map(|lie| crowds.iter().map(move |crowd| (lie, *crowd))) {
        let mut attacked = case.clone();
        let mut order: Vec<usize> = (0..peers).collect();
        rand::seq::SliceRandom::shuffle(order.as_mut_slice(), &mut rng);
        let (liars, honest) = order.split_at(crowd);
        let distances = honest.iter().map(|index| distance(&case.peers[*index].value, &case.own.value));
        let spread = distances.fold(0.0, f64::max);
        let weight = if by_stake {
            let honest =
                honest.iter().map(|index| case.peers[*index].weight.0).sum::<u64>() + case.own.weight.0;
            honest * bad as u64 / ((peers + 1 - bad) as u64 * crowd as u64)
        } else {
            1 << 40
        };
        let step = strength * spread / (own.len() as f64).sqrt();
        let lie: Vec<f64> = own.iter().map(|value| value - step * value.signum()).collect();
        for index in liars {
            let peer = &mut attacked.peers[*index];
            (peer.weight, peer.age) = (Weight(weight), 1 << 40);
            peer.value = T::nearest(&lie, case.own.value.layout());
        }
        let Some(merged) = trial.must(&attacked, law)? else { return Ok(false) };
        let bound = trial.rule.stretch() * (peers as f64 + 1.0).sqrt() * spread + case.slack();
        let moved = distance(&merged.value, &case.own.value);
        demand(moved <= bound, law, || {
            format!("{crowd} of {peers} arbitrary values moved the result by {moved}, more than {bound}")
        })?;
    }
    Ok(true)
}
