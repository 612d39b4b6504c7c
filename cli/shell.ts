/** Where text goes; `process.stdout` and `process.stderr` fit. */
export interface Sink {
  write(text: string): unknown;
  isTTY?: boolean;
  columns?: number;
  rows?: number;
}

/** What a command gets from the process that runs it; tests give their own. */
export interface Shell {
  env: NodeJS.ProcessEnv;
  stdin: AsyncIterable<Uint8Array | string> & { isTTY?: boolean };
  stdout: Sink;
  stderr: Sink;
  /** Fires when the person wants the command to end. */
  signal: AbortSignal;
  /** Ends the process at once; absent in tests that share it. */
  exit?: (code: number) => void;
}
