import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { publishLocalPeer, readLocalPeers } from "../../../runtime/network/localPeers.ts";

describe("peers with the same data folder", () => {
  let home: string;
  beforeEach(async () => {
    home = await mkdtemp(path.join(tmpdir(), "gainsay-peers-"));
  });
  afterEach(() => rm(home, { recursive: true, force: true }));

  it("find each other, and not themselves", async () => {
    await publishLocalPeer(home, "executor-a", ["/ip4/127.0.0.1/tcp/1/p2p/a", "/ip4/10.0.0.1/tcp/1/p2p/a"]);
    await publishLocalPeer(home, "watcher-b", ["/ip4/127.0.0.1/tcp/2/p2p/b"]);
    expect((await readLocalPeers(home)).sort()).toEqual(["/ip4/10.0.0.1/tcp/1/p2p/a", "/ip4/127.0.0.1/tcp/1/p2p/a", "/ip4/127.0.0.1/tcp/2/p2p/b"]);
    expect(await readLocalPeers(home, "executor-a")).toEqual(["/ip4/127.0.0.1/tcp/2/p2p/b"]);
  });

  it("are gone when they took their addresses away, and one that comes again replaces its old ones", async () => {
    await publishLocalPeer(home, "executor-a", ["/ip4/127.0.0.1/tcp/1/p2p/a"]);
    const remove = await publishLocalPeer(home, "executor-a", ["/ip4/127.0.0.1/tcp/9/p2p/a"]);
    expect(await readLocalPeers(home)).toEqual(["/ip4/127.0.0.1/tcp/9/p2p/a"]);
    await remove();
    await remove();
    expect(await readLocalPeers(home)).toEqual([]);
    expect(await readdir(path.join(home, "peers"))).toEqual([]);
  });

  it("are not there before the first one came", async () => {
    expect(await readLocalPeers(home)).toEqual([]);
    expect(await readLocalPeers(path.join(home, "nowhere"))).toEqual([]);
  });

  it("are found although files of others are cut off, malformed, or half written", async () => {
    await publishLocalPeer(home, "watcher-b", ["/ip4/127.0.0.1/tcp/2/p2p/b"]);
    const files = { "cut.json": '{"addresses":["/ip4', "list.json": "[]", "words.json": '{"addresses":["hello"]}', "number.json": '{"addresses":[5]}', "empty.json": "", "other.json.tmp": '{"addresses":["/ip4/1.1.1.1/tcp/1/p2p/x"]}' };
    for (const [name, text] of Object.entries(files)) await writeFile(path.join(home, "peers", name), text);
    expect(await readLocalPeers(home)).toEqual(["/ip4/127.0.0.1/tcp/2/p2p/b"]);
  });
});
