// What makes pages quicker and live. Every page works without it.

/** Puts a page's region in place of the one that is shown; focus, caret and scroll stay where they are. */
export function swap(id, page) {
  const old = document.getElementById(id);
  const fresh = page.getElementById(id);
  if (!old || !fresh || old.innerHTML === fresh.innerHTML) return;
  const active = document.activeElement;
  const inside = active && active !== old && old.contains(active) && active.id;
  const caret = inside && "selectionStart" in active ? [active.selectionStart, active.selectionEnd] : null;
  // Somebody is typing here: what they type is theirs.
  if (inside && active.matches("input, textarea, select") && active.value !== active.defaultValue) return;
  const open = new Set([...old.querySelectorAll("details[open][id]")].map((one) => one.id));
  const [x, y] = [window.scrollX, window.scrollY];
  old.replaceChildren(...document.adoptNode(fresh).childNodes);
  for (const one of open) document.getElementById(one)?.setAttribute("open", "");
  if (inside) {
    const again = document.getElementById(inside);
    again?.focus({ preventScroll: true });
    if (again && caret && caret[0] !== null) again.setSelectionRange(...caret);
  }
  window.scrollTo(x, y);
  old.dispatchEvent(new CustomEvent("swapped", { bubbles: true }));
}

/** A page, read. */
export async function page(url, options = {}) {
  const answer = await fetch(url, { credentials: "same-origin", headers: { accept: "text/html" }, ...options });
  const text = await answer.text();
  return { answer, page: new DOMParser().parseFromString(text, "text/html") };
}

const told = () => document.getElementById("told");

/** Says something to whoever looks or listens. */
export function tell(words) {
  const line = document.createElement("p");
  line.textContent = words;
  told()?.replaceChildren(line);
}

// Forms and links that change one region only. What was asked for before an act, or during one, is older than its answer.
let acts = 0;
document.addEventListener("submit", async (event) => {
  const form = event.target;
  const id = form.dataset.swap;
  if (!id || event.defaultPrevented) return;
  event.preventDefault();
  const data = new URLSearchParams(new FormData(form, event.submitter));
  const get = form.method.toLowerCase() === "get";
  const url = new URL(form.getAttribute("action") || location.href, location.href);
  if (get) url.search = data.toString();
  acts += 1;
  try {
    const { answer, page: fresh } = await page(url, get ? {} : { method: "POST", body: data });
    acts += 1;
    // Nothing was done: the page says why, and keeps what was typed.
    if (!get && !answer.redirected && !fresh.getElementById(id) && [401, 409].includes(answer.status)) {
      delete form.dataset.swap;
      form.requestSubmit(event.submitter);
      return;
    }
    if (!fresh.getElementById(id) || elsewhere(fresh)) { location.assign(answer.url); return; }
    swap(id, fresh);
    swap("told", fresh);
    if (get) history.replaceState(null, "", url);
    const summary = document.querySelector("[data-focus]");
    summary?.focus();
  } catch {
    tell(document.body.dataset.lost);
  }
});

/** Whether a page is another tenant's, to which somebody went in another tab. */
const elsewhere = (fresh) => fresh.body.dataset.tenant !== document.body.dataset.tenant;

// Regions that follow what happens. One question at a time, so that no answer comes after a later one's.
const LONGEST = 15_000; // that an answer is waited for, in milliseconds
const waiting = new Set();
let soon = null;
let asking = false;
async function refresh() {
  asking = true;
  const [ids, before] = [[...waiting], acts];
  waiting.clear();
  try {
    const { answer, page: fresh } = await page(location.href, { signal: AbortSignal.timeout(LONGEST) });
    // What stands here is not mixed with another tenant's.
    if (elsewhere(fresh)) tell(document.body.dataset.elsewhere);
    else if (before !== acts) for (const id of ids) waiting.add(id);
    else if (answer.ok) for (const id of ids) swap(id, fresh);
  } catch { /* the next event tries again */ }
  [asking, soon] = [false, null];
  follow();
}
function follow() {
  if (waiting.size && !asking && !soon) soon = setTimeout(refresh, 200);
}
function happened(kind) {
  for (const region of document.querySelectorAll("[data-live]")) {
    if (region.dataset.live.split(" ").includes(kind)) waiting.add(region.id);
  }
  follow();
}
export const kinds = ["ringing", "answered", "turn", "tool_ended", "held", "resumed", "muted", "unmuted", "listening", "listening_over", "passed_on", "transfer", "recording", "ended", "appointment", "clash", "missed"];
if (document.body.dataset.events && document.querySelector("[data-live]")) {
  const events = new EventSource(document.body.dataset.events);
  let lost = false;
  for (const kind of kinds) events.addEventListener(kind, () => happened(kind));
  events.onopen = () => {
    if (lost) { lost = false; told()?.replaceChildren(); }
    // Something may have happened since the page was made.
    happened("missed");
    document.documentElement.dataset.live = "yes";
  };
  events.onerror = () => { lost = true; tell(document.body.dataset.lost); };
  addEventListener("pagehide", () => events.close());
}

// What was typed is not lost by leaving: asked once.
let unsaved = false;
document.addEventListener("input", (event) => { if (event.target.closest("form[data-keep]")) unsaved = true; });
document.addEventListener("submit", () => { unsaved = false; });
addEventListener("beforeunload", (event) => { if (unsaved) { event.preventDefault(); } });

// Sliders say where they stand.
document.addEventListener("input", (event) => {
  const output = event.target.type === "range" && document.querySelector(`output[data-of="${event.target.id}"]`);
  if (output) output.value = event.target.value;
});

// Menus close by Escape and by a click elsewhere.
document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  for (const menu of document.querySelectorAll("[data-menu][open]")) {
    menu.removeAttribute("open");
    menu.querySelector("summary").focus();
  }
});
document.addEventListener("click", (event) => {
  for (const menu of document.querySelectorAll("[data-menu][open]")) if (!menu.contains(event.target)) menu.removeAttribute("open");
});

// Keys: / goes to the search, ? lists the keys.
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest("input, textarea, select")) return;
  const search = document.querySelector("[data-search]");
  if (event.key === "/" && search) { event.preventDefault(); search.focus(); }
  if (event.key === "?") document.getElementById("keys")?.showModal();
});

// What is wrong with a form is read first.
document.querySelector("[data-focus]")?.focus();

// A link's token stands behind the mark, where no server sees it.
const field = document.querySelector("[data-token] input");
const token = new URLSearchParams(location.hash.slice(1)).get("token");
if (field && token) {
  field.value = token;
  field.closest("[data-token]").hidden = true;
  history.replaceState(null, "", location.pathname);
  const form = field.closest("form");
  if (form.hasAttribute("data-send-token")) form.requestSubmit();
}
for (const zone of document.querySelectorAll("[data-zone]")) zone.value = Intl.DateTimeFormat().resolvedOptions().timeZone;
