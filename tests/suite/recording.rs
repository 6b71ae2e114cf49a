//! Recording a call: in sync, without holding it up, and archived only when the archive is good.

use std::{
    fs,
    io::{Cursor, Read, Write},
};

use frontdesk::{
    audio::{
        g711, opus,
        timeline::{Side, Timeline},
        wav,
    },
    domain::conversation::Silence,
    live::recorder::{Recorder, Recording},
    platform::{
        archive::{Archived, archive},
        blobs::{self, BlobName, Blobs},
        sealed::{self, CHUNK_LEN, Key},
        secrets,
        tape::Tape,
        tasks::Tasks,
    },
};
use proptest::prelude::*;
use tempfile::TempDir;

use crate::support::house;

/// One millisecond of μ-law.
const MS: usize = 8;
/// Two sounds that can be told apart, and what they decode to.
const CALLER: u8 = 0x90;
const AGENT: u8 = 0x20;

#[tokio::test]
async fn both_sides_are_heard_where_they_were_spoken() {
    let scene = Scene::new();
    let mut recorder = scene.recorder();
    for at in (0..600).step_by(20) {
        recorder.caller(at, &[CALLER; 20 * MS]);
    }
    recorder.agent(200, &[AGENT; 100 * MS]);
    recorder.agent(300, &[AGENT; 100 * MS]);
    let recording = recorder.stop().await.unwrap();
    assert_eq!(
        recording,
        Recording { name: name(), began_ms: 0, millis: 600, complete: true, silences: vec![] }
    );
    let [caller, agent] = scene.sides();
    assert_eq!(caller, stretches([(600, CALLER)]));
    assert_eq!(agent, stretches([(200, 0xff), (200, AGENT), (200, 0xff)]));
}

#[tokio::test]
async fn what_was_cut_off_is_not_in_the_recording() {
    let scene = Scene::new();
    let mut recorder = scene.recorder();
    recorder.caller(0, &[CALLER; 500 * MS]);
    recorder.agent(100, &[AGENT; 800 * MS]);
    recorder.clear(440);
    recorder.caller(500, &[CALLER; 500 * MS]);
    recorder.agent(900, &[AGENT; 100 * MS]);
    let recording = recorder.stop().await.unwrap();
    assert!(recording.complete);
    assert_eq!(scene.sides()[1], stretches([(100, 0xff), (340, AGENT), (460, 0xff), (100, AGENT)]));
}

#[tokio::test]
async fn a_burst_after_a_stall_lies_where_it_was_spoken() {
    let scene = Scene::new();
    let mut recorder = scene.recorder();
    recorder.caller(0, &[CALLER; 20 * MS]);
    // Nothing arrives for more than a second; then sixty frames at once, two of them twice and two swapped.
    let mut frames: Vec<u64> = (60..120).map(|frame| frame * 20).collect();
    frames.insert(10, frames[10]);
    frames.insert(30, frames[30]);
    frames.swap(40, 41);
    for at in frames {
        recorder.caller(at, &[CALLER; 20 * MS]);
    }
    assert!(recorder.stop().await.unwrap().complete);
    assert_eq!(scene.sides()[0], stretches([(20, CALLER), (1_180, 0xff), (1_200, CALLER)]));
}

#[tokio::test]
async fn a_recording_begins_when_the_caller_has_agreed() {
    let scene = Scene::new();
    let mut recorder = scene.recorder();
    recorder.caller(5_000, &[CALLER; 20 * MS]);
    recorder.caller(4_980, &[CALLER; 20 * MS]);
    recorder.agent(5_100, &[AGENT; 20 * MS]);
    recorder.caller(5_180, &[CALLER; 20 * MS]);
    let recording = recorder.stop().await.unwrap();
    assert_eq!((recording.began_ms, recording.millis), (5_000, 200));
    let [caller, agent] = scene.sides();
    assert_eq!(caller, stretches([(20, CALLER), (160, 0xff), (20, CALLER)]));
    assert_eq!(agent, stretches([(100, 0xff), (20, AGENT), (80, 0xff)]));
}

#[tokio::test]
async fn a_name_that_leads_elsewhere_costs_the_recording_and_not_the_call() {
    let scene = Scene::new();
    let mut recorder = Recorder::start(&scene.tasks, scene.blobs.clone(), "../elsewhere.wav", key());
    recorder.caller(0, &[CALLER; 1_000 * MS]);
    assert!(recorder.stop().await.is_err());
}

#[tokio::test]
async fn a_long_call_is_written_while_it_goes_on() {
    let scene = Scene::new();
    let mut recorder = scene.recorder();
    for at in (0..30_000).step_by(20) {
        recorder.caller(at, &[CALLER; 20 * MS]);
        if at % 400 == 0 {
            tokio::task::yield_now().await;
        }
    }
    let draft = scene.blobs.path(&name()).with_extension("wav.part");
    within_ten_seconds(|| fs::metadata(&draft).is_ok_and(|file| file.len() > 21 * 8_000 * 4)).await;
    assert!(scene.blobs.get(&name()).is_err(), "it has its name only when it is whole");
    // What is on the disk by then can be heard even if the process dies, and nobody takes it for whole.
    let tape = Tape::open(&scene.blobs, &name(), Some(&key()), false, &[]).unwrap();
    assert!(!tape.whole());
    let so_far = wav::Reader::new(tape).unwrap().len();
    assert!(so_far > 20 * 8_000, "{so_far} samples");
    assert_eq!(recorder.stop().await.unwrap().millis, 30_000);
    assert_eq!(scene.sides()[0], stretches([(30_000, CALLER)]));
}

#[tokio::test]
async fn a_call_that_is_dropped_keeps_what_it_recorded() {
    let scene = Scene::new();
    let mut recorder = scene.recorder();
    recorder.caller(0, &[CALLER; 1_000 * MS]);
    drop(recorder);
    scene.tasks.ended().await;
    assert_eq!(scene.sides()[0], stretches([(1_000, CALLER)]));
}

#[tokio::test]
async fn pieces_that_find_the_queue_full_are_lost_and_the_recording_says_so() {
    let scene = Scene::new();
    let mut recorder = scene.recorder();
    // Nothing is awaited here, so the task beside never runs: as if the disk stood still.
    for at in 0..2_000 {
        recorder.caller(at * 400, &[CALLER; 400 * MS]);
    }
    let recording = recorder.stop().await.unwrap();
    assert!(!recording.complete);
    let kept = stretches([(512 * 400, CALLER)]);
    assert!(scene.sides()[0].starts_with(&kept), "what was in the queue is kept");
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_full_disk_costs_the_recording_and_not_the_call() {
    let scene = Scene::new();
    let draft = scene.blobs.path(&name()).with_extension("wav.part");
    fs::create_dir_all(draft.parent().unwrap()).unwrap();
    std::os::unix::fs::symlink("/dev/full", &draft).unwrap();
    let mut recorder = scene.recorder();
    for at in (0..10_000).step_by(20) {
        recorder.caller(at, &[CALLER; 20 * MS]);
    }
    assert!(recorder.stop().await.is_err());
    assert!(matches!(scene.blobs.get(&name()), Err(blobs::Error::Missing)));
    assert!(fs::symlink_metadata(&draft).is_err(), "nothing is left behind");
}

#[test]
fn a_time_that_cannot_be_does_not_fill_the_memory() {
    let mut timeline = Timeline::new();
    timeline.lay(Side::Caller, 0, &[CALLER; 160]);
    timeline.lay(Side::Caller, u64::MAX, &[CALLER; 160]);
    timeline.lay(Side::Caller, 700_000, &[CALLER; 160]);
    timeline.lay(Side::Agent, 70_000, &[AGENT; 160]);
    timeline.clear(u64::MAX);
    assert_eq!(timeline.refused(), 4);
    timeline.reach(u64::MAX);
    let mut out = Vec::new();
    assert!(timeline.take_rest(&mut out));
    assert!(!timeline.take_rest(&mut out));
    assert_eq!(out.len(), 160);
}

#[test]
fn what_comes_after_its_time_is_settled_is_refused() {
    let mut timeline = Timeline::new();
    timeline.reach(10_000);
    let mut out = Vec::new();
    timeline.take(&mut out);
    assert_eq!(out.len(), 8_000 * MS);
    timeline.lay(Side::Caller, 7_000, &[CALLER; 160]);
    timeline.lay(Side::Agent, 7_990, &[AGENT; 160]);
    assert_eq!(timeline.refused(), 2);
    timeline.take_rest(&mut out);
    assert_eq!(out.len(), 10_000 * MS);
    let heard: Vec<usize> = (0..out.len()).filter(|at| out[*at] != [0; 2]).collect();
    assert_eq!(heard, (8_000 * MS..8_010 * MS).collect::<Vec<_>>(), "the part that is still in time");
}

proptest! {
    #[test]
    fn however_a_call_goes_its_recording_is_as_long_as_the_call(
        events in prop::collection::vec((0..4_u8, 0..6_000_u64, 0..2_000_usize), 0..60),
    ) {
        let mut timeline = Timeline::new();
        let (mut out, mut now) = (Vec::new(), 0);
        for (kind, step, length) in events {
            match kind {
                0 => timeline.lay(Side::Caller, now, &vec![CALLER; length]),
                1 => timeline.lay(Side::Agent, now + step, &vec![AGENT; length]),
                2 => timeline.clear(now),
                _ => now += step,
            }
            timeline.reach(now);
            if kind == 3 {
                timeline.take(&mut out);
            }
        }
        // The caller's last piece may end after the last event.
        while timeline.take_rest(&mut out) {}
        prop_assert!(out.len() as u64 >= now * 8);
        prop_assert!(out.len() as u64 <= now * 8 + 2_000 + 240);
        prop_assert!(out.iter().all(|[caller, _]| [0, g711::decode(CALLER)].contains(caller)));
    }
}

#[tokio::test]
async fn while_it_is_paused_silence_is_recorded() {
    let scene = Scene::new();
    let mut recorder = scene.recorder();
    recorder.caller(0, &[CALLER; 200 * MS]);
    recorder.pause(200);
    recorder.caller(200, &[CALLER; 300 * MS]);
    recorder.agent(250, &[AGENT; 100 * MS]);
    recorder.resume(500);
    recorder.caller(500, &[CALLER; 100 * MS]);
    recorder.agent(520, &[AGENT; 40 * MS]);
    let recording = recorder.stop().await.unwrap();
    assert_eq!(recording.millis, 600, "time goes on");
    assert_eq!(recording.silences, [Silence { from_ms: 200, until_ms: 500 }], "and it says when");
    let [caller, agent] = scene.sides();
    assert_eq!(caller, stretches([(200, CALLER), (300, 0xff), (100, CALLER)]));
    assert_eq!(agent, stretches([(520, 0xff), (40, AGENT), (40, 0xff)]));
}

// Seals

#[tokio::test]
async fn a_recording_on_the_disk_is_nothing_without_its_key() {
    let scene = Scene::new();
    let mut recorder = scene.recorder();
    recorder.caller(0, &[CALLER; 3_000 * MS]);
    recorder.stop().await.unwrap();
    let lies = scene.blobs.get(&name()).unwrap();
    assert!(!lies.windows(4).any(|four| four == b"RIFF"), "not even what kind of file it is");
    let sample = g711::decode(CALLER).to_le_bytes();
    let told = [sample, [0; 2], sample, [0; 2]].concat();
    assert!(!lies.windows(told.len()).any(|part| part == told), "the caller's voice lies open");
    let other = Key::new(&secrets::fresh_key()).unwrap();
    assert!(matches!(Tape::open(&scene.blobs, &name(), Some(&other), true, &[]), Err(sealed::Error::Broken)));
}

#[test]
fn a_sealed_blob_that_was_cut_or_shuffled_does_not_open() {
    let scene = Scene::new();
    let words: Vec<u8> = (0..=250).cycle().take(3 * CHUNK_LEN + 100).collect();
    let mut writer = sealed::Writer::new(Vec::new(), &key()).unwrap();
    writer.write_all(&words).unwrap();
    let whole = writer.finish().unwrap();
    let head = whole.len() - 3 * (CHUNK_LEN + 16) - 116;
    let chunk = |at: usize| head + at * (CHUNK_LEN + 16)..head + (at + 1) * (CHUNK_LEN + 16);
    let opened = |bytes: &[u8]| {
        scene.blobs.put(&name(), bytes).unwrap();
        let mut heard = vec![];
        let mut reader = sealed::Reader::open(scene.blobs.read(&name()).unwrap(), &key())?;
        reader.read_to_end(&mut heard).map_err(|_| sealed::Error::Broken)?;
        Ok::<_, sealed::Error>(heard)
    };
    assert_eq!(opened(&whole).unwrap(), words);
    // Any part is read by itself.
    let mut reader = sealed::Reader::open(scene.blobs.read(&name()).unwrap(), &key()).unwrap();
    assert_eq!(reader.read_at(CHUNK_LEN as u64 * 2 + 5, 20).unwrap(), &words[CHUNK_LEN * 2 + 5..][..20]);
    assert_eq!(reader.len(), words.len() as u64);

    assert!(opened(&whole[..chunk(2).end]).is_err(), "its last chunk is missing");
    assert!(opened(&whole[..chunk(2).start + 90]).is_err(), "it is cut within a chunk");
    assert!(opened(&whole[..whole.len() - 1]).is_err(), "a byte is missing");
    let gap = [&whole[..chunk(1).start], &whole[chunk(1).end..]].concat();
    assert!(opened(&gap).is_err(), "a chunk in the middle is missing");
    let mut swapped = whole.clone();
    swapped[chunk(0)].copy_from_slice(&whole[chunk(1)]);
    swapped[chunk(1)].copy_from_slice(&whole[chunk(0)]);
    assert!(opened(&swapped).is_err(), "two chunks are swapped");
    for at in [0, 4, 5, head, chunk(1).start + 7, whole.len() - 1] {
        let mut altered = whole.clone();
        altered[at] ^= 1;
        assert!(opened(&altered).is_err(), "byte {at} is another");
    }
    // Another recording's chunk, sealed under the same key, is no chunk of this one.
    let mut other = sealed::Writer::new(Vec::new(), &key()).unwrap();
    other.write_all(&words).unwrap();
    let other = other.finish().unwrap();
    let mut grafted = whole.clone();
    grafted[chunk(1)].copy_from_slice(&other[chunk(1)]);
    assert!(opened(&grafted).is_err(), "a chunk is another recording's");
}

#[tokio::test]
async fn what_a_killed_process_recorded_is_heard_up_to_its_last_whole_second() {
    let scene = Scene::new();
    let sealed = sealed::Writer::new(scene.blobs.begin(&name()).unwrap(), &key()).unwrap();
    let mut writer = wav::Writer::new(sealed, 0).unwrap();
    writer.write(&[[700, -700]; 20_000]).unwrap();
    // A process that is killed gives nothing back: neither an end, nor what was begun.
    std::mem::forget(writer);
    assert!(Tape::open(&scene.blobs, &name(), Some(&key()), true, &[]).is_err(), "it was never whole");
    let tape = Tape::open(&scene.blobs, &name(), Some(&key()), false, &[]).unwrap();
    assert!(!tape.whole());
    let mut reader = wav::Reader::new(tape).unwrap();
    let heard = (2 * CHUNK_LEN - 44) / 4;
    assert_eq!(reader.len(), heard as u64);
    let mut samples = vec![[0; 2]; heard];
    assert_eq!(reader.read(&mut samples).unwrap(), heard);
    assert!(samples.iter().all(|sample| *sample == [700, -700]));
    let archived = archive(&scene.blobs, &name(), Some(&key()), false, &[]).unwrap();
    assert!(!archived.whole);
    scene.blobs.delete(&name()).unwrap();
    assert_eq!(scene.files(), ["call_1.ogg"], "what was begun is gone");
}

#[test]
fn nothing_is_heard_where_silence_was_asked_for() {
    let scene = Scene::new();
    scene.record(&[[700, -700]; 16_000]);
    let silences = [Silence { from_ms: 500, until_ms: 1_500 }, Silence { from_ms: 1_900, until_ms: 9_000 }];
    let tape = Tape::open(&scene.blobs, &name(), Some(&key()), true, &silences).unwrap();
    let mut samples = vec![[0; 2]; 16_000];
    assert_eq!(wav::Reader::new(tape).unwrap().read(&mut samples).unwrap(), 16_000);
    for (at, sample) in samples.iter().enumerate() {
        let silent = (4_000..12_000).contains(&at) || at >= 15_200;
        assert_eq!(*sample, if silent { [0; 2] } else { [700, -700] }, "sample {at}");
    }
    let archived = archive(&scene.blobs, &name(), Some(&key()), true, &silences).unwrap();
    let mut heard = vec![];
    opus::decode(Cursor::new(scene.listen(&archived.name)), |block| heard.extend_from_slice(block)).unwrap();
    // A codec rings a little at the edges.
    assert!(
        heard[5_000..11_000].iter().flatten().all(|sample| sample.abs() < 0.001),
        "it is silent for good"
    );
}

// Archive

#[test]
fn a_recording_can_be_heard_while_it_is_archived_and_after_it() {
    let scene = Scene::new();
    scene.record(&[[3_000, -3_000]; 16_123]);
    let archived = archive(&scene.blobs, &name(), Some(&key()), true, &[]).unwrap();
    let small = BlobName::new("recordings/call_1.ogg").unwrap();
    assert_eq!(archived, Archived { name: small.clone(), millis: 2_015, whole: true });
    assert!(scene.listen(&small).starts_with(b"OggS"));
    assert!(scene.listen(&name()).starts_with(b"RIFF"), "nobody has noted the other name yet");
    // A job may run twice, before the large one is removed and after it.
    assert_eq!(archive(&scene.blobs, &name(), Some(&key()), true, &[]).unwrap(), archived);
    scene.blobs.delete(&name()).unwrap();
    assert_eq!(archive(&scene.blobs, &name(), Some(&key()), true, &[]).unwrap(), archived);
}

#[test]
fn a_recording_that_cannot_be_archived_stays() {
    let scene = Scene::new();
    scene.record(&[[3_000, -3_000]; 16_000]);
    let whole = scene.blobs.get(&name()).unwrap();
    let cut = &whole[..whole.len() - 4_000];
    scene.blobs.put(&name(), cut).unwrap();
    assert!(archive(&scene.blobs, &name(), Some(&key()), true, &[]).is_err());
    assert_eq!(scene.blobs.get(&name()).unwrap(), cut);
    assert_eq!(scene.files(), ["call_1.wav"]);
}

// Blobs

#[test]
fn no_name_leads_out_of_the_folder() {
    for name in [
        "",
        "/",
        "..",
        "../x.wav",
        "a/../../x.wav",
        "/etc/x.wav",
        "a//b.wav",
        ".hidden",
        "a/.wav",
        "A.wav",
        "a b.wav",
        "a\\b.wav",
        "a.wav/",
        "a.tar.gz",
        "ä.wav",
        "x.",
        "noending",
    ] {
        assert!(BlobName::new(name).is_err(), "{name:?} is taken for a name");
    }
    assert!(BlobName::new(format!("{}.wav", "a".repeat(300))).is_err());
    assert!(BlobName::new("recordings/ten_1/call_2-b.wav").is_ok());
}

#[test]
fn a_blob_appears_whole_or_not_at_all() {
    let scene = Scene::new();
    scene.blobs.put(&name(), b"first").unwrap();
    let mut draft = scene.blobs.begin(&name()).unwrap();
    std::io::Write::write_all(&mut draft, b"second, unfinished").unwrap();
    assert_eq!(scene.blobs.get(&name()).unwrap(), b"first");
    drop(draft);
    assert_eq!(scene.blobs.get(&name()).unwrap(), b"first");
    assert_eq!(scene.files(), ["call_1.wav"]);
    scene.blobs.put(&name(), b"third").unwrap();
    assert_eq!(scene.blobs.get(&name()).unwrap(), b"third");
    scene.blobs.delete(&name()).unwrap();
    scene.blobs.delete(&name()).unwrap();
    assert_eq!(scene.files(), [""; 0]);
}

#[test]
fn a_folder_that_cannot_be_used_is_noticed() {
    let scene = Scene::new();
    scene.blobs.check().unwrap();
    let file = scene.folder.path().join("a file");
    fs::write(&file, "in the way").unwrap();
    let error = Blobs::open(&blobs::Settings::in_folder(file.join("blobs"))).unwrap_err();
    assert!(error.to_string().contains("a file"), "{error}");
}

#[cfg(unix)]
#[test]
fn nobody_else_on_the_machine_reads_a_recording() {
    use std::os::unix::fs::PermissionsExt;
    let scene = Scene::new();
    scene.blobs.put(&name(), b"words").unwrap();
    let mode = fs::metadata(scene.blobs.path(&name())).unwrap().permissions().mode();
    assert_eq!(mode & 0o077, 0, "{mode:o}");
}

// Helpers

struct Scene {
    folder: TempDir,
    blobs: Blobs,
    tasks: Tasks,
}

impl Scene {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let blobs = Blobs::open(&blobs::Settings::in_folder(folder.path().join("blobs"))).unwrap();
        Self { folder, blobs, tasks: Tasks::new() }
    }

    fn recorder(&self) -> Recorder {
        Recorder::start(&self.tasks, self.blobs.clone(), name().as_str(), key())
    }

    fn record(&self, samples: &[[i16; 2]]) {
        let sealed = sealed::Writer::new(Vec::new(), &key()).unwrap();
        let mut writer = wav::Writer::new(sealed, 0).unwrap();
        writer.write(samples).unwrap();
        self.blobs.put(&name(), &writer.into_inner().finish().unwrap()).unwrap();
    }

    /// Everything somebody hears who opens a recording.
    fn listen(&self, name: &BlobName) -> Vec<u8> {
        let mut heard = vec![];
        Tape::open(&self.blobs, name, Some(&key()), true, &[]).unwrap().read_to_end(&mut heard).unwrap();
        heard
    }

    /// What is heard of the caller and of the agent, as μ-law.
    fn sides(&self) -> [Vec<u8>; 2] {
        let mut reader = wav::Reader::new(Cursor::new(self.listen(&name()))).unwrap();
        let mut samples = vec![[0; 2]; usize::try_from(reader.len()).unwrap()];
        assert_eq!(reader.read(&mut samples).unwrap(), samples.len());
        [0, 1].map(|side| samples.iter().map(|sample| g711::encode(sample[side])).collect())
    }

    fn files(&self) -> Vec<String> {
        let folder = self.blobs.path(&name());
        let files = fs::read_dir(folder.parent().unwrap()).unwrap();
        files.map(|file| file.unwrap().file_name().into_string().unwrap()).collect()
    }
}

fn key() -> Key {
    Key::new(&house::KEY.into()).unwrap()
}

fn name() -> BlobName {
    BlobName::new("recordings/call_1.wav").unwrap()
}

fn stretches<const N: usize>(stretches: [(usize, u8); N]) -> Vec<u8> {
    stretches.iter().flat_map(|(millis, byte)| vec![*byte; millis * MS]).collect()
}

async fn within_ten_seconds(mut met: impl FnMut() -> bool) {
    for _ in 0..1_000 {
        if met() {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    panic!("it did not happen within ten seconds");
}
