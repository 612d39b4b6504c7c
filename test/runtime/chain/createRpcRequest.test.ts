import { createServer, type Server, type ServerResponse } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { gzipSync } from "node:zlib";
import { HttpRequestError, ResponseBodyTooLargeError, RpcRequestError, TimeoutError } from "viem";
import { afterEach, describe, expect, it } from "vitest";
import { createRpcRequest } from "../../../runtime/chain/createRpcRequest.ts";

interface Asked {
  body: { id: number; method: string; params: unknown };
  socket: Socket;
  authorization: string | undefined;
}

const servers: Server[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) server.close().closeAllConnections();
});

async function serve(answer: (response: ServerResponse, asked: Asked, count: number) => void): Promise<{ url: string; asked: Asked[] }> {
  const asked: Asked[] = [];
  const server = createServer((request, response) => {
    const parts: Buffer[] = [];
    request.on("data", (part: Buffer) => parts.push(part)).on("end", () => {
      asked.push({ body: JSON.parse(Buffer.concat(parts).toString()) as Asked["body"], socket: request.socket, authorization: request.headers.authorization });
      answer(response, asked.at(-1) as Asked, asked.length);
    });
  });
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, asked };
}
const json = (response: ServerResponse, value: object, status = 200): void => void response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(value));
const open = (url: string, timeoutMs = 5_000) => createRpcRequest(url, { timeoutMs });

describe("createRpcRequest", () => {
  it("asks over one connection that stays open, with the user of the URL, and gives the result", async () => {
    const { url, asked } = await serve((response, { body }) => json(response, { jsonrpc: "2.0", id: body.id, result: [body.method, body.params, null] }));
    const request = open(url.replace("//", "//name:secret@"));
    expect(await request({ method: "eth_one", params: ["0x1"] })).toEqual(["eth_one", ["0x1"], null]);
    await new Promise((resolve) => setImmediate(resolve));
    expect(await request({ method: "eth_two", params: [] })).toEqual(["eth_two", [], null]);
    expect(asked[1]?.socket).toBe(asked[0]?.socket);
    expect(asked[0]?.authorization).toBe(`Basic ${Buffer.from("name:secret").toString("base64")}`);
  });

  it("unpacks what comes packed", async () => {
    const { url } = await serve((response, { body }) => void response.writeHead(200, { "content-encoding": "gzip" }).end(gzipSync(JSON.stringify({ id: body.id, result: "0xab" }))));
    expect(await open(url)({ method: "eth_call" })).toBe("0xab");
  });

  it("throws what the node says, also with a status of an error", async () => {
    const { url } = await serve((response, _, count) => json(response, { error: { code: 3, message: "execution reverted", data: "0x1234" } }, count === 1 ? 200 : 500));
    for (const _ of [1, 2]) await expect(open(url)({ method: "eth_call" })).rejects.toSatisfy((error) => error instanceof RpcRequestError && error.code === 3 && error.data === "0x1234");
  });

  it.each([
    ["a status without an answer", (response: ServerResponse): void => void response.writeHead(503).end("busy"), 503],
    ["an answer that is no JSON", (response: ServerResponse): void => void response.writeHead(200).end("<html>"), 200],
    ["an answer without a result", (response: ServerResponse): void => json(response, {}), 200],
  ])("takes %s for a failure of the endpoint", async (_, answer, status) => {
    const { url } = await serve(answer);
    await expect(open(url)({ method: "eth_call" })).rejects.toSatisfy((error) => error instanceof HttpRequestError && error.status === status);
  });

  it("does not wait for ever, neither for the head of an answer nor for its end", async () => {
    for (const answer of [() => undefined, (response: ServerResponse) => void response.writeHead(200).write("{")]) {
      const { url } = await serve(answer);
      await expect(open(url, 50)({ method: "eth_call" })).rejects.toBeInstanceOf(TimeoutError);
    }
  });

  it("reads no answer without an end, packed or not", async () => {
    const bomb = gzipSync(Buffer.alloc(64 * 1024 * 1024));
    const { url } = await serve((response, _, count) => void (count === 1 ? response.writeHead(200).end(Buffer.alloc(11 * 1024 * 1024)) : response.writeHead(200, { "content-encoding": "gzip" }).end(bomb)));
    for (const _ of [1, 2]) await expect(open(url)({ method: "eth_getLogs" })).rejects.toBeInstanceOf(ResponseBodyTooLargeError);
  });

  it("fails when a connection is cut in an answer, and when nobody is there", async () => {
    const { url } = await serve((response, { socket }) => {
      response.writeHead(200, { "content-length": 100 }).write("{");
      setTimeout(() => socket.destroy(), 10);
    });
    await expect(open(url)({ method: "eth_call" })).rejects.toBeInstanceOf(HttpRequestError);
    await expect(open("http://127.0.0.1:1")({ method: "eth_call" })).rejects.toBeInstanceOf(HttpRequestError);
  });

  it("asks once more where a waiting connection was closed at that moment, and no more than that", async () => {
    const { url, asked } = await serve((response, { socket, body }, count) => (count === 2 || count >= 4 ? void socket.resetAndDestroy() : json(response, { id: body.id, result: count })));
    const request = open(url);
    expect(await request({ method: "eth_one" })).toBe(1);
    await new Promise((resolve) => setImmediate(resolve));
    expect(await request({ method: "eth_two" })).toBe(3);
    await new Promise((resolve) => setImmediate(resolve));
    await expect(request({ method: "eth_three" })).rejects.toBeInstanceOf(HttpRequestError);
    expect(asked.map(({ body }) => body.method)).toEqual(["eth_one", "eth_two", "eth_two", "eth_three", "eth_three"]);
  });
});
