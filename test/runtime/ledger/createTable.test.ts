import { describe, expect, it } from "vitest";
import { GainsayError } from "../../../protocol/errors.ts";
import { createTable } from "../../../runtime/ledger/createTable.ts";
import { silentLogger } from "../../../runtime/telemetry/createLogger.ts";

interface Entry {
  ended: boolean;
}

/** A table over a contract that is told what to answer; settled after 4 blocks. */
function open(answers: { count: (head: bigint) => bigint; read: (id: bigint, head: bigint) => Entry | undefined }) {
  let head = 0n;
  const read: { id: bigint; head: bigint }[] = [];
  let doubts = 0;
  const table = createTable<Entry>({
    chain: { logger: silentLogger(), doubtLogs: () => void doubts++ },
    what: "job",
    count: async (at) => answers.count(at),
    read: async (ids) =>
      ids.map((id) => {
        read.push({ id, head });
        return answers.read(id, head) ?? new GainsayError("unknown", { code: "CONTRACT_REVERTED" });
      }),
    ended: ({ ended }) => ended,
    settledBlocks: 4n,
  });
  const pass = async (to: bigint): Promise<void> => {
    while (head < to) await table.refresh(++head);
  };
  return { table, read, pass, doubts: () => doubts };
}

describe("createTable", () => {
  it("does not doubt an endpoint whose counter failed while its events told of what ended long ago", async () => {
    const { table, read, pass, doubts } = open({
      count: (head) => {
        if (head <= 6n) throw new Error("no state so far back");
        return 3n;
      },
      read: () => ({ ended: true }),
    });
    for (const id of [1n, 2n, 3n]) table.touch(id, 0n);
    await pass(30n);
    expect(doubts()).toBe(0);
    expect(table.entries.size).toBe(0);
    expect(read.filter(({ head }) => head > 8n)).toEqual([]);
  });

  it("doubts one that has never named what is counted", async () => {
    const { pass, doubts } = open({ count: () => 1n, read: () => ({ ended: false }) });
    await pass(30n);
    expect(doubts()).toBe(1);
  });

  it("finds an entry at the next head whose state comes later than its event", async () => {
    const { table, pass } = open({ count: () => 1n, read: (_, head) => (head < 4n ? undefined : { ended: false }) });
    table.touch(1n);
    await pass(3n);
    expect(table.entries.size).toBe(0);
    await pass(4n);
    expect(table.entries.get(1n)).toEqual({ ended: false });
  });
});
