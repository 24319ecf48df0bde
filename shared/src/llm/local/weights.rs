//! The model's weights, read where they lie in the memory-mapped safetensors file. Every tensor's place, type
//! and shape is checked when the file is opened; nothing is copied.

use super::forward::{HIDDEN, INNER};
use anyhow::{Context, Result, ensure};
use memmap2::Mmap;
use serde_json::{Map, Value};
use std::fs::File;
use std::ops::Range;
use std::path::Path;

const LAYERS: usize = 6;
const HEADER_BYTES_MAX: usize = 1 << 20;

/// The mapped file and where in it each part lies.
pub(super) struct Weights {
    file: Mmap,
    pub(super) words: Tensor,
    pub(super) positions: Tensor,
    pub(super) segments: Tensor,
    pub(super) norm: Norm,
    pub(super) layers: Vec<Layer>,
}

/// One encoder layer.
pub(super) struct Layer {
    pub(super) query: Linear,
    pub(super) key: Linear,
    pub(super) value: Linear,
    pub(super) mixed: Linear,
    pub(super) mixed_norm: Norm,
    pub(super) inner: Linear,
    pub(super) outer: Linear,
    pub(super) outer_norm: Norm,
}

/// A matrix with a row per output, and what is added to the outputs.
pub(super) struct Linear {
    pub(super) weight: Tensor,
    pub(super) bias: Tensor,
}

/// A layer normalisation.
pub(super) struct Norm {
    pub(super) weight: Tensor,
    pub(super) bias: Tensor,
}

/// Where a tensor lies in the file, in bytes.
pub(super) struct Tensor(Range<usize>);

impl Weights {
    pub(super) fn open(path: &Path) -> Result<Weights> {
        Weights::map(path).with_context(|| format!("read {}", path.display()))
    }

    fn map(path: &Path) -> Result<Weights> {
        let file = File::open(path)?;
        // SAFETY: the map is read only. The file is part of the deployed bundle, pinned by its hash and
        // replaced by renaming, never rewritten or cut in place while a process has it open.
        let file = unsafe { Mmap::map(&file)? };
        let header = Header::read(&file)?;
        let embeddings = |name: &str, rows| {
            header.tensor(&format!("embeddings.{name}_embeddings.weight"), &[rows, HIDDEN])
        };
        let weights = Weights {
            words: embeddings("word", header.rows("embeddings.word_embeddings.weight")?)?,
            positions: embeddings("position", header.rows("embeddings.position_embeddings.weight")?)?,
            segments: embeddings("token_type", header.rows("embeddings.token_type_embeddings.weight")?)?,
            norm: header.norm("embeddings.LayerNorm")?,
            layers: (0..LAYERS).map(|index| header.layer(index)).collect::<Result<_>>()?,
            file,
        };
        weights.values(&weights.words).context("the tensors are not aligned")?;
        Ok(weights)
    }

    /// The values of a tensor of this file.
    pub(super) fn values(&self, tensor: &Tensor) -> Result<&[f32]> {
        let bytes = self.file.get(tensor.0.clone()).context("a tensor lies outside of the file")?;
        bytemuck::try_cast_slice(bytes)
            .map_err(|error| anyhow::anyhow!("a tensor cannot be read in place: {error}"))
    }

    /// How many rows of [`HIDDEN`] values a table has.
    pub(super) fn rows(table: &Tensor) -> usize {
        table.0.len() / (HIDDEN * size_of::<f32>())
    }
}

/// The file's table of contents.
struct Header {
    tensors: Map<String, Value>,
    data: Range<usize>,
}

impl Header {
    fn read(file: &[u8]) -> Result<Header> {
        let (length, rest) = file.split_first_chunk::<8>().context("the file is too short for a header")?;
        let length = usize::try_from(u64::from_le_bytes(*length))?;
        ensure!(length <= HEADER_BYTES_MAX, "the header would have {length} bytes");
        let header = rest.get(..length).context("the file ends within its header")?;
        let tensors: Map<String, Value> = serde_json::from_slice(header).context("the header is not JSON")?;
        // A file that lost only what is not used here is damaged all the same.
        let ends = tensors.values().filter_map(|tensor| tensor.pointer("/data_offsets/1")?.as_u64());
        let size_bytes = ends.max().unwrap_or(0);
        let found_bytes = rest.len() - length;
        ensure!(
            size_bytes <= found_bytes as u64,
            "{size_bytes} bytes of tensors, {found_bytes} in the file: it is cut"
        );
        Ok(Header { tensors, data: 8 + length..file.len() })
    }

    fn layer(&self, index: usize) -> Result<Layer> {
        let name = |part: &str| format!("encoder.layer.{index}.{part}");
        let linear = |part: &str, outputs, inputs| self.linear(&name(part), outputs, inputs);
        Ok(Layer {
            query: linear("attention.self.query", HIDDEN, HIDDEN)?,
            key: linear("attention.self.key", HIDDEN, HIDDEN)?,
            value: linear("attention.self.value", HIDDEN, HIDDEN)?,
            mixed: linear("attention.output.dense", HIDDEN, HIDDEN)?,
            mixed_norm: self.norm(&name("attention.output.LayerNorm"))?,
            inner: linear("intermediate.dense", INNER, HIDDEN)?,
            outer: linear("output.dense", HIDDEN, INNER)?,
            outer_norm: self.norm(&name("output.LayerNorm"))?,
        })
    }

    fn linear(&self, name: &str, outputs: usize, inputs: usize) -> Result<Linear> {
        let weight = self.tensor(&format!("{name}.weight"), &[outputs, inputs])?;
        Ok(Linear { weight, bias: self.tensor(&format!("{name}.bias"), &[outputs])? })
    }

    fn norm(&self, name: &str) -> Result<Norm> {
        let weight = self.tensor(&format!("{name}.weight"), &[HIDDEN])?;
        Ok(Norm { weight, bias: self.tensor(&format!("{name}.bias"), &[HIDDEN])? })
    }

    /// The first dimension of a tensor.
    fn rows(&self, name: &str) -> Result<usize> {
        let rows = self.tensors.get(name).and_then(|tensor| tensor.pointer("/shape/0")?.as_u64());
        Ok(usize::try_from(rows.with_context(|| format!("the file lacks {name}"))?)?)
    }

    fn tensor(&self, name: &str, shape: &[usize]) -> Result<Tensor> {
        let found = self.tensors.get(name).with_context(|| format!("the file lacks {name}"))?;
        let is_expected = found.get("dtype").and_then(Value::as_str) == Some("F32")
            && found.get("shape").is_some_and(|found| *found == Value::from(shape));
        ensure!(is_expected, "{name} is not F32 of shape {shape:?}");
        let offset = |index: usize| {
            let offset = found.get("data_offsets")?.get(index)?.as_u64()?;
            self.data.start.checked_add(usize::try_from(offset).ok()?)
        };
        let (Some(start), Some(end)) = (offset(0), offset(1)) else {
            anyhow::bail!("{name} has no place in the file");
        };
        let size_bytes = shape.iter().try_fold(size_of::<f32>(), |size, side| size.checked_mul(*side));
        ensure!(
            size_bytes.is_some() && end.checked_sub(start) == size_bytes,
            "{name} has a place of the wrong size"
        );
        ensure!(end <= self.data.end, "{name} lies behind the end of the file: it is cut");
        ensure!(start.is_multiple_of(align_of::<f32>()), "{name} is not aligned");
        Ok(Tensor(start..end))
    }
}
