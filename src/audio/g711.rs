//! μ-law (ITU-T G.711) to and from linear PCM.
//!
//! Decoding is one look into a table of 256 values; encoding is a few shifts. It never allocates.

/// The byte that decodes to zero: what a quiet line carries.
pub const SILENCE: u8 = 0xff;

/// Added to a magnitude before it is cut into segment and step, so that segments begin at powers of two.
const BIAS: i16 = 0x84;
/// The largest magnitude that can be told apart once the bias is added.
const CLIP: i16 = 0x7fff - BIAS;

static DECODED: [i16; 256] = table();

const fn table() -> [i16; 256] {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        // On the wire every bit is inverted.
        let code = !(byte as u8);
        let magnitude = ((((code & 0x0f) as i16) << 3) + BIAS) << ((code >> 4) & 7);
        table[byte] = if code & 0x80 == 0 { magnitude - BIAS } else { BIAS - magnitude };
        byte += 1;
    }
    table
}

/// The linear 16-bit sample behind a μ-law byte.
pub fn decode(byte: u8) -> i16 {
    DECODED[usize::from(byte)]
}

/// The μ-law byte that stands for a linear 16-bit sample.
pub fn encode(sample: i16) -> u8 {
    let sign = if sample < 0 { 0x80 } else { 0 };
    // One's complement for negative samples keeps -32768 in range.
    let magnitude = (if sample < 0 { !sample } else { sample }).min(CLIP) + BIAS;
    let segment = 8 - magnitude.leading_zeros();
    let step = ((magnitude >> (segment + 3)) & 0x0f) as u8;
    !(sign | ((segment as u8) << 4) | step)
}

/// Decodes as many bytes as there is room for, and says how many that were.
pub fn decode_into(bytes: &[u8], samples: &mut [i16]) -> usize {
    for (sample, byte) in samples.iter_mut().zip(bytes) {
        *sample = decode(*byte);
    }
    bytes.len().min(samples.len())
}

/// Encodes samples at the end of `bytes`.
pub fn encode_to(samples: &[i16], bytes: &mut Vec<u8>) {
    bytes.extend(samples.iter().map(|sample| encode(*sample)));
}
