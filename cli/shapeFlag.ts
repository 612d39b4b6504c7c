import { Option } from "commander";
import { repeated, shape } from "./parse.ts";

/** `--shape NAME=1,3,224,224`, once for each input whose declared shape is not fixed. */
export function shapeFlag(): Option {
  return new Option("--shape <name=sizes>", "shape of an input that the model leaves open, in elements, such as image=1,3,224,224; may be repeated (default: the declared shape)").argParser(repeated(shape));
}
