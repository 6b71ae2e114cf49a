//! How calls end.

use frontdesk::{
    call::{
        Setup,
        port::{Input, Note, Output, ReplyStatus, ToCaller},
    },
    domain::{conversation::Outcome, phrases::Phrase},
};

use crate::support::scene::{CLIP, FIRST_ITEM, Scene, setup};

fn says_goodbye(millis: u64) -> Scene {
    let mut scene = Scene::answered();
    scene.manners.answers = false;
    scene.wait(1_500);
    scene.says("thank you and goodbye", 1_000);
    scene.wait(600);
    scene.reply_with_tools(millis, vec![(1, "end_call", "{}")]);
    scene
}

fn ended_at(scene: &Scene) -> Option<u64> {
    scene.when(0, |output| matches!(output, Output::HangUp(_)))
}

#[test]
fn a_goodbye_is_heard_before_the_call_is_hung_up() {
    for millis in [1_000, 20_000] {
        let mut scene = says_goodbye(millis);
        scene.wait(millis + 500);
        assert_eq!(scene.played_ms(FIRST_ITEM), millis);
        assert_eq!(scene.outcome(), Some(Outcome::AgentLeft));
    }
}

#[test]
fn a_goodbye_whose_marks_never_return_ends_by_timer() {
    let mut scene = says_goodbye(1_000);
    scene.lose_marks();
    scene.wait(13_100);
    assert_eq!(scene.outcome(), Some(Outcome::AgentLeft));
}

#[test]
fn a_model_that_hangs_up_without_a_word_is_asked_for_its_goodbye_once() {
    let mut scene = says_goodbye(0);
    scene.wait(10);
    assert_eq!(scene.asked(0), 2);
    scene.asks_for(2, "end_call", "{}");
    scene.wait(10);
    assert_eq!(scene.asked(0), 2);
    assert_eq!(scene.outcome(), Some(Outcome::AgentLeft));
}

#[test]
fn a_caller_who_speaks_into_the_goodbye_keeps_the_call() {
    let mut scene = says_goodbye(3_000);
    scene.manners.answers = true;
    scene.wait(500);
    scene.says("wait one more question please", 1_000);
    scene.wait(3_000);
    assert_eq!(scene.outcome(), None);
    assert!(scene.call.agent_speaking());
}

#[test]
fn a_call_is_not_hung_up_before_the_other_results_are_told() {
    let mut scene = Scene::answered();
    scene.manners.answers = false;
    scene.wait(1_500);
    scene.says("book it and goodbye", 1_000);
    scene.wait(600);
    scene.reply_with_tools(500, vec![(1, "book", "{}"), (2, "end_call", "{}")]);
    scene.wait(3_000);
    assert_eq!(scene.outcome(), None);
    scene.tool_answers(1);
    assert_eq!(scene.asked(0), 2);
}

#[test]
fn the_caller_is_warned_a_minute_before_the_longest_duration_and_told_when_it_is_over() {
    let mut setup = setup();
    setup.policy.max_duration_ms = 65_000;
    setup.policy.silence_first_ms = 200_000;
    setup.policy.silence_second_ms = 300_000;
    setup.policy.silence_goodbye_ms = 400_000;
    let mut scene = Scene::with(setup);
    scene.give(Input::EngineReady);
    scene.wait(66_000);
    let said = |phrase| scene.when(0, |output| *output == Output::Note(Note::Said(phrase)));
    assert_eq!(said(Phrase::OneMinuteLeft), Some(5_000));
    assert_eq!(said(Phrase::TimeIsUp), Some(65_000));
    assert_eq!(scene.outcome(), Some(Outcome::MaxDuration));
}

#[test]
fn a_process_that_leaves_says_goodbye_and_nothing_stops_it() {
    let mut scene = Scene::agent_has_spoken(900);
    let at = scene.now;
    scene.give(Input::Leave);
    assert_eq!(scene.phrases(at), [Phrase::Drained]);
    scene.says("but wait I have a question", 400);
    scene.wait(400);
    assert_eq!(scene.outcome(), Some(Outcome::Drained));
    assert_eq!(scene.played_ms(u32::from(CLIP)), 500);
    assert_eq!(scene.clears(at), 1, "only for the reply that was cut");
}

#[test]
fn a_process_that_leaves_during_a_goodbye_lets_it_finish_and_does_not_take_it_back() {
    let mut scene = says_goodbye(2_000);
    scene.wait(300);
    scene.give(Input::Leave);
    scene.says("wait one more question please", 1_000);
    scene.wait(1_200);
    assert_eq!(scene.outcome(), Some(Outcome::AgentLeft));
}

#[test]
fn without_clips_the_goodbye_is_asked_of_the_engine() {
    let mut scene = Scene::with(Setup { clips: Default::default(), ..setup() });
    scene.give(Input::EngineReady);
    scene.manners.reply_ms = 1_000;
    scene.wait(1_500);
    scene.give(Input::Leave);
    scene.wait(1_500);
    assert_eq!(scene.played_ms(FIRST_ITEM), 1_000);
    assert_eq!(scene.outcome(), Some(Outcome::Drained));
}

#[test]
fn a_caller_may_hang_up_in_every_state() {
    let states: [fn() -> Scene; 6] = [
        || Scene::with(setup()),
        Scene::answered,
        || Scene::agent_has_spoken(900),
        || {
            let mut scene = Scene::agent_has_spoken(900);
            scene.says("hm", 100);
            scene
        },
        || {
            let mut scene = Scene::answered();
            scene.asks_for(1, "book", "{}");
            scene
        },
        || says_goodbye(2_000),
    ];
    for (n, state) in states.iter().enumerate() {
        let mut scene = state();
        scene.give(Input::CallerHungUp);
        assert_eq!(scene.outcome(), Some(Outcome::CallerLeft), "state {n}");
        assert_eq!(scene.call.deadline(), None);
        let at = scene.story.len();
        scene.tool_answers(1);
        scene.reply_ends(ReplyStatus::Completed, Vec::new());
        scene.wait(100);
        assert_eq!(scene.story.len(), at);
    }
}

#[test]
fn nothing_is_left_playing_when_the_call_ends() {
    let mut scene = Scene::agent_has_spoken(900);
    let at = scene.now;
    scene.give(Input::EngineLost);
    assert_eq!(scene.when(at, |output| *output == Output::ToCaller(ToCaller::Clear)), Some(at));
    assert_eq!(ended_at(&scene), Some(at));
    let turn = scene.turns().pop().unwrap();
    assert!(turn.interrupted && turn.heard_ms < 1_000);
}
