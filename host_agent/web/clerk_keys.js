// The hotkeys of the clerk's page: one press, one order, and none while somebody types.

const FIELDS = "input:not([type=checkbox]), select, textarea, [contenteditable]";

export class Hotkeys {
  // `actions`: key → { what, act }; the invite's key is set once the agent has named it.
  constructor(actions) {
    this.actions = new Map(Object.entries(actions));
    document.addEventListener("keydown", (event) => this.pressed(event));
  }

  first(key, action) {
    this.actions = new Map([[key, action], ...this.actions]);
  }

  list() {
    return [...this.actions].map(([key, { what }]) => [key, what]);
  }

  pressed(event) {
    const field = event.target.closest?.(FIELDS);
    if (event.key === "Escape" && field && !event.isComposing) field.blur();
    if (event.repeat && (event.key === "Enter" || event.key === " ") && event.target.closest?.("button")) {
      event.preventDefault(); // a key that is held presses a button once
    }
    if (field || event.isComposing || event.ctrlKey || event.altKey || event.metaKey) return;
    const key = event.key.length === 1 ? event.key.toUpperCase() : event.key;
    const action = this.actions.get(key === "？" ? "?" : key);
    if (!action) return;
    event.preventDefault(); // F keys mean something to the browser too
    if (!event.repeat && !document.querySelector("dialog[open]")) action.act();
  }
}
