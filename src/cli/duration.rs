//! Durations as Go and kubectl write them: `30s`, `1m30s`, `500ms`, or plain seconds.

use std::time::Duration;

/// Reads a duration.
///
/// # Errors
/// A fragment that fits behind clap's "invalid value".
pub fn parse(text: &str) -> Result<Duration, String> {
    let bad = || String::from("write it as 30s, 1m30s or 500ms");
    if !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit()) {
        return text.parse().map(Duration::from_secs).ok().ok_or_else(bad);
    }
    let mut total = Duration::ZERO;
    let mut rest = text;
    while !rest.is_empty() {
        let digits = rest.bytes().take_while(|b| b.is_ascii_digit() || *b == b'.').count();
        let (number, after) = rest.split_at_checked(digits).ok_or_else(bad)?;
        let letters = after.bytes().take_while(u8::is_ascii_lowercase).count();
        let (unit, after) = after.split_at_checked(letters).ok_or_else(bad)?;
        let seconds = match unit {
            "ms" => 0.001,
            "s" => 1.0,
            "m" => 60.0,
            "h" => 3600.0,
            _ => return Err(bad()),
        };
        let number: f64 = number.parse().ok().ok_or_else(bad)?;
        let part = Duration::try_from_secs_f64(number * seconds).ok().ok_or_else(bad)?;
        total = total.checked_add(part).ok_or_else(bad)?;
        rest = after;
    }
    if text.is_empty() { Err(bad()) } else { Ok(total) }
}

/// A duration that is a limit: longer than nothing.
///
/// # Errors
/// A fragment that fits behind clap's "invalid value".
pub fn limit(text: &str) -> Result<Duration, String> {
    parse(text).and_then(|limit| {
        if limit.is_zero() { Err(String::from("a run without time does nothing: write 30s or 2m")) } else { Ok(limit) }
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn go_durations() {
        let cases =
            [("0", 0), ("60", 60_000), ("30s", 30_000), ("1m30s", 90_000), ("500ms", 500), ("1.5s", 1500), ("1h", 3_600_000)];
        for (text, ms) in cases {
            assert_eq!(parse(text), Ok(Duration::from_millis(ms)), "{text}");
        }
        for text in ["", "s", "5", "-1s", "1x", "1s ", ".s", "1.2.3s", "1e9999h", "99999999999999999999h"] {
            assert_eq!(parse(text).is_ok(), text == "5", "{text}");
        }
    }

    #[test]
    fn a_limit_is_not_zero() {
        assert!(limit("0").is_err() && limit("0s").is_err());
        assert_eq!(limit("1s"), Ok(Duration::from_secs(1)));
    }

    proptest! {
        #[test]
        fn never_panics(text in "[0-9.smhé -]{0,12}|.{0,8}") {
            let _ignored = parse(&text);
        }
    }
}
