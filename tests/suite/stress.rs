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
fn many_who_want_the_same_times_at_two_servers_never_get_the_same_one() {
    let (code, said) = stress(&["booking", "--attempts", "400", "--seed", "7"]);
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("overlaps 0") && said.contains("lost 0"), "{said}");
}
