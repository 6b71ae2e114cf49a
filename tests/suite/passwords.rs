//! Which passwords and addresses are good enough.

use frontdesk::{
    domain::{
        email::Email,
        password::{CHARS_MAX, Weak, check},
    },
    platform::passwords::{MEMORY_KIB, Passwords, Verdict},
};
use proptest::prelude::*;

fn verdict(password: &str) -> Result<(), Weak> {
    check(password, &"sabine.sommer@praxis-sommer.example".parse().unwrap(), &["Praxis Sommer"])
}

#[test]
fn a_few_words_of_ones_own_are_good_enough_whatever_they_are_made_of() {
    for good in [
        "seven quiet herons at dusk",
        "correct horse battery staple",
        "donaudampfschifffahrt",
        "ein kleiner gelber Bagger",
        "a-long-enough-password",
        "jLx4Qp0vWm2Zr7t",
        "пятнадцать букв и ещё",
        "🦀🦀 four crabs and a 🦞",
    ] {
        assert_eq!(verdict(good), Ok(()), "{good}");
    }
}

#[test]
fn a_password_is_counted_in_characters_not_in_bytes() {
    assert_eq!(verdict("fourteen chars"), Err(Weak::Short));
    assert_eq!(verdict("äöüßéèñçøåæþðł"), Err(Weak::Short), "fourteen characters in more bytes");
    assert_eq!(verdict("äöüßéèñçøåæþðłœ"), Ok(()));
    assert_eq!(
        verdict("a\u{1}b\u{2}c\u{3}d\u{4}e\u{5}f\u{6}g\u{7}h"),
        Err(Weak::Short),
        "control characters"
    );
    assert_eq!(verdict(&"xq7 ".repeat(CHARS_MAX)), Err(Weak::Long));
}

#[test]
fn what_everybody_tries_first_is_refused_however_it_is_dressed() {
    for common in [
        "passwordpassword",
        "Password1234567!",
        "P@ssw0rdP@ssw0rd",
        "123456789012345",
        "qwertyuiopasdfgh",
        "aaaaaaaaaaaaaaaa",
        "abcabcabcabcabcabc",
        "letmein-letmein-letmein",
        "hunter2hunter2hunter2",
        "welcome2026welcome",
        "geheimgeheim2026",
        "111111222222333333",
    ] {
        assert_eq!(verdict(common), Err(Weak::Common), "{common}");
    }
}

#[test]
fn ones_own_address_and_business_are_no_secret() {
    for own in ["praxis-sommer-2026", "sabine.sommer2026", "PraxisSommerPraxis", "Sabine Sommer 123!"] {
        assert_eq!(verdict(own), Err(Weak::Common), "{own}");
    }
    assert_eq!(verdict("Sabine mag rote Fahrraeder"), Ok(()), "a sentence may mention oneself");
}

#[test]
fn an_address_is_one_whatever_its_case() {
    let email: Email = "Ada.Lovelace+Desk@Example.COM".parse().unwrap();
    assert_eq!(email.as_str(), "ada.lovelace+desk@example.com");
    assert_eq!((email.local(), email.domain()), ("ada.lovelace+desk", "example.com"));
    assert_eq!(format!("{email:?}"), "Email(..@example.com)", "the log does not learn who it is");
}

#[test]
fn what_is_no_address_is_refused() {
    let long = format!("{}@example.com", "a".repeat(65));
    for wrong in [
        "",
        "@",
        "ada",
        "ada@",
        "@example.com",
        "ada@example",
        "a b@example.com",
        "ada@exa mple.com",
        ".ada@example.com",
        "ada..l@example.com",
        "ada@-example.com",
        "ada@example..com",
        "ada@127.0.0.1",
        "ada@example.com\r\nBcc: x@y.zz",
        "ada<x@example.com",
        "ädä@example.com",
        long.as_str(),
    ] {
        assert!(wrong.parse::<Email>().is_err(), "{wrong:?}");
    }
}

proptest! {
    #[test]
    fn no_text_makes_the_rules_fall_over(text in ".{0,80}", name in ".{0,20}") {
        let email = "ada@example.com".parse().unwrap();
        let first = check(&text, &email, &[&name]);
        prop_assert_eq!(first, check(&text, &email, &[&name]), "the same question gets the same answer");
        if let Ok(read) = text.parse::<Email>() {
            prop_assert_eq!(read.as_str().parse::<Email>(), Ok(read.clone()));
        }
    }
}

#[tokio::test]
async fn a_password_fits_its_own_hash_alone_and_an_older_hash_is_told() {
    let passwords = Passwords::new();
    let (right, wrong) = ("seven quiet herons".into(), "eight quiet herons".into());
    let hash = passwords.hash(&right).await.unwrap();
    assert!(hash.starts_with(&format!("$argon2id$v=19$m={MEMORY_KIB},")), "{hash}");
    assert_ne!(hash, passwords.hash(&right).await.unwrap(), "the salt is chance");
    assert_eq!(passwords.verify(&right, Some(&hash)).await.unwrap(), Verdict::Right);
    assert_eq!(passwords.verify(&wrong, Some(&hash)).await.unwrap(), Verdict::Wrong);
    assert_eq!(passwords.verify(&right, None).await.unwrap(), Verdict::Wrong);
    assert_eq!(passwords.verify(&right, Some("not a hash")).await.unwrap(), Verdict::Wrong);
    assert_eq!(passwords.computed(), 6, "whoever it is and whatever is kept, it is one hash");
    assert_eq!(
        passwords.verify(&right, Some(&older_hash("seven quiet herons"))).await.unwrap(),
        Verdict::RightButOutdated
    );
}

/// A hash made with cheaper parameters than ours.
pub fn older_hash(password: &str) -> String {
    use argon2::{Algorithm, Argon2, Params, Version, password_hash::PasswordHasher};
    let params = Params::new(64, 1, 1, None).unwrap();
    let hash: argon2::password_hash::phc::PasswordHash =
        Argon2::new(Algorithm::Argon2id, Version::V0x13, params).hash_password(password.as_bytes()).unwrap();
    hash.to_string()
}

#[tokio::test]
async fn whoever_comes_when_too_many_wait_is_turned_away_at_once() {
    use frontdesk::platform::passwords::{Error, WAITING_MAX};
    let passwords = Passwords::new();
    let password = "seven quiet herons".into();
    let many = (0..WAITING_MAX * 2 + 64).map(|_| passwords.verify(&password, Some("not a hash")));
    let all = futures_util::future::join_all(many).await;
    let busy = all.iter().filter(|answer| matches!(answer, Err(Error::Busy))).count();
    assert!(busy > 0 && busy < all.len(), "{busy} of {}", all.len());
    assert_eq!(passwords.verify(&password, None).await.unwrap(), Verdict::Wrong, "later there is room again");
}
