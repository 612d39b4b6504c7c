import { lasting } from "../../protocol/trees/tensorTree.ts";

/** Gives views of memory in which tensors lie time and again, made by `make`: the same one for the same place as long as the length is the same. So many are kept at most; each keeps one for each of its chunks. */
export function createLastingViews(most: number, make: (at: number, length: number) => Uint8Array): { view: (at: number, length: number) => Uint8Array; clear: () => void } {
  const views = new Map<number, Uint8Array>();
  return {
    view(at, length) {
      let view = views.get(at);
      if (view?.length !== length) {
        if (views.size >= most) views.clear();
        view = lasting(make(at, length));
        views.set(at, view);
      }
      return view;
    },
    clear: () => views.clear(),
  };
}

/** Makes a room into which tensors are read time and again, and gives views of parts of it. The room grows as it has to, and loses what is in it then. */
export function createLastingRoom(mostViews: number): (at: number, length: number) => Uint8Array {
  let room = new Uint8Array(0);
  const { view, clear } = createLastingViews(mostViews, (at, length) => room.subarray(at, at + length));
  return (at, length) => {
    if (room.length < at + length) {
      room = new Uint8Array(at + length);
      clear();
    }
    return view(at, length);
  };
}
