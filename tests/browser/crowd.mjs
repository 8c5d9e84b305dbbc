// A pool of any size as it is on a busy day, made at once: reservations of several sizes, free GPUs, each trouble, and a
// queue of 20.
import { QUEUE, openWorld } from "./world.mjs";

const USERS = ["alice", "bob", "carol", "dana", "erik", "mei", "noor", "tomas"];
// How many GPUs the reservations have, one after the other.
const SIZES = [4, 1, 2, 1, 8, 1, 1, 2];
const NOTES = ["fine-tuning", null, "evaluation, run 3", "ablation study, please ask before you stop it", null];
const HOUR = 3600;
// There may be more columns.
const RESERVATIONS = `reservations(key, id, user, account, uid, type, start_ns, heartbeat_ns, expiry_ns, deadline_ns, note, queue_id,
  host, boot_id, command_pid, command_start_ticks, supervisor_pid, supervisor_start_ticks)`;

const text = (value) => (value === null ? "NULL" : `'${value}'`);

// Which GPUs each reservation has; every eighth GPU is nobody's.
function reservations(gpus, sizes) {
  const found = [];
  let gpu = 0;
  for (let n = 0; gpu < gpus; n++) {
    const ids = [];
    for (; ids.length < sizes[n % sizes.length] && gpu < gpus && gpu % 8 !== 5; gpu++) ids.push(gpu);
    if (ids.length) found.push({ n, ids, user: USERS[n % USERS.length] });
    else gpu++;
  }
  return found;
}

function card(index, types) {
  const busy = index % 8 !== 5;
  const total_mb = index % 2 && types > 1 ? 40960 : 81559;
  return {
    index,
    name: index % 2 && types > 1 ? "NVIDIA A100-PCIE-40GB" : "NVIDIA H100 80GB HBM3",
    memory_total_mb: total_mb,
    memory_used_mb: busy ? Math.round(total_mb * (0.3 + ((index * 37) % 60) / 100)) : 4,
    utilization_percent: busy ? 40 + ((index * 23) % 60) : 0,
    temperature_c: busy ? 64 : 34,
    power_mw: busy ? 540000 : 71000,
    power_limit_mw: 700000,
  };
}

// Where there are many, one of the free ones is somebody's without a reservation, and one does not answer.
function fakes(gpus, types) {
  const all = Array.from({ length: gpus }, (_, index) => card(index, types));
  if (gpus <= 8) return all;
  Object.assign(all[5], { memory_used_mb: 5120, processes: [{ pid: process.pid, name: "notebook", memory_mb: 5120 }] });
  if (gpus > 13) Object.assign(all[13], { memory_used_mb: null, processes: null, problem: "it has fallen off the bus" });
  return all;
}

export async function openCrowd(t, { gpus, waiting = 20, types = 1, sizes = SIZES }) {
  const world = await openWorld(t, { gpus });
  const held = reservations(gpus, sizes);
  const now = "unixepoch() * 1000000000";
  const statements = held.flatMap(({ n, ids, user }) => [
    `INSERT INTO ${RESERVATIONS} VALUES (NULL, 'r${n}', ${text(user)}, ${text(user)}, ${2000 + (n % USERS.length)}, 'manual',
       (unixepoch() - ${600 + n * 700}) * 1000000000, 0, (unixepoch() + ${HOUR + n * 1300}) * 1000000000, 0,
       ${text(NOTES[n % NOTES.length])}, NULL, NULL, NULL, 0, 0, 0, 0);`,
    `UPDATE gpus SET version = version + 1, reservation_id = 'r${n}' WHERE id IN (${ids.join()});`,
  ]);
  for (let n = 0; n < waiting; n++) {
    statements.push(`INSERT INTO ${QUEUE} VALUES (NULL, 'q${n}', 1, ${text(USERS[n % 8])}, ${text(USERS[n % 8])}, 0,
      ${n % 3 ? "'run', " : "'manual', "}${Math.min(gpus, SIZES[n % 8])}, ${n % 3 ? 0 : `${2 * HOUR}000000000`}, ${text(NOTES[n % 5])},
      (unixepoch() - ${4000 - n * 150}) * 1000000000, ${now}, 0, NULL, NULL, 0, 0, 0, 0);`);
  }
  await world.sql(`BEGIN; ${statements.join("\n")} COMMIT;`);
  await world.fake(fakes(gpus, types));
  return world;
}
