//! May this person be called at this moment?
//!
//! One pure function decides, from what is known when Twilio is about to be asked. What was true when the call was
//! planned does not count. Refusals that time can heal name the instant to ask again.

use super::{Channel, Ending, Kind, OutgoingSettings, hours, number};
use crate::domain::{
    phone::E164,
    time::{Timestamp, Zone},
};

/// Attempts to call one person within [`WEEK_MIN`].
pub const ATTEMPTS_PER_WEEK_MAX: usize = 3;
/// How far back attempts count, in minutes.
pub const WEEK_MIN: i64 = 7 * 24 * 60;
/// How long to wait for a call that is out to end before looking again, in minutes.
const FULL_WAIT_MIN: i64 = 1;

/// What is known when somebody is about to be called.
#[derive(Clone, Debug)]
pub struct Facts<'f> {
    /// Whom the tenant may call.
    pub settings: &'f OutgoingSettings,
    /// Who is to be called.
    pub to: &'f E164,
    /// How.
    pub channel: Channel,
    /// What brings it about.
    pub kind: Kind,
    /// Where the person's clocks hang, when somebody has said so.
    pub zone: Option<&'f Zone>,
    /// Where the tenant's do.
    pub tenant_zone: &'f Zone,
    /// Whether the number is one of ours.
    pub own_number: bool,
    /// Whether the person does not want to be called.
    pub opted_out: bool,
    /// Whether the appointment it is about is still promised, and for the time it was when this was planned.
    pub appointment_stands: bool,
    /// When the person was called lately, the latest first; this attempt is not among them.
    pub attempts: &'f [Timestamp],
    /// How many of the tenant's calls are out.
    pub out: u32,
    /// From when on it makes no sense any more.
    pub expires: Option<Timestamp>,
}

/// What is to be done about an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// Make it.
    Now,
    /// Ask again then.
    Later(Timestamp),
    /// Never make it, and why.
    Never(Ending),
}

/// Decides about an attempt.
pub fn decide(facts: &Facts<'_>, now: Timestamp) -> Decision {
    let settings = facts.settings;
    // A business rings its own line, or writes to whoever works there and asked for it: nobody else has to have agreed to that,
    // and its own country is always among those it may call.
    let own = matches!(facts.kind, Kind::Forwarding | Kind::Notice);
    if settings.consent.is_none() && !own {
        return Decision::Never(Ending::NoConsent);
    }
    if facts.opted_out {
        return Decision::Never(Ending::OptedOut);
    }
    let Ok(country) = number::country(facts.to) else { return Decision::Never(Ending::Number) };
    if facts.own_number {
        return Decision::Never(Ending::Number);
    }
    let home = own && hours::country_of(facts.tenant_zone) == Some(country);
    if !home && !settings.countries.iter().any(|allowed| allowed == country) {
        return Decision::Never(Ending::Country);
    }
    if !facts.appointment_stands {
        return Decision::Never(Ending::AppointmentGone);
    }
    if facts.kind == Kind::Notice {
        // Her quiet hours are her own, and were asked when it was written.
        let over = facts.expires.is_some_and(|expires| now >= expires);
        return if over { Decision::Never(Ending::TooLate) } else { Decision::Now };
    }
    let zones = hours::zones(country, facts.zone, facts.tenant_zone);
    let free = free_from(facts, now, &zones);
    let Some(at) = hours::next_open(free, &zones, settings.from_min, settings.until_min) else {
        return Decision::Never(Ending::TooLate);
    };
    let full = facts.channel == Channel::Call && facts.out >= settings.at_once_max;
    let at = if full && at <= now { now.plus_minutes(FULL_WAIT_MIN) } else { at };
    match facts.expires {
        Some(expires) if at >= expires => Decision::Never(Ending::TooLate),
        _ if at > now => Decision::Later(at),
        _ => Decision::Now,
    }
}

/// From when on the person may be called again, as far as the number of attempts goes: one a day, three a week.
fn free_from(facts: &Facts<'_>, now: Timestamp, zones: &[Zone]) -> Timestamp {
    // Whoever asked to be called, later or for a test, wants to be; a line that is tested is the asker's; and a text message does
    // not ring.
    if matches!(facts.kind, Kind::CallBack | Kind::Test | Kind::Forwarding | Kind::Notice)
        || facts.channel == Channel::Sms
    {
        return now;
    }
    let today = hours::day_began(now, zones);
    let week = now.plus_minutes(-WEEK_MIN);
    let mut free = now;
    if facts.attempts.iter().any(|at| *at >= today) {
        free = hours::next_day(now, zones);
    }
    let mut lately: Vec<Timestamp> = facts.attempts.iter().copied().filter(|at| *at > week).collect();
    lately.sort_unstable_by(|a, b| b.cmp(a));
    if let Some(third) = lately.get(ATTEMPTS_PER_WEEK_MAX - 1) {
        free = free.max(third.plus_minutes(WEEK_MIN));
    }
    free
}
