import { fstatSync, writeSync } from "node:fs";
import { setTimeout as pause } from "node:timers/promises";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { describe, expect, it } from "vitest";
import { openSpool } from "../../../runtime/inference/createSpool.ts";
import { allocateFile, mapFile, SEGMENT_BYTES } from "../../../runtime/mapFile.ts";
import { isMappable } from "./isMappable.ts";

describe.skipIf(process.platform === "win32")("a spool", () => {
  it("gives back what was written into a region, and nothing once that is released", () => {
    const spool = openSpool()!;
    const region = spool.reserve(10)!;
    writeSync(spool.fd, Uint8Array.from({ length: 10 }, (_, i) => i + 1), 0, 10, region.offset);
    expect([...region.read(2, new Uint8Array(3))]).toEqual([3, 4, 5]);
    region.release();
    for (const use of [() => region.read(0, new Uint8Array(1)), () => region.file(0, 1)]) expect(use).toThrow(expect.objectContaining({ code: "OUTPUTS_RELEASED" }));
    spool.close();
  });

  it("says so when the bytes were never written", () => {
    const spool = openSpool()!;
    const region = spool.reserve(10)!;
    expect(() => region.read(0, new Uint8Array(10))).toThrow(expect.objectContaining({ code: "OUTPUTS_LOST" }));
    region.release();
    spool.close();
  });

  it("keeps regions apart, and uses one again only after it was released, once", () => {
    const spool = openSpool()!;
    const [first, second, third] = [spool.reserve(5000)!, spool.reserve(5000)!, spool.reserve(100)!];
    const ends = [first.offset + 5000, second.offset + 5000];
    expect(second.offset).toBeGreaterThanOrEqual(ends[0]!);
    expect(third.offset).toBeGreaterThanOrEqual(ends[1]!);
    first.release();
    first.release();
    const again = spool.reserve(5000)!;
    const more = spool.reserve(5000)!;
    expect(again.offset).toBe(first.offset);
    expect(new Set([again, second, third, more].map(({ offset }) => offset)).size).toBe(4);
    for (const region of [again, second, third, more]) region.release();
    spool.close();
  });

  it("has no room for ever, and all of it again once nothing is held", () => {
    const spool = openSpool()!;
    const held = Array.from({ length: 1000 }, () => spool.reserve(1024 * 1024)).filter((region) => region !== undefined);
    expect(held.length).toBeGreaterThan(8);
    expect(held.length).toBeLessThan(1000);
    expect(spool.reserve(4096)).toBeUndefined();
    for (const region of held) region.release();
    const large = spool.reserve(held.length * 1024 * 1024);
    expect(large).toBeDefined();
    large?.release();
    spool.close();
  });

  it("gives back the memory of a burst some time after nothing is held", async () => {
    const spool = openSpool()!;
    const large = Array.from({ length: 3 }, () => spool.reserve(30 * 1024 * 1024)!);
    const last = large[2]!;
    writeSync(spool.fd, Uint8Array.of(1), 0, 1, last.offset + last.bytes - 1);
    expect(fstatSync(spool.fd).size).toBe(last.offset + last.bytes);
    for (const region of large) region.release();
    await expect.poll(() => fstatSync(spool.fd).size, { timeout: 10_000 }).toBe(64 * 1024 * 1024);
    const again = spool.reserve(10)!;
    writeSync(spool.fd, Uint8Array.of(9), 0, 1, again.offset);
    expect([...again.read(0, new Uint8Array(1))]).toEqual([9]);
    again.release();
    spool.close();
  });

  it("can be read after it was closed, as long as something is held", () => {
    const spool = openSpool()!;
    const region = spool.reserve(4)!;
    writeSync(spool.fd, Uint8Array.of(1, 2, 3, 4), 0, 4, region.offset);
    spool.close();
    expect([...region.read(0, new Uint8Array(4))]).toEqual([1, 2, 3, 4]);
    region.release();
    expect(() => writeSync(spool.fd, Uint8Array.of(1), 0, 1, 0)).toThrow(/EBADF/);
  });

  it.each([[4096, 200], [1024 * 1024, 30]])("has regions of %i bytes again that nobody has any more, though nobody released them", async (bytes, count) => {
    setFlagsFromString("--expose-gc");
    const collect = runInNewContext("gc") as () => void;
    const spool = openSpool()!;
    const kept = spool.reserve(bytes)!;
    writeSync(spool.fd, Uint8Array.of(7), 0, 1, kept.offset);
    const used = new Set(Array.from({ length: count }, () => spool.reserve(bytes)!.offset));
    for (let given = 0; given < count / 2; ) {
      collect();
      await pause(1);
      // What is reserved now lies where a lost one lay, once that has been noticed.
      const region = spool.reserve(bytes)!;
      given = used.has(region.offset) ? given + 1 : 0;
      used.add(region.offset);
    }
    expect([...kept.read(0, new Uint8Array(1))]).toEqual([7]);
    kept.release();
    spool.close();
  });

  describe.skipIf(!isMappable(200 * 1024 * 1024))("that is mapped (needs 200 MiB of /dev/shm)", () => {
    /** A spool of which enough has been used. */
    const used = () => {
      const spool = openSpool()!;
      for (let i = 0; i < 16; i++) {
        const region = spool.reserve(10)!;
        expect(region.mapped).toBe(false);
        region.release();
      }
      return spool;
    };

    it("shows small regions where they lie, what is written by whomever", () => {
      const spool = used();
      const [first, second] = [spool.reserve(5000)!, spool.reserve(1024 * 1024)!];
      expect([first.mapped, second.mapped]).toEqual([true, true]);
      const other = mapFile(spool.fd);
      writeSync(spool.fd, Uint8Array.of(1, 2, 3), 0, 3, first.offset + 100);
      other.view(second.offset, 1024 * 1024)!.set([4, 5], 1024 * 1024 - 2);
      expect([...first.view(99, 5)]).toEqual([0, 1, 2, 3, 0]);
      expect([...second.view(1024 * 1024 - 3, 3)]).toEqual([0, 4, 5]);
      expect([...second.read(1024 * 1024 - 2, new Uint8Array(2))]).toEqual([4, 5]);
      writeSync(spool.fd, Uint8Array.of(9), 0, 1, first.offset + 100);
      expect([...first.view(99, 5)]).toEqual([0, 9, 2, 3, 0]);
      first.release();
      expect(() => first.view(0, 1)).toThrow(expect.objectContaining({ code: "OUTPUTS_RELEASED" }));
      second.release();
      spool.close();
    });

    it("has room for all that is mapped before anybody writes there, and none of it in two segments", () => {
      const spool = used();
      const regions = Array.from({ length: 8 }, () => spool.reserve(10 * 1024 * 1024)!);
      for (const { mapped, offset } of regions) {
        expect(mapped).toBe(true);
        expect(Math.floor(offset / SEGMENT_BYTES)).toBe(Math.floor((offset + 10 * 1024 * 1024 - 1) / SEGMENT_BYTES));
      }
      expect(fstatSync(spool.fd).blocks * 512).toBeGreaterThanOrEqual(80 * 1024 * 1024);
      for (const region of regions) region.view(0, region.bytes).fill(1);
      const long = spool.reserve(SEGMENT_BYTES + 1)!;
      expect(long.mapped).toBe(false);
      for (const region of [...regions, long]) region.release();
      spool.close();
      expect(allocateFile(-1, 0, 1)).toBe(false);
    });

    it("gives back the memory of a burst some time after nothing is held, and can be used again", async () => {
      const spool = used();
      const fill = (value: number) => {
        const regions = Array.from({ length: 10 }, () => spool.reserve(10 * 1024 * 1024)!);
        regions.forEach((region) => region.view(0, region.bytes).fill(value));
        for (const region of regions) expect(region.view(region.bytes - 1, 1)[0]).toBe(value);
        for (const region of regions) region.release();
      };
      const held = () => fstatSync(spool.fd).blocks * 512;
      fill(1);
      fill(2);
      expect(held()).toBeGreaterThan(90 * 1024 * 1024);
      await expect.poll(held, { timeout: 10_000 }).toBeLessThanOrEqual(64 * 1024 * 1024);
      fill(3);
      spool.close();
    });

    it("can be seen as long as somebody looks at it, though it is closed", () => {
      setFlagsFromString("--expose-gc");
      const collect = runInNewContext("gc") as () => void;
      const views = Array.from({ length: 20 }, (_, i) => {
        const spool = used();
        const region = spool.reserve(4096)!;
        const view = region.view(0, 4096).fill(i);
        region.release();
        spool.close();
        return view;
      });
      collect();
      views.forEach((view, i) => expect(view.every((byte) => byte === i)).toBe(true));
    });
  });
});
