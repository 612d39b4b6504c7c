/** Exit codes of the command line, by what went wrong. */
export const exitCodes = { ok: 0, failed: 1, usage: 2, verificationFailed: 3, tryAgain: 75 } as const;

export type ErrorKind = "usage" | "failed" | "verification";

export interface GainsayErrorOptions {
  /** Stable, machine-readable name, such as `MODEL_UNSUPPORTED`. */
  code: string;
  /** Values a program or a log reader needs; never secrets. */
  details?: Record<string, unknown>;
  cause?: unknown;
  /** True if the same call may succeed later without anything being changed. */
  retryable?: boolean;
  /** Decides the exit code: a mistake of the caller, a failure, or a verification that did not hold. */
  kind?: ErrorKind;
}

/** The one error type of the project: a stable code and one sentence that says what to do. */
export class GainsayError extends Error {
  readonly code: string;
  readonly details: Record<string, unknown>;
  readonly retryable: boolean;
  readonly kind: ErrorKind;

  constructor(message: string, options: GainsayErrorOptions) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = "GainsayError";
    this.code = options.code;
    this.details = options.details ?? {};
    this.retryable = options.retryable ?? false;
    this.kind = options.kind ?? "failed";
  }

  get exitCode(): number {
    if (this.retryable) return exitCodes.tryAgain;
    if (this.kind === "usage") return exitCodes.usage;
    return this.kind === "verification" ? exitCodes.verificationFailed : exitCodes.failed;
  }
}
