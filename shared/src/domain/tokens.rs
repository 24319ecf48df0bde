//! How one word of a text becomes terms: folding, stemming, and splitting of identifiers, which keeps the whole as well.

use std::borrow::Cow;

use rust_stemmers::Stemmer;
use unicode_normalization::{UnicodeNormalization, char::is_combining_mark};

use super::language::{Language, Stopped};

/// Longer identifiers (addresses, paths, encoded bytes) are kept in parts only.
const WHOLE_MAX_BYTES: usize = 64;
/// Longer runs of letters are no words and stay unstemmed.
const STEM_MAX_BYTES: usize = 40;
/// Letters up to this many are not split by case: units and symbols such as `kPa`, `mRNA` and `HeLa`.
const UNSPLIT_MAX_CHARS: usize = 4;

/// Turns words of one language into terms.
///
/// Stems of different languages are different terms, told apart by a code before them, so that what a German document holds
/// changes nothing for an English one. Numbers and identifiers are the same in all.
pub(super) struct Tokens {
    language: Language,
    stemmer: Option<Stemmer>,
    stopped: Stopped,
}

impl Tokens {
    /// Of a text in `language`.
    pub(super) fn new(language: Language) -> Self {
        Self { language, stemmer: language.stemmer(), stopped: language.into() }
    }

    /// Of a question put to documents in `language`, without the words that are too common in the question's own.
    pub(super) fn asking(language: Language, stopped: Stopped) -> Self {
        Self { stopped: stopped.and(language), ..Self::new(language) }
    }

    /// Gives the terms of `word`, which holds no white space, to `emit` in order. An identifier gives itself, folded but
    /// unstemmed, and then its parts: `API-5L` gives `api5l`, `api`, `5l`.
    pub(super) fn of(&self, word: &str, emit: &mut dyn FnMut(&str)) {
        if word.bytes().all(|byte| byte.is_ascii_lowercase()) {
            return self.plain(word, emit);
        }
        let folded = fold(word);
        for run in folded.split(|found| !is_word(found) && !is_joiner(found)) {
            let run = run.trim_matches(is_joiner);
            // The year of an edition stands behind a colon; without digits it is a path of code and no designation.
            let has_digit = run.contains(char::is_numeric);
            let divides = |found| matches!(found, '/' | '\\') || has_digit && found == ':';
            if run.contains(divides) {
                self.whole(run, emit);
            }
            for compound in run.split(divides) {
                self.compound(compound.trim_matches(is_joiner), emit);
            }
        }
    }

    /// `max_retry_count`, `ISO-15156-3`, `0.25`; no slashes.
    fn compound(&self, compound: &str, emit: &mut dyn FnMut(&str)) {
        let mut atoms = split(compound, joins_atoms).filter(|atom| !atom.is_empty()).peekable();
        let Some(first) = atoms.next() else { return };
        // "boundary-layer" is two words of English and no name: as a third term it would only count them twice.
        let is_english = compound.chars().all(|found| found == '-' || found.is_lowercase());
        if atoms.peek().is_some() && !is_english {
            self.whole(compound, emit);
            // ISO15156-3 and ISO-15156-3 are also called 15156-3.
            if let Some(number) = number_behind_letters(compound)
                && number.contains(is_joiner)
            {
                self.whole(number, emit);
            }
        }
        self.atom(first, emit);
        for atom in atoms {
            self.atom(atom, emit);
        }
    }

    /// `getUserId`, `A105`, `0.25`, `Steel`.
    fn atom(&self, atom: &str, emit: &mut dyn FnMut(&str)) {
        let parts: Vec<&str> = cut_by_digits(atom).into_iter().flat_map(cut_by_case).collect();
        if parts.len() < 2 {
            return self.plain(&atom.to_lowercase(), emit);
        }
        self.whole(atom, emit);
        // API5L is also called API 5L; but nobody calls Base64Encoder so.
        if let Some(number) = number_behind_letters(atom)
            && number.contains(char::is_alphabetic)
            && !atom.contains(char::is_lowercase)
        {
            self.whole(number, emit);
        }
        for part in parts {
            // Single letters and digits, as in A105 or H2S, match everywhere and mean nothing alone.
            if part.chars().nth(1).is_some() {
                self.plain(&part.to_lowercase(), emit);
            }
        }
    }

    /// An identifier as it stands, but for what some write between letters and digits: MR-0175 is MR0175. One of letters
    /// only is stemmed, so that its plural finds it.
    fn whole(&self, text: &str, emit: &mut dyn FnMut(&str)) {
        if text.len() > WHOLE_MAX_BYTES {
            return;
        }
        let lower: String = split(text, joins_letter_and_digit).collect::<String>().to_lowercase();
        if self.is_stemmed(&lower) { self.stem(&lower, emit) } else { emit(&lower) }
    }

    /// A lower-case word or a number.
    fn plain(&self, word: &str, emit: &mut dyn FnMut(&str)) {
        if word.is_empty() || self.stopped.stops(word) {
            return;
        }
        if word.chars().any(is_unspaced) {
            return unspaced(word, emit);
        }
        if word.len() <= STEM_MAX_BYTES && self.is_stemmed(word) { self.stem(word, emit) } else { emit(word) }
    }

    /// English words are plain ASCII; others are letters of any kind.
    fn is_stemmed(&self, lower: &str) -> bool {
        match self.language {
            Language::English => lower.bytes().all(|byte| byte.is_ascii_lowercase()),
            _ => lower.chars().all(char::is_alphabetic),
        }
    }

    fn stem(&self, word: &str, emit: &mut dyn FnMut(&str)) {
        let stem = self.stemmer.as_ref().map_or(Cow::Borrowed(word), |stemmer| stemmer.stem(word));
        if self.language == Language::English {
            return emit(&stem);
        }
        emit(&format!("{} {stem}", self.language.code()));
    }
}

/// Compatibility forms to their plain ones (ﬁ, ², full-width), invisible hyphens out, thousands without commas.
fn fold(word: &str) -> Cow<'_, str> {
    let mut folded = Cow::Borrowed(word);
    if !word.is_ascii() {
        folded = word
            .nfkc()
            .filter(|&found| found != '\u{ad}')
            .map(|found| if found == '\u{2010}' { '-' } else { found })
            .collect::<String>()
            .into();
    }
    if folded.contains(',') {
        let is_group = |rest: &str| {
            rest.bytes().take(3).filter(u8::is_ascii_digit).count() == 3
                && !rest.as_bytes().get(3).is_some_and(u8::is_ascii_digit)
        };
        let mut joined = String::with_capacity(folded.len());
        for (index, piece) in folded.split(',').enumerate() {
            if index > 0 && !(joined.ends_with(|last: char| last.is_ascii_digit()) && is_group(piece)) {
                joined.push(',');
            }
            joined.push_str(piece);
        }
        folded = joined.into();
    }
    folded
}

/// Is the joiner between `before` and `after` a place to split? Not the point of a number.
fn joins_atoms(before: Option<char>, joiner: char, after: Option<char>) -> bool {
    let in_number =
        joiner == '.' && before.is_some_and(char::is_numeric) && after.is_some_and(char::is_numeric);
    is_joiner(joiner) && !in_number
}

/// Is the hyphen (or its like) between `before` and `after` one that others leave out?
fn joins_letter_and_digit(before: Option<char>, joiner: char, after: Option<char>) -> bool {
    let (Some(before), Some(after)) = (before, after) else { return false };
    matches!(joiner, '-' | '_' | '.')
        && (before.is_alphabetic() && after.is_numeric() || before.is_numeric() && after.is_alphabetic())
}

/// What follows the two or more letters that it begins with, if that begins with a digit: `15156-3` of `ISO-15156-3`.
fn number_behind_letters(name: &str) -> Option<&str> {
    let letters = name.trim_start_matches(char::is_alphabetic);
    name.char_indices()
        .nth(2)
        .is_some_and(|(second, _)| name.len() - letters.len() >= second)
        .then_some(())?;
    let number = letters.trim_start_matches(is_joiner);
    number.starts_with(char::is_numeric).then_some(number)
}

/// The pieces of `text` between the characters that `divides` accepts, which sees their neighbours.
fn split(text: &str, divides: fn(Option<char>, char, Option<char>) -> bool) -> impl Iterator<Item = &str> {
    let mut before = None;
    let mut following = text.chars().skip(1);
    text.split(move |found| {
        let is_divided = divides(before, found, following.next());
        before = Some(found);
        is_divided
    })
}

/// Cuts `22HRC` before H.
fn cut_by_digits(atom: &str) -> Vec<&str> {
    let is_digit = |found: char| found.is_numeric() || found == '.';
    cut(atom, |before, here, _, _| is_digit(before) != is_digit(here))
}

/// Cuts `getUserID` before U and I, `HTTPServer` before S, and `PDFs` nowhere.
fn cut_by_case(run: &str) -> Vec<&str> {
    if run.chars().nth(UNSPLIT_MAX_CHARS).is_none() {
        return vec![run];
    }
    cut(run, |before, here, next, after_next| {
        let is_plural = next == Some('s') && after_next.is_none();
        let begins_word = next.is_some_and(char::is_lowercase) && !is_plural;
        here.is_uppercase() && (before.is_lowercase() || before.is_uppercase() && begins_word)
    })
}

/// Cuts before each character that `divides` accepts; it sees the one before, the character, and the two after.
fn cut(text: &str, divides: impl Fn(char, char, Option<char>, Option<char>) -> bool) -> Vec<&str> {
    let mut pieces = Vec::new();
    let (mut start, mut before) = (0, None);
    let mut rest = text.char_indices();
    while let Some((at, here)) = rest.next() {
        let mut ahead = rest.clone().map(|(_, found)| found);
        if before.is_some_and(|before| divides(before, here, ahead.next(), ahead.next())) {
            pieces.extend(text.get(start..at));
            start = at;
        }
        before = Some(here);
    }
    pieces.extend(text.get(start..));
    pieces
}

/// Scripts without spaces give each pair of neighbouring characters, what lies between gives itself.
fn unspaced(word: &str, emit: &mut dyn FnMut(&str)) {
    for run in cut(word, |before, here, _, _| is_unspaced(before) != is_unspaced(here)) {
        let mut ends = run.char_indices().map(|(at, found)| at + found.len_utf8()).skip(1).peekable();
        if !run.starts_with(is_unspaced) || ends.peek().is_none() {
            emit(run);
            continue;
        }
        for ((start, _), end) in run.char_indices().zip(ends) {
            emit(run.get(start..end).unwrap_or_default());
        }
    }
}

fn is_word(found: char) -> bool {
    found.is_alphanumeric() || !found.is_ascii() && is_combining_mark(found)
}

/// Holds the parts of an identifier together.
fn is_joiner(found: char) -> bool {
    matches!(found, '_' | '-' | '.' | ':' | '@' | '/' | '\\')
}

/// Han, Hiragana and Katakana.
fn is_unspaced(found: char) -> bool {
    matches!(found, '\u{3040}'..='\u{30ff}' | '\u{3400}'..='\u{4dbf}' | '\u{4e00}'..='\u{9fff}' | '\u{f900}'..='\u{faff}' | '\u{20000}'..='\u{3ffff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Vec<String> {
        of_language(text, Language::English)
    }

    fn of_language(text: &str, language: Language) -> Vec<String> {
        let (tokens, mut found) = (Tokens::new(language), Vec::new());
        for word in text.split_whitespace() {
            tokens.of(word, &mut |term| found.push(term.to_owned()));
        }
        found
    }

    #[test]
    fn words_of_other_languages_are_stemmed_by_their_rules_and_marked() {
        for (language, text, expected) in [
            (Language::German, "Die Schweißnähte KX-204/B", "de schweissnaht kx204/b kx204 de kx 204 de b"),
            (Language::French, "l'acier des soudures", "fr aci fr soudur"),
            (Language::Spanish, "las Soldaduras", "es soldadur"),
            (Language::Russian, "сварные соединения", "ru сварн ru соединен"),
            (Language::Other, "Połączenia spawane 22HRC", "und połączenia und spawane 22hrc 22 und hrc"),
        ] {
            assert_eq!(of_language(text, language).join(" "), expected);
        }
    }

    #[test]
    fn identifiers_give_themselves_and_their_parts() {
        for (word, expected) in [
            ("max_retry_count", "max_retry_count max retri count"),
            ("getUserId()", "getuserid get user id"),
            ("MR0175/ISO-15156", "mr0175/iso15156 mr0175 mr 0175 iso15156 iso 15156"),
            ("MR-0175", "mr0175 mr 0175"),
            ("15156-3:2020,", "15156-3:2020 15156-3 15156 3 2020"),
            ("ISO15156-3", "iso15156-3 15156-3 iso15156 iso 15156 3"),
            ("ISO-15156-3:2020", "iso15156-3:2020 iso15156-3 15156-3 iso 15156 3 2020"),
            ("KX-204/B", "kx204/b kx204 kx 204 b"),
            ("KX204B H2S", "kx204b 204b kx 204 h2s"),
            ("A.2.1 A2.1 10:30", "a2.1 2.1 a2.1 2.1 10:30 10 30"),
            ("22 HRC", "22 hrc"),
            ("22HRC", "22hrc 22 hrc"),
            ("A105", "a105 105"),
            ("X65,", "x65 65"),
            ("v1.2.3", "v1.2.3 1.2.3"),
            ("0.25", "0.25"),
            ("(10-mm)", "10mm 10 mm"),
            ("API-5L API5L", "api5l api 5l api5l 5l api"),
            ("1,000,000 [1,2]", "1000000 1 2"),
            ("HTTPServer PDFs kPa", "httpserver http server pdfs kpa"),
            ("std::vec::Vec", "std::vec::vec std vec vec"),
            ("file.txt.", "file.txt file txt"),
            ("user's don't", "user"),
            ("−29 °C 40°C 70 mg/m³", "29 c 40 c 70 mg/m3 mg m3"),
            ("eﬃcient de\u{ad}sign non\u{2011}metal", "effici design non metal"),
            ("漢字東 あ", "漢字 字東 あ"),
            ("Ärzte e\u{301}te\u{301}", "ärzte été"),
            ("running runs The", "run run"),
            (
                "boundary-layer Non-Metal DiffExecutors",
                "boundari layer non-metal non metal diffexecutor diff executor",
            ),
            ("... -- / _", ""),
        ] {
            assert_eq!(of(word).join(" "), expected, "{word}");
        }
    }

    #[test]
    fn any_text_gives_terms_that_are_folded_and_not_empty() {
        let mut state = 0x2545_f491_4f6c_dd1d_u64;
        let mut next = |bound: u64| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state % bound
        };
        let alphabet: Vec<char> =
            "aZs9.,_-/:@ 'enilstuéäőığвсялиньθ漢あİßﬁ²Ǆ\u{ad}\u{301}\u{2011}\u{1F600}\u{0}".chars().collect();
        for _ in 0..4000 {
            let text: String = (0..next(40))
                .map(|_| {
                    if next(8) == 0 {
                        char::from_u32(u32::try_from(next(0x11_0000)).unwrap()).unwrap_or('x')
                    } else {
                        alphabet[usize::try_from(next(alphabet.len() as u64)).unwrap()]
                    }
                })
                .collect();
            for language in Language::foreign().chain([Language::English]) {
                for term in of_language(&text, language) {
                    let stem = term.strip_prefix(&format!("{} ", language.code())).unwrap_or(&term);
                    assert!(language == Language::English || !stem.is_empty());
                    assert!(
                        stem.chars().all(|found| !found.is_ascii_uppercase() && found != ' '),
                        "{text:?} {term:?}"
                    );
                    assert!(term.chars().any(is_word), "{text:?} {term:?}");
                }
            }
        }
    }
}
