// Numbers, times and other people's text as the page shows them. Pure, but for the clock.

// Characters that would turn a line around, hide, or draw elsewhere; the same set as on the terminal, but for the newline
// and the tab, which do no harm here.
const HOSTILE = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u061c\u200b\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]/gu;

// Other people's text with everything spelled out that does harm: \x1b, \u202e.
export function shown(text) {
  return String(text).replace(HOSTILE, (character) => {
    const code = character.codePointAt(0);
    return code < 0x100 ? `\\x${code.toString(16).padStart(2, "0")}` : `\\u${code.toString(16).padStart(4, "0")}`;
  });
}

// The same where there is room for a few words alone: at most so many characters.
export function shortText(text, most = 40) {
  const characters = [...shown(text)];
  return characters.length > most ? `${characters.slice(0, most - 1).join("")}…` : characters.join("");
}

// The host's clock may be ahead of this one or behind: the difference, from the Date header of its answers.
let skew_ms = 0;

export function setServerTime(date) {
  const difference = Date.parse(date) - Date.now();
  // The header has whole seconds, and the answer took its time.
  if (Number.isFinite(difference) && Math.abs(difference - skew_ms) > 2000)
    skew_ms = Math.abs(difference) > 2000 ? difference : 0;
}

// Now, by the host's clock.
export const now = () => Date.now() + skew_ms;

// Who that is: "alice", or where that is only a display name "alice (bob)", with the account.
export function personOf({ user, account }) {
  return user && account && user !== account ? `${user} (${account})` : user || account || "unknown";
}

// Milliseconds of an RFC 3339 time, null where there is none.
export function time(text) {
  const value = Date.parse(text ?? "");
  return Number.isFinite(value) ? value : null;
}

const two = (number) => String(number).padStart(2, "0");

// "3d 4h", "1h 02m 15s", "2m 03s", "5s"
export function duration(ms) {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  const minutes = Math.floor(seconds / 60);
  const hours = Math.floor(minutes / 60);
  if (hours >= 48) return `${Math.floor(hours / 24)}d ${hours % 24}h`;
  if (hours > 0) return `${hours}h ${two(minutes % 60)}m ${two(seconds % 60)}s`;
  return minutes > 0 ? `${minutes}m ${two(seconds % 60)}s` : `${seconds}s`;
}

// The same without seconds: "1h 02m", "3m", "less than a minute".
export function roughDuration(ms) {
  const minutes = Math.round(Math.max(0, ms) / 60000);
  const hours = Math.floor(minutes / 60);
  if (hours >= 48) return `${Math.floor(hours / 24)}d ${hours % 24}h`;
  if (hours > 0) return `${hours}h ${two(minutes % 60)}m`;
  return minutes > 0 ? `${minutes}m` : "less than a minute";
}

// The same in few characters: "2d 4h", "9h", "1h 10m", "40m", "<1m".
export function shortDuration(ms) {
  const minutes = Math.round(Math.max(0, ms) / 60000);
  const hours = Math.floor(minutes / 60);
  if (hours >= 48) return `${Math.floor(hours / 24)}d ${hours % 24}h`;
  if (hours >= 2 || (hours > 0 && minutes % 60 === 0)) return `${hours}h`;
  if (hours > 0) return `${hours}h ${two(minutes % 60)}m`;
  return minutes > 0 ? `${minutes}m` : "<1m";
}

// The same where a tile has room for three or four: "<1m", "98m", "9h", "12d".
export function tinyDuration(ms) {
  const minutes = Math.round(Math.max(0, ms) / 60000);
  const hours = Math.round(minutes / 60);
  if (hours >= 48) return `${Math.floor(hours / 24)}d`;
  if (minutes >= 100) return `${hours}h`;
  return minutes > 0 ? `${minutes}m` : "<1m";
}

const clockFormat = new Intl.DateTimeFormat([], { hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
const secondsFormat = new Intl.DateTimeFormat([], {
  hour: "2-digit",
  minute: "2-digit",
  second: "2-digit",
  hourCycle: "h23",
});
const dayFormat = new Intl.DateTimeFormat([], { weekday: "short", day: "numeric" });
const dateFormat = new Intl.DateTimeFormat([], { weekday: "short", day: "numeric", month: "short" });

export const clock = (ms) => clockFormat.format(ms);
export const clockSeconds = (ms) => secondsFormat.format(ms);
export const day = (ms) => dayFormat.format(ms);

// "14:05", on another day "Fri 21 Nov, 14:05".
export function moment(ms) {
  const sameDay = new Date(ms).toDateString() === new Date(now()).toDateString();
  return sameDay ? clock(ms) : `${dateFormat.format(ms)}, ${clock(ms)}`;
}

// When a GPU is expected back: "14:05", "about 14:05", and "any moment" for a time that has passed.
export function expected(ms, estimated) {
  return ms <= now() ? "any moment" : `${estimated ? "about " : ""}${moment(ms)}`;
}

// "71.5 / 80 GiB", "612 MiB"
export function memory(used_mb, total_mb) {
  const gib = (mb) => (mb / 1024).toFixed(1).replace(/\.0$/, "");
  if (total_mb > 0) return `${gib(used_mb)} / ${gib(total_mb)} GiB`;
  return used_mb < 1024 ? `${used_mb} MiB` : `${gib(used_mb)} GiB`;
}

const hoursFormat = new Intl.NumberFormat([], { minimumFractionDigits: 1, maximumFractionDigits: 1 });
const countFormat = new Intl.NumberFormat([]);

export const hours = (value) => hoursFormat.format(value);
export const count = (value) => countFormat.format(value);
export const percent = (value) => `${value.toFixed(1)} %`;

// plural(1, "GPU") is "1 GPU", plural(3, "GPU") "3 GPUs".
export const plural = (number, noun) => `${count(number)} ${noun}${number === 1 ? "" : "s"}`;

// "alice", "alice and bob", "alice, bob and charlie"
export function list(words) {
  if (words.length < 2) return words.join("");
  return `${words.slice(0, -1).join(", ")} and ${words.at(-1)}`;
}
