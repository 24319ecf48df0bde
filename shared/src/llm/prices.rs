//! What models cost. List prices in United States dollars per million tokens, as the providers published them in November
//! 2026; a model that is not listed costs 0 here, and says so once in the log.

/// Name prefix, input price, output price. The first prefix that fits counts, so that longer ones stand first.
const PRICES: &[(&str, f64, f64)] = &[
    ("llama-3.1-8b", 0.05, 0.08),
    ("llama-3.3-70b", 0.59, 0.79),
    ("openai/gpt-oss-120b", 0.15, 0.60),
    ("openai/gpt-oss-20b", 0.075, 0.30),
    ("gpt-4.1-nano", 0.10, 0.40),
    ("gpt-4.1-mini", 0.40, 1.60),
    ("gpt-4.1", 2.00, 8.00),
    ("gpt-4o-mini", 0.15, 0.60),
    ("gpt-4o", 2.50, 10.00),
];

/// What a call cost; none for a model that is not listed.
pub fn cost_usd(model: &str, input_tokens: u32, output_tokens: u32) -> Option<f64> {
    let (_, input, output) = PRICES.iter().find(|(prefix, ..)| model.starts_with(prefix))?;
    Some((f64::from(input_tokens) * input + f64::from(output_tokens) * output) / 1e6)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_longer_name_is_not_taken_for_its_beginning() {
        assert_eq!(cost_usd("gpt-4o-mini-2024-07-18", 1_000_000, 0), Some(0.15));
        assert_eq!(cost_usd("gpt-4o", 0, 1_000_000), Some(10.0));
        assert_eq!(cost_usd("unheard-of", 1, 1), None);
    }
}
