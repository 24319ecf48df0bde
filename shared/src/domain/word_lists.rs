//! The short word lists that sentence ends, headings and numbers are told by. All are sorted, for binary search.

/// Lower-case abbreviations, without their last full stop, that never end a sentence.
pub(super) const NEVER_END: &[&str] = &[
    "app", "c.f", "ca", "cf", "ch", "chap", "cl", "dr", "e.g", "eg", "eq", "eqn", "eqs", "fig", "figs",
    "i.e", "ie", "mr", "mrs", "ms", "p", "para", "pp", "prof", "ref", "refs", "sec", "sect", "st", "tab",
    "viz", "vs",
];

/// Lower-case abbreviations that end a sentence only if the next word is one that usually begins one.
pub(super) const SELDOM_END: &[&str] = &[
    "al", "approx", "apr", "aug", "avg", "bros", "co", "corp", "dec", "dept", "dia", "ed", "eds", "equiv",
    "esp", "est", "etc", "ext", "feb", "ft", "gen", "gov", "hr", "hrs", "inc", "incl", "jan", "jr", "jul",
    "jun", "lb", "lbs", "ltd", "mar", "max", "min", "mt", "nom", "nov", "oct", "oz", "resp", "rev", "sep",
    "sept", "sq", "sr", "std", "temp", "typ", "univ", "vol", "vols",
];

/// Lower-case abbreviations that do not end a sentence when a number follows.
pub(super) const NUMBERED: &[&str] = &["art", "in", "no", "nos", "nr", "pt", "rel", "ser", "ver"];

/// Lower-case words that usually begin a sentence when they follow a full stop with a capital.
pub(super) const STARTERS: &[&str] = &[
    "after",
    "all",
    "also",
    "although",
    "an",
    "and",
    "any",
    "as",
    "at",
    "because",
    "before",
    "both",
    "but",
    "by",
    "during",
    "each",
    "for",
    "from",
    "he",
    "her",
    "here",
    "his",
    "how",
    "however",
    "if",
    "in",
    "it",
    "its",
    "most",
    "no",
    "not",
    "note",
    "on",
    "only",
    "or",
    "other",
    "our",
    "see",
    "she",
    "since",
    "some",
    "such",
    "that",
    "the",
    "their",
    "then",
    "there",
    "therefore",
    "these",
    "they",
    "this",
    "those",
    "thus",
    "to",
    "use",
    "we",
    "what",
    "when",
    "where",
    "while",
    "why",
    "with",
    "you",
];

/// Lower-case words after which a line cannot end a sentence, a heading or a cell: the next line goes on.
pub(super) const LEADS_ON: &[&str] = &[
    "a", "an", "and", "are", "as", "at", "be", "by", "for", "from", "in", "is", "no", "not", "of", "on",
    "or", "per", "shall", "that", "the", "their", "this", "to", "under", "was", "were", "when", "where",
    "which", "with",
];

/// Lower-case words that stand in sentences and hardly ever in headings.
pub(super) const VERBS: &[&str] = &[
    "are", "be", "been", "can", "cannot", "could", "did", "do", "does", "had", "has", "have", "is", "may",
    "might", "must", "shall", "should", "was", "were", "will", "would",
];

/// Lower-case words that, followed by a number or a letter, open a heading or a caption.
pub(super) const HEADING_WORDS: &[&str] = &[
    "annex", "appendix", "article", "chapter", "clause", "example", "exhibit", "figure", "part", "schedule",
    "section", "table",
];

/// Lower-case units of measure as they stand after a number.
pub(super) const UNITS: &[&str] = &[
    "%", "a", "bar", "bytes", "c", "cm", "days", "db", "dba", "deg", "degrees", "f", "ft", "g", "gb", "gpa",
    "h", "hb", "hbw", "hours", "hr", "hra", "hrb", "hrc", "hv", "hz", "in", "inch", "inches", "j", "k", "kb",
    "kg", "khz", "kj", "km", "kn", "kpa", "ksi", "kv", "kw", "l", "lb", "lbs", "m", "ma", "mb", "meters",
    "metres", "mg", "mhz", "min", "minutes", "ml", "mm", "months", "mpa", "ms", "mv", "n", "nm", "nps", "pa",
    "percent", "ppm", "psi", "rpm", "s", "seconds", "t", "tonnes", "v", "w", "weeks", "years", "°", "°c",
    "°f", "µm", "μm",
];

/// Lower-case words of a question that ask for a figure.
pub(super) const ASKING: &[&str] = &[
    "amount",
    "concentration",
    "content",
    "cost",
    "costs",
    "date",
    "deadline",
    "depth",
    "diameter",
    "distance",
    "duration",
    "far",
    "fast",
    "fee",
    "force",
    "hardness",
    "heavy",
    "height",
    "highest",
    "large",
    "largest",
    "least",
    "length",
    "limit",
    "limits",
    "long",
    "lowest",
    "many",
    "mass",
    "maximum",
    "minimum",
    "most",
    "much",
    "number",
    "often",
    "percent",
    "percentage",
    "pressure",
    "price",
    "quickly",
    "rate",
    "ratio",
    "size",
    "speed",
    "strength",
    "temperature",
    "thickness",
    "threshold",
    "time",
    "value",
    "voltage",
    "volume",
    "weigh",
    "weighs",
    "weight",
    "when",
    "width",
    "year",
];

/// Words of a question that say how it is asked and not what about.
pub(super) const FILLER: &[&str] = &[
    "could",
    "define",
    "defined",
    "definition",
    "describe",
    "explain",
    "give",
    "happens",
    "kind",
    "let",
    "list",
    "long",
    "many",
    "may",
    "mean",
    "means",
    "meant",
    "might",
    "much",
    "must",
    "often",
    "please",
    "purpose",
    "shall",
    "show",
    "tell",
    "us",
    "would",
];

/// Is the word, lower-cased in its ASCII letters, in the sorted list?
pub(super) fn contains(list: &[&str], word: &str) -> bool {
    // No list holds a longer word, and a giant token should not be copied to learn that.
    if word.is_empty() || word.len() > 16 {
        return false;
    }
    if word.bytes().any(|byte| byte.is_ascii_uppercase()) {
        return list.binary_search(&word.to_ascii_lowercase().as_str()).is_ok();
    }
    list.binary_search(&word).is_ok()
}

/// Words that state an amount without a figure.
pub(super) const NUMBER_WORDS: &[&str] = &[
    "acht",
    "annually",
    "cinco",
    "cinq",
    "cuatro",
    "daily",
    "deux",
    "diez",
    "dix",
    "doce",
    "dos",
    "douze",
    "drei",
    "eight",
    "eleven",
    "fifteen",
    "fifty",
    "five",
    "forty",
    "four",
    "fünf",
    "half",
    "huit",
    "hundred",
    "monthly",
    "never",
    "nine",
    "ocho",
    "once",
    "quarterly",
    "quatre",
    "sechs",
    "seis",
    "sept",
    "seven",
    "sieben",
    "siete",
    "six",
    "sixty",
    "ten",
    "thirty",
    "thousand",
    "three",
    "tres",
    "trois",
    "twelve",
    "twenty",
    "twice",
    "two",
    "vier",
    "weekly",
    "yearly",
    "zehn",
    "zwei",
    "zwölf",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_sorted_and_without_repeats() {
        for list in [
            NEVER_END,
            SELDOM_END,
            NUMBERED,
            STARTERS,
            LEADS_ON,
            VERBS,
            HEADING_WORDS,
            UNITS,
            ASKING,
            FILLER,
            NUMBER_WORDS,
        ] {
            assert!(list.is_sorted_by(|left, right| left < right), "{list:?}");
        }
    }
}
