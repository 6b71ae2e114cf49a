//! Recordings as Ogg Opus (RFC 6716, RFC 7845), an eighth of the WAV's size or less.
//!
//! The encoder is a young one in pure Rust, so nothing relies on it unseen: [`length`] decodes a whole file
//! and says how long it is, before anybody gives up the original. It opens no file itself.

use std::io::{Read, Seek, Write};

use ogg::{PacketReader, PacketWriteEndInfo, PacketWriter};
use opus_rs::{Application, OpusDecoder, OpusEncoder};

use super::wav;

/// Samples of a channel in a packet: 20 ms at 8 kHz.
const PACKET: usize = 160;
/// Ogg Opus counts in samples of 48 kHz, six for each of ours.
const SCALE: u64 = 6;
/// What the encoder puts before the first sample, at 48 kHz: 6.5 ms, which a player leaves out again.
const PRE_SKIP: u16 = 312;
/// Bits per second for both channels together: far above what narrow-band speech needs.
const BITRATE: i32 = 32_000;
/// The stream's number within the file; there is only one.
const SERIAL: u32 = 1;
/// Largest packet the format knows, in bytes.
const PACKET_BYTES_MAX: usize = 1_276;
/// Packets on one page of the file, so that a player can begin near any second.
const PACKETS_PER_PAGE: u64 = 50;

/// Why a recording was not encoded, or is not one.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The recording to encode cannot be read.
    #[error(transparent)]
    Wav(#[from] wav::Error),
    /// The encoder or decoder refused.
    #[error("opus: {0}")]
    Codec(&'static str),
    /// The disk refused.
    #[error("cannot read or write Ogg")]
    Disk(#[from] std::io::Error),
    /// It is not Ogg, or Ogg that is damaged.
    #[error("not a whole Ogg file")]
    Ogg(#[from] ogg::OggReadError),
    /// It is Ogg, but not a two-channel Opus recording as written here.
    #[error("not an Opus recording: {0}")]
    NotOurs(&'static str),
}

/// Encodes a whole recording and says how many instants of 8 kHz it has.
///
/// # Errors
/// [`Error`]; what was written until then is of no use.
pub fn encode<R: Read, W: Write>(recording: &mut wav::Reader<R>, out: W) -> Result<u64, Error> {
    let mut encoder = OpusEncoder::new(8_000, 2, Application::Voip).map_err(Error::Codec)?;
    encoder.bitrate_bps = BITRATE;
    encoder.complexity = 5;
    let mut out = PacketWriter::new(out);
    out.write_packet(head(), SERIAL, PacketWriteEndInfo::EndPage, 0)?;
    out.write_packet(tags(), SERIAL, PacketWriteEndInfo::EndPage, 0)?;

    let mut block = [[0_i16; 2]; PACKET];
    let mut packet = [0_u8; PACKET_BYTES_MAX];
    let (mut samples, mut packets) = (0_u64, 0_u64);
    loop {
        let read = recording.read(&mut block)?;
        block[read..].fill([0; 2]);
        samples += read as u64;
        let bytes = encoder.encode_i16(block.as_flattened(), PACKET, &mut packet).map_err(Error::Codec)?;
        packets += 1;
        let encoded = packets * PACKET as u64 * SCALE;
        let end = u64::from(PRE_SKIP) + samples * SCALE;
        // The delay of the encoder is made up for by what comes after the last sample.
        let last = read < PACKET && encoded >= end;
        let (place, position) = match (last, packets % PACKETS_PER_PAGE) {
            (true, _) => (PacketWriteEndInfo::EndStream, end),
            (false, 0) => (PacketWriteEndInfo::EndPage, encoded),
            (false, _) => (PacketWriteEndInfo::NormalPacket, encoded),
        };
        out.write_packet(packet[..bytes].to_vec(), SERIAL, place, position)?;
        if last {
            out.into_inner().flush()?;
            return Ok(samples);
        }
    }
}

/// Decodes a whole recording and says how many instants of 8 kHz it has.
///
/// # Errors
/// [`Error`].
pub fn length<R: Read + Seek>(file: R) -> Result<u64, Error> {
    decode(file, |_| {})
}

/// Decodes a whole recording, hands out its sound (caller left, agent right, from -1 to 1 at 8 kHz) and says how
/// many instants it has.
///
/// # Errors
/// [`Error`].
pub fn decode<R: Read + Seek>(file: R, mut each: impl FnMut(&[[f32; 2]])) -> Result<u64, Error> {
    let mut packets = PacketReader::new(file);
    let first = packets.read_packet()?.ok_or(Error::NotOurs("it is empty"))?.data;
    if first.len() < 19 || !first.starts_with(b"OpusHead") || first[9] != 2 {
        return Err(Error::NotOurs("its head is another"));
    }
    let skip = u64::from(u16::from_le_bytes([first[10], first[11]])) / SCALE;
    let tags = packets.read_packet()?.ok_or(Error::NotOurs("it has no tags"))?.data;
    if !tags.starts_with(b"OpusTags") {
        return Err(Error::NotOurs("it has no tags"));
    }
    let mut decoder = OpusDecoder::new(8_000, 2).map_err(Error::Codec)?;
    let mut block = [[0_f32; 2]; PACKET];
    let (mut decoded, mut given) = (0_u64, 0_u64);
    let mut end = None;
    while let Some(packet) = packets.read_packet()? {
        let count = decoder.decode(&packet.data, PACKET, block.as_flattened_mut()).map_err(Error::Codec)?;
        let before = decoded;
        decoded += count as u64;
        if packet.last_in_stream() {
            end = Some(packet.absgp_page() / SCALE);
        }
        let from = skip.saturating_sub(before).min(count as u64);
        let to = end.map_or(count as u64, |end| end.saturating_sub(before).min(count as u64)).max(from);
        each(&block[from as usize..to as usize]);
        given += to - from;
    }
    let end = end.ok_or(Error::NotOurs("it is cut off"))?;
    if decoded < end {
        return Err(Error::NotOurs("it holds less than it says"));
    }
    Ok(given)
}

/// The identification header (RFC 7845 §5.1).
fn head() -> Vec<u8> {
    let mut head = b"OpusHead".to_vec();
    head.extend([1, 2]); // version, channels
    head.extend(PRE_SKIP.to_le_bytes());
    head.extend(wav::RATE_HZ.to_le_bytes());
    head.extend([0, 0, 0]); // output gain, mapping family: plain stereo
    head
}

/// The comment header (RFC 7845 §5.2): who wrote it, and which channel is whose.
fn tags() -> Vec<u8> {
    let mut tags = b"OpusTags".to_vec();
    let mut text = |text: &str| {
        tags.extend((text.len() as u32).to_le_bytes());
        tags.extend(text.as_bytes());
    };
    text("frontdesk");
    let comments = ["LEFT=caller", "RIGHT=agent"];
    let count = comments.len() as u32;
    tags.extend(count.to_le_bytes());
    for comment in comments {
        tags.extend((comment.len() as u32).to_le_bytes());
        tags.extend(comment.as_bytes());
    }
    tags
}
