//! The lab's other ways: manners, samplers, parts, differences, a server, uneven clocks, recorded churn, and liars.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use bitneuron_compress::{CompressError, Packet, Random, Ternary, sparse::Density};
use bitneuron_core::{Dataset, Params, Seed};
use bitneuron_learning::{
    data::Table,
    gossip::{Exchange, Flow, Manner, ModelCodec, Order},
    merge::AgeWeighted,
    model::SoftmaxRegression,
};
use bitneuron_sim::{
    Address, Chance, Churn, Latency, Link, Network, Outage, Quantiles, Sessions, Setting, Stream,
    lab::{
        Answer, Cast, GossipLab, LabError, LabReport, NeighbourhoodLab, NodeWrapper, Parting, Sampling,
        Topology, Voices,
    },
};
use std::{fmt::Write as _, sync::Arc, time::Duration};

const SEED: Seed = Seed([5; 32]);

/// Rows of small random numbers, of which the one at the place of the label is raised.
fn data(rows: usize, number: u64) -> Dataset {
    let (features, classes) = (12, 4);
    let mut stream = Stream::new(&SEED, "rows", number);
    let mut text = String::new();
    for row in 0..rows {
        let label = row % classes;
        for place in 0..features {
            let raised = if place % classes == label { 7 } else { 0 };
            write!(text, "{},", stream.below(8) + raised).unwrap();
        }
        writeln!(text, "{label}").unwrap();
    }
    Table { features, classes: classes as u32, full_scale: 16, rows }.parse(&text).unwrap()
}

fn lab() -> GossipLab {
    let model = Arc::new(SoftmaxRegression::new(12, 4).unwrap());
    GossipLab { nodes: 20, topology: Topology::RandomRegular(6), rounds: 30, ..GossipLab::new(model) }
}

fn run(lab: &GossipLab) -> LabReport {
    lab.run(&data(120, 1), &data(200, 2), SEED).unwrap()
}

#[test]
fn every_manner_learns_and_is_the_same_every_time() {
    let manners = [
        Manner { exchange: Exchange::Pull, ..Manner::default() },
        Manner { exchange: Exchange::PushPull, ..Manner::default() },
        Manner { order: Order::UpdateMerge, ..Manner::default() },
        Manner { order: Order::Update, ..Manner::default() },
        Manner { fanout: 3, ..Manner::default() },
        Manner::rounds(6),
        Manner { order: Order::UpdateMerge, ..Manner::rounds(6) },
        Manner { exchange: Exchange::Pull, ..Manner::rounds(2) },
        Manner { flow: Flow::Simple { capacity: 5 }, ..Manner::default() },
        Manner { flow: Flow::Generalised { reactivity: 3, capacity: 6 }, ..Manner::default() },
        Manner { flow: Flow::Randomised { reactivity: 3, capacity: 6 }, ..Manner::default() },
        Manner { flow: Flow::Reactive { copies: 1 }, ..Manner::default() },
    ];
    for manner in manners {
        let lab = GossipLab { manner, trace: true, ..lab() };
        let report = run(&lab);
        assert!(report.accuracy() > 0.85, "{manner:?}: {}", report.accuracy());
        assert_eq!(report.offences, 0);
        assert_eq!(report, run(&lab), "{manner:?}");
    }
}

#[test]
fn messages_are_as_many_as_the_manner_says() {
    let count = |manner| run(&GossipLab { manner, ..lab() }).messages();
    assert_eq!(count(Manner { fanout: 3, ..Manner::default() }), 3 * 20 * 30);
    // A question and an answer.
    let pulled = count(Manner { exchange: Exchange::Pull, ..Manner::default() });
    assert!((2 * 20 * 29..=2 * 20 * 30).contains(&pulled), "{pulled}");
    // A budget of one a round, of which some is saved in the end.
    let saved = count(Manner { flow: Flow::Generalised { reactivity: 3, capacity: 6 }, ..Manner::default() });
    assert!((20 * 23..=20 * 30).contains(&saved), "{saved}");
    // With all neighbours in every round.
    assert_eq!(count(Manner::rounds(u16::MAX)), 6 * 20 * 30);
}

/// Decentralised SGD by validators and by peers: two machines, one algorithm.
#[test]
fn neighbours_and_periods_of_all_neighbours_meet() {
    let peers = GossipLab { manner: Manner::rounds(u16::MAX), judged: 20, ..lab() };
    let validators = NeighbourhoodLab {
        graph: Arc::new(peers.topology.graph(peers.nodes, SEED)),
        rounds: peers.rounds,
        rows: peers.rows,
        period: peers.period,
        setting: Setting {
            network: Network { link: peers.link, ..Network::default() },
            ..Setting::default()
        },
        model: Arc::clone(&peers.model),
        update: Arc::clone(&peers.update),
        merge: Arc::clone(&peers.merge),
        compressor: Arc::clone(&peers.compressor),
        voices: Voices::Names,
        row_cap: 0,
        assault: None,
        judged: 20,
    };
    let (one, other) = (run(&peers), validators.run(&data(120, 1), &data(200, 2), SEED).unwrap());
    let apart = (one.accuracy() - other.accuracy()).abs();
    assert!(apart < 0.01, "{} and {}", one.accuracy(), other.accuracy());
    // A validator speaks after its turn, a peer within it; both to all neighbours, once a period, in the same bytes.
    assert_eq!(one.messages(), other.points.last().unwrap().messages);
    assert_eq!(one.bytes(), other.bytes());
}

#[test]
fn samplers_bring_partners_from_beyond_the_graph() {
    let ring = GossipLab { topology: Topology::Ring, rounds: 60, ..lab() };
    for sampling in ["cyclon", "brahms", "peerswap"].map(|text| text.parse::<Sampling>().unwrap()) {
        let report = run(&GossipLab { sampling, ..ring.clone() });
        assert!(report.accuracy() > 0.85, "{sampling}: {}", report.accuracy());
        let views = report.views.unwrap();
        let far = |(node, view): (Address, &Vec<Address>)| {
            view.iter().any(|other| !matches!((other + 20 - node) % 20, 1 | 19))
        };
        let beyond = (0..).zip(&views).filter(|one| far(*one)).count();
        assert!(beyond > 15, "{sampling}: {beyond}");
        assert!((0..).zip(&views).all(|(node, view)| !view.contains(&node)));
    }
    assert!(run(&ring).views.is_none());
}

#[test]
fn parts_make_messages_short() {
    let whole = run(&lab());
    for parting in ["partitioned:4", "sampled:4"].map(|text| text.parse::<Parting>().unwrap()) {
        let report =
            run(&GossipLab { parting: Some(parting), merge: Arc::new(AgeWeighted), rounds: 60, ..lab() });
        assert!(report.accuracy() > 0.85, "{parting}: {}", report.accuracy());
        let each = |report: &LabReport| report.bytes() / report.messages();
        assert!(each(&report) * 2 < each(&whole), "{parting}: {} of {}", each(&report), each(&whole));
    }
    let walk = Manner { order: Order::Update, ..Manner::default() };
    let lab = GossipLab { parting: Some(Parting::Partitioned(4)), manner: walk, ..lab() };
    assert!(matches!(lab.run(&data(120, 1), &data(200, 2), SEED), Err(LabError::Together(_))));
}

#[test]
fn differences_bear_coarse_codecs() {
    let ternary = || Arc::new(Ternary::new(Density::new(1, 10).unwrap()));
    let lab = GossipLab { topology: Topology::RandomRegular(4), rounds: 120, ..lab() };
    // As models they are refused.
    let coarse = GossipLab { compressor: ternary(), ..lab.clone() };
    assert!(matches!(coarse.run(&data(120, 1), &data(200, 2), SEED), Err(LabError::Codec(_))));
    let play = |lab: &GossipLab| lab.run_choco(None, &data(120, 1), &data(200, 2), SEED).unwrap();
    let (dense, sent) = (play(&lab), play(&coarse));
    assert!(sent.accuracy() > dense.accuracy() - 0.03, "{} under {}", sent.accuracy(), dense.accuracy());
    assert!(sent.bytes() * 3 < dense.bytes(), "{} of {}", sent.bytes(), dense.bytes());
    assert_eq!(sent, play(&coarse));
    // Whatever gets lost is asked for again.
    let link = Link { loss: Chance::percent(10), ..lab.link };
    let lossy = play(&GossipLab { link, ..coarse.clone() });
    assert!(lossy.accuracy() > dense.accuracy() - 0.05, "{}", lossy.accuracy());
    for gamma in [0.0, 1.1, f32::NAN] {
        assert!(coarse.run_choco(Some(gamma), &data(120, 1), &data(200, 2), SEED).is_err());
    }
    // What is scaled up contracts nothing, so no γ follows from it.
    let scaled = GossipLab { compressor: Arc::new(Random::new(Density::PERCENT)), ..coarse };
    let refused = scaled.run_choco(None, &data(120, 1), &data(200, 2), SEED);
    assert!(matches!(refused, Err(LabError::Together(_))), "{refused:?}");
}

#[test]
fn a_centre_is_the_ceiling() {
    let report = run(&GossipLab { ceilings: true, ..lab() });
    let ceiling = report.ceiling.unwrap();
    assert!(ceiling.centralised > 0.9 && ceiling.federated > 0.85, "{ceiling:?}");
    assert!(report.accuracy() > ceiling.centralised - 0.06, "{} under {ceiling:?}", report.accuracy());
    // Down and up, for every node in every round; the answers of the last are still to come.
    let messages = |chosen| {
        lab().run_federated(chosen, Answer::Models, &data(120, 1), &data(200, 2), SEED).unwrap().messages()
    };
    assert_eq!((messages(20), messages(5)), (2 * 20 * 30, 2 * 5 * 30));
    let changes =
        GossipLab { compressor: Arc::new(Ternary::new(Density::new(1, 10).unwrap())), rounds: 60, ..lab() };
    let changes = changes.run_federated(20, Answer::Changes, &data(120, 1), &data(200, 2), SEED).unwrap();
    assert!(changes.accuracy() > 0.85, "{}", changes.accuracy());
}

#[test]
fn clocks_ten_times_apart_still_learn() {
    let lab = GossipLab { spread: 10.0, trace: true, ..lab() };
    let report = run(&lab);
    assert!(report.accuracy() > 0.85, "{}", report.accuracy());
    assert_eq!(report, run(&lab));
    let crooked = GossipLab { spread: 0.5, ..lab };
    assert!(matches!(crooked.run(&data(120, 1), &data(200, 2), SEED), Err(LabError::Together(_))));
}

#[test]
fn one_alone_learns_in_every_way() {
    let one = GossipLab { nodes: 1, ..lab() };
    for manner in
        [Manner::default(), Manner::rounds(3), Manner { exchange: Exchange::PushPull, ..Manner::default() }]
    {
        let report = run(&GossipLab { manner, ..one.clone() });
        assert!(report.accuracy() > 0.9 && report.bytes() == 0, "{manner:?}: {}", report.accuracy());
    }
    for sampling in ["cyclon", "brahms", "peerswap"].map(|text| text.parse().unwrap()) {
        assert!(run(&GossipLab { sampling, ..one.clone() }).accuracy() > 0.9);
    }
    let (train, test) = (data(120, 1), data(200, 2));
    assert!(one.run_choco(None, &train, &test, SEED).unwrap().accuracy() > 0.9);
    assert!(one.run_federated(1, Answer::Models, &train, &test, SEED).unwrap().accuracy() > 0.9);
}

#[test]
fn independent_and_recorded_churn() {
    let slots = Churn::independent(Duration::from_millis(1), Chance::percent(20));
    let report = run(&GossipLab { churn: Some(slots), ..lab() });
    let missed = report.tally.missed as f64 / report.messages() as f64;
    assert!((0.7..0.9).contains(&missed), "{missed}");

    // Even nodes are there in every first half second, odd ones always.
    let half = Duration::from_millis(500);
    let records = Sessions::Recorded(Arc::new([vec![half, half, half], Vec::new()]));
    let churn = Churn { outage: Outage::Crash, ..Churn::of(records) };
    let report = run(&GossipLab { churn: Some(churn), ..lab() });
    let missed = report.tally.missed as f64 / report.messages() as f64;
    // Half of the nodes are away half of the time.
    assert!((0.1..0.4).contains(&missed), "{missed}");
    assert!(report.accuracy() > 0.8, "{}", report.accuracy());
}

#[test]
fn measured_delays_are_drawn_as_they_were() {
    assert!(Quantiles::of(&[]).is_none());
    let delays: Vec<Duration> =
        (0..1000).map(|i| Duration::from_millis(if i < 900 { i / 10 } else { 1000 })).collect();
    let latency = Latency::Measured(Quantiles::of(&delays).unwrap());
    let lab = GossipLab { link: Link::new(latency), rounds: 40, ..lab() };
    let report = run(&lab);
    // One in ten takes ten rounds, so that about one round's worth is still on its way.
    let delivered = report.tally.delivered as f64 / report.messages() as f64;
    assert!((0.93..0.99).contains(&delivered), "{delivered}");
    let constant = Latency::Measured(Quantiles::of(&[Duration::from_millis(3)]).unwrap());
    let three = Latency::Constant(Duration::from_millis(3));
    let trace = |latency| run(&GossipLab { link: Link::new(latency), ..lab.clone() }).rounds;
    assert_eq!(trace(constant), trace(three));
}

/// Every fifth node sends the opposite of its model, and a count of what honest nodes packed is kept.
#[derive(Debug)]
struct Contrary;

struct Five;

struct Opposite(Box<dyn ModelCodec>);

impl ModelCodec for Opposite {
    fn pack(&mut self, model: &Params, seed: Seed) -> Result<Packet, CompressError> {
        let mut lie = model.clone();
        lie.values_mut().iter_mut().for_each(|value| *value *= -20.0);
        self.0.pack(&lie, seed)
    }

    fn unpack(&self, packet: &Packet) -> Result<Params, CompressError> {
        self.0.unpack(packet)
    }
}

impl NodeWrapper for Contrary {
    fn cast(&self, nodes: u32, _: Seed) -> Box<dyn Cast> {
        assert_eq!(nodes, 20);
        Box::new(Five)
    }
}

impl Cast for Five {
    fn lies(&self, node: Address) -> bool {
        node.is_multiple_of(5)
    }

    fn codec(&mut self, node: Address, codec: Box<dyn ModelCodec>) -> Box<dyn ModelCodec> {
        if self.lies(node) { Box::new(Opposite(codec)) } else { codec }
    }
}

#[test]
fn liars_harm_the_mean() {
    let honest = run(&lab()).accuracy();
    let attacked = run(&GossipLab { wrapper: Some(Arc::new(Contrary)), ..lab() }).accuracy();
    assert!(attacked < honest - 0.1, "{attacked} beside {honest}");
    let parts =
        GossipLab { wrapper: Some(Arc::new(Contrary)), parting: Some(Parting::Partitioned(2)), ..lab() };
    assert!(matches!(parts.run(&data(120, 1), &data(200, 2), SEED), Err(LabError::Together(_))));
}

/// Feature 145: averaging ends with nearly all of the mean though three in ten are away at any time.
#[test]
fn three_in_ten_may_drop_out() {
    let churn = Churn::new(Duration::from_millis(700), Duration::from_millis(300));
    for outage in [Outage::Suspend, Outage::Crash] {
        let churn = Some(Churn { outage, ..churn.clone() });
        for manner in [Manner::default(), Manner::rounds(3)] {
            let report = run(&GossipLab { churn: churn.clone(), manner, judged: 20, rounds: 60, ..lab() });
            let missed = report.tally.missed as f64 / report.messages() as f64;
            assert!((0.2..0.4).contains(&missed), "{missed}");
            let last = report.rounds.last().unwrap().accuracy;
            assert!(last.worst > 0.7 && last.mean > 0.9, "{outage:?}, {manner:?}: {last:?}");
        }
    }
}

/// Feature 158: ten thousand rounds with all faults at once. Nobody falls silent, and in the end all agree.
#[test]
fn ten_thousand_rounds_and_nobody_is_left_behind() {
    let link = Link { loss: Chance::percent(10), duplicate: Chance::percent(5), ..lab().link };
    let churn = Churn { outage: Outage::Crash, ..Churn::new(Duration::from_secs(7), Duration::from_secs(3)) };
    let lab = GossipLab {
        nodes: 10,
        topology: Topology::RandomRegular(4),
        sampling: "brahms".parse().unwrap(),
        rounds: 10_000,
        judged: 10,
        link,
        churn: Some(churn),
        ..lab()
    };
    let report = lab.run(&data(40, 1), &data(40, 2), SEED).unwrap();
    // Every round somebody speaks: seven in ten are there, and hints travel beside models.
    assert!(report.rounds.windows(2).all(|pair| pair[1].messages > pair[0].messages));
    // No view is split off: everybody sees others, and all see each other through others.
    let views = report.views.as_ref().unwrap();
    let mut seen = vec![false; 10];
    let mut open = vec![0_usize];
    while let Some(node) = open.pop() {
        if !std::mem::replace(&mut seen[node], true) {
            open.extend(views[node].iter().map(|other| *other as usize));
        }
    }
    assert_eq!(seen, [true; 10], "{views:?}");
    let last = report.rounds.last().unwrap().accuracy;
    assert!(last.best - last.worst < 0.1, "{last:?}");
}

/// Feature 143: on digits, a token account learns as much from at least a fifth fewer bytes.
#[test]
fn token_accounts_save_bytes() {
    let (train, test) = bitneuron_sim::digits::halves(SEED).unwrap();
    let model = Arc::new(SoftmaxRegression::new(64, 10).unwrap());
    let bytes = |flow| {
        let mut lab = GossipLab { rounds: 50, ..GossipLab::new(model.clone()) };
        lab.manner.flow = flow;
        lab.run(&train, &test, SEED).unwrap().reached(0.84).unwrap().bytes
    };
    let (steady, saved) = (bytes(Flow::Proactive), bytes(Flow::Randomised { reactivity: 10, capacity: 20 }));
    assert!(saved * 5 < steady * 4, "{saved} of {steady}");
}

#[test]
fn a_narrow_uplink_lets_late_models_be_fewer() {
    let lab = lab();
    // A packet has 267 bytes: half a second each, where one is sent every tenth of a second.
    let narrow = run(&GossipLab { uplink: Some(534), ..lab.clone() });
    let wide = run(&lab);
    assert_eq!(narrow.messages(), wide.messages());
    assert!(narrow.tally.delivered * 4 < wide.tally.delivered, "{:?} of {:?}", narrow.tally, wide.tally);
}
