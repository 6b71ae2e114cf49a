//! The program as a person runs it: commands, words, exit codes, signals.

use std::{
    io::{BufRead, BufReader, Read},
    process::{Child, Command, Output, Stdio},
    time::Duration,
};

use frontdesk::{boot, platform::clock::Clock, sim::twilio::signature};
use serde_json::Value;

use crate::support::{
    house::{House, KEY},
    postgres,
};

const EXAMPLE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/config/example-tenant.toml");
/// Longest wait for a process to say or do what it must.
const WAIT_MAX: Duration = Duration::from_secs(30);

/// The program with the house's configuration and nothing else in its environment.
fn frontdesk(house: &House, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_frontdesk"));
    command.args(arguments).env_clear().envs(house.environment()).current_dir(house.path(""));
    command
}

fn run(house: &House, arguments: &[&str]) -> (Option<i32>, String, String) {
    let Output { status, stdout, stderr } = frontdesk(house, arguments).output().unwrap();
    (status.code(), String::from_utf8(stdout).unwrap(), String::from_utf8(stderr).unwrap())
}

#[test]
fn applying_the_example_twice_says_that_nothing_changed() {
    let house = House::new();
    let (code, said, _) = run(&house, &["apply", EXAMPLE]);
    assert_eq!(code, Some(0));
    assert!(said.contains("created    tenant praxis-sommer\n") && said.ends_with("Applied.\n"), "{said}");
    let (code, said, _) = run(&house, &["apply", EXAMPLE]);
    assert_eq!(code, Some(0));
    assert!(said.contains("unchanged  service checkup\n") && said.ends_with("Nothing changed.\n"), "{said}");
}

#[test]
fn a_wrong_file_is_refused_with_its_line_and_changes_nothing() {
    let house = House::new();
    let wrong = std::fs::read_to_string(EXAMPLE).unwrap().replace("duration = 45", "duration = \"long\"");
    let line = wrong.lines().position(|line| line.contains("\"long\"")).unwrap() + 1;
    std::fs::write(house.path("wrong.toml"), wrong).unwrap();
    let (code, said, complained) = run(&house, &["apply", "wrong.toml"]);
    assert_eq!((code, said.as_str()), (Some(1), ""));
    assert!(complained.contains("wrong.toml was not applied. Nothing was changed."), "{complained}");
    assert!(
        complained.contains(&format!("line {line}: services[1].duration: must be a whole number")),
        "{complained}"
    );
    assert!(!house.path("frontdesk.db").exists(), "not even a database is made");
    let (code, _, complained) = run(&house, &["apply", "nowhere.toml"]);
    assert_eq!(code, Some(1));
    assert!(complained.contains("nowhere.toml cannot be read"), "{complained}");
}

#[test]
fn a_wrong_configuration_is_refused_before_anything_runs() {
    let house = House::new().with("HTTP__BNID", "127.0.0.1:0");
    let (code, _, complained) = run(&house, &["serve"]);
    assert_eq!(code, Some(1));
    assert!(
        complained.contains("FRONTDESK__HTTP__BNID: `http.bnid` is not a key; did you mean `http.bind`?")
    );
    let (code, _, complained) = run(&House::new().with("LOG__LEVEL", "loud=very"), &["doctor"]);
    assert_eq!(code, Some(1));
    assert!(complained.contains("log.level"), "{complained}");
}

#[test]
fn nothing_is_served_under_a_key_that_is_missing_short_or_easily_guessed() {
    let zeros = "A".repeat(43) + "=";
    let counted = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
    for (key, told) in [
        ("", "not a key"),
        ("c2hvcnQ=", "not a key"),
        ("change me", "not a key"),
        (&zeros, "easily guessed"),
        (counted, "easily guessed"),
    ] {
        let house = House::new().with("SECRETS__KEY", key);
        let (code, _, complained) = run(&house, &["serve"]);
        assert_eq!(code, Some(1), "{key}");
        assert!(complained.contains(told) && complained.contains("openssl rand"), "{complained}");
        assert!(key.is_empty() || !complained.contains(key), "the key itself is never told");
        assert!(!house.path("frontdesk.db").exists(), "nothing was begun");
        let (_, said, _) = run(&house, &["doctor"]);
        assert!(said.contains("openssl rand -base64 32"), "doctor says the same: {said}");
    }
}

#[test]
fn doctor_without_keys_tells_what_is_missing_by_its_exit_code_too() {
    let (code, said, _) = run(&House::new(), &["doctor"]);
    assert_eq!(code, Some(1));
    assert!(said.contains("OPENAI_API_KEY") && said.contains("must be mended"), "{said}");
}

#[test]
fn an_empty_database_is_migrated_once() {
    let house = House::new();
    assert!(run(&house, &["migrate"]).1.contains("SQLite database were brought up to date"));
    assert!(run(&house, &["migrate"]).1.contains("SQLite database are up to date"));
}

#[tokio::test]
async fn a_shared_database_is_not_migrated_behind_anybodys_back() {
    let url = postgres::bare_url().await;
    let owner = postgres::as_owner(&url);
    let house = House::new().with("DATABASE__URL", &url).with("DATABASE__OWNER_URL", &owner);
    let error = boot::start(house.config(), Clock::system()).await.err().unwrap();
    assert!(error.to_string().contains("run `frontdesk migrate` first"), "{error}");
    let (migrated, served) = tokio::task::spawn_blocking(move || {
        let migrated = run(&house, &["migrate"]);
        (migrated, Server::start(&house).ended_by("TERM"))
    })
    .await
    .unwrap();
    assert_eq!(migrated.0, Some(0), "{migrated:?}");
    assert!(migrated.1.contains("PostgreSQL database were brought up to date"), "{migrated:?}");
    assert_eq!(served, Some(0));
}

#[test]
fn a_server_leaves_when_asked_with_either_signal() {
    let house = House::new();
    assert_eq!(Server::start(&house).ended_by("TERM"), Some(0));
    assert_eq!(Server::start(&house).ended_by("INT"), Some(0));
}

#[tokio::test]
async fn a_server_with_a_call_in_the_air_waits_for_it_unless_asked_twice() {
    let house = House::new().ready_for_calls();
    assert_eq!(run(&house, &["apply", EXAMPLE]).0, Some(0));
    let server = Server::start(&house);
    let form = [
        ("AccountSid", "AC00000000000000000000000000000001"),
        ("CallSid", "CA00000000000000000000000000000001"),
        ("To", "+493055501234"),
        ("CallStatus", "ringing"),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()));
    let client = reqwest::Client::new();
    let rung = client
        .post(format!("http://{}/twilio/voice", server.addr))
        .header("X-Twilio-Signature", signature("12345", "https://voice.example.com/twilio/voice", &form))
        .form(&form)
        .send()
        .await
        .unwrap();
    assert!(rung.text().await.unwrap().contains("<Connect "));

    server.signal("TERM");
    let ready = format!("http://{}/health/ready", server.addr);
    let watch = Clock::system().stopwatch();
    loop {
        let told = client.get(&ready).send().await.unwrap();
        if told.status() == 503 && told.text().await.unwrap().contains("the server is leaving") {
            break;
        }
        assert!(watch.elapsed() < WAIT_MAX, "it did not say that it leaves");
    }
    assert_eq!(tokio::task::spawn_blocking(move || server.ended_by("TERM")).await.unwrap(), Some(0));
}

/// A running `frontdesk serve`. Ends with its value.
struct Server {
    process: Child,
    addr: String,
}

impl Server {
    /// Starts it and waits until it answers.
    fn start(house: &House) -> Self {
        let mut command = frontdesk(house, &["serve"]);
        command.env("FRONTDESK__SECRETS__KEY", KEY);
        command.env("FRONTDESK__LOG__FORMAT", "json").stderr(Stdio::piped());
        let mut process = command.spawn().unwrap();
        let mut log = BufReader::new(process.stderr.take().unwrap());
        let addr = loop {
            let mut line = String::new();
            assert_ne!(log.read_line(&mut line).unwrap(), 0, "it ended before it answered");
            let event: Value = serde_json::from_str(&line).unwrap();
            if event["message"] == "frontdesk answers" {
                break event["addr"].as_str().unwrap().to_owned();
            }
        };
        // Somebody must go on reading, or the server waits to be heard.
        std::thread::spawn(move || log.read_to_end(&mut vec![]));
        assert!(std::net::TcpStream::connect(&addr).is_ok());
        Self { process, addr }
    }

    fn signal(&self, name: &str) {
        let pid = self.process.id().to_string();
        assert!(Command::new("kill").args([&format!("-{name}"), &pid]).status().unwrap().success());
    }

    /// The exit code after this signal.
    fn ended_by(mut self, signal: &str) -> Option<i32> {
        self.signal(signal);
        let watch = Clock::system().stopwatch();
        loop {
            if let Some(status) = self.process.try_wait().unwrap() {
                return status.code();
            }
            assert!(watch.elapsed() < WAIT_MAX, "it did not leave");
            std::thread::park_timeout(Duration::from_millis(10));
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
