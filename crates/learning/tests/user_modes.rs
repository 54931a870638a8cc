//! The three ways to take part, each from end to end: users sell their model, their sealed rows, or both; a validator buys,
//! learns and serves its head. The seal is the driver's: here a keyed stream that stands for it, so that what travels can be
//! looked at.
#![allow(clippy::panic, reason = "a test fails by panicking")]

use bitneuron_compress::{Dense, Limits};
use bitneuron_core::{Amount, Dataset, Digest, Machine, NodeId, Outbox, Reputation, Seed, Time, Weight};
use bitneuron_learning::Sgd;
use bitneuron_learning::data::{self, SplitRule};
use bitneuron_learning::eval;
use bitneuron_learning::gossip::user::{self, Bid, Consent, select_validators};
use bitneuron_learning::gossip::{ModelMessage, PacketCodec, User, Validator, validator};
use bitneuron_learning::merge::{Concatenate, FilteredMean, OWN_GROUP};
use bitneuron_learning::model::{Model, SoftmaxRegression};
use bitneuron_learning::partition::iid;
use bitneuron_learning::select::{GroupCap, LowLoss, Select, Selective};
use ndarray::Array2;
use proptest::{prelude::*, test_runner::RngSeed};
use std::sync::Arc;
use std::time::Duration;

const PERIOD: Duration = Duration::from_secs(2);
const USERS: u8 = 4;
const BUYER: u8 = 100;

fn id(number: u8) -> NodeId {
    NodeId([number; 32])
}

/// What goes over the wire: a number that is used once, the box, and a tag.
struct Sealed {
    once: u64,
    bytes: Vec<u8>,
    tag: Digest,
}

/// The bytes of rows: features, then label.
fn bytes_of(data: &Dataset) -> Vec<u8> {
    let row = |(features, label): (ndarray::ArrayView1<'_, f32>, &u32)| {
        let mut bytes: Vec<u8> = features.iter().flat_map(|x| x.to_le_bytes()).collect();
        bytes.extend(label.to_le_bytes());
        bytes
    };
    data.features().rows().into_iter().zip(data.labels()).flat_map(row).collect()
}

fn stream(key: Seed, once: u64, bytes: &[u8]) -> Vec<u8> {
    let pad =
        |block: usize| Digest::of("pad", &[&key.0[..], &once.to_le_bytes(), &block.to_le_bytes()].concat()).0;
    bytes
        .chunks(32)
        .enumerate()
        .flat_map(|(at, chunk)| {
            let pad = pad(at);
            chunk.iter().zip(pad).map(|(byte, pad)| byte ^ pad).collect::<Vec<_>>()
        })
        .collect()
}

fn seal(key: Seed, once: u64, data: &Dataset) -> Sealed {
    let bytes = stream(key, once, &bytes_of(data));
    let tag = Digest::of("tag", &[&key.0[..], &bytes].concat());
    Sealed { once, bytes, tag }
}

/// The rows in a box, unless somebody changed it.
fn open(key: Seed, sealed: &Sealed, width: usize) -> Option<Dataset> {
    if Digest::of("tag", &[&key.0[..], &sealed.bytes].concat()) != sealed.tag {
        return None;
    }
    let words: Vec<[u8; 4]> = stream(key, sealed.once, &sealed.bytes)
        .chunks_exact(4)
        .filter_map(|word| word.try_into().ok())
        .collect();
    let (mut features, mut labels) = (Vec::new(), Vec::new());
    for row in words.chunks_exact(width + 1) {
        features.extend(row[..width].iter().map(|word| f32::from_le_bytes(*word)));
        labels.push(u32::from_le_bytes(row[width]));
    }
    Dataset::new(Array2::from_shape_vec((labels.len(), width), features).ok()?, labels).ok()
}

type Buyer = Validator<Selective<Sgd>, PacketCodec>;

/// Four users with much data, a validator with little, and a key between them.
struct Network {
    model: Arc<dyn Model>,
    users: Vec<User<Sgd, PacketCodec>>,
    buyer: Buyer,
    report: Dataset,
    key: Seed,
}

impl Network {
    fn new() -> Self {
        let digits = data::digits(include_bytes!("../../../data/digits.csv.gz")).expect("the digits");
        let rule = SplitRule { report: 360, metric: 0, public: 3 };
        let split = rule.split(&digits, Seed::from_number(1)).expect("splits");
        let model: Arc<dyn Model> = Arc::new(SoftmaxRegression::new(64, 10).expect("small"));
        let codec = || {
            PacketCodec::new(Arc::new(Dense), Arc::clone(model.layout()), Limits::of(model.layout()))
                .expect("lossless")
        };
        let shares = iid(split.private.len(), usize::from(USERS), Seed::from_number(1)).expect("deals");
        let user = |(number, rows): (u8, &Vec<usize>)| {
            User::new(user::Start {
                id: id(number),
                update: Sgd::new(Arc::clone(&model), 0.1, 16).with_epochs(3),
                codec: codec(),
                model: model.init(Seed::default()),
                data: Arc::new(split.private.select(rows)),
                seed: Seed::from_number(u64::from(number)),
                period: PERIOD,
                age_lead: 100,
            })
        };
        let users = (1u8..).zip(&shares.nodes).map(user).collect();
        let rules: Vec<Arc<dyn Select>> =
            vec![Arc::new(GroupCap::default().without(OWN_GROUP)), Arc::new(LowLoss::default())];
        let buyer = Validator::new(validator::Start {
            id: id(BUYER),
            merge_data: Arc::new(Concatenate {
                per_contributor: 400,
                rows: 2_000,
                classes: 10,
                range: (0.0, 1.0),
                key: Seed::from_number(77),
            }),
            merge_models: Arc::new(FilteredMean::default()),
            update: Selective {
                model: Arc::clone(&model),
                update: Sgd::new(Arc::clone(&model), 0.1, 16),
                select: Arc::new(rules),
                epochs: 3,
            },
            codec: codec(),
            model: model.init(Seed::default()),
            data: split.public.clone(),
            weight: Weight(1),
            seed: Seed::from_number(100),
            period: PERIOD,
            age_lead: 100,
            waiting: 16,
        });
        Self { model, users, buyer, report: split.report, key: Seed::from_number(5) }
    }

    fn accuracy(&self) -> f64 {
        eval::accuracy(self.model.as_ref(), self.buyer.model().values(), &self.report).expect("fits")
    }

    /// One round of everybody: users learn and sell what is consented to, the buyer learns and serves its head.
    fn round(&mut self, bids: &[Bid], consent: Consent) -> validator::Turn {
        let (mut out, mut deliveries) = (Outbox::new(), Vec::new());
        for user in &mut self.users {
            user.step(Time(0), user::Input::Wake, &mut out).expect("learns");
            out.drain();
            user.step(Time(1), user::Input::Market { bids: bids.to_vec(), consent }, &mut out)
                .expect("sells");
            for effect in out.drain() {
                let (to, delivery) = match effect {
                    user::Effect::Seal { to, data } => {
                        let mut sealed = seal(self.key, u64::from(user.id().0[0]), &data);
                        let plain = bytes_of(&data);
                        let row = &plain[..plain.len().min(260)];
                        assert!(
                            !sealed.bytes.windows(row.len()).any(|window| window == row),
                            "nothing in the open"
                        );
                        assert_eq!(open(self.key, &sealed, 64).expect("opens"), *data);
                        assert!(
                            open(Seed::from_number(6), &sealed, 64).is_none(),
                            "another key opens nothing"
                        );
                        let opened = open(self.key, &sealed, 64).expect("opens");
                        sealed.bytes[9] ^= 1;
                        assert!(open(self.key, &sealed, 64).is_none(), "a changed box is no box");
                        (to, validator::Input::Data { from: user.id(), weight: Weight(1), data: opened })
                    }
                    user::Effect::Send { to, message } => {
                        (to, validator::Input::Model { from: user.id(), weight: Weight(1), message })
                    }
                    other => panic!("{other:?}"),
                };
                assert_eq!(to, id(BUYER), "only the best bid is sold to");
                deliveries.push(delivery);
            }
        }
        let mut out = Outbox::new();
        for delivery in deliveries {
            self.buyer.step(Time(2), delivery, &mut out).expect("takes in");
        }
        self.buyer.step(Time(3), validator::Input::Wake, &mut out).expect("plays");
        let turn = out.drain().find_map(|effect| match effect {
            validator::Effect::Learned(turn) => Some(turn),
            validator::Effect::Wait(_) => None,
            other => panic!("{other:?}"),
        });
        let turn = turn.expect("a turn");
        let packet = bitneuron_compress::Compressor::compress(&Dense, self.buyer.model(), Seed::default());
        let message = ModelMessage { age: self.buyer.age(), packet: packet.expect("finite") };
        for user in &mut self.users {
            let head = user::Input::Head { from: id(BUYER), message: message.clone() };
            user.step(Time(4), head, &mut Outbox::new()).expect("pulls");
        }
        turn
    }
}

/// The buyer's bid, and three that nobody may sell to: too cheap, too new, and for what nobody consents to.
fn bids(model: bool, data: bool) -> Vec<Bid> {
    let bid = |by, price, reputation, model, data| Bid {
        by: id(by),
        price: Amount(price),
        reputation: Reputation(reputation),
        model,
        data,
    };
    vec![
        bid(101, 9, 50, model, data),
        bid(102, 90, 4, model, data),
        bid(103, 90, 50, true, true),
        bid(BUYER, 20, 50, model, data),
    ]
}

#[test]
fn all_three_ways_to_take_part_make_the_buyer_better() {
    let alone = {
        let mut network = Network::new();
        for _ in 0..12 {
            network.round(&bids(true, true), Consent::default());
        }
        network.accuracy()
    };
    for (model, data) in [(true, false), (false, true), (true, true)] {
        let mut network = Network::new();
        let consent =
            Consent { model, data, least_price: Amount(10), least_reputation: Reputation(5), buyers: 1 };
        let mut offered = bids(model, data);
        if model && data {
            offered.retain(|bid| bid.by != id(103)); // its wish is consented to now, and it pays more
        }
        for _ in 0..12 {
            let turn = network.round(&offered, consent);
            assert_eq!(turn.models.len(), if model { usize::from(USERS) } else { 0 });
            // Data are kept; who was granted all its rows gives no more.
            assert_eq!(turn.data.len(), if data { usize::from(USERS) } else { 0 });
        }
        let accuracy = network.accuracy();
        println!("alone {alone:.3}; model {model}, data {data}: {accuracy:.3}");
        assert!(
            accuracy > alone + 0.05 && accuracy > 0.92,
            "model {model}, data {data}: {accuracy} after {alone}"
        );
        assert_eq!(network.buyer.data().len() > 100, data, "rows are held only where they were sold");
    }
}

/// Whose consent is withdrawn sells nothing in the same round.
#[test]
fn consent_is_asked_for_at_every_sale() {
    let mut network = Network::new();
    let agreed = Consent {
        model: true,
        least_price: Amount(10),
        least_reputation: Reputation(5),
        buyers: 1,
        ..Consent::default()
    };
    assert_eq!(network.round(&bids(true, false), agreed).models.len(), usize::from(USERS));
    assert!(network.round(&bids(true, false), Consent::default()).models.is_empty());
}

/// The same cases in every run.
fn fixed(cases: u32) -> ProptestConfig {
    ProptestConfig {
        cases,
        rng_seed: RngSeed::Fixed(1),
        failure_persistence: None,
        ..ProptestConfig::default()
    }
}

fn any_bid() -> impl Strategy<Value = Bid> {
    (2u8..8, 5u128..15, 3u16..8, any::<bool>(), any::<bool>()).prop_map(
        |(by, price, reputation, model, data)| Bid {
            by: id(by),
            price: Amount(price),
            reputation: Reputation(reputation),
            model,
            data,
        },
    )
}

proptest! {
    #![proptest_config(fixed(256))]
    /// Beside the oracle of the choice: the order of bids is nothing, who is not agreed to changes nothing, paying more never
    /// loses, and nobody is sold what it did not want or the user did not consent to.
    #[test]
    fn the_choice_of_validators_is_sound(
        bids in prop::collection::vec(any_bid(), 0..12), cheap in any_bid(), model: bool, data: bool, buyers in 0usize..5, turn in 0usize..12,
    ) {
        let consent = Consent { model, data, least_price: Amount(10), least_reputation: Reputation(5), buyers };
        let sales = select_validators(&bids, &consent);
        let mut turned = bids.clone();
        turned.rotate_left(if bids.is_empty() { 0 } else { turn % bids.len() });
        prop_assert_eq!(&select_validators(&turned, &consent), &sales);
        let mut more = bids.clone();
        more.push(Bid { price: Amount(9), ..cheap });
        prop_assert_eq!(&select_validators(&more, &consent), &sales);
        for sale in &sales {
            let wanted = bids.iter().any(|bid| {
                bid.by == sale.to && bid.price == sale.price && bid.model == sale.model && bid.data == sale.data && bid.reputation.0 >= 5
            });
            prop_assert!(wanted && (model || !sale.model) && (data || !sale.data) && sale.price.0 >= 10);
            let raised: Vec<Bid> = bids
                .iter()
                .map(|bid| if bid.by == sale.to { Bid { price: Amount(bid.price.0 + 7), ..*bid } } else { *bid })
                .collect();
            prop_assert!(select_validators(&raised, &consent).iter().any(|other| other.to == sale.to));
        }
    }
}
