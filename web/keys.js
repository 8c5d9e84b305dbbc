// Keys for the whole page: / searches, g goes to a GPU, ? explains them.
import { byId, setAttribute, setText } from "./dom.js";

// Where letters are text.
const isTyping = (node) => node.closest("input:not([type=radio]), textarea, select, [contenteditable]") !== null;

// goTo(text) shows the GPU of that number: true if there is one.
export function startKeys(goTo) {
  const help = byId("help");
  const go = byId("go");
  const number = byId("go-number");
  const problem = byId("go-problem");

  const setProblem = (text) => {
    setText(problem, text);
    setAttribute(number, "aria-invalid", text === "" ? null : "true");
  };
  const keys = {
    "/": () => {
      byId("search").focus();
      byId("search").select();
    },
    "g": () => {
      number.value = "";
      setProblem("");
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
    const text = number.value.trim();
    go.close();
    if (goTo(text)) return;
    go.showModal();
    setProblem(text === "" ? "Type the number of a GPU." : `There is no GPU ${text}.`);
    number.select();
  });
  number.addEventListener("input", () => setProblem(""));
  byId("keys").addEventListener("click", () => help.showModal());
  for (const dialog of [help, go]) {
    dialog.addEventListener("click", (event) => event.target === dialog && dialog.close());
    dialog.querySelector(".close").addEventListener("click", () => dialog.close());
  }
}
