import { Option } from "commander";
import { repeated } from "./parse.ts";

/** `--peer MULTIADDR`, for commands that exchange data with executors. */
export function peerFlag(): Option {
  return new Option("--peer <multiaddr>", "address with peer id of a node to ask first, such as /ip4/…/tcp/…/p2p/…; may be repeated (env GAINSAY_BOOTSTRAP, comma-separated; default: daemons that share the home)").argParser(repeated((text) => text));
}
