/** Newest opset of the default domain that the pinned ONNX Runtime executes. */
export const MAX_OPSET = 26;

/** Newest ONNX file format (IR version) that is read. */
export const MAX_IR_VERSION = 13;

/** Oldest IR version that carries opsets. */
export const MIN_IR_VERSION = 3;
