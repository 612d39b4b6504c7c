// The native binding knows no Float16Array and would read it as empty; without that class, half floats travel as Uint16Array.
delete (globalThis as { Float16Array?: unknown }).Float16Array;
