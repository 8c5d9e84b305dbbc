// One stop of the Tab key for many things side by side: the arrow keys move among them. What has the focus keeps it.
import { setAttribute } from "./dom.js";

// Which of the boxes is meant by a key, from the one at `from`: its number. Boxes are { left, top, width, height } in
// reading order. Pure.
export function target(boxes, from, key) {
  const last = boxes.length - 1;
  if (key === "ArrowLeft") return Math.max(0, from - 1);
  if (key === "ArrowRight") return Math.min(last, from + 1);
  if (key === "Home") return 0;
  if (key === "End") return last;
  if (key !== "ArrowUp" && key !== "ArrowDown") return from;
  const down = key === "ArrowDown";
  const here = boxes[from];
  const middle = here.left + here.width / 2;
  let best = from;
  let bestRow = null;
  let bestAway = Infinity;
  boxes.forEach((box, i) => {
    if (down ? box.top <= here.top : box.top >= here.top) return;
    const away = Math.abs(box.left + box.width / 2 - middle);
    const nearer = bestRow === null || (down ? box.top < bestRow : box.top > bestRow);
    if (!nearer && (box.top !== bestRow || away >= bestAway)) return;
    best = i;
    bestRow = box.top;
    bestAway = away;
  });
  return best;
}

// For the children of a box that a selector names. settle() is called after each change of them.
export function startRoving(box, selector) {
  const all = () => [...box.querySelectorAll(`:scope > ${selector}`)];
  let stop = null;

  const settle = () => {
    const nodes = all();
    if (!nodes.includes(stop)) stop = nodes[0] ?? null;
    for (const node of nodes) setAttribute(node, "tabindex", node === stop ? "0" : "-1");
  };
  box.addEventListener("focusin", (event) => {
    const node = event.target.closest(selector);
    if (!node || node === stop || node.parentNode !== box) return;
    stop?.setAttribute("tabindex", "-1");
    stop = node;
    stop.setAttribute("tabindex", "0");
  });
  box.addEventListener("keydown", (event) => {
    if (event.altKey || event.ctrlKey || event.metaKey || !/^(Arrow(Left|Right|Up|Down)|Home|End)$/.test(event.key)) return;
    const nodes = all();
    const from = nodes.indexOf(document.activeElement);
    if (from < 0) return;
    event.preventDefault();
    nodes[target(nodes.map((node) => node.getBoundingClientRect()), from, event.key)].focus();
  });
  return { settle };
}
