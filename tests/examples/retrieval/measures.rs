//! How good a ranking is, as `trec_eval` counts it, and how long it took.

use super::{as_f64, collection::Judgements};

/// Normalised discounted cumulative gain of the first ten.
pub fn ndcg(found: &[&str], relevant: &Judgements) -> f64 {
    let discounted = |gains: &mut dyn Iterator<Item = f64>| -> f64 {
        gains.take(10).enumerate().map(|(at, gain)| gain / as_f64(at + 2).log2()).sum()
    };
    let mut ideal: Vec<f64> = relevant.values().copied().collect();
    ideal.sort_by(|left, right| right.total_cmp(left));
    let best = discounted(&mut ideal.into_iter());
    let gain = |id: &&str| relevant.get(*id).copied().unwrap_or_default();
    if best > 0.0 { discounted(&mut found.iter().map(gain)) / best } else { 0.0 }
}

/// The share of all that is relevant which stands among the first hundred.
pub fn recall(found: &[&str], relevant: &Judgements) -> f64 {
    let all = relevant.values().filter(|score| **score > 0.0).count();
    let is_relevant = |id: &&&str| relevant.get(**id).is_some_and(|score| *score > 0.0);
    let hits = found.iter().take(100).filter(is_relevant).count();
    if all > 0 { as_f64(hits) / as_f64(all) } else { 0.0 }
}

/// The mean.
pub fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / as_f64(values.len().max(1))
}

/// The value below which this share of all lies.
pub fn quantile(values: &mut [f64], share: f64) -> f64 {
    values.sort_by(f64::total_cmp);
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a place in a list")]
    let place = (as_f64(values.len().saturating_sub(1)) * share).round() as usize;
    values.get(place).copied().unwrap_or_default()
}
