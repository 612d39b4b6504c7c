/** A process that stores traces one after another, for tests that kill it at any moment; arguments: the directory, and the elements of a tensor. */
import { sampleTrace, storeIn } from "./helpers.ts";

const store = storeIn(process.argv[2]!);
await store.start();
process.stdout.write("ready\n");
for (let i = 0; ; i++) {
  // Every third trace replaces one, and old ones are pruned, so that a kill can fall into any of these.
  const key = `job ${i % 3 === 2 ? i - 1 : i}`;
  await store.put(key, await sampleTrace(i, Number(process.argv[3])));
  process.stdout.write(`${i} ${key}\n`);
  if (i >= 6) await store.prune([`job ${i - 6}`]);
}
