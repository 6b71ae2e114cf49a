//! Callers on hold, and agents who are silenced.

use frontdesk::{
    call::port::{Input, Note, Output, ToEngine},
    domain::{
        conversation::{Outcome, Speaker},
        phrases::Phrase,
        time::CallTime,
    },
};

use crate::support::scene::{SPEECH, Scene};

fn begun() -> Scene {
    let mut scene = Scene::answered();
    scene.wait(1_500);
    scene
}

fn hears(told: &[ToEngine]) -> bool {
    told.contains(&ToEngine::Commit)
}

fn commanded(scene: &Scene, at: u64) -> Vec<Note> {
    scene.since(at, |output| match output {
        Output::Note(note @ (Note::OnHold(_) | Note::Muted(_))) => Some(note.clone()),
        _ => None,
    })
}

#[test]
fn a_caller_on_hold_hears_so_and_then_now_and_then_that_the_line_stands() {
    let mut scene = begun();
    let at = scene.now;
    scene.give(Input::Hold);
    scene.wait(32_000);
    assert_eq!(scene.phrases(at), [Phrase::OnHold, Phrase::StillHeld, Phrase::StillHeld]);
    assert_eq!(scene.outcome(), None, "silence is not the caller's: nobody hangs up on them");
    let at = scene.now;
    scene.give(Input::Resume);
    scene.wait(1_000);
    assert_eq!(scene.phrases(at), [Phrase::HoldOver]);
    let told = scene.told(at);
    assert!(
        told.iter().any(|what| matches!(what, ToEngine::CallerDid(words) if words.0.contains("32 seconds")))
    );
    assert_eq!(commanded(&scene, 0), [Note::OnHold(true), Note::OnHold(false)]);
}

#[test]
fn on_hold_the_agent_neither_speaks_nor_listens() {
    let mut scene = Scene::agent_has_spoken(900);
    let at = scene.now;
    scene.give(Input::Hold);
    assert_eq!(scene.clears(at), 1, "what it was saying is given up");
    let now = CallTime(scene.now);
    let passed_on: Vec<Output> =
        scene.call.handle(Input::CallerAudio { voice: SPEECH, spoken: now }, now).collect();
    assert!(!passed_on.contains(&Output::ToEngine(ToEngine::Hear)), "{passed_on:?}");
    scene.says("this is none of its business", 1_500);
    scene.wait(3_000);
    assert!(!hears(&scene.told(at)), "{:?}", scene.told(at));
    assert_eq!(scene.asked(at), 0, "it answers nothing");
    scene.give(Input::Keyed('5'));
    scene.wait(3_000);
    assert_eq!(scene.asked(at), 0, "nor to keys");
}

#[test]
fn nobody_is_held_for_ever() {
    let mut scene = begun();
    scene.give(Input::Hold);
    scene.wait(601_000);
    assert_eq!(commanded(&scene, 0), [Note::OnHold(true), Note::OnHold(false)]);
    let limits: Vec<&str> = scene
        .since(0, |output| if let Output::Note(Note::Limit(limit)) = output { Some(*limit) } else { None });
    assert_eq!(limits, ["held_ms_max"]);
}

#[test]
fn a_caller_on_hold_can_be_passed_on_and_hung_up_on() {
    for (input, outcome) in [(Input::PassOn, Outcome::Transferred), (Input::Dismiss, Outcome::Dismissed)] {
        let mut scene = begun();
        scene.give(Input::Hold);
        scene.wait(2_000);
        scene.give(input);
        scene.wait(3_000);
        assert_eq!(scene.outcome(), Some(outcome));
    }
}

#[test]
fn an_agent_who_is_silenced_says_nothing_hears_on_and_answers_once_it_may() {
    let mut scene = Scene::agent_has_spoken(900);
    let at = scene.now;
    scene.give(Input::Mute(true));
    scene.give(Input::Mute(true));
    assert_eq!(scene.clears(at), 1, "what it was saying is given up");
    scene.says("there is one more thing I must tell you", 1_500);
    scene.wait(3_000);
    let turns = scene.turns();
    let last = turns.last().unwrap();
    assert_eq!(
        (last.speaker, last.text.as_str()),
        (Speaker::Caller, "there is one more thing I must tell you")
    );
    scene.wait(40_000);
    assert_eq!(
        (scene.asked(at), scene.phrases(at)),
        (0, vec![]),
        "it answers nothing, nor asks whether the caller is there"
    );
    assert_eq!(scene.outcome(), None, "the silence is not the caller's");
    let at = scene.now;
    scene.give(Input::Mute(false));
    scene.give(Input::Mute(false));
    scene.wait(2_000);
    assert_eq!(scene.asked(at), 1, "then it answers what was said meanwhile, once");
    assert_eq!(commanded(&scene, 0), [Note::Muted(true), Note::Muted(false)]);
}

#[test]
fn nobody_is_silenced_for_ever() {
    let mut scene = begun();
    scene.give(Input::Mute(true));
    scene.wait(119_000);
    assert_eq!(commanded(&scene, 0), [Note::Muted(true)]);
    let at = scene.now;
    scene.wait(3_000);
    assert_eq!(commanded(&scene, 0), [Note::Muted(true), Note::Muted(false)]);
    assert_eq!(scene.asked(at), 1, "the agent goes on by itself");
    let limits: Vec<&str> = scene
        .since(0, |output| if let Output::Note(Note::Limit(limit)) = output { Some(*limit) } else { None });
    assert_eq!(limits, ["muted_ms_max"]);
}

#[test]
fn a_silenced_agent_who_owes_the_first_words_says_them_before_anything_else() {
    let mut scene = Scene::answered();
    scene.give(Input::Mute(true));
    scene.wait(3_000);
    scene.give(Input::Mute(false));
    scene.wait(2_500);
    let first = scene.turns().into_iter().find(|turn| turn.heard_ms > 0).unwrap();
    assert!(first.heard_text.contains("automated assistant"), "{}", first.heard_text);
}

#[test]
fn first_words_that_somebody_at_the_business_cut_off_are_said_again_whole() {
    for (begin, end) in [(Input::Mute(true), Input::Mute(false)), (Input::Hold, Input::Resume)] {
        let mut scene = Scene::answered();
        scene.wait(400);
        scene.give(begin);
        scene.wait(3_000);
        assert!(!scene.call.opening_heard());
        scene.give(end);
        scene.wait(6_000);
        assert!(scene.call.opening_heard(), "{:?}", scene.turns());
    }
    let mut scene = Scene::answered();
    scene.wait(300);
    scene.says("wait wait I have a question for you", 1_500);
    scene.wait(3_000);
    scene.give(Input::Mute(true));
    scene.wait(1_000);
    scene.give(Input::Mute(false));
    scene.wait(8_000);
    assert!(!scene.call.opening_heard(), "who cut them off themselves need not hear them twice");
}

#[test]
fn a_caller_on_hold_needs_no_silenced_agent_and_a_goodbye_is_said_by_one() {
    let mut scene = begun();
    scene.give(Input::Mute(true));
    scene.give(Input::Hold);
    scene.give(Input::Mute(true));
    assert_eq!(commanded(&scene, 0), [Note::Muted(true), Note::Muted(false), Note::OnHold(true)]);
    scene.wait(1_000);
    let at = scene.now;
    scene.give(Input::Resume);
    scene.wait(1_000);
    assert_eq!(scene.phrases(at), [Phrase::HoldOver]);
    scene.give(Input::Mute(true));
    let at = scene.now;
    scene.give(Input::Dismiss);
    scene.wait(3_000);
    assert_eq!((scene.phrases(at), scene.outcome()), (vec![Phrase::Drained], Some(Outcome::Dismissed)));
}

#[test]
fn the_first_words_count_as_heard_only_when_they_were_heard_to_their_end() {
    let mut scene = Scene::answered();
    scene.wait(500);
    assert!(!scene.call.opening_heard());
    scene.wait(1_500);
    assert!(scene.call.opening_heard());
    let mut scene = Scene::answered();
    scene.wait(300);
    scene.says("wait wait I have a question for you", 1_500);
    scene.wait(10_000);
    assert!(!scene.call.opening_heard(), "what was cut off was not heard, whatever was said later");
}
