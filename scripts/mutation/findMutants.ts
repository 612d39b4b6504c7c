import { rangeOf, walk, type AstNode } from "./parseContracts.ts";

/** One small change: where the mutant is on, `otherwise` takes the place of the text between `start` and `end`. */
export interface Mutant {
  /** Its number in the build, from 1. */
  id: number;
  file: string;
  line: number;
  /** Where the function around it starts. */
  scope: number;
  start: number;
  end: number;
  kind: "comparison" | "arithmetic" | "connective" | "condition" | "requirement" | "constant" | "statement" | "negation";
  /** The original, and what the mutant makes of it. */
  before: string;
  after: string;
  /** What stands before and after the text, which itself may hold more mutants. */
  open: string;
  close: string;
}

const opposite: Record<string, [string, Mutant["kind"]]> = {
  "<=": ["<", "comparison"],
  "<": ["<=", "comparison"],
  ">=": [">", "comparison"],
  ">": [">=", "comparison"],
  "==": ["!=", "comparison"],
  "!=": ["==", "comparison"],
  "&&": ["||", "connective"],
  "||": ["&&", "connective"],
  "+": ["-", "arithmetic"],
  "-": ["+", "arithmetic"],
  "*": ["/", "arithmetic"],
  "/": ["*", "arithmetic"],
  "%": ["/", "arithmetic"],
  "<<": [">>", "arithmetic"],
  ">>": ["<<", "arithmetic"],
  "&": ["|", "arithmetic"],
  "|": ["&", "arithmetic"],
};
const assignments: Record<string, string> = { "+=": "-=", "-=": "+=", "|=": "&=", "&=": "|=" };

/** All mutants of one file. `text` is its bytes as latin1, so that offsets are those of the compiler. `on(id)` tells whether one is on. */
export function findMutants(file: string, text: string, tree: AstNode, firstId: number, on: (id: number) => string): Mutant[] {
  const found: Mutant[] = [];
  const constants = new Set([...walk(tree)].filter(({ node }) => node.nodeType === "VariableDeclaration" && node["constant"] === true).map(({ node }) => node.id));
  let scope = 0;
  const add = (start: number, end: number, kind: Mutant["kind"], after: string, wrap: (on: string) => [string, string]): void => {
    const id = firstId + found.length;
    const [open, close] = wrap(on(id));
    found.push({ id, file, scope, line: text.slice(0, start).split("\n").length, start, end, kind, before: text.slice(start, end), after, open, close });
  };
  const textOf = (node: unknown): string => {
    const { start, end } = rangeOf(node as AstNode);
    return text.slice(start, end);
  };
  const typeOf = (node: AstNode): string => (node["typeDescriptions"] as { typeString?: string } | undefined)?.typeString ?? "";
  const withoutStatement = (start: number, end: number): void => add(start, end, "statement", "", (is) => [`{ if (!${is}) { `, " } }"]);
  /** A statement's node leaves out its semicolon. */
  const statementEnd = (end: number): number => (text[end] === ";" ? end + 1 : end);

  for (const { node, parents } of walk(tree)) {
    // Only what runs: not the values of constants, the sizes of arrays, or assembly.
    if (!parents.some(({ nodeType }) => nodeType === "FunctionDefinition" || nodeType === "ModifierDefinition")) continue;
    if (!parents.some(({ nodeType }) => nodeType === "Block" || nodeType === "UncheckedBlock")) continue;
    scope = rangeOf(parents.find(({ nodeType }) => nodeType === "FunctionDefinition" || nodeType === "ModifierDefinition") as AstNode).start;
    const { start, end } = rangeOf(node);
    const parent = parents.at(-1) as AstNode;
    if (node.nodeType === "BinaryOperation") {
      const swap = opposite[node["operator"] as string];
      if (swap === undefined || typeOf(node).startsWith("int_const")) continue;
      const [left, right] = [textOf(node["leftExpression"]), textOf(node["rightExpression"])];
      const after = `(${left}) ${swap[0]} (${right})`;
      add(start, end, swap[1], after, (is) => [`(${is} ? (${after}) : (`, "))"]);
    } else if (node.nodeType === "Literal" && node["kind"] === "bool") {
      add(start, end, "constant", node["value"] === "true" ? "false" : "true", (is) => [`(${is} != `, ")"]);
    } else if (node.nodeType === "Identifier" && constants.has(node["referencedDeclaration"] as number) && typeOf(node).startsWith("uint")) {
      add(start, end, "constant", `${textOf(node)} + 1`, (is) => [`(${is} ? ${textOf(node)} + 1 : `, ")"]);
    } else if (node.nodeType === "UnaryOperation" && node["operator"] === "!" && parent.nodeType !== "IfStatement") {
      add(start, end, "negation", textOf(node["subExpression"]), (is) => [`(${is} != (`, "))"]);
    } else if (node.nodeType === "FunctionCall" && (node["expression"] as AstNode)["name"] === "require") {
      const [condition] = node["arguments"] as AstNode[];
      const range = rangeOf(condition as AstNode);
      add(range.start, range.end, "requirement", "true", (is) => [`(${is} || (`, "))"]);
    } else if (node.nodeType === "IfStatement" || node.nodeType === "Conditional") {
      const condition = node["condition"] as AstNode;
      const range = rangeOf(condition);
      add(range.start, range.end, "condition", `!(${textOf(condition)})`, (is) => [`(${is} != (`, "))"]);
    } else if (node.nodeType === "ExpressionStatement") {
      const expression = node["expression"] as AstNode;
      const last = statementEnd(end);
      if (text[last - 1] !== ";") continue;
      const operator = assignments[expression["operator"] as string];
      if (expression.nodeType === "FunctionCall" && (expression["expression"] as AstNode)["name"] === "require") continue;
      if (expression.nodeType === "Assignment" && operator !== undefined) {
        const after = `${textOf(expression["leftHandSide"])} ${operator} ${textOf(expression["rightHandSide"])};`;
        add(start, last, "arithmetic", after, (is) => [`{ if (${is}) { ${after} } else { `, " } }"]);
      } else if (expression.nodeType === "UnaryOperation" && ["++", "--"].includes(expression["operator"] as string) && parent.nodeType !== "ForStatement") {
        const after = `${textOf(expression["subExpression"])}${expression["operator"] === "++" ? "--" : "++"};`;
        add(start, last, "arithmetic", after, (is) => [`{ if (${is}) { ${after} } else { `, " } }"]);
      }
      // Without its assignment a storage pointer would point nowhere, which the compiler refuses.
      const isPointer = expression.nodeType === "Assignment" && typeOf(expression["leftHandSide"] as AstNode).includes("storage pointer");
      if (parent.nodeType !== "ForStatement" && !isPointer) withoutStatement(start, last);
    } else if (node.nodeType === "EmitStatement" || node.nodeType === "RevertStatement") {
      const last = statementEnd(end);
      if (text[last - 1] === ";") withoutStatement(start, last);
    }
  }
  return found;
}

/** The text with all of its mutants in it, off unless their number is chosen. */
export function instrument(text: string, mutants: readonly Mutant[]): string {
  // Around the same place the longer text is outside; of equally long ones the later in the list is inside.
  const ordered = [...mutants].sort((a, b) => a.start - b.start || b.end - a.end || a.id - b.id);
  const closing: Mutant[] = [];
  let out = "";
  let at = 0;
  const closeUpTo = (position: number): void => {
    for (let last = closing.at(-1); last !== undefined && last.end <= position; last = closing.at(-1)) {
      out += text.slice(at, last.end) + last.close;
      at = last.end;
      closing.pop();
    }
  };
  for (const mutant of ordered) {
    closeUpTo(mutant.start);
    out += text.slice(at, mutant.start) + mutant.open;
    at = mutant.start;
    closing.push(mutant);
  }
  closeUpTo(Infinity);
  return out + text.slice(at);
}
