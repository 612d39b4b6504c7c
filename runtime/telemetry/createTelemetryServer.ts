import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { GainsayError } from "../../protocol/errors.ts";
import type { Logger } from "./createLogger.ts";
import type { Metrics } from "./createMetrics.ts";

export interface TelemetryServerOptions {
  /** 0 takes a free one. */
  port: number;
  /** Loopback unless an operator says otherwise: status tells what a node is doing. */
  host?: string;
}

export interface TelemetryServerDependencies {
  metrics: Metrics;
  logger: Logger;
  /** Whether the process can do its work; the reasons why not are shown. */
  ready: () => { ready: boolean; reasons?: string[] };
  /** Any JSON value that says what the process is doing; bigints are written as decimal text. */
  status: () => unknown | Promise<unknown>;
}

export interface TelemetryServer {
  /** Resolves to the address it listens on. Throws `TELEMETRY_PORT_IN_USE`. */
  start(): Promise<{ url: string; port: number }>;
  stop(): Promise<void>;
}

/** Serves `/metrics` (Prometheus), `/health` (the event loop turns), `/ready` (200 or 503) and `/status` (JSON). */
export function createTelemetryServer(options: TelemetryServerOptions, dependencies: TelemetryServerDependencies): TelemetryServer {
  const host = options.host ?? "127.0.0.1";
  const server = createServer((request, response) => {
    answer(request, response, dependencies).catch((error: unknown) => {
      dependencies.logger.error({ error }, "telemetry request failed");
      send(response, 500, { error: "internal" });
    });
  });
  server.requestTimeout = 10_000;
  server.headersTimeout = 5_000;
  return {
    start: () =>
      new Promise((resolve, reject) => {
        server.once("error", (cause: NodeJS.ErrnoException) => {
          const message = cause.code === "EADDRINUSE" ? "The telemetry port is in use; choose another one." : "The telemetry server could not listen on its address.";
          reject(new GainsayError(message, { code: cause.code === "EADDRINUSE" ? "TELEMETRY_PORT_IN_USE" : "TELEMETRY_FAILED", kind: "usage", details: { host, port: options.port }, cause }));
        });
        server.listen(options.port, host, () => {
          const { port } = server.address() as AddressInfo;
          resolve({ url: `http://${host.includes(":") ? `[${host}]` : host}:${port}`, port });
        });
      }),
    stop: () =>
      new Promise((resolve) => {
        if (!server.listening) return resolve();
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

async function answer(request: IncomingMessage, response: ServerResponse, { metrics, ready, status }: TelemetryServerDependencies): Promise<void> {
  if (request.method !== "GET" && request.method !== "HEAD") return send(response, 405, { error: "method not allowed" });
  // A page in a browser can reach a loopback port through a name that it points there; such a request carries that name.
  if (/^127\.|^::1$/.test(request.socket.localAddress ?? "") && !/^(localhost|127\.\d+\.\d+\.\d+|\[::1\])(:\d+)?$/i.test(request.headers.host ?? "")) return send(response, 403, { error: "unexpected host" });
  switch ((request.url ?? "/").split("?", 1)[0]) {
    case "/metrics": {
      const text = await metrics.text();
      response.writeHead(200, { "content-type": metrics.contentType }).end(text);
      return;
    }
    case "/health":
      return send(response, 200, { status: "ok" });
    case "/ready": {
      const state = ready();
      return send(response, state.ready ? 200 : 503, state);
    }
    case "/status":
      return send(response, 200, await status());
    default:
      return send(response, 404, { error: "not found", paths: ["/metrics", "/health", "/ready", "/status"] });
  }
}

function send(response: ServerResponse, code: number, body: unknown): void {
  if (response.headersSent) return void response.end();
  response.writeHead(code, { "content-type": "application/json" }).end(`${JSON.stringify(body, (_key, value: unknown) => (typeof value === "bigint" ? value.toString() : value))}\n`);
}
