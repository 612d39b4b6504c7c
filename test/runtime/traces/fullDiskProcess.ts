import { readdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { GainsayError } from "../../../protocol/errors.ts";
import { sampleTrace, storeIn } from "./helpers.ts";

// Runs where the folder is a file system of three MiB. Fills it with traces, and tells what happened.
const dir = process.argv[2] as string;
const store = storeIn(dir);
await store.start();
let stored = 0;
let refusal: unknown;
const small = (seed: number) => sampleTrace(seed, Number(process.argv[3]));
while (refusal === undefined && stored < 300) await store.put(`job/${stored}`, await small(stored)).then(() => stored++, (error: unknown) => (refusal = error));
const room = await store.room();
const leftovers = readdirSync(path.join(dir, "incoming")).length;
const kept = (await Promise.all(store.list().map(({ jobKey }) => store.get(jobKey)))).length;
await store.stop();
let filler = 0;
// Not a byte is left now.
for (let bytes = 65_536; bytes >= 1; bytes = Math.floor(bytes / 2)) {
  try {
    for (;;) writeFileSync(path.join(dir, `filler-${filler++}`), new Uint8Array(bytes), { flush: true });
  } catch {
    continue;
  }
}
const again = storeIn(dir);
const { damaged } = await again.start();
const readAgain = (await Promise.all(again.list().map(({ jobKey }) => again.get(jobKey)))).length;
await again.prune(["job/0", "job/1"]);
await again.put("job/late", await small(7));
console.log(JSON.stringify({ stored, kept, leftovers, room, code: refusal instanceof GainsayError ? refusal.code : String(refusal), retryable: refusal instanceof GainsayError && refusal.retryable, damaged: damaged.length, readAgain, after: again.list().length }));
await again.stop();
