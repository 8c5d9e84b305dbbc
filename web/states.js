// What a GPU's state is called, and which symbol and colour it has. Pure.

const STATES = {
  AVAILABLE: { name: "available", label: "Available", rank: 0 },
  IN_USE: { name: "in-use", label: "In use", rank: 1 },
  UNRESERVED: { name: "unreserved", label: "Unreserved", rank: 2 },
  ERROR: { name: "error", label: "Error", rank: 3 },
  DRAINED: { name: "drained", label: "Drained", rank: 4 },
};

export const stateNames = Object.values(STATES);

// A state that this page does not know is shown as one that nobody can rely on.
export const stateOf = (gpu) => STATES[gpu.status] ?? STATES.ERROR;

// A holder whose GPUs have done nothing for so long may be asked for them.
const IDLE_SECONDS = 600;

// For how long a reserved GPU has done nothing, in seconds; null where it has not, or nobody can tell.
export function idleSeconds(gpu) {
  const idle = gpu.status === "IN_USE" && gpu.queue_id === undefined ? gpu.idle_seconds : null;
  return Number.isFinite(idle) && idle >= IDLE_SECONDS ? idle : null;
}

// Kept for a request that waits for more.
export const isCollected = (gpu) => gpu.queue_id !== undefined;

// Nobody gets it after its present use.
export const isLeaving = (gpu) =>
  gpu.drained_by !== undefined || gpu.retired_at !== undefined || gpu.excluded === true;
