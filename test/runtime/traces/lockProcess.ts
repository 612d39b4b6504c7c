/** A process that takes a directory's lock, says so, and holds it until it is killed or its standard input ends. */
import { lockDirectory } from "../../../runtime/traces/lockDirectory.ts";

lockDirectory(process.argv[2]!);
process.stdout.write("locked\n");
process.stdin.resume();
