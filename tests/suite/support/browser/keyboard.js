// What has the focus, looked at when it has it. `step` is what the walk is to do: "begin", "here" or "end".
window.walk = (step) => {
const words = (text) => (text ?? '').replace(/\s+/g, ' ').trim().slice(0, 40);
const named = (element) => {
  const name = element.tagName.toLowerCase();
  for (const key of ['id', 'name', 'href', 'class']) {
    if (element.getAttribute(key)) return `<${name} ${key}=${element.getAttribute(key).slice(0, 60)}> “${words(element.innerText)}”`;
  }
  return `<${name}> “${words(element.innerText)}”`;
};
const STOPS = 'a[href], button, input:not([type=hidden]), select, textarea, summary, audio[controls], [tabindex], [contenteditable=true]';
const shown = (element) => {
  const box = element.getBoundingClientRect();
  return element.checkVisibility({ visibilityProperty: true }) && box.width > 0 && box.height > 0;
};

if (step === 'begin') {
  document.activeElement?.blur();
  getSelection().removeAllRanges();
  scrollTo(0, 0);
  // The walk begins at the top, wherever somebody had clicked before.
  const start = document.createElement('span');
  start.tabIndex = -1;
  document.body.prepend(start);
  start.focus();
  start.remove();
  window.walked = new Map();
  return null;
}

if (step === 'end') {
  const found = [];
  const groups = new Set([...window.walked.keys()].filter((it) => it.type === 'radio').map((it) => it.name));
  for (const element of document.querySelectorAll(STOPS)) {
    if (element.tabIndex < 0 || element.disabled || !shown(element) || element.closest('[inert]')) continue;
    if (element.type === 'radio' && groups.has(element.name)) continue;
    if (!window.walked.has(element)) found.push(`${named(element)} is not reached by the keyboard`);
  }
  delete window.walked;
  delete window.walk;
  return found;
}

const element = document.activeElement;
if (!element || element === document.body || element === document.documentElement) return { over: true, found: [] };
const found = [];
const times = window.walked.get(element) ?? 0;
window.walked.set(element, times + 1);
// A field for a date or a player has several places of its own.
if (window.last === element) return { over: times > 12, found };
if (times > 0) return { over: true, found: times > 12 ? [`the keyboard does not get past ${named(element)}`] : [] };
const before = window.last;
window.last = element;

const box = element.getClientRects()[0] ?? element.getBoundingClientRect();
const style = getComputedStyle(element);
const outlined = style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) >= 2;
if (!outlined && !element.matches(':is(audio, video)')) found.push(`${named(element)} does not show that it has the focus`);

if (outlined && style.outlineStyle !== 'auto') {
  const canvas = document.createElement('canvas');
  canvas.width = canvas.height = 1;
  const brush = canvas.getContext('2d', { willReadFrequently: true });
  const rgba = (colour) => {
    brush.clearRect(0, 0, 1, 1);
    brush.fillStyle = colour;
    brush.fillRect(0, 0, 1, 1);
    const [r, g, b, a] = brush.getImageData(0, 0, 1, 1).data;
    return [r, g, b, a / 255];
  };
  let under = [255, 255, 255, 1];
  // A ring inside the edge stands on the element itself.
  const inside = parseFloat(style.outlineOffset) < 0;
  for (let it = inside ? element : element.parentElement; it; it = it.parentElement) {
    const colour = rgba(getComputedStyle(it).backgroundColor);
    if (colour[3] > 0.99) { under = colour; break; }
    if (!it.parentElement) under = rgba('canvas');
  }
  const part = (value) => (value / 255 <= 0.04045 ? value / 255 / 12.92 : ((value / 255 + 0.055) / 1.055) ** 2.4);
  const light = ([r, g, b]) => 0.2126 * part(r) + 0.7152 * part(g) + 0.0722 * part(b);
  const [high, low] = [light(rgba(style.outlineColor)), light(under)].sort((a, b) => b - a);
  const has = (high + 0.05) / (low + 0.05);
  if (has < 2.995) found.push(`the ring around ${named(element)} has a contrast of ${has.toFixed(2)} instead of 3`);
}

const left = Math.max(box.left, 0) + Math.min(4, box.width / 4);
const right = Math.min(box.right, innerWidth) - Math.min(4, box.width / 4);
// A browser brings the place where somebody writes into sight, not all of a large field.
const middle = (Math.max(box.top, 0) + Math.min(box.bottom, innerHeight)) / 2;
const mine = (x) => {
  const there = document.elementFromPoint(x, middle);
  return there && (element.contains(there) || there.contains(element) && there.matches('label') || [...(element.labels ?? [])].some((it) => it.contains(there)));
};
const inSight = Math.min(box.bottom, innerHeight) - Math.max(box.top, 0) >= Math.min(box.height, 16);
if (box.width > 1.5 && !(inSight && [left, (left + right) / 2, right].every(mine))) {
  found.push(`${named(element)} is covered, or out of sight, when it has the focus`);
}

if (before && before.isConnected) {
  const earlier = before.getBoundingClientRect();
  const own = element.getBoundingClientRect();
  const part = (it) => it.closest('header, nav, main, aside, footer, dialog, [role=dialog]');
  // Within a part of the page the focus goes down or to the right, never back up in the same column.
  const fixed = (it) => { for (; it; it = it.parentElement) if (/fixed|sticky/.test(getComputedStyle(it).position)) return true; return false; };
  const up = own.bottom <= earlier.top + 1 && own.left < earlier.right && own.right > earlier.left;
  if (part(before) === part(element) && up && !fixed(element) && !fixed(before)) found.push(`the focus goes from ${named(before)} back up to ${named(element)}`);
}
return { over: false, found };
};
