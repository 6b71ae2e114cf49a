//! The first words.

use frontdesk::call::port::{Input, Note, Output, ToCaller, ToEngine};

use crate::support::scene::{FIRST_ITEM, OPENING, Scene, setup};

#[test]
fn the_first_words_leave_with_the_first_event_before_the_engine_is_there() {
    let mut scene = Scene::with(setup());
    scene.wait(20);
    assert_eq!(scene.when(0, |output| matches!(output, Output::ToCaller(ToCaller::Play(_)))), Some(1));
    assert_eq!(scene.when(0, |output| *output == Output::Note(Note::FirstAudio)), Some(1));
}

#[test]
fn the_engine_is_told_what_the_opening_clip_said_once_it_was_heard() {
    let mut scene = Scene::with(setup());
    scene.wait(900);
    scene.give(Input::EngineReady);
    assert!(scene.told(0).is_empty(), "not before it was heard");
    scene.wait(500);
    assert_eq!(scene.told(0), [ToEngine::AgentSaid(setup().opening)]);
    assert_eq!(scene.played_ms(u32::from(OPENING)), 1_000);
}

#[test]
fn without_a_clip_the_engine_is_asked_for_exactly_the_first_words() {
    let mut scene = Scene::with(frontdesk::call::Setup { opening_clip: None, ..setup() });
    scene.wait(300);
    assert_eq!(scene.asked(0), 0);
    scene.give(Input::EngineReady);
    assert_eq!(scene.told(0), [ToEngine::Respond { say: Some(setup().opening) }]);
}

#[test]
fn an_opening_that_the_caller_speaks_into_before_it_is_heard_is_not_lost() {
    let mut scene = Scene::with(frontdesk::call::Setup { opening_clip: None, ..setup() });
    scene.manners.thinks_ms = 600;
    scene.give(Input::EngineReady);
    scene.wait(100);
    scene.says("Hello? I would like an appointment", 1_400);
    scene.wait(7_000);
    let asked = scene.told(0);
    let openings = asked.iter().filter(|what| matches!(what, ToEngine::Respond { say: Some(_) })).count();
    let answers = asked.iter().filter(|what| matches!(what, ToEngine::Respond { say: None })).count();
    assert_eq!(openings, 2, "asked for again after the caller spoke: {asked:?}");
    assert_eq!(answers, 1, "and then the caller is answered, once");
    assert_eq!(scene.played_ms(FIRST_ITEM + 1), 4_000, "the opening was heard whole");
}

#[test]
fn a_caller_who_speaks_over_the_opening_clip_silences_it_and_is_answered() {
    let mut scene = Scene::answered();
    scene.wait(400);
    scene.says("I would like an appointment please", 1_200);
    assert_eq!(scene.clears(0), 1);
    scene.wait(2_000);
    let told = scene.told(0);
    let Some(ToEngine::AgentSaid(words)) = told.first() else { panic!("{told:?}") };
    assert!(setup().opening.0.starts_with(&words.0) && words.0.len() < setup().opening.0.len());
    assert_eq!(scene.asked(0), 1);
}
