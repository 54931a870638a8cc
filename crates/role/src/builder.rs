//! The builder: an own node from own parts.
//!
//! A network is assembled from six traits. Five are slots here, and each has a default, so an integrator names only the
//! parts that differ; prices and conduct stand beside them.
//!
//! | trait | slot | who uses it | default |
//! |---|---|---|---|
//! | `Merge` (in integers: [`ExactRule`]) | [`merge`](NodeBuilder::merge) | validators, line 7 of Algorithm 3 | what the goal says ([`rule_of`]) |
//! | [`Update`] | [`update`](NodeBuilder::update) | users, line 4 of Algorithm 2 | [`Sgd`] that cools down over the plan's rounds |
//! | [`Compressor`] | [`compressor`](NodeBuilder::compressor) | users, line 7 of Algorithm 2 | [`Uniform`], eight bits |
//! | [`Prover`] and its verifier | [`proofs`](NodeBuilder::proofs), or [`provers`](NodeBuilder::provers) and [`check`](NodeBuilder::check) | all | [`Replay`] over the library |
//! | [`ConsensusEngine`] | [`engine`](NodeBuilder::engine) | validators | [`Malachite`] |
//! | `Orderbook` | none: see below | the ledger | `PriceTime` |
//!
//! *The order book is no choice of a node.* Its matches move money, so all validators must compute the same ones; it is
//! part of the agreed state, and the ledger runs the market's `PriceTime`. Another book is another ledger.
//!
//! For the same reason three slots are bound by the plan. The merge rule must be the program of the goal, and so must the
//! proofs that the judge accepts: a validator that differs from the others votes alone. A compressor must be in the plan's
//! registry: what the others cannot open they do not pay for. Update, conduct, prices and the engine are a node's own
//! business, as long as the engine speaks the others' messages.
//!
//! ```
//! use bitneuron_compress::Dense;
//! use bitneuron_core::{Amount, Dataset, Keypair, Seed, exact::ExactData};
//! use bitneuron_role::{NodeBuilder, Plan, User, Validator};
//! use bitneuron_zk::Library;
//! use std::sync::Arc;
//!
//! /// A validator with every default, and a user that sells dense models at a price of its own.
//! fn assemble(
//!     plan: Arc<Plan>,
//!     library: Arc<Library>,
//!     (voter, shard): (Keypair, Arc<ExactData>),
//!     (seller, rows): (Keypair, Arc<Dataset>),
//! ) -> Result<(Validator, User), Box<dyn std::error::Error>> {
//!     let node = NodeBuilder::new(plan, library)?;
//!     let validator = node.validator(voter, shard);
//!     let dear = node.compressor(Arc::new(Dense)).ask(Amount::tokens(11));
//!     Ok((validator, dear.user(seller, rows, Seed::from_number(1))?))
//! }
//! ```

use crate::conduct::{Conduct, Honest};
use crate::plan::Plan;
use crate::proofs::{Heads, Proofs};
use crate::user::{User, UserStart};
use crate::validator::{Validator, ValidatorStart};
use bitneuron_compress::{CompressError, Compressor, Uniform};
use bitneuron_consensus::{ConsensusEngine, Malachite, Timeouts};
use bitneuron_core::claim::{CheckClaim, Score, Turn};
use bitneuron_core::exact::ExactData;
use bitneuron_core::{Amount, ChainId, Dataset, Keypair, Seed};
use bitneuron_learning::exact::{ExactRule, rule_of};
use bitneuron_learning::model::Mlp;
use bitneuron_learning::optim::{Annealed, Sgd};
use bitneuron_learning::select::{Select, Selective};
use bitneuron_learning::{ModelError, Update};
use bitneuron_zk::{Library, Prover, Registry, Replay};
use std::{fmt, sync::Arc};

/// Makes a validator's engine from its key and the chain.
pub type EngineFor = dyn Fn(Keypair, ChainId) -> Box<dyn ConsensusEngine> + Send + Sync;
/// Makes a user's update.
pub type UpdateFor = dyn Fn() -> Box<dyn Update> + Send + Sync;

/// Assembles validators and users of one plan. A clone shares all parts; every call makes an independent node.
#[derive(Clone)]
pub struct NodeBuilder {
    plan: Arc<Plan>,
    model: Arc<Mlp>,
    merge: Arc<dyn ExactRule>,
    update: Arc<UpdateFor>,
    compressor: Arc<dyn Compressor>,
    differences: bool,
    engine: Arc<EngineFor>,
    proofs: Proofs,
    conduct: Arc<dyn Conduct>,
    ask: Amount,
    bid: Amount,
    quantity: u32,
    aside: usize,
}

impl fmt::Debug for NodeBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NodeBuilder")
            .field("chain", &self.plan.chain)
            .field("codec", &self.compressor.codec())
            .field("differences", &self.differences)
            .field("ask", &self.ask)
            .field("bid", &self.bid)
            .field("quantity", &self.quantity)
            .finish_non_exhaustive()
    }
}

impl NodeBuilder {
    /// What a user asks for a model unless told otherwise.
    pub const ASK: Amount = Amount(10 * Amount::TOKEN.0);
    /// What a validator bids for a model unless told otherwise.
    pub const BID: Amount = Amount(12 * Amount::TOKEN.0);

    /// All defaults; proofs are replays over `library`, which holds the public data of the genesis.
    ///
    /// # Errors
    /// The goal's model has no form in `f32`.
    pub fn new(plan: Arc<Plan>, library: Arc<Library>) -> Result<Self, ModelError> {
        Self::replaying(plan, &Replay::new(library))
    }

    /// All defaults; proofs are replays that share the library and the cache of `replay`.
    ///
    /// # Errors
    /// The goal's model has no form in `f32`.
    pub fn replaying(plan: Arc<Plan>, replay: &Replay) -> Result<Self, ModelError> {
        let model = Arc::new(Mlp::try_from(&plan.goal.net)?);
        let (sgd, rounds) = (Self::sgd(&plan, &model), plan.rounds);
        let update = move || -> Box<dyn Update> {
            Box::new(Annealed::new(sgd.clone().with_epochs(Self::EPOCHS), rounds, 0.1))
        };
        let proofs = Proofs {
            turns: Arc::new(replay.clone()),
            scores: Arc::new(replay.clone()),
            answers: None,
            heads: Heads::default(),
            check: Arc::new(Registry::replaying(replay)),
        };
        Ok(Self {
            model,
            merge: rule_of(plan.goal.merge),
            update: Arc::new(update),
            compressor: Arc::new(Uniform::default()),
            differences: false,
            engine: Arc::new(|key, chain| Box::new(Malachite::new(key, chain, Timeouts::default()))),
            proofs,
            conduct: Arc::new(Honest),
            ask: Self::ASK,
            bid: Self::BID,
            quantity: 1,
            aside: 0,
            plan,
        })
    }

    /// How often a user goes through its rows in a round, unless told otherwise.
    const EPOCHS: u32 = 5;

    fn sgd(plan: &Plan, model: &Arc<Mlp>) -> Sgd {
        // Where an entry is a product of cores the same step moves it farther.
        let rate = if plan.goal.net.is_factorised() { 0.02 } else { 0.04 };
        Sgd::new(model.clone(), rate, 2).with_momentum(0.9)
    }

    /// The plan that all nodes share.
    pub const fn plan(&self) -> &Arc<Plan> {
        &self.plan
    }

    /// The goal's model in `f32`, for an own [`update`](NodeBuilder::update).
    pub const fn model(&self) -> &Arc<Mlp> {
        &self.model
    }

    /// How validators merge: the program of the goal, by whatever implementation.
    #[must_use]
    pub fn merge(self, merge: Arc<dyn ExactRule>) -> Self {
        Self { merge, ..self }
    }

    /// How users train: called once for each user, since an update may remember.
    #[must_use]
    pub fn update(self, update: impl Fn() -> Box<dyn Update> + Send + Sync + 'static) -> Self {
        Self { update: Arc::new(update), ..self }
    }

    /// Users train as by default, in each epoch on the rows that these rules choose.
    #[must_use]
    pub fn select(self, select: Arc<dyn Select>) -> Self {
        let (sgd, model) = (Self::sgd(&self.plan, &self.model), self.model.clone());
        let epochs = self.plan.rounds.saturating_mul(Self::EPOCHS.into());
        self.update(move || {
            let (model, select) = (model.clone(), select.clone());
            let update = Annealed::new(sgd.clone(), epochs, 0.1);
            Box::new(Selective { model, update, select, epochs: Self::EPOCHS })
        })
    }

    /// How users compress what they sell: a codec of the plan's registry.
    #[must_use]
    pub fn compressor(self, compressor: Arc<dyn Compressor>) -> Self {
        Self { compressor, differences: false, ..self }
    }

    /// Users sell what training changed in the head that they were lent, through this codec of the plan's registry. It may leave
    /// much out: that is owed and comes with what is sold next.
    #[must_use]
    pub fn differences(self, compressor: Arc<dyn Compressor>) -> Self {
        Self { compressor, differences: true, ..self }
    }

    /// How validators vote: called once for each validator.
    #[must_use]
    pub fn engine(
        self,
        engine: impl Fn(Keypair, ChainId) -> Box<dyn ConsensusEngine> + Send + Sync + 'static,
    ) -> Self {
        Self { engine: Arc::new(engine), ..self }
    }

    /// How validators prove their turns and users their scores. The judges of the network must know the verifiers: see
    /// [`check`](NodeBuilder::check).
    #[must_use]
    pub fn provers(self, turns: Arc<dyn Prover<Turn>>, scores: Arc<dyn Prover<Score>>) -> Self {
        Self { proofs: Proofs { turns, scores, ..self.proofs }, ..self }
    }

    /// How turns and scores are proved and judged: a whole proof system ([`ProofSystem`](crate::ProofSystem)).
    #[must_use]
    pub fn proofs(self, proofs: Proofs) -> Self {
        Self { proofs, ..self }
    }

    /// How validators judge claims, the same at all of them.
    #[must_use]
    pub fn check(self, check: Arc<dyn CheckClaim>) -> Self {
        Self { proofs: Proofs { check, ..self.proofs }, ..self }
    }

    /// How users treat their buyers, and validators their sellers.
    #[must_use]
    pub fn conduct(self, conduct: Arc<dyn Conduct>) -> Self {
        Self { conduct, ..self }
    }

    /// What users ask for a model.
    #[must_use]
    pub const fn ask(mut self, price: Amount) -> Self {
        self.ask = price;
        self
    }

    /// What validators bid for a model, and for how many in a round.
    #[must_use]
    pub const fn bid(mut self, price: Amount, quantity: u32) -> Self {
        (self.bid, self.quantity) = (price, quantity);
        self
    }

    /// How many of their last rows users made from now on set aside to test candidates: they become public when a contest calls
    /// them.
    #[must_use]
    pub fn set_aside(self, rows: usize) -> Self {
        Self { aside: rows, ..self }
    }

    /// A validator at genesis, with its public data as registered there.
    pub fn validator(&self, key: Keypair, shard: Arc<ExactData>) -> Validator {
        Validator::new(ValidatorStart {
            engine: (self.engine)(key.clone(), self.plan.chain),
            key,
            plan: self.plan.clone(),
            check: self.proofs.check.clone(),
            prover: self.proofs.turns.clone(),
            answers: self.proofs.answers.clone(),
            heads: self.proofs.heads.clone(),
            merge: self.merge.clone(),
            conduct: self.conduct.clone(),
            data: shard,
            price: self.bid,
            quantity: self.quantity,
        })
    }

    /// A user before its first round, with data that never leave it; all its randomness comes from `seed`.
    ///
    /// # Errors
    /// The compressor declares that it loses too much of a model.
    pub fn user(&self, key: Keypair, data: Arc<Dataset>, seed: Seed) -> Result<User, CompressError> {
        User::new(UserStart {
            key,
            plan: self.plan.clone(),
            data,
            update: (self.update)(),
            compressor: self.compressor.clone(),
            differences: self.differences,
            prover: self.proofs.scores.clone(),
            heads: self.proofs.heads.clone(),
            conduct: self.conduct.clone(),
            ask: self.ask,
            aside: self.aside,
            seed,
        })
    }
}
