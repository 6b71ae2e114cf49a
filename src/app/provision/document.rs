//! A tenant as a person writes it down, read into the product's own nouns.
//!
//! Ids are derived from the tenant's slug and the name under which a thing stands in the document, so the same
//! document always means the same rows.

use std::{collections::BTreeMap, ops::RangeInclusive, str::FromStr};

use jiff::civil;

use super::reader::{self, Entry, Faults, Section};
use crate::{
    domain::{
        assistant::{Assistant, AssistantStatus, Language, Sensitivity, TurnPolicy},
        availability::EventStatus,
        booking::{Resource, Schedule, Selection, Service, Window},
        id::{AssistantId, NumberId, ResourceId, ServiceId, TenantId},
        org::{Number, Tenant},
        tool::ToolName,
    },
    platform::ids,
};

/// Characters of a name.
const NAME_MAX: usize = 100;
/// Characters of an assistant's instructions.
const INSTRUCTIONS_MAX: usize = 20_000;
/// Characters of the opening words in one language.
const OPENING_MAX: usize = 500;
/// Days of the week as they are written, Monday first.
const WEEKDAYS: [&str; 7] = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"];
/// Minutes of a day, of thirty days.
const DAY_MIN: u32 = 24 * 60;
const MONTH_MIN: u32 = 30 * DAY_MIN;

/// Everything a document says about one tenant.
#[derive(Clone, Debug, PartialEq)]
pub struct Document {
    /// The business.
    pub tenant: Tenant,
    /// Who or what services are booked with.
    pub resources: Vec<Resource>,
    /// What can be booked.
    pub services: Vec<Service>,
    /// Who answers.
    pub assistants: Vec<Assistant>,
    /// Which numbers are answered.
    pub numbers: Vec<Number>,
}

impl Document {
    /// Reads a document.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub fn read(text: &str) -> Result<Self, Faults> {
        reader::read(text, |top| {
            let tenant =
                top.need("tenant", "a table [tenant]").and_then(|entry| entry.section()?.read(tenant));
            // What follows is read even when the tenant is not right, so that all faults are found at once.
            let slug = tenant.as_ref().map_or(String::new(), |tenant| tenant.slug.clone());
            let mut names = Names::of(slug);
            let resources = each(top, "resources", |s| resource(s, &mut names));
            let services = each(top, "services", |s| service(s, &mut names));
            let assistants = each(top, "assistants", |s| assistant(s, &mut names));
            let numbers =
                each(top, "numbers", |s| number(s, &mut names, assistants.as_deref().unwrap_or_default()));
            Some(Self {
                tenant: tenant?,
                resources: resources?,
                services: services?,
                assistants: assistants?,
                numbers: numbers?,
            })
        })
    }
}

/// Reads every table of `[[key]]`; `None` if one of them was wrong.
fn each<T>(
    top: &Section<'_>,
    key: &'static str,
    mut read: impl FnMut(&Section<'_>) -> Option<T>,
) -> Option<Vec<T>> {
    let all: Vec<_> = top.sections(key).into_iter().map(|section| section.read(&mut read)).collect();
    all.into_iter().collect()
}

/// The names things go by in this document, and the ids they have for it.
struct Names {
    slug: String,
    resources: BTreeMap<String, ResourceId>,
    services: BTreeMap<String, ServiceId>,
    assistants: BTreeMap<String, AssistantId>,
    numbers: BTreeMap<String, NumberId>,
}

impl Names {
    fn of(slug: String) -> Self {
        Self {
            slug,
            resources: BTreeMap::new(),
            services: BTreeMap::new(),
            assistants: BTreeMap::new(),
            numbers: BTreeMap::new(),
        }
    }
}

/// Gives `name` its id, unless another already goes by that name.
fn register<I: Clone>(
    known: &mut BTreeMap<String, I>,
    slug: &str,
    kind: &str,
    name: &Entry<'_>,
    text: &str,
    of: impl Fn(uuid::Uuid) -> I,
) -> Option<I> {
    if known.contains_key(text) {
        return name.wrong(format!("\"{text}\" is already the name of another one"));
    }
    let id = of(ids::derived(&[kind, slug, text]));
    known.insert(text.to_owned(), id.clone());
    Some(id)
}

/// The id of what goes by the name `entry` says.
fn look_up<I: Clone>(known: &BTreeMap<String, I>, what: &str, entry: &Entry<'_>) -> Option<I> {
    let name = entry.text(NAME_MAX)?;
    known.get(&name).cloned().or_else(|| {
        let near = crate::platform::hints::nearest(&name, known.keys().map(String::as_str));
        let names: Vec<_> = known.keys().map(|name| format!("\"{name}\"")).collect();
        let hint = match near {
            Some(near) => format!("did you mean \"{near}\"?"),
            None if names.is_empty() => format!("this document has no {what}"),
            None => format!("there are {}", names.join(", ")),
        };
        entry.wrong(format!("there is no {what} \"{name}\"; {hint}"))
    })
}

fn tenant(s: &Section<'_>) -> Option<Tenant> {
    let slug =
        s.need("slug", "a short name that never changes, such as \"praxis-sommer\"").and_then(|e| slug(&e));
    let name = s.need("name", "what the business is called").and_then(|e| e.text(NAME_MAX));
    let zone = s.need("zone", "a time zone such as \"Europe/Berlin\"").and_then(|e| e.parsed());
    let calls_max = whole_or(s, "calls_max", 10, "calls", 1..=10_000);
    let account = maybe(s, "twilio_account_sid", |e| {
        let sid = e.text(NAME_MAX)?;
        let right =
            sid.len() == 34 && sid.starts_with("AC") && sid[2..].bytes().all(|b| b.is_ascii_hexdigit());
        if right { Some(sid) } else { e.wrong("must be `AC` and 32 hexadecimal digits") }
    });
    let slug = slug?;
    Some(Tenant {
        id: TenantId::of(ids::derived(&["tenant", &slug])),
        slug,
        name: name?,
        zone: zone?,
        twilio_account_sid: account?,
        calls_max: calls_max?,
        seats_max: Tenant::SEATS,
        assistants_max: Tenant::ASSISTANTS,
        numbers_max: Tenant::NUMBERS,
        networks: vec![],
        listening_in: false,
    })
}

fn slug(entry: &Entry<'_>) -> Option<String> {
    let slug = entry.text(40)?;
    let plain = slug.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
    if plain && !slug.starts_with('-') && !slug.ends_with('-') {
        Some(slug)
    } else {
        entry.wrong("may only have lower-case letters, digits and hyphens, such as \"praxis-sommer\"")
    }
}

fn resource(s: &Section<'_>, names: &mut Names) -> Option<Resource> {
    let entry = s.need("name", "who or what it is, such as \"Dr. Sommer\"");
    let name = entry.as_ref().and_then(|e| e.text(NAME_MAX));
    let id = entry.zip(name.as_deref()).and_then(|(entry, name)| {
        register(&mut names.resources, &names.slug, "resource", &entry, name, ResourceId::of)
    });
    let week = s.need("week", "a table of opening hours").and_then(|e| e.section()?.read(week));
    let exceptions = match s.get("exceptions") {
        None => Some(BTreeMap::new()),
        Some(entry) => entry.section().and_then(|section| {
            let read: Vec<_> = section
                .named()
                .into_iter()
                .map(|(date, entry)| {
                    let windows = windows(&entry);
                    match date.parse::<civil::Date>() {
                        Ok(date) => Some((date, windows?)),
                        Err(_) => entry.wrong("the key must be a date in quotes, such as \"2026-12-24\""),
                    }
                })
                .collect();
            read.into_iter().collect()
        }),
    };
    let schedule = Schedule { week: week?, exceptions: exceptions?, closures: Vec::new() };
    Some(Resource { id: id?, name: name?, schedule, active: true })
}

fn week(s: &Section<'_>) -> Option<[Vec<Window>; 7]> {
    let days = WEEKDAYS.map(|day| s.get(day).map_or(Some(vec![]), |entry| windows(&entry)));
    let days: Option<Vec<_>> = days.into_iter().collect();
    days?.try_into().ok()
}

/// Windows such as `["08:00-12:00", "13:00-17:00"]`: in order, apart, within the day.
fn windows(entry: &Entry<'_>) -> Option<Vec<Window>> {
    let read: Vec<_> = entry.list()?.iter().map(window).collect();
    let windows: Vec<Window> = read.into_iter().collect::<Option<_>>()?;
    if windows.windows(2).any(|pair| pair[0].closes > pair[1].opens) {
        return entry.wrong("windows must stand in order and not overlap");
    }
    Some(windows)
}

fn window(entry: &Entry<'_>) -> Option<Window> {
    let text = entry.text(20)?;
    let time = |text: &str| -> Option<civil::Time> {
        let (hours, minutes) = text.trim().split_once(':')?;
        let two = |digits: &str| (digits.len() == 2).then(|| digits.parse::<i8>().ok()).flatten();
        civil::Time::new(two(hours)?, two(minutes)?, 0, 0).ok()
    };
    let read = text.split_once('-').and_then(|(opens, closes)| {
        let closes = if closes.trim() == "24:00" { Window::DAY_END } else { time(closes)? };
        Some(Window { opens: time(opens)?, closes })
    });
    match read {
        None => entry.wrong(format!("\"{text}\" must be two times of day, such as \"08:00-12:30\"")),
        Some(window) if window.closes <= window.opens => entry.wrong(format!(
            "\"{text}\" must close after it opens; hours past midnight are written as two windows, \
             until \"24:00\" and from \"00:00\" of the next day"
        )),
        Some(window) => Some(window),
    }
}

fn service(s: &Section<'_>, names: &mut Names) -> Option<Service> {
    let entry = s.need("key", "a short name by which assistants refer to it, such as \"checkup\"");
    let key = entry.as_ref().and_then(slug);
    let id = entry.zip(key.as_deref()).and_then(|(entry, key)| {
        register(&mut names.services, &names.slug, "service", &entry, key, ServiceId::of)
    });
    let called = s
        .need("names", "what it is called per language, such as { de = \"Kontrolle\", en = \"check-up\" }")
        .and_then(|e| by_language(&e, NAME_MAX))
        .map(|names| names.into_iter().map(|(language, name)| (language.code().to_owned(), name)).collect());
    let duration = s.need("duration", "minutes it takes").and_then(|e| e.whole("minutes", 5..=DAY_MIN));
    let interval = whole_or(s, "interval", duration.unwrap_or(30), "minutes", 5..=DAY_MIN);
    let grid_offset = whole_or(s, "grid_offset", 0, "minutes", 0..=DAY_MIN);
    let buffer_before = whole_or(s, "buffer_before", 0, "minutes", 0..=DAY_MIN);
    let buffer_after = whole_or(s, "buffer_after", 0, "minutes", 0..=DAY_MIN);
    let notice = whole_or(s, "notice", 60, "minutes", 0..=MONTH_MIN * 12);
    let horizon = whole_or(s, "horizon_days", 60, "days", 1..=730);
    let per_day_max = maybe(s, "per_day_max", |e| e.whole("appointments", 1..=1_000));
    let per_week_max = maybe(s, "per_week_max", |e| e.whole("appointments", 1..=10_000));
    let per_month_max = maybe(s, "per_month_max", |e| e.whole("appointments", 1..=100_000));
    let minutes_per_day_max = maybe(s, "minutes_per_day_max", |e| e.whole("minutes", 1..=DAY_MIN));
    let capacity = whole_or(s, "capacity", 1, "seats", 1..=1_000);
    let selection = s.get("selection").map_or(Some(Selection::default()), |e| e.parsed());
    let blocking = s.get("blocking").map_or_else(
        || Some(EventStatus::BLOCKING.to_vec()),
        |e| all_of(&e.list()?, |entry| entry.parsed::<EventStatus>()),
    );
    let calendars = maybe(s, "conflict_calendars", |e| all_of(&e.list()?, |entry| entry.text(NAME_MAX)));
    let cutoff = whole_or(s, "cancel_cutoff", 0, "minutes", 0..=MONTH_MIN);
    let invites = s.get("invites").map_or(Some(false), |e| e.yes_or_no());
    let sensitive = s.get("sensitive").map_or(Some(false), |e| e.yes_or_no());
    let price = maybe(s, "price", |e| e.text(NAME_MAX));
    let resources = s
        .need("resources", "a list of names of resources")
        .and_then(|e| Some((e.list()?, e)))
        .and_then(|(list, e)| {
            if list.is_empty() {
                return e.wrong("must name at least one resource");
            }
            all_of(&list, |entry| look_up(&names.resources, "resource", entry))
        });
    Some(Service {
        id: id?,
        key: key?,
        names: called?,
        duration_min: duration?,
        interval_min: interval?,
        grid_offset_min: grid_offset?,
        buffer_before_min: buffer_before?,
        buffer_after_min: buffer_after?,
        notice_min: notice?,
        horizon_days: horizon?,
        per_day_max: per_day_max?,
        per_week_max: per_week_max?,
        per_month_max: per_month_max?,
        minutes_per_day_max: minutes_per_day_max?,
        capacity: capacity?,
        selection: selection?,
        blocking: blocking?.into_iter().collect(),
        conflict_calendars: calendars?.map(|names| names.into_iter().collect()),
        cancel_cutoff_min: cutoff?,
        invites: invites?,
        sensitive: sensitive?,
        price: price?,
        resources: resources?,
        active: true,
    })
}

fn assistant(s: &Section<'_>, names: &mut Names) -> Option<Assistant> {
    let entry = s.need("name", "what you call it, such as \"reception\"");
    let name = entry.as_ref().and_then(|e| e.text(NAME_MAX));
    let id = entry.zip(name.as_deref()).and_then(|(entry, name)| {
        register(&mut names.assistants, &names.slug, "assistant", &entry, name, AssistantId::of)
    });
    let language = s.need("language", "the language it speaks, \"de\" or \"en\"").and_then(|e| e.parsed());
    let fallback = maybe(s, "fallback", |e| e.parsed::<Language>());
    let voice = s.get("voice").map_or(Some(String::new()), |e| e.text(NAME_MAX));
    let model = maybe(s, "model", |e| e.text(NAME_MAX));
    let instructions =
        s.need("instructions", "what it should know and keep to").and_then(|e| e.text(INSTRUCTIONS_MAX));
    let opening_entry = s.need("opening", "the words a call is opened with, per language");
    let opening = opening_entry.as_ref().and_then(|e| by_language(e, OPENING_MAX));
    let recording = yes_or(s, "recording", false);
    let transcripts = yes_or(s, "transcripts", true);
    let tools = s.get("tools").map_or(Some(ToolName::ALL.to_vec()), |e| all_of(&e.list()?, tool));
    let services = s.get("services").map_or_else(
        || Some(names.services.values().cloned().collect()),
        |e| all_of(&e.list()?, |entry| look_up(&names.services, "service", entry)),
    );
    let policy = s.get("policy").map_or(Some(TurnPolicy::default()), |e| e.section()?.read(policy));
    let (language, fallback, opening) = (language?, fallback?, opening?);
    for spoken in [Some(language), fallback].into_iter().flatten() {
        if !opening.contains_key(&spoken) {
            opening_entry?.wrong::<()>(format!("has no words in `{spoken}`, which the assistant speaks"));
            return None;
        }
    }
    Some(Assistant {
        id: id?,
        name: name?,
        language,
        fallback,
        voice: voice?,
        model: model?,
        instructions: instructions?,
        opening,
        policy: policy?,
        recording: recording?,
        transcripts: transcripts?,
        tools: tools?,
        services: services?,
        description: String::new(),
        status: AssistantStatus::Live,
        transfers: vec![],
        keypad: Default::default(),
    })
}

fn tool(entry: &Entry<'_>) -> Option<ToolName> {
    let name = entry.text(NAME_MAX)?;
    ToolName::parse(&name).or_else(|| {
        let names: Vec<_> = ToolName::ALL.iter().map(|tool| format!("\"{}\"", tool.as_str())).collect();
        entry.wrong(format!("there is no tool \"{name}\"; there are {}", names.join(", ")))
    })
}

fn policy(s: &Section<'_>) -> Option<TurnPolicy> {
    let usual = TurnPolicy::default();
    let sensitivity = s.get("sensitivity").map_or(Some(usual.sensitivity), |e| {
        let level = Sensitivity::parse(&e.text(20)?);
        level.or_else(|| e.wrong("must be \"low\", \"medium\" or \"high\""))
    });
    let ms = |key, usual: u64, range: RangeInclusive<u32>| {
        s.get(key).map_or(Some(usual), |e| e.whole("milliseconds", range).map(u64::from))
    };
    let interruptible = yes_or(s, "interruptible", usual.interruptible);
    let min_speech = ms("min_speech_ms", usual.min_speech_ms, 20..=2_000);
    let false_interruption = ms("false_interruption_ms", usual.false_interruption_ms, 100..=5_000);
    let end_of_turn = ms("end_of_turn_ms", usual.end_of_turn_ms, 100..=5_000);
    let response_delay = ms("response_delay_ms", usual.response_delay_ms, 0..=5_000);
    let first = ms("silence_first_ms", usual.silence_first_ms, 1_000..=120_000);
    let second = ms("silence_second_ms", usual.silence_second_ms, 1_000..=240_000);
    let goodbye = ms("silence_goodbye_ms", usual.silence_goodbye_ms, 1_000..=480_000);
    let max_duration = ms("max_duration_ms", usual.max_duration_ms, 60_000..=3_540_000);
    let (first, second, goodbye) = (first?, second?, goodbye?);
    if !(first < second && second < goodbye) {
        s.wrong("silence_first_ms, silence_second_ms and silence_goodbye_ms must grow in this order");
        return None;
    }
    Some(TurnPolicy {
        sensitivity: sensitivity?,
        interruptible: interruptible?,
        min_speech_ms: min_speech?,
        false_interruption_ms: false_interruption?,
        end_of_turn_ms: end_of_turn?,
        response_delay_ms: response_delay?,
        silence_first_ms: first,
        silence_second_ms: second,
        silence_goodbye_ms: goodbye,
        max_duration_ms: max_duration?,
    })
}

fn number(s: &Section<'_>, names: &mut Names, assistants: &[Assistant]) -> Option<Number> {
    let entry = s.need("number", "a telephone number such as \"+4930123456\"");
    let number = entry.as_ref().and_then(|e| e.parsed::<crate::domain::phone::E164>());
    let id = entry.zip(number.as_ref()).and_then(|(entry, number)| {
        register(&mut names.numbers, &names.slug, "number", &entry, number.as_str(), NumberId::of)
    });
    let assistant = s
        .need("assistant", "the name of an assistant")
        .and_then(|e| look_up(&names.assistants, "assistant", &e));
    let entry = s.need("language", "the language a call is opened in, \"de\" or \"en\"");
    let language = entry.as_ref().and_then(|e| e.parsed::<Language>());
    if let (Some(entry), Some(id), Some(language)) = (entry, &assistant, language) {
        let speaks =
            assistants.iter().find(|one| one.id == *id).map(|one| one.opening.contains_key(&language));
        if speaks == Some(false) {
            return entry.wrong(format!("the assistant has no opening words in `{language}`"));
        }
    }
    Some(Number { id: id?, number: number?, assistant: Some(assistant?), language: language? })
}

/// A table of texts per language.
fn by_language(entry: &Entry<'_>, chars_max: usize) -> Option<BTreeMap<Language, String>> {
    let section = entry.section()?;
    let read: Vec<_> = section
        .named()
        .into_iter()
        .map(|(code, entry)| {
            let text = entry.text(chars_max);
            match Language::from_str(code) {
                Ok(language) => Some((language, text?)),
                Err(error) => entry.wrong(error.to_string()),
            }
        })
        .collect();
    if read.is_empty() {
        return entry.wrong("must have words in at least one language, such as { en = \"...\" }");
    }
    read.into_iter().collect()
}

/// The value of an optional key: `Some(None)` when it is not there, `None` when it is wrong.
fn maybe<T>(
    s: &Section<'_>,
    key: &'static str,
    read: impl FnOnce(&Entry<'_>) -> Option<T>,
) -> Option<Option<T>> {
    s.get(key).map_or(Some(None), |entry| read(&entry).map(Some))
}

fn whole_or(
    s: &Section<'_>,
    key: &'static str,
    usual: u32,
    unit: &str,
    range: RangeInclusive<u32>,
) -> Option<u32> {
    s.get(key).map_or(Some(usual), |entry| entry.whole(unit, range))
}

fn yes_or(s: &Section<'_>, key: &'static str, usual: bool) -> Option<bool> {
    s.get(key).map_or(Some(usual), |entry| entry.yes_or_no())
}

/// Reads every entry, so that all faults are found, and answers only if each is right.
fn all_of<T>(entries: &[Entry<'_>], read: impl FnMut(&Entry<'_>) -> Option<T>) -> Option<Vec<T>> {
    let all: Vec<_> = entries.iter().map(read).collect();
    all.into_iter().collect()
}
