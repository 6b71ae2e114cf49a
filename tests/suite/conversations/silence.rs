//! A caller who says nothing.

use frontdesk::{
    call::port::Output,
    domain::{conversation::Outcome, phrases::Phrase},
};

use crate::support::scene::{COUGH, Scene, setup};

#[test]
fn a_silent_caller_is_asked_twice_and_then_told_goodbye_counted_from_what_was_heard() {
    let mut scene = Scene::agent_has_spoken(100);
    scene.until("the reply was heard", 6_000, |scene| !scene.call.agent_speaking());
    let heard = scene.now;
    scene.wait(41_500);
    let said: Vec<(u64, Phrase)> = scene
        .story
        .iter()
        .filter_map(|(when, output)| match output {
            Output::Note(frontdesk::call::port::Note::Said(phrase)) => Some((*when - heard, *phrase)),
            _ => None,
        })
        .collect();
    let phrases: Vec<Phrase> = said.iter().map(|(_, phrase)| *phrase).collect();
    assert_eq!(phrases, [Phrase::StillThere, Phrase::StillThereAgain, Phrase::SilenceGoodbye]);
    for ((when, _), due) in said.iter().zip([8_000, 20_000, 40_000]) {
        assert!(when.abs_diff(due) <= 20, "{when} instead of {due}");
    }
    assert_eq!(scene.outcome(), Some(Outcome::Silence));
}

#[test]
fn a_caller_who_speaks_after_the_first_question_is_not_asked_on() {
    let mut scene = Scene::answered();
    scene.wait(1_100 + 8_000 + 600);
    assert_eq!(scene.phrases(0), [Phrase::StillThere]);
    scene.says("Yes, sorry, one moment please", 1_000);
    scene.wait(6_500);
    assert_eq!(scene.phrases(0), [Phrase::StillThere]);
    assert_eq!(scene.asked(0), 1);
    scene.wait(8_100);
    assert_eq!(scene.phrases(0), [Phrase::StillThere, Phrase::StillThere], "and the count begins anew");
}

#[test]
fn a_caller_is_not_asked_while_a_tool_runs() {
    let mut scene = Scene::answered();
    scene.wait(1_500);
    scene.asks_for(1, "find_slots", "{}");
    scene.wait(19_000);
    assert!(!scene.phrases(0).contains(&Phrase::StillThere), "{:?}", scene.phrases(0));
}

#[test]
fn the_questions_are_asked_without_clips_too() {
    let mut scene = Scene::with(frontdesk::call::Setup { clips: Default::default(), ..setup() });
    scene.manners.reply_ms = 600;
    scene.give(frontdesk::call::port::Input::EngineReady);
    scene.wait(44_000);
    assert_eq!(scene.phrases(0), [Phrase::StillThere, Phrase::StillThereAgain, Phrase::SilenceGoodbye]);
    assert_eq!(scene.outcome(), Some(Outcome::Silence));
}

#[test]
fn when_frames_stop_coming_the_silence_is_counted_all_the_same() {
    let mut scene = Scene::answered();
    scene.wait(1_200);
    let due = scene.call.deadline().unwrap();
    assert!(due.0 <= 1_100 + 8_000, "{due:?}");
}

#[test]
fn a_cough_in_silence_is_no_turn() {
    let mut scene = Scene::answered();
    scene.wait(1_500);
    scene.hears(COUGH, 300);
    scene.wait(3_000);
    assert_eq!(scene.asked(0), 0);
}
