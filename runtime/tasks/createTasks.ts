import { GainsayError } from "../../protocol/errors.ts";

/** Where tasks report; a pino logger fits. */
export interface TaskLogger {
  debug(fields: object, message: string): void;
  warn(fields: object, message: string): void;
}

export type Work = (signal: AbortSignal) => Promise<void>;

export interface TasksOptions {
  /** Tasks at work at once. */
  concurrency: number;
  /** Milliseconds before a failed task may be tried again; doubled with every failure up to `maxBackoffMs`. */
  backoffMs: number;
  maxBackoffMs: number;
}

/**
 * Work named by keys: a key is at work once at most, a failed one is tried again after a growing pause, a done one is forgotten.
 * What has to be done is not stored here: callers derive it from the chain at every change and offer it again.
 */
export interface Tasks {
  /** Starts the task unless its key is at work, waits or pauses. Of those that wait, the one with the earliest deadline starts first, among equals the one that was offered first; those without come last. Never throws. */
  offer(key: string, work: Work, deadline?: number): void;
  /** Whether the key is waiting or at work. */
  busy(key: string): boolean;
  /** Aborts what is at work and resolves when all of it has ended. */
  stop(): Promise<void>;
}

/** Failed keys remembered; the one that failed longest ago is forgotten first, and may then be tried at once. */
const MAX_FAILURES = 4_096;

interface Failure {
  count: number;
  until: number;
}

export function createTasks(options: TasksOptions, { logger, now = () => performance.now() }: { logger: TaskLogger; now?: () => number }): Tasks {
  const controller = new AbortController();
  const running = new Map<string, Promise<void>>();
  const waiting = new Map<string, { work: Work; deadline: number }>();
  const failures = new Map<string, Failure>();

  const next = (): void => {
    while (running.size < options.concurrency && !controller.signal.aborted) {
      let first: { key: string; work: Work; deadline: number } | undefined;
      for (const [key, { work, deadline }] of waiting) if (first === undefined || deadline < first.deadline) first = { key, work, deadline };
      if (first === undefined) return;
      waiting.delete(first.key);
      running.set(first.key, perform(first.key, first.work));
    }
  };

  const perform = async (key: string, work: Work): Promise<void> => {
    try {
      await work(controller.signal);
      failures.delete(key);
    } catch (error) {
      if (!controller.signal.aborted) {
        const count = (failures.get(key)?.count ?? 0) + 1;
        const pause = Math.min(options.backoffMs * 2 ** (count - 1), options.maxBackoffMs);
        failures.delete(key);
        failures.set(key, { count, until: now() + pause });
        // A key that is not offered any more would be kept for ever.
        const oldest = failures.keys().next();
        if (failures.size > MAX_FAILURES && oldest.done !== true) failures.delete(oldest.value);
        logger.warn({ task: key, failures: count, retryInMs: pause, ...describe(error) }, "task failed");
      }
    } finally {
      running.delete(key);
      next();
    }
  };

  return {
    offer(key, work, deadline = Number.POSITIVE_INFINITY) {
      if (controller.signal.aborted || running.has(key) || waiting.has(key)) return;
      if ((failures.get(key)?.until ?? 0) > now()) return;
      waiting.set(key, { work, deadline });
      next();
    },
    busy: (key) => running.has(key) || waiting.has(key),
    async stop() {
      controller.abort();
      waiting.clear();
      await Promise.all(running.values());
    },
  };
}

function describe(error: unknown): { code: string; reason: string } {
  if (error instanceof GainsayError) return { code: error.code, reason: error.message };
  return { code: "UNEXPECTED", reason: error instanceof Error ? error.message : String(error) };
}
