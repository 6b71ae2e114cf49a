//! A QR code as SVG, drawn from a text. Knows nothing of what the text says.

use askama::Template;
use qrcodegen::{QrCode, QrCodeEcc};

/// Light modules around the code, without which it is not found.
const QUIET: i32 = 4;

/// A QR code in a page: dark on light, however the page is coloured.
#[derive(Template)]
#[template(
    source = "<svg class=\"qr\" role=\"img\" aria-label=\"{{ label }}\" viewBox=\"0 0 {{ size }} {{ size }}\" \
              shape-rendering=\"crispEdges\"><rect width=\"{{ size }}\" height=\"{{ size }}\" fill=\"#fff\"/>\
              <path d=\"{{ path }}\" fill=\"#000\"/></svg>",
    ext = "html",
    config = ".askama.toml"
)]
pub struct Qr {
    label: String,
    size: i32,
    path: String,
}

impl askama::filters::HtmlSafe for Qr {}

impl Qr {
    /// The code of that text; `None` for a text that is too long for one.
    pub fn of(text: &str, label: impl std::fmt::Display) -> Option<Self> {
        let code = QrCode::encode_text(text, QrCodeEcc::Medium).ok()?;
        let size = code.size();
        let mut path = String::new();
        for y in 0..size {
            let mut x = 0;
            while x < size {
                let begin = x;
                while x < size && code.get_module(x, y) {
                    x += 1;
                }
                if x > begin {
                    let (left, top, wide) = (begin + QUIET, y + QUIET, x - begin);
                    path.push_str(&format!("M{left} {top}h{wide}v1h-{wide}z"));
                } else {
                    x += 1;
                }
            }
        }
        Some(Self { label: label.to_string(), size: size + 2 * QUIET, path })
    }
}
