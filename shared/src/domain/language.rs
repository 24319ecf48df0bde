//! Which language a text is in, told by its stop words: the commonest words of a language are a third of its every text.
//! A close relative of a language that is known (Catalan, Ukrainian) may be taken for it; then question and document are
//! stemmed by the same wrong rules, which does little harm. The lists are Snowball's, as PostgreSQL distributes them.

use std::sync::LazyLock;

use rust_stemmers::{Algorithm, Stemmer};

use super::stop_words::STOP_WORDS;

/// A language that words are stemmed in.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[expect(missing_docs, reason = "the names are the meaning")]
pub enum Language {
    /// Also what nothing speaks against: code, tables, lists of parts.
    English,
    Danish,
    Dutch,
    Finnish,
    French,
    German,
    Hungarian,
    Italian,
    /// Bokmål.
    Norwegian,
    Portuguese,
    Russian,
    Spanish,
    Swedish,
    Turkish,
    /// Any other: its words are searched as they stand.
    Other,
}

/// Longer texts are told by their beginning: two hundred pages.
const WORDS_MAX: usize = 100_000;
/// The share of a text's words that are stop words of a language, from which on it may be that language. Prose has .27
/// (Turkish) to .55; the lists know at most .08 of the words of a language that is none of theirs.
const SHARE_MIN: f64 = 0.12;
/// A text of fewer words tells nothing.
const WORDS_MIN: usize = 5;
/// Letters outside of ASCII, from which share on a text is not English even where no list knows it.
const FOREIGN_LETTERS_MIN: f64 = 0.04;
/// So many words of a question say that it is not English.
const QUESTION_WORDS_MIN: u32 = 2;

/// What is known of a language: code, list of stop words, stemmer.
type Known = (Language, &'static str, &'static str, Algorithm);

macro_rules! known {
    ($language:ident, $code:literal, $list:literal) => {
        (
            Language::$language,
            $code,
            include_str!(concat!("../../stop_words/", $list, ".txt")),
            Algorithm::$language,
        )
    };
}

const KNOWN: [Known; 14] = [
    (Language::English, "en", "", Algorithm::English),
    known!(Danish, "da", "danish"),
    known!(Dutch, "nl", "dutch"),
    known!(Finnish, "fi", "finnish"),
    known!(French, "fr", "french"),
    known!(German, "de", "german"),
    known!(Hungarian, "hu", "hungarian"),
    known!(Italian, "it", "italian"),
    known!(Norwegian, "no", "norwegian"),
    known!(Portuguese, "pt", "portuguese"),
    known!(Russian, "ru", "russian"),
    known!(Spanish, "es", "spanish"),
    known!(Swedish, "sv", "swedish"),
    known!(Turkish, "tr", "turkish"),
];

/// Each stop word with one bit for each language that has it, sorted.
static LISTS: LazyLock<Vec<(&'static str, u16)>> = LazyLock::new(|| {
    let lists = KNOWN.iter().flat_map(|(language, _, list, _)| {
        let bit = language.bit();
        list.lines().map(move |word| (word, bit))
    });
    let english = STOP_WORDS.iter().map(|word| (*word, Language::English.bit()));
    let mut words: Vec<(&str, u16)> = english.chain(lists).collect();
    words.sort_by_key(|(word, _)| *word);
    words.dedup_by(|next, kept| {
        let is_same = next.0 == kept.0;
        if is_same {
            kept.1 |= next.1;
        }
        is_same
    });
    words
});

impl Language {
    /// Every language but English.
    pub fn foreign() -> impl Iterator<Item = Self> {
        KNOWN.iter().map(|known| known.0).skip(1).chain([Self::Other])
    }

    /// Its ISO 639-1 code; `und` for any other.
    pub fn code(self) -> &'static str {
        self.known().map_or("und", |known| known.1)
    }

    /// The language of a document. English, unless another's stop words or letters prevail.
    pub fn of(text: &str) -> Self {
        let mut tally = Tally::default();
        for word in words(text).take(WORDS_MAX) {
            tally.add(word);
        }
        tally.language()
    }

    /// Its stemmer, where it has one.
    pub(super) fn stemmer(self) -> Option<Stemmer> {
        self.known().map(|known| Stemmer::create(known.3))
    }

    fn known(self) -> Option<&'static Known> {
        KNOWN.get(self as usize)
    }

    fn bit(self) -> u16 {
        1 << self as u16
    }
}

/// Languages whose stop words are not looked for, one bit each.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Stopped(u16);

impl Stopped {
    /// Those that the question may be in: the ones that know most of its words. Without two words that are more telling
    /// than English it is English: a wrong guess would take words out of it.
    pub(super) fn of_question(text: &str) -> Self {
        let mut tally = Tally::default();
        words(text).for_each(|word| tally.add(word));
        let most = tally.best().1;
        if most < QUESTION_WORDS_MIN || most <= tally.count(Language::English) {
            return Self(Language::English.bit());
        }
        let best = KNOWN.iter().filter(|known| tally.count(known.0) == most);
        Self(best.fold(0, |bits, known| bits | known.0.bit()))
    }

    /// These and one more.
    pub(super) fn and(self, language: Language) -> Self {
        Self(self.0 | language.bit())
    }

    /// Whether the lower-case word is a stop word of one of them.
    pub(super) fn stops(self, word: &str) -> bool {
        // Most texts and questions are English: the other lists need not be read for them.
        if self.0 == Language::English.bit() {
            return STOP_WORDS.binary_search(&word).is_ok();
        }
        stoppers(word) & self.0 != 0
    }
}

impl From<Language> for Stopped {
    fn from(language: Language) -> Self {
        Self(language.bit())
    }
}

/// The languages that the word is a stop word of, one bit each.
fn stoppers(word: &str) -> u16 {
    let at = LISTS.binary_search_by_key(&word, |(known, _)| known);
    at.ok().and_then(|at| LISTS.get(at)).map_or(0, |(_, languages)| *languages)
}

/// The runs of letters.
fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|found: char| !found.is_alphabetic()).filter(|word| !word.is_empty())
}

/// How many words of a text each language knows.
#[derive(Default)]
struct Tally {
    counts: [u32; KNOWN.len()],
    words: usize,
    letters: usize,
    foreign_letters: usize,
}

impl Tally {
    fn add(&mut self, word: &str) {
        self.words += 1;
        let letters = word.chars().count();
        self.letters += letters;
        self.foreign_letters += word.chars().filter(|letter| !letter.is_ascii()).count();
        // Single letters are words of too many languages that are written with them.
        if word.len() < 2 {
            return;
        }
        let languages = stoppers(&word.to_lowercase());
        for (at, count) in self.counts.iter_mut().enumerate() {
            *count += u32::from(languages >> at & 1 == 1);
        }
    }

    fn count(&self, language: Language) -> u32 {
        self.counts.get(language as usize).copied().unwrap_or_default()
    }

    /// The foreign language that knows most of the words; the first of those that know equally many.
    fn best(&self) -> (Language, u32) {
        let counted = KNOWN.iter().skip(1).map(|known| (known.0, self.count(known.0)));
        counted.reduce(|best, next| if next.1 > best.1 { next } else { best }).unwrap_or((Language::Other, 0))
    }

    fn language(&self) -> Language {
        if self.words < WORDS_MIN {
            return Language::English;
        }
        let (best, count) = self.best();
        let english = self.count(Language::English);
        if count > english && share(count as usize, self.words) >= SHARE_MIN {
            return best;
        }
        let is_unknown = share(english as usize, self.words) < SHARE_MIN
            && share(self.foreign_letters, self.letters) >= FOREIGN_LETTERS_MIN;
        if is_unknown { Language::Other } else { Language::English }
    }
}

#[expect(clippy::cast_precision_loss, reason = "counts of words are far below 2^52")]
fn share(part: usize, whole: usize) -> f64 {
    part as f64 / whole.max(1) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The first articles of the Universal Declaration of Human Rights (United Nations, public domain).
    const DECLARATION: [(Language, &str); 18] = [
        (
            Language::English,
            "All human beings are born free and equal in dignity and rights. They are endowed with reason and conscience \
             and should act towards one another in a spirit of brotherhood.",
        ),
        (
            Language::Danish,
            "Alle mennesker er født frie og lige i værdighed og rettigheder. De er udstyret med fornuft og samvittighed, og \
             de bør handle mod hverandre i en broderskabets ånd.",
        ),
        (
            Language::Dutch,
            "Alle mensen worden vrij en gelijk in waardigheid en rechten geboren. Zij zijn begiftigd met verstand en geweten, \
             en behoren zich jegens elkander in een geest van broederschap te gedragen.",
        ),
        (
            Language::Finnish,
            "Kaikki ihmiset syntyvät vapaina ja tasavertaisina arvoltaan ja oikeuksiltaan. Heille on annettu järki ja \
             omatunto, ja heidän on toimittava toisiaan kohtaan veljeyden hengessä.",
        ),
        (
            Language::French,
            "Tous les êtres humains naissent libres et égaux en dignité et en droits. Ils sont doués de raison et de \
             conscience et doivent agir les uns envers les autres dans un esprit de fraternité.",
        ),
        (
            Language::German,
            "Alle Menschen sind frei und gleich an Würde und Rechten geboren. Sie sind mit Vernunft und Gewissen begabt und \
             sollen einander im Geist der Brüderlichkeit begegnen.",
        ),
        (
            Language::Hungarian,
            "Minden emberi lény szabadon születik és egyenlő méltósága és joga van. Az emberek, ésszel és lelkiismerettel \
             bírván, egymással szemben testvéri szellemben kell hogy viseltessenek.",
        ),
        (
            Language::Italian,
            "Tutti gli esseri umani nascono liberi ed eguali in dignità e diritti. Essi sono dotati di ragione e di coscienza \
             e devono agire gli uni verso gli altri in spirito di fratellanza.",
        ),
        (
            Language::Norwegian,
            "Alle mennesker er født frie og med samme menneskeverd og menneskerettigheter. De er utstyrt med fornuft og \
             samvittighet og bør handle mot hverandre i brorskapets ånd. Enhver har rett til liv, og ikke noen skal holdes i \
             slaveri. Hva som helst av dette gjelder også for dem som ikke er født her.",
        ),
        (
            Language::Portuguese,
            "Todos os seres humanos nascem livres e iguais em dignidade e em direitos. Dotados de razão e de consciência, \
             devem agir uns para com os outros em espírito de fraternidade.",
        ),
        (
            Language::Russian,
            "Все люди рождаются свободными и равными в своем достоинстве и правах. Они наделены разумом и совестью и должны \
             поступать в отношении друг друга в духе братства.",
        ),
        (
            Language::Spanish,
            "Todos los seres humanos nacen libres e iguales en dignidad y derechos y, dotados como están de razón y \
             conciencia, deben comportarse fraternalmente los unos con los otros.",
        ),
        (
            Language::Swedish,
            "Alla människor är födda fria och lika i värde och rättigheter. De är utrustade med förnuft och samvete och bör \
             handla gentemot varandra i en anda av broderskap.",
        ),
        (
            Language::Turkish,
            "Bütün insanlar hür, haysiyet ve haklar bakımından eşit doğarlar. Akıl ve vicdana sahiptirler ve birbirlerine \
             karşı kardeşlik zihniyeti ile hareket etmelidirler. Yaşamak ve hürriyet için her insan bu haklara sahiptir.",
        ),
        (
            Language::Other,
            "Wszyscy ludzie rodzą się wolni i równi pod względem swej godności i swych praw. Są oni obdarzeni rozumem i \
             sumieniem i powinni postępować wobec innych w duchu braterstwa.",
        ),
        (
            Language::Other,
            "Všichni lidé rodí se svobodní a sobě rovní co do důstojnosti a práv. Jsou nadáni rozumem a svědomím a mají spolu \
             jednat v duchu bratrství.",
        ),
        (
            Language::Other,
            "Όλοι οι άνθρωποι γεννιούνται ελεύθεροι και ίσοι στην αξιοπρέπεια και τα δικαιώματα. Είναι προικισμένοι με λογική \
             και συνείδηση, και οφείλουν να συμπεριφέρονται μεταξύ τους με πνεύμα αδελφοσύνης.",
        ),
        (
            Language::English,
            "fn main() { let mut total = 0; for item in items.iter() { total += item.count; } println!(\"{total}\"); }",
        ),
    ];

    #[test]
    fn a_text_is_in_its_language() {
        for (language, text) in DECLARATION {
            assert_eq!(Language::of(text), language, "{text}");
        }
    }

    #[test]
    fn what_says_nothing_is_english() {
        for text in [
            "",
            "42",
            "Ärzte",
            "DN 50 PN 16 KX-204/B 12 mm 14 mm 22 HRC",
            "Die casting: a die is filled under pressure, and the die is cooled.",
            "The café in Zürich is über alles the naïve one.",
        ] {
            assert_eq!(Language::of(text), Language::English, "{text}");
        }
    }

    #[test]
    fn a_question_is_foreign_only_where_two_words_say_so() {
        for (question, languages) in [
            ("What is the maximum hardness?", &[Language::English][..]),
            ("Was ist die höchste Härte der Schweißnaht?", &[Language::German]),
            ("Quelle est la dureté maximale de la soudure ?", &[Language::French]),
            // "Es" is a French word too: what two languages know equally well is in neither's documents.
            ("¿Cuál es la dureza máxima de la soldadura?", &[Language::French, Language::Spanish]),
            ("Какова максимальная твердость и что это?", &[Language::Russian]),
            ("die casting temperature", &[Language::English]),
            ("die war", &[Language::German]),
            ("KX-204/B", &[Language::English]),
            ("", &[Language::English]),
        ] {
            let expected = languages.iter().fold(Stopped(0), |all, language| all.and(*language));
            assert_eq!(Stopped::of_question(question), expected, "{question}");
        }
    }

    #[test]
    fn the_lists_are_lower_case_and_hold_no_spaces() {
        assert_eq!(LISTS.iter().filter(|(_, languages)| languages & 1 == 1).count(), STOP_WORDS.len());
        for (word, languages) in LISTS.iter() {
            assert!(
                !word.is_empty() && word.to_lowercase() == *word && !word.contains(char::is_whitespace),
                "{word}"
            );
            assert!(*languages != 0);
        }
        let stops = |language: Language, word| Stopped::from(language).stops(word);
        assert!(stops(Language::German, "nicht") && !stops(Language::English, "nicht"));
        assert!(!stops(Language::Other, "the"));
        for (at, known) in KNOWN.iter().enumerate() {
            assert_eq!(known.0 as usize, at);
        }
        let mut codes: Vec<&str> =
            Language::foreign().chain([Language::English]).map(Language::code).collect();
        codes.sort_unstable();
        codes.dedup();
        assert_eq!(codes.len(), 15);
    }
}
