//! The live loop: one task, one role.

use super::{Clock, Decision, Letter, Link, Role, Stepper, Store};
use bitneuron_core::{NodeId, Time};
use bitneuron_net::{Limits, Throttle};
use bitneuron_role::work::Outcome;
use bitneuron_role::{Effect, Input, Report};
use std::fmt;
use std::future::{Future as _, poll_fn};
use std::io;
use std::num::NonZero;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::Poll;
use std::thread::available_parallelism;
use thiserror::Error;
use tokio::sync::{Semaphore, mpsc, oneshot};
use tokio::task::{JoinError, JoinHandle, JoinSet, spawn_blocking};

/// Why a role was stopped before anybody asked for it.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum WireError {
    /// A record may not be durable.
    #[error("store: {0}")]
    Store(#[from] io::Error),
    /// A job, or the loop itself, panicked. What judges foreign bytes contains its own panics, so this is a fault of the
    /// program. The node ends then, loudly: a role that waits for ever for an answer would look alive.
    #[error("task: {0}")]
    Task(#[from] JoinError),
}

/// A report, with who made it and when.
#[derive(Debug, Clone)]
pub struct Told {
    /// Whose role reports.
    pub by: NodeId,
    /// When.
    pub at: Time,
    /// What.
    pub report: Report,
}

/// What a live role starts with.
pub struct Start<M, L, S> {
    /// The name that others know it by.
    pub id: NodeId,
    /// The role.
    pub machine: M,
    /// The clock, the same for all nodes of a process.
    pub clock: Clock,
    /// How large and how often letters may be.
    pub limits: Arc<Limits>,
    /// Its way out.
    pub link: L,
    /// What comes in; bounded by whoever made it. When it closes, the role is stopped.
    pub inbox: mpsc::Receiver<Letter>,
    /// Where its records become durable.
    pub store: S,
    /// Who hears its reports. The role never waits for listeners.
    pub reports: mpsc::Sender<Told>,
}

impl<M, L, S> fmt::Debug for Start<M, L, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Start").field("id", &self.id).field("clock", &self.clock).finish_non_exhaustive()
    }
}

/// What is left of a live role.
#[derive(Debug)]
pub struct Ended<M> {
    /// The role as it was after its last step.
    pub machine: M,
    /// How many reports nobody heard, since the channel was full or closed.
    pub unheard: u64,
    /// How many letters were dropped unread, since they were over the limits or their sender was too fast.
    pub dropped: u64,
}

/// A live role. Dropping it stops the role too, without waiting.
#[derive(Debug)]
pub struct Handle<M> {
    stop: oneshot::Sender<()>,
    task: JoinHandle<Result<Ended<M>, WireError>>,
}

impl<M> Handle<M> {
    /// Whether the role has ended by itself.
    pub fn is_finished(&self) -> bool {
        self.task.is_finished()
    }

    /// Stops the role after its current step and waits for that. Jobs that wait are dropped; those that run cannot be
    /// interrupted, and their results are forgotten.
    ///
    /// # Errors
    /// Why it had stopped before.
    pub async fn stop(self) -> Result<Ended<M>, WireError> {
        // A loop that is over has dropped the other end, and its task says why.
        let _ = self.stop.send(());
        self.task.await?
    }
}

/// Lets a role live on the current runtime, whose time driver must be on.
///
/// # Panics
/// Outside of a runtime, as `tokio::spawn` does.
pub fn spawn<M: Role, L: Link, S: Store>(start: Start<M, L, S>) -> Handle<M> {
    let (stop, stopped) = oneshot::channel();
    let Start { id, machine, clock, limits, link, inbox, store, reports } = start;
    let stepper = Stepper::new(machine);
    let driver = Driver {
        id,
        stepper,
        clock,
        limits,
        throttle: Throttle::new(PEERS),
        link,
        store,
        reports,
        unheard: 0,
        dropped: 0,
        loose: false,
        inbox,
        workers: Arc::new(Semaphore::new(available_parallelism().map_or(1, NonZero::get))),
        jobs: JoinSet::new(),
        stopped,
    };
    Handle { stop, task: tokio::spawn(driver.run()) }
}

/// How many peers may be active at once.
const PEERS: usize = 4_096;

/// What wakes the loop.
enum Event {
    Stop,
    Done(Result<Outcome, JoinError>),
    Alarm,
    Letter(Letter),
}

struct Driver<M, L, S> {
    id: NodeId,
    stepper: Stepper<M>,
    clock: Clock,
    limits: Arc<Limits>,
    throttle: Throttle,
    link: L,
    store: S,
    reports: mpsc::Sender<Told>,
    unheard: u64,
    dropped: u64,
    /// Whether a record may not be durable yet.
    loose: bool,
    inbox: mpsc::Receiver<Letter>,
    /// As many as there are processors: whoever floods this node with claims to be judged makes them wait, no more.
    workers: Arc<Semaphore>,
    jobs: JoinSet<Result<Outcome, JoinError>>,
    stopped: oneshot::Receiver<()>,
}

impl<M: Role, L: Link, S: Store> Driver<M, L, S> {
    async fn run(mut self) -> Result<Ended<M>, WireError> {
        self.feed(Input::Start).await?;
        loop {
            let input = match self.event().await {
                Event::Stop => break,
                Event::Done(outcome) => Input::Done(Box::new(outcome?)),
                Event::Alarm => match self.stepper.due(self.clock.now()) {
                    Some(id) => Input::Timer(id),
                    None => continue,
                },
                Event::Letter(letter) if !self.admits(&letter) => continue,
                Event::Letter(Letter { from, channel, bytes }) => Input::Received { from, channel, bytes },
            };
            self.feed(input).await?;
        }
        let Self { stepper, unheard, dropped, .. } = self;
        Ok(Ended { machine: stepper.into_machine(), unheard, dropped })
    }

    /// Whether a letter is within the limits. Others are counted, not reported: a flood must not drown the reports.
    fn admits(&mut self, letter: &Letter) -> bool {
        let Letter { from, channel, bytes } = letter;
        let admitted = self.throttle.admit(&self.limits, self.clock.now(), *from, *channel, bytes.len());
        self.dropped += u64::from(admitted.is_err());
        admitted.is_ok()
    }

    /// Waits for what comes first. Letters come last, so that no flood of them holds up a vote's timer or a job's end.
    async fn event(&mut self) -> Event {
        let mut alarm = pin!(self.clock.reach(self.stepper.next()));
        poll_fn(|cx| {
            if Pin::new(&mut self.stopped).poll(cx).is_ready() {
                return Poll::Ready(Event::Stop);
            }
            // An empty set has nothing to say; jobs are only added between two waits.
            if let Poll::Ready(Some(outcome)) = self.jobs.poll_join_next(cx) {
                return Poll::Ready(Event::Done(outcome.flatten()));
            }
            if alarm.as_mut().poll(cx).is_ready() {
                return Poll::Ready(Event::Alarm);
            }
            self.inbox.poll_recv(cx).map(|letter| letter.map_or(Event::Stop, Event::Letter))
        })
        .await
    }

    /// Steps the role and performs its effects in their order.
    async fn feed(&mut self, input: Input) -> Result<(), WireError> {
        let at = self.clock.now();
        for effect in self.stepper.step(at, input) {
            let leaves = matches!(effect, Effect::Send { .. } | Effect::Report(_));
            if leaves && std::mem::take(&mut self.loose) {
                self.store.sync().await?;
            }
            match effect {
                Effect::Send { to, channel, bytes } => match self.limits.check(channel, bytes.len()) {
                    Ok(_) => self.link.send(to, channel, bytes),
                    // Whoever receives it would drop it.
                    Err(why) => self.tell(at, Report::Refused { why: why.to_string() }),
                },
                // The stepper keeps them.
                Effect::Timer { .. } | Effect::CancelTimer(_) => {}
                Effect::Work(job) => {
                    let workers = self.workers.clone();
                    self.jobs.spawn(async move {
                        // Nobody closes it.
                        let _worker = workers.acquire_owned().await;
                        spawn_blocking(move || job.run().outcome).await
                    });
                }
                Effect::Persist(record) => {
                    self.store.persist(record).await?;
                    self.loose = true;
                }
                Effect::Report(report) => {
                    if let Report::Committed { block, certificate, state, .. } = &report {
                        let (block, certificate, state) = (block.clone(), certificate.clone(), state.clone());
                        self.store.keep(Decision { block, certificate, state }).await?;
                    }
                    self.tell(at, report);
                }
            }
        }
        Ok(())
    }

    fn tell(&mut self, at: Time, report: Report) {
        let told = Told { by: self.id, at, report };
        self.unheard += u64::from(self.reports.try_send(told).is_err());
    }
}
