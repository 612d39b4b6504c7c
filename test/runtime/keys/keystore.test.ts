import { mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { Readable } from "node:stream";
import fc from "fast-check";
import * as OxKeystore from "ox/Keystore";
import { privateKeyToAccount } from "viem/accounts";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createKey } from "../../../runtime/keys/createKey.ts";
import { decryptKey } from "../../../runtime/keys/decryptKey.ts";
import { encryptKey, SCRYPT_N, SCRYPT_N_LIGHT } from "../../../runtime/keys/encryptKey.ts";
import { environmentAccount } from "../../../runtime/keys/environmentKey.ts";
import { importKey } from "../../../runtime/keys/importKey.ts";
import { listKeys } from "../../../runtime/keys/listKeys.ts";
import { readPassword } from "../../../runtime/keys/readPassword.ts";
import { unlockKey } from "../../../runtime/keys/unlockKey.ts";

const privateKey = "0x4c0883a69102937d6231471b5dbb6204fe5129617082792ae468d01a3f362318";
const address = privateKeyToAccount(privateKey).address;
const password = (value: string) => () => Promise.resolve(value);
const light = { scryptN: SCRYPT_N_LIGHT };

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), "gainsay-keys-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

describe("encryptKey and decryptKey", () => {
  it("round-trips any key and password, and no other password opens it", async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ minLength: 32, maxLength: 32 }), fc.string({ unit: "grapheme", minLength: 1 }), async (bytes, secret) => {
        bytes[0] = (bytes[0] ?? 0) & 0x7f;
        bytes[31] = (bytes[31] ?? 0) | 1;
        const key = `0x${Buffer.from(bytes).toString("hex")}` as const;
        const keystore = await encryptKey(key, secret, { scryptN: 2 });
        expect(await decryptKey(keystore, secret)).toBe(key);
        await expect(decryptKey(keystore, `${secret}x`)).rejects.toMatchObject({ code: "KEY_WRONG_PASSWORD" });
      }),
      { numRuns: 25 },
    );
  });

  it("writes full parameters, and another implementation reads them", async () => {
    const keystore = await encryptKey(privateKey, "correct horse");
    expect(keystore.crypto.kdfparams).toMatchObject({ n: SCRYPT_N, r: 8, p: 1, dklen: 32 });
    const derived = OxKeystore.toKey(keystore as OxKeystore.Keystore, { password: "correct horse" });
    expect(OxKeystore.decrypt(keystore as OxKeystore.Keystore, derived)).toBe(privateKey);
    expect(await decryptKey(keystore, "correct horse")).toBe(privateKey);
  });

  it("opens the test vectors of the Web3 Secret Storage definition", async () => {
    // The example key of the definition with its two derivations; the password is "testpassword".
    const key = "0x7a28b5ba57c53603b0b07b56bba752f7784bf506fa95edc395f5cf6c7514fe9d";
    const pbkdf2 = {
      version: 3 as const,
      id: "3198bc9c-6672-5ab3-d995-4942343ae5b6",
      crypto: {
        cipher: "aes-128-ctr" as const,
        cipherparams: { iv: "6087dab2f9fdbbfaddc31a909735c1e6" },
        ciphertext: "5318b4d5bcd28de64ee5559e671353e16f075ecae9f99c7a79a38af5f869aa46",
        kdf: "pbkdf2" as const,
        kdfparams: { c: 262144, dklen: 32 as const, prf: "hmac-sha256" as const, salt: "ae3cd4e7013836a3df6bd7241b12db061dbe2c6785853cce422d148a624ce0bd" },
        mac: "517ead924a9d0dc3124507e3393d175ce3ff7c1e96529c6c555ce9e51205e9b2",
      },
    };
    expect(await decryptKey(pbkdf2, "testpassword")).toBe(key);
    const scrypt = {
      version: 3 as const,
      id: "3198bc9c-6672-5ab3-d995-4942343ae5b6",
      crypto: {
        cipher: "aes-128-ctr" as const,
        cipherparams: { iv: "83dbcc02d8ccb40e466191a123791e0e" },
        ciphertext: "d172bf743a674da9cdad04534d56926ef8358534d458fffccd4e6ad2fbde479c",
        kdf: "scrypt" as const,
        kdfparams: { dklen: 32 as const, n: 262144, p: 8, r: 1, salt: "ab0c7876052600dd703518d6fc3fe8984592145b591fc8fb5c6d43190334ba19" },
        mac: "2103ac29920d71da29f15d75b4a16dbe95cfd7ff8faea1056c33131d846e3097",
      },
    };
    expect(await decryptKey(scrypt, "testpassword")).toBe(key);
  });

  it("refuses a keystore whose address is another key's", async () => {
    const keystore = { ...(await encryptKey(privateKey, "pw", light)), address: "00".repeat(20) };
    await expect(decryptKey(keystore, "pw")).rejects.toMatchObject({ code: "KEY_MALFORMED" });
  });
});

describe("named keystores", () => {
  it("creates, lists and unlocks a key that only its owner may read", async () => {
    const keysFolder = path.join(folder, "created");
    const key = await createKey("alice", { keysFolder, password: password("pw"), ...light });
    expect((await stat(key.file)).mode & 0o777).toBe(0o600);
    expect((await stat(keysFolder)).mode & 0o777).toBe(0o700);
    expect(await listKeys(keysFolder)).toEqual([{ name: "alice", file: key.file, address: key.address }]);
    const unlocked = await unlockKey("alice", { keysFolder, password: password("pw") });
    expect(unlocked.account.address).toBe(key.address);
    expect((await unlockKey(key.file, { keysFolder: "/nonexistent", password: password("pw") })).account.address).toBe(key.address);
    await expect(createKey("alice", { keysFolder, password: password("pw"), ...light })).rejects.toMatchObject({ code: "FILE_EXISTS" });
    expect(await listKeys(keysFolder)).toHaveLength(1);
  });

  it("imports from standard input, environment and file, with and without 0x", async () => {
    const keysFolder = path.join(folder, "imported");
    const options = { keysFolder, password: password("pw"), ...light };
    const file = path.join(folder, "raw.txt");
    await writeFile(file, `${privateKey.slice(2).toUpperCase()}\n`);
    expect((await importKey("a", { stdin: Readable.from([Buffer.from(privateKey), "\n"]) }, options)).address).toBe(address);
    expect((await importKey("b", { env: { GAINSAY_PRIVATE_KEY: privateKey } }, options)).address).toBe(address);
    expect((await importKey("c", { file }, options)).address).toBe(address);
    for (const text of ["", "0x1234", `${privateKey}00`, "g".repeat(64), "00".repeat(32), "ff".repeat(32)]) {
      const failure = await importKey("d", { stdin: Readable.from([text]) }, options).catch((error: unknown) => error);
      expect(failure).toMatchObject({ code: "KEY_MALFORMED" });
      if (text.length > 8) expect(JSON.stringify(failure) + String(failure)).not.toContain(text);
    }
  });

  it("says what is wrong without the secret: password, missing, not JSON, not version 3, too costly", async () => {
    const keysFolder = path.join(folder, "wrong");
    const key = await createKey("k", { keysFolder, password: password("right"), ...light });
    const good = JSON.parse(await readFile(key.file, "utf8")) as { crypto: { kdfparams: object } };
    const failure = await unlockKey("k", { keysFolder, password: password("s3cret-guess") }).catch((error: unknown) => error);
    expect(failure).toMatchObject({ code: "KEY_WRONG_PASSWORD", kind: "usage", details: { file: key.file } });
    expect(JSON.stringify(failure) + String(failure)).not.toContain("s3cret-guess");
    await expect(unlockKey("nobody", { keysFolder, password: password("pw") })).rejects.toMatchObject({ code: "KEY_NOT_FOUND" });
    await expect(unlockKey("..", { keysFolder, password: password("pw") })).rejects.toMatchObject({ code: "KEY_NAME_INVALID" });
    const broken: Record<string, string> = {
      text: "not json 0xsecret",
      empty: "",
      array: "[]",
      version: JSON.stringify({ ...good, version: 4 }),
      cut: JSON.stringify(good).slice(0, 100),
      costly: JSON.stringify({ ...good, crypto: { ...good.crypto, kdfparams: { ...good.crypto.kdfparams, n: 2 ** 40 } } }),
      odd: JSON.stringify({ ...good, crypto: { ...good.crypto, kdfparams: { ...good.crypto.kdfparams, n: 4095 } } }),
    };
    for (const [name, text] of Object.entries(broken)) {
      await writeFile(path.join(keysFolder, `${name}.json`), text);
      const error: unknown = await unlockKey(name, { keysFolder, password: password("right") }).catch((caught: unknown) => caught);
      expect(error, name).toMatchObject({ code: "KEY_MALFORMED", kind: "usage" });
      expect(String(error)).not.toContain("0xsecret");
    }
    expect((await listKeys(keysFolder)).filter((entry) => entry.error === "KEY_MALFORMED")).toHaveLength(Object.keys(broken).length);
  });

  it("lists nothing where there is no folder", async () => {
    expect(await listKeys(path.join(folder, "absent"))).toEqual([]);
  });
});

describe("readPassword", () => {
  it("prefers the flag, then the file of the environment, then its value, then the terminal", async () => {
    const a = path.join(folder, "a.txt");
    const b = path.join(folder, "b.txt");
    await writeFile(a, "from flag \r\nsecond line\n");
    await writeFile(b, "from env file\n");
    const env = { GAINSAY_PASSWORD_FILE: b, GAINSAY_PASSWORD: "from env" };
    const prompt = () => Promise.resolve("typed");
    expect(await readPassword({ passwordFile: a, env, prompt })()).toBe("from flag ");
    expect(await readPassword({ env, prompt })()).toBe("from env file");
    expect(await readPassword({ env: { GAINSAY_PASSWORD: "from env" }, prompt })()).toBe("from env");
    expect(await readPassword({ env: {}, prompt })()).toBe("typed");
    await expect(readPassword({ env: {}, prompt: undefined })()).rejects.toMatchObject({ code: "KEY_PASSWORD_MISSING" });
    await expect(readPassword({ passwordFile: path.join(folder, "absent"), env })()).rejects.toMatchObject({ code: "KEY_PASSWORD_FILE" });
  });

  it("asks twice for a new password", async () => {
    const answers = ["one", "two"];
    await expect(readPassword({ env: {}, prompt: () => Promise.resolve(answers.shift() ?? ""), confirm: true })()).rejects.toMatchObject({ code: "KEY_PASSWORD_MISMATCH" });
    await expect(createKey("empty", { keysFolder: folder, password: password("") })).rejects.toMatchObject({ code: "KEY_PASSWORD_EMPTY" });
  });
});

describe("environmentAccount", () => {
  it("takes a raw key on the development chain only, and warns", () => {
    const warnings: string[] = [];
    const env = { GAINSAY_PRIVATE_KEY: privateKey };
    expect(environmentAccount(31337, env, (message) => warnings.push(message))?.address).toBe(address);
    expect(warnings).toHaveLength(1);
    expect(warnings[0]).not.toContain(privateKey.slice(2));
    expect(() => environmentAccount(1, env, () => undefined)).toThrowError(expect.objectContaining({ code: "KEY_RAW_REFUSED" }) as Error);
    expect(environmentAccount(1, {}, () => undefined)).toBeUndefined();
  });
});
