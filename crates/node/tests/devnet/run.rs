//! A devnet from its first round to its last file.

use crate::fixture;
use bitneuron_core::{Amount, Height};
use bitneuron_node::devnet::{Devnet, DevnetError, Stopwatch, Terminal};
use bitneuron_sim::report::Report;
use bitneuron_sim::scenario::{Scenario, ScenarioError, Sight};
use std::fs;
use std::io::{self, Write};
use std::path::PathBuf;

/// A folder of its own for a test; what an earlier run left there is gone.
fn folder(name: &str) -> PathBuf {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("devnet-run").join(name);
    if folder.exists() {
        fs::remove_dir_all(&folder).expect("emptied");
    }
    folder
}

fn devnet(name: &str) -> Devnet {
    Devnet { scenario: Scenario::default(), report: folder(name), home: None, json: false, quiet: false }
}

/// Plays the rounds of a report that is known.
fn replay(report: Report, observe: &mut dyn FnMut(Sight<'_>)) -> Report {
    (1..=4).for_each(|height| observe(Sight::Block(Height(height))));
    report.history.iter().for_each(|round| observe(Sight::Round(round)));
    report
}

/// Standard output, standard error, and how it ended.
fn tell(devnet: &Devnet, report: Report) -> (String, String, Result<(), DevnetError>) {
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let terminal = Terminal { out: &mut out, err: &mut err, bar: false };
    let ended = devnet.tell(Stopwatch::start(), terminal, |observe| Ok(replay(report, observe)));
    let text = |bytes| String::from_utf8(bytes).expect("text");
    (text(out), text(err), ended)
}

#[test]
fn a_run_tells_of_its_rounds_sums_up_and_leaves_four_files() {
    let devnet = devnet("whole");
    let (out, err, ended) = tell(&devnet, fixture::report());
    ended.expect("well");
    assert_eq!(err, "");
    assert!(out.starts_with("first block after "), "{out}");
    assert_eq!(out.matches("first block").count(), 1, "{out}");
    // Rounds 1, 3, 6, …, 60.
    assert_eq!(
        out.lines()
            .filter(|line| line.contains('×') && line.contains(" ms ") || line.contains(" 1.2 s "))
            .count(),
        21
    );
    for line in [
        "accuracy    validators 97.3% on average, 96.5% the worst; users 97.0%",
        "            compare: users alone 72.2%, all data in one place 98.3%",
        "bytes       7.2 MB of model parameters, 3.9× fewer than the 27.8 MB of 32-bit numbers",
        "            of these 7.2 MB of models sold, 3.9× fewer",
        "chain       240 blocks, 240 certified by more than two thirds, 9 needed another vote",
        "finality    163 ms in the median, 1.4 s for the slowest in a hundred (virtual time)",
        "deals       2,940 deals: 2,880 paid, 60 refunded (54 refuted, 6 late)",
        "claims      3,600 claims: 3,480 accepted (of these 420 turns), 120 refuted",
        "merges      3,720 models by filtered:radius=5,clamp=0.1001, 61 without a part in what came out",
        "attack      ipm:0.2: 10 users, 588 of their models merged, 31 without a part",
        "contests    0 until 48: void, too few shards",
        "            1 until 96: 5 of 7 candidates better (6 kinds) on 9 of 10 shards, 1.235 nats at best; paid 1,000 tokens, \
         examiners 50 tokens, sellers 750 tokens; a new parent",
        "misbehaved  user 3       lies about its score       caught 60 times, lost 60 tokens, earned 0 tokens",
        "            user 11      delivers other bytes       caught 60 times, lost 60 tokens, earned 0 tokens",
        "            user 19      sells sign-flipped models  caught 0 times, lost 0 tokens, earned 111 tokens",
        "            validator 6  votes twice                caught 1 time, lost 500 tokens, earned 0 tokens",
        "            slashed in all: 620 tokens",
        "healing     clean    97.2% bare, 96.8% behind blocks",
        "            noise    55.1% bare, 81.2% behind blocks, 62.0% of what was lost",
        "            attacked 63.4% bare, 80.7% behind blocks, 51.2% of what was lost",
        "supply      10,000,000,000 tokens, all accounted for",
        "            users              55,328.00 tokens",
    ] {
        assert!(out.lines().any(|told| told == line), "{line}\n{out}");
    }
    let page = devnet.report.join("report.html");
    assert!(out.trim_end().ends_with(&page.display().to_string()));
    let mut files: Vec<_> = fs::read_dir(&devnet.report)
        .expect("folder")
        .map(|entry| entry.expect("entry").file_name())
        .collect();
    files.sort();
    assert_eq!(files, ["accuracy.svg", "report.html", "report.json", "timing.json"]);
}

#[test]
fn audits_are_told_when_there_were_some() {
    let mut report = fixture::report();
    report.setting.prover = "optimistic".into();
    (report.proofs.pending, report.proofs.audited) = (420, 420);
    (report.proofs.answered, report.proofs.reversed) = (418, 3);
    let (out, ..) = tell(&devnet("audits"), report);
    let told = "audits      420 turns waited: 420 audited, 418 answered, 3 taken back";
    assert!(out.lines().any(|line| line == told), "{out}");
}

#[test]
fn factors_are_told_beside_what_they_stand_for() {
    let mut report = fixture::report();
    report.setting.net = "64~64~10".into();
    (report.setting.parameters, report.setting.whole_parameters) = (810, 4_810);
    report.accuracy.whole_centralised = Some(0.986);
    let (out, ..) = tell(&devnet("factors"), report);
    for told in [
        "            compare: users alone 72.2%, all data in one place 98.3%, there with whole matrices 98.6%",
        "model       64~64~10, 810 parameters for 4,810",
    ] {
        assert!(out.lines().any(|line| line == told), "{out}");
    }
}

#[test]
fn json_on_standard_output_is_the_file_and_nothing_else() {
    let devnet = Devnet { json: true, ..devnet("json") };
    let (out, err, ended) = tell(&devnet, fixture::report());
    ended.expect("well");
    assert_eq!(out, fs::read_to_string(devnet.report.join("report.json")).expect("file"));
    serde_json::from_str::<serde_json::Value>(&out).expect("json");
    assert!(err.contains("virtual validators"), "the table moves to standard error");
    let (_, err, _) = tell(&Devnet { quiet: true, ..devnet }, fixture::report());
    assert_eq!(err, "");
}

#[test]
fn quiet_shows_only_the_outcome() {
    let (out, err, ended) = tell(&Devnet { quiet: true, ..devnet("quiet") }, fixture::report());
    ended.expect("well");
    assert!(out.starts_with("accuracy    "), "{out}");
    assert_eq!(err, "");
}

#[test]
fn only_timing_depends_on_the_clock() {
    let first = devnet("first");
    let second = devnet("second");
    tell(&first, fixture::report()).2.expect("well");
    tell(&second, fixture::report()).2.expect("well");
    for name in ["report.json", "report.html", "accuracy.svg"] {
        let [one, other] = [&first, &second].map(|devnet| fs::read(devnet.report.join(name)).expect(name));
        assert!(one == other, "{name}");
    }
    let timing = fs::read_to_string(first.report.join("timing.json")).expect("timing");
    let timing: serde_json::Value = serde_json::from_str(&timing).expect("json");
    assert_eq!(timing["virtual_seconds"], 120.037);
    assert!(timing["first_block_seconds"].as_f64() <= timing["wall_seconds"].as_f64());
    assert!(timing["cores"].as_u64() >= Some(1));
}

#[test]
fn a_wrong_supply_is_a_failure_that_leaves_its_report() {
    let devnet = devnet("supply");
    let mut report = fixture::report();
    report.supply.actual = Amount(Amount::SUPPLY.0 + 1);
    let (out, _, ended) = tell(&devnet, report);
    assert!(matches!(ended, Err(DevnetError::Supply { .. })));
    assert!(out.contains("WRONG: 10000000000.000000001 tokens found, 10000000000 expected"), "{out}");
    assert!(devnet.report.join("report.html").exists());
}

#[test]
fn a_stalled_network_says_what_to_try_and_leaves_no_report() {
    let devnet = devnet("stalled");
    let terminal = Terminal { out: &mut io::sink(), err: &mut io::sink(), bar: false };
    let stall = |_: &mut dyn FnMut(Sight<'_>)| Err(ScenarioError::Stalled { reached: 7, wanted: 240 });
    let error = devnet.tell(Stopwatch::start(), terminal, stall).expect_err("stalled");
    assert!(error.to_string().contains("height 7 of 240"));
    assert!(error.advice().contains("fewer equivocators"));
    assert!(!devnet.report.join("report.json").exists());
}

#[test]
fn a_folder_that_cannot_be_made_is_refused_before_anything_is_played() {
    let occupied = folder("occupied");
    fs::create_dir_all(&occupied).expect("made");
    let file = occupied.join("file");
    fs::write(&file, "").expect("written");
    let devnet = Devnet { report: file.join("below"), ..devnet("unused") };
    let terminal = Terminal { out: &mut io::sink(), err: &mut io::sink(), bar: false };
    let mut played = false;
    let play = |_: &mut dyn FnMut(Sight<'_>)| {
        played = true;
        Ok(fixture::report())
    };
    let error = devnet.tell(Stopwatch::start(), terminal, play).expect_err("refused");
    assert!(!played);
    assert!(matches!(error, DevnetError::Files(_)));
    assert!(error.to_string().contains("occupied") && error.advice().contains("--report"), "{error}");
}

#[test]
fn a_bar_changes_nothing_in_the_table() {
    let told = |name, bar| {
        let (mut out, devnet) = (Vec::new(), devnet(name));
        let terminal = Terminal { out: &mut out, err: &mut io::sink(), bar };
        let play = |observe: &mut dyn FnMut(Sight<'_>)| Ok(replay(fixture::report(), observe));
        devnet.tell(Stopwatch::start(), terminal, play).expect("well");
        let out = String::from_utf8(out).expect("text");
        out.lines().filter(|line| line.contains('×')).map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(told("with-bar", true), told("without-bar", false));
}

/// Fails with one kind of error at each write.
struct Broken(io::ErrorKind);

impl Write for Broken {
    fn write(&mut self, _: &[u8]) -> io::Result<usize> {
        Err(self.0.into())
    }

    fn flush(&mut self) -> io::Result<()> {
        Err(self.0.into())
    }
}

#[test]
fn a_reader_that_leaves_is_no_failure_but_a_full_disk_is() {
    let devnet = devnet("pipe");
    let end = |kind| {
        let terminal = Terminal { out: &mut Broken(kind), err: &mut io::sink(), bar: false };
        devnet.tell(Stopwatch::start(), terminal, |observe| Ok(replay(fixture::report(), observe)))
    };
    end(io::ErrorKind::BrokenPipe).expect("nobody minds");
    assert!(devnet.report.join("report.json").exists());
    assert!(matches!(end(io::ErrorKind::StorageFull), Err(DevnetError::Output(_))));
}
