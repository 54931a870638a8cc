//! Adversaries: honest nodes whose outgoing messages pass through a [`Tactic`].
//!
//! The node inside stays what it is; it does not know that it lies. Sellers, and authors of turns, misbehave by a
//! [`Conduct`](bitneuron_role::Conduct) and a prover of their own instead, since what they sell and claim is decided inside. A world of players mixes honest
//! nodes and adversaries in one type:
//!
//! ```
//! use bitneuron_sim::{Node, Player, adversary::{Mute, Omit}, Chance};
//! fn cast<N: Node>(nodes: Vec<N>) -> Vec<Player<N>> {
//!     let mut nodes = nodes.into_iter();
//!     let silent = nodes.next().map(|node| Player::with(node, Mute));
//!     let flaky = nodes.next().map(|node| Player::with(node, Omit(Chance::percent(30))));
//!     silent.into_iter().chain(flaky).chain(nodes.map(Player::honest)).collect()
//! }
//! ```

mod careless;
mod colluders;
mod provers;
mod sellers;
mod tactics;
mod validators;

pub use careless::{Credulous, Forgiving, Trusting};
pub use colluders::{Colluder, Overheard, Shared};
pub use provers::{Copying, Evasive, FalseMetric, FalseStep, Forging, Seen, Watched};
pub use sellers::{Flipper, Liar, Swapper};
pub use tactics::{Delay, Mute, Omit, Tamper, Twist};
pub use validators::{Equivocator, Silent, Withholder};

use crate::{Address, Command, Context, Node, Parcel, Stream};
use bitneuron_core::Time;
use std::fmt;

/// What an adversary knows when it acts.
#[derive(Debug)]
pub struct Scene<'a> {
    /// The virtual time.
    pub now: Time,
    /// The adversary's address.
    pub me: Address,
    /// How many nodes the world has.
    pub nodes: u32,
    /// The adversary's random stream.
    pub random: &'a mut Stream,
}

/// What an adversary does with what its node sends.
pub trait Tactic<M>: Send {
    /// Takes one outgoing message and emits none, it, or others, to anybody, in order.
    fn act(&mut self, parcel: Parcel<M>, scene: &mut Scene<'_>, emit: &mut Vec<Parcel<M>>);
}

/// A node that is honest or has a tactic.
pub struct Player<N: Node> {
    node: N,
    tactic: Option<Box<dyn Tactic<N::Message>>>,
}

impl<N: Node> Player<N> {
    /// A node as it is.
    pub const fn honest(node: N) -> Self {
        Self { node, tactic: None }
    }

    /// A node whose messages pass through a tactic.
    pub fn with(node: N, tactic: impl Tactic<N::Message> + 'static) -> Self {
        Self { node, tactic: Some(Box::new(tactic)) }
    }

    /// Whether it has no tactic.
    pub const fn is_honest(&self) -> bool {
        self.tactic.is_none()
    }

    /// The node inside.
    pub const fn node(&self) -> &N {
        &self.node
    }

    /// The node inside.
    pub const fn node_mut(&mut self) -> &mut N {
        &mut self.node
    }

    fn play(
        &mut self,
        cx: &mut Context<'_, N::Message>,
        call: impl FnOnce(&mut N, &mut Context<'_, N::Message>),
    ) {
        let Some(tactic) = &mut self.tactic else { return call(&mut self.node, cx) };
        let mut emitted = Vec::new();
        for command in cx.capture(|cx| call(&mut self.node, cx)) {
            let Command::Send(parcel) = command else {
                cx.command(command);
                continue;
            };
            let (now, me, nodes) = (cx.now(), cx.me(), cx.nodes());
            let mut scene = Scene { now, me, nodes, random: cx.random() };
            tactic.act(parcel, &mut scene, &mut emitted);
            emitted.drain(..).for_each(|parcel| cx.command(Command::Send(parcel)));
        }
    }
}

impl<N: Node + fmt::Debug> fmt::Debug for Player<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Player").field("node", &self.node).finish_non_exhaustive()
    }
}

impl<N: Node> Node for Player<N> {
    type Message = N::Message;

    fn start(&mut self, cx: &mut Context<'_, Self::Message>) {
        self.play(cx, N::start);
    }

    fn message(&mut self, cx: &mut Context<'_, Self::Message>, from: Address, message: Self::Message) {
        self.play(cx, |node, cx| node.message(cx, from, message));
    }

    fn timer(&mut self, cx: &mut Context<'_, Self::Message>, id: u64) {
        self.play(cx, |node, cx| node.timer(cx, id));
    }

    fn done(&mut self, cx: &mut Context<'_, Self::Message>, id: u64) {
        self.play(cx, |node, cx| node.done(cx, id));
    }

    fn restart(&mut self, cx: &mut Context<'_, Self::Message>) {
        self.play(cx, N::restart);
    }
}
