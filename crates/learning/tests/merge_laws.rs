//! The reference rules pass the suite, and for each law one wrong rule is refused by that law.

use bitneuron_core::exact::{ExactParams, programs::filter::Filter};
use bitneuron_core::{NodeId, Params, Share, Weight};
use bitneuron_learning::exact::ExactMerge;
use bitneuron_learning::merge::{
    AgeWeighted, Contribution, FilteredMean, Law, Laws, Merge, MergeError, Merged, WeightedMean, admit,
    shares,
};
use bitneuron_learning::suite;
use std::sync::Mutex;

type Set<'a> = &'a [Contribution<'a>];

#[test]
fn reference_rules_pass() {
    suite::merge(&WeightedMean).expect("weighted mean");
    suite::merge(&AgeWeighted).expect("age-weighted mean");
    suite::merge(&FilteredMean::default()).expect("default rule");
    suite::merge(&FilteredMean::new(1.0, 5.0).expect("sane")).expect("tight filter, wide clamp");
    suite::merge(&FilteredMean::new(4.0, 1e30).expect("sane")).expect("wide filter, no clamp");
    suite::merge(&FilteredMean::new(255.0, 1e30).expect("sane")).expect("no filter");
}

#[test]
fn the_rule_that_is_voted_on_passes() {
    for (ratio, clamp) in [(2, 410), (4, 410), (1, u16::MAX), (4, u16::MAX), (255, u16::MAX)] {
        let filter = Filter { ratio, clamp };
        suite::merge(&ExactMerge { filter }).unwrap_or_else(|broken| panic!("{filter:?}: {broken}"));
    }
}

/// The integer rule with a fault around it.
struct Inexact<F> {
    rule: ExactMerge,
    half: bool,
    bend: F,
}

impl<F> Merge<ExactParams> for Inexact<F>
where
    F: Fn(Merged<ExactParams>) -> Merged<ExactParams> + Send + Sync,
{
    fn merge(
        &self,
        own: &Contribution<'_, ExactParams>,
        peers: &[Contribution<'_, ExactParams>],
    ) -> Result<Merged<ExactParams>, MergeError> {
        self.rule.merge(own, peers).map(&self.bend)
    }

    fn tolerates(&self, peers: usize) -> usize {
        if self.half { peers / 2 } else { 0 }
    }
}

#[test]
fn wrong_integer_rules_are_refused() {
    let law = |ratio, half, unit: i32| {
        let bend = move |mut merged: Merged<ExactParams>| {
            let moved = merged.value.values().iter().map(|value| (value + unit).min(1 << 14)).collect();
            merged.value = ExactParams::new(moved, merged.value.layout().clone()).expect("inside");
            merged
        };
        let rule = ExactMerge { filter: Filter { ratio, clamp: u16::MAX } };
        suite::merge(&Inexact { rule, half, bend }).map_err(|broken| broken.law)
    };
    assert_eq!(law(2, true, 0), Ok(()));
    assert_eq!(law(2, true, 40), Err(Law::Idempotence));
    assert_eq!(law(255, true, 0), Err(Law::Tolerance), "a filter that is off tolerates nobody");
    assert_eq!(ExactMerge::default().tolerates(9), 4);
    assert_eq!(ExactMerge { filter: Filter { ratio: 255, clamp: 410 } }.tolerates(9), 0);
    assert_eq!(ExactMerge { filter: Filter { ratio: 4, clamp: 410 } }.tolerates(2), 0);
    assert_eq!(ExactMerge { filter: Filter { ratio: 4, clamp: 410 } }.tolerates(3), 1);
}

#[test]
fn always_too_few_breaks_answer() {
    struct Shy(fn(usize) -> Option<(usize, usize)>);
    impl Merge for Shy {
        fn merge(&self, own: &Contribution<'_>, peers: Set<'_>) -> Result<Merged, MergeError> {
            match (self.0)(peers.len()) {
                Some((have, need)) => Err(MergeError::TooFew { have, need }),
                None => WeightedMean.merge(own, peers),
            }
        }
    }
    let law = |shy| suite::merge(&Shy(shy)).map_err(|broken| broken.law);
    assert_eq!(law(|have| (have < 5).then_some((have, 5))), Ok(()), "an honest need");
    assert_eq!(law(|have| Some((have, 1_000))), Err(Law::Answer), "never enough");
    assert_eq!(law(|have| Some((have, have + 1))), Err(Law::Answer), "always one more");
    assert_eq!(law(|have| (have < 5).then_some((0, 5))), Err(Law::Answer), "miscounted");
    assert_eq!(law(|have| (have < 5).then_some((have, have))), Err(Law::Answer), "enough by its own word");
    assert_eq!(law(|have| (have % 2 == 0).then_some((have, 13))), Err(Law::Answer), "of two minds");
}

/// A right rule that is bent after the fact.
struct Bent<F> {
    laws: Laws,
    bend: F,
}

impl<F> Merge for Bent<F>
where
    F: Fn(&Contribution<'_>, Set<'_>, Merged) -> Result<Merged, MergeError> + Send + Sync,
{
    fn merge(&self, own: &Contribution<'_>, peers: Set<'_>) -> Result<Merged, MergeError> {
        (self.bend)(own, peers, WeightedMean.merge(own, peers)?)
    }

    fn laws(&self) -> Laws {
        self.laws
    }
}

fn broken<F>(laws: Laws, bend: F) -> Law
where
    F: Fn(&Contribution<'_>, Set<'_>, Merged) -> Result<Merged, MergeError> + Send + Sync,
{
    suite::merge(&Bent { laws, bend }).expect_err("a wrong rule").law
}

/// The plain mean with a promise that it does not keep.
struct Boast(fn(usize) -> usize);

impl Merge for Boast {
    fn merge(&self, own: &Contribution<'_>, peers: Set<'_>) -> Result<Merged, MergeError> {
        WeightedMean.merge(own, peers)
    }

    fn tolerates(&self, peers: usize) -> usize {
        (self.0)(peers)
    }
}

fn shifted(mut merged: Merged, by: impl Fn(usize) -> f32) -> Merged {
    merged.value.values_mut().iter_mut().enumerate().for_each(|(index, value)| *value += by(index));
    merged
}

#[test]
fn a_rule_with_a_memory_breaks_replay() {
    let calls = Mutex::new(0u8);
    let law = broken(Laws::NONE, |_, _, merged| {
        let mut calls = calls.lock().expect("one thread");
        *calls = calls.wrapping_add(1);
        Ok(shifted(merged, |_| f32::from(*calls)))
    });
    assert_eq!(law, Law::Replay);
}

#[test]
fn a_sum_over_threads_breaks_replay() {
    let law = broken(Laws::NONE, |_, _, merged| {
        let threads = rayon::current_num_threads() as f32;
        Ok(shifted(merged, |index| if index > 1 << 16 { threads } else { 0.0 }))
    });
    assert_eq!(law, Law::Replay);
}

#[test]
fn shares_that_do_not_add_up_break_influence() {
    let lost = |_: &Contribution<'_>, _: Set<'_>, merged| Ok(Merged { own: Share::ZERO, ..merged });
    assert_eq!(broken(Laws::NONE, lost), Law::Influence);
    let short = |_: &Contribution<'_>, _: Set<'_>, merged| {
        Ok(Merged { own: Share::ONE, influence: vec![], ..merged })
    };
    assert_eq!(broken(Laws::NONE, short), Law::Influence);
}

/// Admits no odd peer, but takes its own value as it is.
struct Trusting;

impl Merge for Trusting {
    fn merge(&self, own: &Contribution<'_>, peers: Set<'_>) -> Result<Merged, MergeError> {
        match admit(own, peers) {
            Err(MergeError::OutOfRange(id)) if id == own.from => {
                let (age, influence) = (own.age, vec![Share::ZERO; peers.len()]);
                Ok(Merged { value: own.value.clone(), age, own: Share::ONE, influence })
            }
            _ => WeightedMean.merge(own, peers),
        }
    }
}

#[test]
fn an_own_value_that_is_not_finite_breaks_finite() {
    assert_eq!(suite::merge(&Trusting).expect_err("the own value").law, Law::Finite);
}

/// The weighted mean with some checks of admission left out.
struct Careless {
    order: bool,
    layout: bool,
    finite: bool,
}

impl Merge for Careless {
    fn merge(&self, own: &Contribution<'_>, peers: Set<'_>) -> Result<Merged, MergeError> {
        match admit(own, peers) {
            Err(MergeError::Order(_)) if !self.order => {}
            Err(MergeError::Layout(_)) if !self.layout => {}
            Err(MergeError::OutOfRange(_)) if !self.finite => {}
            checked => checked?,
        }
        let weights: Vec<Weight> = peers.iter().map(|peer| peer.weight).collect();
        let (share, influence) = shares(own.weight, &weights);
        Ok(Merged { value: own.value.clone(), age: own.age, own: share, influence })
    }

    fn laws(&self) -> Laws {
        Laws::NONE
    }
}

#[test]
fn a_careless_rule_breaks_order_layout_and_finite() {
    let law = |order, layout, finite| {
        suite::merge(&Careless { order, layout, finite }).map_err(|broken| broken.law)
    };
    assert_eq!(law(true, true, true), Ok(()));
    assert_eq!(law(false, true, true), Err(Law::Order));
    assert_eq!(law(true, false, true), Err(Law::Layout));
    assert_eq!(law(true, true, false), Err(Law::Finite));
}

#[test]
fn blaming_the_wrong_peer_breaks_layout() {
    struct Blames;
    impl Merge for Blames {
        fn merge(&self, own: &Contribution<'_>, peers: Set<'_>) -> Result<Merged, MergeError> {
            WeightedMean.merge(own, peers).map_err(|error| match error {
                MergeError::Layout(_) => MergeError::Layout(NodeId([9; 32])),
                other => other,
            })
        }
    }
    assert_eq!(suite::merge(&Blames).expect_err("wrong name").law, Law::Layout);
}

#[test]
fn noise_breaks_idempotence() {
    let law = broken(Laws::default(), |_, _, merged| Ok(shifted(merged, |index| (index % 2) as f32 * 0.1)));
    assert_eq!(law, Law::Idempotence);
}

#[test]
fn overshooting_breaks_hull() {
    // Twice the step of the mean: right where all agree, outside where one peer has most of the weight.
    let law = broken(Laws::default(), |own, _, merged| {
        let own = own.value.values().to_vec();
        let steps: Vec<f32> =
            merged.value.values().iter().zip(&own).map(|(value, own)| value - own).collect();
        Ok(shifted(merged, |index| 2.0 * steps[index]))
    });
    assert_eq!(law, Law::Hull);
}

#[test]
fn favouring_the_first_name_breaks_permutation() {
    let law = broken(Laws::default(), |own, peers, _| {
        WeightedMean.merge(own, &peers[..1]).map(|mut merged| {
            merged.influence.resize(peers.len(), Share::ZERO);
            merged
        })
    });
    assert_eq!(law, Law::Permutation);
    // Where only the shares follow the names, too.
    let law = broken(Laws::default(), |_, _, mut merged| {
        merged.influence.sort_unstable();
        Ok(merged)
    });
    assert_eq!(law, Law::Permutation);
}

#[test]
fn deafness_to_weights_breaks_weights() {
    struct Equal;
    impl Merge for Equal {
        fn merge(&self, own: &Contribution<'_>, peers: Set<'_>) -> Result<Merged, MergeError> {
            let same: Vec<Contribution<'_>> =
                peers.iter().map(|peer| Contribution { weight: Weight(1), ..*peer }).collect();
            WeightedMean.merge(&Contribution { weight: Weight(1), ..*own }, &same)
        }

        fn laws(&self) -> Laws {
            Laws::default().with(Law::Weights)
        }
    }
    assert_eq!(suite::merge(&Equal).expect_err("deaf").law, Law::Weights);
}

#[test]
fn a_clamp_breaks_linearity() {
    struct Clamped(FilteredMean);
    impl Merge for Clamped {
        fn merge(&self, own: &Contribution<'_>, peers: Set<'_>) -> Result<Merged, MergeError> {
            self.0.merge(own, peers)
        }

        fn laws(&self) -> Laws {
            Laws::default().with(Law::Linear)
        }
    }
    assert_eq!(suite::merge(&Clamped(FilteredMean::default())).expect_err("clamped").law, Law::Linear);
}

#[test]
fn a_mean_that_boasts_breaks_tolerance() {
    let law = |boast| suite::merge(&Boast(boast)).map_err(|broken| broken.law);
    assert_eq!(law(|_| 0), Ok(()));
    assert_eq!(law(|peers| peers.min(1)), Err(Law::Tolerance));
    assert_eq!(law(|peers| peers + 1), Err(Law::Tolerance)); // more than there are
}

/// The filter with a promise for one peer more than half.
struct Majority;

impl Merge for Majority {
    fn merge(&self, own: &Contribution<'_>, peers: Set<'_>) -> Result<Merged, MergeError> {
        FilteredMean::new(2.0, 1e30).expect("sane").merge(own, peers)
    }

    fn tolerates(&self, peers: usize) -> usize {
        peers / 2 + 1
    }
}

#[test]
fn the_filter_tolerates_half_and_no_more() {
    assert_eq!(FilteredMean::default().tolerates(9), 4);
    assert_eq!(suite::merge(&Majority).expect_err("half is the most").law, Law::Tolerance);
}

/// A rule of a stranger: the coordinate-wise median.
struct Median;

impl Merge for Median {
    fn merge(&self, own: &Contribution<'_>, peers: &[Contribution<'_>]) -> Result<Merged, MergeError> {
        admit(own, peers)?;
        let mut value: Params = own.value.clone();
        for (index, out) in value.values_mut().iter_mut().enumerate() {
            let mut column: Vec<f32> =
                peers.iter().chain([own]).map(|one| one.value.values()[index]).collect();
            column.sort_unstable_by(f32::total_cmp);
            *out = f32::midpoint(column[(column.len() - 1) / 2], column[column.len() / 2]);
        }
        // Nobody's share is larger than anybody else's.
        let (share, influence) = shares(Weight(1), &vec![Weight(1); peers.len()]);
        let age = peers.iter().chain([own]).map(|one| one.age).max().unwrap_or(0);
        Ok(Merged { value, age, own: share, influence })
    }

    fn tolerates(&self, peers: usize) -> usize {
        peers.div_ceil(2).saturating_sub(1)
    }
}

#[test]
fn a_strangers_median_passes() {
    suite::merge(&Median).expect("the median");
}
