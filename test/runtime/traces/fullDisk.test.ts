import { spawnSync } from "node:child_process";
import { rmSync } from "node:fs";
import path from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { tracedProgram } from "../inference/smallModels.ts";
import { traceSize } from "../../../runtime/traces/traceSize.ts";
import { sampleTrace, storeIn, temporaryFolder } from "./helpers.ts";

/** Whether this machine lets a process have a file system of its own. */
const canMount = spawnSync("unshare", ["-rm", "mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", "/mnt"]).status === 0;

describe("a full disk", () => {
  it.skipIf(!canMount).each([["small", 1_000], ["large", 30_000]])("refuses what does not fit, loses nothing, and takes more once there is room: %s traces (needs a mount namespace)", (_, elements) => {
    const dir = temporaryFolder();
    onTestFinished(() => rmSync(dir, { recursive: true, force: true }));
    const script = path.join(import.meta.dirname, "fullDiskProcess.ts");
    const { stdout, stderr } = spawnSync("unshare", ["-rm", "sh", "-c", 'mount -t tmpfs -o size=3m tmpfs "$1" && exec "$2" "$3" "$1" "$4"', "sh", dir, process.execPath, script, String(elements)], { encoding: "utf8" });
    expect(stdout, stderr).not.toBe("");
    const told = JSON.parse(stdout) as Record<string, number | string | boolean>;
    expect(told).toMatchObject({ code: "TRACE_WRITE_FAILED", retryable: true, leftovers: 0, damaged: 0 });
    expect(told["stored"]).toBeGreaterThan(3);
    expect(told["kept"]).toBe(told["stored"]);
    expect(told["readAgain"]).toBe(told["stored"]);
    expect(told["after"]).toBe((told["stored"] as number) - 1);
    expect(told["room"]).toBeLessThan(200_000);
  });

  it("is foreseen: the room that is left, and the room that a trace takes", async () => {
    const dir = temporaryFolder();
    onTestFinished(() => rmSync(dir, { recursive: true, force: true }));
    const store = storeIn(dir, 100_000);
    await store.start();
    expect(await store.room()).toBe(100_000);
    await store.put("a", await sampleTrace(1));
    const [entry] = store.list();
    expect(await store.room()).toBe(100_000 - (entry?.bytes ?? 0));
    const program = tracedProgram();
    const sized = { ...program, inputs: program.inputs.map((spec) => ({ ...spec, shape: [600] })), trace: program.trace.map((spec) => ({ ...spec, shape: [600] })) };
    expect(traceSize(sized)).toBeGreaterThanOrEqual(entry?.bytes ?? Infinity);
    await store.stop();
  });
});
