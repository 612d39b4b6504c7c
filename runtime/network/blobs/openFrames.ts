import type { Stream } from "@libp2p/interface";
import { decode, encode } from "it-length-prefixed";
import { GainsayError } from "../../../protocol/errors.ts";
import { deferred } from "../deferred.ts";
import { networkLimits } from "../limits.ts";
import { aborted } from "../withDeadline.ts";

/** Length-prefixed frames over one stream, each with its own size limit and deadline. Any error leaves the stream aborted. */
export interface Frames {
  /**
   * The next frame, or undefined at the end of the stream.
   * @param maxBytes a longer frame is refused before its body is taken in.
   * @throws GainsayError `FRAME_INVALID` (too long, or cut off), `FRAME_TIMEOUT`, `FRAME_INTERRUPTED`, `ABORTED`.
   */
  read(maxBytes: number, timeoutMs: number): Promise<Uint8Array | undefined>;
  /**
   * Sends a frame, or several in one piece, and waits until the peer's window has room again. What is written without a pause leaves together, when this end begins to wait
   * for the peer, at the end of the turn, or when it is enough for a packet: what fails then is told by the next call. Errors as in {@link read}.
   */
  write(frames: Uint8Array | readonly [Uint8Array, ...Uint8Array[]], timeoutMs: number): Promise<void>;
  /** Ends the writing side after all data has left. */
  close(timeoutMs: number): Promise<void>;
  /** Ends both sides: closes for writing and waits for the peer to do so; resets the stream if it does not, or sends more. */
  finish(timeoutMs: number): Promise<void>;
  /** Resets the stream. */
  abort(error: Error): void;
  /** Whether both sides may still send. */
  readonly open: boolean;
}

/** Unread bytes above which the sender is held back. */
const highWater = 2 * networkLimits.blob.frameBytes;

/** Written bytes that do not wait for more. */
const flushAt = networkLimits.blob.frameBytes;

/** Frames the stream with unsigned varint lengths. The signal aborts the stream at any time. */
export function openFrames(stream: Stream, signal?: AbortSignal): Frames {
  stream.maxReadBufferLength = networkLimits.maxStreamBufferBytes;
  let maxFrame = 0;
  let written: ReturnType<typeof encode.single> | undefined;
  let flushing: NodeJS.Immediate | undefined;

  const flush = (): void => {
    clearImmediate(flushing);
    flushing = undefined;
    const piece = written;
    written = undefined;
    // The layers below handle each part of a list by itself.
    if (piece !== undefined) stream.send(piece.byteLength < flushAt ? piece.subarray() : piece);
  };
  const flushLater = (): void => {
    try {
      flush();
    } catch (error) {
      stream.abort(asFrameError(error));
    }
  };

  const frames = decode(bytesOf(stream, flush), {
    maxDataLength: networkLimits.blob.frameBytes,
    maxLengthLength: 4,
    onLength(length) {
      if (length > maxFrame) throw invalidFrame("A frame is longer than it may be.", { length, maxFrame });
    },
  });

  const isAborted = (): boolean => signal?.aborted === true;
  // Once for all calls: there are several for each message.
  const onAbort = (): void => stream.abort(aborted(signal as AbortSignal));
  if (signal !== undefined && stream.status === "open") {
    signal.addEventListener("abort", onAbort, { once: true });
    stream.addEventListener("close", () => signal.removeEventListener("abort", onAbort), { once: true });
  }

  /** Everything that can go wrong ends in an aborted stream, whose error then surfaces in the pending read or write. */
  async function guarded<T>(timeoutMs: number, work: () => Promise<T>): Promise<T> {
    let late: GainsayError | undefined;
    if (isAborted()) {
      onAbort();
      throw aborted(signal as AbortSignal);
    }
    const timer = setTimeout(() => {
      late = new GainsayError("The peer did not go on in time; ask another peer.", { code: "FRAME_TIMEOUT", retryable: true, details: { timeoutMs } });
      stream.abort(late);
    }, timeoutMs);
    try {
      return await work();
    } catch (cause) {
      const error = late ?? (isAborted() ? aborted(signal as AbortSignal) : asFrameError(cause));
      stream.abort(error);
      throw error;
    } finally {
      clearTimeout(timer);
    }
  }

  const read: Frames["read"] = (maxBytes, timeoutMs) =>
    guarded(timeoutMs, async () => {
      maxFrame = maxBytes;
      const { done, value } = await frames.next();
      return done === true ? undefined : value.subarray();
    });
  const close: Frames["close"] = (timeoutMs) =>
    guarded(timeoutMs, async () => {
      flush();
      await stream.close();
    });

  return {
    read,
    close,
    write: (added, timeoutMs) =>
      guarded(timeoutMs, async () => {
        if (stream.writeStatus === "closing" || stream.writeStatus === "closed") throw new Error(`the stream is ${stream.writeStatus} for writing`);
        for (const frame of added instanceof Uint8Array ? [added] : added) {
          const piece = encode.single(frame);
          if (written === undefined) written = piece;
          else written.append(piece);
        }
        if ((written?.byteLength ?? 0) >= flushAt) flush();
        else flushing ??= setImmediate(flushLater);
        while (stream.writableNeedsDrain) await nextEvent(stream, "drain");
      }),
    async finish(timeoutMs) {
      try {
        await close(timeoutMs);
        if ((await read(0, timeoutMs)) !== undefined) throw invalidFrame("The peer sent more than was asked for.", {});
      } catch (error) {
        stream.abort(error as Error);
      }
    },
    abort: (error) => stream.abort(error),
    get open() {
      return stream.status === "open" && !stream.readableEnded && stream.writeStatus === "writable";
    },
  };
}

/** The bytes of a stream as they come. A slow consumer pauses the stream, so that the peer's send window fills up. `beforeWaiting` is called when none are there. */
async function* bytesOf(stream: Stream, beforeWaiting: () => void): AsyncGenerator<Uint8Array> {
  const queue: Uint8Array[] = [];
  let queued = 0;
  let resuming = false;
  let wake = deferred<void>();
  let failure: Error | undefined;
  const onMessage = ({ data }: { data: Uint8Array | { subarray(): Uint8Array } }) => {
    const bytes = data.subarray();
    queue.push(bytes);
    queued += bytes.byteLength;
    if (!resuming) holdBack();
    wake.resolve();
  };
  const holdBack = () => {
    if (queued > highWater && stream.readStatus === "readable") stream.pause();
  };
  const onEnd = () => wake.resolve();
  const onClose = ({ error }: { error?: Error }) => {
    failure = error;
    wake.resolve();
  };
  stream.addEventListener("message", onMessage);
  stream.addEventListener("end", onEnd);
  stream.addEventListener("close", onClose);
  try {
    while (true) {
      wake = deferred<void>();
      if (failure !== undefined) throw failure;
      const bytes = queue.shift();
      if (bytes !== undefined) {
        queued -= bytes.byteLength;
        yield bytes;
      } else if (stream.readStatus === "paused") {
        // Hands over at once whatever arrived during the pause, then opens the window. A pause in between would be undone by
        // the latter: the muxer would go on granting window to a stream that buffers, until its buffer overflows.
        resuming = true;
        stream.resume();
        resuming = false;
        holdBack();
      } else if (stream.readableEnded || stream.status !== "open") {
        return;
      } else {
        beforeWaiting();
        await wake.promise;
      }
    }
  } finally {
    stream.removeEventListener("message", onMessage);
    stream.removeEventListener("end", onEnd);
    stream.removeEventListener("close", onClose);
  }
}

/** Resolves at the next event of that name, rejects if the stream closes before. */
async function nextEvent(stream: Stream, name: "drain"): Promise<void> {
  const { promise, resolve, reject } = deferred<void>();
  const onEvent = () => resolve();
  const onClose = ({ error }: { error?: Error }) => reject(error ?? new Error("the stream closed"));
  stream.addEventListener(name, onEvent);
  stream.addEventListener("close", onClose);
  try {
    if (stream.status !== "open") throw new Error(`the stream is ${stream.status}`);
    await promise;
  } finally {
    stream.removeEventListener(name, onEvent);
    stream.removeEventListener("close", onClose);
  }
}

/** Names of the errors by which the decoder says that what it got is no frame. */
const malformed = new Set(["InvalidDataLengthError", "InvalidDataLengthLengthError", "InvalidMessageLengthError"]);

function asFrameError(cause: unknown): GainsayError {
  if (cause instanceof GainsayError) return cause;
  if (cause instanceof Error && malformed.has(cause.name)) return invalidFrame("A frame is malformed.", {}, cause);
  return new GainsayError("The connection to the peer broke off; ask again or ask another peer.", {
    code: "FRAME_INTERRUPTED",
    retryable: true,
    cause,
  });
}

function invalidFrame(message: string, details: Record<string, unknown>, cause?: unknown): GainsayError {
  return new GainsayError(message, { code: "FRAME_INVALID", details, cause });
}
