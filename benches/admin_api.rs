//! How quickly the admin API answers on the embedded database with much in it.
//!
//! `cargo bench --bench admin_api` makes 50 tenants with 100,000 calls in a folder that goes away with it, starts the
//! server on one thread, asks 200 times a second for half a minute (four reads to one write, of every tenant in turn), and
//! prints how long the answers took. Requests are sent when they are due, whether or not earlier ones have been
//! answered, so a slow answer is counted with all the waiting it caused.
//!
//! `-- --prepare FOLDER` only makes the database, and `-- --at ADDRESS FOLDER` asks a server that runs on it, such as one
//! that carries calls at the same time. What cannot be set here is set as for any server, in the environment.

use std::{
    fmt::Write as _,
    net::SocketAddr,
    path::Path,
    process::{Child, Command},
    sync::Arc,
    time::Duration,
};

use frontdesk::{
    domain::{
        assistant::{Assistant, AssistantStatus, Language, TurnPolicy},
        contact::Contact,
        conversation::{CallState, Outcome, Speaker, Turn},
        money::MicroUsd,
        org::Number,
        time::{CallTime, Timestamp},
        tool::ToolName,
    },
    platform::clock::Clock,
    store::{Ended, NewCall, Settings, Store},
};
use reqwest::{Client, Method};
use serde_json::{Value, json};
use tokio::task::JoinSet;

const TENANTS: usize = 50;
const CALLS: usize = 100_000;
const CONTACTS: usize = 200;
const TURNS: u32 = 4;
const PER_SECOND: u64 = 200;
const SECONDS: u64 = 30;
const PASSWORD: &str = "seven quiet herons at dusk";
/// The first call: 1 January 2026.
const BEGAN: Timestamp = Timestamp(1_767_225_600_000_000);

/// One tenant's way in, and ids of what it has.
#[derive(Clone)]
struct Tenant {
    token: String,
    calls: Vec<String>,
    contacts: Vec<String>,
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let runtime = runtime.expect("threads");
    let report = match arguments.as_slice() {
        ["--prepare", folder] => runtime.block_on(prepare(Path::new(folder))),
        ["--at", address, folder] => {
            runtime.block_on(measure(address.parse().expect("an address"), Path::new(folder)))
        }
        [] => {
            let folder = tempfile::tempdir().expect("a folder");
            runtime.block_on(async {
                let mut report = prepare(folder.path()).await;
                let (address, mut server) = serve(folder.path()).await;
                report += &measure(address, folder.path()).await;
                server.kill().expect("the server ends");
                report
            })
        }
        _ => "arguments: none, `--prepare FOLDER`, or `--at ADDRESS FOLDER`".to_owned(),
    };
    #[expect(clippy::print_stdout, reason = "printing is what this program is for")]
    {
        println!("{report}");
    }
}

fn database(folder: &Path) -> String {
    format!("sqlite://{}", folder.join("frontdesk.db").display())
}

/// A server of its own process, on one thread, and on one processor where that can be said.
async fn serve(folder: &Path) -> (SocketAddr, Child) {
    let port = std::net::TcpListener::bind("127.0.0.1:0").and_then(|socket| socket.local_addr());
    let address = port.expect("a port");
    let program = env!("CARGO_BIN_EXE_frontdesk");
    let pins = Command::new("taskset").arg("--version").output().is_ok();
    let mut command = if pins { Command::new("taskset") } else { Command::new(program) };
    if pins {
        command.args(["-c", "0", program]);
    }
    command
        .arg("serve")
        .env("FRONTDESK__HTTP__BIND", address.to_string())
        .env("FRONTDESK__DATABASE__URL", database(folder))
        .env("FRONTDESK__BLOBS__FOLDER", folder.join("blobs"))
        .env("FRONTDESK__SECRETS__KEY", "jKtZwZaAm5mvPNrMreS5tiOkbBX5mn+AK1PavG6IfRY=")
        .env("FRONTDESK__RUNTIME__WORKER_THREADS", "1")
        .env("FRONTDESK__RATE_LIMITS__AUTHENTICATION", "100000")
        .env("FRONTDESK__RATE_LIMITS__REQUESTS", "1000000")
        .env("FRONTDESK__LOG__LEVEL", "error");
    let server = command.spawn().expect("the server starts");
    let client = Client::new();
    let clock = Clock::system();
    while client.get(format!("http://{address}/health/live")).send().await.is_err() {
        clock.sleep(Duration::from_millis(50)).await;
    }
    (address, server)
}

/// Makes the database: what the API cannot make in bulk is kept through the store.
async fn prepare(folder: &Path) -> String {
    std::fs::create_dir_all(folder).expect("the folder");
    let (address, mut server) = serve(folder).await;
    let client = Client::new();
    let mut tenants = vec![];
    for n in 0..TENANTS {
        let email = format!("owner@tenant{n}.example");
        let wanted = json!({ "tenant": format!("Tenant {n}"), "email": email, "password": PASSWORD });
        let url = format!("http://{address}/auth/register");
        let (status, grant) = ask(&client, Method::POST, &url, None, Some(&wanted)).await;
        assert!((200..300).contains(&status), "{grant}");
        tenants.push(grant["tenant"]["id"].as_str().expect("an id").to_owned());
    }
    server.kill().expect("the server ends");
    let _ = server.wait();
    let settings = Settings {
        url: database(folder),
        connections_max: 2,
        owner_url: String::new(),
        trust_any_user: false,
    };
    let store = Store::open(&settings).await.expect("the database");
    let watch = Clock::system().stopwatch();
    for (n, tenant) in tenants.iter().enumerate() {
        fill(&store, n, tenant).await;
    }
    store.close().await;
    format!("{CALLS} calls of {TENANTS} tenants were made in {} s\n", watch.elapsed().as_secs())
}

async fn fill(store: &Store, n: usize, tenant: &str) {
    let id = tenant.parse().expect("an id");
    let mut tx = store.begin(&id).await.expect("a transaction");
    let assistant = Assistant {
        id: format!("ast_{n:04}").parse().expect("an id"),
        name: "Reception".to_owned(),
        description: String::new(),
        status: AssistantStatus::Live,
        language: Language::German,
        fallback: None,
        voice: "marin".to_owned(),
        model: None,
        instructions: "Be kind.".to_owned(),
        opening: [(Language::German, "Guten Tag!".to_owned())].into(),
        policy: TurnPolicy::default(),
        recording: false,
        transcripts: true,
        tools: ToolName::ALL.to_vec(),
        services: vec![],
        transfers: vec![],
        keypad: Default::default(),
    };
    tx.assistants().put(&assistant, BEGAN, "system:bench").await.expect("an assistant");
    let number = number(n, &assistant);
    tx.numbers().put(&number).await.expect("a number");
    for c in 0..CONTACTS {
        let contact = Contact {
            id: format!("con_{n:04}{c:04}").parse().expect("an id"),
            name: format!("Caller {c}"),
            number: format!("+49170{n:03}{c:04}").parse().ok(),
            born: None,
            note: String::new(),
            email: None,
        };
        tx.contacts().put(&contact, BEGAN).await.expect("a contact");
    }
    for c in 0..CALLS / TENANTS {
        let rang = BEGAN.plus_minutes(i64::try_from(c).expect("few") * 7);
        let call = NewCall {
            id: format!("call_{n:04}{c:06}").parse().expect("an id"),
            sid: format!("CA{:032x}", n * CALLS + c).parse().expect("a SID"),
            account_sid: format!("AC{:032x}", 1),
            number: number.id.clone(),
            assistant: assistant.id.clone(),
            from: format!("+49170{n:03}{:04}", c % CONTACTS).parse().ok(),
            to: number.number.clone(),
            attested: false,
            direction: frontdesk::domain::conversation::Direction::Inbound,
        };
        tx.calls().ring(&call, rang).await.expect("a call");
        tx.calls().advance(&call.id, CallState::Completed, rang.plus_minutes(2)).await.expect("a state");
        let ended = Ended {
            outcome: Outcome::CallerLeft,
            at: rang.plus_minutes(2),
            cost: MicroUsd(40_000),
            recording: None,
            consent: None,
            stream: Some(0),
        };
        tx.calls().finish(&call.id, &ended).await.expect("an end");
        let turns: Vec<Turn> = (0..TURNS).map(turn).collect();
        tx.calls().add_turns(&call.id, &turns).await.expect("turns");
    }
    tx.commit().await.expect("kept");
}

fn number(n: usize, assistant: &Assistant) -> Number {
    Number {
        id: format!("num_{n:04}").parse().expect("an id"),
        number: format!("+4930555{n:05}").parse().expect("a number"),
        assistant: Some(assistant.id.clone()),
        language: Language::German,
    }
}

fn turn(ordinal: u32) -> Turn {
    let began = u64::from(ordinal) * 4_000;
    Turn {
        ordinal,
        speaker: if ordinal.is_multiple_of(2) { Speaker::Agent } else { Speaker::Caller },
        began: CallTime(began),
        ended: CallTime(began + 3_000),
        text: "Guten Tag, ich hätte gern einen Termin am nächsten Dienstag.".to_owned(),
        heard_text: "Guten Tag, ich hätte gern einen Termin am nächsten Dienstag.".to_owned(),
        generated_ms: 3_000,
        heard_ms: 3_000,
        interrupted: false,
        first_audio_ms: Some(420),
        confidence: None,
    }
}

/// Asks a server on the database in `folder`.
async fn measure(address: SocketAddr, folder: &Path) -> String {
    let client = Client::builder().pool_max_idle_per_host(64).build().expect("a client");
    let tenants = Arc::new(log_in(&client, address).await);
    let clock = Clock::system();
    let mut asked = JoinSet::new();
    let (watch, mut took) = (clock.stopwatch(), [vec![], vec![]]);
    for n in 0..PER_SECOND * SECONDS {
        let due = Duration::from_micros(n * 1_000_000 / PER_SECOND);
        clock.sleep(due.saturating_sub(watch.elapsed())).await;
        let (client, tenants) = (client.clone(), tenants.clone());
        asked.spawn(async move {
            let (write, status) = request(&client, address, &tenants, n).await;
            (write, status, watch.elapsed().saturating_sub(due))
        });
    }
    let mut refused = 0;
    while let Some(answered) = asked.join_next().await {
        let (write, status, time) = answered.expect("an answer");
        if (200..300).contains(&status) {
            took[usize::from(write)].push(time);
        } else {
            refused += 1;
        }
    }
    let mut report = format!(
        "{PER_SECOND} requests a second for {SECONDS} s on {}, {refused} refused\n\n\
         | | count | p50 ms | p95 ms | p99 ms | max ms |\n|---|---|---|---|---|---|\n",
        folder.join("frontdesk.db").display()
    );
    for (name, mut times) in ["reads", "writes"].into_iter().zip(took) {
        times.sort();
        let at = |share: usize| {
            let index = (times.len() * share / 1_000).min(times.len().saturating_sub(1));
            times.get(index).map_or(0.0, |time| time.as_secs_f64() * 1_000.0)
        };
        _ = writeln!(
            report,
            "| {name} | {} | {:.1} | {:.1} | {:.1} | {:.1} |",
            times.len(),
            at(500),
            at(950),
            at(990),
            at(1_000)
        );
    }
    report
}

async fn log_in(client: &Client, address: SocketAddr) -> Vec<Tenant> {
    let mut tenants = vec![];
    for n in 0..TENANTS {
        let wanted = json!({ "email": format!("owner@tenant{n}.example"), "password": PASSWORD });
        let url = format!("http://{address}/auth/login");
        let (status, grant) = ask(client, Method::POST, &url, None, Some(&wanted)).await;
        assert_eq!(status, 200, "{grant}");
        let per_tenant = CALLS / TENANTS;
        tenants.push(Tenant {
            token: grant["access_token"].as_str().expect("a token").to_owned(),
            calls: (0..per_tenant).step_by(37).map(|c| format!("call_{n:04}{c:06}")).collect(),
            contacts: (0..CONTACTS).map(|c| format!("con_{n:04}{c:04}")).collect(),
        });
    }
    tenants
}

/// The `n`th request; whether it wrote, and the status.
async fn request(client: &Client, address: SocketAddr, tenants: &[Tenant], n: u64) -> (bool, u16) {
    let n = usize::try_from(n).expect("few");
    let tenant = &tenants[n % tenants.len()];
    let round = n / tenants.len();
    let pick = |all: &[String]| all[round * 31 % all.len()].clone();
    let (method, path, body) = match round % 10 {
        0 => (Method::GET, "/api/calls?limit=50".to_owned(), None),
        1 => (Method::GET, format!("/api/calls/{}", pick(&tenant.calls)), None),
        2 => (Method::GET, "/api/contacts?limit=50".to_owned(), None),
        3 => (Method::GET, format!("/api/contacts/{}", pick(&tenant.contacts)), None),
        4 => (
            Method::PATCH,
            format!("/api/contacts/{}", pick(&tenant.contacts)),
            Some(json!({ "note": n.to_string() })),
        ),
        5 => (Method::GET, "/api/assistants".to_owned(), None),
        6 => (Method::GET, "/api/messages".to_owned(), None),
        7 => (Method::GET, format!("/api/calls/{}", pick(&tenant.calls)), None),
        8 => (Method::GET, "/users/me".to_owned(), None),
        _ => (Method::POST, "/api/contacts".to_owned(), Some(json!({ "name": format!("Somebody {n}") }))),
    };
    let writes = method != Method::GET;
    let url = format!("http://{address}{path}");
    (writes, ask(client, method, &url, Some(&tenant.token), body.as_ref()).await.0)
}

async fn ask(
    client: &Client,
    method: Method,
    url: &str,
    token: Option<&str>,
    body: Option<&Value>,
) -> (u16, Value) {
    let mut request = client.request(method, url);
    if let Some(token) = token {
        request = request.bearer_auth(token);
    }
    if let Some(body) = body {
        request = request.json(body);
    }
    match request.send().await {
        Ok(answer) => (answer.status().as_u16(), answer.json().await.unwrap_or(Value::Null)),
        Err(_) => (0, Value::Null),
    }
}
