import { setTimeout as delay } from "node:timers/promises";
import type { Logger } from "./createLogger.ts";
import { safeFields } from "./safeFields.ts";

export interface Webhook {
  /** Posts an event; never throws and never waits. `event` is a short fixed name. */
  post(event: string, fields: object): void;
  /** Gives up what is still waiting. */
  stop(): Promise<void>;
}

export interface WebhookOptions {
  /** http or https; it may hold a secret, so it is never logged. */
  url: string;
  /** Milliseconds before the first repetition; doubled with each. Default 1000. */
  backoffMs?: number;
  /** Milliseconds for one request. Default 5000. */
  timeoutMs?: number;
}

/** Tries of one event. */
const TRIES = 5;
/** Events that wait at most; beyond it new ones are dropped, and the log says so. */
const MAX_WAITING = 100;

/** Tells an operator's endpoint of events, one POST of JSON each, in order, repeated while it does not answer with 2xx. */
export function createWebhook({ url, backoffMs = 1_000, timeoutMs = 5_000 }: WebhookOptions, { logger, now = Date.now }: { logger: Logger; now?: () => number }): Webhook {
  const stopping = new AbortController();
  let waiting = 0;
  let last: Promise<void> = Promise.resolve();

  const deliver = async (event: string, body: string): Promise<void> => {
    for (let attempt = 1; attempt <= TRIES && !stopping.signal.aborted; attempt++) {
      try {
        const answer = await fetch(url, { method: "POST", headers: { "content-type": "application/json" }, body, redirect: "error", signal: AbortSignal.any([stopping.signal, AbortSignal.timeout(timeoutMs)]) });
        await answer.body?.cancel();
        if (answer.ok) return;
        logger.debug({ event, status: answer.status, attempt }, "webhook refused");
      } catch (error) {
        // The error of fetch may name the URL.
        logger.debug({ event, reason: error instanceof Error ? error.name : "unknown", attempt }, "webhook not reached");
      }
      if (attempt < TRIES) await delay(backoffMs * 2 ** (attempt - 1), undefined, { signal: stopping.signal }).catch(() => undefined);
    }
    if (!stopping.signal.aborted) logger.error({ event }, "event could not be posted to the webhook");
  };

  return {
    post(event, fields) {
      if (stopping.signal.aborted) return;
      if (waiting >= MAX_WAITING) return logger.error({ event, waiting }, "event dropped: too many wait for the webhook");
      waiting++;
      const body = JSON.stringify({ event, time: new Date(now()).toISOString(), ...safeFields(fields) });
      last = last.then(() => deliver(event, body)).finally(() => void waiting--);
    },
    async stop() {
      stopping.abort();
      await last;
    },
  };
}
