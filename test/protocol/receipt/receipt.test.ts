import { describe, expect, it } from "vitest";
import { toHex, fromHex } from "../../../protocol/hex.ts";
import { programRoot } from "../../../protocol/program/codec.ts";
import { checkReceipt, parseReceipt, type Receipt } from "../../../protocol/receipt/receipt.ts";
import { listRoot } from "../../../protocol/trees/listTree.ts";
import { tensorRoot } from "../../../protocol/trees/tensorTree.ts";

const filled = (byte: number) => toHex(new Uint8Array(32).fill(byte));

function honest(): Receipt {
  const header = { version: 1, graph: filled(1), inputs: filled(2), stepsRoot: filled(3), blocksRoot: filled(4), stepCount: 4, blockCount: 4, inputCount: 1, traceCount: 4, outputs: [3] };
  const bytes = new Uint8Array(40).map((_, i) => i);
  const input = toHex(tensorRoot(new Uint8Array(3136)));
  const output = toHex(tensorRoot(bytes));
  return {
    format: "gainsay.receipt.1",
    chainId: 31337,
    jobs: `0x${"ab".repeat(20)}`,
    jobId: "7",
    attempt: 1,
    executor: `0x${"cd".repeat(20)}`,
    committedIn: filled(5),
    finalizedIn: filled(6),
    programRoot: programRoot(header),
    header,
    inputRoot: toHex(listRoot("inputs", fromHex(input))),
    traceRoot: filled(7),
    outputRoot: toHex(listRoot("outputs", fromHex(output))),
    inputs: [{ name: "image", dtype: 1, shape: [1, 1, 28, 28], root: input }],
    outputs: [{ name: "logits", dtype: 1, shape: [1, 10], root: output, bytes: Buffer.from(bytes).toString("base64") }],
  };
}

const failing = (receipt: Receipt): string[] => checkReceipt(receipt).filter(({ holds }) => !holds).map(({ name }) => name);

describe("receipts", () => {
  it("survive writing and reading, and hold", () => {
    const receipt = parseReceipt(JSON.stringify(honest()));
    expect(receipt).toEqual(honest());
    expect(checkReceipt(receipt)).toHaveLength(4);
    expect(failing(receipt)).toEqual([]);
  });

  it("name what a forged field breaks", () => {
    expect(failing({ ...honest(), programRoot: filled(9) })).toEqual(["the header hashes to the program root"]);
    expect(failing({ ...honest(), inputRoot: filled(9) })).toEqual(["the inputs hash to the input root"]);
    expect(failing({ ...honest(), outputRoot: filled(9) })).toEqual(["the outputs hash to the output root"]);
    const [output] = honest().outputs;
    if (output === undefined) throw new Error("the fixture has an output");
    const bytes = Buffer.from(output.bytes, "base64");
    bytes[8] = (bytes[8] ?? 0) ^ 1;
    expect(failing({ ...honest(), outputs: [{ ...output, bytes: bytes.toString("base64") }] })).toEqual(['the bytes of output "logits" hash to its root']);
  });

  it("are refused when malformed, naming the field", () => {
    expect(() => parseReceipt("{")).toThrow(/not JSON/);
    expect(() => parseReceipt(JSON.stringify({ ...honest(), chainId: "x" }))).toThrow(/chainId/);
    expect(() => parseReceipt(JSON.stringify({ ...honest(), extra: 1 }))).toThrow(/malformed/);
  });
});
