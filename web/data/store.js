/** What the page knows and more than one view shows. Views render from it and watch for changes. */

class Store extends EventTarget {
  state = {
    directory: ".", // the folder that is looked at, as the API takes it
    roots: [],
    kinds: [], // of artifacts, in the server's order
    taskByKind: {}, // the task that makes the artifacts of each kind
    onRequest: [], // kinds that are made only where somebody asks for them
    jobs: new Map(), // by id, the newest last
    online: true,
    selection: new Map(), // rows by path
  };

  set(patch) {
    const keys = Object.keys(patch).filter((key) => this.state[key] !== patch[key]);
    Object.assign(this.state, patch);
    if (keys.length) this.dispatchEvent(new CustomEvent("change", { detail: keys }));
  }

  /** Calls back whenever one of these keys changes, until the signal. */
  watch(keys, callback, signal) {
    const listener = (event) => event.detail.some((key) => keys.includes(key)) && callback(this.state);
    this.addEventListener("change", listener, { signal });
  }

  /** Waits until something is so. */
  async until(isSo) {
    while (!isSo(this.state)) {
      await new Promise((resolve) => this.addEventListener("change", resolve, { once: true }));
    }
  }
}

export const store = new Store();
