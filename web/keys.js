// Keys for the whole page: / searches, g goes to a GPU, ? explains them.
import { byId, setText } from "./dom.js";

// Where letters are text.
const isTyping = (node) => node.closest("input:not([type=radio]), textarea, select, [contenteditable]") !== null;

export function startKeys(goTo) {
  const help = byId("help");
  const go = byId("go");
  const number = byId("go-number");
  const problem = byId("go-problem");

  const keys = {
    "/": () => {
      byId("search").focus();
      byId("search").select();
    },
    "g": () => {
      number.value = "";
      setText(problem, "");
      go.showModal();
    },
    "?": () => help.showModal(),
  };
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
    if (!Object.hasOwn(keys, event.key) || isTyping(event.target) || document.querySelector("dialog[open]")) return;
    event.preventDefault();
    keys[event.key]();
  });
  byId("go-form").addEventListener("submit", (event) => {
    event.preventDefault();
    const id = Number(number.value);
    const there = /^\d+$/.test(number.value.trim());
    go.close();
    if (there && goTo(id)) return;
    go.showModal();
    setText(problem, `There is no GPU ${number.value.trim()}.`);
    number.setAttribute("aria-invalid", "true");
    number.select();
  });
  number.addEventListener("input", () => {
    setText(problem, "");
    number.removeAttribute("aria-invalid");
  });
  byId("keys").addEventListener("click", () => help.showModal());
  for (const dialog of [help, go]) {
    dialog.addEventListener("click", (event) => event.target === dialog && dialog.close());
    dialog.querySelector(".close").addEventListener("click", () => dialog.close());
  }
}
