//! A tenant by file: what is written is what is stored, and what is wrong is named.

use frontdesk::{
    app::provision::{Change, Document, Error, Report, apply, prepare},
    domain::{
        assistant::Language, availability::EventStatus, booking::Selection, phrases, time::Timestamp,
        tool::ToolName,
    },
    store::{Lane, Store, Work},
};
use proptest::prelude::*;

use crate::support::{databases::on_both, practice::MONDAY_8};

const EXAMPLE: &str = include_str!("../../config/example-tenant.toml");

fn faults(text: &str) -> Vec<String> {
    Document::read(text).unwrap_err().0.iter().map(ToString::to_string).collect()
}

/// The example with one line replaced: the faults, and the number of that line.
fn spoiled(line: &str, replacement: &str) -> (Vec<String>, usize) {
    let number = EXAMPLE.lines().position(|l| l == line).unwrap_or_else(|| panic!("no line {line}")) + 1;
    (faults(&EXAMPLE.replacen(line, replacement, 1)), number)
}

#[test]
fn the_example_is_a_bilingual_practice_that_can_be_booked() {
    let practice = Document::read(EXAMPLE).unwrap();
    assert_eq!(practice.tenant.zone.name(), "Europe/Berlin");
    assert_eq!((practice.resources.len(), practice.services.len()), (2, 3));
    let checkup = &practice.services[0];
    assert_eq!(checkup.key, "checkup");
    assert_eq!((checkup.names["de"].as_str(), checkup.names["en"].as_str()), ("Kontrolle", "check-up"));
    assert_eq!(checkup.resources, practice.resources.iter().map(|r| r.id.clone()).collect::<Vec<_>>());
    let monday = &practice.resources[0].schedule.week[0];
    assert_eq!(monday.len(), 2, "a lunch break is two windows");
    assert!(monday[0].closes < monday[1].opens);
    assert!(practice.resources[0].schedule.week[6].is_empty(), "closed on Sunday");
    assert!(practice.resources[0].schedule.exceptions.values().any(Vec::is_empty), "closed days");

    let assistant = &practice.assistants[0];
    assert!(assistant.recording);
    assert_eq!(assistant.tools, ToolName::ALL);
    assert!(
        phrases::opening(assistant, false, Language::German)
            .starts_with("Praxis Doktor Sommer, guten Tag. Sie")
    );
    assert!(
        phrases::opening(assistant, false, Language::English)
            .starts_with("Doctor Sommer's practice, good morning. You are")
    );
    let languages: Vec<_> = practice.numbers.iter().map(|number| number.language).collect();
    assert_eq!(languages, [Language::German, Language::English]);
    assert!(practice.numbers.iter().all(|number| number.assistant.as_ref() == Some(&assistant.id)));
}

#[test]
fn the_rules_of_a_service_are_read_and_what_is_wrong_with_them_is_named() {
    let written = "selection = \"round_robin\"\nper_month_max = 40\nminutes_per_day_max = 240\ncapacity = 6\n\
        blocking = [\"busy\"]\nconflict_calendars = [\"main\"]";
    let text = EXAMPLE.replacen("selection = \"round_robin\"", written, 1);
    let service = Document::read(&text).unwrap().services.remove(0);
    assert_eq!(service.selection, Selection::RoundRobin);
    assert_eq!(
        (service.per_month_max, service.minutes_per_day_max, service.capacity),
        (Some(40), Some(240), 6)
    );
    assert_eq!(service.blocking, [EventStatus::Busy].into());
    assert_eq!(service.conflict_calendars, Some(["main".to_owned()].into()));
    let usual = Document::read(EXAMPLE).unwrap().services.remove(1);
    assert_eq!((usual.selection, usual.capacity), (Selection::Any, 1));
    assert_eq!((usual.blocking, usual.conflict_calendars), (EventStatus::BLOCKING.into(), None));
    for wrong in ["selection = \"best\"", "capacity = 0", "blocking = [\"loud\"]", "per_month_max = 0"] {
        let (faults, line) = spoiled("selection = \"round_robin\"", wrong);
        assert!(faults.len() == 1 && faults[0].contains(&line.to_string()), "{wrong}: {faults:?}");
    }
}

#[test]
fn the_same_document_always_means_the_same_rows_and_another_tenant_means_others() {
    let once = Document::read(EXAMPLE).unwrap();
    assert_eq!(once, Document::read(EXAMPLE).unwrap());
    let other =
        Document::read(&EXAMPLE.replace("slug = \"praxis-sommer\"", "slug = \"praxis-winter\"")).unwrap();
    assert_ne!(once.tenant.id, other.tenant.id);
    assert_ne!(once.services[0].id, other.services[0].id);
    assert_ne!(once.numbers[0].id, other.numbers[0].id);
}

#[test]
fn a_wrong_value_is_named_with_its_line_its_key_and_what_would_be_right() {
    let (found, line) = spoiled("duration = 45", "duration = \"half an hour\"");
    assert_eq!(
        found,
        [format!("line {line}: services[1].duration: must be a whole number of minutes from 5 to 1440")]
    );
    let (found, line) = spoiled("duration = 45", "duration = -45");
    assert_eq!(found[0].split(": must").next().unwrap(), format!("line {line}: services[1].duration"));
    let (found, line) = spoiled("zone = \"Europe/Berlin\"", "zone = \"Europe/Bern\"");
    assert!(
        found[0].starts_with(&format!("line {line}: tenant.zone: \"Europe/Bern\" is not the IANA name")),
        "{found:?}"
    );
    let (found, line) = spoiled("number = \"+493055501234\"", "number = \"030 55501234\"");
    assert!(found[0].starts_with(&format!("line {line}: numbers[0].number: ")), "{found:?}");
    assert!(found[0].contains("a plus sign, then 7 to 15 digits"), "{found:?}");
}

#[test]
fn a_key_nobody_knows_is_refused_with_the_one_that_was_probably_meant() {
    let (found, line) = spoiled("duration = 45", "duraton = 45");
    let key = format!("line {line}: services[1].duraton: is not a key; did you mean `duration`?");
    assert!(found.contains(&key), "{found:?}");
    assert!(found.iter().any(|fault| fault.contains("services[1].duration: is missing; it must be minutes")));
    let found = faults(&format!("{EXAMPLE}\n[opening_hours]\nmonday = []\n"));
    assert_eq!(found.len(), 1);
    assert!(found[0].contains("opening_hours: is not a key; there are `assistants`, `numbers`"), "{found:?}");
}

#[test]
fn everything_wrong_is_found_at_once_in_the_order_of_the_lines() {
    let text = EXAMPLE
        .replace("calls_max = 10", "calls_max = \"ten\"")
        .replace("wednesday = [\"08:00-13:00\"]", "wednesday = [\"08:00-25:00\"]")
        .replace("recording = true", "recording = \"yes\"");
    let found = faults(&text);
    let keys: Vec<_> = found.iter().map(|fault| fault.split(": ").nth(1).unwrap()).collect();
    assert_eq!(keys, ["tenant.calls_max", "resources[0].week.wednesday[0]", "assistants[0].recording"]);
}

#[test]
fn opening_hours_that_cannot_be_are_refused_never_silently_cut() {
    for (windows, what) in [
        ("[\"08:00\"]", "two times of day"),
        ("[\"8-13\"]", "two times of day"),
        ("[\"13:00-08:00\"]", "past midnight are written as two windows"),
        ("[\"08:00-13:00\", \"12:00-14:00\"]", "in order and not overlap"),
        ("[\"13:00-14:00\", \"08:00-09:00\"]", "in order and not overlap"),
        ("\"08:00-13:00\"", "must be a list"),
    ] {
        let (found, _) = spoiled("wednesday = [\"08:00-13:00\"]", &format!("wednesday = {windows}"));
        assert!(
            found[0].contains("resources[0].week.wednesday") && found[0].contains(what),
            "{windows}: {found:?}"
        );
    }
    let late =
        EXAMPLE.replace("wednesday = [\"08:00-13:00\"]", "wednesday = [\"00:00-01:00\", \"20:00-24:00\"]");
    assert!(Document::read(&late).is_ok());
    let (found, _) = spoiled("\"2026-12-24\" = []", "\"24.12.2026\" = []");
    assert!(found[0].contains("must be a date in quotes"), "{found:?}");
}

#[test]
fn a_name_that_is_not_in_the_document_is_refused() {
    let (found, _) = spoiled("resources = [\"Dr. Sommer\", \"Frau Winter\"]", "resources = [\"Dr. Somer\"]");
    assert!(
        found[0].contains("there is no resource \"Dr. Somer\"; did you mean \"Dr. Sommer\"?"),
        "{found:?}"
    );
    let (found, _) = spoiled("name = \"Frau Winter\"", "name = \"Dr. Sommer\"");
    assert!(
        found.iter().any(|f| f.contains("resources[1].name: \"Dr. Sommer\" is already the name")),
        "{found:?}"
    );
    let (found, _) = spoiled("en = \"Doctor Sommer's practice, good morning.\"", "");
    assert!(found[0].contains("assistants[0].opening: has no words in `en`"), "{found:?}");
}

#[test]
fn a_document_that_is_not_toml_is_refused_with_its_line() {
    let found = faults("[tenant]\nslug = praxis\n");
    assert!(found[0].starts_with("line 2: "), "{found:?}");
    assert!(faults("").iter().any(|fault| fault.starts_with("line 1: tenant: is missing")));
}

on_both! {
    async fn applied_once_it_is_there_and_applied_twice_nothing_changes(fresh: Fresh) {
        let first = applied(&fresh.store, EXAMPLE).await;
        assert!(first.lines.iter().all(|line| line.change == Change::Created), "{first:?}");
        assert_eq!(first.lines.len(), 1 + 2 + 3 + 1 + 2);
        let again = applied(&fresh.store, EXAMPLE).await;
        assert!(!again.changed(), "{again:?}");

        let practice = Document::read(EXAMPLE).unwrap();
        let number = &practice.numbers[0].number;
        let (tenant, _) = fresh.store.across_tenants().number(number).await.unwrap().unwrap();
        assert_eq!(tenant, practice.tenant);
        let mut tx = fresh.store.read(&tenant.id).await.unwrap();
        assert_eq!(tx.assistants().get(&practice.assistants[0].id).await.unwrap(), practice.assistants.first().cloned());
        for service in &practice.services {
            assert_eq!(tx.services().get(&service.id).await.unwrap().as_ref(), Some(service));
        }
        for resource in &practice.resources {
            assert_eq!(tx.resources().get(&resource.id).await.unwrap().as_ref(), Some(resource));
        }
    }

    async fn only_what_is_written_otherwise_is_updated(fresh: Fresh) {
        applied(&fresh.store, EXAMPLE).await;
        let changed = EXAMPLE
            .replace("duration = 45", "duration = 50")
            .replace("wednesday = [\"08:00-13:00\"]", "wednesday = [\"08:00-12:00\"]")
            .replace("max_duration_ms = 900000", "max_duration_ms = 600000");
        let report = applied(&fresh.store, &changed).await;
        let touched: Vec<_> =
            report.lines.iter().filter(|line| line.change == Change::Updated).map(|line| line.name.as_str()).collect();
        assert_eq!(touched, ["Dr. Sommer", "cleaning", "Empfang"]);
        assert!(!applied(&fresh.store, &changed).await.changed());
    }

    async fn what_a_document_leaves_out_stays_and_is_told(fresh: Fresh) {
        applied(&fresh.store, EXAMPLE).await;
        let start = EXAMPLE.rfind("[[numbers]]").unwrap();
        let report = applied(&fresh.store, &EXAMPLE[..start]).await;
        assert!(!report.changed());
        assert_eq!(report.elsewhere, [("number", "+15555550134".to_owned())]);
    }

    async fn the_opening_words_of_every_number_are_to_be_spoken_in_advance_once(fresh: Fresh) {
        applied(&fresh.store, EXAMPLE).await;
        let practice = Document::read(EXAMPLE).unwrap();
        let now = Timestamp(1_795_000_000_000_000);
        prepare(&fresh.store, &practice, now).await.unwrap();
        prepare(&fresh.store, &practice, now).await.unwrap();
        let due = fresh.store.across_tenants().take_jobs(now, now.plus_minutes(1), 10, Lane::Slow).await.unwrap();
        let mut languages = vec![];
        for job in due {
            let Work::OpeningClip { assistant, language } = job.work else { panic!("another work") };
            assert_eq!(assistant, practice.assistants[0].id);
            languages.push(language);
        }
        languages.sort();
        assert_eq!(languages, [Language::German, Language::English]);
    }

    async fn a_number_of_another_tenant_is_refused_and_nothing_is_changed(fresh: Fresh) {
        applied(&fresh.store, EXAMPLE).await;
        let thief = EXAMPLE
            .replace("slug = \"praxis-sommer\"", "slug = \"thief\"")
            .replace("+15555550134", "+15555550199");
        let error = apply(&fresh.store, &Document::read(&thief).unwrap(), MONDAY_8).await.unwrap_err();
        assert!(matches!(&error, Error::Refused { kind: "number", .. }), "{error:?}");
        assert!(error.to_string().contains("+493055501234: belongs to another tenant"), "{error}");
        assert!(fresh.store.across_tenants().tenant("thief").await.unwrap().is_none());
        let free = "+15555550199".parse().unwrap();
        assert!(fresh.store.across_tenants().number(&free).await.unwrap().is_none());
    }
}

async fn applied(store: &Store, text: &str) -> Report {
    apply(store, &Document::read(text).unwrap(), MONDAY_8).await.unwrap()
}

proptest! {
    #[test]
    fn no_document_makes_reading_panic(at in 0usize..6000, with in "\\PC{0,6}") {
        let mut text: Vec<char> = EXAMPLE.chars().collect();
        let at = at.min(text.len());
        text.splice(at..(at + 3).min(text.len()), with.chars());
        let _ = Document::read(&text.into_iter().collect::<String>());
    }
}
