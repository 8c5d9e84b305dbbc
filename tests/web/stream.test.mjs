// The pauses between the attempts to open the event stream (stream.js), what the page says of the connection (connection.js), and what
// the report shows of idle GPUs (report.js).
import assert from "node:assert/strict";
import { test } from "node:test";
import { connectionWords } from "../../web/connection.js";
import { hasIdle, idleSum } from "../../web/report.js";
import { pauseOf } from "../../web/stream.js";

test("the pauses grow up to half a minute, and are not the same for all", () => {
  assert.deepEqual([0, 1, 2, 5, 50].map((failures) => pauseOf(failures, 0.5)), [1000, 2000, 4000, 30000, 30000]);
  assert.ok(pauseOf(0, 0) < pauseOf(0, 1));
  assert.ok(pauseOf(2000, 1) < 36001, "however often it failed");
});

test("what is wrong is said, and where there are no data nothing is loading for ever", () => {
  const words = (mode, since = null, problem = "") => Object.values(connectionWords({ mode, since, problem }));
  const at = new Date(2026, 10, 30, 14, 5, 9).getTime();

  assert.deepEqual(words("connecting"), ["Connecting", "", "Loading"]);
  assert.deepEqual(words("live", at), ["Live", "", "Loading"]);
  assert.deepEqual(words("lost"), ["Connection lost", "The server is not responding, trying again.", "No data yet"]);
  assert.deepEqual(words("lost", at).slice(0, 2), ["Connection lost", "Connection lost, last update 14:05:09, trying again."]);
  // A server that answers is not away.
  assert.deepEqual(words("lost", null, "no pool\u202e"), ["Server error", "Server error: no pool\\u202e, trying again.", "No data yet"]);
  assert.match(words("lost", at, "no pool")[1], /^Server error: no pool, last update 14:05:09, trying again\.$/);
});

test("hours that were held and idle are shown where the server knows any", () => {
  const report = (...users) => ({ users });
  assert.equal(hasIdle(report({ gpu_hours: 1 })), false);
  assert.equal(hasIdle(report({ gpu_hours: 1, idle_hours: null })), false);
  assert.equal(hasIdle(report({ gpu_hours: 1 }, { gpu_hours: 2, idle_hours: 0 })), true);
  assert.equal(idleSum(report({}, { idle_hours: 1.5 }, { idle_hours: null }, { idle_hours: 2 })), 3.5);
});
