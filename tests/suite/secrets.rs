//! What is sealed opens only for whom it was sealed.

use frontdesk::{
    domain::id::TenantId,
    platform::secrets::{Error, Sealer},
};
use proptest::prelude::*;
use secrecy::{ExposeSecret, SecretString};

const KEY: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
const OTHER_KEY: &str = "//////////////////////////////////////////8=";

fn sealer(key: &str) -> Sealer {
    Sealer::new(&SecretString::from(key)).unwrap()
}

fn tenant(name: &str) -> TenantId {
    format!("ten_{name}").parse().unwrap()
}

#[test]
fn a_sealed_secret_opens_for_its_tenant_and_column_alone() {
    let sealer = sealer(KEY);
    let sealed = sealer.seal(&tenant("a"), "twilio_auth_token", &SecretString::from("s3cret")).unwrap();
    let opened = sealer.open(&tenant("a"), "twilio_auth_token", &sealed).unwrap();
    assert_eq!(opened.expose_secret(), "s3cret");
    assert_eq!(sealer.open(&tenant("b"), "twilio_auth_token", &sealed).unwrap_err(), Error::Broken);
    assert_eq!(sealer.open(&tenant("a"), "another", &sealed).unwrap_err(), Error::Broken);
    let other = self::sealer(OTHER_KEY);
    assert_eq!(other.open(&tenant("a"), "twilio_auth_token", &sealed).unwrap_err(), Error::OtherKey);
}

#[test]
fn the_same_secret_sealed_twice_does_not_look_the_same() {
    let sealer = sealer(KEY);
    let seal = || sealer.seal(&tenant("a"), "c", &SecretString::from("s3cret")).unwrap();
    assert_ne!(seal(), seal());
}

#[test]
fn a_key_is_32_bytes_in_base64() {
    for wrong in ["", "short", "AAAA", &KEY[..40], &format!("{KEY}{KEY}"), "🔑"] {
        assert_eq!(Sealer::new(&SecretString::from(wrong)).unwrap_err(), Error::NotAKey, "{wrong}");
    }
    assert!(Sealer::new(&SecretString::from(format!("{KEY}\n"))).is_ok(), "a line's end does no harm");
}

proptest! {
    #[test]
    fn altered_bytes_never_open(at in 0usize..64, change in 1u8.., cut in 0usize..64) {
        let sealer = sealer(KEY);
        let mut sealed = sealer.seal(&tenant("a"), "c", &SecretString::from("a secret of some length")).unwrap();
        prop_assert!(sealer.open(&tenant("a"), "c", &sealed[..cut.min(sealed.len() - 1)]).is_err());
        let at = at % sealed.len();
        sealed[at] ^= change;
        prop_assert!(sealer.open(&tenant("a"), "c", &sealed).is_err());
    }
}
