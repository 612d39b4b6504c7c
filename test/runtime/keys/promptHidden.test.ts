import { PassThrough } from "node:stream";
import type { ReadStream } from "node:tty";
import { describe, expect, it } from "vitest";
import { promptHidden } from "../../../runtime/keys/promptHidden.ts";

function terminal() {
  const modes: boolean[] = [];
  const input = Object.assign(new PassThrough(), { setRawMode: (mode: boolean) => modes.push(mode) });
  const output = new PassThrough();
  return { input: input as unknown as ReadStream, write: (text: string) => input.write(text), output, modes };
}

describe("promptHidden", () => {
  it("reads one line, honours backspace, and echoes nothing", async () => {
    const { input, write, output, modes } = terminal();
    const answer = promptHidden("Password: ", input, output);
    write("hunx\u007f");
    write("ter2\r");
    expect(await answer).toBe("hunter2");
    expect(String(output.read())).toBe("Password: \n");
    expect(modes).toEqual([true, false]);
  });

  it("gives up on Ctrl-C", async () => {
    const { input, write, output, modes } = terminal();
    const answer = promptHidden("Password: ", input, output);
    write("abc\u0003");
    await expect(answer).rejects.toMatchObject({ code: "KEY_PASSWORD_MISSING" });
    expect(modes).toEqual([true, false]);
  });
});
