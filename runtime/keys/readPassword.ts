import { readFile } from "node:fs/promises";
import { GainsayError } from "../../protocol/errors.ts";
import { promptHidden } from "./promptHidden.ts";

/** Gives the password when it is needed, and not before. */
export type PasswordSource = () => Promise<string>;

export interface PasswordOptions {
  /** File named on the command line; its first line is the password. */
  passwordFile?: string | undefined;
  env?: NodeJS.ProcessEnv;
  /** Asks a person; by default on the terminal, without echo. Undefined where there is no terminal. */
  prompt?: ((question: string) => Promise<string>) | undefined;
  /** What the password opens, for the question. */
  purpose?: string;
  /** Ask twice, for a password that is about to be set. */
  confirm?: boolean;
}

/**
 * A password from, in this order: the file on the command line, `GAINSAY_PASSWORD_FILE`, `GAINSAY_PASSWORD`, a question on the terminal.
 * The source throws GainsayError `KEY_PASSWORD_FILE` if the file cannot be read, `KEY_PASSWORD_MISSING` if there is none of these,
 * and `KEY_PASSWORD_MISMATCH` if the two answers differ.
 */
export function readPassword(options: PasswordOptions = {}): PasswordSource {
  const env = options.env ?? process.env;
  const prompt = "prompt" in options ? options.prompt : process.stdin.isTTY ? (question: string) => promptHidden(question) : undefined;
  return async () => {
    const file = options.passwordFile ?? (env["GAINSAY_PASSWORD_FILE"] || undefined);
    if (file !== undefined) return firstLine(file);
    const value = env["GAINSAY_PASSWORD"];
    if (value !== undefined) return value;
    if (prompt === undefined) {
      throw new GainsayError("A password is needed: give --password-file, set GAINSAY_PASSWORD_FILE or GAINSAY_PASSWORD, or run on a terminal.", {
        code: "KEY_PASSWORD_MISSING",
        kind: "usage",
      });
    }
    const answer = await prompt(`Password${options.purpose === undefined ? "" : ` for ${options.purpose}`}: `);
    if (options.confirm && (await prompt("The same again: ")) !== answer) {
      throw new GainsayError("The two passwords differ; start again.", { code: "KEY_PASSWORD_MISMATCH", kind: "usage" });
    }
    return answer;
  };
}

/** A password that is set must not be empty: an empty one is nearly always a script's unset variable. */
export function checkNewPassword(password: string): string {
  if (password.length === 0) throw new GainsayError("The password is empty; choose one with at least one character.", { code: "KEY_PASSWORD_EMPTY", kind: "usage" });
  return password;
}

async function firstLine(file: string): Promise<string> {
  try {
    return (await readFile(file, "utf8")).split(/\r?\n/, 1)[0] as string;
  } catch (cause) {
    throw new GainsayError("The password file could not be read; check its path and permissions.", {
      code: "KEY_PASSWORD_FILE",
      kind: "usage",
      details: { file, reason: (cause as NodeJS.ErrnoException).code },
    });
  }
}
