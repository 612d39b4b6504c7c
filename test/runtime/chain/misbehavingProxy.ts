import { createServer } from "node:http";
import type { AddressInfo } from "node:net";

/** `lose`: hand the request on, but break the connection before the answer. `cut`: break it at once. An object: answer with this error, or this result, or what is made of the true result. */
export type Behaviour = "pass" | "cut" | "lose" | "fail" | "hang" | { code: number; message: string } | { result: unknown } | { change: (result: never) => unknown };

export interface MisbehavingProxy {
  url: string;
  /** Decides on each request. */
  behave: (method: string, params: unknown[]) => Behaviour;
  calls: string[];
  stop(): Promise<void>;
}

/** Stands between a client and a JSON-RPC endpoint and treats its requests as told. */
export async function startMisbehavingProxy(target: string): Promise<MisbehavingProxy> {
  const server = createServer((request, response) => {
    const parts: Buffer[] = [];
    request.on("data", (part: Buffer) => parts.push(part));
    request.on("end", () => {
      const body = Buffer.concat(parts);
      const { id, method, params } = JSON.parse(body.toString()) as { id: number; method: string; params?: unknown[] };
      proxy.calls.push(method);
      const behaviour = proxy.behave(method, params ?? []);
      if (behaviour === "cut") return void request.socket.destroy();
      if (behaviour === "hang") return;
      if (behaviour === "fail") return void response.writeHead(503).end("upstream is down");
      if (typeof behaviour === "object" && !("change" in behaviour)) return void response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify({ jsonrpc: "2.0", id, ...("result" in behaviour ? behaviour : { error: behaviour }) }));
      fetch(target, { method: "POST", body, headers: { "content-type": "application/json" } })
        .then(async (answer) => {
          const text = typeof behaviour === "object" ? await changed(answer, behaviour.change) : await answer.text();
          if (behaviour === "lose") request.socket.destroy();
          else response.writeHead(answer.status, { "content-type": "application/json" }).end(text);
        })
        .catch(() => request.socket.destroy());
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const proxy: MisbehavingProxy = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    behave: () => "pass",
    calls: [],
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
  return proxy;
}

async function changed(answer: Response, change: (result: never) => unknown): Promise<string> {
  const document = (await answer.json()) as { result: never };
  return JSON.stringify({ ...document, result: change(document.result) });
}
