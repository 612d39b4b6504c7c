import { lasting } from "../../protocol/trees/tensorTree.ts";

/** Above any length, so that place and length make one number. */
const LENGTHS = 2 ** 26;

/**
 * Makes a room into which tensors are read time and again. It gives a view of a part of it, the same one for the same place and length; the room grows as it has to, and loses what is in it then. So many views are kept
 * at most; each keeps one for each of its chunks. The room may be given, and large enough.
 */
export function createLastingRoom(mostViews: number, room: Uint8Array = new Uint8Array(0)): (at: number, length: number) => Uint8Array {
  const views = new Map<number, Uint8Array>();
  return (at, length) => {
    if (room.length < at + length) {
      room = new Uint8Array(at + length);
      views.clear();
    }
    const name = at * LENGTHS + length;
    let view = views.get(name);
    if (view === undefined) {
      if (views.size >= mostViews) views.clear();
      view = lasting(room.subarray(at, at + length));
      views.set(name, view);
    }
    return view;
  };
}
