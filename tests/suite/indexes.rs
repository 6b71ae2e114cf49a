//! Every question to the database finds its rows by an index, however many there are.

use frontdesk::store::{TEXTS, Text};
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection, Row, SqliteConnection};

use crate::support::{databases, postgres};

/// Statements that are meant to look at everything, and why.
const WHOLE: &[(&str, &str)] = &[
    ("across::TENANTS", "every tenant, for the command line and the start"),
    ("walls::SEEN_BY_NOBODY", "sees nothing, or the walls are open"),
    ("walls::LOOK", "looks at the catalogue"),
];

/// Statements that must find their rows by the index that names whose they are: without figures about a table the embedded
/// database may prefer one that is in the order that is asked for, and read through everybody's.
const BY: &[(&str, &str)] = &[
    ("calls::PAGE_OF_ASSISTANT", "calls_by_assistant"),
    ("calls::PAGE_OF_NUMBER", "calls_by_number"),
    ("calls::PAGE_OF_CALLER", "calls_by_caller"),
    ("calls::PAGE_BEFORE_OF_ASSISTANT", "calls_by_assistant"),
    ("calls::PAGE_BEFORE_OF_NUMBER", "calls_by_number"),
    ("calls::PAGE_BEFORE_OF_CALLER", "calls_by_caller"),
    ("messages::CALLS_OF", "calls_by_caller"),
    ("contacts::BY_NUMBER", "contacts_by_number"),
    ("contacts::PAGE_OF_NUMBER", "contacts_by_number"),
    ("outgoing::OF_CONTACT", "outgoing_calls_of_contact"),
    ("appointments::PAGE_OF_CONTACT", "appointments_by_contact_start"),
    ("appointments::UPCOMING", "appointments_by_contact_start"),
];

/// What is asked in a text, by the places in it.
fn places(sql: &str) -> usize {
    let number = |rest: &str| -> usize {
        rest.chars().take_while(char::is_ascii_digit).collect::<String>().parse().unwrap_or(0)
    };
    sql.split('$').skip(1).map(number).max().unwrap_or(0)
}

fn looks(text: &Text) -> bool {
    let whole = WHOLE.iter().any(|(name, _)| text.name.ends_with(&format!("::{name}")));
    let sql = text.sql.trim_start();
    // What only adds a row looks for none.
    let adds = sql.starts_with("INSERT") && !sql.contains("SELECT");
    !whole && !adds && text.sql.contains("FROM") | sql.starts_with("UPDATE")
}

#[tokio::test]
async fn no_statement_reads_a_whole_table_on_sqlite() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}", folder.path().join("frontdesk.db").display());
    let store = databases::open(&url).await;
    store.migrate().await.unwrap();
    let mut db = SqliteConnection::connect(&url).await.unwrap();
    let (mut looked, mut slow) = (0, vec![]);
    for text in TEXTS.iter().copied().flatten().filter(|text| text.sqlite && looks(text)) {
        let mut plan = sqlx::query(AssertSqlSafe(format!("EXPLAIN QUERY PLAN {}", text.sql)));
        for _ in 0..places(text.sql) {
            plan = plan.bind(None::<String>);
        }
        let steps: Vec<String> =
            db.fetch_all(plan).await.unwrap().iter().map(|row| row.get("detail")).collect();
        for step in &steps {
            // A scan of what a subquery has gathered is none of a table, nor is what a full-text index found for words.
            let whole = step.starts_with("SCAN ")
                && !["SUBQUERY", "CONSTANT ROW", ":M2"].iter().any(|not| step.contains(not));
            if whole {
                slow.push(format!("{}: {step}\n{}", text.name, text.sql));
            }
        }
        if let Some((_, index)) = BY.iter().find(|(name, _)| text.name.ends_with(name))
            && !steps[0].contains(index)
        {
            slow.push(format!("{}: not by {index}: {steps:?}", text.name));
        }
        // A page is read off its index in its order, not gathered and sorted.
        let (_, name) = text.name.rsplit_once("::").unwrap();
        if name.starts_with("PAGE") && !text.name.ends_with("contacts::PAGE_OF_NAME") {
            let sorted = steps.iter().any(|step| step.contains("TEMP B-TREE FOR ORDER BY"));
            if sorted {
                slow.push(format!("{} sorts: {steps:?}", text.name));
            }
        }
        looked += 1;
    }
    assert!(slow.is_empty(), "{}", slow.join("\n"));
    assert!(looked > 100, "only {looked} statements were looked at");
}

#[tokio::test]
async fn no_statement_reads_a_whole_table_on_postgres() {
    let url = postgres::as_owner(&postgres::fresh_url().await);
    let mut db = PgConnection::connect(&url).await.unwrap();
    // Without rows a whole table is cheap to read: asked to avoid it, the planner shows whether it could.
    for set in ["SET enable_seqscan = off", "SET plan_cache_mode = force_generic_plan"] {
        db.execute(set).await.unwrap();
    }
    let (mut looked, mut slow) = (0, vec![]);
    for text in TEXTS.iter().copied().flatten().filter(|text| text.postgres && looks(text)) {
        let name = format!("look_{looked}");
        db.execute(AssertSqlSafe(format!("PREPARE {name} AS {}", text.sql))).await.unwrap();
        let given = vec!["NULL"; places(text.sql)].join(", ");
        let given = if given.is_empty() { given } else { format!("({given})") };
        let plan = sqlx::raw_sql(AssertSqlSafe(format!("EXPLAIN EXECUTE {name}{given}")));
        let steps = db.fetch_all(plan).await.unwrap();
        for step in steps.iter().map(|row| row.get::<String, _>(0)) {
            if step.contains("Seq Scan") {
                slow.push(format!("{}: {step}\n{}", text.name, text.sql));
            }
        }
        looked += 1;
    }
    assert!(slow.is_empty(), "{}", slow.join("\n"));
    assert!(looked > 100, "only {looked} statements were looked at");
}
