// Words of a call as they are heard, and the test call of an assistant's page: the same media stream as the telephone's,
// with this browser at its end.
/** A page, asked for with a form that says nothing but for which tenant it was made. */
async function post(url) {
  const body = new URLSearchParams({ "made-for": document.body.dataset.tenant });
  const answer = await fetch(url, { method: "POST", credentials: "same-origin", headers: { accept: "text/html" }, body });
  return { answer, page: new DOMParser().parseFromString(await answer.text(), "text/html") };
}

/** Writes down what is said and done in a call, as it is heard. `box` holds the words for it. */
function follow(call, box, log, state, ended) {
  const tools = new Map([...box.querySelector("[data-tools]").content.children].map((one) => [one.dataset.tool, one.textContent]));
  const who = (speaker) => (speaker === "agent" ? box.dataset.agent : box.dataset.caller);
  const open = new Map();
  const line = (name, kind) => {
    const item = document.createElement("li");
    item.className = kind;
    const words = document.createElement("p");
    if (name) {
      const head = document.createElement("p");
      head.className = "who";
      head.textContent = name;
      item.append(head);
    }
    item.append(words);
    log.append(item);
    // The list moves, not the page: what somebody is about to press stays where it is.
    log.scrollTop = log.scrollHeight;
    return words;
  };
  const turn = (speaker) => {
    if (!open.has(speaker)) open.set(speaker, line(who(speaker), `turn ${speaker}`));
    return open.get(speaker);
  };
  const events = new EventSource(`/console/calls/${call}/events`);
  const on = (kind, does) => events.addEventListener(kind, ({ data }) => does(JSON.parse(data)));
  on("speaking", ({ speaker }) => { if (state) state.textContent = box.dataset.speaks.replace("…", who(speaker)); });
  on("heard", ({ speaker, text }) => { turn(speaker).textContent = text; });
  on("turn", ({ speaker, text, heard }) => { turn(speaker).textContent = heard || text; open.delete(speaker); });
  on("tool_ended", ({ tool }) => { if (tools.has(tool)) line("", "tool").textContent = tools.get(tool); });
  on("ended", () => { events.close(); ended(); });
  addEventListener("pagehide", () => events.close());
}

const live = document.getElementById("live");
if (live) {
  live.hidden = false;
  follow(live.dataset.call, live, live.querySelector("ol"), live.querySelector("[data-state]"), () => { live.hidden = true; });
}

const ear = document.getElementById("listen");
if (ear) listen(ear);

/** Listens to a call in the air: both sides, each on a line of its own. */
function listen(box) {
  const [start, stop, state] = ["listen-start", "listen-stop", "listen-state"].map((id) => document.getElementById(id));
  const behind = 50; // frames of the caller's that may wait: a second
  let leave = null;
  box.hidden = false;
  const listening = (yes) => {
    const [shown, gone] = yes ? [stop, start] : [start, stop];
    const focused = document.activeElement === gone;
    [start.disabled, start.hidden, stop.hidden] = [false, yes, !yes];
    if (focused) shown.focus({ preventScroll: true });
  };
  start.addEventListener("click", async () => {
    start.disabled = true;
    const context = new AudioContext();
    try {
      await context.audioWorklet.addModule(box.dataset.worklet);
      const line = () => {
        const node = new AudioWorkletNode(context, "line", { outputChannelCount: [1] });
        node.connect(context.destination);
        return node.port;
      };
      const sides = { inbound: line(), outbound: line() };
      const url = new URL(box.dataset.door, location.href);
      url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
      const socket = new WebSocket(url);
      let opened = false;
      leave = () => socket.close();
      socket.onopen = () => { opened = true; listening(true); state.textContent = box.dataset.listening; };
      socket.onclose = () => {
        leave = null;
        context.close();
        listening(false);
        state.textContent = opened ? box.dataset.over : box.dataset.broken;
      };
      socket.onmessage = ({ data }) => {
        const message = JSON.parse(data);
        if (message.event === "clear") sides.outbound.postMessage({ clear: true });
        if (message.event !== "media") return;
        const { track, payload } = message.media;
        const sound = Uint8Array.from(atob(payload), (one) => one.charCodeAt(0));
        sides[track].postMessage({ sound, most: track === "inbound" ? behind : 0 });
      };
    } catch {
      context.close();
      listening(false);
      state.textContent = box.dataset.broken;
    }
  });
  stop.addEventListener("click", () => leave?.());
  addEventListener("pagehide", () => leave?.());
}

const box = document.getElementById("try");
if (box) begin(box);

function begin(box) {
  const part = (id) => document.getElementById(id);
  const [start, end, keep, state, log, link] = ["try-start", "try-end", "try-keep", "try-state", "try-log", "try-call"].map(part);
  box.querySelector(".try-plain").hidden = true;
  box.querySelector(".try-acts").hidden = false;
  let call = null;

  const say = (words) => { state.textContent = words; };
  start.addEventListener("click", async () => {
    start.disabled = true;
    log.replaceChildren();
    link.hidden = true;
    try {
      call = await ring();
    } catch (problem) {
      say(why(problem));
      start.disabled = false;
    }
  });
  end.addEventListener("click", () => call?.stop());
  addEventListener("pagehide", () => call?.stop());
  keep.addEventListener("click", async () => {
    const { answer, page: fresh } = await post(`/console/calls/${call.id}/keep`);
    keep.hidden = answer.ok;
    say(answer.ok ? box.dataset.kept : fresh.querySelector(".lead")?.textContent ?? box.dataset.broken);
  });

  function why(problem) {
    if (problem.words) return problem.words;
    if (problem.name === "NotAllowedError" || problem.name === "SecurityError") return box.dataset.refused;
    if (problem.name === "NotFoundError" || problem.name === "NotReadableError") return box.dataset.none;
    return box.dataset.broken;
  }

  async function ring() {
    if (!navigator.mediaDevices) throw new DOMException("", "NotFoundError");
    const wanted = { echoCancellation: true, noiseSuppression: true, autoGainControl: true, channelCount: 1 };
    const sound = await navigator.mediaDevices.getUserMedia({ audio: wanted });
    const stopSound = () => sound.getTracks().forEach((track) => track.stop());
    try {
      say(box.dataset.ringing);
      const { answer, page: fresh } = await post(box.dataset.test);
      const told = fresh.getElementById("line")?.dataset;
      if (!answer.ok || !told) throw { words: fresh.querySelector(".lead")?.textContent };
      const context = new AudioContext();
      await context.audioWorklet.addModule(box.dataset.worklet);
      const node = new AudioWorkletNode(context, "line", { outputChannelCount: [1] });
      context.createMediaStreamSource(sound).connect(node).connect(context.destination);
      return talk(told, node, () => { stopSound(); context.close(); });
    } catch (problem) {
      stopSound();
      throw problem;
    }
  }

  function talk(told, node, hangUp) {
    const url = new URL(told.media, location.href);
    url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
    const socket = new WebSocket(url);
    let [sequence, frames, over] = [0, 0, false];
    const send = (message) => {
      if (socket.readyState !== WebSocket.OPEN) return;
      sequence += 1;
      socket.send(JSON.stringify({ sequenceNumber: String(sequence), streamSid: told.streamSid, ...message }));
    };
    const finish = () => {
      if (over) return;
      over = true;
      hangUp();
      [start.disabled, start.hidden, end.hidden, keep.hidden] = [false, false, true, true];
      box.querySelector(".try-levels").hidden = true;
      link.href = `/console/calls/${told.call}`;
      link.hidden = false;
      say(box.dataset.over);
      start.focus({ preventScroll: true });
    };
    socket.onopen = () => {
      socket.send(JSON.stringify({ event: "connected", protocol: "Call", version: "1.0.0" }));
      send({
        event: "start",
        start: {
          accountSid: told.account, streamSid: told.streamSid, callSid: told.callSid, tracks: ["inbound"],
          mediaFormat: { encoding: "audio/x-mulaw", sampleRate: 8000, channels: 1 },
          customParameters: { token: told.token },
        },
      });
      [start.hidden, end.hidden, keep.hidden] = [true, false, false];
      box.querySelector(".try-levels").hidden = false;
      end.focus({ preventScroll: true });
      say(box.dataset.talking);
    };
    node.port.onmessage = ({ data }) => {
      if (data.mark) send({ event: "mark", mark: { name: data.mark } });
      if (data.frame) {
        const payload = btoa(String.fromCharCode(...data.frame));
        send({ event: "media", media: { track: "inbound", chunk: String(frames + 1), timestamp: String(frames * 20), payload } });
        frames += 1;
      }
      if ("heard" in data) {
        document.getElementById("try-you").value = data.heard;
        document.getElementById("try-agent").value = data.spoken;
      }
    };
    socket.onmessage = ({ data }) => {
      const message = JSON.parse(data);
      if (message.event === "media") node.port.postMessage({ sound: Uint8Array.from(atob(message.media.payload), (one) => one.charCodeAt(0)) });
      if (message.event === "mark") node.port.postMessage({ mark: message.mark.name });
      if (message.event === "clear") node.port.postMessage({ clear: true });
    };
    socket.onclose = finish;

    follow(told.call, box, log, null, () => { socket.close(); finish(); });
    return {
      id: told.call,
      stop() {
        send({ event: "stop", stop: {} });
        socket.close();
        finish();
      },
    };
  }
}
