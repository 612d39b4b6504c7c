import { Agent, createServer, request } from "node:http";
import type { AddressInfo } from "node:net";

/** A way to a chain that counts what goes through it, by method; the requests of a batch each for itself. */
export interface RpcCounter {
  readonly url: string;
  /** Calls so far. */
  calls(): Record<string, number>;
  /** HTTP requests so far. */
  requests(): number;
  close(): void;
}

export async function createRpcCounter(target: string): Promise<RpcCounter> {
  const { hostname, port } = new URL(target);
  const agent = new Agent({ keepAlive: true });
  const counts = new Map<string, number>();
  let requests = 0;
  const server = createServer((incoming, answer) => {
    const parts: Buffer[] = [];
    incoming.on("data", (part: Buffer) => parts.push(part));
    incoming.on("end", () => {
      const body = Buffer.concat(parts);
      requests += 1;
      // Bodies have a megabyte at most, and methods are what every client writes in the same way.
      for (const [, method] of body.toString("latin1").matchAll(/"method":"(\w+)"/g)) counts.set(method as string, (counts.get(method as string) ?? 0) + 1);
      const forwarded = request({ agent, hostname, port, method: "POST", path: "/", headers: { "content-type": "application/json", "content-length": body.length } }, (reply) => {
        answer.writeHead(reply.statusCode ?? 502, { "content-type": "application/json" });
        reply.pipe(answer);
      });
      forwarded.on("error", () => answer.destroy());
      forwarded.end(body);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    calls: () => Object.fromEntries(counts),
    requests: () => requests,
    close() {
      server.close();
      server.closeAllConnections();
      agent.destroy();
    },
  };
}
