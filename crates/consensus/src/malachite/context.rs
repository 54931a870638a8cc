//! The words of the voting core, spelled with ours.
//!
//! Every type of this file is a thin wrapper that exists because the core's traits cannot be implemented for types
//! of another crate. What the core calls a *value* is a block; an *address* is a node's name; votes carry no
//! extension. The seed of the proposer lottery travels inside the voter set, because the core asks for a proposer
//! with (set, height, round) only.

use crate::{
    Block, Electorate,
    vote::{self, Stage},
};
use arc_malachitebft_core_types as core_types;
use bitneuron_core::{Digest, Height, Keypair, NodeId, Signature};
use core_types::{NilOrVal, Round, SignedExtension, VoteType};
use std::{cmp::Ordering, fmt, sync::Arc};

/// The bundle of types that the core is generic over.
#[derive(Debug, Clone, Copy)]
pub(super) struct Agreement;

/// A node's name as the core's address.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Address(pub(super) NodeId);

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl core_types::Address for Address {}

/// A height as the core's height.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct At(pub(super) Height);

impl fmt::Display for At {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl core_types::Height for At {
    const ZERO: Self = Self(Height(0));
    const INITIAL: Self = Self(Height(1));

    fn increment_by(&self, n: u64) -> Self {
        Self(Height(self.0.0.saturating_add(n)))
    }

    fn decrement_by(&self, n: u64) -> Option<Self> {
        self.0.0.checked_sub(n).map(|height| Self(Height(height)))
    }

    fn as_u64(&self) -> u64 {
        self.0.0
    }
}

/// A block with its id, computed once; cloned often and cheaply.
#[derive(Clone)]
pub(super) struct Candidate {
    pub(super) id: Digest,
    pub(super) block: Arc<Block>,
}

impl fmt::Debug for Candidate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Candidate({:?})", self.id)
    }
}

impl PartialEq for Candidate {
    fn eq(&self, other: &Self) -> bool {
        self.id == other.id
    }
}

impl Eq for Candidate {}

impl PartialOrd for Candidate {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Candidate {
    fn cmp(&self, other: &Self) -> Ordering {
        self.id.cmp(&other.id)
    }
}

impl core_types::Value for Candidate {
    type Id = Digest;

    fn id(&self) -> Digest {
        self.id
    }
}

/// Blocks travel whole, so there are no parts; the core wants the type nevertheless.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct NoParts;

impl core_types::ProposalPart<Agreement> for NoParts {
    fn is_first(&self) -> bool {
        true
    }

    fn is_last(&self) -> bool {
        true
    }
}

/// A proposal with the block itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Offer {
    pub(super) height: At,
    pub(super) round: Round,
    pub(super) proof_round: Round,
    pub(super) value: Candidate,
    pub(super) by: Address,
}

impl core_types::Proposal<Agreement> for Offer {
    fn height(&self) -> At {
        self.height
    }

    fn round(&self) -> Round {
        self.round
    }

    fn value(&self) -> &Candidate {
        &self.value
    }

    fn take_value(self) -> Candidate {
        self.value
    }

    fn pol_round(&self) -> Round {
        self.proof_round
    }

    fn validator_address(&self) -> &Address {
        &self.by
    }
}

impl Offer {
    /// The core's form of a proposal of ours.
    pub(super) fn new(proposal: &vote::Proposal, block: Arc<Block>) -> Self {
        Self {
            height: At(proposal.height),
            round: Round::new(proposal.round),
            proof_round: Round::from(proposal.proof_round),
            value: Candidate { id: proposal.block, block },
            by: Address(proposal.by),
        }
    }

    /// Our form, which is what is signed.
    pub(super) fn statement(&self) -> vote::Proposal {
        vote::Proposal {
            height: self.height.0,
            round: number(self.round),
            proof_round: self.proof_round.as_u32(),
            block: self.value.id,
            by: self.by.0,
        }
    }
}

/// A vote; the core never sees its extension because there is none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Ballot {
    pub(super) stage: VoteType,
    pub(super) height: At,
    pub(super) round: Round,
    pub(super) value: NilOrVal<Digest>,
    pub(super) by: Address,
}

impl core_types::Vote<Agreement> for Ballot {
    fn height(&self) -> At {
        self.height
    }

    fn round(&self) -> Round {
        self.round
    }

    fn value(&self) -> &NilOrVal<Digest> {
        &self.value
    }

    fn take_value(self) -> NilOrVal<Digest> {
        self.value
    }

    fn vote_type(&self) -> VoteType {
        self.stage
    }

    fn validator_address(&self) -> &Address {
        &self.by
    }

    fn extension(&self) -> Option<&SignedExtension<Agreement>> {
        None
    }

    fn take_extension(&mut self) -> Option<SignedExtension<Agreement>> {
        None
    }

    fn extend(self, _: SignedExtension<Agreement>) -> Self {
        self
    }
}

impl Ballot {
    /// The core's form of a vote of ours.
    pub(super) fn new(vote: &vote::Vote) -> Self {
        Self {
            stage: match vote.stage {
                Stage::Prevote => VoteType::Prevote,
                Stage::Precommit => VoteType::Precommit,
            },
            height: At(vote.height),
            round: Round::new(vote.round),
            value: vote.block.map_or(NilOrVal::Nil, NilOrVal::Val),
            by: Address(vote.by),
        }
    }

    /// Our form, which is what is signed.
    pub(super) fn statement(&self) -> vote::Vote {
        vote::Vote {
            height: self.height.0,
            round: number(self.round),
            stage: match self.stage {
                VoteType::Prevote => Stage::Prevote,
                VoteType::Precommit => Stage::Precommit,
            },
            block: match self.value {
                NilOrVal::Nil => None,
                NilOrVal::Val(id) => Some(id),
            },
            by: self.by.0,
        }
    }
}

/// The round as a number. The core signs and certifies in defined rounds only.
pub(super) fn number(round: Round) -> u32 {
    round.as_u32().unwrap_or(0)
}

/// A voter with the parts that the core wants to borrow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Voter {
    address: Address,
    weight: u64,
}

impl core_types::Validator<Agreement> for Voter {
    fn address(&self) -> &Address {
        &self.address
    }

    fn public_key(&self) -> &NodeId {
        &self.address.0
    }

    fn voting_power(&self) -> u64 {
        self.weight
    }
}

/// An electorate as the core's set of voters, in the same order.
#[derive(Debug, Clone)]
pub(super) struct Voters {
    electorate: Arc<Electorate>,
    voters: Arc<[Voter]>,
}

impl Voters {
    pub(super) fn new(electorate: Arc<Electorate>) -> Self {
        let voter = |member: &crate::Member| Voter { address: Address(member.id), weight: member.weight.0 };
        let voters = electorate.members().iter().map(voter).collect();
        Self { electorate, voters }
    }
}

impl PartialEq for Voters {
    fn eq(&self, other: &Self) -> bool {
        self.electorate == other.electorate
    }
}

impl Eq for Voters {}

impl core_types::ValidatorSet<Agreement> for Voters {
    fn count(&self) -> usize {
        self.voters.len()
    }

    fn total_voting_power(&self) -> u64 {
        self.electorate.total().0
    }

    fn get_by_address(&self, address: &Address) -> Option<&Voter> {
        self.electorate.position(address.0).and_then(|at| self.voters.get(at))
    }

    fn get_by_index(&self, index: usize) -> Option<&Voter> {
        self.voters.get(index)
    }
}

/// Our signatures and keys, as the core's scheme. Signing itself is an effect that the shell answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Ed25519;

impl core_types::SigningScheme for Ed25519 {
    type DecodingError = std::array::TryFromSliceError;
    type Signature = Signature;
    type PublicKey = NodeId;
    type PrivateKey = Keypair;

    fn decode_signature(bytes: &[u8]) -> Result<Signature, Self::DecodingError> {
        bytes.try_into().map(Signature::from_bytes)
    }

    fn encode_signature(signature: &Signature) -> Vec<u8> {
        signature.to_bytes().to_vec()
    }

    fn decode_public_key(bytes: &[u8]) -> Result<NodeId, Self::DecodingError> {
        bytes.try_into().map(NodeId)
    }

    fn encode_public_key(key: &NodeId) -> Vec<u8> {
        key.0.to_vec()
    }
}

impl core_types::Context for Agreement {
    type Address = Address;
    type Height = At;
    type ProposalPart = NoParts;
    type Proposal = Offer;
    type Validator = Voter;
    type ValidatorSet = Voters;
    type Timeouts = core_types::LinearTimeouts;
    type Value = Candidate;
    type Vote = Ballot;
    type Extension = ();
    type SigningScheme = Ed25519;

    fn select_proposer<'a>(&self, set: &'a Voters, height: At, round: Round) -> &'a Voter {
        let id = set.electorate.proposer(height.0, number(round));
        let at = set.electorate.position(id).unwrap_or(0);
        // An electorate has members, and the drawn one is among them.
        &set.voters[at]
    }

    fn new_proposal(
        &self,
        height: At,
        round: Round,
        value: Candidate,
        proof_round: Round,
        by: Address,
    ) -> Offer {
        Offer { height, round, proof_round, value, by }
    }

    fn new_prevote(&self, height: At, round: Round, value: NilOrVal<Digest>, by: Address) -> Ballot {
        Ballot { stage: VoteType::Prevote, height, round, value, by }
    }

    fn new_precommit(&self, height: At, round: Round, value: NilOrVal<Digest>, by: Address) -> Ballot {
        Ballot { stage: VoteType::Precommit, height, round, value, by }
    }
}
