import { spawn } from "node:child_process";
import { once } from "node:events";
import { rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, describe, expect, it } from "vitest";
import { lockDirectory } from "../../../runtime/traces/lockDirectory.ts";
import { storeIn, temporaryFolder } from "./helpers.ts";

const dir = temporaryFolder();
afterEach(() => rmSync(dir, { recursive: true, force: true }));

async function holder() {
  const child = spawn(process.execPath, [fileURLToPath(new URL("./lockProcess.ts", import.meta.url)), dir], { stdio: ["pipe", "pipe", "inherit"] });
  await once(child.stdout, "data");
  return child;
}

describe("lockDirectory", () => {
  it("is taken once in a process and free again when released", () => {
    const lock = lockDirectory(dir);
    expect(() => lockDirectory(dir)).toThrow(expect.objectContaining({ code: "DATA_DIR_LOCKED", details: expect.objectContaining({ pid: process.pid }) }));
    lock.release();
    lock.release();
    lockDirectory(dir).release();
  });

  it("names the process that holds it, and is free at once when that is killed", async () => {
    const child = await holder();
    expect(() => lockDirectory(dir)).toThrow(new RegExp(`process ${child.pid}`));
    await expect(storeIn(dir).start()).rejects.toMatchObject({ code: "DATA_DIR_LOCKED", kind: "usage", details: { pid: child.pid } });
    child.kill("SIGKILL");
    await once(child, "exit");
    const lock = lockDirectory(dir);
    lock.release();
  });

  it("lets only one of many processes in", async () => {
    const start = () => {
      const child = spawn(process.execPath, [fileURLToPath(new URL("./lockProcess.ts", import.meta.url)), dir], { stdio: ["pipe", "pipe", "pipe"] });
      let output = "";
      child.stdout.on("data", (text: Buffer) => (output += text.toString()));
      let errors = "";
      child.stderr.on("data", (text: Buffer) => (errors += text.toString()));
      return { child, settled: Promise.race([once(child.stdout, "data"), once(child, "close")]), output: () => output, errors: () => errors };
    };
    const all = Array.from({ length: 4 }, start);
    await Promise.all(all.map(({ settled }) => settled));
    expect(all.filter(({ output }) => output() === "locked\n")).toHaveLength(1);
    expect(all.filter(({ errors }) => errors().includes("DATA_DIR_LOCKED"))).toHaveLength(3);
    for (const { child } of all) {
      if (child.exitCode !== null) continue;
      child.kill("SIGKILL");
      await once(child, "close");
    }
  });

  it("explains a directory that cannot be used", () => {
    writeFileSync(`${dir}-file`, "");
    expect(() => lockDirectory(path.join(`${dir}-file`, "data"))).toThrow(expect.objectContaining({ code: "DATA_DIR_UNUSABLE", kind: "usage" }));
    rmSync(`${dir}-file`);
  });
});
