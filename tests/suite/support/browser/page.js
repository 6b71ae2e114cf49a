// Looks at the page it is run in. Runs as the body of a function; its first argument says which looks are wanted,
// the second is what they need to know. Answers with sentences about what is wrong.
const [look, known] = arguments;
const found = [];

const shown = (element) => {
  if (!element.checkVisibility({ visibilityProperty: true, opacityProperty: true })) return false;
  const box = element.getBoundingClientRect();
  return box.width > 0 && box.height > 0;
};
// Kept for those who listen, at the size of a dot or clipped away.
const hiddenFromSight = (element) => {
  for (let it = element; it && it !== document.body; it = it.parentElement) {
    const style = getComputedStyle(it);
    const box = it.getBoundingClientRect();
    if (style.position === 'absolute' || style.position === 'fixed') {
      if (box.width <= 1.5 && box.height <= 1.5) return true;
      if (/inset\(50%|inset\(100%|rect\(0px, 0px, 0px, 0px\)|rect\(1px, 1px, 1px, 1px\)/.test(style.clipPath + style.clip)) return true;
    }
    // Off the page's left or upper edge: reached by the keyboard alone, and looked at there.
    if (box.right + scrollX <= 0 || box.bottom + scrollY <= 0) return true;
  }
  return false;
};
const INTERACTIVE = 'a[href], button, input:not([type=hidden]), select, textarea, summary, audio[controls], [tabindex], '
  + '[role=button], [role=link], [role=slider], [role=tab], [role=switch], [role=checkbox], [contenteditable=true]';
const words = (text) => text.replace(/\s+/g, ' ').trim();
const named = (element) => {
  const name = element.tagName.toLowerCase();
  if (element.id) return `<${name} id=${element.id}>`;
  for (const key of ['name', 'href', 'type', 'class']) {
    if (element.getAttribute(key)) return `<${name} ${key}=${element.getAttribute(key).slice(0, 60)}>`;
  }
  return `<${name}>`;
};
const quoted = (text) => `“${words(text).slice(0, 40)}”`;

const canvas = document.createElement('canvas');
canvas.width = canvas.height = 1;
const brush = canvas.getContext('2d', { willReadFrequently: true });
const rgba = (colour) => {
  brush.clearRect(0, 0, 1, 1);
  brush.fillStyle = '#000';
  brush.fillStyle = colour;
  brush.fillRect(0, 0, 1, 1);
  const [r, g, b, a] = brush.getImageData(0, 0, 1, 1).data;
  return [r, g, b, a / 255];
};
const over = (top, under) => {
  const a = top[3] + under[3] * (1 - top[3]);
  if (a === 0) return [0, 0, 0, 0];
  const mix = (i) => (top[i] * top[3] + under[i] * under[3] * (1 - top[3])) / a;
  return [mix(0), mix(1), mix(2), a];
};
// What lies behind an element, itself included; null where that is a picture.
const ground = (element) => {
  let colour = [0, 0, 0, 0];
  for (let it = element; it; it = it.parentElement) {
    const style = getComputedStyle(it);
    if (style.backgroundImage !== 'none' && colour[3] < 0.999) return null;
    colour = over(colour, rgba(style.backgroundColor));
    if (colour[3] >= 0.999) return colour;
  }
  return over(colour, rgba('canvas'));
};
const light = ([r, g, b]) => {
  const part = (value) => {
    const share = value / 255;
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
  };
  return 0.2126 * part(r) + 0.7152 * part(g) + 0.0722 * part(b);
};
const contrast = (one, other) => {
  const [high, low] = [light(one), light(other)].sort((a, b) => b - a);
  return (high + 0.05) / (low + 0.05);
};
const thinned = (element, colour) => {
  let all = 1;
  for (let it = element; it; it = it.parentElement) all *= Number(getComputedStyle(it).opacity);
  return [colour[0], colour[1], colour[2], colour[3] * all];
};
const figure = (value) => value.toFixed(2);

const looks = {
  structure() {
    const headings = [...document.querySelectorAll('h1, h2, h3, h4, h5, h6')].filter((it) => it.checkVisibility());
    const first = headings.filter((it) => it.tagName === 'H1').length;
    if (first !== 1) found.push(`there are ${first} headings of the first level instead of one`);
    let level = 0;
    for (const heading of headings) {
      const own = Number(heading.tagName[1]);
      if (own > level + 1) found.push(`the heading ${quoted(heading.innerText)} skips from level ${level} to ${own}`);
      if (!words(heading.innerText)) found.push(`a heading of level ${own} is empty`);
      level = own;
    }
    const ids = new Map();
    for (const element of document.querySelectorAll('[id]')) ids.set(element.id, (ids.get(element.id) ?? 0) + 1);
    for (const [id, count] of ids) if (count > 1) found.push(`the id ${id} is given ${count} times`);
    if (document.documentElement.lang !== known.language) {
      found.push(`the page says it is in “${document.documentElement.lang}” instead of “${known.language}”`);
    }
    if (!words(document.title)) found.push('the page has no title');
    if (/[\u2066-\u2069]/.test(document.title)) found.push('the title has marks of direction in it');
    const mains = document.querySelectorAll('main').length;
    if (mains !== 1) found.push(`there are ${mains} main parts instead of one`);
    for (const nav of document.querySelectorAll('nav')) {
      if (!nav.getAttribute('aria-label') && !nav.getAttribute('aria-labelledby')) found.push(`${named(nav)} has no name`);
    }
    const reached = [...document.querySelectorAll(INTERACTIVE)].find((it) => it.tabIndex >= 0 && it.checkVisibility());
    const skips = reached?.matches('a[href^="#"]') && document.getElementById(reached.hash.slice(1));
    if (reached && !skips) found.push(`what is reached first is ${named(reached)} and not a link past the beginning`);
    for (const table of document.querySelectorAll('table')) {
      if (!table.caption || !words(table.caption.textContent)) found.push(`${named(table)} has no caption`);
      for (const head of table.querySelectorAll('th')) {
        if (!head.scope) found.push(`the column head ${quoted(head.textContent)} of ${named(table)} has no scope`);
      }
      if (!table.querySelector('th')) found.push(`${named(table)} has no heads`);
    }
    for (const element of document.querySelectorAll('[tabindex]')) {
      if (element.tabIndex > 0) found.push(`${named(element)} is pushed to the front of the order by tabindex`);
    }
    for (const image of document.querySelectorAll('img')) {
      if (!image.hasAttribute('alt')) found.push(`${named(image)} has no text in its place`);
    }
    for (const picture of document.querySelectorAll('svg')) {
      const told = picture.getAttribute('aria-label') || picture.getAttribute('aria-labelledby') || picture.querySelector('title');
      if (picture.getAttribute('aria-hidden') !== 'true' && !told) found.push(`${named(picture)} has neither a name nor is it hidden`);
    }
    for (const key of ['aria-labelledby', 'aria-describedby', 'aria-controls', 'for']) {
      for (const element of document.querySelectorAll(`[${key}]`)) {
        for (const id of element.getAttribute(key).split(/\s+/).filter(Boolean)) {
          if (!document.getElementById(id)) found.push(`${named(element)} refers with ${key} to ${id}, which is not there`);
        }
      }
    }
    const places = new Map();
    for (const link of document.querySelectorAll('a[href]')) {
      if (!shown(link)) continue;
      const name = words(link.getAttribute('aria-label') ?? link.innerText);
      if (!name) continue;
      if (places.has(name) && places.get(name) !== link.href) found.push(`two links are called ${quoted(name)} and lead to different places`);
      places.set(name, link.href);
    }
    for (const element of document.querySelectorAll('[aria-label]')) {
      if (!element.matches(INTERACTIVE) || !shown(element)) continue;
      const seen = words(element.innerText ?? '').toLowerCase();
      if (seen && !words(element.getAttribute('aria-label')).toLowerCase().includes(seen)) {
        found.push(`${named(element)} shows ${quoted(seen)} and is called ${quoted(element.getAttribute('aria-label'))}`);
      }
    }
    const loud = { polite: 0, assertive: 0 };
    for (const region of document.querySelectorAll('[aria-live], [role=status], [role=alert], output')) {
      const live = region.getAttribute('aria-live') ?? (region.getAttribute('role') === 'alert' ? 'assertive' : 'polite');
      if (live in loud) loud[live] += 1;
    }
    for (const [kind, count] of Object.entries(loud)) {
      if (count > 1) found.push(`${count} regions speak up as ${kind}`);
    }
  },

  contrast() {
    const told = new Set();
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    for (let node = walker.nextNode(); node; node = walker.nextNode()) {
      const text = words(node.textContent);
      const element = node.parentElement;
      if (!text || !element || element.closest('script, style, noscript, template, title, desc, option, datalist')) continue;
      if (!shown(element) || hiddenFromSight(element)) continue;
      if (element.closest(':disabled, [aria-disabled=true]')) continue;
      const style = getComputedStyle(element);
      const under = ground(element);
      if (!under) {
        found.push(`the text ${quoted(text)} stands on a picture`);
        continue;
      }
      const inPicture = element.closest('svg');
      const colour = over(thinned(element, rgba(inPicture ? style.fill : style.color)), under);
      const size = parseFloat(style.fontSize);
      const large = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700);
      const wanted = large ? 3 : 4.5;
      const has = contrast(colour, under);
      if (has < wanted - 0.005) {
        const sentence = `the text ${quoted(text)} of ${named(element)} has a contrast of ${figure(has)} instead of ${wanted}`;
        if (!told.has(sentence)) found.push(sentence);
        told.add(sentence);
      }
    }
    const edged = 'input:not([type=hidden]):not([type=checkbox]):not([type=radio]):not([type=range]):not([type=color]):not([type=submit]), select, textarea';
    for (const field of document.querySelectorAll(edged)) {
      if (!shown(field) || hiddenFromSight(field) || field.disabled) continue;
      const style = getComputedStyle(field);
      const outside = ground(field.parentElement);
      if (!outside) continue;
      const edge = parseFloat(style.borderBottomWidth) > 0 && style.borderBottomStyle !== 'none'
        ? contrast(over(thinned(field, rgba(style.borderBottomColor)), outside), outside) : 1;
      const inside = contrast(ground(field) ?? outside, outside);
      const has = Math.max(edge, inside);
      if (has < 2.995) found.push(`the edge of ${named(field)} has a contrast of ${figure(has)} instead of 3`);
    }
    for (const icon of document.querySelectorAll('a svg, button svg, summary svg')) {
      if (!shown(icon) || hiddenFromSight(icon) || icon.closest(':disabled')) continue;
      const holder = icon.closest('a, button, summary');
      if (words(holder.innerText)) continue; // Its words say the same.
      const under = ground(icon.parentElement);
      if (!under) continue;
      const style = getComputedStyle(icon);
      const paint = style.fill !== 'none' && style.fill !== 'rgba(0, 0, 0, 0)' && icon.getAttribute('fill') !== 'none' ? style.fill : style.color;
      const has = contrast(over(thinned(icon, rgba(paint)), under), under);
      if (has < 2.995) found.push(`the icon in ${named(holder)} has a contrast of ${figure(has)} instead of 3`);
    }
  },

  targets() {
    for (const element of document.querySelectorAll(INTERACTIVE)) {
      if (!shown(element) || hiddenFromSight(element) || element.disabled || element.tabIndex < 0) continue;
      let box = element.getBoundingClientRect();
      let [width, height] = [box.width, box.height];
      for (const label of element.labels ?? []) {
        if (!element.matches('[type=checkbox], [type=radio]')) break;
        const own = label.getBoundingClientRect();
        [width, height] = [Math.max(width, own.width), Math.max(height, own.height)];
      }
      const runs = element.matches('a') && getComputedStyle(element).display === 'inline'
        && [...element.parentElement.childNodes].some((it) => it !== element && words(it.textContent ?? ''));
      if (runs) continue;
      const holdsFocusAlone = element.matches('main, section, article, [role=region], [role=log], h1, h2, table, div:not([role])');
      if (holdsFocusAlone) continue;
      const size = `${figure(width)} × ${figure(height)}`;
      if (width < 23.9 || height < 23.9) found.push(`${named(element)} ${quoted(element.innerText ?? '')} is ${size} large instead of 24 × 24`);
      const main = element.matches('button, [type=submit], .button, select, input:not([type=checkbox]):not([type=radio]):not([type=range]), textarea');
      if (known.touched && main && height < 43.9) {
        found.push(`${named(element)} ${quoted(element.innerText ?? '')} is ${size} large to a finger instead of 44 high`);
      }
    }
  },

  reflow() {
    const root = document.documentElement;
    if (root.scrollWidth <= root.clientWidth) return;
    const wide = [...document.body.querySelectorAll('*')].filter((element) => {
      if (element.getBoundingClientRect().right <= root.clientWidth + 1 || hiddenFromSight(element)) return false;
      for (let it = element.parentElement; it && it !== root; it = it.parentElement) {
        if (getComputedStyle(it).overflowX !== 'visible') return false;
      }
      return true;
    });
    const names = wide.slice(-3).map(named).join(', ');
    found.push(`at ${root.clientWidth} pixels the page is ${root.scrollWidth} wide: ${names}`);
  },

  // What is cut off, once text has grown.
  cut() {
    for (const element of document.body.querySelectorAll('*')) {
      if (!shown(element) || hiddenFromSight(element) || element.closest('svg')) continue;
      if (element.matches('input, select, textarea, audio, canvas, progress, meter')) continue;
      const style = getComputedStyle(element);
      const hides = (value) => value === 'hidden' || value === 'clip';
      if (hides(style.overflowY) && element.scrollHeight > element.clientHeight + 1) {
        found.push(`${named(element)} cuts ${quoted(element.innerText ?? '')} off: ${element.scrollHeight} of ${element.clientHeight} pixels high`);
      } else if (hides(style.overflowX) && element.scrollWidth > element.clientWidth + 1) {
        found.push(`${named(element)} cuts ${quoted(element.innerText ?? '')} off: ${element.scrollWidth} of ${element.clientWidth} pixels wide`);
      }
    }
  },

  textSize() {
    return parseFloat(getComputedStyle(document.body).fontSize);
  },

  // The distances of WCAG 1.4.12; a style element would be refused by the page's policy.
  space() {
    const sheet = new CSSStyleSheet();
    sheet.replaceSync('* { line-height: 1.5 !important; letter-spacing: 0.12em !important; word-spacing: 0.16em !important; } '
      + 'p { margin-bottom: 2em !important; }');
    document.adoptedStyleSheets = [...document.adoptedStyleSheets, sheet];
  },

  unspace() {
    document.adoptedStyleSheets = document.adoptedStyleSheets.slice(0, -1);
  },

  // A language that says everything two fifths longer, in compounds; what has no letters stays.
  lengthen() {
    const compound = 'Überlängenverträglichkeitsprüfungsvorschrift';
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    const nodes = [];
    while (walker.nextNode()) nodes.push(walker.currentNode);
    window.lengthened = [];
    for (const node of nodes) {
      const said = words(node.data);
      if (!/\p{L}{2}/u.test(said) || node.parentElement.closest('svg, script, style, template, code, kbd, textarea')) continue;
      window.lengthened.push([node, node.data]);
      const more = Math.ceil(said.length * 0.4);
      node.data = `${node.data.trimEnd()}${compound.repeat(Math.ceil(more / compound.length)).slice(0, more)} `;
    }
  },

  unlengthen() {
    for (const [node, data] of window.lengthened) node.data = data;
    delete window.lengthened;
  },

  fields() {
    for (const field of document.querySelectorAll('input:not([type=hidden]), select, textarea')) {
      if (!shown(field) || hiddenFromSight(field)) continue;
      const button = field.matches('[type=submit], [type=button], [type=reset], [type=image]');
      const size = parseFloat(getComputedStyle(field).fontSize);
      if (!button && !field.matches('[type=checkbox], [type=radio], [type=range], [type=color]') && size < 16) {
        found.push(`the letters in ${named(field)} are ${size} pixels high instead of 16`);
      }
      const label = [...(field.labels ?? [])].some((it) => words(it.innerText));
      if (!button && !label && !field.getAttribute('aria-label') && !field.getAttribute('aria-labelledby')) {
        found.push(`${named(field)} has no label`);
      }
      if (field.matches('[type=email], [type=tel], [type=password]') && !field.getAttribute('autocomplete')) {
        found.push(`${named(field)} does not say what may be filled in for it (autocomplete)`);
      }
      if (/phone|telephone|mobile/.test(field.name) && field.type === 'text') found.push(`${named(field)} takes a telephone number and is of type text`);
      const wrong = field.getAttribute('aria-invalid') === 'true';
      if (wrong && field.id && !document.querySelector(`a[href="#${CSS.escape(field.id)}"]`)) {
        found.push(`${named(field)} is marked as wrong, and nothing above says so`);
      }
      if (wrong && !field.getAttribute('aria-describedby')) found.push(`${named(field)} is marked as wrong without saying why`);
    }
    const refused = document.querySelector('[aria-invalid=true]');
    if (refused && !/^(Error|Fehler): /.test(document.title)) found.push('something was refused, and the title does not begin with it');
  },

  motion() {
    for (const animation of document.getAnimations()) {
      if (animation.playState === 'running') found.push(`${named(animation.effect.target)} moves for those who asked that nothing does`);
    }
  },

  bytes() {
    let sum = 0;
    for (const entry of [...performance.getEntriesByType('navigation'), ...performance.getEntriesByType('resource')]) {
      const place = new URL(entry.name);
      if (place.origin !== location.origin && place.protocol !== 'data:' && place.protocol !== 'blob:') found.push(`${place.origin} is asked for something`);
      // Neither sound counts, nor what a page that follows what happens asks for later.
      if (!['audio', 'video', 'fetch'].includes(entry.initiatorType)) sum += entry.transferSize;
    }
    if (sum >= known.bytesMax) found.push(`the page weighs ${sum} bytes instead of less than ${known.bytesMax}`);
  },
};

const value = looks[look]();
return value ?? found;
