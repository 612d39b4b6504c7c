import { readFileSync } from "node:fs";

/** What a daemon's processor time goes to, in the order of tables and plots. */
export const parts = ["sending", "ledger", "requests", "disk", "peers", "inference", "log", "memory", "rest"] as const;
export type Part = (typeof parts)[number];

interface Profile {
  nodes: { id: number; callFrame: { functionName: string; url: string }; children?: number[] }[];
  /** Microseconds of the clock that `process.hrtime` reads. */
  startTime: number;
  samples: number[];
  timeDeltas: number[];
}

/** The first rule that a frame meets, from the innermost frame outwards, says what a sample belongs to; libraries that several parts use are passed over. */
const rules: readonly [RegExp, Part][] = [
  [/garbage collector/, "memory"],
  [/runtime\/chain\/(createRpcRequest|createEndpoints)|node:_http|node:net|llhttp/, "requests"],
  [/runtime\/(ledger|chain\/(followEvents|events|getEvents|jobRecord|reads))/, "ledger"],
  [/runtime\/chain\/|accounts\/utils\/signTransaction|node\/(claimOpenJob|finalizeCommitment)/, "sending"],
  [/runtime\/traces\/|runtime\/keys\/|node:internal\/fs|node:fs|^(fsync|openFileHandle|open|close|mkdir|rename|writeBuffer|statfs|rmdir|unlink|lstat) /, "disk"],
  [/runtime\/(network|announcements)\/|node\/createAnnouncer|libp2p|gossipsub|multiformats|protons|node:internal\/crypto\/(keys|sig)/, "peers"],
  [/runtime\/(inference|hashing|programs|bundle|verification)\/|\/protocol\//, "inference"],
  [/pino|sonic-boom|runtime\/telemetry\//, "log"],
];
/** Where no frame of ours is on the stack, after something that was waited for. */
const late: readonly [RegExp, Part][] = [
  [/node:internal\/(deps\/undici|streams|stream_base_commons)/, "requests"],
  [/node_modules\/(viem|abitype|@noble)\//, "sending"],
];

/** Processor milliseconds by part between two moments, microseconds of the clock that `process.hrtime` reads, of a profile that `node --cpu-prof` wrote. */
export function profileParts(file: string, from: number, to: number): Record<Part, number> {
  const { nodes, startTime, samples, timeDeltas } = JSON.parse(readFileSync(file, "utf8")) as Profile;
  const frames = new Map(nodes.map(({ id, callFrame: { functionName, url } }) => [id, `${functionName} ${url}`]));
  const parents = new Map(nodes.flatMap(({ id, children = [] }) => children.map((child): [number, number] => [child, id])));
  const known = new Map<number, Part | "idle">();
  const partOf = (id: number): Part | "idle" => {
    const frame = frames.get(id) ?? "";
    if (/^\((idle)\)/.test(frame)) return "idle";
    for (const list of [rules, late]) {
      for (let at: number | undefined = id; at !== undefined; at = parents.get(at)) {
        const rule = list.find(([pattern]) => pattern.test(frames.get(at as number) ?? ""));
        if (rule !== undefined) return rule[1];
      }
    }
    return "rest";
  };
  const spent = Object.fromEntries(parts.map((part) => [part, 0])) as Record<Part, number>;
  let now = startTime;
  for (const [i, id] of samples.entries()) {
    now += timeDeltas[i] as number;
    if (now < from || now > to) continue;
    const part = known.get(id) ?? partOf(id);
    known.set(id, part);
    // A sample stands for the time until the next one; a process that was stopped has none.
    if (part !== "idle") spent[part] += Math.min(timeDeltas[i + 1] ?? 0, 50_000) / 1000;
  }
  return spent;
}
