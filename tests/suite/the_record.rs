//! What is kept of a call: who took how much part, how it went, what is nobody's to keep, and words that are found again.

use std::path::{Path, PathBuf};

use frontdesk::{
    app::{
        access::{Actor, Who},
        calls::{self, Finished},
        search,
    },
    domain::{
        cards,
        conversation::{Outcome, Speaker, Turn},
        figures::Waits,
        participants::{Participant, participants},
        quality::{self, Kind, Measures},
        search::{Piece, snippet, terms},
        time::CallTime,
    },
};
use proptest::prelude::*;
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection, Row, SqliteConnection};

use crate::support::{
    databases::{self, on_both},
    postgres,
    practice::{Practice, at},
};

// Card numbers

#[test]
fn a_card_number_is_blanked_however_it_is_said() {
    for (said, kept) in [
        ("Meine Nummer ist 4111 1111 1111 1111, bitte.", "Meine Nummer ist •••• •••• •••• ••••, bitte."),
        ("It is 5500-0055-5555-5559.", "It is ••••-••••-••••-••••."),
        ("378282246310005", "•••••••••••••••"),
        (
            "four one one one, one one one one, one one one one, one one one one",
            "•••• ••• ••• •••, ••• ••• ••• •••, ••• ••• ••• •••, ••• ••• ••• •••",
        ),
        (
            "vier zwei vier zwei vier zwei vier zwei vier zwei vier zwei vier zwei vier zwei, gültig bis 3 28",
            "•••• •••• •••• •••• •••• •••• •••• •••• •••• •••• •••• •••• •••• •••• •••• ••••, gültig bis 3 28",
        ),
    ] {
        assert_eq!(cards::blanked(said).as_deref(), Some(kept), "{said}");
    }
}

#[test]
fn other_numbers_stay_as_they_are() {
    for said in [
        "Am 12. März um 9 Uhr 30, Kundennummer 4711.",
        "+49 1511 2345678 ist meine Nummer",
        "0049 151 123456780123",
        "0170 1234567 oder 030 9876543",
        "4111 1111 1111 1112",
        "1234567890123452",
        "Keine Zahl.",
        "",
    ] {
        assert_eq!(cards::blanked(said), None, "{said}");
    }
}

#[test]
fn a_card_number_said_in_several_turns_is_blanked_in_each() {
    let mut turns = vec![
        turn(0, Speaker::Caller, 0, 1_000, "Die Nummer ist 4111 1111"),
        turn(1, Speaker::Agent, 1_000, 2_000, "Ja?"),
        turn(2, Speaker::Caller, 2_000, 3_000, "1111"),
        turn(3, Speaker::Agent, 3_000, 4_000, "4111 1111 1111 1111, richtig?"),
        turn(4, Speaker::Caller, 4_000, 5_000, "Noch 1111."),
        turn(5, Speaker::Caller, 5_000, 6_000, "1111."),
    ];
    turns[3].heard_text = "4111 1111".to_owned();
    turns.remove(4);
    assert_eq!(cards::blank(&mut turns), [0, 2, 3, 4]);
    let texts: Vec<&str> = turns.iter().map(|turn| turn.text.as_str()).collect();
    let hidden = ["Die Nummer ist •••• ••••", "Ja?", "••••", "•••• •••• •••• ••••, richtig?", "••••."];
    assert_eq!(texts, hidden);
    assert_eq!(turns[3].heard_text, "•••• ••••", "what was heard of it, too");
}

proptest! {
    #[test]
    fn no_card_number_is_left_in_any_words(before in "[a-zA-ZäöüÄÖÜß .,]{0,40}[a-z] ", after in " [a-zäöüß .,]{0,40}") {
        let hidden = cards::blanked(&format!("{before}4242 4242 4242 4242{after}")).unwrap();
        prop_assert_eq!(&hidden, &format!("{before}•••• •••• •••• ••••{after}"));
        prop_assert_eq!(cards::blanked(&hidden), None);
    }

    #[test]
    fn whatever_is_said_is_searched_and_shown_without_a_panic(text in "\\PC{0,200}", question in "\\PC{0,60}") {
        let _ = cards::blanked(&text);
        if let Ok(terms) = terms(&question) {
            let shown: String = snippet(&text, &terms).into_iter().map(|piece| piece.text).collect();
            prop_assert!(shown.chars().count() <= text.chars().count() + 4);
        }
    }
}

// Who took part, and how it went

#[test]
fn each_sides_part_is_summed_up() {
    let mut turns = vec![
        turn(0, Speaker::Agent, 0, 3_000, "Guten Tag, hier ist die Praxis."),
        turn(1, Speaker::Caller, 3_500, 5_000, "Ich brauche einen Termin."),
        turn(2, Speaker::Agent, 5_600, 7_000, "Gern, wann passt es Ihnen denn am besten?"),
    ];
    turns[2].heard_text = "Gern, wann".to_owned();
    turns[2].heard_ms = 700;
    assert_eq!(
        participants(&turns),
        [
            Participant { speaker: Speaker::Caller, turns: 1, words: 4, speaking_ms: 1_500 },
            Participant { speaker: Speaker::Agent, turns: 2, words: 8, speaking_ms: 3_700 },
        ]
    );
}

#[test]
fn a_call_that_went_well_loses_nothing() {
    let mut turns = vec![
        turn(0, Speaker::Agent, 0, 3_000, "Guten Tag, hier ist die Praxis."),
        turn(1, Speaker::Caller, 3_500, 5_000, "Ich brauche einen Termin."),
        turn(2, Speaker::Agent, 5_600, 7_000, "Gern, wann denn?"),
    ];
    turns[2].first_audio_ms = Some(600);
    let score = quality::judge(&quality::measure(&turns)).unwrap();
    assert_eq!(score.points, 100);
    assert!(score.components.iter().all(|component| component.took_off == 0));
}

#[test]
fn each_thing_amiss_takes_off_what_it_says() {
    let mut turns = vec![
        turn(0, Speaker::Agent, 0, 3_000, "Wie kann ich Ihnen helfen?"),
        turn(1, Speaker::Caller, 3_000, 6_000, "Einen Termin bitte."),
        turn(2, Speaker::Agent, 4_000, 5_500, "Wie kann ich Ihnen helfen?"),
        turn(3, Speaker::Caller, 18_500, 19_000, "Hallo?"),
        turn(4, Speaker::Agent, 21_000, 22_000, "Ja."),
    ];
    (turns[2].heard_ms, turns[2].interrupted) = (1_500, true);
    (turns[4].heard_ms, turns[4].first_audio_ms) = (1_000, Some(2_000));
    let measures = quality::measure(&turns);
    let wanted = Measures {
        replies: 1,
        latency_ms: 2_000,
        latency_p95_ms: 2_000,
        agent_turns: 3,
        interruptions: 1,
        cuts: 1,
        silence_ms: 9_500,
        repeats: 1,
        waits: measures.waits,
    };
    assert_eq!((measures.waits.total(), measures.waits.0[Waits::bucket(2_000)]), (1, 1));
    assert_eq!(measures, wanted);
    let score = quality::judge(&measures).unwrap();
    let off: Vec<(Kind, u32)> = score.components.iter().map(|one| (one.kind, one.took_off)).collect();
    let each = [
        (Kind::Latency, 10),
        (Kind::Interruptions, 13),
        (Kind::Cuts, 5),
        (Kind::Silence, 4),
        (Kind::Repeats, 3),
    ];
    assert_eq!(off, each);
    assert_eq!(score.points, 65);
}

#[test]
fn a_call_in_which_nobody_was_heard_is_not_judged() {
    assert_eq!(quality::judge(&quality::measure(&[])), None);
}

#[test]
fn however_bad_a_call_was_its_score_is_a_score() {
    let worst = Measures {
        replies: u32::MAX,
        latency_ms: u64::MAX,
        latency_p95_ms: u64::MAX,
        agent_turns: 1,
        interruptions: u32::MAX,
        cuts: u32::MAX,
        silence_ms: u64::MAX,
        repeats: u32::MAX,
        ..Measures::default()
    };
    assert_eq!(quality::judge(&worst).unwrap().points, 0);
}

// Search

#[test]
fn a_snippet_shows_what_was_found_among_its_words() {
    let text = "Guten Tag, ich möchte meine beiden Termine beim Zahnarzt am kommenden Dienstag lieber verschieben, geht das?";
    let shown = snippet(text, &terms("TERMIN verschieben").unwrap());
    let found: Vec<&str> =
        shown.iter().filter(|piece| piece.found).map(|piece| piece.text.as_str()).collect();
    assert_eq!(found, ["Termine", "verschieben"]);
    assert_eq!(shown[0], Piece { text: "Guten Tag, ich möchte meine beiden ".to_owned(), found: false });
    assert!(shown.last().unwrap().text.ends_with('…'));
}

on_both! {
    async fn words_are_found_in_german_and_english_and_only_within_the_tenant(fresh: Fresh) {
        let (alpha, beta) = (Practice::open(&fresh.store, "alpha").await, Practice::open(&fresh.store, "beta").await);
        let mut kept = vec![];
        for (n, practice, words) in [
            (1, &alpha, "Ich möchte meine Termine für die Prüfung verschieben."),
            (2, &alpha, "Could I move my appointments, please? The appointment is on Tuesday at 9.30."),
            (3, &beta, "Ein Termin für die Prüfungen bitte, canary."),
        ] {
            let call = practice.call(&fresh.store, n).await;
            let finished = Finished {
                turns: vec![turn(0, Speaker::Caller, 0, 2_000, words)],
                ..Finished::without_words(Outcome::CallerLeft, at(3))
            };
            calls::finished(&fresh.store, &practice.tenant.id, &call, &finished).await.unwrap();
            kept.push(call);
        }
        let by = |practice: &Practice| Actor::new(practice.tenant.id.clone(), Who::System("test"));
        let found = async |practice: &Practice, question: &str| {
            let page = search::calls(&fresh.store, &by(practice), question, (None, None), None, 10).await.unwrap();
            page.items.into_iter().map(|found| found.hit.call).collect::<Vec<_>>()
        };
        for (question, calls) in [
            ("termin", &kept[..1]),
            ("TERMINE prüfungen", &kept[..1]),
            ("prufung", &kept[..1]),
            ("appointment moved", &[][..]),
            ("appointments", &kept[1..2]),
            ("tuesday 30", &kept[1..2]),
            ("canary", &[][..]),
            ("termin appointment", &[][..]),
        ] {
            assert_eq!(found(&alpha, question).await, calls, "{question}");
        }
        assert_eq!(found(&beta, "canary").await, kept[2..]);
        for question in ["", "...", "\" OR 1=1", "a* NEAR(b)", "tenant : x", "'; --", "&|!():*"] {
            let answer = search::calls(&fresh.store, &by(&alpha), question, (None, None), None, 10).await;
            assert!(answer.is_ok_and(|page| page.items.is_empty()) || terms(question).is_err(), "{question}");
        }
        // Page by page, and nothing twice.
        let first = search::calls(&fresh.store, &by(&alpha), "i", (None, None), None, 1).await.unwrap();
        let second = search::calls(&fresh.store, &by(&alpha), "i", (None, None), first.next.as_ref(), 1).await.unwrap();
        assert_eq!([&first.items[0].hit.call, &second.items[0].hit.call], [&kept[1], &kept[0]], "the latest first");
        assert_eq!(second.next, None);
        let later = search::calls(&fresh.store, &by(&alpha), "i", (Some(at(60)), None), None, 9).await.unwrap();
        assert_eq!(later.items.len(), 0, "none rang since");
    }

    async fn what_is_kept_of_a_call_holds_no_card_number(fresh: Fresh) {
        let practice = Practice::open(&fresh.store, "alpha").await;
        let call = practice.call(&fresh.store, 1).await;
        let mut said = turn(0, Speaker::Caller, 0, 2_000, "Meine Karte ist die 4111 1111 1111 1111.");
        said.confidence = Some(0.75);
        let measures = Some(quality::measure(&[said.clone()]));
        let finished =
            Finished { turns: vec![said], measures, ..Finished::without_words(Outcome::CallerLeft, at(3)) };
        calls::finished(&fresh.store, &practice.tenant.id, &call, &finished).await.unwrap();
        let kept = calls::load(&fresh.store, &practice.tenant.id, &call).await.unwrap();
        assert_eq!(kept.turns[0].text, "Meine Karte ist die •••• •••• •••• ••••.");
        assert_eq!(kept.turns[0].heard_text, kept.turns[0].text);
        assert_eq!(kept.turns[0].confidence, Some(0.75));
        assert_eq!(kept.measures, finished.measures);
        let by = Actor::new(practice.tenant.id.clone(), Who::System("test"));
        let page = search::calls(&fresh.store, &by, "4111", (None, None), None, 9).await.unwrap();
        assert_eq!(page.items.len(), 0, "nor does the index");
    }
}

/// PostgreSQL asks a wall before an index whose comparison could tell of rows beyond it.
#[tokio::test]
async fn the_index_of_words_is_asked_before_anybodys_turns_are_read() {
    let url = postgres::fresh_url().await;
    let store = databases::open(&url).await;
    let (alpha, beta) = (Practice::open(&store, "alpha").await, Practice::open(&store, "beta").await);
    for (n, practice) in [(1, &alpha), (2, &beta)] {
        let call = practice.call(&store, n).await;
        let turns = vec![turn(0, Speaker::Caller, 0, 2_000, "Ein Kanarienvogel sitzt im Wartezimmer.")];
        let finished = Finished { turns, ..Finished::without_words(Outcome::CallerLeft, at(3)) };
        calls::finished(&store, &practice.tenant.id, &call, &finished).await.unwrap();
    }
    let mut owner = PgConnection::connect(&postgres::as_owner(&url)).await.unwrap();
    owner.execute("DROP INDEX turn_words_by_call").await.unwrap();
    let mut db = PgConnection::connect(&url).await.unwrap();
    db.execute("SET enable_seqscan = off").await.unwrap();
    let mut tx = db.begin().await.unwrap();
    let set = "SELECT set_config('app.tenant', $1, true)";
    sqlx::query(set).bind(alpha.tenant.id.as_str()).execute(&mut *tx).await.unwrap();
    let seen = "SELECT call_id FROM turn_words";
    assert_eq!(tx.fetch_all(seen).await.unwrap().len(), 0, "nothing is looked for");
    for (words, count) in [("'kanarienvogel'", 1), ("'wartez':*", 1), ("'zebra'", 0), ("", 0)] {
        let set = "SELECT set_config('app.words', $1, true)";
        sqlx::query(set).bind(words).execute(&mut *tx).await.unwrap();
        assert_eq!(tx.fetch_all(seen).await.unwrap().len(), count, "{words:?}, of one tenant");
    }
    let plan = tx.fetch_all("EXPLAIN SELECT call_id FROM turn_words").await.unwrap();
    let plan: Vec<String> = plan.iter().map(|row| row.get(0)).collect();
    assert!(plan.iter().any(|step| step.contains("on turn_words_by_words")), "{plan:#?}");
    for change in ["UPDATE turn_words SET turn = 7", "DELETE FROM turn_words"] {
        assert_eq!(
            tx.execute(change).await.unwrap().rows_affected(),
            0,
            "{change}: it goes with its turn alone"
        );
    }
}

#[tokio::test]
async fn words_from_before_they_had_a_table_of_their_own_are_still_found() {
    let url = postgres::bare_url().await;
    let mut db = PgConnection::connect(&postgres::as_owner(&url)).await.unwrap();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations/postgres");
    let mut steps: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    steps.sort();
    let named = |path: &PathBuf| path.file_name().unwrap().to_str().unwrap().to_owned();
    let here = steps.iter().position(|path| named(path).starts_with("0035")).unwrap();
    let kept = "INSERT INTO tenants (id, slug, name, zone, calls_max) VALUES ('ten_a', 'a', 'A', 'Europe/Berlin', 1);
        INSERT INTO assistants (tenant_id, id, name, language, voice, instructions, opening, policy, recording,
                transcripts, tools)
            VALUES ('ten_a', 'ast_a', 'A', 'de', 'v', 'i', '{}', '{}', false, true, '[]');
        INSERT INTO numbers (tenant_id, id, number, assistant_id, language)
            VALUES ('ten_a', 'num_a', '+493055501001', 'ast_a', 'de');
        INSERT INTO calls (tenant_id, id, sid, account_sid, number_id, assistant_id, to_number, attested, state,
                state_rank, rang_at)
            VALUES ('ten_a', 'call_a', 'CA1', 'AC1', 'num_a', 'ast_a', '+493055501001', false, 'ringing', 0, 1);
        INSERT INTO turns (tenant_id, call_id, ordinal, speaker, began_ms, ended_ms, text, heard_text, generated_ms,
                heard_ms, interrupted)
            VALUES ('ten_a', 'call_a', 0, 'caller', 0, 1, 'Für die Prüfung.', 'Für die Prüfung.', 0, 0, false)";
    for (nth, step) in steps.iter().enumerate() {
        if nth == here {
            db.execute(sqlx::raw_sql(kept)).await.unwrap();
        }
        let mut tx = db.begin().await.unwrap();
        tx.execute(sqlx::raw_sql(AssertSqlSafe(std::fs::read_to_string(step).unwrap()))).await.unwrap();
        tx.commit().await.unwrap();
    }
    let found = "SELECT call_id, turn FROM turn_words WHERE words @@ to_tsquery('simple', 'prufung')";
    let (call, turn): (String, i64) = sqlx::query_as(found).fetch_one(&mut db).await.unwrap();
    assert_eq!((call.as_str(), turn), ("call_a", 0));
}

#[tokio::test]
async fn what_is_forgotten_of_a_transcript_is_gone_from_the_index() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("frontdesk.db");
    let url = format!("sqlite://{}", file.display());
    let store = databases::open(&url).await;
    store.migrate().await.unwrap();
    let practice = Practice::open(&store, "alpha").await;
    let call = practice.call(&store, 1).await;
    let turns = vec![turn(0, Speaker::Caller, 0, 2_000, "Ein Kanarienvogel sitzt im Wartezimmer.")];
    let finished = Finished { turns, ..Finished::without_words(Outcome::CallerLeft, at(3)) };
    calls::finished(&store, &practice.tenant.id, &call, &finished).await.unwrap();
    let mut db = SqliteConnection::connect(&url).await.unwrap();
    let mut count = async |what: &'static str| {
        let (count,): (i64,) = sqlx::query_as(what).fetch_one(&mut db).await.unwrap();
        count
    };
    let indexed = "SELECT count(*) FROM turn_words WHERE turn_words MATCH 'kanarien*'";
    assert_eq!(count(indexed).await, 1);
    assert_eq!(
        count("SELECT count(*) FROM turn_words_data WHERE hex(block) LIKE '%' || hex('kanarien') || '%'")
            .await,
        1
    );
    let mut other = SqliteConnection::connect(&url).await.unwrap();
    other.execute("PRAGMA foreign_keys = ON").await.unwrap();
    other.execute("DELETE FROM turns").await.unwrap();
    assert_eq!(count(indexed).await, 0);
    assert_eq!(count("SELECT count(*) FROM turn_index").await, 0);
    assert_eq!(count("SELECT count(*) FROM turn_words").await, 0);
    let left = "SELECT count(*) FROM turn_words_data WHERE hex(block) LIKE '%' || hex('kanarien') || '%'";
    assert_eq!(count(left).await, 0, "not even among what the index keeps to itself");
}

fn turn(ordinal: u32, speaker: Speaker, began: u64, ended: u64, words: &str) -> Turn {
    let heard_ms = if speaker == Speaker::Agent { ended - began } else { 0 };
    Turn {
        ordinal,
        speaker,
        began: CallTime(began),
        ended: CallTime(ended),
        text: words.to_owned(),
        heard_text: words.to_owned(),
        generated_ms: heard_ms,
        heard_ms,
        interrupted: false,
        first_audio_ms: None,
        confidence: None,
    }
}
