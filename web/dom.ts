// Elements of index.html by their id: one that is missing or of another kind is a mistake of this page's own.

/** The element with that id. */
export function element<T extends Element>(id: string, type: abstract new () => T): T {
  const found = document.getElementById(id);
  if (found instanceof type) return found;
  throw new Error(`index.html has no ${type.name} with the id "${id}"`);
}

/** Shows a text, or hides its element where there is none. */
export function say(place: HTMLElement, text: string): void {
  place.textContent = text;
  place.hidden = text === '';
}
