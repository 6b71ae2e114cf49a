//! The caller speaks while the agent does.

use frontdesk::call::port::{Input, ItemId, Output, ToCaller, ToEngine, Verdict, Words};

use crate::support::scene::{COUGH, FIRST_ITEM, NOISE, SPEECH, Scene, setup};

#[test]
fn the_agent_falls_silent_within_two_frames_of_voice() {
    let mut scene = Scene::agent_has_spoken(900);
    let at = scene.now;
    scene.hears(SPEECH, 60);
    let silent = scene.when(at, |output| *output == Output::ToCaller(ToCaller::Clear));
    assert!(silent.is_some_and(|when| when - at <= 40), "{silent:?} from {at}");
}

#[test]
fn an_interruption_without_any_words_takes_the_floor() {
    let mut scene = Scene::agent_has_spoken(900);
    scene.manners.transcribes_ms = None;
    let at = scene.now;
    scene.hears(SPEECH, 1_000);
    assert_eq!(scene.verdicts(at), [Verdict::Interruption]);
    let told = scene.told(at);
    let [ToEngine::Cancel, ToEngine::Truncate { item, heard_ms }] = &told[..] else { panic!("{told:?}") };
    assert_eq!(*item, ItemId(FIRST_ITEM));
    let truly = scene.played_ms(FIRST_ITEM);
    assert!(truly - heard_ms <= 150, "{heard_ms} of {truly}");
    scene.wait(2_000);
    assert_eq!(scene.asked(at), 1, "and is answered once");
    assert!(scene.played_ms(FIRST_ITEM + 1) > 0);
}

#[test]
fn what_was_generated_after_an_interruption_is_never_played() {
    let mut scene = Scene::agent_has_spoken(900);
    scene.says("no I wanted something else", 1_000);
    let played = scene.played_ms(FIRST_ITEM);
    scene.give(Input::ReplyAudio {
        item: ItemId(FIRST_ITEM),
        sound: crate::support::scene::sound(FIRST_ITEM as u8, 500),
    });
    scene.wait(3_000);
    scene.give(Input::ReplyAudio {
        item: ItemId(FIRST_ITEM),
        sound: crate::support::scene::sound(FIRST_ITEM as u8, 500),
    });
    scene.wait(3_000);
    assert_eq!(scene.played_ms(FIRST_ITEM), played);
}

#[test]
fn an_interruption_after_the_reply_was_generated_is_truncated_without_a_cancel() {
    let mut scene = Scene::agent_has_spoken(3_000);
    let at = scene.now;
    scene.says("no I wanted something else", 1_000);
    let told = scene.told(at);
    assert!(matches!(told[..], [ToEngine::Truncate { heard_ms: 2_850..=3_060, .. }]), "{told:?}");
}

#[test]
fn an_interruption_before_anything_was_heard_makes_the_engine_forget_the_reply() {
    let mut scene = Scene::answered();
    scene.wait(1_500);
    scene.says("I would like an appointment please", 1_200);
    let item = FIRST_ITEM;
    scene.until("the reply leaves", 3_000, |scene| scene.call.agent_speaking());
    let at = scene.now;
    scene.says("and it is urgent because it hurts", 1_000);
    assert!(scene.told(at).contains(&ToEngine::Forget(ItemId(item))), "{:?}", scene.told(at));
}

#[test]
fn the_transcript_keeps_what_was_generated_and_how_far_it_was_heard() {
    let mut scene = Scene::agent_has_spoken(1_500);
    scene.says("no I wanted something else", 1_000);
    let turn = scene.turns().into_iter().find(|turn| turn.interrupted).unwrap();
    assert!((1_350..=1_560).contains(&turn.heard_ms), "{turn:?}");
    assert!(turn.text.starts_with(&turn.heard_text) && turn.heard_text.len() < turn.text.len());
    assert!(turn.heard_text.starts_with("word0 word1"));
}

#[test]
fn a_cough_pauses_the_agent_and_it_goes_on_where_the_ear_was() {
    let mut scene = Scene::agent_has_spoken(900);
    let at = scene.now;
    scene.hears(COUGH, 300);
    let (_, before) = scene.ear().unwrap_or((0, scene.played_ms(FIRST_ITEM)));
    scene.until("the agent goes on", 1_000, |scene| scene.ear().is_some());
    let (name, after) = scene.ear().unwrap();
    assert_eq!(u32::from(name), FIRST_ITEM);
    assert!(after <= before + 1 && before - after <= 150, "from {before} to {after}");
    scene.wait(6_000);
    assert_eq!(scene.verdicts(at), [Verdict::GoesOn]);
    assert_eq!(scene.played_ms(FIRST_ITEM), 4_000);
    assert_eq!(scene.asked(at), 0, "a cough is not answered");
}

#[test]
fn the_engines_word_alone_pauses_the_agent_but_does_not_silence_it() {
    let mut scene = Scene::agent_has_spoken(900);
    let at = scene.now;
    scene.hears(NOISE, 1_500);
    scene.wait(400);
    assert_eq!(scene.clears(at), 1);
    assert_eq!(scene.verdicts(at), [Verdict::GoesOn]);
    scene.wait(2_500);
    assert_eq!(scene.played_ms(FIRST_ITEM), 4_000);
}

#[test]
fn words_that_come_while_a_sound_is_weighed_decide_it() {
    let mut scene = Scene::agent_has_spoken(900);
    let at = scene.now;
    scene.hears(SPEECH, 200);
    scene.give(Input::CallerSaid {
        item: ItemId(1_001),
        words: Words("Stop".to_owned()),
        last: false,
        confidence: None,
    });
    assert_eq!(scene.verdicts(at), [Verdict::Interruption]);
}

#[test]
fn a_short_no_is_understood_late_by_its_words() {
    let mut scene = Scene::agent_has_spoken(900);
    let at = scene.now;
    scene.says("Nein, stopp!", 260);
    scene.wait(2_000);
    assert_eq!(scene.verdicts(at), [Verdict::GoesOn, Verdict::LateInterruption]);
    assert_eq!(scene.asked(at), 1);
    scene.wait(4_000);
    assert_eq!(scene.asked(at), 1, "answered once");
    assert!(scene.played_ms(FIRST_ITEM) < 4_000);
}

#[test]
fn late_words_of_an_earlier_turn_say_nothing_about_a_cough() {
    let mut scene = Scene::answered();
    scene.manners.transcribes_ms = Some(2_200);
    let mut scene = scene.agent_speaks_for(900);
    let at = scene.now;
    scene.hears(COUGH, 300);
    scene.wait(6_000);
    assert_eq!(scene.verdicts(at), [Verdict::GoesOn]);
    assert_eq!(scene.asked(at), 0);
}

#[test]
fn an_interruption_in_two_parts_takes_the_floor() {
    let mut scene = Scene::agent_has_spoken(900);
    scene.manners.transcribes_ms = None;
    let at = scene.now;
    scene.hears(SPEECH, 340);
    scene.wait(400);
    scene.hears(SPEECH, 400);
    assert_eq!(scene.verdicts(at), [Verdict::GoesOn, Verdict::Interruption]);
}

#[test]
fn a_hum_that_turns_into_speech_takes_the_floor() {
    let mut scene = Scene::agent_has_spoken(900);
    let at = scene.now;
    scene.hears(crate::support::scene::HUM, 300);
    scene.hears(SPEECH, 600);
    assert_eq!(scene.verdicts(at), [Verdict::Interruption]);
}

#[test]
fn with_an_engine_that_hears_nothing_an_interruption_is_committed_by_the_call() {
    let mut scene = Scene::agent_has_spoken(900);
    scene.manners.hears = false;
    let at = scene.now;
    scene.hears(SPEECH, 1_000);
    scene.wait(3_000);
    assert_eq!(scene.verdicts(at), [Verdict::Interruption]);
    assert_eq!(scene.told(at).iter().filter(|what| **what == ToEngine::Commit).count(), 1);
    assert_eq!(scene.asked(at), 1);
}

#[test]
fn an_agent_that_must_not_be_interrupted_speaks_to_its_end_and_then_answers() {
    let mut setup = setup();
    setup.policy.interruptible = false;
    let mut scene = Scene::with(setup);
    scene.give(Input::EngineReady);
    let mut scene = scene.agent_speaks_for(900);
    let at = scene.now;
    scene.says("but I would rather come on Friday", 1_200);
    scene.wait(800);
    assert_eq!((scene.clears(0), scene.asked(at)), (0, 0));
    scene.wait(4_000);
    assert_eq!(scene.played_ms(FIRST_ITEM), 4_000);
    assert_eq!(scene.asked(at), 1);
}

#[test]
fn the_agent_does_not_interrupt_itself_when_its_own_voice_comes_back() {
    for echo_ms in [90, 150, 240] {
        let mut scene = Scene::answered();
        scene.echo_ms = Some(echo_ms);
        let mut scene = scene.agent_speaks_for(2_000);
        scene.manners.hears = false;
        scene.wait(4_000);
        assert!(!scene.verdicts(0).contains(&Verdict::Interruption), "after {echo_ms} ms");
        assert!(scene.clears(0) <= 2, "{} times after {echo_ms} ms", scene.clears(0));
        assert_eq!((scene.played_ms(FIRST_ITEM), scene.asked(0)), (4_000, 1));
    }
}

#[test]
fn a_caller_is_heard_over_the_agents_echo() {
    let mut scene = Scene::answered();
    scene.echo_ms = Some(150);
    let mut scene = scene.agent_speaks_for(2_000);
    let at = scene.now;
    scene.says("no I wanted something else", 1_000);
    assert_eq!(scene.verdicts(at), [Verdict::Interruption]);
}
