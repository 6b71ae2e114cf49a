//! Payment cards, which nobody here wants to know.

/// How many digits a card's number has.
const DIGITS: std::ops::RangeInclusive<usize> = 13..=19;

/// Whether these digits check as the number of a payment card (Luhn).
pub fn is_card(digits: &[u32]) -> bool {
    DIGITS.contains(&digits.len()) && luhn(digits)
}

fn luhn(digits: &[u32]) -> bool {
    let sum: u32 = digits
        .iter()
        .rev()
        .enumerate()
        .map(|(place, digit)| if place % 2 == 0 { *digit } else { digit * 2 / 10 + digit * 2 % 10 })
        .sum();
    sum.is_multiple_of(10)
}
