//! What one sees in a plot, in plain English and with the figures of this report.

use crate::devnet::number::{bytes, count, counted, millis, percent, ratio, tokens};
use bitneuron_core::Amount;
use bitneuron_sim::report::Report;

/// The caption of the plot with this name.
pub(super) fn caption(name: &str, report: &Report) -> String {
    match name {
        "accuracy" => accuracy(report),
        "bytes" => traffic(report),
        "balances" => balances(report),
        "finality" => finality(report),
        "stake" => stake(report),
        "reputation" => reputation(report),
        _ => String::new(),
    }
}

fn accuracy(report: &Report) -> String {
    let accuracy = &report.accuracy;
    let (mean, worst, users) = (accuracy.validators_mean, accuracy.validators_worst, accuracy.users_mean);
    let gap = (accuracy.centralised - mean) * 100.0;
    let beside = if gap >= 0.05 {
        format!("{gap:.1} points below")
    } else if gap <= -0.05 {
        format!("{:.1} points above", -gap)
    } else {
        "level with".into()
    };
    format!(
        "At the end the validators' models are right on {} of rows, the worst on {}, the users' on {}. \
         A user alone stops at {}; the network ends {beside} a model that saw all data in one place ({}).",
        percent(mean),
        percent(worst),
        percent(users),
        percent(accuracy.local_only),
        percent(accuracy.centralised),
    )
}

fn traffic(report: &Report) -> String {
    let traffic = &report.bytes;
    format!(
        "Compression ({}) sent {} instead of {}: {} fewer. With votes, blocks and everything else, messages came to {}.",
        report.setting.compressor,
        bytes(traffic.sent),
        bytes(traffic.dense_equivalent),
        ratio(traffic.dense_equivalent, traffic.sent),
        bytes(traffic.all_messages),
    )
}

fn balances(report: &Report) -> String {
    let deals = &report.deals;
    let exact = if report.supply.expected == report.supply.actual {
        "What one role gains another loses: no token was made or destroyed."
    } else {
        "The sums do not match the supply: the ledger is at fault."
    };
    format!(
        "The plot counts from the end of round 1. In all, {} paid users for their models; {} were refunded, of these {} \
         since the seller was refuted and {} since it was late. {exact}",
        counted(deals.settled, "deal"),
        count(deals.refunded),
        count(deals.refuted),
        count(deals.late),
    )
}

fn finality(report: &Report) -> String {
    let (blocks, spans) = (&report.blocks, &report.finality_ms);
    format!(
        "Half of all blocks were final within {} of virtual time, ninety-nine in a hundred within {}. \
         {} of {} needed more than one round of votes.",
        millis(spans.p50),
        millis(spans.p99),
        count(blocks.late_rounds),
        counted(blocks.height, "block"),
    )
}

fn stake(report: &Report) -> String {
    let taken = Amount::sum(report.validators.iter().map(|validator| validator.slashed)).unwrap_or_default();
    if taken == Amount::ZERO {
        return "Stake backs a validator's votes. Nobody lost any.".into();
    }
    let guilty =
        report.validators.iter().filter(|validator| validator.slashed != Amount::ZERO).count() as u64;
    format!("Stake backs a validator's votes. {} lost {}.", counted(guilty, "proven offender"), tokens(taken))
}

fn reputation(report: &Report) -> String {
    let best = report.validators.iter().map(|validator| validator.reputation).max().unwrap_or(0);
    format!(
        "Reputation is earned by accepted work, from 0 to 65,535; it adds at most a quarter to the weight of a vote. \
         The best has {}.",
        count(best),
    )
}
