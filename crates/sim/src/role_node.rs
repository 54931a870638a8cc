//! Roles as nodes of the virtual world.
//!
//! A [`RoleNode`] delivers letters by name and within the [limits](bitneuron_net::Limits) of their channel, keeps timers,
//! performs effects in order and starts a job at the moment it is asked for, while the node's one virtual processor is busy for
//! its gas. It drives any machine that speaks the alphabet of roles; a world whose nodes are both validators and users is one
//! of [`Role`]s.
//!
//! *A role does not survive a crash here.* What it must remember it hands out as `Persist`, and reading that back is the
//! business of a real node's shell; so a crashed role says so once and stays silent. A suspension it sleeps through.
//!
//! Rehearsals are made of these nodes; so is what others assemble with `bitneuron_role::NodeBuilder`:
//!
//! ```
//! use bitneuron_core::{Seed, Time};
//! use bitneuron_role::{Report, User, Validator};
//! use bitneuron_sim::role_node::{Directory, Role, RoleNode};
//! use bitneuron_sim::{Network, Setting, World};
//! use std::{sync::Arc, time::Duration};
//!
//! /// Lets some nodes live for a while and returns what they reported, with its time.
//! fn rehearse(validators: Vec<Validator>, users: Vec<User>, span: Duration) -> Vec<(Time, Report)> {
//!     let roles: Vec<Role> =
//!         validators.into_iter().map(Role::from).chain(users.into_iter().map(Role::from)).collect();
//!     let directory = Arc::new(Directory::new(roles.iter().map(Role::id).collect()));
//!     let nodes = roles.into_iter().map(|role| RoleNode::new(role, directory.clone())).collect();
//!     let setting =
//!         Setting { seed: Seed::from_number(1), network: Network::default(), churn: None, trace: false };
//!     let mut world = World::new(setting, nodes);
//!     world.run_for(span);
//!     world.nodes_mut().iter_mut().flat_map(RoleNode::take_reports).collect()
//! }
//! assert!(rehearse(Vec::new(), Vec::new(), Duration::from_secs(1)).is_empty());
//! ```

use crate::ahead::Ahead;
use crate::{Address, Context, Node, Payload};
use bitneuron_core::{Digest, Machine, NodeId, Outbox, Time};
use bitneuron_net::{Channel, Limits, frame::HEADER};
use bitneuron_role::user::UserError;
use bitneuron_role::validator::ValidatorError;
use bitneuron_role::{Effect, Input, Report, User, Validator, work::span};
use std::collections::BTreeMap;
use std::sync::Arc;
use thiserror::Error;

/// A message on its way.
#[derive(Debug, Clone)]
pub struct Letter {
    /// On which channel.
    pub channel: Channel,
    /// What it says.
    pub bytes: Arc<[u8]>,
}

impl Payload for Letter {
    fn size(&self) -> usize {
        self.bytes.len().saturating_add(HEADER)
    }

    fn digest(&self) -> Digest {
        Digest::of("bitneuron letter v1", &self.bytes)
    }
}

/// Names and addresses of all nodes.
#[derive(Debug)]
pub struct Directory {
    names: Vec<NodeId>,
    addresses: BTreeMap<NodeId, Address>,
}

impl Directory {
    /// Of nodes in the order of their addresses: the `n`-th name is the node that the world holds at address `n`.
    pub fn new(names: Vec<NodeId>) -> Self {
        let addresses = names.iter().copied().zip(0..).collect();
        Self { names, addresses }
    }
}

/// One of the two roles, itself a machine.
#[derive(Debug)]
pub enum Role {
    /// Votes, buys, merges.
    Validator(Box<Validator>),
    /// Trains and sells.
    User(Box<User>),
}

impl Role {
    /// The name of whoever plays it.
    pub fn id(&self) -> NodeId {
        match self {
            Self::Validator(validator) => validator.id(),
            Self::User(user) => user.id(),
        }
    }
}

impl From<Validator> for Role {
    fn from(validator: Validator) -> Self {
        Self::Validator(Box::new(validator))
    }
}

impl From<User> for Role {
    fn from(user: User) -> Self {
        Self::User(Box::new(user))
    }
}

/// Why a role refused an input.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum RoleError {
    /// A validator did.
    #[error(transparent)]
    Validator(#[from] ValidatorError),
    /// A user did.
    #[error(transparent)]
    User(#[from] UserError),
}

impl Machine for Role {
    type Input = Input;
    type Effect = Effect;
    type Error = RoleError;

    fn step(&mut self, now: Time, input: Input, out: &mut Outbox<Effect>) -> Result<(), RoleError> {
        match self {
            Self::Validator(validator) => Ok(validator.step(now, input, out)?),
            Self::User(user) => Ok(user.step(now, input, out)?),
        }
    }
}

/// A role in the world.
#[derive(Debug)]
pub struct RoleNode<M = Role> {
    role: M,
    crashed: bool,
    directory: Arc<Directory>,
    limits: Limits,
    jobs: BTreeMap<u64, Ahead>,
    next: u64,
    reports: Vec<(Time, Report)>,
}

impl<M> RoleNode<M> {
    /// A role at its beginning. Letters to names that the directory does not hold are lost, and so are those that are over
    /// [`Limits::default`], which are reported. Virtual peers are not throttled.
    pub fn new(role: M, directory: Arc<Directory>) -> Self {
        let limits = Limits::default();
        Self { role, crashed: false, directory, limits, jobs: BTreeMap::new(), next: 0, reports: Vec::new() }
    }

    /// The role.
    pub const fn role(&self) -> &M {
        &self.role
    }

    /// The role, when the world is over.
    pub fn into_role(self) -> M {
        self.role
    }

    /// What was reported since the last call.
    pub fn take_reports(&mut self) -> Vec<(Time, Report)> {
        std::mem::take(&mut self.reports)
    }
}

impl<M: Machine<Input = Input, Effect = Effect>> RoleNode<M> {
    fn feed(&mut self, cx: &mut Context<'_, Letter>, input: Input) {
        if self.crashed {
            return;
        }
        let (mut out, now) = (Outbox::new(), cx.now());
        if let Err(error) = self.role.step(now, input, &mut out) {
            self.reports.push((now, Report::Refused { why: error.to_string() }));
        }
        for effect in out {
            self.perform(cx, effect);
        }
    }

    fn perform(&mut self, cx: &mut Context<'_, Letter>, effect: Effect) {
        match effect {
            Effect::Send { to, channel, bytes } => {
                if let Err(why) = self.limits.check(channel, bytes.len()) {
                    self.reports.push((cx.now(), Report::Refused { why: why.to_string() }));
                } else if let Some(address) = self.directory.addresses.get(&to) {
                    cx.send(*address, Letter { channel, bytes });
                }
            }
            Effect::Timer { id, after } => {
                cx.cancel(id);
                cx.timer(after, id);
            }
            Effect::CancelTimer(id) => cx.cancel(id),
            Effect::Work(job) => {
                self.next = self.next.wrapping_add(1);
                let (span, job) = if let Some(gas) = job.price() {
                    (span(gas), Ahead::start(job))
                } else {
                    let done = job.run();
                    (done.span(), Ahead::Over(Box::new(done)))
                };
                cx.work(span, self.next);
                self.jobs.insert(self.next, job);
            }
            // Nothing is read back, so there is nothing to write.
            Effect::Persist(_) => {}
            Effect::Report(report) => self.reports.push((cx.now(), report)),
        }
    }
}

impl<M: Machine<Input = Input, Effect = Effect>> Node for RoleNode<M> {
    type Message = Letter;

    fn start(&mut self, cx: &mut Context<'_, Letter>) {
        self.feed(cx, Input::Start);
    }

    fn message(&mut self, cx: &mut Context<'_, Letter>, from: Address, letter: Letter) {
        let Some(from) = self.directory.names.get(from as usize).copied() else { return };
        if let Err(why) = self.limits.check(letter.channel, letter.bytes.len()) {
            self.reports.push((cx.now(), Report::Offence { by: from, why: why.to_string() }));
        } else {
            self.feed(cx, Input::Received { from, channel: letter.channel, bytes: letter.bytes });
        }
    }

    fn timer(&mut self, cx: &mut Context<'_, Letter>, id: u64) {
        self.feed(cx, Input::Timer(id));
    }

    fn done(&mut self, cx: &mut Context<'_, Letter>, id: u64) {
        if let Some(done) = self.jobs.remove(&id) {
            self.feed(cx, Input::Done(Box::new(done.wait().outcome)));
        }
    }

    fn restart(&mut self, cx: &mut Context<'_, Letter>) {
        if !std::mem::replace(&mut self.crashed, true) {
            let why = "crashed, and a role in the simulator has nothing to resume from".to_owned();
            self.reports.push((cx.now(), Report::Refused { why }));
        }
    }
}
