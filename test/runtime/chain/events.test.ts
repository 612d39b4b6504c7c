import { decodeEventLog, encodeAbiParameters, encodeEventTopics, type Abi, type AbiEvent, type AbiParameter } from "viem";
import { describe, expect, it } from "vitest";
import { abis, encodeCall } from "../../../runtime/chain/contracts.ts";
import { decodeEvent, eventContracts } from "../../../runtime/chain/events.ts";
import type { Deployment } from "../../../runtime/config/deployment.ts";
import type { Hex } from "../../../protocol/hex.ts";

const at = (byte: string): Hex => `0x${byte.repeat(20)}`;
const deployment = { contracts: { stakes: at("a1"), models: at("b2"), jobs: at("c3"), disputes: at("d4"), judge: at("e5") } } as unknown as Deployment;
const place = { blockNumber: 7n, blockHash: `0x${"01".repeat(32)}`, transactionHash: `0x${"02".repeat(32)}`, logIndex: 3 } as const;

/** Some value of a type, another one for each seed. */
function valueOf(parameter: AbiParameter, seed: number): unknown {
  const { type } = parameter;
  if (type.endsWith("[]")) return [1, 2].map((n) => valueOf({ ...parameter, type: type.slice(0, -2) }, seed + n));
  if ("components" in parameter) return Object.fromEntries(parameter.components.map((part, i) => [part.name, valueOf(part, seed + i)]));
  if (type === "address") return "0x52908400098527886E0F7030069857D2E4169EE7";
  if (type === "bool") return seed % 2 === 0;
  if (type === "string") return `text ${seed}`;
  if (type === "bytes") return `0x${"ab".repeat(seed)}`;
  if (type.startsWith("bytes")) return `0x${(seed % 256).toString(16).padStart(2, "0").repeat(Number(type.slice(5)))}`;
  return Number(type.replace(/^u?int/, "") || 256) <= 48 ? seed : BigInt(seed);
}

const cases = eventContracts.flatMap((contract) => (abis[contract] as Abi).flatMap((item) => (item.type === "event" ? [[`${contract}.${item.name}`, contract, item] as const] : [])));

describe("decodeEvent", () => {
  it.each(cases)("reads %s as viem does", (_, contract, event: AbiEvent) => {
    const args = Object.fromEntries(event.inputs.map((input, i) => [input.name, valueOf(input, i + 1)]));
    const topics = encodeEventTopics({ abi: [event], eventName: event.name, args }) as [Hex, ...Hex[]];
    const others = event.inputs.filter(({ indexed }) => indexed !== true);
    const data = encodeAbiParameters(others, others.map(({ name }) => args[name as string]));
    const log = { address: deployment.contracts[contract], topics, data, ...place };
    const expected = decodeEventLog({ abi: abis[contract] as Abi, topics, data, strict: true });
    expect(decodeEvent(deployment, log)).toEqual({ contract, name: expected.eventName, args: expected.args ?? {}, ...place });
    // Neither what lacks a topic, nor what is cut off, nor what another contract says.
    expect(decodeEvent(deployment, { ...log, topics: topics.slice(0, -1) as [Hex] })).toBeUndefined();
    if (data !== "0x") expect(decodeEvent(deployment, { ...log, data: data.slice(0, -64) as Hex })).toBeUndefined();
    expect(decodeEvent(deployment, { ...log, address: deployment.contracts.judge })).toBeUndefined();
  });
});

describe("encodeCall", () => {
  it("may know functions by name: no contract overloads one", () => {
    for (const abi of Object.values(abis)) {
      const names = (abi as Abi).flatMap((item) => (item.type === "function" ? [item.name] : []));
      expect(new Set(names).size).toBe(names.length);
    }
  });

  it("tells functions of one name in two contracts apart", () => {
    const call = (contract: "stakes" | "models", functionName: string, args: unknown[]): Hex => encodeCall({ contract, abi: [{ type: "function", name: functionName, stateMutability: "nonpayable", outputs: [], inputs: args.map((_, i) => ({ name: `a${i}`, type: "uint256" })) }], functionName, args });
    expect(call("stakes", "twin", [1n]).length).toBe(2 + 8 + 64);
    expect(call("models", "twin", [1n, 2n]).length).toBe(2 + 8 + 128);
    expect(call("stakes", "twin", [2n]).slice(-1)).toBe("2");
  });
});
