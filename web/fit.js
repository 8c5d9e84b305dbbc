// How much fits: cards or tiles, how wide each is, and how a wall screen is divided. Pure; sizes in pixels.

// Below so many GPUs all is said of each at once; above, a tile each and the rest on demand.
const CARDS_MOST = 8;
const CARDS_MOST_NARROW = 4;

// "cards" or "tiles", unless somebody chose.
export function densityOf({ gpus, narrow, chosen = "" }) {
  if (chosen === "cards" || chosen === "tiles") return chosen;
  return gpus <= (narrow ? CARDS_MOST_NARROW : CARDS_MOST) ? "cards" : "tiles";
}

// As many columns as fit, but rows of like length: eight cards are 4 + 4, not 5 + 3.
export function balance(width, least, gap, cells) {
  const most = Math.max(1, Math.floor((width + gap) / (least + gap)));
  const rows = Math.max(1, Math.ceil(cells / most));
  return Math.max(1, Math.ceil(cells / rows));
}

const FEW_COLUMNS = 4;

// How many columns the card of a reservation has: less than one per GPU, so that what is together is smaller.
export function cardSpan(gpus, columns) {
  const wanted = gpus <= 1 ? 1 : gpus <= 4 ? 2 : gpus <= 8 ? 4 : 8;
  return Math.min(wanted, columns);
}

// Its tile is as wide; but on a phone two share one column, or the rows would have holes.
export function spanOf(gpus, columns) {
  return columns <= FEW_COLUMNS && gpus === 2 ? 1 : cardSpan(gpus, columns);
}

// Fills the rows: where the next tile is too wide for the rest of a row, the next one that `isSame` allows and that fits
// is taken first, or the last one of the row is made wider, if it has several GPUs. Returns { order, rows }.
export function pack(tiles, columns, isSame = () => true, width = spanOf) {
  const rest = tiles.map((tile) => ({ tile, span: width(tile.gpus.length, columns) }));
  const order = [];
  let rows = rest.length ? 1 : 0;
  let room = columns;
  while (rest.length) {
    let at = 0;
    if (rest[0].span > room) {
      at = rest.findIndex(({ tile, span }) => span <= room && isSame(tile, rest[0].tile));
      if (at < 0) {
        if (order.at(-1).span > 1) order.at(-1).span += room;
        at = 0;
        rows++;
        room = columns;
      }
    }
    const [{ tile, span }] = rest.splice(at, 1);
    order.push({ tile, span });
    room -= span;
    if (room === 0 && rest.length) {
      rows++;
      room = columns;
    }
  }
  return { order, rows };
}

// More would be no overview.
const OVERVIEW_ROWS = 8;
const NODE_GPUS = 8;

// How many columns the overview has, or 0 where all GPUs would be too many rows: one row where it holds all of them, else
// rows of whole nodes, as most have eight.
export function overviewColumns(gpus, width, least, gap) {
  const most = Math.max(0, Math.floor((width + gap) / (least + gap)));
  if (gpus < 2 || gpus > most * OVERVIEW_ROWS) return 0;
  if (gpus <= most) return gpus;
  const whole = most - (most % NODE_GPUS);
  return whole > 0 && gpus <= whole * OVERVIEW_ROWS ? whole : most;
}

// The same where each node is a row: how many columns the largest has.
export function overviewNodes(sizes, width, least, gap) {
  const columns = Math.max(...sizes);
  return sizes.length <= OVERVIEW_ROWS && columns * (least + gap) <= width + gap ? columns : 0;
}

// How wide a tile is best for its height.
const ASPECT = 1.7;
// From which size on a tile of the wall shows what: its height and width, smallest last.
const LEVELS = [
  { level: "full", width: 104, height: 68 },
  { level: "end", width: 72, height: 36 },
  { level: "user", width: 56, height: 32 },
  { level: "number", width: 36, height: 22 },
];

// Divides width x height for the tiles of a wall: the number of columns with which they are largest.
// Returns { columns, rows, width, height, level }.
export function fitWall(tiles, width, height, gap) {
  const cells = tiles.reduce((sum, tile) => sum + spanOf(tile.gpus.length, Infinity), 0);
  let best = null;
  for (let columns = 1; columns <= Math.max(1, cells); columns++) {
    const { rows } = pack(tiles, columns);
    const each = {
      columns,
      rows,
      width: (width - gap * (columns - 1)) / columns,
      height: (height - gap * (Math.max(1, rows) - 1)) / Math.max(1, rows),
    };
    const size = Math.min(each.width / ASPECT, each.height);
    if (!best || size > best.size) best = { ...each, size };
    // Narrower ones are only worse from here on.
    else if (each.width / ASPECT < each.height && each.width / ASPECT < best.size) break;
  }
  return { ...best, level: levelOf(best) };
}

export function levelOf({ width, height }) {
  return LEVELS.find((level) => width >= level.width && height >= level.height)?.level ?? "shape";
}

// Of a long queue the first ones are shown, unless somebody wants all.
const QUEUE_MOST = 10;

export const shortQueue = (entries) => (entries <= QUEUE_MOST + 2 ? entries : QUEUE_MOST);

// How many entries of a queue a height holds, one line less where the rest must be counted in words.
export function fitQueue(entries, height, each) {
  const most = Math.max(0, Math.floor(height / each));
  return entries <= most ? entries : Math.max(0, most - 1);
}
