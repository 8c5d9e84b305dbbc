// A pool of fake GPUs with reservations, a history and a queue, and the web server on it: what bench/page.mjs measures.
import { execFileSync, spawn } from "node:child_process";
import { mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";

const USERS = ["alice", "bob", "carol", "dana", "erik", "mei", "noor", "pavel", "quinn", "rosa"];

// Work that goes on: of every eight GPUs four have one reservation, two another one, one is used without, one is free.
function reservations(gpus, waiting) {
  const words = [];
  for (let first = 0; first + 8 <= gpus; first += 8) {
    const user = USERS[(first / 8) % USERS.length];
    words.push(["--gpu-ids", [0, 1, 2, 3].map((i) => first + i).join(), "--user", user, "--duration", `${2 + first / 8}h`, "--note", "pre-training"]);
    words.push(["--gpu-ids", [4, 5].map((i) => first + i).join(), "--user", USERS[(first / 8 + 3) % USERS.length], "--duration", "6h"]);
    if (waiting) words.push(["--gpu-ids", String(first + 7), "--user", "sam", "--duration", "30m"]);
  }
  return words;
}

// The state that the fake GPUs show; another one for each `turn`.
function fakeState(gpus, turn) {
  const list = Array.from({ length: gpus }, (_, index) => ({
    index,
    memory_used_mb: index % 8 < 6 ? 30000 + ((index * 997 + turn * 131) % 40000) : index % 8 === 6 ? 9000 + turn : 4,
    utilization_percent: index % 8 < 7 ? (index * 37 + turn * 11) % 100 : 0,
    temperature_c: 35 + ((index + turn) % 40),
    power_mw: 80000 + ((index * 7919 + turn * 997) % 600) * 1000,
    power_limit_mw: 700000,
    processes: index % 8 === 6 ? [{ pid: process.pid, name: "notebook", memory_mb: 9000 }] : [],
  }));
  return JSON.stringify({ driver_version: "550.90.07", gpus: list });
}

function historyOf(gpus) {
  const rows = [];
  for (let i = 0; i < gpus * 6; i++) {
    const [gpu, turn] = [i % gpus, Math.floor(i / gpus)];
    const end = 3600 * (4 * turn + 1) + gpu * 17;
    const who = (gpu * 3 + turn) % USERS.length;
    rows.push(`((unixepoch() - ${end}) * 1000000000, ${1000 + i}, 'h${i}', '${USERS[who]}', '${USERS[who]}', ${1001 + who}, 'run', ${gpu},
      (unixepoch() - ${end + 9000}) * 1000000000, 'released')`);
  }
  return `INSERT INTO usage_history (end_ns, key, reservation_id, user, account, uid, type, gpu, start_ns, reason) VALUES ${rows.join()};`;
}

// Requests of a host that is out of sight: nobody looks whether they live.
function queueOf(waiting) {
  const rows = Array.from({ length: waiting }, (_, i) => `(NULL, 'q${i}', 1, '${USERS[i % USERS.length]}', 'root', 0, 'manual', ${1 + (i % 8)},
    3600000000000, 'sweep ${i}', (unixepoch() - ${6000 - i * 60}) * 1000000000, unixepoch() * 1000000000, 0, NULL, NULL, 0, 0, 0, 0)`);
  return `INSERT INTO queue (key, id, version, user, account, uid, type, requested_count, duration_ns, note, enqueued_ns, heartbeat_ns,
    give_up_ns, host, boot_id, command_pid, command_start_ticks, supervisor_pid, supervisor_start_ticks) VALUES ${rows.join()};`;
}

// { address, change(), close() }: change() lets all GPUs show other values, close() ends it all.
export async function openPool(program, { gpus, waiting }) {
  const folder = mkdtempSync(path.join(tmpdir(), "canhazgpu-bench-"));
  const env = {
    PATH: process.env.PATH,
    HOME: folder,
    LANG: "C.UTF-8",
    CANHAZGPU_STORE: `sqlite:${folder}/pool.db`,
    CANHAZGPU_FAKE_STATE: `${folder}/fake.json`,
  };
  const chg = (...words) => execFileSync(program, words, { env, stdio: ["ignore", "ignore", "inherit"] });
  let turn = 0;
  const change = () => {
    writeFileSync(`${folder}/fake.new`, fakeState(gpus, turn++));
    renameSync(`${folder}/fake.new`, `${folder}/fake.json`);
  };

  writeFileSync(`${folder}/fake.json`, JSON.stringify({ gpus: [] }));
  chg("admin", "--gpus", String(gpus), "--provider", "fake");
  for (const words of reservations(gpus, waiting)) chg("reserve", ...words);
  const sql = historyOf(gpus) + (waiting ? queueOf(waiting) : "");
  execFileSync("sqlite3", ["-batch", "-bail", `${folder}/pool.db`], { input: sql });
  change();
  const server = spawn(program, ["web", "--host", "127.0.0.1", "--port", "0", "--interval", "1s"], {
    env,
    stdio: ["ignore", "ignore", "pipe"],
  });
  const ended = new Promise((resolve) => server.once("exit", resolve));
  const close = async () => {
    server.kill();
    await ended;
    rmSync(folder, { recursive: true, force: true });
  };
  for await (const text of server.stderr.setEncoding("utf8")) {
    const address = /http:\/\/\S+\//.exec(text);
    if (address) return { address: address[0], change, close };
  }
  throw new Error("the server ended before it said where it is");
}
