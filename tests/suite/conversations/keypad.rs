//! Keys of the telephone.

use frontdesk::call::port::{Input, ToEngine, Words};

use crate::support::scene::{Scene, setup};

fn keys(told: &[ToEngine]) -> Vec<Words> {
    told.iter()
        .filter_map(|what| if let ToEngine::CallerDid(words) = what { Some(words.clone()) } else { None })
        .collect()
}

#[test]
fn keys_silence_the_agent_and_reach_the_model_as_one_entry() {
    let mut scene = Scene::agent_has_spoken(900);
    let at = scene.now;
    for key in ['4', '2'] {
        scene.give(Input::Keyed(key));
        scene.wait(300);
    }
    assert_eq!(scene.clears(at), 1);
    assert!(keys(&scene.told(at)).is_empty(), "not while more may come");
    scene.wait(2_000);
    let [Words(words)] = &keys(&scene.told(at))[..] else { panic!("one entry: {:?}", scene.told(at)) };
    assert!(words.ends_with("4 2]"), "{words}");
    assert_eq!(scene.asked(at), 1);
}

#[test]
fn the_hash_key_ends_an_entry_at_once() {
    let mut scene = Scene::answered();
    scene.wait(1_500);
    scene.give(Input::Keyed('7'));
    scene.give(Input::Keyed('#'));
    assert_eq!(keys(&scene.told(0)).len(), 1);
    assert_eq!(scene.asked(0), 1);
}

#[test]
fn keys_without_end_become_entries_of_bounded_length() {
    let mut scene = Scene::with(setup());
    for _ in 0..100 {
        scene.give(Input::Keyed('1'));
    }
    scene.give(Input::EngineReady);
    assert_eq!(keys(&scene.told(0)).len(), 3);
}

fn typed(keys: &str) -> String {
    let mut scene = Scene::answered();
    scene.wait(1_500);
    for key in keys.chars() {
        scene.give(Input::Keyed(key));
        scene.wait(200);
    }
    scene.wait(3_000);
    let [Words(words)] = &self::keys(&scene.told(0))[..] else { panic!("one fact: {:?}", scene.told(0)) };
    assert_eq!(scene.asked(0), 1, "and it is answered");
    words.clone()
}

#[test]
fn a_key_of_the_menu_is_told_by_what_it_means() {
    let mut scene = Scene::answered();
    scene.wait(1_500);
    scene.give(Input::Keyed('2'));
    scene.wait(900);
    let told = keys(&scene.told(0));
    assert_eq!(
        told,
        [Words("[The caller pressed 2 on the telephone, which means: wants an appointment]".to_owned())]
    );
    assert!(typed("3").contains("pressed these keys on the telephone: 3"), "another key is only a key");
    assert!(!typed("22").contains("appointment"), "two keys are no choice");
}

#[test]
fn a_number_is_typed_instead_of_spoken_and_told_as_one() {
    let words = typed("12081964#");
    assert_eq!(words, "[The caller typed this on the telephone instead of saying it: 1 2 0 8 1 9 6 4 #]");
}

#[test]
fn the_number_of_a_payment_card_never_reaches_the_model() {
    for card in ["4111111111111111", "4111111111111111#", "378282246310005"] {
        let words = typed(card);
        assert!(words.contains("payment card") && !words.chars().any(|c| c.is_ascii_digit()), "{words}");
    }
    assert!(typed("4111111111111112").contains("1 1 1 2"), "what is no card's number is a number");
}
