import { Agent as HttpAgent, request as requestHttp, type ClientRequest, type IncomingMessage } from "node:http";
import { Agent as HttpsAgent, request as requestHttps } from "node:https";
import { urlToHttpOptions } from "node:url";
import { createGunzip } from "node:zlib";
import { HttpRequestError, ResponseBodyTooLargeError, RpcRequestError, TimeoutError } from "viem";

/** A call of JSON-RPC. */
export interface RpcCall {
  method: string;
  params?: unknown;
}

/** Bytes of one answer; more is refused, whatever it would be. */
const MAX_ANSWER_BYTES = 10 * 1024 * 1024;
const agents = { "http:": new HttpAgent({ keepAlive: true }), "https:": new HttpsAgent({ keepAlive: true }) };
let lastId = 0;

/**
 * Calls of one endpoint over connections that stay open. viem's own way goes through `fetch` with its streams, signals and prepared errors, which costs a
 * daemon several times what Node's `http` does. Throws viem's errors: `RpcRequestError` for what the node itself says, `HttpRequestError`, `TimeoutError`,
 * `ResponseBodyTooLargeError`.
 */
export function createRpcRequest(address: string, { timeoutMs }: { timeoutMs: number }): (call: RpcCall) => Promise<unknown> {
  const url = new URL(address);
  const isSecure = url.protocol === "https:";
  const open = isSecure ? requestHttps : requestHttp;
  const target = urlToHttpOptions(url);
  const agent = isSecure ? agents["https:"] : agents["http:"];

  const post = (call: RpcCall, body: Buffer, isSecondTry: boolean): Promise<Answer> =>
    new Promise((resolve, reject) => {
      const sent = open({ ...target, agent, method: "POST", headers: { "content-type": "application/json", "content-length": body.length, "accept-encoding": "gzip" } });
      const timer = setTimeout(() => sent.destroy(new TimeoutError({ body: { ...call }, url: address })), timeoutMs);
      const fail = (cause: Error): void => {
        clearTimeout(timer);
        // The other side may have closed a waiting connection at the moment it was taken again: then nothing was answered, and every call may be made twice.
        if (sent.reusedSocket && !isSecondTry && !hasAnswered && ["ECONNRESET", "EPIPE"].includes((cause as NodeJS.ErrnoException).code ?? "")) return resolve(post(call, body, true));
        reject(cause instanceof TimeoutError || cause instanceof ResponseBodyTooLargeError ? cause : new HttpRequestError({ body: { ...call }, cause, url: address }));
      };
      let hasAnswered = false;
      sent.on("error", fail);
      sent.once("response", (response) => {
        hasAnswered = true;
        readAll(response, sent).then((text) => {
          clearTimeout(timer);
          resolve({ status: response.statusCode ?? 0, reason: response.statusMessage ?? "", text });
        }, fail);
      });
      sent.end(body);
    });

  return async (call) => {
    const { method, params } = call;
    const { status, reason, text } = await post(call, Buffer.from(JSON.stringify({ jsonrpc: "2.0", id: ++lastId, method, params })), false);
    const answer = parse(text);
    const error = answer?.error;
    if (error !== undefined && error !== null && typeof error.code === "number" && typeof error.message === "string") throw new RpcRequestError({ body: { ...call }, error: error as { code: number; message: string }, url: address });
    if (status < 200 || status > 299) throw new HttpRequestError({ body: { ...call }, details: reason, status, url: address });
    if (answer === undefined || !("result" in answer)) throw new HttpRequestError({ body: { ...call }, details: "the answer is not JSON-RPC", status, url: address });
    return answer.result;
  };
}

interface Answer {
  status: number;
  reason: string;
  text: string;
}

function readAll(response: IncomingMessage, sent: ClientRequest): Promise<string> {
  const isPacked = response.headers["content-encoding"] === "gzip";
  const source = isPacked ? response.pipe(createGunzip()) : response;
  return new Promise((resolve, reject) => {
    const parts: Buffer[] = [];
    let size = 0;
    source.on("data", (part: Buffer) => {
      size += part.length;
      if (size > MAX_ANSWER_BYTES) {
        reject(new ResponseBodyTooLargeError({ maxSize: MAX_ANSWER_BYTES, size }));
        return void sent.destroy();
      }
      parts.push(part);
    });
    source.once("end", () => resolve((parts.length === 1 ? (parts[0] as Buffer) : Buffer.concat(parts)).toString()));
    source.once("error", reject);
    response.once("error", reject);
    response.once("aborted", () => reject(new Error("the connection was cut in the middle of an answer: socket hang up")));
  });
}

function parse(text: string): { result?: unknown; error?: { code?: unknown; message?: unknown } | null } | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? value : undefined;
  } catch {
    return undefined;
  }
}
