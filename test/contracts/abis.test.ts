import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { describe, expect, it } from "vitest";
import { generateAbis } from "../../scripts/write-abis.ts";
import { artifactsDir, root } from "./helpers/createWorld.ts";

describe("the generated ABIs", () => {
  it("are those of the compiled contracts", async () => {
    const written = readFileSync(path.join(root, "runtime/chain/abis.ts"), "utf8");
    expect(written === (await generateAbis(artifactsDir)), "runtime/chain/abis.ts is stale: run `npm run build:contracts`").toBe(true);
  });
});

describe("the interfaces", () => {
  const files = readdirSync(path.join(root, "contracts"), { recursive: true, encoding: "utf8" }).filter((name) => name.endsWith(".sol"));
  const text = new Map(files.map((name) => [name, readFileSync(path.join(root, "contracts", name), "utf8")]));
  const code = [...text].filter(([name]) => !name.startsWith("interfaces")).map(([, source]) => source).join("\n");
  const interfaces = ["IStakes", "IModels", "IJobs", "IDisputes"];

  it.each(interfaces)("%s declares no error and no event that nothing uses", (name) => {
    const source = text.get(`interfaces/${name}.sol`) as string;
    const errors = [...source.matchAll(/^ {4}error (\w+)\(/gm)].map((match) => match[1] as string);
    const events = [...source.matchAll(/^ {4}event (\w+)\(/gm)].map((match) => match[1] as string);
    expect(errors.length).toBeGreaterThan(3);
    expect(errors.filter((error) => !new RegExp(`\\b${error}\\(`).test(code))).toEqual([]);
    expect(events.filter((event) => !new RegExp(`emit ${event}\\(|\\b${event}\\.selector`).test(code))).toEqual([]);
  });
});

describe("contract sizes", () => {
  it.each(["Stakes", "Models", "Jobs", "Disputes"])("%s fits EIP-170", (name) => {
    const artifact = JSON.parse(readFileSync(path.join(artifactsDir, `contracts/${name}.sol/${name}.json`), "utf8")) as { deployedBytecode: string };
    const size = (artifact.deployedBytecode.length - 2) / 2;
    expect(size).toBeGreaterThan(1000);
    expect(size).toBeLessThanOrEqual(24_576);
  });
});
