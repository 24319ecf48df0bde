//! What models cost: list prices in United States dollars per million tokens, and the operator's own where they differ.

use std::collections::BTreeMap;

use anyhow::{Context, ensure};

use crate::env::Env;

/// When the list was last held against the providers' own pages. Prices move, and `MODEL_PRICES` says what holds for you.
pub const PRICES_OF: &str = "December 2025";

/// Name prefix, input price, output price. The longest prefix that fits counts.
const PRICES: &[(&str, f64, f64)] = &[
    ("claude-haiku-4-5", 1.00, 5.00),
    ("claude-opus-4-5", 5.00, 25.00),
    ("claude-sonnet-4-5", 3.00, 15.00),
    ("gpt-4.1", 2.00, 8.00),
    ("gpt-4.1-mini", 0.40, 1.60),
    ("gpt-4.1-nano", 0.10, 0.40),
    ("gpt-4o", 2.50, 10.00),
    ("gpt-4o-mini", 0.15, 0.60),
    ("llama-3.1-8b", 0.05, 0.08),
    ("llama-3.3-70b", 0.59, 0.79),
    ("openai/gpt-oss-120b", 0.15, 0.60),
    ("openai/gpt-oss-20b", 0.075, 0.30),
    // Embedders write nothing.
    ("text-embedding-3-large", 0.13, 0.0),
    ("text-embedding-3-small", 0.02, 0.0),
    ("voyage-3-large", 0.18, 0.0),
    ("voyage-3.5", 0.06, 0.0),
    ("voyage-3.5-lite", 0.02, 0.0),
];

/// Prices by the beginning of a model's name.
#[derive(Debug)]
pub struct Prices(BTreeMap<String, Price>);

/// Dollars per million tokens.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Price {
    input: f64,
    output: f64,
}

impl Price {
    /// What so many tokens cost, in dollars.
    pub fn cost_usd(self, input_tokens: u32, output_tokens: u32) -> f64 {
        (f64::from(input_tokens) * self.input + f64::from(output_tokens) * self.output) / 1e6
    }
}

impl Prices {
    /// The list, with what `MODEL_PRICES` says (`NAME=INPUT/OUTPUT,…`) in place of its entries of the same names.
    pub fn read(env: &Env) -> anyhow::Result<Self> {
        let listed = PRICES.iter().map(|&(name, input, output)| (name.to_owned(), Price { input, output }));
        let mut prices: BTreeMap<String, Price> = listed.collect();
        for item in env.list("MODEL_PRICES") {
            let price =
                |text: &str| text.trim().parse::<f64>().ok().filter(|price| (0.0..=1e6).contains(price));
            let read = item.split_once('=').and_then(|(name, pair)| {
                let (input, output) = pair.split_once('/')?;
                Some((name.trim().to_owned(), Price { input: price(input)?, output: price(output)? }))
            });
            let (name, price) = read.with_context(|| {
                format!("MODEL_PRICES: {item:?} is not NAME=INPUT/OUTPUT in dollars per million tokens")
            })?;
            ensure!(!name.is_empty(), "MODEL_PRICES: {item:?} names no model");
            prices.insert(name, price);
        }
        Ok(Self(prices))
    }

    /// A model's; none for one that is not listed.
    pub fn of(&self, model: &str) -> Option<Price> {
        let fits = self.0.iter().filter(|(prefix, _)| model.starts_with(prefix.as_str()));
        fits.max_by_key(|(prefix, _)| prefix.len()).map(|(_, price)| *price)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn prices(own: &str) -> anyhow::Result<Prices> {
        Prices::read(&Env::of([("MODEL_PRICES", own.to_owned())]))
    }

    fn cost_usd(prices: &Prices, model: &str, input: u32, output: u32) -> Option<f64> {
        Some(prices.of(model)?.cost_usd(input, output))
    }

    #[test]
    fn a_longer_name_is_not_taken_for_its_beginning() {
        let prices = prices("").unwrap();
        assert_eq!(cost_usd(&prices, "gpt-4o-mini-2024-07-18", 1_000_000, 0), Some(0.15));
        assert_eq!(cost_usd(&prices, "gpt-4o", 0, 1_000_000), Some(10.0));
        assert_eq!(cost_usd(&prices, "unheard-of", 1, 1), None);
    }

    #[test]
    fn the_operators_prices_win_and_mistakes_stop_the_process() {
        let own = prices("gpt-4o=1/2, mine=0.5/0").unwrap();
        assert_eq!(cost_usd(&own, "gpt-4o-2024", 1_000_000, 1_000_000), Some(3.0));
        assert_eq!(cost_usd(&own, "mine", 2_000_000, 9), Some(1.0));
        for bad in ["mine", "mine=1", "mine=1/x", "=1/2", "mine=-1/2", "mine=NaN/1"] {
            assert!(prices(bad).is_err(), "{bad}");
        }
    }
}
