import fc from "fast-check";
import { encodeAbiParameters } from "viem/utils";
import { expect, it } from "vitest";
import { toHex } from "../../../protocol/hex.ts";
import { blockAbi, headerAbi, inputsAbi, stepAbi, witnessAbi } from "../../../protocol/program/abi.ts";
import { abiEncode } from "../../../protocol/program/abiEncode.ts";

interface Parameter {
  name?: string;
  type: string;
  components?: readonly Parameter[];
}

/** Values of a parameter, as viem takes them. */
function valueOf({ type, components = [] }: Parameter): fc.Arbitrary<unknown> {
  if (type.endsWith("[]")) return fc.array(valueOf({ type: type.slice(0, -2), components }), { maxLength: 4 });
  if (type === "tuple") return fc.record(Object.fromEntries(components.map((component) => [component.name ?? "", valueOf(component)])));
  if (type === "bytes") return fc.uint8Array({ maxLength: 70 }).map(toHex);
  if (type === "bytes32" || type === "address") return fc.uint8Array({ minLength: type === "address" ? 20 : 32, maxLength: type === "address" ? 20 : 32 }).map(toHex);
  if (type === "string") return fc.string({ unit: "binary", maxLength: 40 });
  const [, u, bits] = /^(u?)int(\d+)$/.exec(type) as unknown as [string, string, string];
  const integer = u === "u" ? fc.bigInt(0n, 2n ** BigInt(bits) - 1n) : fc.bigInt(-(2n ** BigInt(bits) / 2n), 2n ** BigInt(bits) / 2n - 1n);
  return Number(bits) > 48 ? integer : integer.map(Number);
}

const shapes: Record<string, readonly Parameter[]> = { headerAbi, inputsAbi, blockAbi, stepAbi, witnessAbi, seal: [{ type: "address" }, { type: "bytes32" }, { type: "bytes32" }], mixed: [{ type: "uint8" }, { type: "string" }, { type: "bytes[]" }, { type: "int64[][]" }] };

it.each(Object.keys(shapes))("%s is encoded as viem encodes it", (name) => {
  const parameters = shapes[name] as readonly Parameter[];
  fc.assert(
    fc.property(fc.tuple(...parameters.map(valueOf)), (values) => {
      expect(toHex(abiEncode(parameters as never, values as never))).toBe(encodeAbiParameters(parameters as never, values as never));
    }),
    { numRuns: 150 },
  );
});

it.each([
  ["uint8", 256],
  ["uint8", -1],
  ["int32", 2 ** 31],
  ["int64", 2n ** 63n],
  ["uint32", 1.5],
  ["uint32", "1"],
  ["bytes32", "0x00"],
  ["bytes", 7],
  ["uint32[]", 7],
  ["uint256", 1n],
  ["tuple", undefined],
])("refuses what is no %s: %s", (type, value) => {
  expect(() => abiEncode([{ type, components: [{ name: "a", type: "uint8" }] }] as never, [value] as never)).toThrow(expect.objectContaining({ code: "ABI_VALUE" }) as Error);
});
