// The controls of what is shown: search, order, cards or tiles, and the links of the totals.
import { isFiltered, keepChoice, readChoice, writeChoice } from "./choice.js";
import { byId, setText, show } from "./dom.js";
import { plural } from "./format.js";

const KEY = "canhazgpu-view";

function remembered() {
  try {
    return JSON.parse(window.localStorage.getItem(KEY));
  } catch {
    return null;
  }
}

function remember(choice) {
  try {
    window.localStorage.setItem(KEY, JSON.stringify(keepChoice(choice)));
  } catch {
    // Storage can be forbidden: then it lasts as long as the page.
  }
}

// Calls onChange() after each change. choice() is what is chosen now, link(part) the address with a change of it.
export function startTools(onChange) {
  const search = byId("search");
  const sort = byId("sort");
  const density = byId("density");
  let choice = readChoice(new URLSearchParams(window.location.search), remembered());

  const address = (next) => {
    const text = writeChoice(window.location.search, next).toString();
    return `${window.location.pathname}${text ? `?${text}` : ""}`;
  };
  const draw = () => {
    if (search.value !== choice.query) search.value = choice.query;
    sort.value = choice.sort;
    for (const input of density.querySelectorAll("input")) input.checked = input.value === choice.density;
  };
  const set = (part) => {
    choice = { ...choice, ...part };
    window.history.replaceState(null, "", address(choice) + window.location.hash);
    if (!choice.wall) remember(choice);
    draw();
    onChange();
  };

  search.addEventListener("input", () => set({ query: search.value }));
  search.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    if (choice.query !== "") set({ query: "" });
    else search.blur();
    event.preventDefault();
  });
  sort.addEventListener("change", () => set({ sort: sort.value }));
  density.addEventListener("change", (event) => set({ density: event.target.value }));
  byId("show-all").addEventListener("click", () => {
    set({ query: "", state: "" });
    search.focus();
  });
  // Links of the totals: they work without being loaded again, and as addresses in another window.
  byId("totals").addEventListener("click", (event) => {
    const link = event.target.closest("a[data-filter]");
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    set({ state: choice.state === link.dataset.filter ? "" : link.dataset.filter });
  });
  draw();
  return {
    choice: () => choice,
    link: (part) => address({ ...choice, ...part }),
    // Says how many are left out.
    showCount(shown, all) {
      show(byId("filtered"), isFiltered(choice));
      setText(byId("filtered-text"), `${shown} of ${plural(all, "GPU")} shown`);
    },
  };
}
