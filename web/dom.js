// Small words for building and patching the page in place. What is there is changed only where it differs, so that focus,
// selection and scroll position stay. Text goes in as text, never as markup.
import { shown } from "./format.js";

const SVG = "http://www.w3.org/2000/svg";

export const byId = (id) => document.getElementById(id);

// el("dd", {class: "user"}, child, "text"): a new element; attributes that are null are left out.
export function el(tag, attributes, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes ?? {})) {
    if (value !== null && value !== undefined) node.setAttribute(name, value);
  }
  node.append(...children);
  return node;
}

// One of the symbols of index.html.
export function icon(name) {
  const svg = document.createElementNS(SVG, "svg");
  const use = document.createElementNS(SVG, "use");
  svg.setAttribute("class", "icon");
  svg.setAttribute("aria-hidden", "true");
  svg.append(use);
  setIcon(svg, name);
  return svg;
}

export function setIcon(svg, name) {
  setAttribute(svg.firstChild, "href", `#icon-${name}`);
}

export function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

// null takes the attribute away.
export function setAttribute(node, name, value) {
  if (value === null) node.removeAttribute(name);
  else if (node.getAttribute(name) !== String(value)) node.setAttribute(name, value);
}

export function show(node, visible) {
  // Symbols have no property for it.
  if (node.hasAttribute("hidden") === visible) node.toggleAttribute("hidden", !visible);
}

// Makes the children of parent one view per item, in their order. keyOf(item) names an item, create(item) makes its
// view: an object with a node and update(item). Views of items that are gone are removed, the others are kept and
// moved only where they must; what has the focus keeps it.
export function patchList(parent, items, keyOf, create) {
  const old = parent.views ?? new Map();
  const views = new Map();
  const focused = parent.contains(document.activeElement) ? document.activeElement : null;
  for (const item of items) {
    const key = keyOf(item);
    if (views.has(key)) continue;
    const view = old.get(key) ?? create(item);
    views.set(key, view);
    view.update(item);
  }
  for (const [key, view] of old) if (!views.has(key)) view.node.remove();
  let place = parent.firstElementChild;
  for (const { node } of views.values()) {
    // One that has moved towards the end is stepped over: it is put where it belongs in its turn.
    if (place && node === place.nextElementSibling) place = node;
    if (node === place) place = place.nextElementSibling;
    else parent.insertBefore(node, place);
  }
  if (focused?.isConnected && document.activeElement !== focused) focused.focus({ preventScroll: true });
  parent.views = views;
  return views;
}

// Texts from this length on are cut, with a button that shows the rest.
const LONG = 160;

// Other people's text of any length: isolated, control characters spelled out, and cut to a few lines with a button for
// the whole of it where it is long.
export function otherText(className = "") {
  const text = el("span", { class: "other" });
  const button = el("button", { type: "button", class: "more", "aria-expanded": "false" }, "Show all");
  const node = el("span", { class: `other-text ${className}`.trim() }, text);
  let open = false;
  let value = null;

  const draw = () => {
    text.classList.toggle("cut", !open && node.contains(button));
    setAttribute(button, "aria-expanded", open);
    setText(button, open ? "Show less" : "Show all");
  };
  button.addEventListener("click", () => {
    open = !open;
    draw();
  });
  const set = (next) => {
    if (next === value) return;
    value = next;
    const safe = shown(next ?? "");
    const long = safe.length > LONG || safe.split("\n").length > 3;
    setText(text, safe);
    if (long && !node.contains(button)) node.append(button);
    if (!long) button.remove();
    draw();
  };
  return { node, set };
}

// A row of a description list. set(null) hides it; the value is other people's text.
export function row(label, className = "") {
  const value = otherText();
  const node = el("div", { class: `row ${className}`.trim() }, el("dt", null, label), el("dd", null, value.node));
  const set = (text) => {
    show(node, text !== null && text !== undefined && text !== "");
    value.set(text ?? "");
  };
  set(null);
  return { node, set };
}

// How far a bar reaches. It is moved, not resized: a width that changes slowly is laid out again for each frame.
export function setBar(fill, percent) {
  const transform = `translateX(${percent - 100}%)`;
  if (fill.style.transform !== transform) fill.style.transform = transform;
}

// A bar with its number, also for screen readers. set(part, text): part 0 to 1, null: unknown.
export function meter(label) {
  const number = el("span", { class: "meter-number" });
  const fill = el("div", { class: "fill" });
  const track = el(
    "div",
    { class: "track", role: "meter", "aria-label": label, "aria-valuemin": 0, "aria-valuemax": 100 },
    fill,
  );
  const node = el(
    "div",
    { class: "meter" },
    el("span", { class: "meter-label", "aria-hidden": "true" }, label),
    number,
    track,
  );
  number.setAttribute("aria-hidden", "true");
  const set = (part, text) => {
    show(node, part !== null);
    if (part === null) return;
    const percent = Math.round(Math.min(Math.max(part, 0), 1) * 1000) / 10;
    setBar(fill, percent);
    setAttribute(track, "aria-valuenow", Math.round(percent));
    setAttribute(track, "aria-valuetext", text);
    setText(number, text);
  };
  set(null);
  return { node, set };
}
