//! Units, each under one name. Nothing is converted: 5 mm and 0.5 cm are not the same words.

/// The names under which units are written, the first of each being the one they go by here. In the singular, in lower
/// case; `µ` is a Greek `μ`, raised digits stand on the line.
const UNITS: [&[&str]; 62] = [
    &["%", "percent", "pct"],
    &["‰", "permille"],
    &["ppm"],
    &["ppb"],
    &["°c", "c", "℃", "celsius", "centigrade"],
    &["°f", "f", "℉", "fahrenheit"],
    &["k", "kelvin", "°k"],
    &["°", "deg", "degree"],
    &["nm", "nanometre", "nanometer"],
    &["μm", "um", "micron", "micrometre", "micrometer"],
    &["mm", "millimetre", "millimeter"],
    &["cm", "centimetre", "centimeter"],
    &["dm", "decimetre", "decimeter"],
    &["m", "metre", "meter"],
    &["km", "kilometre", "kilometer"],
    &["in", "inch", "inche", "\""],
    &["ft", "foot", "feet"],
    &["mile", "mi"],
    &["mm2"],
    &["cm2"],
    &["m2"],
    &["m3"],
    &["l", "litre", "liter", "ltr"],
    &["ml", "millilitre", "milliliter"],
    &["mg", "milligram", "milligramme"],
    &["g", "gram", "gramme"],
    &["kg", "kilogram", "kilogramme", "kilo"],
    &["t", "tonne", "ton"],
    &["lb", "pound", "lbs"],
    &["oz", "ounce"],
    &["ms", "millisecond"],
    &["s", "sec", "second"],
    &["min", "minute"],
    &["h", "hr", "hour"],
    &["day", "d"],
    &["week", "wk"],
    &["month", "mo"],
    &["year", "yr", "a"],
    &["n", "newton"],
    &["kn", "kilonewton"],
    &["pa", "pascal"],
    &["kpa", "kilopascal"],
    &["gpa", "gigapascal"],
    &["bar"],
    &["psi"],
    &["ksi"],
    &["j", "joule"],
    &["kj", "kilojoule"],
    &["w", "watt"],
    &["kw", "kilowatt"],
    &["v", "volt"],
    &["kv", "kilovolt"],
    &["amp", "ampere"],
    &["hz", "hertz"],
    &["hrc"],
    &["hrb"],
    &["hb", "hbw"],
    &["hv"],
    &["$", "usd", "dollar"],
    &["€", "eur", "euro"],
    &["£", "gbp"],
    &["chf", "franc"],
];
/// Those in which a capital M is mega, and not milli; the long names beside them.
const MEGA: [(&str, &str); 9] = [
    ("mpa", "megapascal"),
    ("mhz", "megahertz"),
    ("mj", "megajoule"),
    ("mn", "meganewton"),
    ("mv", "megavolt"),
    ("mw", "megawatt"),
    ("mwh", "megawatt-hour"),
    ("ma", "megaampere"),
    ("mm", "megametre"),
];
/// The same with a small m.
const MILLI: [(&str, &str); 7] = [
    ("mpa", "millipascal"),
    ("mhz", "millihertz"),
    ("mj", "millijoule"),
    ("mn", "millinewton"),
    ("mv", "millivolt"),
    ("mw", "milliwatt"),
    ("ma", "milliampere"),
];

/// The name of the unit that is written so, if it is a known one. `is_mega`: its first letter is a capital M.
pub(super) fn known(written: &str, is_mega: bool) -> Option<String> {
    let ambiguous = |pairs: &[(&str, &str)]| pairs.iter().any(|(short, _)| *short == written);
    if written == "mpa" || is_mega && ambiguous(&MEGA) && written != "mm" && written != "ma" {
        // Millipascals are measured by nobody who does not write them out.
        return Some(format!("M{}", written.get(1..).unwrap_or_default()));
    }
    if ambiguous(&MILLI) {
        return Some(written.to_owned());
    }
    for (short, long) in MEGA {
        if is(written, long) {
            return Some(format!("M{}", short.get(1..).unwrap_or_default()));
        }
    }
    for (short, long) in MILLI {
        if is(written, long) {
            return Some(short.to_owned());
        }
    }
    if let Some((above, below)) = written.split_once('/') {
        let (above, below) = (known(above, is_mega)?, known(below, false)?);
        return Some(format!("{above}/{below}"));
    }
    let names = UNITS.iter().find(|names| names.iter().any(|name| is(written, name)))?;
    names.first().map(|name| (*name).to_owned())
}

/// Is it the name, in the singular or the plural?
fn is(written: &str, name: &str) -> bool {
    // "2 as" and "5 ins" are nothing; "3 hrs", "5 lbs" and "4 bars" are.
    written == name
        || name.len() > 1
            && written.strip_suffix('s').is_some_and(|singular| singular == name)
            && name != "in"
}
