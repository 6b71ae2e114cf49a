//! What only whoever sits at the machine may do: `frontdesk admin`.

use std::{
    io::Write,
    process::{Command, Output, Stdio},
};

use crate::support::{house::House, office::PASSWORD};

const EXAMPLE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/config/example-tenant.toml");
const KEY: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

/// Runs the program with `input` on its standard input.
fn frontdesk(house: &House, arguments: &[&str], input: &str) -> (Option<i32>, String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_frontdesk"));
    command.args(arguments).env_clear().envs(house.environment()).current_dir(house.path(""));
    let piped = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut process = piped.spawn().unwrap();
    process.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    let Output { status, stdout, stderr } = process.wait_with_output().unwrap();
    (status.code(), String::from_utf8(stdout).unwrap(), String::from_utf8(stderr).unwrap())
}

fn house() -> House {
    House::new().with("SECRETS__KEY", KEY)
}

#[test]
fn an_operator_is_made_with_a_password_that_nobody_sees() {
    let house = house();
    let make = ["admin", "create-operator", "--email", "Root@Example.com"];
    let (code, said, complained) = frontdesk(&house, &make, &format!("{PASSWORD}\n"));
    assert_eq!(code, Some(0), "{complained}");
    assert!(said.starts_with("root@example.com is an operator (usr_"), "{said}");
    let (_, again, _) = frontdesk(&house, &make, PASSWORD);
    assert!(again.contains("had an account"), "{again}");
    for (input, told) in
        [("short\n", "at least 15 characters"), ("", "no password came"), ("passwordpassword", "tried first")]
    {
        let (code, said, complained) = frontdesk(&house, &make, input);
        assert_eq!(code, Some(1));
        assert!(complained.contains(told), "{complained}");
        assert!(!said.contains(PASSWORD) && !complained.contains(PASSWORD));
    }
    let (code, _, complained) = frontdesk(&house, &["admin", "create-operator", "--email", "root"], PASSWORD);
    assert_eq!(code, Some(2));
    assert!(complained.contains("not an address of mail"), "{complained}");
    let remove = ["admin", "remove-operator", "--email", "root@example.com"];
    assert!(frontdesk(&house, &remove, "").1.contains("no operator any more"));
    assert_eq!(frontdesk(&house, &remove, "").0, Some(1), "once is enough");
}

#[test]
fn seats_are_set_at_the_machine_and_told() {
    let house = house();
    assert_eq!(frontdesk(&house, &["apply", EXAMPLE], "").0, Some(0));
    let (code, said, complained) =
        frontdesk(&house, &["admin", "set-seats", "--tenant", "praxis-sommer", "--seats", "7"], "");
    assert_eq!((code, said.as_str()), (Some(0), "praxis-sommer has 7 seats.\n"), "{complained}");
    let (_, said, _) = frontdesk(&house, &["admin", "list-tenants"], "");
    assert!(said.contains("praxis-sommer") && said.contains("seats 7"), "{said}");
    let (code, _, complained) =
        frontdesk(&house, &["admin", "set-seats", "--tenant", "nobody", "--seats", "7"], "");
    assert_eq!(code, Some(1));
    assert!(complained.contains("there is no tenant nobody"), "{complained}");
}

#[test]
fn an_empty_outbox_says_so() {
    let (code, said, _) = frontdesk(&house(), &["admin", "list-mails"], "");
    assert_eq!((code, said.as_str()), (Some(0), "No mail was written in the last thirty days.\n"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn mails_that_wait_are_listed_with_their_links() {
    use crate::support::office::Office;
    let office = Office::open_in(house()).await;
    office.owner("sommer").await;
    let wanted = serde_json::json!({ "email": "owner@sommer.example" });
    office.stranger().post("/auth/forgot", wanted).await.well();
    let listed = tokio::task::block_in_place(|| frontdesk(&office.house, &["admin", "list-mails"], ""));
    assert!(listed.1.contains("waiting  owner@sommer.example  A new password for frontdesk"), "{listed:?}");
    assert!(listed.1.contains("/console/reset#token="), "{listed:?}");
    office.server.stop().await;
}

#[test]
fn the_key_beneath_the_configured_one_is_changed_at_the_machine() {
    let (code, _, complained) = frontdesk(&House::new(), &["admin", "rotate-key"], "");
    assert_eq!(code, Some(1));
    assert!(complained.contains("set secrets.key"), "{complained}");
    let (code, said, complained) = frontdesk(&house(), &["admin", "rotate-key"], "");
    assert_eq!(code, Some(0), "{complained}");
    assert!(said.starts_with("Key 2 was made; 0 secrets were sealed under it.\n"), "{said}");
    assert!(said.ends_with("\n0 more were sealed under it.\n"), "{said}");
}

#[tokio::test]
async fn an_audit_log_is_verified_at_the_machine_and_an_altered_one_is_found() {
    let house = house();
    let example = concat!(env!("CARGO_MANIFEST_DIR"), "/config/example-tenant.toml");
    let asked = |house: &House, arguments: &[&str]| frontdesk(house, arguments, "");
    assert_eq!(asked(&house, &["apply", example]).0, Some(0));
    let (code, said, complained) = asked(&house, &["admin", "verify-audit"]);
    assert_eq!(code, Some(0), "{complained}");
    assert!(said.contains("praxis-sommer  intact, ") && !said.contains(" 0 entries"), "{said}");
    let mut db =
        <sqlx::SqliteConnection as sqlx::Connection>::connect(&house.config().database.url).await.unwrap();
    sqlx::query("UPDATE audit_entries SET actor = 'somebody else' WHERE ordinal = 2")
        .execute(&mut db)
        .await
        .unwrap();
    let (code, said, _) = asked(&house, &["admin", "verify-audit", "--tenant", "praxis-sommer"]);
    assert_eq!(
        (code, said.as_str()),
        (Some(1), "praxis-sommer  broken: entry 2 was altered or is missing\n")
    );
}
