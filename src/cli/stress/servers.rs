//! Servers that are processes of their own: this very program, started, killed, asked.

use std::{
    fs::File,
    net::{Ipv4Addr, TcpListener},
    ops::Range,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};

use anyhow::{Context as _, bail};
use reqwest::Client;

use crate::platform::clock::Clock;

/// Longest time a server may take until it answers.
const START_WAIT_MAX: Duration = Duration::from_secs(30);
/// How often it is asked meanwhile.
const START_LOOK_PERIOD: Duration = Duration::from_millis(20);

/// The ports of servers: none that the system gives to whoever asks for any, so that one that was killed finds its own again.
const PORTS: Range<u16> = 20_000..32_000;

/// A port on which nobody listens. Before the server does somebody else could; then the server says so.
fn free_port() -> anyhow::Result<u16> {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let begin = std::process::id().wrapping_mul(61);
    for _ in PORTS {
        let nth =
            begin.wrapping_add(NEXT.fetch_add(1, Ordering::Relaxed)) % u32::from(PORTS.end - PORTS.start);
        let port = PORTS.start + u16::try_from(nth)?;
        if TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok() {
            return Ok(port);
        }
    }
    bail!("no port from {} to {} is free", PORTS.start, PORTS.end)
}

/// A server in a process of its own. It is killed when this goes.
pub(super) struct Server {
    name: String,
    folder: PathBuf,
    settings: Vec<(String, String)>,
    port: u16,
    clock: Clock,
    client: Client,
    child: Option<Child>,
}

impl Server {
    /// One that runs with these settings; it is not started yet. What it says of itself goes to a file in `folder`.
    pub(super) fn new(
        name: &str,
        folder: &Path,
        settings: &[(String, String)],
        clock: Clock,
    ) -> anyhow::Result<Self> {
        let port = free_port()?;
        let mut settings = settings.to_vec();
        settings.push(("FRONTDESK__HTTP__BIND".to_owned(), format!("127.0.0.1:{port}")));
        settings.push(("FRONTDESK__HTTP__PUBLIC_URL".to_owned(), format!("http://127.0.0.1:{port}")));
        let client = Client::builder().pool_max_idle_per_host(256).build()?;
        Ok(Self {
            name: name.to_owned(),
            folder: folder.to_owned(),
            settings,
            port,
            clock,
            client,
            child: None,
        })
    }

    /// Where it is reached, without a slash at its end.
    pub(super) fn base(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// What it is to know besides, from its next start on.
    pub(super) fn learn(&mut self, settings: &[(String, String)]) {
        self.settings.extend_from_slice(settings);
    }

    /// Starts it and waits until it answers.
    pub(super) async fn start(&mut self) -> anyhow::Result<()> {
        let path = self.folder.join(format!("{}.log", self.name));
        let log = File::options().create(true).append(true).open(&path)?;
        let child = Command::new(std::env::current_exe()?)
            .arg("serve")
            .env_clear()
            .envs(self.settings.iter().cloned())
            .current_dir(&self.folder)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .context("a server cannot be started")?;
        let child = self.child.insert(child);
        let watch = self.clock.stopwatch();
        let live = format!("http://127.0.0.1:{}/health/live", self.port);
        while watch.elapsed() < START_WAIT_MAX {
            if let Some(status) = child.try_wait()? {
                let said = std::fs::read_to_string(&path).unwrap_or_default();
                bail!("a server ended ({status}): {}", said.lines().last().unwrap_or_default());
            }
            if self.client.get(&live).send().await.is_ok_and(|answer| answer.status().is_success()) {
                return Ok(());
            }
            self.clock.sleep(START_LOOK_PERIOD).await;
        }
        bail!("a server does not answer")
    }

    /// Ends it as a failing machine would: at once, whatever it is doing (SIGKILL).
    pub(super) fn kill(&mut self) -> anyhow::Result<()> {
        if let Some(mut child) = self.child.take() {
            child.kill()?;
            child.wait()?;
        }
        Ok(())
    }

    /// How much memory it has in use, in bytes, where the system says so.
    pub(super) fn memory(&self) -> Option<u64> {
        memory_of(&self.child.as_ref()?.id().to_string())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Whoever gives it up has no use for what it would still say.
        let _ = self.kill();
    }
}

/// How much memory a process has in use, in bytes; `self` is this one.
pub(super) fn memory_of(process: &str) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    Some(line.trim().trim_end_matches("kB").trim().parse::<u64>().ok()? * 1024)
}
