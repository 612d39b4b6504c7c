import { GainsayError } from "../errors.ts";

/** Custom errors of the judge's contracts; the TypeScript judge throws the same faults, with the name in upper snake case as code. */
export type JudgeFault =
  | "ProgramMismatch"
  | "StepNotInProgram"
  | "UnknownKind"
  | "DescriptorMalformed"
  | "UnsupportedVersion"
  | "UnsupportedKind"
  | "UnsupportedOp"
  | "UnsupportedProfile"
  | "UnsupportedType"
  | "UnsupportedSource"
  | "UnexpectedAttributes"
  | "AttributesMalformed"
  | "UnexpectedExpression"
  | "UnexpectedOpening"
  | "UnexpectedRole"
  | "UnexpectedReduction"
  | "UnexpectedWindow"
  | "ResultNotInTrace"
  | "OperandCount"
  | "ShapeTooLarge"
  | "ElementNotInResult"
  | "TooManyTaps"
  | "StridesLength"
  | "WindowDimension"
  | "StageShape"
  | "ElementOutOfRange"
  | "ElementNotOpened"
  | "InnerTraceMissing"
  | "RootNotCommitted"
  | "RangeNotInTensor"
  | "RangesNotAscending"
  | "RangeLength"
  | "IndexOutOfTree"
  | "ProofLength"
  | "ExpressionTruncated"
  | "ExpressionOpcode"
  | "ExpressionSlot"
  | "ExpressionStack"
  | "TooManyTerms";

/** The error for a malformed step or witness, such as code `ELEMENT_NOT_OPENED`. */
export function judgeError(fault: JudgeFault, message: string, details: Record<string, unknown> = {}): GainsayError {
  const code = fault.replace(/(?<=[a-z])(?=[A-Z])/g, "_").toUpperCase();
  return new GainsayError(message, { code, kind: "verification", details });
}
