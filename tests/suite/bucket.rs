//! Recordings in a bucket: sealed before they leave, read in parts, and nothing lost while the bucket is away.

use std::io::Read;

use frontdesk::{
    audio::wav,
    boot::{self, doctor},
    platform::{
        archive::archive,
        blobs::{self, BlobName, Blobs},
        bucket::PART_LEN,
        clock::Clock,
        sealed::{self, Key},
        tape::Tape,
    },
    sim::s3::{BUCKET, REGION, S3},
};
use tempfile::TempDir;

use crate::support::house::{self, House};

const KEY_ID: &str = "AKIDEXAMPLE";

#[tokio::test(flavor = "multi_thread")]
async fn a_recording_is_kept_in_the_bucket_sealed_and_heard_from_there() {
    let scene = Scene::begin().await;
    scene.record(&[[700, -700]; 40_000]).await;
    assert_eq!(scene.s3.names(), ["recordings/call_1.wav"]);
    assert_eq!(scene.files(), 0, "nothing of it stays on the disk");
    assert!(!scene.s3.object("recordings/call_1.wav").unwrap().windows(4).any(|four| four == b"RIFF"));
    let (blobs, heard) = (scene.blobs.clone(), scene.listen("recordings/call_1.wav").await);
    assert_eq!(wav::Reader::new(heard.as_slice()).unwrap().len(), 40_000);
    let archived = blocking(move || archive(&blobs, &name(), Some(&key()), true, &[]).unwrap()).await;
    assert_eq!(archived.millis, 5_000);
    let blobs = scene.blobs.clone();
    blocking(move || blobs.delete(&name()).unwrap()).await;
    assert_eq!(scene.s3.names(), ["recordings/call_1.ogg"]);
    assert!(scene.listen("recordings/call_1.ogg").await.starts_with(b"OggS"));
    assert_eq!(scene.s3.faults().all(), [""; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_long_is_sent_in_parts() {
    let scene = Scene::begin().await;
    // Some five minutes.
    let instants = PART_LEN / 4 + 200_000;
    scene.record(&vec![[5, 6]; instants]).await;
    let lies = scene.s3.object("recordings/call_1.wav").unwrap();
    assert!(lies.len() > PART_LEN);
    assert_eq!(scene.s3.uploads_open(), 0);
    let before = scene.s3.requests();
    let blobs = scene.blobs.clone();
    let piece = blocking(move || {
        let mut tape = Tape::open(&blobs, &name(), Some(&key()), true, &[]).unwrap();
        tape.read_at(5_000_044, 8).unwrap()
    })
    .await;
    assert_eq!(piece, [5, 0, 6, 0, 5, 0, 6, 0]);
    assert!(scene.s3.requests() - before <= 6, "a part is read without the rest");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bucket_that_is_away_for_a_moment_is_asked_again() {
    let scene = Scene::begin().await;
    scene.s3.refuse(2);
    scene.record(&[[1, 2]; 9_000]).await;
    assert_eq!(scene.s3.names(), ["recordings/call_1.wav"]);
    let blobs = scene.blobs.clone();
    let gone = blocking(move || {
        blobs.delete(&name()).unwrap();
        blobs.delete(&name()).unwrap();
        (blobs.has(&name()).unwrap(), blobs.get(&name()))
    })
    .await;
    assert!(!gone.0);
    assert!(matches!(gone.1, Err(blobs::Error::Missing)));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_doctor_tries_the_bucket_and_says_what_is_wrong_with_it() {
    let s3 = S3::start(KEY_ID).await.unwrap();
    let house = |key: &str| {
        House::new()
            .with("BLOBS__BUCKET", BUCKET)
            .with("BLOBS__ENDPOINT", &s3.endpoint())
            .with("BLOBS__ACCESS_KEY_ID", key)
            .with("BLOBS__SECRET_ACCESS_KEY", "a secret")
    };
    for (key, verdict) in [(KEY_ID, doctor::Verdict::Well), ("AKIDOTHER", doctor::Verdict::Problem)] {
        boot::install_tls();
        let found = doctor::examine(&house(key).config(), Clock::system().now()).await;
        let finding = found.iter().find(|finding| finding.subject == "recordings").unwrap();
        assert_eq!(finding.verdict, verdict, "{}", finding.words);
    }
    assert_eq!(s3.names(), [""; 0], "what it tried is gone");
}

struct Scene {
    s3: S3,
    blobs: Blobs,
    folder: TempDir,
}

impl Scene {
    async fn begin() -> Self {
        boot::install_tls();
        let (s3, folder) = (S3::start(KEY_ID).await.unwrap(), tempfile::tempdir().unwrap());
        let settings = blobs::Settings {
            bucket: BUCKET.to_owned(),
            endpoint: s3.endpoint(),
            region: REGION.to_owned(),
            access_key_id: KEY_ID.to_owned(),
            secret_access_key: "a secret".into(),
            ..blobs::Settings::in_folder(folder.path())
        };
        Self { s3, blobs: Blobs::open(&settings).unwrap(), folder }
    }

    async fn record(&self, samples: &[[i16; 2]]) {
        let (blobs, samples) = (self.blobs.clone(), samples.to_vec());
        blocking(move || {
            let sealed = sealed::Writer::new(blobs.begin(&name()).unwrap(), &key()).unwrap();
            let mut writer = wav::Writer::new(sealed, 0).unwrap();
            writer.write(&samples).unwrap();
            writer.into_inner().finish().unwrap().finish().unwrap();
        })
        .await;
    }

    async fn listen(&self, name: &str) -> Vec<u8> {
        let (blobs, name) = (self.blobs.clone(), BlobName::new(name).unwrap());
        blocking(move || {
            let mut heard = vec![];
            Tape::open(&blobs, &name, Some(&key()), true, &[]).unwrap().read_to_end(&mut heard).unwrap();
            heard
        })
        .await
    }

    /// How many files lie in the folder.
    fn files(&self) -> usize {
        self.folder.path().join("recordings").read_dir().unwrap().count()
    }
}

fn name() -> BlobName {
    BlobName::new("recordings/call_1.wav").unwrap()
}

fn key() -> Key {
    Key::new(&house::KEY.into()).unwrap()
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    tokio::task::spawn_blocking(work).await.unwrap()
}
