//! Validators whose models are integers.

use super::turn::{Refuses, played};
use super::{PERIOD, id, message, rows};
use bitneuron_compress::{CodecId, CompressError, Compressor, Dense, Limits, Packet};
use bitneuron_core::exact::{ExactData, ExactParams, programs};
use bitneuron_core::{Digest, Layout, Machine, Outbox, Seed, Time, Weight};
use bitneuron_learning::exact::ExactSgd;
use bitneuron_learning::gossip::{ModelCodec, ModelMessage, Offence, Validator, validator};
use bitneuron_learning::merge::{Contribution, Merge, MergeError, Merged, shares};
use bitneuron_learning::{Progress, Update, UpdateError};
use std::sync::Arc;

#[test]
fn a_rule_that_refuses_the_set_does_not_stop_an_exact_validator() {
    let mlp = programs::Mlp::new(&[3, 3]).expect("small");
    let training =
        programs::step::Training { steps: 2, batch: 4, rate_shift: 1, ..programs::step::Training::default() };
    for too_few in [true, false] {
        let mut validator = Validator::new(validator::Start {
            id: id(100),
            merge_data: Arc::new(Refuses(too_few)),
            merge_models: Arc::new(Refuses(too_few)),
            update: ExactSgd { net: mlp.clone().into(), training },
            codec: Integers(Arc::clone(mlp.init(Seed::default()).layout())),
            model: mlp.init(Seed::default()),
            data: ExactData::from_dataset(&rows(6)).expect("fits"),
            weight: Weight(1),
            seed: Seed::from_number(2),
            period: PERIOD,
            age_lead: 10,
            waiting: 3,
        });
        let mut out = Outbox::new();
        let head = mlp.init(Seed::from_number(1));
        let mut expected = mlp.init(Seed::default());
        for round in 0..2 {
            let input = validator::Input::Model {
                from: id(7),
                weight: Weight(1),
                message: message(&head.to_params()),
            };
            validator.step(Time(0), input, &mut out).expect("waits");
            let data = ExactData::from_dataset(&rows(3)).expect("fits");
            let input = validator::Input::Data { from: id(8), weight: Weight(1), data };
            validator.step(Time(0), input, &mut out).expect("waits");
            let told = ["discarded [8] merge", "discarded [7] merge", "learned 0 0", "wait"];
            assert_eq!(played(&mut validator), told, "round {round}");
            let seed = Seed::from_number(2).derive_number("update", round);
            let data = ExactData::from_dataset(&rows(6)).expect("fits");
            ExactSgd { net: mlp.clone().into(), training }
                .update(&mut expected, &data, round, seed)
                .expect("trains");
            assert_eq!(validator.model(), &expected);
        }
    }
}

/// Integers as dense `f32`, which holds them exactly.
struct Integers(Arc<Layout>);

impl ModelCodec<ExactParams> for Integers {
    fn pack(&mut self, model: &ExactParams, seed: Seed) -> Result<Packet, CompressError> {
        Dense.compress(&model.to_params(), seed)
    }

    fn unpack(&self, packet: &Packet) -> Result<ExactParams, CompressError> {
        let params = Dense.decompress(packet, &self.0, Limits::of(&self.0))?;
        ExactParams::from_params(&params).map_err(|error| CompressError::Rule(Box::new(error)))
    }
}

/// A model of integers: one number for each label, which counts its rows.
type Counts = Vec<i64>;

struct Total;

impl Merge<Counts> for Total {
    fn merge(
        &self,
        own: &Contribution<'_, Counts>,
        peers: &[Contribution<'_, Counts>],
    ) -> Result<Merged<Counts>, MergeError> {
        let mut value = own.value.clone();
        for peer in peers {
            if peer.value.len() != value.len() {
                return Err(MergeError::Layout(peer.from));
            }
            value.iter_mut().zip(peer.value).for_each(|(sum, count)| *sum = sum.saturating_add(*count));
        }
        let (share, influence) = shares(Weight(1), &vec![Weight(1); peers.len()]);
        Ok(Merged { value, age: own.age, own: share, influence })
    }
}

struct Count;

impl Update<Counts, Vec<u32>> for Count {
    fn update(
        &mut self,
        params: &mut Counts,
        data: &Vec<u32>,
        _: u64,
        _: Seed,
    ) -> Result<Progress, UpdateError> {
        data.iter().filter_map(|label| usize::try_from(*label).ok()).for_each(|label| params[label] += 1);
        Ok(Progress { samples: data.len() as u64, ..Progress::default() })
    }
}

struct Together;

impl Merge<Vec<u32>> for Together {
    fn merge(
        &self,
        own: &Contribution<'_, Vec<u32>>,
        peers: &[Contribution<'_, Vec<u32>>],
    ) -> Result<Merged<Vec<u32>>, MergeError> {
        let all = std::iter::once(own).chain(peers).flat_map(|one| one.value.iter().copied()).collect();
        let (share, influence) = shares(Weight(1), &vec![Weight(1); peers.len()]);
        Ok(Merged { value: all, age: own.age, own: share, influence })
    }
}

struct CountCodec;

impl ModelCodec<Counts> for CountCodec {
    fn pack(&mut self, model: &Counts, _: Seed) -> Result<Packet, CompressError> {
        let bytes = model.iter().flat_map(|count| count.to_le_bytes()).collect();
        Packet::new(CodecId(0x8001), Digest::ZERO, vec![bytes])
    }

    fn unpack(&self, packet: &Packet) -> Result<Counts, CompressError> {
        match packet.parts() {
            [part] if packet.codec() == CodecId(0x8001) => {
                Ok(part.as_chunks::<8>().0.iter().map(|bytes| i64::from_le_bytes(*bytes)).collect())
            }
            _ => Err(CompressError::Malformed("not counts")),
        }
    }
}

#[test]
fn the_validator_runs_on_integers_as_well() {
    let mut validator = Validator::new(validator::Start {
        id: id(1),
        merge_data: Arc::new(Together),
        merge_models: Arc::new(Total),
        update: Count,
        codec: CountCodec,
        model: vec![0, 0],
        data: vec![0],
        weight: Weight(1),
        seed: Seed::default(),
        period: PERIOD,
        age_lead: 1,
        waiting: 8,
    });
    let mut out = Outbox::new();
    let packet = |counts: Counts| ModelMessage {
        age: 0,
        packet: CountCodec.pack(&counts, Seed::default()).expect("small"),
    };
    for (from, counts) in [(2, vec![10, 20]), (3, vec![1]), (4, vec![100, 200])] {
        let input = validator::Input::Model { from: id(from), weight: Weight(1), message: packet(counts) };
        validator.step(Time(0), input, &mut out).expect("waits");
    }
    validator
        .step(Time(0), validator::Input::Data { from: id(5), weight: Weight(1), data: vec![1, 1] }, &mut out)
        .expect("waits");
    validator.step(Time(1), validator::Input::Wake, &mut out).expect("plays");
    assert_eq!((validator.model(), validator.data()), (&vec![111, 222], &vec![0, 1, 1]));
    assert!(
        matches!(out.as_slice()[0], validator::Effect::Offence { by, why: Offence::Merge(_) } if by == id(3))
    );
}
