// The small box of the timeline, and how its keys move: used by timeline.js.
import { el, setText, show } from "./dom.js";

// A small box with the details of the block that is pointed at, or has the focus.
export function startTip(tip) {
  const who = el("strong", { class: "other" });
  const when = el("span");
  let owner = null;
  tip.append(who, when);

  const hide = () => {
    owner = null;
    show(tip, false);
  };
  const place = (block) => {
    owner = block;
    setText(who, block.details.who);
    setText(when, block.details.when);
    show(tip, true);
    const at = block.getBoundingClientRect();
    const box = tip.getBoundingClientRect();
    const left = Math.min(
      Math.max(8, at.left + at.width / 2 - box.width / 2),
      document.documentElement.clientWidth - box.width - 8,
    );
    const above = at.top - box.height - 8;
    tip.style.left = `${left}px`;
    tip.style.top = `${above > 8 ? above : at.bottom + 8}px`;
  };
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape") hide();
  });
  // It goes along with its block, as long as that is in sight.
  const follow = () => {
    if (!owner) return;
    const { top, bottom } = owner.getBoundingClientRect();
    if (bottom < 0 || top > window.innerHeight) hide();
    else place(owner);
  };
  window.addEventListener("scroll", follow, { passive: true });
  return { place, hide, owner: () => owner };
}

// One block of all can be reached with the tab key; the arrow keys go on from there.
export function startKeys(root) {
  const linesOf = () =>
    [...root.querySelectorAll(".line")]
      .map((line) => [...line.querySelectorAll(".block, .opener")].sort((a, b) => left(a) - left(b)))
      .filter((line) => line.length);
  const left = (block) => parseFloat(block.style.left) || 0;
  const middle = (block) => left(block) + (parseFloat(block.style.width) || 0) / 2;
  const nearest = (line, block) =>
    line.reduce((best, other) =>
      Math.abs(middle(other) - middle(block)) < Math.abs(middle(best) - middle(block)) ? other : best,
    );

  const settle = (chosen) => {
    const all = linesOf().flat();
    const wanted = chosen ?? all.find((block) => block.tabIndex === 0) ?? all.at(0);
    for (const block of all) {
      const index = block === wanted ? 0 : -1;
      if (block.tabIndex !== index) block.tabIndex = index;
    }
  };
  const target = (key, block) => {
    const lines = linesOf();
    const y = lines.findIndex((line) => line.includes(block));
    const x = lines[y]?.indexOf(block);
    if (key === "ArrowRight") return lines[y][x + 1];
    if (key === "ArrowLeft") return lines[y][x - 1];
    if (key === "Home") return lines[y][0];
    if (key === "End") return lines[y].at(-1);
    if (key === "ArrowDown" && lines[y + 1]) return nearest(lines[y + 1], block);
    if (key === "ArrowUp" && y > 0) return nearest(lines[y - 1], block);
    return null;
  };
  root.addEventListener("keydown", (event) => {
    const block = event.target.closest(".block, .opener");
    if (!block || !["ArrowRight", "ArrowLeft", "ArrowUp", "ArrowDown", "Home", "End"].includes(event.key)) return;
    event.preventDefault();
    const next = target(event.key, block);
    if (!next) return;
    settle(next);
    next.focus();
  });
  return settle;
}

export function startPointing(root, tip) {
  const blockOf = (event) => event.target.closest?.(".block");
  const onBlock = (event) => blockOf(event) && tip.place(blockOf(event));
  root.addEventListener("pointerover", onBlock);
  root.addEventListener("focusin", onBlock);
  root.addEventListener("click", onBlock);
  root.addEventListener(
    "pointerout",
    (event) => blockOf(event) && blockOf(event) !== document.activeElement && tip.hide(),
  );
  root.addEventListener("focusout", tip.hide);
}
