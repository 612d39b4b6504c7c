import path from "node:path";
import { Command } from "commander";
import { GainsayError } from "../../../protocol/errors.ts";
import { packageRoot } from "../../../runtime/devnet/packageRoot.ts";
import { chainFinding, checkAccount, checkClock, checkEndpoints } from "../../../runtime/doctor/checkChain.ts";
import { checkDisk, checkGpu, checkInference, checkNode } from "../../../runtime/doctor/checkMachine.ts";
import { checkPeers, checkPorts } from "../../../runtime/doctor/checkNetwork.ts";
import { fail, ok, warn, type Finding } from "../../../runtime/doctor/finding.ts";
import { treeVerifier } from "../../../runtime/network/blobs/treeVerifier.ts";
import { createIdentity } from "../../../runtime/network/identity.ts";
import { readLocalPeers } from "../../../runtime/network/localPeers.ts";
import { silentLogger } from "../../../runtime/telemetry/createLogger.ts";
import { action } from "../../action.ts";
import type { Context } from "../../context.ts";
import { addSettingFlags } from "../../daemonFlags.ts";
import type { Shell } from "../../shell.ts";

/** The model that the provider is tried with. */
const smallModel = path.join(packageRoot(), "models", "digits", "digits.onnx");
const marks = { ok: "ok  ", warn: "warn", fail: "FAIL" } as const;

/** `gainsay doctor` */
export function doctorCommand(shell: Shell): Command {
  return addSettingFlags(new Command("doctor"))
    .description("check this machine, the chain, the account and the network for what a daemon needs, and say what to do; exit code 1 if something fails")
    .action(
      action(shell, async (context) => {
        const findings = await examine(context);
        context.progress.end();
        const failed = findings.filter(({ status }) => status === "fail").length;
        const width = Math.max(...findings.map(({ check }) => check.length));
        const indent = " ".repeat(width + 8);
        context.output.result(
          { healthy: failed === 0, findings },
          findings.flatMap(({ check, status, found, advice }) => [`${marks[status]}  ${check.padEnd(width)}  ${found}`, ...(advice === undefined ? [] : [`${indent}${advice}`])]),
        );
        if (failed > 0) throw new GainsayError(`${failed === 1 ? "One check" : `${failed} checks`} failed; follow the advice above and run this again.`, { code: "DOCTOR_FAILED", details: { failed } });
      }),
    );
}

async function examine(context: Context): Promise<Finding[]> {
  const { settings, paths, progress, signal } = context;
  const findings: Finding[] = [];
  progress.update("looking at this machine");
  findings.push(checkNode(), await checkInference(settings.executionProvider, smallModel, signal), await checkGpu(settings.executionProvider), await checkDisk(paths.home));
  progress.update("asking the chain");
  const endpoints = await checkEndpoints(settings.rpcUrls, settings.chainId);
  findings.push(...endpoints);
  const answering = endpoints.findIndex(({ status }) => status !== "fail");
  if (answering >= 0) findings.push(await checkClock(settings.rpcUrls[answering] as string), ...(await examineChain(context)));
  progress.update("looking at the network");
  findings.push(...(await checkPorts(settings.listen, settings.telemetryPort)), ...(await examinePeers(context)));
  return findings;
}

async function examineChain(context: Context): Promise<Finding[]> {
  let chain;
  try {
    chain = await context.chain();
  } catch (error) {
    return [chainFinding(error)];
  }
  const contracts = ok("contracts", `deployed in block ${chain.deployment.block}`);
  try {
    return [contracts, ...(await checkAccount(chain, await context.addressOf()))];
  } catch (error) {
    if (!(error instanceof GainsayError)) throw error;
    const advice = "Name the account with --key; only a watcher in mode observe works without one.";
    return [contracts, error.code === "KEY_MISSING" ? warn("account", "no account is named", advice) : fail("account", error.message.replace(/\.$/, ""), advice)];
  }
}

async function examinePeers({ settings, paths, signal }: Context): Promise<Finding[]> {
  const { createNetwork } = await import("../../../runtime/network/createNetwork.ts");
  const network = createNetwork({ listen: [], bootstrap: [], identityKey: await createIdentity(), signal }, { logger: silentLogger(), verify: treeVerifier });
  await network.start();
  try {
    return await checkPeers(network, [...new Set([...settings.bootstrap, ...(await readLocalPeers(paths.home))])], signal);
  } finally {
    await network.stop();
  }
}
