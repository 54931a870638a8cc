//! *The same bytes under both drivers.* The simulator plays a network while everything that happens to one node, and
//! everything that the node does, is logged. A second copy of the node then gets the same inputs at the same times from
//! the tokio driver's stepper, and must do the same.
//!
//! Jobs cannot be copied, so the second copy runs its own; that it hands out the same jobs shows in their virtual spans,
//! and that they come to the same end in all that follows. Timers are not taken from the log: the stepper's table must
//! fire the one that the simulator fired, at that time.

use crate::fixture::Fixture;
use bitneuron_core::{NodeId, Time};
use bitneuron_node::wire::{Role, Stepper};
use bitneuron_role::work::Done;
use bitneuron_role::{Effect, Input, Report};
use bitneuron_sim::role_node::{self, Directory, Letter, RoleNode};
use bitneuron_sim::{Address, Command, Context, Network, Node, Setting, World};
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

/// What happened to a node.
#[derive(Debug, Clone)]
enum Happened {
    Start,
    Received(Address, Letter),
    Timer(u64),
    Done,
}

/// What a node did, in words that both drivers can say; the bytes of messages included.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Did {
    Send { to: Address, channel: u16, bytes: Vec<u8> },
    Timer { id: u64, after: u64 },
    Cancel(u64),
    Work { span: u64 },
}

/// One step: when, what happened, what it did, what it reported.
#[derive(Debug, Clone)]
struct Entry {
    at: Time,
    happened: Happened,
    did: Vec<Did>,
    reported: Vec<String>,
}

fn words(report: &Report) -> String {
    format!("{report:?}")
}

/// A node of the simulator that logs.
struct Logged {
    node: RoleNode,
    log: Vec<Entry>,
}

impl Logged {
    fn log(
        &mut self,
        cx: &mut Context<'_, Letter>,
        happened: Happened,
        call: impl FnOnce(&mut RoleNode, &mut Context<'_, Letter>),
    ) {
        let commands = cx.capture(|cx| call(&mut self.node, cx));
        let did = commands.iter().map(|command| match command {
            Command::Send(parcel) => Did::Send {
                to: parcel.to,
                channel: parcel.message.channel.0,
                bytes: parcel.message.bytes.to_vec(),
            },
            Command::Timer { after, id } => Did::Timer { id: *id, after: *after },
            Command::Cancel { id } => Did::Cancel(*id),
            Command::Work { span, .. } => Did::Work { span: *span },
        });
        let did = did.collect();
        let reported = self.node.take_reports().iter().map(|(_, report)| words(report)).collect();
        self.log.push(Entry { at: cx.now(), happened, did, reported });
        commands.into_iter().for_each(|command| cx.command(command));
    }
}

impl Node for Logged {
    type Message = Letter;

    fn start(&mut self, cx: &mut Context<'_, Letter>) {
        self.log(cx, Happened::Start, RoleNode::start);
    }

    fn message(&mut self, cx: &mut Context<'_, Letter>, from: Address, letter: Letter) {
        let happened = Happened::Received(from, letter.clone());
        self.log(cx, happened, |node, cx| node.message(cx, from, letter));
    }

    fn timer(&mut self, cx: &mut Context<'_, Letter>, id: u64) {
        self.log(cx, Happened::Timer(id), |node, cx| node.timer(cx, id));
    }

    fn done(&mut self, cx: &mut Context<'_, Letter>, id: u64) {
        self.log(cx, Happened::Done, |node, cx| node.done(cx, id));
    }
}

/// Plays a network in virtual time: all names by address, validators first, and all logs.
fn rehearse(fixture: &Fixture, span: Duration) -> (Vec<NodeId>, Vec<Vec<Entry>>) {
    let (validators, users) = fixture.nodes();
    let roles: Vec<role_node::Role> = validators
        .into_iter()
        .map(role_node::Role::from)
        .chain(users.into_iter().map(role_node::Role::from))
        .collect();
    let names: Vec<NodeId> = roles.iter().map(role_node::Role::id).collect();
    let directory = Arc::new(Directory::new(names.clone()));
    let logged = |role| Logged { node: RoleNode::new(role, directory.clone()), log: Vec::new() };
    let nodes = roles.into_iter().map(logged).collect();
    let setting = Setting {
        seed: bitneuron_core::Seed::from_number(1),
        network: Network::default(),
        churn: None,
        trace: false,
    };
    let mut world = World::new(setting, nodes);
    world.run_for(span);
    (names, world.into_nodes().into_iter().map(|node| node.log).collect())
}

/// The tokio driver's stepper over a copy of the node, with the jobs that it handed out.
struct Copy<M> {
    stepper: Stepper<M>,
    addresses: BTreeMap<NodeId, Address>,
    names: Vec<NodeId>,
    jobs: VecDeque<Done>,
    persisted: usize,
}

impl<M: Role> Copy<M> {
    fn new(machine: M, names: &[NodeId]) -> Self {
        Self {
            stepper: Stepper::new(machine),
            addresses: names.iter().copied().zip(0..).collect(),
            names: names.to_vec(),
            jobs: VecDeque::new(),
            persisted: 0,
        }
    }

    /// Lets happen what the log says and returns what the copy did and reported.
    fn replay(&mut self, at: Time, happened: &Happened) -> (Vec<Did>, Vec<String>) {
        let input = match happened {
            Happened::Start => Input::Start,
            Happened::Received(from, Letter { channel, bytes }) => {
                Input::Received { from: self.names[*from as usize], channel: *channel, bytes: bytes.clone() }
            }
            Happened::Timer(id) => {
                assert_eq!(self.stepper.due(at), Some(*id), "the timer that is due at {at}");
                Input::Timer(*id)
            }
            // One virtual processor: jobs end in the order in which they were handed out.
            Happened::Done => Input::Done(Box::new(self.jobs.pop_front().expect("a job").outcome)),
        };
        let (mut did, mut reported) = (Vec::new(), Vec::new());
        for effect in self.stepper.step(at, input) {
            match effect {
                Effect::Send { to, channel, bytes } => {
                    did.push(Did::Send {
                        to: self.addresses[&to],
                        channel: channel.0,
                        bytes: bytes.to_vec(),
                    });
                }
                Effect::Timer { id, after } => {
                    let after = Time::ZERO.after(after).0;
                    did.extend([Did::Cancel(id), Did::Timer { id, after }]);
                }
                Effect::CancelTimer(id) => did.push(Did::Cancel(id)),
                Effect::Work(job) => {
                    let done = job.run();
                    did.push(Did::Work { span: Time::ZERO.after(done.span()).0 });
                    self.jobs.push_back(done);
                }
                Effect::Persist(_) => self.persisted += 1,
                Effect::Report(report) => reported.push(words(&report)),
            }
        }
        (did, reported)
    }
}

/// Replays a log and compares every step.
fn compare<M: Role>(machine: M, names: &[NodeId], log: &[Entry]) -> Copy<M> {
    let mut copy = Copy::new(machine, names);
    for (step, entry) in log.iter().enumerate() {
        let (did, reported) = copy.replay(entry.at, &entry.happened);
        assert_eq!(did, entry.did, "step {step} at {}: {:?}", entry.at, entry.happened);
        assert_eq!(reported, entry.reported, "step {step} at {}", entry.at);
    }
    copy
}

/// How many steps of a log did or reported a thing.
fn count(log: &[Entry], of: impl Fn(&Entry) -> bool) -> usize {
    log.iter().filter(|entry| of(entry)).count()
}

const SPAN: Duration = Duration::from_secs(6);

#[test]
fn a_validator_does_the_same_under_both_drivers() {
    let fixture = Fixture::new(1);
    let (names, logs) = rehearse(&fixture, SPAN);
    let (mut validators, _) = fixture.nodes();
    let copy = compare(validators.swap_remove(1), &names, &logs[1]);
    // The log is worth comparing: it decided, voted, judged, learned and proved.
    assert!(copy.stepper.machine().height().0 >= 8);
    let said =
        |what: &'static str| count(&logs[1], |entry| entry.reported.iter().any(|r| r.starts_with(what)));
    assert!(said("Committed") >= 8 && said("Proved") >= 1);
    assert!(count(&logs[1], |entry| matches!(entry.happened, Happened::Timer(_))) >= 8);
    assert!(count(&logs[1], |entry| matches!(entry.happened, Happened::Done)) >= 8);
    assert!(copy.persisted >= 8, "a vote is a record");
}

#[test]
fn a_user_does_the_same_under_both_drivers() {
    let fixture = Fixture::new(1);
    let (names, logs) = rehearse(&fixture, SPAN);
    let (_, mut users) = fixture.nodes();
    let at = names.len() - users.len();
    compare(users.swap_remove(0), &names, &logs[at]);
    let said =
        |what: &'static str| count(&logs[at], |entry| entry.reported.iter().any(|r| r.starts_with(what)));
    assert!(said("Trained") >= 2 && said("ModelSent") >= 1 && said("Proved") >= 1);
}

#[test]
fn a_log_with_one_byte_changed_is_noticed() {
    let fixture = Fixture::new(1);
    let (names, mut logs) = rehearse(&fixture, Duration::from_secs(2));
    let log = &mut logs[0];
    let received = log.iter_mut().rfind(|entry| {
        matches!(&entry.happened, Happened::Received(_, letter) if letter.channel.0 == 1)
            && !entry.did.is_empty()
    });
    let Some(Entry { happened: Happened::Received(_, letter), .. }) = received else {
        panic!("no vote was ever answered");
    };
    let mut bytes = letter.bytes.to_vec();
    *bytes.last_mut().expect("a vote has bytes") ^= 1;
    letter.bytes = bytes.into();
    let (mut validators, _) = fixture.nodes();
    let mut copy = Copy::new(validators.swap_remove(0), &names);
    let same = logs[0].iter().all(|entry| {
        let (did, reported) = copy.replay(entry.at, &entry.happened);
        did == entry.did && reported == entry.reported
    });
    assert!(!same, "a forged vote changes what the node does");
}
