// Dark, light, or what the system says. A plain script in the head: it runs before anything is drawn, so that
// nobody sees a flash of the other colours. app.js uses window.theme for the choice in the header.
"use strict";

window.theme = (() => {
  const KEY = "canhazgpu-theme";
  const KINDS = ["dark", "light", "system"];
  const system = window.matchMedia("(prefers-color-scheme: light)");
  let choice = "dark";

  // Storage can be forbidden: then the choice lasts as long as the page.
  try {
    const kept = window.localStorage.getItem(KEY);
    if (KINDS.includes(kept)) choice = kept;
  } catch {
    choice = "dark";
  }

  const apply = () => {
    const shown = choice === "system" ? (system.matches ? "light" : "dark") : choice;
    document.documentElement.dataset.theme = shown;
  };

  const choose = (kind) => {
    choice = KINDS.includes(kind) ? kind : "dark";
    try {
      window.localStorage.setItem(KEY, choice);
    } catch {
      // Not kept, but shown.
    }
    apply();
  };

  system.addEventListener("change", apply);
  // Another tab of the same page.
  window.addEventListener("storage", (event) => {
    if (event.key !== KEY || !KINDS.includes(event.newValue)) return;
    choice = event.newValue;
    apply();
    document.dispatchEvent(new Event("theme"));
  });
  apply();
  return { choose, choice: () => choice };
})();
