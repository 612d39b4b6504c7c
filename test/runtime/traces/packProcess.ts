/** A process that puts many small traces at once, and says which are stored, for tests that kill it; arguments: the directory, and what its keys begin with. */
import { sampleTrace, storeIn } from "./helpers.ts";

const store = storeIn(process.argv[2]!);
await store.start();
let next = 0;
const putAll = async (): Promise<void> => {
  for (;;) {
    const number = next++;
    await store.put(`${process.argv[3]}/${number}`, await sampleTrace(number));
    process.stdout.write(`${number}\n`);
  }
};
await Promise.all(Array.from({ length: 24 }, putAll));
