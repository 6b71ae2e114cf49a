//! Both sides of a call, recorded in sync without holding it up.
//!
//! The driver tells what was heard and what was played; a task beside lays both out in time and writes them
//! to the disk. The driver never waits: when the disk is too slow for the queue, a piece is lost; when it is
//! full, the rest is lost. Either way the call goes on and the recording says that it is incomplete. What it writes is
//! sealed, second by second, under a key it was given; while it is paused it writes silence.

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use metrics::counter;
use tokio::{
    sync::mpsc,
    task::{JoinHandle, spawn_blocking},
};
use tracing::warn;

use crate::{
    audio::{
        timeline::{Side, Timeline},
        wav,
    },
    domain::conversation::Silence,
    platform::{
        blobs::{self, BlobName, Blobs, Draft},
        metrics::LIMIT_REACHED_TOTAL,
        sealed::{self, Key},
        tasks::Tasks,
    },
};

/// Pieces that wait for the disk: about a minute and a half of both sides.
const RECORDER_QUEUE_MAX: usize = 512;
/// What is collected of a side before it is handed over, in bytes: 400 ms. The task beside wakes once for it.
const PIECE_BYTES: usize = 3_200;
/// How many pauses of one recording are told. What came after is silent all the same.
const SILENCES_MAX: usize = 1_000;
/// Silence in μ-law.
const QUIET: u8 = 0xff;
/// How much settled sound is worth a visit to the disk, in milliseconds.
const WRITE_MS_MIN: u64 = 1_000;

/// Why there is no recording.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file could not be begun or finished.
    #[error("the recording was not kept")]
    Blobs(#[from] blobs::Error),
    /// The file could not be begun or finished.
    #[error("the recording was not kept")]
    Disk(#[from] io::Error),
    /// The task that writes ended before its time.
    #[error("the recording was abandoned")]
    Abandoned,
}

/// A recording as it was kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recording {
    /// Its name among the blobs.
    pub name: BlobName,
    /// When it began, on the clock of whoever told it, in milliseconds.
    pub began_ms: u64,
    /// How long it lasts, in milliseconds.
    pub millis: u64,
    /// Whether nothing is missing.
    pub complete: bool,
    /// When it was paused.
    pub silences: Vec<Silence>,
}

/// Takes in what is heard of a call. When it is dropped instead of stopped, all but the last 400 ms is kept.
#[derive(Debug)]
pub struct Recorder {
    queue: mpsc::Sender<Piece>,
    lost: Arc<AtomicU64>,
    /// When the recording began: the first time that was told.
    since_ms: Option<u64>,
    caller: Batch,
    agent: Batch,
    /// Since when nothing is to be heard of what is told, if so, in milliseconds since the recording began.
    paused: Option<u64>,
    /// When nothing was.
    silences: Vec<Silence>,
    writer: JoinHandle<Result<Recording, Error>>,
}

/// What the task beside is told. Times are milliseconds since the recording began.
#[derive(Debug)]
enum Piece {
    Heard { side: Side, at_ms: u64, bytes: Vec<u8> },
    Cleared { at_ms: u64 },
}

impl Recorder {
    /// Begins to record a call into the blob `name`, sealed under `key`. Time begins with the first sound.
    pub fn start(tasks: &Tasks, blobs: Blobs, name: impl Into<String>, key: Key) -> Self {
        let (queue, pieces) = mpsc::channel(RECORDER_QUEUE_MAX);
        let lost = Arc::new(AtomicU64::new(0));
        let writer = tasks.spawn(write(blobs, name.into(), key, pieces, Arc::clone(&lost)));
        Self {
            queue,
            lost,
            since_ms: None,
            caller: Batch::default(),
            agent: Batch::default(),
            paused: None,
            silences: Vec::new(),
            writer,
        }
    }

    /// The caller was heard at `at_ms`; `sound` is μ-law of any length. After a stall the time is when it was
    /// spoken (the stream's own timestamp), not when it arrived.
    pub fn caller(&mut self, at_ms: u64, sound: &[u8]) {
        self.heard(Side::Caller, at_ms, sound);
    }

    /// The agent is heard by the caller from `played_at_ms` on; `sound` is μ-law of any length. It may be told
    /// before its time.
    pub fn agent(&mut self, played_at_ms: u64, sound: &[u8]) {
        self.heard(Side::Agent, played_at_ms, sound);
    }

    /// Playing was cut off at `at_ms`: what the agent was to say after that was not heard.
    pub fn clear(&mut self, at_ms: u64) {
        self.hand_over(Side::Agent);
        let at_ms = self.since(at_ms).unwrap_or(0);
        self.send(Piece::Cleared { at_ms });
    }

    /// From `at_ms` on silence is recorded, whatever is told to be heard.
    pub fn pause(&mut self, at_ms: u64) {
        if self.paused.is_none() {
            self.paused = Some(self.since_ms.map_or(0, |since| at_ms.saturating_sub(since)));
        }
    }

    /// From `at_ms` on what is heard is recorded again.
    pub fn resume(&mut self, at_ms: u64) {
        if let Some(from_ms) = self.paused.take() {
            let until_ms = self.since_ms.map_or(0, |since| at_ms.saturating_sub(since));
            if from_ms < until_ms && self.silences.len() < SILENCES_MAX {
                self.silences.push(Silence { from_ms, until_ms });
            }
        }
    }

    /// The call ended. The answer comes when the recording is on the disk.
    ///
    /// # Errors
    /// [`Error`]: there is no recording.
    pub async fn stop(mut self) -> Result<Recording, Error> {
        self.hand_over(Side::Caller);
        self.hand_over(Side::Agent);
        let Self { queue, writer, since_ms, paused, mut silences, .. } = self;
        drop(queue);
        let recording = writer.await.map_err(|_| Error::Abandoned)??;
        silences.extend(paused.map(|from_ms| Silence { from_ms, until_ms: recording.millis.max(from_ms) }));
        Ok(Recording { began_ms: since_ms.unwrap_or(0), silences, ..recording })
    }

    fn heard(&mut self, side: Side, at_ms: u64, sound: &[u8]) {
        let Some(at_ms) = self.since(at_ms) else { return };
        if !self.batch(side).continues_at(at_ms) {
            self.hand_over(side);
        }
        let paused = self.paused.is_some();
        let batch = self.batch(side);
        batch.add(at_ms, sound, paused);
        if batch.bytes.len() >= PIECE_BYTES {
            self.hand_over(side);
        }
    }

    /// The time since the recording began; `None` before that.
    fn since(&mut self, at_ms: u64) -> Option<u64> {
        at_ms.checked_sub(*self.since_ms.get_or_insert(at_ms))
    }

    fn batch(&mut self, side: Side) -> &mut Batch {
        match side {
            Side::Caller => &mut self.caller,
            Side::Agent => &mut self.agent,
        }
    }

    fn hand_over(&mut self, side: Side) {
        let Batch { at_ms, bytes } = std::mem::take(self.batch(side));
        if !bytes.is_empty() {
            self.send(Piece::Heard { side, at_ms, bytes });
        }
    }

    fn send(&self, piece: Piece) {
        if self.queue.try_send(piece).is_err() {
            self.lost.fetch_add(1, Ordering::Relaxed);
            counter!(LIMIT_REACHED_TOTAL, "limit" => "recorder_queue").increment(1);
        }
    }
}

/// Sound of one side without a gap, until there is enough of it.
#[derive(Default)]
struct Batch {
    at_ms: u64,
    bytes: Vec<u8>,
}

impl Batch {
    fn continues_at(&self, at_ms: u64) -> bool {
        self.bytes.is_empty() || self.at_ms.saturating_add(self.bytes.len() as u64 / 8) == at_ms
    }

    fn add(&mut self, at_ms: u64, sound: &[u8], paused: bool) {
        if self.bytes.is_empty() {
            self.at_ms = at_ms;
            self.bytes.reserve_exact(PIECE_BYTES + sound.len());
        }
        if paused {
            self.bytes.extend(std::iter::repeat_n(QUIET, sound.len()));
        } else {
            self.bytes.extend_from_slice(sound);
        }
    }
}

/// What was said is not for logs.
impl std::fmt::Debug for Batch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Batch({} bytes from {} ms)", self.bytes.len(), self.at_ms)
    }
}

/// The task beside: until the queue is closed, then finishes the file.
async fn write(
    blobs: Blobs,
    name: String,
    key: Key,
    mut pieces: mpsc::Receiver<Piece>,
    lost: Arc<AtomicU64>,
) -> Result<Recording, Error> {
    let mut file = on_disk(move || File::begin(&blobs, BlobName::new(name)?, &key)).await;
    if let Err(error) = &file {
        warn!(error = error as &dyn std::error::Error, "a call goes on without its recording");
    }
    let mut timeline = Timeline::new();
    while let Some(piece) = pieces.recv().await {
        match piece {
            Piece::Heard { side, at_ms, bytes } => timeline.lay(side, at_ms, &bytes),
            Piece::Cleared { at_ms } => timeline.clear(at_ms),
        }
        while timeline.ready_ms() >= WRITE_MS_MIN {
            file = keep(file, |samples| timeline.take(samples)).await;
        }
    }
    loop {
        let mut left = false;
        file = keep(file, |samples| left = timeline.take_rest(samples)).await;
        if !left {
            break;
        }
    }
    let refused = timeline.refused() + lost.load(Ordering::Relaxed);
    let file = file?;
    let recording = Recording {
        name: file.name.clone(),
        began_ms: 0,
        millis: file.samples * 1_000 / u64::from(wav::RATE_HZ),
        complete: file.failed.is_none() && refused == 0,
        silences: Vec::new(),
    };
    on_disk(move || file.finish()).await?;
    if !recording.complete {
        warn!(pieces_lost = refused, "a recording is incomplete");
    }
    Ok(recording)
}

/// Appends what `take` gives to the file, while there is one.
async fn keep(file: Result<File, Error>, take: impl FnOnce(&mut Vec<[i16; 2]>)) -> Result<File, Error> {
    let mut samples = Vec::new();
    take(&mut samples);
    let mut file = file?;
    if samples.is_empty() || file.failed.is_some() {
        return Ok(file);
    }
    on_disk(move || {
        file.append(&samples);
        Ok(file)
    })
    .await
}

/// Waits for the disk on a thread that may wait.
async fn on_disk<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Error> + Send + 'static,
) -> Result<T, Error> {
    spawn_blocking(work).await.map_err(|_| Error::Abandoned)?
}

/// The recording on the disk.
struct File {
    name: BlobName,
    wav: wav::Writer<sealed::Writer<Draft>>,
    samples: u64,
    /// Why nothing more is written.
    failed: Option<io::Error>,
}

impl File {
    fn begin(blobs: &Blobs, name: BlobName, key: &Key) -> Result<Self, Error> {
        let draft = blobs.begin(&name)?;
        // How long it will be is found out by whoever reads it.
        let wav = wav::Writer::new(sealed::Writer::new(draft, key)?, 0)?;
        Ok(Self { name, wav, samples: 0, failed: None })
    }

    /// Adds samples; the first failure is the last attempt, and what was written before stays good.
    fn append(&mut self, samples: &[[i16; 2]]) {
        match self.wav.write(samples) {
            Ok(()) => self.samples += samples.len() as u64,
            Err(error) => {
                warn!(error = &error as &dyn std::error::Error, "a recording stops before its call");
                self.failed = Some(error);
            }
        }
    }

    /// A file that could not be written to its end is kept without one: it opens up to its last whole second.
    fn finish(self) -> Result<(), Error> {
        let sealed = self.wav.into_inner();
        let draft = if self.failed.is_some() { sealed.abandon() } else { sealed.finish()? };
        Ok(draft.finish()?)
    }
}
