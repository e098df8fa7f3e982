/** Work of one name waits for the work of that name before it; work of other names goes on beside it. */
export type Turns = (name: string, work: () => Promise<void>) => Promise<void>;

/** Makes the lines; each is as long as what was begun. */
export function createTurns(): Turns {
  const newest = new Map<string, Promise<void>>();
  return (name, work) => {
    const turn = (newest.get(name) ?? Promise.resolve()).then(work);
    newest.set(
      name,
      turn.catch(() => undefined),
    );
    return turn;
  };
}
