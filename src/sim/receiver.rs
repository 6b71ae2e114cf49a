//! A stand-in for a tenant's own program that is told what happens: takes webhooks over a real socket and checks how they
//! are signed, or misbehaves as it is told, path by path.
//!
//! Speaks as much of HTTP/1.1 as that needs, unencrypted. What a careful receiver would refuse (no signature of a secret it
//! trusts, a timestamp that is minutes off, a body that is not what it should be) becomes a [fault](Faults).

use std::{
    collections::BTreeMap,
    io,
    net::{Ipv4Addr, SocketAddr},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use aws_lc_rs::hmac;
use serde_json::Value;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::watch,
};

use super::Faults;
use crate::platform::{clock::Clock, tasks::Tasks};

/// Longest request that is read, in bytes.
const REQUEST_LEN_MAX: usize = 1 << 20;
/// How far a timestamp may be off, in seconds: as far as receivers commonly let it.
const TIMESTAMP_OFF_MAX: i64 = 5 * 60;
/// What a flood is written in, in bytes.
const CHUNK_LEN: usize = 64 * 1024;

/// How requests at a path are met.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Mood {
    /// They are taken: 204.
    #[default]
    Willing,
    /// They are answered with this status and nothing else.
    Answering(u16),
    /// They are sent elsewhere: 302 to this address.
    Redirecting(String),
    /// They are taken, with an answer of so many bytes.
    Flooding(u64),
    /// They are read and never answered.
    Hanging,
    /// They are read, and the connection is closed.
    Dropping,
}

/// A request as it came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Got {
    /// Where to.
    pub path: String,
    /// `webhook-id`.
    pub id: String,
    /// How many signatures it carries.
    pub signatures: usize,
    /// Which of the trusted secrets have signed it, in the order in which they came to be trusted.
    pub signed_by: Vec<usize>,
    /// The body.
    pub body: Value,
}

/// The program. Clones are the same.
#[derive(Clone)]
pub struct Receiver {
    /// Where it listens.
    pub addr: SocketAddr,
    /// What a careful receiver would have refused.
    pub faults: Faults,
    kept: Arc<Kept>,
}

struct Kept {
    clock: Clock,
    got: watch::Sender<Vec<Got>>,
    moods: Mutex<BTreeMap<String, Mood>>,
    secrets: Mutex<Vec<String>>,
    /// How many bytes of floods were written.
    flooded: AtomicU64,
    faults: Faults,
}

impl Receiver {
    /// Starts one on any port that runs until `tasks` are stopped and tells the time by `clock`.
    ///
    /// # Errors
    /// When nobody can listen.
    pub async fn start(tasks: &Tasks, clock: Clock) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let addr = listener.local_addr()?;
        let faults = Faults::default();
        let kept = Arc::new(Kept {
            clock,
            got: watch::Sender::default(),
            moods: Mutex::default(),
            secrets: Mutex::default(),
            flooded: AtomicU64::new(0),
            faults: faults.clone(),
        });
        let receiver = Self { addr, faults, kept: Arc::clone(&kept) };
        let (list, stopping) = (tasks.clone(), tasks.stopping_owned());
        tasks.spawn(async move {
            let mut stopping = std::pin::pin!(stopping);
            loop {
                let accepted = tokio::select! {
                    accepted = listener.accept() => accepted,
                    () = stopping.as_mut() => return,
                };
                let Ok((stream, _)) = accepted else { continue };
                let (kept, stopping) = (Arc::clone(&kept), list.stopping_owned());
                list.spawn(async move {
                    tokio::select! {
                        // Whoever goes away in the middle of an answer has heard enough.
                        _ = serve(stream, &kept) => {}
                        () = stopping => {}
                    }
                });
            }
        });
        Ok(receiver)
    }

    /// The address of a path, such as `/taken`.
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.addr)
    }

    /// How requests at a path are met from here on.
    pub fn is(&self, path: &str, mood: Mood) {
        self.kept.moods.lock().unwrap_or_else(PoisonError::into_inner).insert(path.to_owned(), mood);
    }

    /// Trusts this secret (`whsec_…`) from here on, beside those before.
    pub fn trusts(&self, secret: &str) {
        self.kept.secrets.lock().unwrap_or_else(PoisonError::into_inner).push(secret.to_owned());
    }

    /// What came to a path so far.
    pub fn got(&self, path: &str) -> Vec<Got> {
        self.kept.got.borrow().iter().filter(|got| got.path == path).cloned().collect()
    }

    /// Waits until so much has come to a path; all of it.
    pub async fn has_got(&self, path: &str, count: usize) -> Vec<Got> {
        let mut all = self.kept.got.subscribe();
        // The sender lives as long as this receiver.
        let _ = all.wait_for(|all| all.iter().filter(|got| got.path == path).count() >= count).await;
        self.got(path)
    }

    /// How many bytes of floods were written before whoever asked went away.
    pub fn flooded(&self) -> u64 {
        self.kept.flooded.load(Ordering::Relaxed)
    }
}

/// One request on one connection.
async fn serve(mut stream: TcpStream, kept: &Kept) -> io::Result<()> {
    let (head, body) = request(&mut stream).await?;
    let got = kept.look(&head, &body);
    let mood = kept.moods.lock().unwrap_or_else(PoisonError::into_inner).get(&got.path).cloned();
    kept.got.send_modify(|all| all.push(got));
    let close = "Connection: close\r\nContent-Length: 0\r\n\r\n";
    let answer = match mood.unwrap_or_default() {
        Mood::Willing => format!("HTTP/1.1 204 No Content\r\n{close}"),
        Mood::Answering(status) => format!("HTTP/1.1 {status} Answer\r\n{close}"),
        Mood::Redirecting(to) => format!("HTTP/1.1 302 Found\r\nLocation: {to}\r\n{close}"),
        Mood::Flooding(length) => return flood(&mut stream, length, &kept.flooded).await,
        Mood::Hanging => {
            std::future::pending::<()>().await;
            return Ok(());
        }
        Mood::Dropping => return Ok(()),
    };
    stream.write_all(answer.as_bytes()).await?;
    stream.shutdown().await
}

async fn flood(stream: &mut TcpStream, length: u64, flooded: &AtomicU64) -> io::Result<()> {
    let head = format!("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n");
    stream.write_all(head.as_bytes()).await?;
    let chunk = vec![b' '; CHUNK_LEN];
    let mut left = length;
    while left > 0 {
        let part = usize::try_from(left).unwrap_or(CHUNK_LEN).min(CHUNK_LEN);
        stream.write_all(&chunk[..part]).await?;
        left -= part as u64;
        flooded.fetch_add(part as u64, Ordering::Relaxed);
    }
    stream.shutdown().await
}

/// A request's head and body.
async fn request(stream: &mut TcpStream) -> io::Result<(String, String)> {
    let mut bytes = vec![];
    let mut part = [0u8; 4096];
    loop {
        let count = stream.read(&mut part).await?;
        if count == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        bytes.extend_from_slice(&part[..count]);
        if bytes.len() > REQUEST_LEN_MAX {
            return Err(io::ErrorKind::InvalidData.into());
        }
        let text = String::from_utf8_lossy(&bytes);
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length: usize = field(head, "content-length").parse().unwrap_or(0);
            if body.len() >= length {
                return Ok((head.to_owned(), body.to_owned()));
            }
        }
    }
}

/// A field of a head; empty when it is not there.
fn field<'h>(head: &'h str, name: &str) -> &'h str {
    let fields = head.lines().skip(1).filter_map(|line| line.split_once(':'));
    fields
        .filter(|(known, _)| known.eq_ignore_ascii_case(name))
        .map(|(_, value)| value.trim())
        .next()
        .unwrap_or("")
}

impl Kept {
    /// What a careful receiver sees in a request.
    fn look(&self, head: &str, body: &str) -> Got {
        let path = head.split(' ').nth(1).unwrap_or_default().to_owned();
        let (id, timestamp) = (field(head, "webhook-id"), field(head, "webhook-timestamp"));
        let signatures: Vec<&str> =
            field(head, "webhook-signature").split(' ').filter(|s| !s.is_empty()).collect();
        let now = self.clock.now().0 / 1_000_000;
        let on_time = timestamp.parse().is_ok_and(|told: i64| (now - told).abs() <= TIMESTAMP_OFF_MAX);
        if !on_time {
            self.faults.add(format!("{path}: the timestamp is off"));
        }
        if !head.starts_with("POST ") || field(head, "content-type") != "application/json" {
            self.faults.add(format!("{path}: not JSON that was posted"));
        }
        let secrets = self.secrets.lock().unwrap_or_else(PoisonError::into_inner);
        let signed = |secret: &String| {
            signatures.iter().any(|one| verifies(secret, &format!("{id}.{timestamp}.{body}"), one))
        };
        let signed_by: Vec<usize> =
            secrets.iter().enumerate().filter(|(_, secret)| signed(secret)).map(|(at, _)| at).collect();
        if signed_by.is_empty() {
            self.faults.add(format!("{path}: signed with no secret that is trusted"));
        }
        let body: Value = serde_json::from_str(body).unwrap_or_default();
        if !["type", "timestamp", "data"].iter().all(|part| body.get(part).is_some()) {
            self.faults.add(format!("{path}: the body does not say what happened"));
        }
        Got { path, id: id.to_owned(), signatures: signatures.len(), signed_by, body }
    }
}

/// Whether a signature is that of a text under a secret.
fn verifies(secret: &str, text: &str, signature: &str) -> bool {
    let decode = |base64: &str| base64_simd::STANDARD.decode_to_vec(base64).ok();
    let key = secret.strip_prefix("whsec_").and_then(decode);
    let tag = signature.strip_prefix("v1,").and_then(decode);
    key.zip(tag).is_some_and(|(key, tag)| {
        hmac::verify(&hmac::Key::new(hmac::HMAC_SHA256, &key), text.as_bytes(), &tag).is_ok()
    })
}
