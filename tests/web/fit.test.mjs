// What fits: cards or tiles, rows, and the wall.
import assert from "node:assert/strict";
import { test } from "node:test";
import { balance, cardSpan, densityOf, fitQueue, fitWall, levelOf, overviewColumns, overviewNodes, pack, shortQueue, spanOf } from "../../web/fit.js";
import { shortDuration, shortText, tinyDuration } from "../../web/format.js";
import { target } from "../../web/roving.js";
import { letters } from "../../web/wall.js";

const tiles = (...sizes) => sizes.map((size, n) => ({ name: n, gpus: Array(size).fill({}) }));
const many = (count, sizes = [4, 1, 2, 1, 8, 1, 1, 2]) => {
  const found = [];
  for (let rest = count; rest > 0; rest -= found.at(-1)) found.push(Math.min(rest, sizes[found.length % sizes.length]));
  return tiles(...found);
};
const spans = ({ order }) => order.map(({ tile, span }) => `${tile.name}:${span}`).join(" ");

test("few GPUs are cards, many are tiles, unless somebody chose", () => {
  assert.equal(densityOf({ gpus: 8, narrow: false }), "cards");
  assert.equal(densityOf({ gpus: 9, narrow: false }), "tiles");
  assert.equal(densityOf({ gpus: 4, narrow: true }), "cards");
  assert.equal(densityOf({ gpus: 5, narrow: true }), "tiles");
  assert.equal(densityOf({ gpus: 500, narrow: true, chosen: "cards" }), "cards");
  assert.equal(densityOf({ gpus: 1, narrow: false, chosen: "tiles" }), "tiles");
});

test("rows of cards are of like length", () => {
  assert.equal(balance(1300, 300, 16, 8), 4);
  assert.equal(balance(1700, 300, 16, 8), 4, "4 + 4, not 5 + 3");
  assert.equal(balance(1700, 300, 16, 9), 5);
  assert.equal(balance(328, 300, 16, 8), 1);
  assert.equal(balance(100, 300, 16, 8), 1, "narrower than a card");
  assert.equal(balance(1300, 300, 16, 0), 1);
});

test("the tile of a reservation is wider than one, and never wider than the row", () => {
  assert.deepEqual([1, 2, 4, 5, 8, 64].map((size) => spanOf(size, 10)), [1, 2, 2, 4, 4, 8]);
  assert.deepEqual([1, 2, 4, 8, 64].map((size) => spanOf(size, 3)), [1, 1, 2, 3, 3]);
  // Two GPUs side by side: one above the other they would leave a hole beside them.
  assert.deepEqual([1, 2, 4, 8].map((size) => cardSpan(size, 4)), [1, 2, 2, 4]);
  assert.equal(spans(pack(tiles(1, 2, 1, 1), 4, () => false, cardSpan)), "0:1 1:2 2:1 3:1");
});

test("the overview has rows of whole nodes, and is left out where it would be long", () => {
  const columns = (gpus, width) => overviewColumns(gpus, width, 36, 3);

  assert.equal(columns(1, 328), 0, "the headline says it");
  assert.deepEqual([2, 4, 8].map((gpus) => columns(gpus, 328)), [2, 4, 8]);
  assert.deepEqual([9, 16, 64].map((gpus) => columns(gpus, 328)), [8, 8, 8]);
  assert.equal(columns(65, 328), 0);
  assert.deepEqual([16, 19, 64, 128].map((gpus) => columns(gpus, 752)), [16, 19, 16, 16]);
  assert.equal(columns(150, 752), 19, "more of them fit than in whole nodes");
  assert.equal(columns(500, 752), 0);
  assert.equal(columns(12, 200), 5, "narrower than a node");
  assert.equal(columns(64, 0), 0, "not shown");
  assert.equal(overviewNodes([8, 4, 8], 330, 36, 3), 8, "a node is a row");
  assert.equal(overviewNodes([16], 330, 36, 3), 0, "wider than a phone");
  assert.equal(overviewNodes(Array(9).fill(1), 330, 36, 3), 0);
});

test("rows are filled without holes, as far as the order allows", () => {
  // The third fits beside the first; the second begins a row.
  assert.equal(spans(pack(tiles(1, 8, 1), 5)), "0:1 1:4 2:1");
  assert.equal(spans(pack(tiles(4, 1, 1, 8, 1, 1), 6)), "0:2 1:1 2:1 4:1 5:1 3:4");
  assert.equal(spans(pack(tiles(4, 1, 1, 8, 1, 1), 6, () => false)), "0:2 1:1 2:1 3:4 4:1 5:1");
  assert.equal(spans(pack(tiles(4, 8), 5)), "0:5 1:4", "what has several GPUs may be wider");
  assert.equal(pack([], 5).rows, 0);
  for (const columns of [1, 2, 3, 5, 8, 13]) {
    for (const count of [1, 4, 16, 64, 500]) {
      const all = many(count);
      const { order, rows } = pack(all, columns);
      assert.deepEqual(new Set(order.map(({ tile }) => tile.name)).size, all.length, "each of them once");
      // As a browser places them.
      let used = 1;
      let room = columns;
      for (const { span } of order) {
        assert.ok(span >= 1 && span <= columns);
        if (span > room) [used, room] = [used + 1, columns];
        room -= span;
      }
      assert.equal(rows, used, `${count} in ${columns} columns`);
    }
  }
});

test("a wall of any size holds any number of GPUs", () => {
  for (const [width, height] of [[610, 380], [1000, 700], [1900, 1100], [3000, 1800], [400, 1200]]) {
    for (const count of [1, 4, 16, 64, 200, 500]) {
      for (const all of [many(count), many(count, [1])]) {
        const fit = fitWall(all, width, height, 4);
        const what = `${count} on ${width}x${height}: ${JSON.stringify(fit)}`;
        assert.ok(fit.columns * fit.width + 4 * (fit.columns - 1) <= width + 0.01, what);
        assert.ok(fit.rows * fit.height + 4 * (fit.rows - 1) <= height + 0.01, what);
        assert.equal(pack(all, fit.columns).rows, fit.rows, what);
        assert.ok(fit.width >= 16 && fit.height >= 12, what);
      }
    }
  }
  assert.equal(fitWall([], 600, 400, 4).rows, 0);
});

test("the larger a tile, the more it says", () => {
  assert.equal(levelOf({ width: 120, height: 80 }), "full");
  assert.equal(levelOf({ width: 120, height: 50 }), "end");
  assert.equal(levelOf({ width: 60, height: 50 }), "user");
  assert.equal(levelOf({ width: 40, height: 30 }), "number");
  assert.equal(levelOf({ width: 25, height: 20 }), "shape");
  assert.equal(fitWall(many(4), 600, 380, 4).level, "full");
  assert.equal(fitWall(many(64), 1900, 1100, 4).level, "full");
  // Until when also on a small projector.
  assert.equal(fitWall(many(64), 560, 370, 4).level, "end");
});

test("letters of a wall", () => {
  assert.equal(letters(800, 480), 12);
  assert.ok(letters(1440, 900) > 14);
  assert.equal(letters(3840, 2160), 40);
  assert.equal(letters(100, 100), 12);
});

test("the queue of a wall counts what it cannot hold", () => {
  assert.equal(fitQueue(3, 300, 50), 3);
  assert.equal(fitQueue(6, 300, 50), 6);
  assert.equal(fitQueue(20, 300, 50), 5);
  assert.equal(fitQueue(20, 0, 50), 0);
  assert.equal(fitQueue(20, -40, 50), 0);
  // Where it may be longer, two more are not worth a button.
  assert.deepEqual([0, 9, 12, 13, 20].map(shortQueue), [0, 9, 12, 10, 10]);
});

test("the arrow keys move as the eye does", () => {
  const box = (left, top, width = 10) => ({ left, top, width, height: 10 });
  // Two rows of three, of which one is as wide as two.
  const boxes = [box(0, 0), box(10, 0), box(20, 0), box(0, 10, 20), box(20, 10)];
  const go = (from, key) => target(boxes, from, key);

  assert.deepEqual(["ArrowLeft", "ArrowRight", "Home", "End", "x"].map((key) => go(1, key)), [0, 2, 0, 4, 1]);
  assert.deepEqual([0, 1, 2, 3, 4].map((from) => go(from, "ArrowDown")), [3, 3, 4, 3, 4]);
  assert.deepEqual([0, 1, 2, 3, 4].map((from) => go(from, "ArrowUp")), [0, 1, 2, 0, 2]);
  assert.deepEqual([go(0, "ArrowLeft"), go(4, "ArrowRight")], [0, 4]);
});

test("short durations", () => {
  const minutes = (count) => shortDuration(count * 60000);

  assert.deepEqual([0, 0.4, 1, 59, 60, 125, 200, 47 * 60, 50 * 60].map(minutes), ["<1m", "<1m", "1m", "59m", "1h", "2h", "3h", "47h", "2d 2h"]);
  assert.equal(shortDuration(-5), "<1m");
  assert.deepEqual([0, 1, 99, 100, 149, 150, 47 * 60, 50 * 60].map((count) => tinyDuration(count * 60000)), ["<1m", "1m", "99m", "2h", "2h", "3h", "47h", "2d"]);
  for (let count = 0; count < 99 * 1440; count += 7) assert.ok(tinyDuration(count * 60000).length <= 3, `${count} minutes`);
});

test("a name of any length stays in its line", () => {
  assert.equal(shortText("alice"), "alice");
  assert.equal(shortText("u".repeat(9999)), `${"u".repeat(39)}…`);
  assert.equal([...shortText("\u{1f600}".repeat(50))].length, 40, "no half characters");
  assert.equal(shortText("\u202egnp"), "\\u202egnp");
});
