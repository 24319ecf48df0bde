//! Which figures are the same, and which are not.

use super::super::{
    claims::Claim,
    values::{Token, Value, tokens},
};
use crate::domain::fold::Folded;

fn values(text: &str) -> Vec<Value> {
    let (folded, source) = (Folded::new(text), text.chars().collect::<Vec<_>>());
    let (chars, at) = folded.within(&(0..u32::MAX));
    let found = tokens(chars, at, &source).into_iter();
    found.filter_map(|token| if let Token::Value(value) = token { Some(value) } else { None }).collect()
}

/// Whether a sentence that holds `source` holds every figure of `claim`.
fn holds(source: &str, claim: &str) -> bool {
    let (source, claim) = (values(source), values(claim));
    assert!(!claim.is_empty(), "{claim:?}");
    claim.iter().all(|wanted| source.iter().any(|value| value.is(wanted)))
}

/// The same, said in two ways; each holds the other.
const EQUAL: [(&str, &str); 104] = [
    ("22 HRC", "22HRC"),
    ("22 HRC", "22 hrc"),
    ("22 HRC", "22\u{a0}HRC"),
    ("22 HRC", "HRC 22"),
    ("22 HRC", "22.0 HRC"),
    ("248 HV10", "248 HV10"),
    ("1,000", "1000"),
    ("1 000", "1000"),
    ("1\u{a0}000", "1,000"),
    ("1\u{2009}000 mm", "1000 mm"),
    ("1\u{202f}000\u{202f}000", "1,000,000"),
    ("1 000 000 psi", "1000000 psi"),
    ("1'000 kg", "1000 kg"),
    ("1.000.000", "1000000"),
    ("1.000,5", "1,000.5"),
    ("12,500 h", "12500 h"),
    ("0,5", "0.5"),
    ("0,50 mm", "0.5 mm"),
    ("0,500 mm", "0.5 mm"),
    ("2,75 mm", "2.75 mm"),
    (".5 mm", "0.5 mm"),
    ("1.0", "1"),
    ("2.50", "2.5"),
    ("007", "7"),
    ("100", "100.00"),
    ("-5 °C", "−5 °C"),
    ("–5 °C", "-5 °C"),
    ("(-5 °C)", "-5 °C"),
    ("+5 °C", "5 °C"),
    ("±0.5 mm", "± 0.5 mm"),
    ("+/-0.5 mm", "±0.5 mm"),
    ("+/- 0,5 mm", "±0.5 mm"),
    ("20 ± 1 °C", "20 °C ± 1 °C"),
    ("1e3", "1000"),
    ("1E3", "1,000"),
    ("1.5e-3", "0.0015"),
    ("10³", "1000"),
    ("10^3", "1000"),
    ("10⁻³", "0.001"),
    ("10^-3", "0.001"),
    ("1×10³ Pa", "1000 Pa"),
    ("1.2 x 10^5 Pa", "120000 Pa"),
    ("2 · 10⁶", "2,000,000"),
    ("½", "0.5"),
    ("1/2", "½"),
    ("1½ in", "1.5 in"),
    ("1 1/2 in", "1.5 in"),
    ("1-1/2 in", "1½ in"),
    ("3⁄4 in", "0.75 in"),
    ("⅓", "1/3"),
    ("⅝ in", "0.625 in"),
    ("5/16 in", "0.3125 in"),
    ("95 %", "95%"),
    ("95 percent", "95 %"),
    ("95 per cent", "95 %"),
    ("60 °C", "60°C"),
    ("60 ℃", "60 °C"),
    ("60 C", "60 °C"),
    ("60 deg C", "60 °C"),
    ("60 degrees Celsius", "60 °C"),
    ("140 °F", "140 F"),
    ("45°", "45 degrees"),
    ("22 to 25 HRC", "22–25 HRC"),
    ("22 HRC to 25 HRC", "22-25 HRC"),
    ("between 22 and 25 HRC", "22 to 25 HRC"),
    ("from -5 to 40 °C", "−5 °C to +40 °C"),
    ("2 x 5 mm", "2 mm × 5 mm"),
    ("5 mm", "5 millimetres"),
    ("5 mm", "5 millimeter"),
    ("5 mm", "5-mm"),
    ("60 days", "60-day"),
    ("1 day", "1 days"),
    ("3 inches", "3 in"),
    ("10 ft", "10 feet"),
    ("2 kg", "2 kilograms"),
    ("5 l", "5 litres"),
    ("5 L", "5 l"),
    ("30 min", "30 minutes"),
    ("2 h", "2 hours"),
    ("2 hrs", "2 hours"),
    ("230V", "230 volts"),
    ("10 kN", "10 kilonewtons"),
    ("700 MPa", "700 megapascals"),
    ("5 mm²", "5 mm^2"),
    ("5 m³", "5 m3"),
    ("10 µm", "10 μm"),
    ("10 kg/m³", "10 kg/m3"),
    ("five", "5"),
    ("three months", "3 months"),
    ("fifteen days", "15 days"),
    ("twenty-five days", "25 days"),
    ("thirty", "30"),
    ("two hundred", "200"),
    ("5 thousand", "5000"),
    ("1.5 million", "1,500,000"),
    ("$5", "5 dollars"),
    ("USD 500", "$500"),
    ("500 €", "EUR 500"),
    ("MR0175", "MR 0175"),
    ("DN50", "DN 50"),
    ("HP-8", "HP 8"),
    ("ISO 15156-3", "ISO15156-3"),
    ("15 March 2024", "2024-03-15"),
    ("March 15, 2024", "15.03.2024"),
];

/// Nearly the same; a source with the first does not hold the second.
const UNEQUAL: [(&str, &str); 90] = [
    ("22", "220"),
    ("22 HRC", "220 HRC"),
    ("22 HRC", "2.2 HRC"),
    ("22 HRC", "22 HRB"),
    ("22 HRC", "23 HRC"),
    ("22 HRC", "22 HV"),
    ("0.5", "5"),
    ("0,5", "5"),
    (".5 mm", "5 mm"),
    ("0.05", "0.5"),
    ("1,000", "1"),
    ("1 000 mm", "1 mm"),
    ("1,250 grades", "250"),
    ("1 000", "100"),
    ("1.000.000", "1000"),
    ("12 500 h", "500 h"),
    ("X65 22 250", "22250"),
    ("450 535 22", "450535"),
    ("5 mm", "5 cm"),
    ("5 mm", "5 m"),
    ("5 MPa", "5 kPa"),
    ("5 mW", "5 MW"),
    ("5 mm", "5 in"),
    ("5 mm", "5 mm²"),
    ("5 m2", "5 m3"),
    ("5 kg", "5 lb"),
    ("5 kg/m3", "5 kg"),
    ("60 °C", "60 °F"),
    ("60 °C", "60°"),
    ("60 °C", "60 K"),
    ("95 %", "95 ‰"),
    ("95 %", "95 ppm"),
    ("3 months", "3 weeks"),
    ("3 months", "13 months"),
    ("3 days", "3 years"),
    ("30 s", "30 min"),
    ("5 °C", "-5 °C"),
    ("-5 °C", "5 °C"),
    ("2-5 °C", "-5 °C"),
    ("±0.5 mm", "0.5 mm"),
    ("0.5 mm", "±0.5 mm"),
    ("1e3", "13"),
    ("1e3", "1e4"),
    ("10³", "103"),
    ("10³", "10"),
    ("10^3", "10^-3"),
    ("10⁻³", "10³"),
    ("1.2 x 10^5 Pa", "1.2 x 10^6 Pa"),
    ("1.2 x 10^5 Pa", "1.2 Pa"),
    ("½", "2"),
    ("1/2", "1/4"),
    ("1½ in", "1 in"),
    ("1 1/2 in", "1/2 in"),
    ("3/4 in", "4 in"),
    ("5/16 in", "5 in"),
    ("22 to 25 HRC", "22 mm"),
    ("22 to 25 HRC", "23 HRC"),
    ("test 22 plates at 25 HRC", "22 HRC"),
    ("22 HRC and 60 °C", "60 HRC"),
    ("22 HRC and 60 °C", "22 °C"),
    ("twenty-five days", "5 days"),
    ("twenty-five days", "20 days"),
    ("five", "fifteen"),
    ("sixteen", "sixty"),
    ("two hundred", "2"),
    ("5 thousand", "5"),
    ("1.5 million", "1.5 billion"),
    ("$5", "€5"),
    ("MR0175", "MR0176"),
    ("MR0175", "MR0103"),
    ("MR0175", "175"),
    ("ISO 15156-3", "ISO 15156-2"),
    ("ISO 15156-2 and 3 bar", "ISO 15156-3"),
    ("ISO 15156", "EN 15156"),
    ("EN 10204", "ISO 10204"),
    ("PN 16", "DN 16"),
    ("PN 16", "16"),
    ("X65", "X70"),
    ("X65", "65"),
    ("HP-8", "HP-12"),
    ("316L", "316"),
    ("304L", "316L"),
    ("2nd", "2"),
    ("7.2.1", "7.2"),
    ("7.2.1", "7.2.2"),
    ("clause 7.2", "7.3"),
    ("10:30", "10:45"),
    ("15 March 2024", "16 March 2024"),
    ("15 March 2024", "15 May 2024"),
    ("2024-03-15", "2023-03-15"),
];

#[test]
fn equal_figures_are_equal() {
    let wrong: Vec<_> =
        EQUAL.iter().filter(|(left, right)| !holds(left, right) || !holds(right, left)).collect();
    let shown: Vec<_> =
        wrong.iter().map(|(left, right)| (left, values(left), right, values(right))).collect();
    assert!(wrong.is_empty(), "{shown:#?}");
}

#[test]
fn unequal_figures_are_not() {
    let wrong: Vec<_> = UNEQUAL.iter().filter(|(source, claim)| holds(source, claim)).collect();
    let shown: Vec<_> =
        wrong.iter().map(|(left, right)| (left, values(left), right, values(right))).collect();
    assert!(wrong.is_empty(), "{shown:#?}");
}

#[test]
fn a_source_may_say_more_than_the_claim() {
    for (source, claim) in [
        ("22 HRC", "22"),
        ("ISO 15156-2 of 2015", "2015"),
        ("ISO 15156", "15156"),
        ("15 March 2024", "2024"),
        ("15 March 2024", "March 2024"),
        ("22 to 25 HRC", "25 HRC"),
        ("22 to 25 HRC", "22 HRC"),
        ("at 22 HRC, 60 °C and 3 bar", "3 bar"),
    ] {
        assert!(holds(source, claim), "{source:?} {:?} {claim:?} {:?}", values(source), values(claim));
        assert!(!holds(claim, source), "{source:?} {claim:?}");
    }
}

#[test]
fn what_a_sentence_bounds_denies_or_demands_is_kept() {
    for (sentence, claim, is_proved) in [
        ("The hardness shall not exceed 22 HRC.", "The hardness is at most 22 HRC", true),
        ("The hardness shall not exceed 22 HRC.", "The maximum hardness is 22 HRC", true),
        ("The hardness shall not exceed 22 HRC.", "The hardness is at least 22 HRC", false),
        ("The hardness shall not exceed 22 HRC.", "The hardness exceeds 22 HRC", false),
        ("The hardness shall not exceed 22 HRC.", "The minimum hardness is 22 HRC", false),
        ("The holding time is at least 45 min.", "The minimum holding time is 45 minutes", true),
        ("The holding time is at least 45 min.", "The holding time is no less than 45 min", true),
        ("The holding time is at least 45 min.", "The holding time is at most 45 min", false),
        ("Welds are tested after heat treatment.", "Welds are tested before heat treatment", false),
        ("Welds are tested after heat treatment.", "Welds are tested after heat treatment", true),
        (
            "Leave may not be carried over without approval.",
            "Leave may be carried over without approval",
            false,
        ),
        ("Leave may not be carried over without approval.", "Leave may not be carried over", true),
        ("Leave may be carried over.", "Leave may be carried over without approval", false),
        ("Records may be kept on paper.", "Records must be kept on paper", false),
        ("Records shall be kept on paper.", "Records must be kept on paper", true),
        ("Carbon steel is hard.", "Stainless steel is hard", false),
    ] {
        let proved = Claim::new(claim).is_proved_by(&Claim::new(sentence));
        assert_eq!(
            proved,
            is_proved,
            "{claim:?} by {sentence:?}: {:?} {:?}",
            Claim::new(claim),
            Claim::new(sentence)
        );
    }
}
