//! [`Malachite`]: the consensus engine over a foreign Tendermint core. No other module names that core.
//!
//! One height runs in rounds: the round's proposer sends a block, voters prevote it once it is judged valid,
//! precommit it once two thirds have prevoted it, and decide it once two thirds have precommitted it: three
//! one-way delays. The core (`arc-malachitebft`) holds exactly that state machine; around it stand, each in its
//! file, the translation of types ([`context`], [`translate`]), the answers to the core's effects ([`shell`]), what arrives from
//! peers ([`inbox`], [`bundles`]), votes that wait for others to be verified with ([`waiting`]), timers, messages that come too early, catching up, and what a peer may draw in answers.
//!
//! Validity comes from the judge only, and the vote waits for it while other messages flow. Heights are not paced
//! here, and the core is never given a target time, because it would then read the machine's clock.

mod bundles;
mod catchup;
mod context;
mod early;
mod inbox;
mod meter;
mod recovery;
mod said;
mod shell;
mod timers;
mod translate;
mod waiting;

use crate::{
    Block, ConsensusEngine, Effect, Electorate, Input, Record, Refused, SignedVote, Timeouts, TimerId,
};
use arc_malachitebft_core_consensus as core;
use arc_malachitebft_core_types as core_types;
use bitneuron_core::{ChainId, Digest, Height, Keypair, Machine, NodeId, Outbox, Time};
use context::{Address, Agreement, At, Candidate, Voters};
use core::{Input as CoreInput, LocallyProposedValue, Params, State};
use core_types::{Round, ThresholdParams, ValuePayload, VoteExtensionPolicy};
use said::Said;
use shell::{Known, Past, Shell};
use std::{convert::Infallible, fmt, sync::Arc};

/// How many heights back statements are still watched for contradictions.
const WATCHED: u64 = 16;

/// A validator's consensus engine; with a key outside the electorate it follows without voting.
///
/// It keeps its votes in memory only. A validator that lost its machine must not return under the same name unless its
/// [`Effect::Persist`] records were kept in a [log](crate::wal) and are told by [`Input::Recover`]: it could vote twice, and
/// honest nodes would prove it.
///
/// A refused input changes nothing, with one exception: should the core itself fail, the engine stops for good and
/// answers this and every later input with [`Refused::Stopped`], because nothing may be signed on a broken state.
pub struct Malachite {
    core: Option<State<Agreement>>,
    shell: Shell,
    /// What was recorded before a crash, until a height begins.
    records: Vec<Record>,
    stopped: Option<String>,
}

impl fmt::Debug for Malachite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Malachite")
            .field("id", &self.shell.key.id())
            .field("height", &self.shell.height)
            .field("round", &self.shell.round)
            .field("stopped", &self.stopped)
            .finish_non_exhaustive()
    }
}

impl Malachite {
    /// An engine that has begun no height.
    pub fn new(key: Keypair, chain: ChainId, timeouts: Timeouts) -> Self {
        Self { core: None, shell: Shell::new(key, chain, timeouts), records: Vec::new(), stopped: None }
    }

    /// The name under which it votes.
    pub fn id(&self) -> NodeId {
        self.shell.key.id()
    }

    /// Does what an input asks for, or refuses it before anything has changed.
    fn accept(&mut self, now: Time, input: Input) -> Result<(), Refused> {
        match input {
            Input::Recover { records } => return self.recover(&records),
            Input::Begin { height, electorate, parent } => {
                return self.begin(now, height, electorate, parent);
            }
            Input::Message { from, bytes } => self.shell.receive(now, from, &bytes),
            Input::Timer(id) => self.elapse(id),
            Input::Built { height, round, block } => self.built(height, round, block)?,
            Input::Judged { block, valid } => self.judged(block, valid),
            Input::Synced { block, certificate } => {
                self.shell.check_decision(&block, &certificate)?;
                if !self.shell.decided {
                    self.shell.follow(block, certificate);
                }
            }
            Input::Recalled { to, decisions } => self.shell.recalled(now, to, &decisions),
        }
        self.run();
        Ok(())
    }

    fn begin(
        &mut self,
        now: Time,
        height: Height,
        electorate: Arc<Electorate>,
        parent: Digest,
    ) -> Result<(), Refused> {
        if height <= self.shell.height {
            return Err(Refused::Height { found: height, expected: self.shell.height.next() });
        }
        // The last third of precommits, for the height that they are of.
        self.shell.settle_all();
        self.run();
        let shell = &mut self.shell;
        if let Some(left) = shell.electorate.replace(Arc::clone(&electorate)) {
            if left.epoch() != electorate.epoch() {
                shell.keys.retain(|id| electorate.position(id).is_some());
            }
            shell.past.insert(shell.height, Past { electorate: left, round: shell.round });
        }
        let floor = Height(height.0.saturating_sub(WATCHED));
        shell.past = shell.past.split_off(&floor);
        shell.pool.forget_below(floor);
        shell.met.clear();
        shell.blocks.clear();
        shell.missing.clear();
        (shell.height, shell.parent, shell.round) = (height, parent, 0);
        (shell.decided, shell.certified) = (false, None);
        shell.said = Said::default();

        let voters = Voters::new(electorate);
        let id = shell.key.id();
        self.core.get_or_insert_with(|| fresh_core(id, height, voters.clone()));
        let policy = VoteExtensionPolicy::Disabled;
        shell.queue.push_back(CoreInput::StartHeight(At(height), voters, false, None, policy));
        self.run();
        self.replay();
        let shell = &mut self.shell;
        let whom = shell.lag.began(now, height);
        shell.ask(whom);
        if let Some((from, bytes)) = shell.lag.take(height) {
            shell.receive(now, from, &bytes);
            self.run();
        }
        for (from, bytes) in self.shell.early.take(height) {
            self.shell.receive(now, from, &bytes);
            self.run();
        }
        Ok(())
    }

    fn elapse(&mut self, id: TimerId) {
        self.shell.settle_all();
        if let Some(wait) = self.shell.timers.elapsed(id) {
            self.shell.queue.push_back(CoreInput::TimeoutElapsed(translate::timeout_of(wait)));
        }
    }

    fn built(&mut self, height: Height, round: u32, block: Arc<Block>) -> Result<(), Refused> {
        let shell = &mut self.shell;
        if height != shell.height || round != shell.round || shell.decided {
            return Ok(());
        }
        let id = block.id();
        if !shell.belongs(&block.header) || block.header.proposer != shell.key.id() {
            return Err(Refused::Misplaced(id));
        }
        if !block.is_consistent() {
            return Err(Refused::Unbound(id));
        }
        let value = Candidate { id, block: Arc::clone(&block) };
        shell.blocks.entry(id).or_insert(Known::judged(block, round, true));
        let value = LocallyProposedValue::new(At(height), Round::new(round), value);
        shell.queue.push_back(CoreInput::Propose(value));
        Ok(())
    }

    fn judged(&mut self, id: Digest, valid: bool) {
        let shell = &mut self.shell;
        if !valid {
            // Precommits for it are held against their voters below.
            shell.settle_all();
        }
        let Some(known) = shell.blocks.get_mut(&id) else { return };
        if known.verdict.is_some() {
            return;
        }
        known.verdict = Some(valid);
        if !valid {
            for signed in known.offers.clone() {
                shell.offence(signed.proposal.by, Refused::InvalidBlock(Box::new(signed)));
            }
            let precommits: Vec<_> = shell.pool.precommits(shell.height, id).copied().collect();
            precommits.into_iter().for_each(|signed| shell.precommitted(signed));
        }
        if !shell.decided {
            shell.feed_verdict(id);
        }
    }

    /// Feeds the core until nothing is queued.
    fn run(&mut self) {
        let Some(state) = self.core.as_mut() else { return };
        let shell = &mut self.shell;
        while let Some(input) = shell.queue.pop_front() {
            let fed: Result<(), core::Error<Agreement>> = core::process!(input: input, state: state, metrics: &(), with: ask => Ok::<_, Infallible>(shell.answer(ask)));
            match fed {
                // Without the proof there is nothing to publish; the round passes to somebody else.
                Ok(()) | Err(core::Error::MissingPolkaCertificate(..)) => {}
                Err(error) => shell.broken = Some(error.to_string()),
            }
            if shell.broken.is_some() {
                shell.queue.clear();
            }
        }
    }
}

fn fresh_core(id: NodeId, height: Height, voters: Voters) -> State<Agreement> {
    let params = Params {
        address: Address(id),
        threshold_params: ThresholdParams::default(),
        // With proposals alone the core would take every block for valid.
        value_payload: ValuePayload::ProposalAndParts,
        enabled: true,
    };
    // Messages of later heights are kept here, not in the core: its queue stays empty.
    State::new(Agreement, At(height), voters, params, 1, 1)
}

impl Machine for Malachite {
    type Input = Input;
    type Effect = Effect;
    type Error = Refused;

    fn step(&mut self, now: Time, input: Input, out: &mut Outbox<Effect>) -> Result<(), Refused> {
        if let Some(why) = &self.stopped {
            return Err(Refused::Stopped(why.clone()));
        }
        self.accept(now, input)?;
        if let Some(why) = self.shell.broken.take() {
            // A vote on a broken state must not leave. The engine is of no more use.
            self.shell.effects.clear();
            self.stopped = Some(why.clone());
            return Err(Refused::Stopped(why));
        }
        out.extend(self.shell.effects.drain(..));
        Ok(())
    }
}

impl ConsensusEngine for Malachite {
    fn height(&self) -> Height {
        self.shell.height
    }

    fn precommits(&self, height: Height, block: Digest) -> Vec<SignedVote> {
        self.shell.pool.precommits(height, block).copied().collect()
    }
}
