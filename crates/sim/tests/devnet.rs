//! A whole small network: what it learns, what its adversaries get, and that a seed is a seed.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use bitneuron_core::Amount;
use bitneuron_sim::report::Report;
use bitneuron_sim::scenario::{Adversaries, Codec, Defence, Rows, Scenario, Sight};

fn small() -> Scenario {
    Scenario { validators: 4, users: 8, rounds: 8, adversaries: Adversaries::NONE, ..Scenario::default() }
}

fn play(scenario: &Scenario) -> Report {
    let mut rounds = 0;
    let mut blocks = Vec::new();
    let observe = &mut |sight: Sight<'_>| match sight {
        Sight::Block(height) => blocks.push(height.0),
        Sight::Round(_) => rounds += 1,
        Sight::Kept { .. } => {}
    };
    let report = scenario.run(observe).unwrap();
    assert_eq!(rounds, scenario.rounds);
    assert_eq!(blocks, (1..=scenario.rounds * 4).collect::<Vec<_>>());
    assert_eq!(report.supply.actual, Amount::SUPPLY);
    assert_eq!(report.blocks.height, scenario.rounds * 4);
    assert_eq!(report.blocks.certified, report.blocks.height, "every block is certified");
    report
}

/// How one misbehaving node fared.
fn fate(report: &Report, conduct: &str) -> (u64, Amount) {
    let found = report.adversaries.iter().find(|adversary| adversary.conduct.contains(conduct)).unwrap();
    (found.caught, found.lost)
}

#[test]
fn an_honest_network_learns_and_everybody_is_paid() {
    let report = play(&small());
    assert_eq!((report.deals.made, report.deals.settled), (64, 64), "every model is sold and paid");
    assert_eq!((report.proofs.accepted, report.proofs.refuted), (64 + 32, 0));
    assert_eq!(report.slashed, Amount::ZERO);
    let (first, last) = (&report.history[0], &report.history[7]);
    assert!(last.validators_mean > first.validators_mean + 0.2, "{:?}", report.accuracy);
    assert!(report.bytes.sent < report.bytes.dense_equivalent / 2);
    let start = Amount::tokens(8_000);
    assert!(report.balances["users"] > start, "users earn");
}

#[test]
fn a_seed_is_a_seed() {
    let scenario = Scenario { rounds: 3, adversaries: Adversaries::default(), ..small() };
    let with = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| play(&scenario))
    };
    let (once, twice) = (with(1), with(2));
    assert_eq!(once, twice, "whatever the number of threads");
    let other = play(&Scenario { seed: 2, ..scenario });
    assert_ne!(once.trace_hash, other.trace_hash);
}

#[test]
fn a_liar_is_refuted_as_long_as_proofs_are_checked() {
    let scenario =
        Scenario { rounds: 4, adversaries: Adversaries { liars: 1, ..Adversaries::NONE }, ..small() };
    let report = play(&scenario);
    let (caught, lost) = fate(&report, "score");
    assert_eq!(caught, 4, "once a round");
    assert_eq!(lost, Amount::tokens(4), "the whole bond each time");
    assert_eq!(report.deals.refuted, 4);
    let careless = play(&Scenario { without: Some(Defence::Proofs), ..scenario });
    assert_eq!(fate(&careless, "score").0, 0, "who believes everything pays the liar");
    assert_eq!(careless.deals.settled, careless.deals.made);
}

#[test]
fn who_delivers_other_bytes_loses_its_bond() {
    let scenario =
        Scenario { rounds: 4, adversaries: Adversaries { swappers: 1, ..Adversaries::NONE }, ..small() };
    let report = play(&scenario);
    assert_eq!(fate(&report, "bytes"), (4, Amount::tokens(4)));
    assert_eq!(report.deals.settled, report.deals.made - 4);
    let careless = play(&Scenario { without: Some(Defence::Delivery), ..scenario });
    assert_eq!(fate(&careless, "bytes"), (0, Amount::ZERO), "who confirms everything pays for nothing");
    assert_eq!(careless.deals.settled, careless.deals.made);
}

#[test]
fn flipped_models_do_no_harm_as_long_as_merging_filters() {
    let crowd = Scenario { users: 36, rounds: 6, ..small() };
    let flippers = Adversaries { flippers: 16, ..Adversaries::NONE };
    let scenario = Scenario { adversaries: flippers, ..crowd.clone() };
    let careless = Scenario { without: Some(Defence::Filter), ..scenario.clone() };
    let [honest, attacked, careless] = [crowd, scenario, careless].map(|scenario| play(&scenario));
    let best = honest.accuracy.validators_mean;
    let unharmed = |report: &Report| report.accuracy.validators_mean >= best - 0.05;
    assert!(unharmed(&attacked), "{:?} attacked, {best} honest", attacked.accuracy);
    assert!(!unharmed(&careless), "{:?} without the filter, {best} honest", careless.accuracy);
    assert!(attacked.merges.dropped > honest.merges.dropped);
    assert_eq!(careless.merges.dropped, 0);
}

#[test]
fn an_equivocator_is_slashed_as_long_as_somebody_accuses() {
    let adversaries = Adversaries { equivocators: 1, ..Adversaries::NONE };
    let scenario = Scenario { validators: 7, rounds: 3, adversaries, ..small() };
    let report = play(&scenario);
    let (caught, lost) = fate(&report, "twice");
    assert!(caught >= 1 && lost >= Amount::tokens(1_000), "caught {caught}, lost {lost}");
    for validator in &report.validators[..6] {
        assert_eq!(validator.slashed, Amount::ZERO, "no honest validator is ever slashed");
    }
    let careless = play(&Scenario { without: Some(Defence::Evidence), ..scenario });
    assert_eq!(fate(&careless, "twice"), (0, Amount::ZERO));
}

#[test]
fn attacks_on_the_vote_are_seen_proven_and_slashed() {
    let adversaries = "equivocator,withholder,farmer".parse().unwrap();
    let report = play(&Scenario { validators: 7, rounds: 12, adversaries, ..small() });
    let (caught, lost) = fate(&report, "votes twice once it is trusted");
    assert!(caught >= 1 && lost >= Amount::tokens(1_000), "farmer: caught {caught}, lost {lost}");
    let farmed = |round: usize| report.history[round].stakes.iter().zip(&report.history[0].stakes);
    // It begins at the sixth round's last height, whose block may hold evidence of its own first round.
    let before = farmed(4).filter(|(now, first)| now < first).count();
    assert!(before <= 1, "the farmer is honest for half of the rounds");
    let (seen, lost) = fate(&report, "shows nobody");
    assert!(seen >= 1 && lost == Amount::ZERO, "withholder: seen {seen} times, lost {lost}");
    let equivocator = report.adversaries.iter().find(|node| node.conduct == "votes twice").unwrap();
    assert!(equivocator.caught >= 1 && equivocator.lost >= Amount::tokens(1_000), "{equivocator:?}");
    for validator in &report.validators[..4] {
        assert_eq!(validator.slashed, Amount::ZERO, "no honest validator is ever slashed");
    }
}

#[test]
fn a_silent_buyer_pays_all_the_same() {
    let scenario =
        Scenario { rounds: 4, adversaries: Adversaries { silent: 1, ..Adversaries::NONE }, ..small() };
    let report = play(&scenario);
    // Sellers post what the silent validator does not confirm; only the last round's may still wait.
    assert!(report.deals.settled >= report.deals.made - 2, "{:?}", report.deals);
    assert_eq!(report.deals.late, 0);
    assert_eq!(report.slashed, Amount::ZERO);
}

#[test]
fn skewed_data_and_other_codecs_play_too() {
    let skewed = Scenario { rows: Rows::Dirichlet(0.5), compressor: Codec::Dense, rounds: 3, ..small() };
    let report = play(&skewed);
    assert!(report.setting.label_entropy < 3.0);
    assert_eq!(report.deals.settled, report.deals.made);
    for compressor in
        [Codec::TensorTrain(20), Codec::MatrixTrain(20), Codec::EntropyCoded(50), Codec::Auto(50)]
    {
        let other = Scenario { compressor: compressor.clone(), rounds: 3, ..small() };
        assert_eq!(play(&other).deals.settled, 24, "{compressor}");
    }
}
