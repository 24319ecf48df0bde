//! The same model as its users run it on candle: the `tokenizers` crate, `candle_transformers`' BERT, the mean over the tokens.

use std::path::Path;

use anyhow::{Result, anyhow};
use candle_core::{D, DType, Device, Tensor};
use candle_nn::VarBuilder;
use candle_transformers::models::bert::{BertModel, Config, DTYPE};
use tokenizers::{Tokenizer, TruncationParams};

/// Tokens of a text that count.
const TOKENS_MAX: usize = 256;

/// all-MiniLM-L6-v2's own configuration.
const CONFIG: &str = r#"{"vocab_size":30522,"hidden_size":384,"num_hidden_layers":6,"num_attention_heads":12,
    "intermediate_size":1536,"hidden_act":"gelu","hidden_dropout_prob":0.1,"max_position_embeddings":512,
    "type_vocab_size":2,"initializer_range":0.02,"layer_norm_eps":1e-12,"pad_token_id":0,
    "position_embedding_type":"absolute","use_cache":true,"classifier_dropout":null,"model_type":"bert"}"#;

/// Tokenizer and model.
pub struct Model {
    tokenizer: Tokenizer,
    bert: BertModel,
}

impl Model {
    pub fn open(directory: &Path) -> Result<Self> {
        let mut tokenizer = Tokenizer::from_file(directory.join("tokenizer.json")).map_err(|error| anyhow!(error))?;
        let truncation = TruncationParams { max_length: TOKENS_MAX, ..TruncationParams::default() };
        tokenizer.with_truncation(Some(truncation)).map_err(|error| anyhow!(error))?.with_padding(None);
        let config: Config = serde_json::from_str(CONFIG)?;
        let weights = directory.join("model.safetensors");
        // SAFETY: the file is not changed while it is mapped.
        let weights = unsafe { VarBuilder::from_mmaped_safetensors(&[weights], DTYPE, &Device::Cpu)? };
        Ok(Self { tokenizer, bert: BertModel::load(weights, &config)? })
    }

    pub fn embed(&self, text: &str) -> Result<Vec<f32>> {
        let encoding = self.tokenizer.encode(text, true).map_err(|error| anyhow!(error))?;
        let ids = Tensor::new(encoding.get_ids(), &Device::Cpu)?.unsqueeze(0)?;
        let kinds = ids.zeros_like()?;
        let tokens = self.bert.forward(&ids, &kinds, None)?;
        let mean = tokens.to_dtype(DType::F32)?.mean(1)?;
        let length = mean.sqr()?.sum_keepdim(D::Minus1)?.sqrt()?;
        Ok(mean.broadcast_div(&length)?.squeeze(0)?.to_vec1()?)
    }
}
