//! Laws of the pure functions.

use crate::stage::{Stage, flipped, model, params, rows};
use bitneuron_core::{Amount, Digest, Height, NodeId};
use bitneuron_ledger::Params;
use bitneuron_ledger::contest::{
    ContestParams, Entrant, Sold, Tests, Verdict, Window, divide, firsts, judge, middle_mean, most_royalties,
    royalties, score, verdicts,
};
use bitneuron_market::FeeSplit;
use proptest::prelude::*;

fn sold() -> impl Strategy<Value = Sold> {
    (1..10u64, 0..6u8, 0..5u8).prop_map(|(price, model, seller)| Sold {
        price: Amount::tokens(price),
        model: Digest([model; 32]),
        seller: NodeId([seller; 32]),
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn what_is_divided_is_all_or_nothing(pot in 0..=Amount::SUPPLY.0, weights in prop::collection::vec(0..1u128 << 74, 0..40)) {
        let parts = divide(Amount(pot), &weights);
        prop_assert_eq!(parts.len(), weights.len());
        let sum: u128 = parts.iter().map(|part| part.0).sum();
        let total: u128 = weights.iter().sum();
        // Weights beyond 2⁶³ are halved, and what becomes nothing gets nothing.
        prop_assert!(sum == pot || (sum == 0 && total.checked_shr(64).unwrap_or(0) == 0 && total == 0));
        for (part, weight) in parts.iter().zip(&weights) {
            prop_assert!(*weight > 0 || part.0 == 0);
            let exact = pot as f64 * *weight as f64 / (total as f64).max(1.0);
            prop_assert!((part.0 as f64 - exact).abs() <= 2.0 + exact * 1e-9 + pot as f64 / (1u64 << 50) as f64);
        }
    }

    #[test]
    fn a_third_of_lies_moves_a_score_no_further_than_the_truth_goes(
        truth in prop::collection::vec(-50_000i64..50_000, 10), lies in prop::collection::vec(any::<i64>(), 5),
    ) {
        let all: Vec<i64> = truth.iter().chain(&lies).copied().collect();
        let mean = middle_mean(&all);
        prop_assert!(truth.iter().min().is_some_and(|least| mean >= *least));
        prop_assert!(truth.iter().max().is_some_and(|most| mean <= *most));
        prop_assert_eq!(score(&all, 2_000), (mean - 2_000).max(0));
    }

    #[test]
    fn royalties_stay_within_what_each_candidate_brought(
        lineages in prop::collection::vec((0..1_000_000u128, prop::collection::vec(sold(), 0..12)), 0..6),
    ) {
        let (pots, sold): (Vec<_>, Vec<_>) = lineages.into_iter().map(|(pot, sold)| (Amount(pot), sold)).unzip();
        let paid: u128 = royalties(&pots, &sold).iter().map(|(_, amount)| amount.0).sum();
        let bought = pots.iter().zip(&sold).filter(|(_, sold)| !sold.is_empty());
        prop_assert_eq!(paid, bought.map(|(pot, _)| pot.0).sum::<u128>());
    }

    #[test]
    fn nobody_gets_more_of_what_it_bought_from_itself_than_the_treasury_kept(
        lineages in prop::collection::vec((any::<u32>(), prop::collection::vec(sold(), 0..12)), 1..6),
    ) {
        let (pots, sold): (Vec<_>, Vec<_>) =
            lineages.into_iter().map(|(pot, sold)| (Amount(u128::from(pot) << 8), sold)).unzip();
        let split = FeeSplit::default();
        let most = most_royalties(&sold, &split);
        let pots: Vec<Amount> = pots.iter().zip(&most).map(|(pot, most)| *pot.min(most)).collect();
        let paid = royalties(&pots, &sold);
        // The author of each lineage is its sellers 0 and 1 as well.
        let mut paid = paid.iter();
        for sold in &sold {
            let own = |seller: &NodeId| seller.0[0] < 2;
            let kept: u128 =
                sold.iter().filter(|sold| own(&sold.seller)).map(|sold| split.divide(sold.price).treasury.0).sum();
            let back: u128 =
                paid.by_ref().take(sold.len()).filter(|(seller, _)| own(seller)).map(|(_, amount)| amount.0).sum();
            // Of each sale a unit may be rounded up.
            prop_assert!(back <= kept + sold.len() as u128, "{back} of {kept}");
        }
    }

    #[test]
    fn every_height_is_in_one_window_and_windows_follow_one_another(at in 1..100_000u64) {
        let params = ContestParams { commit: 7, reveal: 3, open: 6, score: 2, ..params().contest };
        let (here, next) = (params.place(Height(at)), params.place(Height(at + 1)));
        prop_assert_eq!(params.first(here.contest).0 + params.span() > at, true);
        prop_assert!(params.first(here.contest).0 <= at);
        if here.left > 0 {
            prop_assert_eq!((next.contest, next.window, next.at, next.left), (here.contest, here.window, here.at + 1, here.left - 1));
        } else {
            let wraps = here.window == Window::Score;
            prop_assert_eq!((next.contest, next.at), (here.contest + u64::from(wraps), 0));
            prop_assert!(wraps == (next.window == Window::Commit) && (wraps || next.window > here.window));
        }
    }
}

#[test]
fn splitting_a_stake_over_copies_of_ones_model_gains_nothing() {
    let stage = Stage::new();
    let shards = [rows(0), rows(1), rows(2)];
    let tests = Tests::new(&stage.world.goal, &shards).expect("fit");
    let (parent, contest) = (model(0), params().contest);
    let base = tests.losses(&parent).expect("fits");
    let models = [crate::stage::skewed(800, 900), crate::stage::skewed(800, -900), model(1_500)];
    let losses: Vec<_> = models.iter().map(|model| tests.losses(model).expect("fits")).collect();
    let pay = |stakes: &[(usize, u64)]| {
        let entrants: Vec<Entrant<'_>> = stakes
            .iter()
            .map(|(at, stake)| Entrant {
                stake: Amount::tokens(*stake),
                model: &models[*at],
                losses: &losses[*at],
            })
            .collect();
        let judged = judge(&parent, &base, &entrants, &contest);
        let pays = judged.divide(Amount::tokens(1_000));
        stakes.iter().zip(pays).filter(|((at, _), _)| *at == 2).map(|(_, pay)| pay.0).sum::<u128>()
    };
    let whole = pay(&[(0, 500), (1, 500), (2, 500)]);
    let split = pay(&[(0, 500), (1, 500), (2, 100), (2, 100), (2, 100), (2, 100), (2, 100)]);
    assert!(whole > 0 && split * 100 < whole * 60, "{split} of {whole}");
    // Twice the stake, and nothing but that, is at most twice the pay.
    let twice = pay(&[(0, 500), (1, 500), (2, 1_000)]);
    assert!(twice > whole && twice < 2 * whole);
}

#[test]
fn what_is_hardly_more_than_chance_is_hardly_paid() {
    let (parent, contest) = (model(0), params().contest);
    let paid = |gain: i64| {
        let (base, losses) = ([1_000_000; 9], [1_000_000 - gain; 9]);
        let other = model(7);
        let entrant = Entrant { stake: Amount::tokens(500), model: &other, losses: &losses };
        judge(&parent, &base, &[entrant], &contest).divide(Amount(3_000_000))[0].0
    };
    let margin = i64::from(contest.margin);
    assert_eq!([0, margin, 2 * margin, 4 * margin].map(paid), [0, 0, 500_000, 750_000]);
    // A share of all goes with the score; what a score of nothing but chance would get by that does not.
    assert_eq!(paid(margin + margin / 10), 1_000_000 / 11);
    assert!(paid(1_000_000) > 997_000);
}

#[test]
fn copies_are_the_same_or_go_the_same_way() {
    let parent = [0, 0, 0];
    let kinds = |models: &[&[i32]]| firsts(&parent, models);
    assert_eq!(kinds(&[&[100, 0, 0], &[100, 0, 0], &[7, 0, 0]]), [true, false, false]);
    assert_eq!(kinds(&[&[100, 0, 0], &[-100, 0, 0], &[0, 100, 0]]), [true, true, true]);
    // The angle whose cosine is 31/32 has a tangent between 0.2560 and 0.2561.
    assert_eq!(kinds(&[&[10_000, 0, 0], &[10_000, 2_560, 0]]), [true, false]);
    assert_eq!(kinds(&[&[10_000, 0, 0], &[10_000, 2_561, 0]]), [true, true]);
    // The parent itself goes nowhere: it is a copy of itself alone.
    assert_eq!(kinds(&[&[0, 0, 0], &[1, 0, 0], &[0, 0, 0]]), [true, true, false]);
    let extreme = vec![16_384; 32_768];
    let away = vec![-16_384; 32_768];
    assert_eq!(firsts(&away, &[&extreme, &extreme]), [true, false]);
}

#[test]
fn who_did_nothing_or_harm_is_paid_nothing_and_flipped_shards_are_told() {
    let stage = Stage::new();
    let shards = [rows(0), rows(1), flipped(2), rows(3), rows(4), rows(5), rows(6)];
    let tests = Tests::new(&stage.world.goal, &shards).expect("fit");
    let parent = model(200);
    let base = tests.losses(&parent).expect("fits");
    let models = [model(200), model(-1_000), model(400), model(900), model(1_600), model(-3_000)];
    let losses: Vec<_> = models.iter().map(|model| tests.losses(model).expect("fits")).collect();
    let gains: Vec<Vec<i64>> = losses
        .iter()
        .map(|losses| base.iter().zip(losses).map(|(base, loss)| base - loss).collect())
        .collect();
    let scores: Vec<i64> = gains.iter().map(|gains| score(gains, 2_000)).collect();
    assert_eq!((scores[0], scores[1], scores[5]), (0, 0, 0));
    assert!(scores[2] > 0 && scores[3] > scores[2] && scores[4] > scores[3], "{scores:?}");
    let gains: Vec<&[i64]> = gains.iter().map(Vec::as_slice).collect();
    let verdicts_of = |gains: &[&[i64]]| verdicts(gains, 7, 2_000);
    let told = verdicts_of(&gains);
    assert_eq!(told[2], Verdict::Contradicts);
    assert!((0..7).filter(|at| *at != 2).all(|at| told[at] == Verdict::Agrees), "{told:?}");
    // Of four candidates nobody is called wrong, and of one nothing is said.
    assert_eq!(verdicts_of(&gains[..4])[2], Verdict::Silent);
    assert_eq!(verdicts_of(&gains[..1]), [Verdict::Silent; 7]);
}

#[test]
fn scoring_costs_no_more_than_it_is_charged() {
    use bitneuron_core::exact::programs::{Linear, Mlp, Net, Train};
    use bitneuron_core::goal::Goal;
    let dense = |sizes: &[u32]| Net::from(Mlp::new(sizes).expect("sizes"));
    let train = |inputs: &[u32], outputs: &[u32], rank| {
        Linear::Train(Train::new(inputs, outputs, &vec![rank; inputs.len() - 1]).expect("sizes"))
    };
    let factors = [
        vec![train(&[8, 8], &[16, 16], 4), train(&[16, 16], &[2, 5], 4)],
        vec![train(&[4, 4, 4], &[4, 4, 4], 16), Linear::Dense { from: 64, to: 10 }],
    ];
    let sizes = [&[64, 10][..], &[64, 32, 10], &[2, 2], &[200, 100, 20, 5]];
    let factorised = factors.map(|linears| Net::new(linears).expect("meet"));
    for net in sizes.into_iter().map(dense).chain(factorised) {
        let goal = Goal { net: net.clone(), ..crate::world::goal("test") };
        let contest = Params::mainnet().contest;
        let rows = contest.rows * contest.called;
        let set = bitneuron_core::exact::DataRoot { columns: net.features(), ..goal.metric_set };
        let goal = Goal { metric_set: set, ..goal };
        let program = goal.inference_program(rows).expect("builds").gas();
        let charged = contest.score_gas(&goal);
        assert!(charged > program && charged < 6 * program + 200_000, "{charged} for {program}: {net}");
    }
}
