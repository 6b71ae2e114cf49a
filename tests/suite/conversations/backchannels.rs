//! "Mm-hm", and what is none.

use frontdesk::call::{
    judge::{Meaning, meaning},
    port::Verdict,
};

use crate::support::scene::{FIRST_ITEM, HUM, SPEECH, Scene};

#[test]
fn a_hum_lets_the_agent_go_on_with_and_without_words() {
    for transcribes in [None, Some(50), Some(300), Some(1_500)] {
        for millis in [160, 300, 450, 600] {
            let mut scene = Scene::agent_has_spoken(900);
            scene.manners.transcribes_ms = transcribes;
            let at = scene.now;
            scene.hums("Mm-hm.", millis);
            scene.wait(8_000);
            assert_eq!(scene.verdicts(at), [Verdict::GoesOn], "{millis} ms, words after {transcribes:?}");
            assert_eq!(scene.played_ms(FIRST_ITEM), 4_000);
            assert_eq!(scene.asked(at), 0, "a sign of listening is not answered");
        }
    }
}

#[test]
fn a_short_okay_lets_the_agent_go_on() {
    let mut scene = Scene::agent_has_spoken(900);
    let at = scene.now;
    scene.says("Okay.", 360);
    scene.wait(6_000);
    assert_eq!(scene.verdicts(at), [Verdict::GoesOn]);
    assert_eq!((scene.played_ms(FIRST_ITEM), scene.asked(at)), (4_000, 0));
}

#[test]
fn the_gap_that_a_hum_leaves_in_the_agents_speech_is_short() {
    let mut scene = Scene::agent_has_spoken(900);
    let at = scene.now;
    scene.hums("Mm-hm.", 300);
    scene.until("the agent goes on", 1_000, |scene| scene.ear().is_some());
    assert!(scene.now - at <= 40 + 300 + 160 + 60, "{} ms after the hum began", scene.now - at);
}

#[test]
fn yes_to_the_agents_last_words_is_an_answer() {
    let mut scene = Scene::agent_has_spoken(3_500);
    let at = scene.now;
    scene.says("Ja.", 300);
    scene.wait(2_500);
    assert_eq!(scene.verdicts(at), [Verdict::GoesOn]);
    assert_eq!(scene.played_ms(FIRST_ITEM), 4_000, "the last words are heard");
    assert_eq!(scene.asked(at), 1, "and the answer is answered");
}

#[test]
fn a_sign_of_listening_does_not_swallow_the_turn_after_it() {
    let mut scene = Scene::agent_has_spoken(900);
    scene.manners.transcribes_ms = None;
    let at = scene.now;
    scene.manners.hears = false;
    scene.hears(HUM, 300);
    scene.manners.hears = true;
    scene.wait(5_000);
    scene.hears(SPEECH, 900);
    scene.wait(1_500);
    assert_eq!(scene.asked(at), 1);
}

#[test]
fn an_engine_that_commits_a_hum_very_late_does_not_have_it_answered() {
    let mut scene = Scene::agent_has_spoken(900);
    scene.manners.late_ms = 3_000;
    let at = scene.now;
    scene.hums("Mm-hm.", 300);
    scene.wait(9_000);
    assert_eq!(scene.asked(at), 0);
}

#[test]
fn words_tell_listening_from_saying_in_both_languages() {
    for listens in [
        "Mm-hm.",
        "Uh-huh",
        "Ja.",
        "ja, genau",
        "Okay.",
        "Ach so!",
        "Verstehe.",
        "I see.",
        "Yeah, right.",
        "Alles klar.",
    ] {
        assert_eq!(meaning(listens), Some(Meaning::Listens), "{listens}");
    }
    for says in
        ["Nein.", "Stop", "Ja, aber morgen", "um drei", "8", "10:30", "Wait.", "Moment mal", "ja ja ja ja ja"]
    {
        assert_eq!(meaning(says), Some(Meaning::Says), "{says}");
    }
    for nothing in ["", " ", "…", "."] {
        assert_eq!(meaning(nothing), None);
    }
}
