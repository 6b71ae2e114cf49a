//! Turns answered once, and engines that race, stall and fail.

use frontdesk::{
    call::port::{Input, ItemId, Note, Output, Refusal, ReplyStatus, ToEngine},
    domain::{conversation::Outcome, money::MicroUsd, phrases::Phrase},
};

use crate::support::scene::{FIRST_ITEM, NOISE, SPEECH, Scene, sound};

fn opened() -> Scene {
    let mut scene = Scene::answered();
    scene.wait(1_500);
    scene
}

#[test]
fn a_turn_is_answered_once_as_soon_as_it_is_committed() {
    let mut scene = opened();
    let at = scene.now;
    scene.says("I would like an appointment", 1_000);
    scene.wait(560);
    assert_eq!(scene.asked(at), 1, "{:?}", scene.told(at));
    scene.wait(6_000);
    assert_eq!(scene.asked(at), 1);
}

#[test]
fn the_wait_of_the_caller_is_noted_by_its_parts() {
    let mut scene = opened();
    scene.says("I would like an appointment", 1_000);
    scene.wait(1_500);
    let parts = scene.since(0, |output| match output {
        Output::Note(Note::ReplyLatency { decided_ms, engine_ms }) => Some((*decided_ms, *engine_ms)),
        _ => None,
    });
    let [(decided_ms, engine_ms)] = parts[..] else { panic!("{parts:?}") };
    assert!((550..=600).contains(&decided_ms) && engine_ms == 300, "{parts:?}");
}

#[test]
fn a_caller_who_goes_on_before_the_reply_is_heard_gets_one_reply_to_all_of_it() {
    let mut scene = opened();
    scene.manners.thinks_ms = 900;
    scene.says("I would like an appointment", 1_000);
    scene.wait(700);
    let at = scene.now;
    scene.says("on Friday if that is possible", 1_000);
    scene.wait(7_000);
    assert_eq!(scene.told(at).iter().filter(|what| **what == ToEngine::Cancel).count(), 1);
    assert_eq!(scene.asked(at), 1);
    assert_eq!((scene.played_ms(FIRST_ITEM), scene.played_ms(FIRST_ITEM + 1)), (0, 4_000));
}

#[test]
fn a_reply_taken_back_for_a_mere_noise_is_given_after_all() {
    let mut scene = opened();
    scene.manners.thinks_ms = 900;
    scene.says("I would like an appointment", 1_000);
    scene.wait(700);
    scene.manners.hears = false;
    scene.hears(SPEECH, 160);
    scene.manners.hears = true;
    scene.wait(9_000);
    assert_eq!(scene.played_ms(FIRST_ITEM + 1), 4_000);
}

#[test]
fn a_late_engine_is_not_waited_for_and_its_late_commit_is_not_answered_again() {
    let mut scene = opened();
    scene.manners.late_ms = 2_500;
    let at = scene.now;
    scene.says("I would like an appointment", 1_000);
    scene.wait(2_000);
    assert_eq!(scene.told(at).iter().filter(|what| **what == ToEngine::Commit).count(), 1);
    assert_eq!(scene.asked(at), 1);
    scene.wait(8_000);
    assert_eq!(scene.asked(at), 1, "{:?}", scene.told(at));
}

#[test]
fn a_refused_commit_does_not_swallow_the_next_turn() {
    let mut scene = opened();
    scene.manners.hears = false;
    scene.says("I would like an appointment", 1_000);
    scene.wait(1_800);
    scene.give(Input::EngineRefused(Refusal::NothingToCommit));
    scene.manners.hears = true;
    scene.wait(6_000);
    let at = scene.now;
    scene.says("and another for my son", 1_000);
    scene.wait(1_000);
    assert_eq!(scene.asked(at), 1);
}

#[test]
fn what_only_the_engine_took_for_speech_is_answered_when_it_was_long_or_has_words() {
    for (words, millis, answers) in [("", 1_500, 1), ("", 200, 0), ("Ja.", 200, 1)] {
        let mut scene = opened();
        let at = scene.now;
        scene.say_nothing_but(words);
        scene.hears(NOISE, millis);
        scene.wait(2_000);
        assert_eq!(scene.asked(at), answers, "{words:?}, {millis} ms");
    }
}

#[test]
fn a_race_for_the_active_reply_ends_with_one_answer() {
    let mut scene = opened();
    scene.manners.answers = false;
    let at = scene.now;
    scene.says("I would like an appointment", 1_000);
    scene.wait(600);
    assert_eq!(scene.asked(at), 1);
    scene.manners.answers = true;
    scene.give(Input::EngineRefused(Refusal::AlreadyReplying));
    scene.give(Input::ReplyAudio { item: ItemId(99), sound: sound(99, 500) });
    scene.wait(6_000);
    assert_eq!(scene.asked(at), 2);
    assert_eq!(scene.played_ms(99), 0, "the unwanted reply is not heard");
    assert_eq!(scene.played_ms(scene.last_item()), 4_000);
}

#[test]
fn refusals_of_what_both_sides_did_at_once_are_counted_and_harmless() {
    let mut scene = Scene::agent_has_spoken(900);
    for refusal in
        [Refusal::NothingToCancel, Refusal::NothingToCommit, Refusal::Item, Refusal::AlreadyReplying]
    {
        scene.give(Input::EngineRefused(refusal));
        assert!(scene.when(0, |output| *output == Output::Note(Note::Refused(refusal))).is_some());
    }
    scene.wait(4_000);
    assert_eq!(scene.played_ms(FIRST_ITEM), 4_000);
}

#[test]
fn a_silent_engine_is_covered_at_2_s_asked_again_at_4_s_and_given_up_at_8_s() {
    let mut scene = opened();
    scene.manners.answers = false;
    let at = scene.now;
    scene.says("I would like an appointment", 1_000);
    scene.until("a reply is asked for", 1_000, |scene| scene.asked(at) == 1);
    let asked = scene.now;
    scene.wait(9_000);
    let filled = scene.when(asked, |output| *output == Output::Note(Note::Said(Phrase::OneMoment))).unwrap();
    assert_eq!(filled - asked, 2_000);
    let cancelled = scene.when(asked, |output| *output == Output::ToEngine(ToEngine::Cancel)).unwrap();
    assert_eq!(cancelled - asked, 4_000);
    assert_eq!(scene.asked(asked + 1), 1, "once");
    let ended = scene.when(asked, |output| matches!(output, Output::HangUp(_))).unwrap();
    assert_eq!(ended - asked, 8_000);
    assert_eq!(scene.outcome(), Some(Outcome::Degraded));
}

#[test]
fn an_engine_that_wakes_up_after_it_was_asked_again_answers_once() {
    let mut scene = opened();
    scene.manners.answers = false;
    scene.says("I would like an appointment", 1_000);
    scene.wait(550 + 4_000 + 800);
    let asked = scene.asked(0);
    assert_eq!(asked, 2);
    // The first reply comes after all, whole; then the one that was asked for again.
    scene.give(Input::ReplyBegan);
    scene.give(Input::ReplyAudio { item: ItemId(90), sound: sound(90, 1_000) });
    scene.give(Input::ReplyEnded { status: ReplyStatus::Completed, tools: vec![], cost: MicroUsd(1) });
    scene.give(Input::EngineRefused(Refusal::NothingToCancel));
    scene.give(Input::ReplyBegan);
    scene.give(Input::ReplyAudio { item: ItemId(91), sound: sound(91, 1_000) });
    scene.give(Input::ReplyItemDone(ItemId(91)));
    scene.reply_ends(ReplyStatus::Completed, Vec::new());
    scene.wait(3_000);
    assert_eq!((scene.played_ms(90), scene.played_ms(91)), (0, 1_000));
    assert_eq!(scene.asked(0), 2);
}

#[test]
fn a_reply_that_breaks_off_in_mid_sentence_is_asked_for_again() {
    let mut scene = opened();
    scene.manners.answers = false;
    scene.says("I would like an appointment", 1_000);
    scene.wait(600);
    scene.give(Input::ReplyBegan);
    scene.give(Input::ReplyAudio { item: ItemId(90), sound: sound(90, 1_010) });
    let at = scene.now;
    scene.manners.answers = true;
    scene.wait(9_000);
    assert_eq!(scene.played_ms(90), 1_000);
    assert_eq!(scene.phrases(at), [Phrase::OneMoment]);
    assert!(scene.told(at).contains(&ToEngine::Truncate { item: ItemId(90), heard_ms: 1_000 }));
    assert_eq!(scene.asked(at), 1);
    assert_eq!(scene.played_ms(scene.last_item()), 4_000);
}

#[test]
fn a_failed_reply_is_tried_again_and_an_engine_that_always_fails_is_given_up() {
    let mut scene = opened();
    scene.manners.answers = false;
    scene.says("I would like an appointment", 1_000);
    for tries in 1..=4 {
        scene.until("a reply is asked for", 2_000, |scene| scene.asked(0) == tries);
        scene.reply_ends(ReplyStatus::Failed, Vec::new());
    }
    assert_eq!(scene.outcome(), Some(Outcome::Degraded));
}

#[test]
fn a_session_that_does_not_open_is_given_up_after_8_s_and_one_that_is_lost_at_once() {
    let mut scene = Scene::with(crate::support::scene::setup());
    scene.wait(8_001);
    assert_eq!(scene.outcome(), Some(Outcome::Degraded));
    let mut scene = Scene::agent_has_spoken(900);
    scene.give(Input::EngineLost);
    assert_eq!(scene.outcome(), Some(Outcome::Degraded));
}

#[test]
fn what_the_caller_says_before_the_engine_is_there_is_answered_once_it_is() {
    let mut scene = Scene::with(crate::support::scene::setup());
    scene.manners.hears = false;
    scene.wait(1_200);
    scene.says("I would like an appointment", 1_000);
    scene.wait(2_000);
    assert!(scene.told(0).is_empty());
    scene.give(Input::EngineReady);
    let told = scene.told(0);
    assert!(
        matches!(told[..], [ToEngine::AgentSaid(_), ToEngine::Commit, ToEngine::Respond { say: None }]),
        "{told:?}"
    );
}
