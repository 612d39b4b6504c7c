import { PassThrough } from "node:stream";
import { HttpRequestError } from "viem";
import { describe, expect, it } from "vitest";
import { GainsayError } from "../../../protocol/errors.ts";
import { createLogger, type Logger, type LoggerOptions } from "../../../runtime/telemetry/createLogger.ts";

function capture(use: (logger: Logger) => void, options: LoggerOptions = { level: "debug", pretty: false, name: "test" }): string {
  const stream = new PassThrough();
  use(createLogger(options, stream));
  return String(stream.read() ?? "");
}

function record(fields: object): Record<string, unknown> {
  return JSON.parse(capture((logger) => logger.info(fields, "happened"))) as Record<string, unknown>;
}

describe("createLogger", () => {
  it("writes one JSON line with level, name, time, message and fields", () => {
    const line = record({ jobId: 3n, root: new Uint8Array([1, 2, 255]) });
    expect(line).toMatchObject({ level: "info", name: "test", message: "happened", jobId: "3", root: "0x0102ff" });
    expect(Date.parse(line["time"] as string)).toBeGreaterThan(0);
  });

  it("redacts fields that are named like secrets, at any depth and in children", () => {
    const text = capture((logger) => {
      logger.info({ password: "hunter2", key: { privateKey: "hunter2", nested: [{ secret: "hunter2" }] } }, "a");
      logger.child({ token: "hunter2", part: "p" }).warn({ mnemonic: "hunter2" }, "b");
    });
    expect(text).not.toContain("hunter2");
    expect(text.match(/\[redacted\]/g)).toHaveLength(5);
  });

  it("never lets text from others forge lines, colours or direction", () => {
    for (const pretty of [false, true]) {
      const text = capture((logger) => logger.warn({ peer: "a\nlevel=fatal \u001b[31mred\u202e", ["k\u001b"]: 1 }, "odd"), { pretty });
      expect(text.trim().split("\n")).toHaveLength(1);
      expect(text).not.toMatch(/\u001b\[31m|\u202e/);
    }
  });

  it("bounds long texts, long bytes, deep and cyclic values", () => {
    const cyclic: Record<string, unknown> = {};
    cyclic["self"] = cyclic;
    const text = capture((logger) => logger.info({ text: "x".repeat(100_000), bytes: new Uint8Array(100_000), cyclic, many: Array.from({ length: 10_000 }, (_, i) => i) }, "long"));
    expect(text.length).toBeLessThan(4_000);
    expect(text).toContain("(100000 bytes)");
  });

  it("writes an error's code, details and causes, and no stack", () => {
    const error = new GainsayError("No.", { code: "X_FAILED", details: { wei: 5n, password: "p" }, cause: new TypeError("deep") });
    const line = record({ error });
    expect(line["error"]).toMatchObject({ code: "X_FAILED", message: "No.", details: { wei: "5", password: "[redacted]" }, cause: { type: "TypeError", message: "deep" } });
    expect(JSON.stringify(line)).not.toContain("createLogger.test");
  });

  it("leaves out the URL and the request that viem's messages repeat", () => {
    const error = new HttpRequestError({ url: "https://rpc.example/secret-api-key", body: { method: "eth_call" } });
    const text = capture((logger) => logger.warn({ error, wrapped: new Error("outer", { cause: error }) }, "failed"));
    expect(text).toContain("HTTP request failed.");
    expect(text).not.toMatch(/secret-api-key|eth_call/);
  });

  it("keeps to its level", () => {
    expect(capture((logger) => logger.debug({}, "quiet"), { level: "info", pretty: false })).toBe("");
  });
});
