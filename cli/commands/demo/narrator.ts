import { drawImage } from "../../../runtime/inputs/drawImage.ts";
import { createProgress } from "../../progress.ts";
import type { Sink } from "../../shell.ts";
import type { LogLine } from "./createStage.ts";
import type { DisputeStory } from "./observeDispute.ts";

/** Tells a person what happens, as it happens. */
export interface Narrator {
  step(text: string): void;
  act(letter: string, title: string): void;
  tell(text: string): void;
  wait(what: string, seconds: number): void;
  image(pixels: Float32Array): void;
  /** A log line of a daemon; the ones that matter to the story are told. */
  log(daemon: string, line: LogLine): void;
  dispute(story: DisputeStory): void;
}

/** Log messages that are part of the story, and the fields worth showing. */
const told: Readonly<Record<string, readonly string[]>> = {
  "job claimed": ["jobId", "attempt"],
  "result committed": ["jobId", "attempt", "traceRoot"],
  "commitment verified": ["jobId", "attempt", "path"],
  "fraud found": ["jobId", "step", "element"],
  "fraud found in the revealed chunk": ["disputeId", "step", "element"],
  "trace withheld, and its root is not the own one": ["jobId", "reason"],
  "dispute opened with a sealed refutation": ["jobId", "disputeId"],
  "dispute opened by bisection": ["jobId", "disputeId"],
  "answered dispute": ["disputeId", "turn", "phase"],
  "chose a node of the bisection": ["disputeId", "turn", "child"],
  "executor convicted": ["disputeId", "gas"],
  "job left to others after a conviction": ["jobId"],
  "job final": ["jobId", "attempt"],
};

export function createNarrator({ json, stdout, stderr }: { json: boolean; stdout: Sink; stderr: Sink }): Narrator {
  // With --json, stdout belongs to the document, and the story is progress.
  const sink = json ? stderr : stdout;
  const progress = createProgress(stderr);
  const say = (text: string): void => {
    progress.end();
    sink.write(`${text}\n`);
  };
  return {
    step: (text) => say(`· ${text}`),
    act: (letter, title) => say(`\n(${letter}) ${title}`),
    tell: (text) => say(`  ${text}`),
    wait: (what, seconds) => progress.update(`  waiting: ${what} (${seconds} s)`),
    image: (pixels) => say(drawImage(pixels, { width: 28, height: 28, color: sink.isTTY === true })),
    log(daemon, { message, ...fields }) {
      const shown = message === undefined ? undefined : told[message];
      if (message === undefined || shown === undefined) return;
      const details = shown.map((name) => `${name} ${brief(fields[name])}`).join(", ");
      say(`  ${daemon.padEnd(10)} ${message}: ${details}`);
    },
    dispute(story) {
      say(`  dispute ${story.id} by ${story.path}: step ${story.step}, element ${story.element}`);
      say(`    claimed value  ${story.claimed}`);
      if (story.exact !== null) say(`    exact sum      ${story.exact}`);
      if (story.bound !== null) say(`    rounding bound ${story.bound}`);
      say(`    sound values   ${story.soundFrom} … ${story.soundTo}`);
      say(`    gas            ${story.refutationGas} for the refutation, ${story.gas} for the whole dispute${story.rounds === 0 ? "" : `, ${story.rounds} rounds of bisection`}`);
    },
  };
}

function brief(value: unknown): string {
  const text = String(value);
  return text.startsWith("0x") && text.length > 14 ? `${text.slice(0, 10)}…` : text;
}
