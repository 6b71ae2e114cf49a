//! Whom nobody calls, and when nobody is called: decided by values alone.

use frontdesk::domain::{
    outgoing::{
        Channel, Ending, Kind, OutgoingSettings,
        hours::{next_open, zones},
        number::{NotCallable, callable},
        rules::{Decision, Facts, decide},
    },
    phone::E164,
    time::{Timestamp, Zone},
};

use crate::support::practice::{MONDAY_8, at};

fn zone(name: &str) -> Zone {
    name.parse().unwrap()
}

#[test]
fn numbers_in_odd_forms_are_read_and_numbers_that_are_none_are_not() {
    for text in [
        "+49 151 12345678",
        "0049 (151) 1234-5678",
        "+49 (0) 151 12345678",
        "0151 / 12345678",
        " +4915112345678 ",
    ] {
        let read = callable(text, Some("DE"));
        assert_eq!(read.map(|read| read.number.to_string()), Ok("+4915112345678".to_owned()), "{text}");
    }
    for text in
        ["", "hello", "+49", "+49123", "0800-FLOWERS", "+99912345678", "+4915112345678 ext. 5", "١٢٣٤٥٦٧٨"]
    {
        assert!(callable(text, Some("DE")).is_err(), "{text}");
    }
    assert_eq!(callable("0151 12345678", None), Err(NotCallable::NotANumber), "no country is guessed");
    assert_eq!(callable("+12125550123", None).map(|read| read.country), Ok("US"));
    assert_eq!(callable("+14165550123", None).map(|read| read.country), Ok("CA"));
}

#[test]
fn premium_satellite_short_emergency_and_service_numbers_are_never_called() {
    let refused = [
        ("112", NotCallable::Emergency),
        ("911", NotCallable::Emergency),
        ("110", NotCallable::Emergency),
        ("11833", NotCallable::Short),
        ("+49 11833", NotCallable::NotANumber),
        ("+49 900 1234567", NotCallable::Premium),
        ("+49 180 5123456", NotCallable::Premium),
        ("+1 900 555 0123", NotCallable::Premium),
        ("+870 773 123456", NotCallable::Satellite),
        ("+881 6 12345678", NotCallable::Satellite),
        ("+882 16 12345678", NotCallable::Satellite),
        ("+979 123456789", NotCallable::Premium),
        ("+49 800 1234567", NotCallable::NoPerson),
    ];
    for (text, why) in refused {
        let told = callable(text, Some("DE"));
        // Where a number is too short to be one it is refused as that.
        assert!(told == Err(why) || (text.starts_with("+49 118") && told.is_err()), "{text}: {told:?}");
    }
}

#[test]
fn nobody_is_called_in_the_quiet_hours_of_their_own_zone() {
    let berlin = zone("Europe/Berlin");
    let (from, until) = (9 * 60, 20 * 60);
    // Monday, 8:00 in Berlin: an hour to wait there, seven in New York, and none in Tokyo.
    let here = zones("DE", None, &berlin);
    assert_eq!(next_open(MONDAY_8, &here, from, until), Some(at(60)));
    assert_eq!(next_open(at(60), &here, from, until), Some(at(60)), "nine o'clock is no quiet hour");
    assert_eq!(next_open(at(12 * 60 - 1), &here, from, until), Some(at(12 * 60 - 1)), "nor is 19:59");
    assert_eq!(next_open(at(12 * 60), &here, from, until), Some(at(25 * 60)), "20:00 is");
    let tokyo = zones("JP", None, &berlin);
    assert_eq!(next_open(MONDAY_8, &tokyo, from, until), Some(MONDAY_8), "16:00");
    // Nobody knows where in the United States somebody is: it must be day in New York and in Honolulu, 14:00 to 20:00.
    let somewhere = zones("US", None, &berlin);
    assert_eq!(next_open(MONDAY_8, &somewhere, from, until), Some(at(12 * 60)));
    let there = zones("US", Some(&zone("America/New_York")), &berlin);
    assert_eq!(
        next_open(MONDAY_8, &there, from, until),
        Some(at(7 * 60)),
        "who says where is called from nine there"
    );
}

#[test]
fn quiet_hours_hold_on_the_days_the_clocks_change() {
    let berlin = vec![zone("Europe/Berlin")];
    for (day, first) in
        [("2026-03-29T00:30:00Z", "2026-03-29T07:00:00Z"), ("2026-10-25T00:30:00Z", "2026-10-25T08:00:00Z")]
    {
        let now: jiff::Timestamp = day.parse().unwrap();
        let opens: jiff::Timestamp = first.parse().unwrap();
        assert_eq!(next_open(now.into(), &berlin, 540, 1_200), Some(opens.into()), "{day}");
    }
}

struct Case {
    settings: OutgoingSettings,
    to: E164,
    zone: Zone,
    opted_out: bool,
    own: bool,
    stands: bool,
    kind: Kind,
    channel: Channel,
    attempts: Vec<Timestamp>,
    out: u32,
    expires: Option<Timestamp>,
}

impl Case {
    fn usual() -> Self {
        Self {
            settings: OutgoingSettings {
                consent: Some("asked at the first visit".to_owned()),
                countries: vec!["DE".to_owned()],
                ..OutgoingSettings::default()
            },
            to: "+4915112345678".parse().unwrap(),
            zone: zone("Europe/Berlin"),
            opted_out: false,
            own: false,
            stands: true,
            kind: Kind::Asked,
            channel: Channel::Call,
            attempts: vec![],
            out: 0,
            expires: None,
        }
    }

    fn decided(&self, now: Timestamp) -> Decision {
        let facts = Facts {
            settings: &self.settings,
            to: &self.to,
            channel: self.channel,
            kind: self.kind,
            zone: None,
            tenant_zone: &self.zone,
            own_number: self.own,
            opted_out: self.opted_out,
            appointment_stands: self.stands,
            attempts: &self.attempts,
            out: self.out,
            expires: self.expires,
        };
        decide(&facts, now)
    }
}

/// Monday, 10:00 in Berlin.
const TEN: i64 = 2 * 60;
const DAY: i64 = 24 * 60;

#[test]
fn each_rule_alone_keeps_a_call_from_being_made() {
    let usual = Case::usual;
    assert_eq!(usual().decided(at(TEN)), Decision::Now);
    let mut nobody = usual();
    nobody.settings.consent = None;
    assert_eq!(nobody.decided(at(TEN)), Decision::Never(Ending::NoConsent));
    let elsewhere = Case { to: "+12125550123".parse().unwrap(), ..usual() };
    assert_eq!(elsewhere.decided(at(TEN)), Decision::Never(Ending::Country));
    let premium = Case { to: "+499001234567".parse().unwrap(), ..usual() };
    assert_eq!(premium.decided(at(TEN)), Decision::Never(Ending::Number));
    let never = [
        (Case { opted_out: true, ..usual() }, Ending::OptedOut),
        (Case { own: true, ..usual() }, Ending::Number),
        (Case { stands: false, ..usual() }, Ending::AppointmentGone),
        (Case { expires: Some(at(TEN)), ..usual() }, Ending::TooLate),
    ];
    for (case, why) in never {
        assert_eq!(case.decided(at(TEN)), Decision::Never(why));
    }
    let full = Case { out: 2, ..usual() };
    assert_eq!(full.decided(at(TEN)), Decision::Later(at(TEN + 1)), "as many are out as may be");
}

#[test]
fn a_person_is_called_once_a_day_and_three_times_a_week() {
    let today = Case { attempts: vec![at(TEN - 30)], ..Case::usual() };
    assert_eq!(today.decided(at(TEN)), Decision::Later(at(DAY + 60)), "tomorrow at nine");
    let yesterday = Case { attempts: vec![at(TEN - DAY)], ..Case::usual() };
    assert_eq!(yesterday.decided(at(TEN)), Decision::Now);
    let often = Case { attempts: vec![at(TEN - DAY), at(TEN - 2 * DAY), at(TEN - 5 * DAY)], ..Case::usual() };
    assert_eq!(often.decided(at(TEN)), Decision::Later(at(TEN + 2 * DAY)), "a week after the third last");
    let asked_for = Case { kind: Kind::CallBack, attempts: vec![at(TEN - 30)], ..Case::usual() };
    assert_eq!(asked_for.decided(at(TEN)), Decision::Now, "whoever asked to be called is");
    let text = Case { channel: Channel::Sms, attempts: vec![at(TEN - 30)], ..Case::usual() };
    assert_eq!(text.decided(at(TEN)), Decision::Now, "a text message does not ring");
}

#[test]
fn what_cannot_be_done_before_it_makes_no_sense_any_more_is_dropped() {
    // Nine in the evening; the appointment is at nine in the morning.
    let case = Case { expires: Some(at(DAY)), ..Case::usual() };
    assert_eq!(case.decided(at(13 * 60)), Decision::Never(Ending::TooLate));
    let later = Case { expires: Some(at(DAY + 3 * 60)), ..Case::usual() };
    assert_eq!(later.decided(at(13 * 60)), Decision::Later(at(DAY + 60)), "and what can be is put off");
}
