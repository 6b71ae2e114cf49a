//! What a frame costs on its way through the house, in nanoseconds, without sockets.
//!
//! A caller's frame: parsed, decoded, heard by the voice detector, given to the call, written as an append event.
//! An engine's delta of 200 ms: parsed, decoded, given to the call, written as media and marks.
//! Run with `cargo bench --bench frame_path`.

use std::{collections::BTreeMap, hint::black_box, sync::Arc};

use divan::{Bencher, counter::ItemsCount};
use frontdesk::{
    audio::{
        MuLaw20ms,
        vad::{Detector, Ear},
    },
    call::{
        Call, Setup,
        port::{Input, Output, Sound, ToCaller, Words},
    },
    domain::{
        assistant::{Language, TurnPolicy},
        time::CallTime,
    },
    speech::realtime::wire,
    telephony::media_stream::{self, Message},
};

fn main() {
    divan::main();
}

const DETECTORS: [&str; 3] = ["earshot_and_nnnoiseless", "earshot", "energy"];

fn detector(name: &str) -> Detector {
    match name {
        "earshot" => Detector::Earshot,
        "energy" => Detector::Energy,
        _ => Detector::EarshotAndNnnoiseless,
    }
}

/// A frame with a tone-rich sound in it, as loud as speech.
fn loud_frame(n: usize) -> [u8; MuLaw20ms::LEN] {
    std::array::from_fn(|i| {
        let t = (n * MuLaw20ms::LEN + i) as f64 / 8_000.0;
        let sample = [(140.0, 0.5), (620.0, 0.3), (1_180.0, 0.15)]
            .iter()
            .map(|(hz, gain)| gain * (t * hz * std::f64::consts::TAU).sin())
            .sum::<f64>();
        frontdesk::audio::g711::encode((sample * 9_000.0) as i16)
    })
}

fn media(n: usize, frame: &[u8]) -> String {
    format!(
        r#"{{"event":"media","sequenceNumber":"{}","media":{{"track":"inbound","chunk":"{}","timestamp":"{}","payload":"{}"}},"streamSid":"MZ{}"}}"#,
        n + 2,
        n + 1,
        n * 20,
        base64_simd::STANDARD.encode_to_string(frame),
        "0".repeat(32)
    )
}

fn call() -> Call {
    let setup = Setup {
        policy: TurnPolicy { max_duration_ms: u64::MAX / 2, ..TurnPolicy::default() },
        language: Language::German,
        opening: Words(String::new()),
        opening_clip: Some(Arc::new(Sound(Vec::new()))),
        clips: BTreeMap::new(),
        keypad: Default::default(),
    };
    let mut call = Call::answered(Arc::new(setup), CallTime(0));
    call.handle(Input::EngineReady, CallTime(0)).for_each(drop);
    call
}

/// The way of one caller's frame; `messages` are used round and round.
fn caller_frames(bencher: Bencher, messages: &[String], detector: Detector) {
    let mut call = call();
    let mut ear = Ear::new(detector);
    let mut bytes = Vec::with_capacity(1_024);
    let mut line = String::with_capacity(1_024);
    let mut n = 0;
    bencher.counter(ItemsCount::new(1u32)).bench_local(|| {
        let text = &messages[n % messages.len()];
        let Message::Media { payload, .. } = media_stream::read(text) else { return };
        bytes.clear();
        if base64_simd::STANDARD.decode_append(payload.as_bytes(), &mut bytes).is_err() {
            return;
        }
        let Some(frame) = MuLaw20ms::from_slice(&bytes) else { return };
        let voice = ear.hear(&frame, call.wants_second_opinion());
        // The call's time goes on as the caller's does.
        let spoken = CallTime(n as u64 * 20);
        call.handle(Input::CallerAudio { voice, spoken }, spoken).for_each(drop);
        line.clear();
        let _ = wire::append(&payload, &mut line);
        black_box(&line);
        n += 1;
    });
}

#[divan::bench(args = DETECTORS)]
fn caller_frame_of_silence(bencher: Bencher, name: &str) {
    let messages: Vec<String> = (0..50).map(|n| media(n, MuLaw20ms::QUIET.as_bytes())).collect();
    caller_frames(bencher, &messages, detector(name));
}

#[divan::bench(args = DETECTORS)]
fn caller_frame_of_speech(bencher: Bencher, name: &str) {
    let messages: Vec<String> = (0..50).map(|n| media(n, &loud_frame(n))).collect();
    caller_frames(bencher, &messages, detector(name));
}

#[divan::bench]
fn engine_delta_of_200_ms(bencher: Bencher) {
    let sound: Vec<u8> = (0..10).flat_map(loud_frame).collect();
    let delta = format!(
        r#"{{"type":"response.output_audio.delta","event_id":"event_1","response_id":"resp_1","item_id":"item_1","output_index":0,"content_index":0,"delta":"{}"}}"#,
        base64_simd::STANDARD.encode_to_string(&sound)
    );
    let mut call = call();
    let (mut names, mut transcript) = (wire::Names::default(), wire::Transcript::default());
    let tariff = wire::Tariff::default();
    let stream = stream_sid();
    let mut line = String::with_capacity(8_192);
    let mut also = Vec::new();
    let mut now = 0;
    call.handle(Input::ReplyBegan, CallTime(0)).for_each(drop);
    bencher.counter(ItemsCount::new(1u32)).bench_local(|| {
        let wire::Said::Input(input) = wire::read(&delta, &mut names, &mut transcript, &tariff, &mut also)
        else {
            return;
        };
        now += 200;
        let Input::ReplyAudio { item, .. } = input else { return };
        let outputs: Vec<Output> = call.handle(input, CallTime(now)).collect();
        line.clear();
        let mut marks = Vec::new();
        for output in outputs {
            if let Output::ToCaller(ToCaller::Play(sound)) = &output {
                media_stream::write_media(&stream, &sound.0, &mut line);
            }
            if let Output::ToCaller(ToCaller::Mark(mark)) = output {
                media_stream::write_mark(&stream, mark, &mut line);
                marks.push(mark);
            }
        }
        call.handle(Input::ReplyItemDone(item), CallTime(now)).for_each(drop);
        for mark in marks {
            call.handle(Input::Played(mark), CallTime(now)).for_each(drop);
        }
        black_box(&line);
    });
}

fn stream_sid() -> media_stream::StreamSid {
    let sid = format!("MZ{}", "0".repeat(32));
    let start = format!(
        r#"{{"event":"start","sequenceNumber":"1","streamSid":"{sid}","start":{{"accountSid":"AC1","streamSid":"{sid}","callSid":"CA1","tracks":["inbound"],"customParameters":{{}},"mediaFormat":{{"encoding":"audio/x-mulaw","sampleRate":8000,"channels":1}}}}}}"#
    );
    let Message::Start(start) = media_stream::read(&start) else { panic!("not a start: {start}") };
    start.stream_sid
}
