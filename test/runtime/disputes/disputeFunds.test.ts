import { parseEther, parseGwei } from "viem";
import { describe, expect, it } from "vitest";
import type { ExecutionTensors } from "../../../protocol/dispute/stepOperands.ts";
import { toHex } from "../../../protocol/hex.ts";
import type { Program } from "../../../protocol/program/types.ts";
import type { CommittedTensor } from "../../../protocol/trees/committedTensor.ts";
import { tensorLeaves, tensorRoot } from "../../../protocol/trees/tensorTree.ts";
import type { Chain } from "../../../runtime/chain/createChain.ts";
import { bisectionGas, checkDisputeFunds, refutationGas, walkGas } from "../../../runtime/disputes/disputeFunds.ts";
import { operandOf, stepOf } from "../../protocol/judge/makeStep.ts";

const account = `0x${"a1".repeat(20)}` as const;
const token = `0x${"70".repeat(20)}` as const;
const word = `0x${"00".repeat(32)}` as const;

/** A chain at 1 gwei of base fee and 1 gwei of tip, that is 3 gwei a gas unit with room for the base fee to double. */
function chainWith(ether: bigint, tokens?: bigint): Chain {
  return {
    deployment: tokens === undefined ? {} : { token },
    client: {
      getBalance: async () => ether,
      readContract: async () => tokens,
      // Of the token: six decimals, and no symbol that could be shown.
      call: async () => ({ data: `0x${"6".padStart(64, "0")}` }),
      getBlock: async () => ({ baseFeePerGas: parseGwei("1") }),
      estimateMaxPriorityFeePerGas: async () => parseGwei("1"),
    },
  } as unknown as Chain;
}

function tensorOf(elements: number): CommittedTensor {
  const bytes = new Uint8Array(elements * 4);
  return { bytes, leaves: tensorLeaves(bytes), root: toHex(tensorRoot(bytes)) };
}

function programOf(terms: number): { program: Program; tensors: ExecutionTensors } {
  const operand = operandOf(0, terms, { outStrides: [0], reduceStrides: [1] });
  const header = { version: 1, graph: word, inputs: word, stepsRoot: word, blocksRoot: word, stepCount: 1, blockCount: 1, inputCount: 1, traceCount: 2, outputs: [1] };
  const program = { root: word, steps: [stepOf(1, [2], [terms], [operand, operand])], inner: [], header } as unknown as Program;
  return { program, tensors: { inputs: [tensorOf(1)], trace: [tensorOf(terms), tensorOf(2)], weight: () => tensorOf(1) } };
}

describe("the money for a dispute", () => {
  const bonds = parseEther("0.1");
  const gas = 1_000_000;
  const forGas = BigInt(gas) * parseGwei("3");

  it("must be there to the end, bonds and gas together in ether", async () => {
    await checkDisputeFunds(chainWith(bonds + forGas), account, { bonds, gas });
    await expect(checkDisputeFunds(chainWith(bonds + forGas - 1n), account, { bonds, gas })).rejects.toMatchObject({ code: "DISPUTE_UNFUNDED", retryable: true, details: { account, needed: bonds + forGas, weiPerGas: parseGwei("3") } });
  });

  it("is bonds in the token and gas in ether, where a deployment pays in a token", async () => {
    await checkDisputeFunds(chainWith(forGas, bonds), account, { bonds, gas });
    await expect(checkDisputeFunds(chainWith(forGas - 1n, bonds), account, { bonds, gas })).rejects.toMatchObject({ code: "DISPUTE_UNFUNDED" });
    await expect(checkDisputeFunds(chainWith(parseEther("100"), bonds - 1n), account, { bonds, gas })).rejects.toMatchObject({ code: "DISPUTE_UNFUNDED", message: expect.stringContaining("the bonds take 100000000000 tokens, and it has 99999999999.999999 tokens"), details: { token, tokenBalance: bonds - 1n } });
  });

  it("grows with the witness, with the demands, and with the program", () => {
    expect(refutationGas(100_000) - refutationGas(1000)).toBeGreaterThanOrEqual(40 * 99_000);
    expect(walkGas(10)).toBeGreaterThan(walkGas(1));
    const [small, large] = [programOf(256), programOf(25_600)];
    expect(bisectionGas(large.program, large.tensors)).toBeGreaterThan(bisectionGas(small.program, small.tensors) + 40 * 2 * 90 * 1024);
    // A dispute that ends inside of a block may need a whole transaction.
    const inBlocks = { ...small.program, inner: [{}] } as unknown as Program;
    expect(bisectionGas(inBlocks, small.tensors)).toBeGreaterThan(16_777_216);
  });
});
