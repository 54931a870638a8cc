//! The process that kills: three validators, a witness, and the hand at the switch.

#![expect(clippy::disallowed_types, reason = "two processes share the clock of their machine")]

use crate::child::{FORGET, GENESIS, HOME, PORT, SEED};
use crate::fixture::Fixture;
use crate::wire::Saying;
use bitneuron_consensus::{Message, Pool, Sighting};
use bitneuron_core::{Digest, NodeId, Seed, Time, decode};
use bitneuron_ledger::store::{Archive, Redb};
use bitneuron_net::{Channel, Limits};
use bitneuron_node::wire::{Clock, Hub, HubLink, LEDGER, Letter, Link as _, Memory, Start, Told, spawn};
use bitneuron_role::Report;
use std::collections::BTreeMap;
use std::io::{BufReader, BufWriter, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, mpsc as std_mpsc};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use std::{env, fs, thread};
use tokio::sync::mpsc;
use tokio::time::{sleep, timeout};

/// How often blocks come, at the most.
const PACE: Duration = Duration::from_millis(25);
/// How long anything may take.
const PATIENCE: Duration = Duration::from_secs(30);

pub(crate) fn network(seed: u64) -> Fixture {
    Fixture::paced(seed, PACE)
}

/// Microseconds since the epoch of this machine, which both processes share.
fn epoch() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970");
    since.as_micros() as u64
}

/// How old a network is whose genesis was then.
pub(crate) fn age(genesis: u64) -> Time {
    Time(epoch().saturating_sub(genesis))
}

/// When the child is killed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Moment {
    /// At random.
    Random,
    /// As soon as it has proposed, and before anybody else hears of it: whoever forgets that will propose something else.
    Proposing,
}

/// What is done to the child.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Trial {
    /// How often it is killed.
    pub(crate) kills: u32,
    pub(crate) seed: u64,
    pub(crate) moment: Moment,
    /// Whether it comes back with what its log kept.
    pub(crate) keeps: bool,
}

/// What came of it.
#[derive(Debug, Default)]
pub(crate) struct Outcome {
    /// How often the child began to live.
    pub(crate) lives: u32,
    /// How many lives began with records of the open height.
    pub(crate) replayed: u32,
    /// How many blocks the child kept.
    pub(crate) heights: u64,
    /// How many statements of the child were heard.
    pub(crate) statements: u64,
    /// How often it proposed a block.
    pub(crate) proposals: u32,
    /// How many statements contradict another.
    pub(crate) conflicts: u32,
}

/// Hears what the child says and how far it is, and compares with what the others decided.
struct Witness {
    child: NodeId,
    pool: Pool,
    chain: BTreeMap<u64, (Digest, Digest)>,
    acknowledged: u64,
    outcome: Outcome,
}

impl Witness {
    fn hear(&mut self, saying: &Saying) {
        match saying {
            Saying::Letter { channel: Channel::VOTE, bytes, .. } => self.statement(bytes),
            Saying::Letter { .. } => {}
            Saying::Up { height, block, root, records } => {
                assert!(*height >= self.acknowledged, "height {} was lost", self.acknowledged);
                if *height > 0 {
                    self.agree(*height, (*block, *root));
                }
                self.acknowledged = *height;
                self.outcome.lives += 1;
                self.outcome.replayed += u32::from(*records > 0);
            }
            Saying::Kept { height, block, root } => {
                assert_eq!(*height, self.acknowledged + 1, "one after the other");
                self.agree(*height, (*block, *root));
                self.acknowledged = *height;
                self.outcome.heights = *height;
            }
        }
    }

    fn agree(&mut self, height: u64, decided: (Digest, Digest)) {
        assert_eq!(*self.chain.entry(height).or_insert(decided), decided, "height {height}");
    }

    fn statement(&mut self, bytes: &[u8]) {
        let sighting = match decode(bytes).expect("it speaks the language") {
            Message::Vote(vote) if vote.vote.by == self.child => self.pool.vote(&vote),
            Message::Proposal { signed, .. } | Message::Offered(signed)
                if signed.proposal.by == self.child =>
            {
                self.outcome.proposals += 1;
                self.pool.proposal(&signed)
            }
            _ => return,
        };
        self.outcome.statements += 1;
        let conflict = matches!(sighting.expect("it signs what it says"), Sighting::Conflict(_));
        self.outcome.conflicts += u32::from(conflict);
    }
}

/// The child with the way to it.
struct Process {
    process: Child,
    say: std_mpsc::Sender<Saying>,
}

impl Drop for Process {
    fn drop(&mut self) {
        // SIGKILL, on Unix.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Whether this is a proposal of the child, and not one that it passes on.
fn proposes(child: NodeId, saying: &Saying) -> bool {
    let Saying::Letter { channel: Channel::VOTE, bytes, .. } = saying else { return false };
    match decode(bytes) {
        Ok(Message::Proposal { signed, .. } | Message::Offered(signed)) => signed.proposal.by == child,
        _ => false,
    }
}

fn start(
    (listener, home, genesis, trial): (&TcpListener, &Path, u64, Trial),
    heard: &mpsc::UnboundedSender<Saying>,
    (child, way): (NodeId, &HubLink),
) -> Process {
    let port = listener.local_addr().expect("bound").port();
    let mut command = Command::new(env::current_exe().expect("this program"));
    command.args(["--exact", "child", "--nocapture"]).stdout(Stdio::null());
    command.env(PORT, port.to_string()).env(HOME, home);
    command.env(SEED, trial.seed.to_string()).env(GENESIS, genesis.to_string());
    if !trial.keeps {
        command.env(FORGET, "1");
    }
    let process = command.spawn().expect("starts");
    let (stream, _) = listener.accept().expect("it calls");
    stream.set_nodelay(true).expect("a socket");
    let (say, sayings) = std_mpsc::channel();
    write_all(stream.try_clone().expect("a socket"), sayings);
    let (heard, way) = (heard.clone(), way.clone());
    thread::spawn(move || {
        let mut reader = BufReader::new(stream);
        while let Ok(saying) = Saying::read(&mut reader) {
            // What the witness has heard, others may hear.
            let _ = heard.send(saying.clone());
            if trial.moment == Moment::Proposing && proposes(child, &saying) {
                continue;
            }
            if let Saying::Letter { peer, channel, bytes } = saying {
                way.send(peer, channel, bytes.into());
            }
        }
    });
    Process { process, say }
}

fn write_all(stream: TcpStream, sayings: std_mpsc::Receiver<Saying>) {
    thread::spawn(move || {
        let mut writer = BufWriter::new(stream);
        for saying in sayings {
            if saying.write(&mut writer).and_then(|()| writer.flush()).is_err() {
                break;
            }
        }
    });
}

/// How far the chain gets at least, however slow the machine is.
pub(crate) const HEIGHTS: u64 = 8;

/// Kills a validator as the trial says.
pub(crate) fn kill(trial: Trial) -> Outcome {
    let home = env::temp_dir().join(format!("bitneuron-killed-{}-{}", std::process::id(), trial.seed));
    let _ = fs::remove_dir_all(&home);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
    let outcome = runtime.block_on(play(trial, &home));
    fs::remove_dir_all(&home).expect("removed");
    outcome
}

#[expect(clippy::too_many_lines, reason = "one story")]
async fn play(trial: Trial, home: &Path) -> Outcome {
    let Trial { kills, seed, moment, keeps } = trial;
    let (fixture, genesis) = (network(seed), epoch());
    let (hub, clock) = (Hub::new(4_096), Clock::start());
    let mut validators = fixture.nodes().0;
    let child = validators.remove(0).id();
    let (way, mut letters) = hub.join(child);
    let (reports, mut told) = mpsc::channel(4_096);
    let mut roles = Vec::new();
    for machine in validators {
        let (id, limits, store) = (machine.id(), Arc::new(Limits::default()), Memory::default());
        let (link, inbox) = hub.join(id);
        let reports = reports.clone();
        roles.push(spawn(Start { id, machine, clock, limits, link, inbox, store, reports }));
    }
    let chain = fixture.plan.chain;
    let mut witness = Witness {
        child,
        pool: Pool::new(chain),
        chain: BTreeMap::new(),
        acknowledged: 0,
        outcome: Outcome::default(),
    };
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let (heard, mut sayings) = mpsc::unbounded_channel();
    let begin = || start((&listener, home, genesis, trial), &heard, (child, &way));
    let chance = Seed::from_number(seed);
    for life in 0..=kills {
        let process = begin();
        let last = life == kills;
        // From when it is up, it lives for up to five blocks, or until it has proposed; the last life lasts until it is level with
        // the others, who have got somewhere.
        let [a, b, ..] = chance.derive_number("life", u64::from(life)).0;
        let longest = match moment {
            Moment::Random => PACE * 5 * u32::from(u16::from_le_bytes([a, b])) / u32::from(u16::MAX),
            Moment::Proposing => PATIENCE,
        };
        let (lives, proposals) = (witness.outcome.lives, witness.outcome.proposals);
        let end = async {
            loop {
                tokio::select! {
                    biased;
                    Some(saying) = sayings.recv() => {
                        witness.hear(&saying);
                        let up = witness.outcome.lives > lives;
                        if up && (!last || level(&witness) && witness.outcome.heights >= HEIGHTS) {
                            break;
                        }
                    }
                    Some(letter) = letters.recv() => deliver(&process, letter),
                    Some(told) = told.recv() => note(&mut witness, told),
                }
            }
        };
        timeout(PATIENCE, end).await.expect("it comes up and gets on");
        let alive = async {
            loop {
                tokio::select! {
                    Some(saying) = sayings.recv() => {
                        witness.hear(&saying);
                        if moment == Moment::Proposing && witness.outcome.proposals > proposals {
                            break;
                        }
                    }
                    Some(letter) = letters.recv() => deliver(&process, letter),
                    Some(told) = told.recv() => note(&mut witness, told),
                }
            }
        };
        let most = if last { Duration::ZERO } else { longest };
        let _ = timeout(most, alive).await;
        drop(process);
        // Whatever it still said counts.
        sleep(Duration::from_millis(5)).await;
        std::iter::from_fn(|| sayings.try_recv().ok()).for_each(|saying| witness.hear(&saying));
        // Whoever forgets is found out, and what the others then think of it is not the matter here.
        if !keeps && witness.outcome.conflicts > 0 {
            return witness.outcome;
        }
    }
    for role in roles {
        assert!(!role.is_finished());
        role.stop().await.expect("it lived");
    }
    while let Ok(report) = told.try_recv() {
        note(&mut witness, report);
    }
    reopen(home, &fixture, &witness);
    witness.outcome
}

/// What the child kept is what all decided.
fn reopen(home: &Path, fixture: &Fixture, witness: &Witness) {
    let store = Redb::open(&home.join(LEDGER)).expect("opens");
    let (archive, state) = Archive::open(store, &fixture.plan.genesis).expect("whole");
    assert!(archive.height().0 >= witness.acknowledged);
    for (height, (block, _)) in witness.chain.range(1..=archive.height().0) {
        let kept = archive.block(bitneuron_core::Height(*height)).expect("reads").expect("kept");
        assert_eq!(kept.id(), *block);
    }
    assert_eq!(witness.chain.get(&archive.height().0).map(|decided| decided.1), Some(state.root()));
}

/// Whether the child is where the others are, a block or two away.
fn level(witness: &Witness) -> bool {
    let highest = witness.chain.last_key_value().map_or(0, |(height, _)| *height);
    witness.acknowledged + 3 > highest
}

fn deliver(process: &Process, letter: Letter) {
    let Letter { from, channel, bytes } = letter;
    let _ = process.say.send(Saying::Letter { peer: from, channel, bytes: bytes.to_vec() });
}

fn note(witness: &mut Witness, told: Told) {
    match told.report {
        Report::Committed { block, state, .. } => {
            witness.agree(block.header.height.0, (block.id(), state.root()));
        }
        Report::Halted { why, .. } => panic!("halted: {why}"),
        Report::Refused { why } => panic!("refused: {why}"),
        _ => {}
    }
}
