// The page on a wall: nothing but the answer, the GPUs and the queue, as large as fits, and nothing to scroll.
import { setAttribute, setText } from "./dom.js";

// Letters for a screen of that size, in pixels. Pure.
export function letters(width, height) {
  return Math.round(Math.min(40, Math.max(9, Math.min(width / 90, height / 50))) * 10) / 10;
}

// show(choice, href): whether the page is one, and where its link leads.
export function startWall(link) {
  let on = false;

  const fit = () => {
    document.documentElement.style.fontSize = on ? `${letters(window.innerWidth, window.innerHeight)}px` : "";
  };
  window.addEventListener("resize", fit);
  return {
    show(choice, href) {
      setAttribute(link, "href", href);
      setText(link, choice.wall ? "Leave the wall" : "Wall");
      if (on === choice.wall) return;
      on = choice.wall;
      setAttribute(document.body, "data-wall", on ? "" : null);
      fit();
    },
  };
}
