//! Callers on hold, and agents who are made deaf.

use frontdesk::{
    call::port::{Input, Note, Output, ToEngine},
    domain::{conversation::Outcome, phrases::Phrase, time::CallTime},
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
    let passed_on: Vec<Output> = scene.call.handle(Input::CallerAudio(SPEECH), now).collect();
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
fn an_agent_made_deaf_goes_on_speaking_and_hears_nothing_until_it_may() {
    let mut scene = Scene::agent_has_spoken(900);
    let at = scene.now;
    scene.give(Input::Mute(true));
    scene.give(Input::Mute(true));
    scene.says("no no no stop that at once", 1_500);
    assert_eq!(scene.clears(at), 0, "it is not interrupted by what it does not hear");
    scene.wait(10_000);
    assert!(!hears(&scene.told(at)));
    assert_eq!(
        (scene.asked(at), scene.phrases(at)),
        (0, vec![]),
        "nor does it ask whether the caller is there"
    );
    scene.give(Input::Mute(false));
    let at = scene.now;
    scene.says("can you hear me again", 1_200);
    scene.wait(2_000);
    assert_eq!(scene.asked(at), 1);
    assert_eq!(commanded(&scene, 0), [Note::Muted(true), Note::Muted(false)]);
}
