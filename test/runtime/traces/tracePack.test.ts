import { describe, expect, it } from "vitest";
import { decodePack, encodePack, marks, type PackedTrace } from "../../../runtime/traces/tracePack.ts";
import { bodyOf, manifestOf, seal } from "../../../runtime/traces/traceManifest.ts";
import { contentOf, sampleTrace } from "./helpers.ts";

async function packed(count: number): Promise<PackedTrace[]> {
  return Promise.all(
    Array.from({ length: count }, async (_, i) => {
      const trace = await sampleTrace(i, 3 + i);
      const manifest = manifestOf(`jöb\n${i}`, trace);
      return { manifest, generation: i, body: bodyOf(manifest, trace) };
    }),
  );
}

describe("a pack", () => {
  it("is read as it was written, with marks at multiples of 8", async () => {
    const traces = await packed(5);
    const { content, places } = encodePack(traces);
    const records = decodePack(contentOf(content));
    expect(records).toEqual(traces.map(({ manifest, generation, body }, i) => ({ manifest, generation, bodyBytes: body.length, ...places[i] })));
    for (const [i, { markAt, bodyAt, bodyBytes }] of records.entries()) {
      expect(markAt % 8).toBe(0);
      expect(Buffer.compare(content.subarray(bodyAt, bodyAt + bodyBytes), traces[i]!.body)).toBe(0);
    }
  });

  it("has neither manifest nor fault for records that are removed or set aside", async () => {
    const { content, places } = encodePack(await packed(3));
    content.set(marks.removed, places[0]!.markAt);
    content.set(marks.damaged, places[2]!.markAt);
    expect(decodePack(contentOf(content)).map(({ manifest, fault }) => [manifest?.jobKey, fault])).toEqual([[undefined, undefined], ["jöb\n1", undefined], [undefined, undefined]]);
  });

  it("does not take one byte changed for another pack: the record that it is in has a fault, or all of it is refused", async () => {
    const traces = await packed(3);
    const { content, places } = encodePack(traces);
    const firstMark = places[0]!.markAt;
    for (let at = 0; at < content.length; at++) {
      const changed = Buffer.from(content);
      changed[at] = changed[at]! ^ 1;
      const record = places.findLastIndex(({ markAt }) => markAt <= at);
      const isPadding = content[at] === 0 && (at < firstMark || at >= places[record]!.bodyAt + traces[record]!.body.length);
      if (at < firstMark) {
        if (!isPadding) expect(() => decodePack(contentOf(changed)), String(at)).toThrow(expect.objectContaining({ code: "TRACE_DAMAGED" }));
        continue;
      }
      // Bodies are checked against the manifest when they are read.
      const isNoticed = at < places[record]!.bodyAt;
      expect(decodePack(contentOf(changed)).map(({ fault }) => (fault as { code?: string } | undefined)?.code), String(at)).toEqual(places.map((_, i) => (isNoticed && i === record ? "TRACE_DAMAGED" : undefined)));
    }
  });

  it("cut off anywhere has no record that is not whole", async () => {
    const traces = await packed(3);
    const { content, places } = encodePack(traces);
    for (let length = 0; length < content.length; length++) {
      const whole = places.filter(({ bodyAt }, i) => bodyAt + traces[i]!.body.length <= length).length;
      for (const torn of [Buffer.from(content.subarray(0, length)), Buffer.concat([content.subarray(0, length), Buffer.alloc(content.length - length)])]) {
        try {
          const kept = decodePack(contentOf(torn)).filter(({ manifest }) => manifest !== undefined).length;
          // Zeros in place of a body are found when it is read.
          if (torn.length === length) expect(kept, String(length)).toBe(whole);
          expect(kept).toBeGreaterThanOrEqual(whole);
        } catch (error) {
          expect(error).toMatchObject({ code: "TRACE_DAMAGED" });
          expect(length).toBeLessThan(places[0]!.markAt);
        }
      }
    }
  });

  it("is read with a head of any length", async () => {
    const [trace] = await packed(1);
    const many = Array.from({ length: 1500 }, (_, generation) => ({ ...trace!, generation }));
    const records = decodePack(contentOf(encodePack(many).content));
    expect(records.map(({ generation }) => generation)).toEqual(many.map(({ generation }) => generation));
    expect(records.every(({ manifest }) => manifest !== undefined)).toBe(true);
  });

  it("of a version that is not known is refused, not read", () => {
    expect(() => decodePack(contentOf(Buffer.from(`${seal(JSON.stringify({ version: 2, records: [] }))}\n`)))).toThrow(/unknown version 2/);
  });
});
