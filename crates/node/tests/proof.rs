//! Both sides of a proof file, as the command line runs them.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use bitneuron_node::proof::{Check, Example, Method, Verdict, Work};
use std::path::{Path, PathBuf};

fn path(name: &str) -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join(name)
}

fn made(name: &str, work: Work, method: Method) -> PathBuf {
    let out = path(name);
    let mut told = Vec::new();
    Example { out: out.clone(), work, method, seed: 1 }.run(&mut told).unwrap();
    let told = String::from_utf8(told).unwrap();
    assert!(told.contains("bitneuron verify"), "{told}");
    out
}

fn checked(file: PathBuf, json: bool) -> (String, Verdict) {
    let mut told = Vec::new();
    let (written, verdict) = Check { file, json }.run(&mut told);
    written.unwrap();
    (String::from_utf8(told).unwrap(), verdict)
}

fn believed(file: &Path) -> serde_json::Value {
    let (told, verdict) = checked(file.to_path_buf(), true);
    assert_eq!(verdict, Verdict::True, "{told}");
    serde_json::from_str(&told).unwrap()
}

#[test]
fn what_is_shown_is_checked_by_doing_it_again() {
    for (name, work) in [("answer.shown", Work::Inference), ("training.shown", Work::Training)] {
        let answer = believed(&made(name, work, Method::Replay));
        assert_eq!(answer["verdict"], "true");
        assert_eq!(answer["claim"]["backend"], "replay");
        assert_eq!(answer["guarantees"]["zero_knowledge"], "none");
    }
}

#[cfg(feature = "sumcheck")]
#[test]
fn what_is_hidden_is_believed() {
    for (name, work) in [("answer.proof", Work::Inference), ("training.proof", Work::Training)] {
        let file = made(name, work, Method::Sumcheck);
        let answer = believed(&file);
        assert_eq!(answer["claim"]["backend"], "sumcheck");
        assert!(answer["guarantees"]["soundness_bits"].as_u64().unwrap() >= 100);
        assert_ne!(answer["guarantees"]["zero_knowledge"], "none");
        let (told, _) = checked(file, false);
        assert!(told.starts_with("TRUE\n  claimed         a committed 64-16-10 model"), "{told}");
    }
}

#[test]
fn a_changed_file_is_refused_and_other_files_are_unreadable() {
    let mut bytes = std::fs::read(made("answer.changed", Work::Inference, Method::Replay)).unwrap();
    // In the middle there is the model: the signature no longer fits.
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(path("changed"), &bytes).unwrap();
    let (told, verdict) = checked(path("changed"), false);
    assert_eq!(verdict, Verdict::Refused, "{told}");
    assert!(told.starts_with("REFUSED: ") && told.contains("claimed"), "{told}");
    std::fs::write(path("noise"), b"noise").unwrap();
    for name in ["noise", "there is no such file"] {
        let (told, verdict) = checked(path(name), true);
        assert_eq!(verdict, Verdict::Unreadable, "{told}");
        assert_eq!(serde_json::from_str::<serde_json::Value>(&told).unwrap()["verdict"], "unreadable");
    }
}
