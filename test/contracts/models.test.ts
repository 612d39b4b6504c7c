import { toHex } from "viem";
import { beforeAll, describe, expect, it } from "vitest";
import { createWorld, expectRevert, type World } from "./helpers/createWorld.ts";
import { makeProgram, programRootOf, type Header } from "./helpers/program.ts";
import { register } from "./helpers/scenes.ts";

let world: World;
const program = makeProgram([10, 20, 30]);
const bundle = `0x${"bb".repeat(32)}` as const;

beforeAll(async () => {
  world = await createWorld();
});

const registerHeader = (changes: Partial<Header>) => world.send("models", "register", [{ ...program.header, ...changes }, bundle, "ipfs://x"], { from: "stranger" });

describe("register", () => {
  it("keeps what the header proves and tells the rest", async () => {
    const sent = await register(world, program);
    expect(sent.event("Registered")).toEqual({ modelId: 1n, programRoot: program.root, registrant: world.address.deployer, bundle, uri: "bundle://test" });
    expect(await world.read("models", "getModel", [1n])).toEqual({ programRoot: program.root, stepsRoot: program.header.stepsRoot, blocksRoot: program.header.blocksRoot, stepCount: 3, blockCount: 3, traceCount: 3 });
    expect(await world.read("models", "modelIdOf", [program.root])).toBe(1n);
    expect(await world.read("models", "programRootOf", [1n])).toBe(program.root);
    expect(await world.read("models", "modelCount")).toBe(1n);
    console.info("gas", { register: sent.gas });
  });

  it("takes a program once, whoever comes second", async () => {
    await expectRevert(registerHeader({}), "AlreadyRegistered", [program.root, 1n]);
    const other = await registerHeader({ graph: `0x${"01".repeat(32)}` });
    expect(other.event("Registered")).toMatchObject({ modelId: 2n, programRoot: programRootOf({ ...program.header, graph: `0x${"01".repeat(32)}` }) });
  });

  const name = (text: string) => toHex(new TextEncoder().encode(text.padEnd(32, "\0")));

  it.each([
    ["version 0", { version: 0 }, "UnsupportedVersion", [0]],
    ["version 2", { version: 2 }, "UnsupportedVersion", [2]],
    ["no steps", { stepCount: 0 }, "EmptyProgram", [name("stepCount")]],
    ["no blocks", { blockCount: 0 }, "EmptyProgram", [name("blockCount")]],
    ["no inputs", { inputCount: 0 }, "EmptyProgram", [name("inputCount")]],
    ["no trace", { traceCount: 0 }, "EmptyProgram", [name("traceCount")]],
    ["no outputs", { outputs: [] }, "EmptyProgram", [name("outputs")]],
    ["more blocks than steps", { blockCount: 4 }, "CountTooLarge", [name("blockCount"), 4n, 3n]],
    ["more tensors than steps", { traceCount: 4 }, "CountTooLarge", [name("traceCount"), 4n, 3n]],
    ["an output outside the trace", { outputs: [0, 3] }, "OutputOutsideTrace", [1n, 3, 3]],
  ] as const)("refuses %s", async (_, changes, error, args) => {
    await expectRevert(registerHeader({ ...changes, outputs: [...("outputs" in changes ? changes.outputs : program.header.outputs)] }), error, args);
  });

  it("knows no other models", async () => {
    await expectRevert(world.read("models", "getModel", [0n]), "UnknownModel", [0n]);
    await expectRevert(world.read("models", "getModel", [3n]), "UnknownModel", [3n]);
    await expectRevert(world.read("models", "programRootOf", [3n]), "UnknownModel", [3n]);
    expect(await world.read("models", "modelIdOf", [bundle])).toBe(0n);
  });
});
