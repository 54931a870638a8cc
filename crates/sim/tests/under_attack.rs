//! Learning among neighbours under attack: the mean falls, robust rules stand, and each defence is seen to be one.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use bitneuron_sim::lab::{Course, Experiment, Lab};

fn small() -> Experiment {
    Experiment::read("nodes = 20\nrounds = 12\ntopology = \"regular:10\"\nliars = 0.2").unwrap()
}

fn play(experiment: &Experiment) -> Course {
    Lab::new().play(experiment).unwrap().runs.remove(0).course.unwrap()
}

fn with(settings: &[(&str, &str)]) -> Course {
    let set = |experiment: Experiment, (key, value): &(&str, &str)| experiment.with(key, [*value]).unwrap();
    play(&settings.iter().fold(small(), set))
}

#[test]
fn without_attack_it_learns_and_counts_every_byte() {
    let course = with(&[("merge", "mean")]);
    assert!(course.accuracy() > 0.9, "{}", course.accuracy());
    let last = course.points.last().unwrap();
    assert_eq!(last.messages, 20 * 10 * 12);
    // The header of a packet, two parts with their lengths, 650 parameters, the age.
    assert_eq!(last.bytes, last.messages * (43 + 2 * 4 + 4 * 650 + 8));
    assert_eq!((course.offences, course.discarded), (0, 0));
    assert!(course.influence.abs() < f64::EPSILON && course.triggered.is_none());
}

#[test]
fn the_mean_falls_where_a_robust_rule_stands() {
    for attack in ["signflip:scale=4", "gauss:sigma=10", "ipm:strength=20"] {
        let mean = with(&[("merge", "mean"), ("attack", attack)]);
        let robust = with(&[("merge", "median"), ("attack", attack)]);
        assert!(mean.accuracy() < 0.8, "{attack} leaves the mean {}", mean.accuracy());
        assert!(robust.accuracy() > 0.88, "{attack} leaves the median {}", robust.accuracy());
    }
}

#[test]
fn what_is_no_number_is_refused_by_the_decoder() {
    for codec in ["dense", "ecsq:100"] {
        let course = with(&[("merge", "mean"), ("attack", "infinity"), ("codec", codec)]);
        assert!(course.accuracy() > 0.9, "{codec}: {}", course.accuracy());
        assert!(course.offences > 0 && course.influence.abs() < f64::EPSILON, "{codec}: {course:?}");
    }
}

#[test]
fn names_are_voices_but_stake_is_not() {
    let attack = [("attack", "sybils:names=16+signflip:scale=2"), ("merge", "median")];
    let by_names = with(&[&attack[..], &[("voices", "names")]].concat());
    let by_stake = with(&[&attack[..], &[("voices", "stake")]].concat());
    assert!(by_names.accuracy() < 0.7, "{}", by_names.accuracy());
    assert!(by_stake.accuracy() > 0.85, "{}", by_stake.accuracy());
}

#[test]
fn a_cap_on_rows_stops_a_flood() {
    let attack = [("attack", "flood:times=4"), ("merge", "mean"), ("rounds", "8")];
    let open = with(&[&attack[..], &[("row_cap", "1000000")]].concat());
    let capped = with(&[&attack[..], &[("row_cap", "2")]].concat());
    assert!(open.accuracy() < capped.accuracy() - 0.1, "{} and {}", open.accuracy(), capped.accuracy());
    assert!(capped.accuracy() > 0.85, "{}", capped.accuracy());
}

#[test]
fn a_backdoor_opens_under_the_mean_and_its_success_is_measured() {
    let course = with(&[("attack", "backdoor:boost=4,target=3"), ("merge", "mean")]);
    assert!(course.triggered.unwrap() > 0.5, "{course:?}");
    let peaceful = with(&[("attack", "labelflip"), ("merge", "mean")]);
    assert!(peaceful.triggered.is_none());
}

#[test]
fn idlers_are_seen_in_their_share() {
    for attack in ["freerider", "copier"] {
        let course = with(&[("attack", attack), ("merge", "mean")]);
        assert!(course.accuracy() > 0.85, "{attack}: {}", course.accuracy());
        // A fifth of the nodes has about two of eleven voices.
        assert!((0.1..0.3).contains(&course.influence), "{attack}: {}", course.influence);
    }
}

#[test]
fn faults_slow_down_and_do_not_stop() {
    let course = with(&[("merge", "median"), ("loss", "0.1"), ("online", "0.7"), ("delay", "0.5")]);
    assert!(course.accuracy() > 0.85, "{}", course.accuracy());
}

#[test]
fn a_server_is_attacked_alike() {
    let server = [
        ("exchange", "server"),
        ("rounds", "150"),
        ("update", "sgd:rate=0.5,batch=32,momentum=0.9"),
        ("attack", "ipm:strength=5"),
    ];
    let mean = with(&[&server[..], &[("merge", "mean")]].concat());
    let robust = with(&[&server[..], &[("merge", "median")]].concat());
    assert!(mean.accuracy() < 0.5, "{}", mean.accuracy());
    assert!(robust.accuracy() > 0.85, "{}", robust.accuracy());
}

/// An attack that drives the model out of the numbers ruins it; it does not end the run.
#[test]
fn a_server_without_defence_ends_somewhere() {
    let server = [
        ("exchange", "server"),
        ("model", "mlp:16"),
        ("rounds", "300"),
        ("update", "sgd:rate=0.5,batch=32,momentum=0.9"),
        ("attack", "ipm:strength=5"),
        ("liars", "0.3"),
    ];
    let mean = with(&[&server[..], &[("merge", "mean")]].concat());
    assert!(mean.accuracy() < 0.2 && mean.offences > 0, "{} {}", mean.accuracy(), mean.offences);
}

#[test]
fn differences_and_federations_are_attacked_alike() {
    for exchange in ["choco", "federated"] {
        let of = |attack, merge| with(&[("exchange", exchange), ("attack", attack), ("merge", merge)]);
        let clean = of("none", "median");
        assert!(clean.accuracy() > 0.88, "{exchange}: {}", clean.accuracy());
        for attack in ["signflip:scale=4", "huge", "infinity", "backdoor"] {
            let (mean, median) = (of(attack, "mean"), of(attack, "median"));
            assert!(
                median.accuracy() > clean.accuracy() - 0.03,
                "{exchange}, {attack}: {} of {}",
                median.accuracy(),
                clean.accuracy()
            );
            let ruins = attack == "signflip:scale=4" || attack == "huge";
            assert!(!ruins || mean.accuracy() < 0.6, "{exchange}, {attack}: {}", mean.accuracy());
        }
    }
}

#[test]
fn gossip_in_pairs_is_attacked_alike() {
    let pairs = [("exchange", "pairs"), ("attack", "signflip:scale=4")];
    let mean = with(&[&pairs[..], &[("merge", "mean")]].concat());
    let clean = with(&[("exchange", "pairs"), ("merge", "mean")]);
    assert!(clean.accuracy() > mean.accuracy() + 0.2, "{} and {}", clean.accuracy(), mean.accuracy());
}

#[test]
fn liars_fill_the_views_of_a_careless_sampler() {
    let eclipse = [
        ("exchange", "pairs"),
        ("attack", "eclipse+freerider"),
        ("merge", "mean"),
        ("nodes", "60"),
        ("rounds", "30"),
    ];
    let graph = with(&eclipse);
    let cyclon = with(&[&eclipse[..], &[("sampling", "cyclon")]].concat());
    assert!(graph.influence.abs() < f64::EPSILON, "no sampler, no view: {}", graph.influence);
    // A fifth of the nodes has more than three tenths of the honest views.
    assert!(cyclon.influence > 0.3, "{}", cyclon.influence);
}

#[test]
fn differences_learn_with_few_bytes() {
    let choco = [("exchange", "choco"), ("topology", "regular:4"), ("merge", "mean"), ("rounds", "30")];
    let dense = with(&[&choco[..], &[("codec", "dense")]].concat());
    let sparse = with(&[&choco[..], &[("codec", "top:10")]].concat());
    assert!(sparse.bytes() * 4 < dense.bytes(), "{} and {}", sparse.bytes(), dense.bytes());
    assert!(sparse.accuracy() > dense.accuracy() - 0.05, "{} and {}", sparse.accuracy(), dense.accuracy());
}
