// The pauses between the attempts to open the event stream (stream.js), and what the report shows of idle GPUs (report.js).
import assert from "node:assert/strict";
import { test } from "node:test";
import { hasIdle, idleSum } from "../../web/report.js";
import { pauseOf } from "../../web/stream.js";

test("the pauses grow up to half a minute, and are not the same for all", () => {
  assert.deepEqual([0, 1, 2, 5, 50].map((failures) => pauseOf(failures, 0.5)), [1000, 2000, 4000, 30000, 30000]);
  assert.ok(pauseOf(0, 0) < pauseOf(0, 1));
  assert.ok(pauseOf(2000, 1) < 36001, "however often it failed");
});

test("hours that were held and idle are shown where the server knows any", () => {
  const report = (...users) => ({ users });
  assert.equal(hasIdle(report({ gpu_hours: 1 })), false);
  assert.equal(hasIdle(report({ gpu_hours: 1, idle_hours: null })), false);
  assert.equal(hasIdle(report({ gpu_hours: 1 }, { gpu_hours: 2, idle_hours: 0 })), true);
  assert.equal(idleSum(report({}, { idle_hours: 1.5 }, { idle_hours: null }, { idle_hours: 2 })), 3.5);
});
