//! Qovery's query parameters: their grammars, and the filter they make. It knows no answer.

use annals_model::{Field, Filter, TimeRange, Timestamp};

use super::{
    Problem,
    enums::{EVENT_TYPES, ORIGINS, SUB_TARGET_TYPES, TARGET_TYPES},
    vocabulary,
    wire::uuid_text,
};
use crate::{host::Call, parameters::Parameters};

/// Events on a page when the client does not say.
const PAGE_SIZE_DEFAULT: u32 = 10;
/// Events on a page at most; a larger wish is taken for this.
pub(super) const PAGE_SIZE_MAX: u32 = 100;

/// A request's parameters. A blank one counts as absent; one that is given twice is refused.
pub(super) struct Asked(Parameters);

/// Which way a token leads, and from where.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Token {
    /// To strictly older events.
    Continue(Place),
    /// To strictly newer events.
    StepBack(Place),
}

/// A place in the list: an instant, and an event's place in the log where the token names one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) time: Timestamp,
    pub(super) seq: Option<u64>,
}

impl Asked {
    pub(super) fn of(call: &Call) -> Self {
        Self(Parameters::of(call))
    }

    /// A parameter's text.
    pub(super) fn text(&self, name: &'static str) -> Result<Option<&str>, Problem> {
        let value = self.0.one(&[name]).map_err(|repeated| Problem::BadRequest(repeated.to_string()))?;
        Ok(value.filter(|value| !value.is_empty()))
    }

    /// A parameter whose values are listed.
    pub(super) fn choice(
        &self,
        name: &'static str,
        list: &'static [&'static str],
    ) -> Result<Option<&'static str>, Problem> {
        let Some(value) = self.text(name)? else { return Ok(None) };
        let known = list.iter().copied().find(|known| *known == value);
        known.map(Some).ok_or_else(|| wrong(name, value, &format!("one of {}", list.join(", "))))
    }

    /// A parameter that is a UUID, in lower case.
    pub(super) fn uuid(&self, name: &'static str) -> Result<Option<String>, Problem> {
        let Some(value) = self.text(name)? else { return Ok(None) };
        uuid_text(value).map(Some).ok_or_else(|| wrong(name, value, "a UUID"))
    }

    /// How many events a page holds.
    pub(super) fn page_size(&self) -> Result<u32, Problem> {
        let Some(value) = self.text("pageSize")? else { return Ok(PAGE_SIZE_DEFAULT) };
        let expected = || wrong("pageSize", value, "a whole number of at least 1");
        // In a query string a bare plus, as in `1e+02`, means a space.
        let number = number(&value.replace(' ', "+")).ok_or_else(expected)?;
        if number < 1.0 || (number.is_finite() && number.fract() != 0.0) {
            return Err(expected());
        }
        // Between 1 and 100 a float holds a whole number exactly.
        Ok(number.min(f64::from(PAGE_SIZE_MAX)) as u32)
    }

    /// The instants between `fromTimestamp` and `toTimestamp`, the whole unit of the latter included.
    pub(super) fn range(&self) -> Result<TimeRange, Problem> {
        let mut bounds = [None, None];
        for (bound, (name, whole_unit)) in
            bounds.iter_mut().zip([("fromTimestamp", false), ("toTimestamp", true)])
        {
            if let Some(value) = self.text(name)? {
                let time = instant(value, whole_unit).ok_or_else(|| {
                    wrong(name, value, "a timestamp in seconds, milliseconds, microseconds or nanoseconds")
                })?;
                *bound = Some(time);
            }
        }
        Ok(TimeRange::new(bounds[0], bounds[1]))
    }

    /// The token, of which there may be one.
    pub(super) fn token(&self) -> Result<Option<Token>, Problem> {
        let place = |name| -> Result<Option<Place>, Problem> {
            let Some(value) = self.text(name)? else { return Ok(None) };
            let place =
                place(value).ok_or_else(|| wrong(name, value, "a token of an earlier answer's links"))?;
            Ok(Some(place))
        };
        match (place("continueToken")?, place("stepBackToken")?) {
            (Some(_), Some(_)) => Err(Problem::BadRequest(
                "continueToken and stepBackToken lead in opposite directions: give one of them".to_owned(),
            )),
            (older, newer) => Ok(older.map(Token::Continue).or(newer.map(Token::StepBack))),
        }
    }

    /// The condition that `eventType`, `targetType`, `triggeredBy` and `origin` make.
    pub(super) fn common_filter(&self) -> Result<Filter, Problem> {
        let mut filter = match self.choice("eventType", EVENT_TYPES)? {
            Some(event_type) => vocabulary::of_event_type(event_type),
            None => vocabulary::visible(),
        };
        if let Some(target_type) = self.choice("targetType", TARGET_TYPES)? {
            filter = filter.and(vocabulary::of_target_type(target_type));
        }
        if let Some(who) = self.text("triggeredBy")? {
            filter = filter.and(vocabulary::of_triggered_by(who));
        }
        if let Some(origin) = self.choice("origin", ORIGINS)? {
            filter = filter.and(vocabulary::of_origin(origin));
        }
        Ok(filter)
    }

    /// The condition that all parameters of the list of events make.
    pub(super) fn filter(&self) -> Result<Filter, Problem> {
        let mut filter = self.common_filter()?;
        if let Some(id) = self.uuid("targetId")? {
            filter = filter.and(Filter::any_of(Field::TargetId, [id.to_uppercase(), id]));
        }
        if let Some(sub_target_type) = self.choice("subTargetType", SUB_TARGET_TYPES)? {
            filter = filter.and(vocabulary::of_sub_target_type(sub_target_type));
        }
        if let Some(id) = self.text("serviceProjectId")? {
            filter = filter.and(vocabulary::of_project(id));
        }
        if let Some(id) = self.text("serviceEnvironmentId")? {
            filter = filter.and(vocabulary::of_environment(id));
        }
        Ok(filter)
    }
}

fn wrong(name: &str, value: &str, expected: &str) -> Problem {
    Problem::BadRequest(format!("{name}: '{value}' is not {expected}"))
}

/// Reads a number in JSON's grammar, which is what a parameter of type `number` is. `None` for other texts.
fn number(text: &str) -> Option<f64> {
    let is_digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, "0"));
    let whole = whole.strip_prefix('-').unwrap_or(whole);
    let exponent = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
    (is_digits(whole) && is_digits(fraction) && is_digits(exponent)).then(|| text.parse().ok())?
}

/// Reads a decimal number of seconds, milliseconds, microseconds or nanoseconds since 1970; its length says which.
/// `whole_unit` gives the instant behind the unit instead of the one it begins with.
fn instant(text: &str, whole_unit: bool) -> Option<Timestamp> {
    const DIGITS_MAX: usize = 19;
    if text.is_empty() || text.len() > DIGITS_MAX || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let nanos_per_unit: i128 = match text.len() {
        1..=11 => 1_000_000_000,
        12..=14 => 1_000_000,
        15..=17 => 1_000,
        _ => 1,
    };
    let units = text.parse::<i128>().ok()? + i128::from(whole_unit);
    Some(i64::try_from(units * nanos_per_unit).map_or(Timestamp::MAX, Timestamp::from_nanos))
}

/// Reads `<nanoseconds>` or `<nanoseconds>-<place in the log>`.
fn place(token: &str) -> Option<Place> {
    let (nanos, seq) = match token.rsplit_once('-').filter(|(nanos, _)| !nanos.is_empty()) {
        Some((nanos, seq)) => (nanos, Some(seq)),
        None => (token, None),
    };
    let unsigned = nanos.strip_prefix('-').unwrap_or(nanos);
    let all_digits = [unsigned, seq.unwrap_or("0")]
        .iter()
        .all(|part| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit()));
    if !all_digits {
        return None;
    }
    let seq = seq.map(str::parse).transpose().ok()?;
    Some(Place { time: Timestamp::from_nanos(nanos.parse().ok()?), seq })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_follow_the_grammar_of_json() {
        for (text, expected) in [
            ("30", Some(30.0)),
            ("30.0", Some(30.0)),
            ("1e+02", Some(100.0)),
            ("1E2", Some(100.0)),
            ("-1", Some(-1.0)),
            ("1e+06", Some(1e6)),
        ] {
            assert_eq!(number(text), expected, "{text}");
        }
        for text in ["", "ten", "1.", ".5", "+1", "1e", "inf", "NaN", "0x10", "1_0", " 1"] {
            assert_eq!(number(text), None, "{text}");
        }
    }

    #[test]
    fn the_length_of_a_timestamp_is_its_unit() {
        for (text, from, to) in [
            ("1683211879", "2023-05-04T14:51:19Z", "2023-05-04T14:51:20Z"),
            ("0", "1970-01-01T00:00:00Z", "1970-01-01T00:00:01Z"),
            ("1683211879216", "2023-05-04T14:51:19.216Z", "2023-05-04T14:51:19.217Z"),
            ("1683211879216566", "2023-05-04T14:51:19.216566Z", "2023-05-04T14:51:19.216567Z"),
            ("1683211879216566000", "2023-05-04T14:51:19.216566Z", "2023-05-04T14:51:19.216566001Z"),
        ] {
            assert_eq!(instant(text, false).unwrap().to_string(), from);
            assert_eq!(instant(text, true).unwrap().to_string(), to);
        }
        assert_eq!(instant("99999999999", false), Some(Timestamp::MAX));
        for text in ["", "-1", "1.5", "2023-05-04T14:51:19Z", "12345678901234567890"] {
            assert_eq!(instant(text, false), None, "{text}");
        }
    }

    #[test]
    fn tokens_are_an_instant_with_or_without_a_place() {
        let at = |nanos, seq| Some(Place { time: Timestamp::from_nanos(nanos), seq });
        assert_eq!(place("1683211879216566000"), at(1_683_211_879_216_566_000, None));
        assert_eq!(place("1683211879216566000-17"), at(1_683_211_879_216_566_000, Some(17)));
        assert_eq!((place("-5"), place("-5-3")), (at(-5, None), at(-5, Some(3))));
        for token in ["", "-", "x", "1-", "1-x", "1--2", "99999999999999999999", "1-99999999999999999999"] {
            assert_eq!(place(token), None, "{token}");
        }
    }
}
