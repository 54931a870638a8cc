//! The light client: follows changing voters by few headers, and believes no liar.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

use bitneuron_consensus::light::{Client, Doubt, Effect, Fork, Input, LightBlock, Root, Trust};
use bitneuron_consensus::{Certificate, Electorate, Evidence, Header, Refused, Stage, Vote};
use bitneuron_core::{
    ChainId, Digest, Epoch, Height, Keypair, Machine, NodeId, Outbox, Seed, Time, Weight, decode, encode,
};
use std::time::Duration;

const CHAIN: ChainId = ChainId(Digest([1; 32]));
const EPOCH: u64 = 20;
const VOTERS: u64 = 32;
const PEER: NodeId = NodeId([9; 32]);
const SECOND: Duration = Duration::from_secs(1);

/// A chain in which `churn` of 32 voters are replaced in each epoch, a height a second.
struct Chain {
    churn: u64,
}

fn key(n: u64) -> Keypair {
    Keypair::from_seed(Seed::from_number(n))
}

fn at(height: u64) -> Time {
    Time(height * 1_000_000)
}

impl Chain {
    fn keys(&self, height: u64) -> Vec<Keypair> {
        let first = height / EPOCH * self.churn;
        (first..first + VOTERS).map(key).collect()
    }

    fn voters(&self, height: u64) -> Electorate {
        let members = self.keys(height).into_iter().map(|key| (key.id(), Weight(10)));
        Electorate::new(Epoch(height / EPOCH), members, Digest([(height / EPOCH) as u8; 32])).unwrap()
    }

    fn header(&self, height: u64) -> Header {
        let proposer = self.keys(height)[0].id();
        let draft = Header::draft(CHAIN, Height(height), Digest::ZERO, proposer, at(height));
        let [voters, next_voters] = [height, height + 1].map(|height| self.voters(height).digest());
        Header { voters, next_voters, ..draft }
    }

    fn block(&self, height: u64) -> LightBlock {
        certify(self.header(height), self.voters(height), 0, &self.keys(height)[..22])
    }

    fn client(&self, trust: Trust) -> Client {
        Client::new(trust, Root::genesis(self.voters(0)))
    }
}

fn certify(header: Header, voters: Electorate, round: u32, keys: &[Keypair]) -> LightBlock {
    let (height, block, stage) = (header.height, header.id(), Stage::Precommit);
    let sign = |key: &Keypair| {
        let vote = Vote { height, round, stage, block: Some(block), by: key.id() };
        (key.id(), vote.sign(key, CHAIN).signature)
    };
    let mut votes: Vec<_> = keys.iter().map(sign).collect();
    votes.sort_unstable();
    LightBlock { header, certificate: Certificate { height, round, block, votes }, voters }
}

fn trust() -> Trust {
    Trust { chain: CHAIN, period: 100_000 * SECOND, drift: 2 * SECOND, reach: 1 }
}

fn show(client: &mut Client, now: u64, block: LightBlock) -> Result<Vec<Effect>, Doubt> {
    let mut out = Outbox::new();
    client.step(at(now), Input::Block { from: PEER, block: Box::new(block) }, &mut out)?;
    Ok(out.drain().collect())
}

/// Shows a block and answers whatever the client asks; how many headers it took.
fn follow(client: &mut Client, chain: &Chain, height: u64) -> usize {
    let (mut next, mut seen) = (height, 0);
    loop {
        seen += 1;
        let effects = show(client, height, chain.block(next)).unwrap();
        match effects.last().unwrap() {
            Effect::Ask { of, above, upto } => {
                assert!(*of == PEER && above < upto && *above == client.height());
                next = upto.0;
            }
            Effect::Believe(_) => {
                assert_eq!(client.height(), Height(height));
                return seen;
            }
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn a_client_skips_what_it_need_not_see() {
    let still = Chain { churn: 0 };
    assert_eq!(follow(&mut still.client(trust()), &still, 19_999), 1, "the same voters all the time");
    let slow = Chain { churn: 1 };
    let (far, epochs) = (4_010, 200);
    let halving = follow(&mut slow.client(trust()), &slow, far);
    // Signers are two thirds, so a third of the old weight signs as long as two thirds of it still vote: ten epochs.
    let reach = Trust { reach: 10 * EPOCH, ..trust() };
    let reaching = follow(&mut slow.client(reach), &slow, far);
    assert!(halving < 90 && reaching < 50 && reaching >= epochs / 22, "{halving} {reaching}");
    // Everybody is replaced in each epoch: no epoch can be skipped, but every header within is.
    let fast = Chain { churn: VOTERS };
    let each = follow(&mut fast.client(trust()), &fast, 210);
    assert!((20..60).contains(&each), "{each}");
}

#[test]
fn a_followed_client_knows_each_header_and_the_bytes_have_one_form() {
    let chain = Chain { churn: 5 };
    let mut client = chain.client(trust());
    for height in 1..=65 {
        let block = chain.block(height);
        let id = block.id();
        assert_eq!(decode::<LightBlock>(&encode(&block)), Ok(block.clone()));
        assert_eq!(show(&mut client, height, block), Ok(vec![Effect::Believe(id)]));
    }
    let known = show(&mut client, 65, chain.block(60)).unwrap();
    assert_eq!(known, [Effect::Believe(chain.block(60).id())]);
    assert_eq!(show(&mut client, 65, chain.block(20)), Err(Doubt::Old(Height(20))), "long forgotten");
}

#[test]
fn forged_voters_convince_nobody() {
    let chain = Chain { churn: 1 };
    let forgers: Vec<_> = (1_000..1_032).map(key).collect();
    let members = forgers.iter().map(|key| (key.id(), Weight(10)));
    let own = Electorate::new(Epoch(1), members, Digest::ZERO).unwrap();
    let invent = |height: u64, keys: &[Keypair]| {
        let header = Header { voters: own.digest(), next_voters: own.digest(), ..chain.header(height) };
        certify(header, own.clone(), 0, keys)
    };
    // The next height: not the voters that the root names.
    let mut client = chain.client(trust());
    assert_eq!(show(&mut client, 1, invent(1, &forgers)), Err(Doubt::Voters));
    // A skip: none of the believed weight signed, so the client asks, and the forger never arrives.
    let effects = show(&mut client, 50, invent(50, &forgers)).unwrap();
    assert_eq!(effects, [Effect::Ask { of: PEER, above: Height(0), upto: Height(25) }]);
    for (height, upto) in [(25, 12), (12, 6), (6, 3), (3, 1)] {
        let effects = show(&mut client, 50, invent(height, &forgers)).unwrap();
        assert_eq!(effects, [Effect::Ask { of: PEER, above: Height(0), upto: Height(upto) }]);
    }
    let effects = show(&mut client, 50, invent(1, &forgers)).unwrap();
    assert_eq!(effects, [Effect::Offence { by: PEER, why: Doubt::Voters }]);
    assert_eq!(client.height(), Height(0));
    // The true header with other voters beside it, or with voters that it does not name.
    let swapped = LightBlock { voters: own.clone(), ..chain.block(1) };
    assert_eq!(show(&mut client, 1, swapped), Err(Doubt::Voters));
    // A third of the believed weight, forged: their names, others' signatures.
    let mut borrowed = chain.block(50);
    borrowed.header = Header { time: at(49), ..borrowed.header };
    borrowed.certificate.block = borrowed.header.id();
    assert!(matches!(show(&mut client, 50, borrowed), Err(Doubt::Certificate(Refused::Signature(_)))));
    // Exactly a third of the believed voters beside any number of forgers does not skip either: 10 of 32 are less.
    let mixed: Vec<_> = chain.keys(0)[..10].iter().chain(&forgers).cloned().collect();
    let members = mixed.iter().map(|key| (key.id(), Weight(10)));
    let joined = Electorate::new(Epoch(1), members, Digest::ZERO).unwrap();
    let header = Header { voters: joined.digest(), next_voters: joined.digest(), ..chain.header(50) };
    let effects = show(&mut client, 50, certify(header, joined, 0, &mixed)).unwrap();
    assert!(matches!(effects[..], [Effect::Ask { .. }]), "{effects:?}");
}

#[test]
fn too_little_weight_another_chain_and_another_time_are_refused() {
    let chain = Chain { churn: 1 };
    let mut client = chain.client(trust());
    let light = certify(chain.header(3), chain.voters(3), 0, &chain.keys(3)[..21]);
    assert!(matches!(show(&mut client, 3, light), Err(Doubt::Certificate(Refused::Light { .. }))));
    let crossed = LightBlock { certificate: chain.block(4).certificate, ..chain.block(3) };
    assert_eq!(show(&mut client, 3, crossed), Err(Doubt::Header));
    let foreign = Header { chain: ChainId::default(), ..chain.header(3) };
    let foreign = certify(foreign, chain.voters(3), 0, &chain.keys(3));
    assert_eq!(show(&mut client, 3, foreign), Err(Doubt::Header));
    // Its time is at most two seconds ahead.
    assert_eq!(show(&mut client, 0, chain.block(3)), Err(Doubt::Time));
    assert!(show(&mut client, 1, chain.block(3)).is_ok());
    let early = Header { time: at(3), ..chain.header(5) };
    let early = certify(early, chain.voters(5), 0, &chain.keys(5)[..22]);
    assert_eq!(show(&mut client, 9, early), Err(Doubt::Time));
}

#[test]
fn who_was_away_for_the_trust_period_needs_a_new_root() {
    let chain = Chain { churn: 1 };
    let trust = Trust { period: 100 * SECOND, ..trust() };
    let mut client = chain.client(trust);
    assert!(show(&mut client, 99, chain.block(99)).is_ok());
    assert!(show(&mut client, 198, chain.block(150)).is_ok());
    // The voters of height 150 no longer answer for what they sign now.
    assert_eq!(show(&mut client, 250, chain.block(250)), Err(Doubt::Expired(Height(150))));
    assert_eq!(show(&mut client, 250, chain.block(151)), Err(Doubt::Expired(Height(150))));
    let mut fresh = Client::new(trust, Root::from(&chain.block(249)));
    assert!(show(&mut fresh, 250, chain.block(250)).is_ok());
}

#[test]
fn a_peer_that_stops_answering_holds_nobody_up() {
    let chain = Chain { churn: 4 };
    let mut client = chain.client(trust());
    assert!(matches!(show(&mut client, 300, chain.block(300)).unwrap()[..], [Effect::Ask { .. }]));
    // News of others that can be believed at once are, others wait for the end of the pursuit.
    let block = chain.block(290);
    let other = Input::Block { from: NodeId([8; 32]), block: Box::new(block) };
    assert!(matches!(client.step(at(300), other, &mut Outbox::new()), Err(Doubt::Skip { .. })));
    assert!(show(&mut client, 300, chain.block(40)).is_ok() && client.height() == Height(40));
    client.step(at(300), Input::Silence, &mut Outbox::new()).unwrap();
    assert_eq!(follow(&mut client, &chain, 100), 1);
    follow(&mut client, &chain, 300);
}

#[test]
fn a_fork_is_reported_with_what_convicts_its_signers() {
    let chain = Chain { churn: 1 };
    let mut client = chain.client(trust());
    assert!(show(&mut client, 30, chain.block(30)).is_ok());
    // Twelve of 32 sign a second header in the same round, with ten who signed no other.
    let second = Header { state: Digest([7; 32]), ..chain.header(30) };
    let keys = chain.keys(30);
    let second = certify(second, chain.voters(30), 0, &keys[10..]);
    let effects = show(&mut client, 31, second.clone()).unwrap();
    let [Effect::Fork(fork)] = &effects[..] else { panic!("{effects:?}") };
    assert_eq!((&fork.known, &fork.other), (&chain.block(30), &second));
    let mut guilty: Vec<_> = keys[10..22].iter().map(Keypair::id).collect();
    guilty.sort_unstable();
    assert_eq!(fork.guilty(), guilty);
    assert!(fork.evidence.iter().all(|evidence| evidence.check(CHAIN).is_ok()));
    assert!(matches!(fork.evidence[0], Evidence::DoubleVote(..)));
    let weight = chain.voters(30).weigh(fork.guilty()).unwrap();
    assert!(weight >= chain.voters(30).honest(), "more than a third is convicted");
    // In another round the same two signatures convict nobody alone.
    let later = Header { state: Digest([8; 32]), ..chain.header(30) };
    let later = certify(later, chain.voters(30), 1, &keys[10..]);
    let fork = Fork::new(chain.block(30), later, CHAIN);
    assert!(fork.guilty().is_empty() && fork.suspects.len() == 12);
    // Below what is believed nothing is reported unless it holds: a second header by 21 is no fork.
    let light =
        certify(Header { state: Digest([9; 32]), ..chain.header(30) }, chain.voters(30), 0, &keys[..21]);
    assert!(matches!(show(&mut client, 31, light), Err(Doubt::Certificate(_))));
}

#[test]
fn a_third_that_signs_invented_voters_is_convicted_by_the_true_header() {
    let chain = Chain { churn: 1 };
    let mut client = chain.client(trust());
    assert!(show(&mut client, 40, chain.block(40)).is_ok());
    // Eleven of the believed voters make themselves the only ones.
    let cartel = &chain.keys(0)[2..13];
    let members = cartel.iter().map(|key| (key.id(), Weight(10)));
    let own = Electorate::new(Epoch(2), members, Digest::ZERO).unwrap();
    let header = Header { voters: own.digest(), next_voters: own.digest(), ..chain.header(40) };
    let effects = show(&mut client, 41, certify(header, own, 3, cartel)).unwrap();
    let [Effect::Fork(fork)] = &effects[..] else { panic!("{effects:?}") };
    assert_eq!(fork.guilty().len(), 11);
}
