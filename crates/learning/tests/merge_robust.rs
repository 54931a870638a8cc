//! The formulas of the robust rules, against plain implementations that take one value at a time.

use bitneuron_core::{Layout, NodeId, Params, Seed, Share, Weight};
use bitneuron_learning::merge::{
    AgeWeighted, Bulyan, ClippedGossip, Contribution, Distances, Distinct, Faults, Krum, Limited, Merge,
    MergeError, Merged, MinimumDiameter, Neighbourhood, PartAged, PartWise, Parts, Search, VarianceCorrected,
    WeightedMean, named,
};
use proptest::{prelude::*, test_runner::RngSeed};
use std::sync::Arc;

fn layout(size: usize) -> Arc<Layout> {
    Arc::new(Layout::of(&[("w", &[size as u32])]).expect("small"))
}

fn params(values: &[f32]) -> Params {
    Params::new(values.to_vec(), layout(values.len())).expect("fits")
}

fn id(number: usize) -> NodeId {
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&(number as u64).to_be_bytes());
    NodeId(bytes)
}

/// The first vector is the own one.
fn run(rule: &dyn Merge, vectors: &[Vec<f32>], weights: &[u64]) -> Result<Merged, MergeError> {
    let values: Vec<Params> = vectors.iter().map(|vector| params(vector)).collect();
    let voice = |(at, value): (usize, &Params)| -> (NodeId, Weight, u64) {
        (id(at), Weight(weights[at]), value.values().len() as u64)
    };
    let voices: Vec<Contribution<'_>> = values
        .iter()
        .enumerate()
        .map(|(at, value)| {
            let (from, weight, age) = voice((at, value));
            Contribution { from, weight, age, value }
        })
        .collect();
    rule.merge(&voices[0], &voices[1..])
}

fn merged(rule: &str, vectors: &[Vec<f32>], weights: &[u64]) -> Vec<f32> {
    let rule = named(rule).expect(rule);
    run(&*rule, vectors, weights).expect("fits").value.into_values()
}

fn drawn(seed: u64, count: usize, length: usize, spread: f32) -> Vec<Vec<f32>> {
    let mut rng = Seed::from_number(seed).rng();
    (0..count).map(|_| (0..length).map(|_| spread * (rng.random::<f32>() - 0.5)).collect()).collect()
}

fn close(a: &[f32], b: &[f64], slack: f64) -> bool {
    a.iter().zip(b).all(|(a, b)| (f64::from(*a) - b).abs() <= slack)
}

fn fixed(cases: u32) -> ProptestConfig {
    ProptestConfig {
        cases,
        rng_seed: RngSeed::Fixed(1),
        failure_persistence: None,
        ..ProptestConfig::default()
    }
}

fn squared(a: &[f32], b: &[f32]) -> f64 {
    a.iter().zip(b).map(|(a, b)| (f64::from(*a) - f64::from(*b)).powi(2)).sum()
}

/// Each vector as often as it weighs.
fn copies(vectors: &[Vec<f32>], weights: &[u64]) -> Vec<Vec<f32>> {
    vectors.iter().zip(weights).flat_map(|(v, k)| std::iter::repeat_n(v.clone(), *k as usize)).collect()
}

proptest! {
    #![proptest_config(fixed(48))]

    /// The blocked product agrees with the direct formula, wherever the centre and the scales are.
    #[test]
    fn distances_are_distances(
        seed in any::<u64>(), count in 1usize..12, length in 1usize..3_000,
        offset in prop::sample::select(vec![0.0f32, 1.0, 300.0, -1e6]),
        spread in prop::sample::select(vec![1e-12f32, 1e-3, 1.0, 1e18]),
        far in prop::sample::select(vec![0.0f32, 1e3, 1e30, 3e38]),
    ) {
        let mut vectors = drawn(seed, count, length, spread);
        vectors.iter_mut().flatten().for_each(|value| *value += offset);
        if far > 0.0 && count > 2 {
            vectors[1].fill(far);
            vectors[2].fill(-far);
        }
        if count > 4 {
            vectors[3] = vectors[4].clone();
        }
        let slices: Vec<&[f32]> = vectors.iter().map(Vec::as_slice).collect();
        let found = Distances::of(&slices);
        for i in 0..count {
            for j in 0..count {
                let (found, direct) = (found.squared(i, j), squared(slices[i], slices[j]));
                prop_assert!((found - direct).abs() <= 2e-5 * direct, "{i} {j}: {found} {direct}");
            }
        }
    }

    /// A voice of weight k is as good as k voices.
    #[test]
    fn weight_is_multiplicity(
        seed in any::<u64>(), weights in prop::collection::vec(1u64..4, 5..9), length in 1usize..40,
        rule in prop::sample::select(vec!["median", "geomed", "cclip"]),
    ) {
        let mut weights = weights;
        weights[0] = 1; // one of the copies is the own value
        let vectors = drawn(seed, weights.len(), length, 2.0);
        let many = copies(&vectors, &weights);
        let by_weight = merged(rule, &vectors, &weights);
        let by_number = merged(rule, &many, &vec![1; many.len()]);
        let by_number: Vec<f64> = by_number.into_iter().map(f64::from).collect();
        prop_assert!(close(&by_weight, &by_number, 1e-5), "{by_weight:?} {by_number:?}");
    }

    /// Also where some mass goes: f of N is the same share of the weight.
    #[test]
    fn what_goes_is_a_share_of_the_weight(
        seed in any::<u64>(), copies_of in 2u64..4, length in 1usize..30,
        rule in prop::sample::select(vec!["trimmed", "meamed", "monna", "nnm:f=@+mean", "mda"]),
    ) {
        let vectors = drawn(seed, 7, length, 2.0);
        let weights = vec![copies_of; 7];
        let named = |f: u64| if rule.contains('@') { rule.replace('@', &f.to_string()) } else { format!("{rule}:f={f}") };
        // The own voice is one of its copies.
        let many: Vec<Vec<f32>> = copies(&vectors, &weights);
        let once = merged(&named(2), &vectors, &weights);
        let often = merged(&named(2 * copies_of), &many, &vec![1; many.len()]);
        let often: Vec<f64> = often.into_iter().map(f64::from).collect();
        prop_assert!(close(&once, &often, 1e-5), "{once:?} {often:?}");
    }

    /// Sorting networks agree with sorting, for every number of voices and kept rank.
    #[test]
    fn coordinates_are_sorted(
        seed in any::<u64>(), count in 1usize..40, length in 1usize..300, trim in 0usize..20,
        levels in prop::sample::select(vec![3u32, 1 << 20]),
    ) {
        let mut rng = Seed::from_number(seed).rng();
        let vectors: Vec<Vec<f32>> = (0..count)
            .map(|_| (0..length).map(|_| rng.random_range(0..levels) as f32 - 1.0).collect())
            .collect();
        let trim = trim.min((count - 1) / 2);
        let sorted = |coordinate: usize| {
            let mut column: Vec<f64> = vectors.iter().map(|v| f64::from(v[coordinate])).collect();
            column.sort_by(f64::total_cmp);
            column
        };
        let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
        let weights = vec![3; count];
        let expected: Vec<f64> = (0..length).map(|at| mean(&sorted(at)[trim..count - trim])).collect();
        let found = merged(&format!("trimmed:f={trim}"), &vectors, &weights);
        prop_assert!(close(&found, &expected, 1e-6 * f64::from(levels)));
        let middle = |at| { let c = sorted(at); f64::midpoint(c[(count - 1) / 2], c[count / 2]) };
        let expected: Vec<f64> = (0..length).map(middle).collect();
        prop_assert!(close(&merged("median", &vectors, &weights), &expected, 1e-6 * f64::from(levels)));
        // The N − f nearest to the median; where two sides are equally far either may go.
        let kept = count - trim;
        let found = merged(&format!("meamed:f={trim}"), &vectors, &weights);
        for (at, found) in found.iter().enumerate() {
            let (column, centre) = (sorted(at), middle(at));
            let mut gaps: Vec<f64> = column.iter().map(|value| (value - centre).abs()).collect();
            gaps.sort_by(f64::total_cmp);
            let reach: f64 = gaps[..kept].iter().sum();
            let possible = (0..=trim).map(|from| &column[from..from + kept]);
            let slack = 1e-6 * f64::from(levels);
            let best = possible.filter(|run| {
                run.iter().map(|value| (value - centre).abs()).sum::<f64>() <= reach + slack
            });
            prop_assert!(best.map(mean).any(|value| (f64::from(*found) - value).abs() <= slack));
        }
    }

    /// Krum against its definition, for honest and identical voices alike.
    #[test]
    fn krum_is_krum(seed in any::<u64>(), count in 5usize..14, twins in 0usize..4) {
        let faults = (count - 3) / 2;
        let mut vectors = drawn(seed, count, 6, 2.0);
        for twin in 0..twins.min(count - 2) {
            vectors[twin + 1] = vectors[count - 1].clone();
        }
        let score = |i: usize| {
            let mut row: Vec<f64> = (0..count).filter(|j| *j != i).map(|j| squared(&vectors[i], &vectors[j])).collect();
            row.sort_by(f64::total_cmp);
            row[..count - faults - 2].iter().sum::<f64>()
        };
        let chosen = run(&Krum { faults: Faults::Number(faults) }, &vectors, &vec![2; count]).expect("fits");
        let best = (0..count).map(score).fold(f64::INFINITY, f64::min);
        let winner = vectors.iter().position(|v| squared(v, chosen.value.values()) < 1e-12).expect("one of them");
        prop_assert!(score(winner) <= best * (1.0 + 1e-5) + 1e-12);
    }

    /// Bulyan against its definition.
    #[test]
    fn bulyan_is_bulyan(seed in any::<u64>(), faults in 0usize..3, extra in 0usize..3) {
        let count = 4 * faults + 3 + extra;
        let vectors = drawn(seed, count, 5, 2.0);
        let mut left: Vec<usize> = (0..count).collect();
        let mut chosen: Vec<usize> = Vec::new();
        for round in 0..count - 2 * faults {
            let neighbours = (count - round).saturating_sub(faults + 2);
            let score = |i: usize| {
                let mut row: Vec<f64> = left.iter().filter(|j| **j != i).map(|j| squared(&vectors[i], &vectors[*j])).collect();
                row.sort_by(f64::total_cmp);
                row[..neighbours.min(row.len())].iter().sum::<f64>()
            };
            let from_own = |i: usize| squared(&vectors[i], &vectors[0]);
            let best = left.iter().copied().min_by(|a, b| {
                score(*a).total_cmp(&score(*b)).then(from_own(*a).total_cmp(&from_own(*b)))
            }).expect("somebody");
            left.retain(|i| *i != best);
            chosen.push(best);
        }
        let kept = chosen.len() - 2 * faults;
        let expected: Vec<f64> = (0..5)
            .map(|at| {
                let mut column: Vec<f64> = chosen.iter().map(|i| f64::from(vectors[*i][at])).collect();
                column.sort_by(f64::total_cmp);
                let centre = f64::midpoint(column[(column.len() - 1) / 2], column[column.len() / 2]);
                column.sort_by(|a, b| (a - centre).abs().total_cmp(&(b - centre).abs()));
                column[..kept].iter().sum::<f64>() / kept as f64
            })
            .collect();
        let found = run(&Bulyan { faults: Faults::Number(faults) }, &vectors, &vec![1; count]).expect("fits");
        prop_assert!(close(found.value.values(), &expected, 1e-5));
    }

    /// The search tree finds the least diameter of all subsets; the ball at most its double.
    #[test]
    fn the_least_diameter_is_found(seed in any::<u64>(), count in 3usize..11, liars in 0usize..4) {
        let faults = ((count - 1) / 2).min(3);
        let mut vectors = drawn(seed, count, 4, 2.0);
        for liar in 0..liars.min(faults) {
            vectors[count - 1 - liar].iter_mut().for_each(|value| *value += 3.0);
        }
        let diameter = |set: &[usize]| {
            let pairs = set.iter().flat_map(|i| set.iter().map(move |j| (i, j)));
            pairs.map(|(i, j)| squared(&vectors[*i], &vectors[*j])).fold(0.0, f64::max).sqrt()
        };
        let subsets = (0u32..1 << count).filter(|bits| bits.count_ones() as usize == count - faults);
        let members = |bits: u32| (0..count).filter(|i| bits >> i & 1 == 1).collect::<Vec<_>>();
        let least = subsets.map(|bits| diameter(&members(bits))).fold(f64::INFINITY, f64::min);
        for (search, factor) in [(Search::Exact, 1.0), (Search::Ball, 2.0)] {
            let rule = MinimumDiameter { faults: Faults::Number(faults), search };
            let merged = run(&rule, &vectors, &vec![1; count]).expect("fits");
            let all = [merged.own].into_iter().chain(merged.influence);
            let kept: Vec<usize> = all.enumerate().filter(|(_, share)| share.0 > 0).map(|(i, _)| i).collect();
            prop_assert_eq!(kept.len(), count - faults);
            prop_assert!(diameter(&kept) <= factor * least * (1.0 + 1e-4), "{:?}", search);
        }
    }

    /// ClippedGossip against equation 4.
    #[test]
    fn pulls_are_clipped(seed in any::<u64>(), weights in prop::collection::vec(1u64..9, 3..9), liars in 0usize..3) {
        let count = weights.len();
        let liars = liars.min(count - 2);
        let vectors = drawn(seed, count, 5, 2.0);
        let mut gaps: Vec<f64> = vectors[1..].iter().map(|v| squared(v, &vectors[0]).sqrt()).collect();
        gaps.sort_by(f64::total_cmp);
        let radius = gaps[gaps.len() - 1 - liars];
        let total: u64 = weights.iter().sum();
        let expected: Vec<f64> = (0..5).map(|at| {
            let own = f64::from(vectors[0][at]);
            own + vectors[1..].iter().zip(&weights[1..]).map(|(v, w)| {
                let gap = squared(v, &vectors[0]).sqrt();
                *w as f64 / total as f64 * (f64::from(v[at]) - own) * (radius / gap).min(1.0)
            }).sum::<f64>()
        }).collect();
        let rule = ClippedGossip { neighbours: Neighbourhood::Liars(Faults::Number(liars)) };
        prop_assert!(close(run(&rule, &vectors, &weights).expect("fits").value.values(), &expected, 1e-6));
    }
}

#[test]
fn shares_say_who_was_kept() {
    let vectors = [vec![0.0, 0.0], vec![1.0, 1.0], vec![2.0, 2.0], vec![9.0, -9.0], vec![-9.0, 9.0]];
    let shares = |rule: &str| {
        let outcome = run(&*named(rule).expect("named"), &vectors, &[1; 5]).expect("fits");
        [outcome.own]
            .into_iter()
            .chain(outcome.influence)
            .map(|share| (share.to_f64() * 100.0).round() as u32)
            .collect::<Vec<_>>()
    };
    assert_eq!(shares("trimmed:f=1"), [33, 33, 33, 0, 0]);
    assert_eq!(shares("median"), [0, 100, 0, 0, 0]);
    assert_eq!(shares("krum:f=1"), [0, 100, 0, 0, 0], "the closest to its two nearest");
    assert_eq!(shares("mda:f=2"), [33, 33, 33, 0, 0]);
    assert_eq!(shares("monna:f=2"), [33, 33, 33, 0, 0]);
    assert_eq!(shares("multikrum:f=1,m=2").iter().sum::<u32>(), 100);
}

#[test]
fn liars_at_the_edge_of_the_numbers_move_nothing() {
    for far in [1e9f32, 1e30, f32::MAX] {
        let mut vectors = drawn(5, 12, 50, 1.0);
        for (liar, vector) in vectors[9..].iter_mut().enumerate() {
            vector.fill(if liar == 0 { -far } else { far });
        }
        for rule in [
            "median",
            "trimmed:f=3",
            "meamed:f=3",
            "geomed",
            "krum:f=3",
            "multikrum:f=3",
            "mda:f=3",
            "mda:f=3,search=ball",
            "monna:f=3",
            "cclip",
            "caf:f=3",
            "clipgossip:f=3",
            "nnm:f=3+krum:f=3",
            "arc:f=3+mean",
            "near:f=3+mean",
            "distinct+median",
            "bucketing+trimmed:f=2",
        ] {
            let found = merged(rule, &vectors, &[1; 12]);
            let moved = squared(&found, &vectors[0]).sqrt();
            // `bucketing` meets three spoiled buckets of six where two are trimmed: it promises less.
            let honest = rule.starts_with("bucketing") || moved < 20.0;
            assert!(honest && found.iter().all(|value| value.is_finite()), "{rule} at {far}: {moved}");
        }
    }
}

#[test]
fn where_most_say_what_the_node_says_nobody_else_is_heard() {
    let mut vectors = vec![vec![1.0; 20]; 5];
    vectors.extend([vec![1e30; 20], vec![-7.0; 20]]);
    for rule in ["median", "geomed", "cclip", "krum:f=2", "mda:f=2", "monna:f=2", "caf:f=2", "trimmed:f=2"] {
        let found = merged(rule, &vectors, &[1; 7]);
        assert!(close(&found, &[1.0; 20], 1e-5), "{rule}: {}", found[0]);
    }
}

/// Six that say the same are each other's nearest neighbours.
#[test]
fn colluders_that_agree_win_in_krum_and_are_seen() {
    let mut vectors = drawn(3, 14, 400, 2.0);
    let lie: Vec<f32> = (0..400).map(|at| if at % 2 == 0 { -0.75 } else { 0.75 }).collect();
    vectors.extend(std::iter::repeat_n(lie.clone(), 6));
    let weights = [1; 20];
    assert_eq!(merged("krum:f=6", &vectors, &weights), lie, "the attack works");
    assert_eq!(merged("nnm:f=6+krum:f=6", &vectors, &weights).len(), 400);
    let found = run(&Distinct { rule: Krum { faults: Faults::Number(6) }, within: 0.01 }, &vectors, &weights)
        .expect("fits");
    assert!(vectors[..14].contains(&found.value.values().to_vec()), "an honest one wins");
    // A little noise does not hide them.
    let mut rng = Seed::from_number(9).rng();
    vectors[14..].iter_mut().flatten().for_each(|value| *value += 1e-3 * (rng.random::<f32>() - 0.5));
    let found = run(&Distinct { rule: Krum { faults: Faults::Number(6) }, within: 0.01 }, &vectors, &weights)
        .expect("fits");
    assert!(found.influence[13..].iter().all(|share| *share == Share::ZERO));
}

#[test]
fn the_too_young_are_not_heard() {
    let [a, b, c] = [[0.0], [4.0], [100.0]].map(|value| params(&value));
    let voice = |at, age, value| Contribution { from: id(at), weight: Weight(1), age, value };
    let merged =
        Limited { gap: 10 }.merge(&voice(1, 10, &a), &[voice(2, 20, &b), voice(3, 9, &c)]).expect("fits");
    assert!((merged.value.values()[0] - 8.0 / 3.0).abs() < 1e-6, "10 and 20 merge by age, 9 is too young");
    assert_eq!((merged.age, merged.influence[1]), (20, Share::ZERO));
    let merged = Limited { gap: 10 }.merge(&voice(1, 5, &a), &[voice(2, 50, &b)]).expect("fits");
    assert_eq!(
        (merged.value.values(), merged.own, merged.age),
        (&[4.0][..], Share::ZERO, 50),
        "the older one stays"
    );
    let merged = Limited { gap: 10 }.merge(&voice(1, 50, &a), &[voice(2, 5, &b)]).expect("fits");
    assert_eq!((merged.value.values(), merged.own, merged.age), (&[0.0][..], Share::ONE, 50));
}

#[test]
fn averaging_shrinks_and_the_correction_spreads() {
    let mut rng = Seed::from_number(4).rng();
    let layout = Arc::new(Layout::of(&[("w", &[40, 50]), ("b", &[50])]).expect("small"));
    let mut net = || {
        let mut net = Params::zeros(layout.clone());
        net.values_mut()[..2000].iter_mut().for_each(|value| *value = rng.random::<f32>() - 0.5);
        net
    };
    let nets = [net(), net(), net(), net()];
    let voices: Vec<Contribution<'_>> = nets
        .iter()
        .enumerate()
        .map(|(at, value)| Contribution { from: id(at), weight: Weight(1), age: 1, value })
        .collect();
    let variance = |net: &Params| {
        let values = &net.values()[..2000];
        let mean = values.iter().map(|v| f64::from(*v)).sum::<f64>() / 2000.0;
        values.iter().map(|v| (f64::from(*v) - mean).powi(2)).sum::<f64>() / 2000.0
    };
    let plain = WeightedMean.merge(&voices[0], &voices[1..]).expect("fits").value;
    let spread =
        VarianceCorrected { rule: WeightedMean }.merge(&voices[0], &voices[1..]).expect("fits").value;
    let before = nets.iter().map(variance).sum::<f64>() / 4.0;
    assert!(variance(&plain) < 0.3 * before, "a mean of four has a quarter of the variance");
    assert!((variance(&spread) / before - 1.0).abs() < 0.02);
    assert!(spread.values()[2000..].iter().all(|value| *value == 0.0), "what has no variance is left alone");
}

#[test]
fn parts_have_their_own_ages() {
    let layout = layout(10);
    let parts = Arc::new(Parts::even(&layout, 3));
    assert_eq!(
        (0..3).map(|part| parts.range(part)).collect::<Vec<_>>(),
        [Some(0..3), Some(3..6), Some(6..10)]
    );
    assert_eq!(parts.range(3), None);
    let own = PartAged::new(params(&[0.0; 10]), parts.clone(), vec![Some(1), Some(9), None]).expect("fits");
    let theirs = PartAged::whole(params(&[4.0; 10]), parts.clone(), 3).expect("fits");
    let merge = |message: &PartAged| {
        let voice = |at, value| Contribution { from: id(at), weight: Weight(1), age: 77, value };
        PartWise { rule: AgeWeighted }.merge(&voice(1, &own), &[voice(2, message)]).expect("fits")
    };
    let first = merge(&theirs.only(0));
    assert_eq!(
        &first.value.params().values()[..4],
        [3.0, 3.0, 3.0, 0.0],
        "a = 3 / (1 + 3); other parts stay"
    );
    assert_eq!(first.value.ages(), [Some(3), Some(9), None]);
    assert_eq!(first.age, 9);
    let share = first.influence[0].to_f64();
    assert!((share - 0.75 * 0.5).abs() < 1e-4, "{share}");
    let last = merge(&theirs.only(2));
    assert_eq!(&last.value.params().values()[5..], [0.0, 4.0, 4.0, 4.0, 4.0], "what one lacks is taken");
    assert_eq!(last.value.ages(), [Some(1), Some(9), Some(3)]);
    let nothing = merge(&theirs.only(9));
    assert_eq!((&nothing.value, nothing.own), (&own, Share::ONE));
    let older = nothing.value.trained(params(&[1.0; 10]));
    assert_eq!(older.ages(), [Some(2), Some(10), None]);
    assert!(PartAged::new(params(&[0.0; 9]), parts.clone(), vec![None; 3]).is_err());
    assert!(PartAged::new(params(&[0.0; 10]), parts, vec![None; 2]).is_err());
    let tensors = Layout::of(&[("w", &[2, 3]), ("none", &[0]), ("b", &[3])]).expect("small");
    assert_eq!(Parts::tensors(&tensors).count(), 2);
    assert_eq!(Parts::even(&tensors, 100).count(), 9);
}
