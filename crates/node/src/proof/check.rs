//! `bitneuron verify FILE`: checks a proof file offline and says what was claimed, by whom, and what the verdict is worth.

use super::says::says;
use crate::devnet::Stopwatch;
use crate::number;
use bitneuron_core::claim::Refused;
use bitneuron_zk::{Assumption, Backend, FileError, Guarantees, ProofFile, Settles, ZeroKnowledge};
use serde::Serialize;
use std::fs::File;
use std::io::{self, Read, Write};
use std::path::PathBuf;

/// A file to check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check {
    /// Where it lies.
    pub file: PathBuf,
    /// Answer in JSON.
    pub json: bool,
}

/// How a check ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// The claim is true.
    True,
    /// The claim was judged and does not convince.
    Refused,
    /// There is nothing that could be judged here: no such file, no proof file, an unknown statement or backend.
    Unreadable,
}

/// The answer to a check.
#[derive(Debug, Serialize)]
struct Answer {
    verdict: Verdict,
    #[serde(skip_serializing_if = "Option::is_none")]
    why: Option<String>,
    bytes: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    claim: Option<Stated>,
    #[serde(skip_serializing_if = "Option::is_none")]
    guarantees: Option<Worth>,
    /// Of the check alone, without reading the file.
    milliseconds: f64,
}

#[derive(Debug, Serialize)]
struct Stated {
    statement: String,
    says: String,
    by: String,
    chain: String,
    height: u64,
    subject: String,
    backend: String,
    public_bytes: usize,
    proof_bytes: usize,
    shared_tensors: usize,
}

#[derive(Debug, Serialize)]
struct Worth {
    soundness_bits: u16,
    under: &'static str,
    zero_knowledge: &'static str,
    succinct: bool,
    trusted_setup: bool,
    post_quantum: bool,
    settles_after_heights: u64,
}

impl Check {
    /// Checks the file and tells of it; whether it could be told, and the verdict.
    pub fn run(&self, out: &mut dyn Write) -> (io::Result<()>, Verdict) {
        let answer = self.answer();
        let told = if self.json {
            serde_json::to_writer_pretty(&mut *out, &answer)
                .map_err(io::Error::from)
                .and_then(|()| writeln!(out))
        } else {
            answer.tell(out)
        };
        (told, answer.verdict)
    }

    fn answer(&self) -> Answer {
        let none = |bytes, why: String| Answer {
            verdict: Verdict::Unreadable,
            why: Some(why),
            bytes,
            claim: None,
            guarantees: None,
            milliseconds: 0.0,
        };
        let mut bytes = Vec::new();
        // One byte beyond the limit is enough to be refused.
        let read = File::open(&self.file)
            .and_then(|file| file.take(ProofFile::LIMIT as u64 + 1).read_to_end(&mut bytes));
        if let Err(error) = read {
            return none(0, format!("{}: {error}", self.file.display()));
        }
        let file = match ProofFile::read(&bytes) {
            Ok(file) => file,
            Err(error) => return none(bytes.len(), unread(&error)),
        };
        let begin = Stopwatch::start();
        let checked = file.check();
        let milliseconds = begin.seconds() * 1e3;
        let (verdict, why, guarantees) = match checked {
            Ok(guarantees) => (Verdict::True, None, Some(worth(guarantees))),
            Err(refused) => {
                let judged = !matches!(
                    refused,
                    Refused::Unknown(_) | Refused::Unavailable(_) | Refused::TooCostly { .. }
                );
                let verdict = if judged { Verdict::Refused } else { Verdict::Unreadable };
                (verdict, Some(refused.to_string()), None)
            }
        };
        Answer { verdict, why, bytes: bytes.len(), claim: Some(stated(&file)), guarantees, milliseconds }
    }
}

fn unread(error: &FileError) -> String {
    match error {
        FileError::Foreign => "not a proof file; `bitneuron prove-example --out FILE` makes one".into(),
        error => error.to_string(),
    }
}

fn stated(file: &ProofFile) -> Stated {
    let (claim, context) = (file.claim(), file.claim().context());
    Stated {
        statement: file.domain().into(),
        says: says(file),
        by: claim.by().to_string(),
        chain: context.chain.0.to_string(),
        height: context.height.0,
        subject: context.subject.to_string(),
        backend: match file.backend() {
            Backend::REPLAY => "replay".into(),
            Backend::MERKLE => "merkle".into(),
            Backend::OPTIMISTIC => "optimistic".into(),
            Backend::SUMCHECK => "sumcheck".into(),
            Backend(other) => other.to_string(),
        },
        public_bytes: claim.public().len(),
        proof_bytes: claim.proof().len(),
        shared_tensors: file.library().len(),
    }
}

fn worth(guarantees: Guarantees) -> Worth {
    Worth {
        soundness_bits: guarantees.soundness.bits,
        under: match guarantees.soundness.under {
            Assumption::Replay => "the work is done again",
            Assumption::CollisionResistance => "collision resistance of BLAKE3",
            Assumption::Proven => "proven, with BLAKE3 as a random oracle",
            Assumption::Conjectured => "conjectured",
            Assumption::Economic => "somebody honest looks in time",
            _ => "an assumption that this program does not know",
        },
        zero_knowledge: match guarantees.zero_knowledge {
            ZeroKnowledge::None => "none",
            ZeroKnowledge::HidingCommitments => "hiding commitments",
            ZeroKnowledge::Full => "full",
        },
        succinct: guarantees.succinct,
        trusted_setup: guarantees.trusted_setup,
        post_quantum: guarantees.post_quantum,
        settles_after_heights: match guarantees.settles {
            Settles::AtOnce => 0,
            Settles::After(heights) => heights,
        },
    }
}

impl Answer {
    fn tell(&self, out: &mut dyn Write) -> io::Result<()> {
        let verdict = match self.verdict {
            Verdict::True => "TRUE",
            Verdict::Refused => "REFUSED",
            Verdict::Unreadable => "UNREADABLE",
        };
        match &self.why {
            Some(why) => writeln!(out, "{verdict}: {why}")?,
            None => writeln!(out, "{verdict}")?,
        }
        let Some(claim) = &self.claim else { return Ok(()) };
        let mut line = |name: &str, what: &str| writeln!(out, "  {name:<15} {what}");
        line("claimed", &claim.says)?;
        line("by", &claim.by)?;
        line("for", &format!("chain {}, height {}", claim.chain, number::count(claim.height)))?;
        line("about", &claim.subject)?;
        let [proof, public, all] =
            [claim.proof_bytes, claim.public_bytes, self.bytes].map(|bytes| number::bytes(bytes as u64));
        let took = self.milliseconds;
        line("proof", &format!("{}, {proof} (public part {public}, file {all})", claim.backend))?;
        line("checked", &format!("in {took:.1} ms, offline"))?;
        let Some(worth) = &self.guarantees else { return Ok(()) };
        let yes = |yes| if yes { "yes" } else { "no" };
        line("soundness", &format!("{} bits: {}", worth.soundness_bits, worth.under))?;
        line("zero knowledge", worth.zero_knowledge)?;
        line("succinct", yes(worth.succinct))?;
        line("trusted setup", if worth.trusted_setup { "yes" } else { "none" })?;
        line("post-quantum", yes(worth.post_quantum))?;
        let settles = match worth.settles_after_heights {
            0 => "at once".into(),
            heights => format!("after {} unchallenged", number::counted(heights, "height")),
        };
        line("settles", &settles)
    }
}
