//! The processes of a browser: found, started, ended.

use std::{
    env,
    io::{BufRead, BufReader, Read as _, Write as _},
    net::{Ipv4Addr, SocketAddr, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};

use fantoccini::{Client, ClientBuilder};
use hound::{SampleFormat, WavSpec, WavWriter};
use hyper_util::client::legacy::connect::HttpConnector;
use serde_json::json;
use tempfile::TempDir;
use tokio::sync::{Semaphore, SemaphorePermit};

use super::{DESK, Manner};

/// Browsers at a time: each is half a dozen processes.
const AT_ONCE_MAX: usize = 2;
/// How long chromedriver may take to say on which port it listens.
const START_MAX: Duration = Duration::from_secs(30);
/// How often chromedriver is started that ends at once.
const BEGIN_MAX: usize = 5;
/// How long a browser may take to leave.
const LEAVE_MAX: Duration = Duration::from_secs(5);

/// Where the two programs are.
pub struct Programs {
    browser: PathBuf,
    driver: PathBuf,
}

/// The programs; `None`, with a line on what is missing, where they are not. Under `CI=true` that is a failure.
pub fn programs() -> Option<Programs> {
    let browser = ["chromium", "chromium-browser", "google-chrome"].into_iter().find_map(in_path);
    let driver = in_path("chromedriver");
    if let (Some(browser), Some(driver)) = (browser, driver) {
        return Some(Programs { browser, driver });
    }
    let line =
        "not checked: there is no Chromium with its driver; Debian: apt-get install chromium chromium-driver";
    assert!(env::var("CI").as_deref() != Ok("true"), "{line}");
    // Past the harness, which keeps to itself what a passing test prints.
    std::io::stderr().lock().write_all(format!("{line}\n").as_bytes()).unwrap();
    None
}

/// Waits until there is room for another browser.
pub async fn turn() -> SemaphorePermit<'static> {
    static TURNS: Semaphore = Semaphore::const_new(AT_ONCE_MAX);
    TURNS.acquire().await.unwrap()
}

fn in_path(name: &str) -> Option<PathBuf> {
    let folders = env::var_os("PATH")?;
    env::split_paths(&folders).map(|folder| folder.join(name)).find(|file| file.is_file())
}

/// chromedriver with its browser. Dropping it ends both.
pub struct Driver {
    address: SocketAddr,
    session: Option<String>,
    process: Child,
    /// Goes when both have.
    folder: TempDir,
}

impl Driver {
    /// Starts both.
    pub async fn start(programs: &Programs, manner: &Manner) -> (Self, Client) {
        let mut begun = Self::begin(programs).await;
        for _ in 1..BEGIN_MAX {
            if begun.1.is_some() {
                break;
            }
            begun = Self::begin(programs).await;
        }
        let (mut driver, port) = begun;
        let port = port.expect("chromedriver says its port before it ends");
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let wanted = capabilities(programs, manner, driver.folder.path());
        let mut builder = ClientBuilder::new(HttpConnector::new());
        let client = builder.capabilities(wanted).connect(&format!("http://{address}")).await.unwrap();
        // It is this process's to end; the client alone would leave it to a task that a failing test never runs.
        (driver.address, driver.session) = (address, client.session_id().await.unwrap());
        client.persist().await.unwrap();
        (driver, client)
    }

    /// Starts chromedriver, and its port. There is none when it ended at once: it takes a port that is free in one family of
    /// addresses and ends where somebody has the same one in the other.
    async fn begin(programs: &Programs) -> (Self, Option<u16>) {
        let folder = tempfile::tempdir().unwrap();
        let mut process = Command::new(&programs.driver)
            .arg("--port=0")
            // What the browser and its driver would leave lying about goes with the folder.
            .env("TMPDIR", folder.path())
            .env("HOME", folder.path())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let said = BufReader::new(process.stdout.take().unwrap());
        // Until it is known where to ask the browser to leave, there is only this process to end.
        let driver = Self { address: (Ipv4Addr::LOCALHOST, 0).into(), session: None, process, folder };
        let port = tokio::task::spawn_blocking(move || port(said));
        let port = tokio::time::timeout(START_MAX, port).await.expect("chromedriver starts").unwrap();
        (driver, port)
    }

    /// Has the browser close, which chromedriver alone can: it is no child of ours.
    fn leave(&self) -> std::io::Result<()> {
        let Some(session) = &self.session else { return Ok(()) };
        let mut socket = TcpStream::connect_timeout(&self.address, LEAVE_MAX)?;
        socket.set_read_timeout(Some(LEAVE_MAX))?;
        let address = self.address;
        write!(socket, "DELETE /session/{session} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n")?;
        socket.read(&mut [0; 64]).map(drop)
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        let left = self.leave();
        let _ = self.process.kill();
        let _ = self.process.wait();
        if let Err(error) = left {
            let _ = writeln!(std::io::stderr(), "a browser could not be closed: {error}");
        }
    }
}

/// The port chromedriver says it listens on; none when it ends without a word.
fn port(said: impl BufRead) -> Option<u16> {
    said.lines().map_while(Result::ok).find_map(|line| {
        let port = line.strip_prefix("ChromeDriver was started successfully on port ")?;
        port.trim_end_matches('.').parse().ok()
    })
}

fn capabilities(programs: &Programs, manner: &Manner, folder: &Path) -> fantoccini::wd::Capabilities {
    let mut flags = vec![
        "--headless=new".to_owned(),
        // Tests may run as root, where Chromium has no sandbox to offer.
        "--no-sandbox".to_owned(),
        "--disable-gpu".to_owned(),
        "--disable-dev-shm-usage".to_owned(),
        "--disable-background-networking".to_owned(),
        "--disable-component-update".to_owned(),
        "--disable-sync".to_owned(),
        "--no-first-run".to_owned(),
        // As on a telephone: they lie above the page.
        "--hide-scrollbars".to_owned(),
        "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost".to_owned(),
        format!("--user-data-dir={}", folder.join("profile").display()),
        format!("--window-size={},{}", DESK.0, DESK.1),
    ];
    if let Some(sound) = &manner.hears {
        let file = folder.join("heard.wav");
        let spec = WavSpec {
            channels: 1,
            sample_rate: 8_000,
            bits_per_sample: 16,
            sample_format: SampleFormat::Int,
        };
        let mut writer = WavWriter::create(&file, spec).unwrap();
        sound.iter().for_each(|sample| writer.write_sample(*sample).unwrap());
        writer.finalize().unwrap();
        flags.push("--use-fake-device-for-media-stream".to_owned());
        flags.push(format!("--use-file-for-fake-audio-capture={}", file.display()));
    }
    if manner.lets_listen {
        flags.push("--use-fake-ui-for-media-stream".to_owned());
    }
    let wanted = json!({
        "browserName": "chrome",
        "goog:chromeOptions": { "binary": programs.browser, "args": flags },
        "goog:loggingPrefs": { "browser": "ALL" },
    });
    let serde_json::Value::Object(wanted) = wanted else { unreachable!("an object was written") };
    wanted
}
