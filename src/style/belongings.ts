// What a session has on the GPU and must give back, also when it is only half built.

/** Things that hold memory until they are destroyed. */
export class Belongings {
  readonly #things: { destroy(): void }[] = [];

  /** Takes a thing over and hands it back, to be used where it was made. */
  keep<T extends { destroy(): void }>(thing: T): T {
    this.#things.push(thing);
    return thing;
  }

  /** Destroys everything, last first; harmless when done twice. */
  destroy(): void {
    while (this.#things.length > 0) this.#things.pop()!.destroy();
  }
}
