//! How much of a conversation a model sees again.

use super::{
    chunking::estimated_tokens,
    prompt::{Role, Turn},
};

/// Questions and answers, oldest first, as a model sees them: of at most so many exchanges and so many tokens, as
/// `estimated_tokens` counts them; the oldest are left out.
pub fn recent(exchanges: Vec<(String, String)>, exchanges_max: usize, tokens_max: usize) -> Vec<Turn> {
    let mut left = tokens_max;
    let fits = |(question, answer): &&(String, String)| {
        let tokens = estimated_tokens(question) + estimated_tokens(answer);
        let fits = tokens <= left;
        left = left.saturating_sub(tokens);
        fits
    };
    let kept = exchanges.iter().rev().take(exchanges_max).take_while(fits).count();
    let skipped = exchanges.len() - kept;
    let turns = exchanges.into_iter().skip(skipped).flat_map(|(question, answer)| {
        [Turn { role: Role::User, text: question }, Turn { role: Role::Assistant, text: answer }]
    });
    turns.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(exchanges_max: usize, tokens_max: usize) -> Vec<String> {
        let exchange = |number: usize| (format!("question {number}"), format!("an answer of words {number}"));
        let turns = recent((0..4).map(exchange).collect(), exchanges_max, tokens_max);
        turns.into_iter().map(|turn| turn.text).collect()
    }

    #[test]
    fn the_oldest_are_left_out_by_number_and_by_length() {
        let one = estimated_tokens("question 0") + estimated_tokens("an answer of words 0");
        assert_eq!(texts(9, 1_000).len(), 8);
        assert_eq!(
            texts(2, 1_000),
            ["question 2", "an answer of words 2", "question 3", "an answer of words 3"]
        );
        assert_eq!(texts(9, 2 * one), texts(2, 1_000));
        assert_eq!(texts(9, 2 * one - 1), ["question 3", "an answer of words 3"]);
        assert_eq!(texts(9, one - 1), [""; 0]);
        assert_eq!(texts(0, 1_000), [""; 0]);
    }

    #[test]
    fn a_long_exchange_does_not_let_older_ones_past_it() {
        let exchanges = vec![
            ("a".to_owned(), "b".to_owned()),
            ("c".to_owned(), "long ".repeat(200)),
            ("e".to_owned(), "f".to_owned()),
        ];
        let turns = recent(exchanges, 9, 100);
        assert_eq!(turns.len(), 2);
        assert_eq!(turns[0], Turn { role: Role::User, text: "e".to_owned() });
    }
}
