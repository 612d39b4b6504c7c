import type { Audit, AuditedStep } from "../../../runtime/audit/auditProgram.ts";
import type { Fault } from "../../../runtime/audit/examineStep.ts";
import { TRANSACTION_GAS_CAP } from "../../../runtime/audit/transactionGas.ts";
import { table } from "../../output.ts";
import { bytes } from "../../parse.ts";

/** An audit for people: a line a step, then totals, the worst step, and whatever is wrong. */
export function auditLines({ steps, totals, faults, holds }: Audit): string[] {
  const worst = steps[totals.worstStep];
  return [
    ...table(["step", "kind", "nodes", "elements", "committed", "gas min", "gas max", "witness", "bound", "sound", "caught"], steps.map(row)),
    "",
    `${totals.steps} steps, ${totals.elements} elements, ${bytes(totals.committedBytes)} committed; ${totals.judged} honest elements judged, ${totals.sound} sound; ${totals.corrupted} false ones, ${totals.fraudCaught} fraud`,
    ...(worst === undefined ? [] : [`dearest verdict: step ${worst.index} (${nodesOf(worst)}), ${worst.gasMax} gas, ${((100 * worst.gasMax) / TRANSACTION_GAS_CAP).toFixed(1)} % of what one transaction may have`]),
    totals.oversized === 0 ? "every verdict fits one transaction" : `${totals.oversized} verdicts do not fit one transaction of ${TRANSACTION_GAS_CAP} gas`,
    ...(totals.beyondPool === 0 ? [] : [`${totals.beyondPool} verdicts need a transaction of more than 128 KiB, which most nodes do not pass on: it has to go to a block builder`]),
    ...(totals.undisputable.length === 0 ? [] : [`nothing that could be claimed at the samples of step ${totals.undisputable.join(", ")} is fraud`]),
    ...faults.map(faultLine),
    holds ? "the audit holds" : "the audit does not hold",
  ];
}

/** A fault in one line. */
export function faultLine({ step, element, kind, corruption, why }: Fault): string {
  const names = { falseFraud: "wrong: honest called fraud", fraudMissed: "wrong: false called sound", disagreement: "wrong: two judges differ", refused: "wrong: refused" } as const;
  return `${names[kind]}: step ${step}, element ${element}${corruption === undefined ? "" : ` (${corruption})`}: ${why}`;
}

function row(step: AuditedStep): string[] {
  return [
    String(step.index),
    step.kind,
    nodesOf(step),
    String(step.elements),
    bytes(step.committedBytes),
    String(step.gasMin),
    String(step.gasMax),
    bytes(step.witnessBytesMax),
    step.bound === null ? "exact" : Number.isFinite(step.bound) ? step.bound.toExponential(1) : "any",
    `${step.sound}/${step.judged}`,
    `${step.fraudCaught}/${step.corrupted}`,
  ];
}

function nodesOf({ nodes }: AuditedStep): string {
  const text = nodes.filter((name) => name !== "").join(" + ") || "(unnamed)";
  return text.length <= 60 ? text : `${text.slice(0, 57)}…`;
}
