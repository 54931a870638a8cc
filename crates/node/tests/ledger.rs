//! A devnet keeps its ledgers, and they can be looked into and executed again.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use bitneuron_ledger::store::Filter;
use bitneuron_node::devnet::{Devnet, Stopwatch, Terminal};
use bitneuron_node::ledger::{History, HomeError, Inspect, Question, Recount, Wanted};
use bitneuron_sim::scenario::{Adversaries, Scenario};
use std::path::{Path, PathBuf};

const ROUNDS: u64 = 3;

fn folder(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("ledger-{name}"));
    let _ = std::fs::remove_dir_all(&folder);
    folder
}

fn played(name: &str) -> PathBuf {
    let home = folder(name);
    let adversaries = Adversaries { liars: 1, equivocators: 1, ..Adversaries::NONE };
    let scenario = Scenario { validators: 4, users: 6, rounds: ROUNDS, adversaries, ..Scenario::default() };
    let devnet =
        Devnet { scenario, report: home.join("report"), home: Some(home.clone()), json: false, quiet: true };
    let terminal = Terminal { out: &mut Vec::new(), err: &mut Vec::new(), bar: false };
    devnet.run(Stopwatch::start(), terminal).unwrap();
    home
}

fn asked(path: &Path, validator: u32, question: Question) -> serde_json::Value {
    let wanted = Wanted { path: path.into(), validator };
    let inspect = Inspect { wanted, question, prove: true, most: 3, json: true };
    let mut told = Vec::new();
    inspect.run(&mut told).unwrap().unwrap();
    let mut text = Vec::new();
    Inspect { json: false, ..inspect }.run(&mut text).unwrap().unwrap();
    assert!(String::from_utf8(text).unwrap().starts_with("chain "));
    serde_json::from_slice(&told).unwrap()
}

fn digest(text: &serde_json::Value) -> bitneuron_core::Digest {
    text.as_str().unwrap().parse().unwrap()
}

/// Events are objects, found by account, height and kind.
fn looked_back_at(home: &Path, receipt: &serde_json::Value) {
    let events = |filter: Filter, most| {
        let wanted = Wanted { path: home.into(), validator: 0 };
        let history = History { wanted, filter, most, json: true };
        let mut told = Vec::new();
        history.run(&mut told).unwrap().unwrap();
        let told: serde_json::Value = serde_json::from_slice(&told).unwrap();
        let mut text = Vec::new();
        History { json: false, ..history }.run(&mut text).unwrap().unwrap();
        (told["events"].as_array().unwrap().clone(), String::from_utf8(text).unwrap())
    };
    let kind = Some("orderplaced".to_owned());
    let (placed, text) = events(Filter { kind, ..Filter::default() }, 100);
    assert!(!placed.is_empty() && placed.iter().all(|event| event["event"] == "OrderPlaced"));
    assert!(placed.is_sorted_by_key(|event| event["height"].as_u64()));
    let first = format!("\n  OrderPlaced: by {}, height {},", digest(&placed[0]["by"]), placed[0]["height"]);
    assert!(text.contains(&first), "{first} in {text}");
    // The events of a receipt are among those of its author and height.
    let by = bitneuron_core::NodeId(digest(&receipt["by"]).0);
    let at = bitneuron_core::Height(receipt["height"].as_u64().unwrap());
    let filter = Filter { account: Some(by), from: at, upto: Some(at), kind: None };
    let (found, _) = events(filter.clone(), 1_000);
    let of_it: Vec<_> = found.iter().filter(|event| event["transaction"] == receipt["transaction"]).collect();
    let said = receipt["events"].as_array().unwrap();
    assert!(!said.is_empty() && said.len() == of_it.len());
    for (event, logged) in said.iter().zip(of_it) {
        assert_eq!((&event["event"], &logged["height"]), (&logged["event"], &receipt["height"]));
    }
    let (few, _) = events(filter, 1);
    assert_eq!(few[..], found[found.len() - 1..]);
}

#[expect(clippy::too_many_lines, reason = "one story")]
#[test]
fn ledgers_are_kept_shown_proved_and_executed_again() {
    let home = played("kept");
    let chain = asked(&home, 0, Question::Chain);
    assert!(chain["height"].as_u64().unwrap() >= 4 * ROUNDS);
    assert_eq!(chain["supply"], "10000000000000000000");
    assert!(chain["accounts"].as_array().unwrap().len() >= 8);
    // Another validator's ledger, whole or by its own folder, is of the same chain.
    let other = asked(&home.join("validator-1"), 0, Question::Chain);
    assert_eq!(other["chain"], chain["chain"]);

    let account = digest(&chain["accounts"][0]["account"]);
    let shown = asked(&home, 0, Question::Account(bitneuron_core::NodeId(account.0)));
    assert_eq!(shown["verdict"], "shows that it is there");
    assert_eq!(shown["free"], chain["accounts"][0]["free"]);
    assert_eq!(
        (&shown["locked"], &shown["balance"]),
        (&"0".into(), &shown["free"]),
        "a devnet gives free tokens"
    );
    let tokens = |name: &str| chain[name].as_str().unwrap().parse::<u128>().unwrap();
    assert!(tokens("treasury_lock") > 0 && tokens("treasury_lock") < tokens("treasury"));
    assert!(
        tokens("circulating") + tokens("treasury_lock") < tokens("supply"),
        "and rewards are not released"
    );
    assert!(shown["proof_bytes"].as_u64().unwrap() <= 2_048);
    let receipts = shown["receipts"].as_array().unwrap();
    assert!(!receipts.is_empty() && receipts.len() <= 3);
    let nobody = asked(&home, 0, Question::Account(bitneuron_core::NodeId([9; 32])));
    assert_eq!(nobody["heights_voted"], serde_json::Value::Null);
    let voters = chain["accounts"].as_array().unwrap().iter().filter(|account| account["staked"] != "0");
    let heights = voters.map(|account| {
        let shown = asked(&home, 0, Question::Account(bitneuron_core::NodeId(digest(&account["account"]).0)));
        [&shown["heights_voted"], &shown["of_heights"]].map(serde_json::Value::as_u64)
    });
    let heights: Vec<_> = heights.collect();
    let votes =
        |voted: Option<u64>, of: Option<u64>| voted.zip(of).is_some_and(|(voted, of)| voted + 2 >= of);
    assert!(heights.iter().filter(|[voted, of]| votes(*voted, *of)).count() >= 3, "{heights:?}");
    assert_eq!((&nobody["verdict"], &nobody["free"]), (&"shows that it is not there".into(), &"0".into()));

    let mut receipts = chain["accounts"].as_array().unwrap().iter().flat_map(|account| {
        let id = bitneuron_core::NodeId(digest(&account["account"]).0);
        asked(&home, 0, Question::Account(id))["receipts"].as_array().unwrap().clone()
    });
    let paid = receipts.find(|receipt| receipt["transaction"].is_string()).unwrap();
    let shown = asked(&home, 0, Question::Receipt(digest(&paid["transaction"])));
    assert_eq!(shown["receipt"], paid);
    assert_eq!(shown["verdict"], "holds");
    assert_eq!(
        asked(&home, 0, Question::Order(bitneuron_core::Digest::ZERO))["order"],
        serde_json::Value::Null
    );
    assert_eq!(
        asked(&home, 0, Question::Deal(bitneuron_core::Digest::ZERO))["deal"],
        serde_json::Value::Null
    );

    assert_eq!(chain["proposals"], serde_json::json!([]));
    let params = asked(&home, 0, Question::Params);
    assert_eq!(params["verdict"], "shows that it is there");
    assert_eq!(params["params"]["govern"]["text"]["deposit"], "10000000000");
    let none = asked(&home, 0, Question::Proposal(bitneuron_ledger::govern::ProposalId(0)));
    assert_eq!(
        (&none["proposal"], &none["verdict"]),
        (&serde_json::Value::Null, &"shows that it is not there".into())
    );
    looked_back_at(&home, &shown["receipt"]);

    let mut told = Vec::new();
    let recount = Recount { wanted: Wanted { path: home.clone(), validator: 2 }, json: true };
    let (written, same) = recount.run(&mut told).unwrap();
    written.unwrap();
    assert!(same, "{}", String::from_utf8_lossy(&told));

    // A folder that holds ledgers is not written over, and one without them says so.
    let again = bitneuron_node::ledger::Home::make(&home, "bitneuron devnet");
    assert!(matches!(again, Err(HomeError::Taken(_))));
    let empty = Wanted { path: folder("empty"), validator: 0 };
    assert!(matches!(empty.file(), Err(HomeError::Empty(_))));
    assert!(matches!(Wanted { path: home.clone(), validator: 9 }.file(), Err(HomeError::Empty(_))));

    // A damaged file is told of.
    let file = home.join("validator-3/ledger.redb");
    std::fs::write(&file, b"no ledger at all").unwrap();
    let inspect = Inspect {
        wanted: Wanted { path: file, validator: 0 },
        question: Question::Chain,
        prove: false,
        most: 1,
        json: false,
    };
    assert!(matches!(inspect.run(&mut Vec::new()), Err(HomeError::Store { .. })));
}
