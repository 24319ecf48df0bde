//! The encoder's forward pass over one text: embeddings, six layers of attention and feed-forward, the mean.
//! Activations are feature-major, because the matrix kernels and the loops between them then run along the
//! tokens.

use super::elementwise::{activate, divide, exponentiate, normalise, spread};
use super::weights::{Layer, Linear, Norm, Weights};
use anyhow::{Context, Result, ensure};
use gemm::Parallelism;

/// How many values describe a token.
pub(super) const HIDDEN: usize = 384;
/// How many values a token has inside a feed-forward block.
pub(super) const INNER: usize = 1536;
const HEADS: usize = 12;
const HEAD: usize = HIDDEN / HEADS;

/// Rows are padded to whole vectors of this many tokens.
const LANES: usize = 8;

/// Memory that a pass needs, kept from text to text: at most 4 MB at 256 tokens.
#[derive(Default)]
pub(super) struct Scratch {
    hidden: Vec<f32>,
    query: Vec<f32>,
    key: Vec<f32>,
    value: Vec<f32>,
    mixed: Vec<f32>,
    scores: Vec<f32>,
    inner: Vec<f32>,
    sums: Vec<f32>,
}

/// The normalised mean of what the encoder makes of each of `ids`.
pub(super) fn embed(weights: &Weights, ids: &[u32], scratch: &mut Scratch) -> Result<Vec<f32>> {
    let rows = ids.len().next_multiple_of(LANES);
    scratch.fit(ids.len(), rows);
    look_up(weights, ids, rows, &mut scratch.hidden)?;
    add_and_normalise(weights, &weights.norm, &[0.0; HIDDEN], rows, scratch)?;
    for layer in &weights.layers {
        attend(weights, layer, ids.len(), rows, scratch)?;
        add_and_normalise(weights, &layer.mixed_norm, weights.values(&layer.mixed.bias)?, rows, scratch)?;
        feed_forward(weights, layer, rows, scratch)?;
        add_and_normalise(weights, &layer.outer_norm, weights.values(&layer.outer.bias)?, rows, scratch)?;
    }
    let real = |row: &[f32]| row.iter().take(ids.len()).sum::<f32>();
    let mut mean: Vec<f32> = scratch.hidden.chunks_exact(rows).map(real).collect();
    // The sum points where the mean does.
    let length = mean.iter().map(|value| value * value).sum::<f32>().sqrt();
    ensure!(length.is_normal(), "the model gave no finite vector");
    for value in &mut mean {
        *value /= length;
    }
    Ok(mean)
}

impl Scratch {
    fn fit(&mut self, tokens: usize, rows: usize) {
        for hidden in [&mut self.hidden, &mut self.query, &mut self.key, &mut self.value, &mut self.mixed] {
            hidden.resize(HIDDEN * rows, 0.0);
        }
        self.scores.resize(tokens * rows, 0.0);
        self.inner.resize(INNER * rows, 0.0);
        self.sums.resize(2 * rows, 0.0);
    }
}

fn look_up(weights: &Weights, ids: &[u32], rows: usize, hidden: &mut [f32]) -> Result<()> {
    let words = weights.values(&weights.words)?;
    let positions = weights.values(&weights.positions)?.chunks_exact(HIDDEN);
    let segment = weights.values(&weights.segments)?;
    hidden.fill(0.0);
    for (token, (id, position)) in ids.iter().zip(positions).enumerate() {
        let word = words
            .chunks_exact(HIDDEN)
            .nth(*id as usize)
            .context("the vocabulary is larger than the model's")?;
        let column = hidden.iter_mut().skip(token).step_by(rows);
        for (((value, word), position), segment) in column.zip(word).zip(position).zip(segment) {
            *value = word + position + segment;
        }
    }
    Ok(())
}

/// Adds to `hidden` what attention makes of it, without the bias of the last step.
fn attend(weights: &Weights, layer: &Layer, tokens: usize, rows: usize, scratch: &mut Scratch) -> Result<()> {
    let Scratch { hidden, query, key, value, mixed, scores, sums, .. } = scratch;
    for (linear, output) in [(&layer.query, &mut *query), (&layer.key, key), (&layer.value, value)] {
        let bias = weights.values(&linear.bias)?;
        widest(|| spread(output, rows, bias));
        project(weights, linear, hidden, rows, output)?;
    }
    let heads = mixed.chunks_exact_mut(HEAD * rows);
    let inputs = query
        .chunks_exact(HEAD * rows)
        .zip(key.chunks_exact(HEAD * rows))
        .zip(value.chunks_exact(HEAD * rows));
    for (mixed, ((query, key), value)) in heads.zip(inputs) {
        #[expect(clippy::cast_precision_loss, reason = "it is 32")]
        let scale = 1.0 / (HEAD as f32).sqrt();
        let query = Matrix { values: query, row_stride: 1, column_stride: rows };
        let key = Matrix { values: key, row_stride: rows, column_stride: 1 };
        multiply(scores, false, [rows, HEAD, tokens], &query, &key, scale)?;
        widest(|| exponentiate(scores, rows, sums));
        let scores = Matrix { values: scores, row_stride: 1, column_stride: rows };
        let value = Matrix { values: value, row_stride: 1, column_stride: rows };
        multiply(mixed, false, [rows, tokens, HEAD], &scores, &value, 1.0)?;
        widest(|| divide(mixed, rows, sums));
    }
    project(weights, &layer.mixed, mixed, rows, hidden)
}

/// Adds to `hidden` what the feed-forward block makes of it, without the bias of the last step.
fn feed_forward(weights: &Weights, layer: &Layer, rows: usize, scratch: &mut Scratch) -> Result<()> {
    let Scratch { hidden, inner, .. } = scratch;
    let bias = weights.values(&layer.inner.bias)?;
    inner.fill(0.0);
    project(weights, &layer.inner, hidden, rows, inner)?;
    widest(|| activate(inner, rows, bias));
    project(weights, &layer.outer, inner, rows, hidden)
}

fn add_and_normalise(
    weights: &Weights,
    norm: &Norm,
    added: &[f32],
    rows: usize,
    scratch: &mut Scratch,
) -> Result<()> {
    let (weight, bias) = (weights.values(&norm.weight)?, weights.values(&norm.bias)?);
    widest(|| normalise(&mut scratch.hidden, rows, added, weight, bias, &mut scratch.sums));
    Ok(())
}

/// Adds the product of `input` and the weights to `output`.
fn project(weights: &Weights, linear: &Linear, input: &[f32], rows: usize, output: &mut [f32]) -> Result<()> {
    let (inputs, outputs) = (input.len() / rows, output.len() / rows);
    let input = Matrix { values: input, row_stride: 1, column_stride: rows };
    let weight = Matrix { values: weights.values(&linear.weight)?, row_stride: 1, column_stride: inputs };
    multiply(output, true, [rows, inputs, outputs], &input, &weight, 1.0)
}

/// Runs `work` compiled for the widest vectors of this machine.
#[inline]
fn widest(work: impl FnOnce()) {
    pulp::Arch::new().dispatch(work);
}

/// Values seen as a matrix.
struct Matrix<'a> {
    values: &'a [f32],
    row_stride: usize,
    column_stride: usize,
}

impl Matrix<'_> {
    fn holds(&self, rows: usize, columns: usize) -> bool {
        let last = rows.saturating_sub(1) * self.row_stride + columns.saturating_sub(1) * self.column_stride;
        rows > 0 && columns > 0 && last < self.values.len()
    }
}

/// Sets `output`, or adds to it, `scale` times the product of `left` (`rows` by `depth`) and `right` (`depth`
/// by `columns`); `output` has unit stride along the rows.
fn multiply(
    output: &mut [f32],
    adds: bool,
    [rows, depth, columns]: [usize; 3],
    left: &Matrix<'_>,
    right: &Matrix<'_>,
    scale: f32,
) -> Result<()> {
    ensure!(
        left.holds(rows, depth) && right.holds(depth, columns) && output.len() >= rows * columns,
        "a matrix is smaller than its product needs"
    );
    let stride = |stride: usize| stride.cast_signed();
    // SAFETY: every element that the strides reach was checked to lie in its slice, and `output` is borrowed
    // mutably, so that it overlaps neither factor.
    unsafe {
        gemm::gemm(
            rows,
            columns,
            depth,
            output.as_mut_ptr(),
            stride(rows),
            1,
            adds,
            left.values.as_ptr(),
            stride(left.column_stride),
            stride(left.row_stride),
            right.values.as_ptr(),
            stride(right.column_stride),
            stride(right.row_stride),
            1.0,
            scale,
            false,
            false,
            false,
            Parallelism::None,
        );
    }
    Ok(())
}
