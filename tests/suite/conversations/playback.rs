//! What is let out, and what counts as heard.

use frontdesk::{
    call::{
        playback::{LEAD_MS_MAX, MARK_WAIT_MS_MAX, Playback, Source},
        port::{Input, ItemId, Mark, Note, Output, Sound, ToCaller},
    },
    domain::time::CallTime,
};

use crate::support::scene::{Scene, sound};

fn let_out(outputs: &[Output]) -> u64 {
    let millis = |output: &Output| match output {
        Output::ToCaller(ToCaller::Play(Sound(bytes))) => bytes.len() as u64 / 8,
        _ => 0,
    };
    outputs.iter().map(millis).sum()
}

fn marks(outputs: &[Output]) -> Vec<Mark> {
    let mark = |output: &Output| match output {
        Output::ToCaller(ToCaller::Mark(mark)) => Some(*mark),
        _ => None,
    };
    outputs.iter().filter_map(mark).collect()
}

#[test]
fn the_agent_is_let_out_200_to_400_ms_ahead_of_the_ear_in_whole_frames() {
    let scene = Scene::agent_has_spoken(2_000);
    let mut sent: i64 = 0;
    let began = scene.turns().len(); // The opening and the question are over.
    assert_eq!(began, 2);
    for (_, output) in &scene.story {
        if let Output::ToCaller(ToCaller::Play(Sound(bytes))) = output {
            assert_eq!(bytes.len() % 160, 0);
            assert!(bytes.len() <= 200 * 8);
            sent += bytes.len() as i64 / 8;
        }
    }
    let ahead = sent - 1_000 - 2_000;
    assert!((200..=400 + 60).contains(&ahead), "{ahead} ms ahead of the ear");
}

#[test]
fn every_piece_of_sound_is_followed_by_its_mark() {
    let mut out = std::collections::VecDeque::new();
    let mut playback = Playback::default();
    playback.push(Source::Engine(ItemId(1)), &sound(1, 1_000).0);
    playback.complete(Source::Engine(ItemId(1)));
    assert!(playback.pump(CallTime(0), &mut out, |_, _| {}).any);
    let out: Vec<Output> = out.into();
    assert_eq!(let_out(&out), LEAD_MS_MAX);
    let ends: Vec<u64> = marks(&out).iter().map(|mark| mark.end_ms).collect();
    assert_eq!(ends, [40, 240, 400]);
}

#[test]
fn marks_of_before_a_clear_count_for_nothing() {
    let mut out = std::collections::VecDeque::new();
    let mut playback = Playback::default();
    playback.push(Source::Engine(ItemId(1)), &sound(1, 1_000).0);
    playback.pump(CallTime(0), &mut out, |_, _| {});
    let old = marks(&Vec::from(out.clone()));
    playback.pause(CallTime(50), &mut out);
    for mark in old {
        playback.played(mark, CallTime(60));
    }
    assert_eq!(playback.cut()[0].heard_ms, 0);
}

#[test]
fn a_sound_that_is_no_whole_frame_is_played_to_its_end_and_never_credited_beyond_it() {
    let mut out = std::collections::VecDeque::new();
    let mut playback = Playback::default();
    playback.push(Source::Engine(ItemId(1)), &[7; 1_001]);
    playback.complete(Source::Engine(ItemId(1)));
    playback.pump(CallTime(0), &mut out, |_, _| {});
    for mark in marks(&Vec::from(out)) {
        playback.played(mark, CallTime(200));
    }
    let over = playback.next_over().unwrap();
    assert_eq!((over.generated_ms, over.heard_ms, over.whole), (125, 125, true));
}

#[test]
fn sound_that_left_too_late_to_follow_without_a_gap_is_heard_by_its_mark_only() {
    let mut out = std::collections::VecDeque::new();
    let mut playback = Playback::default();
    playback.push(Source::Engine(ItemId(1)), &sound(1, 100).0);
    playback.pump(CallTime(0), &mut out, |_, _| {});
    playback.push(Source::Engine(ItemId(1)), &sound(1, 100).0);
    playback.pump(CallTime(150), &mut out, |_, _| {}); // The ear ran dry at 100.
    playback.played(marks(&Vec::from(out.clone()))[0], CallTime(160));
    playback.pause(CallTime(400), &mut out);
    assert_eq!(playback.cut()[0].heard_ms, 100);
}

#[test]
fn what_is_kept_is_bounded_however_much_an_engine_sends() {
    let mut playback = Playback::default();
    for item in 0..1_000 {
        playback.push(Source::Engine(ItemId(item)), &sound(1, 1_000).0);
    }
    assert!(playback.unheard_ms() <= 180_000);
    let dropped = playback.push(Source::Engine(ItemId(0)), &sound(1, 600_000).0);
    assert!(dropped > 400_000, "and says so");
}

#[test]
fn a_turn_whose_marks_never_return_ends_by_timer() {
    let mut scene = Scene::answered();
    scene.lose_marks();
    scene.wait(1_000 + MARK_WAIT_MS_MAX + 200);
    assert!(!scene.call.agent_speaking());
    let limit = |output: &Output| matches!(output, Output::Note(Note::Limit("mark_wait_ms_max")));
    assert!(scene.when(0, limit).is_some());
    assert!(scene.turns()[0].heard_ms < 1_000, "what was not receipted was not heard");
}

#[test]
fn an_agent_that_is_heard_to_its_end_is_recorded_as_heard() {
    let mut scene = Scene::agent_has_spoken(100);
    scene.wait(6_000);
    let turn = scene.turns().pop().unwrap();
    assert_eq!((turn.generated_ms, turn.heard_ms, turn.interrupted), (4_000, 4_000, false));
    assert_eq!(turn.text, turn.heard_text);
    assert!(turn.first_audio_ms.is_some_and(|ms| (800..1_100).contains(&ms)), "{:?}", turn.first_audio_ms);
}

#[test]
fn a_foreign_mark_is_harmless() {
    let mut scene = Scene::agent_has_spoken(500);
    let at = scene.now;
    for piece in 0..5 {
        scene.give(Input::Played(Mark { piece, end_ms: 3_999, generation: 0 }));
        scene.give(Input::Played(Mark { piece, end_ms: u64::MAX, generation: 7 }));
    }
    scene.says("no stop please I wanted to say something", 1_000);
    assert_eq!(scene.clears(at), 1); // And the scene has checked what was credited.
}
