//! The laws of merging `f32` parameters.

use super::{Violation, demand};
use crate::merge::{Contribution, Law, Merge, MergeError, Merged};
use bitneuron_core::{Layout, NodeId, Params, Seed, Share, Weight};
use rand::{Rng, RngExt as _};
use std::sync::Arc;

type Verdict = Result<(), Violation<Law>>;
type Check = fn(&dyn Merge, &Case) -> Verdict;

/// Sets of contributions drawn for each law.
const CASES: u64 = 24;
/// Rounding that is forgiven, relative to the largest magnitude involved.
const ROUNDING: f64 = 1e-5;

/// Judges a rule by the laws of [`Merge`] and by those it declares.
///
/// # Errors
/// The first law found broken.
pub fn merge(rule: &dyn Merge) -> Verdict {
    let root = Seed::from_number(2024);
    let laws = rule.laws();
    for number in 0..CASES {
        let case = Case::draw(root.derive_number("case", number), number);
        replay(rule, &case)?;
        influence(rule, &case)?;
        order(rule, &case)?;
        layout(rule, &case)?;
        finite(rule, &case)?;
        let declared: [(Law, Check); 5] = [
            (Law::Idempotence, idempotence),
            (Law::Hull, hull),
            (Law::Permutation, permutation),
            (Law::Weights, weights),
            (Law::Linear, linear),
        ];
        for (_, check) in declared.iter().filter(|(law, _)| laws.has(*law)) {
            check(rule, &case)?;
        }
        tolerance(rule, &case)?;
    }
    Ok(())
}

/// One own value and its peers.
#[derive(Clone)]
struct Case {
    own: One,
    peers: Vec<One>,
    seed: Seed,
}

#[derive(Clone)]
struct One {
    from: NodeId,
    weight: Weight,
    age: u64,
    value: Params,
}

impl One {
    fn contribution(&self) -> Contribution<'_> {
        Contribution { from: self.from, weight: self.weight, age: self.age, value: &self.value }
    }
}

fn gaussian(rng: &mut impl Rng) -> f32 {
    // The sum of twelve uniform numbers is close enough to normal here.
    (0..12).map(|_| rng.random::<f32>()).sum::<f32>() - 6.0
}

impl Case {
    /// 1 to 12 peers of 4 to 298 coordinates around an own value, at a distance set by `number`.
    fn draw(seed: Seed, number: u64) -> Self {
        let mut rng = seed.rng();
        let rows = 1 + rng.random_range(0..99);
        let layout = Layout::of(&[("w", &[rows, 3]), ("b", &[1])])
            .unwrap_or_else(|_| unreachable!("two small tensors"));
        let layout = Arc::new(layout);
        let spread = [0.02f32, 0.5, 10.0][(number % 3) as usize];
        let centre: Vec<f32> = (0..layout.len()).map(|_| gaussian(&mut rng)).collect();
        let mut one = |index: u64| {
            let mut from = [0; 32];
            from[..8].copy_from_slice(&(10 + 10 * index).to_be_bytes());
            let value = centre.iter().map(|value| value + spread * gaussian(&mut rng)).collect();
            One {
                from: NodeId(from),
                weight: Weight(rng.random_range(1..1_000)),
                age: rng.random_range(1..100),
                value: Params::new(value, Arc::clone(&layout))
                    .unwrap_or_else(|_| Params::zeros(Arc::clone(&layout))),
            }
        };
        let peers = 1 + number % 12;
        // The own name stands somewhere among the peers' names, as it does in life.
        let mut all: Vec<One> = (0..=peers).map(&mut one).collect();
        let own = all.remove((number % (peers + 1)) as usize);
        Self { own, peers: all, seed }
    }

    fn run(&self, rule: &dyn Merge) -> Result<Merged, MergeError> {
        let peers: Vec<Contribution<'_>> = self.peers.iter().map(One::contribution).collect();
        rule.merge(&self.own.contribution(), &peers)
    }

    /// Runs where the rule has no reason to refuse; `None` when it says that there are too few.
    fn must(&self, rule: &dyn Merge, law: Law) -> Result<Option<Merged>, Violation<Law>> {
        match self.run(rule) {
            Ok(merged) => Ok(Some(merged)),
            Err(MergeError::TooFew { .. }) => Ok(None),
            Err(error) => Err(Violation { law, why: format!("honest contributions were refused: {error}") }),
        }
    }

    fn everybody(&self) -> impl Iterator<Item = &One> {
        std::iter::once(&self.own).chain(&self.peers)
    }

    /// The largest magnitude of any coordinate.
    fn magnitude(&self) -> f64 {
        self.everybody()
            .flat_map(|one| one.value.values())
            .map(|value| f64::from(value.abs()))
            .fold(1.0, f64::max)
    }
}

fn bits(params: &Params) -> Vec<u32> {
    params.values().iter().map(|value| value.to_bits()).collect()
}

fn gap(a: &Params, b: &Params) -> f64 {
    a.values().iter().zip(b.values()).map(|(a, b)| (f64::from(*a) - f64::from(*b)).abs()).fold(0.0, f64::max)
}

fn distance(a: &Params, b: &Params) -> f64 {
    let squares = a.values().iter().zip(b.values()).map(|(a, b)| (f64::from(*a) - f64::from(*b)).powi(2));
    squares.sum::<f64>().sqrt()
}

fn replay(rule: &dyn Merge, case: &Case) -> Verdict {
    let (Some(a), Some(b)) = (case.must(rule, Law::Replay)?, case.must(rule, Law::Replay)?) else {
        return Ok(());
    };
    let same =
        bits(&a.value) == bits(&b.value) && (a.age, a.own) == (b.age, b.own) && a.influence == b.influence;
    demand(same, Law::Replay, || "two runs gave different results".into())
}

fn influence(rule: &dyn Merge, case: &Case) -> Verdict {
    let Some(merged) = case.must(rule, Law::Influence)? else { return Ok(()) };
    demand(merged.influence.len() == case.peers.len(), Law::Influence, || {
        format!("{} shares for {} peers", merged.influence.len(), case.peers.len())
    })?;
    let sum = merged.influence.iter().map(|share| u64::from(share.0)).sum::<u64>() + u64::from(merged.own.0);
    demand(sum == u64::from(Share::ONE.0), Law::Influence, || {
        format!("the shares sum to {sum} of {}", Share::ONE.0)
    })
}

fn order(rule: &dyn Merge, case: &Case) -> Verdict {
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
        demand(broken.run(rule).is_err(), Law::Order, || format!("{what} went through"))?;
    }
    Ok(())
}

/// One contribution is made unusable: the merge must fail and name it.
fn blames(rule: &dyn Merge, case: &Case, law: Law, spoil: impl Fn(&mut Params)) -> Verdict {
    if case.must(rule, law)?.is_none() {
        return Ok(());
    }
    for index in [0, case.peers.len() - 1] {
        let mut broken = case.clone();
        spoil(&mut broken.peers[index].value);
        let culprit = broken.peers[index].from;
        match broken.run(rule) {
            Ok(_) => return Err(Violation { law, why: format!("peer {index} went through") }),
            Err(error) => demand(error.culprit() == Some(culprit), law, || {
                format!("peer {index} is not named: {error}")
            })?,
        }
    }
    Ok(())
}

fn layout(rule: &dyn Merge, case: &Case) -> Verdict {
    blames(rule, case, Law::Layout, |value| {
        // As many values under other names: only the layout tells.
        let size = u32::try_from(value.values().len()).unwrap_or(0);
        if let Ok(other) = Layout::of(&[("other", &[size])]) {
            *value = Params::zeros(Arc::new(other));
        }
    })
}

fn finite(rule: &dyn Merge, case: &Case) -> Verdict {
    for odd in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
        blames(rule, case, Law::Finite, |value| {
            let last = value.values().len() - 1;
            value.values_mut()[last] = odd;
        })?;
    }
    Ok(())
}

fn idempotence(rule: &dyn Merge, case: &Case) -> Verdict {
    let mut same = case.clone();
    for peer in &mut same.peers {
        peer.value = same.own.value.clone();
    }
    let Some(merged) = same.must(rule, Law::Idempotence)? else { return Ok(()) };
    let gap = gap(&merged.value, &same.own.value);
    demand(gap <= ROUNDING * same.magnitude(), Law::Idempotence, || format!("equal values moved by {gap}"))
}

fn hull(rule: &dyn Merge, case: &Case) -> Verdict {
    let Some(merged) = case.must(rule, Law::Hull)? else { return Ok(()) };
    let slack = ROUNDING * case.magnitude();
    for (index, value) in merged.value.values().iter().enumerate() {
        let column = case.everybody().map(|one| f64::from(one.value.values()[index]));
        let (low, high) = column.fold((f64::MAX, f64::MIN), |(low, high), x| (low.min(x), high.max(x)));
        let inside = (low - slack..=high + slack).contains(&f64::from(*value));
        demand(inside, Law::Hull, || format!("coordinate {index} is {value}, outside {low} … {high}"))?;
    }
    Ok(())
}

/// Peer `i` gets the name of peer `n − 1 − i`, and the set is sorted again.
fn permutation(rule: &dyn Merge, case: &Case) -> Verdict {
    let mut renamed = case.clone();
    let names: Vec<NodeId> = case.peers.iter().map(|peer| peer.from).collect();
    for (peer, name) in renamed.peers.iter_mut().rev().zip(names) {
        peer.from = name;
    }
    renamed.peers.reverse();
    let law = Law::Permutation;
    let (Some(a), Some(b)) = (case.must(rule, law)?, renamed.must(rule, law)?) else { return Ok(()) };
    let gap = gap(&a.value, &b.value);
    demand(gap <= ROUNDING * case.magnitude(), law, || format!("other names moved the result by {gap}"))?;
    // The last unit of a share may go by name, nothing more.
    let even = a.influence.iter().zip(b.influence.iter().rev()).all(|(a, b)| a.0.abs_diff(b.0) <= 1);
    demand(even && a.own.0.abs_diff(b.own.0) <= 1, law, || {
        "the shares follow the names, not the values".into()
    })
}

fn weights(rule: &dyn Merge, case: &Case) -> Verdict {
    let law = Law::Weights;
    let at = (case.seed.0[0] as usize) % case.peers.len();
    let with = |weight: u64| {
        let mut case = case.clone();
        case.peers[at].weight = Weight(weight);
        case.must(rule, law)
    };
    let (Some(none), Some(light), Some(heavy)) = (with(0)?, with(100)?, with(10_000)?) else { return Ok(()) };
    demand(none.influence[at] == Share::ZERO, law, || "a voice without weight has a share".into())?;
    let (small, large) = (light.influence[at], heavy.influence[at]);
    demand(small <= large, law, || {
        format!("a hundredfold weight lowers the share from {small:?} to {large:?}")
    })?;
    // Where it was heard at all it must be heard more.
    demand(small == Share::ZERO || small < large, law, || "a hundredfold weight changes no share".into())?;
    if large == Share::ZERO {
        return Ok(()); // dropped for what it says: its weight moves nothing toward it
    }
    let (far, near) = (&light.value, &heavy.value);
    let target = &case.peers[at].value;
    let (far, near) = (distance(far, target), distance(near, target));
    let slack = ROUNDING * case.magnitude();
    demand(near <= far + slack, law, || format!("more weight moves the result away, from {far} to {near}"))?;
    let moved = small == Share::ZERO
        || near < far - slack
        || far <= slack
        || distance(&light.value, &heavy.value) > slack;
    demand(moved, law, || "more weight moves nothing".into())
}

fn linear(rule: &dyn Merge, case: &Case) -> Verdict {
    let Some(merged) = case.must(rule, Law::Linear)? else { return Ok(()) };
    let shares: Vec<f64> = std::iter::once(merged.own).chain(merged.influence).map(Share::to_f64).collect();
    // A share is rounded to 2⁻¹⁶, so each input may be misweighted by one unit.
    let slack = case.magnitude() * (ROUNDING + 2.0 * shares.len() as f64 / f64::from(Share::ONE.0));
    for (index, value) in merged.value.values().iter().enumerate() {
        let mean: f64 = case
            .everybody()
            .zip(&shares)
            .map(|(one, share)| share * f64::from(one.value.values()[index]))
            .sum();
        let off = (mean - f64::from(*value)).abs();
        demand(off <= slack, Law::Linear, || {
            format!("coordinate {index} is {value}, the mean by shares {mean}")
        })?;
    }
    Ok(())
}

/// With `k` of `n` peers arbitrary the result stays within `2·√(n+1)` of the largest honest distance from the own value.
fn tolerance(rule: &dyn Merge, case: &Case) -> Verdict {
    let law = Law::Tolerance;
    let bad = rule.tolerates(case.peers.len());
    demand(bad <= case.peers.len(), law, || format!("{bad} of {} cannot be tolerated", case.peers.len()))?;
    if bad == 0 {
        return Ok(());
    }
    let mut rng = case.seed.derive("attack").rng();
    for strength in [-1.0f32, 30.0, -1e3, 1e9, 1e30] {
        let mut attacked = case.clone();
        let mut order: Vec<usize> = (0..case.peers.len()).collect();
        rand::seq::SliceRandom::shuffle(order.as_mut_slice(), &mut rng);
        for index in &order[..bad] {
            let peer = &mut attacked.peers[*index];
            (peer.weight, peer.age) = (Weight(1 << 40), 1 << 40);
            for value in peer.value.values_mut() {
                *value = (strength * (1.0 + value.abs())).clamp(-1e38, 1e38);
            }
        }
        let honest = order[bad..].iter().map(|index| distance(&case.peers[*index].value, &case.own.value));
        let spread = honest.fold(0.0, f64::max);
        let Some(merged) = attacked.must(rule, law)? else { continue };
        let bound = 2.0 * ((case.peers.len() + 1) as f64).sqrt() * spread + ROUNDING * case.magnitude();
        let moved = distance(&merged.value, &case.own.value);
        demand(moved <= bound, law, || {
            format!(
                "{bad} of {} arbitrary values moved the result by {moved}, more than {bound}",
                case.peers.len()
            )
        })?;
    }
    Ok(())
}
