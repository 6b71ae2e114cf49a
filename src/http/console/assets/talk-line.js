// The line of a test call: from the microphone to 8 kHz μ-law and back, in step with what is played.

const LINE = 8000;
const FRAME = 160; // 20 ms

const BIAS = 0x84;
const CLIP = 32635;

/** One sample from -1 to 1 as μ-law (G.711). */
function encode(sample) {
  let value = Math.round(Math.max(-1, Math.min(1, sample)) * 32767);
  const sign = value < 0 ? 0x80 : 0;
  if (sign) value = -value;
  value = Math.min(value, CLIP) + BIAS;
  let exponent = 7;
  for (let mask = 0x4000; (value & mask) === 0 && exponent > 0; mask >>= 1) exponent -= 1;
  return ~(sign | (exponent << 4) | ((value >> (exponent + 3)) & 0x0f)) & 0xff;
}

/** μ-law as a sample from -1 to 1. */
function decode(byte) {
  const value = ~byte & 0xff;
  const magnitude = ((((value & 0x0f) << 3) + BIAS) << ((value >> 4) & 7)) - BIAS;
  return (value & 0x80 ? -magnitude : magnitude) / 32768;
}

/** Nothing above what the line carries may be left before it is thinned out: a windowed sinc. */
function filter(rate) {
  const cut = Math.min(3400, rate * 0.45) / rate;
  const half = Math.max(8, Math.round(rate / LINE * 8));
  const taps = new Float32Array(2 * half + 1);
  let sum = 0;
  for (let at = -half; at <= half; at += 1) {
    const ideal = at === 0 ? 2 * cut : Math.sin(2 * Math.PI * cut * at) / (Math.PI * at);
    const hann = 0.5 + 0.5 * Math.cos(Math.PI * at / (half + 1));
    taps[at + half] = ideal * hann;
    sum += taps[at + half];
  }
  return taps.map((tap) => tap / sum);
}

class Line extends AudioWorkletProcessor {
  constructor() {
    super();
    this.taps = filter(sampleRate);
    this.past = new Float32Array(this.taps.length);
    this.at = 0; // where in `past` the next sample goes
    this.due = 0; // of a line's sample, how much has passed
    this.last = 0;
    this.frame = new Uint8Array(FRAME);
    this.filled = 0;
    this.queue = []; // sound and marks, as they came
    this.step = 0; // how far between `from` and `to` the ear is
    this.from = 0;
    this.to = 0;
    this.heard = 0;
    this.spoken = 0;
    this.quanta = 0;
    this.port.onmessage = ({ data }) => this.told(data);
  }

  told(data) {
    if (data.sound) this.queue.push({ sound: data.sound, at: 0 });
    // Whoever only listens hears what is said, not what was said a while ago.
    while (data.most && this.queue.length > data.most) this.queue.shift();
    if (data.mark) this.queue.push({ mark: data.mark });
    if (data.clear) {
      // What is forgotten is told at once, as at Twilio.
      for (const piece of this.queue) if (piece.mark) this.port.postMessage({ mark: piece.mark });
      this.queue = [];
    }
    this.pass();
  }

  /** Marks are played when all before them is. */
  pass() {
    while (this.queue.length && this.queue[0].mark) this.port.postMessage({ mark: this.queue.shift().mark });
  }

  next() {
    this.pass();
    const piece = this.queue[0];
    if (!piece) return 0;
    const sample = decode(piece.sound[piece.at]);
    piece.at += 1;
    if (piece.at === piece.sound.length) { this.queue.shift(); this.pass(); }
    return sample;
  }

  hear(sample) {
    this.past[this.at] = sample;
    this.at = (this.at + 1) % this.past.length;
    this.due += LINE / sampleRate;
    if (this.due < 1) return;
    this.due -= 1;
    let sum = 0;
    for (let tap = 0; tap < this.taps.length; tap += 1) sum += this.taps[tap] * this.past[(this.at + tap) % this.past.length];
    this.heard = Math.max(this.heard, Math.abs(sum));
    this.frame[this.filled] = encode(sum);
    this.filled += 1;
    if (this.filled === FRAME) {
      this.port.postMessage({ frame: this.frame });
      this.frame = new Uint8Array(FRAME);
      this.filled = 0;
    }
  }

  process(inputs, outputs) {
    const input = inputs[0];
    const output = outputs[0];
    const length = output[0]?.length ?? 128;
    for (let i = 0; i < length; i += 1) {
      let sample = 0;
      for (const channel of input) sample += channel[i] / input.length;
      this.hear(sample);
      this.step += LINE / sampleRate;
      while (this.step >= 1) {
        this.step -= 1;
        this.from = this.to;
        this.to = this.next();
      }
      const played = this.from + (this.to - this.from) * this.step;
      this.spoken = Math.max(this.spoken, Math.abs(played));
      for (const channel of output) channel[i] = played;
    }
    this.quanta += 1;
    if (this.quanta % 24 === 0) {
      this.port.postMessage({ heard: this.heard, spoken: this.spoken });
      this.heard = this.spoken = 0;
    }
    return true;
  }
}

registerProcessor("line", Line);
