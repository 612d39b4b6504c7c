import path from "node:path";
import type { Address } from "viem";
import { GainsayError } from "../../../protocol/errors.ts";
import { createChain, type Chain } from "../../../runtime/chain/createChain.ts";
import { readDeployment } from "../../../runtime/config/readDeployment.ts";
import { packageRoot } from "../../../runtime/devnet/packageRoot.ts";
import { DEVNET_CHAIN_ID } from "../../../runtime/devnet/startDevnet.ts";
import type { Logger } from "../../../runtime/telemetry/createLogger.ts";
import { createStage, type LogLine, type Stage, type StagedDaemon } from "./createStage.ts";

/** Accounts that the devnet makes. */
export const roles = ["executor-1", "executor-2", "watcher-1", "requester"] as const;

/** Seconds and ether of the demo's jobs: long enough for two slow cores, short enough to watch. */
export const terms = { fee: "0.01", collateral: "1", claimWindow: 300, deliveryWindow: 60, challengeWindow: 15, claimDelay: 4, patience: 3 } as const;

/** A devnet with a compiled and registered model, funded accounts, and nobody at work yet. */
export interface Theatre {
  readonly stage: Stage;
  readonly chain: Chain;
  readonly accounts: Readonly<Record<(typeof roles)[number], Address>>;
  readonly programRoot: string;
  /** Runs a command as one of the accounts. */
  as(role: (typeof roles)[number], args: readonly string[]): Promise<Record<string, unknown>>;
  startExecutor(name: "executor-1" | "executor-2", args?: readonly string[]): Promise<StagedDaemon>;
  startWatcher(args?: readonly string[]): Promise<StagedDaemon>;
  close(): Promise<void>;
}

export interface TheatreOptions {
  home: string;
  env: NodeJS.ProcessEnv;
  /** ONNX file; the project's own digit classifier by default. */
  model?: string;
  /** Further flags of the development chain. */
  devnet?: readonly string[];
  logger: Logger;
  signal?: AbortSignal;
  /** Told about each step of the preparation. */
  onStep?: (text: string) => void;
  /** Told about each log line of each daemon. */
  onLog?: (daemon: string, line: LogLine) => void;
}

/** File of the project's own model, and of a sample image of a digit. */
export const demoModel = path.join(packageRoot(), "models", "digits", "digits.onnx");
export const sampleImage = (digit: number): string => path.join(packageRoot(), "models", "digits", "samples", `${digit}.png`);

/** Sets everything up through the commands that a person would type. */
export async function openTheatre(options: TheatreOptions): Promise<Theatre> {
  const { home, logger, signal, onStep = () => undefined, onLog = () => undefined } = options;
  const stage = createStage(home, options.env, signal);
  try {
    onStep("starting a local chain and deploying the contracts");
    const { ready } = await stage.start("devnet", ["devnet", "--port", "0", ...(options.devnet ?? [])]);
    const rpcUrl = text(ready, "rpcUrl");
    stage.set("GAINSAY_RPC_URL", rpcUrl);
    stage.set("GAINSAY_PASSWORD_FILE", text(ready, "passwordFile"));
    const deployment = await readDeployment(home, DEVNET_CHAIN_ID);
    const chain = await createChain({ rpcUrls: [rpcUrl], deployment }, { logger });

    const as: Theatre["as"] = (role, args) => stage.run([...args, "--key", role]);
    onStep("compiling the model and registering its program");
    // With the result of every step posted, the play shows a bisection down to one number without a change of scene.
    const compiled = await stage.run(["model", "compile", options.model ?? demoModel, "--granularity", "layer"]);
    const programRoot = text(compiled, "programRoot");
    await as("requester", ["model", "register", programRoot]);
    onStep("depositing stakes");
    await Promise.all([as("executor-1", ["stake", "deposit", "10"]), as("executor-2", ["stake", "deposit", "10"])]);
    const keys = (ready["keys"] ?? []) as { name: string; address: Address }[];
    const accounts = Object.fromEntries(roles.map((role) => [role, addressOf(keys, role)])) as Theatre["accounts"];
    const polling = ["--polling-interval-ms", "400", "--log-level", "info"];
    return {
      stage,
      chain,
      accounts,
      programRoot,
      as,
      startExecutor: (name, args = []) => stage.start(name, ["executor", "start", "--name", name, "--key", name, ...polling, ...args], (line) => onLog(name, line)),
      startWatcher: (args = []) => stage.start("watcher-1", ["watcher", "start", "--name", "watcher-1", "--key", "watcher-1", "--patience", String(terms.patience), "--on-withheld", "bisect", ...polling, ...args], (line) => onLog("watcher-1", line)),
      close: () => stage.close(),
    };
  } catch (error) {
    await stage.close();
    throw error;
  }
}

/** Submits a job on an image and returns its number. */
export async function submitImage(theatre: Theatre, image: string, input = "image"): Promise<bigint> {
  const { fee, collateral, claimWindow, deliveryWindow, challengeWindow } = terms;
  const submitted = await theatre.as("requester", [
    ...["job", "submit", theatre.programRoot, "--input", `${input}=${image}`, "--fee", fee, "--collateral", collateral],
    ...["--claim-window", String(claimWindow), "--delivery-window", String(deliveryWindow), "--challenge-window", String(challengeWindow)],
  ]);
  return BigInt(text(submitted, "jobId"));
}

function text(document: Record<string, unknown>, field: string): string {
  const value = document[field];
  if (typeof value === "string" || typeof value === "number") return String(value);
  throw new GainsayError(`A command of the demo did not say its "${field}".`, { code: "STAGE_FAILED", details: { document } });
}

function addressOf(keys: readonly { name: string; address: Address }[], role: string): Address {
  const key = keys.find(({ name }) => name === role);
  if (key === undefined) throw new GainsayError(`The devnet has no key "${role}".`, { code: "STAGE_FAILED" });
  return key.address;
}
