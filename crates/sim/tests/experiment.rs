//! Experiments: what is read, swept, played, kept and written.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use bitneuron_learning::merge::{MergeError, Merged, WeightedMean};
use bitneuron_learning::{Contribution, Merge};
use bitneuron_sim::lab::{Experiment, ExperimentError, KEYS, Lab, Results, Trial, matrix_file};
use proptest::prelude::*;
use std::path::PathBuf;
use std::sync::{
    Arc, Mutex,
    atomic::{AtomicUsize, Ordering},
};

/// Something small: softmax regression on digits, twelve nodes, six rounds.
fn small() -> Experiment {
    let text = "nodes = 12\nrounds = 6\ntopology = \"regular:6\"\njudged = 3\n";
    Experiment::read(text).unwrap()
}

fn folder(name: &str) -> PathBuf {
    let folder = std::env::temp_dir().join(format!("bitneuron-lab-{name}-{}", std::process::id()));
    let _ = std::fs::remove_dir_all(&folder);
    folder
}

#[test]
fn a_sweep_is_every_combination_once() {
    let text = r#"
        name = "Sweep"
        about = "All of it."
        merge = ["mean", "median"]
        attack = ["none", "signflip", "mimic"]
        liars = [0.1, 0.2]
        loss = 0.05
        seeds = [7, 9]
    "#;
    let experiment = Experiment::read(text).unwrap();
    assert_eq!(experiment.name, "Sweep");
    assert_eq!(experiment.swept(), ["liars", "attack", "merge"]);
    let trials = experiment.trials().unwrap();
    // Without an attack it does not matter how many liars there are not.
    assert_eq!(trials.len(), 2 * (1 + 2 * 2) * 2);
    let mut digests: Vec<_> = trials.iter().map(Trial::digest).collect();
    digests.sort_unstable();
    digests.dedup();
    assert_eq!(digests.len(), trials.len());
    assert!(trials.iter().all(|trial| trial.get("loss") == "0.05" && trial.get("nodes") == "40"));
}

#[test]
fn hostile_files_are_told_what_would_do() {
    let told = |text: &str| Experiment::read(text).unwrap_err().to_string();
    assert!(told("merge = [").contains("no TOML"));
    assert!(told("merg = \"mean\"").contains("`merge`"));
    assert!(told("merge = []").contains("at least one value"));
    assert!(told("merge = [\"mean\", \"mean\"]").contains("twice"));
    assert!(told("merge = {a = 1}").contains("text, a number"));
    assert!(told("merge = [[\"mean\"]]").contains("text, a number"));
    assert!(told("loss = nan").contains("text, a number"));
    assert!(told("name = 3").contains("quotes"));
    for seeds in ["0", "-1", "\"many\"", "[]", "[1, 1]", "[-2]", "1001", "1.5"] {
        assert!(told(&format!("seeds = {seeds}")).contains("how many"), "{seeds}");
    }
    assert!(told(&"#".repeat(1 << 21)).contains("longer"));
    let many = (0..400).map(|number| number.to_string()).collect::<Vec<_>>().join(",");
    let large = Experiment::read(&format!("loss = [{many}]\nnodes = [{many}]\nseeds = 10")).unwrap();
    assert!(matches!(large.trials(), Err(ExperimentError::TooMany { runs: 1_600_000 })));
}

#[test]
fn values_that_mean_nothing_are_refused_before_anything_is_played() {
    for (key, value, told) in [
        ("merge", "avarage", "mean"),
        ("attack", "alien", "alie"),
        ("codec", "zip", "dense"),
        ("data", "mnist", "digits"),
        ("model", "transformer", "softmax"),
        ("update", "sgd:speed=1", "rate"),
        ("partition", "dirichlet:-1", "dirichlet"),
        ("topology", "moebius", "ring"),
        ("sampling", "guess", "brahms"),
        ("exchange", "letters", "pairs"),
        ("voices", "loud", "stake"),
        ("nodes", "0", "1 to"),
        ("rounds", "many", "1 to"),
        ("loss", "1.5", "0 to 1"),
        ("liars", "-0.1", "0 to 1"),
    ] {
        let mut experiment = small().with(key, [value]).unwrap();
        if key == "sampling" {
            experiment = experiment.with("exchange", ["pairs"]).unwrap();
        }
        if key == "liars" {
            experiment = experiment.with("attack", ["mimic"]).unwrap();
        }
        match Lab::new().play(&experiment) {
            Err(error @ ExperimentError::Value { .. }) => {
                assert!(error.to_string().contains(told), "{key}: {error}");
            }
            other => panic!("{key} = {value}: {other:?}"),
        }
    }
}

#[test]
fn the_same_experiment_gives_the_same_bytes_at_any_number_of_threads() {
    let experiment = small()
        .with("merge", ["mean", "median"])
        .unwrap()
        .with("attack", ["none", "alie-optimal", "gauss"])
        .unwrap()
        .with("codec", ["dense", "ecsq:100"])
        .unwrap();
    let on = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| serde_json::to_string(&Lab::new().play(&experiment).unwrap()).unwrap())
    };
    assert_eq!(on(1), on(3));
}

#[test]
fn a_stopped_sweep_goes_on_to_the_same_bytes() {
    let experiment = small().with("merge", ["mean", "median"]).unwrap().with_seeds([1, 2, 3]);
    let out = folder("resume");
    let played = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&played);
    let lab = Lab::new().watch(move |progress| {
        count.fetch_add(usize::from(!progress.kept), Ordering::Relaxed);
    });
    lab.play_into(&experiment, &out, false).unwrap();
    let read = |name: &str| std::fs::read(out.join(name)).unwrap();
    let first = (read("results.json"), read("results.csv"), read("report.html"));
    assert_eq!(played.swap(0, Ordering::Relaxed), 6);

    // Two runs never came to their end, and a third was cut off while it was written.
    let runs: Vec<PathBuf> =
        std::fs::read_dir(out.join("runs")).unwrap().map(|file| file.unwrap().path()).collect();
    assert_eq!(runs.len(), 6);
    std::fs::remove_file(&runs[0]).unwrap();
    std::fs::remove_file(&runs[1]).unwrap();
    let whole = std::fs::read(&runs[2]).unwrap();
    std::fs::write(&runs[2], &whole[..whole.len() / 2]).unwrap();
    lab.play_into(&experiment, &out, false).unwrap();
    assert_eq!(played.swap(0, Ordering::Relaxed), 3);
    assert_eq!(first, (read("results.json"), read("results.csv"), read("report.html")));

    lab.play_into(&experiment, &out, true).unwrap();
    assert_eq!(played.load(Ordering::Relaxed), 6);
    assert_eq!(first.0, read("results.json"));
    std::fs::remove_dir_all(&out).unwrap();
}

/// The mean under a name of its own.
struct Mine;

impl Merge for Mine {
    fn merge(&self, own: &Contribution<'_>, peers: &[Contribution<'_>]) -> Result<Merged, MergeError> {
        WeightedMean.merge(own, peers)
    }
}

#[test]
fn a_strangers_rule_is_one_line() {
    let out = folder("mine");
    std::fs::create_dir_all(&out).unwrap();
    let file = out.join("mine.toml");
    std::fs::write(&file, "name = \"<Mine> & theirs\"\nmerge = [\"mine\", \"mean\"]\nnodes = 8\nrounds = 3\ntopology = \"regular:4\"").unwrap();
    let arguments = [file.as_os_str().to_owned(), "--out".into(), out.join("report").into_os_string()];
    let results = Lab::new().merge("mine", Mine).run(arguments).unwrap();
    let of = |rule: &str| {
        results.runs.iter().find(|run| run.get("merge") == rule).unwrap().course.clone().unwrap()
    };
    assert_eq!(of("mine"), of("mean"));
    let page = std::fs::read_to_string(out.join("report/report.html")).unwrap();
    assert!(page.contains("&lt;Mine&gt; &amp; theirs") && !page.contains("<Mine>"));
    assert!(
        !page.contains("http://") || !page.replace("http://www.w3.org", "").contains("http://"),
        "it loads something"
    );
    let read: Results =
        serde_json::from_slice(&std::fs::read(out.join("report/results.json")).unwrap()).unwrap();
    assert_eq!(read, results);
    assert!(Lab::new().merge("mine", Mine).run(["--help"]).unwrap_err().to_string().contains("--out"));
    std::fs::remove_dir_all(&out).unwrap();
}

#[test]
fn a_csv_has_a_line_for_each_run_and_a_field_for_each_column() {
    let experiment = small().with("attack", ["none", "sybils:names=2+alie:z=1.5"]).unwrap();
    let csv = Lab::new().play(&experiment).unwrap().csv();
    let lines: Vec<&str> = csv.lines().collect();
    assert_eq!(lines.len(), 3);
    // Text in quotes stands at odd places.
    let fields =
        |line: &str| 1 + line.split('"').step_by(2).map(|plain| plain.matches(',').count()).sum::<usize>();
    assert_eq!(fields(lines[0]), KEYS.len() + 12);
    assert!(lines.iter().skip(1).all(|line| fields(line) == fields(lines[0])), "{csv}");
}

#[test]
fn what_is_watched_counts_up_to_all() {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let seeing = Arc::clone(&seen);
    let lab = Lab::new().watch(move |progress| seeing.lock().unwrap().push((progress.done, progress.runs)));
    lab.play(&small().with_seeds([1, 2, 3, 4])).unwrap();
    let mut seen = seen.lock().unwrap().clone();
    seen.sort_unstable();
    assert_eq!(seen, [(1, 4), (2, 4), (3, 4), (4, 4)]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn any_text_is_read_or_refused(text in "\\PC{0,60}") {
        let _ = Experiment::read(&text);
    }

    #[test]
    fn any_value_is_read_or_refused(
        key in prop::sample::select(KEYS.map(|key| key.name).to_vec()),
        value in "[-\\[\\]{}\"a-z0-9.,=:]{0,20}",
    ) {
        if let Ok(experiment) = Experiment::read(&format!("{key} = {value}")) {
            let _ = experiment.trials();
        }
    }
}

#[test]
fn every_manner_of_gossip_is_a_setting() {
    let pairs = small().with("exchange", ["pairs"]).unwrap().with("topology", ["regular:4"]).unwrap();
    let manners = [
        ("send", "pull"),
        ("order", "update-merge"),
        ("gather", "period"),
        ("fanout", "3"),
        ("flow", "simple:2"),
        ("parting", "partitioned:4"),
        ("spread", "10"),
        ("sampling", "brahms"),
        ("exchange", "choco"),
        ("exchange", "federated"),
    ];
    let played =
        |experiment: &Experiment| Lab::new().play(experiment).unwrap().runs[0].course.clone().unwrap();
    let plain = played(&pairs);
    for (key, value) in manners {
        let other = played(&pairs.clone().with(key, [value]).unwrap());
        assert_ne!(plain.points, other.points, "{key} = {value} changes nothing");
    }
    for (key, value, told) in [
        ("send", "shove", "push-pull"),
        ("order", "chaos", "merge-update"),
        ("gather", "berries", "period"),
        ("fanout", "0", "1 to"),
        ("flow", "simple", "randomised"),
        ("parting", "halves", "partitioned:4"),
        ("spread", "0.5", "1 to"),
    ] {
        let error = Lab::new().play(&pairs.clone().with(key, [value]).unwrap()).unwrap_err().to_string();
        assert!(error.contains(told), "{key}: {error}");
    }
}

#[test]
fn attacks_that_an_exchange_cannot_play_are_refused() {
    for (exchange, attack, told) in [
        ("pairs", "sybils:names=4+alie", "several names"),
        ("choco", "sybils:names=4+alie", "several names"),
        ("server", "sybils:names=4+alie", "several names"),
        ("pairs", "flood", "rows"),
        ("federated", "flood", "rows"),
        ("server", "flood", "rows"),
        ("neighbours", "eclipse+alie", "samplers"),
        ("choco", "eclipse+alie", "samplers"),
        ("federated", "eclipse", "samplers"),
    ] {
        let experiment = small().with("exchange", [exchange]).unwrap().with("attack", [attack]).unwrap();
        let error = Lab::new().play(&experiment).unwrap_err();
        assert!(
            matches!(error, ExperimentError::Value { key: "attack", .. }) && error.to_string().contains(told),
            "{exchange}, {attack}: {error}"
        );
    }
    // Parts are refused by their engine, which says so in the place of the run.
    let parts = small().with("exchange", ["pairs"]).unwrap().with("parting", ["partitioned:4"]).unwrap();
    let run = Lab::new().play(&parts.with("attack", ["mimic"]).unwrap()).unwrap().runs.remove(0);
    assert!(run.course.is_none() && run.refused.unwrap().contains("parts"));
}

#[test]
fn weather_is_written_in_numbers() {
    let experiment = small().with("exchange", ["neighbours", "pairs"]).unwrap();
    let played = |experiment: &Experiment| -> Vec<_> {
        let runs = Lab::new().play(experiment).unwrap().runs;
        runs.into_iter().map(|run| run.course.unwrap().points).collect()
    };
    let fair = played(&experiment);
    for (key, value) in [
        ("delay", "constant:0.4"),
        ("delay", "lognormal:0.3,0.5"),
        ("delay", "measured:0.1, 0.2, 0.9, 3"),
        // A model of 2,600 bytes takes half a period to leave.
        ("uplink", "5200"),
        ("online", "0.5"),
        ("online", "independent:0.5"),
        ("online", "recorded:2,1;1,3;;4,0.5"),
    ] {
        let foul = played(&experiment.clone().with(key, [value]).unwrap());
        assert!(fair.iter().zip(&foul).all(|(fair, foul)| fair != foul), "{key} = {value} changes nothing");
    }
    // Who is never away by its record is there, and equal delays are one delay.
    let same = |key: &str, value: &str| played(&experiment.clone().with(key, [value]).unwrap());
    assert_eq!(same("online", "recorded:"), fair);
    assert_eq!(same("delay", "measured:0.2"), same("delay", "constant:0.2"));
    for (key, value) in [
        ("delay", "-1"),
        ("delay", "nan"),
        ("delay", "constant:1,2"),
        ("delay", "lognormal:1"),
        ("delay", "lognormal:1,9"),
        ("delay", "measured:"),
        ("delay", "measured:1,x"),
        ("delay", "1e300"),
        ("uplink", "-5"),
        ("online", "0"),
        ("online", "independent:2"),
        ("online", "recorded:1"),
        ("online", "recorded:1,2;3"),
        ("online", "sometimes:1"),
    ] {
        // Found before the first run, be it in the last trial.
        let played = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&played);
        let lab = Lab::new().watch(move |_| {
            count.fetch_add(1, Ordering::Relaxed);
        });
        let foul = small().with(key, ["0.5", value]).unwrap();
        let error = lab.play(&foul).unwrap_err();
        assert!(
            matches!(error, ExperimentError::Value { key: found, .. } if found == key),
            "{key} = {value}: {error}"
        );
        assert_eq!(played.load(Ordering::Relaxed), 0, "{key} = {value}");
    }
}

#[test]
fn control_variates_travel_with_the_model() {
    for exchange in ["neighbours", "pairs", "choco", "federated"] {
        let played = |update: &str| {
            let experiment = small().with("exchange", [exchange]).unwrap().with("rounds", [12]).unwrap();
            Lab::new()
                .play(&experiment.with("update", [update]).unwrap())
                .unwrap()
                .runs
                .remove(0)
                .course
                .unwrap()
        };
        let (plain, controlled) = (played("sgd:rate=0.1"), played("scaffold+sgd:rate=0.1"));
        let ratio = controlled.bytes() as f64 / plain.bytes() as f64;
        assert!((1.9..2.1).contains(&ratio), "{exchange}: {ratio} times the bytes");
        assert!(controlled.accuracy() > 0.8, "{exchange}: {}", controlled.accuracy());
    }
}

#[test]
fn a_matrix_is_drawn_with_a_field_for_each_rule_and_attack() {
    let experiment = small()
        .with("merge", ["mean", "median"])
        .unwrap()
        .with("attack", ["none", "huge", "mimic"])
        .unwrap()
        .with("partition", ["iid", "shards:2"])
        .unwrap();
    let results = Lab::new().play(&experiment).unwrap();
    let (name, drawing) = matrix_file(&results);
    assert_eq!((name, drawing.matches("<rect").count()), ("matrix.svg", 2 * 3));
    let worst = |rule: &str, attack: &str| {
        let runs = results.runs.iter().filter(|run| run.get("merge") == rule && run.get("attack") == attack);
        runs.map(|run| run.course.as_ref().unwrap().accuracy()).reduce(f64::min).unwrap()
    };
    // What is ruined is dark: half of what can be reached is all.
    let lost = worst("mean", "none").max(worst("median", "none")) - worst("mean", "huge");
    assert!(lost > 0.2, "{lost}");
    assert!(drawing.contains(&format!("fill-opacity=\"{:.2}\"", (lost / 0.5).min(1.0))));
    assert!(drawing.contains(&format!(">{:.0}</text>", 100.0 * worst("median", "mimic"))));
    assert_eq!(matrix_file(&Lab::new().play(&small()).unwrap()).1, "");
}
