import { setTimeout as delay } from "node:timers/promises";
import { GainsayError } from "../../../protocol/errors.ts";
import { getJob } from "../../../runtime/chain/reads/getJob.ts";
import type { JobStatus } from "../../../runtime/chain/types.ts";
import { readInput } from "../../../runtime/inputs/readInput.ts";
import type { Narrator } from "./narrator.ts";
import { sampleImage, submitImage, type Theatre } from "./theatre.ts";

export interface JobStory {
  id: string;
  status: JobStatus;
  /** What the image shows. */
  digit: number;
  /** What the final result says. */
  label: number;
  attempts: number;
}

/** Seconds after which a job of the demo will not become final any more. */
const PATIENCE_SECONDS = 150;

/** Submits a digit, waits until the job is final, and reads the label. */
export async function playJob(theatre: Theatre, digit: number, narrator: Narrator, signal: AbortSignal): Promise<JobStory> {
  const image = sampleImage(digit);
  const { bytes } = await readInput({ name: "image", dtype: 1, shape: [1, 1, 28, 28] }, image);
  narrator.image(new Float32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4));
  const id = await submitImage(theatre, image);
  narrator.tell(`the requester submitted this image as job ${id}`);
  const started = performance.now();
  for (;;) {
    const job = await getJob(theatre.chain, id);
    const seconds = Math.round((performance.now() - started) / 1000);
    narrator.wait(`job ${id}: ${job.status}, attempt ${job.attempt}`, seconds);
    if (job.status === "final" || job.status === "cancelled") break;
    if (seconds > PATIENCE_SECONDS) throw new GainsayError(`Job ${id} of the demo is still ${job.status} after ${seconds} seconds.`, { code: "DEMO_INCOMPLETE" });
    await delay(500, undefined, { signal });
  }
  const job = await getJob(theatre.chain, id);
  const result = await theatre.stage.run(["job", "result", id.toString()]);
  const label = Number(result["label"]);
  narrator.tell(`job ${id} is ${job.status}: the digit is ${label}`);
  return { id: id.toString(), status: job.status, digit, label, attempts: job.attempt };
}
