//! The live loop itself, with a role that does what its inputs say.

use bitneuron_core::{Bytes, Machine, NodeId, Outbox, Time};
use bitneuron_net::{Channel, Limits, Quota};
use bitneuron_node::wire::{
    Clock, Ended, Handle, Hub, HubLink, Letter, Link as _, Memory, Start, Store, Told, WireError, spawn,
};
use bitneuron_role::work::{Done, Job, Outcome};
use bitneuron_role::{Effect, Input, Report};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use std::{fmt, io};
use tokio::sync::mpsc;
use tokio::time::{sleep, timeout};

const PUPPET: NodeId = NodeId([1; 32]);
const OTHER: NodeId = NodeId([2; 32]);

/// What a puppet does on a letter that begins with this byte.
mod word {
    pub(crate) const PERSIST_THEN_SEND: u8 = 1;
    pub(crate) const WORK: u8 = 2;
    pub(crate) const BREAK_DOWN: u8 = 3;
    pub(crate) const REFUSE: u8 = 4;
    pub(crate) const CHANGE_TIMERS: u8 = 5;
    pub(crate) const SEND_TOO_MUCH: u8 = 6;
    pub(crate) const MUCH_WORK: u8 = 7;
}

/// Notes when what happened.
#[derive(Debug, Default)]
struct Puppet {
    seen: Vec<(u64, String)>,
}

#[derive(Debug)]
struct Refused;

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not that")
    }
}

impl std::error::Error for Refused {}

fn job(label: &'static str, fails: bool) -> Effect {
    Effect::Work(Job::new(label, move || {
        assert!(!fails, "a job that breaks down");
        Done { gas: 1, outcome: Outcome::Proved { claim: None } }
    }))
}

/// How many jobs run now, and how many ever ran at once.
static RUNNING: AtomicUsize = AtomicUsize::new(0);
static MOST: AtomicUsize = AtomicUsize::new(0);
const JOBS: usize = 40;

/// A job that counts how many there are beside it.
fn counted() -> Effect {
    Effect::Work(Job::new("counted", || {
        let running = RUNNING.fetch_add(1, Ordering::SeqCst) + 1;
        MOST.fetch_max(running, Ordering::SeqCst);
        std::thread::sleep(Duration::from_millis(3));
        RUNNING.fetch_sub(1, Ordering::SeqCst);
        Done { gas: 1, outcome: Outcome::Proved { claim: None } }
    }))
}

impl Machine for Puppet {
    type Input = Input;
    type Effect = Effect;
    type Error = Refused;

    fn step(&mut self, now: Time, input: Input, out: &mut Outbox<Effect>) -> Result<(), Refused> {
        let millis = now.0 / 1_000;
        let Input::Received { bytes, .. } = input else {
            let name = match input {
                Input::Timer(id) => format!("timer {id}"),
                Input::Done(_) => "done".into(),
                _ => "start".into(),
            };
            self.seen.push((millis, name));
            return Ok(());
        };
        match bytes.first().copied().unwrap_or_default() {
            word::PERSIST_THEN_SEND => out.extend([
                Effect::Persist(Bytes(bytes.to_vec())),
                Effect::Send { to: OTHER, channel: Channel::VOTE, bytes },
            ]),
            word::WORK => out.push(job("work", false)),
            word::MUCH_WORK => out.extend((0..JOBS).map(|_| counted())),
            word::BREAK_DOWN => out.push(job("break down", true)),
            word::CHANGE_TIMERS => out.extend([
                Effect::Timer { id: 1, after: Duration::from_millis(100) },
                Effect::Timer { id: 2, after: Duration::from_millis(200) },
                Effect::Timer { id: 1, after: Duration::from_millis(300) },
                Effect::Timer { id: 3, after: Duration::from_millis(250) },
                Effect::Timer { id: 4, after: Duration::MAX },
                Effect::CancelTimer(2),
            ]),
            word::SEND_TOO_MUCH => out.extend([10, 11, 9].map(|length| Effect::Send {
                to: OTHER,
                channel: Channel::VOTE,
                bytes: vec![0; length].into(),
            })),
            word::REFUSE => return Err(Refused),
            other => self.seen.push((millis, format!("letter {other}"))),
        }
        Ok(())
    }
}

/// Ten bytes on two channels, three of them a second.
fn limits() -> Limits {
    let quota = Quota::frames(10, 3, 1_000_000);
    Limits::none().with(Channel::VOTE, quota).with(Channel::ORDER, quota)
}

/// A puppet, the other node's inbox, and who hears reports.
struct Stage {
    hub: Hub,
    other: HubLink,
    puppet: Handle<Puppet>,
    inbox: mpsc::Receiver<Letter>,
    heard: mpsc::Receiver<Told>,
}

impl Stage {
    fn new(store: impl Store, capacity: usize) -> Self {
        let hub = Hub::new(capacity);
        let (reports, heard) = mpsc::channel(1);
        let (link, puppet_inbox) = hub.join(PUPPET);
        let (other, inbox) = hub.join(OTHER);
        let puppet = spawn(Start {
            id: PUPPET,
            machine: Puppet::default(),
            clock: Clock::start(),
            limits: Arc::new(limits()),
            link,
            inbox: puppet_inbox,
            store,
            reports,
        });
        Self { hub, other, puppet, inbox, heard }
    }

    fn say(&self, word: u8) {
        self.other.send(PUPPET, Channel::ORDER, [word].into());
    }
}

/// Takes its time.
struct Slow(Memory);

impl Store for Slow {
    async fn persist(&mut self, record: Bytes) -> io::Result<()> {
        sleep(Duration::from_millis(50)).await;
        self.0.persist(record).await
    }
}

/// Has no room.
struct Full;

impl Store for Full {
    async fn persist(&mut self, _: Bytes) -> io::Result<()> {
        Err(io::Error::other("full"))
    }
}

async fn seen(puppet: Handle<Puppet>) -> Vec<(u64, String)> {
    puppet.stop().await.expect("it lived").machine.seen
}

fn happened(seen: &[(u64, &str)]) -> Vec<(u64, String)> {
    seen.iter().map(|(at, what)| (*at, (*what).to_owned())).collect()
}

#[tokio::test(start_paused = true)]
async fn a_timer_set_again_fires_once_and_a_cancelled_one_never() {
    let stage = Stage::new(Memory::default(), 8);
    stage.say(word::CHANGE_TIMERS);
    sleep(Duration::from_secs(10)).await;
    let expected = [(0, "start"), (250, "timer 3"), (300, "timer 1")];
    let seen = seen(stage.puppet).await;
    // Tokio's timers are a millisecond coarse and never early.
    let near = |(seen, expected): (&(u64, String), &(u64, String))| {
        seen.1 == expected.1 && (expected.0..=expected.0 + 1).contains(&seen.0)
    };
    let expected = happened(&expected);
    assert!(seen.len() == expected.len() && seen.iter().zip(&expected).all(near), "{seen:?}");
}

#[tokio::test(start_paused = true)]
async fn nothing_leaves_before_what_came_first_is_durable() {
    let store = Memory::default();
    let mut stage = Stage::new(Slow(store.clone()), 8);
    stage.say(word::PERSIST_THEN_SEND);
    sleep(Duration::from_millis(40)).await;
    assert!(stage.inbox.try_recv().is_err() && store.records().is_empty());
    let letter = timeout(Duration::from_millis(20), stage.inbox.recv()).await.expect("in time");
    assert_eq!(letter.expect("a letter").from, PUPPET);
    assert_eq!(store.records(), [Bytes(vec![word::PERSIST_THEN_SEND])]);
}

#[tokio::test(start_paused = true)]
async fn a_store_that_fails_stops_the_role_before_it_speaks() {
    let mut stage = Stage::new(Full, 8);
    stage.say(word::PERSIST_THEN_SEND);
    sleep(Duration::from_millis(1)).await;
    assert!(stage.puppet.is_finished());
    assert!(matches!(stage.puppet.stop().await, Err(WireError::Store(_))));
    assert!(stage.inbox.try_recv().is_err());
}

#[tokio::test(start_paused = true)]
async fn a_job_is_answered_and_one_that_breaks_down_stops_the_role() {
    let stage = Stage::new(Memory::default(), 8);
    stage.say(word::WORK);
    sleep(Duration::from_millis(1)).await;
    stage.say(9);
    sleep(Duration::from_millis(1)).await;
    let Stage { puppet, .. } = stage;
    let names: Vec<String> = seen(puppet).await.into_iter().map(|(_, what)| what).collect();
    assert_eq!(names, ["start", "done", "letter 9"]);

    let stage = Stage::new(Memory::default(), 8);
    stage.say(word::BREAK_DOWN);
    sleep(Duration::from_millis(1)).await;
    assert!(matches!(stage.puppet.stop().await, Err(WireError::Task(_))));
}

#[tokio::test(start_paused = true)]
async fn no_more_jobs_run_at_once_than_there_are_processors() {
    let stage = Stage::new(Memory::default(), 8);
    stage.say(word::MUCH_WORK);
    sleep(Duration::from_secs(1)).await;
    let done = seen(stage.puppet).await.into_iter().filter(|(_, what)| what == "done").count();
    assert_eq!(done, JOBS);
    let processors = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let most = MOST.load(Ordering::SeqCst);
    assert!((1..=processors).contains(&most), "{most} at once on {processors} processors");
}

#[tokio::test(start_paused = true)]
async fn a_full_inbox_loses_letters_and_counts_them() {
    let stage = Stage::new(Memory::default(), 2);
    // The puppet does not run before this test waits.
    (10..15).for_each(|word| stage.say(word));
    stage.other.send(NodeId([3; 32]), Channel::ORDER, [0].into());
    assert_eq!(stage.hub.lost(), 4);
    sleep(Duration::from_millis(1)).await;
    let names: Vec<String> = seen(stage.puppet).await.into_iter().map(|(_, what)| what).collect();
    assert_eq!(names, ["start", "letter 10", "letter 11"]);
}

#[tokio::test(start_paused = true)]
async fn a_refusal_is_reported_and_nobody_waits_for_a_listener() {
    let mut stage = Stage::new(Memory::default(), 8);
    (0..3).for_each(|_| stage.say(word::REFUSE));
    sleep(Duration::from_millis(1)).await;
    let told = stage.heard.recv().await.expect("a report");
    assert!(matches!(told.report, Report::Refused { why } if why == "not that"));
    assert_eq!(stage.puppet.stop().await.expect("it lived").unheard, 2);
}

#[tokio::test(start_paused = true)]
async fn what_is_over_the_limits_neither_leaves_nor_arrives() {
    let mut stage = Stage::new(Memory::default(), 16);
    stage.say(word::SEND_TOO_MUCH);
    sleep(Duration::from_millis(1)).await;
    let sent =
        [stage.inbox.try_recv(), stage.inbox.try_recv()].map(|letter| letter.expect("sent").bytes.len());
    assert_eq!((sent, stage.inbox.try_recv().is_err()), ([10, 9], true));
    let told = stage.heard.recv().await.expect("a report");
    assert!(matches!(told.report, Report::Refused { why } if why.contains("11 bytes")));

    // Too long, and on a channel without a quota: neither costs the sender a token.
    stage.other.send(PUPPET, Channel::ORDER, [20; 11].into());
    stage.other.send(PUPPET, Channel::BLOB, [20].into());
    // Three in a second, of which one was said above; another channel and another peer have their own.
    (20..24).for_each(|word| stage.say(word));
    stage.other.send(PUPPET, Channel::VOTE, [30].into());
    let (third, _inbox) = stage.hub.join(NodeId([3; 32]));
    third.send(PUPPET, Channel::ORDER, [40].into());
    sleep(Duration::from_secs(1)).await;
    stage.say(50);
    sleep(Duration::from_millis(1)).await;
    let Ended { machine, dropped, .. } = stage.puppet.stop().await.expect("it lived");
    let heard: Vec<String> = machine.seen.into_iter().map(|(_, what)| what).collect();
    assert_eq!(heard, ["start", "letter 20", "letter 21", "letter 30", "letter 40", "letter 50"]);
    assert_eq!(dropped, 4);
}

#[tokio::test(start_paused = true)]
async fn a_clock_counts_on_from_the_age_it_is_given() {
    let clock = Clock::at(Time(5_000_000));
    sleep(Duration::from_secs(2)).await;
    assert_eq!((clock.now(), Clock::start().now()), (Time(7_000_000), Time::ZERO));

    // A timer's span is the same on an old clock.
    let hub = Hub::new(8);
    let (link, inbox) = hub.join(PUPPET);
    let (other, _) = hub.join(OTHER);
    let (reports, _heard) = mpsc::channel(1);
    let (machine, store, limits) = (Puppet::default(), Memory::default(), Arc::new(limits()));
    let puppet = spawn(Start { id: PUPPET, machine, clock, limits, link, inbox, store, reports });
    other.send(PUPPET, Channel::ORDER, [word::CHANGE_TIMERS].into());
    sleep(Duration::from_secs(1)).await;
    let times: Vec<u64> = seen(puppet).await.into_iter().map(|(at, _)| at).collect();
    assert!(matches!(times[..], [7_000, 7_250..=7_251, 7_300..=7_301]), "{times:?}");
}

#[tokio::test(start_paused = true)]
async fn whoever_lets_go_of_a_role_or_its_inbox_ends_it() {
    let Stage { puppet, mut heard, .. } = Stage::new(Memory::default(), 8);
    drop(puppet);
    assert!(timeout(Duration::from_secs(1), heard.recv()).await.expect("the role ends").is_none());

    let Stage { hub, puppet, .. } = Stage::new(Memory::default(), 8);
    hub.leave(PUPPET);
    sleep(Duration::from_millis(1)).await;
    assert!(puppet.is_finished());
    assert_eq!(seen(puppet).await, happened(&[(0, "start")]));
}
