// Makes a fresh clone ready and runs one command in it: `node scripts/bootstrap.mjs <setup|demo|test|bench|gainsay|…> [args]`.
// Plain JavaScript without dependencies, because it runs on any Node from 18 up before anything is installed.
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, readdirSync, statSync, writeFileSync } from "node:fs";
import path from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";

const NODE_VERSION = "24.21.0";
const MINIMUM_NODE = [22, 18];
const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));

const commands = {
  setup: undefined,
  demo: ["cli/gainsay.mjs", "demo"],
  gainsay: ["cli/gainsay.mjs"],
  test: ["scripts/test.ts"],
  bench: ["scripts/bench.ts"],
};

const [command, ...args] = process.argv.slice(2);
if (command === undefined || !(command in commands)) {
  fail(`Give one of these commands: ${Object.keys(commands).join(", ")}.`);
}

const [major, minor] = process.versions.node.split(".").map(Number);
if (major < MINIMUM_NODE[0] || (major === MINIMUM_NODE[0] && minor < MINIMUM_NODE[1])) {
  const node = newerNode();
  // Child processes of npm scripts must find the newer Node first.
  const env = { ...process.env, PATH: `${path.dirname(node)}${path.delimiter}${process.env.PATH ?? ""}` };
  exitAs(spawnSync(node, [fileURLToPath(import.meta.url), command, ...args], { stdio: "inherit", env }));
}

installPackages();
buildContracts();
// Tests and benchmarks work with the sources, and bundle what they look at in bundles.
if (command !== "test" && command !== "bench") await bundleProgram();
if (commands[command] !== undefined) {
  const entry = commands[command];
  exitAs(spawnSync(process.execPath, [path.join(root, entry[0]), ...entry.slice(1), ...args], { stdio: "inherit", cwd: command === "gainsay" ? process.env.INIT_CWD ?? process.cwd() : root }));
}

function newerNode() {
  const home = path.join(root, ".node");
  const binary = path.join(home, "node_modules", "node", "bin", process.platform === "win32" ? "node.exe" : "node");
  if (!existsSync(binary)) {
    note(`Node ${process.versions.node} is older than ${MINIMUM_NODE.join(".")}; fetching Node ${NODE_VERSION} by npm into .node/ …`);
    mkdirSync(home, { recursive: true });
    writeFileSync(path.join(home, "package.json"), '{ "private": true }\n');
    npm(process.execPath, ["install", "--no-save", "--loglevel=error", `node@${NODE_VERSION}`], home);
    if (!existsSync(binary)) fail(`npm did not bring a Node binary for this machine; install Node ${MINIMUM_NODE.join(".")} or newer and try again.`);
  }
  return binary;
}

function installPackages() {
  const lock = digest([path.join(root, "package-lock.json"), path.join(root, "package.json")]);
  const marker = path.join(root, "node_modules", ".gainsay-installed");
  if (read(marker) === lock) return;
  note("Installing packages (once) …");
  // Not `npm ci`: it refuses a lock file that leaves out the optional binaries of platforms which a registry does not carry.
  npm(process.execPath, ["install", "--no-save", "--loglevel=error"], root);
  writeFileSync(marker, lock);
}

function buildContracts() {
  const sources = digest([path.join(root, "hardhat.config.ts"), path.join(root, "package-lock.json"), ...filesBelow(path.join(root, "contracts"))]);
  const marker = path.join(root, "artifacts", ".gainsay-built");
  if (read(marker) === sources) return;
  note("Compiling contracts (once) …");
  const hardhat = path.join(root, "node_modules", "hardhat", "dist", "src", "cli.js");
  const result = spawnSync(process.execPath, [hardhat, "build", "--quiet"], { cwd: root, stdio: ["ignore", "pipe", "pipe"], encoding: "utf8", env: { ...process.env, HARDHAT_DISABLE_TELEMETRY_PROMPT: "true" } });
  if (result.status !== 0) fail(`The contracts did not compile:\n${result.stdout}${result.stderr}`);
  writeFileSync(marker, sources);
}

/** For a faster start only: without it, or once the sources are others, they run themselves. */
async function bundleProgram() {
  const { currentBundle } = await import("../cli/currentBundle.mjs");
  if (currentBundle(root, "gainsay.js") !== undefined) return;
  note("Bundling the program (once) …");
  const result = spawnSync(process.execPath, [path.join(root, "scripts", "bundle.ts")], { cwd: root, stdio: ["ignore", "pipe", "pipe"], encoding: "utf8" });
  if (result.status !== 0) note(`It could not be bundled, so it runs from its sources, which takes longer to start:\n${result.stderr}`);
}

/** Runs npm's own JavaScript under the given Node, so that optional packages are chosen for it and not for an older one. */
function npm(node, npmArgs, cwd) {
  const cli = process.env.npm_execpath?.endsWith("npm-cli.js") ? process.env.npm_execpath : undefined;
  const env = { ...process.env, ONNXRUNTIME_NODE_INSTALL: process.env.ONNXRUNTIME_NODE_INSTALL ?? "skip" };
  for (const name of Object.keys(env)) if (/^npm_(config_(loglevel|prefix|local_prefix)|package_|lifecycle_)/.test(name)) delete env[name];
  const found = cli !== undefined ? { file: node, first: [cli] } : { file: process.platform === "win32" ? "npm.cmd" : "npm", first: [] };
  const result = spawnSync(found.file, [...found.first, ...npmArgs], { cwd, env, stdio: ["ignore", 2, 2], shell: process.platform === "win32" && cli === undefined });
  if (result.status !== 0) fail(`npm ${npmArgs[0]} failed; check the network and the registry, then run the same command again.`);
}

function filesBelow(folder) {
  return readdirSync(folder)
    .sort()
    .flatMap((name) => {
      const file = path.join(folder, name);
      return statSync(file).isDirectory() ? filesBelow(file) : [file];
    });
}

function digest(files) {
  const hash = createHash("sha256");
  for (const file of files) hash.update(path.relative(root, file)).update("\0").update(readFileSync(file)).update("\0");
  return hash.digest("hex");
}

function read(file) {
  return existsSync(file) ? readFileSync(file, "utf8") : undefined;
}

function note(text) {
  process.stderr.write(`${text}\n`);
}

function fail(text) {
  note(text);
  process.exit(1);
}

function exitAs(result) {
  if (result.error) fail(`Could not start Node: ${result.error.message}`);
  process.exit(result.status ?? 1);
}
