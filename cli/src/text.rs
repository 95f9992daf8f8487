//! Numbers as people read them.

use std::time::Duration;

/// Returns a number with a comma between its thousands.
pub fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (position, digit) in digits.chars().enumerate() {
        if position > 0 && (digits.len() - position).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Returns microseconds as milliseconds, with as many decimals as make sense.
#[expect(clippy::cast_precision_loss, reason = "a time for people")]
pub fn millis(micros: u64) -> String {
    let millis = micros as f64 / 1_000.0;
    if micros < 10_000 {
        format!("{millis:.2}")
    } else if micros < 1_000_000 {
        format!("{millis:.1}")
    } else {
        thousands((micros + 500) / 1_000)
    }
}

/// Returns a delay in microseconds.
#[expect(clippy::cast_precision_loss, reason = "a time for people")]
pub fn micros(duration: Duration) -> String {
    format!("{:.0} µs", duration.as_nanos() as f64 / 1_000.0)
}

/// Returns gas in millions.
#[expect(clippy::cast_precision_loss, reason = "a count for people")]
pub fn mgas(gas: u64) -> String {
    format!("{:.1} Mgas", gas as f64 / 1e6)
}

/// Returns how many times as fast.
pub fn times(speedup: Option<f64>) -> String {
    speedup.map_or_else(|| "-".to_owned(), |speedup| format!("{speedup:.2}x"))
}

/// Returns a rate.
pub fn rate(mgas_per_s: Option<f64>) -> String {
    mgas_per_s.map_or_else(|| "-".to_owned(), |rate| format!("{rate:.1}"))
}

/// Returns a count with its noun, in the plural where there is not one.
pub fn count(number: u64, noun: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{} {noun}{plural}", thousands(number))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_well() {
        assert_eq!(thousands(0), "0");
        assert_eq!(thousands(999), "999");
        assert_eq!(thousands(1_000), "1,000");
        assert_eq!(thousands(1_234_567), "1,234,567");
        assert_eq!(millis(1_234), "1.23");
        assert_eq!(millis(123_456), "123.5");
        assert_eq!(millis(12_345_678), "12,346");
        assert_eq!(micros(Duration::from_nanos(200_400)), "200 µs");
        assert_eq!(count(1, "block"), "1 block");
        assert_eq!(count(2, "block"), "2 blocks");
    }
}
