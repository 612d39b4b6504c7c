import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { writeAllAt } from "../../../runtime/inference/replyPipe.ts";

const folder = mkdtempSync(path.join(tmpdir(), "gainsay-pieces-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe("writeAllAt", () => {
  it.each([undefined, 0, 7])("writes more pieces than a system call takes, one after the other, at %s", (place) => {
    const file = path.join(folder, "pieces");
    const pieces = Array.from({ length: 3_000 }, (_, i) => new Uint8Array(i % 5).fill(i));
    const fd = openSync(file, "w");
    writeAllAt(fd, pieces, place);
    closeSync(fd);
    expect(Buffer.compare(readFileSync(file).subarray(place ?? 0), Buffer.concat(pieces))).toBe(0);
  });

  it.skipIf(process.platform === "win32").each([1, 2])("writes more bytes than a system call takes, %i of the pieces large", (count) => {
    const fd = openSync("/dev/null", "w");
    // Room that nobody touches is none.
    const large = new Uint8Array(2 ** 31 + 64);
    expect(() => writeAllAt(fd, [new Uint8Array(64), ...Array.from({ length: count }, () => large), new Uint8Array(1)])).not.toThrow();
    closeSync(fd);
  });
});
