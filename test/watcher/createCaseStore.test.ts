import { mkdtemp, readFile, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createCaseStore, type Case } from "../../watcher/createCaseStore.ts";

const entry = (jobId: string, attempt = 1, seal = "11"): Case => ({
  jobId,
  attempt,
  challenger: `0x${"ab".repeat(20)}`,
  stepIndex: 2,
  element: 40,
  salt: `0x${"22".repeat(32)}`,
  seal: `0x${seal.repeat(32)}`,
  witness: "0x0102",
});

describe("createCaseStore", () => {
  let folder: string;
  beforeEach(async () => {
    folder = path.join(await mkdtemp(path.join(tmpdir(), "gainsay-cases-")), "made", "on", "demand");
  });
  afterEach(() => rm(path.dirname(path.dirname(path.dirname(folder))), { recursive: true, force: true }));

  it("keeps what was put across a restart, by job and attempt and by seal", async () => {
    const store = await createCaseStore(folder);
    await store.put(entry("1"));
    await store.put(entry("1", 2, "33"));
    await store.put(entry("12", 1, "44"));
    const again = await createCaseStore(folder);
    expect(await again.find(1n, 2)).toEqual(entry("1", 2, "33"));
    expect(await again.find(12n, 1)).toEqual(entry("12", 1, "44"));
    expect(await again.findBySeal(`0x${"11".repeat(32)}`)).toEqual(entry("1"));
    expect(await again.find(2n, 1)).toBeUndefined();
    expect(await again.findBySeal(`0x${"99".repeat(32)}`)).toBeUndefined();
  });

  it("replaces and removes", async () => {
    const store = await createCaseStore(folder);
    await store.put(entry("5"));
    await store.put({ ...entry("5"), element: 41 });
    expect(await store.find(5n, 1)).toMatchObject({ element: 41 });
    await store.remove(5n, 1);
    await store.remove(5n, 1);
    expect(await store.find(5n, 1)).toBeUndefined();
    expect(await readdir(folder)).toEqual([]);
  });

  it("keeps the refutation of a seal that another one has replaced, and removes both", async () => {
    const store = await createCaseStore(folder);
    await store.put(entry("5", 1, "11"));
    await store.put(entry("5", 1, "22"));
    await store.put(entry("5", 12, "33"));
    expect(await store.find(5n, 1)).toEqual(entry("5", 1, "22"));
    expect(await store.findBySeal(entry("5", 1, "11").seal)).toEqual(entry("5", 1, "11"));
    await store.remove(5n, 1);
    expect(await store.findBySeal(entry("5", 1, "11").seal)).toBeUndefined();
    expect(await store.find(5n, 1)).toBeUndefined();
    expect(await store.find(5n, 12)).toEqual(entry("5", 12, "33"));
  });

  it("passes over what a crash left half written, and writes over it", async () => {
    const store = await createCaseStore(folder);
    await store.put(entry("1"));
    const whole = await readFile(path.join(folder, "1-1.json"), "utf8");
    await writeFile(path.join(folder, "2-1.json.tmp"), whole.slice(0, 30));
    const again = await createCaseStore(folder);
    expect(await again.find(2n, 1)).toBeUndefined();
    expect(await again.findBySeal(entry("1").seal)).toEqual(entry("1"));
    await again.put(entry("2", 1, "55"));
    expect(await again.find(2n, 1)).toEqual(entry("2", 1, "55"));
  });

  it("names a damaged file and does not take it for absent", async () => {
    const store = await createCaseStore(folder);
    await store.put(entry("1"));
    const file = path.join(folder, "1-1.json");
    const whole = await readFile(file, "utf8");
    for (const damaged of ["", whole.slice(0, -5), "null", "[]", whole.replace('"attempt":1', '"attempt":-1'), whole.replace("0x0102", "0x010"), whole.replace('"jobId"', '"other"')]) {
      await writeFile(file, damaged);
      await expect(store.find(1n, 1), damaged).rejects.toMatchObject({ code: "CASE_DAMAGED", details: { file } });
    }
  });

  it("finds a seal although another file is damaged: one lost refutation must not cost the bonds of the others", async () => {
    const store = await createCaseStore(folder);
    await store.put(entry("1", 1, "11"));
    await store.put(entry("3", 1, "33"));
    await writeFile(path.join(folder, "1-1.json"), "{");
    await writeFile(path.join(folder, "2-1.json"), "{");
    expect(await store.findBySeal(entry("3", 1, "33").seal)).toEqual(entry("3", 1, "33"));
    // The seal that was asked for may be in the damaged file: that must be said.
    await expect(store.findBySeal(entry("1", 1, "11").seal)).rejects.toMatchObject({ code: "CASE_DAMAGED" });
  });
});
