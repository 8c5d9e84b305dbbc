// A colour for each user, the same in timeline and report. The name decides which; where another user has that one already,
// the next free one is taken, so that few users never share a colour.
const HUES = 8;
const taken = new Map();

function hash(name) {
  let value = 7;
  for (const character of name) value = (value * 31 + character.codePointAt(0)) >>> 0;
  return value;
}

export function hueOf(name) {
  if (taken.has(name)) return taken.get(name);
  const used = new Set(taken.values());
  let hue = hash(name) % HUES;
  for (let i = 0; i < HUES && used.size < HUES && used.has(hue); i++) hue = (hue + 1) % HUES;
  taken.set(name, hue);
  return hue;
}

// Gives users their colours in an order that does not depend on who is drawn first.
export function meet(names) {
  for (const name of [...new Set(names)].sort()) hueOf(name);
}
