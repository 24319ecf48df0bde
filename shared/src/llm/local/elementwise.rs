//! What the forward pass does between its matrix products, value by value: activations and normalisations.
//! Matrices are feature-major (a row per feature, the tokens side by side), so that all sums run across
//! lanes.
#![expect(
    clippy::inline_always,
    reason = "only what is inlined into the caller is compiled for its vector width"
)]

/// The published model's layer-normalisation epsilon.
const EPSILON: f32 = 1e-12;

/// Adds `bias` to each row of `rows` values and normalises each token over the features.
#[inline(always)]
pub(super) fn normalise(
    values: &mut [f32],
    rows: usize,
    added: &[f32],
    weight: &[f32],
    bias: &[f32],
    sums: &mut [f32],
) {
    let (mean, scale) = sums.split_at_mut(rows);
    mean.fill(0.0);
    for (row, added) in values.chunks_exact_mut(rows).zip(added) {
        for (value, mean) in row.iter_mut().zip(mean.iter_mut()) {
            *value += added;
            *mean += *value;
        }
    }
    #[expect(clippy::cast_precision_loss, reason = "there are a few hundred features")]
    let share = 1.0 / weight.len() as f32;
    for mean in mean.iter_mut() {
        *mean *= share;
    }
    scale.fill(0.0);
    for row in values.chunks_exact(rows) {
        for ((value, mean), scale) in row.iter().zip(mean.iter()).zip(scale.iter_mut()) {
            *scale += (value - mean) * (value - mean);
        }
    }
    for scale in scale.iter_mut() {
        *scale = 1.0 / (*scale * share + EPSILON).sqrt();
    }
    for ((row, weight), bias) in values.chunks_exact_mut(rows).zip(weight).zip(bias) {
        for ((value, mean), scale) in row.iter_mut().zip(mean.iter()).zip(scale.iter()) {
            *value = (*value - mean) * scale * weight + bias;
        }
    }
}

/// Turns scores (a row per key) into weights that are yet to be divided by their sums, which go to the first
/// half of `sums`.
#[inline(always)]
pub(super) fn exponentiate(scores: &mut [f32], rows: usize, sums: &mut [f32]) {
    let (sum, highest) = sums.split_at_mut(rows);
    sum.fill(0.0);
    highest.fill(f32::NEG_INFINITY);
    for row in scores.chunks_exact(rows) {
        for (score, highest) in row.iter().zip(highest.iter_mut()) {
            *highest = if *score > *highest { *score } else { *highest };
        }
    }
    for row in scores.chunks_exact_mut(rows) {
        for ((score, highest), sum) in row.iter_mut().zip(highest.iter()).zip(sum.iter_mut()) {
            *score = exponential(*score - highest);
            *sum += *score;
        }
    }
}

/// Divides each row of `values` by `sums`, token by token.
#[inline(always)]
pub(super) fn divide(values: &mut [f32], rows: usize, sums: &mut [f32]) {
    let (sum, _) = sums.split_at_mut(rows);
    for sum in sum.iter_mut() {
        *sum = 1.0 / *sum;
    }
    for row in values.chunks_exact_mut(rows) {
        for (value, sum) in row.iter_mut().zip(sum.iter()) {
            *value *= sum;
        }
    }
}

/// Adds `bias` to each row and applies the Gaussian error linear unit.
#[inline(always)]
pub(super) fn activate(values: &mut [f32], rows: usize, bias: &[f32]) {
    for (row, bias) in values.chunks_exact_mut(rows).zip(bias) {
        for value in row {
            let input = *value + bias;
            *value = 0.5 * input * (1.0 + error_function(input * std::f32::consts::FRAC_1_SQRT_2));
        }
    }
}

/// Sets each row to its bias.
#[inline(always)]
pub(super) fn spread(values: &mut [f32], rows: usize, bias: &[f32]) {
    for (row, bias) in values.chunks_exact_mut(rows).zip(bias) {
        row.fill(*bias);
    }
}

/// e to the power of a number that is not positive; relative error below 2e-7, zero below −87. It has no
/// branch and no table, so that the compiler runs it on whole lanes.
#[inline(always)]
pub(super) fn exponential(power: f32) -> f32 {
    /// Adding this makes the lowest bits of a small number its nearest integer.
    const ROUND: f32 = 12_582_912.0;
    const LN_2_HIGH: f32 = 0.693_359_4;
    const LN_2_LOW: f32 = -2.121_944_4e-4;
    let clamped = if power > -87.0 { power } else { -87.0 };
    let shifted = clamped * std::f32::consts::LOG2_E + ROUND;
    let whole = shifted - ROUND;
    let rest = clamped - whole * LN_2_HIGH - whole * LN_2_LOW;
    let series = 1.987_569_1e-4 * rest + 1.398_2e-3;
    let series = series * rest + 8.333_452e-3;
    let series = series * rest + 4.166_579_6e-2;
    let series = series * rest + 0.166_666_65;
    let series = series * rest + 0.5;
    let fraction = series * rest * rest + rest + 1.0;
    let exponent = shifted.to_bits().wrapping_sub(ROUND.to_bits()).wrapping_add(127) << 23;
    fraction * f32::from_bits(exponent)
}

/// The error function as a quotient of polynomials; absolute error below 5e-7.
#[inline(always)]
pub(super) fn error_function(input: f32) -> f32 {
    let input = if input > -4.0 { input } else { -4.0 };
    let input = if input < 4.0 { input } else { 4.0 };
    let square = input * input;
    let above = -2.726_142_3e-10 * square + 2.770_681_4e-8;
    let above = above * square - 2.101_024e-6;
    let above = above * square - 5.692_506_4e-5;
    let above = above * square - 7.349_906_3e-4;
    let above = above * square - 2.954_598e-3;
    let above = above * square - 1.609_603_4e-2;
    let below = -1.456_607_2e-5 * square - 2.133_740_6e-4;
    let below = below * square - 1.682_827e-3;
    let below = below * square - 7.373_329e-3;
    let below = below * square - 1.426_473_9e-2;
    input * above / below
}
