//! Sound: frames, μ-law, rates, files, and the recorded sentences.

use std::{collections::HashSet, io::Cursor, path::PathBuf};

use frontdesk::{
    audio::{
        MuLaw20ms,
        frames::Cutter,
        g711, opus,
        resample::{Rate, Resample},
        vad::{Detector, Ear, Onset, Voice},
        wav,
    },
    domain::{
        assistant::Language::{English, German},
        phrases::Phrase,
        spoken,
    },
};
use proptest::prelude::*;

// μ-law

#[test]
fn every_mu_law_byte_decodes_as_the_formula_says() {
    for byte in 0..=255_u8 {
        assert_eq!(f64::from(g711::decode(byte)), decoded_by_formula(byte), "byte {byte:#04x}");
    }
}

#[test]
fn every_mu_law_byte_survives_a_round_trip_but_for_the_sign_of_zero() {
    for byte in 0..=255_u8 {
        let back = g711::encode(g711::decode(byte));
        assert_eq!(back, if byte == 0x7f { 0xff } else { byte });
    }
}

#[test]
fn silence_is_silent() {
    assert_eq!(g711::decode(MuLaw20ms::SILENCE), 0);
    assert!(MuLaw20ms::QUIET.is_quiet());
    assert!(MuLaw20ms::new([0x7f; 160]).is_quiet());
    let mut nearly = [0xff; 160];
    nearly[80] = 0xfe;
    assert!(!MuLaw20ms::new(nearly).is_quiet());
}

#[test]
fn a_frame_in_a_log_says_nothing_of_what_was_said() {
    assert_eq!(format!("{:?}", MuLaw20ms::padded(b"secret words")), "MuLaw20ms(…)");
}

proptest! {
    #[test]
    fn encoding_follows_the_decision_values_of_the_formula(sample: i16) {
        // A code stands for the magnitudes from its own decision value up to that of the next.
        let edge = |code: i32| f64::from(16 + code % 16) * f64::from(code / 16 + 3).exp2() - 132.0;
        let byte = g711::encode(sample);
        let magnitude = f64::from(if sample < 0 { !sample } else { sample });
        let code = i32::from(!byte & 0x7f);
        prop_assert_eq!(byte & 0x80 == 0, sample < 0);
        prop_assert!(edge(code) <= magnitude || code == 0, "{sample} is below the values of {byte:#04x}");
        prop_assert!(magnitude < edge(code + 1) || code == 127, "{sample} is above the values of {byte:#04x}");
    }

    #[test]
    fn a_stream_cut_in_any_pieces_keeps_every_byte_in_order(pieces in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..700), 0..12)) {
        let mut cutter = Cutter::new();
        let mut whole = Vec::new();
        for piece in &pieces {
            cutter.cut_into(piece, &mut whole);
            prop_assert_eq!(whole.len() % MuLaw20ms::LEN, 0);
            prop_assert!(cutter.held() < MuLaw20ms::LEN);
        }
        let said = pieces.concat();
        prop_assert_eq!(whole.len(), said.len() / MuLaw20ms::LEN * MuLaw20ms::LEN);
        if let Some(last) = cutter.end() {
            whole.extend_from_slice(last.as_bytes());
        }
        prop_assert!(whole.starts_with(&said));
        prop_assert!(whole[said.len()..].iter().all(|byte| *byte == MuLaw20ms::SILENCE));
        prop_assert!(cutter.end().is_none());
    }

    #[test]
    fn a_stream_resampled_in_any_pieces_is_the_same_stream(lengths in prop::collection::vec(1..900_usize, 1..12), up: bool) {
        let (from, to) = if up { (Rate::Khz8, Rate::Khz24) } else { (Rate::Khz24, Rate::Khz8) };
        let said = tone(700.0, from.hz(), lengths.iter().sum());
        let whole = resampled(from, to, [&said[..]]);
        let mut rest = &said[..];
        let pieces: Vec<&[i16]> = lengths.iter().map(|length| rest.split_off(..*length).unwrap()).collect();
        prop_assert_eq!(&resampled(from, to, pieces), &whole);
        prop_assert_eq!(whole.len(), said.len() * to.hz() / from.hz());
    }
}

#[test]
fn a_reply_that_is_cut_off_leaves_nothing_in_the_next_one() {
    let mut cutter = Cutter::new();
    cutter.cut(&[1; 100], |_| panic!("no frame is whole"));
    cutter.clear();
    let mut frames = Vec::new();
    cutter.cut(&[2; 160], |frame| frames.push(frame));
    assert_eq!(frames, [MuLaw20ms::new([2; 160])]);

    let mut resample = Resample::new(Rate::Khz8, Rate::Khz16);
    let mut out = Vec::new();
    resample.push(&[20_000; 1_000], &mut out);
    resample.reset();
    out.clear();
    resample.push(&[0; 1_000], &mut out);
    resample.flush(&mut out);
    assert_eq!(out, vec![0; 2_000]);
}

// Rates

/// Loudness of what comes out, in dB against what went in, for a tone of `hz` given at `from`.
fn gain_db(from: Rate, to: Rate, hz: f64) -> f64 {
    let said = tone(hz, from.hz(), from.hz());
    let heard = resampled(from, to, [&said[..]]);
    let middle = |samples: &[i16], rate: usize| power(&samples[rate / 4..rate * 3 / 4]);
    10.0 * (middle(&heard, to.hz()) / middle(&said, from.hz())).max(1e-12).log10()
}

#[test]
fn speech_passes_from_one_rate_to_another_unchanged() {
    for (from, to) in [
        (Rate::Khz8, Rate::Khz16),
        (Rate::Khz8, Rate::Khz24),
        (Rate::Khz16, Rate::Khz8),
        (Rate::Khz24, Rate::Khz8),
    ] {
        for hz in (100..=3_400).step_by(100) {
            let gain = gain_db(from, to, f64::from(hz));
            assert!(gain.abs() < 0.1, "{from:?} to {to:?}: {gain:.2} dB at {hz} Hz, more than ±0.1 dB");
        }
    }
}

#[test]
fn nothing_above_the_telephones_band_folds_into_it() {
    for (from, hz_max) in [(Rate::Khz16, 7_900), (Rate::Khz24, 11_900)] {
        for hz in (4_500..=hz_max).step_by(100) {
            let gain = gain_db(from, Rate::Khz8, f64::from(hz));
            assert!(gain < -70.0, "{from:?}: {hz} Hz comes back at {gain:.1} dB, above -70 dB");
        }
    }
}

#[test]
fn no_mirror_image_appears_above_the_telephones_band() {
    for to in [Rate::Khz16, Rate::Khz24] {
        for hz in (200..=3_400).step_by(200) {
            let said = tone(f64::from(hz), 8_000, 8_000);
            let heard = resampled(Rate::Khz8, to, [&said[..]]);
            let heard = &heard[to.hz() / 4..to.hz() * 3 / 4];
            let rest = power(heard) - power_at(heard, f64::from(hz), to.hz());
            let db = 10.0 * (rest.max(0.0) / power(heard)).max(1e-12).log10();
            assert!(db < -60.0, "{to:?}: besides {hz} Hz there is {db:.1} dB of other sound, above -60 dB");
        }
    }
}

// Files

#[test]
fn a_recording_comes_back_from_its_file_sample_by_sample() {
    let said: Vec<[i16; 2]> = (0..12_345).map(|at| [at as i16, -(at as i16)]).collect();
    let file = recording(&said);
    let mut reader = wav::Reader::new(&file[..]).unwrap();
    assert_eq!(reader.len(), said.len() as u64);
    let mut back = vec![[0; 2]; said.len() + 10];
    assert_eq!(reader.read(&mut back).unwrap(), said.len());
    assert_eq!(&back[..said.len()], said);
}

#[test]
fn a_recording_cut_short_or_of_another_kind_is_refused() {
    let file = recording(&[[1, 2]; 1_000]);
    let mut reader = wav::Reader::new(&file[..file.len() - 999]).unwrap();
    assert!(reader.read(&mut vec![[0; 2]; 1_000]).is_err());
    assert!(wav::Reader::new(&b"not a file at all"[..]).is_err());
    assert!(matches!(wav::mulaw(&file), Err(wav::Error::OtherKind(_))));
    assert!(wav::mulaw(&file[..20]).is_err());
    let sentence = std::fs::read(fixtures().join("en/caller/stop.wav")).unwrap();
    assert!(wav::Reader::new(&sentence[..]).is_err());
    assert!(matches!(wav::mulaw(&sentence[..sentence.len() - 1]), Err(wav::Error::Cut)));
}

#[test]
fn an_archived_recording_is_as_long_as_it_was_and_keeps_the_sides_apart() {
    let caller = sentence("de/caller/guten-tag-ich-haette-gern-einen-termin.wav");
    let agent = sentence("de/agent/praxis-doktor-sommer-guten-tag.wav");
    // One after the other: whatever is heard on the other side meanwhile has leaked there.
    let quiet = |samples: &[i16]| vec![0; samples.len()];
    let left = [&caller[..], &quiet(&agent)].concat();
    let right = [&quiet(&caller)[..], &agent].concat();
    let said: Vec<[i16; 2]> = left.iter().zip(&right).map(|(left, right)| [*left, *right]).collect();
    let mut archive = Vec::new();
    let samples = opus::encode(&mut wav::Reader::new(&recording(&said)[..]).unwrap(), &mut archive).unwrap();
    assert_eq!(samples, said.len() as u64);
    assert!(
        archive.len() * 6 < said.len() * 4,
        "{} bytes of {} are hardly fewer",
        archive.len(),
        said.len() * 4
    );

    let mut back = Vec::new();
    let length = opus::decode(Cursor::new(&archive), |piece| back.extend_from_slice(piece)).unwrap();
    assert_eq!((length, back.len()), (samples, said.len()));
    assert_eq!(opus::length(Cursor::new(&archive)).unwrap(), samples);
    let side = |at: usize| back.iter().map(|sample| f64::from(sample[at]) * 32_768.0).collect::<Vec<_>>();
    for (side, said) in [(side(0), &left), (side(1), &right)] {
        let (shift, likeness) = alignment(&side, said);
        assert!(shift.abs() <= 2, "the archive is {shift} samples late");
        assert!(likeness > 0.9, "the archive is only {likeness:.2} like the original");
    }
    let loud =
        |samples: &[f64]| samples.iter().map(|sample| sample * sample).sum::<f64>() / samples.len() as f64;
    let (end, leak) = (caller.len() - 800, 800);
    let apart = 10.0 * (loud(&side(0)[leak..end]) / loud(&side(1)[leak..end]).max(1e-9)).log10();
    assert!(apart > 20.0, "the caller is heard on the agent's side, {apart:.1} dB below");
}

#[test]
fn recordings_of_any_length_survive_the_archive() {
    for length in [0, 1, 107, 108, 109, 159, 160, 161, 268, 8_000, 80_107] {
        let said = vec![[1_000, -1_000]; length];
        let mut archive = Vec::new();
        let samples =
            opus::encode(&mut wav::Reader::new(&recording(&said)[..]).unwrap(), &mut archive).unwrap();
        assert_eq!(samples, length as u64);
        assert_eq!(opus::length(Cursor::new(&archive)).unwrap(), length as u64, "of a recording of {length}");
    }
}

#[test]
fn a_damaged_archive_is_noticed() {
    let mut archive = Vec::new();
    opus::encode(&mut wav::Reader::new(&recording(&[[500, 0]; 16_000])[..]).unwrap(), &mut archive).unwrap();
    assert!(opus::length(Cursor::new(&archive[..archive.len() / 2])).is_err());
    assert!(opus::length(Cursor::new(&archive[..0])).is_err());
    assert!(opus::length(Cursor::new(b"nothing of the kind".repeat(20))).is_err());
    let middle = archive.len() / 2;
    archive[middle] ^= 0x55;
    assert!(opus::length(Cursor::new(&archive)).is_err());
}

// Hearing

#[test]
fn a_silent_line_is_heard_as_nothing() {
    for detector in DETECTORS {
        let mut ear = Ear::new(detector);
        for _ in 0..100 {
            assert_eq!(ear.hear(&MuLaw20ms::QUIET, true), Voice::SILENT);
        }
    }
}

#[test]
fn speech_is_noticed_before_its_first_syllable_is_over() {
    for detector in DETECTORS {
        let mut delays = Vec::new();
        for sound in index().iter().filter(|sound| sound.speaker == "caller" && sound.kind != "backchannel") {
            let heard = hear(detector, &sound.file);
            let noticed = heard.iter().position(|(_, noticed)| *noticed);
            // Before the sound there are as many frames as BEFORE says.
            let frames = noticed.unwrap_or_else(|| panic!("{detector:?} does not notice {}", sound.file));
            delays.push((frames + 1).checked_sub(BEFORE).expect("nothing is noticed in silence") * 20);
        }
        delays.sort_unstable();
        let (half, most) = (delays[delays.len() / 2], delays[delays.len() * 95 / 100]);
        assert!(half <= 60 && most <= 140, "{detector:?}: p50 {half} ms, p95 {most} ms of {}", delays.len());
    }
}

#[test]
fn a_cough_a_breath_or_a_click_is_not_taken_for_speech() {
    for kind in ["double-cough", "sneeze", "breath", "click", "pink-noise"] {
        for (at, (voice, noticed)) in
            hear(Detector::default(), &format!("sound/{kind}.wav")).iter().enumerate()
        {
            assert!(!noticed, "{kind} is noticed as speech in frame {at}");
            assert!(!voice.is_hum(), "{kind} is taken for a hum in frame {at}");
        }
    }
}

#[test]
fn a_key_pressed_is_a_tone_at_once_and_never_speech() {
    for key in ["key-1", "key-5", "key-hash"] {
        let heard = hear(Detector::default(), &format!("sound/{key}.wav"));
        assert!(!heard.iter().any(|(_, noticed)| *noticed), "{key} is noticed as speech");
        let tones = heard.iter().filter(|(voice, _)| voice.tone).count();
        assert!((6..=9).contains(&tones), "{key} sounds for 160 ms and is a tone for {tones} frames");
    }
}

#[test]
fn a_sound_that_goes_on_and_on_becomes_the_background() {
    let hum = tone(120.0, 8_000, 32_000).iter().map(|sample| sample / 8).collect();
    let mut chance = 1_u32;
    let hiss: Vec<i16> = (0..32_000)
        .map(|_| {
            chance = chance.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            ((chance >> 20) as i16 - 2_048) / 4
        })
        .collect();
    for sound in [hum, hiss] {
        let mut bytes = Vec::new();
        g711::encode_to(&sound, &mut bytes);
        let mut ear = Ear::new(Detector::default());
        let heard: Vec<Voice> = MuLaw20ms::split(&bytes).0.map(|frame| ear.hear(&frame, false)).collect();
        assert!(heard[0].active);
        let later = heard[100..].iter().filter(|voice| voice.active).count();
        assert_eq!(later, 0, "after two seconds it is still listened to");
    }
}

#[test]
fn a_hum_is_told_from_open_speech() {
    for sound in index().iter().filter(|sound| sound.speaker == "caller") {
        let heard = hear(Detector::default(), &sound.file);
        let voiced = heard.iter().filter(|(voice, _)| voice.active && voice.voiced >= 0.6).count();
        let hums = heard.iter().filter(|(voice, _)| voice.is_hum()).count();
        let hummed = ["Mm-hm.", "Mhm.", "Hm."].contains(&sound.words.as_str());
        let mostly = hums * 10 >= voiced * 7;
        assert_eq!(
            mostly && voiced > 3,
            hummed,
            "{}: {hums} of {voiced} voiced frames are a hum",
            sound.file
        );
    }
}

#[test]
fn an_ear_hears_the_same_whatever_it_is_asked_afterwards() {
    let once = hear(Detector::Earshot, "en/caller/hold-on-please.wav");
    let again = hear(Detector::Earshot, "en/caller/hold-on-please.wav");
    assert_eq!(once, again);
}

const DETECTORS: [Detector; 3] = [Detector::Energy, Detector::Earshot, Detector::EarshotAndNnnoiseless];

/// Frames of silence before a sound that is heard.
const BEFORE: usize = 20;

/// What an ear makes of a recorded sound while the agent speaks, and whether speech is noticed, frame by frame.
fn hear(detector: Detector, file: &str) -> Vec<(Voice, bool)> {
    let file = std::fs::read(fixtures().join(file)).unwrap();
    let bytes = [&[0xff; BEFORE * 160], wav::mulaw(&file).unwrap(), &[0xff; 3_200]].concat();
    let (mut ear, mut onset) = (Ear::new(detector), Onset::default());
    let (frames, _) = MuLaw20ms::split(&bytes);
    frames.map(|frame| ear.hear(&frame, true)).map(|voice| (voice, onset.hear(&voice))).collect()
}

// Recorded sentences

#[test]
fn every_sentence_in_the_index_is_there_and_every_file_is_in_the_index() {
    let index = index();
    for sound in &index {
        let file = std::fs::read(fixtures().join(&sound.file)).unwrap();
        let bytes = wav::mulaw(&file).unwrap_or_else(|error| panic!("{}: {error}", sound.file));
        assert!(bytes.len() > 90, "{} is {} samples long", sound.file, bytes.len());
        let loudest = bytes.iter().map(|byte| i32::from(g711::decode(*byte)).abs()).max().unwrap();
        assert!((1_000..32_000).contains(&loudest), "{} peaks at {loudest}", sound.file);
    }
    let listed: HashSet<PathBuf> = index.iter().map(|sound| fixtures().join(&sound.file)).collect();
    assert_eq!(listed.len(), index.len());
    assert_eq!(listed, wav_files(&fixtures()));
}

#[test]
fn everything_the_server_says_by_itself_is_recorded() {
    let index = index();
    for (language, code) in [(German, "de"), (English, "en")] {
        let said: HashSet<&str> = index
            .iter()
            .filter(|sound| sound.language == code && sound.speaker == "agent")
            .map(|sound| sound.words.as_str())
            .collect();
        for phrase in PHRASES {
            assert!(said.contains(phrase.words(language)), "{code}: {phrase:?} is not recorded");
        }
        let timetable = |piece: &String| {
            code == "en"
                || !(1..60).filter(|minute| minute % 5 != 0).any(|minute| german_minute(minute) == *piece)
        };
        for piece in spoken::vocabulary(language).iter().filter(|piece| timetable(piece)) {
            assert!(said.contains(piece.as_str()), "{code}: {piece:?} is not recorded");
        }
    }
}

const PHRASES: [Phrase; 14] = [
    Phrase::Disclosure,
    Phrase::RecordingQuestion,
    Phrase::StillThere,
    Phrase::StillThereAgain,
    Phrase::SilenceGoodbye,
    Phrase::OneMinuteLeft,
    Phrase::TimeIsUp,
    Phrase::OneMoment,
    Phrase::StillWorking,
    Phrase::OfferCallBack,
    Phrase::Apology,
    Phrase::UnknownNumber,
    Phrase::AllBusy,
    Phrase::Drained,
];

// Helpers

/// ITU-T G.711's μ-law as a formula: seven segments, each twice as steep as the one before, sixteen steps each.
fn decoded_by_formula(byte: u8) -> f64 {
    let code = 255 - byte;
    let (sign, segment, step) = (code / 128, f64::from(code % 128 / 16), f64::from(code % 16));
    let magnitude = ((step + 16.5) * segment.exp2() - 16.5) * 8.0;
    if sign == 1 { -magnitude } else { magnitude }
}

fn german_minute(minute: i8) -> String {
    let time = jiff::civil::time(1, minute, 0, 0);
    spoken::time(time, German).strip_prefix("um ein Uhr ").unwrap().to_owned()
}

fn tone(hz: f64, rate: usize, length: usize) -> Vec<i16> {
    let step = std::f64::consts::TAU * hz / rate as f64;
    (0..length).map(|at| ((at as f64 * step).sin() * 12_000.0).round() as i16).collect()
}

fn power(samples: &[i16]) -> f64 {
    samples.iter().map(|sample| f64::from(*sample).powi(2)).sum::<f64>() / samples.len() as f64
}

/// The power of a tone of `hz` within `samples`.
fn power_at(samples: &[i16], hz: f64, rate: usize) -> f64 {
    let step = std::f64::consts::TAU * hz / rate as f64;
    let (mut sine, mut cosine) = (0.0, 0.0);
    for (at, sample) in samples.iter().enumerate() {
        sine += f64::from(*sample) * (at as f64 * step).sin();
        cosine += f64::from(*sample) * (at as f64 * step).cos();
    }
    2.0 * (sine * sine + cosine * cosine) / (samples.len() as f64).powi(2)
}

fn resampled<'a>(from: Rate, to: Rate, pieces: impl IntoIterator<Item = &'a [i16]>) -> Vec<i16> {
    let mut resample = Resample::new(from, to);
    let mut out = Vec::new();
    for piece in pieces {
        resample.push(piece, &mut out);
    }
    resample.flush(&mut out);
    out
}

fn recording(said: &[[i16; 2]]) -> Vec<u8> {
    let mut writer = wav::Writer::new(Vec::new(), said.len() as u64).unwrap();
    for piece in said.chunks(999) {
        writer.write(piece).unwrap();
    }
    writer.into_inner()
}

/// By how many samples `heard` is later than `said`, and how like each other they are then (1 is the same).
fn alignment(heard: &[f64], said: &[i16]) -> (isize, f64) {
    let likeness = |shift: isize| {
        let (mut product, mut one, mut other) = (0.0, 1e-9, 1e-9);
        for (at, said) in said.iter().enumerate() {
            let Some(heard) = at.checked_add_signed(shift).and_then(|at| heard.get(at)) else { continue };
            let said = f64::from(*said);
            product += heard * said;
            one += heard * heard;
            other += said * said;
        }
        product / (one * other).sqrt()
    };
    (-40..=40).map(|shift| (shift, likeness(shift))).max_by(|one, other| one.1.total_cmp(&other.1)).unwrap()
}

struct Sound {
    file: String,
    language: String,
    speaker: String,
    kind: String,
    words: String,
}

fn fixtures() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fixtures/audio")
}

fn index() -> Vec<Sound> {
    let text = std::fs::read_to_string(fixtures().join("index.toml")).unwrap();
    let table: toml::Table = text.parse().unwrap();
    let word = |sound: &toml::Value, key: &str| {
        sound.get(key).and_then(toml::Value::as_str).unwrap_or_default().to_owned()
    };
    let sounds = table["sound"].as_array().unwrap();
    sounds
        .iter()
        .map(|sound| Sound {
            file: word(sound, "file"),
            language: word(sound, "language"),
            speaker: word(sound, "speaker"),
            kind: word(sound, "kind"),
            words: word(sound, "words"),
        })
        .collect()
}

fn sentence(file: &str) -> Vec<i16> {
    let file = std::fs::read(fixtures().join(file)).unwrap();
    wav::mulaw(&file).unwrap().iter().map(|byte| g711::decode(*byte)).collect()
}

fn wav_files(folder: &std::path::Path) -> HashSet<PathBuf> {
    let mut found = HashSet::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(wav_files(&path));
        } else if path.extension().is_some_and(|ending| ending == "wav") {
            found.insert(path);
        }
    }
    found
}
