import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { forgetDevnet } from "../../cli/forgetDevnet.ts";
import { pathsOf } from "../../runtime/config/paths.ts";
import { createDevnetKeys } from "../../runtime/devnet/createDevnetKeys.ts";
import { devnetAccounts } from "../../runtime/devnet/startDevnet.ts";
import { createKey } from "../../runtime/keys/createKey.ts";
import { SCRYPT_N_LIGHT } from "../../runtime/keys/encryptKey.ts";

let home: string;
beforeEach(() => void (home = mkdtempSync(path.join(tmpdir(), "gainsay-forget-"))));
afterEach(() => rmSync(home, { recursive: true, force: true }));

it("removes the keys that a devnet has made, and no other that has the name of one", async () => {
  const paths = pathsOf(home);
  const own = await createKey("requester", { keysFolder: paths.keys, password: () => Promise.resolve("my own"), scryptN: SCRYPT_N_LIGHT });
  const { keys, passwordFile } = await createDevnetKeys(home, devnetAccounts);
  await forgetDevnet(paths);
  expect(existsSync(passwordFile)).toBe(false);
  expect(keys.filter(({ file }) => existsSync(file)).map(({ name }) => name)).toEqual(["requester"]);
  expect(existsSync(own.file)).toBe(true);
});

it("leaves a home alone that never had a devnet", async () => {
  const paths = pathsOf(home);
  const own = await createKey("executor-1", { keysFolder: paths.keys, password: () => Promise.resolve("my own"), scryptN: SCRYPT_N_LIGHT });
  await forgetDevnet(paths);
  expect(existsSync(own.file)).toBe(true);
});
