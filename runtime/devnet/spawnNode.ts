import { spawn, type ChildProcess } from "node:child_process";
import path from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { GainsayError } from "../../protocol/errors.ts";
import { packageRoot } from "./packageRoot.ts";

export interface NodeProcess {
  rpcUrl: string;
  port: number;
  pid: number;
  /** Resolves when the process is gone, with what it last said on standard error. */
  exited: Promise<{ code: number | null; signal: NodeJS.Signals | null; stderr: string }>;
  stop(): Promise<void>;
}

const startTimeoutMs = 60_000;
const stopTimeoutMs = 5_000;
const keptStderr = 4_096;

/**
 * Starts `hardhat node` as a process of its own that ends when this one does, however it ends. Resolves when it listens.
 * @throws GainsayError `DEVNET_PORT_IN_USE`, or `DEVNET_FAILED` with the last lines that it wrote.
 */
export async function spawnNode(options: { host: string; port: number; signal?: AbortSignal | undefined }): Promise<NodeProcess> {
  const root = packageRoot();
  const child = spawn(
    process.execPath,
    [
      "--import",
      pathToFileURL(path.join(import.meta.dirname, "exitWithParent.ts")).href,
      path.join(path.dirname(fileURLToPath(import.meta.resolve("hardhat/package.json"))), "dist", "src", "cli.js"),
      "--config",
      path.join(import.meta.dirname, "hardhat.config.ts"),
      "node",
      "--hostname",
      options.host,
      "--port",
      String(options.port),
    ],
    { cwd: root, stdio: ["pipe", "pipe", "pipe"], env: childEnvironment() },
  );
  let stderr = "";
  child.stderr.setEncoding("utf8").on("data", (part: string) => (stderr = (stderr + part).slice(-keptStderr)));
  child.stdin.on("error", () => undefined);
  const exited = new Promise<Awaited<NodeProcess["exited"]>>((resolve) => {
    child.once("error", (error) => resolve({ code: null, signal: null, stderr: error.message }));
    child.once("close", (code, signal) => resolve({ code, signal, stderr }));
  });
  try {
    const port = await listening(child, exited, options);
    return { rpcUrl: `http://${options.host.includes(":") ? `[${options.host}]` : options.host}:${port}`, port, pid: child.pid as number, exited, stop: () => stop(child, exited) };
  } catch (error) {
    await stop(child, exited);
    throw error;
  }
}

function listening(child: ChildProcess, exited: NodeProcess["exited"], { host, port, signal }: { host: string; port: number; signal?: AbortSignal | undefined }): Promise<number> {
  return new Promise((resolve, reject) => {
    let stdout = "";
    const fail = (message: string, code: string, details: Record<string, unknown>): void => reject(new GainsayError(message, { code, details, kind: code === "DEVNET_PORT_IN_USE" ? "usage" : "failed" }));
    const timer = setTimeout(() => fail("The development chain did not start in time.", "DEVNET_FAILED", { host, port, seconds: startTimeoutMs / 1000 }), startTimeoutMs);
    signal?.addEventListener("abort", () => fail("The start of the development chain was given up.", "ABORTED", {}), { once: true });
    if (signal?.aborted) fail("The start of the development chain was given up.", "ABORTED", {});
    // Its own line, not an answer at the port: that could come from another chain which holds the port.
    child.stdout?.setEncoding("utf8").on("data", (part: string) => {
      if (stdout.length < 65_536) stdout += part;
      const started = /JSON-RPC server at http:\/\/\S+:(\d+)\//.exec(stdout);
      if (started) resolve(Number(started[1]));
    });
    void exited.then(({ code, signal: killed, stderr }) => {
      if (/EADDRINUSE/.test(stderr)) fail(`Port ${port} of ${host} is in use; choose another one with --port, or stop what listens there.`, "DEVNET_PORT_IN_USE", { host, port });
      else fail("The development chain ended while it started.", "DEVNET_FAILED", { code, signal: killed, stderr: stderr.trim().split("\n").slice(-5).join("\n") });
    });
    const settled = (): void => clearTimeout(timer);
    void exited.then(settled);
    child.stdout?.on("data", () => /JSON-RPC server at/.test(stdout) && settled());
  });
}

async function stop(child: ChildProcess, exited: NodeProcess["exited"]): Promise<void> {
  child.stdin?.end();
  const timer = setTimeout(() => child.kill("SIGKILL"), stopTimeoutMs);
  await exited;
  clearTimeout(timer);
}

/** The chain's process gets none of this program's secrets, asks nothing and reports nothing to anybody. */
function childEnvironment(): NodeJS.ProcessEnv {
  const kept = Object.entries(process.env).filter(([name]) => !name.startsWith("GAINSAY_"));
  return { ...Object.fromEntries(kept), HARDHAT_DISABLE_TELEMETRY: "true", HARDHAT_DISABLE_TELEMETRY_PROMPT: "true", FORCE_COLOR: "0" };
}
