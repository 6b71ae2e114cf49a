//! The way out to addresses that tenants choose leads to public places, and nowhere else.

use std::{
    io,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use frontdesk::{
    boot,
    platform::{
        clock::Clock,
        egress::{Answer, Egress, Error, Lookup, Refusal, Settings, URL_LEN_MAX, is_public},
        tasks::Tasks,
    },
    sim::receiver::{Mood, Receiver},
};

fn out(loopback: bool) -> Egress {
    boot::install_tls();
    Egress::new(Settings { loopback }, Clock::system()).unwrap()
}

#[test]
fn addresses_inside_are_told_from_public_ones() {
    let inside = [
        "0.0.0.0",
        "10.0.0.1",
        "100.64.0.1",
        "100.127.255.255",
        "127.0.0.1",
        "127.8.9.10",
        "169.254.169.254",
        "172.16.0.1",
        "172.31.255.255",
        "192.0.0.1",
        "192.0.2.1",
        "192.88.99.1",
        "192.168.1.1",
        "198.18.0.1",
        "198.51.100.1",
        "203.0.113.1",
        "224.0.0.1",
        "239.255.255.255",
        "240.0.0.1",
        "255.255.255.255",
        "168.63.129.16",
        "::",
        "::1",
        "::ffff:127.0.0.1",
        "::ffff:10.0.0.1",
        "::127.0.0.1",
        "64:ff9b::a00:1",
        "64:ff9b:1::1",
        "100::1",
        "2001::1",
        "2001:db8::1",
        "2002:7f00:1::",
        "3fff::1",
        "fc00::1",
        "fd00:ec2::254",
        "fe80::1",
        "fec0::1",
        "ff02::1",
    ];
    for text in inside {
        assert!(!is_public(text.parse().unwrap()), "{text} is inside");
    }
    let public = [
        "1.1.1.1",
        "9.255.255.255",
        "11.0.0.0",
        "100.63.255.255",
        "100.128.0.0",
        "172.15.255.255",
        "172.32.0.0",
        "192.167.255.255",
        "198.17.255.255",
        "198.20.0.0",
        "223.255.255.255",
        "::ffff:1.1.1.1",
        "2606:4700:4700::1111",
        "2a00:1450:4001::1",
        "2001:200::1",
    ];
    for text in public {
        assert!(is_public(text.parse().unwrap()), "{text} is public");
    }
}

#[test]
fn an_address_is_judged_however_it_is_written() {
    let refused = [
        ("", Refusal::NotAnAddress),
        ("example.com/hook", Refusal::NotAnAddress),
        ("http://example.com/", Refusal::Scheme),
        ("ftp://example.com/", Refusal::Scheme),
        ("file:///etc/passwd", Refusal::NotAnAddress),
        ("http://127.0.0.1/", Refusal::Scheme),
        ("https://user@example.com/", Refusal::Credentials),
        ("https://:secret@example.com/", Refusal::Credentials),
        ("https://127.0.0.1/", Refusal::Inside),
        ("https://2130706433/", Refusal::Inside),
        ("https://0x7f.1/", Refusal::Inside),
        ("https://0177.0.0.1/", Refusal::Inside),
        ("https://127.1/", Refusal::Inside),
        ("https://[::1]/", Refusal::Inside),
        ("https://[::ffff:169.254.169.254]/latest/meta-data/", Refusal::Inside),
        ("https://localhost/", Refusal::Inside),
        ("https://LOCALHOST./", Refusal::Inside),
        ("https://hook.localhost/", Refusal::Inside),
        ("https://10.1.2.3:8443/", Refusal::Inside),
    ];
    let egress = out(false);
    for (text, why) in refused {
        assert_eq!(egress.read(text), Err(why), "{text}");
    }
    let long = format!("https://example.com/{}", "x".repeat(URL_LEN_MAX));
    assert_eq!(egress.read(&long), Err(Refusal::NotAnAddress));
    for text in ["https://example.com", "https://example.com:8443/a?b=c", "https://1.1.1.1/"] {
        assert!(egress.read(text).is_ok(), "{text}");
    }
}

#[test]
fn for_development_this_machine_is_let_in_and_nothing_else_inside() {
    let egress = out(true);
    for text in ["http://127.0.0.1:1/", "http://localhost/", "https://[::1]/"] {
        assert!(egress.read(text).is_ok(), "{text}");
    }
    assert_eq!(egress.read("http://example.com/"), Err(Refusal::Scheme));
    assert_eq!(egress.read("https://192.168.0.1/"), Err(Refusal::Inside));
}

/// A way out on which the answers to every look-up are these, one after another, the last for ever.
fn with_names(answers: &'static [&'static [&'static str]], loopback: bool) -> (Egress, Arc<AtomicUsize>) {
    boot::install_tls();
    let asked = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&asked);
    let lookup: Lookup = Arc::new(move |_| {
        let at = count.fetch_add(1, Ordering::Relaxed).min(answers.len() - 1);
        Box::pin(async move {
            let found: Vec<SocketAddr> =
                answers[at].iter().map(|text| SocketAddr::new(text.parse::<IpAddr>().unwrap(), 0)).collect();
            if found.is_empty() { Err(io::ErrorKind::NotFound.into()) } else { Ok(found) }
        })
    });
    (Egress::with_lookup(Settings { loopback }, Clock::system(), lookup).unwrap(), asked)
}

async fn asked(egress: &Egress, url: &str) -> Result<Answer, Error> {
    egress.post(&url.parse().unwrap(), &[], "{}".to_owned()).await
}

#[tokio::test]
async fn a_name_that_leads_inside_is_not_followed_there() {
    const INSIDE: [&[&[&str]]; 4] = [
        &[&["127.0.0.1"]],
        &[&["169.254.169.254"]],
        &[&["fd00:ec2::254"]],
        // One foot outside does not help.
        &[&["1.1.1.1", "10.0.0.1"]],
    ];
    for answers in INSIDE {
        let (egress, _) = with_names(answers, false);
        let refused = asked(&egress, "https://hook.example/").await;
        assert!(matches!(refused, Err(Error::Refused(Refusal::Inside))), "{answers:?}: {refused:?}");
    }
    let (egress, _) = with_names(&[&[]], false);
    assert!(matches!(asked(&egress, "https://hook.example/").await, Err(Error::Away(_))), "a name of nobody");
}

#[tokio::test]
async fn what_was_judged_is_what_is_connected_to() {
    let tasks = Tasks::new();
    let receiver = Receiver::start(&tasks, Clock::system()).await.unwrap();
    // The name is this machine's when it is asked first, and a place inside ever after.
    let (egress, looks) = with_names(&[&["127.0.0.1"], &["10.0.0.1"]], true);
    let url = format!("http://hook.localhost:{}/", receiver.addr.port());
    assert_eq!(asked(&egress, &url).await.unwrap(), Answer { status: 204 });
    assert_eq!(looks.load(Ordering::Relaxed), 1, "one look for one request");
    let moved = asked(&egress, &url).await;
    assert!(
        matches!(moved, Err(Error::Refused(Refusal::Inside))),
        "each request looks, and judges, anew: {moved:?}"
    );
    tasks.stop();
    tasks.ended().await;
}

#[tokio::test]
async fn a_redirect_is_an_answer_and_a_flood_is_cut_off() {
    let tasks = Tasks::new();
    let receiver = Receiver::start(&tasks, Clock::system()).await.unwrap();
    let egress = out(true);
    receiver.is("/away", Mood::Redirecting(receiver.url("/inside")));
    assert_eq!(asked(&egress, &receiver.url("/away")).await.unwrap(), Answer { status: 302 });
    assert_eq!(receiver.got("/inside"), [], "nobody went there");
    const FLOOD: u64 = 50_000_000;
    receiver.is("/flood", Mood::Flooding(FLOOD));
    assert!(matches!(asked(&egress, &receiver.url("/flood")).await, Err(Error::TooLong)));
    receiver.is("/drop", Mood::Dropping);
    assert!(matches!(asked(&egress, &receiver.url("/drop")).await, Err(Error::Away(_))));
    tasks.stop();
    tasks.ended().await;
    assert!(receiver.flooded() < FLOOD / 2, "{} bytes came before the line was cut", receiver.flooded());
}

#[tokio::test]
async fn whoever_hangs_is_left_after_a_while() {
    let (tasks, clock) = (Tasks::new(), Clock::hurried(5));
    boot::install_tls();
    let receiver = Receiver::start(&tasks, clock).await.unwrap();
    let egress = Egress::new(Settings { loopback: true }, clock).unwrap();
    receiver.is("/hang", Mood::Hanging);
    assert!(matches!(asked(&egress, &receiver.url("/hang")).await, Err(Error::TimedOut)));
    assert_eq!(receiver.got("/hang").len(), 1, "it was asked once");
    assert_eq!(receiver.addr.ip(), IpAddr::V4(Ipv4Addr::LOCALHOST));
    tasks.stop();
    tasks.ended().await;
}
