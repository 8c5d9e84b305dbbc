// The state of every GPU in a few rows of cells, in the order of their numbers: for screens on which the tiles are longer
// than the first look. A cell is a link to all about its GPU.
import { byNode, gpuNumbers, nodeShort, numberOf } from "./answer.js";
import { isMeant } from "./choose.js";
import { el, icon, patchList, setAttribute, setIcon, setText, show } from "./dom.js";
import { overviewColumns, overviewNodes } from "./fit.js";
import { shortText, shown } from "./format.js";
import { startRoving } from "./roving.js";
import { idleSeconds, isCollected, stateOf } from "./states.js";
import { holder, isHeld, remarks } from "./words.js";

// In rem.
const CELL_WIDTH = 2.0625;
const CELL_GAP = 0.1875;
// The name of a node, before its row; a node's numbers are short.
const NODE_WIDTH = 3.5;
const NODE_CELL_WIDTH = 1.875;

// "GPU 3: In use, alice, needs attention".
function cellWords(gpu) {
  const parts = [stateOf(gpu).label, isHeld(gpu) ? shortText(holder(gpu)) : "", idleSeconds(gpu) === null ? "" : "idle", ...remarks([gpu])];
  return `GPU ${gpuNumbers([gpu])}: ${parts.filter(Boolean).join(", ")}`;
}

// Which symbol and colour it has: "held" and "idle" are kinds of being in use.
function cellState(gpu) {
  if (isCollected(gpu)) return "held";
  return idleSeconds(gpu) === null ? stateOf(gpu).name : "idle";
}

function createNode({ node: name }) {
  const node = el("span", { "class": "cell-node", "title": shown(name), "aria-hidden": "true" }, el("bdi", null, nodeShort(name)));
  return { node, update: () => {} };
}

function createCell({ gpu: first }) {
  const symbol = icon("error");
  const node = el("a", { class: "cell", href: `#gpu-${first.gpu_id}` }, symbol, el("span", null, String(numberOf(first))));
  const update = ({ gpu, meant }) => {
    const state = cellState(gpu);
    const words = cellWords(gpu);
    setAttribute(node, "data-state", state);
    setAttribute(node, "aria-label", words);
    setAttribute(node, "title", words);
    setAttribute(node, "data-out", meant ? null : "");
    setIcon(symbol, state);
  };
  return { node, update };
}

// show(gpus, choice) draws it; goTo(id) is called for what is pressed.
export function startOverview(box, goTo) {
  let data = null;

  const draw = () => {
    // Where the tiles are in view anyway, the style sheets leave no room for it.
    const width = box.parentNode.clientWidth;
    const rem = parseFloat(getComputedStyle(document.documentElement).fontSize);
    const nodes = data.gpus.some(({ node }) => node !== undefined) ? byNode(data.gpus, ({ node }) => node) : [];
    const columns = nodes.length
      ? overviewNodes(nodes.map(([, gpus]) => gpus.length), width - (NODE_WIDTH + CELL_GAP) * rem, NODE_CELL_WIDTH * rem, CELL_GAP * rem)
      : overviewColumns(data.gpus.length, width, CELL_WIDTH * rem, CELL_GAP * rem);
    show(box, columns > 0);
    if (columns === 0) return;
    box.style.setProperty("--columns", columns);
    setAttribute(box, "data-nodes", nodes.length ? "" : null);
    const item = (gpu) => ({ key: gpu.gpu_id, gpu, meant: isMeant(gpu, data.choice) });
    const items = nodes.length
      ? nodes.flatMap(([node, gpus]) => [{ key: `node ${node}`, node }, ...gpus.map(item)])
      : data.gpus.map(item);
    patchList(box, items, ({ key }) => key, (each) => (each.gpu ? createCell(each) : createNode(each)));
    roving.settle();
  };
  const roving = startRoving(box, ".cell");
  box.addEventListener("click", (event) => {
    const cell = event.target.closest(".cell");
    if (!cell || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    goTo(Number(cell.hash.slice("#gpu-".length)));
  });
  new ResizeObserver(() => data && draw()).observe(box.parentNode);
  return {
    show(gpus, choice) {
      data = { gpus, choice };
      draw();
    },
  };
}
