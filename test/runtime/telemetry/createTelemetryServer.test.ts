import { request } from "node:http";
import { afterEach, describe, expect, it } from "vitest";
import { silentLogger } from "../../../runtime/telemetry/createLogger.ts";
import { createMetrics } from "../../../runtime/telemetry/createMetrics.ts";
import { createTelemetryServer, type TelemetryServer } from "../../../runtime/telemetry/createTelemetryServer.ts";

const running: TelemetryServer[] = [];
afterEach(async () => {
  await Promise.all(running.splice(0).map((server) => server.stop()));
});

async function serve(ready = true, port = 0) {
  const metrics = createMetrics({ process: false });
  metrics.counter("jobs_total", "Jobs seen.", ["status"]).inc({ status: "final" }, 2);
  const dependencies = { metrics, logger: silentLogger(), ready: () => (ready ? { ready } : { ready, reasons: ["no chain"] }), status: () => ({ head: 12n }) };
  const server = createTelemetryServer({ port }, dependencies);
  running.push(server);
  return server.start();
}

describe("createTelemetryServer", () => {
  it("serves metrics, health, readiness and status", async () => {
    const { url } = await serve();
    expect(await (await fetch(`${url}/metrics`)).text()).toContain('gainsay_jobs_total{status="final"} 2');
    expect((await fetch(`${url}/health`)).status).toBe(200);
    expect(await (await fetch(`${url}/ready`)).json()).toEqual({ ready: true });
    expect(await (await fetch(`${url}/status?x=1`)).json()).toEqual({ head: "12" });
    expect((await fetch(`${url}/nothing`)).status).toBe(404);
    expect((await fetch(`${url}/metrics`, { method: "POST" })).status).toBe(405);
  });

  it("answers 503 with reasons while it is not ready", async () => {
    const { url } = await serve(false);
    const response = await fetch(`${url}/ready`);
    expect(response.status).toBe(503);
    expect(await response.json()).toEqual({ ready: false, reasons: ["no chain"] });
  });

  it("refuses a request that came by another name than a loopback's", async () => {
    const { port } = await serve();
    const status = await new Promise((resolve, reject) => {
      request({ port, host: "127.0.0.1", path: "/status", headers: { host: "evil.example" } }, (response) => resolve(response.statusCode)).on("error", reject).end();
    });
    expect(status).toBe(403);
  });

  it("says that its port is in use", async () => {
    const { port } = await serve();
    await expect(serve(true, port)).rejects.toMatchObject({ code: "TELEMETRY_PORT_IN_USE", details: { port } });
  });
});

describe("createMetrics", () => {
  it("gives one metric a name, keeps registries apart, and insists on base units", async () => {
    const metrics = createMetrics({ process: false });
    metrics.counter("a_total", "A.").inc();
    metrics.counter("a_total", "A.").inc();
    metrics.histogram("run_seconds", "Run.", [], [0.1, 1]).observe(0.5);
    expect(await metrics.text()).toContain("gainsay_a_total 2");
    expect(await createMetrics({ process: false }).text()).not.toContain("gainsay_a_total");
    expect(() => metrics.counter("jobs", "Jobs.")).toThrow("_total");
    expect(() => metrics.gauge("run_ms", "Run.")).toThrow("base unit");
    expect(await createMetrics().text()).toContain("gainsay_process_cpu_seconds_total");
  });
});
