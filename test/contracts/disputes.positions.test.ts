import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createWorld, phases, type World } from "./helpers/createWorld.ts";
import { descend, revealChunk, type Game } from "./helpers/playGame.ts";
import { makeProgram, makeTrace } from "./helpers/program.ts";
import { committedJob, open, register } from "./helpers/scenes.ts";

let world: World;
const gas: Record<string, bigint[]> = {};

beforeAll(async () => {
  world = await createWorld();
});
afterAll(() => {
  console.info("gas of the descent, reveal and choice in turn", gas);
});

const all = (count: number) => Array.from({ length: count }, (_, i) => i);
// Every position of the small trees; of the large one both sides of every border between subtrees of the first reveal, and the ends.
const large = [0, 1, 15, 16, 31, 32, 127, 128, 255, 256, 287, 288, 298, 299];

describe.each([
  { leaves: 1, positions: all(1) },
  { leaves: 2, positions: all(2) },
  { leaves: 3, positions: all(3) },
  { leaves: 16, positions: all(16) },
  { leaves: 17, positions: all(17) },
  { leaves: 300, positions: large },
])("trees of $leaves leaves", ({ leaves, positions }) => {
  it("lead to every tensor of a trace and every chunk of a tensor", async () => {
    // As many tensors as chunks in the last tensor, whose last chunk has one byte; the others have one chunk.
    const program = makeProgram(all(leaves).map((i) => (i === leaves - 1 ? (leaves - 1) * 1024 + 1 : 1 + (i % 1024))));
    const trace = makeTrace(program);
    await register(world, program);
    const jobId = await committedJob(world, program, trace);
    const play = async (tensor: number, chunk: number): Promise<void> => {
      const game: Game = { world, program, trace, disputeId: await open(world, jobId) };
      const inTrace = await descend(game, tensor);
      const inTensor = await descend(game, chunk);
      const { position, phase } = await world.dispute(game.disputeId);
      expect({ phase, tensor: position.tensor, chunk: position.index }).toEqual({ phase: phases.revealChunk, tensor, chunk: BigInt(chunk) });
      const last = await revealChunk(game);
      gas[`${leaves} leaves`] = [...inTrace, ...inTensor, last.gas];
    };
    const snapshot = await world.snapshot();
    for (const position of positions) {
      await play(position, position === leaves - 1 ? leaves - 1 : 0);
      if (position !== leaves - 1) await play(leaves - 1, position);
      await snapshot.restore();
    }
  });
});
