// What has changed, in words, for people who do not see the page.
import { gpuNumbers } from "./answer.js";
import { setText } from "./dom.js";
import { personOf, plural, shortText } from "./format.js";
import { stateOf } from "./states.js";
import { holder, isHeld } from "./words.js";

// It is collected for a while, so that a busy pool does not talk without end.
const SPEAK_MS = 5000;
const WORDS_MOST = 3;

// What happened to which GPUs between two answers. Pure.
export function changes(old, next) {
  const before = new Map(old.map((gpu) => [gpu.gpu_id, gpu]));
  return next
    .filter((gpu) => {
      const was = before.get(gpu.gpu_id);
      return was && (was.status !== gpu.status || personOf(was) !== personOf(gpu));
    })
    .map((gpu) => `GPU ${gpuNumbers([gpu])}: ${stateOf(gpu).label}${isHeld(gpu) ? `, ${shortText(holder(gpu))}` : ""}`);
}

export function startSpeaking(node) {
  let words = [];
  let timer = 0;

  const speak = () => {
    timer = 0;
    setText(node, words.length > WORDS_MOST ? `${plural(words.length, "GPU")} changed` : words.join(". "));
    words = [];
  };
  return {
    note(old, next) {
      words.push(...changes(old, next));
      if (words.length && !timer) timer = setTimeout(speak, SPEAK_MS);
    },
  };
}
