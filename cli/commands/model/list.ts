import path from "node:path";
import { Command } from "commander";
import { GainsayError } from "../../../protocol/errors.ts";
import { getEvents } from "../../../runtime/chain/getEvents.ts";
import { readBundle } from "../../../runtime/bundle/readBundle.ts";
import { action } from "../../action.ts";
import type { Context } from "../../context.ts";
import { bundleRoots } from "../../models.ts";
import { table } from "../../output.ts";
import type { Shell } from "../../shell.ts";

interface ListedModel {
  programRoot: string;
  /** What the bundle in this home says; null if there is none. */
  local: { inputs: string[]; outputs: string[]; steps: number } | { error: string } | null;
  /** What the chain says; null if it is not registered or the chain was not asked. */
  registered: { modelId: bigint; registrant: string; uri: string } | null;
}

/** `gainsay model list` */
export function listModelsCommand(shell: Shell): Command {
  return new Command("list")
    .description("list the bundles of this home and the programs registered on chain")
    .option("--local", "leave the chain alone (default: ask it)")
    .action(
      action(shell, async (context, options: { local?: boolean }) => {
        const models = new Map<string, ListedModel>();
        for (const root of await bundleRoots(context.paths.bundles)) models.set(root, { programRoot: root, local: await describe(context, root), registered: null });
        if (options.local !== true) {
          for (const { args } of await getEvents(await context.chain(), { contract: "models", names: ["Registered"] })) {
            const known = models.get(args.programRoot) ?? { programRoot: args.programRoot, local: null, registered: null };
            models.set(args.programRoot, { ...known, registered: { modelId: args.modelId, registrant: args.registrant, uri: args.uri } });
          }
        }
        const list = [...models.values()];
        if (list.length === 0) context.output.note("There are no models yet; compile one with `gainsay model compile FILE`.");
        context.output.result(
          { models: list },
          list.length === 0
            ? []
            : table(
                ["program", "model", "bundle", "input", "output"],
                list.map(({ programRoot, local, registered }) => {
                  const here = local === null ? ["not here", "", ""] : "error" in local ? [`damaged: ${local.error}`, "", ""] : [`${local.steps} steps`, local.inputs.join("; "), local.outputs.join("; ")];
                  return [programRoot, registered === null ? "–" : String(registered.modelId), ...here];
                }),
              ),
        );
      }),
    );
}

async function describe({ paths }: Context, root: string): Promise<ListedModel["local"]> {
  try {
    const { program } = await readBundle(path.join(paths.bundles, root));
    const text = ({ name, shape }: { name: string; shape: number[] }): string => `${name} [${shape.join(",")}]`;
    return { inputs: program.inputs.map(text), outputs: program.outputs.map(text), steps: program.steps.length };
  } catch (error) {
    if (error instanceof GainsayError) return { error: error.code };
    throw error;
  }
}
