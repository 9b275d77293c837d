//! Numbers as JSON writes them, compared by what they are worth: exactly, however many digits they have.

use std::cmp::Ordering;

/// A decimal number taken apart: `0.d₁d₂d₃… × 10^magnitude`.
struct Decimal<'t> {
    is_negative: bool,
    /// The digits before and behind the point; neither the first nor the last of all is a zero. Both empty: zero.
    whole: &'t [u8],
    fraction: &'t [u8],
    magnitude: i64,
}

impl<'t> Decimal<'t> {
    /// Reads a number of the JSON grammar (RFC 8259, section 6).
    fn read(text: &'t str) -> Option<Self> {
        let bytes = text.as_bytes();
        let (is_negative, rest) = match bytes.strip_prefix(b"-") {
            Some(rest) => (true, rest),
            None => (false, bytes),
        };
        let (mantissa, exponent) = match rest.iter().position(|byte| matches!(byte, b'e' | b'E')) {
            Some(at) => (rest.get(..at)?, Some(rest.get(at + 1..)?)),
            None => (rest, None),
        };
        let (whole, fraction) = match mantissa.iter().position(|byte| *byte == b'.') {
            Some(at) => (mantissa.get(..at)?, Some(mantissa.get(at + 1..)?)),
            None => (mantissa, None),
        };
        let digits = |part: &[u8]| !part.is_empty() && part.iter().all(u8::is_ascii_digit);
        let led_by_zero = whole.len() > 1 && whole.first() == Some(&b'0');
        if !digits(whole) || led_by_zero || fraction.is_some_and(|fraction| !digits(fraction)) {
            return None;
        }
        let exponent = match exponent {
            None => 0,
            Some(exponent) => {
                let (sign, magnitude) = match exponent {
                    [b'-', rest @ ..] => (-1, rest),
                    [b'+', rest @ ..] => (1, rest),
                    rest => (1, rest),
                };
                if !digits(magnitude) {
                    return None;
                }
                // An exponent beyond all use is held at the end of the range; digits cannot make up for it.
                let most = i64::MAX / 4;
                let read = std::str::from_utf8(magnitude).ok()?.parse().map_or(most, |e: i64| e.min(most));
                sign * read
            }
        };
        let zeros = |part: &[u8]| part.iter().take_while(|byte| **byte == b'0').count();
        let zeros_behind = |part: &[u8]| part.iter().rev().take_while(|byte| **byte == b'0').count();
        let whole = whole.get(zeros(whole)..)?;
        let fraction = fraction.unwrap_or_default();
        let fraction = fraction.get(..fraction.len() - zeros_behind(fraction))?;
        if whole.is_empty() {
            let skipped = zeros(fraction);
            let magnitude = exponent - i64::try_from(skipped).ok()?;
            return Some(Self { is_negative, whole, fraction: fraction.get(skipped..)?, magnitude });
        }
        let magnitude = exponent + i64::try_from(whole.len()).ok()?;
        let whole = match fraction {
            [] => whole.get(..whole.len() - zeros_behind(whole))?,
            _ => whole,
        };
        Some(Self { is_negative, whole, fraction, magnitude })
    }

    fn digits(&self) -> impl Iterator<Item = u8> {
        self.whole.iter().chain(self.fraction).copied()
    }

    fn is_zero(&self) -> bool {
        self.whole.is_empty() && self.fraction.is_empty()
    }

    fn compare(&self, other: &Self) -> Ordering {
        let sign = |one: &Self| match (one.is_zero(), one.is_negative) {
            (true, _) => 0,
            (false, true) => -1,
            (false, false) => 1,
        };
        match (sign(self), sign(other)) {
            (0, 0) => Ordering::Equal,
            (one, two) if one != two => one.cmp(&two),
            (one, _) => {
                let larger =
                    self.magnitude.cmp(&other.magnitude).then_with(|| self.digits().cmp(other.digits()));
                if one < 0 { larger.reverse() } else { larger }
            }
        }
    }
}

/// Whether a text is a number of the JSON grammar.
pub(crate) fn is_number(text: &str) -> bool {
    Decimal::read(text).is_some()
}

/// Compares two numbers of the JSON grammar by their exact values; `None` when one is no number.
pub(crate) fn compare_numbers(one: &str, two: &str) -> Option<Ordering> {
    Some(Decimal::read(one)?.compare(&Decimal::read(two)?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn numbers_are_those_of_json() {
        for text in ["0", "-0", "12", "1.50", "-1e9", "2E+3", "1e-400", "123456789012345678901234567890"] {
            assert!(is_number(text), "{text}");
        }
        for text in ["", "-", "+1", "01", "1.", ".5", "1e", "1e+", "0x1", "NaN", "1 ", "١"] {
            assert!(!is_number(text), "{text}");
        }
    }

    #[test]
    fn values_count_and_not_spellings() {
        for (one, order, two) in [
            ("0", Ordering::Equal, "-0.00e7"),
            ("512", Ordering::Equal, "5.120E2"),
            ("0.05", Ordering::Equal, "5e-2"),
            ("100", Ordering::Equal, "1e2"),
            ("9007199254740993", Ordering::Greater, "9007199254740992"),
            ("-3", Ordering::Less, "-2.5"),
            ("-1", Ordering::Less, "0"),
            ("9", Ordering::Less, "10"),
            ("1e400", Ordering::Less, "1e401"),
            ("1e99999999999999999999", Ordering::Greater, "9"),
            ("1.01", Ordering::Greater, "1.001"),
        ] {
            assert_eq!(compare_numbers(one, two), Some(order), "{one} {two}");
            assert_eq!(compare_numbers(two, one), Some(order.reverse()), "{two} {one}");
        }
        assert_eq!(compare_numbers("1", "one"), None);
    }

    proptest! {
        #[test]
        fn whole_numbers_compare_as_they_do(one in any::<i64>(), two in any::<i64>(), small in -20_i64..20) {
            prop_assert_eq!(compare_numbers(&one.to_string(), &two.to_string()), Some(one.cmp(&two)));
            prop_assert_eq!(compare_numbers(&small.to_string(), &two.to_string()), Some(small.cmp(&two)));
        }

        #[test]
        fn fractions_compare_as_they_do(one in -1e6..1e6_f64, two in -1e6..1e6_f64) {
            prop_assert_eq!(compare_numbers(&format!("{one:?}"), &format!("{two:?}")), one.partial_cmp(&two));
        }
    }
}
