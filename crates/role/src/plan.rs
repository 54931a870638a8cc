//! The plan of a network: the genesis and all that every node derives from it before it starts.

use crate::light::Light;
use bitneuron_compress::{Limits, Registry};
use bitneuron_consensus::light::{Root, Trust};
use bitneuron_core::exact::{ExactData, ExactParams};
use bitneuron_core::goal::Goal;
use bitneuron_core::{ChainId, Height, Layout, NodeId};
use bitneuron_ledger::{Genesis, Refused, State};
use std::sync::Arc;
use std::time::Duration;

/// What a plan is made of.
#[derive(Debug)]
pub struct PlanStart {
    /// The genesis.
    pub genesis: Genesis,
    /// The goal that is learned, one of the genesis.
    pub goal: Goal,
    /// The first model θ₀, whose commitment is in the goal.
    pub initial: ExactParams,
    /// The rows of the goal's metric set.
    pub metric: Arc<ExactData>,
    /// The codecs admitted on chain.
    pub registry: Arc<Registry>,
    /// How many rounds users and validators play.
    pub rounds: u64,
    /// The least time between the beginnings of two heights.
    pub pace: Duration,
}

/// What every node of a network knows.
#[derive(Debug)]
pub struct Plan {
    /// The genesis.
    pub genesis: Genesis,
    /// Its hash.
    pub chain: ChainId,
    /// The goal that is learned.
    pub goal: Goal,
    /// The first model θ₀.
    pub initial: ExactParams,
    /// The rows of the metric set.
    pub metric: Arc<ExactData>,
    /// The codecs admitted on chain.
    pub registry: Arc<Registry>,
    /// The validators of the genesis, by name.
    pub validators: Vec<NodeId>,
    /// How many rounds are played.
    pub rounds: u64,
    /// The least time between the beginnings of two heights.
    pub pace: Duration,
    /// The state at genesis.
    pub state: Arc<State>,
    /// What a user's training of a round costs in virtual time.
    pub training_gas: u64,
    /// What scoring a model on the whole metric set costs.
    pub score_gas: u64,
    /// What playing or proving a turn costs.
    pub turn_gas: u64,
    layout: Arc<Layout>,
    root: Root,
}

impl Plan {
    /// How far the time of a header may be ahead of a node's own.
    pub const DRIFT: Duration = Duration::from_secs(2);

    /// Derives the plan.
    ///
    /// # Errors
    /// A genesis that is none.
    pub fn new(start: PlanStart) -> Result<Self, Refused> {
        let PlanStart { genesis, goal, initial, metric, registry, rounds, pace } = start;
        let state = State::genesis(&genesis)?;
        let voters = state.next_voters().ok_or(Refused::Genesis("nobody votes"))?;
        let programs = |program: Result<bitneuron_core::exact::Program, _>| {
            program.map_or(0, |program: bitneuron_core::exact::Program| program.gas())
        };
        let score_gas = programs(goal.metric_program());
        let turn_gas = programs(goal.turn_program(goal.max_inputs.min(10), goal.training.batch));
        Ok(Self {
            chain: genesis.chain(),
            validators: genesis.validators.iter().map(|(id, _)| *id).collect(),
            layout: goal.net.layout(),
            // Five epochs of a few rows, forward and back: about three times the metric set's forward pass.
            training_gas: score_gas.saturating_mul(3),
            score_gas,
            turn_gas,
            state: Arc::new(state),
            root: Root::genesis((*voters).clone()),
            genesis,
            goal,
            initial,
            metric,
            registry,
            rounds,
            pace,
        })
    }

    /// The layout of all models.
    pub fn layout(&self) -> &Arc<Layout> {
        &self.layout
    }

    /// What a packet of a model may hold.
    pub fn limits(&self) -> Limits {
        Limits::of(&self.layout)
    }

    /// The bytes of a model as `f32`, were every matrix whole.
    pub fn dense_bytes(&self) -> u64 {
        self.goal.net.dense_parameters().saturating_mul(4)
    }

    /// How many heights a round has: one of the parameters that no vote changes.
    pub const fn round_heights(&self) -> u64 {
        self.genesis.params.round
    }

    /// How far a height is in its round, from 0.
    pub fn phase(&self, height: Height) -> u64 {
        height.0.saturating_sub(1).checked_rem(self.round_heights()).unwrap_or(0)
    }

    /// The least time that a round takes.
    pub fn round_span(&self) -> Duration {
        self.pace.saturating_mul(u32::try_from(self.round_heights()).unwrap_or(u32::MAX))
    }

    /// What light clients trust: the chain's span of trust, which no vote changes, at the pace of its blocks.
    pub fn trust(&self) -> Trust {
        let (params, drift) = (&self.genesis.params, Self::DRIFT);
        let heights = u32::try_from(params.stake.trust).unwrap_or(u32::MAX);
        let period = self.pace.saturating_mul(heights);
        Trust { chain: self.chain, period, drift, reach: params.epoch }
    }

    /// A light client that begins with the genesis.
    pub fn light(&self) -> Light {
        Light::new(self.trust(), self.root.clone())
    }
}
