// The list of hosts: which are shown, in which order, and what stands there.
import assert from "node:assert/strict";
import { test } from "node:test";
import { chooseHosts, freeOf, hostAddress, hostWords, sumWords, typesOf } from "../../web/fleet.js";

const up = (host, available, gpus, more) => ({
  host,
  here: false,
  status: "up",
  available,
  gpus,
  in_use: gpus - available,
  unreserved: 0,
  waiting: 0,
  next_free: null,
  types: [],
  ...more,
});
const type = (name, available, gpus) => ({ name, available, gpus });
const names = (rows) => rows.map(({ host }) => host.host).join(" ");

const HOSTS = [
  up("gpu10", 0, 8, { next_free: "2126-11-30T15:00:00Z", types: [type("A100", 0, 8)] }),
  { host: "gpu3", here: false, status: "away", problem: "no answer" },
  up("gpu2", 0, 8, { next_free: "2126-11-30T12:00:00Z", types: [type("H100", 0, 8)] }),
  up("gpu1", 3, 12, { here: true, types: [type("A100", 1, 4), type("H100", 2, 8)] }),
  up("gpu4", 0, 8, { types: [type("H100", 0, 8)] }),
  up("gpu5", 0, 8, { waiting: 2, types: [type("H100", 0, 8)] }),
  { host: "gpu6", here: false, status: "connecting" },
];

test("most free first, then the next free one, then the shorter queue; those that are away last", () => {
  assert.equal(names(chooseHosts(HOSTS, {})), "gpu1 gpu2 gpu10 gpu4 gpu5 gpu3 gpu6");
  assert.equal(names(chooseHosts(HOSTS, { sort: "of the future" })), "gpu1 gpu2 gpu10 gpu4 gpu5 gpu3 gpu6");
  assert.equal(names(chooseHosts(HOSTS, { sort: "name" })), "gpu1 gpu2 gpu3 gpu4 gpu5 gpu6 gpu10");
});

test("by type: those that have it, and those of which nobody knows", () => {
  assert.deepEqual(typesOf(HOSTS), ["A100", "H100"]);
  const rows = chooseHosts(HOSTS, { type: "A100" });
  assert.equal(names(rows), "gpu1 gpu10 gpu3 gpu6");
  assert.deepEqual([rows[0].free, rows[0].total], [1, 4]);
  assert.equal(freeOf(HOSTS[1], "A100"), null);
  assert.equal(names(chooseHosts(HOSTS, { type: "L40" })), "gpu3 gpu6");
});

test("the words", () => {
  assert.equal(sumWords(chooseHosts(HOSTS, {})), "3 of 44 GPUs free on 5 hosts, 1 host away");
  assert.equal(sumWords(chooseHosts(HOSTS, { type: "A100" })), "1 of 12 GPUs free on 2 hosts, 1 host away");
  assert.equal(sumWords(chooseHosts([up("a", 1, 1)], {})), "1 of 1 GPU free on 1 host");
  assert.equal(hostWords(HOSTS[1]), "no answer");
  assert.match(hostWords({ ...HOSTS[1], last_seen: "2020-11-30T12:00:00Z" }), /^no answer, last seen .*2020|^no answer, last seen .*Nov/);
  assert.equal(hostWords(HOSTS[6]), "connecting");
  assert.equal(hostWords(up("a", 3, 8, { unreserved: 1, waiting: 2, next_free: "2020-01-01T00:00:00Z" })), "5 in use, 1 unreserved, 2 waiting, next any moment");
  assert.match(hostWords(up("a", 0, 8, { next_free: "2126-01-01T00:00:00Z", next_free_estimated: true })), /^8 in use, next about /);
  assert.equal(hostWords({ status: "away", problem: "\u001b[2J" }), "\\x1b[2J");
});

test("the address of a host keeps what is searched for", () => {
  assert.equal(hostAddress("", { host: "gpu2" }), "./?host=gpu2");
  assert.equal(hostAddress("?host=gpu2&q=bob&user=bob&gpu=3", { host: "gpu 3&" }), "./?q=bob&host=gpu+3%26");
  assert.equal(hostAddress("?host=gpu2", { host: "gpu1", here: true }), "./");
});
