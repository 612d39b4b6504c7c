import { chmod, mkdtemp, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { loadIdentity } from "../../../runtime/keys/loadIdentity.ts";

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), "gainsay-identity-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

describe("loadIdentity", () => {
  it("makes an Ed25519 key at the first start and keeps it", async () => {
    const file = path.join(folder, "executor", "identity.key");
    const first = await loadIdentity(file);
    expect(first.type).toBe("Ed25519");
    expect((await stat(file)).mode & 0o777).toBe(0o600);
    expect((await loadIdentity(file)).equals(first)).toBe(true);
  });

  it("gives processes that start at once the same identity", async () => {
    const file = path.join(folder, "race", "identity.key");
    const keys = await Promise.all(Array.from({ length: 8 }, () => loadIdentity(file)));
    expect(new Set(keys.map((key) => key.publicKey.toString())).size).toBe(1);
  });

  it("refuses a damaged file and one that others may read", async () => {
    const file = path.join(folder, "bad.key");
    await writeFile(file, "garbage", { mode: 0o600 });
    await expect(loadIdentity(file)).rejects.toMatchObject({ code: "IDENTITY_INVALID", details: { file } });
    await chmod(file, 0o644);
    await expect(loadIdentity(file)).rejects.toMatchObject({ code: "FILE_NOT_PRIVATE" });
  });
});
