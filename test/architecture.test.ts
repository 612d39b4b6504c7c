import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { describe, expect, it } from "vitest";

const root = path.dirname(import.meta.dirname);

/** Which project folders each folder may import from. */
const allowed: Record<string, string[]> = {
  protocol: ["protocol"],
  runtime: ["runtime", "protocol"],
  node: ["node", "runtime", "protocol"],
  watcher: ["watcher", "runtime", "protocol"],
  cli: ["cli", "node", "watcher", "runtime", "protocol"],
};

/** Modules that touch the world, which the pure core must not import. */
const effects = /^(node:(fs|net|http|https|child_process|worker_threads|os|dgram|tls|timers)(\/.*)?|onnxruntime|libp2p|@libp2p|pino|prom-client|hardhat|@nomicfoundation)/;

function imports(folder: string): { file: string; target: string }[] {
  return readdirSync(path.join(root, folder), { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".ts"))
    .flatMap((name) => {
      const file = path.join(folder, name);
      const text = readFileSync(path.join(root, file), "utf8");
      return [...text.matchAll(/(?:from|import)\s*\(?\s*["']([^"']+)["']/g)].map((match) => ({ file, target: match[1] as string }));
    });
}

describe("dependencies point one way", () => {
  for (const [folder, targets] of Object.entries(allowed)) {
    it(`${folder} imports only ${targets.join(", ")}`, () => {
      const found = imports(folder);
      expect(found.length).toBeGreaterThan(0);
      const wrong = found
        .filter(({ target }) => target.startsWith("."))
        .map(({ file, target }) => ({ file, target: path.normalize(path.join(path.dirname(file), target)) }))
        .filter(({ target }) => !targets.includes(target.split(path.sep)[0] as string) && !["package.json"].includes(target));
      expect(wrong).toEqual([]);
    });
  }

  it("protocol is pure: no disk, network, process or clock", () => {
    expect(imports("protocol").filter(({ target }) => effects.test(target))).toEqual([]);
    const clocks = readdirSync(path.join(root, "protocol"), { recursive: true, encoding: "utf8" })
      .filter((name) => name.endsWith(".ts") && /Date\.now|performance\.now|Math\.random|setTimeout/.test(readFileSync(path.join(root, "protocol", name), "utf8")));
    expect(clocks).toEqual([]);
  });
});
