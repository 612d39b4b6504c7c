import { attribute, intAttribute, stringAttribute } from "../../onnx/attributes.ts";
import { Refusal } from "../draft.ts";
import type { GraphBuilder, Rewrite } from "./graphBuilder.ts";
import { joined } from "./rearrangements.ts";

/** Longest sequence that is unrolled. */
const LONGEST = 512;

type Kind = "LSTM" | "GRU" | "RNN";

/** One direction of a recurrent layer, with weights that the matrix product takes as they are. */
interface Cell {
  hidden: number;
  batch: number;
  /** `[hidden, gates·hidden]` */
  recurrence: string;
  /** Biases of the recurrence alone, `[gates·hidden]`; only where they cannot be added to those of the input. */
  recurrenceBias?: string;
  peepholes?: string;
  activate: (k: number, x: string) => string;
}

const gates: Readonly<Record<Kind, number>> = { LSTM: 4, GRU: 3, RNN: 1 };
const usual: Readonly<Record<Kind, readonly string[]>> = { LSTM: ["Sigmoid", "Tanh", "Tanh"], GRU: ["Sigmoid", "Tanh"], RNN: ["Tanh"] };

/** LSTM, GRU and RNN as one matrix product for all inputs and then, place by place, the recurrence. */
export function recurrent(kind: Kind): Rewrite {
  return (graph) => {
    const { node } = graph;
    if (intAttribute(node, "layout", 0) !== 0 || attribute(node, "clip") !== undefined || intAttribute(node, "input_forget", 0) !== 0) throw new Refusal("it has another layout, clips, or couples its gates");
    const [length, batch, width] = graph.shapeOf(graph.input(0)) as [number, number, number];
    if (length > LONGEST) throw new Refusal(`its sequence has ${length} places; at most ${LONGEST} are unrolled`);
    if (graph.has(4) && graph.constant(4)?.every((given) => given === length) !== true) throw new Refusal("its sequences differ in length");
    const direction = stringAttribute(node, "direction", "forward");
    const directions = direction === "bidirectional" ? [false, true] : [direction === "reverse"];
    const hidden = graph.shapeOf(graph.input(2))[2]!;
    const flat = graph.reshape(graph.input(0), [length * batch, width]);
    const runs = directions.map((backwards, d) => runDirection(graph, kind, { d, flat, length, batch, hidden, backwards }));
    if (graph.wants(0)) {
      const places = runs[0]!.hiddens.map((_, t) => graph.concat(runs.map(({ hiddens }) => graph.reshape(hiddens[t]!, [1, 1, batch, hidden])), 1));
      graph.result(0, "Concat", joined(graph, places, 0), { axis: { int: 0 } });
    }
    if (graph.wants(1)) graph.result(1, "Concat", runs.map(({ last }) => graph.reshape(last, [1, batch, hidden])), { axis: { int: 0 } });
    if (graph.wants(2)) graph.result(2, "Concat", runs.map(({ cell }) => graph.reshape(cell!, [1, batch, hidden])), { axis: { int: 0 } });
    return true;
  };
}

function runDirection(
  graph: GraphBuilder,
  kind: Kind,
  { d, flat, length, batch, hidden, backwards }: { d: number; flat: string; length: number; batch: number; hidden: number; backwards: boolean },
): { hiddens: string[]; last: string; cell?: string } {
  const wide = gates[kind] * hidden;
  const part = (k: number, shape: number[]): string => graph.reshape(graph.slice(graph.input(k), 0, d, 1), shape);
  const initial = (k: number): string => (graph.has(k) ? part(k, [batch, hidden]) : graph.floats([batch, hidden], new Float32Array(batch * hidden)));
  const separate = kind === "GRU" && intAttribute(graph.node, "linear_before_reset", 0) !== 0;
  const cell: Cell = {
    hidden,
    batch,
    recurrence: graph.transpose(part(2, [wide, hidden]), [1, 0]),
    activate: activations(graph, kind, d),
    ...(graph.has(7) ? { peepholes: part(7, [3 * hidden]) } : {}),
  };
  let inputs = graph.add("MatMul", [flat, graph.transpose(part(1, [wide, graph.shapeOf(graph.input(0))[2]!]), [1, 0])]);
  if (graph.has(3)) {
    const biases = part(3, [2 * wide]);
    const [ofInput, ofRecurrence] = [graph.slice(biases, 0, 0, wide), graph.slice(biases, 0, wide, wide)];
    inputs = graph.add("Add", [inputs, separate ? ofInput : graph.add("Add", [ofInput, ofRecurrence])]);
    if (separate) cell.recurrenceBias = ofRecurrence;
  }
  const hiddens: string[] = new Array<string>(length);
  let state = { h: initial(5), c: kind === "LSTM" ? initial(6) : "" };
  for (let step = 0; step < length; step++) {
    const t = backwards ? length - 1 - step : step;
    const x = graph.slice(inputs, 0, t * batch, batch);
    state = kind === "LSTM" ? lstm(graph, cell, x, state) : { h: kind === "GRU" ? gru(graph, cell, x, state.h, separate) : rnn(graph, cell, x, state.h), c: "" };
    hiddens[t] = state.h;
  }
  return { hiddens, last: state.h, ...(kind === "LSTM" ? { cell: state.c } : {}) };
}

/** Hochreiter and Schmidhuber's cell with forget gate; gates in the order input, output, forget, cell. */
function lstm(graph: GraphBuilder, cell: Cell, x: string, { h, c }: { h: string; c: string }): { h: string; c: string } {
  const { hidden, activate, peepholes } = cell;
  const all = graph.add("Add", [graph.add("MatMul", [h, cell.recurrence]), x]);
  const gate = (k: number, memory: string): string => {
    const own = graph.slice(all, 1, k * hidden, hidden);
    if (peepholes === undefined || k === 3) return own;
    return graph.add("Add", [own, graph.add("Mul", [graph.slice(peepholes, 0, k * hidden, hidden), memory])]);
  };
  const kept = graph.add("Mul", [activate(0, gate(2, c)), c]);
  const added = graph.add("Mul", [activate(0, gate(0, c)), activate(1, gate(3, c))]);
  const next = graph.add("Add", [kept, added]);
  return { c: next, h: graph.add("Mul", [activate(0, gate(1, next)), activate(2, next)]) };
}

/** Cho et al., arXiv 1406.1078; gates in the order update, reset, hidden. */
function gru(graph: GraphBuilder, cell: Cell, x: string, h: string, separate: boolean): string {
  const { hidden, activate, recurrence } = cell;
  const of = (name: string, from: number, count: number): string => graph.slice(name, 1, from * hidden, count * hidden);
  let candidate: string;
  let update: string;
  if (separate) {
    const product = graph.add("MatMul", [h, recurrence]);
    const whole = cell.recurrenceBias === undefined ? product : graph.add("Add", [product, cell.recurrenceBias]);
    const gate = (k: number): string => activate(0, graph.add("Add", [of(whole, k, 1), of(x, k, 1)]));
    update = gate(0);
    candidate = activate(1, graph.add("Add", [graph.add("Mul", [gate(1), of(whole, 2, 1)]), of(x, 2, 1)]));
  } else {
    const both = graph.add("Add", [graph.add("MatMul", [h, graph.slice(recurrence, 1, 0, 2 * hidden)]), of(x, 0, 2)]);
    update = activate(0, of(both, 0, 1));
    const reset = graph.add("Mul", [activate(0, of(both, 1, 1)), h]);
    candidate = activate(1, graph.add("Add", [graph.add("MatMul", [reset, graph.slice(recurrence, 1, 2 * hidden, hidden)]), of(x, 2, 1)]));
  }
  const fresh = graph.add("Mul", [graph.add("Sub", [graph.scalar(1), update]), candidate]);
  return graph.add("Add", [fresh, graph.add("Mul", [update, h])]);
}

function rnn(graph: GraphBuilder, { activate, recurrence }: Cell, x: string, h: string): string {
  return activate(0, graph.add("Add", [graph.add("MatMul", [h, recurrence]), x]));
}

function activations(graph: GraphBuilder, kind: Kind, d: number): Cell["activate"] {
  const given = attribute(graph.node, "activations")?.strings.map((bytes) => new TextDecoder().decode(bytes));
  const names = given === undefined || given.length === 0 ? usual[kind] : given.slice(d * usual[kind].length, (d + 1) * usual[kind].length);
  const known = names.map((name) => ["Sigmoid", "Tanh", "Relu"].find((other) => other.toLowerCase() === name.toLowerCase()));
  if (known.includes(undefined)) throw new Refusal(`its activations ${names.join(", ")} are not supported`);
  return (k, x) => graph.add(known[k]!, [x]);
}
