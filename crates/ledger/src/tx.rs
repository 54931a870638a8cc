//! Transactions: what somebody wants the ledger to do, signed.
//!
//! The signature is over the BLAKE3 digest of the transaction's canonical bytes, under a domain and the chain's id. The
//! digest also names the transaction: it is accepted once, and only while `now ≤ expires ≤ now + lifetime`, so the state
//! need remember digests only until they expire.

use crate::contest::ContestAction;
use crate::deal::SignedDelivery;
use crate::govern::{Choice, Motion, ProposalId};
use crate::pending::TurnId;
use bitneuron_consensus::{Block, Evidence, Header, SignedProposal, SignedVote};
use bitneuron_core::claim::{CheckClaim, Claim};
use bitneuron_core::exact::DataRoot;
use bitneuron_core::goal::Goal;
use bitneuron_core::merkle::{Inclusion, Tree};
use bitneuron_core::{
    Amount, Bytes, ChainId, Digest, GoalId, Height, Keypair, NodeId, Signature, Wire, decode, encode, sign,
};
use bitneuron_market::{DataMarket, DealId, Order, OrderId};
use serde::{Deserialize, Serialize};

const DOMAIN: &str = "bitneuron transaction v1";

/// A transaction.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tx {
    /// Who wants it and pays the fee.
    pub by: NodeId,
    /// The last height at which it may be in a block.
    pub expires: Height,
    /// Anything; tells apart transactions that are otherwise equal.
    pub salt: u64,
    /// What it gives whoever builds the block, for each gas; beside the fee. Usually nothing, more when there is no room for all.
    pub tip: Amount,
    /// What.
    pub action: Action,
}

impl Wire for Tx {
    const LIMIT: usize = SignedTx::LIMIT;
}

/// What a transaction does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[expect(clippy::large_enum_variant, reason = "refutations are rare")]
pub enum Action {
    /// Pays.
    Transfer {
        /// Whom.
        to: NodeId,
        /// How much.
        amount: Amount,
    },
    /// Moves free tokens to stake.
    Bond(Amount),
    /// Begins to move stake to free tokens.
    Unbond(Amount),
    /// Adds a goal to the registry, for a price.
    RegisterGoal(Goal),
    /// Says on which data the author's turns will step.
    RegisterData {
        /// The goal they serve.
        goal: GoalId,
        /// Their commitments.
        root: DataRoot,
    },
    /// Places an order.
    Place(Order<DataMarket>),
    /// Cancels an order.
    Cancel(OrderId),
    /// The buyer confirms that it holds what it bought.
    Receipt {
        /// The deal.
        deal: DealId,
    },
    /// The seller posts what it sold, when the buyer is silent.
    Post {
        /// The deal.
        deal: DealId,
        /// The packet.
        packet: Bytes,
        /// The integers of the model that it is a difference from, if it is one.
        base: Option<Bytes>,
    },
    /// An author commits to a turn before it can know how the turn will be scored.
    CommitTurn {
        /// The goal.
        goal: GoalId,
        /// [`bitneuron_core::claim::Turn::commitment`].
        commitment: Digest,
    },
    /// A step in the contest of a goal.
    Contest {
        /// The goal.
        goal: GoalId,
        /// The step.
        step: ContestAction,
    },
    /// A claim that must hold: a score of a sold model, or a turn.
    Claim(Claim),
    /// Brings the answer to the audit of a pending turn.
    Answer {
        /// The turn.
        turn: TurnId,
        /// The answer, in the proof system's encoding.
        answer: Bytes,
    },
    /// Says that a pending turn is false: the first move of a dispute, with a bond.
    Challenge {
        /// The turn.
        turn: TurnId,
        /// The move, in the proof system's encoding.
        step: Bytes,
    },
    /// The move of whoever is asked in a dispute.
    Move {
        /// The turn.
        turn: TurnId,
        /// The move, in the proof system's encoding.
        step: Bytes,
    },
    /// Something signed that must not hold.
    Refute(Refutation),
    /// Two votes or proposals that contradict each other.
    Accuse(Evidence),
    /// Proposes something to all who hold tokens, for a deposit.
    Propose(Motion),
    /// Votes on a proposal, or otherwise than before.
    Vote {
        /// The proposal.
        proposal: ProposalId,
        /// What is said to it.
        choice: Choice,
    },
    /// A validator calls for a pause of trade.
    CallPause,
    /// Brings precommits for the block of one of the last heights, whoever signed them.
    Attend {
        /// The height.
        height: Height,
        /// The round in which they were given.
        round: u32,
        /// Who signed, by ascending name, with the signatures.
        votes: Vec<(NodeId, Signature)>,
    },
}

/// Something signed that is false.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Refutation {
    /// A claim that its author signed.
    Claim(Claim),
    /// A delivery of something else than was sold.
    Delivery(SignedDelivery),
    /// The packet of an offer that was matched, which does not hold the offered model.
    Packet {
        /// The deal.
        deal: DealId,
        /// The packet, with the digest that was offered.
        packet: Bytes,
        /// The integers of the model that it is a difference from, if it is one.
        base: Option<Bytes>,
    },
    /// A proposal of a block that holds a false claim.
    Proposed {
        /// The proposal.
        proposal: SignedProposal,
        /// Where the false claim is.
        content: Content,
    },
    /// A precommit for a block that holds a false claim.
    Precommitted {
        /// The vote.
        vote: SignedVote,
        /// Where the false claim is.
        content: Content,
    },
}

/// A transaction shown to be in a block.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Content {
    /// The block's header, which has the name that was voted on.
    pub header: Header,
    /// The transaction's bytes.
    pub transaction: Bytes,
    /// Its way to [`Header::transactions`].
    pub inclusion: Inclusion,
}

impl Content {
    /// The transaction at this place of a block; `None` beyond its end.
    pub fn of(block: &Block, at: usize) -> Option<Self> {
        let inclusion = Tree::over(&block.transactions).prove(at)?;
        let transaction = block.transactions.get(at)?.clone();
        Some(Self { header: block.header.clone(), transaction, inclusion })
    }

    /// The claim in the block `id` of `chain`; `None` when this does not show one.
    pub fn claim(&self, id: Digest, chain: ChainId) -> Option<Claim> {
        let leaf = bitneuron_core::merkle::leaf(&self.transaction);
        let shown = self.header.id() == id
            && self.header.chain == chain
            && self.inclusion.verify(self.header.transactions, leaf);
        let signed: SignedTx = decode(&self.transaction).ok().filter(|_| shown)?;
        match signed.tx.action {
            Action::Claim(claim) => Some(claim),
            _ => None,
        }
    }
}

impl Tx {
    /// The name of the transaction, which is also what is signed.
    pub fn digest(&self) -> Digest {
        Digest::of("bitneuron transaction id v1", &encode(self))
    }

    /// Signs; `by` must be the key's name, else nobody accepts the transaction.
    pub fn sign(self, key: &Keypair, chain: ChainId) -> SignedTx {
        let signature = key.sign(DOMAIN, chain, &self.digest().0);
        SignedTx { tx: self, signature }
    }
}

/// A transaction with its signature.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignedTx {
    /// The transaction.
    pub tx: Tx,
    /// The signature of [`Tx::by`].
    pub signature: Signature,
}

impl Wire for SignedTx {
    const LIMIT: usize = 8 << 20;
}

impl SignedTx {
    /// The name of the transaction.
    pub fn digest(&self) -> Digest {
        self.tx.digest()
    }

    /// The name of the transaction with these bytes; [`Digest::ZERO`], which names none, when they are no transaction.
    pub fn digest_of(bytes: &[u8]) -> Digest {
        decode::<Self>(bytes).map_or(Digest::ZERO, |signed| signed.digest())
    }

    /// Whether the author really signed this, for this chain.
    pub fn is_signed(&self, chain: ChainId) -> bool {
        sign::verify(self.tx.by, DOMAIN, chain, &self.digest().0, &self.signature)
    }

    /// [`SignedTx::is_signed`] for a known digest, asked of a judge.
    pub(crate) fn is_signed_before(&self, digest: Digest, chain: ChainId, judge: &dyn CheckClaim) -> bool {
        judge.verify(self.tx.by, DOMAIN, chain, &digest.0, &self.signature)
    }
}

/// A transaction with what is found out about it once.
#[derive(Debug)]
pub(crate) struct Candidate<'a> {
    pub(crate) signed: &'a SignedTx,
    pub(crate) digest: Digest,
    /// The length of its bytes.
    pub(crate) size: usize,
    /// Whether its signature is known to be valid.
    pub(crate) verified: bool,
}

impl<'a> Candidate<'a> {
    pub(crate) fn of(signed: &'a SignedTx, size: usize) -> Self {
        Self { signed, digest: signed.digest(), size, verified: false }
    }

    /// Looks at the signatures of many at once. If one is not valid, each is looked at again where it stands.
    pub(crate) fn verify_all(all: &mut [Self], chain: ChainId, judge: &dyn CheckClaim) {
        let messages: Vec<Vec<u8>> =
            all.iter().map(|one| sign::message(DOMAIN, chain, &one.digest.0)).collect();
        let items: Vec<_> = all
            .iter()
            .zip(&messages)
            .map(|(one, message)| (one.signed.tx.by, message.as_slice(), one.signed.signature))
            .collect();
        if judge.verify_all(&items) {
            all.iter_mut().for_each(|one| one.verified = true);
        }
    }
}
