import { describe, expect, it } from "vitest";
import { topics } from "../../../runtime/network/topics.ts";
import { createVersionWatch, userAgentOf, WIRE_VERSION, wireOf } from "../../../runtime/network/wireVersion.ts";
import { firstAddress, startNetwork, until } from "./helpers.ts";

const recording = () => {
  const lines: { level: string; message: string; fields: object }[] = [];
  const at = (level: string) => (fields: object, message: string) => void lines.push({ level, message, fields });
  return { lines, logger: { debug: at("debug"), info: at("info"), warn: at("warn"), error: at("error") } };
};

describe("wire versions", () => {
  it("are in the names of all topics and in what a node says of itself", () => {
    for (const { name } of Object.values(topics)) expect(name).toMatch(new RegExp(`^/gainsay/${WIRE_VERSION}/\\w+$`));
    expect(wireOf(userAgentOf("0.1.0"))).toBe(WIRE_VERSION);
    expect(wireOf("gainsay/1.2.3-rc.1 wire/27")).toBe(27);
  });

  it.each([undefined, "", "js-libp2p/3.0", "gainsay/1 wire/", "gainsay/1 wire/-1", "gainsay/1 wire/99999", "gainsay/\u001b[31m wire/2", `gainsay/${"1".repeat(99)} wire/2`, "x gainsay/1 wire/2"])("are not read from %j", (agent) => {
    expect(wireOf(agent)).toBeUndefined();
  });

  it("are believed to be newer once three peers say so, and told once", () => {
    const { lines, logger } = recording();
    const watch = createVersionWatch(logger, 1);
    const told = () => lines.filter(({ level }) => level === "error");
    watch.note("a", "gainsay/9 wire/9000");
    watch.note("a", "gainsay/9 wire/9000");
    watch.note("b", "gainsay/9 wire/3");
    expect([watch.newest(), told().length]).toEqual([1, 0]);
    watch.note("c", "gainsay/9 wire/2");
    watch.note("d", "gainsay/9 wire/2");
    expect(watch.newest()).toBe(2);
    expect(told()).toMatchObject([{ fields: { own: 1, theirs: 2 } }]);
    watch.note("e", "gainsay/9 wire/2");
    expect(told()).toHaveLength(1);
  });

  it("reach an old node from its peers when they connect", async () => {
    const { lines, logger } = recording();
    const old = await startNetwork({}, { logger });
    const newer = await Promise.all([1, 2, 3].map(() => startNetwork({ userAgent: userAgentOf("9.0.0", WIRE_VERSION + 1) })));
    expect(old.newestWire()).toBe(WIRE_VERSION);
    for (const peer of newer) await peer.dial(firstAddress(old));
    await until("the old node knows", () => old.newestWire() === WIRE_VERSION + 1);
    expect(lines.filter(({ level, message }) => level === "error" && message.includes("update this program"))).toHaveLength(1);
  });
});
