import { mkdir, mkdtemp, readdir, readFile, rm, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { Hex } from "../../../protocol/hex.ts";
import type { Program } from "../../../protocol/program/types.ts";
import { createInputStore, type InputName, type InputStore } from "../../../runtime/programs/createInputStore.ts";
import { inputRootOf, splitInput } from "../../../runtime/programs/splitInput.ts";

const program = { inputs: [{ name: "a", dtype: 1, shape: [2, 3] }, { name: "b", dtype: 9, shape: [5] }] } as unknown as Program;
const programRoot: Hex = `0x${"ab".repeat(32)}`;
const bytesOf = (seed: number): Uint8Array => Uint8Array.from({ length: 29 }, (_, i) => (i * 31 + seed) & 255);
const nameOf = (seed: number): InputName => ({ programRoot, inputRoot: inputRootOf([bytesOf(seed).subarray(0, 24), bytesOf(seed).subarray(24)]) });
const tensorsOf = (seed: number) => splitInput(program, bytesOf(seed), nameOf(seed).inputRoot);

let parent: string;
let folder: string;
const warn = vi.fn();
const open = (): InputStore => createInputStore(folder, { logger: { warn } });
const fileOf = ({ inputRoot }: InputName): string => path.join(folder, `${inputRoot}-${programRoot}.bin`);
const isThere = async (seed: number): Promise<boolean> => (await open().get(program, nameOf(seed))) !== undefined;

beforeEach(async () => {
  parent = await mkdtemp(path.join(tmpdir(), "gainsay-inputs-"));
  folder = path.join(parent, "inputs");
  warn.mockClear();
});
afterEach(() => rm(parent, { recursive: true, force: true }));

describe("createInputStore", () => {
  it("gives what was put, hashed, also after a restart", async () => {
    const store = open();
    await store.put(nameOf(1), tensorsOf(1));
    expect(await store.get(program, nameOf(1))).toEqual(tensorsOf(1));
    expect(await open().get(program, nameOf(1))).toEqual(tensorsOf(1));
    expect(new Uint8Array(await readFile(fileOf(nameOf(1))))).toEqual(bytesOf(1));
    expect([store.size(), open().size()]).toEqual([29, 29]);
  });

  it("has nothing before it was put, and nothing of another program", async () => {
    const store = open();
    expect(store.size()).toBe(0);
    expect(await store.get(program, nameOf(1))).toBeUndefined();
    await store.put(nameOf(1), tensorsOf(1));
    expect(await store.get(program, { ...nameOf(1), programRoot: `0x${"cd".repeat(32)}` })).toBeUndefined();
    expect(await store.get(program, nameOf(2))).toBeUndefined();
    expect(warn).not.toHaveBeenCalled();
  });

  it("removes a file that is cut off or changed, with a warning, and takes the input again", async () => {
    const damages = [(file: string) => truncate(file, 28), async (file: string) => writeFile(file, (await readFile(file)).map((byte, i) => (i === 7 ? byte ^ 1 : byte)))];
    for (const [i, damage] of damages.entries()) {
      const store = open();
      await store.put(nameOf(1), tensorsOf(1));
      await damage(fileOf(nameOf(1)));
      expect(await store.get(program, nameOf(1))).toBeUndefined();
      expect(warn).toHaveBeenCalledTimes(i + 1);
      expect(await readdir(folder)).toEqual([]);
      expect(store.size()).toBe(0);
      await store.put(nameOf(1), tensorsOf(1));
      expect(await store.get(program, nameOf(1))).toEqual(tensorsOf(1));
    }
  });

  it("counts a file as missing that somebody removed", async () => {
    const store = open();
    await store.put(nameOf(1), tensorsOf(1));
    expect(store.size()).toBe(29);
    await rm(fileOf(nameOf(1)));
    expect(await store.get(program, nameOf(1))).toBeUndefined();
    await store.put(nameOf(1), tensorsOf(1));
    expect(await isThere(1)).toBe(true);
  });

  it("writes once what is put twice at a time, and both wait for it", async () => {
    const store = open();
    await Promise.all([store.put(nameOf(1), tensorsOf(1)), store.put(nameOf(1), tensorsOf(1)).then(async () => expect(await isThere(1)).toBe(true))]);
    expect(await readdir(folder)).toHaveLength(1);
    expect(store.size()).toBe(29);
  });

  it("forgets one, or all that are not named, and keeps what is put while another is forgotten", async () => {
    const store = open();
    for (const seed of [1, 2, 3]) await store.put(nameOf(seed), tensorsOf(seed));
    await store.remove(nameOf(1));
    await store.remove(nameOf(1));
    expect(store.size()).toBe(58);
    const removed = store.remove(nameOf(2));
    await Promise.all([removed, store.put(nameOf(2), tensorsOf(2))]);
    expect(await isThere(2)).toBe(true);
    expect(await open().keepOnly([nameOf(2), nameOf(9)])).toBe(1);
    expect([await isThere(1), await isThere(2), await isThere(3)]).toEqual([false, true, false]);
    expect(await readdir(folder)).toHaveLength(1);
  });

  it("removes what a crash left half written", async () => {
    await open().put(nameOf(1), tensorsOf(1));
    await writeFile(path.join(folder, ".half"), bytesOf(2));
    expect(open().size()).toBe(29);
    expect(await readdir(folder)).toHaveLength(1);
  });

  it("says so when an input cannot be kept, leaves nothing half written, and keeps it when it can", async () => {
    await writeFile(folder, "in the way");
    const store = open();
    await expect(store.put(nameOf(1), tensorsOf(1))).rejects.toMatchObject({ code: "INPUT_NOT_KEPT", retryable: true });
    expect([store.size(), await store.get(program, nameOf(1))]).toEqual([0, undefined]);
    await rm(folder);
    // A folder cannot be replaced by a file: the last step fails.
    await mkdir(path.join(fileOf(nameOf(1)), "in the way"), { recursive: true });
    await expect(store.put(nameOf(1), tensorsOf(1))).rejects.toMatchObject({ code: "INPUT_NOT_KEPT" });
    expect(await readdir(folder)).toHaveLength(1);
    await rm(fileOf(nameOf(1)), { recursive: true });
    await store.put(nameOf(1), tensorsOf(1));
    expect(await isThere(1)).toBe(true);
  });
});
