import { describe, expect, it } from "vitest";
import { pacedFrames } from "../../../runtime/network/blobs/pacedFrames.ts";
import { networkLimits } from "../../../runtime/network/limits.ts";

const { frameBytes, leastBytesPerSecond, paceGraceMs } = networkLimits.blob;
const frame = new Uint8Array(frameBytes);

/** Frames to a reader that takes each write after so many milliseconds. */
function open(delayMs: number) {
  let clock = 0;
  let written = 0;
  const frames = pacedFrames(
    {
      async write() {
        clock += delayMs;
        written++;
      },
    },
    () => clock,
  );
  return { frames, written: () => written };
}

/** Milliseconds in which a frame has to be taken at the least pace. */
const pace = (frameBytes / leastBytesPerSecond) * 1000;

describe("pacedFrames", () => {
  it("lets a reader go on that keeps the pace, however long the response is", async () => {
    const { frames, written } = open(pace);
    for (let i = 0; i < 2_000; i++) await frames.write(frame, 1);
    expect(written()).toBe(2_000);
  });

  it("lets one wait once, and cuts off one that always does", async () => {
    const { frames, written } = open(29_000);
    const all = async (): Promise<void> => {
      for (let i = 0; i < 1_000; i++) await frames.write([frame, frame], 30_000);
    };
    await expect(all()).rejects.toMatchObject({ code: "PEER_TOO_SLOW" });
    expect(written()).toBe(Math.floor(paceGraceMs / (29_000 - 2 * pace)) + 1);
  });
});
