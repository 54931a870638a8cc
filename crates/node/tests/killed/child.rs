//! The process that is killed.

use crate::others::{age, network};
use crate::wire::Saying;
use bitneuron_core::{Digest, NodeId};
use bitneuron_net::{Channel, Limits};
use bitneuron_node::wire::{Clock, Disk, Letter, Link, Start, spawn};
use bitneuron_role::Report;
use std::io::{BufReader, BufWriter, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::sync::{Arc, mpsc as std_mpsc};
use std::{env, fs, process, thread};
use tokio::sync::mpsc;

/// Names of what the parent tells through the environment.
pub(crate) const PORT: &str = "BITNEURON_KILLED_PORT";
pub(crate) const HOME: &str = "BITNEURON_KILLED_HOME";
pub(crate) const SEED: &str = "BITNEURON_KILLED_SEED";
pub(crate) const GENESIS: &str = "BITNEURON_KILLED_GENESIS";
pub(crate) const FORGET: &str = "BITNEURON_KILLED_FORGET";

/// Hands letters to the thread that writes them.
struct Out(std_mpsc::Sender<Saying>);

impl Link for Out {
    fn send(&self, peer: NodeId, channel: Channel, bytes: Arc<[u8]>) {
        // Nobody reads any more: the parent is gone, and so is this process soon.
        let _ = self.0.send(Saying::Letter { peer, channel, bytes: bytes.to_vec() });
    }
}

fn told<T: std::str::FromStr>(name: &str) -> T {
    let value = env::var(name).ok().and_then(|value| value.parse().ok());
    value.unwrap_or_else(|| panic!("{name} is not told"))
}

pub(crate) fn live_if_asked() {
    if env::var(PORT).is_err() {
        return;
    }
    live(told(PORT), &told::<PathBuf>(HOME), told(SEED), told(GENESIS));
    process::exit(0);
}

fn live(port: u16, home: &Path, seed: u64, genesis: u64) {
    let stream = TcpStream::connect(("127.0.0.1", port)).expect("the parent listens");
    stream.set_nodelay(true).expect("a socket");
    if env::var(FORGET).is_ok() {
        let _ = fs::remove_file(home.join("votes.log"));
    }
    let fixture = network(seed);
    let (disk, resumed) = Disk::open(home, &fixture.plan.genesis).expect("whole");
    let (say, sayings) = std_mpsc::channel();
    let up = Saying::Up {
        height: resumed.state.height().0,
        block: resumed.tip.as_ref().map_or(Digest::ZERO, |tip| tip.header.id()),
        root: resumed.state.root(),
        records: resumed.records.len() as u64,
    };
    say.send(up).expect("nobody has left");
    let mut reader = BufReader::new(stream.try_clone().expect("a socket"));
    let mut writer = BufWriter::new(stream);
    thread::spawn(move || {
        for saying in sayings {
            if saying.write(&mut writer).and_then(|()| writer.flush()).is_err() {
                process::exit(0);
            }
        }
    });
    let (letters, inbox) = mpsc::channel(4_096);
    thread::spawn(move || {
        while let Ok(saying) = Saying::read(&mut reader) {
            if let Saying::Letter { peer: from, channel, bytes } = saying {
                let _ = letters.blocking_send(Letter { from, channel, bytes: bytes.into() });
            }
        }
        process::exit(0);
    });
    let machine = fixture.nodes().0.swap_remove(0).resume(resumed);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
    runtime.block_on(async move {
        let (reports, mut heard) = mpsc::channel(1_024);
        let (id, limits) = (machine.id(), Arc::new(Limits::default()));
        let link = Out(say.clone());
        let clock = Clock::at(age(genesis));
        let _role = spawn(Start { id, machine, clock, limits, link, inbox, store: disk, reports });
        while let Some(told) = heard.recv().await {
            match told.report {
                Report::Committed { block, state, .. } => {
                    let (height, block) = (block.header.height.0, block.id());
                    let _ = say.send(Saying::Kept { height, block, root: state.root() });
                }
                Report::Halted { why, .. } => panic!("halted: {why}"),
                Report::Refused { why } => panic!("refused: {why}"),
                _ => {}
            }
        }
    });
    panic!("the role ended by itself");
}
