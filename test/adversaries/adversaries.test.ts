import { existsSync } from "node:fs";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { artifactsFolder } from "../../runtime/devnet/packageRoot.ts";
import { adversaries } from "./adversaries.ts";
import { playAdversary, type Reckoning } from "./playAdversary.ts";
import { createTown, type Town } from "./support/createTown.ts";
import { writeReport } from "./support/writeReport.ts";

/** `GAINSAY_ADVERSARIES=all` plays all of them (`npm run adversaries`); a name or part of one plays those. */
const chosen = process.env["GAINSAY_ADVERSARIES"];
const cast = adversaries.filter(({ name, quick }) => chosen === "all" || (chosen === undefined ? quick === true : name.includes(chosen)));
const built = existsSync(path.join(artifactsFolder(), "contracts", "Disputes.sol", "Disputes.json"));

describe.skipIf(!built)("against an honest executor and an honest watcher, as processes on a real node", () => {
  let town: Town;
  const reckonings: Reckoning[] = [];

  beforeAll(async () => {
    town = await createTown();
  }, 180_000);
  afterAll(async () => {
    await town?.close();
  });

  it.each(cast)("$name: $aim", { timeout: 300_000 }, async (adversary) => {
    const reckoning = await playAdversary(town, adversary);
    reckonings.push(reckoning);
    await writeReport(reckonings);
    // Nobody gains by attacking.
    if (reckoning.attackers > 0) expect(reckoning.attackCost).toBeGreaterThan(0n);
  });
});
