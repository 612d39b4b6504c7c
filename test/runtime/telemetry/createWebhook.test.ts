import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { describe, expect, it, onTestFinished } from "vitest";
import { createLogger } from "../../../runtime/telemetry/createLogger.ts";
import { createWebhook } from "../../../runtime/telemetry/createWebhook.ts";
import { until } from "../chain/localChain.ts";

async function startReceiver(statusOf: (n: number) => number) {
  const bodies: Record<string, unknown>[] = [];
  const server = createServer((request, response) => {
    const parts: Buffer[] = [];
    request.on("data", (part: Buffer) => parts.push(part)).on("end", () => {
      bodies.push(JSON.parse(Buffer.concat(parts).toString()) as Record<string, unknown>);
      response.writeHead(statusOf(bodies.length)).end();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => void server.close());
  return { bodies, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/secret-token` };
}

describe("createWebhook", () => {
  it("posts events in order, and repeats what was refused", async () => {
    const { bodies, url } = await startReceiver((n) => (n <= 2 ? 503 : 200));
    const lines: string[] = [];
    const webhook = createWebhook({ url, backoffMs: 1 }, { logger: createLogger({ level: "debug", pretty: false }, { write: (line: string) => void lines.push(line) }), now: () => 0 });
    webhook.post("fraud", { jobId: 7n, password: "x" });
    webhook.post("withheld", { jobId: 8n });
    await until("both came", () => bodies.length === 4);
    expect(bodies.map(({ event }) => event)).toEqual(["fraud", "fraud", "fraud", "withheld"]);
    expect(bodies[0]).toEqual({ event: "fraud", time: "1970-01-01T00:00:00.000Z", jobId: "7", password: "[redacted]" });
    await webhook.stop();
    expect(lines.join("")).not.toContain("secret-token");
  });

  it("gives up after some tries, drops what is too much, and says both without the URL", async () => {
    const lines: string[] = [];
    const logger = createLogger({ level: "debug", pretty: false }, { write: (line: string) => void lines.push(line) });
    const webhook = createWebhook({ url: "http://127.0.0.1:1/secret-token", backoffMs: 1 }, { logger });
    for (let i = 0; i < 101; i++) webhook.post("fraud", { i });
    expect(lines.filter((line) => line.includes("too many wait"))).toHaveLength(1);
    await until("one was given up", () => lines.some((line) => line.includes("could not be posted")));
    await webhook.stop();
    webhook.post("late", {});
    expect(lines.join("")).not.toContain("secret-token");
  });
});
