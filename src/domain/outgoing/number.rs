//! Which numbers are never called, whoever asks, and what stands in odd forms for one that is.
//!
//! Knows the world's numbering plans through a library's tables; asks nobody.

use phonenumber::{Mode, Type};

use crate::domain::phone::E164;

/// Longest text that is read as a number, in bytes.
const TEXT_LEN_MAX: usize = 40;
/// Digits of a short number, at most: emergency calls, services within a country.
const SHORT_DIGITS_MAX: usize = 6;
/// Emergency numbers, as they are dialled.
const EMERGENCY: [&str; 14] =
    ["000", "08", "110", "111", "112", "113", "115", "116117", "117", "118", "119", "144", "911", "999"];
/// Country codes of satellites and networks that belong to no country (ITU-T E.164 list of assigned codes).
const SATELLITE: [u16; 4] = [870, 881, 882, 883];
/// Country codes of services that cost the caller extra, or have no fixed price.
const SERVICES: [u16; 4] = [800, 808, 878, 979];

/// A number that may be called, as far as the number itself tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Callable {
    /// The number.
    pub number: E164,
    /// Its country: two capital letters (ISO 3166-1).
    pub country: &'static str,
}

/// Why a number is not called.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotCallable {
    /// It is no number.
    #[error("is not a telephone number, such as +4930123456")]
    NotANumber,
    /// An emergency number.
    #[error("is an emergency number, which is never called")]
    Emergency,
    /// A short number, which means something else in every country.
    #[error("is a short number, which is never called")]
    Short,
    /// A number that costs extra.
    #[error("is a premium or shared-cost number, which is never called")]
    Premium,
    /// A satellite, or a network that belongs to no country.
    #[error("is a satellite's number or belongs to no country; such numbers are never called")]
    Satellite,
    /// A service, a pager or a mailbox: nobody there can be talked to.
    #[error("is a service's, a pager's or a mailbox's number: there is no person to talk to")]
    NoPerson,
    /// A number of a country of which it is not known where its clocks hang.
    #[error("belongs to a country that cannot be called from here")]
    Country,
}

/// Reads a number as people write it: with spaces, brackets and hyphens, with `00` in place of the plus sign, or without
/// its country, which then is `home` (two capital letters).
///
/// # Errors
/// [`NotCallable`], also for numbers that are right but never called.
pub fn callable(text: &str, home: Option<&str>) -> Result<Callable, NotCallable> {
    let text = text.trim();
    if text.len() > TEXT_LEN_MAX || text.bytes().any(|byte| byte.is_ascii_alphabetic()) {
        return Err(NotCallable::NotANumber);
    }
    let digits: String = text.chars().filter(char::is_ascii_digit).collect();
    if EMERGENCY.contains(&digits.as_str()) {
        return Err(NotCallable::Emergency);
    }
    if !digits.is_empty() && digits.len() <= SHORT_DIGITS_MAX {
        return Err(NotCallable::Short);
    }
    let international = text.strip_prefix("00").map(|rest| format!("+{rest}"));
    let text = international.as_deref().unwrap_or(text);
    if let Some(code) = digits_of(text).and_then(|digits| code_of(&digits)) {
        return Err(code);
    }
    let home = home.and_then(|code| code.parse().ok());
    let read = phonenumber::parse(home, text).map_err(|_| NotCallable::NotANumber)?;
    if read.extension().is_some() || !phonenumber::is_valid(&read) {
        return Err(NotCallable::NotANumber);
    }
    let country = read.country().id().ok_or(NotCallable::Satellite)?;
    match read.number_type(&phonenumber::metadata::DATABASE) {
        Type::FixedLine
        | Type::Mobile
        | Type::FixedLineOrMobile
        | Type::Voip
        | Type::PersonalNumber
        | Type::Unknown => {}
        Type::PremiumRate | Type::SharedCost | Type::StandardRate => return Err(NotCallable::Premium),
        Type::Emergency => return Err(NotCallable::Emergency),
        Type::ShortCode => return Err(NotCallable::Short),
        Type::TollFree
        | Type::Pager
        | Type::Uan
        | Type::Voicemail
        | Type::Carrier
        | Type::NoInternational => return Err(NotCallable::NoPerson),
    }
    let number = read.format().mode(Mode::E164).to_string();
    let number = number.parse().map_err(|_| NotCallable::NotANumber)?;
    let country = super::hours::country(country.as_ref()).ok_or(NotCallable::Country)?;
    Ok(Callable { number, country })
}

/// The country of a number that may be called.
pub fn country(number: &E164) -> Result<&'static str, NotCallable> {
    callable(number.as_str(), None).map(|callable| callable.country)
}

/// The digits of a number with its country code.
fn digits_of(text: &str) -> Option<String> {
    text.strip_prefix('+').map(|rest| rest.chars().filter(char::is_ascii_digit).collect())
}

/// Why numbers with that country code are not called.
fn code_of(digits: &str) -> Option<NotCallable> {
    let code: u16 = digits.get(..3)?.parse().ok()?;
    if SATELLITE.contains(&code) {
        Some(NotCallable::Satellite)
    } else if SERVICES.contains(&code) {
        Some(NotCallable::Premium)
    } else {
        None
    }
}
