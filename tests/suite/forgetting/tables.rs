//! Every table of the databases stands on the one list of what becomes of its rows.

use std::collections::BTreeSet;

use frontdesk::store::{ELSEWHERE, HOLDINGS};
use sqlx::{AssertSqlSafe, Connection, PgConnection, Row, SqliteConnection};

use crate::support::{databases, postgres};

/// What SQLite keeps for itself, and the shadows of its index of words.
fn of_sqlite_itself(table: &str) -> bool {
    table.starts_with("sqlite_") || table.starts_with("turn_words_")
}

fn listed() -> BTreeSet<String> {
    let held = HOLDINGS.iter().map(|holding| holding.table);
    held.chain(ELSEWHERE.iter().map(|(table, _)| *table)).map(str::to_owned).collect()
}

fn compare(there: &BTreeSet<String>, of_tenants: &BTreeSet<String>, embedded: bool) {
    let listed = listed();
    let forgotten: Vec<_> = there.difference(&listed).collect();
    assert!(forgotten.is_empty(), "say in store::forgetting::holdings what becomes of {forgotten:?}");
    let only_here = |table: &&String| embedded || table.as_str() != "turn_index";
    let gone: Vec<_> = listed.difference(there).filter(only_here).collect();
    assert!(gone.is_empty(), "there are no tables {gone:?}");
    // What is in an index of words goes with its turn.
    for table in of_tenants.iter().filter(|table| !matches!(table.as_str(), "turn_index" | "turn_words")) {
        assert!(HOLDINGS.iter().any(|holding| holding.table == table), "{table} has rows of tenants");
    }
}

#[tokio::test]
async fn no_table_of_sqlites_is_forgotten_about() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}", folder.path().join("frontdesk.db").display());
    databases::open(&url).await.migrate().await.unwrap();
    let mut db = SqliteConnection::connect(&url).await.unwrap();
    let rows =
        sqlx::query("SELECT name FROM sqlite_master WHERE type = 'table'").fetch_all(&mut db).await.unwrap();
    let tables: BTreeSet<String> =
        rows.iter().map(|row| row.get("name")).filter(|name: &String| !of_sqlite_itself(name)).collect();
    let mut of_tenants = BTreeSet::new();
    for table in &tables {
        let columns = format!("SELECT name FROM pragma_table_info('{table}')");
        let columns = sqlx::query(AssertSqlSafe(columns)).fetch_all(&mut db).await.unwrap();
        if columns.iter().any(|row| row.get::<String, _>("name") == "tenant_id") {
            of_tenants.insert(table.clone());
        }
    }
    compare(&tables, &of_tenants, true);
}

#[tokio::test]
async fn no_table_of_postgresqls_is_forgotten_about() {
    let url = postgres::as_owner(&postgres::fresh_url().await);
    let mut db = PgConnection::connect(&url).await.unwrap();
    let names = |rows: Vec<sqlx::postgres::PgRow>| rows.iter().map(|row| row.get::<String, _>(0)).collect();
    let tables = sqlx::query(
        "SELECT relname::text FROM pg_class WHERE relkind IN ('r', 'p')
        AND relnamespace = current_schema()::regnamespace",
    );
    let tables: BTreeSet<String> = names(tables.fetch_all(&mut db).await.unwrap());
    let of_tenants = sqlx::query(
        "SELECT table_name::text FROM information_schema.columns
        WHERE column_name = 'tenant_id' AND table_schema = current_schema()",
    );
    let of_tenants: BTreeSet<String> = names(of_tenants.fetch_all(&mut db).await.unwrap());
    compare(&tables, &of_tenants, false);
}

#[test]
fn whatever_stays_says_why() {
    for holding in HOLDINGS {
        assert!(holding.of_people() || !holding.stays.is_empty(), "{}: say why nothing goes", holding.table);
    }
    for (table, why) in ELSEWHERE {
        assert!(!why.is_empty(), "{table}: say why nothing of a person stands in it");
    }
}
