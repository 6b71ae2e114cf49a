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
