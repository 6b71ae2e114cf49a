//! What holds when many want it and much goes wrong: short runs of `frontdesk stress`.

use std::process::{Command, Output};

/// The program, with nothing in its environment but where its servers are found.
fn stress(arguments: &[&str]) -> (Option<i32>, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_frontdesk"));
    command.arg("stress").args(arguments).env_clear();
    command.envs(std::env::vars().filter(|(name, _)| ["PATH", "TMPDIR"].contains(&name.as_str())));
    let Output { status, stdout, stderr } = command.output().unwrap();
    let said = [stdout, stderr].map(|said| String::from_utf8(said).unwrap()).concat();
    (status.code(), said)
}

#[test]
fn many_who_want_the_same_times_never_get_the_same_one_whatever_google_does() {
    whatever_happens_there("google");
}

#[test]
fn many_who_want_the_same_times_never_get_the_same_one_whatever_microsoft_does() {
    whatever_happens_there("microsoft");
}

fn whatever_happens_there(vendor: &str) {
    let few = ["--attempts", "300", "--programs", "8", "--callers", "4", "--seed", "7"];
    let (code, said) = stress(&[&["booking", "--calendar", vendor], &few[..]].concat());
    assert_eq!(code, Some(0), "{said}");
    for none in
        ["overlaps 0", "lost 0", "missing in calendars 0", "twice in calendars 0", "for nobody 0", "broke 0"]
    {
        assert!(said.contains(none), "{said}");
    }
}

#[test]
fn what_was_promised_before_a_server_was_killed_stands_in_its_calendar_once() {
    let (code, said) = stress(&["crash", "--times", "3", "--side-by-side", "3"]);
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("killed 3 times") && said.contains("missing 0, duplicates 0, orphans 0"), "{said}");
}

#[test]
fn calendars_full_of_events_are_learnt_page_by_page_and_asked_of_what_is_known() {
    // How long a lookup takes is the long run's question: here others have the machine, too.
    let (code, said) = stress(&[
        "calendars",
        "--calendars",
        "3",
        "--events",
        "600",
        "--calendar",
        "microsoft",
        "--lookup-ms-max",
        "2000",
    ]);
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("learnt in"), "{said}");
}
