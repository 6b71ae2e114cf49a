//! Callers who are passed on to a person.

use std::collections::BTreeMap;

use frontdesk::{
    call::{
        Setup,
        port::{Input, Output, ToEngine, Words},
    },
    domain::{assistant::Language, conversation::Outcome, phrases::Phrase},
};

use crate::support::scene::{CLIP, FIRST_ITEM, Scene, setup};

/// A conversation that has begun, with nobody speaking.
fn begun() -> Scene {
    let mut scene = Scene::answered();
    scene.wait(1_500);
    scene
}

fn let_go(scene: &Scene) -> Option<u64> {
    scene.when(0, |output| matches!(output, Output::HangUp(Outcome::Transferred)))
}

#[test]
fn the_line_is_let_go_of_once_the_caller_has_heard_that_a_person_is_rung() {
    let mut scene = begun();
    let at = scene.now;
    scene.give(Input::PassOn);
    scene.wait(400);
    assert_eq!(scene.phrases(at), [Phrase::PassingOn]);
    assert_eq!(let_go(&scene), None, "not before it was heard");
    scene.wait(600);
    assert_eq!(scene.played_ms(u32::from(CLIP)), 500);
    assert!(let_go(&scene).is_some());
    assert!(scene.call.ended());
}

#[test]
fn what_the_agent_is_saying_is_said_before_the_caller_is_passed_on() {
    let mut scene = Scene::agent_has_spoken(900);
    scene.give(Input::PassOn);
    scene.wait(8_000);
    let spoken = scene.turns();
    assert!(spoken.iter().filter(|turn| turn.heard_ms > 0).all(|turn| !turn.interrupted), "{spoken:?}");
    assert_eq!(spoken.last().unwrap().heard_text, Phrase::PassingOn.words(Language::English));
    assert!(let_go(&scene).is_some());
    assert!(scene.played_ms(FIRST_ITEM) > 900);
}

#[test]
fn a_caller_who_speaks_into_it_is_passed_on_all_the_same() {
    let mut scene = begun();
    scene.give(Input::PassOn);
    scene.says("oh and one more thing please", 1_000);
    scene.wait(2_000);
    assert!(let_go(&scene).is_some());
}

#[test]
fn without_a_recorded_sentence_the_model_is_asked_for_exactly_that_one() {
    let mut scene = Scene::with(Setup { clips: BTreeMap::new(), ..setup() });
    scene.give(Input::EngineReady);
    scene.wait(1_500);
    let at = scene.now;
    scene.give(Input::PassOn);
    scene.wait(10);
    let words = Words(Phrase::PassingOn.words(Language::English).to_owned());
    assert!(scene.told(at).contains(&ToEngine::Respond { say: Some(words) }), "{:?}", scene.told(at));
    scene.wait(6_000);
    assert!(let_go(&scene).is_some());
}

#[test]
fn a_sentence_whose_marks_never_return_holds_nobody_up_for_ever() {
    let mut scene = begun();
    scene.give(Input::PassOn);
    scene.lose_marks();
    scene.wait(13_000);
    assert!(let_go(&scene).is_some());
}

#[test]
fn whoever_is_being_hung_up_on_is_not_passed_on() {
    let mut scene = begun();
    scene.give(Input::Dismiss);
    scene.give(Input::PassOn);
    scene.wait(3_000);
    assert_eq!(scene.outcome(), Some(Outcome::Dismissed));
}
