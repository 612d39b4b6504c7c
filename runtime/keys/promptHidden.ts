import type { ReadStream } from "node:tty";
import { GainsayError } from "../../protocol/errors.ts";

/**
 * Asks a question on standard error and reads one line from the terminal without showing it.
 * @throws GainsayError `KEY_PASSWORD_MISSING` if the person gives up (Ctrl-C or Ctrl-D).
 */
export function promptHidden(question: string, input: ReadStream = process.stdin, output: NodeJS.WritableStream = process.stderr): Promise<string> {
  return new Promise((resolve, reject) => {
    let typed = "";
    const done = (error?: GainsayError): void => {
      input.off("data", read);
      input.setRawMode(false);
      input.pause();
      output.write("\n");
      if (error) reject(error);
      else resolve(typed);
    };
    const read = (part: string): void => {
      // Pasted text arrives in one piece, so each character is looked at on its own.
      for (const character of part) {
        if (character === "\r" || character === "\n") return done();
        if (character === "\u0003" || character === "\u0004") {
          return done(new GainsayError("No password was given.", { code: "KEY_PASSWORD_MISSING", kind: "usage" }));
        }
        if (character === "\u007f" || character === "\b") typed = [...typed].slice(0, -1).join("");
        else if (character >= " ") typed += character;
      }
    };
    output.write(question);
    input.setRawMode(true);
    input.setEncoding("utf8");
    input.on("data", read);
    input.resume();
  });
}
