//! Numbers as values: `1,000`, `1 000` and `10³` are one number, `0,5`, `.5` and `½` another.

/// A number, so that two that are equal are the same; signs are kept apart.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Number {
    /// All decimal digits without zeros at their ends, and how many of them stand after the point (negative: zeros before
    /// it). Zero has no digits.
    Decimal { digits: String, places: i32 },
    /// A fraction that no decimal number equals.
    Fraction(u32, u32),
    /// A clause such as `7.2.1`, a version, a time, an ambiguous date: compared as it is written.
    Name(String),
    /// A day, its month and its year; or a month without a day (0).
    Date(u32, u32, u32),
}

/// Exponents beyond this are no measure of anything.
const EXPONENT_MAX: i32 = 60;

impl Number {
    /// From the digits before and after the point, times ten to the power of `exponent`.
    pub fn decimal(whole: &str, part: &str, exponent: i32) -> Self {
        let all = format!("{whole}{part}");
        let digits = all.trim_start_matches('0');
        let kept = digits.trim_end_matches('0');
        if kept.is_empty() {
            return Self::Decimal { digits: String::new(), places: 0 };
        }
        let dropped = length(digits) - length(kept);
        Self::Decimal { digits: kept.to_owned(), places: length(part) - dropped - exponent }
    }

    /// `whole` and `above / below` of one.
    pub fn fraction(whole: u32, above: u32, below: u32) -> Option<Self> {
        let above = whole.checked_mul(below)?.checked_add(above)?;
        let (mut rest, mut scale) = (below, 1_u64);
        // What has only twos and fives below the line is a decimal number.
        let mut places = 0_usize;
        for factor in [2, 5] {
            while rest > 1 && rest.is_multiple_of(factor) {
                rest /= factor;
                scale = scale.checked_mul(10 / u64::from(factor))?;
                places += 1;
            }
        }
        if rest == 0 {
            return None;
        }
        if rest > 1 {
            let divisor = divisor(above, below);
            return Some(Self::Fraction(above / divisor, below / divisor));
        }
        let digits = u64::from(above).checked_mul(scale)?.to_string();
        let digits = format!("{digits:0>places$}");
        let (before, after) = digits.split_at_checked(digits.len() - places)?;
        Some(Self::decimal(before, after, 0))
    }

    /// Times ten to the power of `exponent`.
    pub fn scaled(self, exponent: i32) -> Self {
        match self {
            Self::Decimal { digits, places } if !digits.is_empty() => {
                Self::Decimal { digits, places: places.saturating_sub(exponent) }
            }
            other => other,
        }
    }

    /// The number as a whole one, where it is small.
    pub fn small(&self) -> Option<u32> {
        match self {
            Self::Decimal { digits, places } if *places <= 0 && *places > -6 && digits.len() < 6 => {
                let whole: u32 = if digits.is_empty() { 0 } else { digits.parse().ok()? };
                whole.checked_mul(10_u32.checked_pow(places.unsigned_abs())?)
            }
            _ => None,
        }
    }

    /// Whether it is exactly ten.
    pub fn is_ten(&self) -> bool {
        self.small() == Some(10)
    }
}

/// A number that begins at `at` in folded text, and where the text goes on. `is_grouping` says whether the space at an
/// index, with three digits after it, groups thousands.
pub(super) fn number(
    chars: &[char],
    at: usize,
    is_grouping: impl Fn(usize) -> bool,
) -> Option<(Number, usize)> {
    let get = |index: usize| chars.get(index).copied();
    if let Some((above, below)) = get(at).and_then(vulgar) {
        return Number::fraction(0, above, below).map(|number| (number, at + 1));
    }
    let whole = digits(chars, at);
    let mut end = at + whole.len();
    if whole.is_empty() && get(at) != Some('.') {
        return None;
    }
    if let Some(found) = name(chars, at) {
        return Some(found);
    }
    let mut before = whole;
    // Groups of three digits, all parted by the same sign.
    if let Some(sign) = get(end).filter(|sign| matches!(sign, ',' | '.' | ' ' | '\'')) {
        let groups = groups(chars, end, sign, &is_grouping);
        let is_decimal_point = sign == '.'
            && groups.len() < 2
            && !(groups.len() == 1 && decimals(chars, end + 4, ',').is_some());
        if (1..=3).contains(&before.len())
            && !before.starts_with('0')
            && !groups.is_empty()
            && !is_decimal_point
        {
            end += groups.len() * 4;
            before.extend(groups);
        }
    }
    let point = get(end).filter(|point| matches!(point, '.' | ','));
    let part = point.and_then(|point| decimals(chars, end, point)).unwrap_or_default();
    if !part.is_empty() {
        end += 1 + part.len();
    } else if before.is_empty() {
        return None;
    }
    let mut number = Number::decimal(&before, &part, 0);
    if part.is_empty()
        && let Some(whole) = number.small()
        && let Some((mixed, after)) = mixed(chars, end, whole)
    {
        return Some((mixed, after));
    }
    if let Some((exponent, after)) = exponent(chars, end, &number) {
        (number, end) = (
            if number.is_ten() && get(end) != Some('e') {
                Number::decimal("1", "", exponent)
            } else {
                number.scaled(exponent)
            },
            after,
        );
    }
    if let Some((exponent, after)) = times_ten(chars, end) {
        (number, end) = (number.scaled(exponent), after);
    }
    Some((number, end))
}

/// `7.2.1`, `10:30`: more than one point, none of which can part thousands; or `d.m.yyyy` and `yyyy-mm-dd`.
fn name(chars: &[char], at: usize) -> Option<(Number, usize)> {
    let mut parts = vec![digits(chars, at)];
    let mut end = at + parts.first()?.len();
    let sign = chars.get(end).copied().filter(|sign| matches!(sign, '.' | ':' | '-' | '/'))?;
    while chars.get(end) == Some(&sign) {
        let part = digits(chars, end + 1);
        if part.is_empty() {
            break;
        }
        end += 1 + part.len();
        parts.push(part);
    }
    let lengths: Vec<usize> = parts.iter().map(String::len).collect();
    let value = |index: usize| parts.get(index).and_then(|part| part.parse::<u32>().ok());
    match (sign, lengths.as_slice()) {
        ('-', [4, 1..=2, 1..=2]) => Some((date(value(2)?, value(1)?, value(0)?)?, end)),
        ('.', [1..=2, 1..=2, 4]) => Some((date(value(0)?, value(1)?, value(2)?)?, end)),
        ('/', [1..=2, 1..=2, 4]) => {
            // Which is the month is certain where one of them is no month.
            let (first, second, year) = (value(0)?, value(1)?, value(2)?);
            let certain = match (first > 12, second > 12) {
                (true, false) => date(first, second, year),
                (false, true) => date(second, first, year),
                _ if first == second => date(first, second, year),
                _ => None,
            };
            Some((certain.unwrap_or_else(|| Number::Name(format!("{first}/{second}/{year}"))), end))
        }
        (':', [1..=2, 2] | [1..=2, 2, 2]) => Some((Number::Name(parts.join(":")), end)),
        ('.', [_, _, _, ..]) if !lengths.iter().skip(1).all(|length| *length == 3) => {
            Some((Number::Name(parts.join(".")), end))
        }
        _ => None,
    }
}

/// A date that there is.
pub(super) fn date(day: u32, month: u32, year: u32) -> Option<Number> {
    ((1..=31).contains(&day) && (1..=12).contains(&month) && (1000..=2999).contains(&year))
        .then_some(Number::Date(day, month, year))
}

fn digits(chars: &[char], at: usize) -> String {
    chars.get(at..).unwrap_or_default().iter().take_while(|found| found.is_ascii_digit()).collect()
}

/// The groups of exactly three digits from `at` on, each after `sign`.
fn groups(chars: &[char], at: usize, sign: char, is_grouping: &impl Fn(usize) -> bool) -> Vec<String> {
    let mut groups = Vec::new();
    let mut at = at;
    while chars.get(at) == Some(&sign) && (sign != ' ' || is_grouping(at)) {
        let group = digits(chars, at + 1);
        if group.len() != 3 {
            break;
        }
        at += 4;
        groups.push(group);
    }
    groups
}

/// The digits after the point at `at`.
fn decimals(chars: &[char], at: usize, point: char) -> Option<String> {
    let part = if chars.get(at) == Some(&point) { digits(chars, at + 1) } else { String::new() };
    (!part.is_empty()).then_some(part)
}

/// `1/2`, `1 1/2`, `1-1/2`, `1½` and `1 ½`, after the whole number.
fn mixed(chars: &[char], end: usize, whole: u32) -> Option<(Number, usize)> {
    let get = |index: usize| chars.get(index).copied();
    if get(end) == Some('/') {
        let below = digits(chars, end + 1);
        let after = end + 1 + below.len();
        let below = fraction_of(whole, &below).filter(|_| ends_fraction(chars, after))?;
        return Some((Number::fraction(0, whole, below)?, after));
    }
    let start = end + usize::from(matches!(get(end), Some(' ' | '-')));
    if let Some((above, below)) = get(start).and_then(vulgar) {
        return Some((Number::fraction(whole, above, below)?, start + 1));
    }
    let above = digits(chars, start);
    let below = digits(chars, start + above.len() + 1);
    let after = start + above.len() + 1 + below.len();
    let is_fraction = start > end && get(start + above.len()) == Some('/') && ends_fraction(chars, after);
    let above: u32 = above.parse().ok().filter(|_| is_fraction)?;
    Some((Number::fraction(whole, above, fraction_of(above, &below)?)?, after))
}

fn ends_fraction(chars: &[char], after: usize) -> bool {
    !chars.get(after).is_some_and(|next| *next == '/' || next.is_ascii_digit())
}

/// What stands below the line, if the two are a fraction as people write them, and not two numbers.
fn fraction_of(above: u32, below: &str) -> Option<u32> {
    let below: u32 = below.parse().ok()?;
    let is_usual = matches!(below, 2..=10 | 12 | 16 | 32 | 64 | 100);
    (is_usual && (1..below).contains(&above)).then_some(below)
}

/// `e3`, `e-3`, and of ten `^3`, `³`, `⁻³`: the exponent.
fn exponent(chars: &[char], at: usize, number: &Number) -> Option<(i32, usize)> {
    match chars.get(at)? {
        'e' => {
            let (exponent, after) = signed(chars, at + 1)?;
            // `2e5x` is a name.
            (!chars.get(after).is_some_and(|next| next.is_alphanumeric())).then_some((exponent, after))
        }
        '^' if number.is_ten() => signed(chars, at + 1),
        _ if number.is_ten() => raised(chars, at),
        _ => None,
    }
}

/// ` x 10^3`, `×10³`, `·10-3`.
fn times_ten(chars: &[char], at: usize) -> Option<(i32, usize)> {
    let skip = |at: usize| at + usize::from(chars.get(at) == Some(&' '));
    let sign = skip(at);
    if !matches!(chars.get(sign)?, '×' | 'x' | '·' | '*' | '⋅') {
        return None;
    }
    let ten = skip(sign + 1);
    if chars.get(ten..ten + 2)? != ['1', '0'] {
        return None;
    }
    match chars.get(ten + 2)? {
        '^' => signed(chars, ten + 3),
        _ => raised(chars, ten + 2),
    }
}

fn signed(chars: &[char], at: usize) -> Option<(i32, usize)> {
    let sign = chars.get(at).filter(|sign| matches!(sign, '-' | '+'));
    let start = at + usize::from(sign.is_some());
    let digits = digits(chars, start);
    let value: i32 = digits.parse().ok().filter(|value| *value <= EXPONENT_MAX)?;
    Some((if sign == Some(&'-') { -value } else { value }, start + digits.len()))
}

/// Raised digits.
fn raised(chars: &[char], at: usize) -> Option<(i32, usize)> {
    let is_negative = chars.get(at) == Some(&'⁻');
    let start = at + usize::from(is_negative);
    let digits: Vec<i32> =
        chars.get(start..).unwrap_or_default().iter().map_while(|found| superscript(*found)).collect();
    let value = digits.iter().try_fold(0_i32, |value, digit| value.checked_mul(10)?.checked_add(*digit))?;
    let is_exponent = !digits.is_empty() && value <= EXPONENT_MAX;
    is_exponent.then_some((if is_negative { -value } else { value }, start + digits.len()))
}

/// A raised digit.
pub(super) fn superscript(found: char) -> Option<i32> {
    "⁰¹²³⁴⁵⁶⁷⁸⁹".chars().zip(0..).find(|(raised, _)| *raised == found).map(|(_, digit)| digit)
}

fn vulgar(found: char) -> Option<(u32, u32)> {
    Some(match found {
        '½' => (1, 2),
        '⅓' => (1, 3),
        '⅔' => (2, 3),
        '¼' => (1, 4),
        '¾' => (3, 4),
        '⅕' => (1, 5),
        '⅖' => (2, 5),
        '⅗' => (3, 5),
        '⅘' => (4, 5),
        '⅙' => (1, 6),
        '⅚' => (5, 6),
        '⅛' => (1, 8),
        '⅜' => (3, 8),
        '⅝' => (5, 8),
        '⅞' => (7, 8),
        _ => return None,
    })
}

fn divisor(left: u32, right: u32) -> u32 {
    if right == 0 { left.max(1) } else { divisor(right, left % right) }
}

fn length(text: &str) -> i32 {
    i32::try_from(text.len()).unwrap_or(i32::MAX)
}
