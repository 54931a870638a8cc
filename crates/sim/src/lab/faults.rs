//! Links and churn of a trial. Spans are written in periods.
//!
//! Traces stand in the experiment as numbers, so that what is played is all there: a file elsewhere could change under
//! a run that is kept.

use super::{ExperimentError, Trial, experiment::wrong, trial::PERIOD};
use crate::{Chance, Churn, Latency, Link, Network, Quantiles, Sessions, Setting};
use std::{sync::Arc, time::Duration};

/// The longest span, in periods.
const LONGEST: f64 = 1e6;

/// Links and churn.
pub(super) fn faults(trial: &Trial) -> Result<Setting, ExperimentError> {
    let loss = chance(trial.number("loss", 0.0, 1.0)?);
    let link = Link { loss, ..Link::new(latency(trial)?) };
    let uplink = match trial.number("uplink", 0.0, 1e12)? {
        0.0 => None,
        bytes => Some((bytes / PERIOD.as_secs_f64()).ceil() as u64),
    };
    let network = Network { link, uplink, ..Network::default() };
    Ok(Setting { network, churn: churn(trial)?, ..Setting::default() })
}

fn chance(share: f64) -> Chance {
    Chance((share * 1e6) as u32)
}

fn latency(trial: &Trial) -> Result<Latency, ExperimentError> {
    let text = trial.get("delay");
    let unread = || {
        let expected = "`X`, `constant:X`, `lognormal:MEDIAN,SIGMA` (of the logarithm, to 5) or `measured:X,X,…` would do, \
                        in periods";
        wrong("delay", text, expected)
    };
    let (kind, rest) = text.split_once(':').unwrap_or(("uniform", text));
    let spans = || spans(rest).ok_or_else(unread);
    match kind {
        "uniform" => match spans()?[..] {
            [most] => Ok(Latency::Uniform { least: Duration::ZERO, most }),
            _ => Err(unread()),
        },
        "constant" => match spans()?[..] {
            [span] => Ok(Latency::Constant(span)),
            _ => Err(unread()),
        },
        "lognormal" => {
            let (median, sigma) = rest.split_once(',').ok_or_else(unread)?;
            let sigma: f64 = sigma.trim().parse().map_err(|_| unread())?;
            let median = span(median).filter(|_| (0.0..=5.0).contains(&sigma)).ok_or_else(unread)?;
            Ok(Latency::LogNormal { median, sigma: (sigma * 1e6) as u32 })
        }
        "measured" => Quantiles::of(&spans()?).map(Latency::Measured).ok_or_else(unread),
        _ => Err(unread()),
    }
}

fn churn(trial: &Trial) -> Result<Option<Churn>, ExperimentError> {
    let text = trial.get("online");
    let unread = || {
        let expected = "a share above 0 and up to 1, `independent:SHARE`, or `recorded:STAY,AWAY,…;…` with as many absences as \
                        sessions would do";
        wrong("online", text, expected)
    };
    let share = |text: &str| text.parse().ok().filter(|share: &f64| (0.001..=1.0).contains(share));
    match text.split_once(':') {
        None => {
            let online = share(text).ok_or_else(unread)?;
            let up = PERIOD * 10;
            Ok((online < 1.0).then(|| Churn::new(up, up.mul_f64(1.0 / online - 1.0))))
        }
        Some(("independent", text)) => {
            Ok(Some(Churn::independent(PERIOD, chance(share(text).ok_or_else(unread)?))))
        }
        Some(("recorded", text)) => {
            let record = |text: &str| match text.trim() {
                "" => Some(Vec::new()),
                text => spans(text).filter(|record| record.len().is_multiple_of(2)),
            };
            let records: Option<Vec<_>> = text.split(';').map(record).collect();
            let records: Arc<[_]> = records.ok_or_else(unread)?.into();
            Ok(Some(Churn::of(Sessions::Recorded(records))))
        }
        Some(_) => Err(unread()),
    }
}

/// Spans with commas between them.
fn spans(text: &str) -> Option<Vec<Duration>> {
    text.split(',').map(span).collect()
}

fn span(text: &str) -> Option<Duration> {
    let periods: f64 = text.trim().parse().ok()?;
    (0.0..=LONGEST).contains(&periods).then(|| PERIOD.mul_f64(periods))
}
