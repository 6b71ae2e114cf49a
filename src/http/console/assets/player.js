// The player of a recording: both sides as waves, and the transcript that follows. Without it the browser's own player stays.

const BARS = 240;

function position(seconds) {
  const whole = Math.floor(seconds);
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, "0")}`;
}

function peaks(channel) {
  const step = Math.max(1, Math.floor(channel.length / BARS));
  const found = [];
  for (let bar = 0; bar < BARS; bar += 1) {
    let most = 0;
    for (let i = bar * step; i < Math.min((bar + 1) * step, channel.length); i += 8) most = Math.max(most, Math.abs(channel[i]));
    found.push(most);
  }
  return found;
}

const made = (name, attributes) => {
  const element = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  return element;
};

async function draw(player, audio) {
  const answer = await fetch(audio.src, { credentials: "same-origin" });
  if (!answer.ok) return;
  const context = new OfflineAudioContext(2, 8000, 8000);
  const sound = await context.decodeAudioData(await answer.arrayBuffer());
  const wave = made("svg", { class: "wave", viewBox: `0 0 ${BARS} 100`, preserveAspectRatio: "none", "aria-hidden": "true" });
  const sides = [["up", 0], ["down", Math.min(1, sound.numberOfChannels - 1)]];
  for (const [name, channel] of sides) {
    peaks(sound.getChannelData(channel)).forEach((most, bar) => {
      const height = Math.max(0.5, most * 48);
      wave.append(made("rect", { class: name, x: bar, width: 0.8, y: name === "up" ? 50 - height : 50, height }));
    });
  }
  const at = made("line", { class: "at", x1: 0, x2: 0, y1: 0, y2: 100, "vector-effect": "non-scaling-stroke" });
  wave.append(at);
  wave.addEventListener("click", (event) => {
    const box = wave.getBoundingClientRect();
    audio.currentTime = ((event.clientX - box.left) / box.width) * audio.duration;
  });
  audio.addEventListener("timeupdate", () => {
    const x = (audio.currentTime / audio.duration) * BARS;
    at.setAttribute("x1", x); at.setAttribute("x2", x);
  });
  player.prepend(wave);
}

for (const player of document.querySelectorAll("[data-player]")) {
  const audio = player.querySelector("audio");
  const turns = [...document.querySelectorAll("[data-from]")];
  audio.addEventListener("timeupdate", () => {
    const now = audio.currentTime * 1000;
    let current = null;
    for (const turn of turns) if (Number(turn.dataset.from) <= now) current = turn;
    for (const turn of turns) turn.toggleAttribute("aria-current", turn === current && !audio.paused);
  });
  for (const turn of turns) {
    const from = turn.querySelector(".when");
    const button = document.createElement("button");
    button.type = "button";
    button.className = "plain when";
    button.textContent = from.textContent;
    button.setAttribute("aria-label", `${player.dataset.play}: ${from.textContent}`);
    button.addEventListener("click", () => { audio.currentTime = Number(turn.dataset.from) / 1000; audio.play(); });
    from.replaceWith(button);
  }
  draw(player, audio).catch(() => { /* the browser's own player is there */ });
}
