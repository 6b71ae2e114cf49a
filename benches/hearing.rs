//! How soon speech is noticed, what else is taken for it, and what listening costs.
//!
//! `cargo bench --bench hearing` prints three tables, made from the recorded sentences and sounds in
//! `fixtures/audio`: nothing is drawn by chance, so a run repeats. Speech is heard clean and with noise 20 and
//! 10 dB below it, loud and faint, in the recorded voice and in two others made from it (lower and higher, in
//! pitch and in the shape of the throat), at different places within a frame.

use std::{fmt::Write as _, hint::black_box, path::PathBuf, time::Instant};

use frontdesk::audio::{
    MuLaw20ms, g711,
    vad::{Detector, Ear, Onset},
    wav,
};

const RATE: usize = 8_000;
/// How long the line is heard before the sound begins, in samples.
const BEFORE: usize = 3 * RATE / 2;
/// And after it.
const AFTER: usize = RATE;

fn main() {
    let sounds = sounds();
    let mut report = String::new();
    for detector in [Detector::EarshotAndNnnoiseless, Detector::Earshot, Detector::Energy] {
        onset_table(&mut report, &sounds, detector);
        false_table(&mut report, &sounds, detector);
    }
    cost_table(&mut report, &sounds);
    #[expect(clippy::print_stdout, reason = "printing is what this program is for")]
    {
        println!("{report}");
    }
}

/// From the first sound of speech to the frame at whose end it is noticed, while the agent speaks.
fn onset_table(report: &mut String, sounds: &[Sound], detector: Detector) {
    _ = writeln!(report, "\n{detector:?}: onset of speech to notice, ms\n");
    _ = writeln!(report, "| speech | line | p50 | p95 | noticed |\n|---|---|---|---|---|");
    let mut all = Vec::new();
    let mut all_heard = 0;
    for (name, kinds) in [
        ("interruption", &["interruption"][..]),
        ("sentence", &["sentence"]),
        ("backchannel", &["backchannel"]),
    ] {
        for language in ["de", "en"] {
            for line in LINES {
                let mut delays = Vec::new();
                let mut heard = 0;
                for sound in sounds.iter().filter(|sound| {
                    sound.speaker == "caller"
                        && sound.language == language
                        && kinds.contains(&sound.kind.as_str())
                }) {
                    for scene in scenes(sound, line) {
                        heard += 1;
                        delays.extend(scene.notice(detector));
                    }
                }
                let noticed = delays.len();
                if name != "backchannel" {
                    all.extend_from_slice(&delays);
                    all_heard += heard;
                }
                let (p50, p95) = percentiles(delays);
                _ = writeln!(
                    report,
                    "| {language} {name} | {} | {p50} | {p95} | {noticed}/{heard} |",
                    line.name
                );
            }
        }
    }
    let noticed = all.len();
    let (p50, p95) = percentiles(all);
    _ = writeln!(report, "| all but backchannels | all | {p50} | {p95} | {noticed}/{all_heard} |");
}

/// Of sounds that are not speech, how many were noticed as speech while the agent speaks.
fn false_table(report: &mut String, sounds: &[Sound], detector: Detector) {
    _ = writeln!(report, "\n{detector:?}: other sounds noticed as speech\n");
    _ = write!(report, "| sound |");
    for line in LINES {
        _ = write!(report, " {} |", line.name);
    }
    _ = writeln!(report, "\n|---|{}", "---|".repeat(LINES.len()));
    for sound in sounds.iter().filter(|sound| sound.speaker.is_empty()) {
        _ = write!(report, "| {} |", sound.kind);
        for line in LINES {
            let scenes = scenes(sound, line);
            let noticed = scenes.iter().filter(|scene| scene.notice(detector).is_some()).count();
            _ = write!(report, " {noticed}/{} |", scenes.len());
        }
        _ = writeln!(report);
    }
    _ = write!(report, "| nothing but the line, 1.5 s |");
    for line in LINES {
        let scenes: Vec<Scene> = sounds
            .iter()
            .filter(|sound| sound.speaker == "caller")
            .flat_map(|sound| scenes(sound, line))
            .collect();
        let imagined = scenes.iter().filter(|scene| scene.imagined(detector)).count();
        _ = write!(report, " {imagined}/{} |", scenes.len());
    }
    _ = writeln!(report);
}

/// Nanoseconds for each frame.
fn cost_table(report: &mut String, sounds: &[Sound]) {
    let speech: Vec<MuLaw20ms> = sounds
        .iter()
        .filter(|sound| sound.speaker == "caller")
        .flat_map(|sound| MuLaw20ms::split(&mu_law(&sound.samples)).0.collect::<Vec<_>>())
        .collect();
    let noise: Vec<MuLaw20ms> = {
        let mut chance = Chance::new(7);
        let hiss: Vec<f32> = (0..RATE * 4).map(|_| chance.next() * 60.0).collect();
        MuLaw20ms::split(&mu_law(&hiss)).0.collect()
    };
    let zeros = vec![MuLaw20ms::QUIET; 400];
    _ = writeln!(report, "\ncost of a frame, ns\n");
    _ = writeln!(
        report,
        "| detector | zeros | steady hiss | speech | speech while the agent speaks |\n|---|---|---|---|---|"
    );
    for detector in [Detector::Energy, Detector::Earshot, Detector::EarshotAndNnnoiseless] {
        let cost = |frames: &[MuLaw20ms], agent| {
            let mut ear = Ear::new(detector);
            let mut best = u128::MAX;
            for _ in 0..5 {
                #[expect(clippy::disallowed_methods, reason = "a benchmark reads the clock")]
                let began = Instant::now();
                for frame in frames {
                    black_box(ear.hear(black_box(frame), agent));
                }
                best = best.min(began.elapsed().as_nanos() / frames.len() as u128);
            }
            best
        };
        _ = writeln!(
            report,
            "| {detector:?} | {} | {} | {} | {} |",
            cost(&zeros, false),
            cost(&noise, false),
            cost(&speech, false),
            cost(&speech, true)
        );
    }
}

/// A line over which is heard.
#[derive(Clone, Copy)]
struct Line {
    name: &'static str,
    /// How far the noise is below the speech, in dB; `None` for a line of zeros.
    noise_db: Option<f32>,
}

const LINES: [Line; 3] = [
    Line { name: "clean", noise_db: None },
    Line { name: "20 dB", noise_db: Some(20.0) },
    Line { name: "10 dB", noise_db: Some(10.0) },
];

/// What an ear is given, and where the sound begins in it.
struct Scene {
    frames: Vec<MuLaw20ms>,
    onset: usize,
}

impl Scene {
    /// Milliseconds from the onset to the end of the first frame after it at which speech was noticed.
    fn notice(&self, detector: Detector) -> Option<usize> {
        let noticed = |(at, noticed): (usize, bool)| noticed.then(|| (at + 1) * MuLaw20ms::LEN);
        let after = |end: &usize| *end > self.onset;
        let first = self.hear(detector).enumerate().filter_map(noticed).find(after);
        first.map(|end| (end - self.onset) / 8)
    }

    /// Whether speech was noticed before there was any.
    fn imagined(&self, detector: Detector) -> bool {
        self.hear(detector).take(self.onset / MuLaw20ms::LEN).any(|noticed| noticed)
    }

    fn hear(&self, detector: Detector) -> impl Iterator<Item = bool> + '_ {
        let (mut ear, mut onset) = (Ear::new(detector), Onset::default());
        self.frames.iter().map(move |frame| onset.hear(&ear.hear(frame, true)))
    }
}

/// The sound in all its variants: voices, loudness, place within a frame, kinds of noise.
fn scenes(sound: &Sound, line: Line) -> Vec<Scene> {
    let mut scenes = Vec::new();
    // A tone played faster is another tone.
    let (lower, higher) = if sound.speaker.is_empty() { (1.0, 1.0) } else { (0.85, 1.17) };
    for (variant, (stretch, gain)) in
        [(1.0, 1.0), (1.0, 0.15), (lower, 0.5), (higher, 0.4)].into_iter().enumerate()
    {
        let sound: Vec<f32> = stretched(&sound.samples, stretch).iter().map(|sample| sample * gain).collect();
        for colour in 0..line.noise_db.map_or(1, |_| 2) {
            let mut all = vec![0.0; BEFORE + 37 * (variant + 1)];
            let onset = all.len() + onset(&sound);
            all.extend_from_slice(&sound);
            all.resize(all.len() + AFTER, 0.0);
            if let Some(db) = line.noise_db {
                let loud = active_power(&sound).sqrt() * 10_f32.powf(-db / 20.0);
                add_noise(&mut all, loud, colour == 1, variant as u64 + 1);
            }
            let bytes = mu_law(&all);
            scenes.push(Scene { frames: MuLaw20ms::split(&bytes).0.collect(), onset });
        }
    }
    scenes
}

/// Where the sound is first within 30 dB of its loudest, in samples.
fn onset(sound: &[f32]) -> usize {
    let power = |piece: &[f32]| piece.iter().map(|sample| sample * sample).sum::<f32>();
    let loudest = sound.chunks(40).map(power).fold(0.0, f32::max);
    sound.chunks(40).position(|piece| power(piece) > loudest / 1_000.0).unwrap_or(0) * 40
}

/// Mean power of what is not a pause.
fn active_power(sound: &[f32]) -> f32 {
    let powers: Vec<f32> = sound
        .chunks(160)
        .map(|piece| piece.iter().map(|s| s * s).sum::<f32>() / piece.len() as f32)
        .collect();
    let loudest = powers.iter().copied().fold(0.0, f32::max);
    let active: Vec<f32> = powers.into_iter().filter(|power| *power > loudest / 1_000.0).collect();
    active.iter().sum::<f32>() / active.len().max(1) as f32
}

fn add_noise(sound: &mut [f32], loud: f32, coloured: bool, seed: u64) {
    let mut chance = Chance::new(seed);
    let mut held = 0.0;
    let noise: Vec<f32> = (0..sound.len())
        .map(|_| {
            // The coloured noise is that of a street: most of it low.
            held = 0.9 * held + chance.next();
            if coloured { held } else { chance.next() }
        })
        .collect();
    let power = noise.iter().map(|sample| sample * sample).sum::<f32>() / noise.len() as f32;
    for (sample, noise) in sound.iter_mut().zip(noise) {
        *sample += noise * loud / power.sqrt();
    }
}

/// The sound played slower (below 1) or faster: another voice.
fn stretched(samples: &[f32], factor: f32) -> Vec<f32> {
    let length = (samples.len() as f32 / factor) as usize;
    (0..length.saturating_sub(1))
        .map(|at| {
            let place = at as f32 * factor;
            let (left, part) = (place as usize, place.fract());
            let next = samples.get(left + 1).copied().unwrap_or(0.0);
            samples[left] * (1.0 - part) + next * part
        })
        .collect()
}

fn mu_law(samples: &[f32]) -> Vec<u8> {
    samples.iter().map(|sample| g711::encode(sample.clamp(-32_767.0, 32_767.0) as i16)).collect()
}

fn percentiles(mut delays: Vec<usize>) -> (usize, usize) {
    delays.sort_unstable();
    let at =
        |share: f64| delays.get(((delays.len() as f64 - 1.0) * share).round() as usize).copied().unwrap_or(0);
    (at(0.5), at(0.95))
}

/// Numbers that look like chance and are the same in every run (xorshift).
struct Chance(u64);

impl Chance {
    fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    /// Between -1 and 1.
    fn next(&mut self) -> f32 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 40) as f32 / (1_u64 << 23) as f32 - 1.0
    }
}

/// A file of `fixtures/audio`.
struct Sound {
    language: String,
    speaker: String,
    kind: String,
    samples: Vec<f32>,
}

fn sounds() -> Vec<Sound> {
    let folder = PathBuf::from(
        std::env::var_os("FRONTDESK_FIXTURES")
            .unwrap_or_else(|| concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/audio").into()),
    );
    let index =
        std::fs::read_to_string(folder.join("index.toml")).expect("fixtures/audio/index.toml is there");
    let index: toml::Table = index.parse().expect("the index is TOML");
    let sounds = index["sound"].as_array().expect("the index lists sounds");
    sounds
        .iter()
        .map(|sound| {
            let word = |key| sound.get(key).and_then(toml::Value::as_str).unwrap_or_default().to_owned();
            let file = std::fs::read(folder.join(word("file"))).expect("every file of the index is there");
            let bytes = wav::mulaw(&file).expect("every file is mu-law");
            Sound {
                language: word("language"),
                speaker: word("speaker"),
                kind: word("kind"),
                samples: bytes.iter().map(|byte| f32::from(g711::decode(*byte))).collect(),
            }
        })
        .collect()
}
