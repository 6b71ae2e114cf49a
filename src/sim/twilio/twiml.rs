//! TwiML as Twilio reads it: the verbs this stand-in can follow, and no others.

use roxmltree::{Document, Node};

use super::Ring;

/// What Twilio allows of a stream's parameter, name and value together, in characters.
const PARAMETER_MAX: usize = 500;

/// One verb of a document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verb {
    /// `<Connect><Stream>`: the sound goes to a socket, until it closes.
    Connect {
        /// The socket's URL.
        url: String,
        /// What arrives as `start.customParameters`.
        parameters: Vec<(String, String)>,
        /// Where what follows is asked for.
        action: Option<String>,
    },
    /// `<Dial>`: somebody is rung for the caller.
    Ring(Ring),
    /// `<Gather>`: a key is asked for.
    Gather {
        /// Where the key is told.
        action: String,
        /// How long it is waited for, in seconds.
        timeout: u64,
        /// What is heard meanwhile.
        inside: Vec<Verb>,
    },
    /// `<Record>`: a message is taken.
    Record {
        /// Where what follows is asked for.
        action: String,
        /// Where it is told that the message was recorded.
        told: Option<String>,
    },
    /// `<Say>`.
    Say {
        /// The words.
        words: String,
        /// The language tag; empty if none was given.
        language: String,
    },
    /// `<Pause>`.
    Pause {
        /// How long.
        seconds: u64,
    },
    /// `<Hangup>`.
    Hangup,
    /// `<Reject>`.
    Reject,
}

/// Reads a document.
///
/// # Errors
///
/// What Twilio would refuse or warn about, in words.
pub fn parse(text: &str) -> Result<Vec<Verb>, String> {
    let document = Document::parse(text).map_err(|error| format!("not XML: {error}"))?;
    let root = document.root_element();
    if root.tag_name().name() != "Response" {
        return Err(format!("the root is <{}>, not <Response>", root.tag_name().name()));
    }
    only_attributes(root, &[])?;
    root.children().filter(Node::is_element).map(verb).collect()
}

fn verb(node: Node<'_, '_>) -> Result<Verb, String> {
    match node.tag_name().name() {
        "Connect" => {
            only_attributes(node, &["action", "method"])?;
            let inside: Vec<Node<'_, '_>> = node.children().filter(Node::is_element).collect();
            match inside[..] {
                [stream] if stream.tag_name().name() == "Stream" => {
                    connect(stream, node.attribute("action").map(str::to_owned))
                }
                _ => Err("<Connect> wants exactly one <Stream>".to_owned()),
            }
        }
        "Say" => {
            only_attributes(node, &["voice", "language", "loop"])?;
            let texts = node.descendants().filter(Node::is_text).filter_map(|inner| inner.text());
            let words: String = texts.collect();
            let words = words.split_whitespace().collect::<Vec<_>>().join(" ");
            if words.is_empty() {
                return Err("an empty <Say>".to_owned());
            }
            let language = node.attribute("language").unwrap_or_default().to_owned();
            Ok(Verb::Say { words, language })
        }
        "Pause" => {
            only_attributes(node, &["length"])?;
            let seconds = node.attribute("length").unwrap_or("1").parse();
            Ok(Verb::Pause { seconds: seconds.map_err(|_| "<Pause> of no length".to_owned())? })
        }
        "Dial" => ring(node),
        "Gather" => {
            only_attributes(node, &["action", "method", "numDigits", "timeout", "finishOnKey"])?;
            let inside = node.children().filter(Node::is_element).map(verb).collect::<Result<Vec<_>, _>>()?;
            if inside.iter().any(|inner| !matches!(inner, Verb::Say { .. } | Verb::Pause { .. })) {
                return Err("<Gather> holds <Say>, <Play> and <Pause> only".to_owned());
            }
            // Without an action it asks the same URL again, for ever (protocols.md §1.2).
            let action = node.attribute("action").ok_or("<Gather> without an action")?.to_owned();
            Ok(Verb::Gather { action, timeout: seconds(node, "timeout", 5)?, inside })
        }
        "Record" => {
            only_attributes(
                node,
                &[
                    "action",
                    "method",
                    "recordingStatusCallback",
                    "recordingStatusCallbackMethod",
                    "recordingStatusCallbackEvent",
                    "maxLength",
                    "timeout",
                    "finishOnKey",
                    "playBeep",
                ],
            )?;
            // Without an action it asks the same URL again, for ever (protocols.md §1.2).
            let action = node.attribute("action").ok_or("<Record> without an action")?.to_owned();
            seconds(node, "maxLength", 3_600)?;
            seconds(node, "timeout", 5)?;
            Ok(Verb::Record { action, told: node.attribute("recordingStatusCallback").map(str::to_owned) })
        }
        "Hangup" => only_attributes(node, &[]).map(|()| Verb::Hangup),
        "Reject" => only_attributes(node, &["reason"]).map(|()| Verb::Reject),
        other => Err(format!("the stand-in cannot follow <{other}>")),
    }
}

fn ring(node: Node<'_, '_>) -> Result<Verb, String> {
    only_attributes(node, &["action", "method", "timeout", "timeLimit", "answerOnBridge", "callerId"])?;
    let inside: Vec<Node<'_, '_>> = node.children().filter(Node::is_element).collect();
    let [number] = inside[..] else { return Err("<Dial> wants exactly one <Number>".to_owned()) };
    if number.tag_name().name() != "Number" {
        return Err(format!("the stand-in cannot dial a <{}>", number.tag_name().name()));
    }
    only_attributes(number, &["url", "method"])?;
    let digits = number.text().unwrap_or_default().trim().to_owned();
    if digits.parse::<crate::domain::phone::E164>().is_err() {
        return Err("<Number> without a number (13224)".to_owned());
    }
    let shown = node.attribute("callerId").map(str::to_owned);
    if shown.as_ref().is_some_and(|shown| shown.parse::<crate::domain::phone::E164>().is_err()) {
        return Err("<Dial> with a callerId that is no number (13214)".to_owned());
    }
    // A caller who hears nothing while the callee is told something thinks the line is dead.
    if number.attribute("url").is_some() && node.attribute("answerOnBridge") != Some("true") {
        return Err("<Number url> without answerOnBridge: the caller hears silence".to_owned());
    }
    Ok(Verb::Ring(Ring {
        number: digits,
        action: node.attribute("action").map(str::to_owned),
        url: number.attribute("url").map(str::to_owned),
        timeout: seconds(node, "timeout", 30)?,
        shown,
    }))
}

fn seconds(node: Node<'_, '_>, name: &str, usual: u64) -> Result<u64, String> {
    let wrong = || format!("<{} {name}> is no number of seconds", node.tag_name().name());
    node.attribute(name).map_or(Ok(usual), |value| value.parse().map_err(|_| wrong()))
}

fn connect(stream: Node<'_, '_>, action: Option<String>) -> Result<Verb, String> {
    only_attributes(stream, &["url", "name", "statusCallback", "statusCallbackMethod"])?;
    let url = stream.attribute("url").ok_or("<Stream> without a url")?.to_owned();
    let parsed = url::Url::parse(&url).map_err(|_| format!("<Stream url=\"{url}\"> is no URL (31923)"))?;
    let loopback = matches!(parsed.host_str(), Some("127.0.0.1" | "localhost" | "[::1]"));
    // Plain ws is Twilio's error 31922; a demo on loopback has no certificate to show.
    if parsed.scheme() != "wss" && !(parsed.scheme() == "ws" && loopback) {
        return Err(format!("<Stream url=\"{url}\"> is not wss (31922)"));
    }
    if parsed.query().is_some() {
        return Err("the <Stream> url has a query, which Twilio drops".to_owned());
    }
    let mut parameters = vec![];
    for inner in stream.children().filter(Node::is_element) {
        if inner.tag_name().name() != "Parameter" {
            return Err(format!("<Stream> with <{}> in it", inner.tag_name().name()));
        }
        only_attributes(inner, &["name", "value"])?;
        let name = inner.attribute("name").ok_or("<Parameter> without a name")?.to_owned();
        let value = inner.attribute("value").ok_or("<Parameter> without a value")?.to_owned();
        if name.chars().count() + value.chars().count() >= PARAMETER_MAX {
            return Err(format!("<Parameter name=\"{name}\"> is longer than {PARAMETER_MAX} characters"));
        }
        parameters.push((name, value));
    }
    Ok(Verb::Connect { url, parameters, action })
}

fn only_attributes(node: Node<'_, '_>, known: &[&str]) -> Result<(), String> {
    match node.attributes().find(|attribute| !known.contains(&attribute.name())) {
        Some(unknown) => Err(format!("<{} {}> is not known", node.tag_name().name(), unknown.name())),
        None => Ok(()),
    }
}
