// All of one GPU, or of the reservation that has it: over the page, as long as somebody looks at it.
import { gpuNumbers } from "./answer.js";
import { gpuNamed, groupGpus } from "./choose.js";
import { gpuOfHash } from "./choice.js";
import { createCard } from "./cards.js";
import { byId, setAttribute, setText, show } from "./dom.js";
import { personOf, shortText } from "./format.js";

const withoutHash = () => window.location.pathname + window.location.search;

// A link to the history of a GPU, or of a user: the timeline hears of it without a new page.
function startHistory(link, close) {
  let whose = {};

  link.addEventListener("click", (event) => {
    if (event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    close();
    document.dispatchEvent(new CustomEvent("whose", { detail: whose }));
  });
  return (next, words) => {
    whose = next;
    show(link, words !== "");
    setText(link, words);
    setAttribute(link, "href", `?${new URLSearchParams(next)}#timeline-title`);
  };
}

// goTo(id) shows a GPU: on its card where the grid has cards, else in the dialog. show(gpus, queue) after each change.
export function startDetails(grid) {
  const dialog = byId("details");
  const body = byId("details-body");
  let data = { gpus: [], queue: [] };
  let view = null;
  let shownId = null;
  // What the address asks for, until the GPUs are there.
  let wanted = gpuOfHash(window.location.hash);

  const historyOfGpu = startHistory(byId("details-gpu"), () => dialog.close());
  const historyOfUser = startHistory(byId("details-user"), () => dialog.close());
  const update = () => {
    const group = groupGpus(data.gpus).find(({ gpus }) => gpus.some(({ gpu_id: id }) => id === shownId));
    if (!group) {
      dialog.close();
      return;
    }
    const gpu = group.gpus.find(({ gpu_id: id }) => id === shownId);
    view.update(group);
    historyOfGpu({ gpu: shownId }, `History of GPU ${gpuNumbers([gpu])}`);
    historyOfUser({ user: personOf(gpu) }, gpu.user ? `History of ${shortText(gpu.user)}` : "");
  };
  const open = (id) => {
    if (!data.gpus.some(({ gpu_id: other }) => other === id)) return false;
    shownId = id;
    if (!view) {
      view = createCard(() => data.queue, "h2");
      body.append(view.node);
    }
    update();
    window.history.replaceState(null, "", `#gpu-${id}`);
    if (!dialog.open) dialog.showModal();
    return true;
  };
  // True if there is such a GPU.
  const goTo = (id) => {
    const card = grid.kind() === "cards" ? grid.find(id) : null;
    if (!card) return open(id);
    window.history.replaceState(null, "", `#gpu-${id}`);
    card.scrollIntoView({ block: "center" });
    card.focus({ preventScroll: true });
    return true;
  };

  dialog.addEventListener("close", () => {
    // Opened by a link or by its number: the focus, where it was nowhere before, goes on from there.
    const had = document.activeElement;
    if (had === document.body || dialog.contains(had)) grid.find(shownId)?.focus();
    shownId = null;
    view = null;
    body.replaceChildren();
    if (gpuOfHash(window.location.hash) !== null) window.history.replaceState(null, "", withoutHash());
  });
  // Beside the box is the dialog itself.
  dialog.addEventListener("click", (event) => event.target === dialog && dialog.close());
  byId("details-close").addEventListener("click", () => dialog.close());
  window.addEventListener("hashchange", () => {
    const id = gpuOfHash(window.location.hash);
    if (id !== null) goTo(id);
  });
  return {
    goTo,
    named: (text) => gpuNamed(data.gpus, text),
    show(gpus, queue) {
      data = { gpus, queue };
      if (shownId !== null) update();
      if (wanted === null) return;
      const id = wanted;
      wanted = null;
      goTo(id);
    },
    tick: () => view?.tick(),
  };
}
