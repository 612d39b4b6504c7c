import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { inspect } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { getParameters } from "../../../runtime/chain/reads/getParameters.ts";
import { getJob } from "../../../runtime/chain/reads/getJob.ts";
import { startLocalChain, type LocalChain } from "./localChain.ts";
import { startMisbehavingProxy } from "./misbehavingProxy.ts";

let local: LocalChain;
beforeAll(async () => {
  local = await startLocalChain();
});
afterAll(() => local.stop());

async function closedPort(): Promise<string> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return `http://127.0.0.1:${port}`;
}

describe("createChain", () => {
  it("reads the head, its age and the parameters", async () => {
    const chain = await local.connect();
    expect((await chain.head()).number).toBeGreaterThan(0n);
    expect(await chain.headAge()).toBeLessThan(60);
    expect((await getParameters(chain)).maxDisputeDuration).toBeGreaterThan(0);
    await expect(getJob(chain, 99n)).rejects.toMatchObject({ code: "CONTRACT_REVERTED", details: { name: "UnknownJob", args: { jobId: 99n } } });
  });

  it("says that nothing answers, without the secret part of the URL", async () => {
    const url = `${await closedPort()}/v3/secret-api-key`;
    const error: unknown = await local.connect({ rpcUrls: [url] }).catch((caught: unknown) => caught);
    expect(error).toMatchObject({ code: "CHAIN_UNREACHABLE", retryable: true, exitCode: 75, details: { endpoints: [new URL(url).origin] } });
    expect(inspect(error, { depth: 20, showHidden: true })).not.toContain("secret-api-key");
  });

  it("says that what answers is not a chain", async () => {
    const server = createServer((_request, response) => response.writeHead(200, { "content-type": "text/html" }).end("<html>"));
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    await expect(local.connect({ rpcUrls: [`http://127.0.0.1:${(server.address() as AddressInfo).port}`] })).rejects.toMatchObject({ code: expect.stringMatching(/^CHAIN_(UNREACHABLE|FAILED)$/) as string });
    server.close();
  });

  it("gives up on an endpoint that takes the request and never answers", async () => {
    const server = createServer(() => undefined);
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    await expect(local.connect({ rpcUrls: [`http://127.0.0.1:${(server.address() as AddressInfo).port}`], timeoutMs: 100 })).rejects.toMatchObject({ code: "CHAIN_UNREACHABLE" });
    server.closeAllConnections();
    server.close();
  });

  it("refuses another chain and a chain without the contracts", async () => {
    const { deployment } = local.devnet;
    await expect(local.connect({ deployment: { ...deployment, chainId: 5 } })).rejects.toMatchObject({ code: "CHAIN_WRONG_ID", kind: "usage", details: { actual: 31337, expected: 5 } });
    const contracts = { ...deployment.contracts, jobs: "0x00000000000000000000000000000000000000aa" as const };
    await expect(local.connect({ deployment: { ...deployment, contracts } })).rejects.toMatchObject({ code: "CHAIN_NO_CONTRACTS", kind: "usage", details: { missing: { jobs: contracts.jobs } } });
  });

  it("refuses a second endpoint that serves another chain", async () => {
    const stranger = createServer((_request, response) => response.writeHead(200, { "content-type": "application/json" }).end('{"jsonrpc":"2.0","id":1,"result":"0x1"}'));
    await new Promise<void>((resolve) => stranger.listen(0, "127.0.0.1", resolve));
    const endpoint = `http://127.0.0.1:${(stranger.address() as AddressInfo).port}`;
    await expect(local.connect({ rpcUrls: [local.devnet.rpcUrl, endpoint] })).rejects.toMatchObject({ code: "CHAIN_WRONG_ID", details: { endpoint, actual: 1 } });
    stranger.closeAllConnections();
    stranger.close();
  });

  it("asks the next endpoint where the first one fails", async () => {
    const proxy = await startMisbehavingProxy(local.devnet.rpcUrl);
    const chain = await local.connect({ rpcUrls: [proxy.url, local.devnet.rpcUrl] });
    proxy.behave = () => "fail";
    proxy.calls.length = 0;
    expect((await chain.head()).number).toBeGreaterThan(0n);
    expect(proxy.calls).toContain("eth_getBlockByNumber");
    await proxy.stop();
    expect((await chain.head()).number).toBeGreaterThan(0n);
    expect((await (await local.connect({ rpcUrls: [proxy.url, local.devnet.rpcUrl] })).head()).number).toBeGreaterThan(0n);
  });
});
