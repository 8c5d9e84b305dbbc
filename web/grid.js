// The GPUs as cards, or, where there are many, as tiles; on a wall in the size in which all of them fit.
import { choose } from "./choose.js";
import { createCard } from "./cards.js";
import { patchList, setAttribute, setText, show } from "./dom.js";
import { balance, cardSpan, densityOf, fitWall, pack } from "./fit.js";
import { stateOf } from "./states.js";
import { startRoving } from "./roving.js";
import { createTile } from "./tiles.js";

// In rem.
const CARD_WIDTH = 15;
const CARD_GAP = 1;
// That a laptop has.
const CARD_COLUMNS = 4;
const TILE_WIDTH = 5.875;
// With the name of a node.
const NODE_TILE_WIDTH = 7.25;
const TILE_GAP = 0.5;
const NARROW = 40;
const WALL_GAP_PX = 4;

const rem = () => parseFloat(getComputedStyle(document.documentElement).fontSize);
const EMPTY = "This pool has no GPUs. An administrator can create one with: canhazgpu admin --gpus N";

// What a change of which is worth a glance.
const stateAndUser = ({ gpus: [gpu] }) => `${gpu.status} ${gpu.user ?? ""}`;

// A view that flashes once where something happened to what it shows.
function flashing(view) {
  const { update } = view;
  let before = null;
  return {
    ...view,
    update(item) {
      const next = stateAndUser(item);
      if (before !== null && before !== next) {
        view.node.classList.remove("changed");
        requestAnimationFrame(() => view.node.classList.add("changed"));
      }
      before = next;
      update(item);
    },
  };
}

// A view that is as wide as its item says.
function placed(view) {
  let before = 0;
  return {
    ...view,
    update(item) {
      if (before !== item.span) view.node.style.gridColumnEnd = `span ${item.span}`;
      before = item.span;
      view.update(item);
    },
  };
}

// show(gpus, queue, choice) draws, tick() lets the times go on, find(id) is the node of a GPU. `open(id)` is called where
// somebody wants to know all of a tile.
export function startGrid(box, empty, open) {
  let data = null;
  let kind = "";
  let size = null;
  let views = new Map();
  let fitted = { key: "", fit: null };

  const measure = () => ({ width: box.clientWidth, height: box.clientHeight, rem: rem() });
  const wallFit = (groups) => {
    const key = [size.width, size.height, ...groups.map(({ gpus }) => gpus.length)].join();
    if (fitted.key !== key) fitted = { key, fit: fitWall(groups, size.width, size.height, WALL_GAP_PX) };
    return fitted.fit;
  };

  // Which view of the groups fits: { kind, columns, order, fit }.
  const layout = (groups, { gpus, choice }) => {
    const free = choice.sort === "free";
    const isSame = (a, b) => free && stateOf(a.gpus[0]) === stateOf(b.gpus[0]);
    if (choice.wall) {
      const fit = wallFit(groups);
      return { kind: "wall", columns: fit.columns, order: pack(groups, fit.columns).order, fit };
    }
    const narrow = size.width < NARROW * size.rem;
    if (densityOf({ gpus: gpus.length, narrow, chosen: choice.density }) === "cards") {
      const cells = groups.reduce((sum, tile) => sum + cardSpan(tile.gpus.length, CARD_COLUMNS), 0);
      const columns = balance(size.width, CARD_WIDTH * size.rem, CARD_GAP * size.rem, cells);
      return { kind: "cards", columns, order: pack(groups, columns, isSame, cardSpan).order };
    }
    const gap = TILE_GAP * size.rem;
    const least = !narrow && gpus.some(({ node }) => node !== undefined) ? NODE_TILE_WIDTH : TILE_WIDTH;
    const columns = Math.max(1, Math.floor((size.width + gap) / (least * size.rem + gap)));
    return { kind: "tiles", columns, order: pack(groups, columns, isSame).order };
  };

  const find = (id) => box.querySelector(`[data-gpu~="${id}"]`);

  const setKind = (next) => {
    if (kind === next) return;
    kind = next;
    box.replaceChildren();
    box.views = undefined;
    setAttribute(box, "data-kind", kind);
  };

  const draw = () => {
    if (!data || !size) return;
    const groups = choose(data.gpus, data.choice);
    const { kind: next, columns, order, fit } = layout(groups, data);
    setKind(next);
    box.style.setProperty("--columns", columns);
    setAttribute(box, "data-level", fit?.level ?? null);
    if (fit) {
      box.style.setProperty("--tile-height", `${fit.height}px`);
      box.style.setProperty("--tile-width", `${fit.width}px`);
    }
    const had = document.activeElement?.closest("[data-gpu]");
    const focused = had && box.contains(had) ? had.dataset.gpu.split(" ") : null;
    views = patchList(
      box,
      order.map(({ tile, span }) => ({ ...tile, span })),
      ({ key }) => key,
      () => placed(flashing(kind === "cards" ? createCard(() => data.queue) : createTile())),
    );
    roving.settle();
    // Its tile may be another one now.
    if (focused && !box.contains(document.activeElement)) find(focused[0])?.focus({ preventScroll: true });
    show(empty, data.gpus.length === 0 || order.length === 0);
    setText(empty, data.gpus.length === 0 ? EMPTY : "No GPU matches.");
    return order.reduce((sum, { tile }) => sum + tile.gpus.length, 0);
  };

  const roving = startRoving(box, ".tile");
  box.addEventListener("click", (event) => {
    const tile = event.target.closest(".tile");
    if (tile) open(Number(tile.dataset.gpu.split(" ")[0]));
  });
  new ResizeObserver(() => {
    const next = measure();
    if (size && size.width === next.width && size.rem === next.rem && (kind !== "wall" || size.height === next.height))
      return;
    size = next;
    draw();
  }).observe(box);

  return {
    // Returns how many GPUs are shown.
    show(gpus, queue, choice) {
      data = { gpus, queue, choice };
      size ??= measure();
      return draw();
    },
    tick() {
      for (const view of views.values()) view.tick();
    },
    find,
    kind: () => kind,
  };
}
